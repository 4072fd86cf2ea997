/* Watch: each member has three neighbours that notice when it falls silent.
 *
 * Any sign of life will do: a packet of gossip, or a frame on a link that the agent vouches for. A
 * watched member that was quiet for too long is asked; when it does not answer it is asked again
 * and again, and so are three others whether they hear it. If they do not either, it is dead, and
 * no suspicion is waited for. One voice less and it is only accused. Whoever was late, or has
 * reason to doubt its own ears, does not judge at all. (Lifeguard's local health, for watchers)
 *
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "Watching"
 */
#ifndef MUSTER_GOSSIP_WATCH_H
#define MUSTER_GOSSIP_WATCH_H

#include <stdbool.h>

#include "gossip/core.h"

void gossip_watch_heard(struct gossip *g, struct muster_addr from); /* a packet came from there */

/* True if the answer was to a question of ours. */
bool gossip_watch_ack(struct gossip *g, struct muster_addr from, uint32_t seq);
bool gossip_watch_nack(struct gossip *g, struct muster_addr from, uint32_t seq);

void gossip_watch_stalled(struct gossip *g); /* the loop was away: nobody was silent but we */
void gossip_watch_run(struct gossip *g);
uint64_t gossip_watch_deadline_ms(const struct gossip *g);

/* How long a watcher, or whoever asks for one, waits for an answer before it asks again. */
uint32_t gossip_watch_patience_ms(const struct gossip *g);

/* Is every living member watched by at least two others, so that the random rounds may be few? */
bool gossip_watch_covers(const struct gossip *g);

bool gossip_watch_is_sane(const struct gossip *g);

#endif
