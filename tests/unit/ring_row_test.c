/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: the same whatever the order of the arrivals, exact in ties, honest about what they know. */
#include "ring/row.h"

#include <string.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

#define KEEP      4
#define REPLICAS  3
#define WORDS_MAX (KEEP + 1 + REPLICAS)
#define NODES     8
#define SLOT      5

static struct ring_entrant entrant[NODES];

static struct ring_shape shape_of(uint32_t bits, bool zones)
{
    return (struct ring_shape){
        .entrant = entrant,
        .bits = bits,
        .replicas = REPLICAS,
        .keep = KEEP,
        .stride = KEEP + 1 + (zones ? REPLICAS : 0),
        .zones = zones,
    };
}

/* Times so far apart that none ties. */
static uint64_t at(uint64_t minute, uint16_t number)
{
    return ring_arrival(minute << 40, 0, number);
}

static void row_is(const uint64_t *row, const uint16_t *number, uint32_t n)
{
    for (uint32_t i = 0; i < KEEP; i++)
        assert_int_equal(ring_arrival_number(row[i]), i < n ? number[i] : RING_NONE);
}

static void arrivals_sort_whatever_their_order(void **state)
{
    static const uint16_t right[] = { 0, 1, 2, 3 };
    struct ring_shape s = shape_of(10, false);
    struct muster_rng rng;

    (void)state;
    muster_rng_seed(&rng, 1);
    for (int round = 0; round < 1000; round++) {
        uint64_t row[WORDS_MAX];
        uint32_t order[NODES];

        ring_row_clear(&s, row);
        muster_rng_permutation(&rng, order, NODES);
        for (uint32_t i = 0; i < NODES; i++)
            ring_row_offer(&s, row, SLOT, at(order[i] + 1, (uint16_t)order[i]));
        row_is(row, right, KEEP);
        assert_int_equal(row[KEEP], at(5, 4)); /* the first that was dropped is the horizon */
    }
}

static void a_nodes_first_dart_counts(void **state)
{
    static const uint16_t right[] = { 2, 1 };
    struct ring_shape s = shape_of(10, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    assert_true(ring_row_offer(&s, row, SLOT, at(3, 2)));
    assert_true(ring_row_offer(&s, row, SLOT, at(4, 1)));
    assert_false(ring_row_offer(&s, row, SLOT, at(5, 2)));
    row_is(row, right, 2);
}

/* An entry counts as news only where a list could show it. */
static void only_the_first_r_are_news(void **state)
{
    struct ring_shape s = shape_of(10, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < REPLICAS; i++)
        assert_true(ring_row_offer(&s, row, SLOT, at(i + 1u, i)));
    assert_false(ring_row_offer(&s, row, SLOT, at(9, 3)));
    assert_false(ring_row_strike(&s, row, SLOT, 3));
    assert_true(ring_row_strike(&s, row, SLOT, 2));
}

static void beyond_the_horizon_nothing_is_taken(void **state)
{
    static const uint16_t full[] = { 0, 1, 2, 3 };
    static const uint16_t struck[] = { 0, 2, 3 };
    static const uint16_t joined[] = { 0, 2, 3, 6 };
    struct ring_shape s = shape_of(10, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < 5; i++)
        ring_row_offer(&s, row, SLOT, at(i + 1u, i));
    row_is(row, full, KEEP);
    ring_row_strike(&s, row, SLOT, 1);
    row_is(row, struck, 3);
    assert_true(ring_row_is_covered(&s, row, 3, 0));
    assert_false(ring_row_is_covered(&s, row, 4, 0));
    ring_row_offer(&s, row, SLOT, at(6, 5)); /* node 4 came before it, and was dropped */
    row_is(row, struck, 3);
    ring_row_offer(&s, row, SLOT, at(4, 6) + (UINT64_C(1) << 40));
    row_is(row, joined, KEEP);
}

/* The number of a horizon's node may serve again: the horizon forgets it and comes closer. */
static void a_horizon_outlives_its_node(void **state)
{
    struct ring_shape s = shape_of(10, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < 5; i++)
        ring_row_offer(&s, row, SLOT, at(i + 1u, i));
    assert_int_equal(ring_arrival_number(row[KEEP]), 4);
    assert_false(ring_row_strike(&s, row, SLOT, 4));
    assert_int_equal(ring_arrival_number(row[KEEP]), RING_NONE);
    assert_true(row[KEEP] < at(5, 0));
    assert_true(row[KEEP] > at(4, 3));
}

/* ---- ties: nodes whose first darts are made to measure */

/* The z for which ring_dart_mix gives `dart`, minus what dart 0 adds. */
static uint64_t nid_of_dart(uint64_t dart)
{
    uint64_t z = dart;

    z ^= z >> 31 ^ z >> 62;
    z *= UINT64_C(0x319642b2d24d8ec3);
    z ^= z >> 27 ^ z >> 54;
    z *= UINT64_C(0x96de1b173f119089);
    z ^= z >> 30 ^ z >> 60;
    assert_int_equal(ring_dart_mix(z), dart);
    return z - RING_DART_GOLDEN;
}

/* A node of weight 1 whose first dart hits SLOT after `delay`; `salt` tells nodes apart. */
static uint64_t tie_node(uint32_t bits, uint16_t number, uint32_t delay, uint64_t salt)
{
    uint64_t dart = (uint64_t)SLOT << (64 - bits) | salt << 32 | delay;

    entrant[number] = (struct ring_entrant){ .nid = nid_of_dart(dart), .weight = 1 };
    return ring_arrival(delay, ring_time_shift(bits), number);
}

static void tie_is(uint32_t bits, const uint64_t *arrival, const uint16_t *right, uint32_t n)
{
    struct ring_shape s = shape_of(bits, false);
    struct muster_rng rng;

    muster_rng_seed(&rng, bits);
    for (int round = 0; round < 50; round++) {
        uint64_t row[WORDS_MAX];
        uint32_t order[NODES];

        ring_row_clear(&s, row);
        muster_rng_permutation(&rng, order, n);
        for (uint32_t i = 0; i < n; i++)
            ring_row_offer(&s, row, SLOT, arrival[order[i]]);
        row_is(row, right, n < KEEP ? n : KEEP);
        if (n > KEEP)
            assert_int_equal(row[KEEP], arrival[right[KEEP]]);
    }
}

/* Equal to the last bit of time: the smaller nid wins, whatever its number. */
static void equal_times_are_settled_by_nid(void **state)
{
    uint64_t arrival[6];
    uint16_t right[6];

    (void)state;
    for (uint16_t i = 0; i < 6; i++) {
        arrival[i] = tie_node(10, i, 123456789, 7u * i + 1);
        right[i] = i;
    }
    for (uint32_t i = 0; i < 6; i++)
        for (uint32_t k = i + 1; k < 6; k++)
            if (entrant[right[k]].nid < entrant[right[i]].nid) {
                uint16_t swap = right[i];

                right[i] = right[k];
                right[k] = swap;
            }
    assert_int_not_equal(right[0] * 10 + right[1], 1); /* else numbers alone would do */
    tie_is(10, arrival, right, 6);
}

/* At 20 bits a word drops ten bits of time; they decide all the same. */
static void the_dropped_bits_of_time_decide(void **state)
{
    static const uint16_t right[] = { 4, 2, 0, 3, 1, 5 };
    uint64_t arrival[6];

    (void)state;
    for (uint16_t i = 0; i < 6; i++)
        arrival[right[i]] = tie_node(20, right[i], (1u << 20) + 100u * i, 40u - i);
    for (uint16_t i = 1; i < 6; i++)
        assert_true((arrival[i] ^ arrival[0]) < RING_ARRIVAL_TIE);
    tie_is(20, arrival, right, 6);
}

/* Who ties with the horizon is taken if he came before it, to the last bit. */
static void a_tie_with_the_horizon_is_settled(void **state)
{
    static const uint16_t struck[] = { 0, 2, 3 };
    static const uint16_t joined[] = { 0, 2, 3, 6 };
    struct ring_shape s = shape_of(20, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < 4; i++)
        ring_row_offer(&s, row, SLOT, tie_node(20, i, (i + 1u) << 16, i));
    ring_row_offer(&s, row, SLOT, tie_node(20, 4, (1u << 20) + 500, 4));
    ring_row_strike(&s, row, SLOT, 1);
    ring_row_offer(&s, row, SLOT, tie_node(20, 5, (1u << 20) + 900, 5));
    row_is(row, struck, 3);
    ring_row_offer(&s, row, SLOT, tie_node(20, 6, (1u << 20) + 100, 6));
    row_is(row, joined, 4);
}

/* What ties with a horizon whose node is gone may lie on either side of it, and is given up. */
static void a_tie_with_a_lost_horizon_is_unknown(void **state)
{
    struct ring_shape s = shape_of(20, false);
    uint64_t row[WORDS_MAX];

    (void)state;
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < 5; i++)
        ring_row_offer(&s, row, SLOT, tie_node(20, i, (1u << 20) + 10u * i, i));
    assert_true(ring_row_is_covered(&s, row, KEEP, 0));
    assert_true(ring_row_strike(&s, row, SLOT, 4));
    assert_false(ring_row_is_covered(&s, row, 1, 0));
}

/* ---- zones */

static void zones_keep_their_first_arrivals(void **state)
{
    static const uint32_t zone[NODES] = { 1, 1, 1, 1, 1, 1, 2, 3 };
    struct ring_shape s = shape_of(10, true);
    struct muster_rng rng;

    (void)state;
    for (uint16_t i = 0; i < NODES; i++)
        entrant[i] = (struct ring_entrant){ .nid = i, .weight = 1, .zone = zone[i] };
    muster_rng_seed(&rng, 3);
    for (int round = 0; round < 200; round++) {
        const uint64_t *first;
        uint64_t row[WORDS_MAX];
        uint32_t order[NODES];

        ring_row_clear(&s, row);
        first = row + KEEP + 1;
        muster_rng_permutation(&rng, order, NODES);
        for (uint32_t i = 0; i < NODES; i++)
            ring_row_offer(&s, row, SLOT, at(order[i] + 1, (uint16_t)order[i]));
        assert_int_equal(first[0], at(1, 0));
        assert_int_equal(first[1], at(7, 6));
        assert_int_equal(first[2], at(8, 7));
        assert_true(ring_row_strike(&s, row, SLOT, 0)); /* zone 1 has another in sight */
        assert_int_equal(first[0], at(2, 1));
        assert_true(ring_row_is_covered(&s, row, 3, 3));
    }
}

/* Somebody of zone 2 beyond the horizon might come before the joiner: better to know nothing. */
static void a_zone_without_a_known_heir_is_forgotten(void **state)
{
    struct ring_shape s = shape_of(10, true);
    uint64_t row[WORDS_MAX];

    (void)state;
    for (uint16_t i = 0; i < NODES; i++)
        entrant[i] = (struct ring_entrant){ .nid = i, .weight = 1, .zone = i >= 6 ? 2 : 1 };
    ring_row_clear(&s, row);
    for (uint16_t i = 0; i < 7; i++)
        ring_row_offer(&s, row, SLOT, at(i + 1u, i));
    assert_true(ring_row_is_covered(&s, row, 3, 2));
    assert_true(ring_row_strike(&s, row, SLOT, 6));
    ring_row_offer(&s, row, SLOT, at(9, 7));
    ring_row_offer(&s, row, SLOT, at(1, 5));
    assert_false(ring_row_is_covered(&s, row, 1, 0));
    assert_false(ring_row_is_covered(&s, row, 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrivals_sort_whatever_their_order),
        cmocka_unit_test(a_nodes_first_dart_counts),
        cmocka_unit_test(only_the_first_r_are_news),
        cmocka_unit_test(beyond_the_horizon_nothing_is_taken),
        cmocka_unit_test(a_horizon_outlives_its_node),
        cmocka_unit_test(equal_times_are_settled_by_nid),
        cmocka_unit_test(the_dropped_bits_of_time_decide),
        cmocka_unit_test(a_tie_with_the_horizon_is_settled),
        cmocka_unit_test(a_tie_with_a_lost_horizon_is_unknown),
        cmocka_unit_test(zones_keep_their_first_arrivals),
        cmocka_unit_test(a_zone_without_a_known_heir_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
