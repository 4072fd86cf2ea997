/* Broadcast: the news that ride on packets, and how often each has done so.
 *
 * One entry per member: newer news about it takes the place of older. Fresh news goes first, then
 * long before short (so that packets fill up), then the newest; after enough sendings an entry is
 * done. At the brim the entry that was sent most often makes room: most members know it already,
 * and the whole tables exchanged now and then carry the rest. (SWIM 4.1, "infection-style
 * dissemination")
 *
 * memory   from the arena at init; of an entry as much as its message is long
 * threads  one user each
 * source   docs/protocol.md, "Broadcasts"
 */
#ifndef MUSTER_GOSSIP_BROADCAST_H
#define MUSTER_GOSSIP_BROADCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "gossip/blocks.h"
#include "gossip/codec.h"
#include "gossip/packet.h"

#define GOSSIP_BROADCASTS_MAX 1024

struct gossip_broadcast {
    uint32_t owner; /* number of the member it is about */
    uint32_t arrival;
    uint32_t transmits;
    uint16_t len;
    bool is_urgent; /* goes before everything that is not */
    uint8_t *bytes; /* in a block */
};

struct gossip_broadcast_place {
    uint64_t key;
    uint32_t slot;
};

struct gossip_queue {
    struct gossip_blocks blocks;
    struct gossip_broadcast *slot;
    struct gossip_broadcast_place *order; /* by key, which says all about who goes first */
    uint32_t *free;
    uint32_t *slot_of_owner;
    uint32_t free_count;
    uint32_t count;
    uint32_t capacity;
    uint32_t owners;
    uint32_t arrivals;
    uint64_t shed; /* entries that had to make room */
};

size_t gossip_queue_memory(uint32_t owners);
MUSTER_MUST_USE int gossip_queue_init(struct gossip_queue *q, struct muster_arena *a,
                                      uint32_t owners);

/* Copies the message. Returns the copy, which lives until the next put or drop. */
struct muster_bytes gossip_queue_put(struct gossip_queue *q, uint32_t owner,
                                     struct muster_bytes message, bool is_urgent);
void gossip_queue_drop(struct gossip_queue *q, uint32_t owner); /* absent is fine */
bool gossip_queue_has(const struct gossip_queue *q, uint32_t owner);

/* Adds what fits to a packet and counts each as sent; an entry that has been sent `transmits_max`
 * times is gone afterwards. The parts point into the queue until the next put or drop. */
void gossip_queue_take(struct gossip_queue *q, struct gossip_parts *parts, uint32_t transmits_max);

bool gossip_queue_is_sane(const struct gossip_queue *q);

#endif
