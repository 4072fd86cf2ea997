/* SPDX-License-Identifier: Apache-2.0 */
/* R28: what starts was written down before it existed. */
#include "base/wire.h"
#include "tests/sim/inv.h"

void sim_inv_seen(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    struct muster_bytes value = { 0 };
    bool is_there = sim_disk_get(&s->node[node], STORE_TABLE_SEEN, p->job, &value);
    struct muster_reader r = muster_reader_over(value);
    uint64_t seen = is_there ? muster_read_u64(&r) : 0;
    if (seen < p->token)
        sim_fail(s, 1, "R28: n%u starts token %llu of %s, and its disk knows %llu", node,
                 (unsigned long long)p->token, p->job, (unsigned long long)seen);
}
