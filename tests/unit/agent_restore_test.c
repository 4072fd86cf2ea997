/* SPDX-License-Identifier: Apache-2.0 */
/* A job out of a backup, as it is carried to its keeper. */
#include "agent/restore.h"
#include "tests/unit/unit.h"

static const struct agent_restore sample = { .want = STORE_WANT_HOLD,
                                             .as = AGENT_RESTORE_DEAD,
                                             .created_wall_ms = 1750000000000,
                                             .tick_wall_ms = 1750000060000,
                                             .ticks = 7,
                                             .skipped = UINT32_MAX,
                                             .token = (uint64_t)900 << 40 | 5 };

static void it_is_read_as_it_was_written(void **state)
{
    uint8_t wire[AGENT_RESTORE_HEAD + 16];
    struct agent_restore in = sample, out;
    (void)state;
    in.spec = muster_bytes_text("{\"name\":\"a\"}");
    struct muster_bytes bytes = agent_restore_encode(&in, wire);
    assert_int_equal(agent_restore_decode(&out, bytes), MUSTER_OK);
    assert_true(muster_bytes_equal(out.spec, in.spec));
    assert_int_equal(out.want, in.want);
    assert_int_equal(out.as, in.as);
    assert_int_equal(out.created_wall_ms, in.created_wall_ms);
    assert_int_equal(out.tick_wall_ms, in.tick_wall_ms);
    assert_int_equal(out.ticks, in.ticks);
    assert_int_equal(out.skipped, in.skipped);
    assert_int_equal(out.token, in.token);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_not_equal(agent_restore_decode(&out, MUSTER_BYTES(bytes.data, len)), MUSTER_OK);
}

static void what_would_leave_no_rounds_is_refused(void **state)
{
    uint8_t wire[AGENT_RESTORE_HEAD];
    struct agent_restore in = sample, out;
    (void)state;
    in.token = (uint64_t)AGENT_RESTORE_ROUND_MAX << 40;
    assert_int_equal(agent_restore_decode(&out, agent_restore_encode(&in, wire)), MUSTER_OK);
    in.token = (uint64_t)(AGENT_RESTORE_ROUND_MAX + 1) << 40;
    assert_int_equal(agent_restore_decode(&out, agent_restore_encode(&in, wire)), MUSTER_ERANGE);
    in.token = UINT64_MAX;
    assert_int_equal(agent_restore_decode(&out, agent_restore_encode(&in, wire)), MUSTER_ERANGE);
    in = sample;
    in.want = (enum store_want)3;
    assert_int_equal(agent_restore_decode(&out, agent_restore_encode(&in, wire)), MUSTER_EINVAL);
}

static void a_floor_lies_above_what_was_given_out_since(void **state)
{
    (void)state;
    assert_int_equal(agent_restore_floor(0), ((uint64_t)65537 << 40) - 1);
    assert_int_equal(agent_restore_floor((uint64_t)900 << 40 | 5), ((uint64_t)66437 << 40) - 1);
    assert_true(agent_restore_floor(UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_read_as_it_was_written),
        cmocka_unit_test(a_floor_lies_above_what_was_given_out_since),
        cmocka_unit_test(what_would_leave_no_rounds_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
