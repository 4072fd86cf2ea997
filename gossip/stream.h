/* Stream: the exchanges under way, those we began and those others began, and their deadlines.
 *
 * One request and at most one answer each. What is said in them is sync's and probe's business.
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   in the core
 * threads  the loop's only
 * source   docs/protocol.md, "Streams"
 */
#ifndef MUSTER_GOSSIP_STREAM_H
#define MUSTER_GOSSIP_STREAM_H

#include "gossip/core.h"

/* Asks for a connection and says this in an envelope; copies the bytes. 0 at the brim. */
uint32_t gossip_stream_open(struct gossip *g, enum gossip_stream_kind kind, struct muster_addr to,
                            struct muster_bytes bytes, uint64_t deadline_ms);

/* As above, but in their envelope already, and alive until the next step by themselves. */
uint32_t gossip_stream_open_over(struct gossip *g, enum gossip_stream_kind kind,
                                 struct muster_addr to, struct muster_bytes bytes,
                                 uint64_t deadline_ms);

struct gossip_stream *gossip_stream_find(struct gossip *g, uint32_t number, bool is_inbound);
/* The place of a stream that others began, made on its first bytes. NULL at the brim. */
struct gossip_stream *gossip_stream_accept(struct gossip *g, uint32_t number);

/* No more interest in it: the connection is closed. */
void gossip_stream_close(struct gossip *g, struct gossip_stream *s);
void gossip_stream_drop(struct gossip *g, uint32_t number); /* one that we began; absent is fine */
void gossip_stream_reply(struct gossip *g, struct gossip_stream *s, struct muster_bytes bytes);
/* One small message, in an envelope; at the brim the stream is closed without. */
void gossip_stream_answer(struct gossip *g, struct gossip_stream *s,
                          const struct gossip_message *message);
void gossip_stream_refuse(struct gossip *g, uint32_t number); /* inbound, and no place for it */

/* One whose time is over; NULL when there is none. */
struct gossip_stream *gossip_stream_overdue(struct gossip *g);
uint64_t gossip_stream_deadline_ms(const struct gossip *g);

#endif
