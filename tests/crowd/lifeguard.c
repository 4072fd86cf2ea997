/* SPDX-License-Identifier: Apache-2.0 */
/* Members that starve in bursts, and who is taken for dead because of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crowd/show.h"

#define MEMBERS   128u
#define VICTIM    1u /* falls silent for good while others starve */
#define SETTLE_MS 30000u
#define SETTLES   10u /* a rumour may die out before all have heard it; a push/pull brings it */
#define BURSTS_MS 120000u
#define DEATH_MS  60000u /* into the bursts */

struct setting {
    const char *name;
    bool is_ours;
    bool has_lifeguard;
};

enum { SWIM, MEMBERLIST, MUSTER };

static const struct setting settings[] = {
    [SWIM] = { "swim", false, false },
    [MEMBERLIST] = { "memberlist", false, true },
    [MUSTER] = { "muster", true, true },
};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t starving[] = { 1, 2, 4, 8, 16, 32 };
static const uint32_t asleep_ms[] = { 128, 512, 2048, 8192, 16384 };
static const uint32_t awake_ms[] = { 1, 16, 256, 4096 };

struct tally {
    uint64_t runs, false_deaths, of_healthy, among_healthy, noticed;
    uint64_t first_ms[4096], all_ms[4096]; /* of the noticed */
};

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void config_fill(struct crowd_config *c, const struct setting *s, uint64_t seed)
{
    *c = (struct crowd_config){ .seed = seed, .nodes = MEMBERS, .delay_max_ms = 2 };
    gossip_config_lan(&c->gossip);
    if (!s->has_lifeguard) { /* no doubt about oneself, and no clock that shortens */
        c->gossip.awareness_max = 1;
        c->gossip.suspicion_max_mult = 1;
    }
    c->is_muster = s->is_ours;
}

/* The last `count` nodes sleep and wake together, as the paper has them. */
static void bursts(struct crowd *c, uint32_t count, uint32_t sleep_ms, uint32_t wake_ms)
{
    uint64_t end_ms = c->now_ms + BURSTS_MS, death_ms = c->now_ms + DEATH_MS;
    uint64_t next_ms = c->now_ms;

    while (c->now_ms < end_ms) {
        uint64_t until_ms = next_ms;

        if (c->now_ms >= next_ms) {
            for (uint32_t i = MEMBERS - count; i < MEMBERS; i++)
                crowd_starve(c, i, sleep_ms);
            next_ms = c->now_ms + sleep_ms + wake_ms;
            until_ms = next_ms;
        }
        if (c->watch.subject == CROWD_NOBODY && c->now_ms >= death_ms) {
            crowd_watch(c, VICTIM);
            crowd_silence(c, VICTIM);
        }
        if (c->watch.subject == CROWD_NOBODY && death_ms < until_ms)
            until_ms = death_ms;
        crowd_run(c, (until_ms < end_ms ? until_ms : end_ms) - c->now_ms);
    }
}

static bool is_whole(const struct crowd *c)
{
    return c->living == (uint64_t)MEMBERS * (MEMBERS - 1);
}

static void run(struct tally *t, const struct setting *s, uint64_t seed, uint32_t count,
                uint32_t sleep_ms, uint32_t wake_ms)
{
    struct crowd *c = calloc(1, sizeof *c);
    struct crowd_config config;
    uint32_t healthy = MEMBERS - count - 1;

    if (c == NULL)
        return;
    config_fill(&config, s, seed);
    crowd_open(c, &config);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        crowd_boot(c, i, false);
        if (i > 0)
            crowd_join(c, i, 0);
        crowd_run(c, 20);
    }
    for (uint32_t i = 0; i < SETTLES && !is_whole(c); i++)
        crowd_run(c, SETTLE_MS);
    if (!is_whole(c))
        crowd_fail(c, "the pool is not whole before anybody starves");
    bursts(c, count, sleep_ms, wake_ms);
    t->runs++;
    t->false_deaths += c->counts.false_deaths;
    t->of_healthy += c->counts.false_of_healthy;
    t->among_healthy += c->counts.false_among_healthy;
    if (t->noticed < COUNT(t->first_ms) && crowd_watched_ms(c, healthy, 100) != UINT64_MAX) {
        t->first_ms[t->noticed] = crowd_watched_ms(c, 1, 100);
        t->all_ms[t->noticed++] = crowd_watched_ms(c, healthy, 100);
    }
    crowd_close(c);
    free(c);
}

static uint64_t rank(const uint64_t *sorted, uint64_t count, uint64_t percent)
{
    return count == 0 ? 0 : sorted[(count - 1) * percent / 100];
}

static void tally_say(struct tally *t, const char *name, uint32_t count)
{
    qsort(t->first_ms, t->noticed, sizeof t->first_ms[0], by_size);
    qsort(t->all_ms, t->noticed, sizeof t->all_ms[0], by_size);
    printf("%-10s %8u %6llu %10llu %10llu %10llu %8llu %8llu %8llu %8llu %8llu\n", name, count,
           (unsigned long long)t->runs, (unsigned long long)t->false_deaths,
           (unsigned long long)t->of_healthy, (unsigned long long)t->among_healthy,
           (unsigned long long)t->noticed, (unsigned long long)rank(t->first_ms, t->noticed, 50),
           (unsigned long long)rank(t->first_ms, t->noticed, 99),
           (unsigned long long)rank(t->all_ms, t->noticed, 50),
           (unsigned long long)rank(t->all_ms, t->noticed, 99));
    (void)fflush(stdout);
}

static void heading_say(void)
{
    printf("%-10s %8s %6s %10s %10s %10s %8s %8s %8s %8s %8s\n", "setting", "starving", "runs",
           "false", "of healthy", "among h.", "noticed", "first50", "first99", "all50", "all99");
}

void crowd_lifeguard(uint32_t seeds)
{
    struct tally *t = calloc(1, sizeof *t);

    if (t == NULL)
        return;
    heading_say();
    for (uint32_t n = 0; n < COUNT(starving); n++) {
        for (uint32_t s = 0; s < COUNT(settings); s++) {
            memset(t, 0, sizeof *t);
            for (uint32_t a = 0; a < COUNT(asleep_ms); a++)
                for (uint32_t w = 0; w < COUNT(awake_ms); w++)
                    for (uint32_t k = 0; k < seeds; k++)
                        run(t, &settings[s], 1000 * k + 100 * n + 10 * a + w, starving[n],
                            asleep_ms[a], awake_ms[w]);
            tally_say(t, settings[s].name, starving[n]);
        }
    }
    free(t);
}

void crowd_lifeguard_check(void)
{
    struct tally *t = calloc(2, sizeof *t), *theirs = &t[0], *ours = &t[1];

    if (t == NULL)
        return;
    heading_say();
    run(theirs, &settings[MEMBERLIST], 7, 8, 2048, 256);
    run(ours, &settings[MUSTER], 7, 8, 2048, 256);
    tally_say(theirs, "memberlist", 8);
    tally_say(ours, "muster", 8);
    if (ours->of_healthy > theirs->of_healthy || ours->noticed < ours->runs ||
        theirs->noticed < theirs->runs || ours->all_ms[0] >= theirs->all_ms[0]) {
        (void)fprintf(stderr, "crowd: no better than memberlist\n");
        exit(1);
    }
    free(t);
}
