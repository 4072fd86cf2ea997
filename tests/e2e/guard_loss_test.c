/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a job when its agent dies, stops or comes back, and when its guard dies with it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/world.h"
#include "tests/unit/unit.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, finish)
#define COUNTER     "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.005; done"
#define OUTPUT_MAX  (1 << 20)
#define DEAD_MAN_MS 3000 /* world_job's */
#define FEED_MS     SHELL_GUARD_FEED_MS
#define MOMENT_MS   100 /* what "at once" means on a busy machine */

static int begin(void **state)
{
    *state = world_open();
    return 0;
}

static int finish(void **state)
{
    world_close(*state);
    return 0;
}

/* The agent in the test process takes over; gives the one news that is not SCANNED. */
static const struct world_news *scan(struct world *w)
{
    world_agent_open(w);
    shell_guards_scan(w->guards);
    world_must(w, 0, AGENT_GUARD_SCANNED);
    assert_int_equal(w->count, 2);
    assert_int_equal(w->news[1].event.news, AGENT_GUARD_SCANNED); /* the last word of a scan */
    assert_true(w->news[0].event.handle >= SHELL_GUARD_FOREIGN);
    return &w->news[0];
}

static void a_job_ends_with_its_agent(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, "trap '' TERM; sleep 1000 & wait", false);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    pid_t guard = world_guard_of(job);
    world_agent_kill(&a);
    assert_true(world_gone_after(job, 1000) < MOMENT_MS);
    assert_true(world_gone_after(guard, 1000) < MOMENT_MS);

    const struct world_news *end = scan(w);
    assert_int_equal(end->event.news, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.signal, SIGKILL);
    assert_int_equal(end->event.pid, job);
    assert_string_equal(end->text, "killed: its agent is gone");
    shell_guards_forget(w->guards, end->event.handle);
    assert_int_equal(world_runs_left(w), 0);
    world_agent_close(w);
}

/* Checks that the output is "line 1" … "line N" without a gap; gives N. */
static int lines_counted(struct world *w)
{
    char *out = malloc(OUTPUT_MAX), *at = out;
    int number = 0;
    assert_non_null(out);
    world_output(w, "story/job", out, OUTPUT_MAX);
    while (*at != '\0') {
        int next = 0;
        if (sscanf(at, "o:line %d\n", &next) == 1) {
            assert_int_equal(next, number + 1);
            number = next;
        }
        at = strchr(at, '\n') + 1;
    }
    free(out);
    return number;
}

static void a_kept_job_lives_on_under_the_next_agent(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, COUNTER, true);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_READY);
    world_agent_kill(&a);
    assert_int_equal(world_gone_after(job, 300), 300); /* the guard writes on without an agent */
    int before = lines_counted(w);
    assert_true(before > 5);

    const struct world_news *adopted = scan(w);
    uint64_t handle = adopted->event.handle;
    assert_int_equal(adopted->event.news, AGENT_GUARD_ADOPTED);
    assert_int_equal(adopted->event.pid, job);
    assert_true(adopted->event.ready);
    assert_string_equal(adopted->job, "story/job");
    assert_string_equal(adopted->run, "story/job");
    assert_int_equal(adopted->event.token, 7);
    assert_int_equal(adopted->event.attempt, 1);
    world_run(w, DEAD_MAN_MS + 500); /* fed by the new one, it does not end */
    assert_null(world_heard(w, handle, AGENT_GUARD_EXITED));
    assert_true(lines_counted(w) > before + 100);

    shell_guards_stop(w->guards, handle, 10000);
    assert_int_equal(world_must(w, handle, AGENT_GUARD_EXITED)->event.signal, SIGTERM);
    (void)lines_counted(w);
    shell_guards_forget(w->guards, handle);
    world_run(w, 50);
    assert_int_equal(world_runs_left(w), 0);
    world_agent_close(w);
}

static void a_kept_job_is_handed_on_many_times(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, COUNTER, true);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    for (int i = 0; i < 5; i++) {
        world_agent_kill(&a);
        a = world_agent_fork(w, NULL, true);
        assert_int_equal(world_agent_hear(&a, AGENT_GUARD_ADOPTED), job);
        (void)world_agent_hear(&a, AGENT_GUARD_SCANNED);
    }
    world_agent_kill(&a);
    const struct world_news *adopted = scan(w);
    assert_int_equal(adopted->event.pid, job);
    shell_guards_stop(w->guards, adopted->event.handle, 0);
    world_must(w, adopted->event.handle, AGENT_GUARD_EXITED);
    (void)lines_counted(w);
    world_agent_close(w);
}

static void a_kept_job_does_not_wait_for_ever(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, "sleep 1000", true);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    pid_t guard = world_guard_of(job);
    world_agent_kill(&a);
    uint64_t lived_ms = world_gone_after(job, 2 * DEAD_MAN_MS);
    assert_in_range(lived_ms, DEAD_MAN_MS - FEED_MS - MOMENT_MS, DEAD_MAN_MS + 2 * MOMENT_MS);
    assert_true(world_gone_after(guard, 1000) < MOMENT_MS);
    assert_string_equal(scan(w)->text, "killed: its agent was silent for too long");
    world_agent_close(w);
}

static void a_stopped_agent_loses_its_job(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, "sleep 1000", false);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    assert_int_equal(world_gone_after(job, FEED_MS + MOMENT_MS), FEED_MS + MOMENT_MS);
    assert_int_equal(kill(a.pid, SIGSTOP), 0);
    uint64_t lived_ms = world_gone_after(job, 2 * DEAD_MAN_MS);
    assert_in_range(lived_ms, DEAD_MAN_MS - FEED_MS - MOMENT_MS, DEAD_MAN_MS + 2 * MOMENT_MS);
    assert_int_equal(kill(a.pid, SIGCONT), 0);
    (void)world_agent_hear(&a, AGENT_GUARD_EXITED); /* it learns of it when it comes to */
    world_agent_kill(&a);
}

static void an_end_that_nobody_heard_is_found(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, "sleep 0.2; exit 11", true);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    pid_t guard = world_guard_of(job);
    world_agent_kill(&a);
    assert_true(world_gone_after(guard, 1000) < 1000);
    const struct world_news *end = scan(w);
    assert_int_equal(end->event.news, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.code, 11);
    world_agent_close(w);

    /* Nobody forgot it: the next agent hears of it again. */
    assert_int_equal(scan(w)->event.code, 11);
    shell_guards_forget(w->guards, w->news[0].event.handle);
    assert_int_equal(world_runs_left(w), 0);
    world_agent_close(w);
}

static void a_run_without_guard_and_record_is_lost(void **state)
{
    static const char *const cgroups[] = { "", NULL };
    for (size_t i = 0; i < WORLD_COUNT(cgroups); i++) {
        struct world *w = *state;
        char out[64];
        w->cgroup = cgroups[i];
        struct world_agent a =
            world_agent_fork(w, "setsid sleep 1000 & echo $!; sleep 1000 & wait", true);
        pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
        for (int n = 0; n < 200 && world_output(w, "story/job", out, sizeof(out))[0] == '\0'; n++)
            (void)world_gone_after(job, 10);
        pid_t escapee = (pid_t)strtol(out + 2, NULL, 10);
        pid_t guard = world_guard_of(job);
        world_agent_kill(&a);
        assert_int_equal(kill(guard, SIGKILL), 0);
        assert_true(world_gone_after(job, 1000) < MOMENT_MS); /* it dies with its guard */
        assert_int_equal(world_gone_after(escapee, 1), 1);

        const struct world_news *lost = scan(w);
        assert_int_equal(lost->event.news, AGENT_GUARD_LOST);
        assert_string_equal(lost->job, "story/job");
        assert_int_equal(lost->event.token, 7);
        assert_int_equal(lost->event.pid, job);
        assert_true(world_gone_after(escapee, 100) < 100); /* gone before it was called lost */
        shell_guards_forget(w->guards, lost->event.handle);
        assert_int_equal(world_runs_left(w), 0);
        world_agent_close(w);
        (void)waitpid(guard, NULL, 0);
        world_close(w);
        *state = world_open();
    }
}

static void a_stuck_guard_is_broken_at_boot(void **state)
{
    struct world *w = *state;
    struct world_agent a = world_agent_fork(w, "sleep 1000", true);
    pid_t job = world_agent_hear(&a, AGENT_GUARD_STARTED);
    pid_t guard = world_guard_of(job);
    assert_int_equal(kill(guard, SIGSTOP), 0);
    world_agent_kill(&a);
    world_agent_open(w);
    shell_guards_scan(w->guards);
    const struct world_news *lost = world_wait(w, 0, AGENT_GUARD_LOST, 6000);
    assert_non_null(lost);
    assert_true(world_gone_after(job, 100) < 100);
    world_must(w, 0, AGENT_GUARD_SCANNED);
    world_agent_close(w);
}

static void a_directory_where_nothing_ran_is_cleared_in_silence(void **state)
{
    struct world *w = *state;
    char path[WORLD_PATH_MAX + 64];
    world_agent_open(w);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000aa", w->dir);
    assert_int_equal(mkdir(path, 0711), 0);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000bb", w->dir);
    assert_int_equal(mkdir(path, 0711), 0);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000bb/lock", w->dir);
    world_write(path, "", 0600);
    snprintf(path, sizeof(path), "%s/run/runs/something else", w->dir);
    assert_int_equal(mkdir(path, 0711), 0);

    shell_guards_scan(w->guards);
    world_must(w, 0, AGENT_GUARD_SCANNED);
    assert_int_equal(w->count, 1);
    assert_false(world_exists(w, "run/runs/00000000000000aa"));
    assert_false(world_exists(w, "run/runs/00000000000000bb"));
    assert_true(world_exists(w, "run/runs/something else")); /* not ours to touch */
    world_agent_close(w);
}

static void records_that_are_no_records_count_as_lost(void **state)
{
    struct world *w = *state;
    char path[WORLD_PATH_MAX + 64];
    world_agent_open(w);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000cc", w->dir);
    assert_int_equal(mkdir(path, 0711), 0);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000cc/exit", w->dir);
    world_write(path, "news=3\ntoken=x\n", 0600);
    snprintf(path, sizeof(path), "%s/run/runs/00000000000000cc/pid", w->dir);
    world_write(path, "news=3\njob=a\nrun=a.1\ntoken=12\nboot=another\ncgroup=/no/such\n", 0600);

    shell_guards_scan(w->guards);
    const struct world_news *lost = world_must(w, 0, AGENT_GUARD_LOST);
    assert_string_equal(lost->run, "a.1");
    assert_int_equal(lost->event.token, 12);
    shell_guards_forget(w->guards, lost->event.handle);
    assert_int_equal(world_runs_left(w), 0);
    world_agent_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_job_ends_with_its_agent),
        STORY(a_kept_job_lives_on_under_the_next_agent),
        STORY(a_kept_job_is_handed_on_many_times),
        STORY(a_kept_job_does_not_wait_for_ever),
        STORY(a_stopped_agent_loses_its_job),
        STORY(an_end_that_nobody_heard_is_found),
        STORY(a_run_without_guard_and_record_is_lost),
        STORY(a_stuck_guard_is_broken_at_boot),
        STORY(a_directory_where_nothing_ran_is_cleared_in_silence),
        STORY(records_that_are_no_records_count_as_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
