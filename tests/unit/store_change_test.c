/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of benches that change: newcomers that die, members that are lost for ever. (R22, R24 to
 * R26, R49) */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

static void close_pool(struct pool *p)
{
    pool_close(p);
    free(p);
}

static void end(struct pool *p)
{
    pool_until(p, 60000, pool_is_at_rest, "at rest");
    pool_check_end(p);
    close_pool(p);
}

static struct store_bucket_view view_of(const struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store_bucket_view v;

    store_bucket(p->node[node].store, bucket, &v);
    return v;
}

static bool names(const struct store_bucket_view *v, uint32_t node)
{
    bool is_named = false;

    for (uint32_t i = 0; i < v->old_count; i++)
        is_named = is_named || pool_node_of(v->old_seat[i].node) == node;
    for (uint32_t i = 0; i < v->new_count; i++)
        is_named = is_named || pool_node_of(v->new_seat[i].node) == node;
    return is_named;
}

static bool is_joint(struct pool *p)
{
    uint32_t keeper = pool_keeper(p, 0);

    return keeper < POOL_NODES && view_of(p, keeper, 0).new_count > 0;
}

static bool bucket_0_is_whole(struct pool *p)
{
    uint32_t keeper = pool_keeper(p, 0);

    return keeper < POOL_NODES && view_of(p, keeper, 0).new_count == 0;
}

/* R24: the added node is dead before it is filled, so the old bench stands again. */
static void a_change_whose_newcomer_dies_is_given_up(void **state)
{
    static const uint32_t first[] = { 0, 1, 2 }, second[] = { 0, 1, 3 };

    (void)state;
    for (uint32_t proven = 0; proven < 2; proven++) {
        struct pool *p = pool_cluster(4, 1, 950 + proven);
        pool_wish(p, first, 3);
        pool_run(p, 40000);
        for (uint32_t k = 0; k < 6; k++)
            assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        p->commit_ms = 20;
        p->delay_ms = 20;
        pool_wish(p, second, 3);
        for (uint32_t i = 0; i < 40000 && !is_joint(p); i++)
            pool_run(p, 1);
        assert_true(is_joint(p));
        pool_kill(p, 3, proven == 1);
        pool_run(p, 5000);
        pool_until(p, 10000, bucket_0_is_whole, "one list again");
        struct store_bucket_view v = view_of(p, pool_keeper_must(p, 0), 0);
        assert_int_equal(v.old_count, 3);
        assert_false(names(&v, 3));
        assert_true(names(&v, 2));
        for (uint32_t k = 0; k < 6; k++)
            assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        pool_boot(p, 3, false);
        end(p);
    }
}

static bool nobody_names_1(struct pool *p)
{
    for (uint32_t b = 0; b < p->buckets; b++) {
        uint32_t keeper = pool_keeper(p, b);
        if (keeper == POOL_NODES)
            return false;
        struct store_bucket_view v = view_of(p, keeper, b);
        if (names(&v, 1) || v.new_count > 0 || v.old_count < p->replicas)
            return false;
    }
    return true;
}

/* R26, R49: what a death waits a minute for, an oath does at once. */
static void who_is_lost_is_replaced_at_once(void **state)
{
    struct pool *p = pool_cluster(4, 8, 31);

    (void)state;
    for (uint32_t k = 0; k < 20; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_kill(p, 1, true);
    pool_wipe(p, 1);
    pool_run(p, 3000);
    assert_false(nobody_names_1(p));
    pool_lost(p, 1);
    pool_until(p, 3000, nobody_names_1, "the lost one is replaced");
    end(p);
}

/* R26: its host came back with an empty disk, as a new node of the same name. */
static void who_is_replaced_by_name_is_not_waited_for(void **state)
{
    struct pool *p = pool_cluster(4, 8, 35);

    (void)state;
    for (uint32_t k = 0; k < 20; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_kill(p, 1, true);
    pool_run(p, 3000);
    assert_false(nobody_names_1(p));
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 1)
            continue;
        store_replaced(p->node[i].store, pool_id(1));
        pool_drain(p, i);
    }
    pool_until(p, 3000, nobody_names_1, "its seats are given to others");
    pool_boot(p, 1, false); /* as itself, after all */
    end(p);
}

static uint32_t served_by_0(const struct pool *p)
{
    uint32_t count = 0;

    for (uint32_t b = 0; b < p->buckets; b++)
        count += pool_keeper(p, b) == 0;
    return count;
}

/* Story 15: two of three disks are gone. What had three copies is all there, after two oaths. */
static void one_of_three_goes_on_after_two_oaths(void **state)
{
    struct pool *p = pool_cluster(3, 4, 32);

    (void)state;
    p->times.claim_after_ms = 8000;
    for (uint32_t k = 0; k < 12; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_run(p, 2000);
    for (uint32_t i = 1; i < 3; i++) {
        pool_kill(p, i, true);
        pool_wipe(p, i);
    }
    pool_run(p, 10000);
    assert_int_equal(served_by_0(p), 0);
    pool_lost(p, 1);
    pool_run(p, 10000);
    assert_int_equal(served_by_0(p), 0); /* seat 2 of three may still answer */
    pool_lost(p, 2);
    pool_until(p, 10000, pool_all_served, "the last one serves");
    for (uint32_t k = 0; k < 12; k++)
        assert_int_equal(pool_read(p, 0, k), 1);
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    /* R22: nobody is left who could bring the row back. */
    assert_int_equal(pool_write_wait(p, 1, true), MUSTER_OK);
    pool_run(p, 3000);
    for (uint32_t b = 0; b < 4; b++)
        assert_int_equal(view_of(p, 0, b).tombstones, 0);
    /* The oath is for ever: also after a restart of who was told, and for who comes back. */
    pool_kill(p, 0, true);
    pool_boot(p, 0, false);
    pool_boot(p, 1, false);
    pool_until(p, 10000, pool_all_served, "the last one serves again");
    assert_int_equal(served_by_0(p), 4);
    pool_run(p, 10000);
    for (uint32_t b = 0; b < 4; b++)
        assert_int_equal(view_of(p, 1, b).role, STORE_NO_SEAT);
    close_pool(p);
}

/* The oath was false: its disk and all its rows are there. It is not heard, neither its votes nor
 * its rows, and what it believes stays its own. */
static void who_is_lost_and_comes_back_is_not_heard(void **state)
{
    struct pool *p = pool_cluster(4, 4, 33);

    (void)state;
    for (uint32_t k = 0; k < 12; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_kill(p, 1, true);
    pool_lost(p, 1);
    pool_until(p, 5000, nobody_names_1, "the lost one is replaced");
    assert_int_equal(pool_write_wait(p, 0, true), MUSTER_OK);
    pool_boot(p, 1, false);
    pool_run(p, 20000);
    assert_true(pool_all_served(p));
    assert_true(nobody_names_1(p));
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 1)
            assert_int_equal(pool_read(p, i, 0), 0);
    }
    pool_kill(p, 1, true);
    end(p);
}

/* R45: the seat that would claim at once on a bench of two claims nothing. */
static void without_claims_a_minority_starts_nothing(void **state)
{
    (void)state;
    for (uint32_t dead = 0; dead < 2; dead++) {
        struct pool *p = malloc(sizeof *p);
        assert_non_null(p);
        pool_open(p, 2, 4, 40 + dead);
        p->replicas = 2;
        p->times.has_claims = false;
        pool_boot(p, 0, true);
        pool_boot(p, 1, false);
        pool_until(p, 20000, pool_benches_are_full, "both sit");
        for (uint32_t k = 0; k < 8; k++)
            assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        pool_kill(p, dead, true);
        pool_run(p, 90000);
        assert_int_equal(p->claims, 0);
        assert_int_equal(p->claimed, 0);
        pool_boot(p, dead, false);
        pool_until(p, 10000, pool_all_served, "both again");
        end(p);
    }
}

/* R42: of a change that perhaps only its keeper and the newcomer have heard of. Whoever rules next
 * may give the newcomer's number to another node: claims of both would be one token. */
static void a_seat_that_may_never_be_chosen_claims_nothing(void **state)
{
    static const uint32_t first[] = { 0, 1, 2 }, second[] = { 0, 1, 3 };
    struct pool *p = pool_cluster(4, 1, 951);

    (void)state;
    pool_wish(p, first, 3);
    pool_run(p, 40000);
    for (uint32_t k = 0; k < 4; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    assert_int_equal(pool_keeper(p, 0), 0);
    p->delay_ms = 20;
    pool_wish(p, second, 3);
    pool_until(p, 40000, is_joint, "a change begins");
    pool_cut(p, 0, 1);
    pool_cut(p, 0, 2);
    pool_run(p, 1000);
    assert_true(view_of(p, 3, 0).new_count > 0 && view_of(p, 3, 0).rows == 4);
    for (uint32_t i = 0; i < 3; i++)
        pool_kill(p, i, true);
    pool_run(p, 90000);
    assert_int_equal(p->claims, 0);
    pool_heal(p);
    for (uint32_t i = 0; i < 3; i++)
        pool_boot(p, i, false);
    pool_until(p, 20000, pool_all_served, "all of them");
    end(p);
}

static bool has_no_seat(struct pool *p)
{
    return view_of(p, 1, 0).seat == 0;
}

static bool are_replaced(struct pool *p)
{
    uint32_t keeper = pool_keeper(p, 0);
    struct store_bucket_view v = { 0 };

    if (keeper < POOL_NODES)
        v = view_of(p, keeper, 0);
    return v.old_count == 3 && !names(&v, 0) && !names(&v, 1) && !names(&v, 2);
}

/* R11: it was away while its bench went over to others, and nobody is left of those it knew. */
static void who_is_replaced_hears_of_it_from_whom_it_has_never_met(void **state)
{
    static const uint32_t first[] = { 0, 1, 2 }, second[] = { 3, 4, 5 };
    struct pool *p = pool_cluster(6, 1, 953);

    (void)state;
    pool_wish(p, first, 3);
    pool_run(p, 60000);
    for (uint32_t k = 0; k < 4; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    assert_true(view_of(p, 1, 0).seat != 0);
    pool_kill(p, 1, true);
    pool_wish(p, second, 3);
    pool_until(p, 300000, are_replaced, "others sit");
    pool_kill(p, 0, true);
    pool_kill(p, 2, true);
    pool_boot(p, 1, false);
    pool_wish(p, second, 3);
    assert_true(view_of(p, 1, 0).seat != 0);
    pool_until(p, 10000, has_no_seat, "it has heard that it has no seat");
    pool_run(p, 60000);
    assert_int_equal(p->claims, 0);
    pool_boot(p, 0, false);
    pool_boot(p, 2, false);
    pool_until(p, 20000, pool_all_served, "all of them");
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_whose_newcomer_dies_is_given_up),
        cmocka_unit_test(a_seat_that_may_never_be_chosen_claims_nothing),
        cmocka_unit_test(without_claims_a_minority_starts_nothing),
        cmocka_unit_test(who_is_replaced_hears_of_it_from_whom_it_has_never_met),
        cmocka_unit_test(who_is_lost_is_replaced_at_once),
        cmocka_unit_test(who_is_replaced_by_name_is_not_waited_for),
        cmocka_unit_test(one_of_three_goes_on_after_two_oaths),
        cmocka_unit_test(who_is_lost_and_comes_back_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
