/* Post: what goes out as datagrams, bare or with news behind it.
 *
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "Packets", "Gossip"
 */
#ifndef MUSTER_GOSSIP_POST_H
#define MUSTER_GOSSIP_POST_H

#include "gossip/core.h"

/* One message, and behind it as much news as fits. */
void gossip_post(struct gossip *g, struct muster_addr to, const struct gossip_message *message);

/* These messages as they are, without news; with a checksum if the receiver knows of it. */
void gossip_post_pair(struct gossip *g, const struct gossip_member *to,
                      const struct gossip_message *first, const struct gossip_message *second);
void gossip_post_bare(struct gossip *g, struct muster_addr to,
                      const struct gossip_message *message);

void gossip_post_to(struct gossip *g, struct muster_addr to, struct muster_bytes message);

/* The same bytes to up to `want` random members that live, `except` not among them. */
void gossip_post_random(struct gossip *g, struct muster_bytes message, uint32_t want,
                        uint32_t except);

/* The gossip tick: news to a few random members. */
void gossip_post_tick(struct gossip *g);
uint64_t gossip_post_deadline_ms(const struct gossip *g);

uint32_t gossip_post_seq(struct gossip *g); /* a fresh number for a ping */
void gossip_post_ping(struct gossip *g, struct gossip_message *ping, uint32_t seq,
                      struct muster_bytes node); /* fills one in, from ourselves */
struct gossip_source gossip_post_source(const struct gossip *g);

#endif
