/* SPDX-License-Identifier: Apache-2.0 */
/* The window of our neighbours on the ring of names. */
#include "gossip/near.h"

#include "base/hash.h"

#define NEAR_SEED UINT64_C(0x6d757374) /* the same for every node, or no two saw one ring */

void gossip_near_init(struct gossip_near *n, struct muster_bytes own_name)
{
    *n = (struct gossip_near){ .from = muster_hash64(own_name, NEAR_SEED) };
}

bool gossip_near_has(const struct gossip_near *n, uint32_t member)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (n->member[i] == member)
            return true;
    return false;
}

void gossip_near_came(struct gossip_near *n, struct muster_bytes name, uint32_t member)
{
    uint64_t way = muster_hash64(name, NEAR_SEED) - n->from;
    uint32_t at = 0;

    while (at < n->count && n->way[at] <= way)
        at++;
    if (at == GOSSIP_NEAR_MAX || gossip_near_has(n, member))
        return;
    if (n->count < GOSSIP_NEAR_MAX)
        n->count++;
    for (uint32_t i = n->count - 1; i > at; i--) {
        n->way[i] = n->way[i - 1];
        n->member[i] = n->member[i - 1];
    }
    n->way[at] = way;
    n->member[at] = member;
    n->changes++;
}

void gossip_near_went(struct gossip_near *n, uint32_t member)
{
    uint32_t at = 0;

    while (at < n->count && n->member[at] != member)
        at++;
    if (at == n->count)
        return;
    n->count--;
    for (uint32_t i = at; i < n->count; i++) {
        n->way[i] = n->way[i + 1];
        n->member[i] = n->member[i + 1];
    }
    n->is_short = true;
    n->changes++;
}
