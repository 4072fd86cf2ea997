/* SPDX-License-Identifier: Apache-2.0 */
/* How the runs of a template stand, put together from what the nodes say of those they keep. */
#include <string.h>

#include "agent/triggered.h"
#include "base/wire.h"
#include "tests/unit/unit.h"

#define BUCKETS 16

static struct muster_writer said;
static uint8_t wire[1024];

static void say(uint8_t first, uint8_t second, bool goes_on, uint64_t ok, uint64_t fail)
{
    uint8_t kept[STORE_BUCKETS / 8] = { first, second };
    muster_write_array(&said, 4);
    muster_write_bytes(&said, MUSTER_BYTES(kept, sizeof kept));
    muster_write_bool(&said, goes_on);
    muster_write_u64(&said, ok);
    muster_write_u64(&said, fail);
}

static void all_say_one_thing_together(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    say(0x0f, 0xff, false, 70, 0);
    say(0xf0, 0x00, false, 90, 20);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_true(agent_triggered_is_whole(&sum, BUCKETS));
    assert_false(sum.goes_on);
    assert_int_equal(sum.ok_wall_ms, 90);
    assert_int_equal(sum.fail_wall_ms, 20);
    say(0x00, 0x00, true, 30, 25); /* one run somewhere is enough */
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_true(sum.goes_on);
    assert_int_equal(sum.ok_wall_ms, 90);
    assert_int_equal(sum.fail_wall_ms, 25);
}

static void a_bucket_of_which_nobody_speaks_may_have_a_run(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_false(agent_triggered_is_whole(&sum, BUCKETS));
    say(0x7f, 0xff, false, 70, 0);
    assert_true(agent_triggered_sum(muster_writer_bytes(&said), &sum));
    assert_false(agent_triggered_is_whole(&sum, BUCKETS));
}

static void nonsense_is_refused(void **state)
{
    struct agent_triggered_ends sum;
    (void)state;
    said = muster_writer_over(wire, sizeof wire);
    say(0xff, 0xff, false, 70, 0);
    size_t len = muster_writer_bytes(&said).len;
    for (size_t i = 1; i < len; i++)
        assert_false(agent_triggered_sum(MUSTER_BYTES(wire, i), &sum));
    said = muster_writer_over(wire, sizeof wire);
    muster_write_array(&said, 4);
    muster_write_bytes(&said, muster_bytes_text("few"));
    muster_write_bool(&said, false);
    muster_write_u64(&said, 1);
    muster_write_u64(&said, 1);
    assert_false(agent_triggered_sum(muster_writer_bytes(&said), &sum));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_say_one_thing_together),
        cmocka_unit_test(a_bucket_of_which_nobody_speaks_may_have_a_run),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
