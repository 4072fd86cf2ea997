/* SPDX-License-Identifier: Apache-2.0 */
/* R29: who is told to drop a run ends that run and no other. What a node says that it was told is
 * held against the process that it has. */
#include <string.h>

#include "tests/sim/inv.h"

void sim_inv_dropped(struct sim *s, uint32_t node, const struct agent_news *n)
{
    const struct sim_proc *other = NULL;
    if (strcmp(n->type, "run.dropped") != 0)
        return;
    for (uint32_t i = 0; i < s->node[node].procs; i++) {
        const struct sim_proc *p = &s->node[node].proc[i];
        if (!p->is_used || !p->is_live || p->handle == 0 || strcmp(p->job, n->job) != 0)
            continue;
        if (p->token == n->token)
            return;
        other = p;
    }
    if (other != NULL)
        sim_fail(s, 1, "R29: n%u is told to drop token %llu of %s, and ends token %llu", node,
                 (unsigned long long)n->token, n->job, (unsigned long long)other->token);
}
