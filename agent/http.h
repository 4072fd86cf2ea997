/* HTTP: requests and replies as values between the shell's door and the API.
 *
 * The door (agent/shell/http.h) has already refused what no API should see: broken notation, two
 * lengths, a NUL in the address, a body beyond its limit, a browser page of another origin. What
 * arrives here is whole: the address is decoded, the body complete.
 *
 * memory   a request and all it points to lives until the call that hands it over returns; a reply
 *          is copied by the door before its call returns
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_HTTP_H
#define MUSTER_AGENT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/pair.h"
#include "agent/right.h"
#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#define AGENT_HTTP_BODY_MAX  (1024 * 1024)
#define AGENT_HTTP_PATH_MAX  1024 /* bytes, decoded */
#define AGENT_HTTP_QUERY_MAX 32   /* pairs */

#define AGENT_HTTP_JSON   "application/json"
#define AGENT_HTTP_NDJSON "application/x-ndjson"
#define AGENT_HTTP_SSE    "text/event-stream"
#define AGENT_HTTP_PLAIN  "text/plain; charset=utf-8"
#define AGENT_HTTP_BYTES  "application/octet-stream"
#define AGENT_HTTP_PROM   "text/plain; version=0.0.4; charset=utf-8"

enum agent_http_method {
    AGENT_HTTP_GET, /* HEAD too: the door leaves the body out */
    AGENT_HTTP_PUT,
    AGENT_HTTP_POST,
    AGENT_HTTP_DELETE,
    AGENT_HTTP_OTHER
};

/* A body that went to the disk as it came. */
struct agent_http_upload {
    int err;
    uint64_t size;
    char hex[65]; /* its SHA-256 */
};

struct agent_http_request {
    uint64_t id; /* names the request until it is answered or cancelled; never used twice */
    enum agent_http_method method;
    const char *path;               /* decoded, begins with a slash, no NUL inside */
    const struct agent_pair *query; /* "" is the value of a key without one */
    uint32_t query_count;
    /* headers, NULL when absent */
    const char *accept;
    const char *authorization;
    const char *content_type;
    const char *host;
    const char *if_match;
    const char *if_none_match;
    const char *last_event_id;
    const char *origin;
    const char *request_id; /* X-Muster-Request-Id, or Idempotency-Key */
    struct muster_bytes body;
    enum agent_right right; /* of whoever asks */
    const char *who;        /* the name of that token or certificate; NULL: none */
    bool is_proven; /* by the kernel, a token or a certificate; else a loopback without tokens */
    const struct agent_http_upload *upload; /* NULL: `body` is all that came */
    bool is_unix;      /* came over the unix socket: peer_uid and peer_pid are the kernel's word */
    uint32_t peer_uid; /* UINT32_MAX over TCP */
    int32_t peer_pid;  /* 0 over TCP */
    struct muster_addr peer; /* over TCP */
};

/* A whole answer, or the head of a stream (then `body` is empty and chunks follow). */
struct agent_http_reply {
    uint16_t status;
    const char *content_type; /* NULL: AGENT_HTTP_JSON */
    struct muster_bytes body;
    const char *etag;       /* NULL: none; with its quotes */
    const char *allow;      /* NULL: none; for 405 */
    uint64_t index;         /* X-Muster-Index; 0: none */
    uint32_t retry_after_s; /* 0: none */
    const char *file;       /* NULL: `body`; else what lies there is the body */
    /* Streams only: what a reader is told in place of the chunks it was too slow for. When it is
     * empty, a full queue refuses the chunk instead (see shell_http_chunk). */
    struct muster_bytes lagged;
};

/* The first value of a query key, or NULL. */
const char *agent_http_query(const struct agent_http_request *r, const char *key);

/* A decimal number in [0, max] from the query; `absent` when the key is not there. MUSTER_EINVAL
 * for anything else than digits, MUSTER_ERANGE above max. */
MUSTER_MUST_USE int agent_http_query_u64(const struct agent_http_request *r, const char *key,
                                         uint64_t absent, uint64_t max, uint64_t *value);

/* True when the Accept header names this type before or without a wildcard. */
bool agent_http_accepts(const struct agent_http_request *r, const char *type);

/* What an error of ours is called in answers, and its status. */
struct agent_http_code {
    uint16_t status;
    const char *text;
};
struct agent_http_code agent_http_code(int err);

const char *agent_http_method_text(enum agent_http_method method);
const char *agent_http_status_text(uint16_t status); /* "not found"; "unknown" for others */

/* ---- for the door; pure, so that they can be tested without a socket */

/* Undoes %XX in place (and '+' as a space when `is_query`); returns the new length. MUSTER_EINVAL
 * for a broken escape or a NUL, which would let two readers see two addresses. */
MUSTER_MUST_USE int agent_http_decode(char *text, size_t *len, bool is_query);

/* Splits "a=1&b=2" in place and decodes it. MUSTER_ELIMIT beyond `max` pairs. */
MUSTER_MUST_USE int agent_http_query_split(char *text, struct agent_pair *pair, uint32_t max,
                                           uint32_t *count);

/* NULL when a request over TCP may come in; else why not. A page in somebody's browser can send
 * requests to 127.0.0.1, and by a name that it points at us (DNS rebinding) read the answers: so
 * Host must be an address, a name without a dot, or `name`; and an Origin must be that same
 * host. */
const char *agent_http_browser_fault(const char *host, const char *origin, const char *name);
/* The same where a name that is not ours cannot be meant: TLS has seen to that. */
const char *agent_http_origin_fault(const char *host, const char *origin);

#endif
