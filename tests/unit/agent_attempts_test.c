/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: as bytes and back, several tellers, the last ten. */
#include "agent/attempts.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct agent_attempt attempt(uint32_t number, uint64_t token)
{
    static uint8_t reason[AGENT_REASON_MAX]; /* as long as any may be */
    memset(reason, 'x', sizeof reason);
    return (struct agent_attempt){ .number = number,
                                   .node = { { 1, 2, 3 } },
                                   .token = token,
                                   .started_wall_ms = UINT64_MAX,
                                   .ended_wall_ms = UINT64_MAX,
                                   .code = INT32_MIN,
                                   .signal = INT32_MAX,
                                   .reason = { reason, sizeof reason } };
}

static void add(struct agent_attempts_wire *w, uint32_t number, uint64_t token)
{
    struct agent_attempts list;
    struct agent_attempt one = attempt(number, token);
    agent_attempts_read(&list, MUSTER_BYTES(w->data, w->len));
    agent_attempts_add(&list, &one);
    agent_attempts_write(&list, w);
}

static void the_last_ten_are_kept(void **state)
{
    struct agent_attempts_wire w = { 0 };
    struct agent_attempts list;
    (void)state;
    for (uint32_t i = 1; i <= 13; i++)
        add(&w, i, UINT64_MAX - i);
    agent_attempts_read(&list, MUSTER_BYTES(w.data, w.len));
    assert_int_equal(list.count, AGENT_ATTEMPTS_MAX);
    for (uint32_t i = 0; i < list.count; i++) {
        struct agent_attempt want = attempt(i + 4, UINT64_MAX - (i + 4));
        assert_int_equal(list.attempt[i].number, want.number);
        assert_true(list.attempt[i].token == want.token);
        assert_int_equal(list.attempt[i].code, INT32_MIN);
        assert_int_equal(list.attempt[i].signal, INT32_MAX);
        assert_true(muster_id_equal(list.attempt[i].node, want.node));
        assert_true(muster_bytes_equal(list.attempt[i].reason, want.reason));
    }
}

static void what_is_told_twice_is_kept_once(void **state)
{
    struct agent_attempts_wire old = { 0 }, more = { 0 }, both;
    struct agent_attempts list;
    (void)state;
    add(&old, 1, 5);
    add(&old, 2, 5);
    add(&more, 2, 5);
    add(&more, 3, 5);
    add(&more, 1, 9); /* counted anew by another placement */
    agent_attempts_merge(&both, MUSTER_BYTES(old.data, old.len), MUSTER_BYTES(more.data, more.len));
    agent_attempts_read(&list, MUSTER_BYTES(both.data, both.len));
    assert_int_equal(list.count, 4);
    assert_int_equal(list.attempt[2].number, 3);
    assert_int_equal(list.attempt[3].token, 9);
    agent_attempts_merge(&both, MUSTER_BYTES(NULL, 0), MUSTER_BYTES(more.data, more.len));
    assert_int_equal(both.len, more.len);
}

static void what_cannot_be_read_is_empty(void **state)
{
    struct agent_attempts_wire w = { 0 };
    struct agent_attempts list;
    (void)state;
    add(&w, 1, 1);
    for (size_t len = 0; len < w.len; len++) {
        agent_attempts_read(&list, MUSTER_BYTES(w.data, len));
        assert_int_equal(list.count, 0);
    }
    agent_attempts_read(&list, MUSTER_BYTES(w.data, w.len));
    assert_int_equal(list.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_ten_are_kept),
        cmocka_unit_test(what_is_told_twice_is_kept_once),
        cmocka_unit_test(what_cannot_be_read_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
