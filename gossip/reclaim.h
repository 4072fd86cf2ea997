/* Reclaim: a dead member's name, claimed from another address.
 *
 * Peers refuse such a node until its old entry is forgotten, half a minute or more. We ask the old
 * address instead: whoever answers there keeps the name, and silence frees it after a few seconds.
 * A member whose death is proven is not asked. (docs/protocol.md, "Where muster differs")
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   in the core
 * threads  the loop's only
 */
#ifndef MUSTER_GOSSIP_RECLAIM_H
#define MUSTER_GOSSIP_RECLAIM_H

#include <stdbool.h>

#include "gossip/core.h"

void gossip_reclaim_open(struct gossip *g, struct gossip_member *m, const struct gossip_alive *a);

/* An ack came; true if it was the answer to one of our questions. */
bool gossip_reclaim_ack(struct gossip *g, struct muster_addr from, uint32_t seq);

void gossip_reclaim_run(struct gossip *g);
uint64_t gossip_reclaim_deadline_ms(const struct gossip *g);

#endif
