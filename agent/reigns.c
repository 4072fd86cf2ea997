/* SPDX-License-Identifier: Apache-2.0 */
/* Of which keeper a question is asked. */
#include "agent/reigns.h"

int agent_reigns_open(struct agent_reigns *r, uint32_t buckets)
{
    int err = muster_arena_open(&r->memory, buckets * sizeof *r->told);
    if (err != MUSTER_OK)
        return err;
    r->buckets = buckets;
    r->told = muster_arena_take(&r->memory, buckets, sizeof *r->told);
    return r->told != NULL ? MUSTER_OK : MUSTER_EFULL;
}

void agent_reigns_close(struct agent_reigns *r)
{
    muster_arena_close(&r->memory);
}

void agent_reigns_told(struct agent_reigns *r, uint32_t bucket, uint64_t reign)
{
    MUSTER_ASSERT(bucket < r->buckets);
    if (reign != 0)
        r->told[bucket] = reign;
}

uint64_t agent_reigns_meant(const struct agent_reigns *r, const struct store *store,
                            uint32_t bucket)
{
    MUSTER_ASSERT(bucket < r->buckets);
    uint64_t heard = store_reign_heard(store, bucket).packed;
    return heard != 0 ? heard : r->told[bucket];
}
