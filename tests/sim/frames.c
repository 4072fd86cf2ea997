/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves a node, held against its disk: a vote is no vote before its promise is there. (I9,
 * R10)
 */
#include "base/wire.h"
#include "tests/sim/sim.h"

#define VOTE_FIELDS 16

static void vote_check(struct sim *s, uint32_t node, struct muster_bytes item)
{
    struct muster_reader r = muster_reader_over(item);
    (void)muster_read_array(&r, VOTE_FIELDS);
    uint32_t bucket = muster_read_u32(&r);
    uint64_t reign = muster_read_u64(&r);
    if (!muster_reader_ok(&r) || bucket >= SIM_BUCKETS)
        sim_fail(s, 1, "n%u sends a vote that cannot be read", node);
    if (s->node[node].bucket[bucket].promised < reign)
        sim_fail(s, 1, "I9: n%u votes in bucket %u, and its promise is not on disk", node, bucket);
}

void sim_frame_check(struct sim *s, uint32_t node, struct muster_bytes frame)
{
    struct muster_reader r = muster_reader_over(frame);
    muster_read_array_of(&r, 3);
    uint32_t kind = muster_read_u32(&r);
    if (!muster_reader_ok(&r) || kind != STORE_YES)
        return;
    (void)muster_read_u64(&r); /* head */
    uint32_t count = muster_read_array(&r, UINT32_MAX);
    for (uint32_t i = 0; i < count && muster_reader_ok(&r); i++)
        vote_check(s, node, muster_read_raw_value(&r));
}
