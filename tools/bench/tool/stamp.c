/* SPDX-License-Identifier: Apache-2.0 */
/* A job that writes down when it began, then waits for its end.
 *
 *     stamp FILE
 *
 * The line appended to FILE is `JOB TOKEN NODE PID NANOSECONDS`, by CLOCK_MONOTONIC and taken
 * before anything else: a measurement needs nobody who looks for the process, and so has no error
 * of looking. Linked statically, for the loader's half millisecond is not muster's. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *word(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : "-";
}

int main(int argc, char **argv)
{
    char line[512];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    int len = snprintf(line, sizeof line, "%s %s %s %d %lld%09ld\n", word("MUSTER_JOB"),
                       word("MUSTER_RUN_TOKEN"), word("MUSTER_NODE"), (int)getpid(),
                       (long long)now.tv_sec, now.tv_nsec);

    if (fd < 0 || len >= (int)sizeof line || write(fd, line, (size_t)len) != len)
        return 1;
    close(fd);
    for (;;)
        pause();
}
