/* Heap of deadlines: the soonest first, equal ones in the order of their arrival.
 *
 * Entries are numbered by the owner (0 .. capacity-1), one deadline per number, so that a deadline
 * can be moved or removed by whoever owns the number.
 *
 * units    whatever the owner's keys are; milliseconds as a rule
 * memory   two arrays from the owner's arena
 * threads  one user each
 */
#ifndef MUSTER_BASE_HEAP_H
#define MUSTER_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct muster_heap_entry {
    uint64_t key;
    uint64_t arrival;
    uint32_t number;
};

struct muster_heap {
    struct muster_heap_entry *entry;
    uint32_t *place; /* number -> 1 + index in entry, 0 when absent */
    uint32_t count;
    uint32_t capacity;
    uint64_t arrivals;
};

MUSTER_MUST_USE int muster_heap_init(struct muster_heap *h, struct muster_arena *a,
                                     uint32_t capacity);

/* Sets or moves; moving counts as a new arrival. */
void muster_heap_set(struct muster_heap *h, uint32_t number, uint64_t key);
void muster_heap_remove(struct muster_heap *h, uint32_t number); /* absent is fine */
bool muster_heap_has(const struct muster_heap *h, uint32_t number);

/* UINT64_MAX when empty. */
uint64_t muster_heap_first_key(const struct muster_heap *h);
uint32_t muster_heap_first(const struct muster_heap *h); /* its number; not when empty */
/* The first number if its key is <= limit; removes it. */
bool muster_heap_take(struct muster_heap *h, uint64_t limit, uint32_t *number);

#endif
