/* SPDX-License-Identifier: Apache-2.0 */
/* I7: exclusive runs never overlap; their tokens rise (I5). */
#include <string.h>

#include "tests/sim/inv.h"

/* True time is the simulator's; no clock of a node has a say here. */
void sim_inv_overlap(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    struct sim_job *j = sim_job_find(s, p->job);
    if (!p->is_exclusive || j == NULL)
        return;
    if (p->token < j->token_max)
        sim_fail(s, 1, "I5: exclusive %s starts on n%u with token %llu after %llu", p->job, node,
                 (unsigned long long)p->token, (unsigned long long)j->token_max);
    j->token_max = p->token;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *o = &s->node[i].proc[k];
            if (o->is_used && o->is_live && o->is_exclusive && o != p &&
                strcmp(o->job, p->job) == 0)
                sim_fail(s, 1, "I7: exclusive %s starts on n%u (token %llu) and runs on n%u (%llu)",
                         p->job, node, (unsigned long long)p->token, i,
                         (unsigned long long)o->token);
        }
}
