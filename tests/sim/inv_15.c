/* SPDX-License-Identifier: Apache-2.0 */
/* I15: of a group no more runs are placed than it allows, by what quorums have on their disks. */
#include <stdio.h>

#include "tests/sim/inv.h"

uint32_t sim_group_runs(const struct sim *s)
{
    uint32_t runs = 0;
    for (uint32_t i = 0; i < s->jobs; i++)
        runs += s->job[i].cap != 0 && s->job[i].has_run;
    return runs;
}

/* A version of it has been chosen. */
void sim_inv_group(struct sim *s, const struct sim_job *j)
{
    uint32_t runs = j->cap != 0 && j->has_run ? sim_group_runs(s) : 0;
    if (runs <= j->cap)
        return;
    for (uint32_t i = 0; i < s->jobs; i++)
        if (s->job[i].cap != 0 && s->job[i].has_run)
            fprintf(stderr, "sim: %s of the group is placed%s\n", s->job[i].name,
                    s->job[i].chosen_gone ? ", and being deleted" : "");
    sim_fail(s, 1, "I15: %s is placed as one of %u of a group of %u", j->name, runs, j->cap);
}
