/* SPDX-License-Identifier: Apache-2.0 */
/* Balance and movement: shares are as the weights, and a change moves no more than it must. */
#include "ring/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

#define REPLICAS 3

struct crowd {
    struct ring *ring;
    uint32_t bits;
    uint32_t n;
    uint64_t weight; /* of all */
    struct reference_id *id;
    struct ring_node *node;
    uint16_t *number;
};

static uint32_t crowd_slots(const struct crowd *c)
{
    return UINT32_C(1) << c->bits;
}

static void crowd_open(struct crowd *c, uint32_t bits, uint32_t n, uint32_t weights, uint64_t seed)
{
    struct ring_config config = { .bits = bits, .replicas = REPLICAS, .nodes_max = n + 1 };
    struct muster_rng rng;

    *c = (struct crowd){ .bits = bits, .n = n };
    c->id = test_malloc(n * sizeof *c->id);
    c->node = test_malloc(n * sizeof *c->node);
    c->number = test_malloc(n * sizeof *c->number);
    muster_rng_seed(&rng, seed);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t weight = 1 + (uint32_t)muster_rng_below(&rng, weights);

        c->node[i] = reference_ring_node(&c->id[i], (uint32_t)(seed << 16) + i, weight, 0);
        c->weight += weight;
    }
    assert_int_equal(ring_open(&c->ring, &config), MUSTER_OK);
    assert_int_equal(ring_set(c->ring, c->node, n, c->number), MUSTER_OK);
}

static void crowd_close(struct crowd *c)
{
    ring_close(c->ring);
    test_free(c->id);
    test_free(c->node);
    test_free(c->number);
}

/* Slots owned, by number. */
static uint32_t *crowd_owned(const struct crowd *c)
{
    uint32_t *owned = test_calloc(c->n + 1, sizeof *owned);

    for (uint32_t slot = 0; slot < crowd_slots(c); slot++) {
        uint16_t list[RING_REPLICAS_MAX];

        ring_prefer(c->ring, slot, list);
        owned[list[0]]++;
    }
    return owned;
}

/* ---- balance */

/* Variance of load / expected, load-weighted, in millionths; the square of the page's "load std".
   */
static uint64_t crowd_variance(const struct crowd *c)
{
    uint32_t *owned = crowd_owned(c);
    double sum = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        double share = (double)c->node[i].weight / (double)c->weight;
        double ratio = owned[c->number[i]] / (share * crowd_slots(c));

        sum += share * (ratio - 1) * (ratio - 1);
    }
    test_free(owned);
    return (uint64_t)(sum * 1e6);
}

/* The page's formula, std = 0.71 * sqrt(W / (P w)), weighted over the nodes, is variance n / 2P. */
static void loads_are_as_even_as_slots_allow(void **state)
{
    static const struct {
        uint32_t bits, n, weights;
        uint32_t std; /* the page's, in thousandths */
        uint32_t sets;
    } cases[] = {
        { 16, 10, 64, 9, 12 },
        { 16, 100, 64, 26, 4 },
        { 16, 1000, 64, 87, 2 },
        { 16, 10000, 64, 280, 1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint64_t right = cases[i].std * cases[i].std;
        uint64_t sum = 0;

        for (uint32_t seed = 0; seed < cases[i].sets; seed++) {
            struct crowd c;

            crowd_open(&c, cases[i].bits, cases[i].n, cases[i].weights, seed);
            sum += crowd_variance(&c);
            crowd_close(&c);
        }
        assert_in_range(sum / cases[i].sets, right * 3 / 4, right * 5 / 4);
    }
}

static int weight_compare(const void *a, const void *b)
{
    const struct ring_node *x = a;
    const struct ring_node *y = b;

    return x->weight < y->weight ? -1 : x->weight > y->weight;
}

/* The light half of the nodes must not win more than is due to it, nor less. */
static void light_and_heavy_get_what_they_weigh(void **state)
{
    static const struct {
        uint32_t bits, n, weights;
    } cases[] = {
        { 16, 100, 64 },
        { 16, 600, 64 },
        { 16, 600, 1000 },
        { 18, 1000, 65535 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint64_t light_weight = 0;
        uint64_t light_slots = 0;
        uint32_t *owned;
        uint64_t due;
        struct crowd c;

        crowd_open(&c, cases[i].bits, cases[i].n, cases[i].weights, 1);
        owned = crowd_owned(&c);
        qsort(c.node, c.n, sizeof *c.node, weight_compare);
        assert_int_equal(ring_set(c.ring, c.node, c.n, c.number), MUSTER_OK);
        for (uint32_t k = 0; k < c.n / 2; k++) {
            light_weight += c.node[k].weight;
            light_slots += owned[c.number[k]];
        }
        due = light_weight * crowd_slots(&c) / c.weight;
        assert_in_range(light_slots, due - due / 100, due + due / 100);
        due = crowd_slots(&c) - due;
        assert_in_range(crowd_slots(&c) - light_slots, due - due / 100, due + due / 100);
        test_free(owned);
        crowd_close(&c);
    }
}

/* ---- movement */

/* Owners and copies that moved, and what w / W would have. */
struct moved {
    uint64_t owners;
    uint64_t owners_due; /* times W, for the division comes last */
    uint64_t copies;
};

static bool list_has(const uint16_t *list, uint16_t number)
{
    for (uint32_t i = 0; i < REPLICAS; i++)
        if (list[i] == number)
            return true;
    return false;
}

/* `with` is `without` and the node somewhere in it; the last one may have fallen off the end. */
static void list_is_joined(const uint16_t *without, const uint16_t *with, uint16_t number)
{
    uint32_t k = 0;

    assert_true(list_has(with, number));
    assert_false(list_has(without, number));
    for (uint32_t i = 0; i < REPLICAS; i++)
        if (with[i] != number)
            assert_int_equal(with[i], without[k++]);
}

/* Looks at every slot, not only at those that were told: what is not told must not have moved. */
static void moved_count(struct moved *m, const struct crowd *c,
                        uint16_t (*before)[RING_REPLICAS_MAX], uint16_t number, bool is_join)
{
    uint32_t told;
    uint32_t seen = 0;

    ring_changes(c->ring, &told);
    for (uint32_t slot = 0; slot < crowd_slots(c); slot++) {
        uint16_t after[RING_REPLICAS_MAX];

        ring_prefer(c->ring, slot, after);
        if (memcmp(before[slot], after, sizeof after) == 0)
            continue;
        seen++;
        if (is_join)
            list_is_joined(before[slot], after, number);
        else
            list_is_joined(after, before[slot], number);
        m->owners += before[slot][0] != after[0];
        m->copies++;
        memcpy(before[slot], after, sizeof after);
    }
    assert_int_equal(seen, told);
}

static void moved_ratio_is_one(const char *what, uint64_t moved, uint64_t due, uint32_t low,
                               uint32_t high)
{
    uint64_t ratio = moved * 1000 / due;

    if (ratio < low || ratio > high)
        fail_msg("%s: %u thousandths of what is due", what, (unsigned)ratio);
}

/* Nodes leave and return, one after the other: keys go only from the leaver and only to the
   joiner. */
static void only_the_one_who_moves_moves_keys(void **state)
{
    static const struct {
        uint32_t bits, n, changes;
    } cases[] = { { 16, 100, 40 }, { 16, 600, 60 }, { 18, 100, 20 } };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct moved m = { 0 };
        uint16_t(*before)[RING_REPLICAS_MAX];
        struct crowd c;

        crowd_open(&c, cases[i].bits, cases[i].n, 64, 3);
        before = test_malloc(crowd_slots(&c) * sizeof *before);
        for (uint32_t slot = 0; slot < crowd_slots(&c); slot++)
            ring_prefer(c.ring, slot, before[slot]);
        for (uint32_t k = 0; k < cases[i].changes; k++) {
            uint16_t number;

            assert_int_equal(ring_leave(c.ring, c.node[k].id), MUSTER_OK);
            moved_count(&m, &c, before, c.number[k], false);
            assert_int_equal(ring_join(c.ring, &c.node[k], &number), MUSTER_OK);
            moved_count(&m, &c, before, number, true);
            m.owners_due += 2 * (uint64_t)c.node[k].weight * crowd_slots(&c);
        }
        moved_ratio_is_one("owners", m.owners, m.owners_due / c.weight, 950, 1050);
        moved_ratio_is_one("copies", m.copies, REPLICAS * m.owners_due / c.weight, 950, 1060);
        test_free(before);
        crowd_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_are_as_even_as_slots_allow),
        cmocka_unit_test(light_and_heavy_get_what_they_weigh),
        cmocka_unit_test(only_the_one_who_moves_moves_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
