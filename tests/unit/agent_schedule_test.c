/* SPDX-License-Identifier: Apache-2.0 */
/* Which ticks a schedule has, and what becomes of those that were missed. */
#include <stdio.h>
#include <string.h>

#include "agent/schedule.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#define MINUTE 60000ULL
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct agent_zone_source no_zones;

static uint64_t at(const char *text)
{
    uint64_t wall_ms = 0;

    assert_int_equal(muster_time_parse(&wall_ms, text), MUSTER_OK);
    return wall_ms;
}

static struct agent_schedule schedule_of(const char *lines)
{
    struct agent_problem problem;
    struct agent_schedule s;
    struct agent_job job;
    char json[400];

    (void)snprintf(json, sizeof json, "{\"name\":\"a\",\"kind\":\"task\",\"exec\":[\"b\"],%s}",
                   lines);
    if (agent_job_read(&job, muster_bytes_text(json), NULL, &problem) != MUSTER_OK)
        fail_msg("%s: %s", json, problem.message);
    assert_int_equal(agent_schedule_open(&s, &job, at("2026-01-01T00:00:07Z"), &no_zones, &problem),
                     MUSTER_OK);
    agent_job_close(&job);
    return s;
}

static void every_counts_from_its_anchor_and_does_not_drift(void **state)
{
    struct agent_schedule s = schedule_of("\"every\":\"5m\"");
    struct agent_schedule anchored =
        schedule_of("\"every\":\"5m\",\"from\":\"2026-01-01T00:02:00Z\"");

    (void)state;
    assert_true(agent_schedule_next(&s, at("2026-01-01T00:00:07Z")) == at("2026-01-01T00:05:07Z"));
    assert_true(agent_schedule_next(&s, at("2026-01-01T00:05:06Z")) == at("2026-01-01T00:05:07Z"));
    assert_true(agent_schedule_next(&s, at("2026-06-01T00:00:00Z")) == at("2026-06-01T00:00:07Z"));
    assert_true(agent_schedule_next(&anchored, 0) == at("2026-01-01T00:02:00Z"));
    assert_true(agent_schedule_next(&anchored, at("2026-01-01T00:02:00Z")) ==
                at("2026-01-01T00:07:00Z"));
}

static void a_window_ends_a_schedule(void **state)
{
    struct agent_schedule s =
        schedule_of("\"cron\":\"0 3 * * *\",\"not_before\":\"2026-02-01T03:00:00Z\","
                    "\"not_after\":\"2026-02-03T00:00:00Z\"");
    struct agent_schedule once = schedule_of("\"at\":\"2026-02-01T03:00:00Z\"");

    (void)state;
    assert_true(agent_schedule_next(&s, at("2026-01-01T00:00:00Z")) == at("2026-02-01T03:00:00Z"));
    assert_true(agent_schedule_next(&s, at("2026-02-02T03:00:00Z")) == MUSTER_NEVER);
    assert_true(agent_schedule_next(&once, 0) == at("2026-02-01T03:00:00Z"));
    assert_true(agent_schedule_next(&once, at("2026-02-01T03:00:00Z")) == MUSTER_NEVER);
}

static void what_comes_in_time_is_run_whatever_the_rule(void **state)
{
    static const char *const rules[] = { "once", "skip", "all" };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(rules); i++) {
        struct agent_plan plan;
        char lines[100];
        (void)snprintf(lines, sizeof lines, "\"cron\":\"* * * * *\",\"missed\":\"%s\"", rules[i]);
        struct agent_schedule s = schedule_of(lines);
        uint64_t last = at("2026-01-05T00:00:00Z");
        agent_schedule_plan(&s, last, last + MINUTE - 1, &plan);
        assert_int_equal(plan.runs + plan.skipped, 0);
        assert_true(plan.last_ms == last && plan.next_ms == last + MINUTE);
        agent_schedule_plan(&s, last, last + MINUTE + 900, &plan);
        assert_int_equal(plan.runs, 1);
        assert_int_equal(plan.skipped, 0);
        assert_true(plan.run[0] == last + MINUTE && plan.last_ms == plan.run[0]);
        assert_true(plan.next_ms == last + 2 * MINUTE);
    }
}

/* Off for three days, with a minutely job: one run makes up for it, and the others are counted. */
static void of_three_days_that_were_missed_one_tick_is_run(void **state)
{
    struct agent_schedule s = schedule_of("\"cron\":\"* * * * *\"");
    struct agent_schedule every = schedule_of("\"every\":\"1m\",\"from\":\"2026-01-01T00:00:00Z\"");
    uint64_t last = at("2026-01-05T00:00:00Z");
    struct agent_plan plan;

    (void)state;
    agent_schedule_plan(&s, last, last + 3 * DAY + 500, &plan);
    assert_int_equal(plan.runs, 1);
    assert_true(plan.run[0] == last + 3 * DAY);
    assert_int_equal(plan.skipped, 3 * 24 * 60 - 1);
    agent_schedule_plan(&every, last, last + 3 * DAY + 500, &plan);
    assert_int_equal(plan.runs, 1);
    assert_true(plan.run[0] == last + 3 * DAY);
    assert_int_equal(plan.skipped, 3 * 24 * 60 - 1);
    agent_schedule_plan(&every, last, last + 3000 * DAY + 500, &plan); /* and not for ever */
    assert_int_equal(plan.runs, 1);
    assert_int_equal(plan.skipped, 3000 * 24 * 60 - 1);
}

static void skip_runs_nothing_that_was_missed(void **state)
{
    struct agent_schedule s = schedule_of("\"cron\":\"0 * * * *\",\"missed\":\"skip\"");
    uint64_t last = at("2026-01-05T00:00:00Z");
    struct agent_plan plan;

    (void)state;
    agent_schedule_plan(&s, last, last + 3 * HOUR + 2 * MINUTE, &plan);
    assert_int_equal(plan.runs, 0);
    assert_int_equal(plan.skipped, 3);
    assert_true(plan.last_ms == last + 3 * HOUR);
}

static void all_runs_what_its_catchup_reaches_in_order(void **state)
{
    struct agent_schedule s =
        schedule_of("\"cron\":\"0 * * * *\",\"missed\":\"all\",\"catchup\":\"6h\"");
    uint64_t last = at("2026-01-05T00:00:00Z"), now = last + 10 * HOUR + MINUTE, next = 0;
    uint32_t runs = 0, skipped = 0;
    struct agent_plan plan;

    (void)state;
    for (int i = 0; i < 5; i++) {
        agent_schedule_plan(&s, last, now, &plan);
        for (uint32_t k = 0; k < plan.runs; k++) {
            assert_true(plan.run[k] > next);
            next = plan.run[k];
        }
        runs += plan.runs;
        skipped += plan.skipped;
        last = plan.last_ms;
    }
    assert_int_equal(runs, 6);
    assert_int_equal(skipped, 4);
    assert_true(next == at("2026-01-05T10:00:00Z"));
}

/* A missed tick is made up for within its period, and a day at the most. */
static void a_tick_that_is_too_long_ago_is_not_made_up_for(void **state)
{
    struct agent_schedule s = schedule_of("\"cron\":\"0 3 1 * *\"");
    uint64_t last = at("2026-01-15T00:00:00Z");
    struct agent_plan plan;

    (void)state;
    agent_schedule_plan(&s, last, at("2026-02-01T20:00:00Z"), &plan);
    assert_int_equal(plan.runs, 1);
    agent_schedule_plan(&s, last, at("2026-02-03T20:00:00Z"), &plan);
    assert_int_equal(plan.runs, 0);
    assert_int_equal(plan.skipped, 1);
}

static void a_zone_that_nobody_knows_is_told(void **state)
{
    struct agent_problem problem;
    struct agent_schedule s;
    struct agent_job job;

    (void)state;
    assert_int_equal(agent_job_read(&job,
                                    muster_bytes_text("{\"name\":\"a\",\"kind\":\"cron\","
                                                      "\"exec\":[\"b\"],\"cron\":\"@daily\","
                                                      "\"tz\":\"Mars/Base\"}"),
                                    NULL, &problem),
                     MUSTER_OK);
    assert_int_equal(agent_schedule_open(&s, &job, 0, &no_zones, &problem), MUSTER_ENOTFOUND);
    assert_non_null(strstr(problem.message, "Mars/Base"));
    agent_job_close(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counts_from_its_anchor_and_does_not_drift),
        cmocka_unit_test(a_window_ends_a_schedule),
        cmocka_unit_test(what_comes_in_time_is_run_whatever_the_rule),
        cmocka_unit_test(of_three_days_that_were_missed_one_tick_is_run),
        cmocka_unit_test(skip_runs_nothing_that_was_missed),
        cmocka_unit_test(all_runs_what_its_catchup_reaches_in_order),
        cmocka_unit_test(a_tick_that_is_too_long_ago_is_not_made_up_for),
        cmocka_unit_test(a_zone_that_nobody_knows_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
