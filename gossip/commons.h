/* Commons: what several cores of one thread may have together, since each needs it only within a
 * step and until its effects are drained: the buffers that messages are built and unpacked in, and
 * the faces of members. A core that is given none opens its own.
 *
 * memory   all of it from the arena at open; nothing is given back singly
 * errors   MUSTER_EFULL when the arena is too small
 * threads  one
 */
#ifndef MUSTER_GOSSIP_COMMONS_H
#define MUSTER_GOSSIP_COMMONS_H

#include "gossip/face.h"
#include "gossip/gossip.h"
#include "gossip/lzw.h"

struct gossip_commons {
    struct gossip_faces faces;
    struct gossip_lzw_encoder *encoder;
    struct gossip_lzw_decoder *decoder;
    uint8_t *scratch;      /* GOSSIP_PACKET_EXPANSION: what a packet unpacks to */
    uint8_t *window;       /* GOSSIP_FEED_WINDOW: what of a stream is unpacked now */
    uint8_t *table_plain;  /* a table on its way out: table_size each, and room for an envelope */
    uint8_t *table_packed; /* good until the next step */
    uint8_t *unsealed;     /* what was in an envelope; only with keys */
    size_t table_size, unsealed_size;
    size_t packed_len;    /* what table_packed holds; 0: nothing */
    uint64_t packed_hash; /* of what it was packed from */
};

/* Bytes of one stream message that we read, at most. */
size_t gossip_commons_stream_size(const struct gossip_config *c);

#endif
