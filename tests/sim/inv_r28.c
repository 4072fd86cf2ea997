/* SPDX-License-Identifier: Apache-2.0 */
/* R28: what starts was written down before it existed, and what is said never to start again was
 * written down before that is said. */
#include <stdio.h>

#include "agent/message.h"
#include "base/hash.h"
#include "tests/sim/inv.h"

static uint64_t seen_on_disk(const struct sim_node *n, const char *job)
{
    struct muster_bytes value = { 0 };
    if (!sim_disk_get(n, STORE_TABLE_SEEN, job, &value))
        return 0;
    struct muster_reader r = muster_reader_over(value);
    return muster_read_u64(&r);
}

static uint64_t hash_of(const char *job)
{
    return muster_hash64(muster_bytes_text(job), 0);
}

void sim_inv_seen(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    uint64_t seen = seen_on_disk(&s->node[node], p->job);
    for (uint32_t i = 0; i < SIM_GONE; i++)
        if (s->gone[i].token == p->token && s->gone[i].node == node &&
            s->gone[i].key_hash == hash_of(p->job))
            sim_fail(s, 1, "R28: n%u starts token %llu of %s, which it said was gone", node,
                     (unsigned long long)p->token, p->job);
    if (seen < p->token)
        sim_fail(s, 1, "R28: n%u starts token %llu of %s, and its disk knows %llu", node,
                 (unsigned long long)p->token, p->job, (unsigned long long)seen);
}

void sim_inv_gone(struct sim *s, uint32_t node, struct muster_bytes frame)
{
    char job[STORE_KEY_MAX + 1];
    struct muster_reader r = muster_reader_over(frame);
    struct agent_msg_done m = { 0 };
    bool is_short = frame.len > 1 && frame.data[0] >> 4 == 9; /* an array, and its kind in a byte */
    if ((is_short && frame.data[1] != AGENT_MSG_GONE) ||
        agent_read_head(&r).message != AGENT_MSG_GONE)
        return;
    agent_read_done(&r, &m);
    (void)snprintf(job, sizeof job, "%.*s", (int)m.key.len, (const char *)m.key.data);
    uint64_t seen = seen_on_disk(&s->node[node], job);
    s->gone[s->gones++ % SIM_GONE] = (struct sim_gone){ node, hash_of(job), m.token };
    if (seen < m.token)
        sim_fail(s, 1, "R28: n%u says that token %llu of %s is gone, and its disk knows %llu", node,
                 (unsigned long long)m.token, job, (unsigned long long)seen);
}
