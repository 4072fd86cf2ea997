/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a datagram: taken off one by one on the way in, put on in order on the way out. */
#include "gossip/packet.h"

#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/wire.h"
#include "gossip/codec.h"

#define PACKET_ALGO_LZW 0

static uint32_t big_endian(const uint8_t *at, size_t len)
{
    uint32_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

static void big_endian_write(uint8_t *at, size_t len, uint32_t value)
{
    for (size_t i = len; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* ---- in ---- */

static void packet_fail(struct gossip_packet *p, enum gossip_packet_err err)
{
    if (p->err == GOSSIP_PACKET_OK)
        p->err = err;
}

void gossip_packet_open(struct gossip_packet *p, struct muster_bytes bytes, uint8_t *scratch,
                        struct gossip_lzw_decoder *decoder)
{
    p->whole = bytes;
    p->depth = 0;
    p->level = 0;
    p->scratch = scratch;
    p->scratch_used = 0;
    p->decoder = decoder;
    p->err = GOSSIP_PACKET_OK;
    if (bytes.len < GOSSIP_PACKET_CRC_LEN || bytes.data[0] != GOSSIP_TYPE_CRC)
        return;
    p->whole = MUSTER_BYTES(bytes.data + GOSSIP_PACKET_CRC_LEN, bytes.len - GOSSIP_PACKET_CRC_LEN);
    if (muster_crc32(0, p->whole) != big_endian(bytes.data + 1, 4)) {
        p->whole.len = 0;
        packet_fail(p, GOSSIP_PACKET_BAD_CRC);
    }
}

/* The next part of the innermost compound. A part that runs over the end takes the rest with it. */
static bool frame_next(struct gossip_packet *p, struct muster_bytes *item)
{
    struct gossip_packet_frame *f = &p->frame[p->depth - 1];
    size_t len;

    if (f->left == 0)
        return false;
    len = big_endian(f->lens, 2);
    if (len > (size_t)(f->end - f->at)) {
        f->left = 0;
        packet_fail(p, GOSSIP_PACKET_MALFORMED);
        return false;
    }
    *item = MUSTER_BYTES(f->at, len);
    f->at += len;
    f->lens += 2;
    f->left--;
    p->level = f->level;
    return true;
}

static bool packet_item(struct gossip_packet *p, struct muster_bytes *item)
{
    if (p->whole.len > 0) {
        *item = p->whole;
        p->whole.len = 0;
        return true;
    }
    while (p->depth > 0) {
        if (frame_next(p, item))
            return true;
        p->depth--;
    }
    return false;
}

static void packet_unfold(struct gossip_packet *p, struct muster_bytes item)
{
    struct gossip_packet_frame *f = &p->frame[p->depth];
    size_t table;

    if (p->level == GOSSIP_PACKET_NESTING || item.len < GOSSIP_PACKET_COMPOUND ||
        item.len - GOSSIP_PACKET_COMPOUND < (size_t)item.data[1] * GOSSIP_PACKET_PART_COST) {
        packet_fail(p, GOSSIP_PACKET_MALFORMED);
        return;
    }
    MUSTER_ASSERT(p->depth < GOSSIP_PACKET_NESTING);
    table = (size_t)item.data[1] * GOSSIP_PACKET_PART_COST;
    f->left = item.data[1];
    f->lens = item.data + GOSSIP_PACKET_COMPOUND;
    f->at = f->lens + table;
    f->end = item.data + item.len;
    f->level = p->level + 1;
    p->depth++;
}

/* What is unpacked stays in the scratch until the packet is done, since messages point into it; so
 * the scratch is also the limit on what all layers together may grow to. */
static void packet_unpack(struct gossip_packet *p, struct muster_bytes item)
{
    struct muster_reader in = muster_reader_over(item);
    struct gossip_message m;
    uint8_t *out = p->scratch + p->scratch_used;
    size_t len = 0;

    if (p->level == GOSSIP_PACKET_NESTING || gossip_message_decode(&m, &in) != MUSTER_OK ||
        m.packed.algo != PACKET_ALGO_LZW ||
        gossip_lzw_expand(p->decoder, m.packed.buffer, out,
                          GOSSIP_PACKET_EXPANSION - p->scratch_used, &len) != MUSTER_OK) {
        packet_fail(p, GOSSIP_PACKET_MALFORMED);
        return;
    }
    p->scratch_used += len;
    p->whole = MUSTER_BYTES(out, len);
    p->level++;
}

static bool type_is_message(uint8_t type)
{
    switch (type) {
    case GOSSIP_TYPE_PING:
    case GOSSIP_TYPE_INDIRECT:
    case GOSSIP_TYPE_ACK:
    case GOSSIP_TYPE_SUSPECT:
    case GOSSIP_TYPE_ALIVE:
    case GOSSIP_TYPE_DEAD:
    case GOSSIP_TYPE_USER:
    case GOSSIP_TYPE_NACK:
        return true;
    default:
        return false;
    }
}

bool gossip_packet_next(struct gossip_packet *p, struct muster_bytes *message)
{
    struct muster_bytes item;

    while (packet_item(p, &item)) {
        if (item.len == 0)
            packet_fail(p, GOSSIP_PACKET_MALFORMED);
        else if (item.data[0] == GOSSIP_TYPE_COMPOUND)
            packet_unfold(p, item);
        else if (item.data[0] == GOSSIP_TYPE_COMPRESS)
            packet_unpack(p, item);
        else if (!type_is_message(item.data[0]))
            packet_fail(p, GOSSIP_PACKET_BAD_TYPE);
        else {
            *message = item;
            return true;
        }
    }
    return false;
}

/* ---- out ---- */

void gossip_parts_init(struct gossip_parts *parts, size_t envelope)
{
    parts->count = 0;
    parts->size = GOSSIP_PACKET_COMPOUND;
    parts->room = GOSSIP_PACKET_ROOM - envelope;
}

bool gossip_parts_add(struct gossip_parts *parts, struct muster_bytes message)
{
    size_t cost = message.len + GOSSIP_PACKET_PART_COST;

    MUSTER_ASSERT(parts->size <= parts->room);
    if (parts->count == GOSSIP_PACKET_PARTS || cost > parts->room - parts->size)
        return false;
    parts->part[parts->count++] = message;
    parts->size += cost;
    return true;
}

/* One part as it is, several as a compound. */
static size_t parts_write(const struct gossip_parts *parts, uint8_t *out)
{
    uint8_t *lens = out + GOSSIP_PACKET_COMPOUND;
    uint8_t *at = lens + (size_t)parts->count * GOSSIP_PACKET_PART_COST;

    if (parts->count == 1) {
        memcpy(out, parts->part[0].data, parts->part[0].len);
        return parts->part[0].len;
    }
    out[0] = GOSSIP_TYPE_COMPOUND;
    out[1] = (uint8_t)parts->count;
    for (uint32_t i = 0; i < parts->count; i++) {
        big_endian_write(lens, 2, (uint32_t)parts->part[i].len);
        lens += 2;
        memcpy(at, parts->part[i].data, parts->part[i].len);
        at += parts->part[i].len;
    }
    return (size_t)(at - out);
}

/* The length of the packed form if that is smaller, else the body stays as it is. */
static size_t body_pack(struct gossip_lzw_encoder *encoder, uint8_t *body, size_t len)
{
    uint8_t packed[GOSSIP_PACKET_MAX];
    struct gossip_message m = { .type = GOSSIP_TYPE_COMPRESS };
    struct muster_writer out = muster_writer_over(body, len - 1);
    size_t packed_len;

    if (gossip_lzw_compress(encoder, MUSTER_BYTES(body, len), packed, len - 1, &packed_len) !=
        MUSTER_OK)
        return len;
    m.packed.algo = PACKET_ALGO_LZW;
    m.packed.buffer = MUSTER_BYTES(packed, packed_len);
    /* The wrapper costs some bytes too, and a body half overwritten could not be sent any more. */
    if (packed_len + GOSSIP_PACKET_WRAP_MAX >= len)
        return len;
    gossip_message_encode(&m, &out);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    return muster_writer_bytes(&out).len;
}

size_t gossip_parts_seal(const struct gossip_parts *parts, const struct gossip_seal *seal,
                         uint8_t *out)
{
    uint8_t *body = out + (seal->has_crc ? GOSSIP_PACKET_CRC_LEN : 0);
    size_t len;

    MUSTER_ASSERT(parts->count > 0);
    MUSTER_ASSERT(parts->size <= GOSSIP_PACKET_ROOM);
    len = parts_write(parts, body);
    if (seal->may_compress && len > GOSSIP_PACKET_PACK_AT_MIN)
        len = body_pack(seal->encoder, body, len);
    if (seal->has_crc) {
        out[0] = GOSSIP_TYPE_CRC;
        big_endian_write(out + 1, 4, muster_crc32(0, MUSTER_BYTES(body, len)));
        len += GOSSIP_PACKET_CRC_LEN;
    }
    MUSTER_ASSERT(len <= GOSSIP_PACKET_MAX);
    return len;
}
