/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for those who fell silent, and for those of whom only an address is known. */
#include "agent/node_inside.h"
#include "agent/peers.h"

static bool is_lived_at(const struct agent_core *core, struct muster_addr a)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (agent_peer_is_alive(p) && muster_addr_equal(p->addr, a))
            return true;
    }
    return false;
}

/* Somebody who fell silent and might be there again: neither left, nor declared lost. Where a
 * newcomer lives at its address nobody would answer for it: its disk was replaced. */
static bool is_missed(const struct agent_core *core, const struct agent_peer *p)
{
    bool is_dead = p->life == AGENT_LIFE_DEAD || p->life == AGENT_LIFE_PROVEN;
    return is_dead && p->state != GOSSIP_LEFT && !p->is_self && !p->is_lost && !p->is_foreign &&
           !is_lived_at(core, p->addr);
}

/* An address that we were given, and that is no member here: who booted into a partition has never
 * heard of those behind it. */
static bool is_unheard(const struct agent_core *core, struct muster_addr a)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++)
        if (muster_addr_equal(agent_peers_at(core, i)->addr, a))
            return false;
    return !muster_addr_equal(a, core->config.gossip_addr);
}

/* When a network is whole again nobody tells us: each side believes the other dead, and gossip
 * forgets the dead soon. So one of the missed, drawn by lot, is asked every second; in a large
 * cluster each asks more rarely, for one answer is enough to bring both sides together. (P3, R4) */
void node_search_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    uint32_t count = agent_peers_count(core), seen = 0;
    if (core->now.mono_ms < n->search_ms)
        return;
    struct gossip_event e = { .kind = GOSSIP_EVENT_JOIN };
    uint64_t wait = NODE_SEARCH_MS * (1 + (uint64_t)count / NODE_SEARCH_MANY);
    n->search_ms = core->now.mono_ms + wait + muster_rng_below(&core->rng, wait / 4 + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (is_missed(core, p) && muster_rng_below(&core->rng, ++seen) == 0)
            e.from = p->addr;
    }
    for (uint32_t i = 0; i < core->config.seed_count; i++) {
        struct muster_addr a = core->config.seed_addr[i];
        if (is_unheard(core, a) && muster_rng_below(&core->rng, ++seen) == 0)
            e.from = a;
    }
    n->is_searching = seen > 0;
    if (n->is_searching && core->standing != AGENT_LEAVING)
        agent_gossip_step(core, &e);
}
