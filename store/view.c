/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: rows, buckets, whom to ask, and the counters. */
#include "store/inside.h"

uint32_t store_bucket_of(const struct store *s, struct muster_bytes key)
{
    return store_rows_bucket_of(&s->table, key);
}

/* A member that once held exactly our rows holds those written before that still; of a later one
 * nothing is known but what its write was told. */
static bool member_has_row(const struct store *s, const struct store_bucket *b,
                           const struct store_entry *e, uint32_t member)
{
    const struct store_proposal *w = store_proposal_holding(b, e->value);
    struct store_version version = { e->value->version };
    bool is_ours = store_version_reign(version).packed == b->reign.packed;

    if (w != NULL)
        return (w->mask & store_bit(member)) != 0;
    if (b->member[member]->peer == 0)
        return store_is_on_disk(s, b); /* a slow disk may be the last of all to have it (R17) */
    return b->member[member]->equal > (is_ours ? store_version_seq(version) : 0);
}

/* How many live seats are known to hold the row: never more than do (P1). What is chosen stands on
 * more than half of them, also when it has slipped our mind which. */
static uint32_t row_copies(const struct store *s, const struct store_bucket *b,
                           const struct store_entry *e)
{
    uint32_t mask = 0, least = ((uint32_t)__builtin_popcount(b->bench.old_mask) + 1) / 2;
    uint32_t lost = (uint32_t)__builtin_popcount(b->bench.old_mask & b->bench.lost_mask);

    if (!store_bucket_rules(b))
        return 1;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        bool is_live = b->member[i]->peer == 0 || store_peer_is_live(s, b->member[i]->peer);
        mask |= is_live && member_has_row(s, b, e, i) ? store_bit(i) : 0;
    }
    uint32_t copies = store_bench_copies(&b->bench, mask);
    bool is_chosen = b->role == STORE_SERVING && (e->flags & STORE_ENTRY_OPEN) == 0;
    least = least > lost ? least - lost : 1;
    return is_chosen && copies < least ? least : copies;
}

/* The row of a value, read once while it is asked for often. */
static const struct store_row *row_of(const struct store *s, struct store_value *v)
{
    struct store_read *read = &s->read[v->version % STORE_READS];

    if (read->value != v) {
        store_value_drop(read->value);
        int err = store_row_decode(&read->row, store_value_bytes(v));
        MUSTER_ASSERT(err == MUSTER_OK); /* it was decoded before it was taken in */
        read->value = store_value_keep(v);
    }
    return &read->row;
}

static void view_fill(const struct store *s, const struct store_entry *e, struct store_view *view)
{
    const struct store_bucket *b = &s->bucket[e->bucket];

    view->row = *row_of(s, e->value);
    view->version.packed = e->value->version;
    view->bucket = e->bucket;
    view->is_light = (e->flags & STORE_ENTRY_LIGHT) != 0;
    view->is_chosen = b->role == STORE_SERVING &&
                      ((e->flags & STORE_ENTRY_OPEN) == 0 || MUSTER_MUTANT(serves_before_chosen));
    view->copies = row_copies(s, b, e);
}

bool store_get(const struct store *s, struct muster_bytes key, struct store_view *view)
{
    const struct store_entry *e = store_rows_find(&s->table, key);

    if (e == NULL)
        return false;
    view_fill(s, e, view);
    return true;
}

bool store_after(const struct store *s, struct muster_bytes after, struct store_view *view)
{
    const struct store_entry *e = store_rows_after(&s->table, after);

    if (e == NULL)
        return false;
    view_fill(s, e, view);
    return true;
}

/* The cursor is the entry that comes next, or CURSOR_END. Entries stay where they are until a step
 * removes them, so a caller may write rows while it walks. */
#define CURSOR_END 1u

bool store_bucket_next(const struct store *s, uint32_t bucket, uint64_t *cursor,
                       struct store_view *view)
{
    const struct store_entry *e;

    MUSTER_ASSERT(bucket < s->config.buckets);
    if (*cursor == CURSOR_END)
        return false;
    if (*cursor == 0)
        e = s->table.shelf[bucket].first;
    else
        e = (const struct store_entry *)(uintptr_t)*cursor;
    if (e == NULL) {
        *cursor = CURSOR_END;
        return false;
    }
    MUSTER_ASSERT(e->bucket == bucket);
    *cursor = e->bucket_next == NULL ? CURSOR_END : (uint64_t)(uintptr_t)e->bucket_next;
    view_fill(s, e, view);
    return true;
}

void store_bucket(const struct store *s, uint32_t bucket, struct store_bucket_view *view)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    const struct store_bucket *b = &s->bucket[bucket];
    const struct store_shelf *shelf = &s->table.shelf[bucket];

    *view = (struct store_bucket_view){
        .role = (enum store_role)b->role,
        .seat = b->seat,
        .reign = b->promised,
        .heard_ms = b->heard_ms,
        .ruled_ms = b->ruled_ms,
        .takeover_ms = b->takeover_ms,
        .bench_version = { store_bucket_bench_version(b) },
        .bench_is_chosen = store_bucket_rules(b) && !b->bench_is_open,
        .rows = shelf->rows,
        .tombstones = shelf->tombstones,
        .claims = b->claim_count,
        .digest = store_shelf_digest(shelf),
    };
    if (b->keeper != STORE_NOBODY)
        view->keeper = s->peer[b->keeper].id;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (store_bench_is_old(&b->bench, i))
            view->old_seat[view->old_count++] = b->bench.member[i];
        if ((b->bench.new_mask & store_bit(i)) != 0)
            view->new_seat[view->new_count++] = b->bench.member[i];
    }
}

struct store_reign store_reign_served(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    const struct store_bucket *b = &s->bucket[bucket];

    return b->role == STORE_SERVING ? b->promised : (struct store_reign){ 0 };
}

struct store_reign store_reign_heard(const struct store *s, uint32_t bucket)
{
    const struct store_bucket *b = &s->bucket[bucket];
    bool is_heard = b->role <= STORE_SEATED && b->keeper != STORE_NOBODY;

    return is_heard ? (struct store_reign){ b->counter_reign } : store_reign_served(s, bucket);
}

struct store_version store_bench_known(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    return (struct store_version){ store_bucket_bench_version(&s->bucket[bucket]) };
}

struct store_version store_row_known(const struct store *s, struct muster_bytes key)
{
    const struct store_entry *e = store_rows_find(&s->table, key);

    return (struct store_version){ e == NULL ? 0 : e->value->version };
}

uint16_t store_seat(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    return s->bucket[bucket].seat;
}

uint64_t store_changes(const struct store *s)
{
    return s->table.changes;
}

static uint32_t hint_add(const struct store *s, uint16_t peer, struct muster_id *out, uint32_t n,
                         uint32_t max)
{
    if (peer == STORE_NOBODY || n >= max)
        return n;
    for (uint32_t i = 0; i < n; i++) {
        if (muster_id_equal(out[i], s->peer[peer].id))
            return n;
    }
    out[n] = s->peer[peer].id;
    return n + 1;
}

bool store_is_quorum(const struct store *s, uint32_t bucket, const struct muster_id *node,
                     uint32_t n)
{
    const struct store_bench *bench = &s->bucket[bucket].bench;
    uint32_t mask = 0;

    for (uint32_t i = 0; i < bench->count; i++)
        for (uint32_t k = 0; k < n; k++)
            mask |= muster_id_equal(bench->member[i].node, node[k]) ? store_bit(i) : 0;
    return store_bench_quorum(bench, mask);
}

uint32_t store_keeper_hint(const struct store *s, uint32_t bucket, struct muster_id *out,
                           uint32_t max)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    const struct store_bucket *b = &s->bucket[bucket];
    uint32_t n = hint_add(s, b->keeper != STORE_NOBODY ? b->keeper : b->ruler, out, 0, max);

    for (uint32_t i = 0; i < b->bench.count; i++)
        n = hint_add(s, b->member[i]->peer, out, n, max);
    for (uint32_t i = 0; i < b->wish_count;
         i++) /* a bench we never heard of is probably the wish */
        n = hint_add(s, b->wish[i], out, n, max);
    return n;
}

bool store_is_serving(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    const struct store_bucket *b = &s->bucket[bucket];

    return b->role == STORE_SERVING && store_lease_holds(s, b);
}

void store_counters(const struct store *s, struct store_counters *out)
{
    *out = s->counters;
    out->rows = s->table.rows;
    out->tombstones = s->table.tombstones;
    out->jobs = s->table.jobs;
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        out->serving += s->bucket[i].role == STORE_SERVING;
        out->seated += s->bucket[i].seat != 0;
    }
}

static bool proposals_are_sane(const struct store *s, const struct store_bucket *b)
{
    uint32_t unchosen = 0, open = 0, expected = 0;

    for (const struct store_proposal *w = b->first_proposal; w != NULL; w = w->next) {
        if (w->is_closed || w->bucket != b->number || w->mask >> b->bench.count != 0)
            return false;
        /* What a quorum holds is chosen the moment it is known. */
        if (!w->is_chosen && !b->wants_review && store_bench_quorum(&b->bench, w->mask) &&
            (!w->has_light || store_light_is_held(&b->bench, w->mask)))
            return false;
        unchosen += !w->is_chosen;
        expected += !w->is_chosen && !w->is_bench ? w->count : 0;
    }
    for (const struct store_entry *e = s->table.shelf[b->number].first; e != NULL;
         e = e->bucket_next)
        open += (e->flags & STORE_ENTRY_OPEN) != 0;
    return unchosen == b->unchosen && open == expected;
}

static bool bucket_is_sane(const struct store *s, const struct store_bucket *b)
{
    const struct store_shelf *shelf = &s->table.shelf[b->number];
    uint32_t claims = 0;

    for (const struct store_claim *c = b->claims; c != NULL; c = c->next)
        claims++;
    if (claims != b->claim_count || (b->seat == 0) != (b->role == STORE_NO_SEAT))
        return false;
    if (b->seat == 0 && (shelf->rows > 0 || claims > 0))
        return false; /* a node without a seat keeps only the bench row and its promise (R25) */
    if (b->seat != 0 && store_bucket_self(s, b) < 0)
        return false;
    if (!store_bucket_rules(b) && (b->first_proposal != NULL || b->unchosen != 0))
        return false;
    if (store_bucket_rules(b) && b->promised.packed != b->reign.packed)
        return false; /* a keeper that has promised another reign has stepped down (I2) */
    for (const struct store_entry *e = shelf->first; e != NULL; e = e->bucket_next) {
        struct store_version v = { e->value->version };
        if (store_version_reign(v).packed > b->promised.packed)
            return false; /* rows come from reigns we have promised or earlier ones (I4) */
    }
    return proposals_are_sane(s, b);
}

bool store_bucket_is_sane(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    return bucket_is_sane(s, &s->bucket[bucket]) && store_shelf_is_sane(&s->table, bucket);
}

bool store_is_sane(const struct store *s)
{
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        if (!bucket_is_sane(s, &s->bucket[i]))
            return false;
    }
    for (uint32_t i = 0; i < s->peers; i++) {
        if (s->peer[i].fill_bytes > STORE_FILL_BYTES + STORE_ROW_MAX)
            return false;
    }
    return s->committed <= s->log[s->at].batch.number && store_rows_is_sane(&s->table);
}
