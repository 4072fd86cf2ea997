/* Inside of the API: its table of open requests, and what its files share. Only agent/api*.c
 * include it.
 *
 * units    milliseconds
 * memory   owned by struct agent_api
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_API_INSIDE_H
#define MUSTER_AGENT_API_INSIDE_H

#include "agent/api.h"
#include "agent/api_table.h"
#include "agent/doc.h"
#include "agent/json.h"
#include "agent/out.h"
#include "base/text.h"

enum api_shape {
    API_PLAIN,     /* the node's body as it is */
    API_NODE_PAGE, /* a list of runs, wrapped with its member */
    API_LOGS,      /* a stream of output */
    API_FILE,      /* the body is the path of what is to be sent */
    API_RAW,       /* the body as it is, not JSON */
    API_NEWS       /* a list of news, then a stream of them */
};

struct api_open {
    bool is_used;
    uint64_t id;
    enum api_shape shape;
    bool is_begun;
    bool is_sse; /* else NDJSON (news), bare lines or NDJSON (logs) */
    bool follows;
    const char *content_type; /* of a stream */
    uint64_t after;           /* news: last index sent */
    uint64_t beat_ms;
    char node[AGENT_NAME_MAX + 1];
};

struct agent_api {
    const struct agent_node *node;
    struct muster_now now;
    struct api_open open[AGENT_API_MAX];
    uint32_t high;
    struct agent_api_effect *effect;
    uint32_t count, size, fetched;
    struct agent_out memory; /* only its blocks: what effects point to */
    uint64_t watch_ms;
};

struct agent_api_effect *api_add(struct agent_api *api, enum agent_api_effect_kind kind,
                                 uint64_t id);
struct api_open *api_open_make(struct agent_api *api, uint64_t id, enum api_shape shape);
struct api_open *api_open_find(struct agent_api *api, uint64_t id);

void api_body(struct agent_api *api, uint64_t id, uint16_t status, struct muster_bytes body);
void api_error(struct agent_api *api, uint64_t id, uint16_t status, const char *code,
               const char *field, const char *format, ...) MUSTER_PRINTF(6, 7);
/* An outcome of the node as an HTTP status and a code. */
void api_outcome(struct agent_api *api, uint64_t id, const struct agent_reply *r);

/* Every request: its right first, then where it goes. */
void api_route(struct agent_api *api, const struct agent_http_request *r);

void api_hold(struct agent_api *api, const struct agent_http_request *r);
void api_keys_change(struct agent_api *api, const struct agent_http_request *r, const char *verb);

/* A request for a page of a list; NULL when it has been answered already. */
struct agent_request *api_list(struct agent_api *api, const struct agent_http_request *r,
                               enum agent_op op, enum api_shape shape);
void api_whatif(struct agent_api *api, const struct agent_http_request *r);

/* Answers from this node alone. */
void api_local(struct agent_api *api, const struct agent_http_request *r, enum api_way way);
void api_member_json(const struct agent_member *m, struct agent_json *j);
bool api_member_find(const struct agent_api *api, const char *name, struct agent_member *out);

/* The body as a tree, which the caller closes; false with the refusal said. None is an empty one.
 */
bool api_body_read(struct agent_api *api, const struct agent_http_request *r,
                   struct agent_doc *doc);
/* Jobs; with `payload` in the query those that name it. */
void api_jobs(struct agent_api *api, const struct agent_http_request *r);
/* All of them, or the one of that name. */
void api_payloads(struct agent_api *api, const struct agent_http_request *r, const char *name);
void api_restore(struct agent_api *api, const struct agent_http_request *r, const char *name);
void api_trigger(struct agent_api *api, const struct agent_http_request *r, const char *name);

/* News streams. */
void api_news_begin(struct agent_api *api, const struct agent_http_request *r);
void api_news_listed(struct agent_api *api, struct api_open *o, const struct agent_reply *r);
void api_news_flush(struct agent_api *api, struct api_open *o);

/* A request for the node with every text set; the caller fills in the rest. */
struct agent_request *api_ask(struct agent_api *api, uint64_t id, enum agent_op op,
                              const char *name);
const char *api_copy(struct agent_api *api, const char *text);

#endif
