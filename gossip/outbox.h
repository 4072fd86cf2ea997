/* Outbox: what a step wants done, kept until the next step.
 *
 * Datagrams share one block of bytes. At the brim a datagram is shed and counted: the protocol
 * lives with lost packets. Places are kept free for what must not be lost: answers to streams and
 * joins.
 *
 * memory   from the arena at init
 * threads  one user each
 */
#ifndef MUSTER_GOSSIP_OUTBOX_H
#define MUSTER_GOSSIP_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "gossip/gossip.h"

#define GOSSIP_OUTBOX_EFFECTS 512
#define GOSSIP_OUTBOX_RESERVED                                                                     \
    256 /* effects that no datagram may take: twice the streams there are */
#define GOSSIP_OUTBOX_BYTES (128u << 10)

struct gossip_outbox {
    struct gossip_effect *effect;
    uint8_t *bytes;
    uint32_t head;
    uint32_t count;
    size_t used;
};

size_t gossip_outbox_memory(void);
MUSTER_MUST_USE int gossip_outbox_init(struct gossip_outbox *o, struct muster_arena *a);
void gossip_outbox_clear(struct gossip_outbox *o); /* at the start of a step */

/* Room for `size` bytes, NULL at the brim; kept once it is committed with what was really used. */
uint8_t *gossip_outbox_room(struct gossip_outbox *o, size_t size);
void gossip_outbox_commit(struct gossip_outbox *o, size_t size);

bool gossip_outbox_add_packet(struct gossip_outbox *o, struct muster_addr to,
                              struct muster_bytes bytes); /* false at the brim */
void gossip_outbox_add(struct gossip_outbox *o, const struct gossip_effect *effect);
bool gossip_outbox_next(struct gossip_outbox *o, struct gossip_effect *effect);

#endif
