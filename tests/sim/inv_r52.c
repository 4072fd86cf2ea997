/* SPDX-License-Identifier: Apache-2.0 */
/* R52: what nobody feeds ends within its dead-man time, whatever its agent would have wished: on
 * that time rests when another node may take its job (R56). */
#include "tests/sim/inv.h"

#define LATE_MS 1000 /* of a guard that is not stopped itself (section 2) */

static void proc_check(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    const struct sim_node *n = &s->node[node];
    uint64_t from = n->unfed_since > p->started_ms ? n->unfed_since : p->started_ms;
    uint64_t due = sim_mono_at(s, node, from) + p->dead_man_ms + LATE_MS;
    bool was_stopped = p->paused_until != 0 && s->now <= p->paused_until + LATE_MS;
    if (sim_mono(s, node) > due && !was_stopped)
        sim_fail(s, 1, "R52: %s goes on on n%u, %llu ms after it was last fed", p->job, node,
                 (unsigned long long)(s->now - from));
}

void sim_inv_fed(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++) {
        const struct sim_node *n = &s->node[i];
        for (uint32_t k = 0; k < n->procs && n->unfed_since != MUSTER_NEVER; k++)
            if (n->proc[k].is_used && n->proc[k].is_live && !n->is_asleep)
                proc_check(s, i, &n->proc[k]);
    }
}
