/* API: HTTP on one side, the node's requests on the other; routes, statuses, streams.
 *
 * The door (agent/shell/http.h) hands in whole requests; what comes out are answers for it and
 * requests for the node. Reads of this node alone are answered at once, everything else when the
 * node replies. Streams (logs, news) go on until the node ends them or the client goes away.
 *
 * units    milliseconds
 * memory   AGENT_API_MAX requests at a time; effects and what they point to live until the next
 *          call of any function below that queues effects, and must be drained before it
 * errors   agent_api_open only; a bad request is answered with what is wrong in it
 * threads  the loop's only
 * source   docs/design.md "API"
 */
#ifndef MUSTER_AGENT_API_H
#define MUSTER_AGENT_API_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/effect.h"
#include "agent/http.h"
#include "agent/node.h"
#include "base/clock.h"

#define AGENT_API_MAX      4096
#define AGENT_API_BEAT_MS  15000 /* a silent stream says so that it lives */
#define AGENT_API_WATCH_MS 60000 /* how often peers are told that somebody watches */

struct agent_api; /* opaque */

enum agent_api_effect_kind {
    AGENT_API_REPLY,   /* id, reply: a whole answer */
    AGENT_API_BEGIN,   /* id, reply: the head of a stream */
    AGENT_API_CHUNK,   /* id, bytes */
    AGENT_API_END,     /* id */
    AGENT_API_REQUEST, /* request: for the node, as AGENT_EVENT_REQUEST */
    AGENT_API_CANCEL,  /* id: for the node, as AGENT_EVENT_CANCEL with number = id */
    AGENT_API_WATCH    /* for the node, as AGENT_EVENT_WATCH */
};

struct agent_api_effect {
    enum agent_api_effect_kind kind;
    uint64_t id;
    struct agent_http_reply reply;
    struct muster_bytes bytes;
    struct agent_request request;
};

MUSTER_MUST_USE int agent_api_open(struct agent_api **api, const struct agent_node *node);
void agent_api_close(struct agent_api *api);

void agent_api_http(struct agent_api *api, struct muster_now now,
                    const struct agent_http_request *r);
/* The client of an unanswered request or a stream is gone. */
void agent_api_gone(struct agent_api *api, struct muster_now now, uint64_t id);
/* AGENT_EFFECT_REPLY, _CHUNK and _NEWS of the node. */
void agent_api_node(struct agent_api *api, struct muster_now now, const struct agent_effect *e);
void agent_api_tick(struct agent_api *api, struct muster_now now);
uint64_t agent_api_deadline_ms(const struct agent_api *api);
bool agent_api_next(struct agent_api *api, struct agent_api_effect *effect);

#endif
