/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness and status: by time, by word, by port. The test program is also the job: with arguments
 * it speaks on its notify socket or listens on a port. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/guard_yard.h"
#include "tests/unit/unit.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, yard_begin, yard_finish)

/* ---- the job */

static int say(const char *words)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv("NOTIFY_SOCKET");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || path == NULL || path[0] != '/' || strlen(path) >= sizeof(to.sun_path))
        return 2;
    memcpy(to.sun_path, path, strlen(path) + 1);
    ssize_t sent = sendto(fd, words, strlen(words), 0, (struct sockaddr *)&to, sizeof(to));
    close(fd);
    return sent < 0 ? 3 : 0;
}

static int say_often(int count)
{
    char words[64];
    int bad = 0;
    for (int i = 1; i <= count; i++) {
        snprintf(words, sizeof(words), "STATUS=number %d of %d", i, count);
        bad = say(words) == 0 ? bad : 1;
    }
    return bad;
}

static int listen_on(const char *address, const char *port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    inet_pton(AF_INET, address, &v4.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&v4, sizeof(v4)) != 0 || listen(fd, 4) != 0)
        return 4;
    pause();
    return 0;
}

/* ---- the stories */

/* SELF is this program, which plays the jobs. */
static const char *const *env_self(void)
{
    static char self[4096];
    static const char *env[] = { self, NULL };
    memcpy(self, "SELF=", 6);
    ssize_t len = readlink("/proc/self/exe", self + 5, sizeof(self) - 6);
    assert_true(len > 0);
    self[5 + len] = '\0';
    return env;
}

static void launch_port(struct yard *y, uint64_t handle, const char *script, enum agent_ready ready,
                        uint64_t ms, uint16_t port)
{
    const char *argv[4];
    struct agent_launch launch = yard_job(handle, script, argv);
    launch.env = env_self();
    launch.ready = ready;
    launch.ready_after_ms = ms;
    launch.ready_timeout_ms = ms;
    launch.ready_port = port;
    yard_launch(y, &launch);
}

static void launch_sh(struct yard *y, uint64_t handle, const char *script, enum agent_ready ready,
                      uint64_t ms)
{
    launch_port(y, handle, script, ready, ms, 0);
}

/* A port on which nobody listens, from below those that the kernel gives to clients. */
static uint16_t free_port(void)
{
    for (uint16_t i = 0; i < 1000; i++) {
        uint16_t port = (uint16_t)(20000 + ((uint32_t)getpid() * 7 + i) % 10000);
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int err = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
        close(fd);
        if (err == 0)
            return port;
    }
    fail_msg("no port is free");
    return 0;
}

static void alive_for_a_while_is_ready(void **state)
{
    struct yard *y = *state;
    uint64_t begin_ms = yard_now_ms();
    launch_sh(y, 1, "sleep 1000", AGENT_READY_ALIVE, 200);
    const struct yard_news *ready = yard_must(y, 1, AGENT_GUARD_READY);
    assert_non_null(yard_heard(y, 1, AGENT_GUARD_STARTED));
    assert_in_range(ready->at_ms - begin_ms, 200, 2000);
    assert_true(ready->event.ready);

    launch_sh(y, 2, "sleep 0.05", AGENT_READY_ALIVE, 1000);
    const struct yard_news *end = yard_must(y, 2, AGENT_GUARD_EXITED);
    assert_false(end->event.ready);
    assert_null(yard_heard(y, 2, AGENT_GUARD_READY));
    shell_guards_stop(y->guards, 1, 0);
    assert_true(yard_must(y, 1, AGENT_GUARD_EXITED)->event.ready);
}

static void its_own_word_is_ready(void **state)
{
    struct yard *y = *state;
    launch_sh(
        y, 1,
        "$SELF say 'STATUS=warming up'; sleep 0.3; $SELF say 'FOO=1\nREADY=1\n'; exec sleep 9",
        AGENT_READY_NOTIFY, 10000);
    const struct yard_news *status = yard_must(y, 1, AGENT_GUARD_STATUS);
    assert_string_equal(status->text, "warming up");
    assert_null(yard_heard(y, 1, AGENT_GUARD_READY));
    assert_true(yard_must(y, 1, AGENT_GUARD_READY)->at_ms >= status->at_ms + 200);
    shell_guards_stop(y->guards, 1, 0);
    yard_must(y, 1, AGENT_GUARD_EXITED);
}

static void a_job_of_another_user_is_heard(void **state)
{
    struct yard *y = *state;
    const char *argv[4];
    char script[4 * YARD_PATH_MAX];
    if (getuid() != 0) {
        print_message("not root: a change of user cannot be shown here\n");
        return;
    }
    /* The program may lie where only root can reach it: the job gets a copy. */
    snprintf(script, sizeof(script), "cp $SELF %s/copy && chmod 755 %s/copy", y->dir, y->dir);
    launch_sh(y, 1, script, AGENT_READY_ALIVE, 0);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 0);
    snprintf(script, sizeof(script), "%s/copy say READY=1 && exec sleep 9", y->dir);
    struct agent_launch launch = yard_job(2, script, argv);
    launch.user = "nobody";
    launch.ready = AGENT_READY_NOTIFY;
    yard_launch(y, &launch);
    yard_must(y, 2, AGENT_GUARD_READY);
    shell_guards_stop(y->guards, 2, 0);
    yard_must(y, 2, AGENT_GUARD_EXITED);
}

static void who_is_not_ready_in_time_is_stopped(void **state)
{
    struct yard *y = *state;
    launch_sh(y, 1, "$SELF say 'READY=0'; exec sleep 9", AGENT_READY_NOTIFY, 300);
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.signal, SIGTERM);
    assert_false(end->event.ready);
    assert_string_equal(end->text, "stopped: not ready after 300 ms");
}

static void statuses_come_at_a_measured_pace(void **state)
{
    struct yard *y = *state;
    launch_sh(y, 1,
              "$SELF often 3000; sleep 0.5; $SELF say 'STATUS=caf\303\251\001end'; exec sleep 9",
              AGENT_READY_ALIVE, 0);
    uint64_t begin_ms = yard_now_ms();
    bool has_last = false;
    uint32_t statuses = 0;
    while (!has_last && yard_now_ms() - begin_ms < 5000) {
        yard_run(y, 50);
        statuses = 0;
        for (uint32_t i = 0; i < y->count; i++) {
            statuses += y->news[i].event.news == AGENT_GUARD_STATUS;
            has_last = has_last || strcmp(y->news[i].text, "caf\303\251 end") == 0;
        }
    }
    assert_true(has_last); /* the latest word is never dropped, and no control byte comes through */
    assert_in_range(statuses, 2, 2 + (yard_now_ms() - begin_ms) / 200);
    bool has_number = false;
    for (uint32_t i = 0; i < y->count; i++)
        has_number = has_number || strcmp(y->news[i].text, "number 3000 of 3000") == 0;
    assert_true(has_number);
    shell_guards_stop(y->guards, 1, 0);
    yard_must(y, 1, AGENT_GUARD_EXITED);
}

static void a_listening_port_is_ready(void **state)
{
    struct yard *y = *state;
    char script[128];
    uint16_t port = free_port();
    snprintf(script, sizeof(script), "sleep 0.3; exec $SELF listen 127.0.0.1 %d", port);
    uint64_t begin_ms = yard_now_ms();
    launch_port(y, 1, script, AGENT_READY_TCP, 10000, port);
    const struct yard_news *ready = yard_must(y, 1, AGENT_GUARD_READY);
    assert_in_range(ready->at_ms - begin_ms, 300, 4000);
    shell_guards_stop(y->guards, 1, 0);
    yard_must(y, 1, AGENT_GUARD_EXITED);

    launch_sh(y, 2, "exec sleep 9", AGENT_READY_TCP,
              400); /* nobody listens: not even by accident */
    assert_string_equal(yard_must(y, 2, AGENT_GUARD_EXITED)->text,
                        "stopped: not ready after 400 ms");
}

static void launch_watched(struct yard *y, uint64_t handle, const char *script,
                           uint64_t watchdog_ms)
{
    const char *argv[4];
    struct agent_launch launch = yard_job(handle, script, argv);
    launch.env = env_self();
    launch.ready = AGENT_READY_NOTIFY;
    launch.ready_timeout_ms = 300;
    launch.stop_timeout_ms = 400;
    launch.watchdog_ms = watchdog_ms;
    yard_launch(y, &launch);
}

static void who_gives_no_beat_has_failed(void **state)
{
    struct yard *y = *state;
    launch_watched(y, 1,
                   "test $WATCHDOG_USEC = 1000000 && $SELF say READY=1; for i in 1 2 3 4 5; "
                   "do sleep 0.4; $SELF say WATCHDOG=1; done; trap '' TERM; sleep 9",
                   1000);
    uint64_t ready_ms = yard_must(y, 1, AGENT_GUARD_READY)->at_ms;
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_in_range(end->at_ms - ready_ms, 2900, 4500); /* five beats kept it alive */
    assert_int_equal(end->event.signal, SIGKILL);
    assert_false(end->event.by_guard); /* its own failure, not its agent's */
    assert_string_equal(end->text, "no beat for 1s");

    launch_watched(y, 2, "$SELF say 'READY=1\nWATCHDOG=trigger'; sleep 9", 5000);
    assert_string_equal(yard_must(y, 2, AGENT_GUARD_EXITED)->text,
                        "it gave itself up to its watchdog");
}

static void more_time_is_given_where_it_is_asked_for(void **state)
{
    struct yard *y = *state;
    launch_watched(y, 1,
                   "$SELF say EXTEND_TIMEOUT_USEC=1500000; sleep 0.7; $SELF say READY=1;"
                   "$SELF say EXTEND_TIMEOUT_USEC=1000000; sleep 0.7; $SELF say WATCHDOG=1;"
                   "trap '$SELF say EXTEND_TIMEOUT_USEC=2000000; sleep 0.8; exit 7' TERM;"
                   "while :; do sleep 0.05; $SELF say WATCHDOG=1; done",
                   500);
    yard_must(y, 1, AGENT_GUARD_READY);
    yard_run(y, 1000);
    assert_null(yard_heard(y, 1, AGENT_GUARD_EXITED));
    shell_guards_stop(y->guards, 1, 400);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 7);
}

static void who_says_that_it_stops_gets_its_time_to_stop(void **state)
{
    struct yard *y = *state;
    launch_watched(y, 1, "$SELF say 'READY=1\nSTOPPING=1'; exec sleep 9", 100);
    uint64_t ready_ms = yard_must(y, 1, AGENT_GUARD_READY)->at_ms;
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_in_range(end->at_ms - ready_ms, 380, 2000); /* the watchdog is off, the grace is not */
    assert_int_equal(end->event.signal, SIGKILL);
    assert_string_equal(yard_heard(y, 1, AGENT_GUARD_STATUS)->text, "stopping");

    launch_watched(y, 2, "$SELF say 'READY=1\nSTOPPING=1'; exec sleep 9", 100);
    yard_must(y, 2, AGENT_GUARD_STATUS);
    shell_guards_stop(y->guards, 2, 5000); /* an order reaches it all the same */
    assert_int_equal(yard_must(y, 2, AGENT_GUARD_EXITED)->event.signal, SIGTERM);
}

static void what_it_leaves_is_taken_with_the_rights_of_its_user(void **state)
{
    struct yard *y = *state;
    const char *argv[4];
    char script[8 * YARD_PATH_MAX], secret[YARD_PATH_MAX + 8];
    snprintf(secret, sizeof(secret), "%s/secret", y->dir);
    yard_write(secret, "for root only", 0600);
    snprintf(script, sizeof(script), "cp $SELF %s/copy && chmod 755 %s/copy", y->dir, y->dir);
    launch_sh(y, 1, script, AGENT_READY_ALIVE, 0);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 0);
    snprintf(script, sizeof(script),
             "test \"$(cat $MUSTER_CHECKPOINT)\" = before || exit 9;"
             "echo mine > $D/mine; head -c 262145 /dev/zero > $D/large; S=%s/copy;"
             "$S say \"X_MUSTER_RESULT=%s\"; $S say X_MUSTER_RESULT=$D/large;"
             "$S say X_MUSTER_RESULT=/dev/zero; $S say X_MUSTER_CHECKPOINT=mine;"
             "$S say 'X_MUSTER_PROGRESS=7/9\nX_MUSTER_PROGRESS=x/9\nX_MUSTER_MESSAGE=hello'",
             y->dir, secret);
    struct agent_launch launch = yard_job(2, script, argv);
    char folder[YARD_PATH_MAX + 4], env_text[YARD_PATH_MAX + 6];
    snprintf(folder, sizeof(folder), "%s/his", y->dir);
    snprintf(env_text, sizeof(env_text), "D=%s", folder);
    const char *env[] = { env_text, NULL };
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    launch.cwd = folder;
    launch.env = env;
    launch.user = getuid() == 0 ? "nobody" : NULL;
    launch.checkpoint = (struct agent_left_bytes){ "before", 6 };
    yard_launch(y, &launch);
    const struct yard_news *end = yard_must(y, 2, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.code, 0);
    assert_int_equal(end->event.done, 7);
    assert_int_equal(end->event.total, 9);
    assert_int_equal(end->event.left[AGENT_LEFT_CHECKPOINT].len, 5);
    assert_int_equal(end->event.left[AGENT_LEFT_MESSAGES].len, 14 + strlen("hello\n"));
    if (getuid() == 0)
        /* nothing that he may not read */
        assert_int_equal(end->event.left[AGENT_LEFT_RESULT].len, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STORY(alive_for_a_while_is_ready),
        STORY(its_own_word_is_ready),
        STORY(a_job_of_another_user_is_heard),
        STORY(who_is_not_ready_in_time_is_stopped),
        STORY(statuses_come_at_a_measured_pace),
        STORY(a_listening_port_is_ready),
        STORY(who_gives_no_beat_has_failed),
        STORY(more_time_is_given_where_it_is_asked_for),
        STORY(who_says_that_it_stops_gets_its_time_to_stop),
        STORY(what_it_leaves_is_taken_with_the_rights_of_its_user),
    };
    if (argc == 3 && strcmp(argv[1], "say") == 0)
        return say(argv[2]);
    if (argc == 3 && strcmp(argv[1], "often") == 0)
        return say_often((int)strtol(argv[2], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "listen") == 0)
        return listen_on(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
