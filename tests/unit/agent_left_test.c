/* SPDX-License-Identifier: Apache-2.0 */
/* What runs leave: keys, heads, messages of several attempts. */
#include "agent/left.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void keys_say_whose_they_are(void **state)
{
    char key[STORE_KEY_MAX + 1];
    char name[STORE_KEY_MAX + 1];
    (void)state;
    struct muster_bytes owner = muster_bytes_text("mail/out@2026-01-01T00:00:00Z");
    struct muster_bytes k = agent_left_key(key, owner, AGENT_LEFT_CHECKPOINT, 0);
    assert_string_equal(key, "mail/out@2026-01-01T00:00:00Z!c");
    assert_int_equal(k.len, strlen(key));
    assert_true(agent_left_is(k));
    assert_false(agent_left_is(owner));
    assert_true(muster_bytes_equal(agent_left_owner(k), owner));
    k = agent_left_key(key, muster_bytes_text("a"), AGENT_LEFT_OUTPUT, 3);
    assert_string_equal(key, "a!o.3");
    assert_true(muster_bytes_equal(agent_left_owner(k), muster_bytes_text("a")));
    memset(name, 'x', STORE_KEY_MAX);
    name[STORE_KEY_MAX] = '\0';
    assert_int_equal(agent_left_key(key, muster_bytes_text(name), AGENT_LEFT_RESULT, 0).len, 0);
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++)
        assert_int_equal(agent_left_kind(agent_left_letter((enum agent_left)kind)), kind);
    assert_int_equal(agent_left_kind('x'), AGENT_LEFT_KINDS);
}

static void a_part_is_read_as_it_was_written(void **state)
{
    static uint8_t wire[AGENT_LEFT_PART + AGENT_LEFT_HEAD], data[AGENT_LEFT_PART];
    struct agent_left_head in = { UINT64_MAX, UINT64_MAX, UINT32_MAX,
                                  UINT64_MAX, UINT64_MAX, AGENT_LEFT_MAX };
    struct agent_left_head out;
    struct muster_bytes part;
    (void)state;
    memset(data, 7, sizeof data);
    struct muster_bytes spec = agent_left_encode(wire, &in, MUSTER_BYTES(data, sizeof data));
    assert_int_equal(agent_left_decode(&out, &part, spec), MUSTER_OK);
    assert_true(out.uid == in.uid && out.token == in.token && out.number == in.number);
    assert_true(out.attempt == in.attempt && out.wall_ms == in.wall_ms && out.size == in.size);
    assert_true(muster_bytes_equal(part, MUSTER_BYTES(data, sizeof data)));
    assert_int_not_equal(agent_left_decode(&out, &part, MUSTER_BYTES(wire, spec.len - 1)),
                         MUSTER_OK);
    in.size = AGENT_LEFT_MAX + 1; /* more than anybody has room for */
    spec = agent_left_encode(wire, &in, MUSTER_BYTES(data, 1));
    assert_int_equal(agent_left_decode(&out, &part, spec), MUSTER_ELIMIT);
    assert_true((uint64_t)AGENT_LEFT_PART * AGENT_LEFT_PARTS >= AGENT_LEFT_MAX);
}

static void merge(struct muster_text *all, uint64_t token, uint32_t attempt, const char *node,
                  const char *fresh)
{
    struct muster_text out;
    struct agent_left_head head = { .token = token, .attempt = attempt };
    muster_text_open(&out, 1u << 20);
    agent_left_merge(&out, muster_text_bytes(all), &head, node, muster_bytes_text(fresh));
    muster_text_close(all);
    *all = out;
}

static void messages_of_an_attempt_take_the_place_of_its_earlier_ones(void **state)
{
    struct muster_text all;
    struct agent_left_message m;
    (void)state;
    muster_text_open(&all, 1u << 20);
    merge(&all, 5, 1, "a", "10 one\n20 two words\n");
    merge(&all, 9, 2, "b", "30 three\n");
    merge(&all, 9, 2, "b", "30 three\n40 four\n"); /* told again, with one more */
    struct muster_bytes lines = muster_text_bytes(&all);
    const char *text[] = { "one", "two words", "three", "four" };
    for (int i = 0; i < 4; i++) {
        assert_true(agent_left_message(&lines, &m));
        assert_true(muster_bytes_equal(m.text, muster_bytes_text(text[i])));
        assert_int_equal(m.wall_ms, 10 * (i + 1));
        assert_int_equal(m.token, i < 2 ? 5 : 9);
        assert_int_equal(m.attempt, i < 2 ? 1 : 2);
        assert_true(muster_bytes_equal(m.node, muster_bytes_text(i < 2 ? "a" : "b")));
    }
    assert_false(agent_left_message(&lines, &m));
    muster_text_close(&all);
}

static void the_last_hundred_stay(void **state)
{
    struct muster_text all;
    struct agent_left_message m;
    char fresh[2048] = "";
    uint32_t n = 0;
    (void)state;
    muster_text_open(&all, 1u << 20);
    for (int i = 0; i < 80; i++)
        (void)snprintf(fresh + strlen(fresh), 32, "%d m\n", i + 1);
    merge(&all, 1, 1, "a", fresh);
    merge(&all, 2, 2, "a", fresh);
    struct muster_bytes lines = muster_text_bytes(&all);
    while (agent_left_message(&lines, &m)) {
        if (n == 0)
            assert_int_equal(m.wall_ms, 61); /* the oldest sixty have gone */
        n++;
    }
    assert_int_equal(n, AGENT_LEFT_MESSAGES_MAX);
    assert_int_equal(m.token, 2);
    muster_text_close(&all);
}

static void an_output_keeps_whole_records_of_its_end(void **state)
{
    static const char records[] = "1 o 1 F first\n2 e 1 F second\n3 o 1 F third\n";
    struct muster_text out;
    (void)state;
    muster_text_open(&out, 4096);
    agent_left_output(&out, "bravo", muster_bytes_text(records), 31);
    struct muster_bytes all = muster_text_bytes(&out);
    struct muster_bytes node = agent_left_output_node(&all);
    assert_true(muster_bytes_equal(node, muster_bytes_text("bravo")));
    assert_true(muster_bytes_equal(all, muster_bytes_text("2 e 1 F second\n3 o 1 F third\n")));
    muster_text_close(&out);
    assert_int_equal(agent_left_output_max(0), AGENT_LEFT_OUTPUT_MAX);
    assert_int_equal(agent_left_output_max(1000), AGENT_LEFT_OUTPUT_MAX);
    assert_int_equal(agent_left_output_max(10000), 6710);
    assert_int_equal(agent_left_output_max(1000000), AGENT_LEFT_OUTPUT_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_say_whose_they_are),
        cmocka_unit_test(a_part_is_read_as_it_was_written),
        cmocka_unit_test(messages_of_an_attempt_take_the_place_of_its_earlier_ones),
        cmocka_unit_test(the_last_hundred_stay),
        cmocka_unit_test(an_output_keeps_whole_records_of_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
