/* SPDX-License-Identifier: Apache-2.0 */
/* memberlist's message bodies as tables of fields, and the one loop that reads and writes them all.
 */
#include "gossip/codec.h"

#include <string.h>

/* Keys are 4 to 16 bytes long, so that they are compared and copied as words, without a call. */
#define CODEC_KEY_PAD 16

/* Lead bytes of msgpack that the short cuts below know; everything else is the reader's. */
enum {
    LEAD_MAP = 0x80, /* .. 0x8f: up to 15 entries */
    LEAD_RAW = 0xa0, /* .. 0xbf: up to 31 bytes */
    LEAD_NIL = 0xc0,
    LEAD_U8 = 0xcc,
    LEAD_U16 = 0xcd,
    LEAD_U32 = 0xce,
    LEAD_RAW16 = 0xda
};

enum codec_kind { CODEC_U8, CODEC_U16, CODEC_U32, CODEC_I64, CODEC_BOOL, CODEC_BYTES, CODEC_TEXT };

/* A field as it stands on the wire: `key` begins with its msgpack header (in octal, as a hex escape
 * would swallow the letters behind it), so that reading and writing a key is one comparison and one
 * copy. */
struct codec_field {
    char key[CODEC_KEY_PAD]; /* zeros behind it */
    uint8_t key_len;
    uint8_t kind;
    uint8_t place;    /* in the struct-as-array form */
    bool is_optional; /* left out when empty or zero */
    uint16_t offset;
};

struct codec_shape {
    const struct codec_field *field; /* in the byte order of the keys */
    uint32_t count;
};

#define FIELD(key, kind, place, type, member)                                                      \
    {                                                                                              \
        key, sizeof(key) - 1, kind, place, false, offsetof(struct type, member)                    \
    }
#define OPTIONAL(key, kind, place, type, member)                                                   \
    {                                                                                              \
        key, sizeof(key) - 1, kind, place, true, offsetof(struct type, member)                     \
    }
#define SHAPE(fields)                                                                              \
    {                                                                                              \
        fields, sizeof(fields) / sizeof(fields)[0]                                                 \
    }

static const struct codec_field ping_fields[] = {
    FIELD("\244Node", CODEC_TEXT, 1, gossip_ping, node),
    FIELD("\245SeqNo", CODEC_U32, 0, gossip_ping, seq),
    OPTIONAL("\252SourceAddr", CODEC_BYTES, 2, gossip_ping, source.addr),
    OPTIONAL("\252SourceNode", CODEC_TEXT, 4, gossip_ping, source.node),
    OPTIONAL("\252SourcePort", CODEC_U16, 3, gossip_ping, source.port),
};

static const struct codec_field indirect_fields[] = {
    FIELD("\244Nack", CODEC_BOOL, 4, gossip_indirect, nack),
    FIELD("\244Node", CODEC_TEXT, 3, gossip_indirect, node),
    FIELD("\244Port", CODEC_U16, 2, gossip_indirect, port),
    FIELD("\245SeqNo", CODEC_U32, 0, gossip_indirect, seq),
    OPTIONAL("\252SourceAddr", CODEC_BYTES, 5, gossip_indirect, source.addr),
    OPTIONAL("\252SourceNode", CODEC_TEXT, 7, gossip_indirect, source.node),
    OPTIONAL("\252SourcePort", CODEC_U16, 6, gossip_indirect, source.port),
    FIELD("\246Target", CODEC_BYTES, 1, gossip_indirect, target),
};

static const struct codec_field ack_fields[] = {
    FIELD("\247Payload", CODEC_BYTES, 1, gossip_ack, payload),
    FIELD("\245SeqNo", CODEC_U32, 0, gossip_ack, seq),
};

static const struct codec_field nack_fields[] = {
    FIELD("\245SeqNo", CODEC_U32, 0, gossip_nack, seq),
};

static const struct codec_field accusation_fields[] = {
    FIELD("\244From", CODEC_TEXT, 2, gossip_accusation, from),
    FIELD("\253Incarnation", CODEC_U32, 0, gossip_accusation, incarnation),
    FIELD("\244Node", CODEC_TEXT, 1, gossip_accusation, node),
};

static const struct codec_field alive_fields[] = {
    FIELD("\244Addr", CODEC_BYTES, 2, gossip_alive, addr),
    FIELD("\253Incarnation", CODEC_U32, 0, gossip_alive, incarnation),
    FIELD("\244Meta", CODEC_BYTES, 4, gossip_alive, meta),
    FIELD("\244Node", CODEC_TEXT, 1, gossip_alive, node),
    FIELD("\244Port", CODEC_U16, 3, gossip_alive, port),
    FIELD("\243Vsn", CODEC_BYTES, 5, gossip_alive, vsn),
};

static const struct codec_field push_pull_fields[] = {
    FIELD("\244Join", CODEC_BOOL, 2, gossip_push_pull, join),
    FIELD("\245Nodes", CODEC_I64, 0, gossip_push_pull, nodes),
    FIELD("\254UserStateLen", CODEC_I64, 1, gossip_push_pull, user_state_len),
};

static const struct codec_field user_fields[] = {
    FIELD("\252UserMsgLen", CODEC_I64, 0, gossip_user, len),
};

static const struct codec_field packed_fields[] = {
    FIELD("\244Algo", CODEC_U8, 0, gossip_packed, algo),
    FIELD("\243Buf", CODEC_BYTES, 1, gossip_packed, buffer),
};

static const struct codec_field error_fields[] = {
    FIELD("\245Error", CODEC_TEXT, 0, gossip_error, text),
};

static const struct codec_field entry_fields[] = {
    FIELD("\244Addr", CODEC_BYTES, 1, gossip_entry, addr),
    FIELD("\253Incarnation", CODEC_U32, 4, gossip_entry, incarnation),
    FIELD("\244Meta", CODEC_BYTES, 3, gossip_entry, meta),
    FIELD("\244Name", CODEC_TEXT, 0, gossip_entry, name),
    FIELD("\244Port", CODEC_U16, 2, gossip_entry, port),
    FIELD("\245State", CODEC_I64, 5, gossip_entry, state),
    FIELD("\243Vsn", CODEC_BYTES, 6, gossip_entry, vsn),
};

static const struct codec_shape entry_shape = SHAPE(entry_fields);

/* By type; a type without a map has no fields. */
static const struct codec_shape shapes[] = {
    [GOSSIP_TYPE_PING] = SHAPE(ping_fields),
    [GOSSIP_TYPE_INDIRECT] = SHAPE(indirect_fields),
    [GOSSIP_TYPE_ACK] = SHAPE(ack_fields),
    [GOSSIP_TYPE_SUSPECT] = SHAPE(accusation_fields),
    [GOSSIP_TYPE_ALIVE] = SHAPE(alive_fields),
    [GOSSIP_TYPE_DEAD] = SHAPE(accusation_fields),
    [GOSSIP_TYPE_PUSH_PULL] = SHAPE(push_pull_fields),
    [GOSSIP_TYPE_USER] = SHAPE(user_fields),
    [GOSSIP_TYPE_COMPRESS] = SHAPE(packed_fields),
    [GOSSIP_TYPE_NACK] = SHAPE(nack_fields),
    [GOSSIP_TYPE_ERROR] = SHAPE(error_fields),
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

/* ---- reading ---- */

/* Older encoders write a byte array as an array of numbers; only short ones make sense (Vsn). */
static struct muster_bytes bytes_from_array(struct muster_reader *in,
                                            struct gossip_scratch *scratch)
{
    uint32_t room = GOSSIP_SCRATCH_SIZE - scratch->used;
    uint32_t n = muster_read_array(in, room);
    uint8_t *start = scratch->byte + scratch->used;

    for (uint32_t i = 0; i < n && muster_reader_ok(in); i++)
        start[i] = muster_read_u8(in);
    if (!muster_reader_ok(in))
        return (struct muster_bytes){ 0 };
    scratch->used += n;
    return MUSTER_BYTES(start, n);
}

/* The short cuts read what peers nearly always send: a number of any unsigned width, a raw of up to
 * 64 KiB, nil. They leave everything else, short input included, to the reader. */
static bool number_shortcut(struct muster_reader *in, uint64_t max, uint64_t *number)
{
    size_t left = (size_t)(in->end - in->at);
    const uint8_t *at = in->at;
    size_t len;

    if (left > 0 && at[0] < LEAD_MAP) {
        *number = at[0];
        len = 1;
    } else if (left > 1 && at[0] == LEAD_U8) {
        *number = at[1];
        len = 2;
    } else if (left > 2 && at[0] == LEAD_U16) {
        *number = (uint64_t)at[1] << 8 | at[2];
        len = 3;
    } else if (left > 4 && at[0] == LEAD_U32) {
        *number = (uint64_t)at[1] << 24 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 8 | at[4];
        len = 5;
    } else {
        return false;
    }
    if (*number > max)
        return false;
    in->at += len;
    return true;
}

static bool bytes_shortcut(struct muster_reader *in, struct muster_bytes *bytes)
{
    size_t left = (size_t)(in->end - in->at);
    const uint8_t *at = in->at;
    size_t head, len;

    if (left > 0 && at[0] >= LEAD_RAW && at[0] < LEAD_NIL) {
        head = 1;
        len = at[0] & 31u;
    } else if (left > 2 && at[0] == LEAD_RAW16) {
        head = 3;
        len = (size_t)at[1] << 8 | at[2];
    } else {
        return false;
    }
    if (len > left - head)
        return false;
    *bytes = MUSTER_BYTES(at + head, len);
    in->at += head + len;
    return true;
}

static struct muster_bytes bytes_read(struct muster_reader *in, struct gossip_scratch *scratch)
{
    struct muster_bytes bytes;

    if (bytes_shortcut(in, &bytes))
        return bytes;
    if (muster_read_is_nil(in))
        return (struct muster_bytes){ 0 };
    if (muster_read_peek(in) == MUSTER_WIRE_ARRAY)
        return bytes_from_array(in, scratch);
    return muster_read_bytes(in, SIZE_MAX);
}

static uint64_t number_read(struct muster_reader *in, uint64_t max)
{
    uint64_t number;

    if (number_shortcut(in, max, &number))
        return number;
    if (muster_read_is_nil(in))
        return 0;
    number = muster_read_u64(in);
    if (number <= max)
        return number;
    muster_reader_fail(in, MUSTER_ERANGE);
    return 0;
}

static void value_read(struct muster_reader *in, const struct codec_field *f, uint8_t *body,
                       struct gossip_scratch *scratch)
{
    void *value = body + f->offset;

    switch ((enum codec_kind)f->kind) {
    case CODEC_U8:
        *(uint8_t *)value = (uint8_t)number_read(in, UINT8_MAX);
        break;
    case CODEC_U16:
        *(uint16_t *)value = (uint16_t)number_read(in, UINT16_MAX);
        break;
    case CODEC_U32:
        *(uint32_t *)value = (uint32_t)number_read(in, UINT32_MAX);
        break;
    case CODEC_I64:
        if (!muster_read_is_nil(in))
            *(int64_t *)value = muster_read_i64(in);
        break;
    case CODEC_BOOL:
        *(bool *)value = !muster_read_is_nil(in) && muster_read_bool(in);
        break;
    case CODEC_BYTES:
    case CODEC_TEXT:
        *(struct muster_bytes *)value = bytes_read(in, scratch);
        break;
    }
}

/* Two ranges of 4 to 16 bytes, compared by words that overlap in the middle. */
static bool key_equal(const uint8_t *at, const char *key, size_t len)
{
    if (len >= 8)
        return memcmp(at, key, 8) == 0 && memcmp(at + len - 8, key + len - 8, 8) == 0;
    return memcmp(at, key, 4) == 0 && memcmp(at + len - 4, key + len - 4, 4) == 0;
}

/* The key that follows, if it is this one; consumed then. */
static bool key_is(struct muster_reader *in, const struct codec_field *f)
{
    if ((size_t)(in->end - in->at) < f->key_len || !key_equal(in->at, f->key, f->key_len))
        return false;
    in->at += f->key_len;
    return true;
}

/* A key that did not stand where the peers put it: out of order, in another encoding, or unknown.
 */
static const struct codec_field *key_find(struct muster_reader *in, const struct codec_shape *shape)
{
    struct muster_bytes key = muster_read_bytes(in, SIZE_MAX);

    for (uint32_t i = 0; i < shape->count; i++) {
        const struct codec_field *f = &shape->field[i];

        if (muster_bytes_equal(key, MUSTER_BYTES(f->key + 1, (size_t)f->key_len - 1)))
            return f;
    }
    return NULL;
}

/* The field of the key that follows, consumed; NULL if nobody here knows it. Peers write the keys
 * in order and leave some out, so the one at `expected` or soon after is nearly always right. */
static const struct codec_field *key_read(struct muster_reader *in, const struct codec_shape *shape,
                                          uint32_t *expected)
{
    while (*expected < shape->count) {
        const struct codec_field *f = &shape->field[*expected];

        if (key_is(in, f)) {
            ++*expected;
            return f;
        }
        if (!f->is_optional)
            break;
        ++*expected;
    }
    return key_find(in, shape);
}

static void map_read(struct muster_reader *in, const struct codec_shape *shape, uint8_t *body,
                     struct gossip_scratch *scratch)
{
    uint32_t n = muster_read_map(in, GOSSIP_FIELDS_MAX);
    uint32_t expected = 0;

    for (uint32_t i = 0; i < n && in->err == MUSTER_OK; i++) {
        const struct codec_field *f = key_read(in, shape, &expected);

        if (f != NULL)
            value_read(in, f, body, scratch);
        else
            muster_read_skip(in);
    }
}

static void array_read(struct muster_reader *in, const struct codec_shape *shape, uint8_t *body,
                       struct gossip_scratch *scratch)
{
    uint32_t n = muster_read_array(in, GOSSIP_FIELDS_MAX);

    for (uint32_t place = 0; place < n && muster_reader_ok(in); place++) {
        const struct codec_field *f = NULL;

        for (uint32_t i = 0; i < shape->count && f == NULL; i++) {
            if (shape->field[i].place == place)
                f = &shape->field[i];
        }
        if (f != NULL)
            value_read(in, f, body, scratch);
        else
            muster_read_skip(in);
    }
}

static int shape_read(struct muster_reader *in, const struct codec_shape *shape, void *body,
                      struct gossip_scratch *scratch)
{
    scratch->used = 0;
    if (muster_read_peek(in) == MUSTER_WIRE_ARRAY)
        array_read(in, shape, body, scratch);
    else
        map_read(in, shape, body, scratch);
    return in->err;
}

int gossip_message_decode(struct gossip_message *m, struct muster_reader *in)
{
    struct muster_bytes type = muster_read_plain(in, 1);

    memset(m, 0, offsetof(struct gossip_message, scratch));
    if (type.len != 1)
        return MUSTER_ESHORT;
    if (type.data[0] >= SHAPES || shapes[type.data[0]].count == 0)
        return MUSTER_EUNSUPPORTED;
    m->type = (enum gossip_type)type.data[0];
    return shape_read(in, &shapes[m->type], &m->ping, &m->scratch);
}

int gossip_entry_decode(struct gossip_entry *e, struct muster_reader *in)
{
    memset(e, 0, offsetof(struct gossip_entry, scratch));
    return shape_read(in, &entry_shape, e, &e->scratch);
}

/* ---- writing ---- */

static bool value_is_empty(const struct codec_field *f, const uint8_t *body)
{
    const void *value = body + f->offset;

    if (f->kind == CODEC_U16)
        return *(const uint16_t *)value == 0;
    MUSTER_ASSERT(f->kind == CODEC_BYTES || f->kind == CODEC_TEXT);
    return ((const struct muster_bytes *)value)->len == 0;
}

static void byte_write(struct muster_writer *out, uint8_t byte)
{
    if (out->at < out->end)
        *out->at++ = byte;
    else
        muster_write_plain(out, MUSTER_BYTES(&byte, 1)); /* no room, in its own words */
}

static void key_write(struct muster_writer *out, const struct codec_field *f)
{
    if ((size_t)(out->end - out->at) < CODEC_KEY_PAD) {
        muster_write_plain(out, MUSTER_BYTES(f->key, f->key_len));
        return;
    }
    memcpy(out->at, f->key, CODEC_KEY_PAD); /* what is too much is overwritten next */
    out->at += f->key_len;
}

/* Short cuts for what we write all the time, where there is room for the longest form. */
static void number_write(struct muster_writer *out, uint32_t number)
{
    uint8_t *at = out->at;

    if (number > UINT16_MAX || out->end - at < 3) {
        muster_write_u64(out, number);
    } else if (number < LEAD_MAP) {
        at[0] = (uint8_t)number;
        out->at += 1;
    } else if (number <= UINT8_MAX) {
        at[0] = LEAD_U8;
        at[1] = (uint8_t)number;
        out->at += 2;
    } else {
        at[0] = LEAD_U16;
        at[1] = (uint8_t)(number >> 8);
        at[2] = (uint8_t)number;
        out->at += 3;
    }
}

/* Names, addresses and versions are a few bytes long: no call for those. */
static void bytes_copy(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 16) {
        memcpy(to, from, len);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else {
        for (size_t i = 0; i < len; i++)
            to[i] = from[i];
    }
}

static void bytes_write(struct muster_writer *out, struct muster_bytes bytes)
{
    uint8_t *at = out->at;
    size_t room = (size_t)(out->end - at);

    if (bytes.len > UINT16_MAX || room < bytes.len + 3) {
        muster_write_raw(out, bytes);
    } else if (bytes.len <= 31) {
        at[0] = (uint8_t)(LEAD_RAW | bytes.len);
        bytes_copy(at + 1, bytes.data, bytes.len);
        out->at += 1 + bytes.len;
    } else {
        at[0] = LEAD_RAW16;
        at[1] = (uint8_t)(bytes.len >> 8);
        at[2] = (uint8_t)bytes.len;
        memcpy(at + 3, bytes.data, bytes.len);
        out->at += 3 + bytes.len;
    }
}

static void value_write(struct muster_writer *out, const struct codec_field *f, const uint8_t *body)
{
    const void *value = body + f->offset;
    const struct muster_bytes *bytes = value;

    switch ((enum codec_kind)f->kind) {
    case CODEC_U8:
        number_write(out, *(const uint8_t *)value);
        break;
    case CODEC_U16:
        number_write(out, *(const uint16_t *)value);
        break;
    case CODEC_U32:
        number_write(out, *(const uint32_t *)value);
        break;
    case CODEC_I64:
        muster_write_i64(out, *(const int64_t *)value);
        break;
    case CODEC_BOOL:
        muster_write_bool(out, *(const bool *)value);
        break;
    case CODEC_BYTES:
        if (bytes->data == NULL)
            muster_write_nil(out);
        else
            bytes_write(out, *bytes);
        break;
    case CODEC_TEXT:
        bytes_write(out, *bytes);
        break;
    }
}

static void shape_write(struct muster_writer *out, const struct codec_shape *shape,
                        const void *body)
{
    uint8_t *head = out->at;
    uint32_t written = 0;

    MUSTER_ASSERT(shape->count <= 15);
    byte_write(out, LEAD_MAP); /* the count comes when it is known */
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct codec_field *f = &shape->field[i];

        if (f->is_optional && value_is_empty(f, body))
            continue;
        key_write(out, f);
        value_write(out, f, body);
        written++;
    }
    if (out->err == MUSTER_OK)
        *head = (uint8_t)(LEAD_MAP | written);
}

void gossip_message_encode(const struct gossip_message *m, struct muster_writer *out)
{
    MUSTER_ASSERT(m->type < SHAPES);
    MUSTER_ASSERT(shapes[m->type].count > 0);
    byte_write(out, (uint8_t)m->type);
    shape_write(out, &shapes[m->type], &m->ping);
}

void gossip_entry_encode(const struct gossip_entry *e, struct muster_writer *out)
{
    shape_write(out, &entry_shape, e);
}
