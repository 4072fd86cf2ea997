/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, addresses, listening, and the life of one TCP connection. */
#include "agent/shell/net.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/shell/ports.h"
#include "base/err.h"

#define KEEP_IDLE_S  4
#define KEEP_PROBE_S 2
#define KEEP_PROBES  3
#define KEEP_USER_MS 10000

int shell_net_open(struct shell_net *net, uv_loop_t *loop, void *context,
                   void (*on_event)(void *, const struct agent_event *))
{
    *net = (struct shell_net){ .loop = loop, .context = context, .on_event = on_event };
    /* Fresh from the kernel and touched only as far as a read fills it. */
    net->scratch = uv_buf_init(malloc(SHELL_SCRATCH), SHELL_SCRATCH);
    return net->scratch.base == NULL ? MUSTER_EFULL : MUSTER_OK;
}

void shell_net_close(struct shell_net *net)
{
    free(net->scratch.base);
    net->scratch = uv_buf_init(NULL, 0);
}

void shell_net_tell(struct shell_net *net, const struct agent_event *event)
{
    net->on_event(net->context, event);
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t = { 0 };
    (void)clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct muster_now shell_now(void)
{
    return (struct muster_now){ .mono_ms = clock_ms(CLOCK_BOOTTIME),
                                .wall_ms = clock_ms(CLOCK_REALTIME) };
}

/* ---- addresses */

static void sockaddr_v6(struct sockaddr_storage *out, struct muster_addr a)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(a.port) };
    if (a.len == 16) {
        memcpy(&in.sin6_addr, a.octet, 16);
    } else if (!muster_addr_is_unspecified(a)) {
        in.sin6_addr.s6_addr[10] = in.sin6_addr.s6_addr[11] = 0xff;
        memcpy(&in.sin6_addr.s6_addr[12], a.octet, 4);
    }
    memcpy(out, &in, sizeof in);
}

void shell_sockaddr(struct sockaddr_storage *out, struct muster_addr a, bool as_ipv6)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a.port) };
    *out = (struct sockaddr_storage){ 0 };
    if (as_ipv6 || a.len == 16) {
        sockaddr_v6(out, a);
        return;
    }
    memcpy(&in.sin_addr, a.octet, 4);
    memcpy(out, &in, sizeof in);
}

struct muster_addr shell_addr(const struct sockaddr *from)
{
    struct muster_addr a = { 0 };
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    int err = MUSTER_EINVAL;
    if (from->sa_family == AF_INET) {
        memcpy(&in, from, sizeof in);
        err = muster_addr_from_octets(&a, (const uint8_t *)&in.sin_addr, 4, ntohs(in.sin_port));
    } else if (from->sa_family == AF_INET6) {
        memcpy(&in6, from, sizeof in6);
        err = muster_addr_from_octets(&a, in6.sin6_addr.s6_addr, 16, ntohs(in6.sin6_port));
    }
    return err == MUSTER_OK ? a : (struct muster_addr){ 0 };
}

void shell_listen(struct shell_net *net, uv_tcp_t *tcp, int fd, void *data,
                  uv_connection_cb on_connection)
{
    int err = uv_tcp_init(net->loop, tcp);
    MUSTER_ASSERT(err == 0);
    tcp->data = data;
    err = uv_tcp_open(tcp, fd);
    MUSTER_ASSERT(err == 0);
    err = uv_listen((uv_stream_t *)tcp, SHELL_BACKLOG, on_connection);
    MUSTER_ASSERT(err == 0);
}

/* ---- bytes that are kept */

bool shell_buffer_add(struct shell_buffer *b, struct muster_bytes bytes, size_t max)
{
    if (bytes.len > max || b->len > max - bytes.len)
        return false;
    if (b->len + bytes.len > b->size) {
        size_t size = b->size == 0 ? 1024 : b->size;
        while (size < b->len + bytes.len)
            size *= 2;
        uint8_t *data = realloc(b->data, size);
        if (data == NULL)
            return false;
        b->data = data;
        b->size = size;
    }
    if (bytes.len > 0)
        memcpy(b->data + b->len, bytes.data, bytes.len);
    b->len += bytes.len;
    return true;
}

void shell_buffer_drop(struct shell_buffer *b, size_t len)
{
    MUSTER_ASSERT(len <= b->len);
    b->len -= len;
    if (b->len > 0 && len > 0)
        memmove(b->data, b->data + len, b->len);
}

void shell_buffer_close(struct shell_buffer *b)
{
    free(b->data);
    *b = (struct shell_buffer){ 0 };
}

/* ---- connections */

static struct shell_conn *conn_of(uv_handle_t *handle)
{
    return handle->data;
}

static void handle_closed(uv_handle_t *handle)
{
    struct shell_conn *conn = conn_of(handle);
    MUSTER_ASSERT(conn->handles > 0);
    if (--conn->handles == 0)
        conn->on_closed(conn);
}

void shell_conn_close(struct shell_conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    uv_close((uv_handle_t *)&conn->tcp, handle_closed);
    uv_close((uv_handle_t *)&conn->timer, handle_closed);
}

void shell_conn_open(struct shell_conn *conn, struct shell_net *net)
{
    int err = uv_tcp_init(net->loop, &conn->tcp);
    MUSTER_ASSERT(err == 0);
    err = uv_timer_init(net->loop, &conn->timer);
    MUSTER_ASSERT(err == 0);
    conn->net = net;
    conn->tcp.data = conn;
    conn->timer.data = conn;
    conn->handles = 2;
}

int shell_conn_accept(struct shell_conn *conn, uv_stream_t *listener)
{
    struct sockaddr_storage peer;
    int len = sizeof peer;
    int err = uv_accept(listener, (uv_stream_t *)&conn->tcp);
    if (err == 0)
        err = uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &len);
    if (err != 0) {
        shell_conn_close(conn);
        return err;
    }
    conn->from = shell_addr((const struct sockaddr *)&peer);
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    return MUSTER_OK;
}

static void conn_connected(uv_connect_t *connect, int status)
{
    struct shell_conn *conn = conn_of((uv_handle_t *)connect->handle);
    if (conn->is_closing)
        return;
    if (status != 0) {
        conn->is_refused = status == UV_ECONNREFUSED;
        shell_conn_close(conn);
        return;
    }
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    conn->on_up(conn);
}

void shell_conn_dial(struct shell_conn *conn, struct muster_addr to,
                     void (*on_up)(struct shell_conn *conn))
{
    struct sockaddr_storage where;
    conn->on_up = on_up;
    conn->from = to;
    shell_sockaddr(&where, to, false);
    int err = to.len == 0 ? UV_EINVAL
                          : uv_tcp_connect(&conn->connect, &conn->tcp,
                                           (const struct sockaddr *)&where, conn_connected);
    if (err != 0) {
        conn->is_refused = err == UV_ECONNREFUSED;
        shell_conn_close(conn);
    }
}

static void conn_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(conn_of(handle)->net->scratch.base, SHELL_READ_MAX);
}

static void conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct shell_conn *conn = conn_of((uv_handle_t *)stream);
    if (n == 0 || conn->is_closing)
        return;
    if (n < 0 && n != UV_EOF) {
        shell_conn_close(conn);
        return;
    }
    if (n < 0)
        conn->is_ended = true;
    if (!conn->is_finishing)
        conn->on_read(conn, MUSTER_BYTES(buf->base, n < 0 ? 0 : (size_t)n));
    else if (conn->is_ended && conn->is_shut)
        shell_conn_close(conn);
}

void shell_conn_read(struct shell_conn *conn)
{
    if (!conn->is_closing && uv_read_start((uv_stream_t *)&conn->tcp, conn_alloc, conn_read) != 0)
        shell_conn_close(conn);
}

static void conn_late(uv_timer_t *timer)
{
    struct shell_conn *conn = conn_of((uv_handle_t *)timer);
    conn->is_late = true;
    shell_conn_close(conn);
}

void shell_conn_deadline(struct shell_conn *conn, uint64_t deadline_ms)
{
    uint64_t now_ms = shell_now().mono_ms;
    if (conn->is_closing)
        return;
    (void)uv_timer_stop(&conn->timer);
    if (deadline_ms == MUSTER_NEVER)
        return;
    /* The loop's own idea of now may be a long callback old. */
    uv_update_time(conn->net->loop);
    uint64_t wait_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    (void)uv_timer_start(&conn->timer, conn_late, wait_ms, 0);
}

void shell_conn_keep(struct shell_conn *conn)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_PROBE_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, KEEP_USER_MS },
    };
    uv_os_fd_t fd = -1;
    if (uv_fileno((const uv_handle_t *)&conn->tcp, &fd) != 0)
        return;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static void conn_shut(uv_shutdown_t *request, int status)
{
    struct shell_conn *conn = conn_of((uv_handle_t *)request->handle);
    conn->is_shut = true;
    if (status != 0 || conn->is_ended)
        shell_conn_close(conn);
}

void shell_conn_finish(struct shell_conn *conn, uint64_t within_ms)
{
    if (conn->is_closing || conn->is_finishing)
        return;
    conn->is_finishing = true;
    shell_conn_deadline(conn, shell_now().mono_ms + within_ms);
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, conn_shut) != 0)
        shell_conn_close(conn);
}
