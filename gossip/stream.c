/* SPDX-License-Identifier: Apache-2.0 */
/* The table of exchanges under way, and the effects that begin and end them. */
#include "gossip/stream.h"

#include <string.h>

#include "base/clock.h"

/* The first deadline of all is kept, for every step asks for it. */
static void deadline_add(struct gossip *g, uint64_t deadline_ms)
{
    g->streams_ms =
        g->streams_open == 0 ? deadline_ms : muster_deadline_sooner(g->streams_ms, deadline_ms);
    g->streams_open++;
}

static void deadline_find(struct gossip *g)
{
    uint32_t left = g->streams_open;

    g->streams_ms = MUSTER_NEVER;
    for (uint32_t i = 0; left > 0; i++) {
        if (g->stream[i].kind == GOSSIP_STREAM_FREE)
            continue;
        g->streams_ms = muster_deadline_sooner(g->streams_ms, g->stream[i].deadline_ms);
        left--;
    }
}

static struct gossip_stream *stream_free(struct gossip *g, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        if (g->stream[i].kind == GOSSIP_STREAM_FREE)
            return &g->stream[i];
    }
    return NULL;
}

uint32_t gossip_stream_open_over(struct gossip *g, enum gossip_stream_kind kind,
                                 struct muster_addr to, struct muster_bytes bytes,
                                 uint64_t deadline_ms)
{
    struct gossip_stream *s = stream_free(g, 0, GOSSIP_STREAMS_OUT);
    struct gossip_effect effect = { .kind = GOSSIP_EFFECT_STREAM_OPEN, .to = to, .bytes = bytes };

    if (s == NULL) {
        g->counters.dropped_full++;
        return 0;
    }
    g->stream_number++;
    if (g->stream_number == 0)
        g->stream_number = 1; /* 0 says "none" */
    *s = (struct gossip_stream){ .number = g->stream_number, .kind = kind, .to = to };
    s->deadline_ms = deadline_ms;
    deadline_add(g, deadline_ms);
    effect.stream = s->number;
    effect.deadline_ms = deadline_ms;
    gossip_outbox_add(&g->outbox, &effect);
    return s->number;
}

/* Room for a body with its envelope, taken at once; NULL at the brim. */
static uint8_t *envelope_room(struct gossip *g, size_t len)
{
    size_t size = GOSSIP_ENVELOPE_HEAD + len + GOSSIP_ENVELOPE_TAIL;
    uint8_t *room = gossip_outbox_room(&g->outbox, size);

    if (room != NULL)
        gossip_outbox_commit(&g->outbox, size);
    return room;
}

uint32_t gossip_stream_open(struct gossip *g, enum gossip_stream_kind kind, struct muster_addr to,
                            struct muster_bytes bytes, uint64_t deadline_ms)
{
    uint8_t *room = envelope_room(g, bytes.len);

    if (room == NULL) {
        g->counters.dropped_full++;
        return 0;
    }
    memcpy(room + GOSSIP_ENVELOPE_HEAD, bytes.data, bytes.len);
    bytes =
        gossip_envelope_close_stream(&g->envelope, room + GOSSIP_ENVELOPE_HEAD, bytes.len, true);
    return gossip_stream_open_over(g, kind, to, bytes, deadline_ms);
}

struct gossip_stream *gossip_stream_find(struct gossip *g, uint32_t number, bool is_inbound)
{
    uint32_t first = is_inbound ? GOSSIP_STREAMS_OUT : 0;
    uint32_t count = is_inbound ? GOSSIP_STREAMS_IN : GOSSIP_STREAMS_OUT;

    for (uint32_t i = first; i < first + count; i++) {
        if (g->stream[i].kind != GOSSIP_STREAM_FREE && g->stream[i].number == number)
            return &g->stream[i];
    }
    return NULL;
}

struct gossip_stream *gossip_stream_accept(struct gossip *g, uint32_t number)
{
    struct gossip_stream *s = gossip_stream_find(g, number, true);

    if (s != NULL)
        return s;
    s = stream_free(g, GOSSIP_STREAMS_OUT, GOSSIP_STREAMS_IN);
    if (s == NULL)
        return NULL;
    *s = (struct gossip_stream){ .number = number, .kind = GOSSIP_STREAM_INBOUND };
    s->deadline_ms = muster_deadline_after(g->now_ms, g->config.stream_timeout_ms);
    deadline_add(g, s->deadline_ms);
    return s;
}

static void close_add(struct gossip *g, uint32_t number, bool is_inbound)
{
    struct gossip_effect effect = { .kind = GOSSIP_EFFECT_STREAM_CLOSE,
                                    .stream = number,
                                    .inbound = is_inbound };

    gossip_outbox_add(&g->outbox, &effect);
}

static void stream_give(struct gossip *g, struct gossip_stream *s)
{
    MUSTER_ASSERT(s->kind != GOSSIP_STREAM_FREE);
    MUSTER_ASSERT(g->streams_open > 0);
    s->kind = GOSSIP_STREAM_FREE;
    g->streams_open--;
    if (s->deadline_ms == g->streams_ms)
        deadline_find(g);
}

void gossip_stream_close(struct gossip *g, struct gossip_stream *s)
{
    close_add(g, s->number, s->kind == GOSSIP_STREAM_INBOUND);
    stream_give(g, s);
}

void gossip_stream_drop(struct gossip *g, uint32_t number)
{
    struct gossip_stream *s = gossip_stream_find(g, number, false);

    if (s != NULL)
        gossip_stream_close(g, s);
}

void gossip_stream_reply(struct gossip *g, struct gossip_stream *s, struct muster_bytes bytes)
{
    struct gossip_effect effect = {
        .kind = GOSSIP_EFFECT_STREAM_REPLY, .stream = s->number, .bytes = bytes, .inbound = true
    };

    MUSTER_ASSERT(s->kind == GOSSIP_STREAM_INBOUND);
    gossip_outbox_add(&g->outbox, &effect);
    stream_give(g, s);
}

void gossip_stream_answer(struct gossip *g, struct gossip_stream *s,
                          const struct gossip_message *message)
{
    uint8_t *room = envelope_room(g, GOSSIP_MESSAGE_MAX);
    struct muster_writer out;

    if (room == NULL) {
        gossip_stream_close(g, s);
        return;
    }
    out = muster_writer_over(room + GOSSIP_ENVELOPE_HEAD, GOSSIP_MESSAGE_MAX);
    gossip_message_encode(message, &out);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    gossip_stream_reply(g, s,
                        gossip_envelope_close_stream(&g->envelope, room + GOSSIP_ENVELOPE_HEAD,
                                                     muster_writer_bytes(&out).len, false));
}

void gossip_stream_refuse(struct gossip *g, uint32_t number)
{
    g->counters.dropped_full++;
    close_add(g, number, true);
}

struct gossip_stream *gossip_stream_overdue(struct gossip *g)
{
    if (!muster_deadline_reached(gossip_stream_deadline_ms(g), g->now_ms))
        return NULL;
    for (uint32_t i = 0; i < GOSSIP_STREAMS_OUT + GOSSIP_STREAMS_IN; i++) {
        struct gossip_stream *s = &g->stream[i];

        if (s->kind != GOSSIP_STREAM_FREE && muster_deadline_reached(s->deadline_ms, g->now_ms))
            return s;
    }
    return NULL;
}

uint64_t gossip_stream_deadline_ms(const struct gossip *g)
{
    return g->streams_open > 0 ? g->streams_ms : MUSTER_NEVER;
}
