/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP door on the loop: the library's epoll and timer, a watch on resting clients, sweeps. */
#include "agent/shell/http.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/shell/http_door.h"
#include "base/clock.h"
#include "base/text.h"

/* Above 32 KiB the library maps the memory of a connection, and nothing is left of it when the
 * connection ends; below it is a hole in our heap, among rows that stay. */
#define CONNECTION_BYTES (36 * 1024)

#define TLS_OPTIONS  5
#define TLS_PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* ---- running the library */

static void timer_arm(struct shell_http *h);

/* The library calls back into us from here; what it was told to resume in the meantime is run
 * again, a bounded number of times, and the rest in the next turn. */
static void daemon_run(struct shell_http *h)
{
    MUSTER_ASSERT(!h->is_running);
    for (int turn = 0; turn < 4; turn++) {
        h->is_run_due = false;
        h->is_running = true;
        for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
            if (h->daemon[i] != NULL)
                (void)MHD_run(h->daemon[i]);
        h->is_running = false;
        if (h->rooms_due != 0)
            http_rooms_tell(h);
        if (!h->is_run_due)
            break;
    }
    timer_arm(h);
}

static void daemon_timeout(uv_timer_t *timer)
{
    daemon_run(timer->data);
}

static void timer_arm(struct shell_http *h)
{
    MHD_UNSIGNED_LONG_LONG ms = 0, least = MUSTER_NEVER;
    for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
        if (h->daemon[i] != NULL && MHD_get_timeout(h->daemon[i], &ms) == MHD_YES && ms < least)
            least = ms;
    if (least == MUSTER_NEVER)
        (void)uv_timer_stop(&h->daemon_timer);
    else
        (void)uv_timer_start(&h->daemon_timer, daemon_timeout, least, 0);
}

static void daemon_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    daemon_run(poll->data);
}

/* A resumed connection is served by a run and by nothing else; so the loop never sleeps on one. */
static void daemon_prepare(uv_prepare_t *prepare)
{
    struct shell_http *h = prepare->data;
    if (h->is_run_due)
        daemon_run(h);
}

void http_run_soon(struct shell_http *h)
{
    h->is_run_due = true;
}

/* ---- watching resting clients */

static void watch_ready(uv_poll_t *poll, int status, int events)
{
    struct shell_http *h = poll->data;
    struct epoll_event seen[HTTP_EVENTS_MAX];
    (void)status;
    (void)events;
    int n = epoll_wait(h->watch_fd, seen, HTTP_EVENTS_MAX, 0);
    for (int i = 0; i < n; i++) {
        struct http_request *r = http_find(h, seen[i].data.u64);
        if (r != NULL && r->is_suspended)
            http_leave(r);
    }
}

/* The library is told of each event once, and forgets some: a client that closes before its bytes
 * were read leaves a connection that is not looked at again until it times out. Taken out of its
 * epoll and put back, the connection is told once more. */
static void connection_nudge(struct http_connection *c)
{
    struct pollfd now = { .fd = c->fd, .events = POLLIN | POLLRDHUP };
    if (poll(&now, 1, 0) != 1)
        return;
    MHD_suspend_connection(c->mhd);
    MHD_resume_connection(c->mhd);
    http_run_soon(c->h);
}

/* A byte now and then keeps a connection from being idle; whole requests and whole answers have a
 * time of their own, and a client beyond it is hung up on. */
static void connection_sweep(struct http_connection *c, uint64_t now)
{
    enum http_phase phase = c->request == NULL ? HTTP_RECEIVING : c->request->phase;
    uint64_t allowed = phase == HTTP_RECEIVING ? HTTP_RECEIVE_MS : HTTP_SEND_MS;
    if (phase != HTTP_RECEIVING && phase != HTTP_ANSWERED)
        return;
    if (c->request != NULL && c->request->is_suspended)
        return; /* a part of its upload is on the way to the disk */
    if (now - c->since_ms >= allowed)
        (void)shutdown(c->fd, SHUT_RDWR);
    if (now - c->since_ms >= HTTP_SWEEP_MS)
        connection_nudge(c);
}

static void sweep_due(uv_timer_t *timer)
{
    struct shell_http *h = timer->data;
    for (struct http_connection *c = h->connections; c != NULL; c = c->next)
        connection_sweep(c, uv_now(h->config.loop));
    http_listen_start(h);
}

/* ---- opening */

static void config_fill(struct shell_http_config *c)
{
    c->connections_max = c->connections_max == 0 ? 1024 : c->connections_max;
    c->per_address_max = c->per_address_max == 0 ? 512 : c->per_address_max;
    c->body_max = c->body_max == 0 ? AGENT_HTTP_BODY_MAX : c->body_max;
    c->stream_max = c->stream_max == 0 ? 256 * 1024 : c->stream_max;
    c->idle_timeout_s = c->idle_timeout_s == 0 ? 30 : c->idle_timeout_s;
    MUSTER_ASSERT(c->connections_max <= UINT16_MAX);
    MUSTER_ASSERT(c->on_request != NULL);
    MUSTER_ASSERT(c->on_cancel != NULL);
}

/* Broken requests are the clients' affair and counted; the library's own words for them are not. */
static void log_nothing(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

/* The raw address is kept (http_on_uri) and decoded by us, so the library must leave it alone. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

/* The library copies nothing of these; they live as long as the shell. */
static void tls_options(const struct shell_cert *cert, struct MHD_OptionItem out[TLS_OPTIONS])
{
    size_t n = 0;
    out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, cert->cert };
    out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, cert->key };
    out[n++] =
        (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITY };
    if (cert->ca != NULL)
        out[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, cert->ca };
    out[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

/* Strictness 0, because at 1 the library (0.9.75) answers a missing Host with its head sent twice;
 * request_check says it once. */
static struct MHD_Daemon *daemon_open(struct shell_http *h, const struct shell_cert *cert)
{
    struct MHD_OptionItem tls[TLS_OPTIONS] = { { MHD_OPTION_END, 0, NULL } };
    if (cert != NULL)
        tls_options(cert, tls);
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG |
            (cert != NULL ? MHD_USE_TLS : 0u),
        0, NULL, NULL, http_on_access, h, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, h, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, h, MHD_OPTION_NOTIFY_CONNECTION,
        http_on_connection, h, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)h->config.connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)h->config.per_address_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int)h->config.idle_timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_ARRAY,
        tls, MHD_OPTION_END);
}

static int slots_open(struct shell_http *h)
{
    uint32_t n = h->config.connections_max;
    h->slot = calloc(n, sizeof *h->slot);
    h->free_slot = calloc(n, sizeof *h->free_slot);
    if (h->slot == NULL || h->free_slot == NULL)
        return MUSTER_EFULL;
    for (uint32_t i = 0; i < n; i++)
        h->free_slot[h->free_slots++] = n - 1 - i;
    return MUSTER_OK;
}

static void door_free(struct shell_http *h)
{
    for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
        if (h->daemon[i] != NULL)
            MHD_stop_daemon(h->daemon[i]);
    http_tls_drop(&h->files);
    http_listen_close(h);
    if (h->watch_fd >= 0)
        (void)close(h->watch_fd);
    free(h->slot);
    free(h->free_slot);
    free(h);
}

static int daemon_watch(struct shell_http *h, uint32_t i)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon[i], MHD_DAEMON_INFO_EPOLL_FD);
    MUSTER_ASSERT(info != NULL);
    int bad = uv_poll_init(h->config.loop, &h->daemon_poll[i], info->epoll_fd);
    h->daemon_poll[i].data = h;
    h->handles++;
    return bad | uv_poll_start(&h->daemon_poll[i], UV_READABLE, daemon_ready);
}

/* Handles come last: what was opened before them can be given back without the loop. */
static void handles_open(struct shell_http *h)
{
    uv_loop_t *loop = h->config.loop;
    int bad = 0;
    h->handles = h->listeners + 4;
    for (uint32_t i = 0; i < h->listeners; i++) {
        bad |= uv_poll_init(loop, &h->listener[i].poll, h->listener[i].fd);
        h->listener[i].poll.data = &h->listener[i];
    }
    for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
        bad |= h->daemon[i] != NULL ? daemon_watch(h, i) : 0;
    bad |= uv_poll_init(loop, &h->watch_poll, h->watch_fd);
    bad |= uv_timer_init(loop, &h->daemon_timer);
    bad |= uv_timer_init(loop, &h->sweep);
    bad |= uv_prepare_init(loop, &h->prepare);
    h->watch_poll.data = h;
    h->daemon_timer.data = h;
    h->sweep.data = h;
    h->prepare.data = h;
    bad |= uv_poll_start(&h->watch_poll, UV_READABLE, watch_ready);
    bad |= uv_timer_start(&h->sweep, sweep_due, HTTP_SWEEP_MS, HTTP_SWEEP_MS);
    bad |= uv_prepare_start(&h->prepare, daemon_prepare);
    MUSTER_ASSERT(bad == 0); /* fresh descriptors that epoll takes: only a bug can fail here */
}

static int door_fill(struct shell_http *h, char *why, size_t size)
{
    (void)muster_format(why, size, "HTTP: out of memory or descriptors");
    h->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (h->watch_fd < 0 || slots_open(h) != MUSTER_OK)
        return MUSTER_EFULL;
    int err = h->config.tcp.len == 0 ? MUSTER_OK : http_listen_tcp(h, why, size);
    if (err == MUSTER_OK && h->config.socket_path != NULL)
        err = http_listen_unix(h, why, size);
    if (err != MUSTER_OK)
        return err;
    h->daemon[0] = daemon_open(h, NULL);
    if (h->daemon[0] != NULL && h->config.cert != NULL)
        h->daemon[1] = daemon_open(h, h->config.cert);
    return h->daemon[h->config.cert != NULL] == NULL ? MUSTER_EFULL : MUSTER_OK;
}

int shell_http_open(struct shell_http **out, const struct shell_http_config *config, char *why,
                    size_t size)
{
    struct shell_http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return MUSTER_EFULL;
    h->config = *config;
    h->watch_fd = -1;
    config_fill(&h->config);
    int err = door_fill(h, why, size);
    if (err != MUSTER_OK) {
        door_free(h);
        return err;
    }
    why[0] = '\0';
    handles_open(h);
    http_listen_start(h);
    *out = h;
    return MUSTER_OK;
}

uint16_t shell_http_port(const struct shell_http *h)
{
    return h->port;
}

struct shell_http_counters shell_http_counters(const struct shell_http *h)
{
    return h->count;
}

/* ---- closing */

static void handle_closed(uv_handle_t *handle)
{
    struct shell_http *h = handle->data;
    if (--h->handles != 0)
        return;
    void (*on_closed)(void *context) = h->on_closed;
    void *context = h->config.context;
    memset(h->daemon, 0, sizeof h->daemon);
    door_free(h);
    if (on_closed != NULL)
        on_closed(context);
}

/* The library must not be stopped with connections at rest. */
static void requests_wake(struct shell_http *h)
{
    for (struct http_connection *c = h->connections; c != NULL; c = c->next)
        if (c->request != NULL)
            http_leave(c->request);
}

void shell_http_close(struct shell_http *h, void (*on_closed)(void *context))
{
    MUSTER_ASSERT(!h->is_running); /* not from inside on_request or on_cancel */
    MUSTER_ASSERT(!h->is_closing);
    h->is_closing = true;
    h->on_closed = on_closed;
    requests_wake(h);
    for (uint32_t i = 0; i < h->listeners; i++) {
        h->listener[i].poll.data = h;
        uv_close((uv_handle_t *)&h->listener[i].poll, handle_closed);
    }
    for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
        if (h->daemon[i] != NULL)
            uv_close((uv_handle_t *)&h->daemon_poll[i], handle_closed);
    uv_close((uv_handle_t *)&h->watch_poll, handle_closed);
    uv_close((uv_handle_t *)&h->daemon_timer, handle_closed);
    uv_close((uv_handle_t *)&h->sweep, handle_closed);
    uv_close((uv_handle_t *)&h->prepare, handle_closed);
    for (uint32_t i = 0; i < HTTP_DAEMONS; i++)
        if (h->daemon[i] != NULL)
            MHD_stop_daemon(h->daemon[i]);
    http_listen_close(h);
}
