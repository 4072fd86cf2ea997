/* SPDX-License-Identifier: Apache-2.0 */
/* Orders from the agent, news to it, and what its silence means. */
#include "agent/guard/link.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/guard/guard.h"

#define ORDERS_PER_TURN 64

bool guard_link_is_open(const struct guard_link *l)
{
    char byte;
    ssize_t count = recv(l->fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void guard_link_tell(struct guard *g, enum agent_guard_news news, const char *text)
{
    char data[AGENT_GUARD_WIRE_MAX];
    struct agent_fields f;
    struct agent_guard_event event = g->event;
    if (g->link.fd < 0)
        return;
    event.news = news;
    event.text = text;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
    agent_guard_event_encode(&f, &event);
    ssize_t sent = send(g->link.fd, data, f.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
}

static void link_feed(struct guard *g, uint64_t stamp_ms)
{
    /* The stamp is the agent's own look at the clock: an order that waited in the socket while this
     * process was held up does not make the agent younger than it is. */
    if (stamp_ms > g->link.fed_ms && stamp_ms <= g->now_ms)
        g->link.fed_ms = stamp_ms;
}

/* A lease only ever ends later; a run without one is given none. */
static void link_lease(struct guard *g, uint64_t end_ms)
{
    if (g->launch.lease_ms != 0 && end_ms > g->launch.lease_ms)
        g->launch.lease_ms = end_ms;
}

static void link_signal(struct guard *g, uint64_t number)
{
    if (number < 1 || number >= NSIG || g->job.pid <= 0 || g->job.has_ended ||
        g->phase == GUARD_STARTING)
        return;
    kill(g->job.pid, (int)number);
}

static void link_order(struct guard *g, char *data, size_t len)
{
    struct agent_fields_reader in;
    const char *key, *value;
    uint64_t number;
    agent_fields_reader_init(&in, data, len, AGENT_FIELDS_MESSAGE);
    while (agent_fields_next(&in, &key, &value)) {
        if (!agent_fields_parse_u64(value, &number))
            continue;
        if (strcmp(key, GUARD_ORDER_FEED) == 0)
            link_feed(g, number);
        else if (strcmp(key, GUARD_ORDER_LEASE) == 0)
            link_lease(g, number);
        else if (strcmp(key, GUARD_ORDER_STOP) == 0)
            guard_stop(g, number, NULL);
        else if (strcmp(key, GUARD_ORDER_SIGNAL) == 0)
            link_signal(g, number);
        else if (strcmp(key, GUARD_ORDER_WAIT) == 0)
            g->link.is_passed = number != 0;
    }
}

static void link_lost(struct guard *g)
{
    close(g->link.fd);
    g->link.fd = -1;
    if (!g->launch.keep && !g->link.is_passed)
        guard_kill(g, "its agent is gone");
}

void guard_link_read(struct guard *g)
{
    char data[GUARD_ORDER_MAX];
    for (int orders = 0; orders < ORDERS_PER_TURN && g->link.fd >= 0; orders++) {
        ssize_t count = recv(g->link.fd, data, sizeof(data), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count <= 0)
            link_lost(g);
        else
            link_order(g, data, (size_t)count);
    }
}

static bool is_trusted(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

void guard_link_accept(struct guard *g)
{
    int fd = accept4(g->link.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!is_trusted(fd)) {
        close(fd);
        return;
    }
    if (g->link.fd >= 0)
        close(g->link.fd);
    g->link.fd = fd;
    g->link.fed_ms = g->now_ms;
    g->link.is_passed = false;
    guard_link_tell(g, AGENT_GUARD_ADOPTED, g->ready.status[0] == '\0' ? NULL : g->ready.status);
}
