/* SPDX-License-Identifier: Apache-2.0 */
/* The truth of what stands in memory alone (I17): found in the nodes' tables whenever the digest of
 * a bucket has changed, and gone with the node. */
#include <string.h>

#include "tests/sim/inv.h"

/* On a bench of its keeper alone a row is chosen as soon as that version of it is written. */
static bool is_alone(const struct sim *s, uint32_t node, const struct store_view *v,
                     uint64_t version)
{
    const struct sim_chain *chain = &s->chain[v->bucket];
    const struct sim_bench_row *under = NULL;
    for (uint32_t i = 0; i < SIM_BENCH_ROWS; i++) {
        const struct sim_bench_row *r = &chain->row[i];
        if (r->version != 0 && r->version < version &&
            (under == NULL || r->version > under->version))
            under = r;
    }
    return under != NULL && under->bench.count == 1 && under->bench.new_mask == 0 &&
           muster_id_equal(under->bench.member[0].node, s->node[node].id);
}

static void light_had(struct sim *s, uint32_t node, uint16_t seat, const struct store_view *v)
{
    static uint8_t bytes[STORE_ROW_MAX];
    size_t len = 0;
    int err = store_row_encode(&v->row, bytes, sizeof bytes, &len);
    MUSTER_ASSERT(err == MUSTER_OK);
    struct sim_write *w = sim_truth_had(s, node, v->bucket, seat, v->version.packed, &v->row,
                                        MUSTER_BYTES(bytes, len));
    w->memory |= UINT32_C(1) << node;
    /* The bench may have grown in the same step; and what is written again in the step of its birth
     * nobody has seen before. */
    w->was_chosen = w->was_chosen || is_alone(s, node, v, w->version) ||
                    (w->older == 0 && is_alone(s, node, v, v->row.uid));
}

/* It is wiped with the seat, and another of the same number has had nothing of it. */
static void lights_wiped(struct sim *s, uint32_t node, uint32_t bucket)
{
    for (uint32_t i = 0; i < s->writes; i++) {
        struct sim_write *w = &s->write[i];
        if (w->bucket != bucket || (w->memory >> node & 1) == 0)
            continue;
        w->memory &= ~(UINT32_C(1) << node);
        w->seat[node] = 0;
    }
}

static void bucket_look(struct sim *s, uint32_t node, const struct store *store, uint32_t b)
{
    struct sim_node *n = &s->node[node];
    struct store_bucket_view bucket;
    struct store_view v;
    uint64_t cursor = 0;
    store_bucket(store, b, &bucket);
    if (bucket.seat != n->sits[b])
        lights_wiped(s, node, b);
    n->sits[b] = bucket.seat;
    if (bucket.digest == n->memory[b] || bucket.seat == 0)
        return;
    n->memory[b] = bucket.digest;
    while (store_bucket_next(store, b, &cursor, &v))
        if (v.is_light)
            light_had(s, node, bucket.seat, &v);
    s->judge_due |= UINT32_C(1) << b;
}

/* Asked after every step and before every frame: where neither a row nor the seat is another one
 * than at the last look there is nothing to find. */
void sim_truth_memory(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    if (!s->has_light)
        return;
    const struct store *store = agent_node_store(n->node);
    bool is_same = n->looked == store_changes(store);
    n->looked = store_changes(store);
    for (uint32_t b = 0; b < s->buckets; b++)
        if (!is_same || store_seat(store, b) != n->sits[b])
            bucket_look(s, node, store, b);
    if (s->judge_due != 0)
        sim_truth_judge(s);
}

void sim_truth_died(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    memset(n->memory, 0, sizeof n->memory);
    for (uint32_t i = 0; i < s->writes && s->has_light; i++) {
        struct sim_write *w = &s->write[i];
        if ((w->memory >> node & 1) == 0)
            continue;
        w->memory &= ~(UINT32_C(1) << node);
        sim_truth_burn(w, node);
    }
    /* Before there was such a row too: a member that has booted cannot vouch for the next one yet.
     */
    for (uint32_t b = 0; b < s->buckets; b++) {
        struct store_bucket_view v; /* its disk may not know yet of the reign that it has served */
        store_bucket(agent_node_store(n->node), b, &v);
        uint64_t reign = v.seat != 0 ? v.reign.packed : 0;
        s->died_in[b] = reign > s->died_in[b] ? reign : s->died_in[b];
    }
}

bool sim_truth_may_forget(const struct sim *s, const struct sim_job *j)
{
    return j->is_forgotten || (j->is_light && s->died_in[j->bucket] >= j->chosen >> 24);
}
