/* SPDX-License-Identifier: Apache-2.0 */
/* Reigns from this node's side: standing, counting votes, opening the table, stepping down.
 *
 *              calm over, proof, consent          quorum merged           rewrites chosen
 *   SEATED ────────────────────────▶ CANDIDATE ─────────────▶ ELECTED ────────────▶ SERVING
 *      ▲                                 │                       │                     │
 *      └──── no quorum, outranked ───────┴── no answered quorum, no commit, outranked ─┘
 *
 * The candidate's own table grows into the merge of R13 while votes come in: rows it takes over
 * keep their versions. An election that comes to nothing leaves them behind, on one disk more than
 * their keeper had written them to, so a candidate notes how new the newest of them was, and says
 * so when it votes for another. */
#include "store/inside.h"

static void reign_ask(struct store *s, struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        struct store_member *m = b->member[i];
        bool was_asked = m->was_asked || m->peer == 0;
        for (uint32_t k = 0; k < i; k++)
            was_asked = was_asked || b->member[k]->peer == m->peer; /* one question per node */
        struct store_item *item = was_asked ? NULL : store_item_new(s, STORE_ASK, b, m->peer);
        if (item == NULL)
            continue;
        m->was_asked = true;
        item->reign = b->reign.packed;
        item->version = store_bucket_bench_version(b);
        item->number = b->consent.packed;
        store_send(s, item);
    }
}

/* Our bench may be of long ago, and nobody be left of it who knows the one of today. Whom the ring
 * wants for the bucket knows: a question for no reign asks for no vote, and draws the newest bench
 * (R11). */
static void wish_ask(struct store *s, struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->wish_count; i++) {
        uint16_t peer = b->wish[i];
        bool was_asked = peer == 0 || peer == STORE_NOBODY;
        for (uint32_t k = 0; k < b->bench.count; k++)
            was_asked = was_asked || b->member[k]->peer == peer;
        struct store_item *item = was_asked ? NULL : store_item_new(s, STORE_ASK, b, peer);
        if (item == NULL)
            continue;
        item->version = store_bucket_bench_version(b);
        store_send(s, item);
    }
}

void store_reign_stand(struct store *s, struct store_bucket *b, struct store_reign consent)
{
    const struct store_times *t = &s->config.times;
    uint32_t promised = store_reign_round(b->promised);

    MUSTER_ASSERT(b->role == STORE_SEATED);
    MUSTER_ASSERT(b->seat != 0);
    if (b->round < promised)
        b->round = promised;
    if (b->round >= STORE_ROUND_MAX || s->is_sick || s->is_over)
        return;
    b->round++;
    b->reign = store_reign_of(b->round, b->seat);
    MUSTER_ASSERT(b->reign.packed > b->promised.packed);
    b->promised = b->reign;
    b->consent = consent;
    b->keeper = STORE_NOBODY;
    b->role = STORE_CANDIDATE;
    b->limit_ms = s->now.mono_ms + t->calm_ms / 2;
    b->hold_ms = s->now.mono_ms + t->vote_hold_ms;
    b->jitter_ms = (uint32_t)muster_rng_below(&s->rng, t->rank_ms);
    b->age_min_ms = s->now.mono_ms - b->heard_ms;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        store_catchup_reset(s, b, i);
        uint16_t peer = b->member[i]->peer;
        *b->member[i] = (struct store_member){ .peer = peer };
    }
    /* what it takes over now is written anew in any case */
    b->member[store_bucket_self(s, b)]->taken = b->taken;
    b->member[store_bucket_self(s, b)]->vain = b->vain;
    store_light_stand(s, b);
    store_touch(s, b);
    struct store_item *item = store_item_new(s, STORE_ITEM_STAND, b, STORE_NOBODY);
    if (item != NULL)
        item->reign = b->reign.packed;
    store_batch_wait(s, item);
    /* The others promise while we do. Should we die before our own promise is on disk, we may ask
     * for this very reign again: nobody has ruled in it, and what they have promised still binds
     * them to us (R6). */
    reign_ask(s, b);
    wish_ask(s, b);
    if (MUSTER_MUTANT(own_vote_before_disk))
        store_reign_spent(s, b);
    if (consent.packed != 0)
        MUSTER_MARK(stands_with_consent);
    if (s->table.shelf[b->number].first != NULL)
        (void)store_say(s, STORE_EFFECT_STANDS, b->number);
    store_scan_at(s, b->limit_ms);
}

/* Our round is on disk, and with it our own vote: now it may be won (R6). */
void store_reign_spent(struct store *s, struct store_bucket *b)
{
    if (b->role != STORE_CANDIDATE)
        return;
    int self = store_bucket_self(s, b);
    MUSTER_ASSERT(self >= 0);
    b->member[self]->has_voted = true;
    b->member[self]->is_merged = true;
    b->member[self]->said = b->seat;
    store_reign_count(s, b);
}

/* A candidate took rows over that were older than its promise, and was not elected, or died before
 * it had written them anew. So a quorum may hold alike what no quorum has ever acknowledged, while
 * somebody who is away has a later version, which would come up in its place with the next keeper.
 * Such a row counts for nothing before it is written anew, and nobody knows which it is. */
static void rewrite_taken(struct store *s, const struct store_bucket *b)
{
    uint64_t taken = 0;

    for (uint32_t i = 0; i < b->bench.count; i++)
        if (b->member[i]->has_voted && b->member[i]->taken > taken)
            taken = b->member[i]->taken;
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next) {
        if (e->value->version > taken)
            continue;
        MUSTER_MARK(taken_row_is_written_anew);
        e->flags |= STORE_ENTRY_REWRITE;
    }
}

static void reign_elected(struct store *s, struct store_bucket *b)
{
    const struct store_times *t = &s->config.times;
    uint64_t wait = t->horizon_ms + t->margin_ms;

    b->role = STORE_ELECTED;
    b->keeper = 0;
    b->seq = 0;
    b->started_ms = s->now.mono_ms;
    b->answered_ms = 0;
    b->frames = 0;
    store_purge_begin(s, b);
    b->known_ms = s->now.mono_ms;
    b->is_claimable = false;
    b->takeover_ms = s->now.mono_ms + (wait > b->age_min_ms ? wait - b->age_min_ms : 0);
    if (MUSTER_MUTANT(no_takeover_wait))
        b->takeover_ms = s->now.mono_ms;
    b->bench_is_open = false;
    MUSTER_ASSERT(b->first_proposal == NULL);
    rewrite_taken(s, b);
    store_light_judge(s, b);
    b->reach = store_light_reach(s, b);
    store_light_told(s, b, b->reach);
    for (uint32_t i = 0; i < b->bench.count; i++) {
        struct store_member *m = b->member[i];
        *m = (struct store_member){ .peer = m->peer, .said = m->said };
    }
    b->rewrites = 0;
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next)
        b->rewrites += (e->flags & STORE_ENTRY_REWRITE) != 0 && !MUSTER_MUTANT(rewrite_skipped);
    s->counters.elections++;
    if (b->rewrites > 0)
        MUSTER_MARK(elected_with_rewrites);
    STORE_TRACE(s, "bucket %u: keeper in %u.%u, rewrites %u", b->number, b->round, b->seat,
                b->rewrites);
    struct store_bench bench = b->bench;
    if (!store_proposal_bench(s, b, &bench)) {
        store_reign_step_down(s, b, "no room to reign", false);
        return;
    }
    if (s->table.shelf[b->number].first != NULL)
        (void)store_say(s, STORE_EFFECT_ELECTED, b->number);
    store_look(s, b);
    store_beat_send(s, b);
}

void store_reign_count(struct store *s, struct store_bucket *b)
{
    uint32_t mask = 0;

    if (b->role != STORE_CANDIDATE)
        return;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (b->member[i]->has_voted && b->member[i]->is_merged)
            mask |= store_bit(i);
    }
    int self = store_bucket_self(s, b);
    MUSTER_ASSERT(self >= 0);
    if (!b->member[self]->has_voted)
        return; /* our own promise is not on disk yet: nothing is won before (I9) */
    if (store_bench_quorum(&b->bench, mask))
        reign_elected(s, b);
    else
        reign_ask(s, b);
}

/* One write as full as it may be of rows that are to be written anew. */
static bool reign_rewrite(struct store *s, struct store_bucket *b, struct store_entry **at)
{
    struct store_proposal *w = store_proposal_begin(s, b);
    size_t bytes = 0;

    if (w == NULL)
        return false;
    for (; *at != NULL && w->count < STORE_WRITE_ROWS; *at = (*at)->bucket_next) {
        struct store_entry *e = *at;
        if ((e->flags & STORE_ENTRY_REWRITE) == 0)
            continue;
        bytes += e->value->len;
        if (w->count > 0 && bytes > STORE_PAGE_BYTES)
            break;
        e->flags &= (uint8_t)~STORE_ENTRY_REWRITE;
        b->rewrites--;
        struct store_version next = store_version_of(b->reign, b->seq + 1);
        struct store_value *v = store_light_rewrite(s, b, e, next.packed);
        MUSTER_ASSERT(v != NULL); /* it was a row a moment ago */
        b->seq++;
        store_proposal_add(w, v);
    }
    store_proposal_send(s, b, w);
    return true;
}

void store_reign_open(struct store *s, struct store_bucket *b)
{
    struct store_entry *at = s->table.shelf[b->number].first;

    if (b->role != STORE_ELECTED)
        return;
    MUSTER_ASSERT(b->bench_row != NULL);
    while (b->rewrites > 0) {
        if (!reign_rewrite(s, b, &at)) {
            store_scan_at(s, s->now.mono_ms + s->config.times.beat_ms / 4);
            return;
        }
    }
    if (b->unchosen > 0 && !MUSTER_MUTANT(serves_before_chosen))
        return;
    b->role = STORE_SERVING;
    if (b->taken != 0)
        store_touch(s, b);
    b->taken = b->vain = 0; /* every row of ours is chosen, or was before */
    STORE_TRACE(s, "bucket %u: serves", b->number);
    (void)store_say(s, STORE_EFFECT_SERVING, b->number);
    store_claims_own(s, b); /* before anybody places what a claim of ours already runs */
    store_scan_at(s, s->now.mono_ms);
}

void store_reign_step_down(struct store *s, struct store_bucket *b, const char *why, bool again)
{
    if (b->role == STORE_NO_SEAT || b->role == STORE_SEATED)
        return;
    STORE_TRACE(s, "bucket %u: steps down, %s", b->number, why);
    bool was_serving = b->role == STORE_SERVING;
    b->role = STORE_SEATED;
    if (b->keeper == 0)
        b->keeper = STORE_NOBODY;
    for (uint32_t i = 0; i < b->bench.count; i++)
        store_catchup_reset(s, b, i);
    store_proposal_fail(s, b);
    b->rewrites = 0;
    s->counters.stepped_down++;
    if (again)
        b->calm_ms = s->now.mono_ms;
    b->jitter_ms = (uint32_t)muster_rng_below(&s->rng, s->config.times.rank_ms);
    if (was_serving)
        (void)store_say(s, STORE_EFFECT_RETIRED, b->number);
    store_scan_at(s, s->now.mono_ms);
}

bool store_reign_accept(struct store *s, struct store_bucket *b, struct store_reign reign,
                        uint16_t peer)
{
    if (reign.packed < b->promised.packed && !MUSTER_MUTANT(deposed_keeper_obeyed)) {
        MUSTER_MARK(frame_of_deposed_keeper);
        store_refuse(s, b, peer, reign);
        return false;
    }
    if (b->role > STORE_SEATED && reign.packed != b->reign.packed) {
        MUSTER_MARK(another_keeper);
        store_reign_step_down(s, b, "another keeper", false);
    }
    if (b->role > STORE_SEATED)
        return false; /* our own reign from somebody else's mouth */
    if (reign.packed > b->promised.packed) {
        b->promised = reign;
        store_touch(s, b);
    }
    if (store_reign_round(reign) > b->round)
        b->round = store_reign_round(reign);
    if (b->counter_reign != reign.packed) {
        b->counter_reign = reign.packed;
        b->counter = 0;
        b->purged_counter = 0;
    }
    b->keeper = peer;
    b->heard_ms = s->now.mono_ms;
    b->known_ms = s->now.mono_ms;
    b->calm_ms = s->now.mono_ms + s->config.times.calm_ms;
    b->is_claimable = false;
    return true;
}

/* When a seated member stands (R9): after the calm, by seat order, nobody at the same moment. */
uint64_t store_reign_due_ms(const struct store *s, const struct store_bucket *b)
{
    uint64_t due = b->calm_ms > b->hold_ms ? b->calm_ms : b->hold_ms;
    uint32_t rank = 0;

    if (b->role != STORE_SEATED || s->is_sick || s->is_over || b->round >= STORE_ROUND_MAX)
        return MUSTER_NEVER;
    if (b->bench.count == 1)
        return b->hold_ms < due ? b->hold_ms : due; /* nobody else to be calm for */
    for (uint32_t i = 0; i < b->bench.count; i++)
        rank += b->bench.member[i].seat < b->seat && store_peer_is_live(s, b->member[i]->peer);
    if (s->now.mono_ms >= b->hold_ms && MUSTER_RARE(stands_early))
        return s->now.mono_ms; /* safety rests on the promise, not on the calm */
    return due + (uint64_t)rank * s->config.times.rank_ms + b->jitter_ms;
}
