/* Requests on their way: from a client of this node to whoever decides, and back.
 *
 * Keyed requests go to the keeper of the name's bucket, whoever that turns out to be, with one
 * request id for every try (R19); lists are gathered from every linked node; logs are streamed from
 * the node that ran the job last. Every request ends with exactly one reply, at the latest at its
 * deadline.
 *
 * units    milliseconds
 * memory   AGENT_REQUESTS_MAX at a time; more are refused as busy
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_REQUESTS_H
#define MUSTER_AGENT_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

/* Who in this node asks: a client, or one of its own parts, told by a function of its own. */
enum agent_asker {
    AGENT_ASKER_CLIENT,
    AGENT_ASKER_TRIGGER,
    AGENT_ASKER_TRIGGERED,
    AGENT_ASKER_PAYLOAD,
    AGENT_ASKER_FAMILY
};

#define AGENT_REQUESTS_MAX 4096
#define AGENT_REQUEST_MS   10000 /* a keyed request without an answer by then has failed */
#define AGENT_TRY_MS       1000  /* one try of it */
#define AGENT_GATHER_MS    1500
#define AGENT_GATHER_BODY  (768u << 10) /* bytes of one node's part of a list */

MUSTER_MUST_USE int agent_requests_open(struct agent_core *core);
void agent_requests_close(struct agent_core *core);

/* From a client. */
void agent_requests_client(struct agent_core *core, const struct agent_request *q);
void agent_requests_cancel(struct agent_core *core, uint64_t client_number);

/* From a part of this node, of what the keeper of a name decides, or every node tells its part of
 * (the body is then what all have said, one behind the other): the answer comes with both numbers.
 * False: too many are under way. */
bool agent_requests_inner(struct agent_core *core, const struct agent_request *q,
                          enum agent_asker asker, uint64_t number, uint32_t item);
/* The end of a client's request that a part has taken over. */
void agent_requests_tell(struct agent_core *core, uint64_t client, const struct agent_reply *r);

/* Frames: an answer, a part of a stream. `r` stands behind the message number. */
void agent_requests_reply(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_requests_chunk(struct agent_core *core, struct muster_reader *r);

void agent_requests_tick(struct agent_core *core);
uint64_t agent_requests_deadline_ms(const struct agent_core *core);
/* A peer's link came or went: what waits for it tries elsewhere at once. */
void agent_requests_peer(struct agent_core *core, struct muster_id peer);

#endif
