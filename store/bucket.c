/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket on this node: its rows under their versions, its bench row, and the seat that gives us.
 */
#include <string.h>

#include "store/inside.h"

uint64_t store_bucket_digest(const struct store *s, const struct store_bucket *b)
{
    return store_shelf_digest(&s->table.shelf[b->number]);
}

uint64_t store_bucket_bench_version(const struct store_bucket *b)
{
    return b->bench_row == NULL ? 0 : b->bench_row->version;
}

struct store_bucket *store_bucket_read(struct store *s, struct muster_reader *r)
{
    uint32_t number = muster_read_u32(r);

    if (number >= s->config.buckets) {
        muster_reader_fail(r, MUSTER_ERANGE);
        number = 0;
    }
    return &s->bucket[number];
}

struct store_reign store_reign_read(struct muster_reader *r)
{
    struct store_reign reign = { muster_read_u64(r) };

    /* A reign beyond its 40 bits would be cut off in the versions written under it. */
    if (reign.packed >> 16 > STORE_ROUND_MAX) {
        muster_reader_fail(r, MUSTER_ERANGE);
        return (struct store_reign){ 0 };
    }
    return reign;
}

bool store_bucket_rules(const struct store_bucket *b)
{
    return b->role == STORE_ELECTED || b->role == STORE_SERVING;
}

int store_bucket_self(const struct store *s, const struct store_bucket *b)
{
    return store_bench_find(&b->bench, s->config.self, b->seat);
}

struct store_entry *store_bucket_put(struct store *s, struct store_bucket *b, struct store_value *v)
{
    struct store_entry *e = store_rows_find(&s->table, store_value_key(v));

    MUSTER_ASSERT(b->seat != 0);
    if (e != NULL)
        MUSTER_ASSERT(e->value->version < v->version); /* I4 */
    /* What has a record here keeps having one, so that no older version comes back from it. */
    bool is_light = v->is_light && (e == NULL || (e->flags & STORE_ENTRY_LIGHT) != 0);
    e = store_rows_put(&s->table, v);
    if (e == NULL)
        return NULL;
    b->has_light = b->has_light || is_light;
    e->flags = (uint8_t)(is_light ? e->flags | STORE_ENTRY_LIGHT : e->flags & ~STORE_ENTRY_LIGHT);
    if (!is_light)
        store_record_row(s, b, e);
    if (v->places && v->where == store_node_mark(s->config.self))
        store_say_of(s, STORE_EFFECT_FORETOLD, b->number, v)->token = v->version;
    return e;
}

void store_bucket_remove(struct store *s, struct store_bucket *b, struct store_entry *e)
{
    struct store_effect *cleared = store_say_of(s, STORE_EFFECT_CLEARED, b->number, e->value);

    cleared->node = s->config.self;
    if ((e->flags & STORE_ENTRY_LIGHT) == 0)
        store_record_row_gone(s, b, e);
    store_rows_remove(&s->table, e);
}

/* R25: in the same transaction as the new seat, because a row kept for a moment longer would be
 * counted as that seat's. */
void store_bucket_wipe(struct store *s, struct store_bucket *b)
{
    struct store_shelf *shelf = &s->table.shelf[b->number];

    while (shelf->first != NULL)
        store_bucket_remove(s, b, shelf->first);
    store_claims_wipe(s, b);
    MUSTER_ASSERT(store_bucket_digest(s, b) == 0);
}

/* Members keep what is known of them as long as they keep their seat. */
static void members_carry(struct store *s, struct store_bucket *b, const struct store_bench *before)
{
    struct store_member old[STORE_MEMBERS_MAX];

    for (uint32_t i = 0; i < before->count || i < b->bench.count; i++) {
        old[i] = *b->member[i];
        *b->member[i] = (struct store_member){ 0 };
    }
    for (uint32_t i = 0; i < b->bench.count; i++) {
        const struct store_seat *seat = &b->bench.member[i];
        int was = store_bench_find(before, seat->node, seat->seat);
        if (was >= 0)
            *b->member[i] = old[was];
        else
            b->member[i]->peer = store_peer_number(s, seat->node);
    }
}

static uint16_t mask_carry(const struct store_bucket *b, const struct store_bench *before,
                           uint16_t mask)
{
    uint32_t carried = 0;

    for (uint32_t i = 0; i < b->bench.count; i++) {
        const struct store_seat *seat = &b->bench.member[i];
        int was = store_bench_find(before, seat->node, seat->seat);
        if (was >= 0 && (mask & store_bit((uint32_t)was)) != 0)
            carried |= store_bit(i);
    }
    return (uint16_t)carried;
}

void store_bucket_set_bench(struct store *s, struct store_bucket *b, struct store_value *row,
                            const struct store_bench *bench)
{
    struct store_bench before = b->bench;

    MUSTER_ASSERT(row->version > store_bucket_bench_version(b)); /* I4, I12 */
    /* Fills to seats that are no more must give their room back before they are forgotten. */
    for (uint32_t i = 0; i < before.count; i++) {
        if (store_bench_find(bench, before.member[i].node, before.member[i].seat) < 0)
            store_catchup_reset(s, b, i);
    }
    store_value_drop(b->bench_row);
    b->bench_row = row;
    b->bench = *bench;
    store_peer_mark_lost(s, &b->bench);
    members_carry(s, b, &before);
    for (struct store_proposal *w = b->first_proposal; w != NULL; w = w->next)
        w->mask = mask_carry(b, &before, w->mask);
    for (struct store_entry *e = s->table.shelf[b->number].first;
         e != NULL && b->role == STORE_CANDIDATE; e = e->bucket_next)
        e->holders = mask_carry(b, &before, e->holders);
    store_purge_forget(s, b);
    b->wants_review = true;
    store_look(s, b);
    store_touch(s, b);
}

static void bucket_take_seat(struct store *s, struct store_bucket *b, uint16_t seat)
{
    STORE_TRACE(s, "bucket %u: seat %u was %u", b->number, seat, b->seat);
    if (b->role != STORE_SEATED && b->role != STORE_NO_SEAT) {
        MUSTER_MARK(seated_anew_while_ruling);
        store_reign_step_down(s, b, "seated anew", false);
    }
    if (seat == 0)
        MUSTER_MARK(seat_taken_away);
    else if (b->seat != 0)
        MUSTER_MARK(seated_anew);
    if (!MUSTER_MUTANT(reseat_without_wipe))
        store_bucket_wipe(s, b);
    b->seat = seat;
    if (seat != 0)
        b->lost_seat = 0;
    b->role = seat == 0 ? STORE_NO_SEAT : STORE_SEATED;
    b->heard_ms = s->now.mono_ms;
    b->calm_ms = s->now.mono_ms + s->config.times.calm_ms;
    b->known_ms = s->now.mono_ms;
    b->is_claimable = false;
    b->taken = b->vain = 0;
    b->floor = 0; /* a seat that nobody had before has nothing that it could have lost */
    store_touch(s, b);
    store_scan_at(s, b->calm_ms);
}

/* A bench row of a reign above our promise: that reign was won, so whatever we are in a lower one
 * is over, and we must not go on to write or help to write a bench row below this one (I12). */
static void bucket_heed(struct store *s, struct store_bucket *b, struct store_reign reign)
{
    if (reign.packed <= b->promised.packed)
        return;
    MUSTER_MARK(bench_of_a_later_reign);
    store_reign_step_down(s, b, "a bench of a later reign", true);
    b->promised = reign;
    if (store_reign_round(reign) > b->round)
        b->round = store_reign_round(reign);
    b->keeper = STORE_NOBODY;
    store_touch(s, b);
}

bool store_bucket_learn(struct store *s, struct store_bucket *b, uint64_t version,
                        struct muster_bytes row)
{
    struct store_bench bench;

    if (store_bench_decode(&bench, row) != MUSTER_OK || version == 0)
        return false;
    if (version <= store_bucket_bench_version(b))
        return true;
    for (uint32_t i = 0; i < bench.count; i++) {
        if (store_peer_number(s, bench.member[i].node) == STORE_NOBODY)
            return false; /* more nodes than we have room for: better blind than wrong */
    }
    struct store_value *v = store_value_plain(version, row);
    if (v == NULL)
        return false;
    bucket_heed(s, b, store_version_reign((struct store_version){ version }));
    store_bucket_set_bench(s, b, v, &bench);
    uint16_t seat = store_bench_seat(&bench, s->config.self);
    if (b->lost_seat == UINT16_MAX)
        b->lost_seat =
            seat; /* we cannot tell which seat we had: whatever we are named for is gone */
    /* A change that was to seat us anew has been given up, or its keeper's successor never heard of
     * it: what we held on our former seat went when we took the newer one (R25). */
    if (seat < b->seat && seat > b->lost_seat)
        b->lost_seat = seat;
    if (seat != 0 && seat <= b->lost_seat) {
        MUSTER_MARK(lost_seat_named_again);
        seat = 0;
    }
    if (seat != b->seat)
        bucket_take_seat(s, b, seat);
    return true;
}
