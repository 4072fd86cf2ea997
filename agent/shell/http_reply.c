/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: whole ones, streams of chunks, and the refusals of the door itself. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/json.h"
#include "agent/shell/http_door.h"
#include "base/text.h"

struct http_request *http_find(const struct shell_http *h, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & 0xffff);
    if (id == 0 || slot >= h->config.connections_max)
        return NULL;
    struct http_request *r = h->slot[slot];
    return r != NULL && r->id == id ? r : NULL;
}

/* libmicrohttpd does not look at a suspended socket, so we do: a client that leaves while it waits
 * would otherwise be noticed only when there is something to tell it. */
void http_rest(struct http_request *r)
{
    MUSTER_ASSERT(!r->is_suspended);
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = r->id };
    struct http_connection *c = r->connection;
    int op = c->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    c->is_watched = epoll_ctl(r->h->watch_fd, op, c->fd, &event) == 0;
    r->is_suspended = true;
    MHD_suspend_connection(r->connection->mhd);
}

void http_wake(struct http_request *r)
{
    if (!r->is_suspended)
        return;
    r->is_suspended = false;
    MHD_resume_connection(r->connection->mhd);
    http_run_soon(r->h);
}

/* The client is gone, or must go: whoever owns the answer is told once. */
void http_leave(struct http_request *r)
{
    struct shell_http *h = r->h;
    bool is_owed = r->phase == HTTP_OPEN || r->phase == HTTP_STREAMING;
    uint64_t id = r->id;
    if (is_owed)
        h->count.open--;
    if (r->phase == HTTP_OPEN || r->phase == HTTP_STREAMING || r->phase == HTTP_ENDING)
        h->count.cancelled++;
    if (r->is_room_due) {
        r->is_room_due = false;
        h->rooms_due--;
    }
    r->phase = HTTP_GONE;
    http_wake(r);
    if (is_owed && !h->is_closing)
        h->config.on_cancel(h->config.context, id);
}

static void header_add(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused only without memory or for bytes no header may have; the answer goes without it. */
    if (value != NULL)
        (void)MHD_add_response_header(response, name, value);
}

static void headers_add(struct MHD_Response *response, const struct agent_http_reply *reply)
{
    char number[24];
    header_add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
               reply->status == 401 ? "Bearer realm=\"muster\"" : NULL);
    header_add(response, MHD_HTTP_HEADER_CONTENT_TYPE,
               reply->content_type == NULL ? AGENT_HTTP_JSON : reply->content_type);
    header_add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    header_add(response, "X-Content-Type-Options", "nosniff");
    header_add(response, MHD_HTTP_HEADER_ETAG, reply->etag);
    header_add(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
    if (reply->index != 0) {
        (void)muster_format(number, sizeof number, "%llu", (unsigned long long)reply->index);
        header_add(response, "X-Muster-Index", number);
    }
    if (reply->retry_after_s != 0) {
        (void)muster_format(number, sizeof number, "%u", reply->retry_after_s);
        header_add(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
}

static struct MHD_Response *response_whole(const struct agent_http_reply *reply)
{
    /* The library copies the body and never writes through the pointer. */
    union {
        const uint8_t *seen;
        void *taken;
    } body = { .seen = reply->body.data };
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.len, body.taken, MHD_RESPMEM_MUST_COPY);
    if (response != NULL)
        headers_add(response, reply);
    return response;
}

/* The door's own refusal, queued at once; the connection closes behind it if a body is coming. */
enum MHD_Result http_refuse(struct http_request *r, uint16_t status, const char *message)
{
    struct muster_text text;
    struct agent_json j;
    muster_text_open(&text, 1024);
    agent_json_open(&j, &text);
    agent_json_object(&j);
    agent_json_key(&j, "error");
    agent_json_object(&j);
    agent_json_put_text(&j, "code", agent_http_status_text(status));
    agent_json_put_text(&j, "message", message);
    agent_json_put_null(&j, "field");
    agent_json_object_end(&j);
    agent_json_object_end(&j);

    struct agent_http_reply reply = { .status = status, .body = muster_text_bytes(&text) };
    struct MHD_Response *response = response_whole(&reply);
    muster_text_close(&text);
    r->h->count.refused++;
    r->phase = HTTP_ANSWERED;
    r->connection->since_ms = uv_now(r->h->config.loop);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(r->connection->mhd, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Without memory for an answer the connection is closed: that, too, tells the client. */
static void request_answer(struct http_request *r, struct MHD_Response *response, uint16_t status,
                           enum http_phase phase)
{
    r->connection->since_ms = uv_now(r->h->config.loop);
    r->response = response;
    r->status = status;
    r->phase = response == NULL ? HTTP_GONE : phase;
    if (r->phase != HTTP_STREAMING)
        r->h->count.open--;
    http_wake(r);
}

void shell_http_reply(struct shell_http *h, uint64_t id, const struct agent_http_reply *reply)
{
    struct http_request *r = http_find(h, id);
    if (r == NULL || (r->phase != HTTP_OPEN && r->phase != HTTP_ASKING))
        return;
    struct MHD_Response *response =
        reply->file != NULL ? http_file(r, reply->file) : response_whole(reply);
    if (reply->file != NULL && response != NULL)
        headers_add(response, reply);
    request_answer(r, response, reply->status, HTTP_ANSWERED);
}

/* ---- streams */

static size_t queue_take(struct http_queue *q, char *out, size_t max)
{
    size_t n = q->len < max ? q->len : max;
    memcpy(out, q->data + q->head, n);
    q->head += n;
    q->len -= n;
    if (q->len == 0)
        q->head = 0;
    return n;
}

static bool queue_put(struct http_queue *q, struct muster_bytes bytes, size_t max)
{
    if (bytes.len > max - q->len)
        return false;
    if (q->head + q->len + bytes.len > q->size && q->head != 0) {
        memmove(q->data, q->data + q->head, q->len);
        q->head = 0;
    }
    if (q->len + bytes.len > q->size) {
        size_t size = q->size == 0 ? 4096 : q->size;
        while (size < q->len + bytes.len)
            size *= 2;
        uint8_t *data = realloc(q->data, size);
        if (data == NULL)
            return false;
        q->data = data;
        q->size = size;
    }
    memcpy(q->data + q->head + q->len, bytes.data, bytes.len);
    q->len += bytes.len;
    return true;
}

/* Half empty again: the reader is told what it missed, or the writer that it may go on. */
static void stream_recover(struct http_request *r)
{
    struct shell_http *h = r->h;
    if (r->queue.len > h->config.stream_max / 2)
        return;
    if (r->is_lagging)
        r->is_lagging =
            !queue_put(&r->queue, MUSTER_BYTES(r->lagged, r->lagged_len), h->config.stream_max);
    if (r->wants_room) {
        r->wants_room = false;
        r->is_room_due = true;
        h->rooms_due++;
    }
}

/* Called by libmicrohttpd for more bytes. With none to give it must rest first, or it is asked
 * again and again. */
static ssize_t stream_read(void *cls, uint64_t position, char *out, size_t max)
{
    struct http_request *r = cls;
    (void)position;
    if (r->phase == HTTP_GONE)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (r->queue.len != 0) {
        size_t n = queue_take(&r->queue, out, max);
        stream_recover(r);
        return (ssize_t)n;
    }
    if (r->phase == HTTP_ENDING)
        return MHD_CONTENT_READER_END_OF_STREAM;
    http_rest(r);
    return 0;
}

void shell_http_begin(struct shell_http *h, uint64_t id, const struct agent_http_reply *reply)
{
    struct http_request *r = http_find(h, id);
    if (r == NULL || (r->phase != HTTP_OPEN && r->phase != HTTP_ASKING))
        return;
    MUSTER_ASSERT(reply->body.len == 0);
    MUSTER_ASSERT(reply->lagged.len <= h->config.stream_max / 2);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, stream_read, r, NULL);
    if (response != NULL)
        headers_add(response, reply);
    if (response != NULL && reply->lagged.len != 0) {
        r->lagged = malloc(reply->lagged.len);
        r->lagged_len = r->lagged == NULL ? 0 : reply->lagged.len;
        if (r->lagged != NULL)
            memcpy(r->lagged, reply->lagged.data, reply->lagged.len);
    }
    request_answer(r, response, reply->status, HTTP_STREAMING);
}

int shell_http_chunk(struct shell_http *h, uint64_t id, struct muster_bytes bytes)
{
    struct http_request *r = http_find(h, id);
    if (r == NULL || r->phase != HTTP_STREAMING)
        return MUSTER_ENOTFOUND;
    if (bytes.len == 0)
        return MUSTER_OK;
    size_t max = h->config.stream_max - r->lagged_len;
    if (!r->is_lagging && queue_put(&r->queue, bytes, max)) {
        http_wake(r);
        return MUSTER_OK;
    }
    if (r->lagged_len == 0) {
        r->wants_room = true;
        return bytes.len > max ? MUSTER_ELIMIT : MUSTER_EFULL;
    }
    r->is_lagging = true;
    h->count.lagged++;
    return MUSTER_OK;
}

size_t shell_http_queued(const struct shell_http *h, uint64_t id)
{
    const struct http_request *r = http_find(h, id);
    return r != NULL && r->phase == HTTP_STREAMING ? r->queue.len : 0;
}

void shell_http_end(struct shell_http *h, uint64_t id)
{
    struct http_request *r = http_find(h, id);
    if (r == NULL || r->phase != HTTP_STREAMING)
        return;
    h->count.open--;
    r->phase = HTTP_ENDING;
    http_wake(r);
}

/* Outside of the daemon, so that whoever is told may answer with chunks. */
void http_rooms_tell(struct shell_http *h)
{
    for (uint32_t i = 0; i < h->config.connections_max && h->rooms_due != 0; i++) {
        struct http_request *r = h->slot[i];
        if (r == NULL || !r->is_room_due)
            continue;
        r->is_room_due = false;
        h->rooms_due--;
        if (h->config.on_room != NULL && r->phase == HTTP_STREAMING)
            h->config.on_room(h->config.context, r->id);
    }
}
