/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the network. Cuts lie over one another: each takes back only what it cut. */
#include "tests/sim/sim.h"
#include "tests/sim/strike.h"

static uint32_t draw(struct muster_rng *r, const uint32_t *of, uint32_t n)
{
    return of[muster_rng_below(r, n)];
}

static uint32_t node_draw(const struct sim *s, struct muster_rng *r)
{
    return (uint32_t)muster_rng_below(r, s->nodes);
}

/* ---- weather */

void strike_loss(struct sim *s, struct muster_rng *r)
{
    static const uint32_t percent[] = { 2, 5, 10, 30 };
    uint32_t each = draw(r, percent, 4);
    bool both = muster_rng_chance(r, 1, 2);
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < s->nodes; b++)
            if (both || muster_rng_chance(r, 1, 3))
                s->faults.loss[a][b] = (uint8_t)each;
    sim_count(s, SIM_LOSS);
}

void strike_delay(struct sim *s, struct muster_rng *r)
{
    static const uint32_t ms[] = { 5, 15, 40, 100 };
    s->faults.delay_ms = draw(r, ms, 4);
    sim_count(s, SIM_DELAY);
}

void strike_spike(struct sim *s, struct muster_rng *r)
{
    static const uint32_t ms[] = { 200, 800, 3000, 8000 };
    s->faults.spike_per_mille = 1 + (uint32_t)muster_rng_below(r, 10);
    s->faults.spike_ms = draw(r, ms, 4);
    sim_count(s, SIM_SPIKE);
}

void strike_duplicate(struct sim *s, struct muster_rng *r)
{
    s->faults.dup_percent = 1 + (uint32_t)muster_rng_below(r, 10);
    sim_count(s, SIM_DUPLICATE);
}

void strike_reorder(struct sim *s, struct muster_rng *r)
{
    s->faults.reorder_percent = 1 + (uint32_t)muster_rng_below(r, 20);
    sim_count(s, SIM_REORDER);
}

/* ---- cuts */

static struct sim_cut *cut_new(struct sim *s)
{
    for (uint32_t i = 1; i < SIM_CUTS; i++)
        if (!s->cuts_now[i].is_used) {
            s->cuts_now[i] = (struct sim_cut){ .is_used = true };
            return &s->cuts_now[i];
        }
    return NULL;
}

static void cut_pair(struct sim_cut *c, uint32_t a, uint32_t b, bool both)
{
    if (a == b)
        return;
    c->to[a] |= 1u << b;
    c->to[b] |= both ? 1u << a : 0;
}

static void cut_ends(struct sim *s, uint64_t number)
{
    sim_uncut(s, (uint32_t)number);
}

static uint32_t cut_ms(struct muster_rng *r)
{
    static const uint32_t ms[] = { 300, 1000, 3000, 8000, 14000, 25000, 45000 };
    return draw(r, ms, 7);
}

static void cut_begins(struct sim *s, struct muster_rng *r, struct sim_cut *c, enum sim_fault f)
{
    uint32_t index = (uint32_t)(c - s->cuts_now);
    sim_cut_apply(s, index, sim_fault_name(f));
    sim_count(s, f);
    sim_call(s, cut_ms(r), cut_ends, index);
}

/* One side does not reach the other, or neither reaches the other. */
static void sides_cut(struct sim *s, struct muster_rng *r, bool both, enum sim_fault f)
{
    struct sim_cut *c = cut_new(s);
    uint64_t side = muster_rng_between(r, 1, (1u << s->nodes) - 2);
    if (c == NULL)
        return;
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < s->nodes; b++)
            if ((side >> a & 1) != 0 && (side >> b & 1) == 0)
                cut_pair(c, a, b, both);
    cut_begins(s, r, c, f);
}

void strike_halves(struct sim *s, struct muster_rng *r)
{
    sides_cut(s, r, true, SIM_HALVES);
}

void strike_isolate(struct sim *s, struct muster_rng *r)
{
    struct sim_cut *c = cut_new(s);
    uint32_t alone = node_draw(s, r);
    if (c == NULL)
        return;
    for (uint32_t b = 0; b < s->nodes; b++)
        cut_pair(c, alone, b, true);
    cut_begins(s, r, c, SIM_ISOLATE);
}

/* Two halves that see each other only through one node. */
void strike_bridge(struct sim *s, struct muster_rng *r)
{
    struct sim_cut *c = cut_new(s);
    uint64_t side = muster_rng_next(r);
    uint32_t bridge = node_draw(s, r);
    if (c == NULL)
        return;
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < s->nodes; b++)
            if (a != bridge && b != bridge && (side >> a & 1) != 0 && (side >> b & 1) == 0)
                cut_pair(c, a, b, true);
    cut_begins(s, r, c, SIM_BRIDGE);
}

/* Everybody sees its two neighbours only. */
void strike_ring(struct sim *s, struct muster_rng *r)
{
    struct sim_cut *c = cut_new(s);
    if (c == NULL)
        return;
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < s->nodes; b++)
            if (b != (a + 1) % s->nodes && a != (b + 1) % s->nodes)
                cut_pair(c, a, b, true);
    cut_begins(s, r, c, SIM_RING);
}

void strike_one_way(struct sim *s, struct muster_rng *r)
{
    sides_cut(s, r, false, SIM_ONE_WAY);
}

void strike_pairs(struct sim *s, struct muster_rng *r)
{
    struct sim_cut *c = cut_new(s);
    if (c == NULL)
        return;
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < a; b++)
            if (muster_rng_chance(r, 1, 4))
                cut_pair(c, a, b, muster_rng_chance(r, 2, 3));
    cut_begins(s, r, c, SIM_PAIRS);
}

/* One node comes and goes for a while. */
void strike_flap(struct sim *s, struct muster_rng *r)
{
    uint32_t alone = node_draw(s, r), times = 3 + (uint32_t)muster_rng_below(r, 8), at = 0;
    for (uint32_t i = 0; i < times; i++) {
        uint32_t for_ms = 100 + (uint32_t)muster_rng_below(r, 2500);
        sim_call(s, at, sim_flap, (uint64_t)for_ms << 8 | alone);
        at += for_ms + 100 + (uint32_t)muster_rng_below(r, 2500);
    }
    sim_count(s, SIM_FLAP);
}

void strike_reset(struct sim *s, struct muster_rng *r)
{
    if (sim_net_reset(s, (uint32_t)muster_rng_next(r)))
        sim_count(s, SIM_RESET);
}
