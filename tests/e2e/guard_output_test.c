/* SPDX-License-Identifier: Apache-2.0 */
/* From what a job prints to what a reader of its logs gets. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guard/protocol.h"
#include "agent/shell/log_file.h"
#include "agent/shell/log_sweep.h"
#include "agent/shell/logs.h"
#include "tests/e2e/guard_yard.h"
#include "tests/unit/unit.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, yard_begin, yard_finish)
#define LOG_MAX     (64 * 1024) /* the smallest size at which a file is rotated */
#define OUTPUT_MAX  (4 << 20)

static char *output_open(void)
{
    char *out = malloc(OUTPUT_MAX);
    assert_non_null(out);
    return out;
}

static void run_to_end(struct yard *y, uint64_t handle, const char *script, uint64_t log_max)
{
    const char *argv[4];
    struct agent_launch launch = yard_job(handle, script, argv);
    launch.attempt = (uint32_t)handle;
    launch.log_max_bytes = log_max;
    yard_launch(y, &launch);
    assert_int_equal(yard_must(y, handle, AGENT_GUARD_EXITED)->event.code, 0);
}

static void both_streams_arrive_line_by_line(void **state)
{
    struct yard *y = *state;
    char *out = output_open();
    run_to_end(
        y, 1, "echo one; echo two >&2; printf 'a\\tb\\000c\\377\\r\\n\\n'; printf 'no end' >&2", 0);
    yard_output(y, "story/job", out, OUTPUT_MAX);
    assert_non_null(strstr(out, "o:one\n"));
    assert_non_null(strstr(out, "o:a\tb"));
    assert_non_null(strstr(out, "e:two\n"));
    assert_non_null(strstr(out, "e:no end\n"));
    assert_true(strstr(out, "e:two") < strstr(out, "e:no end"));
    free(out);
}

static void a_long_line_comes_in_pieces_and_whole(void **state)
{
    static const size_t sizes[] = { 1, 100, 8191, 8192, 8193, 16384, 16385, 100000, 65536 };
    struct yard *y = *state;
    char *out = output_open();
    for (size_t i = 0; i < YARD_COUNT(sizes); i++) {
        char script[128];
        size_t letters = 0;
        snprintf(script, sizeof(script), "head -c %zu /dev/zero | tr '\\0' x; echo; echo next",
                 sizes[i]);
        run_to_end(y, i + 1, script, 1 << 20);
        char *at = yard_output(y, "story/job", out, OUTPUT_MAX);
        while (strncmp(at, "o:next\n", 7) != 0) {
            char *end = strchr(at, '\n');
            size_t len = strspn(at + 2, "x");
            assert_int_equal(strncmp(at, "o:", 2), 0);
            assert_true(len <= AGENT_LOGLINE_TEXT_MAX);
            letters += len;
            assert_true(at + 2 + len == end || at[2 + len] == '+');
            at = end + 1;
        }
        assert_int_equal(letters, sizes[i]);
    }
    free(out);
}

static void an_unfinished_line_does_not_wait_for_its_end(void **state)
{
    struct yard *y = *state;
    char out[128];
    yard_start(y, 1, "printf 'password: '; sleep 9");
    uint64_t begin_ms = yard_now_ms();
    while (yard_output(y, "story/job", out, sizeof(out))[0] == '\0' &&
           yard_now_ms() - begin_ms < 3000)
        yard_run(y, 20);
    assert_string_equal(out, "o:password: +\n");
    shell_guards_stop(y->guards, 1, 0);
    yard_must(y, 1, AGENT_GUARD_EXITED);
}

static uint64_t folder_bytes(const struct yard *y, const char *job, uint32_t *files)
{
    char path[2 * YARD_PATH_MAX], file[4 * YARD_PATH_MAX];
    struct stat about;
    uint64_t bytes = 0;
    *files = 0;
    snprintf(path, sizeof(path), "%s/logs/%s", y->dir, job);
    DIR *dir = opendir(path);
    for (struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir)) {
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        if (stat(file, &about) == 0 && S_ISREG(about.st_mode)) {
            bytes += (uint64_t)about.st_size;
            *files += 1;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return bytes;
}

static void a_file_is_rotated_and_offsets_go_on(void **state)
{
    struct yard *y = *state;
    char *out = output_open();
    uint32_t files;
    run_to_end(y, 1, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done", LOG_MAX);
    assert_true(folder_bytes(y, "story+job", &files) <= 2 * LOG_MAX);
    assert_int_equal(files, 2);

    /* What is left ends with the last line, has no hole, and its offsets count from the very first.
     */
    int number = 0;
    yard_output(y, "story/job", out, OUTPUT_MAX);
    for (char *at = out; *at != '\0'; at = strchr(at, '\n') + 1) {
        int next = 0;
        assert_int_equal(sscanf(at, "o:line %d\n", &next), 1);
        assert_true(number == 0 || next == number + 1);
        number = next;
    }
    assert_int_equal(number, 20000);
    free(out);

    char log_dir[2 * YARD_PATH_MAX];
    struct shell_log_reader reader;
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->dir);
    assert_int_equal(shell_log_open(&reader, log_dir, "story/job", 0, 0), MUSTER_OK);
    assert_true(reader.offset > 20000 * strlen("1774659600123 o 1 F line 1234\n") - 3 * LOG_MAX);
    shell_log_close(&reader);
}

static void a_flood_fills_neither_disk_nor_memory(void **state)
{
    struct yard *y = *state;
    uint32_t files;
    char path[64], text[4096];
    const char *argv[4];
    struct agent_launch launch = yard_job(1, "echo $$; exec yes a line of a flood", argv);
    launch.log_max_bytes = 1 << 20;
    yard_launch(y, &launch);
    pid_t job = yard_must(y, 1, AGENT_GUARD_STARTED)->event.pid;
    yard_run(y, 1500);
    assert_true(folder_bytes(y, "story+job", &files) <= 2 << 20);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)yard_guard_of(job));
    FILE *status = fopen(path, "r");
    long kib = 0;
    while (fgets(text, sizeof(text), status) != NULL)
        (void)sscanf(text, "RssAnon: %ld", &kib);
    fclose(status);
#ifndef __SANITIZE_ADDRESS__ /* its shadow would be counted, too */
    assert_in_range(kib, 1, 512);
#endif
    uint64_t begin_ms = yard_now_ms();
    shell_guards_stop(y->guards, 1, 0); /* it listens in all that noise */
    assert_true(yard_must(y, 1, AGENT_GUARD_EXITED)->at_ms - begin_ms < 300);
}

static void only_the_last_attempts_are_kept(void **state)
{
    struct yard *y = *state;
    char *out = output_open();
    uint32_t files;
    /* One attempt lives through it all: the oldest, but not to be removed. */
    yard_start(y, 100, "sleep 1000");
    yard_must(y, 100, AGENT_GUARD_STARTED);
    for (uint64_t i = 1; i <= GUARD_LOGS_KEPT + 5; i++) {
        char script[32];
        snprintf(script, sizeof(script), "echo attempt %d", (int)i);
        run_to_end(y, i, script, 0);
        yard_run(y, 10);
    }
    (void)folder_bytes(y, "story+job", &files);
    assert_in_range(files, GUARD_LOGS_KEPT, GUARD_LOGS_KEPT + 1);
    yard_output(y, "story/job", out, OUTPUT_MAX);
    assert_string_equal(out, "o:attempt 15\n");
    shell_guards_stop(y->guards, 100, 0);
    yard_must(y, 100, AGENT_GUARD_EXITED);
    free(out);
}

static void all_output_together_has_a_size(void **state)
{
    struct yard *y = *state;
    char log_dir[2 * YARD_PATH_MAX];
    uint32_t files;
    const char *argv[4];
    struct agent_launch living =
        yard_job(100, "head -c 100000 /dev/zero | tr '\\0' x; sleep 1000", argv);
    living.job = "alive";
    yard_launch(y, &living);
    yard_must(y, 100, AGENT_GUARD_STARTED);
    for (uint64_t i = 1; i <= 8; i++)
        run_to_end(y, i, "head -c 100000 /dev/zero | tr '\\0' x", 1 << 20);
    yard_run(y, 300);
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->dir);
    shell_log_sweep(log_dir, 1 << 20);
    (void)folder_bytes(y, "story+job", &files);
    assert_int_equal(files, 8); /* below the size nothing goes */
    shell_log_sweep(log_dir, 450000);
    assert_in_range(folder_bytes(y, "story+job", &files), 200000, 350000);
    shell_log_sweep(log_dir, 0);
    assert_int_equal(folder_bytes(y, "story+job", &files), 0);
    assert_false(yard_exists(y, "logs/story+job"));
    assert_true(folder_bytes(y, "alive", &files) > 100000);
    shell_guards_stop(y->guards, 100, 0);
    yard_must(y, 100, AGENT_GUARD_EXITED);
}

static void output_goes_when_its_job_keeps_it_no_longer(void **state)
{
    struct yard *y = *state;
    char log_dir[2 * YARD_PATH_MAX];
    uint32_t files;
    const char *argv[4];
    uint64_t now_s = (uint64_t)time(NULL);
    struct agent_launch living = yard_job(100, "echo here; sleep 1000", argv);
    living.log_keep_s = 1;
    yard_launch(y, &living);
    yard_must(y, 100, AGENT_GUARD_STARTED);
    run_to_end(y, 1, "echo usual", 0);
    struct agent_launch brief = yard_job(2, "echo brief", argv);
    brief.log_keep_s = 3600;
    yard_launch(y, &brief);
    yard_must(y, 2, AGENT_GUARD_EXITED);
    yard_run(y, 300);
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->dir);
    shell_log_sweep_aged(log_dir, now_s + 3500);
    (void)folder_bytes(y, "story+job", &files);
    assert_int_equal(files, 3); /* one lives, two are young */
    shell_log_sweep_aged(log_dir, now_s + 3700);
    (void)folder_bytes(y, "story+job", &files);
    assert_int_equal(files, 2);
    shell_log_sweep_aged(log_dir, now_s + SHELL_LOG_KEEP_S + 100);
    (void)folder_bytes(y, "story+job", &files);
    assert_int_equal(files, 1);
    shell_guards_stop(y->guards, 100, 0);
    yard_must(y, 100, AGENT_GUARD_EXITED);
}

static void a_full_disk_costs_output_and_nothing_else(void **state)
{
    struct yard *y = *state;
    char path[2 * YARD_PATH_MAX];
    /* A file stands where the job's folder should be: nothing can be written there. */
    snprintf(path, sizeof(path), "%s/logs/story+job", y->dir);
    yard_write(path, "", 0600);
    yard_start(y, 1, "echo lost; sleep 1.2; echo kept; echo more");
    yard_must(y, 1, AGENT_GUARD_STARTED);
    yard_run(y, 300);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(yard_must(y, 1, AGENT_GUARD_EXITED)->event.code, 0);
    char out[512];
    yard_output(y, "story/job", out, sizeof(out));
    int lost = 0;
    assert_int_equal(sscanf(out, "g:%d bytes of output were lost: ", &lost), 1);
    assert_int_equal(lost, strlen("1774659600123 o 1 F lost\n"));
    assert_non_null(strstr(out, "\no:kept\no:more\n"));
}

/* ---- streams */

struct heard {
    char text[1 << 16];
    size_t len;
    bool has_ended;
    int err;
};

static void heard_bytes(void *context, uint64_t number, struct muster_bytes bytes, bool ended,
                        int err)
{
    struct heard *h = &((struct heard *)context)[number];
    assert_false(h->has_ended);
    assert_true(h->len + bytes.len < sizeof(h->text));
    if (bytes.len > 0)
        memcpy(h->text + h->len, bytes.data, bytes.len);
    h->len += bytes.len;
    h->text[h->len] = '\0';
    h->has_ended = ended;
    h->err = err;
}

static struct shell_logs *logs_open(struct yard *y, struct heard *heard)
{
    char log_dir[2 * YARD_PATH_MAX];
    struct shell_logs *logs;
    struct shell_logs_config config = {
        .loop = &y->loop, .log_dir = log_dir, .context = heard, .on_bytes = heard_bytes
    };
    snprintf(log_dir, sizeof(log_dir), "%s/logs", y->dir);
    assert_int_equal(shell_logs_open(&logs, &config), MUSTER_OK);
    return logs;
}

static void readers_get_what_they_ask_for(void **state)
{
    static const struct {
        struct agent_logs want;
        int err;
        const char *text;
    } cases[] = {
        { { .job = "story/job", .want_stdout = true, .want_stderr = true, .as_text = true },
          MUSTER_OK,
          "out 1\nout 2\nout 3\nerr 1\nerr 2\n" },
        { { .job = "story/job", .want_stdout = true, .as_text = true },
          MUSTER_OK,
          "out 1\nout 2\nout 3\n" },
        { { .job = "story/job", .want_stderr = true, .as_text = true, .lines = 1 },
          MUSTER_OK,
          "err 2\n" },
        { { .job = "story/job", .want_stdout = true, .as_text = true, .lines = 2 },
          MUSTER_OK,
          "out 2\nout 3\n" },
        { { .job = "story/job", .want_stdout = true, .as_text = true, .lines = 99 },
          MUSTER_OK,
          "out 1\nout 2\nout 3\n" },
        { { .job = "story/job", .attempt = 1, .want_stdout = true, .as_text = true },
          MUSTER_OK,
          "first\n" },
        { { .job = "story/job", .attempt = 9, .want_stdout = true, .as_text = true },
          MUSTER_ENOTFOUND,
          "" },
        { { .job = "story", .want_stdout = true, .as_text = true }, MUSTER_ENOTFOUND, "" },
        { { .job = "../logs/story+job", .want_stdout = true }, MUSTER_ENOTFOUND, "" },
        { { .job = "story/job.2", .want_stdout = true, .as_text = true }, MUSTER_ENOTFOUND, "" },
    };
    struct yard *y = *state;
    struct heard *heard = calloc(YARD_COUNT(cases), sizeof(*heard));
    struct shell_logs *logs = logs_open(y, heard);
    run_to_end(y, 1, "echo first", 0);
    run_to_end(y, 2,
               "echo out 1; echo out 2; echo out 3; sleep 0.1; echo err 1 >&2; echo err 2 >&2", 0);
    for (size_t i = 0; i < YARD_COUNT(cases); i++)
        shell_logs_start(logs, i, &cases[i].want);
    yard_run(y, 100);
    for (size_t i = 0; i < YARD_COUNT(cases); i++) {
        assert_true(heard[i].has_ended);
        assert_int_equal(heard[i].err, cases[i].err);
        assert_string_equal(heard[i].text, cases[i].text);
    }
    shell_logs_close(logs);
    yard_run(y, 1);
    free(heard);
}

static void a_record_is_json_and_says_where_to_go_on(void **state)
{
    struct yard *y = *state;
    struct heard *heard = calloc(2, sizeof(*heard));
    struct shell_logs *logs = logs_open(y, heard);
    unsigned long long offset = 0;
    run_to_end(y, 1, "echo 'say \"hi\"'; echo two", 0);
    struct agent_logs want = { .job = "story/job", .want_stdout = true };
    shell_logs_start(logs, 0, &want);
    yard_run(y, 50);
    assert_non_null(strstr(heard[0].text, "\"stream\":\"stdout\",\"attempt\":1,\"partial\":false,"
                                          "\"text\":\"say \\\"hi\\\"\",\"offset\":"));
    assert_int_equal(sscanf(strstr(heard[0].text, "\"offset\":"), "\"offset\":%llu}", &offset), 1);
    want.offset = offset;
    want.as_text = true;
    shell_logs_start(logs, 1, &want);
    yard_run(y, 50);
    assert_string_equal(heard[1].text, "two\n");
    shell_logs_close(logs);
    yard_run(y, 1);
    free(heard);
}

static void who_follows_misses_nothing_and_goes_on_to_the_next_attempt(void **state)
{
    struct yard *y = *state;
    struct heard *heard = calloc(3, sizeof(*heard));
    struct shell_logs *logs = logs_open(y, heard);
    struct agent_logs want = {
        .job = "story/job", .want_stdout = true, .as_text = true, .follow = true
    };
    char expected[1 << 16];
    size_t len = 0;
    shell_logs_start(logs, 0, &want); /* before there is any */
    yard_run(y, 150);
    want.attempt = 1;
    run_to_end(y, 1,
               "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; "
               "[ $((i % 1000)) = 0 ] && sleep 0.2; done; true",
               LOG_MAX); /* is rotated once */
    shell_logs_start(logs, 1, &want);
    run_to_end(y, 2, "echo second attempt", 0);
    yard_run(y, 500);
    for (int i = 1; i <= 3000; i++)
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, "line %d\n", i);
    assert_true(heard[1].has_ended); /* one attempt was asked for, and it has ended */
    assert_string_equal(heard[1].text, expected);
    len += (size_t)snprintf(expected + len, sizeof(expected) - len, "second attempt\n");
    assert_false(heard[0].has_ended);
    assert_string_equal(heard[0].text, expected);

    shell_logs_pause(logs, 0, true);
    run_to_end(y, 3, "echo third", 0);
    yard_run(y, 300);
    assert_string_equal(heard[0].text, expected);
    shell_logs_pause(logs, 0, false);
    yard_run(y, 300);
    snprintf(expected + len, sizeof(expected) - len, "third\n");
    assert_string_equal(heard[0].text, expected);
    shell_logs_cancel(logs, 0);
    shell_logs_close(logs);
    yard_run(y, 1);
    free(heard);
}

static void there_is_an_end_to_readers(void **state)
{
    struct yard *y = *state;
    struct heard *heard = calloc(SHELL_LOGS_MAX + 3, sizeof(*heard));
    struct shell_logs *logs = logs_open(y, heard);
    struct agent_logs want = { .job = "story/job", .want_stdout = true, .follow = true };
    for (uint64_t i = 0; i < SHELL_LOGS_MAX + 3; i++)
        shell_logs_start(logs, i, &want);
    yard_run(y, 50);
    for (uint64_t i = 0; i < SHELL_LOGS_MAX + 3; i++) {
        assert_int_equal(heard[i].has_ended, i >= SHELL_LOGS_MAX);
        assert_int_equal(heard[i].err, i >= SHELL_LOGS_MAX ? MUSTER_EBUSY : MUSTER_OK);
    }
    shell_logs_close(logs);
    yard_run(y, 1);
    free(heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(both_streams_arrive_line_by_line),
        STORY(a_long_line_comes_in_pieces_and_whole),
        STORY(an_unfinished_line_does_not_wait_for_its_end),
        STORY(a_file_is_rotated_and_offsets_go_on),
        STORY(a_flood_fills_neither_disk_nor_memory),
        STORY(only_the_last_attempts_are_kept),
        STORY(all_output_together_has_a_size),
        STORY(output_goes_when_its_job_keeps_it_no_longer),
        STORY(a_full_disk_costs_output_and_nothing_else),
        STORY(readers_get_what_they_ask_for),
        STORY(a_record_is_json_and_says_where_to_go_on),
        STORY(who_follows_misses_nothing_and_goes_on_to_the_next_attempt),
        STORY(there_is_an_end_to_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
