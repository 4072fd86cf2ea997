/* SPDX-License-Identifier: Apache-2.0 */
/* The rare turns of a row: ties, zones, and nodes that leave. */
#include "ring/row.h"

#include <string.h>

void ring_row_clear(const struct ring_shape *s, uint64_t *row)
{
    memset(row, 0xFF, s->stride * sizeof *row);
    _Static_assert(RING_ARRIVAL_NONE == UINT64_MAX, "all ones is no arrival");
}

/* The whole time of an arrival of which the word keeps the upper bits: its dart is thrown again. */
static uint64_t arrival_time(const struct ring_shape *s, uint32_t slot, uint64_t arrival)
{
    uint32_t shift = ring_time_shift(s->bits);
    uint64_t from = ((arrival >> RING_ARRIVAL_BITS) - 1) << shift;
    uint64_t before = from + (UINT64_C(1) << shift);
    uint64_t time;

    MUSTER_ASSERT(ring_dart_at(&s->entrant[ring_arrival_number(arrival)], s->bits, slot, from,
                               before, &time));
    return time;
}

static bool arrival_precedes(const struct ring_shape *s, uint32_t slot, uint64_t a, uint64_t b)
{
    uint16_t number_a = ring_arrival_number(a);
    uint16_t number_b = ring_arrival_number(b);
    uint64_t time_a;
    uint64_t time_b;

    /* A bare horizon is no dart: it closes the time it names. */
    if (a == b || (a ^ b) >= RING_ARRIVAL_TIE || number_a == RING_NONE || number_b == RING_NONE)
        return a < b;
    time_a = arrival_time(s, slot, a);
    time_b = arrival_time(s, slot, b);
    if (time_a != time_b)
        return time_a < time_b;
    return s->entrant[number_a].nid < s->entrant[number_b].nid;
}

/* Puts an arrival where it belongs among `n` sorted words; returns the word that had to go, which
 * is the arrival itself when it is the latest. */
static uint64_t words_insert(const struct ring_shape *s, uint64_t *word, uint32_t n, uint32_t slot,
                             uint64_t arrival)
{
    uint64_t carry = arrival;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t here = word[i];

        if (carry == RING_ARRIVAL_NONE)
            break;
        if (arrival_precedes(s, slot, carry, here)) {
            word[i] = carry;
            carry = here;
        }
    }
    return carry;
}

/* Takes the word out and closes the gap. */
static void words_remove(uint64_t *word, uint32_t n, uint32_t at)
{
    for (uint32_t i = at; i + 1 < n; i++)
        word[i] = word[i + 1];
    word[n - 1] = RING_ARRIVAL_NONE;
}

/* The index of the node's word, n if it has none. */
static uint32_t words_find(const uint64_t *word, uint32_t n, uint16_t number)
{
    uint32_t i = 0;

    while (i < n && ring_arrival_number(word[i]) != number)
        i++;
    return i;
}

bool ring_row_offer_exactly(const struct ring_shape *s, uint64_t *row, uint32_t slot,
                            uint64_t arrival)
{
    uint32_t keep = s->keep;
    uint64_t out;

    if (words_find(row, keep, ring_arrival_number(arrival)) < keep)
        return false;
    if (!arrival_precedes(s, slot, arrival, row[keep]))
        return false;
    out = words_insert(s, row, keep, slot, arrival);
    if (out != RING_ARRIVAL_NONE)
        row[keep] = out;
    return words_find(row, s->replicas, ring_arrival_number(arrival)) < s->replicas;
}

bool ring_row_offer_zone(const struct ring_shape *s, uint64_t *row, uint32_t slot, uint64_t arrival)
{
    uint64_t *first = row + s->keep + 1;
    uint32_t zone = s->entrant[ring_arrival_number(arrival)].zone;

    if (row[s->keep] == RING_HORIZON_NONE)
        return false;
    for (uint32_t i = 0; i < s->replicas && first[i] != RING_ARRIVAL_NONE; i++) {
        if (s->entrant[ring_arrival_number(first[i])].zone != zone)
            continue;
        if (!arrival_precedes(s, slot, arrival, first[i]))
            return false;
        words_remove(first, s->replicas, i);
        break;
    }
    /* A zone that is pushed out was the latest; if it is needed again, it is found in the base
     * words or the row is no longer covered. */
    return words_insert(s, first, s->replicas, slot, arrival) != arrival;
}

static uint32_t words_count(const uint64_t *word, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && word[i] != RING_ARRIVAL_NONE)
        i++;
    return i;
}

/* Knows nothing any more and takes nothing either, until it is run anew. */
static void row_forget(const struct ring_shape *s, uint64_t *row)
{
    ring_row_clear(s, row);
    row[s->keep] = RING_HORIZON_NONE;
}

/* A zone lost its first node: the next one is the best of those still known. If none is known,
 * somebody beyond the horizon may be the next, and a joiner must not be taken for him. */
static bool row_strike_zone(const struct ring_shape *s, uint64_t *row, uint32_t slot,
                            uint16_t number)
{
    uint64_t *first = row + s->keep + 1;
    uint32_t at = words_find(first, s->replicas, number);
    uint32_t zones = words_count(first, s->replicas);

    if (at == s->replicas)
        return false;
    words_remove(first, s->replicas, at);
    for (uint32_t i = 0; i < s->keep && row[i] != RING_ARRIVAL_NONE; i++)
        ring_row_offer_zone(s, row, slot, row[i]);
    if (words_count(first, s->replicas) < zones && row[s->keep] != RING_ARRIVAL_NONE)
        row_forget(s, row);
    return true;
}

/* The horizon must not name a node that is gone, since its number will serve again. What ties with
 * the horizon can then no longer be told apart from what lies beyond it, and is forgotten. */
static bool row_strike_horizon(const struct ring_shape *s, uint64_t *row, uint16_t number)
{
    uint64_t part = row[s->keep] & ~(RING_ARRIVAL_TIE - 1);
    bool is_news = false;

    if (ring_arrival_number(row[s->keep]) != number)
        return false;
    for (uint32_t i = s->keep; i-- > 0;)
        if (row[i] != RING_ARRIVAL_NONE && row[i] >= part) {
            row[i] = RING_ARRIVAL_NONE;
            is_news = true;
        }
    row[s->keep] = part - 1;
    return is_news;
}

bool ring_row_strike(const struct ring_shape *s, uint64_t *row, uint32_t slot, uint16_t number)
{
    uint32_t at = words_find(row, s->keep, number);
    bool is_news = at < s->replicas;

    if (at < s->keep)
        words_remove(row, s->keep, at);
    is_news |= row_strike_horizon(s, row, number);
    if (s->zones)
        is_news |= row_strike_zone(s, row, slot, number);
    return is_news;
}
