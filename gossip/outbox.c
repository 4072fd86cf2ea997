/* SPDX-License-Identifier: Apache-2.0 */
/* The effects of a step and the bytes they carry, kept until the next step. */
#include "gossip/outbox.h"

size_t gossip_outbox_memory(void)
{
    return GOSSIP_OUTBOX_EFFECTS * sizeof(struct gossip_effect) + GOSSIP_OUTBOX_BYTES + 32;
}

int gossip_outbox_init(struct gossip_outbox *o, struct muster_arena *a)
{
    *o = (struct gossip_outbox){ 0 };
    o->effect = muster_arena_take(a, GOSSIP_OUTBOX_EFFECTS, sizeof *o->effect);
    o->bytes = muster_arena_take(a, GOSSIP_OUTBOX_BYTES, 1);
    return o->effect == NULL || o->bytes == NULL ? MUSTER_EFULL : MUSTER_OK;
}

void gossip_outbox_clear(struct gossip_outbox *o)
{
    MUSTER_ASSERT(o->count == 0); /* the last step was drained */
    muster_arena_rest(o->bytes, o->used);
    o->head = 0;
    o->used = 0;
}

uint8_t *gossip_outbox_room(struct gossip_outbox *o, size_t size)
{
    MUSTER_ASSERT(o->used <= GOSSIP_OUTBOX_BYTES);
    return size > GOSSIP_OUTBOX_BYTES - o->used ? NULL : o->bytes + o->used;
}

void gossip_outbox_commit(struct gossip_outbox *o, size_t size)
{
    MUSTER_ASSERT(size <= GOSSIP_OUTBOX_BYTES - o->used);
    o->used += size;
}

bool gossip_outbox_add_packet(struct gossip_outbox *o, struct muster_addr to,
                              struct muster_bytes bytes)
{
    struct gossip_effect effect = { .kind = GOSSIP_EFFECT_SEND, .to = to, .bytes = bytes };

    MUSTER_ASSERT(bytes.len <= GOSSIP_PACKET_MAX);
    if (o->count >= GOSSIP_OUTBOX_EFFECTS - GOSSIP_OUTBOX_RESERVED)
        return false;
    gossip_outbox_add(o, &effect);
    return true;
}

void gossip_outbox_add(struct gossip_outbox *o, const struct gossip_effect *effect)
{
    MUSTER_ASSERT(o->count < GOSSIP_OUTBOX_EFFECTS);
    o->effect[(o->head + o->count) % GOSSIP_OUTBOX_EFFECTS] = *effect;
    o->count++;
}

bool gossip_outbox_next(struct gossip_outbox *o, struct gossip_effect *effect)
{
    if (o->count == 0)
        return false;
    *effect = o->effect[o->head];
    o->head = (o->head + 1) % GOSSIP_OUTBOX_EFFECTS;
    o->count--;
    return true;
}
