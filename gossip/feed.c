/* SPDX-License-Identifier: Apache-2.0 */
/* A stream message read piece by piece, unpacked through a window if it is packed. */
#include "gossip/feed.h"

#include <string.h>

#define FEED_ALGO_LZW 0

/* Moves what is unread to the front and unpacks behind it. False when nothing could be added. */
static bool window_fill(struct gossip_feed *f)
{
    size_t unread = f->plain.len - f->offset;
    size_t len;

    if (!f->is_packed || unread == GOSSIP_FEED_WINDOW || f->unpacked > GOSSIP_FEED_EXPANSION)
        return false;
    memmove(f->window, f->window + f->offset, unread);
    len = gossip_lzw_read(f->decoder, f->window + unread, GOSSIP_FEED_WINDOW - unread);
    f->unpacked += len;
    f->offset = 0;
    f->plain = MUSTER_BYTES(f->window, unread + len);
    return len > 0;
}

int gossip_feed_open(struct gossip_feed *f, struct muster_bytes bytes,
                     struct gossip_lzw_decoder *decoder, uint8_t *window)
{
    struct muster_reader in = muster_reader_over(bytes);
    struct gossip_message m;
    int err;

    *f = (struct gossip_feed){ .plain = bytes, .decoder = decoder, .window = window };
    if (bytes.len == 0 || bytes.data[0] != GOSSIP_TYPE_COMPRESS)
        return MUSTER_OK;
    err = gossip_message_decode(&m, &in);
    if (err == MUSTER_ESHORT)
        return MUSTER_ESHORT;
    if (err != MUSTER_OK || m.packed.algo != FEED_ALGO_LZW)
        return MUSTER_ECORRUPT;
    f->is_packed = true;
    f->plain = MUSTER_BYTES(window, 0);
    gossip_lzw_open(decoder, m.packed.buffer);
    (void)window_fill(f);
    f->first = f->plain.len;
    return MUSTER_OK;
}

int gossip_feed_again(struct gossip_feed *f, struct muster_bytes bytes)
{
    if (f->is_packed && f->unpacked != f->first)
        return gossip_feed_open(f, bytes, f->decoder, f->window);
    f->offset = 0;
    if (f->is_packed)
        f->plain = MUSTER_BYTES(f->window, f->first);
    return MUSTER_OK;
}

int gossip_feed_type(struct gossip_feed *f)
{
    if (f->offset == f->plain.len && !window_fill(f))
        return -1;
    return f->plain.data[f->offset];
}

static struct muster_reader feed_reader(const struct gossip_feed *f)
{
    return muster_reader_over(MUSTER_BYTES(f->plain.data + f->offset, f->plain.len - f->offset));
}

/* Ends a read: moves on, or says whether more bytes could help. */
static int feed_result(struct gossip_feed *f, const struct muster_reader *in, int err, bool *again)
{
    *again = false;
    if (err == MUSTER_OK) {
        f->offset = (size_t)(in->at - f->plain.data);
        return MUSTER_OK;
    }
    if (err != MUSTER_ESHORT)
        return err;
    *again = window_fill(f);
    if (f->is_packed)
        return MUSTER_ECORRUPT;
    /* One piece that large is no member, and looking at it anew for every packet of it would be
     * work without end. */
    return f->plain.len - f->offset > GOSSIP_FEED_WINDOW ? MUSTER_ELIMIT : MUSTER_ESHORT;
}

int gossip_feed_message(struct gossip_feed *f, struct gossip_message *m)
{
    bool again;
    int err;

    do {
        struct muster_reader in = feed_reader(f);

        err = gossip_message_decode(m, &in);
        err = feed_result(f, &in, err, &again);
    } while (again);
    return err;
}

int gossip_feed_entry(struct gossip_feed *f, struct gossip_entry *e)
{
    bool again;
    int err;

    do {
        struct muster_reader in = feed_reader(f);

        err = gossip_entry_decode(e, &in);
        err = feed_result(f, &in, err, &again);
    } while (again);
    return err;
}

int gossip_feed_skip(struct gossip_feed *f, size_t len)
{
    while (len > f->plain.len - f->offset) {
        if (!f->is_packed)
            return MUSTER_ESHORT;
        len -= f->plain.len - f->offset;
        f->offset = f->plain.len;
        if (!window_fill(f))
            return MUSTER_ECORRUPT;
    }
    f->offset += len;
    return MUSTER_OK;
}

struct muster_bytes gossip_feed_peek(struct gossip_feed *f, size_t len)
{
    while (f->plain.len - f->offset < len && window_fill(f))
        ;
    if (len > f->plain.len - f->offset)
        len = f->plain.len - f->offset;
    return MUSTER_BYTES(f->plain.data + f->offset, len);
}

int gossip_feed_end(struct gossip_feed *f)
{
    if (!f->is_packed)
        return MUSTER_OK;
    do
        f->offset = f->plain.len;
    while (window_fill(f));
    return f->decoder->is_ended && f->unpacked <= GOSSIP_FEED_EXPANSION ? MUSTER_OK
                                                                        : MUSTER_ECORRUPT;
}
