/* SPDX-License-Identifier: Apache-2.0 */
/* A node as a peer meets it that has gone mad: two real nodes talk, and what one of them says is
 * bent, repeated, or made up on its way. The other stays sane.
 *
 * An input is a row of orders: time passes; a frame is made up; a byte of the next real frame, or
 * of the last one said again, becomes another. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/node.h"

#define MAILS      512
#define ORDERS_MAX 32
#define BENDS_MAX  8
#define JOIN_MS    4000 /* until both sit on every bench and a job runs */
#define WALL_MS    1750000000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct mail {
    uint32_t to;
    struct agent_event event;
    struct agent_guard_event guard;
    uint8_t *bytes; /* owned */
};

struct bend {
    uint16_t at;
    uint8_t value;
};

struct world {
    struct agent_node *node[2]; /* 0 is the sane one */
    uint64_t now_ms;
    struct mail mail[MAILS];
    uint32_t head, count;
    uint32_t link; /* on which node 0 hears the other; 0: none */
    struct bend bend[BENDS_MAX];
    uint32_t bends;
    uint8_t *last; /* the last frame of the mad one */
    size_t last_len;
    char job[32];
};

static struct muster_now now_of(const struct world *w)
{
    return (struct muster_now){ w->now_ms, WALL_MS + w->now_ms };
}

static void post(struct world *w, uint32_t to, const struct agent_event *event)
{
    if (w->count == MAILS)
        return; /* lost; a mad peer may say more than fits */
    struct mail *m = &w->mail[(w->head + w->count++) % MAILS];
    *m = (struct mail){ .to = to, .event = *event };
    if (event->bytes.len == 0)
        return;
    m->bytes = malloc(event->bytes.len); /* of exactly that size, for a sanitizer to see */
    MUSTER_ASSERT(m->bytes != NULL);
    memcpy(m->bytes, event->bytes.data, event->bytes.len);
    m->event.bytes.data = m->bytes;
}

static void guard_post(struct world *w, uint32_t to, const struct agent_guard_event *guard)
{
    const struct agent_event event = { .kind = AGENT_EVENT_GUARD };
    uint32_t before = w->count;
    post(w, to, &event);
    if (w->count > before)
        w->mail[(w->head + before) % MAILS].guard = *guard;
}

/* ---- what nodes want */

static void frame_post(struct world *w, uint32_t from, const struct agent_effect *e)
{
    struct agent_event event = { .kind = AGENT_EVENT_LINK_FRAME,
                                 .link = e->link ^ AGENT_LINK_INBOUND,
                                 .bytes = e->bytes };
    uint32_t before = w->count;
    post(w, 1 - from, &event);
    if (from == 0 || w->count == before || e->bytes.len == 0)
        return;
    uint8_t *bytes = w->mail[(w->head + before) % MAILS].bytes;
    for (uint32_t i = 0; i < w->bends; i++)
        bytes[w->bend[i].at % e->bytes.len] = w->bend[i].value;
    w->bends = 0;
    free(w->last);
    w->last = malloc(e->bytes.len);
    MUSTER_ASSERT(w->last != NULL);
    memcpy(w->last, bytes, e->bytes.len);
    w->last_len = e->bytes.len;
}

static void link_dialled(struct world *w, uint32_t from, const struct agent_effect *e)
{
    struct agent_event event = { .kind = AGENT_EVENT_LINK_OPENED, .link = e->link, .from = e->to };
    post(w, from, &event);
    event.link = e->link ^ AGENT_LINK_INBOUND;
    event.from.octet[3] = (uint8_t)(from + 1);
    post(w, 1 - from, &event);
    w->link = from == 0 ? e->link : event.link;
}

static void link_closed(struct world *w, uint32_t from, uint32_t link)
{
    struct agent_event event = { .kind = AGENT_EVENT_LINK_CLOSED, .link = link };
    post(w, from, &event);
    event.link ^= AGENT_LINK_INBOUND;
    post(w, 1 - from, &event);
    if (w->link == (from == 0 ? link : event.link))
        w->link = 0;
}

static void guard_perform(struct world *w, uint32_t from, const struct agent_effect *e)
{
    struct agent_guard_event g = { .news = AGENT_GUARD_STARTED, .pid = 7, .job = w->job };
    g.run = w->job;
    g.handle = e->kind == AGENT_EFFECT_GUARD_LAUNCH ? e->launch->handle : e->number;
    if (e->kind == AGENT_EFFECT_GUARD_LAUNCH) {
        guard_post(w, from, &g);
        g.news = AGENT_GUARD_READY;
    } else {
        g.news = AGENT_GUARD_EXITED;
        g.signal = 15;
    }
    guard_post(w, from, &g);
}

static void perform(struct world *w, uint32_t from, const struct agent_effect *e)
{
    struct agent_event event = { .from = { { 10, 0, 0, (uint8_t)(from + 1) }, 4, 7946 } };
    event.bytes = e->bytes;
    event.stream = e->stream;
    switch (e->kind) {
    case AGENT_EFFECT_SEND:
        event.kind = AGENT_EVENT_PACKET;
        post(w, 1 - from, &event);
        break;
    case AGENT_EFFECT_STREAM_OPEN:
        event.kind = AGENT_EVENT_STREAM_DATA;
        event.inbound = true;
        post(w, 1 - from, &event);
        break;
    case AGENT_EFFECT_STREAM_REPLY:
        event.kind = AGENT_EVENT_STREAM_DATA;
        event.ended = true;
        post(w, 1 - from, &event);
        break;
    case AGENT_EFFECT_LINK_DIAL:
        link_dialled(w, from, e);
        break;
    case AGENT_EFFECT_LINK_SEND:
        frame_post(w, from, e);
        break;
    case AGENT_EFFECT_LINK_CLOSE:
        link_closed(w, from, e->link);
        break;
    case AGENT_EFFECT_CHECK:
        event = (struct agent_event){ .kind = AGENT_EVENT_CHECKED, .link = e->link };
        post(w, from, &event);
        break;
    case AGENT_EFFECT_COMMIT:
        event = (struct agent_event){ .kind = AGENT_EVENT_COMMITTED, .batch = e->batch->number };
        post(w, from, &event);
        break;
    case AGENT_EFFECT_GUARD_LAUNCH:
    case AGENT_EFFECT_GUARD_STOP:
        guard_perform(w, from, e);
        break;
    default:
        break;
    }
}

static void drain(struct world *w, uint32_t node)
{
    struct agent_effect e;
    while (agent_node_next(w->node[node], &e))
        perform(w, node, &e);
}

static void step(struct world *w, uint32_t node, const struct agent_event *event)
{
    agent_node_step(w->node[node], now_of(w), event);
    drain(w, node);
    if (node == 0)
        MUSTER_ASSERT(agent_node_is_sane(w->node[0]));
}

/* ---- time */

static void mails_deliver(struct world *w)
{
    for (uint32_t i = 0; i < 16 * MAILS && w->count > 0; i++) {
        struct mail m = w->mail[w->head];
        w->head = (w->head + 1) % MAILS;
        w->count--;
        if (m.event.kind == AGENT_EVENT_GUARD)
            m.event.guard = &m.guard;
        step(w, m.to, &m.event);
        free(m.bytes);
    }
}

static void pass(struct world *w, uint64_t ms)
{
    const struct agent_event tick = { .kind = AGENT_EVENT_TICK };
    uint64_t end = w->now_ms + ms;
    while (w->now_ms < end) {
        mails_deliver(w);
        w->now_ms += 20;
        for (uint32_t i = 0; i < 2; i++)
            if (agent_node_deadline_ms(w->node[i]) <= w->now_ms)
                step(w, i, &tick);
    }
    mails_deliver(w);
}

/* ---- the beginning: a cluster of two, and a job that runs */

static void node_open(struct world *w, uint32_t i)
{
    static const char *const name[] = { "sane", "mad" };
    struct agent_node_config c;
    agent_node_config_default(&c);
    memset(c.self.octet, (int)i + 1, sizeof c.self.octet);
    memset(c.new_cluster.octet, 0xc1, sizeof c.new_cluster.octet);
    c.boot = 1;
    c.name = name[i];
    c.gossip_addr = (struct muster_addr){ { 10, 0, 0, (uint8_t)(i + 1) }, 4, 7946 };
    c.peer_port = 7947;
    c.slots = c.weight = 4;
    c.found = i == 0;
    c.seed_addr[0] = (struct muster_addr){ { 10, 0, 0, (uint8_t)(2 - i) }, 4, 7946 };
    c.seed_count = 1;
    c.ring_bits = 10;
    c.members_max = 4;
    c.rows_max = 32;
    c.runs_max = 8;
    c.buckets = 4;
    c.seed = i + 1;
    int err = agent_node_open(&w->node[i], &c);
    MUSTER_ASSERT(err == MUSTER_OK);
    agent_node_start(w->node[i], now_of(w));
    drain(w, i);
    const struct agent_guard_event scanned = { .news = AGENT_GUARD_SCANNED, .job = "", .run = "" };
    guard_post(w, i, &scanned);
}

static void job_put(struct world *w, const char *name, bool is_exclusive)
{
    char spec[128];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]%s}", name,
                   is_exclusive ? ",\"partition\":\"exclusive\"" : "");
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name, .number = w->now_ms };
    q.spec = muster_bytes_text(spec);
    const struct agent_event event = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    (void)snprintf(w->job, sizeof w->job, "%s", name);
    step(w, 0, &event);
}

static void begin(struct world *w)
{
    w->now_ms = 1000;
    node_open(w, 0);
    node_open(w, 1);
    pass(w, JOIN_MS);
    job_put(w, "one", false);
    pass(w, 500);
    job_put(w, "two", true);
    pass(w, 500);
    /* Else the madness would meet nobody. */
    struct agent_status s;
    agent_node_status(w->node[0], &s);
    MUSTER_ASSERT(w->link != 0);
    MUSTER_ASSERT(s.alive == 2);
    MUSTER_ASSERT(s.used_all >= 1);
}

static void end(struct world *w)
{
    while (w->count > 0) {
        free(w->mail[w->head].bytes);
        w->head = (w->head + 1) % MAILS;
        w->count--;
    }
    agent_node_close(w->node[0]);
    agent_node_close(w->node[1]);
    free(w->last);
}

/* ---- orders */

static bool take(const uint8_t **data, size_t *size, void *out, size_t len)
{
    if (*size < len)
        return false;
    memcpy(out, *data, len);
    *data += len;
    *size -= len;
    return true;
}

static void frame_make(struct world *w, struct muster_bytes bytes)
{
    const struct agent_event event = { .kind = AGENT_EVENT_LINK_FRAME,
                                       .link = w->link,
                                       .bytes = bytes };
    if (w->link != 0)
        post(w, 0, &event);
}

/* [kind][length or time][bytes], or [kind][place][place][value] for a bend. */
static bool order(struct world *w, const uint8_t **data, size_t *size)
{
    uint8_t head[2], bent[2];
    if (!take(data, size, head, 2))
        return false;
    switch (head[0] & 3) {
    case 0:
        pass(w, (uint64_t)head[1] * 20);
        return true;
    case 1: {
        size_t len = head[1] < *size ? head[1] : *size;
        frame_make(w, MUSTER_BYTES(*data, len));
        *data += len;
        *size -= len;
        return true;
    }
    default:
        break;
    }
    if (!take(data, size, bent, 2))
        return false;
    if ((head[0] & 3) == 2 && w->bends < BENDS_MAX)
        w->bend[w->bends++] = (struct bend){ (uint16_t)(head[1] << 8 | bent[0]), bent[1] };
    if ((head[0] & 3) == 3 && w->last_len > 0) {
        w->last[(size_t)(head[1] << 8 | bent[0]) % w->last_len] = bent[1];
        frame_make(w, MUSTER_BYTES(w->last, w->last_len));
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = calloc(1, sizeof *w);
    MUSTER_ASSERT(w != NULL);
    begin(w);
    for (int i = 0; i < ORDERS_MAX && order(w, &data, &size); i++)
        ;
    pass(w, 1000);
    end(w);
    free(w);
    return 0;
}
