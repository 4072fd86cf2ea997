/* SPDX-License-Identifier: Apache-2.0 */
/* I3: a keeper knows every version that was chosen before its reign; and once it has its votes,
 * none of an earlier reign is chosen any more that it does not know. */
#include "tests/sim/inv.h"

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

/* Who serves each bucket now, in a reign: a bit for each node. */
static void servers_find(const struct sim *s, uint32_t server[SIM_BUCKETS])
{
    for (uint32_t b = 0; b < s->buckets; b++) {
        server[b] = 0;
        for (uint32_t i = 0; i < s->nodes; i++)
            if (s->node[i].is_up && store_reign_served(store_of(s, i), b).packed != 0 &&
                store_is_serving(store_of(s, i), b))
                server[b] |= UINT32_C(1) << i;
    }
}

/* Rows whose newest chosen version is a tombstone may be unknown again: they were purged (R22). */
static void rows_check(struct sim *s, struct sim_job *j, uint32_t servers)
{
    struct muster_bytes key = muster_bytes_text(j->name);
    for (uint32_t i = 0; servers >> i != 0; i++) {
        if ((servers >> i & 1) == 0)
            continue;
        uint64_t reign = store_reign_served(store_of(s, i), j->bucket).packed;
        if (reign < j->chosen >> 24)
            continue; /* outranked, and not yet aware of it */
        uint64_t known = store_row_known(store_of(s, i), key).packed;
        if (known >= j->chosen || sim_truth_outranked(s, j->bucket, reign))
            continue; /* see below */
        if (sim_truth_may_forget(s, j))
            continue; /* it is forgotten where nobody can say what was the last of it */
        if (known == 0 && !j->chosen_gone)
            sim_fail(s, 1, "I3: n%u keeps bucket %u and does not know %s", i, j->bucket, j->name);
        if (known != 0)
            sim_fail(s, 1, "I3: n%u keeps bucket %u with an older %s", i, j->bucket, j->name);
    }
}

/* A version has been chosen, this very moment. A keeper that a quorum's promises have outranked may
 * not know it: nothing of its own can be chosen any more, and the next keeper may find this one on
 * a disk of its votes and bring it to the others. */
void sim_inv_chosen(struct sim *s, const struct sim_write *w)
{
    struct muster_bytes key = muster_bytes_text(s->job[w->job].name);
    struct store_view view;
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct store_bucket_view b;
        if (!s->node[i].is_up)
            continue;
        store_bucket(store_of(s, i), w->bucket, &b);
        if (b.role < STORE_ELECTED || b.reign.packed <= w->version >> 24)
            continue;
        if (store_get(store_of(s, i), key, &view) && view.version.packed >= w->version)
            continue;
        if (!sim_truth_may_forget(s, &s->job[w->job]) &&
            !sim_truth_outranked(s, w->bucket, b.reign.packed))
            sim_fail(s, 1, "I3: version %llu of %s is chosen below the reign of n%u, which has not",
                     (unsigned long long)w->version, s->job[w->job].name, i);
    }
}

void sim_inv_rows(struct sim *s)
{
    uint32_t server[SIM_BUCKETS];
    servers_find(s, server);
    for (uint32_t i = 0; i < sim_jobs_all(s); i++)
        rows_check(s, sim_job_at(s, i), server[sim_job_at(s, i)->bucket]);
    for (uint32_t i = 0; i < s->lefts; i++)
        rows_check(s, &s->job[SIM_JOBS + i], server[s->job[SIM_JOBS + i].bucket]);
}
