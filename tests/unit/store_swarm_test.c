/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: each seed draws its own mix of faults, then everything heals and must come to
 * rest with nothing acknowledged lost. With arguments FIRST COUNT it runs those seeds and tells
 * their sums. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

#define SEEDS    60
#define FAULT_MS 60000

/* How often, in a thousand turns of 100 ms. */
struct mix {
    uint32_t crash, blackout, pause, cut, pair, close, slander, shuffle, writes, deletes;
};

static struct mix mix_draw(struct muster_rng *rng)
{
    static const uint32_t often[] = { 0, 0, 5, 15, 40 };
    struct mix m = { .crash = often[muster_rng_below(rng, 5)] };

    m.pause = often[muster_rng_below(rng, 5)];
    m.cut = often[muster_rng_below(rng, 5)];
    m.close = often[muster_rng_below(rng, 5)];
    m.pair = often[muster_rng_below(rng, 5)];
    m.blackout = often[muster_rng_below(rng, 5)] / 4;
    m.slander = often[muster_rng_below(rng, 5)] * 2;
    m.shuffle = often[muster_rng_below(rng, 5)];
    m.writes = muster_rng_chance(rng, 1, 2) ? 900 : 300;
    m.deletes = muster_rng_chance(rng, 1, 2) ? 500 : 200;
    return m;
}

static void boot_later(void *context, uint32_t node)
{
    struct pool *p = context;

    if (!p->node[node].is_up)
        pool_boot(p, node, false);
}

static void heal_later(void *context, uint32_t argument)
{
    (void)argument;
    pool_heal(context);
}

static void fault_crash(struct pool *p, struct muster_rng *rng, uint32_t node)
{
    static const uint32_t away_ms[] = { 300, 2000, 6000, 15000 };

    if (!p->node[node].is_up)
        return;
    pool_kill(p, node, muster_rng_chance(rng, 1, 2));
    pool_later(p, away_ms[muster_rng_below(rng, 4)], boot_later, node);
}

static void fault_cut(struct pool *p, struct muster_rng *rng)
{
    uint64_t side = 1 + muster_rng_below(rng, (1u << p->nodes) - 2);

    for (uint32_t a = 0; a < p->nodes; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if (((side >> a) & 1) != ((side >> b) & 1))
                pool_cut(p, a, b);
        }
    }
    pool_later(p, 1000 + muster_rng_below(rng, 20000), heal_later, 0);
}

static void fault_turn(struct pool *p, struct muster_rng *rng, const struct mix *m)
{
    uint32_t node = (uint32_t)muster_rng_below(rng, p->nodes);
    uint32_t other = (uint32_t)muster_rng_below(rng, p->nodes);

    if (muster_rng_chance(rng, m->crash, 1000))
        fault_crash(p, rng, node);
    bool is_blackout = muster_rng_chance(rng, m->blackout, 1000);
    for (uint32_t i = 0; i < p->nodes && is_blackout; i++) {
        if (muster_rng_chance(rng, 2, 3))
            fault_crash(p, rng, i);
    }
    if (muster_rng_chance(rng, m->slander, 1000))
        pool_slander(p, node, other, node % 2 == 0 ? STORE_PEER_PROVEN : STORE_PEER_DARK);
    if (muster_rng_chance(rng, m->shuffle, 1000))
        pool_shuffle(p);
    if (muster_rng_chance(rng, m->pair, 1000) && node != other) {
        pool_cut(p, node, other);
        pool_later(p, 500 + muster_rng_below(rng, 9000), heal_later, 0);
    }
    if (muster_rng_chance(rng, m->pause, 1000))
        pool_pause(p, (uint32_t)muster_rng_below(rng, p->nodes), 500 + muster_rng_below(rng, 9000));
    if (muster_rng_chance(rng, m->cut, 1000))
        fault_cut(p, rng);
    p->lossy = m->close / 4;
    if (muster_rng_chance(rng, m->writes, 1000)) {
        uint32_t key = (uint32_t)muster_rng_below(rng, 24);
        (void)pool_write(p, key, muster_rng_chance(rng, m->deletes, 1000));
    }
}

static void pool_for_swarm(struct pool *p, uint64_t seed, struct muster_rng *rng)
{
    static const uint32_t delays[] = { 1, 5, 50, 300 };

    pool_open(p, 5, 4, seed);
    p->times.replace_ms = muster_rng_chance(rng, 1, 2) ? 5000 : 20000;
    p->times.settle_ms = muster_rng_chance(rng, 1, 2) ? 300 : 2000;
    p->times.boot_grace_ms = 5000;
    p->times.alone_grace_ms = 10000;
    p->delay_ms = delays[muster_rng_below(rng, 4)];
    p->commit_ms = delays[muster_rng_below(rng, 4)];
    pool_boot(p, 0, true);
    for (uint32_t i = 1; i < p->nodes; i++)
        pool_boot(p, i, false);
}

static void one_seed(uint64_t seed, bool talk)
{
    struct pool *p = malloc(sizeof *p);
    struct muster_rng rng;

    assert_non_null(p);
    muster_rng_seed(&rng, seed ^ 0xFA17);
    struct mix m = mix_draw(&rng);
    pool_for_swarm(p, seed, &rng);
    pool_run(p, 3000);
    while (p->now_ms < FAULT_MS) {
        fault_turn(p, &rng, &m);
        pool_run(p, 100);
    }
    p->lossy = 0;
    p->wishes_all = true;
    pool_heal(p);
    for (uint32_t i = 0; i < p->nodes; i++)
        boot_later(p, i);
    pool_until(p, 120000, pool_is_at_rest, "at rest after the faults");
    pool_check_end(p);
    if (talk)
        (void)printf("seed %llu: acks %u unknown %u elections %u claims %u\n",
                     (unsigned long long)seed, p->acks, p->unknowns, p->elections, p->claims);
    pool_close(p);
    free(p);
}

static void any_history_comes_to_rest_with_nothing_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one_seed(seed, false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_comes_to_rest_with_nothing_lost),
    };
    if (argc == 3) {
        uint64_t first = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
        for (uint64_t seed = first; seed < first + count; seed++)
            one_seed(seed, true);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
