/* SPDX-License-Identifier: Apache-2.0 */
/* Beats: how a keeper knows that it still is one, and how its members know of it. (R14 to R16) */
#include "store/inside.h"

/* Stepping down a little before the members may vote again keeps two keepers from overlapping. */
static uint64_t guard_ms(const struct store *s)
{
    return s->config.times.calm_ms / 10;
}

uint64_t store_lease_end_ms(const struct store *s, const struct store_bucket *b)
{
    uint64_t from = b->answered_ms > b->started_ms ? b->answered_ms : b->started_ms;

    return from + s->config.times.calm_ms - guard_ms(s);
}

bool store_lease_holds(const struct store *s, const struct store_bucket *b)
{
    return store_bucket_rules(b) && s->now.mono_ms < store_lease_end_ms(s, b);
}

/* R36. A lease rests on an answered beat only, never on the election: whoever may follow us counts
 * from the beats that it has heard. */
uint64_t store_grant_end_ms(const struct store *s, uint32_t bucket)
{
    const struct store_bucket *b = &s->bucket[bucket];
    const struct store_times *t = &s->config.times;

    if (b->role != STORE_SERVING || !store_lease_holds(s, b) || b->answered_ms == 0)
        return 0;
    if (MUSTER_MUTANT(lease_without_answer))
        return s->now.mono_ms + t->horizon_ms;
    return b->answered_ms + t->horizon_ms - t->margin_ms;
}

/* ---- whether we still are one */

bool store_is_confirmed(const struct store *s, uint32_t bucket, uint64_t since_ms)
{
    const struct store_bucket *b = &s->bucket[bucket];

    return store_bucket_rules(b) && (b->answered_ms >= since_ms || b->bench.count == 1);
}

void store_confirm(struct store *s, uint32_t bucket, uint64_t since_ms)
{
    struct store_bucket *b = &s->bucket[bucket];

    if (!store_bucket_rules(b))
        return;
    b->confirm_ms = b->confirm_ms > since_ms ? b->confirm_ms : since_ms;
    b->wants_beat = true;
    store_scan_at(s, s->now.mono_ms);
}

static void confirm(struct store *s, struct store_bucket *b)
{
    if (b->confirm_ms == 0)
        return;
    store_say(s, STORE_EFFECT_CONFIRMED, b->number);
    if (b->answered_ms >= b->confirm_ms)
        b->confirm_ms = 0;
}

/* s of R14: the latest time that a quorum has answered a beat sent then or later. */
static void beat_count(struct store *s, struct store_bucket *b)
{
    uint64_t before = b->answered_ms;

    for (uint32_t i = 0; i < b->bench.count; i++) {
        uint64_t echo = b->member[i]->echo_ms;
        uint32_t mask = 0;
        if (echo <= b->answered_ms)
            continue;
        for (uint32_t k = 0; k < b->bench.count; k++)
            mask |= b->member[k]->echo_ms >= echo ? store_bit(k) : 0;
        if (store_bench_quorum(&b->bench, mask))
            b->answered_ms = echo;
    }
    if (b->answered_ms > before)
        confirm(s, b);
}

void store_beat_send(struct store *s, struct store_bucket *b)
{
    int self = store_bucket_self(s, b);

    MUSTER_ASSERT(store_bucket_rules(b));
    b->wants_beat = false;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (b->member[i]->peer == 0)
            continue;
        struct store_item *item = store_item_new(s, STORE_BEAT, b, b->member[i]->peer);
        if (item != NULL && MUSTER_RARE(beat_dropped)) {
            store_item_free(s, item);
            continue;
        }
        if (item == NULL)
            continue;
        item->reign = b->reign.packed;
        item->version = store_bucket_bench_version(b);
        item->number = s->now.mono_ms;
        item->digest = store_version_of(b->reign, b->seq).packed;
        store_send(s, item);
    }
    /* The keeper answers its own beat, so a later vote of it carries the age of its own reign
     * (R14). */
    if (!MUSTER_MUTANT(no_self_beat))
        b->heard_ms = s->now.mono_ms;
    b->calm_ms = s->now.mono_ms + s->config.times.calm_ms;
    if (self >= 0)
        b->member[self]->echo_ms = s->now.mono_ms;
    beat_count(s, b);
    if (b->answered_ms + s->config.times.beat_ms * 2 >= s->now.mono_ms)
        b->known_ms = s->now.mono_ms;
}

void store_beat_take(struct store *s, uint16_t peer, struct muster_reader *r, uint64_t head)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    (void)muster_read_u64(r); /* of the bench */
    uint64_t written = muster_reader_left(r) > 0 ? muster_read_u64(r) : UINT64_MAX;
    bool is_told = muster_reader_ok(r) && muster_reader_left(r) > 0;
    uint64_t digest = is_told ? muster_read_u64(r) : 0;

    if (!muster_reader_ok(r))
        return;
    if (!store_reign_accept(s, b, reign, peer))
        return;
    if (is_told && digest == store_bucket_digest(s, b))
        store_light_confirmed(b);
    store_light_floor(b, reign, written);
    struct store_item *item = store_item_new(s, STORE_BEAT_OK, b, peer);
    if (item == NULL)
        return;
    item->reign = reign.packed;
    item->seat = b->seat;
    item->version = store_bucket_bench_version(b);
    item->digest = store_bucket_digest(s, b);
    item->number = head;
    store_answer(s, b, item);
}

/* The member does not know the bench row that stands: tell it again. A node that is being given a
 * second seat is told once, as its first. */
static void bench_repeat(struct store *s, struct store_bucket *b, uint32_t member)
{
    uint32_t first = 0;
    while (b->member[first]->peer != b->member[member]->peer)
        first++;
    struct store_item *item =
        b->bench_is_open ? NULL : store_proposal_frame(s, b, STORE_PUT, first);

    if (item == NULL)
        return; /* it is on its way already */
    item->value = store_value_keep(b->bench_row);
    store_send(s, item);
}

static void member_heard(struct store *s, struct store_bucket *b, uint32_t member, uint16_t seat,
                         uint64_t bench_version, uint64_t digest)
{
    struct store_member *m = b->member[member];

    m->said = seat;
    m->is_lost = false;
    if (bench_version < store_bucket_bench_version(b)) {
        MUSTER_MARK(bench_repeated);
        bench_repeat(s, b, member);
    } else if (seat != b->bench.member[member].seat) {
        MUSTER_MARK(member_lost_its_rows);
        m->is_lost = true; /* it knows the bench row and does not sit: its rows are lost (R54) */
        store_look(s, b);
    } else if (!store_bench_is_old(&b->bench, member) && !m->is_told) {
        MUSTER_MARK(bench_known_and_reach_not);
        /* by another's word, perhaps; it is not level before it knows */
        bench_repeat(s, b, member);
    } else {
        store_catchup_heard(s, b, member, digest);
    }
}

void store_beat_ok_take(struct store *s, uint16_t peer, struct muster_reader *r, uint64_t head)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    uint64_t bench_version = muster_read_u64(r);
    uint64_t digest = muster_read_u64(r);

    if (!muster_reader_ok(r))
        return;
    if (!store_bucket_rules(b) || reign.packed != b->reign.packed || head > s->now.mono_ms)
        return;
    /* Without a mark: an elected keeper writes its bench anew in its own reign before all else, so
     * a newer one is of a later reign, and who has promised that one refuses our beats. It would
     * take two keepers at one moment, which leases forbid, and a member that has heard of the later
     * one from a third. */
    if (bench_version > store_bucket_bench_version(b)) {
        store_reign_step_down(s, b, "a member knows a newer bench", true);
        return;
    }
    int member = store_bench_voter(&b->bench, s->peer[peer].id, seat);
    for (uint32_t i = 0; i < b->bench.count && member < 0; i++)
        member = b->member[i]->peer == peer ? (int)i : -1;
    if (member < 0)
        return;
    struct store_member *m = b->member[member];
    if (head > m->echo_ms)
        m->echo_ms = head;
    beat_count(s, b);
    member_heard(s, b, (uint32_t)member, seat, bench_version, digest);
    if (store_bucket_rules(b))
        store_claims_take(s, b, peer, r);
}
