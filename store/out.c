/* SPDX-License-Identifier: Apache-2.0 */
/* Items on their way out: kept per peer and lane, and turned into as few frames as they fit. */
#include "store/inside.h"

/* Votes and beats must not wait behind rows; rows and purges keep their order (section 6); what
 * catches up must not hold up writes. */
static enum store_lane lane_of(uint32_t kind)
{
    switch (kind) {
    case STORE_PUT:
    case STORE_PUT_OK:
    case STORE_PURGE:
    case STORE_UNCLAIM:
        return STORE_LANE_WRITES;
    case STORE_FILL:
    case STORE_FILL_OK:
    case STORE_LIST:
    case STORE_LIST_OK:
    case STORE_WANT:
    case STORE_WANT_OK:
        return STORE_LANE_FILLS;
    default:
        return STORE_LANE_BEATS;
    }
}

struct store_item *store_item_new(struct store *s, uint32_t kind, const struct store_bucket *b,
                                  uint16_t peer)
{
    if (kind < STORE_MESSAGE_LAST && !store_peer_is_linked(s, peer))
        return NULL;
    struct store_item *item = muster_pool_take(&s->items);
    if (item == NULL) {
        s->counters.frames_dropped++; /* every message is repeated or asked for again in time */
        return NULL;
    }
    item->kind = (uint8_t)kind;
    item->peer = peer;
    item->link = peer == STORE_NOBODY ? 0 : s->peer[peer].link;
    item->bucket = b == NULL ? 0 : b->number;
    return item;
}

void store_item_free(struct store *s, struct store_item *item)
{
    store_value_drop(item->value);
    if (item->proposal != NULL) {
        MUSTER_ASSERT(item->proposal->refs > 0);
        item->proposal->refs--;
        store_proposal_free(s, item->proposal);
    }
    muster_pool_give(&s->items, item);
}

void store_send(struct store *s, struct store_item *item)
{
    if (item == NULL)
        return;
    struct store_peer *p = &s->peer[item->peer];
    if (!p->is_connected || p->link != item->link) {
        store_item_free(s, item);
        return;
    }
    struct store_queue *lane = &p->lane[lane_of(item->kind)];
    item->next = NULL;
    if (lane->last == NULL)
        lane->first = item;
    else
        lane->last->next = item;
    lane->last = item;
    if (!p->is_ready) {
        p->is_ready = true;
        p->next_ready = s->first_ready;
        s->first_ready = item->peer;
    }
}

void store_answer(struct store *s, const struct store_bucket *b, struct store_item *item)
{
    if (item == NULL)
        return;
    if (store_is_on_disk(s, b))
        store_send(s, item);
    else
        store_batch_wait(s, item);
}

void store_refuse(struct store *s, const struct store_bucket *b, uint16_t peer,
                  struct store_reign asked)
{
    struct store_item *item = store_item_new(s, STORE_NO, b, peer);

    if (item == NULL)
        return;
    item->reign = asked.packed;
    item->version = b->promised.packed;
    item->number =
        store_lease_holds(s, b) || (b->keeper != STORE_NOBODY && s->now.mono_ms < b->calm_ms);
    if (b->bench_row != NULL)
        item->value = store_value_keep(b->bench_row);
    store_answer(s, b, item);
}

void store_lanes_clear(struct store *s, uint16_t peer)
{
    for (uint32_t i = 0; i < STORE_LANES; i++) {
        struct store_queue *lane = &s->peer[peer].lane[i];
        while (lane->first != NULL) {
            struct store_item *item = lane->first;
            lane->first = item->next;
            store_item_free(s, item);
        }
        lane->last = NULL;
    }
}

/* Encodes items of one kind and head into the writer; the number of items that fitted. */
static uint32_t frame_fill(struct store *s, struct store_queue *lane, struct muster_writer *w)
{
    const struct store_item *first = lane->first;
    uint64_t head = store_item_head(first);
    uint32_t kind = first->kind, count = 0;

    muster_write_array(w, 3);
    muster_write_u64(w, kind);
    muster_write_u64(w, head);
    uint8_t *mark = muster_write_array_open(w);
    while (lane->first != NULL && lane->first->kind == kind &&
           store_item_head(lane->first) == head && (count == 0 || !MUSTER_RARE(frame_split))) {
        struct store_item *item = lane->first;
        uint8_t *before = w->at;
        store_item_encode(s, w, item);
        if (muster_writer_err(w) != MUSTER_OK) {
            w->err = MUSTER_OK;
            w->at = before;
            break;
        }
        lane->first = item->next;
        if (lane->first == NULL)
            lane->last = NULL;
        store_item_free(s, item);
        count++;
    }
    muster_write_array_close(w, mark, count);
    return count;
}

/* True when there was no room for the next frame. */
static bool lane_flush(struct store *s, uint16_t peer, enum store_lane number)
{
    struct store_queue *lane = &s->peer[peer].lane[number];

    while (lane->first != NULL) {
        size_t left = STORE_OUT_BYTES - s->out_used;
        size_t size = left < STORE_FRAME_MAX ? left : STORE_FRAME_MAX;
        if (size < 64)
            return true;
        struct muster_writer w = muster_writer_over(s->out + s->out_used, size);
        if (frame_fill(s, lane, &w) == 0) {
            if (size < STORE_FRAME_MAX)
                return true;
            struct store_item *item = lane->first; /* larger than any frame may be */
            lane->first = item->next;
            if (lane->first == NULL)
                lane->last = NULL;
            store_item_free(s, item);
            s->counters.frames_dropped++;
            continue;
        }
        struct store_effect *e = store_say(s, STORE_EFFECT_FRAME, 0);
        e->to = s->peer[peer].id;
        e->lane = number;
        e->bytes = muster_writer_bytes(&w);
        s->out_used += e->bytes.len;
        s->counters.frames_out++;
    }
    return false;
}

bool store_out_flush(struct store *s)
{
    while (s->first_ready != STORE_NOBODY) {
        uint16_t peer = s->first_ready;
        for (uint32_t i = 0; i < STORE_LANES; i++) {
            if (lane_flush(s, peer, (enum store_lane)i))
                return true;
        }
        s->first_ready = s->peer[peer].next_ready;
        s->peer[peer].is_ready = false;
    }
    return false;
}
