/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of several nodes: the interleavings of the design's section 17, and the growth of a
 * cluster. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

static bool benches_are_full(struct pool *p)
{
    for (uint32_t b = 0; b < p->buckets; b++) {
        if (pool_bench_size(p, b) != p->replicas)
            return false;
    }
    return true;
}

/* A cluster founded by node 0 and joined by the others, its benches grown. */
static struct pool *cluster(uint32_t nodes, uint32_t buckets, uint64_t seed)
{
    struct pool *p = malloc(sizeof *p);

    assert_non_null(p);
    pool_open(p, nodes, buckets, seed);
    p->replicas = nodes < 3 ? nodes : 3;
    pool_boot(p, 0, true);
    for (uint32_t i = 1; i < nodes; i++)
        pool_boot(p, i, false);
    pool_until(p, 20000, benches_are_full, "every bench is full");
    return p;
}

static void rest(struct pool *p)
{
    pool_until(p, 60000, pool_is_at_rest, "at rest");
    pool_check_end(p);
}

static void end(struct pool *p)
{
    rest(p);
    pool_close(p);
    free(p);
}

static void three_nodes_sit_on_every_bench_within_seconds(void **state)
{
    struct pool *p = malloc(sizeof *p);

    (void)state;
    assert_non_null(p);
    pool_open(p, 3, STORE_BUCKETS, 5);
    pool_boot(p, 0, true);
    pool_until(p, 200, pool_all_served, "the founder serves");
    for (uint32_t k = 0; k < 40; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_boot(p, 1, false);
    pool_boot(p, 2, false);
    pool_until(p, 2000, benches_are_full, "every bench is full");
    struct store_counters c;
    store_counters(p->node[1].store, &c);
    assert_int_equal(c.seated, STORE_BUCKETS);
    assert_int_equal(c.rows, 40);
    pool_run(p, 30000); /* the keepers spread as the wish would have them */
    for (uint32_t i = 0; i < 3; i++) {
        store_counters(p->node[i].store, &c);
        assert_in_range(c.serving, STORE_BUCKETS / 3, STORE_BUCKETS / 3 + 1);
    }
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_nodes_sit_on_every_bench_within_seconds),
    };
    (void)cluster;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
