/* Arena: the one allocation of a core, and pools of equal objects carved from it.
 *
 * A core asks for everything when it is opened; an arena that runs out at open is an outcome
 * (MUSTER_EFULL), a pool that runs out later is a brim with a rule at its owner.
 *
 * memory   muster_arena_open takes one block, muster_arena_close gives it back; nothing is freed
 *          singly
 * threads  one user each
 */
#ifndef MUSTER_BASE_ARENA_H
#define MUSTER_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct muster_arena {
    uint8_t *block;
    size_t size; /* bytes */
    size_t used;
};

MUSTER_MUST_USE int muster_arena_open(struct muster_arena *a, size_t size);
void muster_arena_close(struct muster_arena *a);

/* Zeroed, aligned to 16; NULL when it does not fit. */
void *muster_arena_take(struct muster_arena *a, size_t count, size_t size_each);

/* What was taken is not needed for now: if it is large, its pages go back to the system. What was
 * in it is lost, and it is not zero for sure. It may be used again at any time. */
void muster_arena_rest(void *taken, size_t size);

/* Pool of equal objects, free ones in a list inside themselves. Memory that was never needed is
 * never touched, and when nothing is in use what was touched goes back to the system. */
struct muster_pool {
    uint8_t *block;
    void *free_head;
    size_t size_each;
    uint32_t count;
    uint32_t used;
    uint32_t fresh; /* so many from the front have been taken at least once */
};

MUSTER_MUST_USE int muster_pool_init(struct muster_pool *p, struct muster_arena *a, uint32_t count,
                                     size_t size_each);
void *muster_pool_take(struct muster_pool *p); /* zeroed; NULL at the brim */
void muster_pool_give(struct muster_pool *p, void *object);

#endif
