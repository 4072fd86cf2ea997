/* Dart: the arithmetic of the race that decides where a key belongs.
 *
 * Every node throws darts at the slots, the heavier the more often. Its darts depend on its own
 * name and weight alone, so a member that comes or goes disturbs nobody else's. All of it is
 * unsigned 64-bit: floating point or a library's logarithm could place a job differently on
 * another machine.
 *
 * units    time: 2^-32 of what a node of weight 1 waits between two darts, on average
 * memory   held by value
 * errors   none; every argument is either right or a bug
 * threads  any
 * source   splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 *          2014)
 */
#ifndef MUSTER_RING_DART_H
#define MUSTER_RING_DART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define RING_WEIGHT_MAX 65535

/* After so many darts a slot, a node has hit every slot but with a chance of 2^20 * e^-64: the
 * bound of every loop over darts, and the reason why 48 bits hold an arrival's time (row.h). */
#define RING_DARTS_PER_SLOT_MAX 64

/* What the race needs to know of a node. */
struct ring_entrant {
    uint64_t nid; /* also breaks ties: the smaller wins */
    uint32_t zone;
    uint16_t weight; /* 0: takes no part */
    bool is_heir;    /* serves under a number that another node gave up in the same change */
};

/* A node's darts in the order of their times, the next one ready to be thrown. */
struct ring_thrower {
    uint64_t seed; /* nid + golden ratio * (j + 1), for the next dart j */
    uint64_t base; /* j * step: no earlier than the next dart's time */
    uint64_t step; /* mean time between two darts: floor(2^32 / weight) */
    uint16_t number;
    uint16_t weight;
};

/* A step wider than 2^32 would overflow the product in ring_dart_delay, silently, and light nodes
 * would win too often. */
static inline uint64_t ring_dart_step(uint32_t weight)
{
    MUSTER_ASSERT(weight >= 1);
    MUSTER_ASSERT(weight <= RING_WEIGHT_MAX);
    return (UINT64_C(1) << 32) / weight;
}

#define RING_DART_GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/* The dart's bits: the upper ones are its slot, the lower 32 its delay. */
static inline uint64_t ring_dart_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* How much later than j * step dart j flies: less than a step, so a node's darts stay in order. */
static inline uint64_t ring_dart_delay(uint64_t dart, uint64_t step)
{
    return ((dart & UINT32_MAX) * step) >> 32;
}

static inline uint32_t ring_dart_slot(uint64_t dart, uint32_t bits)
{
    return (uint32_t)(dart >> (64 - bits));
}

struct ring_thrower ring_thrower_of(const struct ring_entrant *e, uint16_t number);

/* Darts that a node of this weight throws before `time`, one more or less. */
uint64_t ring_dart_count(uint32_t weight, uint64_t time);

/* The node's earliest dart at `slot` in [from, before); false when there is none. */
bool ring_dart_at(const struct ring_entrant *e, uint32_t bits, uint32_t slot, uint64_t from,
                  uint64_t before, uint64_t *time);

#endif
