/* SPDX-License-Identifier: Apache-2.0 */
/* A launch and a guard's news keep every value on their way through fields. */
#include "agent/launch.h"

#include <string.h>

#include "agent/fields.h"
#include "tests/unit/unit.h"

static const char *const argv[] = { "/opt/ticker", "--venue", "bin ance\n=", "", NULL };
static const char *const env[] = { "A=1", "EMPTY=", "MUSTER_JOB=market/ticker", NULL };

static const struct agent_launch sample = {
    .job = "market/ticker",
    .run = "market/ticker.2",
    .token = UINT64_MAX - 1,
    .attempt = 3,
    .argv = argv,
    .env = env,
    .arg = "",
    .user = "nobody",
    .umask = -1,
    .nice = -5,
    .limit_nofile = 1024,
    .limit_core = 0,
    .limit_memory = UINT64_MAX,
    .limit_cpu_s = UINT64_MAX,
    .stop_signal = 15,
    .stop_timeout_ms = 10000,
    .keep = true,
    .dead_man_ms = 3000,
    .lease_ms = 1ull << 40,
    .ready = AGENT_READY_TCP,
    .ready_port = 65535,
    .ready_after_ms = 1000,
    .ready_timeout_ms = 60000,
    .log_max_bytes = 10 << 20,
};

static const struct agent_launch_terms terms = { .log = "/var/lib/muster/logs/x.log",
                                                 .fed_ms = 123456 };

static size_t sample_encode(char *data, size_t size)
{
    struct agent_fields f;
    agent_fields_init(&f, data, size, AGENT_FIELDS_MESSAGE);
    agent_launch_encode(&f, &sample, &terms);
    assert_false(f.is_full);
    return f.len;
}

static void a_launch_comes_back_whole(void **state)
{
    char data[4096];
    struct agent_launch back;
    struct agent_launch_terms back_terms;
    struct agent_launch_lists lists;

    (void)state;
    size_t len = sample_encode(data, sizeof(data));
    assert_true(agent_launch_decode(&back, &back_terms, &lists, data, len));
    for (size_t i = 0; i < UNIT_COUNT(argv) - 1; i++)
        assert_string_equal(back.argv[i], argv[i]);
    assert_null(back.argv[UNIT_COUNT(argv) - 1]);
    for (size_t i = 0; i < UNIT_COUNT(env) - 1; i++)
        assert_string_equal(back.env[i], env[i]);
    assert_null(back.env[UNIT_COUNT(env) - 1]);
    assert_string_equal(back.job, sample.job);
    assert_string_equal(back.run, sample.run);
    assert_string_equal(back.user, "nobody");
    assert_string_equal(back.arg, "");
    assert_null(back.group);
    assert_null(back.cwd);
    assert_string_equal(back_terms.log, terms.log);
    assert_int_equal(back_terms.fed_ms, 123456);

    /* Written again it must be the same bytes, so every number came through. */
    char again[4096];
    struct agent_fields f;
    len = sample_encode(data, sizeof(data));
    agent_fields_init(&f, again, sizeof(again), AGENT_FIELDS_MESSAGE);
    char data_copy[4096];
    memcpy(data_copy, data, len);
    assert_true(agent_launch_decode(&back, &back_terms, &lists, data_copy, len));
    agent_launch_encode(&f, &back, &back_terms);
    assert_int_equal(f.len, len);
    assert_memory_equal(again, data, len);
    assert_int_equal(back.token, sample.token);
    assert_int_equal(back.nice, -5);
    assert_int_equal(back.ready_port, 65535);
    assert_int_equal(back.ready, AGENT_READY_TCP);
    assert_int_equal(back.dead_man_ms, 3000);
    assert_true(back.lease_ms == 1ull << 40);
    assert_true(back.keep);
}

/* Takes the first field that begins with `start` out of the message. */
static size_t field_drop(char *data, size_t len, const char *start)
{
    for (size_t at = 0; at < len; at += strlen(data + at) + 1) {
        size_t size = strlen(data + at) + 1;
        if (strncmp(data + at, start, strlen(start)) == 0) {
            memmove(data + at, data + at + size, len - at - size);
            return len - size;
        }
    }
    fail_msg("no field %s", start);
    return len;
}

static void a_launch_with_a_hole_is_refused(void **state)
{
    static const char *const needed[] = { "fed=", "log=", "job=", "token=", "dead_man=", "keep=" };
    static const char *const optional[] = { "user=", "arg=", "env=" };
    char data[4096];
    struct agent_launch back;
    struct agent_launch_terms back_terms;
    struct agent_launch_lists lists;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(needed); i++) {
        size_t len = field_drop(data, sample_encode(data, sizeof(data)), needed[i]);
        assert_false(agent_launch_decode(&back, &back_terms, &lists, data, len));
    }
    for (size_t i = 0; i < UNIT_COUNT(optional); i++) {
        size_t len = field_drop(data, sample_encode(data, sizeof(data)), optional[i]);
        assert_true(agent_launch_decode(&back, &back_terms, &lists, data, len));
    }
    size_t len = sample_encode(data, sizeof(data));
    assert_false(agent_launch_decode(&back, &back_terms, &lists, data, len - 1));
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    static const char *const wrong[] = { "ready_port=65536", "attempt=4294967296",
                                         "keep=2",           "nice=-2147483649",
                                         "nice=x",           "ready=3",
                                         "token=-1",         "ready=" };
    char data[4096];
    struct agent_launch back;
    struct agent_launch_terms back_terms;
    struct agent_launch_lists lists;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(wrong); i++) {
        size_t len = sample_encode(data, sizeof(data));
        memcpy(data + len, wrong[i], strlen(wrong[i]) + 1);
        len += strlen(wrong[i]) + 1;
        assert_false(agent_launch_decode(&back, &back_terms, &lists, data, len));
    }
    size_t len = sample_encode(data, sizeof(data));
    memcpy(data + len, "colour=green", sizeof("colour=green")); /* a newer agent may say more */
    len += sizeof("colour=green");
    assert_true(agent_launch_decode(&back, &back_terms, &lists, data, len));
}

static void too_many_arguments_are_refused(void **state)
{
    static char data[AGENT_LAUNCH_WIRE_MAX];
    struct agent_launch back;
    struct agent_launch_terms back_terms;
    struct agent_launch_lists lists;
    struct agent_fields f;

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
        agent_launch_encode(&f, &sample, &terms);
        for (size_t i = UNIT_COUNT(argv) - 1; i < AGENT_LAUNCH_ARGV_MAX + (size_t)extra; i++)
            agent_fields_text(&f, "argv", "x");
        assert_false(f.is_full);
        assert_int_equal(agent_launch_decode(&back, &back_terms, &lists, data, f.len), extra == 0);
    }
}

static void a_place_comes_back(void **state)
{
    static const struct agent_launch_place places[] = {
        { .dir = "/run/muster/runs/00ab", .cgroup = "/sys/fs/cgroup/muster" },
        { .dir = "/tmp/x" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(places); i++) {
        char data[AGENT_PLACE_WIRE_MAX];
        struct agent_fields f;
        struct agent_launch_place back;
        agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
        agent_launch_place_encode(&f, &places[i]);
        assert_false(f.is_full);
        assert_true(agent_launch_place_decode(&back, data, f.len));
        assert_string_equal(back.dir, places[i].dir);
        if (places[i].cgroup == NULL)
            assert_null(back.cgroup);
        else
            assert_string_equal(back.cgroup, places[i].cgroup);
    }
    struct agent_launch_place back;
    char nowhere[] = "cgroup=/x";
    assert_false(agent_launch_place_decode(&back, nowhere, sizeof(nowhere)));
}

static void news_come_back_in_both_forms(void **state)
{
    static const char ends[] = { AGENT_FIELDS_MESSAGE, AGENT_FIELDS_RECORD };
    const struct agent_guard_event event = { .news = AGENT_GUARD_EXITED,
                                             .handle = 99,
                                             .job = "a",
                                             .run = "a.1",
                                             .token = 1ull << 63,
                                             .attempt = 2,
                                             .pid = 4711,
                                             .code = -1,
                                             .signal = 9,
                                             .ready = true,
                                             .started_wall_ms = 1000,
                                             .ended_wall_ms = 2000,
                                             .text = "not ready in time" };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(ends); i++) {
        char data[AGENT_GUARD_WIRE_MAX];
        struct agent_fields f;
        struct agent_guard_event back;
        agent_fields_init(&f, data, sizeof(data), ends[i]);
        agent_guard_event_encode(&f, &event);
        agent_fields_text(&f, "cgroup", "/sys/fs/cgroup/muster/1");
        assert_false(f.is_full);
        assert_true(agent_guard_event_decode(&back, data, f.len, ends[i]));
        assert_int_equal(back.handle, 0);
        assert_string_equal(back.job, "a");
        assert_string_equal(back.run, "a.1");
        assert_string_equal(back.text, "not ready in time");
        assert_true(back.token == event.token);
        assert_int_equal(back.news, event.news);
        assert_int_equal(back.attempt, event.attempt);
        assert_int_equal(back.pid, event.pid);
        assert_int_equal(back.code, event.code);
        assert_int_equal(back.signal, event.signal);
        assert_int_equal(back.ready, event.ready);
        assert_int_equal(back.started_wall_ms, event.started_wall_ms);
        assert_int_equal(back.ended_wall_ms, event.ended_wall_ms);
    }
}

static void news_without_a_kind_are_none(void **state)
{
    struct agent_guard_event back;
    char missing[] = "job=a\n", unknown[] = "news=9\n", torn[] = "news=3\njob=a";

    (void)state;
    assert_false(agent_guard_event_decode(&back, missing, strlen(missing), '\n'));
    assert_false(agent_guard_event_decode(&back, unknown, strlen(unknown), '\n'));
    assert_false(agent_guard_event_decode(&back, torn, strlen(torn), '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_launch_comes_back_whole),
        cmocka_unit_test(a_launch_with_a_hole_is_refused),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(too_many_arguments_are_refused),
        cmocka_unit_test(a_place_comes_back),
        cmocka_unit_test(news_come_back_in_both_forms),
        cmocka_unit_test(news_without_a_kind_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
