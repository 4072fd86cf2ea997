/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of several nodes: the interleavings of the design's section 17, and the growth of a
 * cluster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

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

/* (R26) */
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
    pool_until(p, 2000, pool_benches_are_full, "every bench is full");
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

static bool bucket_0_is_served(struct pool *p)
{
    return pool_keeper(p, 0) < POOL_NODES;
}

static struct store_bucket_view view_of(const struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store_bucket_view view;

    store_bucket(p->node[node].store, bucket, &view);
    return view;
}

/* Story 1 (R20) */
static void a_write_nobody_else_had_is_superseded_when_it_comes_back(void **state)
{
    struct pool *p = pool_cluster(3, 1, 11);
    struct store_counters c;

    (void)state;
    uint32_t keeper = pool_keeper_must(p, 0);
    pool_isolate(p, keeper);
    assert_true(pool_write(p, 0, false)); /* it takes the write, and only its own disk has it */
    pool_run(p, 100);
    assert_int_equal(pool_read(p, keeper, 0), 1);
    assert_int_equal(p->acks, 0);
    pool_kill(p, keeper, true);
    pool_until(p, 8000, bucket_0_is_served, "the others elect");
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK); /* the client repeats */
    pool_heal(p);
    pool_boot(p, keeper, false);
    rest(p);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pool_read(p, i, 0), 2);
    /* And a name that only the old copy knows becomes a tombstone and goes. */
    keeper = pool_keeper_must(p, 0);
    pool_isolate(p, keeper);
    assert_true(pool_write(p, 1, false));
    pool_run(p, 100);
    pool_kill(p, keeper, true);
    pool_until(p, 8000, bucket_0_is_served, "the others elect again");
    pool_heal(p);
    pool_boot(p, keeper, false);
    pool_run(p, 3000);
    store_counters(p->node[pool_keeper_must(p, 0)].store, &c);
    assert_true(c.superseded > 0);
    rest(p);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pool_read(p, i, 1), 0);
    end(p);
}

/* Story 2 (R13) */
static void what_a_quorum_has_outlives_the_keeper_that_wrote_it(void **state)
{
    struct pool *p = pool_cluster(3, 1, 12);

    (void)state;
    uint32_t keeper = pool_keeper_must(p, 0);
    uint32_t away = (keeper + 1) % 3;
    pool_kill(p, away, false); /* silent: the answer waits for it, and comes without it */
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    pool_kill(p, keeper, true);
    pool_boot(p, away, false);
    pool_until(p, 10000, bucket_0_is_served, "the two others elect");
    assert_int_equal(pool_read(p, pool_keeper_must(p, 0), 0), 1);
    pool_boot(p, keeper, false);
    end(p);
}

/* Story 3 (R21, R22) */
static void a_tombstone_waits_for_the_member_that_is_away(void **state)
{
    struct pool *p = pool_cluster(3, 1, 13);

    (void)state;
    p->times.replace_ms = 60000;
    uint32_t keeper = pool_keeper_must(p, 0);
    uint32_t away = (keeper + 1) % 3;
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    pool_kill(p, away, true);
    pool_run(p, 100);
    assert_int_equal(pool_write_wait(p, 0, true), MUSTER_OK);
    pool_run(p, 30000);
    assert_int_equal(view_of(p, pool_keeper_must(p, 0), 0).tombstones, 1);
    pool_boot(p, away, false);
    rest(p);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(view_of(p, i, 0).rows, 0);
    end(p);
}

/* Stories 3 and 4: replaced meanwhile, it comes back with rows that are gone, and is seated again.
 */
static void who_is_seated_again_has_forgotten_everything(void **state)
{
    static const uint32_t first[] = { 0, 1, 2 }, second[] = { 0, 1, 3 }, third[] = { 0, 3, 2 };
    struct pool *p = pool_cluster(4, 1, 14);

    (void)state;
    pool_wish(p, first, 3);
    pool_run(p, 40000);
    rest(p);
    assert_int_equal(view_of(p, 2, 0).role >= STORE_SEATED, 1);
    uint16_t seat = view_of(p, 2, 0).seat;
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    assert_int_equal(pool_write_wait(p, 1, false), MUSTER_OK);
    pool_kill(p, 2, true);
    pool_wish(p, second, 3);
    pool_run(p, 80000); /* dead for long: node 3 has its seat */
    assert_int_equal(view_of(p, 3, 0).role >= STORE_SEATED, 1);
    assert_int_equal(pool_write_wait(p, 0, true), MUSTER_OK);
    pool_run(p, 5000);
    assert_int_equal(view_of(p, pool_keeper_must(p, 0), 0).tombstones, 0); /* every seat had it */
    pool_boot(p, 2, false);
    assert_int_equal(pool_read(p, 2, 0), 1); /* it still believes in what it has */
    pool_wish(p, third, 3);
    pool_run(p, 40000);
    assert_int_equal(view_of(p, 2, 0).role >= STORE_SEATED, 1);
    assert_true(view_of(p, 2, 0).seat > seat);
    assert_int_equal(pool_read(p, 2, 0), 0);
    assert_int_equal(pool_read(p, 2, 1), 1);
    end(p);
}

static bool bench_is_joint(struct pool *p)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        if (p->node[i].is_up && view_of(p, i, 0).new_count > 0)
            return true;
    }
    return false;
}

/* Story 9 (R11, R24) */
static void a_change_cut_short_is_carried_through_by_the_next_keeper(void **state)
{
    static const uint32_t first[] = { 0, 1, 2 }, second[] = { 0, 1, 3 };

    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct pool *p = pool_cluster(4, 1, 900 + seed);
        pool_wish(p, first, 3);
        pool_run(p, 40000);
        for (uint32_t k = 0; k < 6; k++)
            assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        p->commit_ms = 20;
        p->delay_ms = 20;
        pool_wish(p, second, 3);
        for (uint32_t i = 0; i < 40000 && !bench_is_joint(p); i++)
            pool_run(p, 1);
        pool_run(p, 4 * seed); /* a little further into the change with every seed */
        uint32_t keeper = pool_keeper(p, 0);
        if (keeper < POOL_NODES)
            pool_kill(p, keeper, true);
        pool_until(p, 20000, bucket_0_is_served, "the others go on");
        for (uint32_t k = 0; k < 6; k++)
            assert_int_equal(pool_read(p, pool_keeper_must(p, 0), k), 1);
        pool_boot(p, keeper < POOL_NODES ? keeper : 0, false);
        end(p);
    }
}

/* Story 10, the table's part of it (R43) */
static void the_higher_token_wins_when_two_parts_meet_again(void **state)
{
    struct pool *p = pool_cluster(3, 1, 15);

    (void)state;
    pool_run(p, 16000); /* older than the grace of a boot */
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    uint32_t keeper = pool_keeper_must(p, 0);
    uint32_t lone = (keeper + 1) % 3;
    (void)pool_place(p, 0, lone);
    pool_isolate(p, lone);
    pool_run(p, 5000);
    uint64_t placed =
        pool_place(p, 0, pool_keeper_must(p, 0)); /* the majority gives it up and places anew */
    pool_run(p, 10000);
    assert_int_equal(p->claimed, 1); /* the lone one has claimed it */
    assert_true(p->claimed_token > placed);
    pool_heal(p);
    rest(p);
    struct store_view view;
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(store_get(p->node[i].store, muster_bytes_text("key-0"), &view));
        assert_true(view.row.run_token == p->claimed_token);
    }
    assert_int_equal(p->drops, 1);
    assert_true(p->dropped_token == placed);
    end(p);
}

/* (R43) */
/* R23: reports never bring a row back. */
static void a_claim_for_a_deleted_job_is_dropped(void **state)
{
    struct pool *p = pool_cluster(3, 1, 16);

    (void)state;
    pool_run(p, 16000);
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    uint32_t lone = (pool_keeper_must(p, 0) + 1) % 3;
    pool_isolate(p, lone);
    pool_run(p, 15000);
    assert_int_equal(p->claimed, 1);
    assert_int_equal(pool_write_wait(p, 0, true), MUSTER_OK);
    pool_heal(p);
    rest(p);
    assert_int_equal(p->drops >= 1, 1);
    assert_true(p->dropped_token == p->claimed_token);
    end(p);
}

static bool has_claimed(struct pool *p)
{
    return p->claims > 0;
}

/* The disk refuses the batch that holds the claim, and takes it when asked again: the claim is not
 * stranded there, told to nobody. (R43, R53) */
static void a_claim_that_the_disk_took_late_is_settled_all_the_same(void **state)
{
    struct pool *p = pool_cluster(3, 1, 17);

    (void)state;
    pool_run(p, 16000);
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    uint32_t alone = (pool_keeper_must(p, 0) + 1) % 3;
    pool_isolate(p, alone);
    p->commit_ms = 200; /* the fault comes while the claim is on its way */
    pool_until(p, 60000, has_claimed, "the one who is alone claims");
    p->node[alone].disk_err = MUSTER_ENOSPC;
    pool_run(p, 3000);
    p->node[alone].disk_err = MUSTER_OK;
    p->commit_ms = 2;
    assert_int_equal(p->claimed, 0);
    pool_heal(p);
    rest(p);
    end(p);
}

/* A bench of two: the lowest seat decides alone; the other one claims at once. (R42) */
static void of_two_nodes_either_may_die(void **state)
{
    (void)state;
    for (uint32_t dead = 0; dead < 2; dead++) {
        struct pool *p = pool_cluster(2, 4, 17 + dead);
        pool_run(p, 30000);
        for (uint32_t k = 0; k < 8; k++)
            assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        uint16_t left = view_of(p, 1 - dead, 0).seat;
        pool_kill(p, dead, true);
        pool_run(p, 500);
        if (left == 1) {
            assert_true(pool_all_served(p));
            assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
            assert_int_equal(p->claimed, 0);
        } else {
            assert_false(pool_write(p, 0, false)); /* no quorum, and no submit */
            assert_int_equal(p->claimed, 8);       /* but every job has a place */
        }
        pool_boot(p, dead, false);
        pool_until(p, 10000, pool_all_served, "both again");
        end(p);
    }
}

/* R55: all buckets of a node that is proven dead are taken over at once, with few frames. */
static void a_proven_death_is_repaired_at_once_for_all_buckets(void **state)
{
    struct pool *p = pool_cluster(3, STORE_BUCKETS, 19);
    struct store_counters before, after;

    (void)state;
    pool_run(p, 30000);
    store_counters(p->node[1].store, &before);
    assert_true(before.serving > 300);
    pool_kill(p, 0, true);
    store_counters(p->node[1].store, &before);
    pool_run(p, 30 + 60); /* the news after 30 ms, then votes, rewrites and their commits */
    store_counters(p->node[1].store, &after);
    assert_true(pool_all_served(p));
    assert_true(after.frames_out - before.frames_out < 40);
    assert_true(after.commits - before.commits < 20);
    pool_boot(p, 0, false);
    end(p);
}

/* R55: the buckets with runs of the dead come first, and need not wait for the others' writes. */
static void buckets_with_runs_of_the_dead_are_taken_over_first(void **state)
{
    struct pool *p = pool_cluster(3, STORE_BUCKETS, 23);
    bool is_hurried[STORE_BUCKETS] = { false };
    bool was_its[STORE_BUCKETS] = { false };
    uint32_t hurried = 0, kept = 0, taken = 0, early = 0;

    (void)state;
    pool_run(p, 30000);
    for (uint32_t b = 0; b < STORE_BUCKETS; b++) {
        was_its[b] = pool_keeper(p, b) == 0;
        kept += was_its[b];
    }
    assert_true(kept > 300);
    for (uint32_t k = 0; k < 32; k++) {
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
        (void)pool_place(p, k, k % 2);
        uint32_t b = store_bucket_of(p->node[1].store, muster_bytes_text(p->key[k].name));
        is_hurried[b] = is_hurried[b] || (was_its[b] && k % 2 == 0);
    }
    pool_kill(p, 0, true);
    pool_run(p, 30 + 22); /* the news after 30 ms */
    for (uint32_t b = 0; b < STORE_BUCKETS; b++) {
        hurried += is_hurried[b];
        taken += is_hurried[b] && pool_keeper(p, b) != POOL_NODES;
        early += was_its[b] && !is_hurried[b] && pool_keeper(p, b) != POOL_NODES;
    }
    assert_true(hurried > 2);
    assert_int_equal(taken, hurried);
    assert_int_equal(early, 0);
    pool_run(p, 60);
    assert_true(pool_all_served(p));
    pool_boot(p, 0, false);
    end(p);
}

/* (R9) */
static void a_silent_death_is_repaired_after_the_calm(void **state)
{
    struct pool *p = pool_cluster(3, 4, 20);

    (void)state;
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    uint32_t keeper = pool_keeper_must(p, 0);
    pool_kill(p, keeper, false);
    pool_run(p, 3000);
    assert_false(pool_all_served(p));
    pool_until(p, 4000, pool_all_served, "calm, seat order, election");
    pool_boot(p, keeper, false);
    end(p);
}

static void dark(struct pool *p, uint32_t host)
{
    for (uint32_t i = 0; i < p->nodes; i++)
        pool_slander(p, host, i, STORE_PEER_DARK);
}

/* (R9) */
static void a_dark_host_is_not_waited_for(void **state)
{
    struct pool *p = pool_cluster(3, 4, 20);

    (void)state;
    assert_int_equal(pool_write_wait(p, 0, false), MUSTER_OK);
    uint32_t keeper = pool_keeper_must(p, 0);
    pool_kill(p, keeper, false);
    pool_run(p, 1600);
    assert_false(pool_all_served(p));
    dark(p, keeper);
    pool_run(p, 900); /* seat order, election */
    assert_true(pool_all_served(p));
    pool_boot(p, keeper, false);
    end(p);
}

/* What gossip and a kernel seem to say of it counts for nothing where its beats are heard. (R9) */
static void a_host_that_beats_is_not_dark(void **state)
{
    struct pool *p = pool_cluster(3, 4, 26);
    struct store_counters before, after;

    (void)state;
    uint32_t keeper = pool_keeper_must(p, 0);
    store_counters(p->node[(keeper + 1) % 3].store, &before);
    for (uint32_t turn = 0; turn < 20; turn++) {
        dark(p, keeper);
        pool_run(p, 370);
    }
    store_counters(p->node[(keeper + 1) % 3].store, &after);
    assert_int_equal(after.elections, before.elections);
    assert_int_equal(pool_keeper_must(p, 0), keeper);
    end(p);
}

/* (R25, R26) */
static void a_dead_member_is_replaced_and_comes_back_to_nothing(void **state)
{
    struct pool *p = pool_cluster(4, 8, 21);

    (void)state;
    for (uint32_t k = 0; k < 30; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_kill(p, 1, false);
    pool_run(p, 59000);
    assert_int_equal(pool_read(p, 1, 0), 0);
    pool_run(p, 10000); /* replace_ms after its death was known */
    assert_true(pool_benches_are_full(p));
    for (uint32_t b = 0; b < 8; b++) {
        struct store_bucket_view v = view_of(p, pool_keeper_must(p, b), b);
        for (uint32_t i = 0; i < v.old_count; i++)
            assert_int_not_equal(pool_node_of(v.old_seat[i].node), 1);
    }
    pool_boot(p, 1, false);
    end(p);
}

/* (R48) */
static void who_drains_gives_its_seats_and_its_buckets_away(void **state)
{
    static const uint32_t rest_of_us[] = { 1, 2, 3 };
    struct pool *p = pool_cluster(4, 8, 22);
    struct store_counters c;

    (void)state;
    for (uint32_t k = 0; k < 10; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_wish(p, rest_of_us, 3);
    store_drain(p->node[0].store, true);
    pool_run(p, 30000);
    store_counters(p->node[0].store, &c);
    assert_int_equal(c.seated, 0);
    assert_int_equal(c.rows, 0);
    assert_true(pool_all_served(p));
    end(p);
}

/* R54: a row that cannot be read costs the seat; the keeper gives a new one and fills it. */
static void amnesia_is_healed_with_a_new_seat(void **state)
{
    struct pool *p = pool_cluster(3, 2, 23);

    (void)state;
    for (uint32_t k = 0; k < 10; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    uint32_t sick = (pool_keeper_must(p, 0) + 1) % 3;
    uint16_t seat = view_of(p, sick, 0).seat;
    pool_kill(p, sick, true);
    for (uint32_t i = 0; i < p->node[sick].disk.count; i++) {
        struct pool_record *r = &p->node[sick].disk.record[i];
        if (r->table == STORE_TABLE_ROW)
            r->value[0] ^= 1;
    }
    pool_boot(p, sick, false);
    assert_int_equal(view_of(p, sick, 0).role, STORE_NO_SEAT);
    rest(p);
    assert_true(view_of(p, sick, 0).seat > seat);
    for (uint32_t k = 0; k < 10; k++)
        assert_int_equal(pool_read(p, sick, k), 1);
    end(p);
}

/* (R20, R24) */
static void an_empty_seat_is_filled_however_many_rows_there_are(void **state)
{
    struct pool *p = malloc(sizeof *p);

    (void)state;
    assert_non_null(p);
    pool_open(p, 2, 1, 24);
    p->rows_max = 5000;
    p->replicas = 2;
    pool_boot(p, 0, true);
    pool_until(p, 200, pool_all_served, "the founder serves");
    struct store *s = p->node[0].store;
    static uint8_t spec[2000];
    for (uint32_t i = 0; i < 3000; i++) { /* 6 MB: many pages for the one bucket */
        char name[16];
        (void)snprintf(name, sizeof name, "row-%u", i);
        struct store_row row = { .key = muster_bytes_text(name),
                                 .spec = MUSTER_BYTES(spec, sizeof spec) };
        struct store_write write = { .row = &row };
        while (store_write(s, &write, 1) != MUSTER_OK) {
            pool_drain(p, 0);
            pool_run(p, 5);
        }
        pool_drain(p, 0);
    }
    pool_boot(p, 1, false);
    pool_until(p, 20000, pool_benches_are_full, "both sit");
    assert_int_equal(view_of(p, 1, 0).rows, 3000);
    end(p);
}

/* (R47) */
static void a_node_that_was_away_gives_up_what_it_ruled(void **state)
{
    struct pool *p = pool_cluster(3, 4, 25);

    (void)state;
    uint32_t keeper = pool_keeper_must(p, 0);
    pool_pause(p, keeper, 2500);
    pool_run(p, 2600);
    for (uint32_t b = 0; b < 4; b++)
        assert_true(view_of(p, keeper, b).role <= STORE_SEATED);
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_nodes_sit_on_every_bench_within_seconds),
        cmocka_unit_test(a_write_nobody_else_had_is_superseded_when_it_comes_back),
        cmocka_unit_test(what_a_quorum_has_outlives_the_keeper_that_wrote_it),
        cmocka_unit_test(a_tombstone_waits_for_the_member_that_is_away),
        cmocka_unit_test(who_is_seated_again_has_forgotten_everything),
        cmocka_unit_test(a_change_cut_short_is_carried_through_by_the_next_keeper),
        cmocka_unit_test(the_higher_token_wins_when_two_parts_meet_again),
        cmocka_unit_test(a_claim_for_a_deleted_job_is_dropped),
        cmocka_unit_test(a_claim_that_the_disk_took_late_is_settled_all_the_same),
        cmocka_unit_test(of_two_nodes_either_may_die),
        cmocka_unit_test(a_proven_death_is_repaired_at_once_for_all_buckets),
        cmocka_unit_test(buckets_with_runs_of_the_dead_are_taken_over_first),
        cmocka_unit_test(a_silent_death_is_repaired_after_the_calm),
        cmocka_unit_test(a_dark_host_is_not_waited_for),
        cmocka_unit_test(a_host_that_beats_is_not_dark),
        cmocka_unit_test(a_dead_member_is_replaced_and_comes_back_to_nothing),
        cmocka_unit_test(who_drains_gives_its_seats_and_its_buckets_away),
        cmocka_unit_test(amnesia_is_healed_with_a_new_seat),
        cmocka_unit_test(an_empty_seat_is_filled_however_many_rows_there_are),
        cmocka_unit_test(a_node_that_was_away_gives_up_what_it_ruled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
