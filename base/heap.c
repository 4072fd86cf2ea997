/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap that knows where each number stands. */
#include "base/heap.h"

#define HEAP_ABSENT 0u /* as the arena gives it: a table that is not used costs no memory */

int muster_heap_init(struct muster_heap *h, struct muster_arena *a, uint32_t capacity)
{
    *h = (struct muster_heap){ 0 };
    h->entry = muster_arena_take(a, capacity, sizeof *h->entry);
    h->place = muster_arena_take(a, capacity, sizeof *h->place);
    if (h->entry == NULL || h->place == NULL)
        return MUSTER_EFULL;
    h->capacity = capacity;
    return MUSTER_OK;
}

static bool heap_before(const struct muster_heap_entry *a, const struct muster_heap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->arrival < b->arrival;
}

static void heap_put(struct muster_heap *h, uint32_t index, struct muster_heap_entry e)
{
    h->entry[index] = e;
    h->place[e.number] = index + 1;
}

/* Finds the place of `e` from the hole at `index`: up while it is sooner than the parent, else down
 * while a child is sooner. Only one of the two can have anything to do. */
static void heap_settle(struct muster_heap *h, uint32_t index, struct muster_heap_entry e)
{
    while (index > 0 && heap_before(&e, &h->entry[(index - 1) / 2])) {
        heap_put(h, index, h->entry[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * (size_t)index + 1;

        if (child >= h->count)
            break;
        if (child + 1 < h->count && heap_before(&h->entry[child + 1], &h->entry[child]))
            child++;
        if (!heap_before(&h->entry[child], &e))
            break;
        heap_put(h, index, h->entry[child]);
        index = (uint32_t)child;
    }
    heap_put(h, index, e);
}

void muster_heap_set(struct muster_heap *h, uint32_t number, uint64_t key)
{
    struct muster_heap_entry e = { .key = key, .arrival = h->arrivals++, .number = number };

    MUSTER_ASSERT(number < h->capacity);
    heap_settle(h, h->place[number] == HEAP_ABSENT ? h->count++ : h->place[number] - 1, e);
}

void muster_heap_remove(struct muster_heap *h, uint32_t number)
{
    uint32_t hole;

    MUSTER_ASSERT(number < h->capacity);
    if (h->place[number] == HEAP_ABSENT)
        return;
    hole = h->place[number] - 1;
    MUSTER_ASSERT(hole < h->count);
    h->place[number] = HEAP_ABSENT;
    h->count--;
    if (hole != h->count)
        heap_settle(h, hole, h->entry[h->count]);
}

bool muster_heap_has(const struct muster_heap *h, uint32_t number)
{
    MUSTER_ASSERT(number < h->capacity);
    return h->place[number] != HEAP_ABSENT;
}

uint64_t muster_heap_first_key(const struct muster_heap *h)
{
    return h->count == 0 ? UINT64_MAX : h->entry[0].key;
}

uint32_t muster_heap_first(const struct muster_heap *h)
{
    MUSTER_ASSERT(h->count > 0);
    return h->entry[0].number;
}

bool muster_heap_take(struct muster_heap *h, uint64_t limit, uint32_t *number)
{
    if (h->count == 0 || h->entry[0].key > limit)
        return false;
    *number = h->entry[0].number;
    muster_heap_remove(h, *number);
    return true;
}
