/* SPDX-License-Identifier: Apache-2.0 */
/* A job that writes its own history (record.h), and makes trouble if it is asked to.
 *
 *     beat FILE [WORD...]
 *
 *     exclusive      how the record is marked
 *     every MS       between two beats; 20
 *     for MS         ends by itself after that, exit code 0
 *     stubborn       takes no notice of TERM, INT and HUP
 *     after MS       the trouble below begins so late
 *     daemon         a child of a child in a session of its own, with a line of its own
 *     bomb           forks as fast as it can, up to BOMB processes of a user of their own
 *     flood          writes to standard output as fast as that takes it
 *     murder FOLDER  kills the agent whose pid is in FOLDER/NODE
 *
 * Linked statically and never sanitized: what is preloaded into an agent must not reach the clock
 * that all is judged by. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/kit/record.h"

#define BOMB        120   /* processes */
#define BOMB_USER   41000 /* and up: a user that nobody else is, so that the limit is its own */
#define FLOOD_BYTES (1 << 20)

struct beat {
    const char *file, *murder;
    uint64_t every_ns, for_ns, after_ns, born_ns;
    off_t at; /* of our line */
    int fd;
    bool exclusive, stubborn, daemon, bomb, flood;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wait_ns(uint64_t ns)
{
    struct timespec pause = { .tv_sec = (time_t)(ns / 1000000000u),
                              .tv_nsec = (long)(ns % 1000000000u) };
    nanosleep(&pause, NULL);
}

static const char *word(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : "-";
}

/* ---- the record */

/* Two descriptors: one that appends the whole line at once, one that writes into it. */
static bool record_open(struct beat *b)
{
    char line[RECORD_LEN + 1];
    int append = open(b->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    b->fd = open(b->file, O_WRONLY | O_CLOEXEC);
    int len =
        snprintf(line, sizeof line, "%020llu %020llu %c %c %s %s %d %s %s",
                 (unsigned long long)b->born_ns, (unsigned long long)b->born_ns, RECORD_LIVES,
                 b->exclusive ? RECORD_EXCLUSIVE : RECORD_AVAILABLE, word("MUSTER_RUN_TOKEN"),
                 word("MUSTER_ATTEMPT"), (int)getpid(), word("MUSTER_NODE"), word("MUSTER_JOB"));
    if (append < 0 || b->fd < 0 || len < 0 || len >= RECORD_LEN)
        return false;
    memset(line + len, ' ', (size_t)(RECORD_LEN - len));
    line[RECORD_LEN - 1] = '\n';
    if (write(append, line, RECORD_LEN) != RECORD_LEN)
        return false;
    b->at = lseek(append, 0, SEEK_CUR) - RECORD_LEN; /* an appending write leaves us behind it */
    close(append);
    return b->at >= 0;
}

static void record_beat(const struct beat *b, char state)
{
    char text[RECORD_DIGITS + 3];
    int len = snprintf(text, sizeof text, "%020llu %c", (unsigned long long)now_ns(), state);
    if (pwrite(b->fd, text, (size_t)len, b->at + RECORD_LAST_AT) != len)
        _exit(3);
}

/* ---- trouble */

static void deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

static void beat_on(struct beat *b);

static void daemon_start(struct beat *b)
{
    if (fork() != 0)
        return;
    setsid();
    if (fork() != 0)
        _exit(0);
    deaf();
    b->born_ns = now_ns();
    if (!record_open(b))
        _exit(3);
    b->daemon = b->bomb = b->flood = false;
    b->murder = NULL;
    b->for_ns = 0;
    beat_on(b);
}

static void bomb_start(void)
{
    uid_t user = geteuid() == 0 ? BOMB_USER + (uid_t)getpid() % 10000 : geteuid();
    struct rlimit few = { BOMB, BOMB };
    if (user == geteuid() || setrlimit(RLIMIT_NPROC, &few) != 0 || setuid(user) != 0)
        return; /* without a user of its own the bomb would take everybody's processes */
    if (fork() != 0)
        return;
    for (;;)
        if (fork() < 0)
            wait_ns(1000000);
}

static void flood_start(void)
{
    static char block[FLOOD_BYTES];
    if (fork() != 0)
        return;
    memset(block, 'x', sizeof block);
    for (size_t i = 99; i < sizeof block; i += 100)
        block[i] = '\n';
    for (;;)
        if (write(STDOUT_FILENO, block, sizeof block) < 0 && errno != EINTR)
            _exit(0);
}

static void murder(const char *folder)
{
    char path[512], text[32];
    int len = snprintf(path, sizeof path, "%s/%s", folder, word("MUSTER_NODE"));
    int fd = len < (int)sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got <= 0)
        _exit(4);
    text[got] = '\0';
    long pid = strtol(text, NULL, 10);
    if (pid > 1)
        kill((pid_t)pid, SIGKILL);
    close(fd);
}

static void trouble_start(struct beat *b)
{
    if (b->daemon)
        daemon_start(b);
    if (b->flood)
        flood_start();
    if (b->bomb)
        bomb_start();
    if (b->murder != NULL)
        murder(b->murder);
}

static void beat_on(struct beat *b)
{
    bool has_begun = false;
    for (;;) {
        uint64_t age = now_ns() - b->born_ns;
        if (!has_begun && age >= b->after_ns) {
            has_begun = true;
            trouble_start(b);
        }
        if (b->for_ns != 0 && age >= b->for_ns)
            break;
        record_beat(b, RECORD_LIVES);
        wait_ns(b->every_ns);
    }
    record_beat(b, RECORD_ENDED);
    _exit(0);
}

/* ---- words */

static uint64_t ms(const char *text)
{
    char *end = NULL;
    unsigned long value = text == NULL ? 0 : strtoul(text, &end, 10);
    if (end == NULL || *end != '\0')
        _exit(2);
    return (uint64_t)value * 1000000u;
}

static bool take_flag(struct beat *b, const char *name)
{
    struct {
        const char *name;
        bool *flag;
    } flags[] = {
        { "exclusive", &b->exclusive }, { "stubborn", &b->stubborn }, { "daemon", &b->daemon },
        { "bomb", &b->bomb },           { "flood", &b->flood },
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, name) == 0)
            return *flags[i].flag = true;
    return false;
}

static bool take_value(struct beat *b, const char *name, const char *value)
{
    if (strcmp(name, "murder") == 0)
        b->murder = value;
    else if (strcmp(name, "every") == 0)
        b->every_ns = ms(value);
    else if (strcmp(name, "for") == 0)
        b->for_ns = ms(value);
    else if (strcmp(name, "after") == 0)
        b->after_ns = ms(value);
    else
        return false;
    return value != NULL;
}

int main(int argc, char **argv)
{
    struct beat b = { .born_ns = now_ns(), .every_ns = 20000000u };
    if (argc < 2)
        return 2;
    b.file = argv[1];
    for (int i = 2; i < argc; i++) {
        bool is_flag = take_flag(&b, argv[i]);
        if (!is_flag && !take_value(&b, argv[i], argv[i + 1]))
            return 2;
        i += !is_flag;
    }
    if (b.stubborn)
        deaf();
    if (!record_open(&b))
        return 3;
    beat_on(&b);
}
