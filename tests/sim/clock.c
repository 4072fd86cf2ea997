/* SPDX-License-Identifier: Apache-2.0 */
/* Each machine has clocks of its own: a steady one that begins with the machine and runs a little
 * fast or slow, and one on the wall that people step. */
#include "tests/sim/sim.h"

#define MILLION 1000000

static int64_t drift(const struct sim_node *n, uint64_t true_ms)
{
    return (int64_t)(true_ms - n->epoch) * n->rate_ppm / MILLION;
}

uint64_t sim_mono_at(const struct sim *s, uint32_t node, uint64_t true_ms)
{
    const struct sim_node *n = &s->node[node];
    MUSTER_ASSERT(true_ms >= n->epoch);
    return n->mono_offset + (true_ms - n->epoch) + (uint64_t)drift(n, true_ms);
}

uint64_t sim_mono(const struct sim *s, uint32_t node)
{
    return sim_mono_at(s, node, s->now);
}

uint64_t sim_true(const struct sim *s, uint32_t node, uint64_t mono_ms)
{
    const struct sim_node *n = &s->node[node];
    if (mono_ms == MUSTER_NEVER)
        return MUSTER_NEVER;
    if (mono_ms <= sim_mono(s, node))
        return s->now;
    uint64_t local = mono_ms - n->mono_offset;
    if (n->rate_ppm == 0)
        return n->epoch + local;
    uint64_t guess = n->epoch + local * MILLION / (uint64_t)(MILLION + n->rate_ppm);
    guess -= guess > n->epoch ? 1 : 0;
    while (sim_mono_at(s, node, guess) < mono_ms)
        guess++;
    return guess;
}

static uint64_t wall(const struct sim *s, uint32_t node)
{
    const struct sim_node *n = &s->node[node];
    return (uint64_t)((int64_t)(SIM_WALL_BASE + s->now) + n->wall_offset);
}

struct muster_now sim_now(const struct sim *s, uint32_t node)
{
    return (struct muster_now){ sim_mono(s, node), wall(s, node) };
}

/* The machine starts: its steady clock is at some other number now. */
void sim_clock_begins(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    uint64_t uptime = 1000 + muster_rng_below(&s->rng, 1000000000);
    uint64_t fast = muster_rng_below(&s->rng, 2 * SIM_RATE_PPM + 1);
    n->epoch = s->now;
    n->mono_offset = sim_has(s, SIM_OFFSET) ? uptime : s->now;
    n->rate_ppm = sim_has(s, SIM_RATE) ? (int32_t)fast - SIM_RATE_PPM : 0;
}
