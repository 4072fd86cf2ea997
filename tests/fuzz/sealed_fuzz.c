/* SPDX-License-Identifier: Apache-2.0 */
/* A gossip core with keys, a label and manners for serf, as a stranger meets it, and as somebody
 * does who has the key and means harm. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gossip/envelope.h"
#include "gossip/gossip.h"

#define FUZZ_STEPS_MAX 16
#define FUZZ_INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stage {
    struct gossip_keyring ring;
    struct gossip_envelope envelope;
    struct gossip_config config;
    uint64_t now_ms;
    uint8_t buffer[GOSSIP_ENVELOPE_HEAD + FUZZ_INPUT_MAX + GOSSIP_ENVELOPE_TAIL];
};

static void nonce_same(void *context, uint8_t *out)
{
    (void)context; /* the same every time, so that a finding can be repeated */
    memset(out, 7, MUSTER_AEAD_NONCE);
}

static void step(struct gossip *g, uint64_t now_ms, const struct gossip_event *event)
{
    struct gossip_effect effect;

    gossip_step(g, now_ms, event);
    while (gossip_next(g, &effect))
        MUSTER_ASSERT(effect.kind != GOSSIP_EFFECT_SEND || effect.bytes.len <= GOSSIP_PACKET_MAX);
    MUSTER_ASSERT(gossip_is_sane(g));
}

/* Puts our own envelope around what the input says. */
static struct muster_bytes seal(struct stage *s, const struct gossip_event *event)
{
    uint8_t *body = s->buffer + GOSSIP_ENVELOPE_HEAD;

    if (event->bytes.len > 0)
        memcpy(body, event->bytes.data, event->bytes.len);
    return event->kind == GOSSIP_EVENT_PACKET
               ? gossip_envelope_close_packet(&s->envelope, body, event->bytes.len)
               : gossip_envelope_close_stream(&s->envelope, body, event->bytes.len, event->inbound);
}

/* An input is a row of events: a byte that says which, a byte of time, two of length, the bytes. */
static bool event_take(struct stage *s, const uint8_t **at, size_t *left,
                       struct gossip_event *event)
{
    static const enum gossip_event_kind kinds[] = { GOSSIP_EVENT_PACKET, GOSSIP_EVENT_STREAM_DATA,
                                                    GOSSIP_EVENT_STREAM_DATA, GOSSIP_EVENT_JOIN };
    const uint8_t *head = *at;
    size_t len;

    if (*left < 4)
        return false;
    *at += 4;
    *left -= 4;
    len = (size_t)head[2] << 8 | head[3];
    len = len < *left ? len : *left;
    memset(event, 0, sizeof *event);
    event->kind = kinds[head[0] & 3u];
    event->inbound = (head[0] & 3u) == 1;
    event->ended = (head[0] & 4u) != 0;
    event->stream = 1;
    event->from = (struct muster_addr){ { 10, 0, 0, (uint8_t)(head[0] >> 4) }, 4, 7946 };
    event->bytes = MUSTER_BYTES(*at, len);
    if ((head[0] & 8u) == 0 && event->kind != GOSSIP_EVENT_JOIN)
        event->bytes = seal(s, event);
    s->now_ms += (uint64_t)head[1] * 16;
    *at += len;
    *left -= len;
    return true;
}

static void stage_open(struct stage *s)
{
    static const uint8_t key[2][16] = { { 1 }, { 2 } };
    int err = gossip_keyring_install(&s->ring, MUSTER_BYTES(key[0], 16));

    if (err == MUSTER_OK)
        err = gossip_keyring_install(&s->ring, MUSTER_BYTES(key[1], 16));
    MUSTER_ASSERT(err == MUSTER_OK);
    s->config = (struct gossip_config){ .name = "self",
                                        .members_max = 4,
                                        .seed = 7,
                                        .delegate = { 2, 5, 5 },
                                        .keyring = &s->ring,
                                        .nonce = nonce_same,
                                        .label = "blue",
                                        .serf = true };
    gossip_config_lan(&s->config);
    s->config.advertise = (struct muster_addr){ { 10, 0, 0, 1 }, 4, 7946 };
    gossip_envelope_init(&s->envelope, &s->config);
    s->now_ms = 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage s;
    const struct gossip_event leave = { .kind = GOSSIP_EVENT_LEAVE };
    struct muster_arena arena;
    struct gossip *g;
    struct gossip_event event;
    int err;

    stage_open(&s);
    err = muster_arena_open(&arena, gossip_memory(&s.config));
    if (err == MUSTER_OK)
        err = gossip_open(&g, &arena, &s.config);
    MUSTER_ASSERT(err == MUSTER_OK);
    for (int i = 0; i < FUZZ_STEPS_MAX && event_take(&s, &data, &size, &event); i++)
        step(g, s.now_ms, &event);
    step(g, s.now_ms, &leave);
    step(g, s.now_ms + 1000, &(struct gossip_event){ .kind = GOSSIP_EVENT_TICK });
    gossip_close(g);
    muster_arena_close(&arena);
    gossip_keyring_close(&s.ring);
    return 0;
}
