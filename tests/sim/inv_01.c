/* SPDX-License-Identifier: Apache-2.0 */
/* I1, P1, R19: what was answered stands on a quorum's disks, and on as many as were said. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/inv.h"

struct said {
    uint32_t copies;
    bool has_changed; /* not when it found everything as it was wished */
};

static struct said said_by(const struct agent_reply *r)
{
    char body[4096] = "";
    size_t len = r->body.len < sizeof body ? r->body.len : sizeof body - 1;
    memcpy(body, r->body.data, len);
    const char *at = NULL;
    for (const char *next = body; (next = strstr(next, "\"copies\":")) != NULL; next++)
        at = next; /* the last one is the answer's own */
    return (struct said){ at != NULL ? (uint32_t)strtoul(at + 9, NULL, 10) : 0,
                          strstr(body, "\"changed\":false") == NULL };
}

void sim_inv_reply(struct sim *s, struct sim_job *j, const struct agent_reply *r)
{
    bool creates = j->op == AGENT_OP_JOB_PUT && !j->is_update;
    bool is_back = j->unseen != 0 && j->uid == j->unseen; /* nobody had deleted it (I17) */
    if (creates && r->err == MUSTER_EEXISTS && !is_back)
        sim_fail(s, 1, "R19: %s was put by one client only, and is said to exist", j->name);
    if (r->err != MUSTER_OK)
        return;
    uint32_t copies = sim_truth_copies(s, (uint32_t)(j - s->job), j->id);
    struct said said = said_by(r);
    if ((copies == 0 || !said.has_changed) && !creates && j->op != AGENT_OP_JOB_DELETE)
        return; /* it found nothing to change; a copy of the question may have, later */
    if (copies == 0)
        sim_fail(s, 1, "P1: %s is acknowledged and no quorum has it", j->name);
    if (said.copies == 0 || said.copies > copies)
        sim_fail(s, 1, "P1: %s is acknowledged with %u copies and stands on %u disks", j->name,
                 said.copies, copies);
}
