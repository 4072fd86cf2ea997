/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of rows in memory alone on benches that change: who may speak for them. (I17, R24) */
#include <stdlib.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

static const char name[] = "light";

static uint32_t keeper_must(const struct pool *p)
{
    return pool_keeper_must(p, 0);
}

/* The revision that its keeper has of the row; 0: none, or a tombstone. */
static uint32_t revision(const struct pool *p)
{
    struct store_view view;

    if (!store_get(p->node[keeper_must(p)].store, muster_bytes_text(name), &view))
        return 0;
    return view.row.phase == STORE_GONE ? 0 : view.row.revision;
}

/* Written by its keeper, to memory alone, and chosen a moment later. */
static void revise(struct pool *p, uint32_t to)
{
    struct store_row row = { .key = muster_bytes_text(name), .revision = to, .is_light = true };
    struct store_write write = { .row = &row };
    uint32_t keeper = keeper_must(p);
    struct store_view view;

    if (store_get(p->node[keeper].store, row.key, &view))
        write.expected = view.version.packed;
    assert_int_equal(store_write(p->node[keeper].store, &write, 1), MUSTER_OK);
    pool_drain(p, keeper);
    pool_run(p, 500);
    assert_true(store_get(p->node[keeper].store, row.key, &view));
    assert_true(view.is_chosen && view.is_light);
    assert_int_equal(view.row.revision, to);
}

static bool sits(struct pool *p, uint32_t node)
{
    uint32_t keeper = pool_keeper(p, 0);
    struct store_bucket_view v = { 0 };
    bool is_named = false;

    if (keeper < POOL_NODES)
        store_bucket(p->node[keeper].store, 0, &v);
    for (uint32_t i = 0; i < v.old_count; i++)
        is_named = is_named || pool_node_of(v.old_seat[i].node) == node;
    return is_named && v.new_count == 0;
}

static bool node_3_sits(struct pool *p)
{
    return sits(p, 3);
}

/* Nodes 0, 1 and 2 sit and have the row. */
static struct pool *three_of_four(uint64_t seed)
{
    static const uint32_t first[] = { 0, 1, 2 };
    struct pool *p = pool_cluster(4, 1, seed);

    pool_wish(p, first, 3);
    pool_run(p, 40000);
    assert_true(sits(p, 0) && sits(p, 1) && sits(p, 2));
    revise(p, 1);
    return p;
}

static void close_pool(struct pool *p)
{
    pool_close(p);
    free(p);
}

/* Node 1 is cut off and has missed the last of the row when both others lose it. They seat node 3,
 * which has never lost anything and knows no more than they do: it cannot tell that what node 1 has
 * is the last there was. */
static void who_is_seated_by_those_who_have_lost_a_row_does_not_speak_for_it(void **state)
{
    static const uint32_t second[] = { 2, 1, 3 };

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pool *p = three_of_four(seed);
        pool_isolate(p, 1);
        pool_until(p, 20000, pool_all_served, "the two others");
        revise(p, 2);
        p->times.replace_ms = 600000; /* node 1 keeps its seat */
        for (uint32_t i = 0; i <= 2; i += 2)
            pool_kill(p, i, true);
        for (uint32_t i = 0; i <= 2; i += 2)
            pool_boot(p, i, false);
        pool_wish(p, second, 3);
        pool_isolate(p, 1);
        pool_until(p, 90000, node_3_sits, "node 3 in the place of node 0");
        pool_run(p, 2000);
        pool_kill(p, 0, true);
        pool_kill(p, 2, true);
        pool_heal(p);
        pool_until(p, 90000, pool_all_served, "nodes 1 and 3 have a keeper");
        pool_run(p, 5000);
        if (revision(p) != 0)
            fail_msg("seed %u: revision %u is back, and 2 was the last", (unsigned)seed,
                     revision(p));
        close_pool(p);
    }
}

/* Nobody has died: node 3 speaks for the row, whichever of them holds it. */
static void who_is_seated_by_those_who_have_it_speaks_for_a_row(void **state)
{
    static const uint32_t second[] = { 1, 2, 3 };

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pool *p = three_of_four(seed);
        pool_wish(p, second, 3);
        pool_until(p, 90000, node_3_sits, "node 3 in the place of node 0");
        revise(p, 2);
        pool_isolate(p, seed % 2 == 0 ? 1 : 2);
        pool_until(p, 90000, pool_all_served, "two of three have a keeper");
        pool_run(p, 20000);
        assert_int_equal(revision(p), 2);
        revise(p, 3);
        pool_heal(p);
        pool_run(p, 5000);
        pool_kill(p, seed % 2 == 0 ? 2 : 1, true);
        pool_until(p, 90000, pool_all_served, "node 3 and who was cut off have a keeper");
        pool_run(p, 5000);
        assert_int_equal(revision(p), 3);
        close_pool(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_seated_by_those_who_have_lost_a_row_does_not_speak_for_it),
        cmocka_unit_test(who_is_seated_by_those_who_have_it_speaks_for_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
