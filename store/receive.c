/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from peers: opened, and their items handed to whom they concern. A frame ends at its first
 * fault; what stood before the fault was checked on its own and has been taken. */
#include "store/inside.h"

#define ITEM_FIELDS_MAX 16 /* with those a newer build may append */

static void item_take(struct store *s, uint16_t peer, uint32_t kind, uint64_t head,
                      struct muster_reader *r)
{
    switch (kind) {
    case STORE_ASK:
        store_ask_take(s, peer, r);
        return;
    case STORE_YES:
        store_yes_take(s, peer, r);
        return;
    case STORE_NO:
        store_no_take(s, peer, r);
        return;
    case STORE_PUT:
        store_put_take(s, peer, r);
        return;
    case STORE_PUT_OK:
        store_put_ok_take(s, peer, r);
        return;
    case STORE_BEAT:
        store_beat_take(s, peer, r, head);
        return;
    case STORE_BEAT_OK:
        store_beat_ok_take(s, peer, r, head);
        return;
    case STORE_PURGE:
        store_purge_take(s, peer, r);
        return;
    case STORE_FILL:
        store_fill_take(s, peer, r);
        return;
    case STORE_FILL_OK:
        store_fill_ok_take(s, peer, r);
        return;
    case STORE_LIST:
        store_list_take(s, peer, r);
        return;
    case STORE_LIST_OK:
        store_list_ok_take(s, peer, r);
        return;
    case STORE_WANT:
        store_want_take(s, peer, r);
        return;
    case STORE_WANT_OK:
        store_want_ok_take(s, peer, r);
        return;
    case STORE_YIELD:
        store_yield_take(s, peer, r);
        return;
    case STORE_UNCLAIM:
        store_unclaim_take(s, peer, r);
        return;
    default:
        muster_reader_fail(r, MUSTER_EUNSUPPORTED);
        return;
    }
}

/* Each item is an array of its own, so that what a newer build appends can be passed over here. */
static void items_take(struct store *s, uint16_t peer, uint32_t kind, uint64_t head,
                       struct muster_reader *r)
{
    uint32_t count = muster_read_array(r, UINT32_MAX);

    for (uint32_t i = 0; i < count && muster_reader_ok(r); i++) {
        struct muster_reader item = *r;
        struct muster_bytes whole = muster_read_raw_value(r);
        if (!muster_reader_ok(r))
            break;
        item.end = whole.data + whole.len;
        (void)muster_read_array(&item, ITEM_FIELDS_MAX);
        item_take(s, peer, kind, head, &item);
        if (!muster_reader_ok(&item))
            muster_reader_fail(r, item.err);
    }
}

void store_receive(struct store *s, const struct store_event *event)
{
    struct muster_reader r = muster_reader_over(event->bytes);
    uint16_t peer = store_peer_find(s, event->peer);

    s->counters.frames_in++;
    /* A disk that refuses our batches makes us no witness of anything (R53). */
    bool is_void = peer == STORE_NOBODY || peer == 0 || s->is_sick || s->is_over ||
                   !s->is_started || !s->peer[peer].is_connected ||
                   s->peer[peer].boot != event->boot;
    if (s->is_sick && s->is_started)
        MUSTER_MARK(frame_for_the_sick);
    if (is_void || event->bytes.len > STORE_FRAME_MAX) {
        s->counters.frames_dropped++;
        return;
    }
    muster_read_array_of(&r, 3);
    uint32_t kind = muster_read_u32(&r);
    uint64_t head = muster_read_u64(&r);
    items_take(s, peer, kind, head, &r);
    if (muster_reader_end(&r) != MUSTER_OK) {
        s->counters.frames_dropped++;
        STORE_TRACE(s, "drops a frame of kind %u", kind);
    }
}
