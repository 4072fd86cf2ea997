/* SPDX-License-Identifier: Apache-2.0 */
/* The spill rule: its three steps, and how far jobs have to go when a cluster fills up. */
#include "ring/load.h"

#include <string.h>

#include "base/rng.h"
#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

#define NODES_MAX 1000

struct cluster {
    struct ring *ring;
    uint32_t nodes;
    uint32_t weight; /* of all */
    uint32_t used[NODES_MAX];
    uint32_t capacity[NODES_MAX];
    bool is_alive[NODES_MAX];
};

static void cluster_open(struct cluster *c, uint32_t bits, uint32_t nodes, uint32_t weights)
{
    struct ring_config config = { .bits = bits, .replicas = 3, .nodes_max = NODES_MAX };
    struct ring_node *node = test_malloc(nodes * sizeof *node);
    struct reference_id *id = test_malloc(nodes * sizeof *id);
    uint16_t *number = test_malloc(nodes * sizeof *number);
    struct muster_rng rng;

    memset(c, 0, sizeof *c);
    c->nodes = nodes;
    muster_rng_seed(&rng, nodes);
    for (uint32_t i = 0; i < nodes; i++)
        node[i] = reference_ring_node(&id[i], i, 1 + (uint32_t)muster_rng_below(&rng, weights), 0);
    assert_int_equal(ring_open(&c->ring, &config), MUSTER_OK);
    assert_int_equal(ring_set(c->ring, node, nodes, number), MUSTER_OK);
    for (uint32_t i = 0; i < nodes; i++) {
        c->capacity[number[i]] = node[i].weight;
        c->is_alive[number[i]] = true;
        c->weight += node[i].weight;
    }
    test_free(node);
    test_free(id);
    test_free(number);
}

static struct ring_load_choice cluster_choose(const struct cluster *c, struct muster_bytes key,
                                              uint32_t units)
{
    struct ring_load_view view = { c->used, c->capacity, c->is_alive };

    return ring_load_choose(c->ring, key, &view, units);
}

static void the_order_comes_first(void **state)
{
    struct muster_bytes key = muster_bytes_text("bot-7");
    struct cluster *c = test_malloc(sizeof *c);
    uint16_t order[RING_ORDER_MAX];
    uint32_t n;

    (void)state;
    cluster_open(c, 10, 20, 4);
    n = ring_order(c->ring, ring_slot(c->ring, key), order);
    assert_int_equal(n, 5);
    for (uint32_t i = 0; i < n; i++) {
        struct ring_load_choice choice = cluster_choose(c, key, 1);

        assert_int_equal(choice.step, RING_LOAD_ORDER);
        assert_int_equal(choice.rank, i);
        assert_int_equal(choice.node, order[i]);
        if (i % 2 == 0)
            c->is_alive[order[i]] = false;
        else
            c->used[order[i]] = c->capacity[order[i]];
    }
    ring_close(c->ring);
    test_free(c);
}

static void then_come_the_draws_and_then_it_waits(void **state)
{
    struct muster_bytes key = muster_bytes_text("bot-8");
    struct cluster *c = test_malloc(sizeof *c);
    uint16_t order[RING_ORDER_MAX];
    uint32_t n;
    uint32_t rank = 0;

    (void)state;
    cluster_open(c, 10, 20, 4);
    n = ring_order(c->ring, ring_slot(c->ring, key), order);
    for (uint32_t i = 0; i < n; i++)
        c->is_alive[order[i]] = false;
    for (;;) {
        struct ring_load_choice choice = cluster_choose(c, key, 1);

        if (choice.step == RING_LOAD_WAITS) {
            assert_int_equal(choice.node, RING_NONE);
            break;
        }
        assert_int_equal(choice.step, RING_LOAD_DRAW);
        assert_in_range(choice.rank, rank + 1, RING_DRAWS);
        rank = choice.rank;
        assert_int_equal(choice.node, ring_draw(c->ring, key, rank));
        c->used[choice.node] = c->capacity[choice.node];
    }
    assert_true(rank > 1);
    ring_close(c->ring);
    test_free(c);
}

/* Full means full for this job: a bigger one goes on where a smaller one stays. */
static void a_job_of_many_units_needs_them_all(void **state)
{
    static const struct {
        uint32_t used, capacity, units;
        bool fits;
    } cases[] = {
        { 0, 4, 4, true },  { 0, 4, 5, false },          { 3, 4, 1, true },
        { 3, 4, 2, false }, { 4, 4, 0, true },           { 5, 4, 0, false },
        { 0, 0, 1, false }, { 3, 4, UINT32_MAX, false }, { UINT32_MAX, UINT32_MAX, 1, false },
    };
    struct muster_bytes key = muster_bytes_text("bot-9");
    struct cluster *c = test_malloc(sizeof *c);
    uint16_t order[RING_ORDER_MAX];

    (void)state;
    cluster_open(c, 10, 20, 4);
    ring_order(c->ring, ring_slot(c->ring, key), order);
    for (uint32_t i = 0; i < c->nodes; i++)
        c->is_alive[i] = i == order[0];
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        c->used[order[0]] = cases[i].used;
        c->capacity[order[0]] = cases[i].capacity;
        assert_int_equal(cluster_choose(c, key, cases[i].units).node,
                         cases[i].fits ? order[0] : RING_NONE);
    }
    ring_close(c->ring);
    test_free(c);
}

static void nobody_is_chosen_from_an_empty_ring(void **state)
{
    struct ring_config config = { .bits = 10, .replicas = 3, .nodes_max = 4 };
    struct ring_load_view view = { 0 };
    struct ring_load_choice choice;
    struct ring *r;

    (void)state;
    assert_int_equal(ring_open(&r, &config), MUSTER_OK);
    choice = ring_load_choose(r, muster_bytes_text("job"), &view, 1);
    assert_int_equal(choice.node, RING_NONE);
    assert_int_equal(choice.step, RING_LOAD_WAITS);
    ring_close(r);
}

/* ---- a cluster of a thousand nodes fills up with jobs of one unit */

struct spill {
    uint32_t jobs;
    uint32_t primary;
    uint32_t replicas; /* within R, the primary among them */
    uint32_t order;    /* within K */
    uint32_t draw;
};

static void spill_place(struct spill *s, struct cluster *c, uint64_t key)
{
    struct ring_load_choice choice = cluster_choose(c, MUSTER_BYTES(&key, sizeof key), 1);

    s->jobs++;
    if (choice.step == RING_LOAD_ORDER) {
        s->primary += choice.rank == 0;
        s->replicas += choice.rank < 3;
        s->order++;
    }
    s->draw += choice.step == RING_LOAD_DRAW;
    if (choice.node == RING_NONE)
        return;
    c->used[choice.node]++;
    assert_true(c->used[choice.node] <= c->capacity[choice.node]);
}

static void share_is_about(uint32_t jobs, uint32_t of, uint32_t per_10000)
{
    uint32_t share = (uint32_t)(jobs * UINT64_C(10000) / of);

    assert_in_range(share + 40, per_10000, per_10000 + 80); /* one seed's luck: 0.4 % */
}

/* The figures of docs/design.md, per ten thousand jobs. */
static void few_jobs_go_far_in_a_full_cluster(void **state)
{
    static const struct {
        uint32_t percent;
        uint32_t primary, replicas, order, draw;
    } levels[] = {
        { 80, 9840, 10000, 10000, 0 },
        { 90, 9570, 9980, 9998, 2 },
        { 95, 9320, 9900, 9970, 30 },
        { 99, 9030, 9710, 9840, 150 },
    };
    struct cluster *c = test_malloc(sizeof *c);
    struct spill s = { 0 };
    struct muster_rng rng;

    (void)state;
    cluster_open(c, 16, 1000, 64);
    muster_rng_seed(&rng, 17);
    for (size_t i = 0; i < UNIT_COUNT(levels); i++) {
        while (s.jobs < c->weight / 100 * levels[i].percent)
            spill_place(&s, c, muster_rng_next(&rng));
        share_is_about(s.primary, s.jobs, levels[i].primary);
        share_is_about(s.replicas, s.jobs, levels[i].replicas);
        share_is_about(s.order, s.jobs, levels[i].order);
        share_is_about(s.draw, s.jobs, levels[i].draw);
    }
    share_is_about(s.jobs - s.order - s.draw, s.jobs, 10); /* waiting */
    ring_close(c->ring);
    test_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_comes_first),
        cmocka_unit_test(then_come_the_draws_and_then_it_waits),
        cmocka_unit_test(a_job_of_many_units_needs_them_all),
        cmocka_unit_test(nobody_is_chosen_from_an_empty_ring),
        cmocka_unit_test(few_jobs_go_far_in_a_full_cluster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
