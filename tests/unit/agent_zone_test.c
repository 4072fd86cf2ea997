/* SPDX-License-Identifier: Apache-2.0 */
/* Zones say of every moment what the C library says, and what is no zone is refused. */
#include "agent/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

#define FOLDER "/usr/share/zoneinfo/"
#define DAY_S  86400

static uint8_t bytes[AGENT_ZONE_BYTES_MAX];

static struct muster_bytes zone_bytes(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return MUSTER_BYTES(bytes, len);
}

static struct agent_zone *zone_named(const char *name)
{
    struct agent_zone *z = NULL;
    assert_int_equal(agent_zone_open(&z, zone_bytes(name)), MUSTER_OK);
    assert_int_equal(setenv("TZ", name, 1), 0);
    tzset();
    return z;
}

static int32_t library_offset(int64_t utc)
{
    struct tm tm;
    time_t t = utc;
    assert_non_null(localtime_r(&t, &tm));
    return (int32_t)tm.tm_gmtoff;
}

static const char *const zones[] = {
    "Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe",
    "Africa/Casablanca", "Asia/Kolkata",      "America/Sao_Paulo",
    "Pacific/Apia",      "Antarctica/Troll",  "Europe/Dublin",
    "Asia/Gaza",         "America/St_Johns",  "Pacific/Auckland",
    "America/Nuuk",      "Asia/Tehran",       "UTC",
    "Etc/GMT+5",         "Australia/Brisbane"
};

static void every_offset_is_the_librarys(void **state)
{
    struct muster_rng rng;
    (void)state;
    muster_rng_seed(&rng, 7);
    for (size_t i = 0; i < UNIT_COUNT(zones); i++) {
        struct agent_zone *z = zone_named(zones[i]);
        for (int k = 0; k < 20000; k++) {
            int64_t utc = (int64_t)muster_rng_between(&rng, DAY_S, 4000000000u);
            if (agent_zone_offset(z, utc) != library_offset(utc))
                fail_msg("%s at %lld: %d, not %d", zones[i], (long long)utc,
                         agent_zone_offset(z, utc), library_offset(utc));
        }
        agent_zone_close(z);
    }
}

/* Between two changes nothing changes, and at a change what is said before it ends. */
static void changes_are_where_the_library_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(zones); i++) {
        struct agent_zone *z = zone_named(zones[i]);
        int64_t utc = DAY_S;
        for (int k = 0; k < 300 && utc < 4000000000; k++) {
            int64_t next = agent_zone_next_change(z, utc);
            int64_t end = next != AGENT_ZONE_NEVER ? next : 4000000000;
            for (int64_t at = utc; at < end; at += 5 * DAY_S)
                assert_int_equal(library_offset(at), agent_zone_offset(z, utc));
            assert_int_equal(library_offset(end - 1), agent_zone_offset(z, utc));
            utc = end;
        }
        agent_zone_close(z);
    }
}

/* 2026 in Berlin: forward at 01:00 UTC on 29 March, back at 01:00 UTC on 25 October. */
static void a_local_time_has_its_moment(void **state)
{
    static const struct {
        int64_t local, utc;
    } cases[] = {
        { 1774744200, 1774740600 }, /* 29 March 00:30 */
        { 1774751400, 1774746000 }, /* 29 March 02:30 is skipped: 03:00 */
        { 1774753200, 1774746000 }, /* 29 March 03:00 */
        { 1792895400, 1792888200 }, /* 25 October 02:30: the first of two */
        { 1792897200, 1792893600 }, /* 25 October 03:00 */
    };
    struct agent_zone *z = zone_named("Europe/Berlin");
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(agent_zone_moment(z, cases[i].local), cases[i].utc);
    agent_zone_close(z);
    assert_int_equal(agent_zone_moment(NULL, 12345678), 12345678); /* UTC */
    assert_int_equal(agent_zone_next_change(NULL, 0), AGENT_ZONE_NEVER);
}

static void a_day_that_was_left_out_is_a_gap_like_any_other(void **state)
{
    struct agent_zone *z = zone_named("Pacific/Apia"); /* no 30 December 2011 */
    (void)state;
    int64_t change = 1325239200;
    assert_int_equal(agent_zone_offset(z, change - 1), -10 * 3600);
    assert_int_equal(agent_zone_offset(z, change), 14 * 3600);
    assert_int_equal(agent_zone_moment(z, change - 10 * 3600 + 12 * 3600), change);
    agent_zone_close(z);
}

static void what_is_no_zone_is_refused(void **state)
{
    struct muster_rng rng;
    struct agent_zone *z = NULL;
    (void)state;
    muster_rng_seed(&rng, 3);
    struct muster_bytes whole = zone_bytes("Europe/Berlin");
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *cut = malloc(len + 1); /* so that reading past its end is noticed */
        assert_non_null(cut);
        memcpy(cut, whole.data, len);
        assert_int_equal(agent_zone_open(&z, MUSTER_BYTES(cut, len)), MUSTER_EINVAL);
        free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        uint8_t *bent = malloc(whole.len);
        assert_non_null(bent);
        memcpy(bent, whole.data, whole.len);
        for (int k = 0; k < 3; k++)
            bent[muster_rng_below(&rng, i % 2 != 0 ? 100 : whole.len)] =
                (uint8_t)muster_rng_below(&rng, 256);
        if (agent_zone_open(&z, MUSTER_BYTES(bent, whole.len)) == MUSTER_OK) {
            (void)agent_zone_moment(z, 1800000000);
            (void)agent_zone_next_change(z, 1800000000);
            agent_zone_close(z);
        }
        free(bent);
    }
}

static void names_cannot_leave_the_folder(void **state)
{
    (void)state;
    assert_true(agent_zone_name_is_good("Europe/Berlin"));
    assert_true(agent_zone_name_is_good("Etc/GMT+5"));
    assert_false(agent_zone_name_is_good(""));
    assert_false(agent_zone_name_is_good("/etc/passwd"));
    assert_false(agent_zone_name_is_good("../../etc/passwd"));
    assert_false(agent_zone_name_is_good("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offset_is_the_librarys),
        cmocka_unit_test(changes_are_where_the_library_has_them),
        cmocka_unit_test(a_local_time_has_its_moment),
        cmocka_unit_test(a_day_that_was_left_out_is_a_gap_like_any_other),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(names_cannot_leave_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
