/* SPDX-License-Identifier: Apache-2.0 */
/* Connections between agents: frames in, frames out, and the end of each. */
#include <stdlib.h>
#include <string.h>

#include "agent/shell/link_inside.h"

#define LINK_HEAD   4u /* bytes of a frame's length */
#define LINK_IN_MAX (LINK_HEAD + AGENT_FRAME_MAX + SHELL_READ_MAX)

static struct shell_link *link_of(struct shell_conn *conn)
{
    return (struct shell_link *)conn;
}

/* ---- the table */

static struct shell_link *link_find(const struct shell_links *all, uint32_t number)
{
    struct shell_link *l;
    LIST_FOREACH(l, &all->bucket[number % SHELL_LINKS_BUCKETS], by_number)
    if (l->number == number)
        return l;
    return NULL;
}

static void stranger_no_more(struct shell_link *l)
{
    if (!l->is_stranger)
        return;
    l->is_stranger = false;
    TAILQ_REMOVE(&l->all->strangers, l, by_age);
    l->all->stranger_count--;
}

static void due_no_more(struct shell_link *l)
{
    if (l->is_due)
        TAILQ_REMOVE(&l->all->due, l, by_due);
    l->is_due = false;
}

static void link_dial(struct shell_link *l);

static void link_closed(struct shell_conn *conn)
{
    struct shell_link *l = link_of(conn);
    if (link_secure_ended(l)) {
        due_no_more(l);
        link_dial(l);
        return;
    }
    struct shell_net *net = l->all->net;
    struct agent_event e = { .kind = AGENT_EVENT_LINK_CLOSED,
                             .link = l->number,
                             .refused = conn->is_refused };
    /* The core has heard of every link that it dialled, and of an inbound one when it was told. */
    bool is_known = l->number < AGENT_LINK_INBOUND || l->is_up;
    stranger_no_more(l);
    due_no_more(l);
    LIST_REMOVE(l, by_number);
    l->all->count--;
    shell_buffer_close(&l->in);
    shell_buffer_close(&l->out);
    shell_buffer_close(&l->flying);
    shell_tls_session_close(l->tls);
    free(l);
    if (is_known)
        shell_net_tell(net, &e);
}

/* ---- writing */

static void link_written(uv_write_t *write, int status)
{
    struct shell_link *l = write->data;
    l->is_writing = false;
    shell_buffer_close(&l->flying);
    if (status != 0)
        shell_conn_close(&l->conn);
    else
        link_flush(l);
}

/* What the kernel did not take flies by itself; what is sent meanwhile is collected for the next.
 */
static void link_fly(struct shell_link *l, struct shell_buffer *wire, size_t taken)
{
    l->flying = *wire;
    *wire = (struct shell_buffer){ 0 };
    l->is_writing = true;
    l->write.data = l;
    uv_buf_t buf = { .base = (char *)l->flying.data + taken, .len = l->flying.len - taken };
    if (uv_write(&l->write, (uv_stream_t *)&l->conn.tcp, &buf, 1, link_written) != 0) {
        l->is_writing = false;
        shell_conn_close(&l->conn);
    }
}

void link_flush(struct shell_link *l)
{
    if (l->is_writing || l->conn.is_closing || (l->tls == NULL && !l->is_up))
        return;
    struct shell_buffer *wire = l->tls != NULL ? link_secure_out(l) : &l->out;
    if (wire->len == 0 || l->conn.is_closing)
        return;
    uv_buf_t buf = { .base = (char *)wire->data, .len = wire->len };
    int n = uv_try_write((uv_stream_t *)&l->conn.tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        shell_conn_close(&l->conn);
        return;
    }
    size_t taken = n < 0 ? 0 : (size_t)n;
    if (taken < wire->len) {
        link_fly(l, wire, taken);
        return;
    }
    wire->len = 0;
    if (wire->size > LINK_KEPT)
        shell_buffer_close(wire);
}

void link_due(struct shell_link *l)
{
    if (!l->is_due)
        TAILQ_INSERT_TAIL(&l->all->due, l, by_due);
    l->is_due = true;
}

void shell_link_send(struct shell_links *all, uint32_t number, struct muster_bytes frame)
{
    struct shell_link *l = link_find(all, number);
    uint32_t len = (uint32_t)frame.len;
    const uint8_t head[LINK_HEAD] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                                      (uint8_t)(len >> 8), (uint8_t)len };
    MUSTER_ASSERT(frame.len <= AGENT_FRAME_MAX);
    if (l == NULL || l->conn.is_closing || l->conn.is_finishing)
        return;
    size_t max = SHELL_LINK_QUEUE_MAX - (l->flying.len < SHELL_LINK_QUEUE_MAX ? l->flying.len : 0);
    if (!shell_buffer_add(&l->out, MUSTER_BYTES(head, LINK_HEAD), max) ||
        !shell_buffer_add(&l->out, frame, max)) {
        all->net->counters.links_choked++;
        shell_conn_close(&l->conn);
        return;
    }
    link_due(l);
}

size_t shell_link_queued(const struct shell_links *all, uint32_t number)
{
    const struct shell_link *l = link_find(all, number);
    return l == NULL || l->conn.is_closing ? 0 : l->out.len + l->flying.len;
}

/* Whoever dialled dials anew beside it; a link that nobody has replaced by then ends. */
static void stale_look(struct shell_links *all)
{
    struct shell_link *l;
    uint64_t until_ms = shell_now().mono_ms + SHELL_LINK_STALE_MS;
    for (uint32_t i = 0; i < SHELL_LINKS_BUCKETS; i++)
        LIST_FOREACH(l, &all->bucket[i], by_number)
        {
            struct agent_event e = { .kind = AGENT_EVENT_LINK_STALE, .link = l->number };
            if (l->tls == NULL || !shell_tls_is_stale(l->tls) || l->conn.is_closing)
                continue;
            shell_conn_deadline(&l->conn, until_ms);
            if (l->is_up)
                shell_net_tell(all->net, &e);
        }
}

void shell_links_ring_changed(struct shell_links *all)
{
    all->is_ring_new = true;
}

void shell_links_flush(struct shell_links *all)
{
    struct shell_link *l;
    if (all->is_ring_new)
        stale_look(all);
    all->is_ring_new = false;
    while ((l = TAILQ_FIRST(&all->due)) != NULL) {
        due_no_more(l);
        link_flush(l);
    }
}

static void link_finish(struct shell_link *l)
{
    l->is_again = false;
    link_flush(l);
    if (l->is_up)
        shell_conn_finish(&l->conn, SHELL_LINK_FINISH_MS);
    else
        shell_conn_close(&l->conn);
}

void shell_link_close(struct shell_links *all, uint32_t number)
{
    struct shell_link *l = link_find(all, number);
    if (l != NULL)
        link_finish(l);
}

/* ---- reading */

static uint32_t frame_len(const uint8_t *head)
{
    return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

static void frame_tell(struct shell_link *l, struct muster_bytes frame)
{
    struct agent_event e = { .kind = AGENT_EVENT_LINK_FRAME, .link = l->number, .bytes = frame };
    if (l->tls != NULL)
        e.names = shell_tls_names(l->tls);
    if (l->is_stranger) {
        stranger_no_more(l);
        shell_conn_deadline(&l->conn, MUSTER_NEVER);
    }
    shell_net_tell(l->all->net, &e);
}

/* Hands over every whole frame; returns how many bytes of them there were. */
static size_t frames_take(struct shell_link *l, struct muster_bytes bytes)
{
    size_t at = 0;
    while (bytes.len - at >= LINK_HEAD && !l->conn.is_closing && !l->conn.is_finishing) {
        uint32_t len = frame_len(bytes.data + at);
        if (len > (l->is_stranger ? SHELL_LINK_STRANGER_MAX : AGENT_FRAME_MAX)) {
            link_secure_missed(l, bytes.data[at]);
            l->all->net->counters.frames_too_long++;
            shell_conn_close(&l->conn);
            break;
        }
        if (bytes.len - at - LINK_HEAD < len)
            break;
        frame_tell(l, MUSTER_BYTES(bytes.data + at + LINK_HEAD, len));
        at += LINK_HEAD + len;
    }
    return at;
}

void link_hear(struct shell_link *l, struct muster_bytes bytes)
{
    const struct shell_conn *conn = &l->conn;
    /* Whole frames are read where they lie; only the beginning of one is kept. */
    size_t taken = l->in.len == 0 ? frames_take(l, bytes) : 0;
    bytes = MUSTER_BYTES(bytes.data + taken, bytes.len - taken);
    if (conn->is_closing || conn->is_finishing || bytes.len == 0)
        return;
    bool was_empty = l->in.len == 0;
    if (!shell_buffer_add(&l->in, bytes, LINK_IN_MAX)) {
        shell_conn_close(&l->conn);
        return;
    }
    if (was_empty)
        return;
    shell_buffer_drop(&l->in, frames_take(l, MUSTER_BYTES(l->in.data, l->in.len)));
    if (l->in.len == 0 && l->in.size > LINK_KEPT)
        shell_buffer_close(&l->in);
}

static void link_read(struct shell_conn *conn, struct muster_bytes bytes)
{
    struct shell_link *l = link_of(conn);
    if (conn->is_ended)
        shell_conn_close(conn);
    else if (l->is_unsure || l->tls != NULL)
        link_secure_hear(l, bytes);
    else
        link_hear(l, bytes);
}

/* ---- opening */

static void link_conn_open(struct shell_link *l)
{
    l->conn = (struct shell_conn){ .on_read = link_read, .on_closed = link_closed };
    shell_conn_open(&l->conn, l->all->net);
}

static struct shell_link *link_make(struct shell_links *all, uint32_t number)
{
    struct shell_link *l = calloc(1, sizeof *l);
    MUSTER_ASSERT(l != NULL);
    l->all = all;
    l->number = number;
    link_conn_open(l);
    LIST_INSERT_HEAD(&all->bucket[number % SHELL_LINKS_BUCKETS], l, by_number);
    all->count++;
    return l;
}

void link_up(struct shell_link *l)
{
    struct agent_event e = { .kind = AGENT_EVENT_LINK_OPENED,
                             .link = l->number,
                             .from = l->conn.from };
    l->is_up = true;
    if (!l->is_stranger)
        shell_conn_deadline(&l->conn, MUSTER_NEVER);
    shell_net_tell(l->all->net, &e);
}

static void link_connected(struct shell_conn *conn)
{
    shell_conn_keep(conn);
    shell_conn_read(conn);
    link_secure_begin(link_of(conn));
}

static void link_dial(struct shell_link *l)
{
    if (l->conn.is_closing) /* it was tried before */
        link_conn_open(l);
    shell_conn_deadline(&l->conn, l->deadline_ms);
    shell_conn_dial(&l->conn, l->to, link_connected);
}

void shell_link_dial(struct shell_links *all, uint32_t number, struct muster_addr to,
                     uint64_t deadline_ms)
{
    MUSTER_ASSERT(number < AGENT_LINK_INBOUND);
    MUSTER_ASSERT(link_find(all, number) == NULL);
    struct shell_link *l = link_make(all, number);
    if (all->count > SHELL_LINKS_MAX) {
        shell_conn_close(&l->conn);
        return;
    }
    l->to = to;
    l->deadline_ms = deadline_ms;
    link_dial(l);
}

/* Never 0 and never UINT32_MAX, which say "none", and never one that lives. */
static uint32_t inbound_number(struct shell_links *all)
{
    uint32_t number;
    do {
        number = AGENT_LINK_INBOUND + all->next_inbound;
        all->next_inbound = (all->next_inbound + 1) % (UINT32_MAX - AGENT_LINK_INBOUND);
    } while (link_find(all, number) != NULL);
    return number;
}

static void stranger_add(struct shell_links *all, struct shell_link *l)
{
    struct shell_link *oldest = TAILQ_FIRST(&all->strangers);
    if (all->stranger_count >= SHELL_LINK_STRANGERS || all->count > SHELL_LINKS_MAX) {
        all->net->counters.links_shed++;
        if (oldest != NULL)
            stranger_no_more(oldest);
        shell_conn_close(oldest != NULL ? &oldest->conn : &l->conn);
    }
    l->is_stranger = true;
    TAILQ_INSERT_TAIL(&all->strangers, l, by_age);
    all->stranger_count++;
}

static void link_came(uv_stream_t *listener, int status)
{
    struct shell_links *all = listener->data;
    if (status != 0)
        return;
    struct shell_link *l = link_make(all, inbound_number(all));
    if (shell_conn_accept(&l->conn, listener) != MUSTER_OK)
        return;
    stranger_add(all, l);
    if (l->conn.is_closing)
        return;
    shell_conn_deadline(&l->conn, shell_now().mono_ms + SHELL_LINK_STRANGER_MS);
    link_connected(&l->conn);
}

void shell_links_open(struct shell_links *all, struct shell_net *net, struct shell_tls *tls)
{
    *all = (struct shell_links){ .net = net, .tls = tls };
    TAILQ_INIT(&all->strangers);
    TAILQ_INIT(&all->due);
    for (uint32_t i = 0; i < SHELL_LINKS_BUCKETS; i++)
        LIST_INIT(&all->bucket[i]);
}

void shell_links_listen(struct shell_links *all, int fd)
{
    all->is_listening = true;
    shell_listen(all->net, &all->listener, fd, all, link_came);
}

/* ---- closing */

static void listener_close(struct shell_links *all)
{
    if (all->is_listening)
        uv_close((uv_handle_t *)&all->listener, NULL);
    all->is_listening = false;
}

void shell_links_finish(struct shell_links *all)
{
    struct shell_link *l;
    listener_close(all);
    for (uint32_t i = 0; i < SHELL_LINKS_BUCKETS; i++)
        LIST_FOREACH(l, &all->bucket[i], by_number)
    link_finish(l);
}

void shell_links_close(struct shell_links *all)
{
    struct shell_link *l;
    listener_close(all);
    all->is_closing = true;
    free(all->plain);
    all->plain = NULL;
    for (uint32_t i = 0; i < SHELL_LINKS_BUCKETS; i++)
        LIST_FOREACH(l, &all->bucket[i], by_number)
    shell_conn_close(&l->conn);
}
