/* SPDX-License-Identifier: Apache-2.0 */
/* Histories: whatever joins and leaves led to a member set, the lists are those of a fresh start,
 * and the changes that were told on the way add up to them. */
#include "ring/ring.h"

#include <string.h>

#include "base/rng.h"
#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

#define NODES_MAX 400

/* A crowd of nodes, some of which are members, and what an observer of the changes believes. */
struct history {
    struct ring_config config;
    struct ring *ring;
    struct muster_rng rng;
    uint32_t crowd;
    uint32_t weights; /* 1 .. weights */
    uint32_t zones;
    struct reference_id id[NODES_MAX];
    struct ring_node node[NODES_MAX]; /* as they are, or would be as members */
    bool is_member[NODES_MAX];
    uint32_t members;
    uint32_t holder[NODES_MAX]; /* by number: who has it, as the observer knows */
    uint32_t *list;             /* by slot: crowd indices, UINT32_MAX past the end */
};

#define NOBODY UINT32_MAX

static uint32_t history_slots(const struct history *h)
{
    return UINT32_C(1) << h->config.bits;
}

static void history_open(struct history *h, const struct ring_config *c, uint32_t crowd,
                         uint32_t weights, uint32_t zones, uint64_t seed)
{
    size_t entries = ((size_t)1 << c->bits) * RING_REPLICAS_MAX;

    memset(h, 0, sizeof *h);
    h->config = *c;
    h->crowd = crowd;
    h->weights = weights;
    h->zones = zones;
    muster_rng_seed(&h->rng, seed);
    for (uint32_t i = 0; i < crowd; i++)
        h->node[i] =
            reference_ring_node(&h->id[i], i, 1 + (uint32_t)muster_rng_below(&h->rng, weights),
                                zones == 0 ? 0 : (uint32_t)muster_rng_below(&h->rng, zones));
    h->list = test_malloc(entries * sizeof *h->list);
    memset(h->list, 0xFF, entries * sizeof *h->list);
    memset(h->holder, 0xFF, sizeof h->holder);
    assert_int_equal(ring_open(&h->ring, c), MUSTER_OK);
}

static void history_close(struct history *h)
{
    ring_close(h->ring);
    test_free(h->list);
}

/* The observer's turn: each list that changed must have been what he believed it to be. */
static void history_observe(struct history *h, const uint32_t holder_before[NODES_MAX])
{
    uint32_t n;
    const struct ring_change *change = ring_changes(h->ring, &n);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t *list = &h->list[(size_t)change[i].slot * RING_REPLICAS_MAX];
        bool is_news = false;

        for (uint32_t k = 0; k < RING_REPLICAS_MAX; k++) {
            uint16_t before = change[i].before[k];
            uint16_t after = change[i].after[k];
            uint32_t was = list[k];

            assert_int_equal(was, before == RING_NONE ? NOBODY : holder_before[before]);
            list[k] = after == RING_NONE ? NOBODY : h->holder[after];
            is_news |= list[k] != was;
        }
        assert_true(is_news);
    }
}

/* The observer's lists are the ring's, and the ring's are those of a ring that knew all at once. */
static void history_check(const struct history *h)
{
    struct ring_node nodes[NODES_MAX] = { 0 };
    uint32_t index[NODES_MAX];
    uint16_t number[NODES_MAX];
    uint32_t by_number[NODES_MAX];
    struct ring *fresh;
    uint32_t n = 0;

    for (uint32_t i = h->crowd; i-- > 0;)
        if (h->is_member[i]) {
            index[n] = i;
            nodes[n++] = h->node[i];
        }
    assert_int_equal(ring_open(&fresh, &h->config), MUSTER_OK);
    assert_int_equal(ring_set(fresh, nodes, n, number), MUSTER_OK);
    for (uint32_t i = 0; i < n; i++)
        by_number[number[i]] = index[i];
    assert_int_equal(ring_digest(fresh), ring_digest(h->ring));
    assert_int_equal(ring_count(fresh), ring_count(h->ring));
    for (uint32_t slot = 0; slot < history_slots(h); slot++) {
        uint16_t list[RING_REPLICAS_MAX];
        uint16_t right[RING_REPLICAS_MAX];
        uint32_t len = ring_prefer(fresh, slot, right);

        assert_int_equal(ring_prefer(h->ring, slot, list), len);
        for (uint32_t k = 0; k < RING_REPLICAS_MAX; k++) {
            uint32_t wanted = right[k] == RING_NONE ? NOBODY : by_number[right[k]];

            assert_int_equal(k < len, right[k] != RING_NONE);
            assert_int_equal(list[k] == RING_NONE ? NOBODY : h->holder[list[k]], wanted);
            assert_int_equal(h->list[(size_t)slot * RING_REPLICAS_MAX + k], wanted);
        }
    }
    ring_close(fresh);
}

/* ---- one change each */

static void history_join(struct history *h, uint32_t i)
{
    uint32_t before[NODES_MAX];
    uint16_t number;

    memcpy(before, h->holder, sizeof before);
    assert_int_equal(ring_join(h->ring, &h->node[i], &number), MUSTER_OK);
    if (h->is_member[i])
        assert_int_equal(before[number], i); /* a member keeps its number */
    h->members += !h->is_member[i];
    h->is_member[i] = true;
    h->holder[number] = i;
    history_observe(h, before);
}

static void history_leave(struct history *h, uint32_t i)
{
    assert_int_equal(ring_leave(h->ring, h->node[i].id), MUSTER_OK);
    h->is_member[i] = false;
    h->members--;
    history_observe(h, h->holder);
}

/* A new weight, 0 in one of eight; a node that drains keeps its number but no place. */
static void history_reweigh(struct history *h, uint32_t i)
{
    h->node[i].weight =
        muster_rng_chance(&h->rng, 1, 8) ? 0 : 1 + (uint32_t)muster_rng_below(&h->rng, h->weights);
    if (h->zones > 0)
        h->node[i].zone = (uint32_t)muster_rng_below(&h->rng, h->zones);
    history_join(h, i);
}

/* Each of the crowd changes sides with a chance of 1 in `in`, all at once. */
static void history_set(struct history *h, uint32_t in)
{
    struct ring_node nodes[NODES_MAX] = { 0 };
    uint32_t index[NODES_MAX];
    uint16_t number[NODES_MAX];
    uint32_t before[NODES_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < h->crowd; i++) {
        h->is_member[i] ^= muster_rng_chance(&h->rng, 1, in);
        if (h->is_member[i] && n == h->config.nodes_max)
            h->is_member[i] = false;
        if (!h->is_member[i])
            continue;
        index[n] = i;
        nodes[n++] = h->node[i];
    }
    h->members = n;
    memcpy(before, h->holder, sizeof before);
    assert_int_equal(ring_set(h->ring, nodes, n, number), MUSTER_OK);
    for (uint32_t i = 0; i < n; i++)
        h->holder[number[i]] = index[i];
    history_observe(h, before);
}

static void history_step(struct history *h)
{
    uint32_t i = (uint32_t)muster_rng_below(&h->rng, h->crowd);

    if (muster_rng_chance(&h->rng, 1, 12))
        history_set(h, 3 + (uint32_t)muster_rng_below(&h->rng, 20));
    else if (!h->is_member[i] && h->members < h->config.nodes_max)
        history_join(h, i);
    else if (h->is_member[i] && muster_rng_chance(&h->rng, 1, 3))
        history_reweigh(h, i);
    else if (h->is_member[i])
        history_leave(h, i);
}

/* ---- the stories */

struct story {
    uint32_t bits;
    uint32_t replicas;
    uint32_t crowd;
    uint32_t nodes_max;
    uint32_t weights;
    uint32_t zones; /* 0: off */
    uint32_t histories;
    uint32_t steps;
};

static void story_tell(const struct story *s)
{
    struct history *h = test_malloc(sizeof *h);

    for (uint32_t seed = 0; seed < s->histories; seed++) {
        struct ring_config c = {
            .bits = s->bits,
            .replicas = s->replicas,
            .nodes_max = s->nodes_max,
            .zones = s->zones > 0,
        };

        history_open(h, &c, s->crowd, s->weights, s->zones, seed);
        history_set(h, 2);
        for (uint32_t step = 0; step < s->steps; step++) {
            history_step(h);
            if (seed % 2 == 1 && muster_rng_chance(&h->rng, 1, 3))
                ring_rest(h->ring); /* nobody sees it, the observer of changes included */
            if (step % 8 == 7)
                history_check(h);
        }
        history_check(h);
        history_close(h);
    }
    test_free(h);
}

/* The figure of docs/design.md: 40 histories, and not one entry differs. */
static void no_history_shows_in_the_lists(void **state)
{
    static const struct story stories[] = {
        { 12, 3, 40, 40, 64, 0, 40, 40 },  { 12, 3, 400, 400, 64, 0, 3, 60 },
        { 11, 1, 30, 30, 64, 0, 10, 60 },  { 11, 2, 30, 30, 1000, 0, 10, 60 },
        { 11, 4, 30, 30, 8, 0, 10, 60 },   { 10, 3, 200, 200, 65535, 0, 10, 60 },
        { 16, 3, 100, 100, 64, 0, 1, 40 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(stories); i++)
        story_tell(&stories[i]);
}

/* Around K nodes the table changes its ways: complete, not complete, and back. */
static void small_clusters_come_and_go(void **state)
{
    static const struct story stories[] = {
        { 10, 3, 4, 4, 64, 0, 10, 120 },   { 10, 3, 8, 8, 64, 0, 20, 120 },
        { 10, 1, 5, 5, 4, 0, 10, 120 },    { 10, 4, 9, 9, 65535, 0, 10, 120 },
        { 10, 3, 7, 7, 1000, 0, 10, 120 }, { 6, 3, 9, 9, 8, 0, 20, 120 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(stories); i++)
        story_tell(&stories[i]);
}

static void zones_keep_no_history_either(void **state)
{
    static const struct story stories[] = {
        { 10, 3, 60, 60, 64, 3, 8, 60 }, { 10, 3, 60, 60, 64, 2, 8, 60 },
        { 10, 2, 40, 40, 16, 9, 8, 60 }, { 10, 4, 24, 24, 16, 4, 8, 60 },
        { 10, 3, 20, 20, 64, 1, 8, 60 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(stories); i++)
        story_tell(&stories[i]);
}

/* Every list has to name the first node of a zone that none has heard of before. */
static void a_zone_is_founded_and_lost(void **state)
{
    struct ring_config c = { .bits = 10, .replicas = 3, .nodes_max = 40, .zones = true };
    struct history *h = test_malloc(sizeof *h);

    (void)state;
    history_open(h, &c, 40, 64, 1, 11);
    for (uint32_t i = 0; i < 38; i++)
        history_join(h, i);
    h->node[38].zone = 1;
    h->node[39].zone = 2;
    for (uint32_t round = 0; round < 4; round++) {
        history_join(h, 38);
        history_check(h);
        history_join(h, 39);
        history_check(h);
        history_leave(h, 38 + round % 2);
        history_check(h);
        history_leave(h, 39 - round % 2);
        history_check(h);
    }
    history_close(h);
    test_free(h);
}

/* A ring without a spare number has to give a leaver's number away at once. */
static void a_full_ring_tells_heirs_from_their_dead(void **state)
{
    static const struct story story = { 10, 3, 60, 12, 64, 0, 20, 60 };

    (void)state;
    story_tell(&story);
}

/* Leavers one by one until nobody is left: each leave needs only what the rows still know. */
static void a_cluster_dies_node_by_node(void **state)
{
    struct ring_config c = { .bits = 11, .replicas = 3, .nodes_max = 100 };
    struct history *h = test_malloc(sizeof *h);

    (void)state;
    history_open(h, &c, 100, 64, 0, 7);
    for (uint32_t i = 0; i < h->crowd; i++)
        history_join(h, i);
    for (uint32_t i = 0; i < h->crowd; i++) {
        history_leave(h, i);
        history_check(h);
    }
    assert_int_equal(ring_count(h->ring), 0);
    history_close(h);
    test_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_history_shows_in_the_lists),
        cmocka_unit_test(small_clusters_come_and_go),
        cmocka_unit_test(zones_keep_no_history_either),
        cmocka_unit_test(a_zone_is_founded_and_lost),
        cmocka_unit_test(a_full_ring_tells_heirs_from_their_dead),
        cmocka_unit_test(a_cluster_dies_node_by_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
