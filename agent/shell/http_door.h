/* Door: the inside of the HTTP door, shared by its four sources. Nobody else includes this.
 *
 * http.c owns the loop's handles and the sweeps, http_listen.c the sockets, http_request.c a
 * request until it is handed over, http_reply.c its answer.
 *
 * units    milliseconds of the loop's clock; bytes
 * memory   a connection and a request from the heap each, freed by libmicrohttpd's closing calls
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_HTTP_DOOR_H
#define MUSTER_AGENT_SHELL_HTTP_DOOR_H

#include <microhttpd.h>

#include "agent/shell/http.h"

#define HTTP_BODIES_MAX  (64u * 1024 * 1024) /* bytes of all bodies being received at one moment */
#define HTTP_OVERRUN_MAX (8u * 1024 * 1024)  /* what is read and dropped of a body too large */
#define HTTP_ACCEPTS_MAX 32                  /* connections taken in one turn of the loop */
#define HTTP_RECEIVE_MS  60000               /* for a whole request, idling before it included */
#define HTTP_SEND_MS     120000              /* for a whole answer that is no stream */
#define HTTP_SEND_BUFFER (128 * 1024)        /* of a socket; the kernel doubles it */
#define HTTP_SWEEP_MS    1000
#define HTTP_PART        (256u * 1024) /* bytes of an upload that are handed over at once */
#define HTTP_EVENTS_MAX  64
#define HTTP_LISTEN_MAX  2
#define HTTP_DAEMONS     2

enum http_phase {
    HTTP_RECEIVING, /* headers or body are still coming */
    HTTP_ASKING,    /* inside on_request */
    HTTP_OPEN,      /* handed over, waits for its answer */
    HTTP_ANSWERED,  /* a whole answer is on its way */
    HTTP_STREAMING, /* chunks come and go */
    HTTP_ENDING,    /* the last chunks of a stream are on their way */
    HTTP_GONE       /* the client left; nothing more to say */
};

/* Chunks that wait for the client; the bytes [head, head + len) of `data`. */
struct http_queue {
    uint8_t *data;
    size_t head;
    size_t len;
    size_t size;
};

struct http_files; /* http_tls.c: certificates that were read again since the start */

struct http_connection {
    struct shell_http *h;
    struct http_files *files; /* NULL: those of the start, which the library holds */
    struct http_connection *previous, *next;
    struct MHD_Connection *mhd;
    int fd;
    bool is_unix;
    bool is_watched;
    uint32_t peer_uid;
    int32_t peer_pid;
    struct muster_addr peer;
    bool is_known; /* its certificate was looked at */
    enum agent_right right;
    char who[AGENT_TOKEN_NAME_MAX + 1]; /* of its certificate; "": it showed none that counts */
    uint64_t since_ms; /* of the request that is being received, or of the answer being sent */
    struct http_request *request;
};

struct http_request {
    struct shell_http *h;
    struct http_connection *connection;
    enum http_phase phase;
    uint64_t id;   /* 0 until it is handed over */
    bool was_seen; /* the handler was called once: the headers were checked */
    bool is_suspended;
    bool is_lagging; /* a stream whose reader lost chunks and was not told yet */
    bool wants_room; /* a chunk was refused; on_room is due when there is room */
    bool is_room_due;
    bool is_upload;      /* its body goes out in parts, */
    bool is_part_out;    /* one of them is being seen to, */
    bool is_last_out;    /* all have gone out, */
    bool is_upload_over; /* and been seen to, or nobody wants the rest */
    uint64_t uploaded;
    enum agent_right right;
    bool is_proven, has_token;
    char who[AGENT_TOKEN_NAME_MAX + 1]; /* "": nobody by name */
    uint16_t fault;                     /* status of a refusal that waits for the end of the body */
    char *uri;                          /* raw, as it came */
    char *body;
    size_t body_len;
    size_t body_size;
    size_t overrun;
    struct MHD_Response *response; /* waits to be queued */
    uint16_t status;
    struct http_queue queue;
    uint8_t *lagged;
    size_t lagged_len;
};

struct http_listener {
    struct shell_http *h;
    uv_poll_t poll;
    int fd;
    bool is_unix;
    bool is_listening;
};

struct shell_http {
    struct shell_http_config config;
    struct MHD_Daemon *daemon[HTTP_DAEMONS]; /* the second one speaks TLS; NULL: there is none */
    struct http_files *files;                /* of connections to come; NULL: those of the start */
    struct http_listener listener[HTTP_LISTEN_MAX];
    uint32_t listeners;
    uint16_t port;
    char *socket_path;

    uv_poll_t daemon_poll[HTTP_DAEMONS]; /* libmicrohttpd's epoll */
    uv_timer_t daemon_timer;
    uv_prepare_t prepare; /* runs the daemon before the loop sleeps, when something was resumed */
    uv_poll_t watch_poll; /* our epoll over the sockets of resting requests: did a client leave? */
    uv_timer_t sweep;
    int watch_fd;
    uint32_t handles; /* to be closed before the door is gone */
    void (*on_closed)(void *context);

    bool is_run_due;
    bool is_running; /* inside the daemon */
    bool is_closing;
    bool is_handed; /* its sockets are another's */
    uint32_t rooms_due;

    struct http_connection *connections;
    struct http_request **slot; /* requests handed over, by the low bits of their id */
    uint32_t *free_slot;
    uint32_t free_slots;
    uint64_t serial;
    size_t bodies; /* bytes */
    struct shell_http_counters count;
};

/* ---- http.c */
void http_run_soon(struct shell_http *h);

/* ---- http_listen.c */
int http_listen_tcp(struct shell_http *h, char *why, size_t size);
int http_listen_unix(struct shell_http *h, char *why, size_t size);
void http_listen_start(struct shell_http *h); /* as long as there is room for connections */
void http_listen_close(struct shell_http *h);

/* ---- http_request.c: libmicrohttpd's calls */
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code);
void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **context);
enum MHD_Result http_upload_take(struct http_request *r, const char *data, size_t *len);
bool http_upload_is_open(struct http_request *r); /* and nothing else is to be done now */
void http_body_add(struct http_request *r, const char *data, size_t len);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code);

/* ---- http_tls.c */
void http_tls_begin(struct http_connection *c); /* before its first byte is read */
void http_tls_drop(struct http_files **files);
void http_tls_who(struct http_connection *c); /* its `right` and `who`, by its certificate */
/* ---- http_upload.c */
struct MHD_Response *http_file(struct http_request *r, const char *path);

/* ---- http_reply.c */
void http_wake(struct http_request *r);
struct http_request *http_find(const struct shell_http *h, uint64_t id);
enum MHD_Result http_refuse(struct http_request *r, uint16_t status, const char *message);
void http_rest(struct http_request *r); /* suspends, and watches for the client's leaving */
void http_leave(struct http_request *r);
void http_rooms_tell(struct shell_http *h);

#endif
