/* SPDX-License-Identifier: Apache-2.0 */
/* One candidate among voters whose frames are written here: whose rows count in the merge, and what
 * is written anew before it is acted upon. (R11 to R13) */
#include "store/bench.h"
#include "tests/unit/store_voters.h"
#include "tests/unit/unit.h"

/* R12, R13: seat 3 is only added and empty. With it and our own we are elected, and what only we
 * hold was never chosen: it is, under our reign, before we serve. */
static void an_empty_voter_makes_every_row_one_to_write_anew(void **state)
{
    struct voters *f = *state;

    voters_yield(f);
    assert_int_equal(f->said[STORE_ASK], 2);
    voters_yes(f, voters_newcomer(), 0, 0, NULL, 0);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    assert_int_equal(f->served, 0);
    voters_put_ok(f, voters_newcomer(), 3);
    assert_int_equal(f->served, 1);
    assert_int_equal(voters_round_of(voters_held(f, "a")), 2);
    assert_int_equal(voters_round_of(voters_held(f, "b")), 2);
}

static void rows_that_all_voters_hold_alike_stay_as_they_are(void **state)
{
    struct voters *f = *state;

    voters_yield(f);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    voters_put_ok(f, voters_keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(voters_held(f, "a") == voters_version(1, 2));
    assert_true(voters_held(f, "b") == voters_version(1, 3));
}

/* Story 4, R13: what it serves is the merge of the counted rows and nothing of what it held. */
static void who_lost_its_seat_and_wins_has_the_merge_and_nothing_else(void **state)
{
    struct voters *f = *state;

    voters_lose_the_seat(f);
    voters_yes(f, voters_keeper(), 2, 1, NULL, 0);
    voters_give_c(f);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    assert_int_equal(voters_view(f).rows, 1);
    assert_true(voters_held(f, "c") != 0);
    assert_int_equal(voters_held(f, "a"), 0);
    voters_put_ok(f, voters_keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(voters_round_of(voters_held(f, "c")) > 1); /* not held alike: we had nothing */
}

/* R11: the newest bench row that it hears of decides, and who is not on it gives up. */
static void a_candidate_that_is_on_no_bench_any_more_gives_up(void **state)
{
    struct voters *f = *state;
    struct store_bench bench;

    store_bench_found(&bench, voters_keeper());
    bench.member[0].seat = 2;
    bench.next_seat = 4;
    voters_yield(f);
    voters_yes(f, voters_keeper(), 2, 1, &bench, voters_version(1, 9));
    assert_int_equal(voters_view(f).role, STORE_NO_SEAT);
    assert_int_equal(voters_view(f).rows, 0);
    f->asked = 0;
    voters_pass(f, 12000);
    assert_true(f->asked == 0);
}

/* R6: the others are asked while the round is on its way to the disk, and nothing is won before it
 * is there. */
static void nobody_is_elected_before_its_own_promise_is_on_disk(void **state)
{
    struct voters *f = *state;

    f->holds_commits = true;
    voters_yield(f);
    assert_int_equal(voters_view(f).role, STORE_CANDIDATE);
    uint64_t batch = f->committed;
    assert_true(batch != 0);
    assert_int_equal(f->said[STORE_ASK], 2);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    voters_yes(f, voters_newcomer(), 3, voters_view(f).digest, NULL, 0);
    assert_int_equal(voters_view(f).role, STORE_CANDIDATE);
    assert_int_equal(f->said[STORE_PUT], 0);
    f->holds_commits = false;
    f->committed = batch;
    voters_commits_end(f);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    assert_int_equal(f->said[STORE_ASK], 2);
}

/* The age in the YES that it gives to a reign of that round. */
static uint64_t age_told(struct voters *f, uint32_t round)
{
    f->age = UINT64_MAX;
    voters_frame_begin(f, STORE_ASK, 4);
    muster_write_u64(&f->w, store_reign_of(round, 2).packed);
    muster_write_u64(&f->w, voters_version(1, 4));
    muster_write_u64(&f->w, 0);
    voters_frame_give(f, voters_keeper());
    return f->age;
}

/* R16: the time since it last accepted something from a keeper. */
static void a_vote_says_how_long_no_keeper_was_heard(void **state)
{
    struct voters *f = *state;

    voters_pass(f, 4500);
    f->now_ms += 123;
    assert_int_equal(age_told(f, 90), 4623);
}

/* R13: it holds what we do, and has taken over some of that in a candidacy that came to nothing. */
static void what_a_voter_took_over_in_vain_is_written_anew(void **state)
{
    struct voters *f = *state;

    voters_yield(f);
    f->owns = voters_version(1, 2);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    voters_put_ok(f, voters_keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_int_equal(voters_round_of(voters_held(f, "a")), 2);
    assert_true(voters_held(f, "b") == voters_version(1, 3));
}

/* R13: we take a row over and are outranked. It is on our disk, and that it was not written to us,
 * until we have written it anew ourselves. */
static void what_we_took_over_in_vain_is_written_anew(void **state)
{
    struct voters *f = *state;

    f->holds_commits = true;
    voters_yield(f);
    voters_take_c_in_vain(f);
    assert_true(f->kept == voters_version(1, 7));
    (void)age_told(f, 31);
    assert_true(f->taken == voters_version(1, 7));
    voters_stand_again(f);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    assert_int_equal(voters_view(f).role, STORE_ELECTED);
    assert_int_equal(f->served, 0);
    assert_true(f->kept == voters_version(1, 7));
    voters_put_ok(f, voters_keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(voters_round_of(voters_held(f, "c")) > 31);
    assert_true(f->kept == 0);
}

/* R14: who has been keeper itself until a moment ago says so by its age, or a lease that it gave
 * would be forgotten by the reign that follows. */
static void a_keepers_own_beat_counts_as_heard(void **state)
{
    struct voters *f = *state;

    voters_yield(f);
    voters_yes(f, voters_keeper(), 2, voters_view(f).digest, NULL, 0);
    voters_put_ok(f, voters_keeper(), 2);
    assert_int_equal(voters_view(f).role, STORE_SERVING);
    /* nobody answers its beats: it steps down, and its last one is not long ago */
    voters_pass(f, 3700);
    assert_true(voters_view(f).role <= STORE_SEATED);
    uint64_t heard = voters_view(f).heard_ms;
    assert_in_range(f->now_ms - heard, 0, 1000);
    f->now_ms = heard + 4200;
    assert_int_equal(age_told(f, 90), 4200);
}

#define seated_test(test) cmocka_unit_test_setup_teardown(test, voters_seated, voters_closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        seated_test(an_empty_voter_makes_every_row_one_to_write_anew),
        seated_test(rows_that_all_voters_hold_alike_stay_as_they_are),
        seated_test(who_lost_its_seat_and_wins_has_the_merge_and_nothing_else),
        seated_test(what_a_voter_took_over_in_vain_is_written_anew),
        seated_test(what_we_took_over_in_vain_is_written_anew),
        seated_test(a_candidate_that_is_on_no_bench_any_more_gives_up),
        seated_test(nobody_is_elected_before_its_own_promise_is_on_disk),
        seated_test(a_vote_says_how_long_no_keeper_was_heard),
        seated_test(a_keepers_own_beat_counts_as_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
