/* SPDX-License-Identifier: Apache-2.0 */
/* The records of the disk: what stands in the tables BUCKET, ROW and CLAIM.
 *
 * Every value begins with a CRC-32C. A row's key is the number of its arrival, then its bucket: new
 * rows land side by side on the disk's last page, which a B-tree likes six times better than random
 * keys, and a row that cannot be read still says which bucket has lost it (R54). */
#include <string.h>

#include "store/inside.h"

#define ROW_KEY_LEN   10
#define ROW_HEAD_LEN  12 /* CRC, version */
#define CRC_LEN       4
#define BUCKET_FIELDS 7

static void put_be(uint8_t *out, uint64_t value, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        out[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static uint64_t get_be(const uint8_t *in, uint32_t len)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < len; i++)
        value = value << 8 | in[i];
    return value;
}

static struct muster_bytes row_key(uint8_t key[ROW_KEY_LEN], const struct store_entry *e)
{
    put_be(key, e->place, 8);
    put_be(key + 8, e->bucket, 2);
    return MUSTER_BYTES(key, ROW_KEY_LEN);
}

/* Over the key as well: a value under a wrong key is as bad as a wrong value. */
static uint32_t crc_of(struct muster_bytes key, struct muster_bytes rest)
{
    return muster_crc32c(muster_crc32c(0, key), rest);
}

static void seal(struct store *s, enum store_table table, struct muster_bytes key, uint8_t *value,
                 size_t len)
{
    put_be(value, crc_of(key, MUSTER_BYTES(value + CRC_LEN, len - CRC_LEN)), CRC_LEN);
    store_batch_op(s, table, key, MUSTER_BYTES(value, len), false);
}

static bool is_sealed(struct muster_bytes key, struct muster_bytes value)
{
    return value.len >= CRC_LEN &&
           get_be(value.data, CRC_LEN) ==
               crc_of(key, MUSTER_BYTES(value.data + CRC_LEN, value.len - CRC_LEN));
}

void store_record_row(struct store *s, struct store_bucket *b, const struct store_entry *e)
{
    uint8_t key[ROW_KEY_LEN];
    uint8_t *value = s->scratch;

    MUSTER_ASSERT(e->bucket == b->number);
    put_be(value + CRC_LEN, e->value->version, 8);
    memcpy(value + ROW_HEAD_LEN, e->value->bytes, e->value->len);
    seal(s, STORE_TABLE_ROW, row_key(key, e), value, ROW_HEAD_LEN + e->value->len);
    b->batch = s->log[s->at].batch.number;
}

void store_record_row_gone(struct store *s, struct store_bucket *b, const struct store_entry *e)
{
    uint8_t key[ROW_KEY_LEN];

    store_batch_op(s, STORE_TABLE_ROW, row_key(key, e), MUSTER_BYTES(NULL, 0), true);
    b->batch = s->log[s->at].batch.number;
}

void store_record_bucket(struct store *s, const struct store_bucket *b)
{
    uint8_t key[2], value[STORE_RECORD_BYTES];
    struct muster_writer w = muster_writer_over(value + CRC_LEN, sizeof value - CRC_LEN);

    put_be(key, b->number, 2);
    muster_write_array(&w, BUCKET_FIELDS);
    muster_write_u64(&w, b->promised.packed);
    muster_write_u64(&w, b->seat);
    muster_write_u64(&w, b->lost_seat);
    muster_write_u64(&w, b->round);
    muster_write_u64(&w, store_bucket_bench_version(b));
    if (b->bench_row == NULL)
        muster_write_nil(&w);
    else
        muster_write_bytes(&w, store_value_bytes(b->bench_row));
    muster_write_u64(&w, b->taken);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    seal(s, STORE_TABLE_BUCKET, MUSTER_BYTES(key, 2), value, CRC_LEN + muster_writer_bytes(&w).len);
}

static struct muster_bytes claim_key(const struct store_bucket *b, const struct store_claim *c,
                                     uint8_t key[2 + STORE_KEY_MAX])
{
    put_be(key, b->number, 2);
    memcpy(key + 2, c->key->bytes, c->key->len);
    return MUSTER_BYTES(key, 2 + c->key->len);
}

void store_record_claim(struct store *s, struct store_bucket *b, const struct store_claim *c,
                        bool gone)
{
    uint8_t key[2 + STORE_KEY_MAX], value[64];
    struct muster_writer w = muster_writer_over(value + CRC_LEN, sizeof value - CRC_LEN);
    struct muster_bytes name = claim_key(b, c, key);

    b->batch = s->log[s->at].batch.number;
    if (gone) {
        store_batch_op(s, STORE_TABLE_CLAIM, name, MUSTER_BYTES(NULL, 0), true);
        return;
    }
    muster_write_array(&w, STORE_CLAIM_FIELDS);
    muster_write_id(&w, c->node);
    muster_write_u64(&w, c->token);
    muster_write_u64(&w, c->tries);
    muster_write_u64(&w, c->uid);
    muster_write_u64(&w, c->revision);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    seal(s, STORE_TABLE_CLAIM, name, value, CRC_LEN + muster_writer_bytes(&w).len);
}

/* ---- boot */

/* A record that cannot be read goes with the first batch; if there are more than a batch holds, the
 * rest is found again at the next boot. */
static void record_forget(struct store *s, enum store_table table, struct muster_bytes key)
{
    if (store_batch_has_room(s, 1, key.len))
        store_batch_op(s, table, key, MUSTER_BYTES(NULL, 0), true);
}

/* The record of a promise cannot be read: what we have promised and held there is lost, and whoever
 * finds us on that bench must give us another seat. */
static int bucket_load(struct store *s, struct store_bucket *b, struct muster_bytes key,
                       struct muster_bytes value)
{
    if (!is_sealed(key, value)) {
        b->has_bad_row = true;
        b->lost_seat = UINT16_MAX;
        store_touch(s, b);
        return MUSTER_OK;
    }
    struct muster_reader r =
        muster_reader_over(MUSTER_BYTES(value.data + CRC_LEN, value.len - CRC_LEN));
    uint32_t fields = muster_read_array(&r, BUCKET_FIELDS);
    b->promised.packed = muster_read_u64(&r);
    b->seat = muster_read_u16(&r);
    b->lost_seat = muster_read_u16(&r);
    b->round = muster_read_u32(&r);
    uint64_t version = muster_read_u64(&r);
    if (!muster_read_is_nil(&r)) {
        struct muster_bytes row = muster_read_bytes(&r, STORE_BENCH_WIRE);
        if (!muster_reader_ok(&r) || store_bench_decode(&b->bench, row) != MUSTER_OK)
            return MUSTER_ECORRUPT; /* the checksum holds: we wrote it wrongly ourselves */
        b->bench_row = store_value_plain(version, row);
        if (b->bench_row == NULL)
            return MUSTER_EFULL;
    }
    b->taken = store_version_of(b->promised, STORE_SEQ_MAX).packed;
    if (fields == BUCKET_FIELDS) /* a build before did not note it: it may be any row */
        b->taken = muster_read_u64(&r);
    return muster_reader_end(&r) == MUSTER_OK ? MUSTER_OK : MUSTER_ECORRUPT;
}

static int row_load(struct store *s, struct store_bucket *b, struct muster_bytes key,
                    struct muster_bytes value)
{
    uint64_t place = get_be(key.data, 8);
    struct store_value *v = NULL;

    if (place >= s->table.next_place)
        s->table.next_place = place + 1;
    if (is_sealed(key, value) && value.len > ROW_HEAD_LEN)
        v = store_value_of_row(&s->table, b->number, get_be(value.data + CRC_LEN, 8),
                               MUSTER_BYTES(value.data + ROW_HEAD_LEN, value.len - ROW_HEAD_LEN));
    if (v == NULL || store_rows_find(&s->table, store_value_key(v)) != NULL) {
        store_value_drop(v);
        b->has_bad_row = true;
        record_forget(s, STORE_TABLE_ROW, key);
        return MUSTER_OK;
    }
    struct store_entry *e = store_rows_put(&s->table, v);
    if (e == NULL)
        return MUSTER_EFULL;
    e->place = place;
    return MUSTER_OK;
}

int store_load(struct store *s, enum store_table table, struct muster_bytes key,
               struct muster_bytes value)
{
    MUSTER_ASSERT(!s->is_started);
    if (table == STORE_TABLE_ROW && key.len != ROW_KEY_LEN)
        return MUSTER_ECORRUPT;
    if (table != STORE_TABLE_ROW && key.len < 2)
        return MUSTER_ECORRUPT;
    uint64_t number = get_be(key.data + (table == STORE_TABLE_ROW ? 8 : 0), 2);
    if (number >= s->config.buckets)
        return MUSTER_ECORRUPT;
    struct store_bucket *b = &s->bucket[number];
    if (table == STORE_TABLE_BUCKET)
        return key.len == 2 ? bucket_load(s, b, key, value) : MUSTER_ECORRUPT;
    if (table == STORE_TABLE_ROW)
        return row_load(s, b, key, value);
    if (table != STORE_TABLE_CLAIM || key.len - 2 > STORE_KEY_MAX)
        return MUSTER_ECORRUPT;
    if (!is_sealed(key, value)) {
        record_forget(s, table, key);
        return MUSTER_OK; /* its run is ended by whoever has the row */
    }
    return store_claim_load(s, b, MUSTER_BYTES(key.data + 2, key.len - 2),
                            MUSTER_BYTES(value.data + CRC_LEN, value.len - CRC_LEN));
}
