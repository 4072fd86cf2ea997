/* Blocks: memory for many short things of different lengths, in pools of five sizes.
 *
 * units    bytes
 * memory   from the arena at init; of each size as much as if all were that long, but what is never
 *          needed is never touched
 * errors   NULL at the brim
 * threads  one user each
 */
#ifndef MUSTER_GOSSIP_BLOCKS_H
#define MUSTER_GOSSIP_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define GOSSIP_BLOCK_MIN   64
#define GOSSIP_BLOCK_SIZES 5 /* each twice the one before */
#define GOSSIP_BLOCK_MAX   (GOSSIP_BLOCK_MIN << (GOSSIP_BLOCK_SIZES - 1))

struct gossip_blocks {
    struct muster_pool pool[GOSSIP_BLOCK_SIZES];
};

size_t gossip_blocks_memory(uint32_t count);
MUSTER_MUST_USE int gossip_blocks_init(struct gossip_blocks *b, struct muster_arena *a,
                                       uint32_t count);

/* At most GOSSIP_BLOCK_MAX; zeroed. */
void *gossip_blocks_take(struct gossip_blocks *b, size_t size);
void gossip_blocks_give(struct gossip_blocks *b, void *block, size_t size); /* as it was taken */

#endif
