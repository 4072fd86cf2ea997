/* Errand: pings we serve, for ourselves and on behalf of others.
 *
 * A ping is acked before anything else. An indirect ping sends us to its target; the answer, or a
 * nack that says "I tried", goes back to who asked. (SWIM 3.1; Lifeguard, LHA-Probe)
 *
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "Probing"
 */
#ifndef MUSTER_GOSSIP_ERRAND_H
#define MUSTER_GOSSIP_ERRAND_H

#include <stdbool.h>

#include "gossip/core.h"

void gossip_errand_ping(struct gossip *g, struct muster_addr from, const struct gossip_ping *ping);
void gossip_errand_indirect(struct gossip *g, struct muster_addr from,
                            const struct gossip_indirect *indirect);

/* An ack came; true if it was for one of our errands. */
bool gossip_errand_ack(struct gossip *g, struct muster_addr from, uint32_t seq);

void gossip_errand_run(struct gossip *g);
uint64_t gossip_errand_deadline_ms(const struct gossip *g);

/* Does a ping for this name mean us? */
bool gossip_errand_is_for_us(const struct gossip *g, struct muster_bytes node);

#endif
