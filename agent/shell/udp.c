/* SPDX-License-Identifier: Apache-2.0 */
/* The gossip socket: batches in, single datagrams out. */
#include "agent/shell/udp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct udp_waiting {
    uv_udp_send_t request;
    uint8_t bytes[];
};

static void udp_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct shell_udp *u = handle->data;
    (void)suggested;
    *buf = u->net->scratch;
}

static void udp_got(uv_udp_t *handle, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                    unsigned flags)
{
    struct shell_udp *u = handle->data;
    struct agent_event e = { .kind = AGENT_EVENT_PACKET };
    if (from == NULL || n < 0)
        return; /* the end of a batch, or an error that a later datagram will outlive */
    if ((flags & UV_UDP_PARTIAL) != 0) {
        u->net->counters.packets_cut++;
        return;
    }
    e.from = shell_addr(from);
    e.bytes = MUSTER_BYTES(buf->base, (size_t)n);
    shell_net_tell(u->net, &e);
}

void shell_udp_open(struct shell_udp *u, struct shell_net *net, int fd, bool is_ipv6)
{
    int size = SHELL_UDP_KERNEL_MAX, off = 0;
    *u = (struct shell_udp){ .net = net, .is_ipv6 = is_ipv6, .is_open = true };
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    int err = uv_udp_init_ex(net->loop, &u->handle, AF_UNSPEC | UV_UDP_RECVMMSG);
    MUSTER_ASSERT(err == 0);
    u->handle.data = u;
    err = uv_udp_open(&u->handle, fd);
    MUSTER_ASSERT(err == 0);
    /* libuv has just allowed others to share the port; see agent/shell/ports.c. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
    err = uv_udp_recv_start(&u->handle, udp_alloc, udp_got);
    MUSTER_ASSERT(err == 0);
}

static void udp_sent(uv_udp_send_t *request, int status)
{
    struct shell_udp *u = request->handle->data;
    if (status != 0 && status != UV_ECANCELED)
        u->net->counters.packets_failed++;
    free(request->data);
}

/* The kernel's buffer is full for the moment. */
static void udp_queue(struct shell_udp *u, const struct sockaddr *to, struct muster_bytes bytes)
{
    struct udp_waiting *w = NULL;
    if (uv_udp_get_send_queue_size(&u->handle) + bytes.len <= SHELL_UDP_QUEUE_MAX)
        w = malloc(sizeof *w + bytes.len);
    if (w == NULL) {
        u->net->counters.packets_shed++;
        return;
    }
    memcpy(w->bytes, bytes.data, bytes.len);
    w->request.data = w;
    uv_buf_t buf = uv_buf_init((char *)w->bytes, (unsigned)bytes.len);
    if (uv_udp_send(&w->request, &u->handle, &buf, 1, to, udp_sent) != 0) {
        u->net->counters.packets_failed++;
        free(w);
    }
}

void shell_udp_send(struct shell_udp *u, struct muster_addr to, struct muster_bytes bytes)
{
    struct sockaddr_storage where;
    if (!u->is_open)
        return; /* guards are still being found; gossip says everything more than once */
    if (to.len == 0 || (to.len == 16 && !u->is_ipv6)) {
        u->net->counters.packets_failed++;
        return;
    }
    shell_sockaddr(&where, to, u->is_ipv6);
    uv_buf_t buf = { .base = (char *)(uintptr_t)bytes.data, .len = bytes.len };
    int n = uv_udp_try_send(&u->handle, &buf, 1, (const struct sockaddr *)&where);
    if (n == UV_EAGAIN)
        udp_queue(u, (const struct sockaddr *)&where, bytes);
    else if (n < 0)
        u->net->counters.packets_failed++;
}

void shell_udp_close(struct shell_udp *u)
{
    if (u->is_open)
        uv_close((uv_handle_t *)&u->handle, NULL);
    u->is_open = false;
}
