/* SPDX-License-Identifier: Apache-2.0 */
/* What is held and let go: the latest word about a name counts, whoever hears them in what order.
 * (I16) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hold_set.h"
#include "base/rng.h"
#include "tests/unit/unit.h"

static bool say(struct agent_hold_set *s, const char *prefix, uint64_t number, bool is_held)
{
    struct agent_hold h = { .number = number, .is_held = is_held, .since_wall_ms = number };

    (void)snprintf(h.prefix, sizeof h.prefix, "%s", prefix);
    return agent_hold_add(s, &h);
}

static bool holds(const struct agent_hold_set *s, const char *name)
{
    return agent_hold_of(s, muster_bytes_text(name)) != NULL;
}

static void the_latest_word_about_a_name_counts(void **state)
{
    struct agent_hold_set s = { .count = 0 };

    (void)state;
    assert_int_equal(agent_hold_next(&s), 1);
    assert_false(holds(&s, "web"));
    assert_true(say(&s, "", 1, true));
    assert_true(holds(&s, "web"));
    assert_true(holds(&s, ""));
    assert_true(say(&s, "market/", 2, false));
    assert_false(holds(&s, "market/ticker"));
    assert_true(holds(&s, "market"));
    assert_true(holds(&s, "web"));
    assert_true(say(&s, "", 3, true));
    assert_true(holds(&s, "market/ticker"));
    assert_int_equal(s.count, 1);
    assert_true(say(&s, "", 4, false));
    assert_false(holds(&s, "web"));
    assert_int_equal(agent_hold_next(&s), 5);
    assert_false(say(&s, "web", 3, true)); /* it comes late, and means nothing any more */
    assert_false(holds(&s, "web"));
}

static void of_two_at_once_the_one_that_holds_counts(void **state)
{
    struct agent_hold_set a = { .count = 0 }, b = { .count = 0 };

    (void)state;
    assert_true(say(&a, "web", 5, true));
    assert_true(say(&a, "", 5, false));
    assert_true(say(&b, "", 5, false));
    assert_true(say(&b, "web", 5, true));
    assert_true(holds(&a, "web/1") && holds(&b, "web/1"));
    assert_false(holds(&a, "x") || holds(&b, "x"));
    assert_true(say(&a, "x", 6, false));
    assert_true(say(&a, "x", 6, true));
    assert_false(say(&a, "x", 6, false));
    assert_true(holds(&a, "x"));
}

static uint8_t wire_a[AGENT_HOLDS_WIRE], wire_b[AGENT_HOLDS_WIRE];

static size_t written(const struct agent_hold_set *s, uint8_t *out)
{
    struct muster_writer w = muster_writer_over(out, AGENT_HOLDS_WIRE);

    agent_holds_write(&w, s);
    assert_int_equal(muster_writer_err(&w), MUSTER_OK);
    return muster_writer_bytes(&w).len;
}

static void sets_end_alike_in_whatever_order_words_come(void **state)
{
    static const char *const prefix[] = { "", "a", "a/b", "b", "a/c" };
    struct muster_rng rng;

    (void)state;
    muster_rng_seed(&rng, 7);
    for (uint32_t round = 0; round < 2000; round++) {
        struct agent_hold_set a = { .count = 0 }, b = { .count = 0 };
        struct agent_hold word[8];
        uint32_t from = (uint32_t)muster_rng_below(&rng, 8);

        for (uint32_t i = 0; i < 8; i++) {
            word[i] = (struct agent_hold){ .number = 1 + muster_rng_below(&rng, 4),
                                           .is_held = muster_rng_chance(&rng, 1, 2),
                                           .since_wall_ms = muster_rng_below(&rng, 3) };
            (void)snprintf(word[i].prefix, sizeof word[i].prefix, "%s",
                           prefix[muster_rng_below(&rng, 5)]);
        }
        for (uint32_t i = 0; i < 8; i++) {
            (void)agent_hold_add(&a, &word[i]);
            (void)agent_hold_add(&b, &word[(from + 5 * i) % 8]);
        }
        size_t len = written(&a, wire_a);
        assert_int_equal(len, written(&b, wire_b));
        assert_memory_equal(wire_a, wire_b, len);
    }
}

static void a_set_comes_back_as_it_was_written(void **state)
{
    struct agent_hold_set a = { .count = 0 }, b = { .count = 0 };
    char name[AGENT_NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (uint32_t i = 0; i < AGENT_HOLDS_MAX + 8; i++) { /* the earliest give way */
        (void)snprintf(name, 8, "%07u", i);
        name[7] = 'n';
        assert_true(say(&a, name, i + 1, i % 2 == 0));
    }
    assert_int_equal(a.count, AGENT_HOLDS_MAX);
    assert_int_equal(a.hold[AGENT_HOLDS_MAX - 1].number, 9);
    size_t len = written(&a, wire_a);
    struct muster_reader r = muster_reader_over(MUSTER_BYTES(wire_a, len));
    assert_true(agent_holds_merge(&b, &r));
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    r = muster_reader_over(MUSTER_BYTES(wire_a, len));
    assert_false(agent_holds_merge(&b, &r));
    assert_int_equal(written(&b, wire_b), len);
    assert_memory_equal(wire_a, wire_b, len);
    for (size_t cut = 0; cut < len; cut += 7) {
        r = muster_reader_over(MUSTER_BYTES(wire_a, cut));
        assert_false(agent_holds_merge(&b, &r));
    }
}

static void no_word_is_the_last_for_ever(void **state)
{
    struct agent_hold_set s = { .count = 0 };
    const struct agent_hold h = { .number = UINT64_MAX, .is_held = true };
    struct agent_hold_set strange = { .hold = { h }, .count = 1 };

    (void)state;
    size_t len = written(&strange, wire_a);
    struct muster_reader r = muster_reader_over(MUSTER_BYTES(wire_a, len));
    assert_false(agent_holds_merge(&s, &r));
    assert_int_equal(s.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_word_about_a_name_counts),
        cmocka_unit_test(of_two_at_once_the_one_that_holds_counts),
        cmocka_unit_test(sets_end_alike_in_whatever_order_words_come),
        cmocka_unit_test(a_set_comes_back_as_it_was_written),
        cmocka_unit_test(no_word_is_the_last_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
