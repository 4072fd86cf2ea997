/* SPDX-License-Identifier: Apache-2.0 */
/* I2: one keeper a reign. (One value a version: truth.c.) */
#include "tests/sim/inv.h"

static void bucket_check(struct sim *s, uint32_t bucket)
{
    uint64_t reign[SIM_NODES] = { 0 };
    for (uint32_t i = 0; i < s->nodes; i++) {
        if (!s->node[i].is_up)
            continue;
        reign[i] = store_reign_served(agent_node_store(s->node[i].node), bucket).packed;
        for (uint32_t k = 0; k < i && reign[i] != 0; k++)
            if (reign[k] == reign[i])
                sim_fail(s, 1, "I2: n%u and n%u serve bucket %u in one reign", k, i, bucket);
    }
}

void sim_inv_keepers(struct sim *s)
{
    for (uint32_t b = 0; b < s->buckets; b++)
        bucket_check(s, b);
}
