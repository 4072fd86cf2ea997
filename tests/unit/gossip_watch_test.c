/* SPDX-License-Identifier: Apache-2.0 */
/* Watching: silence is noticed by the neighbours, judged by several, and never by who was away. */
#include <stdlib.h>

#include "tests/unit/gossip_pool.h"
#include "tests/unit/unit.h"

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

static bool any_is(struct muster_bytes meta)
{
    (void)meta;
    return true;
}

static void pool_begin(struct pool *p, uint64_t seed, uint32_t count)
{
    pool_open(p, seed);
    p->config.is_kin = any_is;
    pool_grow(p, count);
    pool_run(p, 5000);
    assert_true(pool_is_whole(p));
}

static uint64_t sum_of_deaths(const struct pool *p)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < p->count; i++)
        sum += p->node[i].news[GOSSIP_NEWS_DEAD];
    return sum;
}

static uint64_t witnessed(const struct pool *p)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < p->count; i++)
        sum += p->node[i].host == POOL_UP ? gossip_counters(p->node[i].g)->witnessed : 0;
    return sum;
}

/* Three watchers each, the same for everybody; all the others where there are no more. */
static void each_member_has_three_watchers(void **state)
{
    static const uint32_t sizes[] = { 2, 3, 4, 5, 17, 60 };
    struct pool *p = *state;

    for (size_t s = 0; s < UNIT_COUNT(sizes); s++) {
        uint32_t watchers[POOL_NODES_MAX] = { 0 };
        uint32_t want = sizes[s] - 1 < 3 ? sizes[s] - 1 : 3;

        pool_begin(p, 70 + s, sizes[s]);
        for (uint32_t round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < p->count; i++) {
                const struct gossip *g = p->node[i].g;

                if (p->node[i].host != POOL_UP)
                    continue;
                assert_int_equal(gossip_watched_count(g), want);
                for (uint32_t k = 0; k < want; k++)
                    watchers[strtoul(gossip_watched_at(g, k) + 4, NULL, 10)]++;
            }
            for (uint32_t i = 0; i < p->count; i++)
                assert_int_equal(watchers[i], p->node[i].host == POOL_UP ? want : 0);
            if (sizes[s] < 17)
                break;
            for (uint32_t i = 0; i < p->count; i++)
                watchers[i] = 0;
            pool_stop(p, 3, POOL_SILENT); /* the ring closes behind it */
            pool_run(p, 5000);
        }
        pool_close(p);
    }
}

/* In fair weather a silent host is dead for all others in about two seconds, by gossip alone; of
 * two nodes nobody could bear witness, and of three one can. */
static void silence_is_noticed_soon(void **state)
{
    static const struct {
        uint32_t nodes, within_ms;
    } cases[] = { { 2, 6000 }, { 3, 2200 }, { 5, 2200 }, { 15, 2200 }, { 60, 2200 } };
    struct pool *p = *state;

    for (size_t s = 0; s < UNIT_COUNT(cases); s++) {
        for (uint64_t seed = 0; seed < 8; seed++) {
            pool_begin(p, 100 * s + seed, cases[s].nodes);
            pool_run(p, 137 * seed);
            pool_stop(p, 1, POOL_SILENT);
            if (cases[s].nodes == 2) {
                pool_run(p, 3500);
                assert_int_equal(pool_state(p, 0, 1), GOSSIP_SUSPECT);
            }
            pool_run(p, cases[s].within_ms);
            assert_true(pool_all_see(p, 1, GOSSIP_DEAD));
            assert_int_equal(witnessed(p) > 0, cases[s].nodes > 2);
            assert_int_equal(sum_of_deaths(p), cases[s].nodes - 1);
            pool_close(p);
        }
    }
}

/* One packet in a hundred is lost: forty node-hours, and nobody is called dead. */
static void loss_buries_nobody(void **state)
{
    struct pool *p = *state;

    pool_begin(p, 5, 20);
    p->loss_percent = 1;
    pool_run(p, 2 * 3600 * 1000);
    assert_int_equal(sum_of_deaths(p), 0);
    assert_int_equal(witnessed(p), 0);
    pool_close(p);
}

/* Who was away finds everybody silent, and says nothing of it; shorter than the others' patience,
 * it is not called dead either. */
static void who_was_away_accuses_nobody(void **state)
{
    struct pool *p = *state;

    pool_begin(p, 6, 9);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t node = i % p->count;
        uint64_t ms = 120 + 29 * (i % 12);

        p->node[node].stall_until_ms = p->now_ms + ms;
        pool_run(p, 3000);
        assert_int_equal(gossip_counters(p->node[node].g)->witnessed, 0);
    }
    assert_int_equal(sum_of_deaths(p), 0);
    pool_close(p);
}

/* It cannot be reached by one side, and the other side hears it: nobody is dead on one word. */
static void one_deaf_watcher_proves_nothing(void **state)
{
    struct pool *p = *state;

    pool_begin(p, 7, 7);
    p->node[2].side = 1; /* alone: it hears nobody, and nobody hears it */
    pool_run(p, 1200);
    for (uint32_t i = 0; i < p->count; i++)
        if (i != 2)
            assert_int_not_equal(pool_state(p, 2, i), GOSSIP_DEAD);
    pool_run(p, 1200);
    assert_int_equal(gossip_counters(p->node[2].g)->witnessed, 0);
    for (uint32_t i = 0; i < p->count; i++)
        if (i != 2)
            assert_int_equal(pool_state(p, i, 2), GOSSIP_DEAD);
    p->node[2].side = 0;
    pool_run(p, 40000);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

/* A member that others took for dead and that hears it takes it back, and everybody is told. */
static void a_false_death_is_over_soon(void **state)
{
    struct pool *p = *state;

    pool_begin(p, 8, 9);
    p->node[4].stall_until_ms = p->now_ms + 3000;
    pool_run(p, 2900);
    assert_int_equal(pool_state(p, 0, 4), GOSSIP_DEAD);
    pool_run(p, 200);
    assert_true(pool_is_whole(p));
    pool_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_has_three_watchers),
        cmocka_unit_test(silence_is_noticed_soon),
        cmocka_unit_test(loss_buries_nobody),
        cmocka_unit_test(who_was_away_accuses_nobody),
        cmocka_unit_test(one_deaf_watcher_proves_nothing),
        cmocka_unit_test(a_false_death_is_over_soon),
    };

    return cmocka_run_group_tests(tests, stage_open, stage_close);
}
