/* SPDX-License-Identifier: Apache-2.0 */
/* The one allocation of a core, and the pools carved from it. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_ALIGN    16
#define ARENA_REST_MIN (32u << 10) /* less is not worth the way to the kernel */

_Static_assert(_Alignof(max_align_t) <= ARENA_ALIGN, "an arena serves every type");

/* `size` up to the next multiple of ARENA_ALIGN; false when that overflows. */
static bool arena_round(size_t size, size_t *rounded)
{
    if (__builtin_add_overflow(size, ARENA_ALIGN - 1, rounded))
        return false;
    *rounded &= ~(size_t)(ARENA_ALIGN - 1);
    return true;
}

int muster_arena_open(struct muster_arena *a, size_t size)
{
    size_t rounded;

    *a = (struct muster_arena){ 0 };
    if (!arena_round(size, &rounded))
        return MUSTER_EFULL;
    /* calloc gives 16-byte alignment on every platform we build for, and fresh zero pages cost
     * nothing until they are touched, so a generous arena is cheap. */
    a->block = calloc(1, rounded == 0 ? ARENA_ALIGN : rounded);
    if (a->block == NULL)
        return MUSTER_EFULL;
    MUSTER_ASSERT((uintptr_t)a->block % ARENA_ALIGN == 0);
    a->size = rounded;
    return MUSTER_OK;
}

void muster_arena_close(struct muster_arena *a)
{
    free(a->block);
    *a = (struct muster_arena){ 0 };
}

void *muster_arena_take(struct muster_arena *a, size_t count, size_t size_each)
{
    size_t size;
    uint8_t *taken;

    MUSTER_ASSERT(a->used <= a->size);
    MUSTER_ASSERT(a->used % ARENA_ALIGN == 0);
    if (__builtin_mul_overflow(count, size_each, &size) || !arena_round(size, &size))
        return NULL;
    if (size > a->size - a->used)
        return NULL;
    taken = a->block + a->used;
    a->used += size;
    return taken; /* zero since the block was opened: nothing is ever given back singly */
}

void muster_arena_rest(void *taken, size_t size)
{
    if (size < ARENA_REST_MIN)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)taken + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)taken + size) & ~(page - 1);

    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* or it stays */
}

/* The link to the next free object stands in the object's first bytes. */

static void *pool_link(const void *object)
{
    void *next;

    memcpy(&next, object, sizeof next);
    return next;
}

static void pool_push(struct muster_pool *p, void *object)
{
    memcpy(object, &p->free_head, sizeof p->free_head);
    p->free_head = object;
}

int muster_pool_init(struct muster_pool *p, struct muster_arena *a, uint32_t count,
                     size_t size_each)
{
    MUSTER_ASSERT(size_each > 0);
    *p = (struct muster_pool){ 0 };
    if (!arena_round(size_each, &size_each))
        return MUSTER_EFULL;
    p->block = muster_arena_take(a, count, size_each);
    if (p->block == NULL)
        return MUSTER_EFULL;
    p->size_each = size_each;
    p->count = count;
    return MUSTER_OK;
}

void *muster_pool_take(struct muster_pool *p)
{
    void *object = p->free_head;

    if (object == NULL && p->fresh == p->count) {
        MUSTER_ASSERT(p->used == p->count);
        return NULL;
    }
    MUSTER_ASSERT(p->used < p->count);
    p->used++;
    if (object == NULL)
        object = p->block + (size_t)p->fresh++ * p->size_each;
    else
        p->free_head = pool_link(object);
    memset(object, 0, p->size_each);
    return object;
}

void muster_pool_give(struct muster_pool *p, void *object)
{
    uintptr_t offset = (uintptr_t)object - (uintptr_t)p->block;

    /* A pointer before the block wraps around and is caught by the upper bound too. */
    MUSTER_ASSERT(offset < (uintptr_t)p->fresh * p->size_each);
    MUSTER_ASSERT(offset % p->size_each == 0);
    MUSTER_ASSERT(p->used > 0);
    pool_push(p, object);
    if (--p->used > 0)
        return;
    /* A storm has passed: what it touched goes, and the pool begins anew. */
    muster_arena_rest(p->block, (size_t)p->fresh * p->size_each);
    p->free_head = NULL;
    p->fresh = 0;
}
