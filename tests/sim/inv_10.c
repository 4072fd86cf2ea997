/* SPDX-License-Identifier: Apache-2.0 */
/* I10: no exclusive start of a deleted life later than the delete's answer and the horizon. I11: a
 * deleted uid never returns. */
#include "tests/sim/inv.h"

#define HORIZON_MS 13000 /* and the margin, by the slowest of the profiles */

void sim_inv_late(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    const struct sim_job *j = sim_job_find(s, p->job);
    if (j == NULL || !p->is_exclusive || p->token > j->token_dead)
        return;
    if (s->now > j->deleted_at + HORIZON_MS)
        sim_fail(s, 1, "I10: %s starts on n%u with token %llu, %llu ms after its deletion", p->job,
                 node, (unsigned long long)p->token, (unsigned long long)(s->now - j->deleted_at));
}

/* A version has been chosen. */
void sim_inv_uid(struct sim *s, struct sim_job *j, const struct sim_write *w)
{
    if (w->uid == 0)
        return;
    if (w->phase == STORE_GONE) {
        if (w->uid > j->uid_dead) {
            j->uid_dead = w->uid;
            j->uid_dead_at = w->version;
        }
        return;
    }
    if (w->uid <= j->uid_dead && w->version > j->uid_dead_at)
        sim_fail(s, 1, "I11: %s is back as %llu, which was deleted", j->name,
                 (unsigned long long)w->uid);
}
