/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of members whose disks have forgotten what they held, and of the seats they had. (R54) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

static void end(struct pool *p)
{
    pool_until(p, 90000, pool_is_at_rest, "at rest");
    pool_check_end(p);
    pool_close(p);
    free(p);
}

static struct store_bucket_view view_of(const struct pool *p, uint32_t node)
{
    struct store_bucket_view v;

    store_bucket(p->node[node].store, 0, &v);
    return v;
}

static bool is_joint(struct pool *p)
{
    uint32_t keeper = pool_keeper(p, 0);

    return keeper < POOL_NODES && view_of(p, keeper).new_count > 0;
}

/* Whether the keeper's bench names the last of the first three. */
static bool names_2(struct pool *p)
{
    uint32_t keeper = pool_keeper(p, 0);
    struct store_bucket_view v = { 0 };

    if (keeper < POOL_NODES)
        v = view_of(p, keeper);
    for (uint32_t i = 0; i < v.old_count; i++)
        if (pool_node_of(v.old_seat[i].node) == 2)
            return true;
    return v.old_count == 0;
}

static bool is_without_2(struct pool *p)
{
    return !names_2(p) && !is_joint(p);
}

/* One bucket, kept by node 0, on the first three nodes of four. */
static struct pool *cluster(uint64_t seed)
{
    static const uint32_t three[] = { 0, 1, 2 };
    struct pool *p = malloc(sizeof *p);

    assert_non_null(p);
    pool_open(p, 4, 1, seed);
    p->rows_max = 4000;
    for (uint32_t i = 0; i < 4; i++)
        pool_boot(p, i, i == 0);
    pool_until(p, 30000, pool_benches_are_full, "three of them sit");

    pool_wish(p, three, 3);
    pool_run(p, 40000);
    for (uint32_t k = 0; k < 6; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    assert_int_equal(pool_keeper(p, 0), 0);
    assert_true(names_2(p));
    return p;
}

/* A bit has changed in a row of a disk that nobody uses now. */
static void rot(struct pool *p, uint32_t node)
{
    for (uint32_t i = 0; i < p->node[node].disk.count; i++) {
        struct pool_record *r = &p->node[node].disk.record[i];
        if (r->table == STORE_TABLE_ROW)
            r->value[0] ^= 1;
    }
}

/* R26, R54: a disk that begins to forget is one that is about to die. */
static void who_has_forgotten_its_rows_and_dies_is_replaced(void **state)
{
    static const uint32_t others[] = { 0, 1, 3 };
    struct pool *p = cluster(960);

    (void)state;
    pool_kill(p, 2, true);
    rot(p, 2);
    p->delay_ms = 20;
    p->commit_ms = 20;
    pool_boot(p, 2, false);
    pool_until(p, 5000, is_joint, "it is to be seated anew");
    pool_kill(p, 2, true);
    pool_wish(p, others, 3);
    struct store_counters before, after;
    store_counters(p->node[0].store, &before);
    pool_run(p, 20000);
    store_counters(p->node[0].store, &after);
    assert_in_range(after.writes - before.writes, 0, 20);
    pool_until(p, 60000, is_without_2, "another sits in its place");
    pool_boot(p, 2, false);
    end(p);
}

#define ROWS 2000u

/* So much that a member which lacks them is not level for seconds. */
static void rows_write(struct pool *p)
{
    static uint8_t spec[3800];

    for (uint32_t i = 0; i < ROWS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "row-%u", i);
        struct store_row row = { .key = muster_bytes_text(name),
                                 .spec = MUSTER_BYTES(spec, sizeof spec) };
        struct store_write write = { .row = &row };
        while (store_write(p->node[0].store, &write, 1) != MUSTER_OK)
            pool_run(p, 5);
        pool_drain(p, 0);
    }
}

static bool is_seated_anew(struct pool *p)
{
    struct store_bucket_view v = view_of(p, 2);

    return v.new_count > 0 && v.seat == v.new_seat[2].seat && is_joint(p);
}

static bool is_given_up(struct pool *p)
{
    return !is_joint(p) && pool_keeper(p, 0) == 0;
}

static bool has_heard(struct pool *p)
{
    return view_of(p, 2).new_count == 0;
}

/* R54, R25: the change that was to seat it anew is given up, and the bench names its lost seat
 * again. On that it is no holder of what a quorum has chosen with it. */
static void a_lost_seat_is_lost_for_good(void **state)
{
    struct pool *p = cluster(961);

    (void)state;
    uint16_t seat = view_of(p, 2).seat;
    pool_isolate(p, 1);
    pool_run(p, 500);
    rows_write(p);
    pool_run(p, 2000);
    p->delay_ms = 200;
    pool_heal(p);
    pool_run(p, 300);
    pool_kill(p, 2, true);
    rot(p, 2);
    pool_boot(p, 2, false);
    pool_until(p, 3000, is_seated_anew, "the one that has forgotten sits anew");
    pool_kill(p, 2, true);
    pool_until(p, 1000, is_given_up, "the change is given up");
    pool_boot(p, 2, false);
    pool_until(p, 3000, has_heard, "it has heard that the old bench stands");
    assert_true(view_of(p, 1).rows < ROWS);
    assert_true(view_of(p, 2).rows < ROWS);
    pool_kill(p, 0, true);
    pool_run(p, 20000);
    assert_int_equal(pool_keeper(p, 0), POOL_NODES); /* neither of the two knows all */
    assert_true(view_of(p, 2).seat != seat);
    pool_boot(p, 0, false);
    pool_until(p, 60000, pool_is_at_rest, "all sit and know all");
    assert_int_equal(view_of(p, 2).rows, ROWS + 6);
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_seat_is_lost_for_good),
        cmocka_unit_test(who_has_forgotten_its_rows_and_dies_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
