/* SPDX-License-Identifier: Apache-2.0 */
/* I16: where it is known that everything is held, nothing starts. */
#include "agent/hold_set.h"
#include "tests/sim/inv.h"

void sim_inv_halted(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    struct agent_status status;
    agent_node_status(s->node[node].node, &status);
    if (agent_hold_of(status.holds, muster_bytes_text(p->job)) != NULL)
        sim_fail(s, 1, "I16: %s starts on n%u (token %llu), which knows that it is held", p->job,
                 node, (unsigned long long)p->token);
}
