/* SPDX-License-Identifier: Apache-2.0 */
/* Of many clocks the one in the middle counts, and ours while it is near that. (R51) */
#include "agent/wall.h"

#include "tests/unit/unit.h"

static int64_t off(int64_t own, int64_t a, int64_t b, int64_t c, uint32_t count)
{
    int64_t lead[] = { own, a, b, c };
    return agent_wall_off(own, lead, count);
}

static void a_clock_near_the_middle_counts(void **state)
{
    (void)state;
    assert_int_equal(off(1000, 1000, 1000, 1000, 4), 0);
    assert_int_equal(off(1000, 2999, 3000, 0, 3), 0);
    assert_int_equal(off(-1000, 1000, 1000, 0, 3), 0);
    assert_int_equal(off(5000, 3000, 3000, 0, 3), 0);
    /* Others are wrong, to both sides or to one. */
    assert_int_equal(off(0, 3600000, -3600000, 0, 3), 0);
    assert_int_equal(off(0, 3600000, 0, 0, 3), 0);
}

static void a_clock_far_from_the_middle_does_not(void **state)
{
    (void)state;
    assert_int_equal(off(3600000, 10, -10, 0, 3), 10 - 3600000);
    assert_int_equal(off(-3600000, 10, -10, 0, 3), 3600000 - 10);
    assert_int_equal(off(2001, 0, 0, 0, 4), -2001);
    /* Of four the two in the middle have the word. */
    assert_int_equal(off(-9000, 100, 200, 300, 4), 9000 + 100);
    assert_int_equal(off(9000, 100, 200, 300, 4), 300 - 9000);
}

static void of_two_nobody_knows(void **state)
{
    (void)state;
    assert_int_equal(off(3600000, 0, 0, 0, 2), 0);
    assert_int_equal(off(3600000, 0, 0, 0, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_near_the_middle_counts),
        cmocka_unit_test(a_clock_far_from_the_middle_does_not),
        cmocka_unit_test(of_two_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
