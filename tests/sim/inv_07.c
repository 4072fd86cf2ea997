/* SPDX-License-Identifier: Apache-2.0 */
/* I7: exclusive runs never overlap; their tokens rise (I5). */
#include <string.h>

#include "tests/sim/inv.h"

/* What sleeps does nothing; it must not go on when it wakes. */
static bool runs_beside(const struct sim *s, uint32_t node, const struct sim_proc *o,
                        const struct sim_proc *p)
{
    return o->is_used && o->is_live && o->is_exclusive && o != p && !s->node[node].is_asleep &&
           strcmp(o->job, p->job) == 0;
}

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
            if (runs_beside(s, i, o, p))
                sim_fail(s, 1, "I7: exclusive %s starts on n%u (token %llu) and runs on n%u (%llu)",
                         p->job, node, (unsigned long long)p->token, i,
                         (unsigned long long)o->token);
        }
}

void sim_inv_awake(struct sim *s, uint32_t node)
{
    for (uint32_t m = 0; m < s->node[node].procs; m++) {
        const struct sim_proc *p = &s->node[node].proc[m];
        if (!p->is_used || !p->is_live || !p->is_exclusive)
            continue;
        for (uint32_t i = 0; i < s->nodes; i++)
            for (uint32_t k = 0; k < s->node[i].procs; k++)
                if (runs_beside(s, i, &s->node[i].proc[k], p))
                    sim_fail(s, 1, "I7: exclusive %s wakes on n%u and runs on n%u", p->job, node,
                             i);
    }
}
