/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: what libmicrohttpd tells us of connections, addresses, headers and bodies, checked
 * until there is one whole request to hand over. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/shell/http_door.h"

static void peer_read(struct http_connection *c, const struct sockaddr *addr)
{
    c->peer_uid = UINT32_MAX;
    c->is_unix = addr == NULL || addr->sa_family == AF_UNIX;
    if (c->is_unix) {
        struct ucred who;
        socklen_t len = sizeof who;
        if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
            c->peer_uid = who.uid;
            c->peer_pid = who.pid;
        }
        return;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)addr;
    bool is_v4 = addr->sa_family == AF_INET;
    const void *octets = is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
    int err = muster_addr_from_octets(&c->peer, octets, is_v4 ? 4 : 16,
                                      ntohs(is_v4 ? v4->sin_port : v6->sin6_port));
    MUSTER_ASSERT(err == MUSTER_OK);
}

static void connection_open(struct shell_http *h, struct MHD_Connection *mhd, void **context)
{
    struct http_connection *c = calloc(1, sizeof *c);
    *context = c;
    if (c == NULL)
        return; /* http_on_uri refuses what comes over it */
    c->h = h;
    c->mhd = mhd;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->since_ms = uv_now(h->config.loop);
    peer_read(c, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    c->next = h->connections;
    if (c->next != NULL)
        c->next->previous = c;
    h->connections = c;
    http_tls_begin(c);
}

static void connection_close(struct http_connection *c)
{
    MUSTER_ASSERT(c->request == NULL);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        c->h->connections = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    http_tls_drop(&c->files);
    free(c);
}

void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    struct shell_http *h = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        h->count.connections++;
        connection_open(h, mhd, context);
        return;
    }
    h->count.connections--;
    if (*context != NULL)
        connection_close(*context);
    *context = NULL;
    if (!h->is_closing)
        http_listen_start(h);
}

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The first word of a new request: its raw address. NULL makes the handler close the connection. */
void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct shell_http *h = cls;
    struct http_connection *c = connection_of(mhd);
    if (c == NULL)
        return NULL;
    MUSTER_ASSERT(c->request == NULL);
    struct http_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->h = h;
    r->connection = c;
    r->phase = HTTP_RECEIVING;
    r->uri = strdup(uri);
    c->request = r;
    return r;
}

static void slot_give(struct http_request *r)
{
    struct shell_http *h = r->h;
    if (r->id == 0)
        return;
    uint32_t slot = (uint32_t)(r->id & 0xffff);
    MUSTER_ASSERT(h->slot[slot] == r);
    h->slot[slot] = NULL;
    h->free_slot[h->free_slots++] = slot;
}

/* There is a slot for every connection, and a connection has one request at a time. */
static void slot_take(struct http_request *r)
{
    struct shell_http *h = r->h;
    if (r->id != 0)
        return; /* an upload has one since its first part */
    MUSTER_ASSERT(h->free_slots > 0);
    uint32_t slot = h->free_slot[--h->free_slots];
    r->id = ++h->serial << 16 | slot;
    h->slot[slot] = r;
}

static void body_give(struct http_request *r)
{
    r->h->bodies -= r->body_size;
    free(r->body);
    r->body = NULL;
    r->body_len = 0;
    r->body_size = 0;
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code)
{
    struct http_request *r = *context;
    (void)cls;
    (void)mhd;
    *context = NULL;
    if (r == NULL)
        return;
    MUSTER_ASSERT(!r->is_suspended || r->h->is_closing);
    r->is_suspended = false;
    /* A stream that ends without our end: to HEAD there is no body, and nobody reads its chunks. */
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK || r->phase == HTTP_STREAMING)
        http_leave(r);
    if (r->is_upload && r->id != 0 && !r->h->is_closing)
        r->h->config.on_upload_over(r->h->config.context, r->id);
    slot_give(r);
    body_give(r);
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    r->connection->request = NULL;
    r->connection->since_ms = uv_now(r->h->config.loop);
    free(r->queue.data);
    free(r->lagged);
    free(r->uri);
    free(r);
}

/* ---- headers */

struct http_heads {
    uint32_t lengths;
    uint32_t encodings;
    uint32_t hosts;
    bool is_length_bad;
    uint64_t length;
};

static enum MHD_Result head_count(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct http_heads *heads = cls;
    (void)kind;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        size_t len = value == NULL ? 0 : strlen(value);
        heads->lengths++;
        heads->is_length_bad = len == 0 || len > 18 || strspn(value, "0123456789") != len;
        heads->length = heads->is_length_bad ? 0 : strtoull(value, NULL, 10);
    }
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
        heads->encodings++;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
        heads->hosts++;
    return MHD_YES;
}

static const char *head_of(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection->mhd, MHD_HEADER_KIND, name);
}

static bool uri_has_control(const char *uri)
{
    for (; *uri != '\0'; uri++)
        if ((unsigned char)*uri <= ' ' || *uri == 0x7f)
            return true;
    return false;
}

/* Refused at once, a client that is still sending sees a reset and not the answer. So what is not
 * too much too large is read and dropped first, unless the client waits to be told to go on. */
static bool body_may_drain(struct http_request *r, uint64_t length)
{
    if (head_of(r, MHD_HTTP_HEADER_EXPECT) != NULL || length > HTTP_OVERRUN_MAX)
        return false;
    r->fault = 413;
    return true;
}

/* ---- who asks */

/* The kernel lets only the right people open the socket. */
static void who_tell(struct http_request *r)
{
    const struct agent_tokens *tokens = r->h->config.tokens;
    const struct shell_cert *cert = r->h->config.cert;
    struct http_connection *c = r->connection;
    r->right = AGENT_RIGHT_ADMIN;
    r->is_proven = c->is_unix;
    bool has_clients = cert != NULL && cert->ca != NULL;
    if (c->is_unix || (tokens == NULL && !has_clients))
        return;
    if (has_clients)
        http_tls_who(c);
    const struct agent_token *token =
        tokens == NULL
            ? NULL
            : agent_tokens_find(tokens,
                                agent_token_of_header(head_of(r, MHD_HTTP_HEADER_AUTHORIZATION)));
    r->has_token = token != NULL;
    r->right = token != NULL ? token->right : has_clients ? c->right : AGENT_RIGHT_NONE;
    r->is_proven = r->right >= AGENT_RIGHT_READ;
    /* The tokens may change while the request is under way, so the name is copied. */
    memcpy(r->who, token != NULL ? token->name : c->who, sizeof r->who);
}

/* A page in a browser has no token; who has one may call this host as he likes. A certificate the
 * browser shows by itself, but only to a host whose name stands in ours. */
static const char *browser_fault(const struct http_request *r)
{
    const char *host = head_of(r, MHD_HTTP_HEADER_HOST);
    const char *origin = head_of(r, MHD_HTTP_HEADER_ORIGIN);
    if (r->connection->is_unix || r->has_token)
        return NULL;
    return r->h->config.cert != NULL ? agent_http_origin_fault(host, origin)
                                     : agent_http_browser_fault(host, origin, r->h->config.name);
}

static bool is_upload(const struct http_request *r, const char *method)
{
    const char *path = r->h->config.upload_path;
    size_t len = path != NULL ? strlen(path) : 0;
    return len > 0 && strcmp(method, MHD_HTTP_METHOD_PUT) == 0 && strncmp(r->uri, path, len) == 0 &&
           (r->uri[len] == '\0' || r->uri[len] == '?');
}

/* Two lengths let two readers cut one stream of bytes into different requests, and a NUL lets them
 * see different addresses: what is doubtful is refused. */
static enum MHD_Result request_check(struct http_request *r, const char *version,
                                     const char *method)
{
    struct http_heads heads = { 0 };
    (void)MHD_get_connection_values(r->connection->mhd, MHD_HEADER_KIND, head_count, &heads);
    if (r->uri == NULL)
        return http_refuse(r, 503, "out of memory");
    if (strlen(r->uri) > 4 * AGENT_HTTP_PATH_MAX)
        return http_refuse(r, 414, "the address is too long");
    if (r->uri[0] != '/')
        return http_refuse(r, 400, "the address does not begin with a slash");
    if (strstr(r->uri, "%00") != NULL)
        return http_refuse(r, 400, "the address holds a NUL");
    if (uri_has_control(r->uri))
        return http_refuse(r, 400, "the address holds a space or a control character");
    if (heads.lengths > 1 || heads.is_length_bad)
        return http_refuse(r, 400, "the Content-Length is not one number");
    if (heads.lengths != 0 && heads.encodings != 0)
        return http_refuse(r, 400, "both Content-Length and Transfer-Encoding are given");
    if (heads.hosts > 1)
        return http_refuse(r, 400, "more than one Host is given");
    if (heads.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0)
        return http_refuse(r, 400, "the Host header is missing");
    r->is_upload = is_upload(r, method);
    uint64_t body_max = r->is_upload ? r->h->config.upload_max : r->h->config.body_max;
    if (heads.length > body_max && !body_may_drain(r, heads.length))
        return http_refuse(r, 413,
                           r->is_upload ? "it is larger than max_payload of this node"
                                        : "the body is too large");
    who_tell(r);
    if (r->right < AGENT_RIGHT_READ && (heads.length != 0 || heads.encodings != 0))
        return http_refuse(r, 401, "a token is needed before a body is taken");
    const char *fault = browser_fault(r);
    if (r->is_upload && r->right < AGENT_RIGHT_OPERATE)
        return http_refuse(r, r->right == AGENT_RIGHT_NONE ? 401 : 403,
                           "a token with the right to operate is needed to put payloads");
    if (r->is_upload && fault == NULL)
        slot_take(r);
    return fault == NULL ? MHD_YES : http_refuse(r, 403, fault);
}

/* ---- body */

/* Room grows with what has come, never with what was announced: a thousand clients that announce a
 * megabyte each and send nothing cost nothing. */
void http_body_add(struct http_request *r, const char *data, size_t len)
{
    struct shell_http *h = r->h;
    size_t needed = r->body_len + len;
    if (r->fault == 0 && needed > h->config.body_max)
        r->fault = 413;
    if (r->fault == 0 && needed > r->body_size) {
        size_t size = r->body_size == 0 ? 1024 : r->body_size;
        while (size < needed)
            size *= 2;
        size_t bodies = h->bodies - r->body_size + size;
        char *body = bodies > HTTP_BODIES_MAX ? NULL : realloc(r->body, size);
        if (body == NULL) {
            r->fault = 503;
        } else {
            h->bodies = bodies;
            r->body = body;
            r->body_size = size;
        }
    }
    if (r->fault != 0) {
        body_give(r);
        r->overrun += len;
        return;
    }
    memcpy(r->body + r->body_len, data, len);
    r->body_len = needed;
}

/* ---- handing over */

static enum agent_http_method method_of(const char *method)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        return AGENT_HTTP_GET;
    if (strcmp(method, MHD_HTTP_METHOD_PUT) == 0)
        return AGENT_HTTP_PUT;
    if (strcmp(method, MHD_HTTP_METHOD_POST) == 0)
        return AGENT_HTTP_POST;
    return strcmp(method, MHD_HTTP_METHOD_DELETE) == 0 ? AGENT_HTTP_DELETE : AGENT_HTTP_OTHER;
}

static void request_tell(struct http_request *r, struct agent_http_request *request)
{
    const char *request_id = head_of(r, "X-Muster-Request-Id");
    request->id = r->id;
    request->accept = head_of(r, MHD_HTTP_HEADER_ACCEPT);
    request->authorization = head_of(r, MHD_HTTP_HEADER_AUTHORIZATION);
    request->content_type = head_of(r, MHD_HTTP_HEADER_CONTENT_TYPE);
    request->host = head_of(r, MHD_HTTP_HEADER_HOST);
    request->if_match = head_of(r, MHD_HTTP_HEADER_IF_MATCH);
    request->if_none_match = head_of(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
    request->last_event_id = head_of(r, "Last-Event-ID");
    request->origin = head_of(r, MHD_HTTP_HEADER_ORIGIN);
    request->request_id = request_id != NULL ? request_id : head_of(r, "Idempotency-Key");
    request->body = MUSTER_BYTES(r->body, r->body_len);
    request->right = r->right;
    request->who = r->who[0] != '\0' ? r->who : NULL;
    request->is_proven = r->is_proven;
    request->is_unix = r->connection->is_unix;
    request->peer_uid = r->connection->peer_uid;
    request->peer_pid = r->connection->peer_pid;
    request->peer = r->connection->peer;
}

/* Hands the request over. The connection rests unless its answer is there when the call returns. */
static enum MHD_Result request_ask(struct http_request *r, const char *method)
{
    struct shell_http *h = r->h;
    struct agent_pair query[AGENT_HTTP_QUERY_MAX];
    struct agent_http_request request = { .method = method_of(method), .query = query };
    char *mark = strchr(r->uri, '?');
    size_t len = mark == NULL ? strlen(r->uri) : (size_t)(mark - r->uri);
    if (agent_http_decode(r->uri, &len, false) != MUSTER_OK)
        return http_refuse(r, 400, "the address holds a broken escape");
    if (len > AGENT_HTTP_PATH_MAX)
        return http_refuse(r, 414, "the address is too long");
    int err = mark == NULL ? MUSTER_OK
                           : agent_http_query_split(mark + 1, query, AGENT_HTTP_QUERY_MAX,
                                                    &request.query_count);
    if (err != MUSTER_OK)
        return http_refuse(r, 400,
                           err == MUSTER_ELIMIT ? "the query has more than 32 parts"
                                                : "the query holds a broken escape");
    slot_take(r);
    request.path = r->uri;
    request_tell(r, &request);
    r->phase = HTTP_ASKING;
    h->count.requests++;
    h->count.open++;
    h->config.on_request(h->config.context, &request);
    body_give(r);
    if (r->phase == HTTP_ASKING) {
        r->phase = HTTP_OPEN;
        http_rest(r);
    }
    return MHD_YES;
}

/* After a rest the handler is called once more, and what has been answered is queued. */
static enum MHD_Result request_queue(struct http_request *r)
{
    if (r->phase == HTTP_GONE)
        return MHD_NO;
    if (r->response == NULL)
        return MHD_YES;
    struct MHD_Response *response = r->response;
    r->response = NULL;
    enum MHD_Result queued = MHD_queue_response(r->connection->mhd, r->status, response);
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **context)
{
    struct http_request *r = *context;
    (void)cls;
    (void)mhd;
    (void)url;
    if (r == NULL)
        return MHD_NO;
    if (!r->was_seen) {
        r->was_seen = true;
        return request_check(r, version, method);
    }
    if (r->phase == HTTP_GONE)
        return MHD_NO;
    if (r->is_upload && r->phase == HTTP_RECEIVING && r->fault == 0 && *upload_len != 0)
        return http_upload_take(r, upload, upload_len);
    if (*upload_len != 0) {
        http_body_add(r, upload, *upload_len);
        *upload_len = 0;
        return r->overrun > HTTP_OVERRUN_MAX ? MHD_NO : MHD_YES;
    }
    if (r->phase == HTTP_RECEIVING && r->fault != 0)
        return http_refuse(r, r->fault,
                           r->fault != 413 ? "too many bodies at once"
                           : r->is_upload  ? "it is larger than max_payload of this node"
                                           : "the body is too large");
    if (r->phase == HTTP_RECEIVING && r->is_upload && http_upload_is_open(r))
        return MHD_YES;
    if (r->phase == HTTP_RECEIVING) {
        enum MHD_Result asked = request_ask(r, method);
        if (asked != MHD_YES || r->is_suspended)
            return asked;
    }
    return request_queue(r);
}
