/* SPDX-License-Identifier: Apache-2.0 */
/* The ring's row of the performance table: a lookup, a rebuild, a node that joins or leaves. */
#include "ring/ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/rng.h"

#define RUNS      9
#define BITS      16
#define LOOKUPS   (UINT32_C(1) << 23)
#define KEYS      (UINT32_C(1) << 12)
#define NODES_MAX 10100
#define MOVERS    100 /* nodes that join and leave in turn, in one run */

struct bench {
    struct ring *ring;
    struct muster_rng rng;
    uint8_t id[NODES_MAX][16];
    struct ring_node node[NODES_MAX];
    uint64_t key[KEYS][2];
    volatile uint64_t sink; /* keeps what was looked up alive */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void must(int err)
{
    if (err == MUSTER_OK)
        return;
    fprintf(stderr, "ring_bench: %s\n", muster_err_text(err));
    exit(1);
}

/* Everybody's weight anew, 1 to 64; the ids stay. */
static void bench_weigh(struct bench *b)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        b->node[i].weight = 1 + (uint32_t)muster_rng_below(&b->rng, 64);
}

static void bench_open(struct bench *b, uint32_t nodes)
{
    struct ring_config c = { .bits = BITS, .replicas = 3, .nodes_max = NODES_MAX };

    must(ring_open(&b->ring, &c));
    must(ring_set(b->ring, b->node, nodes, NULL));
}

/* ---- the measurements: each returns picoseconds for one of what it measures */

/* Uses the whole list as cheaply as can be. */
static uint64_t list_word(const uint16_t list[RING_REPLICAS_MAX])
{
    uint64_t word;

    memcpy(&word, list, sizeof word);
    return word;
}

static uint64_t list_ps(struct bench *b)
{
    const struct ring *r = b->ring;
    uint64_t sum = 0;
    uint64_t begin = now_ns();

    for (uint32_t i = 0; i < LOOKUPS; i++) {
        uint16_t list[RING_REPLICAS_MAX];

        sum += ring_prefer(r, ring_slot_of_hash(r, b->key[i % KEYS][0]), list);
        sum += list_word(list);
    }
    b->sink = sum;
    return (now_ns() - begin) * 1000 / LOOKUPS;
}

static uint64_t key_list_ps(struct bench *b)
{
    const struct ring *r = b->ring;
    uint64_t sum = 0;
    uint64_t begin = now_ns();

    for (uint32_t i = 0; i < LOOKUPS; i++) {
        struct muster_bytes key = MUSTER_BYTES(b->key[i % KEYS], sizeof b->key[0]);
        uint16_t list[RING_REPLICAS_MAX];

        sum += ring_prefer(r, ring_slot(r, key), list);
        sum += list_word(list);
    }
    b->sink = sum;
    return (now_ns() - begin) * 1000 / LOOKUPS;
}

/* All weights change at once, which nothing but a rebuild can follow. */
static uint64_t rebuild_ps(struct bench *b)
{
    uint64_t begin;

    bench_weigh(b);
    begin = now_ns();
    must(ring_set(b->ring, b->node, 10000, NULL));
    return (now_ns() - begin) * 1000;
}

/* The changed slots included. `is_join` says which half of coming and going counts. */
static uint64_t move_ps(struct bench *b, uint32_t first, uint32_t movers, bool is_join)
{
    uint64_t spent = 0;

    for (uint32_t i = first; i < first + movers; i++) {
        uint64_t begin = now_ns();
        uint64_t joined;

        if (is_join) {
            must(ring_join(b->ring, &b->node[i], NULL));
            joined = now_ns();
            must(ring_leave(b->ring, b->node[i].id));
            spent += joined - begin;
        } else {
            must(ring_leave(b->ring, b->node[i].id));
            spent += now_ns() - begin;
            must(ring_join(b->ring, &b->node[i], NULL));
        }
    }
    return spent * 1000 / movers;
}

static uint64_t join_1000_ps(struct bench *b)
{
    return move_ps(b, 1000, MOVERS, true);
}

static uint64_t leave_1000_ps(struct bench *b)
{
    return move_ps(b, 0, MOVERS, false);
}

static uint64_t leave_3_ps(struct bench *b)
{
    return move_ps(b, 0, 3, false);
}

static int number_compare(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void report(struct bench *b, const char *name, uint32_t nodes,
                   uint64_t (*measure)(struct bench *b), uint64_t unit_ps, const char *unit)
{
    uint64_t spent[RUNS];
    uint64_t tenths;

    bench_open(b, nodes);
    (void)measure(b); /* warms the caches and the memory */
    for (uint32_t i = 0; i < RUNS; i++)
        spent[i] = measure(b);
    ring_close(b->ring);
    qsort(spent, RUNS, sizeof spent[0], number_compare);
    tenths = (spent[RUNS / 2] * 10 + unit_ps / 2) / unit_ps;
    printf("%s %" PRIu64 ".%" PRIu64 " %s\n", name, tenths / 10, tenths % 10, unit);
}

int main(void)
{
    struct bench *b = calloc(1, sizeof *b);

    if (b == NULL)
        must(MUSTER_EFULL);
    muster_rng_seed(&b->rng, 17);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        uint64_t half[2] = { muster_rng_next(&b->rng), muster_rng_next(&b->rng) };

        memcpy(b->id[i], half, sizeof half);
        b->node[i].id = MUSTER_BYTES(b->id[i], sizeof b->id[i]);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        b->key[i][0] = muster_rng_next(&b->rng);
        b->key[i][1] = muster_rng_next(&b->rng);
    }
    bench_weigh(b);
    report(b, "ring_list_3", 1000, list_ps, 1000, "ns");
    report(b, "ring_key_list_3", 1000, key_list_ps, 1000, "ns");
    report(b, "ring_rebuild_10000", 10000, rebuild_ps, 1000000000, "ms");
    report(b, "ring_join_1000", 1000, join_1000_ps, 1000000, "us");
    report(b, "ring_leave_1000", 1000, leave_1000_ps, 1000000, "us");
    report(b, "ring_leave_3", 3, leave_3_ps, 1000000, "us");
    free(b);
    return 0;
}
