/* Sync: whole tables exchanged, when joining, now and then, and whenever somebody asks.
 *
 * Gossip is fast but forgets; the exchange of whole tables is slow but tells everything, and is how
 * a newcomer learns of the pool and how the two halves of a split find together. The table that
 * comes is merged entry by entry: one that makes no sense or does not fit the pool is skipped, not
 * the rest.
 *
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "Push/pull", "Streams"
 */
#ifndef MUSTER_GOSSIP_SYNC_H
#define MUSTER_GOSSIP_SYNC_H

#include "gossip/core.h"

void gossip_sync_start(struct gossip *g); /* at open: the first exchange at a random moment */
void gossip_sync_join(struct gossip *g, struct muster_addr seed);

/* All bytes of a stream so far; on an inbound one its number may be new. */
void gossip_sync_data(struct gossip *g, const struct gossip_event *event);
void gossip_sync_failed(struct gossip *g, const struct gossip_event *event);

void gossip_sync_run(struct gossip *g);
uint64_t gossip_sync_deadline_ms(const struct gossip *g);

#endif
