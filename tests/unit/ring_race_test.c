/* SPDX-License-Identifier: Apache-2.0 */
/* The race against brute force where it is hard: zones, crowds that tie, weights far apart. */
#include "ring/ring.h"

#include <string.h>

#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

struct race {
    uint32_t bits;
    uint32_t replicas;
    uint32_t n;
    uint32_t weights; /* 1 .. weights; all of it when `is_heavy` */
    bool is_heavy;
    uint32_t giant; /* weight of the first node, 0: like the others */
    uint32_t zones; /* 0: off */
    uint32_t alone; /* so many nodes in zone 0, the others spread over the rest; 0: spread all */
};

struct crowd {
    struct reference_id *id;
    struct ring_node *node;
    struct reference_node *reference;
    uint16_t *number;
    uint32_t *index; /* by number */
};

static void crowd_open(struct crowd *c, const struct race *race)
{
    c->id = test_malloc(race->n * sizeof *c->id);
    c->node = test_malloc(race->n * sizeof *c->node);
    c->reference = test_malloc(race->n * sizeof *c->reference);
    c->number = test_malloc(race->n * sizeof *c->number);
    c->index = test_malloc(race->n * sizeof *c->index);
    reference_nodes(c->reference, race->n, race->n, race->weights);
    for (uint32_t i = 0; i < race->n; i++) {
        struct reference_node *r = &c->reference[i];

        if (race->is_heavy)
            r->weight = race->weights;
        if (i == 0 && race->giant > 0)
            r->weight = race->giant;
        if (race->zones > 0)
            r->zone = race->alone == 0  ? i % race->zones
                      : i < race->alone ? 0
                                        : 1 + i % (race->zones - 1);
        c->node[i] = reference_ring_node(&c->id[i], i, r->weight, r->zone);
        r->nid = ring_nid(c->node[i].id);
    }
}

static void crowd_close(struct crowd *c)
{
    test_free(c->id);
    test_free(c->node);
    test_free(c->reference);
    test_free(c->number);
    test_free(c->index);
}

static void race_slot(const struct race *race, const struct crowd *c, const struct ring *r,
                      const struct reference *right, uint32_t slot)
{
    uint32_t list[RING_REPLICAS_MAX];
    uint32_t order[RING_ORDER_MAX];
    uint16_t has[RING_REPLICAS_MAX];
    uint16_t has_order[RING_ORDER_MAX];
    uint32_t n = reference_list(right, slot, race->replicas, race->zones > 0, list);

    assert_int_equal(ring_prefer(r, slot, has), n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(c->index[has[i]], list[i]);
    n = ring_order(r, slot, has_order);
    assert_true(n >= (race->n < race->replicas ? race->n : race->replicas));
    if (reference_order(right, slot, order, n) < n)
        n = reference_order(right, slot, order, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(c->index[has_order[i]], order[i]);
}

/* Nodes that only the nid sorts, where a list shows it. */
static uint32_t race_ties(const struct race *race, const struct reference *r)
{
    uint32_t ties = 0;

    for (uint32_t slot = 0; slot < UINT32_C(1) << race->bits; slot++)
        for (uint64_t i = r->first[slot]; i < r->first[slot] + race->replicas; i++)
            ties += i + 1 < r->first[slot + 1] && r->hit[i].time == r->hit[i + 1].time;
    return ties;
}

/* Returns how many ties the race had. */
static uint32_t race_run(const struct race *race)
{
    struct ring_config config = {
        .bits = race->bits,
        .replicas = race->replicas,
        .nodes_max = race->n,
        .zones = race->zones > 0,
    };
    uint32_t zones = race->zones < race->replicas ? race->zones : race->replicas;
    struct reference right;
    struct crowd c;
    struct ring *r;
    uint32_t ties;

    crowd_open(&c, race);
    reference_open(&right, race->bits, c.reference, race->n, race->replicas, zones);
    assert_int_equal(ring_open(&r, &config), MUSTER_OK);
    assert_int_equal(ring_set(r, c.node, race->n, c.number), MUSTER_OK);
    for (uint32_t i = 0; i < race->n; i++)
        c.index[c.number[i]] = i;
    for (uint32_t slot = 0; slot < UINT32_C(1) << race->bits; slot++)
        race_slot(race, &c, r, &right, slot);
    ties = race_ties(race, &right);
    ring_close(r);
    reference_close(&right);
    crowd_close(&c);
    return ties;
}

static void weights_may_be_far_apart(void **state)
{
    static const struct race races[] = {
        { .bits = 6, .replicas = 3, .n = 9, .weights = 8 },
        { .bits = 6, .replicas = 3, .n = 40, .weights = 1, .giant = 1000 },
        { .bits = 10, .replicas = 3, .n = 1, .weights = 1 },
        { .bits = 10, .replicas = 3, .n = 2, .weights = 64 },
        { .bits = 10, .replicas = 3, .n = 3, .weights = 1, .giant = 1000 },
        { .bits = 10, .replicas = 3, .n = 6, .weights = 1, .giant = 1000 },
        { .bits = 10, .replicas = 4, .n = 20, .weights = 1, .giant = 65535 },
        { .bits = 10, .replicas = 1, .n = 7, .weights = 1, .giant = 65535 },
        { .bits = 12, .replicas = 3, .n = 100, .weights = 1000 },
        { .bits = 10, .replicas = 3, .n = 3000, .weights = 64 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(races); i++)
        (void)race_run(&races[i]);
}

/* So much weight that many darts fly at the same time: 10 bits compare whole times, 12 bits do
   not. */
static void crowds_tie_and_are_told_apart(void **state)
{
    static const struct race races[] = {
        { .bits = 10, .replicas = 3, .n = 60000, .weights = 65535, .is_heavy = true },
        { .bits = 12, .replicas = 3, .n = 60000, .weights = 65535, .is_heavy = true },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(races); i++)
        assert_true(race_run(&races[i]) > 0);
}

static void zones_stand_apart(void **state)
{
    static const struct race races[] = {
        { .bits = 10, .replicas = 3, .n = 60, .weights = 64, .zones = 3 },
        { .bits = 10, .replicas = 3, .n = 60, .weights = 64, .zones = 2 },
        { .bits = 10, .replicas = 3, .n = 60, .weights = 64, .zones = 7 },
        { .bits = 10, .replicas = 4, .n = 40, .weights = 64, .zones = 3 },
        { .bits = 10, .replicas = 2, .n = 40, .weights = 64, .zones = 40 },
        { .bits = 10, .replicas = 3, .n = 5, .weights = 64, .zones = 2 },
        { .bits = 10, .replicas = 3, .n = 2, .weights = 64, .zones = 2 },
        { .bits = 10, .replicas = 3, .n = 30, .weights = 64, .zones = 1 },
        /* one light node alone in its zone: every list has it */
        { .bits = 10, .replicas = 3, .n = 100, .weights = 64, .zones = 2, .alone = 1 },
        { .bits = 10, .replicas = 3, .n = 100, .weights = 64, .zones = 3, .alone = 2 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(races); i++)
        (void)race_run(&races[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_may_be_far_apart),
        cmocka_unit_test(crowds_tie_and_are_told_apart),
        cmocka_unit_test(zones_stand_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
