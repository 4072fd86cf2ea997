/* SPDX-License-Identifier: Apache-2.0 */
/* A row in memory alone, which one voter has: whether who is elected would know of a later one.
 * (I17) */
#include "tests/unit/store_voters.h"
#include "tests/unit/unit.h"

/* The keeper of before has c, and the third member is silent. */
static void elect(struct voters *f, bool is_forgotten)
{
    struct store_view v;

    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    voters_put_ok(f, voters_keeper(), 2);
    assert_true(store_get(f->store, muster_bytes_text("c"), &v));
    assert_true((v.row.phase == STORE_GONE) == is_forgotten && v.row.is_light == !is_forgotten);
}

/* What is older than the seat its keeper may have lost, when it filled it. */
static void a_new_seat_knows_what_was_written_since(void **state)
{
    for (uint32_t seq = 7; seq < 12; seq += 4) {
        struct voters *f = *state;
        f->is_light = true;
        f->seq = seq;
        voters_lose_the_seat(f); /* the new one is of version 9 */
        voters_yes(f, voters_keeper(), 2, 1, NULL, 0);
        voters_give_c(f);
        elect(f, seq < 9);
        (void)voters_closed(state);
        (void)voters_seated(state);
    }
}

/* We have it of the very voter that has it now. */
static void what_we_took_over_in_vain_is_not_what_we_knew(void **state)
{
    struct voters *f = *state;

    f->is_light = true;
    voters_lose_the_seat(f);
    voters_no(f, 20);
    f->holds_commits = true;
    voters_stand_again(f);
    voters_take_c_in_vain(f);
    voters_stand_again(f);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    elect(f, true);
}

/* Our keeper has filled our seat with it: what else we have taken over does not touch that. (mixed
 * 2127 of five nodes and more) */
static void what_we_took_over_beside_it_is_no_matter(void **state)
{
    struct voters *f = *state;

    f->is_light = f->fills = true;
    voters_lose_the_seat(f);
    assert_true(voters_held(f, "c") == voters_version(1, 7));
    voters_no(f, 20);
    f->holds_commits = true;
    voters_stand_again(f);
    f->row = "d";
    f->is_light = false;
    f->seq = 12;
    voters_take_c_in_vain(f);
    voters_stand_again(f);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    elect(f, false);
}

#define seated_test(test) cmocka_unit_test_setup_teardown(test, voters_seated, voters_closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        seated_test(a_new_seat_knows_what_was_written_since),
        seated_test(what_we_took_over_in_vain_is_not_what_we_knew),
        seated_test(what_we_took_over_beside_it_is_no_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
