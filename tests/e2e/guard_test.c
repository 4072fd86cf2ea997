/* SPDX-License-Identifier: Apache-2.0 */
/* A guard and its job while their agent lives: what it is born with, how it ends, why it cannot
 * start. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/cgroup.h"
#include "tests/e2e/guard_yard.h"
#include "tests/unit/unit.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, yard_begin, yard_finish)

static void an_exit_code_is_told_and_kept_until_forgotten(void **state)
{
    struct yard *y = *state;
    yard_start(y, 1, "exit 7");
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    const struct yard_news *start = yard_heard(y, 1, AGENT_GUARD_STARTED);
    assert_non_null(start);
    assert_true(start->event.pid > 1);
    assert_int_equal(end->event.pid, start->event.pid);
    assert_int_equal(end->event.code, 7);
    assert_int_equal(end->event.signal, 0);
    assert_int_equal(end->event.token, 7);
    assert_int_equal(end->event.attempt, 1);
    assert_string_equal(end->job, "story/job");
    assert_null(end->event.text);
    assert_true(end->event.ended_wall_ms >= start->event.started_wall_ms);
    assert_int_equal(yard_runs_left(y), 1);
    assert_int_equal(shell_guards_count(y->guards), 1);

    shell_guards_forget(y->guards, 1);
    yard_must_forget(y);
    assert_int_equal(shell_guards_count(y->guards), 0);
}

static void a_signal_that_ended_it_is_told(void **state)
{
    struct yard *y = *state;
    yard_start(y, 1, "kill -SEGV $$");
    const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(end->event.signal, SIGSEGV);
    assert_int_equal(end->event.code, 0);
}

static void an_exit_record_outlives_the_agent(void **state)
{
    struct yard *y = *state;
    yard_start(y, 1, "exit 3");
    yard_must(y, 1, AGENT_GUARD_EXITED);
    yard_agent_close(y);

    yard_agent_open(y);
    shell_guards_scan(y->guards);
    const struct yard_news *end = yard_must(y, 0, AGENT_GUARD_EXITED);
    yard_must(y, 0, AGENT_GUARD_SCANNED);
    assert_true(end->event.handle >= SHELL_GUARD_FOREIGN);
    assert_int_equal(end->event.code, 3);
    assert_int_equal(end->event.token, 7);
    assert_string_equal(end->run, "story/job");
    assert_int_equal(y->count, 2);
    shell_guards_forget(y->guards, end->event.handle);
    yard_must_forget(y);
}

static void what_cannot_start_says_what_and_why(void **state)
{
    static const struct {
        const char *command;
        const char *cwd, *user, *group;
        int code;
        const char *text;
    } cases[] = {
        { "no-such-command", NULL, NULL, NULL, ENOENT, "command not found: no-such-command" },
        { "/no/such/path", NULL, NULL, NULL, ENOENT, "command not found: /no/such/path" },
        { "%s/plain", NULL, NULL, NULL, EACCES, "cannot execute %s/plain: Permission denied" },
        { "%s/script", NULL, NULL, NULL, ENOENT, "%s/script: its interpreter is missing" },
        { "true", "/no/such/folder", NULL, NULL, ENOENT,
          "cannot enter directory /no/such/folder: No such file or directory" },
        { "true", NULL, "nobody-knows-me", NULL, ENOENT, "unknown user nobody-knows-me" },
        { "true", NULL, NULL, "no-such-group", ENOENT, "unknown group no-such-group" },
    };
    struct yard *y = *state;
    char file[YARD_PATH_MAX + 16];
    snprintf(file, sizeof(file), "%s/script", y->dir);
    yard_write(file, "#!/no/such/interpreter\n", 0755);
    snprintf(file, sizeof(file), "%s/plain", y->dir);
    yard_write(file, "exit 0\n", 0644);
    for (size_t i = 0; i < YARD_COUNT(cases); i++) {
        char command[2 * YARD_PATH_MAX], text[2 * YARD_PATH_MAX];
        snprintf(command, sizeof(command), cases[i].command, y->dir);
        snprintf(text, sizeof(text), cases[i].text, y->dir);
        const char *argv[4];
        struct agent_launch launch = yard_job(i + 1, "", argv);
        argv[0] = command;
        argv[1] = NULL;
        launch.cwd = cases[i].cwd;
        launch.user = cases[i].user;
        launch.group = cases[i].group;
        yard_launch(y, &launch);
        const struct yard_news *failed = yard_must(y, i + 1, AGENT_GUARD_FAILED);
        assert_string_equal(failed->text, text);
        assert_int_equal(failed->event.code, cases[i].code);
        assert_null(yard_heard(y, i + 1, AGENT_GUARD_STARTED));
        shell_guards_forget(y->guards, i + 1);
    }
    yard_must_forget(y);
}

static void a_launch_that_no_guard_can_take_fails(void **state)
{
    struct yard *y = *state;
    static char big[AGENT_LAUNCH_WIRE_MAX];
    const char *argv[4];
    memset(big, 'x', sizeof(big) - 1);
    struct agent_launch launch = yard_job(1, big, argv);
    yard_launch(y, &launch);
    launch = yard_job(2, "true", argv);
    launch.job = "../etc";
    yard_launch(y, &launch);
    assert_int_equal(y->count, 0); /* never from inside the call */
    assert_string_equal(yard_must(y, 1, AGENT_GUARD_FAILED)->text,
                        "arguments and environment are larger than 160 KiB together");
    assert_string_equal(yard_must(y, 2, AGENT_GUARD_FAILED)->text,
                        "not a job's name: no part of a name is . or ..");
    assert_int_equal(yard_runs_left(y), 0);
}

static void a_large_launch_arrives_whole(void **state)
{
    struct yard *y = *state;
    static char big[120 * 1024];
    const char *argv[4];
    char out[256];
    memset(big, 'x', sizeof(big) - 1);
    struct agent_launch launch = yard_job(1, "printf %s \"$MUSTER_ARG\" | wc -c", argv);
    launch.arg = big;
    yard_launch(y, &launch);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 0);
    assert_string_equal(yard_output(y, "story/job", out, sizeof(out)), "o:122879\n");
}

static void a_job_is_born_into_the_world_it_asked_for(void **state)
{
    static const char *const env[] = { "GREETING=hello", "PATH=/bin:/usr/bin", "MUSTER_JOB=a lie",
                                       NULL };
    struct yard *y = *state;
    const char *argv[4];
    char out[4096], expected[1024];
    struct agent_launch launch =
        yard_job(1,
                 "echo $GREETING $PATH; echo $MUSTER_JOB $MUSTER_RUN $MUSTER_RUN_TOKEN "
                 "$MUSTER_ATTEMPT $MUSTER_ARG; pwd; umask; nice; ulimit -n; ulimit -c; ulimit -t; "
                 "ps -o ppid=,pgid=,sid= $$ | tr -s ' '; ls /proc/self/fd | wc -l; "
                 "grep -E 'Sig(Blk|Ign)' /proc/self/status; env | wc -l",
                 argv);
    launch.run = "story/job.2";
    launch.attempt = 4;
    launch.arg = "an argument";
    launch.env = env;
    launch.cwd = "/usr";
    launch.umask = 027;
    launch.nice = 3;
    launch.limit_nofile = 99;
    launch.limit_core = 0;
    launch.limit_cpu_s = 77;
    signal(SIGUSR1, SIG_IGN); /* as an agent may; its jobs must not inherit it */
    yard_launch(y, &launch);
    const struct yard_news *start = yard_must(y, 1, AGENT_GUARD_STARTED);
    yard_must(y, 1, AGENT_GUARD_EXITED);
    signal(SIGUSR1, SIG_DFL);
    /* descriptors of ls: three, and the folder; variables: two, seven of ours, and the shell's PWD
     */
    int pid = start->event.pid;
    yard_output(y, "story/job.2", out, sizeof(out));
    char *ids = strstr(out, "77\no:");
    assert_non_null(ids);
    int parent = 0, group = 0, session = 0;
    assert_int_equal(sscanf(ids + 5, "%d %d %d", &parent, &group, &session), 3);
    assert_int_equal(group, pid);
    assert_int_equal(session, pid);
    assert_int_not_equal(parent, getpid());
    snprintf(expected, sizeof(expected),
             "o:hello /bin:/usr/bin\no:story/job story/job.2 7 4 an argument\n"
             "o:/usr\no:0027\no:3\no:99\no:0\no:77\no:");
    assert_int_equal(strncmp(out, expected, strlen(expected)), 0);
    assert_non_null(strstr(out, "\no:4\no:SigBlk:\t0000000000000000\no:SigIgn:\t0000000000000000\n"
                                "o:9\n"));
}

static void another_user_is_one_to_the_last_group(void **state)
{
    struct yard *y = *state;
    const char *argv[4];
    char out[1024], expected[1024];
    struct passwd *nobody = getpwnam("nobody");
    if (getuid() != 0 || nobody == NULL) {
        print_message("not root: a change of user cannot be shown here\n");
        return;
    }
    struct agent_launch launch = yard_job(
        1, "id -u; id -g; id -G; echo $USER $LOGNAME $HOME; grep CapEff /proc/self/status", argv);
    snprintf(expected, sizeof(expected),
             "o:%d\no:%d\no:%d\no:nobody nobody %s\no:CapEff:\t0000000000000000\n",
             (int)nobody->pw_uid, (int)nobody->pw_gid, (int)nobody->pw_gid, nobody->pw_dir);
    launch.user = "nobody";
    gid_t before[64], more[] = { 4, 5 };
    int count = getgroups(64, before);
    assert_true(count >= 0);
    assert_int_equal(setgroups(2, more), 0); /* an agent's groups are not its jobs' */
    yard_run(y, 100);                        /* the spare was born before */
    yard_start(y, 9, "true");
    yard_must(y, 9, AGENT_GUARD_EXITED);
    yard_launch(y, &launch);
    yard_must(y, 1, AGENT_GUARD_EXITED);
    assert_int_equal(setgroups((size_t)count, before), 0);
    assert_string_equal(yard_output(y, "story/job", out, sizeof(out)), expected);

    launch = yard_job(2, "id -u; id -g; id -G", argv);
    launch.user = "4242";
    launch.group = "daemon";
    yard_launch(y, &launch);
    yard_must(y, 2, AGENT_GUARD_EXITED);
    assert_string_equal(yard_output(y, "story/job", out, sizeof(out)), "o:4242\no:1\no:1\n");
}

static void an_agent_may_name_its_folders_from_where_it_is(void **state)
{
    struct yard *y = *state;
    char out[64], here[YARD_PATH_MAX];
    yard_agent_close(y);
    yard_close(y);
    *state = y = yard_open();
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(y->dir), 0);
    mode_t before = umask(077);
    y->is_relative = true;
    yard_agent_open(y);
    assert_int_equal(chdir(here), 0);
    umask(before);
    struct stat about;
    char path[2 * YARD_PATH_MAX];
    snprintf(path, sizeof(path), "%s/run/runs", y->dir);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0711); /* jobs of any user pass through */
    yard_start(y, 1, "echo here");
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 0);
    assert_string_equal(yard_output(y, "story/job", out, sizeof(out)), "o:here\n");
}

static void a_signal_is_passed_to_the_main_process(void **state)
{
    struct yard *y = *state;
    yard_start(y, 1, "trap 'exit 5' USR1; echo on; while :; do sleep 0.01; done");
    char out[64];
    yard_must(y, 1, AGENT_GUARD_STARTED);
    for (int i = 0; i < 200 && yard_output(y, "story/job", out, sizeof(out))[0] == '\0'; i++)
        yard_run(y, 10);
    shell_guards_signal(y->guards, 1, SIGUSR1);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 5);
    shell_guards_signal(y->guards, 1, SIGUSR1); /* to one that ended: nothing happens */
    shell_guards_stop(y->guards, 99, 0);        /* to one that never was, either */
}

static void a_killed_guard_takes_its_job_along(void **state)
{
    static const char *const cgroups[] = { "",
                                           NULL }; /* without one, and with where there is one */
    struct yard *y = *state;
    for (uint64_t i = 0; i < YARD_COUNT(cgroups); i++) {
        yard_agent_close(y);
        y->cgroup = cgroups[i];
        yard_agent_open(y);
        yard_start(y, 1, "setsid sleep 1000 & echo $!; sleep 1000 & wait");
        pid_t job = yard_must(y, 1, AGENT_GUARD_STARTED)->event.pid;
        char out[64];
        for (int n = 0; n < 200 && yard_output(y, "story/job", out, sizeof(out))[0] == '\0'; n++)
            yard_run(y, 10);
        pid_t escapee = (pid_t)strtol(out + 2, NULL, 10);
        assert_true(escapee > 1);
        assert_int_equal(kill(yard_guard_of(job), SIGKILL), 0);
        const struct yard_news *end = yard_must(y, 1, AGENT_GUARD_EXITED);
        assert_int_equal(end->event.signal, SIGKILL);
        assert_non_null(strstr(end->text, "its guard was killed"));
        assert_true(yard_gone_after(job, 100) < 100);
        assert_true(yard_gone_after(escapee, 100) < 100);
        shell_guards_forget(y->guards, 1);
        yard_must_forget(y);
    }
}

/* The guard that waits for the next launch: the only child of an agent without runs. */
static pid_t spare_of(struct yard *y)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    for (int i = 0; i < 100 && text[0] == '\0'; i++) {
        yard_run(y, 10);
        FILE *children = fopen(path, "r");
        assert_non_null(children);
        if (fgets(text, sizeof(text), children) == NULL)
            text[0] = '\0';
        fclose(children);
    }
    return (pid_t)strtol(text, NULL, 10);
}

static void a_spare_guard_waits_and_takes_the_next_launch(void **state)
{
    struct yard *y = *state;
    pid_t spare = spare_of(y);
    assert_true(spare > 1);
    yard_start(y, 1, "sleep 9");
    pid_t job = yard_must(y, 1, AGENT_GUARD_STARTED)->event.pid;
    assert_int_equal(yard_guard_of(job), spare);
    shell_guards_stop(y->guards, 1, 0);
    yard_must(y, 1, AGENT_GUARD_EXITED);
    shell_guards_forget(y->guards, 1);
}

static void a_spare_guard_that_died_is_no_loss(void **state)
{
    struct yard *y = *state;
    char out[64], dir[64], cgroup[YARD_PATH_MAX], path[2 * YARD_PATH_MAX];
    pid_t spare = spare_of(y);
    for (int i = 0; i < 100 && !yard_first_dir(y, dir); i++)
        yard_run(y, 10);
    assert_true(yard_exists(y, "run/runs/%s", dir));
    assert_int_equal(kill(spare, SIGKILL), 0);
    assert_true(yard_gone_after(spare, 1000) < 1000);
    yard_start(y, 1, "echo here; exit 3");
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 3);
    assert_string_equal(yard_output(y, "story/job", out, sizeof(out)), "o:here\n");
    assert_false(yard_exists(y, "run/runs/%s", dir));
    if (shell_cgroup_find(cgroup, sizeof(cgroup))) { /* where this host has such */
        snprintf(path, sizeof(path), "%s/%s", cgroup, dir);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static void many_at_once_come_and_go(void **state)
{
    struct yard *y = *state;
    for (uint64_t i = 1; i <= 100; i++) {
        char script[32];
        const char *argv[4];
        snprintf(script, sizeof(script), "exit %d", (int)i);
        struct agent_launch launch = yard_job(i, script, argv);
        yard_launch(y, &launch);
    }
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(yard_must(y, i, AGENT_GUARD_EXITED)->event.code, i);
        shell_guards_forget(y->guards, i);
    }
    yard_must_forget(y);
    assert_int_equal(shell_guards_count(y->guards), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_exit_code_is_told_and_kept_until_forgotten),
        STORY(a_signal_that_ended_it_is_told),
        STORY(an_exit_record_outlives_the_agent),
        STORY(what_cannot_start_says_what_and_why),
        STORY(a_launch_that_no_guard_can_take_fails),
        STORY(a_large_launch_arrives_whole),
        STORY(a_job_is_born_into_the_world_it_asked_for),
        STORY(another_user_is_one_to_the_last_group),
        STORY(an_agent_may_name_its_folders_from_where_it_is),
        STORY(a_signal_is_passed_to_the_main_process),
        STORY(a_killed_guard_takes_its_job_along),
        STORY(a_spare_guard_waits_and_takes_the_next_launch),
        STORY(a_spare_guard_that_died_is_no_loss),
        STORY(many_at_once_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
