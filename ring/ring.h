/* Ring: where a key belongs. Weighted rendezvous hashing turned inside out over a fixed table of
 * slots: every node computes the same ordered list of nodes for every key from the same member
 * set, whatever the order in which it learned of them. (docs/design.md "Placement"; definition and
 * vectors: tests)
 *
 * units    weight: capacity units, 1..65535; 0 = draining, holds no slots
 * memory   taken at ring_open for nodes_max nodes; ring_close gives it back
 * errors   MUSTER_EINVAL bits, weights or replicas out of range, an id that is empty or too long;
 *          MUSTER_EEXISTS two nodes with one nid; MUSTER_EFULL more than nodes_max nodes, or no
 *          memory; MUSTER_ENOTFOUND a leaver who is no member
 * threads  the loop's only
 */
#ifndef MUSTER_RING_RING_H
#define MUSTER_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define RING_BITS_MIN     6
#define RING_BITS_MAX     20
#define RING_REPLICAS_MAX 4
#define RING_NODES_MAX    65534
#define RING_ORDER_MAX    16 /* K at the most */
#define RING_DRAWS        16 /* of the spill rule's second step */
#define RING_ID_MAX       64 /* bytes */
#define RING_NONE         UINT16_MAX

struct ring_config {
    uint32_t bits;     /* p: 2^p slots */
    uint32_t replicas; /* R: length of a preference list */
    uint32_t nodes_max;
    bool zones; /* spread lists over zones; K becomes 16 */
};

struct ring_node {
    struct muster_bytes id; /* 1 .. RING_ID_MAX bytes, borrowed during the call */
    uint32_t weight;
    uint32_t zone; /* 0 when zones are off */
};

/* One slot whose preference list changed. `before` speaks of numbers as they were before the call:
 * of the node that left, should its number serve again already. */
struct ring_change {
    uint32_t slot;
    uint16_t before[RING_REPLICAS_MAX]; /* node numbers, RING_NONE past the end */
    uint16_t after[RING_REPLICAS_MAX];
};

struct ring; /* opaque */

MUSTER_MUST_USE int ring_open(struct ring **r, const struct ring_config *c);
void ring_close(struct ring *r);

/* Replaces the member set. A node keeps its number (below nodes_max) as long as it stays a member,
 * also while its weight is 0; a new one gets the number that has been free for longest. `number`
 * (n entries, may be NULL) receives the number of each node given. Chooses between incremental
 * update and rebuild; the result is the same. On error nothing changes. */
MUSTER_MUST_USE int ring_set(struct ring *r, const struct ring_node *nodes, uint32_t n,
                             uint16_t *number);
/* One joiner, leaver or new weight, incrementally where that is possible. */
MUSTER_MUST_USE int ring_join(struct ring *r, const struct ring_node *node, uint16_t *number);
MUSTER_MUST_USE int ring_leave(struct ring *r, struct muster_bytes id);

/* Gives back the memory that only changes need, and packs the rest into a byte for each slot and
 * node of its order: the next change takes as long as a build. For pools where that is no matter;
 * with zones or more than 255 nodes with weight nothing happens, nor where that memory is less than
 * four pages and mending is exact to the last place. */
void ring_rest(struct ring *r);

/* Slots whose list changed in the last ring_set, ring_join or ring_leave; valid until the next. */
const struct ring_change *ring_changes(const struct ring *r, uint32_t *n);

uint32_t ring_count(const struct ring *r);  /* members with weight >= 1 */
uint64_t ring_digest(const struct ring *r); /* equal digests mean equal placement */
uint64_t ring_nid(struct muster_bytes id);

uint32_t ring_slot(const struct ring *r, struct muster_bytes key);
uint32_t ring_slot_of_hash(const struct ring *r, uint64_t hash);

/* The preference list of a slot: entry 0 owns, the others take over in order. Returns how many. */
uint32_t ring_prefer(const struct ring *r, uint32_t slot, uint16_t out[RING_REPLICAS_MAX]);
/* The K-entry order of a slot, which the spill rule walks first. */
uint32_t ring_order(const struct ring *r, uint32_t slot, uint16_t out[RING_ORDER_MAX]);
/* The i-th draw of the spill rule's second step (i = 1..16), RING_NONE on an empty ring. */
uint16_t ring_draw(const struct ring *r, struct muster_bytes key, uint32_t i);
/* Every member by arrival at the slot, best first, up to `max`: the walk that `why` prints. Slow:
 * about 2^bits darts for each of the `max`, some milliseconds for a dozen at 16 bits. */
uint32_t ring_walk(const struct ring *r, uint32_t slot, uint16_t *out, uint32_t max);

#endif
