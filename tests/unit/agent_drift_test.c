/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that run at another rate are found out, and nothing else is taken for one. (R40) */
#include "agent/drift.h"

#include "tests/unit/unit.h"

/* One question a second; the other clock runs at `per_mille` of ours, and answers take `there` and
 * `back` milliseconds. True when it was ever called bad within three minutes. */
static bool is_found(uint64_t per_mille, uint64_t there, uint64_t back)
{
    struct agent_drift d = { 0 };
    for (uint64_t asked = 1000; asked < 180000; asked += 1000) {
        uint64_t theirs = 777777 + (asked + there) * per_mille / 1000;
        if (agent_drift_is_bad(&d, asked, asked + there + back, theirs))
            return true;
    }
    return false;
}

static void a_clock_of_our_rate_is_good(void **state)
{
    (void)state;
    assert_false(is_found(1000, 0, 0));
    assert_false(is_found(1000, 500, 400));
    assert_false(is_found(1004, 1, 1));
    assert_false(is_found(996, 1, 1));
}

static void a_clock_that_runs_off_is_found(void **state)
{
    (void)state;
    assert_true(is_found(1010, 1, 1));
    assert_true(is_found(990, 1, 1));
    assert_true(is_found(1050, 100, 100));
    assert_true(is_found(0, 1, 1)); /* it stands still */
}

static void a_slow_answer_proves_nothing(void **state)
{
    struct agent_drift d = { 0 };
    (void)state;
    assert_false(agent_drift_is_bad(&d, 1000, 1001, 5000));
    /* Asked at 61 s, answered by the other at once or ten seconds later: who knows. */
    assert_false(agent_drift_is_bad(&d, 61500, 71500, 5000 + 70400));
}

static void what_was_asked_before_the_last_answer_is_passed_over(void **state)
{
    struct agent_drift d = { 0 };
    (void)state;
    assert_false(agent_drift_is_bad(&d, 1000, 90000, 5000));
    assert_false(agent_drift_is_bad(&d, 2000, 90001, 6000));
    assert_false(agent_drift_is_bad(&d, 150001, 150002, 5000 + 100000));
    assert_true(agent_drift_is_bad(&d, 211000, 211001, 105000 + 70000));
}

static void a_clock_that_began_anew_is_a_new_beginning(void **state)
{
    struct agent_drift d = { 0 };
    (void)state;
    assert_false(agent_drift_is_bad(&d, 1000, 1001, 500000));
    assert_false(agent_drift_is_bad(&d, 62000, 62001, 3)); /* its host was booted */
    assert_false(agent_drift_is_bad(&d, 123000, 123001, 61003));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_of_our_rate_is_good),
        cmocka_unit_test(a_clock_that_runs_off_is_found),
        cmocka_unit_test(a_slow_answer_proves_nothing),
        cmocka_unit_test(what_was_asked_before_the_last_answer_is_passed_over),
        cmocka_unit_test(a_clock_that_began_anew_is_a_new_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
