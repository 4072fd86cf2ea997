/* SPDX-License-Identifier: Apache-2.0 */
/* How a large pool behaves: joining, at rest, losing members, packets and racks. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/crowd/show.h"

#define SEEDS       3u     /* addresses that a node that joins is told of */
#define STORM_MS    10000u /* in which all of them boot */
#define SETTLE_MS   600000u
#define CALM_MS     3600000u
#define REST_MS     600000u /* some rounds of the exchanges of whole tables */
#define DEATHS      5u
#define DEATH_MS    60000u
#define TROUBLE_MS  60000u
#define RACK_SHARE  25u /* one of so many nodes stands in the rack */
#define SLOW_SHARE  100u
#define STARVED_MAX 1500u /* milliseconds at a time */

static void say(const char *what, uint64_t value, const char *unit)
{
    if (value == UINT64_MAX)
        printf("%s never\n", what);
    else
        printf("%s %llu %s\n", what, (unsigned long long)value, unit);
    (void)fflush(stdout);
}

/* Where it stands, for whoever waits. Figures are elsewhere. */
static void phase(const struct crowd *c, const char *name)
{
    uint64_t nodes = c->config.nodes;

    (void)fprintf(stderr, "%7.1f s of CPU, %5llu s simulated, %5.1f %% known: %s\n",
                  (double)clock() / CLOCKS_PER_SEC, (unsigned long long)c->now_ms / 1000,
                  (double)c->living * 100 / (double)(nodes * (nodes - 1)), name);
}

/* Asks again whoever has not been let in, as an agent does every second. */
static void joins_again(struct crowd *c, uint32_t booted)
{
    for (uint32_t i = SEEDS; i < booted; i++)
        if (!c->node[i].is_in)
            crowd_join(c, i, (uint32_t)muster_rng_below(&c->rng, SEEDS));
}

/* Until so many in a thousand of all there is to know are known; UINT64_MAX when that takes too
 * long. */
static uint64_t known_after(struct crowd *c, uint64_t nodes, uint64_t permille, uint64_t since_ms)
{
    uint64_t again_ms = c->now_ms + 1000;

    for (uint64_t end = c->now_ms + SETTLE_MS; c->now_ms < end; crowd_run(c, 20)) {
        if (c->living * 1000 >= nodes * (nodes - 1) * permille)
            return c->now_ms - since_ms;
        if (c->now_ms < again_ms)
            continue;
        joins_again(c, c->config.nodes);
        again_ms += 1000;
    }
    return UINT64_MAX;
}

static void storm(struct crowd *c)
{
    uint32_t nodes = c->config.nodes, booted = SEEDS;
    uint64_t since_ms = c->now_ms, again_ms = c->now_ms + 1000;

    for (uint32_t i = 0; i < SEEDS; i++) {
        crowd_boot(c, i, i == 0);
        if (i > 0)
            crowd_join(c, i, 0);
    }
    while (c->now_ms < since_ms + STORM_MS || booted < nodes) {
        uint64_t should = SEEDS + (nodes - SEEDS) * (c->now_ms - since_ms) / STORM_MS;

        for (; booted < nodes && booted < should; booted++) {
            crowd_boot(c, booted, false);
            crowd_join(c, booted, booted % SEEDS);
        }
        crowd_run(c, 1);
        if (c->now_ms >= again_ms) {
            joins_again(c, booted);
            again_ms += 1000;
        }
    }
    say("storm_half_known_ms", known_after(c, nodes, 500, since_ms), "ms");
    say("storm_99_known_ms", known_after(c, nodes, 990, since_ms), "ms");
    say("storm_999_known_ms", known_after(c, nodes, 999, since_ms), "ms");
    say("storm_all_known_ms", known_after(c, nodes, 1000, since_ms), "ms");
}

/* Until news about newcomers have gone round and only probes are left. */
static void calm_down(struct crowd *c)
{
    uint64_t since_ms = c->now_ms, end = since_ms + CALM_MS;

    while (crowd_queued(c) > 0 && c->now_ms < end)
        crowd_run(c, 1000);
    say("storm_passed_on_ms", c->now_ms < end ? c->now_ms - since_ms : UINT64_MAX, "ms");
}

static void rest(struct crowd *c)
{
    struct gossip_counters before = crowd_counters(c), after;
    uint64_t streams = c->counts.stream_bytes, nodes = c->config.nodes;

    crowd_run(c, REST_MS);
    after = crowd_counters(c);
    say("rest_packets_milli", (after.packets_out - before.packets_out) * 1000000 / REST_MS / nodes,
        "1/1000/s/node");
    say("rest_packet_bytes", (after.bytes_out - before.bytes_out) * 1000 / REST_MS / nodes,
        "B/s/node");
    say("rest_stream_bytes", (c->counts.stream_bytes - streams) * 1000 / REST_MS / nodes,
        "B/s/node");
}

static uint32_t dead_count(const struct crowd *c)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < c->config.nodes; i++)
        count += c->node[i].is_silent;
    return count;
}

static void deaths(struct crowd *c, bool is_strict)
{
    for (uint32_t i = 0; i < DEATHS; i++) {
        uint32_t victim = c->config.nodes / 2 + i;
        uint32_t others;

        crowd_watch(c, victim);
        crowd_silence(c, victim);
        others = c->config.nodes - dead_count(c);
        crowd_run(c, DEATH_MS);
        say("death_first_ms", crowd_watched_ms(c, 1, 100), "ms");
        say("death_half_ms", crowd_watched_ms(c, others, 50), "ms");
        say("death_99_ms", crowd_watched_ms(c, others, 99), "ms");
        if (crowd_watched_ms(c, others, 99) != UINT64_MAX)
            say("death_spread_ms", crowd_watched_ms(c, others, 99) - crowd_watched_ms(c, 1, 100),
                "ms");
        if (is_strict && crowd_watched_ms(c, others, 100) == UINT64_MAX)
            crowd_fail(c, "not everybody knows of a death after a minute");
    }
}

static void loss(struct crowd *c, bool is_strict)
{
    uint64_t deaths_before = c->counts.false_deaths, suspicions = c->counts.suspicions;

    c->config.loss_percent = 5;
    crowd_run(c, TROUBLE_MS);
    c->config.loss_percent = 0;
    say("loss_suspicions_told", c->counts.suspicions - suspicions, "1");
    say("loss_false_deaths", c->counts.false_deaths - deaths_before, "1");
    if (is_strict && c->counts.false_deaths != deaths_before)
        crowd_fail(c, "5 %% of loss has killed somebody");
}

static void slow(struct crowd *c)
{
    uint64_t deaths_before = c->counts.false_of_healthy, all = c->counts.false_deaths;

    for (uint64_t end = c->now_ms + TROUBLE_MS; c->now_ms < end; crowd_run(c, 100))
        for (uint32_t i = SEEDS; i < c->config.nodes; i += SLOW_SHARE)
            if (c->node[i].starved_since_ms == 0 && muster_rng_chance(&c->rng, 1, 10))
                crowd_starve(c, i, muster_rng_between(&c->rng, 100, STARVED_MAX));
    crowd_run(c, STARVED_MAX);
    say("slow_false_deaths_of_healthy", c->counts.false_of_healthy - deaths_before, "1");
    say("slow_false_deaths", c->counts.false_deaths - all, "1");
}

/* A rack is cut off for longer than the dead are remembered, and comes back: its nodes ask their
 * seeds again, as agents do. */
static void rack(struct crowd *c, bool is_strict)
{
    uint32_t from = SEEDS, to = SEEDS + c->config.nodes / RACK_SHARE;
    uint64_t living = c->config.nodes - dead_count(c), since_ms;

    crowd_cut(c, from, to, 1);
    crowd_run(c, TROUBLE_MS);
    say("rack_living_percent", c->living * 100 / (living * (living - 1)), "%");
    crowd_cut(c, from, to, 0);
    since_ms = c->now_ms;
    for (uint32_t i = from; i < to; i++) {
        if (!c->node[i].is_silent)
            crowd_join(c, i, i % SEEDS);
        crowd_run(c, 2);
    }
    say("rack_99_known_ms", known_after(c, living, 990, since_ms), "ms");
    say("rack_all_known_ms", known_after(c, living, 1000, since_ms), "ms");
    if (is_strict && c->living != living * (living - 1))
        crowd_fail(c, "the pool is not whole after a rack came back");
}

/* Of a node that shares nothing with the others: the pages that it has touched. */
static uint64_t memory_of(const struct crowd *c, uint32_t node)
{
    const struct muster_arena *a = &c->node[node].arena;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)a->block & ~(page - 1);
    size_t pages = ((uintptr_t)a->block + a->size - first + page - 1) / page;
    unsigned char *in_core = calloc(pages, 1);
    uint64_t touched = 0;

    if (in_core == NULL || mincore((void *)first, pages * page, in_core) != 0)
        crowd_fail(c, "cannot tell the memory of a node");
    for (size_t i = 0; i < pages; i++)
        touched += in_core[i] & 1;
    free(in_core);
    return touched * page;
}

void crowd_scale(uint32_t nodes, uint64_t seed, bool is_strict)
{
    struct crowd_config config = {
        .seed = seed, .nodes = nodes, .delay_max_ms = 2, .is_muster = true
    };
    struct crowd *c = calloc(1, sizeof *c);

    if (c == NULL)
        return;
    gossip_config_lan(&config.gossip);
    config.gossip.compress = false; /* figures in plain bytes, and the tables of a storm in time */
    crowd_open(c, &config);
    phase(c, "a storm of joins");
    storm(c);
    phase(c, "the news of it go round");
    calm_down(c);
    say("memory_per_member", memory_of(c, 0) / nodes, "B");
    phase(c, "ten minutes at rest");
    rest(c);
    phase(c, "five deaths");
    deaths(c, is_strict);
    phase(c, "5 percent of loss");
    loss(c, is_strict);
    phase(c, "1 percent of the nodes slow");
    slow(c);
    phase(c, "a rack cut off and back");
    rack(c, is_strict);
    phase(c, "all done");
    say("simulated_s", c->now_ms / 1000, "s");
    say("steps", c->counts.steps, "1");
    crowd_close(c);
    free(c);
}
