/* SPDX-License-Identifier: Apache-2.0 */
/* What is to happen: a wheel of milliseconds, and a heap for what is further away. */
#include "tests/sim/queue.h"

#include <stdlib.h>

#include "base/err.h"

#define WORDS (SIM_WHEEL / 64)

/* ---- the heap */

static bool is_before(const struct sim_due *a, const struct sim_due *b)
{
    return a->at != b->at ? a->at < b->at : a->arrival < b->arrival;
}

static void heap_put(struct sim_queue *q, struct sim_due due)
{
    if (q->heap_count == q->heap_size) {
        q->heap_size = q->heap_size > 0 ? 2 * q->heap_size : 1024;
        q->heap = realloc(q->heap, q->heap_size * sizeof *q->heap);
        MUSTER_ASSERT(q->heap != NULL);
    }
    uint32_t i = q->heap_count++;
    while (i > 0 && is_before(&due, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = due;
}

static struct sim_due heap_take(struct sim_queue *q)
{
    struct sim_due first = q->heap[0], last = q->heap[--q->heap_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= q->heap_count)
            break;
        if (child + 1 < q->heap_count && is_before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!is_before(&q->heap[child], &last))
            break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    if (q->heap_count > 0)
        q->heap[i] = last;
    return first;
}

/* ---- the wheel */

static void wheel_put(struct sim_queue *q, uint64_t at, uint32_t item)
{
    uint32_t ms = at % SIM_WHEEL, last = q->last[ms];
    if (last != 0) {
        q->next[item] = q->next[last - 1];
        q->next[last - 1] = item;
    } else {
        q->next[item] = item;
        q->busy[ms / 64] |= UINT64_C(1) << (ms % 64);
    }
    q->last[ms] = item + 1;
}

static uint32_t wheel_take(struct sim_queue *q)
{
    uint32_t ms = q->now % SIM_WHEEL, last = q->last[ms] - 1, first = q->next[last];
    MUSTER_ASSERT(q->last[ms] != 0);
    q->next[last] = q->next[first];
    if (first == last) {
        q->last[ms] = 0;
        q->busy[ms / 64] &= ~(UINT64_C(1) << (ms % 64));
    }
    return first;
}

/* When the first of the wheel is due; UINT64_MAX: it is empty. */
static uint64_t wheel_first(const struct sim_queue *q)
{
    uint32_t ms = q->now % SIM_WHEEL, at = ms / 64;
    uint64_t word = q->busy[at] & ~UINT64_C(0) << (ms % 64);
    for (uint32_t i = 0; i < WORDS && word == 0; i++) {
        at = (at + 1) % WORDS;
        word = q->busy[at];
    }
    if (word == 0)
        return UINT64_MAX;
    uint32_t first = at * 64 + (uint32_t)__builtin_ctzll(word);
    return q->now + (first - ms) % SIM_WHEEL;
}

/* What comes into the reach of the wheel is older than all that will be put there. */
static void wheel_turn(struct sim_queue *q, uint64_t now)
{
    MUSTER_ASSERT(now >= q->now);
    q->now = now;
    while (q->heap_count > 0 && q->heap[0].at - now < SIM_WHEEL) {
        struct sim_due due = heap_take(q);
        wheel_put(q, due.at, due.item);
    }
}

/* ---- both */

void sim_queue_put(struct sim_queue *q, uint64_t at, uint32_t item)
{
    MUSTER_ASSERT(at >= q->now);
    if (item >= q->items) {
        q->items = 2 * item + 1024;
        q->next = realloc(q->next, q->items * sizeof *q->next);
        MUSTER_ASSERT(q->next != NULL);
    }
    if (at - q->now < SIM_WHEEL)
        wheel_put(q, at, item);
    else
        heap_put(q, (struct sim_due){ at, q->arrivals++, item });
}

bool sim_queue_take(struct sim_queue *q, uint64_t by, uint32_t *item)
{
    uint64_t first = wheel_first(q);
    if (first == UINT64_MAX && q->heap_count > 0)
        first = q->heap[0].at;
    if (first > by || first == UINT64_MAX)
        return false;
    if (first != q->now)
        wheel_turn(q, first);
    *item = wheel_take(q);
    return true;
}

void sim_queue_close(struct sim_queue *q)
{
    free(q->heap);
    free(q->next);
    *q = (struct sim_queue){ 0 };
}
