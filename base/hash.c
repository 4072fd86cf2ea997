/* SPDX-License-Identifier: Apache-2.0 */
/* The door to xxhash, and a map from hashes to the numbers of their objects. */
#include "base/hash.h"

#include <stdlib.h>

/* In place: most keys are so short that the way into a library costs as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t muster_hash64(struct muster_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.len, seed);
}

/* ---- the map
 *
 * Linear probing over a power of two of places. An entry never lies behind a free place on the way
 * from its home, and removing moves later entries back to keep it so; no place is ever marked as
 * deleted, so a table that lives for years stays as quick as a fresh one. */

#define MAP_FREE         0u /* as the arena gives it: a map that is not used costs no memory */
#define MAP_PLACES_MIN   8u
#define MAP_CAPACITY_MAX (UINT32_MAX / 16 * 7) /* 7/8 of the largest power of two of places */

/* The fewest places of which `capacity` entries take at most 7/8. */
static uint32_t map_places(uint32_t capacity)
{
    uint32_t places = MAP_PLACES_MIN;

    MUSTER_ASSERT(capacity <= MAP_CAPACITY_MAX);
    while (places / 8 * 7 < capacity)
        places *= 2;
    return places;
}

static uint32_t map_home(const struct muster_map *m, uint64_t hash)
{
    /* Upper bits count too: not every owner's hash is good in the lower ones. */
    return (uint32_t)(hash ^ hash >> 32) & m->mask;
}

static void map_set_up(struct muster_map *m, uint32_t places, uint32_t capacity)
{
    m->mask = places - 1;
    m->count = 0;
    m->limit = capacity;
}

int muster_map_init(struct muster_map *m, struct muster_arena *a, uint32_t capacity)
{
    uint32_t places;

    *m = (struct muster_map){ 0 };
    if (capacity > MAP_CAPACITY_MAX)
        return MUSTER_EFULL;
    places = map_places(capacity);
    m->hash = muster_arena_take(a, places, sizeof *m->hash);
    m->value = muster_arena_take(a, places, sizeof *m->value);
    if (m->hash == NULL || m->value == NULL)
        return MUSTER_EFULL;
    map_set_up(m, places, capacity);
    return MUSTER_OK;
}

int muster_map_open(struct muster_map *m, uint32_t capacity)
{
    uint32_t places;

    *m = (struct muster_map){ 0 };
    if (capacity > MAP_CAPACITY_MAX)
        return MUSTER_EFULL;
    places = map_places(capacity);
    m->hash = malloc(places * sizeof *m->hash);
    m->value = calloc(places, sizeof *m->value);
    if (m->hash == NULL || m->value == NULL) {
        muster_map_close(m);
        return MUSTER_EFULL;
    }
    map_set_up(m, places, capacity);
    return MUSTER_OK;
}

void muster_map_close(struct muster_map *m)
{
    free(m->value);
    free(m->hash);
    *m = (struct muster_map){ 0 };
}

int muster_map_put(struct muster_map *m, uint64_t hash, uint32_t value)
{
    uint32_t place = map_home(m, hash);

    MUSTER_ASSERT(~value != MAP_FREE);
    MUSTER_ASSERT(m->count <= m->limit);
    if (m->count == m->limit)
        return MUSTER_EFULL;
    while (m->value[place] != MAP_FREE)
        place = (place + 1) & m->mask;
    m->hash[place] = hash;
    m->value[place] = ~value;
    m->count++;
    return MUSTER_OK;
}

/* Moves everything into a map of at least one more and at most `capacity_max` entries. */
static int map_grow(struct muster_map *m, uint32_t capacity_max)
{
    struct muster_map grown;
    uint32_t capacity = m->limit;
    int err;

    if (capacity_max > MAP_CAPACITY_MAX)
        capacity_max = MAP_CAPACITY_MAX;
    if (capacity >= capacity_max)
        return MUSTER_EFULL;
    capacity = capacity < MAP_PLACES_MIN ? MAP_PLACES_MIN : 2 * capacity;
    err = muster_map_open(&grown, capacity < capacity_max ? capacity : capacity_max);
    if (err != MUSTER_OK)
        return err;
    for (size_t place = 0; place <= m->mask; place++)
        if (m->value[place] != MAP_FREE) {
            err = muster_map_put(&grown, m->hash[place], ~m->value[place]);
            MUSTER_ASSERT(err == MUSTER_OK);
        }
    muster_map_close(m);
    *m = grown;
    return MUSTER_OK;
}

int muster_map_put_growing(struct muster_map *m, uint64_t hash, uint32_t value,
                           uint32_t capacity_max)
{
    if (m->count == m->limit) {
        int err = map_grow(m, capacity_max);

        if (err != MUSTER_OK)
            return err;
    }
    return muster_map_put(m, hash, value);
}

void muster_map_remove(struct muster_map *m, uint64_t hash, uint32_t value)
{
    uint32_t gap = map_home(m, hash);

    MUSTER_ASSERT(~value != MAP_FREE);
    while (m->value[gap] != ~value || m->hash[gap] != hash) {
        MUSTER_ASSERT(m->value[gap] != MAP_FREE); /* the way ends: it was never put */
        gap = (gap + 1) & m->mask;
    }
    for (uint32_t next = (gap + 1) & m->mask; m->value[next] != MAP_FREE;
         next = (next + 1) & m->mask) {
        uint32_t from_home = (next - map_home(m, m->hash[next])) & m->mask;
        uint32_t from_gap = (next - gap) & m->mask;

        if (from_home < from_gap)
            continue; /* its home lies behind the gap: it stays */
        m->hash[gap] = m->hash[next];
        m->value[gap] = m->value[next];
        gap = next;
    }
    m->value[gap] = MAP_FREE;
    m->count--;
}

bool muster_map_find(const struct muster_map *m, uint64_t hash, uint32_t *cursor, uint32_t *value)
{
    /* The cursor counts the places looked at from the home on. There is always a free one. */
    for (;;) {
        uint32_t place = (map_home(m, hash) + *cursor) & m->mask;

        if (m->value[place] == MAP_FREE)
            return false;
        ++*cursor;
        if (m->hash[place] == hash) {
            *value = ~m->value[place];
            return true;
        }
    }
}
