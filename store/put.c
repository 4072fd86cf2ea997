/* SPDX-License-Identifier: Apache-2.0 */
/* Writes at their two ends: a caller's rows become a proposal here, a keeper's PUT becomes rows
 * here, and a member's PUT_OK counts. */
#include "store/inside.h"

/* ---- the caller's side */

struct store_value *store_put_value(struct store *s, struct store_bucket *b,
                                    const struct store_row *row)
{
    struct store_version version = store_version_of(b->reign, b->seq + 1);
    struct store_row kept = *row;
    size_t len = 0;

    kept.is_light = row->is_light && store_light_goes_on(s, b, row->key);
    if (store_row_encode(&kept, s->scratch, STORE_ROW_MAX, &len) != MUSTER_OK)
        return NULL;
    struct store_value *v =
        store_value_of_row(&s->table, b->number, version.packed, MUSTER_BYTES(s->scratch, len));
    if (v != NULL)
        b->seq++;
    return v;
}

static int write_is_allowed(const struct store *s, const struct store_write *write, uint32_t *fresh)
{
    const struct store_entry *e = store_rows_find(&s->table, write->row->key);

    if (e == NULL) {
        ++*fresh;
        return write->expected == 0 ? MUSTER_OK : MUSTER_ECONFLICT;
    }
    if ((e->flags & STORE_ENTRY_OPEN) != 0 && !MUSTER_MUTANT(write_over_unread)) {
        return MUSTER_EBUSY; /* agents look first: this fence is for callers to come */
    }
    if (write->expected == 0)
        return e->value->phase == STORE_GONE ? MUSTER_OK : MUSTER_ECONFLICT;
    if (e->value->version == write->expected || MUSTER_MUTANT(write_over_unread))
        return MUSTER_OK;
    return MUSTER_ECONFLICT; /* agents read and write in one step: likewise */
}

/* An elected keeper that does not serve yet may place a run, behind its bench row: the row is one
 * that all voters hold alike, so it is chosen, and there is no claim of our own to be judged first.
 * Nobody acts on it before the bucket is served, which waits for it too. */
static bool write_is_early(const struct store *s, const struct store_bucket *b,
                           const struct store_write *write, uint32_t n)
{
    const struct store_entry *e = store_rows_find(&s->table, write->row->key);

    return b->role == STORE_ELECTED && n == 1 && write->places && b->claims == NULL && e != NULL &&
           (e->flags & STORE_ENTRY_REWRITE) == 0;
}

/* All of one bucket, each key once, each as its caller has read it. */
static int writes_are_allowed(struct store *s, const struct store_write *write, uint32_t n)
{
    uint32_t bucket = store_rows_bucket_of(&s->table, write[0].row->key);
    uint32_t fresh = 0;

    if (!store_is_serving(s, bucket) && !write_is_early(s, &s->bucket[bucket], write, n))
        return MUSTER_EREFUSED;
    for (uint32_t i = 0; i < n; i++) {
        if (store_rows_bucket_of(&s->table, write[i].row->key) != bucket)
            return MUSTER_EINVAL;
        for (uint32_t k = 0; k < i; k++) {
            if (muster_bytes_equal(write[k].row->key, write[i].row->key))
                return MUSTER_EINVAL;
        }
        int err = write_is_allowed(s, &write[i], &fresh);
        s->counters.conflicts += err == MUSTER_ECONFLICT;
        if (err != MUSTER_OK)
            return err;
    }
    if (MUSTER_RARE(write_refused))
        return MUSTER_EFULL;
    return fresh <= s->table.rows_max - s->table.rows ? MUSTER_OK : MUSTER_EFULL;
}

static struct store_value *write_value(struct store *s, struct store_bucket *b,
                                       const struct store_write *write)
{
    struct store_row row = *write->row;
    struct store_version version = store_version_of(b->reign, b->seq + 1);

    if (write->places)
        row.run_token = version.packed; /* R7 */
    if (write->places && MUSTER_MUTANT(token_used_again))
        row.run_token = store_version_of(store_reign_of(1, 1), b->seq + 1).packed;
    if (write->doubles)
        row.other_token = version.packed;
    if (write->births)
        row.uid = version.packed;
    return store_put_value(s, b, &row);
}

bool store_is_busy(const struct store *s)
{
    return s->proposals.used >= STORE_WRITES_MAX / 2;
}

int store_write(struct store *s, const struct store_write *write, uint32_t n)
{
    if (n == 0 || n > STORE_WRITE_ROWS)
        return MUSTER_ELIMIT;
    int err = writes_are_allowed(s, write, n);
    if (err != MUSTER_OK)
        return err;
    struct store_bucket *b = &s->bucket[store_rows_bucket_of(&s->table, write[0].row->key)];
    struct store_proposal *p = store_proposal_begin(s, b);
    if (p == NULL)
        return MUSTER_EFULL;
    for (uint32_t i = 0; i < n; i++) {
        struct store_value *v = write_value(s, b, &write[i]);
        if (v == NULL) {
            store_proposal_abandon(s, p); /* the numbers it took are simply skipped */
            return MUSTER_ELIMIT;
        }
        store_proposal_add(p, v);
    }
    p->cookie = write[0].cookie;
    store_proposal_send(s, b, p);
    return MUSTER_OK;
}

/* ---- a member's side */

/* A row of this reign or before, taken unless we hold as new a version already. False when it
 * cannot be held: then it must not be acknowledged. */
bool store_put_row(struct store *s, struct store_bucket *b, struct store_reign reign,
                   uint64_t version, struct muster_bytes bytes)
{
    struct store_version v = { version };

    if (store_version_reign(v).packed > reign.packed)
        return false;
    struct store_value *value = store_value_of_row(&s->table, b->number, version, bytes);
    if (value == NULL)
        return false;
    struct store_entry *e = store_rows_find(&s->table, store_value_key(value));
    if (e != NULL && e->value->version >= version && !MUSTER_MUTANT(older_row_taken)) {
        MUSTER_MARK(put_of_known_row);
        store_value_drop(value);
        return true;
    }
    return store_bucket_put(s, b, value) != NULL;
}

static bool put_bench(struct store *s, struct store_bucket *b, struct muster_reader *r)
{
    if (muster_read_is_nil(r))
        return true;
    muster_read_array_of(r, 2);
    uint64_t version = muster_read_u64(r);
    struct muster_bytes row = muster_read_bytes(r, STORE_BENCH_WIRE);
    if (!muster_reader_ok(r))
        return false;
    if (store_bucket_learn(s, b, version, row))
        return true;
    muster_reader_fail(r, MUSTER_EINVAL);
    return false;
}

static bool put_rows(struct store *s, struct store_bucket *b, struct store_reign reign,
                     struct muster_reader *r)
{
    uint32_t count = muster_read_array(r, 2 * STORE_WRITE_ROWS) / 2;
    size_t bytes = muster_reader_left(r);

    if (!muster_reader_ok(r) || !store_batch_has_room(s, count + 1, bytes + count * 64u))
        return false;
    bool is_held = true;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t version = muster_read_u64(r);
        struct muster_bytes row = muster_read_bytes(r, STORE_ROW_MAX);
        if (!muster_reader_ok(r))
            return false;
        is_held = is_held && b->seat != 0 && store_put_row(s, b, reign, version, row);
    }
    return is_held;
}

/* Frames of a reign are numbered: what was overtaken, by a PURGE for one, is ignored (section 6).
 */
static bool put_is_late(struct store_bucket *b, uint32_t counter)
{
    if (counter <= b->counter && !MUSTER_MUTANT(late_frame_taken))
        return true;
    b->counter = counter;
    return false;
}

void store_put_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint32_t counter = muster_read_u32(r);

    if (!muster_reader_ok(r) || !store_reign_accept(s, b, reign, peer) || put_is_late(b, counter))
        return;
    if (!put_bench(s, b, r))
        return;
    uint64_t first = muster_read_u64(r);
    if (!put_rows(s, b, reign, r) || b->seat == 0)
        return;
    if (muster_reader_left(r) > 0) /* beside a bench row; a build before does not say */
        store_light_told(s, b, muster_read_u64(r));
    if (!muster_reader_ok(r))
        return;
    struct store_item *item = store_item_new(s, STORE_PUT_OK, b, peer);
    if (item == NULL)
        return;
    item->reign = reign.packed;
    item->seat = b->seat;
    item->number = first;
    item->digest = store_bucket_digest(s, b);
    if (MUSTER_MUTANT(put_ok_before_commit))
        store_send(s, item);
    else
        store_answer(s, b, item);
}

void store_put_ok_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    uint64_t first = muster_read_u64(r);
    uint64_t digest = muster_read_u64(r);

    if (!muster_reader_ok(r) || !store_bucket_rules(b) || reign.packed != b->reign.packed)
        return;
    int member = store_bench_find(&b->bench, s->peer[peer].id, seat);
    if (member < 0) {
        MUSTER_MARK(put_ok_of_another_seat);
        return; /* it holds another seat than the one it was written to for */
    }
    b->member[member]->said = seat;
    struct store_proposal *p = store_proposal_find(s, b, first);
    bool is_bench = first == store_bucket_bench_version(b);
    b->member[member]->is_told = b->member[member]->is_told || is_bench;
    if (p != NULL)
        store_proposal_acked(s, b, p, (uint32_t)member);
    if (is_bench && store_bucket_rules(b))
        store_catchup_heard(s, b, (uint32_t)member, digest); /* a new seat is filled at once */
}

void store_purge_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint32_t counter = muster_read_u32(r);
    uint64_t version = muster_read_u64(r);
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);

    if (!muster_reader_ok(r) || !store_reign_accept(s, b, reign, peer) || put_is_late(b, counter))
        return;
    b->purged_counter = counter;
    struct store_entry *e = store_rows_find(&s->table, key);
    if (e == NULL || e->bucket != b->number || e->value->version != version) {
        MUSTER_MARK(purge_of_what_is_not_here);
        return;
    }
    s->counters.purged++;
    store_bucket_remove(s, b, e);
}
