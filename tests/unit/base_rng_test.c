/* SPDX-License-Identifier: Apache-2.0 */
/* Luck from a seed: pinned for ever, fair, and within its bounds. */
#include "base/rng.h"

#include "tests/unit/unit.h"

/* The published first outputs: splitmix64 from seed 1234567, xoshiro256** from state 1 2 3 4. */
static void the_generators_are_the_published_ones(void **state)
{
    static const uint64_t split[] = { 6457827717110365317u, 3203168211198807973u,
                                      9817491932198370423u, 4593380528125082431u,
                                      16408922859458223821u };
    static const uint64_t xoshiro[] = { 11520u, 0u, 1509978240u, 1215971899390074240u };
    struct muster_rng r = { { 1, 2, 3, 4 } };
    uint64_t seed = 1234567;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(split); i++)
        assert_int_equal(muster_splitmix64(&seed), split[i]);
    for (size_t i = 0; i < UNIT_COUNT(xoshiro); i++)
        assert_int_equal(muster_rng_next(&r), xoshiro[i]);
}

static void equal_seeds_have_equal_luck(void **state)
{
    struct muster_rng a;
    struct muster_rng b;
    struct muster_rng c;

    (void)state;
    muster_rng_seed(&a, 0x5eed);
    muster_rng_seed(&b, 0x5eed);
    muster_rng_seed(&c, 0x5eee);
    for (int i = 0; i < 1000; i++) {
        uint64_t drawn = muster_rng_next(&a);

        assert_int_equal(drawn, muster_rng_next(&b));
        assert_int_not_equal(drawn, muster_rng_next(&c));
    }
}

static void draws_stay_below_their_limit(void **state)
{
    static const uint64_t limits[] = { 1, 2, 3, 7, 100, 1u << 20, (1ull << 63) + 1, UINT64_MAX };
    struct muster_rng r;

    (void)state;
    muster_rng_seed(&r, 1);
    assert_int_equal(muster_rng_below(&r, 0), 0);
    for (size_t i = 0; i < UNIT_COUNT(limits); i++)
        for (int n = 0; n < 1000; n++)
            assert_true(muster_rng_below(&r, limits[i]) < limits[i]);
}

static void draws_between_reach_both_ends(void **state)
{
    struct muster_rng r;
    uint64_t seen = 0;

    (void)state;
    muster_rng_seed(&r, 2);
    for (int n = 0; n < 1000; n++) {
        uint64_t drawn = muster_rng_between(&r, 10, 14);

        assert_in_range(drawn, 10, 14);
        seen |= 1u << (drawn - 10);
    }
    assert_int_equal(seen, 31);
    assert_int_equal(muster_rng_between(&r, 9, 9), 9);
    assert_int_equal(muster_rng_between(&r, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    (void)muster_rng_between(&r, 0, UINT64_MAX);
}

static void a_chance_is_its_ratio(void **state)
{
    struct muster_rng r;
    unsigned hits = 0;

    (void)state;
    muster_rng_seed(&r, 3);
    for (int n = 0; n < 30000; n++) {
        hits += muster_rng_chance(&r, 1, 3);
        assert_false(muster_rng_chance(&r, 0, 3));
        assert_true(muster_rng_chance(&r, 3, 3));
    }
    /* Six standard deviations around a third of the draws. */
    assert_in_range(hits, 9510, 10490);
}

static void a_draw_of_three_is_fair(void **state)
{
    unsigned hits[3] = { 0 };
    struct muster_rng r;

    (void)state;
    muster_rng_seed(&r, 4);
    for (int n = 0; n < 30000; n++)
        hits[muster_rng_below(&r, 3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(hits[i], 9510, 10490);
}

/* With a limit of three quarters of 2^64 a plain remainder would draw the lower third twice as
 * often. */
static void a_draw_below_a_huge_limit_is_fair(void **state)
{
    unsigned low = 0;
    struct muster_rng r;

    (void)state;
    muster_rng_seed(&r, 7);
    for (int n = 0; n < 30000; n++)
        low += muster_rng_below(&r, 3ull << 62) < 1ull << 62;
    assert_in_range(low, 9510, 10490);
}

static void a_permutation_has_every_number_once(void **state)
{
    enum { N = 97 };
    struct muster_rng r;
    uint32_t index[N];
    uint8_t seen[N] = { 0 };

    (void)state;
    muster_rng_seed(&r, 5);
    muster_rng_permutation(&r, index, N);
    for (int i = 0; i < N; i++) {
        assert_true(index[i] < N);
        assert_int_equal(seen[index[i]]++, 0);
    }
    muster_rng_permutation(&r, index, 0);
}

static void every_order_of_three_is_equally_likely(void **state)
{
    unsigned hits[3][3] = { { 0 } };
    struct muster_rng r;
    uint32_t index[3];

    (void)state;
    muster_rng_seed(&r, 6);
    for (int n = 0; n < 24000; n++) {
        muster_rng_permutation(&r, index, 3);
        hits[index[0]][index[1]]++;
    }
    /* Six orders, 4000 each, six standard deviations are 346. */
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            if (a != b)
                assert_in_range(hits[a][b], 3654, 4346);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generators_are_the_published_ones),
        cmocka_unit_test(equal_seeds_have_equal_luck),
        cmocka_unit_test(draws_stay_below_their_limit),
        cmocka_unit_test(draws_between_reach_both_ends),
        cmocka_unit_test(a_chance_is_its_ratio),
        cmocka_unit_test(a_draw_of_three_is_fair),
        cmocka_unit_test(a_draw_below_a_huge_limit_is_fair),
        cmocka_unit_test(a_permutation_has_every_number_once),
        cmocka_unit_test(every_order_of_three_is_equally_likely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
