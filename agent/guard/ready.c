/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness by time, by word and by port; the status a job gives itself. */
#include "agent/guard/ready.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/guard/guard.h"

void guard_ready_init(struct guard_ready *r)
{
    *r = (struct guard_ready){ .notify_fd = -1,
                               .connect_fd = -1,
                               .alive_at_ms = GUARD_NEVER,
                               .late_at_ms = GUARD_NEVER,
                               .connect_at_ms = GUARD_NEVER,
                               .beat_by_ms = GUARD_NEVER };
}

static uint64_t later(uint64_t now_ms, uint64_t delay_ms)
{
    return delay_ms >= GUARD_NEVER - now_ms ? GUARD_NEVER : now_ms + delay_ms;
}

void guard_ready_begin(struct guard *g)
{
    struct guard_ready *r = &g->ready;
    r->is_open = true;
    if (r->is_ready) { /* it was faster to say so than we to see that exec had succeeded */
        guard_ready(g);
        return;
    }
    if (g->launch.ready == AGENT_READY_ALIVE)
        r->alive_at_ms = later(g->now_ms, g->launch.ready_after_ms);
    else
        r->late_at_ms = later(g->now_ms, g->launch.ready_timeout_ms);
    if (g->launch.ready == AGENT_READY_TCP)
        r->connect_at_ms = g->now_ms;
}

/* A beat, or the moment from which on they are waited for. */
static void beat(struct guard *g)
{
    if (g->ready.is_ready && g->launch.watchdog_ms != 0)
        g->ready.beat_by_ms = later(g->now_ms, g->launch.watchdog_ms);
}

static void beat_missed(struct guard *g)
{
    char why[AGENT_REASON_MAX];
    uint64_t ms = g->launch.watchdog_ms;
    bool is_whole = ms % 1000 == 0;
    snprintf(why, sizeof(why), "no beat for %llu%s",
             (unsigned long long)(is_whole ? ms / 1000 : ms), is_whole ? "s" : "ms");
    g->ready.beat_by_ms = GUARD_NEVER;
    guard_condemn(g, why);
}

static void ready_reached(struct guard *g)
{
    struct guard_ready *r = &g->ready;
    if (r->is_ready)
        return;
    r->is_ready = true;
    r->alive_at_ms = r->late_at_ms = r->connect_at_ms = GUARD_NEVER;
    beat(g);
    if (r->is_open)
        guard_ready(g);
}

/* A sentence for people: whatever a job sends, no control bytes come out of it. */
static void status_keep(struct guard_ready *r, const char *text, size_t len)
{
    if (len >= sizeof(r->status)) {
        len = sizeof(r->status) - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--; /* do not cut a UTF-8 letter in two */
    }
    for (size_t i = 0; i < len; i++)
        r->status[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    r->status[len] = '\0';
    r->has_news = true;
}

/* More time for what it is about: to be ready, to give its next beat, or to end. */
static void extend(struct guard *g, const char *text)
{
    struct guard_ready *r = &g->ready;
    uint64_t us = 0;
    if (!agent_fields_parse_u64(text, &us))
        return;
    uint64_t until_ms = later(g->now_ms, us / 1000);
    uint64_t *end = g->phase == GUARD_STOPPING ? &g->kill_at_ms
                    : r->is_ready              ? &r->beat_by_ms
                                               : &r->late_at_ms;
    if (*end != GUARD_NEVER && until_ms > *end)
        *end = until_ms;
}

/* It ends by its own decision, and has as long for that as if it had been told. */
static void stopping(struct guard *g)
{
    status_keep(&g->ready, "stopping", strlen("stopping"));
    if (g->phase != GUARD_RUNNING)
        return;
    g->phase = GUARD_STOPPING;
    g->kill_at_ms = later(g->now_ms, g->launch.stop_timeout_ms);
}

static bool is_word(const char *line, const char *word)
{
    return strcmp(line, word) == 0;
}

/* What stands behind `KEY=`, or NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);
    return strncmp(line, key, len) == 0 ? line + len : NULL;
}

static void notify_line(struct guard *g, const char *line)
{
    const char *value;
    if (guard_left_word(g, line))
        return;
    if (is_word(line, "READY=1") && g->launch.ready == AGENT_READY_NOTIFY)
        ready_reached(g);
    else if (is_word(line, "WATCHDOG=1"))
        beat(g);
    else if (is_word(line, "WATCHDOG=trigger") && g->launch.watchdog_ms != 0)
        guard_condemn(g, "it gave itself up to its watchdog");
    else if (is_word(line, "STOPPING=1"))
        stopping(g);
    else if ((value = value_of(line, "EXTEND_TIMEOUT_USEC=")) != NULL)
        extend(g, value);
    else if ((value = value_of(line, "STATUS=")) != NULL)
        status_keep(&g->ready, value, strlen(value));
}

void guard_ready_notify(struct guard *g)
{
    char data[GUARD_NOTIFY_MAX + 1];
    for (int i = 0; i < GUARD_NOTIFY_TURN; i++) {
        ssize_t count = recv(g->ready.notify_fd, data, GUARD_NOTIFY_MAX, MSG_DONTWAIT);
        if (count < 0)
            return;
        data[count] = '\0';
        for (char *line = data; line < data + count;) {
            char *end = line + strcspn(line, "\n");
            *end = '\0';
            notify_line(g, line);
            line = end + 1;
        }
    }
}

static void port_close(struct guard_ready *r)
{
    if (r->connect_fd >= 0)
        close(r->connect_fd);
    r->connect_fd = -1;
}

static void port_refused(struct guard *g)
{
    port_close(&g->ready);
    g->ready.connect_at_ms = later(g->now_ms, GUARD_CONNECT_EVERY);
}

static void port_reached(struct guard *g)
{
    port_close(&g->ready);
    ready_reached(g);
}

/* When nobody listens on a port that the kernel also gives to clients, a client can meet itself. */
static bool is_own_echo(int fd)
{
    struct sockaddr_in6 here = { .sin6_port = 0 }, there = { .sin6_port = 0 };
    socklen_t here_len = sizeof(here), there_len = sizeof(there);
    /* The port stands at the same place in the addresses of both families. */
    return getsockname(fd, (struct sockaddr *)&here, &here_len) != 0 ||
           getpeername(fd, (struct sockaddr *)&there, &there_len) != 0 ||
           here.sin6_port == there.sin6_port;
}

void guard_ready_connected(struct guard *g)
{
    int err = 0;
    socklen_t len = sizeof(err);
    if (getsockopt(g->ready.connect_fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0 &&
        !is_own_echo(g->ready.connect_fd))
        port_reached(g);
    else
        port_refused(g);
}

/* One connection to the port on a loopback address: 127.0.0.1 and ::1 in turn. */
static void port_try(struct guard *g)
{
    struct guard_ready *r = &g->ready;
    struct sockaddr_in v4 = { .sin_family = AF_INET,
                              .sin_port = htons(g->launch.ready_port),
                              .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                               .sin6_port = htons(g->launch.ready_port),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const void *addr = r->is_v6_next ? (const void *)&v6 : (const void *)&v4;
    socklen_t len = r->is_v6_next ? sizeof(v6) : sizeof(v4);
    int family = r->is_v6_next ? AF_INET6 : AF_INET;
    r->is_v6_next = !r->is_v6_next;
    r->connect_at_ms = GUARD_NEVER;
    r->connect_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->connect_fd >= 0 && connect(r->connect_fd, addr, len) == 0)
        guard_ready_connected(g);
    else if (r->connect_fd < 0 || errno != EINPROGRESS)
        port_refused(g);
}

static void status_tell(struct guard *g)
{
    struct guard_ready *r = &g->ready;
    r->has_news = false;
    r->status_at_ms = g->now_ms + GUARD_STATUS_EVERY;
    guard_link_tell(g, AGENT_GUARD_STATUS, r->status[0] == '\0' ? NULL : r->status);
}

uint64_t guard_ready_turn(struct guard *g)
{
    struct guard_ready *r = &g->ready;
    if (!r->is_open)
        return GUARD_NEVER;
    if (r->has_news && g->now_ms >= r->status_at_ms)
        status_tell(g);
    if (g->phase != GUARD_RUNNING)
        return r->has_news ? r->status_at_ms : GUARD_NEVER;
    if (g->now_ms >= r->beat_by_ms)
        beat_missed(g);
    if (g->now_ms >= r->alive_at_ms)
        ready_reached(g);
    if (g->now_ms >= r->connect_at_ms)
        port_try(g);
    if (g->now_ms >= r->late_at_ms) {
        char why[AGENT_REASON_MAX];
        snprintf(why, sizeof(why), "not ready after %llu ms",
                 (unsigned long long)g->launch.ready_timeout_ms);
        r->late_at_ms = GUARD_NEVER;
        guard_stop(g, g->launch.stop_timeout_ms, why);
    }
    uint64_t next = r->alive_at_ms < r->late_at_ms ? r->alive_at_ms : r->late_at_ms;
    next = r->connect_at_ms < next ? r->connect_at_ms : next;
    next = r->beat_by_ms < next ? r->beat_by_ms : next;
    return r->has_news && r->status_at_ms < next ? r->status_at_ms : next;
}

void guard_ready_close(struct guard_ready *r)
{
    port_close(r);
    if (r->notify_fd >= 0)
        close(r->notify_fd);
    r->notify_fd = -1;
    r->is_open = false;
}
