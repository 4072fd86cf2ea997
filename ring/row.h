/* Row: the first arrivals at one slot, in order, and how far they are known.
 *
 * An arrival is one word: 48 bits of time above the 16 bits of the node's number, so that sorting
 * words sorts arrivals. Where the 48 bits of two arrivals agree, the darts are thrown again and
 * compared in full, then by nid: rare, slow and exact.
 *
 *     word    0 .. keep-1      the first arrivals, best first, RING_ARRIVAL_NONE past the last
 *             keep             the horizon: nothing at or beyond it is known, all before it is
 *             keep+1 ..        with zones: the first arrival of each of the first `replicas` zones
 *
 * The zone words stand apart because a zone of few nodes may arrive long after the first `keep`.
 *
 * memory   words of the table, borrowed
 * errors   none; a row that knows too little says so by ring_row_is_covered
 * threads  one user each
 */
#ifndef MUSTER_RING_ROW_H
#define MUSTER_RING_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/dart.h"
#include "ring/ring.h"

#define RING_ARRIVAL_NONE  UINT64_MAX
#define RING_ARRIVAL_BITS  16
#define RING_ARRIVAL_TIE   (UINT64_C(1) << RING_ARRIVAL_BITS) /* words closer than this may tie */
#define RING_HORIZON_NONE  (RING_ARRIVAL_TIE - 1) /* before every arrival: nothing is known */
#define RING_TIME_PART_MAX ((UINT64_C(1) << 48) - 1)

/* What all rows of a table have in common. */
struct ring_shape {
    const struct ring_entrant *entrant; /* by number */
    uint32_t bits;                      /* p */
    uint32_t replicas;                  /* R */
    uint32_t keep;                      /* K, more than R */
    uint32_t stride;                    /* words of a row */
    bool zones;
};

#define RING_BITS_WHOLE 10

/* Low bits of a time that an arrival drops: none up to 10 bits of slot, because there 48 bits hold
 * RING_DARTS_PER_SLOT_MAX darts a slot of the lightest node, and one more with each slot bit. */
static inline uint32_t ring_time_shift(uint32_t bits)
{
    return bits > RING_BITS_WHOLE ? bits - RING_BITS_WHOLE : 0;
}

/* The time part of an arrival starts at 1, so that there is a horizon before the first of them. */
static inline uint64_t ring_arrival(uint64_t time, uint32_t shift, uint16_t number)
{
    return ((time >> shift) << RING_ARRIVAL_BITS) + (RING_ARRIVAL_TIE | number);
}

/* The horizon that shows everything before `time`, a multiple of 2^shift. */
static inline uint64_t ring_horizon(uint64_t time, uint32_t shift)
{
    return ((time >> shift) << RING_ARRIVAL_BITS) + (RING_ARRIVAL_TIE - 1);
}

static inline uint16_t ring_arrival_number(uint64_t arrival)
{
    return (uint16_t)arrival; /* RING_NONE for RING_ARRIVAL_NONE and for a bare horizon */
}

void ring_row_clear(const struct ring_shape *s, uint64_t *row);

/* True if arrival `a` at the slot is earlier than `b`, exactly. */

/* Enters an arrival unless its node is there already or it lies beyond the horizon; the node's
 * earlier darts must have been offered before. ring_row_offer is the way in; the others are its
 * rare turns. */
bool ring_row_offer_exactly(const struct ring_shape *s, uint64_t *row, uint32_t slot,
                            uint64_t arrival);
bool ring_row_offer_zone(const struct ring_shape *s, uint64_t *row, uint32_t slot,
                         uint64_t arrival);

/* Strikes a node that leaves. Both return whether the preference list may have changed. */
bool ring_row_strike(const struct ring_shape *s, uint64_t *row, uint32_t slot, uint16_t number);

/* Whether the row knows the first `nodes` nodes and, with zones, the first `zones` zones. */
static inline bool ring_row_is_covered(const struct ring_shape *s, const uint64_t *row,
                                       uint32_t nodes, uint32_t zones)
{
    if (nodes > 0 && row[nodes - 1] == RING_ARRIVAL_NONE)
        return false;
    return zones == 0 || row[s->keep + zones] != RING_ARRIVAL_NONE;
}

/* Sorts without a branch, since no predictor could guess where an arrival belongs: each word keeps
 * the earlier of itself and what is carried on. */
static inline bool ring_row_offer_base(const struct ring_shape *s, uint64_t *row, uint32_t keep,
                                       uint32_t slot, uint64_t arrival)
{
    uint64_t carry = arrival;
    bool is_there = false;
    bool is_tied = (row[keep] ^ arrival) < RING_ARRIVAL_TIE;

    if (arrival > (row[keep] | (RING_ARRIVAL_TIE - 1)))
        return false;
    for (uint32_t i = 0; i < keep; i++) {
        uint64_t apart = row[i] ^ arrival;

        is_there |= (uint16_t)apart == 0;
        is_tied |= apart < RING_ARRIVAL_TIE;
    }
    if (is_there)
        return false;
    if (is_tied)
        return ring_row_offer_exactly(s, row, slot, arrival);
    for (uint32_t i = 0; i < keep; i++) {
        uint64_t word = row[i];
        bool is_earlier = carry < word;

        row[i] = is_earlier ? carry : word;
        carry = is_earlier ? word : carry;
    }
    row[keep] = carry == RING_ARRIVAL_NONE ? row[keep] : carry;
    return arrival <= (row[s->replicas - 1] | (RING_ARRIVAL_TIE - 1));
}

static inline bool ring_row_offer(const struct ring_shape *s, uint64_t *row, uint32_t slot,
                                  uint64_t arrival)
{
    bool is_news = ring_row_offer_base(s, row, s->keep, slot, arrival);

    /* Later than the last zone's first arrival: no zone's first. */
    if (s->zones && arrival <= (row[s->keep + s->replicas] | (RING_ARRIVAL_TIE - 1)))
        is_news |= ring_row_offer_zone(s, row, slot, arrival);
    return is_news;
}

#endif
