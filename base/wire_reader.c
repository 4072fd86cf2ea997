/* SPDX-License-Identifier: Apache-2.0 */
/* Wire, the reading half: a bounded msgpack reader that believes no length before it is checked. */
#include "base/wire.h"

#include <string.h>

/* The lead bytes of msgpack. 0xc1 is never used. */
enum {
    LEAD_MAP = 0x80,   /* .. 0x8f */
    LEAD_ARRAY = 0x90, /* .. 0x9f */
    LEAD_STR = 0xa0,   /* .. 0xbf */
    LEAD_NIL = 0xc0,
    LEAD_UNUSED = 0xc1,
    LEAD_FALSE = 0xc2,
    LEAD_TRUE = 0xc3,
    LEAD_BIN8 = 0xc4, /* bin16, bin32 follow */
    LEAD_EXT8 = 0xc7,
    LEAD_FLOAT32 = 0xca,
    LEAD_FLOAT64 = 0xcb,
    LEAD_UINT8 = 0xcc, /* uint16, uint32 follow */
    LEAD_UINT64 = 0xcf,
    LEAD_INT8 = 0xd0, /* int16, int32, int64 follow */
    LEAD_INT64 = 0xd3,
    LEAD_FIXEXT1 = 0xd4,
    LEAD_FIXEXT16 = 0xd8,
    LEAD_STR8 = 0xd9, /* str16 (old raw16), str32 (old raw32) follow */
    LEAD_STR32 = 0xdb,
    LEAD_ARRAY16 = 0xdc,
    LEAD_ARRAY32 = 0xdd,
    LEAD_MAP16 = 0xde,
    LEAD_MAP32 = 0xdf,
    LEAD_NEGATIVE = 0xe0 /* .. 0xff */
};

struct muster_reader muster_reader_over(struct muster_bytes input)
{
    static const uint8_t nothing[1] = { 0 };
    const uint8_t *start = input.len == 0 ? nothing : input.data; /* no arithmetic on NULL */

    MUSTER_ASSERT(start != NULL);
    return (struct muster_reader){ .at = start, .end = start + input.len };
}

/* After its first error a reader has nothing left: every later read finds the input at its end,
 * fails there and leaves the first error standing. One comparison serves both questions. */
__attribute__((cold, noinline)) void muster_reader_fail(struct muster_reader *r, int err)
{
    MUSTER_ASSERT(err < 0);
    if (r->err == MUSTER_OK)
        r->err = err;
    r->end = r->at;
}

bool muster_reader_ok(const struct muster_reader *r)
{
    return r->err == MUSTER_OK;
}

size_t muster_reader_left(const struct muster_reader *r)
{
    return (size_t)(r->end - r->at);
}

int muster_reader_end(struct muster_reader *r)
{
    if (r->at != r->end)
        muster_reader_fail(r, MUSTER_ECORRUPT);
    return r->err;
}

/* A big-endian number of 1, 2, 4 or 8 bytes; each case compiles to one load. */
static inline uint64_t load_number(const uint8_t *at, size_t width)
{
    switch (width) {
    case 1:
        return at[0];
    case 2:
        return (uint64_t)at[0] << 8 | at[1];
    case 4:
        return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
    default:
        return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
               (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
               (uint64_t)at[6] << 8 | at[7];
    }
}

/* The lead byte, or LEAD_UNUSED with the error kept when there is none. */
static inline uint8_t reader_lead(struct muster_reader *r)
{
    if (__builtin_expect(r->at == r->end, 0)) {
        muster_reader_fail(r, MUSTER_ESHORT);
        return LEAD_UNUSED;
    }
    return *r->at;
}

/* The number of `width` bytes behind the lead byte; consumes both. False with the error kept. */
static inline bool reader_behind(struct muster_reader *r, size_t width, uint64_t *value)
{
    if (__builtin_expect(muster_reader_left(r) < 1 + width, 0)) {
        muster_reader_fail(r, MUSTER_ESHORT);
        return false;
    }
    *value = load_number(r->at + 1, width);
    r->at += 1 + width;
    return true;
}

enum muster_wire_type muster_read_peek(const struct muster_reader *r)
{
    static const uint8_t types[32] = {
        [0x00] = MUSTER_WIRE_NIL,   [0x01] = MUSTER_WIRE_END,   [0x02] = MUSTER_WIRE_BOOL,
        [0x03] = MUSTER_WIRE_BOOL,  [0x04] = MUSTER_WIRE_BYTES, [0x05] = MUSTER_WIRE_BYTES,
        [0x06] = MUSTER_WIRE_BYTES, [0x07] = MUSTER_WIRE_EXT,   [0x08] = MUSTER_WIRE_EXT,
        [0x09] = MUSTER_WIRE_EXT,   [0x0a] = MUSTER_WIRE_FLOAT, [0x0b] = MUSTER_WIRE_FLOAT,
        [0x0c] = MUSTER_WIRE_INT,   [0x0d] = MUSTER_WIRE_INT,   [0x0e] = MUSTER_WIRE_INT,
        [0x0f] = MUSTER_WIRE_INT,   [0x10] = MUSTER_WIRE_INT,   [0x11] = MUSTER_WIRE_INT,
        [0x12] = MUSTER_WIRE_INT,   [0x13] = MUSTER_WIRE_INT,   [0x14] = MUSTER_WIRE_EXT,
        [0x15] = MUSTER_WIRE_EXT,   [0x16] = MUSTER_WIRE_EXT,   [0x17] = MUSTER_WIRE_EXT,
        [0x18] = MUSTER_WIRE_EXT,   [0x19] = MUSTER_WIRE_BYTES, [0x1a] = MUSTER_WIRE_BYTES,
        [0x1b] = MUSTER_WIRE_BYTES, [0x1c] = MUSTER_WIRE_ARRAY, [0x1d] = MUSTER_WIRE_ARRAY,
        [0x1e] = MUSTER_WIRE_MAP,   [0x1f] = MUSTER_WIRE_MAP,
    };
    uint8_t lead;

    if (r->at == r->end)
        return MUSTER_WIRE_END;
    lead = *r->at;
    if (lead < LEAD_MAP || lead >= LEAD_NEGATIVE)
        return MUSTER_WIRE_INT;
    if (lead < LEAD_ARRAY)
        return MUSTER_WIRE_MAP;
    if (lead < LEAD_STR)
        return MUSTER_WIRE_ARRAY;
    if (lead < LEAD_NIL)
        return MUSTER_WIRE_BYTES;
    return (enum muster_wire_type)types[lead - LEAD_NIL];
}

/* ---- numbers: any width and either sign is taken, as long as the value fits */

/* An integer in two's complement; `negative` tells which half of the 65-bit range it is from. */
static uint64_t reader_integer(struct muster_reader *r, bool *negative)
{
    uint8_t lead = reader_lead(r);
    uint64_t value = 0;
    size_t width;

    *negative = false;
    if (lead < LEAD_MAP || lead >= LEAD_NEGATIVE) {
        r->at++;
        *negative = lead >= LEAD_NEGATIVE;
        return (uint64_t)(int64_t)(int8_t)lead;
    }
    if (lead < LEAD_UINT8 || lead > LEAD_INT64) {
        muster_reader_fail(r, MUSTER_ETYPE);
        return 0;
    }
    width = (size_t)1 << (lead & 3);
    if (!reader_behind(r, width, &value))
        return 0;
    if (lead >= LEAD_INT8) {
        unsigned unused = 64 - 8 * (unsigned)width;
        int64_t extended = (int64_t)(value << unused) >> unused;

        *negative = extended < 0;
        return (uint64_t)extended;
    }
    return value;
}

static uint64_t reader_unsigned(struct muster_reader *r, uint64_t max)
{
    bool negative;
    uint64_t value = reader_integer(r, &negative);

    if (negative || value > max) {
        muster_reader_fail(r, MUSTER_ERANGE);
        return 0;
    }
    return value;
}

/* Most numbers are small, and a small number is its own lead byte. */
static inline bool reader_is_small(const struct muster_reader *r)
{
    return r->at != r->end && *r->at < LEAD_MAP;
}

/* And of the others most are times, versions and hashes of full width. */
static inline bool reader_is_full(const struct muster_reader *r)
{
    return muster_reader_left(r) > sizeof(uint64_t) && *r->at == LEAD_UINT64;
}

uint64_t muster_read_u64(struct muster_reader *r)
{
    uint64_t value;

    if (reader_is_small(r))
        return *r->at++;
    if (!reader_is_full(r))
        return reader_unsigned(r, UINT64_MAX);
    value = load_number(r->at + 1, sizeof value);
    r->at += 1 + sizeof value;
    return value;
}

uint32_t muster_read_u32(struct muster_reader *r)
{
    return reader_is_small(r) ? *r->at++ : (uint32_t)reader_unsigned(r, UINT32_MAX);
}

uint16_t muster_read_u16(struct muster_reader *r)
{
    return reader_is_small(r) ? *r->at++ : (uint16_t)reader_unsigned(r, UINT16_MAX);
}

uint8_t muster_read_u8(struct muster_reader *r)
{
    return reader_is_small(r) ? *r->at++ : (uint8_t)reader_unsigned(r, UINT8_MAX);
}

int64_t muster_read_i64(struct muster_reader *r)
{
    bool negative;
    uint64_t value = reader_integer(r, &negative);

    if (!negative && value > INT64_MAX) {
        muster_reader_fail(r, MUSTER_ERANGE);
        return 0;
    }
    return (int64_t)value;
}

bool muster_read_bool(struct muster_reader *r)
{
    uint8_t lead = reader_lead(r);

    if (lead != LEAD_FALSE && lead != LEAD_TRUE) {
        muster_reader_fail(r, MUSTER_ETYPE);
        return false;
    }
    r->at++;
    return lead == LEAD_TRUE;
}

void muster_read_nil(struct muster_reader *r)
{
    if (reader_lead(r) == LEAD_NIL)
        r->at++;
    else
        muster_reader_fail(r, MUSTER_ETYPE);
}

bool muster_read_is_nil(struct muster_reader *r)
{
    if (r->at == r->end || *r->at != LEAD_NIL)
        return false;
    r->at++;
    return true;
}

/* ---- bytes */

/* The length a raw, str or bin begins with; consumes it. False with the error kept. */
static inline bool reader_length(struct muster_reader *r, uint64_t *len)
{
    uint8_t lead = reader_lead(r);

    if (__builtin_expect(lead >= LEAD_STR && lead < LEAD_NIL, 1)) {
        *len = lead & 0x1f;
        r->at++;
        return true;
    }
    if (lead >= LEAD_BIN8 && lead < LEAD_EXT8)
        return reader_behind(r, (size_t)1 << (lead - LEAD_BIN8), len);
    if (lead >= LEAD_STR8 && lead <= LEAD_STR32)
        return reader_behind(r, (size_t)1 << (lead - LEAD_STR8), len);
    muster_reader_fail(r, MUSTER_ETYPE);
    return false;
}

struct muster_bytes muster_read_bytes(struct muster_reader *r, size_t max)
{
    struct muster_bytes value = MUSTER_BYTES(r->at, 0);
    uint64_t len;

    if (!reader_length(r, &len))
        return value;
    if (__builtin_expect(len > muster_reader_left(r), 0)) {
        muster_reader_fail(r, MUSTER_ESHORT);
        return value;
    }
    if (__builtin_expect(len > max, 0)) {
        muster_reader_fail(r, MUSTER_ELIMIT);
        return value;
    }
    value = MUSTER_BYTES(r->at, (size_t)len);
    r->at += len;
    return value;
}

struct muster_id muster_read_id(struct muster_reader *r)
{
    struct muster_bytes value = muster_read_bytes(r, MUSTER_ID_LEN);
    struct muster_id id = { { 0 } };

    if (value.len == MUSTER_ID_LEN)
        memcpy(id.octet, value.data, MUSTER_ID_LEN);
    else
        muster_reader_fail(r, MUSTER_EINVAL);
    return id;
}

void muster_read_text(struct muster_reader *r, char *out, size_t size)
{
    struct muster_bytes value;

    MUSTER_ASSERT(size > 0);
    value = muster_read_bytes(r, size - 1);
    /* Text with a NUL inside would be one name on the wire and another one here. */
    if (memchr(value.data, '\0', value.len) != NULL) {
        muster_reader_fail(r, MUSTER_EINVAL);
        value.len = 0;
    }
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
}

struct muster_bytes muster_read_plain(struct muster_reader *r, size_t n)
{
    struct muster_bytes value = MUSTER_BYTES(r->at, 0);

    if (n > muster_reader_left(r)) {
        muster_reader_fail(r, MUSTER_ESHORT);
        return value;
    }
    value.len = n;
    r->at += n;
    return value;
}

/* ---- arrays and maps */

/* The count of a container whose short form begins at `fixed` and whose 16-bit form is `wide`. Each
 * of its elements takes at least `least` bytes, so a count beyond what is left is a lie. */
static inline uint32_t reader_count(struct muster_reader *r, uint8_t fixed, uint8_t wide,
                                    size_t least, uint32_t max)
{
    uint8_t lead = reader_lead(r);
    uint64_t count = lead & 0x0f;

    if (__builtin_expect((lead & 0xf0) == fixed, 1)) {
        r->at++;
    } else if (lead == wide || lead == wide + 1) {
        if (!reader_behind(r, lead == wide ? 2 : 4, &count))
            return 0;
    } else {
        muster_reader_fail(r, MUSTER_ETYPE);
        return 0;
    }
    if (__builtin_expect(count * least > muster_reader_left(r), 0)) {
        muster_reader_fail(r, MUSTER_ESHORT);
        return 0;
    }
    if (__builtin_expect(count > max, 0)) {
        muster_reader_fail(r, MUSTER_ELIMIT);
        return 0;
    }
    return (uint32_t)count;
}

uint32_t muster_read_array(struct muster_reader *r, uint32_t max)
{
    return reader_count(r, LEAD_ARRAY, LEAD_ARRAY16, 1, max);
}

uint32_t muster_read_map(struct muster_reader *r, uint32_t max)
{
    return reader_count(r, LEAD_MAP, LEAD_MAP16, 2, max);
}

void muster_read_array_of(struct muster_reader *r, uint32_t n)
{
    if (muster_read_array(r, n) != n)
        muster_reader_fail(r, MUSTER_ETYPE);
}

/* ---- skipping */

/* The bytes of a value without elements behind its lead byte and its length; consumes those two. */
static uint64_t skip_scalar(struct muster_reader *r)
{
    uint8_t lead = reader_lead(r);
    uint64_t len = 0;

    switch (muster_read_peek(r)) {
    case MUSTER_WIRE_BYTES:
        (void)reader_length(r, &len);
        return len;
    case MUSTER_WIRE_NIL:
    case MUSTER_WIRE_BOOL:
        r->at++;
        return 0;
    case MUSTER_WIRE_INT:
        r->at++;
        return lead < LEAD_NIL || lead >= LEAD_NEGATIVE ? 0 : (uint64_t)1 << (lead & 3);
    case MUSTER_WIRE_FLOAT:
        r->at++;
        return lead == LEAD_FLOAT32 ? 4 : 8;
    case MUSTER_WIRE_EXT: /* one byte more: the application's type */
        if (lead < LEAD_FIXEXT1)
            return reader_behind(r, (size_t)1 << (lead - LEAD_EXT8), &len) ? len + 1 : 0;
        r->at++;
        return ((uint64_t)1 << (lead - LEAD_FIXEXT1)) + 1;
    default:
        muster_reader_fail(r, MUSTER_ECORRUPT); /* 0xc1; at the end ESHORT was first */
        return 0;
    }
}

/* The values within a container whose head it is, or 0 for a value without any; consumes it. */
static uint64_t skip_other(struct muster_reader *r)
{
    enum muster_wire_type type = muster_read_peek(r);

    if (type == MUSTER_WIRE_ARRAY)
        return muster_read_array(r, UINT32_MAX);
    if (type == MUSTER_WIRE_MAP)
        return 2 * (uint64_t)muster_read_map(r, UINT32_MAX);
    (void)muster_read_plain(r, (size_t)skip_scalar(r));
    return 0;
}

/* Most values are a number in its own lead byte or a short text. False: it is another one. */
static inline bool skip_short(struct muster_reader *r)
{
    uint8_t lead = r->at == r->end ? LEAD_UNUSED : *r->at;
    size_t len = lead >= LEAD_STR && lead < LEAD_NIL ? 1u + (lead & 0x1f) : 1;

    if ((lead >= LEAD_MAP && len == 1 && lead != LEAD_STR) || len > muster_reader_left(r))
        return false;
    r->at += len;
    return true;
}

void muster_read_skip(struct muster_reader *r)
{
    uint64_t open[MUSTER_WIRE_DEPTH_MAX]; /* values still to come, per container we are inside of */
    size_t depth = 0;

    /* Each turn eats at least one byte, so a lying count costs no more than the input is long. */
    do {
        uint64_t count = 0;

        if (depth > 0)
            open[depth - 1]--;
        if (!skip_short(r))
            count = skip_other(r);
        if (count > 0 && depth == MUSTER_WIRE_DEPTH_MAX)
            muster_reader_fail(r, MUSTER_ELIMIT);
        else if (count > 0)
            open[depth++] = count;
        while (depth > 0 && open[depth - 1] == 0)
            depth--;
    } while (depth > 0 && r->err == MUSTER_OK);
}

struct muster_bytes muster_read_raw_value(struct muster_reader *r)
{
    const uint8_t *start = r->at;

    muster_read_skip(r);
    return MUSTER_BYTES(start, r->err == MUSTER_OK ? (size_t)(r->at - start) : 0);
}
