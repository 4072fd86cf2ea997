/* SPDX-License-Identifier: Apache-2.0 */
/* memberlist's message bodies as tables of fields, and the one loop that reads and writes them all.
 */
#include "gossip/codec.h"

#include <string.h>

enum codec_kind { CODEC_U8, CODEC_U16, CODEC_U32, CODEC_I64, CODEC_BOOL, CODEC_BYTES, CODEC_TEXT };

/* A field as it stands on the wire: `key` begins with its msgpack header (in octal, as a hex escape
 * would swallow the letters behind it), so that reading and writing a key is one comparison and one
 * copy. */
struct codec_field {
    const char *key;
    uint8_t key_len;
    uint8_t kind;
    uint8_t place;    /* in the struct-as-array form */
    bool is_optional; /* left out when empty or zero */
    uint16_t offset;
};

struct codec_shape {
    const struct codec_field *field; /* in the byte order of the keys */
    uint32_t count;
    uint32_t optional;
};

#define FIELD(key, kind, place, type, member)                                                      \
    {                                                                                              \
        key, sizeof(key) - 1, kind, place, false, offsetof(struct type, member)                    \
    }
#define OPTIONAL(key, kind, place, type, member)                                                   \
    {                                                                                              \
        key, sizeof(key) - 1, kind, place, true, offsetof(struct type, member)                     \
    }
#define SHAPE(fields, optional)                                                                    \
    {                                                                                              \
        fields, sizeof(fields) / sizeof(fields)[0], optional                                       \
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

static const struct codec_shape entry_shape = SHAPE(entry_fields, 0);

/* By type; a type without a map has no fields. */
static const struct codec_shape shapes[] = {
    [GOSSIP_TYPE_PING] = SHAPE(ping_fields, 3),
    [GOSSIP_TYPE_INDIRECT] = SHAPE(indirect_fields, 3),
    [GOSSIP_TYPE_ACK] = SHAPE(ack_fields, 0),
    [GOSSIP_TYPE_SUSPECT] = SHAPE(accusation_fields, 0),
    [GOSSIP_TYPE_ALIVE] = SHAPE(alive_fields, 0),
    [GOSSIP_TYPE_DEAD] = SHAPE(accusation_fields, 0),
    [GOSSIP_TYPE_PUSH_PULL] = SHAPE(push_pull_fields, 0),
    [GOSSIP_TYPE_USER] = SHAPE(user_fields, 0),
    [GOSSIP_TYPE_COMPRESS] = SHAPE(packed_fields, 0),
    [GOSSIP_TYPE_NACK] = SHAPE(nack_fields, 0),
    [GOSSIP_TYPE_ERROR] = SHAPE(error_fields, 0),
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

static struct muster_bytes bytes_read(struct muster_reader *in, struct gossip_scratch *scratch)
{
    if (muster_read_peek(in) == MUSTER_WIRE_ARRAY)
        return bytes_from_array(in, scratch);
    return muster_read_bytes(in, SIZE_MAX);
}

static void value_read(struct muster_reader *in, const struct codec_field *f, uint8_t *body,
                       struct gossip_scratch *scratch)
{
    void *value = body + f->offset;

    if (muster_read_is_nil(in))
        return; /* nil is the zero value of everything */
    switch ((enum codec_kind)f->kind) {
    case CODEC_U8:
        *(uint8_t *)value = muster_read_u8(in);
        break;
    case CODEC_U16:
        *(uint16_t *)value = muster_read_u16(in);
        break;
    case CODEC_U32:
        *(uint32_t *)value = muster_read_u32(in);
        break;
    case CODEC_I64:
        *(int64_t *)value = muster_read_i64(in);
        break;
    case CODEC_BOOL:
        *(bool *)value = muster_read_bool(in);
        break;
    case CODEC_BYTES:
    case CODEC_TEXT:
        *(struct muster_bytes *)value = bytes_read(in, scratch);
        break;
    }
}

/* The key that follows, if it is this one; consumed then. */
static bool key_is(struct muster_reader *in, const struct codec_field *f)
{
    if ((size_t)(in->end - in->at) < f->key_len || memcmp(in->at, f->key, f->key_len) != 0)
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

static void map_read(struct muster_reader *in, const struct codec_shape *shape, uint8_t *body,
                     struct gossip_scratch *scratch)
{
    uint32_t n = muster_read_map(in, GOSSIP_FIELDS_MAX);
    uint32_t expected = 0;

    for (uint32_t i = 0; i < n && muster_reader_ok(in); i++) {
        const struct codec_field *f = NULL;

        /* Peers write the keys in order and leave some out: the next one is nearly always ahead. */
        while (expected < shape->count && f == NULL) {
            if (key_is(in, &shape->field[expected]))
                f = &shape->field[expected];
            else if (!shape->field[expected].is_optional)
                break;
            expected++;
        }
        if (f == NULL)
            f = key_find(in, shape);
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

static void value_write(struct muster_writer *out, const struct codec_field *f, const uint8_t *body)
{
    const void *value = body + f->offset;
    const struct muster_bytes *bytes = value;

    switch ((enum codec_kind)f->kind) {
    case CODEC_U8:
        muster_write_u64(out, *(const uint8_t *)value);
        break;
    case CODEC_U16:
        muster_write_u64(out, *(const uint16_t *)value);
        break;
    case CODEC_U32:
        muster_write_u64(out, *(const uint32_t *)value);
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
            muster_write_raw(out, *bytes);
        break;
    case CODEC_TEXT:
        muster_write_raw(out, *bytes);
        break;
    }
}

static void shape_write(struct muster_writer *out, const struct codec_shape *shape,
                        const void *body)
{
    uint32_t left_out = 0;

    for (uint32_t i = 0; shape->optional > 0 && i < shape->count; i++) {
        if (shape->field[i].is_optional && value_is_empty(&shape->field[i], body))
            left_out |= 1u << i;
    }
    muster_write_map(out, shape->count - (uint32_t)__builtin_popcount(left_out));
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct codec_field *f = &shape->field[i];

        if ((left_out >> i & 1u) != 0)
            continue;
        muster_write_plain(out, MUSTER_BYTES(f->key, f->key_len));
        value_write(out, f, body);
    }
}

void gossip_message_encode(const struct gossip_message *m, struct muster_writer *out)
{
    const uint8_t type = (uint8_t)m->type;

    MUSTER_ASSERT(m->type < SHAPES);
    MUSTER_ASSERT(shapes[m->type].count > 0);
    muster_write_plain(out, MUSTER_BYTES(&type, 1));
    shape_write(out, &shapes[m->type], &m->ping);
}

void gossip_entry_encode(const struct gossip_entry *e, struct muster_writer *out)
{
    shape_write(out, &entry_shape, e);
}
