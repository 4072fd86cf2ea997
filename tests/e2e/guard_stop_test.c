/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping a job and ending its tree, whatever its processes do to get away. Every story is told
 * twice: with the processes in a cgroup of their own, where this host has such, and without. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/guard_yard.h"
#include "tests/unit/unit.h"

#define TOLD(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, begin_plain, yard_finish),                               \
        cmocka_unit_test_setup_teardown(name, begin_cgroup, yard_finish)
#define PIDS_MAX 8

static int begin(void **state, const char *cgroup)
{
    struct yard *y = yard_open();
    y->cgroup = cgroup;
    yard_agent_open(y);
    *state = y;
    return 0;
}

static int begin_plain(void **state)
{
    return begin(state, "");
}

static int begin_cgroup(void **state)
{
    return begin(state, NULL);
}

/* Waits until the job has printed so many lines that are pids, and gives them. */
static void read_pids(struct yard *y, pid_t *pids, size_t count)
{
    char out[1024];
    for (int tries = 0; tries < 300; tries++) {
        size_t found = 0;
        for (char *at = yard_output(y, "story/job", out, sizeof(out));
             found < count && (at = strstr(at, "o:")) != NULL; at++)
            pids[found++] = (pid_t)strtol(at + 2, NULL, 10);
        if (found == count)
            return;
        yard_run(y, 10);
    }
    fail_msg("the job did not print %zu pids", count);
}

static void all_are_gone(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(pids[i] > 1);
        assert_true(yard_gone_after(pids[i], 200) < 200);
    }
}

static void a_job_that_obeys_ends_as_it_likes(void **state)
{
    struct yard *y = *state;
    pid_t pid;
    yard_start(y, 1, "trap 'echo bye; exit 0' TERM; echo $$; while :; do sleep 0.01; done");
    read_pids(y, &pid, 1);
    uint64_t begin_ms = yard_now_ms();
    shell_guards_stop(y->guards, 1, 10000);
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_true(end->at_ms - begin_ms < 1000);
    assert_int_equal(end->event.code, 0);
    assert_int_equal(end->event.signal, 0);
    char out[128];
    assert_non_null(strstr(yard_output(y, "story/job", out, sizeof(out)), "o:bye\n"));
}

static void a_job_has_its_own_stop_signal(void **state)
{
    struct yard *y = *state;
    const char *argv[4];
    pid_t pid;
    struct agent_launch launch = yard_job(
        1, "trap 'exit 4' QUIT; trap '' TERM; echo $$; while :; do sleep 0.01; done", argv);
    launch.stop_signal = SIGQUIT;
    yard_launch(y, &launch);
    read_pids(y, &pid, 1);
    shell_guards_stop(y->guards, 1, 10000);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 4);
}

static void who_ignores_the_signal_is_killed_when_its_grace_is_over(void **state)
{
    struct yard *y = *state;
    pid_t pids[3];
    yard_start(y, 1,
               "trap '' TERM; echo $$; (sleep 1000 & echo $!; wait) & "
               "setsid sleep 1000 & echo $!; while :; do sleep 0.01; done");
    read_pids(y, pids, 3);
    uint64_t begin_ms = yard_now_ms();
    shell_guards_stop(y->guards, 1, 300);
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.signal, SIGKILL);
    assert_in_range(end->at_ms - begin_ms, 295, 2000);
    all_are_gone(pids, 3);
}

static void no_grace_is_no_grace(void **state)
{
    struct yard *y = *state;
    pid_t pid;
    yard_start(y, 1, "trap 'exit 0' TERM; echo $$; while :; do sleep 0.01; done");
    read_pids(y, &pid, 1);
    shell_guards_stop(y->guards, 1, 10000);
    shell_guards_stop(y->guards, 1, 0); /* somebody became impatient */
    yard_must(y, 1, AGENT_GUARD_EXITED);

    yard_start(y, 2, "trap 'exit 0' TERM; while :; do sleep 0.01; done");
    yard_must(y, 2, AGENT_GUARD_STARTED);
    shell_guards_stop(y->guards, 2, 0);
    assert_int_equal(yard_must(y, 2, AGENT_GUARD_EXITED)->event.signal, SIGKILL);
}

static void a_stop_that_overtakes_the_start_wins(void **state)
{
    struct yard *y = *state;
    yard_start(y, 1, "sleep 1000");
    shell_guards_stop(y->guards, 1, 10000);
    const struct yard_news *end = yard_wait(y, 1, AGENT_GUARD_EXITED, 1000);
    assert_non_null(end);
    assert_true(end->event.signal == SIGKILL || end->event.signal == SIGTERM);
}

static void a_stopped_process_hears_its_stop(void **state)
{
    struct yard *y = *state;
    pid_t pid;
    yard_start(y, 1, "trap 'exit 6' TERM; echo $$; while :; do sleep 0.01; done");
    read_pids(y, &pid, 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    shell_guards_stop(y->guards, 1, 10000);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 6);
}

static void a_daemonizer_is_caught(void **state)
{
    struct yard *y = *state;
    pid_t pids[2];
    /* Forks twice with a session of its own, as daemons do, and once more; then the main one ends.
     */
    yard_start(
        y, 1,
        "setsid sh -c '(setsid sh -c \"trap \\\"\\\" TERM HUP; echo \\$\\$; sleep 1000 & echo "
        "\\$!; wait\" &)'; sleep 0.2; exit 9");
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.code, 9);
    read_pids(y, pids, 2);
    all_are_gone(pids, 2);
}

static void a_family_that_keeps_forking_is_ended(void **state)
{
    struct yard *y = *state;
    pid_t pid;
    /* Each process leaves its session, starts the next and ends: nobody is there for long. After
     * some seconds the chain ends by itself: a test that dies must not leave it to eat every pid.
     */
    char file[YARD_PATH_MAX + 16], script[YARD_PATH_MAX + 64];
    snprintf(file, sizeof(file), "%s/chain", y->dir);
    yard_write(file, "#!/bin/sh\n[ $1 = 9999 ] || setsid \"$0\" $(($1 + 1)) &\n", 0755);
    snprintf(script, sizeof(script), "echo $$; %s 1 & exec sleep 1000", file);
    yard_start(y, 1, script);
    read_pids(y, &pid, 1);
    yard_run(y, 100);
    shell_guards_stop(y->guards, 1, 0);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.signal, SIGKILL);
}

static void a_guard_that_is_told_to_end_stops_its_job(void **state)
{
    struct yard *y = *state;
    pid_t pid;
    yard_start(y, 1, "trap 'exit 8' TERM; echo $$; while :; do sleep 0.01; done");
    read_pids(y, &pid, 1);
    assert_int_equal(kill(yard_guard_of(pid), SIGTERM), 0);
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.code, 8);
    assert_string_equal(end->text, "stopped: its guard was told to");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOLD(a_job_that_obeys_ends_as_it_likes),
        TOLD(a_job_has_its_own_stop_signal),
        TOLD(who_ignores_the_signal_is_killed_when_its_grace_is_over),
        TOLD(no_grace_is_no_grace),
        TOLD(a_stop_that_overtakes_the_start_wins),
        TOLD(a_stopped_process_hears_its_stop),
        TOLD(a_daemonizer_is_caught),
        TOLD(a_family_that_keeps_forking_is_ended),
        TOLD(a_guard_that_is_told_to_end_stops_its_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
