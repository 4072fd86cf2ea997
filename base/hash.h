/* Hash: hashing without secrets (the one door to xxhash), checksums, and a map from hashes to
 * numbers.
 *
 * memory   two arrays of a map from its owner's arena, or from the heap when it may grow
 * errors   MUSTER_EFULL at the brim; removing what was never put is a bug
 * threads  any for the functions, one user each for a map
 */
#ifndef MUSTER_BASE_HASH_H
#define MUSTER_BASE_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

/* XXH3_64 with a seed; equal on every architecture. */
uint64_t muster_hash64(struct muster_bytes bytes, uint64_t seed);

/* CRC-32 of IEEE 802.3 as zlib's crc32 (gossip), and CRC-32C (rows); start with 0. */
uint32_t muster_crc32(uint32_t crc, struct muster_bytes bytes);
uint32_t muster_crc32c(uint32_t crc, struct muster_bytes bytes);

/* Map from a 64-bit hash to a 32-bit number the owner keeps its objects under. Open addressing;
 * several entries may share a hash, so the owner compares keys: iterate with muster_map_find. At
 * most 7/8 full. A map on the heap takes and gives back its own memory; one from an arena does not.
 */
struct muster_map {
    uint64_t *hash;
    uint32_t *value; /* the complement; 0: free */
    uint32_t mask;
    uint32_t count;
    uint32_t limit;
};

MUSTER_MUST_USE int muster_map_init(struct muster_map *m, struct muster_arena *a,
                                    uint32_t capacity);
/* A map on the heap that doubles when full up to `capacity_max`; close it with muster_map_close. */
MUSTER_MUST_USE int muster_map_open(struct muster_map *m, uint32_t capacity);
void muster_map_close(struct muster_map *m);
MUSTER_MUST_USE int muster_map_put(struct muster_map *m, uint64_t hash,
                                   uint32_t value); /* MUSTER_EFULL at the brim */
MUSTER_MUST_USE int muster_map_put_growing(struct muster_map *m, uint64_t hash, uint32_t value,
                                           uint32_t capacity_max);
void muster_map_remove(struct muster_map *m, uint64_t hash, uint32_t value); /* absent is a bug */

/* Walks the values with this hash: cursor starts at 0; false at the end. The map must not
 * change during the walk. */
bool muster_map_find(const struct muster_map *m, uint64_t hash, uint32_t *cursor, uint32_t *value);

#endif
