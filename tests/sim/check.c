/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks which invariant, and when. (One row an instant: there is nothing to ask before there are
 * schedules.) */
#include "tests/sim/inv.h"

/* What a node thinks of itself is asked whenever its disk has changed, and four times a second. */
static void sanity_check(struct sim *s, uint32_t node)
{
    if (!agent_node_is_sane(s->node[node].node))
        sim_fail(s, 1, "n%u is not sane", node);
}

void sim_check_turn(struct sim *s, uint32_t node, const struct agent_event *event)
{
    sim_inv_slots(s, node);
    if (event->kind == AGENT_EVENT_COMMITTED)
        sanity_check(s, node);
}

void sim_check_started(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    sim_inv_token(s, node, p);
    sim_inv_seen(s, node, p);
    sim_inv_leased(s, node, p);
    sim_inv_overlap(s, node, p);
    sim_inv_late(s, node, p);
}

void sim_check_all(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            sanity_check(s, i);
    sim_inv_keepers(s);
    sim_inv_rows(s);
    sim_inv_once(s);
    sim_inv_fed(s);
}
