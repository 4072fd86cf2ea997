/* SPDX-License-Identifier: Apache-2.0 */
/* Dreamt disks: a batch is on them whole or not at all, and a crash decides which. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/sim/sim.h"

#define FOUNDED_MS 1000

static struct muster_bytes own(struct muster_bytes b)
{
    uint8_t *p = malloc(b.len + 1);
    MUSTER_ASSERT(p != NULL);
    if (b.len > 0)
        memcpy(p, b.data, b.len);
    return MUSTER_BYTES(p, b.len);
}

static void disown(struct muster_bytes b)
{
    free((void *)(uintptr_t)b.data);
}

#define RECORDS_MAX (1u << 20)

static uint64_t record_hash(uint8_t table, struct muster_bytes key)
{
    return muster_hash64(key, table);
}

static struct sim_record *record_find(const struct sim_node *n, uint8_t table,
                                      struct muster_bytes key)
{
    uint32_t cursor = 0, index = 0;
    while (n->disk.count > 0 &&
           muster_map_find(&n->disk.map, record_hash(table, key), &cursor, &index)) {
        struct sim_record *r = &n->disk.record[index];
        if (r->table == table && muster_bytes_equal(r->key, key))
            return r;
    }
    return NULL;
}

static uint32_t record_new(struct sim_disk *d)
{
    if (d->spare_count > 0)
        return d->spare[--d->spare_count];
    if (d->count == 0) {
        int err = muster_map_open(&d->map, 64);
        MUSTER_ASSERT(err == MUSTER_OK);
    }
    if (d->count == d->size) {
        d->size = d->size > 0 ? 2 * d->size : 64;
        d->record = realloc(d->record, d->size * sizeof *d->record);
        d->spare = realloc(d->spare, d->size * sizeof *d->spare);
        MUSTER_ASSERT(d->record != NULL && d->spare != NULL);
    }
    return d->count++;
}

static void record_put(struct sim_node *n, uint8_t table, struct muster_bytes key,
                       struct muster_bytes value)
{
    struct sim_disk *d = &n->disk;
    struct sim_record *r = record_find(n, table, key);
    if (r != NULL) {
        disown(r->value);
        r->value = own(value);
        r->is_damaged = false;
        return;
    }
    uint32_t index = record_new(d);
    d->record[index] = (struct sim_record){ table, true, false, own(key), own(value) };
    int err = muster_map_put_growing(&d->map, record_hash(table, key), index, RECORDS_MAX);
    MUSTER_ASSERT(err == MUSTER_OK);
}

static void record_delete(struct sim_node *n, uint8_t table, struct muster_bytes key)
{
    struct sim_disk *d = &n->disk;
    struct sim_record *r = record_find(n, table, key);
    if (r == NULL)
        return;
    uint32_t index = (uint32_t)(r - d->record);
    muster_map_remove(&d->map, record_hash(table, key), index);
    d->spare[d->spare_count++] = index;
    disown(r->key);
    disown(r->value);
    *r = (struct sim_record){ 0 };
}

void sim_disk_begin(struct sim *s, uint32_t node, const struct store_disk_batch *b)
{
    struct sim_node *n = &s->node[node];
    struct sim_disk *d = &n->disk;
    if (d->has_pending)
        sim_fail(s, 1, "n%u commits a batch while another is under way", node);
    d->pending = calloc(b->count + 1, sizeof *d->pending);
    d->pending_delete = calloc(b->count + 1, sizeof *d->pending_delete);
    MUSTER_ASSERT(d->pending != NULL && d->pending_delete != NULL);
    for (uint32_t i = 0; i < b->count; i++) {
        d->pending[i] = (struct sim_record){ (uint8_t)b->op[i].table, true, false,
                                             own(b->op[i].key), own(b->op[i].value) };
        d->pending_delete[i] = b->op[i].is_delete;
    }
    d->pending_count = b->count;
    d->pending_number = b->number;
    d->has_pending = true;
    uint64_t took = 1 + muster_rng_below(&s->rng, s->faults.commit_ms + 1);
    if (s->now < d->slow_until)
        took += muster_rng_below(&s->rng, d->slow_ms);
    sim_at(
        s, s->now + took,
        (struct sim_item){
            .kind = SIM_COMMIT, .node = node, .generation = n->generation, .number = b->number });
}

/* The batch under way has come to its end, this one or that. */
void sim_disk_done(struct sim *s, uint32_t node, uint64_t number)
{
    const struct sim_faults *f = &s->faults;
    struct sim_disk *d = &s->node[node].disk;
    struct agent_event e = { .kind = AGENT_EVENT_COMMITTED, .batch = number };
    if (d->is_full) {
        e.err = MUSTER_ENOSPC;
    } else if (s->now < FOUNDED_MS) { /* a founding that fails is for a person to repeat */
        sim_disk_apply(s, node);
    } else if (f->eio_per_mille > 0 && muster_rng_chance(&s->rng, f->eio_per_mille, 1000)) {
        e.err = MUSTER_EIO;
        sim_count(s, SIM_EIO);
    } else if (f->eio_done_per_mille > 0 &&
               muster_rng_chance(&s->rng, f->eio_done_per_mille, 1000)) {
        sim_disk_apply(s, node);
        e.err = MUSTER_EIO;
        sim_count(s, SIM_EIO_DONE);
    } else {
        sim_disk_apply(s, node);
    }
    if (e.err != MUSTER_OK)
        sim_log(s, "n%u commit fails: %s", node, muster_err_name(e.err));
    sim_disk_drop(&s->node[node]);
    sim_step(s, node, &e);
}

void sim_disk_drop(struct sim_node *n)
{
    struct sim_disk *d = &n->disk;
    for (uint32_t i = 0; i < d->pending_count; i++) {
        disown(d->pending[i].key);
        disown(d->pending[i].value);
    }
    free(d->pending);
    free(d->pending_delete);
    d->pending = NULL;
    d->pending_delete = NULL;
    d->pending_count = 0;
    d->has_pending = false;
}

static void operation_apply(struct sim *s, uint32_t node, const struct sim_record *p,
                            bool is_delete, const uint16_t *seats)
{
    struct sim_node *n = &s->node[node];
    const struct sim_record *r = record_find(n, p->table, p->key);
    bool is_there = r != NULL && !r->is_damaged;
    struct muster_bytes before = is_there ? own(r->value) : MUSTER_BYTES(NULL, 0);
    if (is_delete)
        record_delete(n, p->table, p->key);
    else
        record_put(n, p->table, p->key, p->value);
    sim_truth_op(s, node, p->table, p->key, is_delete ? MUSTER_BYTES(NULL, 0) : p->value, before,
                 seats);
    disown(before);
}

/* Written over by a later operation of the same batch: it never stood on the disk. */
static bool is_passing(const struct sim_disk *d, uint32_t op)
{
    for (uint32_t i = op + 1; i < d->pending_count; i++)
        if (d->pending[i].table == d->pending[op].table &&
            muster_bytes_equal(d->pending[i].key, d->pending[op].key))
            return true;
    return false;
}

static bool is_dropped(const struct sim_disk *d, const struct sim_record *r)
{
    for (uint32_t i = 0; i < d->pending_count; i++)
        if (d->pending_delete[i] && d->pending[i].table == r->table &&
            muster_bytes_equal(d->pending[i].key, r->key))
            return true;
    return false;
}

/* A batch that takes every row of the bucket away, not only tombstones, and leaves another bench
 * row behind: within it the node has lost its seat and got one again. The number may be the same,
 * when the bench row that gave it first was never chosen: then nobody knows that it was ever given.
 */
static bool is_reseated(const struct sim_node *n, uint32_t bucket, uint64_t bench_before)
{
    uint32_t alive = 0;
    if (n->bucket[bucket].bench_version == bench_before)
        return false;
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct sim_record *r = &n->disk.record[i];
        if (!r->is_live || r->table != STORE_TABLE_ROW || sim_truth_bucket(r->key) != bucket)
            continue;
        alive += !sim_truth_is_tombstone(r->value);
        if (!is_dropped(&n->disk, r))
            return false;
    }
    return alive > 0;
}

/* A batch is atomic: its buckets are looked at first, so that every row is judged by the seat that
 * the batch leaves behind. */
void sim_disk_apply(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct sim_disk *d = &n->disk;
    uint16_t seats[SIM_BUCKETS];
    uint64_t benches[SIM_BUCKETS];
    for (uint32_t b = 0; b < s->buckets; b++) {
        seats[b] = n->bucket[b].seat;
        benches[b] = n->bucket[b].bench_version;
    }
    for (int rows = 0; rows < 2; rows++) {
        for (uint32_t b = 0; b < s->buckets && rows == 1; b++)
            seats[b] = is_reseated(n, b, benches[b]) ? UINT16_MAX : seats[b];
        for (uint32_t i = 0; i < d->pending_count; i++)
            if ((d->pending[i].table != STORE_TABLE_BUCKET) == (rows == 1) && !is_passing(d, i))
                operation_apply(s, node, &d->pending[i], d->pending_delete[i], seats);
    }
    sim_disk_drop(n);
    sim_truth_judge(s);
}

void sim_disk_wipe(struct sim_node *n)
{
    sim_disk_drop(n);
    for (uint32_t i = 0; i < n->disk.count; i++) {
        if (!n->disk.record[i].is_live)
            continue;
        disown(n->disk.record[i].key);
        disown(n->disk.record[i].value);
    }
    if (n->disk.count > 0)
        muster_map_close(&n->disk.map);
    free(n->disk.record);
    free(n->disk.spare);
    memset(&n->disk, 0, sizeof n->disk);
}

void sim_disk_copy(const struct sim_node *n, struct sim_node *copy)
{
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct sim_record *r = &n->disk.record[i];
        if (r->is_live)
            record_put(copy, r->table, r->key, r->value);
    }
    copy->boot = n->boot;
}

void sim_disk_load(struct sim_node *n)
{
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct sim_record *r = &n->disk.record[i];
        if (!r->is_live)
            continue;
        int err = agent_node_load(n->node, (enum store_table)r->table, r->key, r->value);
        MUSTER_ASSERT(err == MUSTER_OK);
    }
}

bool sim_disk_read(const struct sim_node *n, enum store_table t, struct muster_bytes key,
                   struct muster_bytes *value)
{
    const struct sim_record *r = record_find(n, (uint8_t)t, key);
    if (r != NULL)
        *value = r->value;
    return r != NULL;
}

bool sim_disk_get(const struct sim_node *n, enum store_table t, const char *key,
                  struct muster_bytes *value)
{
    return sim_disk_read(n, t, muster_bytes_text(key), value);
}

void sim_disk_put(struct sim_node *n, enum store_table t, const char *key, const char *value)
{
    record_put(n, (uint8_t)t, muster_bytes_text(key), muster_bytes_text(value));
}

static bool may_flip(const struct sim_record *r)
{
    bool is_sealed = r->table == STORE_TABLE_BUCKET || r->table == STORE_TABLE_ROW ||
                     r->table == STORE_TABLE_CLAIM;
    return r->is_live && !r->is_damaged && is_sealed && r->value.len > 0;
}

bool sim_disk_flip(struct sim *s, uint32_t node, uint64_t luck)
{
    struct sim_disk *d = &s->node[node].disk;
    for (uint32_t i = 0; i < d->count; i++) {
        struct sim_record *r = &d->record[(i + luck) % d->count];
        if (!may_flip(r))
            continue;
        sim_log(s, "n%u a bit flips in a record of table %u", node, r->table);
        sim_truth_flipped(s, node, r->table, r->key, r->value);
        uint64_t bit = (luck >> 20) % (8 * r->value.len);
        uint8_t *value = (uint8_t *)(uintptr_t)r->value.data;
        value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        r->is_damaged = true;
        return true;
    }
    return false;
}
