/* SPDX-License-Identifier: Apache-2.0 */
/* I2: one keeper a reign. (One value a version: truth.c.) */
#include "tests/sim/inv.h"

static void bucket_check(struct sim *s, uint32_t bucket)
{
    struct store_bucket_view v[SIM_NODES];
    for (uint32_t i = 0; i < s->nodes; i++) {
        v[i].role = STORE_NO_SEAT;
        if (!s->node[i].is_up)
            continue;
        store_bucket(agent_node_store(s->node[i].node), bucket, &v[i]);
        for (uint32_t k = 0; k < i; k++)
            if (v[i].role == STORE_SERVING && v[k].role == STORE_SERVING &&
                v[i].reign.packed == v[k].reign.packed)
                sim_fail(s, 1, "I2: n%u and n%u serve bucket %u in one reign", k, i, bucket);
    }
}

void sim_inv_keepers(struct sim *s)
{
    for (uint32_t b = 0; b < SIM_BUCKETS; b++)
        bucket_check(s, b);
}
