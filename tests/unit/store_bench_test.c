/* SPDX-License-Identifier: Apache-2.0 */
/* Benches: which sets of members decide, before, during and after a change. */
#include <string.h>

#include "store/bench.h"
#include "tests/unit/unit.h"

static struct muster_id node(char name)
{
    struct muster_id id = { { 0 } };

    id.octet[0] = (uint8_t)name;
    return id;
}

/* "A1 B2 C3 | A1 B2 D4": node letter and seat digit; the part after the bar is the new list. */
static struct store_bench bench_of(const char *text)
{
    struct store_bench b = { .count = 0 };
    bool joint = false;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|')
            joint = true;
        if (*at < 'A' || *at > 'Z')
            continue;
        uint16_t seat = (uint16_t)(at[1] - '0');
        int found = store_bench_find(&b, node(*at), seat);
        if (found < 0) {
            found = b.count++;
            b.member[found] = (struct store_seat){ .node = node(*at), .seat = seat };
        }
        if (joint)
            b.new_mask = (uint16_t)(b.new_mask | 1u << found);
        else
            b.old_mask = (uint16_t)(b.old_mask | 1u << found);
        if (b.next_seat <= seat)
            b.next_seat = (uint16_t)(seat + 1);
    }
    return b;
}

static uint32_t mask_of(const struct store_bench *b, const char *seats)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < b->count; i++) {
        if (strchr(seats, '0' + b->member[i].seat) != NULL)
            mask |= 1u << i;
    }
    return mask;
}

/* An answer must not count a copy that the end of a change wipes (P1). */
static void copies_are_those_that_stay(void **state)
{
    static const struct {
        const char *bench;
        const char *seats;
        uint32_t copies;
    } cases[] = {
        { "A1 B2 C3", "123", 3 },
        { "A1 B2 C3", "13", 2 },
        { "A1 B2 C3 | A1 B2 D4", "1234", 3 },
        { "A1 B2 C3 | A1 B2 D4", "124", 2 },
        { "A1 B2 C3 | A1 B2 D4", "123", 2 },
        { "A1 | A1 B2", "12", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_bench b = bench_of(cases[i].bench);
        assert_int_equal(store_bench_copies(&b, mask_of(&b, cases[i].seats)), cases[i].copies);
    }
}

/* What decides, before, during and after a change. (R11, R17) */
static void quorums_are_what_the_page_says(void **state)
{
    static const struct {
        const char *bench;
        const char *seats; /* that have answered */
        bool decides;
    } cases[] = {
        { "A1", "1", true },
        { "A1", "", false },
        { "A1 B2", "12", true },
        { "A1 B2", "1", true }, /* half with the lowest seat */
        { "A1 B2", "2", false },
        { "B2 A1", "1", true }, /* wherever it stands */
        { "A4 B7", "4", true },
        { "A4 B7", "7", false },
        { "A1 B2 C3", "1", false },
        { "A1 B2 C3", "23", true },
        { "A1 B2 C3", "12", true },
        { "A1 B2 C3 D4", "14", true },
        { "A1 B2 C3 D4", "23", false },
        { "A1 B2 C3 D4", "234", true },
        /* joint: both lists */
        { "A1 B2 C3 | A1 B2 D4", "12", true },
        { "A1 B2 C3 | A1 B2 D4", "23", false }, /* new has only 2 */
        { "A1 B2 C3 | A1 B2 D4", "24", false }, /* old has only 2 */
        { "A1 B2 C3 | A1 B2 D4", "234", true },
        { "A1 B2 C3 | A1 B2 D4", "134", true },
        { "A1 | A1 B2", "1", true },
        { "A1 | A1 B2", "2", false },
        { "A1 B2 | A1 B2 C3", "1", false },
        { "A1 B2 | A1 B2 C3", "12", true },
        { "A1 B2 | A1 B2 C3", "13", true },
        { "A1 B2 | A1 B2 C3", "23", false },
        { "A1 B2 | B2 C3", "12", true },
        { "A1 B2 | B2 C3", "13", false },
        /* one node twice: a lost seat and the one it is being given */
        { "A1 B2 C3 | A1 C3 B4", "34", false },
        { "A1 B2 C3 | A1 C3 B4", "13", true },
        { "A1 B2 C3 | A1 C3 B4", "234", true },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct store_bench b = bench_of(cases[i].bench);
        bool decides = store_bench_quorum(&b, mask_of(&b, cases[i].seats));
        if (decides != cases[i].decides)
            fail_msg("%s with %s", cases[i].bench, cases[i].seats);
    }
}

/* R49, section 1: a quorum of those who are left, and all of them where they are too few for one.
 */
static void the_lost_count_for_nobody(void **state)
{
    static const struct {
        const char *bench, *lost, *seats;
        bool decides;
    } cases[] = {
        { "A1 B2 C3", "3", "12", true },
        { "A1 B2 C3", "3", "1", false }, /* two of three can still be had */
        { "A1 B2 C3", "3", "13", false },
        { "A1 B2 C3", "23", "1", true },
        { "A1 B2 C3", "12", "3", true },
        { "A1 B2 C3", "12", "12", false },
        { "A1 B2 C3", "123", "123", false }, /* nobody is left to decide */
        { "A1 B2", "1", "2", true },
        { "A1 B2", "2", "1", true },
        { "A1 B2 C3 D4", "4", "12", true },
        { "A1 B2 C3 D4", "4", "23", false },
        { "A1 B2 C3 D4", "14", "2", false },
        { "A1 B2 C3 D4", "14", "23", true },
        { "A1 B2 C3 D4 E5", "345", "1", false },
        { "A1 B2 C3 D4 E5", "345", "12", true },
        /* joint: each list by itself */
        { "A1 B2 C3 | A1 C3 D4", "23", "1", false },
        { "A1 B2 C3 | A1 C3 D4", "23", "14", true },
        { "A1 B2 C3 | A1 B2 D4", "4", "12", true },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct store_bench b = bench_of(cases[i].bench);
        b.lost_mask = (uint16_t)mask_of(&b, cases[i].lost);
        if (store_bench_quorum(&b, mask_of(&b, cases[i].seats)) != cases[i].decides)
            fail_msg("%s without %s with %s", cases[i].bench, cases[i].lost, cases[i].seats);
    }
}

/* The reason for the rule of the even lists: any two deciding sets have a member in common. */
static void two_quorums_always_meet_in_each_list(void **state)
{
    static const char *const benches[] = {
        "A1",
        "A1 B2",
        "B2 C5",
        "A1 B2 C3",
        "A1 B2 C3 D4",
        "A1 B2 C3 D4 E5",
        "A1 B2 C3 | A1 B2 D4",
        "A1 B2 | A1 B2 C3",
        "A1 B2 C3 | A1 C3 B4",
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(benches); i++) {
        struct store_bench b = bench_of(benches[i]);
        for (uint32_t x = 0; x < 1u << b.count; x++) {
            for (uint32_t y = 0; y < 1u << b.count; y++) {
                if (!store_bench_quorum(&b, x) || !store_bench_quorum(&b, y))
                    continue;
                assert_true((x & y & b.old_mask) != 0);
                assert_true(b.new_mask == 0 || (x & y & b.new_mask) != 0);
            }
        }
    }
}

/* (R24) */
static void a_change_is_opened_and_finished_or_taken_back(void **state)
{
    struct store_bench b, done, back;

    (void)state;
    store_bench_found(&b, node('A'));
    assert_int_equal(b.next_seat, 2);
    store_bench_open_change(&b, node('B'), -1);
    assert_true(store_bench_is_joint(&b));
    assert_int_equal(b.old_mask, 1);
    assert_int_equal(b.new_mask, 3);
    assert_int_equal(store_bench_seat(&b, node('B')), 2);
    store_bench_end_change(&b, true);
    assert_false(store_bench_is_joint(&b));
    assert_int_equal(b.count, 2);
    store_bench_open_change(&b, node('C'), store_bench_find(&b, node('B'), 2));
    done = b;
    back = b;
    store_bench_end_change(&done, true);
    assert_int_equal(done.count, 2);
    assert_int_equal(store_bench_seat(&done, node('B')), 0);
    assert_int_equal(store_bench_seat(&done, node('C')), 3);
    store_bench_end_change(&back, false);
    assert_int_equal(store_bench_seat(&back, node('B')), 2);
    assert_int_equal(store_bench_seat(&back, node('C')), 0);
    assert_int_equal(back.next_seat, 4); /* the number of the seat that came to nothing is gone */
}

/* (R12) */
static void a_voter_counts_for_the_seat_it_holds(void **state)
{
    static const struct {
        const char *bench;
        char node;
        uint16_t said;
        int member;
    } cases[] = {
        { "A1 B2 C3", 'B', 2, 1 },
        { "A1 B2 C3", 'B', 0, -1 }, /* has lost what it held there */
        { "A1 B2 C3", 'B', 1, -1 },
        { "A1 B2 C3", 'D', 0, -1 },
        { "A1 B2 C3 | A1 B2 D4", 'D', 0, 3 }, /* has not taken it yet: an empty member */
        { "A1 B2 C3 | A1 B2 D4", 'D', 3, 3 }, /* sat elsewhere in another age */
        { "A1 B2 C3 | A1 B2 D4", 'D', 4, 3 },
        { "A1 B2 C3 | A1 C3 B4", 'B', 0, 3 },
        { "A1 B2 C3 | A1 C3 B4", 'B', 4, 3 },
        { "A1 B2 C3 | A1 C3 B4", 'B', 2, 1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct store_bench b = bench_of(cases[i].bench);
        int member = store_bench_voter(&b, node(cases[i].node), cases[i].said);
        if (member != cases[i].member)
            fail_msg("%s: %c on %u is %d", cases[i].bench, cases[i].node, cases[i].said, member);
    }
}

static size_t encode(const struct store_bench *b, uint8_t *wire)
{
    struct muster_writer w = muster_writer_over(wire, STORE_BENCH_WIRE);

    store_bench_encode(&w, b);
    assert_int_equal(muster_writer_err(&w), MUSTER_OK);
    return muster_writer_bytes(&w).len;
}

static void benches_come_back_and_unsound_ones_do_not(void **state)
{
    static const struct {
        const char *bench;
        int err;
    } cases[] = {
        { "A1", MUSTER_OK },
        { "A1 B2 C3 | A1 B2 D4", MUSTER_OK },
        { "A1 B2 C3 | A1 C3 B4", MUSTER_OK },
        { "A1 B2 C3 D4 E5 F6 G7 H8", MUSTER_OK },
        { "A1 B1", MUSTER_EINVAL }, /* one seat, two nodes */
        { "A1 A2", MUSTER_EINVAL }, /* one node twice in a list */
        { "A0", MUSTER_EINVAL },    /* no such seat */
        { "A1 B2 | A1 B2 B3", MUSTER_EINVAL },
    };
    uint8_t wire[STORE_BENCH_WIRE];
    struct store_bench back;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct store_bench b = bench_of(cases[i].bench);
        size_t len = encode(&b, wire);
        assert_int_equal(store_bench_decode(&back, MUSTER_BYTES(wire, len)), cases[i].err);
        if (cases[i].err == MUSTER_OK)
            assert_memory_equal(&back, &b, sizeof b);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_not_equal(store_bench_decode(&back, MUSTER_BYTES(wire, cut)), MUSTER_OK);
    }
    struct store_bench b = bench_of("A1 B2");
    b.next_seat = 2; /* would be given twice */
    assert_int_equal(store_bench_decode(&back, MUSTER_BYTES(wire, encode(&b, wire))),
                     MUSTER_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_those_that_stay),
        cmocka_unit_test(quorums_are_what_the_page_says),
        cmocka_unit_test(the_lost_count_for_nobody),
        cmocka_unit_test(two_quorums_always_meet_in_each_list),
        cmocka_unit_test(a_change_is_opened_and_finished_or_taken_back),
        cmocka_unit_test(a_voter_counts_for_the_seat_it_holds),
        cmocka_unit_test(benches_come_back_and_unsound_ones_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
