/* Probe: rounds of asking one member after the other whether it is there.
 *
 * One round at a time: a direct ping, then pings through relays and one by TCP, then a verdict. How
 * long a round waits grows with our own bad health, since whoever hears nobody is likely deaf
 * itself. (SWIM 3; Lifeguard, LHA-Probe)
 *
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "Probing", "Local health"
 */
#ifndef MUSTER_GOSSIP_PROBE_H
#define MUSTER_GOSSIP_PROBE_H

#include <stdbool.h>

#include "gossip/core.h"

void gossip_probe_start(struct gossip *g); /* at open: the first tick at a random moment */

/* True if the answer belonged to the round. */
bool gossip_probe_ack(struct gossip *g, struct muster_addr from, uint32_t seq);
void gossip_probe_nack(struct gossip *g, struct muster_addr from, uint32_t seq);

/* The ping by TCP ended: with an ack, or not, and then perhaps because nobody listens there. */
void gossip_probe_tcp(struct gossip *g, uint32_t stream, bool is_acked, bool is_refused);

/* The loop was away: what looks like silence may be our own. */
void gossip_probe_stalled(struct gossip *g);

/* Somebody is suspected: no round is later than the interval from now on. */
void gossip_probe_hurry(struct gossip *g);

void gossip_probe_run(struct gossip *g);
uint64_t gossip_probe_deadline_ms(const struct gossip *g);

#endif
