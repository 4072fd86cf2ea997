/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of whole pools: joining, dying, leaving, returning, splitting, on a lossy network. */
#include <stdlib.h>

#include "gossip/suspicion.h"
#include "tests/unit/gossip_pool.h"
#include "tests/unit/unit.h"

static const uint32_t sizes[] = { 3, 10, 40 };

static int stage_open(void **state)
{
    *state = calloc(1, sizeof(struct pool));
    return *state == NULL ? -1 : 0;
}

static int stage_close(void **state)
{
    free(*state);
    return 0;
}

static unsigned news_of(const struct pool *p, enum gossip_news news)
{
    unsigned sum = 0;

    for (uint32_t i = 0; i < p->count; i++)
        sum += p->node[i].news[news];
    return sum;
}

static void all_join_through_one_seed_and_see_each_other(void **state)
{
    struct pool *p = *state;

    for (size_t s = 0; s < UNIT_COUNT(sizes); s++) {
        pool_open(p, 10 + s);
        pool_grow(p, sizes[s]);
        pool_run(p, 3000);
        assert_true(pool_is_whole(p));
        for (uint32_t i = 1; i < p->count; i++) {
            assert_int_equal(p->node[i].joins_ok, 1);
            assert_int_equal(p->node[i].news[GOSSIP_NEWS_JOIN], p->count - 1);
        }
        assert_int_equal(news_of(p, GOSSIP_NEWS_SUSPECT), 0);
        pool_close(p);
    }
}

/* The longest a silent death may take: its turn in a probing round, the probe itself, and the
 * suspicion at its most generous. */
static uint64_t detection_bound_ms(const struct pool *p)
{
    struct gossip_suspicion_rule rule = { p->config.suspicion_mult, p->config.suspicion_max_mult,
                                          p->config.probe_interval_ms, p->count };

    struct gossip_suspicion longest;

    gossip_suspicion_start(&longest, 0, 0, &rule);
    return p->config.probe_interval_ms * (2ull * p->count + 2) +
           gossip_suspicion_deadline_ms(&longest);
}

static void a_silent_one_is_seen_dead_by_all(void **state)
{
    struct pool *p = *state;

    for (size_t s = 0; s < UNIT_COUNT(sizes); s++) {
        pool_open(p, 20 + s);
        pool_grow(p, sizes[s]);
        pool_run(p, 5000);
        pool_stop(p, 1, POOL_SILENT);
        pool_run(p, 2000);
        assert_false(pool_all_see(p, 1, GOSSIP_DEAD)); /* not rashly either */
        for (uint64_t ran_ms = 2000; !pool_all_see(p, 1, GOSSIP_DEAD); ran_ms += 100) {
            assert_true(ran_ms < detection_bound_ms(p));
            pool_run(p, 100);
        }
        assert_int_equal(news_of(p, GOSSIP_NEWS_DEAD), p->count - 1);
        for (uint32_t i = 2; i < p->count; i++)
            assert_true(pool_all_see(p, i, GOSSIP_ALIVE));
        /* And in the end nobody remembers it. */
        pool_run(p, p->config.to_the_dead_ms + p->config.probe_interval_ms * (p->count + 5));
        assert_true(pool_all_see(p, 1, POOL_UNKNOWN));
        pool_close(p);
    }
}

static void loss_of_a_tenth_kills_nobody(void **state)
{
    struct pool *p = *state;

    pool_open(p, 30);
    pool_grow(p, 10);
    p->loss_percent = 10;
    pool_run(p, 20 * 60 * 1000);
    assert_int_equal(news_of(p, GOSSIP_NEWS_DEAD), 0);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

static void who_leaves_is_seen_left_and_soon(void **state)
{
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct pool *p = *state;

    for (size_t s = 0; s < UNIT_COUNT(sizes); s++) {
        pool_open(p, 40 + s);
        pool_grow(p, sizes[s]);
        pool_run(p, 5000);
        pool_event(p, 2, &leave);
        pool_run(p, 2000);
        assert_true(p->node[2].has_left);
        assert_true(pool_all_see(p, 2, GOSSIP_LEFT));
        assert_int_equal(news_of(p, GOSSIP_NEWS_LEFT), p->count - 1);
        assert_int_equal(news_of(p, GOSSIP_NEWS_DEAD), 0);
        /* Gone for good: not even a table that still names it brings it back. */
        pool_stop(p, 2, POOL_GONE);
        pool_run(p, 150000);
        assert_true(pool_all_see(p, 2, POOL_UNKNOWN));
        assert_int_equal(news_of(p, GOSSIP_NEWS_DEAD), 0);
        pool_close(p);
    }
}

static void alone_a_leave_is_over_at_once(void **state)
{
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct pool *p = *state;

    pool_open(p, 50);
    (void)pool_add(p);
    pool_run(p, 1000);
    pool_event(p, 0, &leave);
    assert_true(p->node[0].has_left);
    pool_close(p);
}

/* It starts at incarnation 1, hears in the join that it counts as dead at a higher one, and says
 * so. */
static void who_restarts_from_scratch_is_let_in_again(void **state)
{
    static const struct {
        uint64_t away_ms; /* still held alive, suspect, dead, and forgotten */
    } cases[] = { { 10 }, { 4000 }, { 28000 }, { 100000 } };
    struct pool *p = *state;

    for (size_t c = 0; c < UNIT_COUNT(cases); c++) {
        pool_open(p, 60 + c);
        pool_grow(p, 6);
        pool_run(p, 5000);
        pool_stop(p, 3, POOL_GONE);
        pool_run(p, cases[c].away_ms);
        pool_restart(p, 3, 1);
        pool_join(p, 3, 1);
        pool_run(p, 2500);
        assert_int_equal(p->node[3].joins_ok, 2);
        assert_true(pool_is_whole(p));
        pool_close(p);
    }
}

/* After a leave as well: nobody may be shut out of a pool by its own past. */
static void who_left_may_come_back(void **state)
{
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct pool *p = *state;

    pool_open(p, 70);
    pool_grow(p, 5);
    pool_run(p, 3000);
    pool_event(p, 4, &leave);
    pool_run(p, 2000);
    pool_stop(p, 4, POOL_GONE);
    pool_run(p, 3000);
    pool_restart(p, 4, 1);
    pool_join(p, 4, 0);
    pool_run(p, 3000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

static void a_new_address_gets_the_dead_ones_name(void **state)
{
    struct pool *p = *state;

    pool_open(p, 80);
    pool_grow(p, 5);
    pool_run(p, 3000);
    pool_stop(p, 2, POOL_SILENT);
    while (!pool_all_see(p, 2, GOSSIP_DEAD))
        pool_run(p, 100);
    p->node[2].addr.octet[3] = 99;
    pool_restart(p, 2, 1);
    pool_join(p, 2, 0);
    pool_run(p, 8000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

static void a_short_split_heals_by_itself(void **state)
{
    struct pool *p = *state;

    pool_open(p, 90);
    pool_grow(p, 10);
    pool_run(p, 5000);
    for (uint32_t i = 0; i < 5; i++)
        p->node[i].side = 1;
    while (pool_state(p, 0, 9) != GOSSIP_DEAD || pool_state(p, 9, 0) != GOSSIP_DEAD)
        pool_run(p, 100);
    assert_int_equal(pool_state(p, 0, 1), GOSSIP_ALIVE);
    for (uint32_t i = 0; i < 5; i++)
        p->node[i].side = 0;
    /* Each side has forgotten the other or holds it dead: one exchange between them is enough. */
    pool_join(p, 7, 2);
    pool_run(p, 15000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

static void a_long_split_heals_by_one_push_pull(void **state)
{
    struct pool *p = *state;

    pool_open(p, 100);
    pool_grow(p, 10);
    pool_run(p, 5000);
    for (uint32_t i = 0; i < 5; i++)
        p->node[i].side = 1;
    pool_run(p, 200000);
    assert_int_equal(pool_state(p, 0, 9), POOL_UNKNOWN);
    for (uint32_t i = 0; i < 5; i++)
        p->node[i].side = 0;
    pool_join(p, 7, 2);
    pool_run(p, 5000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

/* The whole pool is told at once, not when gossip gets around to it. */
static void a_proven_death_is_known_within_a_round_trip(void **state)
{
    struct pool *p = *state;
    struct gossip_event proof = { .kind = GOSSIP_EVENT_PROVEN_DEAD };
    struct gossip_member_view view;

    pool_open(p, 110);
    pool_grow(p, 30);
    pool_run(p, 5000);
    pool_stop(p, 7, POOL_GONE);
    proof.name = p->node[7].name;
    pool_event(p, 3, &proof);
    pool_run(p, 5);
    assert_true(pool_all_see(p, 7, GOSSIP_DEAD));
    assert_true(gossip_member_find(p->node[3].g, p->node[7].name, &view));
    assert_true(view.is_proven);
    assert_true(gossip_member_find(p->node[4].g, p->node[7].name, &view));
    assert_false(view.is_proven); /* hearsay, there */
    /* And it may come back like anybody else. */
    pool_restart(p, 7, 2);
    pool_join(p, 7, 0);
    pool_run(p, 3000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

static void who_is_wrongly_proven_dead_refutes(void **state)
{
    struct pool *p = *state;
    struct gossip_event proof = { .kind = GOSSIP_EVENT_PROVEN_DEAD };

    pool_open(p, 116);
    pool_grow(p, 8);
    pool_run(p, 5000);
    proof.name = p->node[7].name;
    pool_event(p, 3, &proof);
    assert_int_equal(pool_state(p, 3, 7), GOSSIP_DEAD);
    pool_run(p, 1500);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

/* A loop that was away for seconds must not take its own silence for that of others. */
static void a_stalled_node_buries_nobody(void **state)
{
    const struct gossip_event stalled = { .kind = GOSSIP_EVENT_STALLED };
    struct pool *p = *state;

    pool_open(p, 120);
    pool_grow(p, 5);
    pool_run(p, 5000);
    for (unsigned round = 0; round < 20; round++) {
        p->node[1].stall_until_ms = p->now_ms + 3000;
        pool_run(p, 2999);
        p->now_ms++;
        pool_event(p, 1, &stalled);
        assert_true(gossip_awareness(p->node[1].g) > 0);
        pool_run(p, 4000);
    }
    assert_int_equal(p->node[1].news[GOSSIP_NEWS_DEAD], 0);
    assert_int_equal(p->node[1].news[GOSSIP_NEWS_SUSPECT], 0);
    assert_int_equal(news_of(p, GOSSIP_NEWS_DEAD), 0);
    pool_close(p);
}

static void a_new_meta_reaches_everybody(void **state)
{
    struct gossip_event meta = { .kind = GOSSIP_EVENT_META, .bytes = MUSTER_BYTES("slots=7", 7) };
    struct pool *p = *state;

    pool_open(p, 130);
    pool_grow(p, 10);
    pool_run(p, 3000);
    pool_event(p, 4, &meta);
    pool_run(p, 1500);
    assert_int_equal(news_of(p, GOSSIP_NEWS_UPDATE), 9);
    for (uint32_t i = 0; i < p->count; i++) {
        struct gossip_member_view view;

        assert_true(gossip_member_find(p->node[i].g, p->node[4].name, &view));
        assert_true(muster_bytes_equal(view.meta, meta.bytes));
    }
    pool_close(p);
}

/* The same seed tells the same story, to the packet. */
static void a_seed_repeats(void **state)
{
    struct pool *p = *state;
    uint64_t packets[2], bytes[2], steps[2];

    for (size_t i = 0; i < 2; i++) {
        pool_open(p, 140);
        pool_grow(p, 10);
        p->loss_percent = 20;
        pool_run(p, 20000);
        pool_stop(p, 5, POOL_SILENT);
        pool_run(p, 60000);
        packets[i] = p->packets;
        bytes[i] = p->bytes;
        steps[i] = p->steps;
        pool_close(p);
    }
    assert_int_equal(packets[0], packets[1]);
    assert_int_equal(bytes[0], bytes[1]);
    assert_int_equal(steps[0], steps[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_join_through_one_seed_and_see_each_other),
        cmocka_unit_test(a_silent_one_is_seen_dead_by_all),
        cmocka_unit_test(loss_of_a_tenth_kills_nobody),
        cmocka_unit_test(who_leaves_is_seen_left_and_soon),
        cmocka_unit_test(alone_a_leave_is_over_at_once),
        cmocka_unit_test(who_restarts_from_scratch_is_let_in_again),
        cmocka_unit_test(who_left_may_come_back),
        cmocka_unit_test(a_new_address_gets_the_dead_ones_name),
        cmocka_unit_test(a_short_split_heals_by_itself),
        cmocka_unit_test(a_long_split_heals_by_one_push_pull),
        cmocka_unit_test(a_proven_death_is_known_within_a_round_trip),
        cmocka_unit_test(who_is_wrongly_proven_dead_refutes),
        cmocka_unit_test(a_stalled_node_buries_nobody),
        cmocka_unit_test(a_new_meta_reaches_everybody),
        cmocka_unit_test(a_seed_repeats),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
