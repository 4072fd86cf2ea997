/* SPDX-License-Identifier: Apache-2.0 */
/* The placement race by brute force, for comparison. */
#include "tests/unit/ring_reference.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

static void *reference_memory(void *old, uint64_t count, size_t size)
{
    void *memory = realloc(old, (size_t)count * size);

    assert_non_null(memory);
    return memory;
}

static uint64_t dart_bits(uint64_t nid, uint64_t j)
{
    uint64_t z = nid + UINT64_C(0x9E3779B97F4A7C15) * (j + 1);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* One node's first hits before the limit, appended. */
static void reference_throw(struct reference *r, uint32_t index, uint64_t limit, uint64_t *room)
{
    const struct reference_node *node = &r->node[index];
    uint32_t slots = UINT32_C(1) << r->bits;
    uint64_t step = (UINT64_C(1) << 32) / node->weight;
    uint32_t missed = slots;

    memset(r->is_hit, 0, slots * sizeof *r->is_hit);
    for (uint64_t j = 0; missed > 0; j++) {
        uint64_t h = dart_bits(node->nid, j);
        uint32_t slot = (uint32_t)(h >> (64 - r->bits));
        uint64_t time = j * step + (((h & 0xFFFFFFFF) * step) >> 32);

        if (time >= limit)
            break;
        if (r->is_hit[slot])
            continue;
        r->is_hit[slot] = true;
        missed--;
        if (r->hits == *room) {
            *room = *room * 2 + 1024;
            r->hit = reference_memory(r->hit, *room, sizeof *r->hit);
        }
        r->hit[r->hits++] = (struct reference_hit){ slot, index, time, node->nid };
    }
}

static int hit_compare(const void *a, const void *b)
{
    const struct reference_hit *x = a;
    const struct reference_hit *y = b;

    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->nid < y->nid ? -1 : x->nid > y->nid;
}

static void reference_index(struct reference *r)
{
    uint32_t slots = UINT32_C(1) << r->bits;
    uint64_t at = 0;

    qsort(r->hit, (size_t)r->hits, sizeof *r->hit, hit_compare);
    r->first = reference_memory(r->first, (uint64_t)slots + 1, sizeof *r->first);
    for (uint32_t slot = 0; slot <= slots; slot++) {
        while (at < r->hits && r->hit[at].slot < slot)
            at++;
        r->first[slot] = at;
    }
}

static bool reference_has(const struct reference *r, uint32_t need, uint32_t need_zones)
{
    for (uint32_t slot = 0; slot < UINT32_C(1) << r->bits; slot++) {
        uint32_t seen[RING_REPLICAS_MAX];
        uint32_t zones = 0;

        if (r->first[slot + 1] - r->first[slot] < need)
            return false;
        for (uint64_t i = r->first[slot]; i < r->first[slot + 1] && zones < need_zones; i++) {
            uint32_t zone = r->node[r->hit[i].node].zone;
            uint32_t k = 0;

            while (k < zones && seen[k] != zone)
                k++;
            if (k == zones)
                seen[zones++] = zone;
        }
        if (zones < need_zones)
            return false;
    }
    return true;
}

void reference_open(struct reference *r, uint32_t bits, const struct reference_node *node,
                    uint32_t n, uint32_t need, uint32_t need_zones)
{
    uint64_t weight = 0;
    uint64_t room = 0;

    *r = (struct reference){ .bits = bits, .n = n, .node = node };
    r->is_hit = reference_memory(NULL, UINT64_C(1) << bits, sizeof *r->is_hit);
    for (uint32_t i = 0; i < n; i++)
        weight += node[i].weight;
    for (uint64_t limit = n == 0 ? 0 : (UINT64_C(8) << (32 + bits)) / weight;; limit *= 2) {
        r->hits = 0;
        for (uint32_t i = 0; i < n; i++)
            reference_throw(r, i, limit, &room);
        reference_index(r);
        if (reference_has(r, need < n ? need : n, need_zones))
            return;
    }
}

void reference_close(struct reference *r)
{
    free(r->hit);
    free(r->is_hit);
    free(r->first);
    *r = (struct reference){ 0 };
}

uint32_t reference_order(const struct reference *r, uint32_t slot, uint32_t *out, uint32_t max)
{
    uint32_t n = 0;

    for (uint64_t i = r->first[slot]; i < r->first[slot + 1] && n < max; i++)
        out[n++] = r->hit[i].node;
    return n;
}

static bool list_has_zone(const struct reference *r, const uint32_t *list, uint32_t n,
                          uint32_t zone)
{
    for (uint32_t i = 0; i < n; i++)
        if (r->node[list[i]].zone == zone)
            return true;
    return false;
}

static bool list_has_node(const uint32_t *list, uint32_t n, uint32_t node)
{
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == node)
            return true;
    return false;
}

uint32_t reference_list(const struct reference *r, uint32_t slot, uint32_t replicas, bool zones,
                        uint32_t out[RING_REPLICAS_MAX])
{
    uint32_t n = 0;

    for (uint64_t i = r->first[slot]; zones && i < r->first[slot + 1] && n < replicas; i++)
        if (!list_has_zone(r, out, n, r->node[r->hit[i].node].zone))
            out[n++] = r->hit[i].node;
    for (uint64_t i = r->first[slot]; i < r->first[slot + 1] && n < replicas; i++)
        if (!list_has_node(out, n, r->hit[i].node))
            out[n++] = r->hit[i].node;
    return n;
}

void reference_nodes(struct reference_node *node, uint32_t n, uint64_t state, uint32_t weights)
{
    for (uint32_t i = 0; i < n; i++) {
        node[i].nid = muster_splitmix64(&state);
        node[i].weight = 1 + (uint32_t)(muster_splitmix64(&state) % weights);
        node[i].zone = 0;
    }
}

uint64_t reference_fnv(uint64_t hash, uint64_t entry)
{
    return (hash ^ entry) * UINT64_C(0x100000001b3);
}

struct ring_node reference_ring_node(struct reference_id *id, uint32_t index, uint32_t weight,
                                     uint32_t zone)
{
    uint64_t state = index;

    for (size_t i = 0; i < sizeof id->octet; i += 8) {
        uint64_t word = muster_splitmix64(&state);

        memcpy(&id->octet[i], &word, 8);
    }
    return (struct ring_node){ MUSTER_BYTES(id->octet, sizeof id->octet), weight, zone };
}
