/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines that cannot overflow, and times, durations and sizes both ways. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

static void deadlines_saturate_and_never_is_never(void **state)
{
    (void)state;
    assert_int_equal(muster_deadline_after(100, 20), 120);
    assert_int_equal(muster_deadline_after(100, MUSTER_NEVER), MUSTER_NEVER);
    assert_int_equal(muster_deadline_after(MUSTER_NEVER - 1, 5), MUSTER_NEVER);
    assert_int_equal(muster_deadline_sooner(3, 4), 3);
    assert_int_equal(muster_deadline_sooner(MUSTER_NEVER, 4), 4);
    assert_true(muster_deadline_reached(10, 10));
    assert_true(muster_deadline_reached(9, 10));
    assert_false(muster_deadline_reached(11, 10));
    assert_false(muster_deadline_reached(MUSTER_NEVER, MUSTER_NEVER));
}

/* Whatever the clock says: never later than the interval, never much sooner, and on the grid unless
 * that is near enough. */
static void intervals_end_on_the_grid(void **state)
{
    (void)state;
    for (uint64_t wall = 0; wall < 2000; wall++) {
        struct muster_now now = { 7, wall };
        uint64_t wait = muster_deadline_on_grid(now, 500) - 7;
        assert_in_range(wait, 62, 500);
        assert_true((wall + wait) % 500 == 0 || (wait == 500 && wall % 500 > 437));
    }
    struct muster_now late = { MUSTER_NEVER - 1, 0 };
    assert_int_equal(muster_deadline_on_grid(late, 500), MUSTER_NEVER);
}

static void moments_have_their_text(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 951782399999, "2000-02-28T23:59:59.999Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
        { 951868800000, "2000-03-01T00:00:00.000Z" },
        { 1774659600000, "2026-03-28T01:00:00.000Z" },
        { 4107542400000, "2100-03-01T00:00:00.000Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
    };
    char text[MUSTER_TIME_TEXT];
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_string_equal(muster_time_text(cases[i].ms, text), cases[i].text);
        assert_int_equal(muster_time_parse(&ms, cases[i].text), MUSTER_OK);
        assert_int_equal(ms, cases[i].ms);
    }
    assert_string_equal(muster_time_text(UINT64_MAX, text), "9999-12-31T23:59:59.999Z");
}

static void every_day_of_a_cycle_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (uint64_t day = 0; day < 400 * 366; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        char expected[MUSTER_TIME_TEXT];
        char text[MUSTER_TIME_TEXT];
        uint64_t back;

        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_not_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", &tm), 0);
        assert_string_equal(muster_time_text(day * 86400000, text), expected);
        assert_int_equal(muster_time_parse(&back, text), MUSTER_OK);
        assert_int_equal(back, day * 86400000);
    }
}

static void times_of_other_zones_and_fractions_are_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        { "1970-01-01T01:00:00+01:00", 0 },        { "1970-01-01t00:00:01z", 1000 },
        { "1970-01-01T00:00:00.5Z", 500 },         { "1970-01-01T00:00:00.05Z", 50 },
        { "1970-01-01T00:00:00.123456789Z", 123 }, { "1970-01-02T00:00:00-01:30", 91800000 },
    };
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_int_equal(muster_time_parse(&ms, cases[i].text), MUSTER_OK);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void times_that_never_were_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-1-1T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.0123456789Z",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00Zx",
        "1970-01-01T00:00:00+00:01",
        "1969-12-31T23:59:59Z",
        "+970-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
    };
    uint64_t ms = 77;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(muster_time_parse(&ms, cases[i]), MUSTER_EINVAL);
    assert_int_equal(ms, 77);
}

static void durations_are_read_and_written_shortest(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
        const char *shortest;
    } cases[] = {
        { "0", 0, "0" },
        { "0s", 0, "0" },
        { "250ms", 250, "250ms" },
        { "10s", 10000, "10s" },
        { "90s", 90000, "1m30s" },
        { "5m", 300000, "5m" },
        { "2h", 7200000, "2h" },
        { "7d", 604800000, "7d" },
        { "1h30m", 5400000, "1h30m" },
        { "1500ms", 1500, "1s500ms" },
        { "1d2h3m4s5ms", 93784005, "1d2h3m4s5ms" },
        { "24h", 86400000, "1d" },
        { "18446744073709551615ms", UINT64_MAX, "213503982334d14h25m51s615ms" },
    };
    char text[48];
    uint64_t ms;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_int_equal(muster_duration_parse(&ms, cases[i].text), MUSTER_OK);
        assert_int_equal(ms, cases[i].ms);
        assert_string_equal(muster_duration_text(ms, text, sizeof text), cases[i].shortest);
        assert_int_equal(muster_duration_parse(&ms, text), MUSTER_OK);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void bad_durations_are_refused(void **state)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        { "", MUSTER_EINVAL },
        { "10", MUSTER_EINVAL },
        { "00", MUSTER_EINVAL },
        { "s", MUSTER_EINVAL },
        { "10x", MUSTER_EINVAL },
        { "10 s", MUSTER_EINVAL },
        { "-1s", MUSTER_EINVAL },
        { "1.5s", MUSTER_EINVAL },
        { "1h30", MUSTER_EINVAL },
        { "30m1h", MUSTER_EINVAL },
        { "1s1s", MUSTER_EINVAL },
        { "1us", MUSTER_EINVAL },
        { "1msec", MUSTER_EINVAL },
        { "1S", MUSTER_EINVAL },
        { "1s ", MUSTER_EINVAL },
        { "18446744073709551616ms", MUSTER_ERANGE },
        { "213503982335d", MUSTER_ERANGE },
        { "213503982334d14h25m51s616ms", MUSTER_ERANGE },
        { "99999999999999999999s", MUSTER_ERANGE },
    };
    uint64_t ms = 77;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(muster_duration_parse(&ms, cases[i].text), cases[i].err);
    assert_int_equal(ms, 77);
}

static void sizes_are_powers_of_1024(void **state)
{
    static const struct {
        const char *text;
        int err;
        uint64_t bytes;
    } cases[] = {
        { "0", MUSTER_OK, 0 },
        { "1", MUSTER_OK, 1 },
        { "64K", MUSTER_OK, 65536 },
        { "1M", MUSTER_OK, 1048576 },
        { "4G", MUSTER_OK, 4294967296 },
        { "18446744073709551615", MUSTER_OK, UINT64_MAX },
        { "17179869183G", MUSTER_OK, 18446744072635809792u },
        { "17179869184G", MUSTER_ERANGE, 0 },
        { "18446744073709551616", MUSTER_ERANGE, 0 },
        { "", MUSTER_EINVAL, 0 },
        { "K", MUSTER_EINVAL, 0 },
        { "1k", MUSTER_EINVAL, 0 },
        { "1KB", MUSTER_EINVAL, 0 },
        { "1 K", MUSTER_EINVAL, 0 },
        { "-1", MUSTER_EINVAL, 0 },
        { "1.5M", MUSTER_EINVAL, 0 },
        { "1T", MUSTER_EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint64_t bytes = 0;

        assert_int_equal(muster_size_parse(&bytes, cases[i].text), cases[i].err);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_saturate_and_never_is_never),
        cmocka_unit_test(intervals_end_on_the_grid),
        cmocka_unit_test(moments_have_their_text),
        cmocka_unit_test(every_day_of_a_cycle_agrees_with_the_c_library),
        cmocka_unit_test(times_of_other_zones_and_fractions_are_read),
        cmocka_unit_test(times_that_never_were_are_refused),
        cmocka_unit_test(durations_are_read_and_written_shortest),
        cmocka_unit_test(bad_durations_are_refused),
        cmocka_unit_test(sizes_are_powers_of_1024),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
