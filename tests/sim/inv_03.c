/* SPDX-License-Identifier: Apache-2.0 */
/* I3: a keeper knows every version that was chosen before its reign; and once it has its votes,
 * none of an earlier reign is chosen any more that it does not know. */
#include "tests/sim/inv.h"

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

/* The buckets that it serves now, in a reign: a bit for each. */
static uint32_t served(const struct sim *s, uint32_t node)
{
    const struct store *store = store_of(s, node);
    uint32_t serves = 0;
    for (uint32_t b = 0; b < s->buckets; b++)
        if (store_reign_served(store, b).packed != 0 && store_is_serving(store, b))
            serves |= UINT32_C(1) << b;
    return serves;
}

/* Rows whose newest chosen version is a tombstone may be unknown again: they were purged (R22).
 * True when it is known, and not merely excused. */
static bool row_check(struct sim *s, uint32_t node, const struct sim_job *j)
{
    uint64_t reign = store_reign_served(store_of(s, node), j->bucket).packed;
    uint64_t known = store_row_known(store_of(s, node), muster_bytes_text(j->name)).packed;
    if (known >= j->chosen)
        return true;
    if (reign < j->chosen >> 24)
        return false; /* outranked, and not yet aware of it */
    if (sim_truth_outranked(s, j->bucket, reign))
        return false; /* see below */
    if (sim_truth_may_forget(s, j))
        return false; /* it is forgotten where nobody can say what was the last of it */
    if (known == 0 && !j->chosen_gone)
        sim_fail(s, 1, "I3: n%u keeps bucket %u and does not know %s", node, j->bucket, j->name);
    if (known != 0)
        sim_fail(s, 1, "I3: n%u keeps bucket %u with an older %s", node, j->bucket, j->name);
    return false;
}

/* All that it serves was known, and since then no row of it has changed, no version was chosen
 * anywhere, and it serves no bucket more: so it is known still. */
static bool is_known_still(const struct sim *s, uint32_t node, uint32_t serves)
{
    const struct sim_node *n = &s->node[node];
    return n->knew_in == n->generation && n->knew_choices == s->choices &&
           n->knew_changes == store_changes(store_of(s, node)) && (serves & ~n->knew_serves) == 0;
}

static void node_check(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    uint32_t serves = served(s, node);
    bool all = true;
    if (is_known_still(s, node, serves))
        return;
    for (uint32_t i = 0; i < sim_jobs_all(s) + s->lefts; i++) {
        const struct sim_job *j =
            i < sim_jobs_all(s) ? sim_job_at(s, i) : &s->job[SIM_JOBS + i - sim_jobs_all(s)];
        if ((serves >> j->bucket & 1) != 0)
            all = row_check(s, node, j) && all;
    }
    n->knew_serves = all ? serves : 0;
    n->knew_in = n->generation;
    n->knew_choices = s->choices;
    n->knew_changes = store_changes(store_of(s, node));
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
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            node_check(s, i);
}
