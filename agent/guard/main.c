/* SPDX-License-Identifier: Apache-2.0 */
/* muster-guard: detaches itself from the agent that started it and guards one job. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guard/guard.h"

static void detach_signals(void)
{
    guard_job_signals_default();
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* Keeps nothing of the agent's: neither its descriptors, nor its session, nor its folder. */
static bool detach(void)
{
    int type = 0;
    socklen_t len = sizeof(type);
    if (getsockopt(GUARD_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET)
        return false;
    detach_signals();
    setsid();
    umask(0);
    close_range(GUARD_FD + 1, ~0u, 0);
    fcntl(GUARD_FD, F_SETFD, FD_CLOEXEC);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null >= 0; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
    return chdir("/") == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* What a process list shows: the run, in the blanks that the agent gave for it. */
static void title(char *room, const char *run)
{
    size_t size = strlen(room), len = strlen(run);
    memcpy(room, run, len < size ? len : size);
}

int main(int argc, char **argv)
{
    static const char usage[] = "muster-guard is started by muster-agent, one for each run.\n";
    if (!detach()) {
        ssize_t written = write(STDERR_FILENO, usage, sizeof(usage) - 1);
        return written < 0 ? 1 : 2;
    }
    struct guard *g = calloc(1, sizeof(*g)); /* most of it is never touched */
    if (g == NULL)
        return 1;
    if (guard_begin(g) && argc > 1)
        title(argv[1], g->launch.run);
    guard_run(g);
    guard_end(g);
    free(g);
    return 0;
}
