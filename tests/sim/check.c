/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks which invariant, and when. */
#include "tests/sim/inv.h"

/* What a node thinks of itself is asked every second, each at a turn of its own, and of a bucket
 * also whenever its records have changed. */
#define SANITY_TURNS 4

static void sanity_check(struct sim *s, uint32_t node)
{
    if (!agent_node_is_sane(s->node[node].node))
        sim_fail(s, 1, "n%u is not sane", node);
}

static void written_check(struct sim *s, uint32_t node)
{
    uint32_t written = s->node[node].written;
    s->node[node].written = 0;
    for (uint32_t b = 0; written >> b != 0; b++)
        if ((written >> b & 1) != 0 &&
            !store_bucket_is_sane(agent_node_store(s->node[node].node), b))
            sim_fail(s, 1, "n%u is not sane in bucket %u", node, b);
}

void sim_check_turn(struct sim *s, uint32_t node, const struct agent_event *event)
{
    sim_inv_slots(s, node);
    if (event->kind == AGENT_EVENT_COMMITTED)
        written_check(s, node);
}

void sim_check_started(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    sim_inv_token(s, node, p);
    sim_inv_seen(s, node, p);
    sim_inv_leased(s, node, p);
    sim_inv_overlap(s, node, p);
    sim_inv_late(s, node, p);
    sim_inv_halted(s, node, p);
}

static void oracle_check(struct sim *s)
{
    sim_inv_keepers(s);
    sim_inv_rows(s);
    sim_inv_once(s);
    sim_inv_fed(s);
}

void sim_check_often(struct sim *s)
{
    s->turns++;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && (s->turns + i) % SANITY_TURNS == 0)
            sanity_check(s, i);
    oracle_check(s);
}

void sim_check_all(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            sanity_check(s, i);
    oracle_check(s);
}
