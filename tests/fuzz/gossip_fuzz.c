/* SPDX-License-Identifier: Apache-2.0 */
/* A gossip core as a stranger meets it: any datagrams and any streams leave it sane. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gossip/gossip.h"

#define FUZZ_STEPS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct gossip *g, uint64_t now_ms, const struct gossip_event *event)
{
    struct gossip_effect effect;

    gossip_step(g, now_ms, event);
    while (gossip_next(g, &effect))
        MUSTER_ASSERT(effect.kind != GOSSIP_EFFECT_SEND || effect.bytes.len <= GOSSIP_PACKET_MAX);
    MUSTER_ASSERT(gossip_is_sane(g));
}

/* An input is a row of events: a byte that says which, a byte of time, two of length, the bytes. */
static bool event_take(const uint8_t **at, size_t *left, struct gossip_event *event,
                       uint64_t *now_ms)
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
    event->from = (struct muster_addr){ { 10, 0, 0, (uint8_t)(head[0] >> 3) }, 4, 7946 };
    event->bytes = MUSTER_BYTES(*at, len);
    *now_ms += (uint64_t)head[1] * 16;
    *at += len;
    *left -= len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gossip_config c = { .name = "self", .members_max = 4, .seed = 7, .serf = true };
    struct muster_arena arena;
    struct gossip *g;
    struct gossip_event event;
    uint64_t now_ms = 1000;
    int err;

    gossip_config_lan(&c);
    c.advertise = (struct muster_addr){ { 10, 0, 0, 1 }, 4, 7946 };
    c.delegate[1] = 5;
    err = muster_arena_open(&arena, gossip_memory(&c));
    if (err == MUSTER_OK)
        err = gossip_open(&g, &arena, &c);
    MUSTER_ASSERT(err == MUSTER_OK);
    for (int i = 0; i < FUZZ_STEPS_MAX && event_take(&data, &size, &event, &now_ms); i++)
        step(g, now_ms, &event);
    gossip_close(g);
    muster_arena_close(&arena);
    return 0;
}
