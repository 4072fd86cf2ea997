/* The HTTP door: libmicrohttpd on the agent's loop, over TCP and a unix socket. No thread.
 *
 * A request that is whole and decent is handed to `on_request`; it is answered by its id, at once
 * or later: by one reply, or by a stream of chunks. Until then the connection rests and costs
 * memory only. A client that goes away first is told by `on_cancel`; after that, and after the
 * answer, the id means nothing and calls with it do nothing.
 *
 * The caller may answer inside on_request. Nothing here calls back from inside a reply, a chunk or
 * an end.
 *
 * units    bytes, seconds
 * memory   bounded: connections_max connections, one body of at most body_max bytes each, a queue
 *          of at most stream_max bytes for each stream
 * errors   of a client: refused with a status and a JSON error, counted, and never more
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_HTTP_H
#define MUSTER_AGENT_SHELL_HTTP_H

#include <uv.h>

#include "agent/http.h"
#include "agent/shell/cert.h"
#include "agent/shell/handed.h"
#include "agent/tokens.h"

struct shell_http;

struct shell_http_config {
    uv_loop_t *loop;
    struct muster_addr tcp;   /* len 0: no TCP; port 0: any free one */
    const char *socket_path;  /* NULL: no unix socket; a stale one is replaced, a live one is not */
    const char *socket_group; /* NULL: the process's; an unknown group is left out */
    const char *name;         /* a Host name to accept besides addresses; may be NULL */
    const struct agent_tokens *tokens; /* NULL: whoever comes over TCP may do everything */
    const struct shell_cert *cert;     /* NULL: TCP without TLS; its `ca` signs for clients */
    uint32_t connections_max;          /* 0: 1024 */
    uint32_t per_address_max;          /* 0: 512 */
    uint32_t body_max;                 /* 0: AGENT_HTTP_BODY_MAX */
    uint32_t stream_max;               /* 0: 256 KiB */
    uint32_t idle_timeout_s;           /* 0: 30; a connection without progress is closed */
    struct shell_handed *handed;       /* sockets of a program before us; may be NULL */
    void *context;
    void (*on_request)(void *context, const struct agent_http_request *request);
    void (*on_cancel)(void *context, uint64_t id); /* the client is gone; the id is void */
    /* Bodies of `PUT upload_path` come in parts and are never in memory as a whole; NULL: there are
     * none. A part is taken (the next comes after shell_http_more), or false: not now. When the
     * last one has been answered on_request is called, and when the request has ended
     * on_upload_over. */
    const char *upload_path;
    uint64_t upload_max;
    bool (*on_part)(void *context, uint64_t id, struct muster_bytes bytes, bool is_last);
    void (*on_upload_over)(void *context, uint64_t id);
    /* A stream whose chunk was refused has room again; may be NULL. */
    void (*on_room)(void *context, uint64_t id);
};

struct shell_http_counters {
    uint64_t requests;  /* handed over */
    uint64_t refused;   /* not handed over: 4xx by the door */
    uint64_t cancelled; /* the client left before its answer was complete */
    uint64_t lagged;    /* chunks that a slow reader lost */
    uint32_t open;      /* requests without a complete answer now */
    uint32_t connections;
};

/* Binds and listens. On failure says in `why` (of `size` bytes) what and where: "127.0.0.1:7948:
 * address already in use". */
MUSTER_MUST_USE int shell_http_open(struct shell_http **h, const struct shell_http_config *config,
                                    char *why, size_t size);

/* The TCP port that was bound; 0 without TCP. */
uint16_t shell_http_port(const struct shell_http *h);
struct shell_http_counters shell_http_counters(const struct shell_http *h);

/* Connections from now on are shown this certificate, and theirs are asked for by its `ca`; those
 * there are keep what they have. Only for a door that was opened with one. */
MUSTER_MUST_USE int shell_http_renew(struct shell_http *h, const struct shell_cert *cert);

/* Answers. Unknown ids do nothing. */
void shell_http_reply(struct shell_http *h, uint64_t id, const struct agent_http_reply *reply);

/* A part of an upload has been seen to; with `go_on` false what still comes of it is thrown away.
 */
void shell_http_more(struct shell_http *h, uint64_t id, bool go_on);

/* A stream: head, chunks, end. A chunk is taken whole or not at all: MUSTER_EFULL when the reader
 * is too slow (with reply->lagged set, the door tells the reader so instead and the caller may go
 * on), MUSTER_ENOTFOUND when the client is gone. */
void shell_http_begin(struct shell_http *h, uint64_t id, const struct agent_http_reply *reply);
int shell_http_chunk(struct shell_http *h, uint64_t id, struct muster_bytes bytes);
/* Bytes of a stream that its reader has not taken yet; 0 for an unknown id. */
size_t shell_http_queued(const struct shell_http *h, uint64_t id);
void shell_http_end(struct shell_http *h, uint64_t id);

/* Keeps the listening sockets for the program that takes our place, and takes no client from them
 * any more. */
void shell_http_hand(struct shell_http *h, struct shell_handed *to);

/* Stops listening, cuts open connections, removes the unix socket; `on_closed` (may be NULL) is
 * called from the loop when all handles are closed and `h` is freed. on_cancel is not called any
 * more. */
void shell_http_close(struct shell_http *h, void (*on_closed)(void *context));

#endif
