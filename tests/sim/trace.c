/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace shows beside events: keepers and benches as they change. */
#include <stdio.h>

#include "tests/sim/inv.h"

static void bench_print(const struct sim *s, const struct store_seat *seat, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = 0;
        while (i < s->nodes && !muster_id_equal(s->node[i].id, seat[k].node))
            i++;
        printf(" n%u.%u", i, seat[k].seat);
    }
}

/* Keepers and benches explain what a trace shows; they are printed only, so that a run with a trace
 * has the same hash as one without. */
void sim_check_trace(struct sim *s, uint32_t node)
{
    static const char *const role[] = { "no seat", "seated", "candidate", "elected", "serving" };
    struct sim_node *n = &s->node[node];
    for (uint32_t b = 0; b < s->buckets; b++) {
        struct store_bucket_view v;
        store_bucket(agent_node_store(s->node[node].node), b, &v);
        bool same = n->shown[b].role == v.role && n->shown[b].bench == v.bench_version.packed;
        if (same && (v.role < STORE_CANDIDATE || n->shown[b].reign == v.reign.packed))
            continue;
        n->shown[b].role = v.role;
        n->shown[b].reign = v.reign.packed;
        n->shown[b].bench = v.bench_version.packed;
        printf("%9.3f n%u bucket %u: %s as seat %u, promised %u.%u, rows %u, bench %llu:",
               (double)s->now / 1000, node, b, role[v.role], v.seat, store_reign_round(v.reign),
               store_reign_seat(v.reign), v.rows, (unsigned long long)v.bench_version.packed);
        bench_print(s, v.old_seat, v.old_count);
        if (v.new_count > 0)
            printf(" to");
        bench_print(s, v.new_seat, v.new_count);
        printf("\n");
    }
}
