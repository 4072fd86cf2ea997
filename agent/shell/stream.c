/* SPDX-License-Identifier: Apache-2.0 */
/* Gossip over TCP: listening, dialling, collecting, answering. */
#include "agent/shell/stream.h"

#include <stdlib.h>
#include <string.h>

#include "gossip/gossip.h"

struct shell_stream {
    struct shell_conn conn; /* first: stream_of() goes back from it */
    struct shell_streams *all;
    struct shell_stream *next, *prev;
    uint32_t number;
    bool is_inbound;
    bool is_over; /* its end is known to the core, or of no interest to it */
    struct shell_buffer in;
    struct shell_buffer out; /* what is being written */
    uv_write_t write;
};

static struct shell_stream *stream_of(struct shell_conn *conn)
{
    return (struct shell_stream *)conn;
}

static struct shell_stream *stream_find(struct shell_streams *s, uint32_t number, bool inbound)
{
    struct shell_stream *t = s->first;
    while (t != NULL && (t->is_over || t->number != number || t->is_inbound != inbound))
        t = t->next;
    return t;
}

/* ---- the table */

static void stream_link(struct shell_stream *t)
{
    struct shell_streams *s = t->all;
    t->prev = s->last;
    if (s->last != NULL)
        s->last->next = t;
    else
        s->first = t;
    s->last = t;
    s->inbound += t->is_inbound;
}

static void bytes_give(struct shell_stream *t)
{
    MUSTER_ASSERT(t->all->bytes >= t->in.len);
    t->all->bytes -= t->in.len;
    shell_buffer_close(&t->in);
}

static void stream_unlink(struct shell_stream *t)
{
    struct shell_streams *s = t->all;
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        s->first = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    else
        s->last = t->prev;
    s->inbound -= t->is_inbound;
}

/* At a brim the oldest inbound one goes; false when there is none left. */
static bool oldest_shed(struct shell_streams *s)
{
    struct shell_stream *t = s->first;
    while (t != NULL && (!t->is_inbound || t->conn.is_closing))
        t = t->next;
    if (t == NULL)
        return false;
    s->net->counters.streams_shed++;
    bytes_give(t);
    shell_conn_close(&t->conn);
    return true;
}

static void stream_closed(struct shell_conn *conn)
{
    struct shell_stream *t = stream_of(conn);
    struct shell_net *net = t->all->net;
    struct agent_event e = { .kind = AGENT_EVENT_STREAM_FAILED,
                             .stream = t->number,
                             .inbound = t->is_inbound,
                             .refused = conn->is_refused };
    bool is_news = !t->is_over;
    bytes_give(t);
    stream_unlink(t);
    shell_buffer_close(&t->out);
    free(t);
    if (is_news)
        shell_net_tell(net, &e);
}

static void stream_read(struct shell_conn *conn, struct muster_bytes bytes)
{
    struct shell_stream *t = stream_of(conn);
    struct shell_streams *s = t->all;
    while (s->bytes + bytes.len > SHELL_STREAMS_BYTES && oldest_shed(s))
        ;
    if (conn->is_closing)
        return;
    if (!shell_buffer_add(&t->in, bytes, GOSSIP_STREAM_MAX)) {
        s->net->counters.streams_shed++;
        shell_conn_close(conn);
        return;
    }
    s->bytes += bytes.len;
    struct agent_event e = { .kind = AGENT_EVENT_STREAM_DATA,
                             .stream = t->number,
                             .inbound = t->is_inbound,
                             .ended = conn->is_ended,
                             .from = conn->from,
                             .bytes = MUSTER_BYTES(t->in.data, t->in.len) };
    shell_net_tell(s->net, &e);
    /* Nothing can follow in a stream of ours whose far end is done. */
    if (conn->is_ended && !t->is_inbound) {
        t->is_over = true;
        shell_conn_close(conn);
    }
}

static struct shell_stream *stream_make(struct shell_streams *s, uint32_t number, bool inbound)
{
    struct shell_stream *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->all = s;
    t->number = number;
    t->is_inbound = inbound;
    t->conn.on_read = stream_read;
    t->conn.on_closed = stream_closed;
    shell_conn_open(&t->conn, s->net);
    stream_link(t);
    return t;
}

/* ---- inbound */

static void stream_came(uv_stream_t *listener, int status)
{
    struct shell_streams *s = listener->data;
    struct shell_stream *t = status == 0 ? stream_make(s, s->next_number++, true) : NULL;
    if (t == NULL)
        return;
    if (s->inbound > SHELL_STREAMS_MAX)
        (void)oldest_shed(s);
    if (shell_conn_accept(&t->conn, listener) != MUSTER_OK)
        return;
    shell_conn_deadline(&t->conn, shell_now().mono_ms + SHELL_STREAM_MS);
    shell_conn_read(&t->conn);
}

/* ---- what the core wants */

static void stream_written(uv_write_t *write, int status)
{
    struct shell_stream *t = write->data;
    if (status != 0)
        shell_conn_close(&t->conn);
}

static void stream_write(struct shell_stream *t)
{
    t->write.data = t;
    uv_buf_t buf = { .base = (char *)t->out.data, .len = t->out.len };
    if (uv_write(&t->write, (uv_stream_t *)&t->conn.tcp, &buf, 1, stream_written) != 0)
        shell_conn_close(&t->conn);
}

static void stream_up(struct shell_conn *conn)
{
    stream_write(stream_of(conn));
    shell_conn_read(conn);
}

void shell_stream_dial(struct shell_streams *s, uint32_t number, struct muster_addr to,
                       struct muster_bytes bytes, uint64_t deadline_ms)
{
    struct shell_stream *t = stream_make(s, number, false);
    MUSTER_ASSERT(t != NULL);
    if (!shell_buffer_add(&t->out, bytes, GOSSIP_STREAM_MAX)) {
        shell_conn_close(&t->conn);
        return;
    }
    shell_conn_deadline(&t->conn, deadline_ms);
    shell_conn_dial(&t->conn, to, stream_up);
}

void shell_stream_reply(struct shell_streams *s, uint32_t number, struct muster_bytes bytes)
{
    struct shell_stream *t = stream_find(s, number, true);
    if (t == NULL || t->conn.is_closing)
        return;
    t->is_over = true;
    if (!shell_buffer_add(&t->out, bytes, GOSSIP_STREAM_MAX)) {
        shell_conn_close(&t->conn);
        return;
    }
    stream_write(t);
    shell_conn_finish(&t->conn, SHELL_STREAM_MS);
}

void shell_stream_close(struct shell_streams *s, uint32_t number, bool inbound)
{
    struct shell_stream *t = stream_find(s, number, inbound);
    if (t == NULL)
        return;
    t->is_over = true;
    shell_conn_close(&t->conn);
}

/* ---- opening and closing */

void shell_streams_open(struct shell_streams *s, struct shell_net *net)
{
    *s = (struct shell_streams){ .net = net };
}

void shell_streams_listen(struct shell_streams *s, int fd)
{
    s->is_listening = true;
    shell_listen(s->net, &s->listener, fd, s, stream_came);
}

void shell_streams_close(struct shell_streams *s)
{
    if (s->is_listening)
        uv_close((uv_handle_t *)&s->listener, NULL);
    s->is_listening = false;
    for (struct shell_stream *t = s->first; t != NULL; t = t->next) {
        t->is_over = true;
        shell_conn_close(&t->conn);
    }
}
