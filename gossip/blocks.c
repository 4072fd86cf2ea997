/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of five sizes. */
#include "gossip/blocks.h"

size_t gossip_blocks_memory(uint32_t count)
{
    size_t all = GOSSIP_BLOCK_MIN * ((1u << GOSSIP_BLOCK_SIZES) - 1);

    return count * all;
}

int gossip_blocks_init(struct gossip_blocks *b, struct muster_arena *a, uint32_t count)
{
    int err = MUSTER_OK;

    for (uint32_t i = 0; i < GOSSIP_BLOCK_SIZES && err == MUSTER_OK; i++)
        err = muster_pool_init(&b->pool[i], a, count, (size_t)GOSSIP_BLOCK_MIN << i);
    return err;
}

static struct muster_pool *pool_of(struct gossip_blocks *b, size_t size)
{
    uint32_t i = 0;

    MUSTER_ASSERT(size <= GOSSIP_BLOCK_MAX);
    while (size > (size_t)GOSSIP_BLOCK_MIN << i)
        i++;
    return &b->pool[i];
}

void *gossip_blocks_take(struct gossip_blocks *b, size_t size)
{
    return muster_pool_take(pool_of(b, size));
}

void gossip_blocks_give(struct gossip_blocks *b, void *block, size_t size)
{
    muster_pool_give(pool_of(b, size), block);
}
