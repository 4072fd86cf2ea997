/* SPDX-License-Identifier: Apache-2.0 */
/* The rows in memory. This file may ask for memory: rows come and go with the cluster's jobs, and a
 * block sized for the largest cluster would cost every small one. Its bound is rows_max. */
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/probe.h"
#include "store/order.h"

#define HEADS_FIRST 1024u

int store_rows_open(struct store_rows *t, uint32_t buckets, uint32_t rows_max)
{
    *t = (struct store_rows){ .buckets = buckets, .rows_max = rows_max, .next_place = 1 };
    t->heads = HEADS_FIRST;
    t->head = calloc(t->heads, sizeof *t->head);
    t->shelf = calloc(buckets, sizeof *t->shelf);
    if (t->head != NULL && t->shelf != NULL)
        return MUSTER_OK;
    store_rows_close(t);
    return MUSTER_EFULL;
}

void store_rows_close(struct store_rows *t)
{
    for (uint32_t i = 0; t->shelf != NULL && i < t->buckets; i++) {
        while (t->shelf[i].first != NULL)
            store_rows_remove(t, t->shelf[i].first);
    }
    free(t->shelf);
    free(t->head);
    *t = (struct store_rows){ .heads = 0 };
}

struct store_value *store_value_plain(uint64_t version, struct muster_bytes bytes)
{
    MUSTER_ASSERT(bytes.len <= UINT32_MAX);
    struct store_value *v = malloc(sizeof *v + bytes.len);

    if (v == NULL)
        return NULL;
    *v = (struct store_value){ .version = version, .len = (uint32_t)bytes.len, .refs = 1 };
    if (bytes.len > 0)
        memcpy(v->bytes, bytes.data, bytes.len);
    return v;
}

uint16_t store_node_mark(struct muster_id node)
{
    return (uint16_t)(muster_hash64(MUSTER_BYTES(node.octet, sizeof node.octet), 0) | 1);
}

struct store_value *store_value_of_row(const struct store_rows *t, uint32_t bucket,
                                       uint64_t version, struct muster_bytes bytes)
{
    struct store_row row;

    if (version == 0 || store_row_decode(&row, bytes) != MUSTER_OK)
        return NULL;
    if (bucket != UINT32_MAX && store_rows_bucket_of(t, row.key) != bucket)
        return NULL;
    struct store_value *v = store_value_plain(version, bytes);
    if (v == NULL)
        return NULL;
    v->key_at = (uint8_t)(row.key.data - bytes.data);
    v->key_len = (uint16_t)row.key.len;
    v->phase = (uint8_t)row.phase;
    v->mode = (uint8_t)row.mode;
    v->is_light = row.is_light;
    v->where = row.phase == STORE_PLACED ? store_node_mark(row.run_node) : 0;
    v->places = row.phase == STORE_PLACED && row.run_token == version;
    v->has_exclusive_run = row.run_token != 0 && row.run_mode == STORE_EXCLUSIVE;
    return v;
}

struct store_value *store_value_keep(struct store_value *v)
{
    MUSTER_ASSERT(v->refs > 0);
    MUSTER_ASSERT(v->refs < UINT16_MAX);
    v->refs++;
    return v;
}

void store_value_drop(struct store_value *v)
{
    if (v == NULL)
        return;
    MUSTER_ASSERT(v->refs > 0);
    if (--v->refs == 0)
        free(v);
}

uint32_t store_rows_bucket_of(const struct store_rows *t, struct muster_bytes key)
{
    return (uint32_t)(muster_hash64(store_key_home(key), 0) % t->buckets);
}

static struct store_entry **chain_of(const struct store_rows *t, uint64_t hash)
{
    return &t->head[hash & (t->heads - 1)];
}

static struct store_entry *hashed_find(const struct store_rows *t, uint64_t hash,
                                       struct muster_bytes key)
{
    for (struct store_entry *e = *chain_of(t, hash); e != NULL; e = e->chain) {
        if (e->hash == hash && muster_bytes_equal(store_value_key(e->value), key))
            return e;
    }
    return NULL;
}

struct store_entry *store_rows_find(const struct store_rows *t, struct muster_bytes key)
{
    return hashed_find(t, muster_hash64(key, 0), key);
}

struct store_entry *store_rows_after(const struct store_rows *t, struct muster_bytes after)
{
    return store_order_after(t->order, after);
}

/* Twice as many chains, so that they stay short. Without memory they only get longer. */
static void table_grow(struct store_rows *t)
{
    uint32_t heads = t->heads * 2;
    struct store_entry **head = calloc(heads, sizeof *head);

    if (head == NULL)
        return;
    for (uint32_t i = 0; i < t->heads; i++) {
        for (struct store_entry *e = t->head[i], *next; e != NULL; e = next) {
            next = e->chain;
            e->chain = head[e->hash & (heads - 1)];
            head[e->hash & (heads - 1)] = e;
        }
    }
    free(t->head);
    t->head = head;
    t->heads = heads;
}

uint32_t store_key_sub(struct muster_bytes key)
{
    return (uint32_t)(muster_hash64(key, 0) >> 60);
}

uint32_t store_entry_sub(const struct store_entry *e)
{
    return (uint32_t)(e->hash >> 60);
}

static uint64_t entry_digest(const struct store_entry *e)
{
    if (e->value->phase == STORE_GONE && MUSTER_MUTANT(digest_without_tombstones))
        return 0;
    return muster_hash64(store_value_key(e->value), e->value->version);
}

/* Adds or takes away: XOR does both. */
static void shelf_count(struct store_rows *t, const struct store_entry *e, bool add)
{
    struct store_shelf *shelf = &t->shelf[e->bucket];
    uint32_t gone = e->value->phase == STORE_GONE;

    t->changes++;
    shelf->sub[store_entry_sub(e)] ^= entry_digest(e);
    shelf->tombstones = add ? shelf->tombstones + gone : shelf->tombstones - gone;
    t->tombstones = add ? t->tombstones + gone : t->tombstones - gone;
    uint32_t job = !gone && store_key_is_job(store_value_key(e->value));
    t->jobs = add ? t->jobs + job : t->jobs - job;
}

static struct store_entry *entry_new(struct store_rows *t, struct store_value *v)
{
    uint64_t hash = muster_hash64(store_value_key(v), 0);
    uint8_t height = store_order_height(hash);
    size_t size = sizeof(struct store_entry) + height * sizeof(struct store_entry *);
    struct store_entry *e = t->rows < t->rows_max ? malloc(size) : NULL;

    if (e == NULL)
        return NULL;
    *e = (struct store_entry){ .value = v, .hash = hash, .height = height };
    e->place = t->next_place++;
    e->bucket = (uint16_t)store_rows_bucket_of(t, store_value_key(v));
    return e;
}

static void entry_link(struct store_rows *t, struct store_entry *e)
{
    struct store_shelf *shelf = &t->shelf[e->bucket];
    struct store_entry **chain = chain_of(t, e->hash);

    e->chain = *chain;
    *chain = e;
    e->bucket_prev = shelf->last;
    if (shelf->last == NULL)
        shelf->first = e;
    else
        shelf->last->bucket_next = e;
    shelf->last = e;
    store_order_insert(t->order, e);
    shelf->rows++;
    t->rows++;
}

struct store_entry *store_rows_put(struct store_rows *t, struct store_value *v)
{
    struct store_entry *e = store_rows_find(t, store_value_key(v));

    MUSTER_ASSERT(v->key_len > 0);
    if (e != NULL) {
        shelf_count(t, e, false);
        store_value_drop(e->value);
        e->value = v;
        e->flags &= (uint8_t)~STORE_ENTRY_FULL; /* nobody has acknowledged this version */
    } else {
        if (t->rows >= t->heads)
            table_grow(t);
        e = entry_new(t, v);
        if (e == NULL) {
            store_value_drop(v);
            return NULL;
        }
        entry_link(t, e);
    }
    shelf_count(t, e, true);
    return e;
}

void store_rows_remove(struct store_rows *t, struct store_entry *e)
{
    struct store_shelf *shelf = &t->shelf[e->bucket];
    struct store_entry **chain = chain_of(t, e->hash);

    shelf_count(t, e, false);
    while (*chain != e)
        chain = &(*chain)->chain;
    *chain = e->chain;
    *(e->bucket_prev == NULL ? &shelf->first : &e->bucket_prev->bucket_next) = e->bucket_next;
    *(e->bucket_next == NULL ? &shelf->last : &e->bucket_next->bucket_prev) = e->bucket_prev;
    store_order_remove(t->order, e);
    MUSTER_ASSERT(shelf->rows > 0);
    shelf->rows--;
    t->rows--;
    store_value_drop(e->value);
    free(e);
}

uint64_t store_shelf_digest(const struct store_shelf *shelf)
{
    uint64_t digest = 0;

    for (uint32_t i = 0; i < STORE_SUBS; i++)
        digest ^= shelf->sub[i];
    return digest;
}

bool store_shelf_is_sane(const struct store_rows *t, uint32_t bucket)
{
    const struct store_shelf *shelf = &t->shelf[bucket];
    uint64_t digest = store_shelf_digest(shelf);
    uint32_t rows = 0, tombstones = 0;

    for (const struct store_entry *e = shelf->first; e != NULL; e = e->bucket_next) {
        if (e->bucket != bucket || hashed_find(t, e->hash, store_value_key(e->value)) != e)
            return false;
        if (e->bucket_next == NULL && shelf->last != e)
            return false;
        digest ^= entry_digest(e);
        rows++;
        tombstones += e->value->phase == STORE_GONE;
    }
    return digest == 0 && rows == shelf->rows && tombstones == shelf->tombstones;
}

bool store_rows_is_sane(const struct store_rows *t)
{
    uint32_t rows = 0, jobs = 0;

    for (uint32_t i = 0; i < t->buckets; i++) {
        if (!store_shelf_is_sane(t, i))
            return false;
    }
    for (const struct store_entry *e = t->order[0]; e != NULL; e = e->next[0]) {
        if (e->next[0] != NULL && muster_bytes_compare(store_value_key(e->value),
                                                       store_value_key(e->next[0]->value)) >= 0)
            return false;
        rows++;
        jobs += e->value->phase != STORE_GONE && store_key_is_job(store_value_key(e->value));
    }
    return rows == t->rows && jobs == t->jobs;
}
