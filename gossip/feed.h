/* Feed: one stream message, read piece by piece whether it is packed or not.
 *
 * A plain message may still be arriving: MUSTER_ESHORT says "not yet". A packed one is there as a
 * whole (its length stands in front) and is unpacked into a small window as it is read, so that a
 * table of any size costs no memory; then MUSTER_ECORRUPT says what is wrong with it.
 *
 * memory   borrows the bytes, a decoder and a window; what is read lives until the next read
 * threads  one user each
 * source   docs/protocol.md, "Streams"
 */
#ifndef MUSTER_GOSSIP_FEED_H
#define MUSTER_GOSSIP_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "gossip/codec.h"
#include "gossip/lzw.h"

#define GOSSIP_FEED_WINDOW    (64u << 10)   /* unpacked bytes held at a time */
#define GOSSIP_FEED_EXPANSION (40ull << 20) /* bytes a message may unpack to */

struct gossip_feed {
    struct muster_bytes plain; /* the message, or its part in the window */
    size_t offset;             /* read of `plain` so far */
    uint64_t unpacked;
    size_t
        first; /* bytes of the first fill: while there was no other, all of it is in the window */
    struct gossip_lzw_decoder *decoder;
    uint8_t *window;
    bool is_packed;
};

/* Opens the wrapper, if there is one. */
MUSTER_MUST_USE int gossip_feed_open(struct gossip_feed *f, struct muster_bytes bytes,
                                     struct gossip_lzw_decoder *decoder, uint8_t *window);

/* Back to the beginning of the same bytes; what is in the window as a whole is not unpacked again.
 */
MUSTER_MUST_USE int gossip_feed_again(struct gossip_feed *f, struct muster_bytes bytes);

/* The type byte of what is next; -1 while there is none. */
int gossip_feed_type(struct gossip_feed *f);

MUSTER_MUST_USE int gossip_feed_message(struct gossip_feed *f, struct gossip_message *m);
MUSTER_MUST_USE int gossip_feed_entry(struct gossip_feed *f, struct gossip_entry *e);
MUSTER_MUST_USE int gossip_feed_skip(struct gossip_feed *f, size_t len);

/* What is next, as far as it is there: up to `len` bytes, and not more than the window. */
struct muster_bytes gossip_feed_peek(struct gossip_feed *f, size_t len);

/* Checks that a packed message ends as it should; a plain one may have bytes behind it. */
MUSTER_MUST_USE int gossip_feed_end(struct gossip_feed *f);

#endif
