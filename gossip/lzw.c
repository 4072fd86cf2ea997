/* SPDX-License-Identifier: Apache-2.0 */
/* LZW as memberlist peers write and read it: 8-bit literals, least significant bit first. */
#include "gossip/lzw.h"

#include <string.h>

#define LZW_CLEAR      256u
#define LZW_END        257u
#define LZW_WIDTH      9u
#define LZW_WIDTH_MAX  12u
#define LZW_LAST_CODE  (GOSSIP_LZW_CODES - 1u)
#define LZW_NO_CODE    GOSSIP_LZW_CODES
#define LZW_CODE_MASK  0xfffu
#define LZW_PIECE      8u  /* bytes that the decoder writes at once */
#define LZW_HASH_SHIFT 19u /* leaves 13 bits, the slots */

_Static_assert(GOSSIP_LZW_SLOTS == 1u << (32 - LZW_HASH_SHIFT), "the hash must cover the slots");

/* ---- encoder ---- */

/* Bits are collected in a word and written four bytes at a time. */
struct lzw_sink {
    uint8_t *at;
    uint8_t *end;
    uint64_t bits;
    uint32_t bit_count; /* below 32 between two codes */
    uint32_t width;
    uint32_t high; /* number of the newest string */
    bool is_full;
};

static void sink_bytes(struct lzw_sink *s, uint32_t n)
{
    for (; n > 0 && s->at < s->end; n--) {
        *s->at++ = (uint8_t)s->bits;
        s->bits >>= 8;
    }
    s->is_full |= n > 0;
}

static inline void sink_code(struct lzw_sink *s, uint32_t code)
{
    s->bits |= (uint64_t)code << s->bit_count;
    s->bit_count += s->width;
    if (s->bit_count < 32)
        return;
    s->bit_count -= 32;
    sink_bytes(s, 4);
}

static void encoder_clear(struct gossip_lzw_encoder *e)
{
    for (uint32_t i = 0; i < e->used_count; i++)
        e->slot[e->used[i]] = 0;
    e->used_count = 0;
}

/* Counts one code. False when the numbers were used up and the table has to start anew. */
static inline bool sink_count(struct lzw_sink *s, struct gossip_lzw_encoder *e)
{
    s->high++;
    if (s->high == 1u << s->width)
        s->width++;
    MUSTER_ASSERT(s->width <= LZW_WIDTH_MAX);
    if (s->high < LZW_LAST_CODE)
        return true;
    sink_code(s, LZW_CLEAR);
    s->width = LZW_WIDTH;
    s->high = LZW_END;
    encoder_clear(e);
    return false;
}

/* The slot that holds prefix + byte, or the free one where it belongs. */
static uint32_t *encoder_slot(struct gossip_lzw_encoder *e, uint32_t prefix, uint8_t byte)
{
    uint32_t key = prefix << 8 | byte;
    uint32_t i = (key * 0x9e3779b1u) >> LZW_HASH_SHIFT;

    while (e->slot[i] != 0 && e->slot[i] >> LZW_WIDTH_MAX != key)
        i = (i + 1) % GOSSIP_LZW_SLOTS;
    return &e->slot[i];
}

static void encoder_feed(struct gossip_lzw_encoder *e, struct lzw_sink *s,
                         struct muster_bytes plain)
{
    uint32_t code = plain.data[0];

    for (size_t i = 1; i < plain.len && !s->is_full; i++) {
        uint8_t byte = plain.data[i];
        uint32_t *slot = encoder_slot(e, code, byte);

        if (*slot != 0) {
            code = *slot & LZW_CODE_MASK;
            continue;
        }
        sink_code(s, code);
        /* A fresh table means that `slot` is no longer ours to fill. */
        if (sink_count(s, e)) {
            MUSTER_ASSERT(e->used_count < GOSSIP_LZW_CODES);
            *slot = (code << 8 | byte) << LZW_WIDTH_MAX | s->high;
            e->used[e->used_count++] = (uint16_t)(slot - e->slot);
        }
        code = byte;
    }
    sink_code(s, code);
    (void)sink_count(s, e);
}

int gossip_lzw_compress(struct gossip_lzw_encoder *e, struct muster_bytes plain, uint8_t *out,
                        size_t size, size_t *len)
{
    struct lzw_sink s = { .at = out, .end = out + size, .width = LZW_WIDTH, .high = LZW_END };

    encoder_clear(e);
    sink_code(&s, LZW_CLEAR);
    if (plain.len > 0)
        encoder_feed(e, &s, plain);
    sink_code(&s, LZW_END);
    sink_bytes(&s, (s.bit_count + 7) / 8);
    *len = (size_t)(s.at - out);
    return s.is_full ? MUSTER_EFULL : MUSTER_OK;
}

/* ---- decoder ---- */

static void decoder_clear(struct gossip_lzw_decoder *d)
{
    d->width = LZW_WIDTH;
    d->next = LZW_END;
    d->previous = LZW_NO_CODE;
}

/* They stay what they are: once a decoder is enough. */
static void decoder_literals(struct gossip_lzw_decoder *d)
{
    for (uint32_t i = 0; i < LZW_CLEAR; i++) {
        d->first[i] = (uint8_t)i;
        d->piece[i] = i;
        d->len[i] = 1;
    }
}

void gossip_lzw_open(struct gossip_lzw_decoder *d, struct muster_bytes packed)
{
    static const uint8_t nothing[1] = { 0 };

    d->at = packed.len == 0 ? nothing : packed.data; /* a nil field has no pointer to count from */
    d->end = d->at + packed.len;
    d->bits = 0;
    d->bit_count = 0;
    d->is_ended = false;
    d->err = MUSTER_OK;
    d->held_at = 0;
    d->held_len = 0;
    decoder_clear(d);
    if (d->len[0] != 1)
        decoder_literals(d);
}

/* False when the input ends before a whole code. */
static bool decoder_code(struct gossip_lzw_decoder *d, uint32_t *code)
{
    while (d->bit_count < d->width) {
        if (d->at == d->end)
            return false;
        d->bits |= (uint32_t)*d->at++ << d->bit_count;
        d->bit_count += 8;
    }
    *code = d->bits & ((1u << d->width) - 1);
    d->bits >>= d->width;
    d->bit_count -= d->width;
    return true;
}

/* String number `next` becomes the previous string plus one byte. */
static void decoder_add(struct gossip_lzw_decoder *d, uint8_t byte)
{
    MUSTER_ASSERT(d->next < GOSSIP_LZW_CODES);
    uint32_t had = d->len[d->previous] % LZW_PIECE; /* bytes of its last piece; 0: that is full */

    d->piece[d->next] = had == 0 ? byte : d->piece[d->previous] | (uint64_t)byte << 8 * had;
    d->before[d->next] = had == 0 ? (uint16_t)d->previous : d->before[d->previous];
    d->first[d->next] = d->first[d->previous];
    d->len[d->next] = (uint16_t)(d->len[d->previous] + 1);
}

/* Learns from a string code and counts it; false if no such string can exist yet. */
static bool decoder_learn(struct gossip_lzw_decoder *d, uint32_t code)
{
    bool is_first = d->previous == LZW_NO_CODE;

    if (code > d->next || (is_first && code >= LZW_CLEAR))
        return false;
    if (d->next < GOSSIP_LZW_CODES) {
        if (!is_first)
            decoder_add(d, code == d->next ? d->first[d->previous] : d->first[code]);
        d->next++;
        if (d->next == 1u << d->width && d->width < LZW_WIDTH_MAX)
            d->width++;
    }
    d->previous = code;
    return true;
}

static void piece_write(uint8_t *to, uint64_t piece)
{
    for (uint32_t i = 0; i < LZW_PIECE; i++)
        to[i] = (uint8_t)(piece >> 8 * i); /* compiles to one store */
}

/* Writes the string of `code` to `out`, and up to LZW_PIECE - 1 bytes of nothing behind it. */
static void decoder_spell(const struct gossip_lzw_decoder *d, uint32_t code, uint8_t *out)
{
    for (uint32_t at = (d->len[code] - 1u) / LZW_PIECE; at > 0; at--) {
        piece_write(out + at * LZW_PIECE, d->piece[code]);
        code = d->before[code];
    }
    piece_write(out, d->piece[code]);
}

static size_t decoder_unhold(struct gossip_lzw_decoder *d, uint8_t *out, size_t size)
{
    size_t len = d->held_len - d->held_at;

    if (len > size)
        len = size;
    if (len == 0)
        return 0;
    memcpy(out, d->held + d->held_at, len);
    d->held_at += (uint32_t)len;
    return len;
}

static void decoder_stop(struct gossip_lzw_decoder *d, int err)
{
    d->err = err;
    d->is_ended = err == MUSTER_OK;
}

size_t gossip_lzw_read(struct gossip_lzw_decoder *d, uint8_t *out, size_t size)
{
    size_t done = decoder_unhold(d, out, size);

    while (done < size && !d->is_ended && d->err == MUSTER_OK) {
        uint32_t code;

        if (!decoder_code(d, &code)) {
            decoder_stop(d, MUSTER_ESHORT);
        } else if (code == LZW_CLEAR) {
            decoder_clear(d);
        } else if (code == LZW_END) {
            decoder_stop(d, MUSTER_OK);
        } else if (!decoder_learn(d, code)) {
            decoder_stop(d, MUSTER_ECORRUPT);
        } else if (d->len[code] + LZW_PIECE <= size - done) {
            decoder_spell(d, code, out + done);
            done += d->len[code];
        } else {
            d->held_at = 0;
            d->held_len = d->len[code];
            decoder_spell(d, code, d->held);
            done += decoder_unhold(d, out + done, size - done);
        }
    }
    return done;
}

int gossip_lzw_expand(struct gossip_lzw_decoder *d, struct muster_bytes packed, uint8_t *out,
                      size_t size, size_t *len)
{
    uint8_t more;

    gossip_lzw_open(d, packed);
    *len = gossip_lzw_read(d, out, size);
    /* A stream whose output fits exactly still owes its end code. */
    if (*len == size && gossip_lzw_read(d, &more, 1) > 0)
        return MUSTER_ELIMIT;
    return d->err;
}
