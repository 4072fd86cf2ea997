/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions: what they mean, when they fire, and what is refused. */
#include "agent/cron.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "tests/unit/unit.h"

static struct agent_zone *zone_named(const char *name)
{
    static uint8_t bytes[AGENT_ZONE_BYTES_MAX];
    char path[256];
    struct agent_zone *z = NULL;
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_int_equal(agent_zone_open(&z, MUSTER_BYTES(bytes, len)), MUSTER_OK);
    return z;
}

static struct agent_cron cron_of(const char *text)
{
    struct agent_cron c;
    struct agent_problem problem;
    if (agent_cron_parse(&c, text, 42, &problem) != MUSTER_OK)
        fail_msg("%s: %s: %s", text, problem.field, problem.message);
    return c;
}

static int64_t seconds(const char *text)
{
    uint64_t ms = 0;
    assert_int_equal(muster_time_parse(&ms, text), MUSTER_OK);
    return (int64_t)(ms / 1000);
}

static const char *text_of(int64_t utc)
{
    static char text[MUSTER_TIME_TEXT];
    if (utc == AGENT_ZONE_NEVER)
        return "never";
    (void)muster_time_text((uint64_t)utc * 1000, text);
    text[19] = 'Z';
    text[20] = '\0';
    return text;
}

static void it_fires_when_it_says(void **state)
{
    static const struct {
        const char *cron, *after, *next;
    } cases[] = {
        { "* * * * *", "2026-03-28T10:00:00Z", "2026-03-28T10:01:00Z" },
        { "*/15 * * * *", "2026-03-28T10:50:00Z", "2026-03-28T11:00:00Z" },
        { "30 10 * * *", "2026-03-28T10:30:00Z", "2026-03-29T10:30:00Z" },
        { "*/10 * * * * *", "2026-03-28T10:00:55Z", "2026-03-28T10:01:00Z" },
        { "0 0 1 * *", "2026-12-05T00:00:00Z", "2027-01-01T00:00:00Z" },
        { "0 12 * * mon-fri", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z" },
        { "0 12 * * 7", "2026-03-27T12:00:00Z", "2026-03-29T12:00:00Z" },
        { "0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z" },
        { "0 0 L * *", "2026-02-01T00:00:00Z", "2026-02-28T00:00:00Z" },
        { "0 0 L-2 * *", "2026-02-01T00:00:00Z", "2026-02-26T00:00:00Z" },
        { "0 0 * * friL", "2026-02-01T00:00:00Z", "2026-02-27T00:00:00Z" },
        { "0 0 * * 5#2", "2026-02-01T00:00:00Z", "2026-02-13T00:00:00Z" },
        { "0 0 * * 1#5", "2026-02-01T00:00:00Z", "2026-03-30T00:00:00Z" },
        { "0 0 13 * fri", "2026-02-14T00:00:00Z", "2026-02-20T00:00:00Z" },   /* either suffices */
        { "0 0 */10 * fri", "2026-02-14T00:00:00Z", "2026-05-01T00:00:00Z" }, /* both */
        { "0 0 31 4,6 *", "2026-02-14T00:00:00Z", "never" },
        { "5,10-12 1 1 JAN,Mar ?", "2026-01-01T01:05:00Z", "2026-01-01T01:10:00Z" },
        { "@daily", "2026-03-28T10:00:00Z", "2026-03-29T00:00:00Z" },
        { "@hourly", "2026-03-28T10:00:00Z", "2026-03-28T11:00:00Z" },
        { " 0  0\t1 1 * ", "2026-03-28T10:00:00Z", "2027-01-01T00:00:00Z" },
    };
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_cron c = cron_of(cases[i].cron);
        int64_t next = agent_cron_next(&c, NULL, seconds(cases[i].after));
        if (strcmp(text_of(next), cases[i].next) != 0)
            fail_msg("%s after %s: %s, not %s", cases[i].cron, cases[i].after, text_of(next),
                     cases[i].next);
    }
}

static uint32_t count(const char *text, const struct agent_zone *z, const char *from,
                      const char *to)
{
    struct agent_cron c = cron_of(text);
    int64_t at = seconds(from) - 1, end = seconds(to);
    uint32_t n = 0;
    while ((at = agent_cron_next(&c, z, at)) < end)
        n++;
    return n;
}

/* Both Sundays of 2026 in Berlin, from midnight to midnight. */
static void clocks_that_change_leave_no_day_out_and_double_none(void **state)
{
    static const char spring[] = "2026-03-28T23:00:00Z", spring_end[] = "2026-03-29T22:00:00Z";
    static const char autumn[] = "2026-10-24T22:00:00Z", autumn_end[] = "2026-10-25T23:00:00Z";
    struct agent_zone *z = zone_named("Europe/Berlin");
    (void)state;
    assert_int_equal(count("30 2 * * *", z, spring, spring_end), 1);
    assert_int_equal(count("30 2 * * *", z, autumn, autumn_end), 1);
    assert_int_equal(count("0 * * * *", z, spring, spring_end), 23);
    assert_int_equal(count("0 * * * *", z, autumn, autumn_end), 25);
    assert_int_equal(count("*/5 2 * * *", z, spring, spring_end), 1); /* once, at the gap's end */
    assert_int_equal(count("*/5 2 * * *", z, autumn, autumn_end), 12);
    assert_int_equal(count("*/30 * * * *", z, spring, spring_end), 46);
    struct agent_cron daily = cron_of("30 2 * * *");
    assert_string_equal(text_of(agent_cron_next(&daily, z, seconds(spring))),
                        "2026-03-29T01:00:00Z");
    assert_string_equal(text_of(agent_cron_next(&daily, z, seconds(autumn))),
                        "2026-10-25T00:30:00Z");
    agent_zone_close(z);
}

/* A plain search, second by second, over what was drawn: the fields are tried one by one. */
static bool fits(const struct agent_cron *c, int64_t local)
{
    char text[MUSTER_TIME_TEXT];
    unsigned year, month, day, hour, minute, second;
    (void)muster_time_text((uint64_t)local * 1000, text);
    assert_int_equal(
        sscanf(text, "%u-%u-%uT%u:%u:%u", &year, &month, &day, &hour, &minute, &second), 6);
    bool by_day = (c->day >> day & 1) != 0;
    bool by_weekday = (c->weekday >> ((unsigned)(local / 86400) + 4) % 7 & 1) != 0;
    bool is_day = c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
    return (c->month >> month & 1) != 0 && is_day && (c->hour >> hour & 1) != 0 &&
           (c->minute >> minute & 1) != 0 && (c->second >> second & 1) != 0;
}

static void drawn_expressions_fire_as_a_plain_search_finds(void **state)
{
    static const char *const minute[] = { "*", "0", "30", "*/20", "5-7", "59" };
    static const char *const hour[] = { "*", "2", "1-3", "23", "*/6" };
    static const char *const day[] = { "*", "1", "15", "28-31" };
    static const char *const weekday[] = { "*", "0", "1-5", "6" };
    static const char *const zone[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Asia/Kolkata" };
    struct muster_rng rng;
    (void)state;
    muster_rng_seed(&rng, 11);
    for (int i = 0; i < 60; i++) {
        char text[64];
        struct agent_zone *z = zone_named(zone[i % 4]);
        (void)snprintf(text, sizeof text, "%s %s %s * %s", minute[muster_rng_below(&rng, 6)],
                       hour[muster_rng_below(&rng, 5)], day[muster_rng_below(&rng, 4)],
                       weekday[muster_rng_below(&rng, 4)]);
        struct agent_cron c = cron_of(text);
        int64_t from = (int64_t)muster_rng_between(&rng, 1743000000, 1780000000);
        int64_t got = agent_cron_next(&c, z, from);
        for (int64_t at = from - from % 60 + 60; at < got && at < from + 40 * 86400; at += 60) {
            int64_t local = at + agent_zone_offset(z, at);
            /* With fixed hours the second showing of a local time does not count. */
            bool is_again = !c.any_hour && agent_zone_moment(z, local) != at;
            if (fits(&c, local) && !is_again)
                fail_msg("%s in %s after %lld: fires at %lld, not %lld", text, zone[i % 4],
                         (long long)from, (long long)at, (long long)got);
        }
        agent_zone_close(z);
    }
}

static void h_spreads_and_stays(void **state)
{
    struct agent_problem problem;
    struct agent_cron a, b;
    uint64_t minutes = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        assert_int_equal(agent_cron_parse(&a, "H H(1-3) H * *", seed, &problem), MUSTER_OK);
        assert_int_equal(agent_cron_parse(&b, "H H(1-3) H * *", seed, &problem), MUSTER_OK);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(__builtin_popcountll(a.minute), 1);
        assert_true(a.hour == 2 || a.hour == 4 || a.hour == 8);
        assert_true(a.day != 0 && a.day < UINT32_C(1) << 29);
        minutes |= a.minute;
        assert_int_equal(agent_cron_parse(&a, "H/15 * * * *", seed, &problem), MUSTER_OK);
        assert_int_equal(__builtin_popcountll(a.minute), 4);
    }
    assert_true(__builtin_popcountll(minutes) > 50);
}

static void what_makes_no_sense_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *cron, *field;
        uint32_t column;
    } cases[] = {
        { "", "", 1 },
        { "* * * *", "", 1 },
        { "* * * * * * *", "", 1 },
        { "60 * * * *", "minute", 1 },
        { "* 24 * * *", "hour", 3 },
        { "* * 0 * *", "day of month", 5 },
        { "* * * 13 *", "month", 7 },
        { "* * * * 8", "day of week", 9 },
        { "* * * foo *", "month", 7 },
        { "5-1 * * * *", "minute", 4 },
        { "*/0 * * * *", "minute", 3 },
        { "*/61 * * * *", "minute", 3 },
        { "1,,2 * * * *", "minute", 3 },
        { "1x * * * *", "minute", 2 },
        { "L * * * *", "minute", 2 },
        { "* * * * 5#6", "day of week", 11 },
        { "* * 15W * *", "day of month", 7 },
        { "H(5 * * * *", "minute", 4 },
        { "@noon", "", 1 },
    };
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_cron c;
        struct agent_problem problem;
        if (agent_cron_parse(&c, cases[i].cron, 1, &problem) != MUSTER_EINVAL)
            fail_msg("%s is taken", cases[i].cron);
        if (strcmp(problem.field, cases[i].field) != 0 || problem.column != cases[i].column)
            fail_msg("%s: %s at %u: %s", cases[i].cron, problem.field, problem.column,
                     problem.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fires_when_it_says),
        cmocka_unit_test(clocks_that_change_leave_no_day_out_and_double_none),
        cmocka_unit_test(drawn_expressions_fire_as_a_plain_search_finds),
        cmocka_unit_test(h_spreads_and_stays),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
