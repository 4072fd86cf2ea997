/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of news that ride on packets, ordered so that a packet takes from its front. */
#include "gossip/broadcast.h"

#include <string.h>

#include "gossip/envelope.h"

#define BROADCAST_NONE UINT32_MAX
#define BROADCAST_MISFITS                                                                          \
    32 /* entries too long for what is left of a packet before we stop looking */
#define BROADCAST_LEN_MIN  16 /* no message is shorter: less room than this ends the search too */
#define BROADCAST_SENT_MAX 0x7fffu

_Static_assert(GOSSIP_MESSAGE_MAX + GOSSIP_PACKET_PART_COST + GOSSIP_PACKET_COMPOUND <=
                   GOSSIP_PACKET_ROOM - GOSSIP_ENVELOPE_COST,
               "every broadcast must fit into a packet, or it would wait for ever");

static uint32_t queue_capacity(uint32_t owners)
{
    return owners < GOSSIP_BROADCASTS_MAX ? owners : GOSSIP_BROADCASTS_MAX;
}

size_t gossip_queue_memory(uint32_t owners)
{
    size_t capacity = queue_capacity(owners);

    return gossip_blocks_memory((uint32_t)capacity) +
           capacity * (sizeof(struct gossip_broadcast) + sizeof(struct gossip_broadcast_place) +
                       sizeof(uint32_t)) +
           owners * sizeof(uint32_t) + 4 * 16;
}

int gossip_queue_init(struct gossip_queue *q, struct muster_arena *a, uint32_t owners)
{
    MUSTER_ASSERT(owners > 0);
    *q = (struct gossip_queue){ .capacity = queue_capacity(owners), .owners = owners };
    q->slot = muster_arena_take(a, q->capacity, sizeof *q->slot);
    q->order = muster_arena_take(a, q->capacity, sizeof *q->order);
    q->free = muster_arena_take(a, q->capacity, sizeof *q->free);
    q->slot_of_owner = muster_arena_take(a, owners, sizeof *q->slot_of_owner);
    if (q->slot == NULL || q->order == NULL || q->free == NULL || q->slot_of_owner == NULL)
        return MUSTER_EFULL;
    if (gossip_blocks_init(&q->blocks, a, q->capacity) != MUSTER_OK)
        return MUSTER_EFULL;
    q->free_count = q->capacity;
    for (uint32_t i = 0; i < q->capacity; i++)
        q->free[i] = q->capacity - 1 - i; /* low numbers first, so few pages are ever touched */
    for (uint32_t i = 0; i < owners; i++)
        q->slot_of_owner[i] = BROADCAST_NONE;
    return MUSTER_OK;
}

/* Urgent, then sent less often, then longer, then newer: as one number. */
static uint64_t broadcast_key(const struct gossip_broadcast *b)
{
    uint64_t sent = b->transmits < BROADCAST_SENT_MAX ? b->transmits : BROADCAST_SENT_MAX;
    uint64_t calm = b->is_urgent ? 0 : 1;

    return calm << 63 | sent << 48 | (uint64_t)(uint16_t)~b->len << 32 | (uint32_t)~b->arrival;
}

/* The first place whose key is not below this one. */
static uint32_t order_find(const struct gossip_queue *q, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = q->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (q->order[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void order_insert(struct gossip_queue *q, uint32_t slot)
{
    struct gossip_broadcast_place place = { broadcast_key(&q->slot[slot]), slot };
    uint32_t i = order_find(q, place.key);

    MUSTER_ASSERT(q->count < q->capacity);
    memmove(&q->order[i + 1], &q->order[i], (q->count - i) * sizeof place);
    q->order[i] = place;
    q->count++;
}

static void order_remove(struct gossip_queue *q, uint32_t slot)
{
    uint32_t i = order_find(q, broadcast_key(&q->slot[slot]));

    MUSTER_ASSERT(i < q->count);
    MUSTER_ASSERT(q->order[i].slot == slot);
    q->count--;
    memmove(&q->order[i], &q->order[i + 1], (q->count - i) * sizeof q->order[0]);
}

static void slot_give(struct gossip_queue *q, uint32_t slot)
{
    MUSTER_ASSERT(q->free_count < q->capacity);
    q->slot_of_owner[q->slot[slot].owner] = BROADCAST_NONE;
    q->free[q->free_count++] = slot;
}

/* A free slot; at the brim that of the news sent most often, which stands last. */
static uint32_t slot_take(struct gossip_queue *q)
{
    if (q->free_count == 0) {
        MUSTER_ASSERT(q->count > 0);
        q->count--;
        q->shed++;
        slot_give(q, q->order[q->count].slot);
    }
    return q->free[--q->free_count];
}

struct muster_bytes gossip_queue_put(struct gossip_queue *q, uint32_t owner,
                                     struct muster_bytes message, bool is_urgent)
{
    struct gossip_broadcast *b;
    uint32_t slot;

    MUSTER_ASSERT(message.len > 0);
    MUSTER_ASSERT(message.len <= GOSSIP_MESSAGE_MAX);
    gossip_queue_drop(q, owner);
    slot = slot_take(q);
    b = &q->slot[slot];
    b->owner = owner;
    b->arrival = ++q->arrivals;
    b->transmits = 0;
    b->is_urgent = is_urgent;
    if (b->bytes != NULL) /* of the slot's last news; a packet may have pointed to it until now */
        gossip_blocks_give(&q->blocks, b->bytes, b->len);
    b->len = (uint16_t)message.len;
    b->bytes = gossip_blocks_take(&q->blocks, message.len);
    MUSTER_ASSERT(b->bytes != NULL);
    memcpy(b->bytes, message.data, message.len);
    q->slot_of_owner[owner] = slot;
    order_insert(q, slot);
    return MUSTER_BYTES(b->bytes, b->len);
}

void gossip_queue_drop(struct gossip_queue *q, uint32_t owner)
{
    uint32_t slot;

    MUSTER_ASSERT(owner < q->owners);
    slot = q->slot_of_owner[owner];
    if (slot == BROADCAST_NONE)
        return;
    order_remove(q, slot);
    slot_give(q, slot);
}

bool gossip_queue_has(const struct gossip_queue *q, uint32_t owner)
{
    MUSTER_ASSERT(owner < q->owners);
    return q->slot_of_owner[owner] != BROADCAST_NONE;
}

/* Puts what fits into the packet and closes the gaps in the order. Returns how many were taken. */
static uint32_t order_pick(struct gossip_queue *q, struct gossip_parts *parts, uint32_t *taken)
{
    uint32_t count = 0;
    uint32_t kept = 0;
    uint32_t i;

    for (i = 0; i < q->count && kept < BROADCAST_MISFITS; i++) {
        const struct gossip_broadcast *b = &q->slot[q->order[i].slot];

        if (parts->room - parts->size < BROADCAST_LEN_MIN)
            break;
        if (gossip_parts_add(parts, MUSTER_BYTES(b->bytes, b->len)))
            taken[count++] = q->order[i].slot;
        else
            q->order[kept++] = q->order[i];
    }
    memmove(&q->order[kept], &q->order[i], (q->count - i) * sizeof q->order[0]);
    q->count -= count;
    MUSTER_ASSERT(count <= GOSSIP_PACKET_PARTS);
    return count;
}

void gossip_queue_take(struct gossip_queue *q, struct gossip_parts *parts, uint32_t transmits_max)
{
    uint32_t taken[GOSSIP_PACKET_PARTS];
    uint32_t count = order_pick(q, parts, taken);

    for (uint32_t i = 0; i < count; i++) {
        struct gossip_broadcast *b = &q->slot[taken[i]];

        b->transmits++;
        if (b->transmits >= transmits_max)
            slot_give(q, taken[i]);
        else
            order_insert(q, taken[i]);
    }
}

bool gossip_queue_is_sane(const struct gossip_queue *q)
{
    if (q->count + q->free_count != q->capacity)
        return false;
    for (uint32_t i = 0; i < q->count; i++) {
        const struct gossip_broadcast *b = &q->slot[q->order[i].slot];

        if (q->order[i].key != broadcast_key(b) ||
            (i > 0 && q->order[i - 1].key >= q->order[i].key))
            return false;
        if (q->slot_of_owner[b->owner] != q->order[i].slot)
            return false;
    }
    return true;
}
