/* SPDX-License-Identifier: Apache-2.0 */
/* Tombstones go when every seat of the bench has them, and never by age alone. (R21, R22)
 *
 * A tombstone remembers the last requests of its name. One that hung in a connection, was asked
 * again and is long answered may still arrive; without the tombstone it would bring the job back.
 * (R19) So it stays for as long as anything can be under way: the rows fall into generations, and
 * what was there when a generation began is ripe when the next one does. */
#include "store/inside.h"

#define PURGES_PER_LOOK 256u

/* What must hold for any purge here: we serve, no seat is being filled, and the tombstones are on
 * our own disk too: coming back with the row alive in our table would bring the job back. */
static bool purge_is_possible(const struct store *s, const struct store_bucket *b)
{
    return b->role == STORE_SERVING && store_lease_holds(s, b) &&
           !store_bench_is_joint(&b->bench) && !b->bench_is_open;
}

/* The name may run again once its tombstone is gone, so an exclusive run must have ended before:
 * the placer takes it out of the row when it is GONE or its leases are over (R22, R39). */
static bool row_may_go(const struct store_entry *e)
{
    if (e->value->phase != STORE_GONE || (e->flags & STORE_ENTRY_OPEN) != 0)
        return false;
    return !e->value->has_exclusive_run || MUSTER_MUTANT(purge_with_live_lease);
}

static void purge_send(struct store *s, struct store_bucket *b, const struct store_entry *e,
                       uint32_t member)
{
    struct store_item *item = store_proposal_frame(s, b, STORE_PURGE, member);
    if (item == NULL)
        return; /* it will show the row as one we do not know, and it is superseded */
    item->version = e->value->version;
    item->value = store_value_keep(e->value);
    store_send(s, item);
}

static void purge_row(struct store *s, struct store_bucket *b, struct store_entry *e)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        purge_send(s, b, e, i);
        if (MUSTER_RARE(purge_repeated))
            purge_send(s, b, e, i);
    }
    STORE_TRACE(s, "bucket %u: purges %.*s", b->number, (int)e->value->key_len,
                (const char *)store_value_key(e->value).data);
    s->counters.purged++;
    store_bucket_remove(s, b, e);
}

/* Every seat has acknowledged this write, ours included. Its tombstones are purged with a later
 * step: the caller has yet to see that they are chosen, and whose run is to be ended. */
void store_purge_written(struct store *s, struct store_bucket *b, const struct store_proposal *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct store_entry *e = store_rows_find(&s->table, store_value_key(w->value[i]));
        if (e == NULL || e->value != w->value[i] || e->value->phase != STORE_GONE)
            continue;
        MUSTER_MARK(tombstone_everywhere_at_once);
        e->flags |= STORE_ENTRY_FULL;
        if (s->config.times.ripe_ms == 0 && b->purge_ms == MUSTER_NEVER)
            b->purge_ms = s->now.mono_ms + s->config.times.beat_ms / 8;
        store_scan_at(s, b->purge_ms);
    }
}

/* With the beat: members that held exactly our rows a moment ago hold our tombstones as well. */
static uint32_t seq_held_by_all(const struct store *s, const struct store_bucket *b)
{
    uint32_t equal = UINT32_MAX;

    if (!store_is_on_disk(s, b))
        return 0;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        bool is_lost = (b->bench.lost_mask & store_bit(i)) != 0;
        is_lost = is_lost || (MUSTER_MUTANT(away_not_waited_for) &&
                              !store_peer_is_linked(s, b->member[i]->peer));
        if (b->member[i]->peer != 0 && !is_lost && b->member[i]->equal < equal)
            equal = b->member[i]->equal;
    }
    return equal;
}

bool store_is_whole(const struct store *s, uint32_t bucket)
{
    MUSTER_ASSERT(bucket < s->config.buckets);
    const struct store_bucket *b = &s->bucket[bucket];

    return purge_is_possible(s, b) && seq_held_by_all(s, b) > 0;
}

/* A reign begins: what it took over is young to it. */
void store_purge_begin(struct store *s, struct store_bucket *b)
{
    b->purge_ms = MUSTER_NEVER;
    b->ripe_seq = 0;
    b->ripening_seq = 1;
    b->ripe_ms = s->now.mono_ms + s->config.times.ripe_ms;
}

/* True when a generation begins, or the last look was not finished. */
static bool look_is_due(const struct store *s, struct store_bucket *b)
{
    if (s->config.times.ripe_ms == 0)
        b->ripe_seq = UINT32_MAX;
    else if (s->now.mono_ms < b->ripe_ms)
        return s->now.mono_ms >= b->purge_ms;
    else
        b->ripe_seq = b->ripening_seq;
    b->ripening_seq = b->seq + 1;
    b->ripe_ms = s->now.mono_ms + s->config.times.ripe_ms;
    return true;
}

void store_purge_check(struct store *s, struct store_bucket *b)
{
    uint32_t equal = seq_held_by_all(s, b), left = PURGES_PER_LOOK;
    struct store_entry *next;

    if (!look_is_due(s, b))
        return;
    b->purge_ms = MUSTER_NEVER;
    if (s->table.shelf[b->number].tombstones == 0 || !purge_is_possible(s, b))
        return;
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL && left > 0; e = next) {
        struct store_version version = { e->value->version };
        next = e->bucket_next;
        bool is_ours = store_version_reign(version).packed == b->reign.packed;
        /* `equal` counts from 1; a row of an earlier reign was there before our first. */
        uint32_t needs = is_ours ? store_version_seq(version) + 1 : 1;
        bool is_everywhere = equal >= needs || (e->flags & STORE_ENTRY_FULL) != 0;
        if (needs > b->ripe_seq || !is_everywhere || !row_may_go(e) ||
            !store_batch_has_room(s, 1, 16))
            continue;
        MUSTER_MARK(purged);
        purge_row(s, b, e);
        left--;
    }
    if (left == 0)
        b->purge_ms = s->now.mono_ms + s->config.times.beat_ms / 8;
}

void store_purge_forget(struct store *s, struct store_bucket *b)
{
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next)
        e->flags &= (uint8_t)~STORE_ENTRY_FULL;
}
