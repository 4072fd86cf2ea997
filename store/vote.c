/* SPDX-License-Identifier: Apache-2.0 */
/* Votes: ASK, YES and NO, and the hand-over that begins with YIELD. (R10 to R13, R55) */
#include "store/inside.h"

static void vote_yes(struct store *s, struct store_bucket *b, uint16_t peer, uint64_t bench_version)
{
    struct store_item *item = store_item_new(s, STORE_YES, b, peer);

    if (item == NULL)
        return;
    item->reign = b->promised.packed;
    item->seat = b->seat;
    item->number = s->now.mono_ms - b->heard_ms;
    item->digest = store_bucket_digest(s, b);
    item->version = b->floor;
    if (store_bucket_bench_version(b) > bench_version)
        item->value = store_value_keep(b->bench_row);
    store_answer(s, b, item);
}

/* Only the calm depends on these; safety rests on the promise alone. */
static bool vote_disturbs(const struct store *s, const struct store_bucket *b,
                          struct store_reign consent)
{
    if (consent.packed != 0 && consent.packed == b->promised.packed)
        return false; /* the keeper we heard of hands over */
    if (MUSTER_MUTANT(vote_in_lease) || MUSTER_RARE(votes_uncalm))
        return false;
    if (store_bucket_rules(b))
        return store_lease_holds(s, b);
    if (s->now.mono_ms < b->calm_ms)
        return true;
    return s->now.mono_ms < b->hold_ms && b->role != STORE_CANDIDATE;
}

/* Who asks knew a moment earlier than we that the keeper is dead: it is remembered, and need not
 * wait until it asks again, or until we stand ourselves. */
static void knock_keep(const struct store *s, struct store_bucket *b, uint16_t peer,
                       struct store_reign reign)
{
    b->knock = reign;
    b->knock_peer = peer;
    b->knock_ms = s->now.mono_ms + s->config.times.calm_ms / 2;
}

static void vote_give(struct store *s, struct store_bucket *b, uint16_t peer,
                      struct store_reign reign, uint64_t bench_version)
{
    store_reign_step_down(s, b, "votes for another", false);
    b->promised = reign;
    b->round = store_reign_round(reign) > b->round ? store_reign_round(reign) : b->round;
    b->hold_ms = s->now.mono_ms + s->config.times.vote_hold_ms;
    b->jitter_ms = (uint32_t)muster_rng_below(&s->rng, s->config.times.rank_ms);
    b->keeper = STORE_NOBODY;
    b->counter_reign = 0;
    if (!MUSTER_MUTANT(promise_forgotten))
        store_touch(s, b);
    vote_yes(s, b, peer, bench_version);
}

bool store_knock_answer(struct store *s, struct store_bucket *b)
{
    struct store_reign none = { 0 };
    struct store_reign reign = b->knock;

    if (reign.packed == 0)
        return false;
    if (s->now.mono_ms >= b->knock_ms || reign.packed <= b->promised.packed ||
        b->role != STORE_SEATED || b->lost_seat != 0 || !s->peer[b->knock_peer].is_connected) {
        b->knock = none;
        return false;
    }
    if (vote_disturbs(s, b, none))
        return false;
    MUSTER_MARK(knock_is_answered);
    b->knock = none;
    vote_give(s, b, b->knock_peer, reign, 0);
    return true;
}

void store_ask_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint64_t bench_version = muster_read_u64(r);
    struct store_reign consent = store_reign_read(r);

    if (!muster_reader_ok(r))
        return;
    if (b->lost_seat != 0 && !MUSTER_MUTANT(amnesiac_counted))
        return; /* what we promised and held there is lost: no vote before a new seat (R54) */
    if (reign.packed == b->promised.packed && b->role <= STORE_SEATED &&
        b->keeper == STORE_NOBODY) {
        MUSTER_MARK(ask_again);
        vote_yes(s, b, peer, bench_version); /* the same question again */
        return;
    }
    bool is_stranger = bench_version < store_bucket_bench_version(b) &&
                       store_bench_seat(&b->bench, s->peer[peer].id) == 0;
    bool is_outranked = reign.packed <= b->promised.packed && !MUSTER_MUTANT(vote_for_lower);
    if (is_outranked || is_stranger || vote_disturbs(s, b, consent) || MUSTER_RARE(vote_kept)) {
        if (is_outranked)
            MUSTER_MARK(ask_outranked);
        else if (is_stranger)
            MUSTER_MARK(ask_stranger);
        else
            MUSTER_MARK(ask_disturbs);
        if (!is_outranked && !is_stranger && b->role == STORE_SEATED)
            knock_keep(s, b, peer, reign);
        store_refuse(s, b, peer, reign);
        return;
    }
    vote_give(s, b, peer, reign, bench_version);
}

/* A bench row beside an answer: [version, row] or nil. False when it is no bench at all. */
static bool bench_take(struct store *s, struct store_bucket *b, struct muster_reader *r)
{
    if (muster_read_is_nil(r))
        return true;
    muster_read_array_of(r, 2);
    uint64_t version = muster_read_u64(r);
    struct muster_bytes row = muster_read_bytes(r, STORE_BENCH_WIRE);
    if (!muster_reader_ok(r))
        return false;
    if (version > store_bucket_bench_version(b) && store_bucket_rules(b))
        store_reign_step_down(s, b, "a newer bench", true);
    if (version > store_bucket_bench_version(b))
        MUSTER_MARK(bench_comes_with_answer);
    if (store_bucket_learn(s, b, version, row))
        return true;
    muster_reader_fail(r, MUSTER_EINVAL);
    return false;
}

/* An empty member holds no row, so no row is held alike by all voters: what only some of the others
 * hold must not be acted upon before it is chosen anew (R12, R13). */
static void rows_rewrite_all(struct store *s, const struct store_bucket *b)
{
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next)
        e->flags |= STORE_ENTRY_REWRITE;
}

static void yes_count(struct store *s, struct store_bucket *b, uint32_t member, uint16_t seat,
                      uint64_t digest)
{
    struct store_member *m = b->member[member];

    if (m->has_voted)
        return;
    m->has_voted = true;
    m->said = seat;
    /* A voter that does not hold the seat it is named for counts as an empty member (R12). */
    bool is_empty = seat != b->bench.member[member].seat;
    if (is_empty) {
        MUSTER_MARK(voter_is_empty);
        if (!MUSTER_MUTANT(empty_voter_counted))
            rows_rewrite_all(s, b);
    }
    bool is_skipped = is_empty && !MUSTER_MUTANT(unseated_rows_merged);
    if (is_skipped || MUSTER_MUTANT(merge_skipped) || digest == store_bucket_digest(s, b)) {
        m->is_merged = true;
        if (!is_empty)
            store_light_held(s, b, member, UINT16_MAX);
        store_reign_count(s, b);
        return;
    }
    store_catchup_send_list(s, b, member);
}

void store_yes_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    uint64_t age = muster_read_u64(r);
    uint64_t digest = muster_read_u64(r);

    if (!muster_reader_ok(r))
        return;
    if (b->role != STORE_CANDIDATE || reign.packed != b->reign.packed) {
        MUSTER_MARK(yes_too_late);
        muster_read_skip(r);
        return;
    }
    if (!bench_take(s, b, r) || b->role != STORE_CANDIDATE)
        return;                  /* the newer bench has given us another seat, or none */
    uint64_t floor = UINT64_MAX; /* of a build that does not say: it vouches for nothing */
    if (muster_reader_left(r) > 0)
        floor = muster_read_u64(r);
    uint64_t taken = UINT64_MAX; /* likewise */
    if (muster_reader_left(r) > 0)
        taken = muster_read_u64(r);
    uint64_t vain = UINT64_MAX;
    if (muster_reader_left(r) > 0)
        vain = muster_read_u64(r);
    if (!muster_reader_ok(r))
        return;
    if (age < b->age_min_ms)
        b->age_min_ms = age;
    int member = store_bench_voter(&b->bench, s->peer[peer].id, seat);
    if (member >= 0 && !b->member[member]->has_voted) {
        b->member[member]->floor = floor;
        b->member[member]->taken = taken;
        b->member[member]->vain = vain;
    }
    if (member >= 0)
        yes_count(s, b, (uint32_t)member, seat, digest);
    store_reign_count(s, b); /* a newer bench may have more members to ask */
}

/* Somebody rules, says who heard it, in a reign below ours perhaps: a quorum is in sight, so there
 * is nothing to claim, and what was claimed is that keeper's to judge, though it cannot be heard
 * here (R42, P3). */
static void ruled_by(struct store *s, struct store_bucket *b, struct store_reign reign)
{
    if (MUSTER_MUTANT(word_of_keeper_ignored))
        return;
    MUSTER_MARK(word_of_keeper);
    b->ruler = STORE_NOBODY;
    for (uint32_t i = 0; i < b->bench.count; i++)
        if (b->bench.member[i].seat == store_reign_seat(reign))
            b->ruler = b->member[i]->peer;
    b->ruled_ms = s->now.mono_ms;
    b->known_ms = s->now.mono_ms;
    b->is_claimable = false;
}

void store_no_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    struct store_reign promised = store_reign_read(r);

    (void)peer;
    if (!muster_reader_ok(r))
        return;
    if (store_reign_round(promised) > b->round)
        b->round = store_reign_round(promised);
    bool is_outranked = b->role > STORE_SEATED && reign.packed == b->reign.packed &&
                        promised.packed > b->reign.packed;
    bool was_keeper = store_bucket_rules(b);
    if (is_outranked) {
        MUSTER_MARK(outranked);
        store_reign_step_down(s, b, "outranked", false);
    }
    (void)bench_take(s, b, r);
    bool is_ruled = muster_read_bool(r);
    if (!muster_reader_ok(r))
        return;
    if (is_ruled && !store_bucket_rules(b))
        ruled_by(s, b, promised);
    if (!is_outranked || is_ruled)
        return;
    /* Nobody rules in the reign that is in our way: somebody stood for it in vain, cut off from us
     * perhaps. Who was keeper asks anew at once, and whoever heard of it consents. */
    b->calm_ms = s->now.mono_ms;
    b->hold_ms = s->now.mono_ms; /* our vote for ourselves binds nobody any more */
    if (was_keeper && b->role == STORE_SEATED) {
        MUSTER_MARK(outranked_in_vain);
        store_reign_stand(s, b, reign);
    }
}

void store_reign_lists_done(struct store *s, struct store_bucket *b, uint32_t member)
{
    struct store_member *m = b->member[member];

    if (m->lists != 0 || m->wants != 0 || m->is_merged)
        return;
    m->is_merged = true;
    store_reign_count(s, b);
}

void store_yield_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);

    if (!muster_reader_ok(r))
        return;
    if (b->role != STORE_SEATED || b->promised.packed != reign.packed || b->keeper != peer)
        return;
    store_reign_stand(s, b, reign);
}
