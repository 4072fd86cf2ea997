/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of everything in one loop, and what they have seen. */
#include "tests/e2e/net_stage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end_event(void *context, const struct agent_event *e)
{
    struct end *end = context;
    bool is_stream = e->kind == AGENT_EVENT_STREAM_DATA || e->kind == AGENT_EVENT_STREAM_FAILED;
    assert_true(end->count < SEEN_MAX);
    end->seen[end->count++] = (struct seen){ .kind = e->kind,
                                             .number = is_stream ? e->stream : e->link,
                                             .refused = e->refused,
                                             .ended = e->ended,
                                             .inbound = e->inbound,
                                             .len = e->bytes.len,
                                             .first = e->bytes.len > 0 ? e->bytes.data[0] : 0 };
    struct muster_bytes said = e->kind == AGENT_EVENT_LINK_FRAME      ? e->names
                               : e->kind == AGENT_EVENT_LINK_UNPROVEN ? e->bytes
                                                                      : MUSTER_BYTES(NULL, 0);
    if (said.len > 0)
        memcpy(end->seen[end->count - 1].text, said.data, said.len < 255 ? said.len : 255);
    if (e->kind == AGENT_EVENT_LINK_OPENED && e->link >= AGENT_LINK_INBOUND)
        end->inbound = e->link;
    if (e->kind == AGENT_EVENT_LINK_FRAME && end->echoes)
        shell_link_send(&end->links, e->link, e->bytes);
    if (e->kind == AGENT_EVENT_STREAM_DATA && e->inbound && e->bytes.len == 4)
        shell_stream_reply(&end->streams, e->stream, MUSTER_BYTES("answer", 6));
}

struct muster_addr net_bound(int fd)
{
    struct sockaddr_storage where;
    socklen_t len = sizeof where;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&where, &len), 0);
    return shell_addr((const struct sockaddr *)&where);
}

/* A free port for gossip (UDP and TCP alike would need luck; the tests use TCP's for streams). */
static void end_open(struct end *end, struct world *w)
{
    struct shell_ports ports;
    struct muster_addr any;
    char why[256];
    assert_int_equal(muster_addr_parse(&any, "127.0.0.1:0", 0), MUSTER_OK);
    assert_int_equal(shell_ports_open(&ports, NULL, any, any, why, sizeof why), MUSTER_OK);
    end->world = w;
    end->gossip = net_bound(ports.gossip_tcp);
    end->peers = net_bound(ports.peers);
    assert_int_equal(shell_net_open(&end->net, &w->loop, end, end_event), MUSTER_OK);
    const struct shell_tls_config clear = { .takes_plain = true };
    assert_int_equal(shell_tls_open(&end->tls, &clear), MUSTER_OK);
    shell_links_open(&end->links, &end->net, &end->tls);
    shell_streams_open(&end->streams, &end->net);
    shell_checks_open(&end->checks, &end->net);
    shell_links_listen(&end->links, shell_port_take(&ports.peers));
    shell_streams_listen(&end->streams, shell_port_take(&ports.gossip_tcp));
    shell_udp_open(&end->udp, &end->net, shell_port_take(&ports.gossip_udp), false);
}

static void end_close(struct end *end)
{
    shell_links_close(&end->links);
    shell_streams_close(&end->streams);
    shell_checks_close(&end->checks);
    shell_udp_close(&end->udp);
}

static void end_forget(struct end *end)
{
    shell_net_close(&end->net);
    shell_tls_close(&end->tls);
    shell_cert_close(&end->cert);
    gossip_keyring_close(&end->ring);
}

static void too_long(uv_timer_t *timer)
{
    struct world *w = timer->data;
    w->is_over = true;
}

int net_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(uv_timer_init(&w->loop, &w->patience), 0);
    w->patience.data = w;
    (void)uv_timer_start(&w->patience, too_long, PATIENCE_S * 1000, 0);
    end_open(&w->a, w);
    end_open(&w->b, w);
    *state = w;
    return 0;
}

int net_teardown(void **state)
{
    struct world *w = *state;
    end_close(&w->a);
    end_close(&w->b);
    uv_close((uv_handle_t *)&w->patience, NULL);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(w->a.links.count, 0);
    assert_int_equal(w->a.streams.bytes, 0);
    end_forget(&w->a);
    end_forget(&w->b);
    free(w);
    return 0;
}

uint32_t count(const struct end *end, enum agent_event_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < end->count; i++)
        n += end->seen[i].kind == kind;
    return n;
}

const struct seen *last(const struct end *end, enum agent_event_kind kind)
{
    for (uint32_t i = end->count; i-- > 0;)
        if (end->seen[i].kind == kind)
            return &end->seen[i];
    return NULL;
}

void turn(struct world *w)
{
    shell_links_flush(&w->a.links);
    shell_links_flush(&w->b.links);
    (void)uv_run(&w->loop, UV_RUN_ONCE);
    assert_false(w->is_over);
}

void await(struct world *w, const struct end *end, enum agent_event_kind kind, uint32_t n)
{
    while (count(end, kind) < n)
        turn(w);
}

void rest(struct world *w, uint64_t ms)
{
    uint64_t until = shell_now().mono_ms + ms;
    while (shell_now().mono_ms < until) {
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        shell_links_flush(&w->a.links);
        shell_links_flush(&w->b.links);
        (void)usleep(1000);
    }
}

uint64_t soon(void)
{
    return shell_now().mono_ms + 5000;
}

int net_raw(struct muster_addr to)
{
    struct sockaddr_storage where;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    shell_sockaddr(&where, to, false);
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof(struct sockaddr_in)), 0);
    return fd;
}
