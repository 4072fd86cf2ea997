/* SPDX-License-Identifier: Apache-2.0 */
/* I13, R51: one row per instant. Whatever becomes of the row of a tick, in this life of its job
 * there is no other for that moment, be it after it has ended, was cleared away, or its keeper
 * died. */
#include <string.h>

#include "agent/run_name.h"
#include "tests/sim/inv.h"

/* A version has been chosen; uids of births rise with them. */
void sim_inv_instant(struct sim *s, struct sim_job *j, const struct sim_write *w)
{
    const struct sim_job *parent = sim_job_parent(s, j);
    if (w->uid <= j->uid)
        return;
    uint64_t before = j->uid;
    j->uid = w->uid;
    bool is_tick = agent_run_name_read(muster_bytes_text(j->name)).tick_wall_ms != 0;
    if (parent != NULL && is_tick && before != 0 && parent->uid < before)
        sim_fail(s, 1, "I13: %s is made again, as %llu after %llu", j->name,
                 (unsigned long long)w->uid, (unsigned long long)before);
}
