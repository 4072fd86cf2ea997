/* SPDX-License-Identifier: Apache-2.0 */
/* Bench changes and hand-overs: the wish and the dead start them, and a joint row carries them
 * through. (R24, R26)
 *
 *    old ──▶ old+new (joint) ──▶ new        when every added seat and a majority of new are level
 *                    └─────────▶ old        when an added node has died
 *
 * Changes of different buckets run side by side; what limits them is the bytes on their way to one
 * node (catchup.c), because most buckets are small and waiting for four of them at a time would
 * make a cluster of three take minutes. */
#include "store/inside.h"

static bool is_dead_for(const struct store *s, uint16_t peer, uint64_t ms)
{
    uint64_t since = peer == STORE_NOBODY ? s->start_ms : s->peer[peer].since_ms;

    if (peer != STORE_NOBODY && s->peer[peer].is_lost)
        return true; /* nothing is waited for (R49) */
    if (peer != STORE_NOBODY && s->peer[peer].is_replaced)
        return !store_peer_is_live(s, peer);
    return !store_peer_is_live(s, peer) && s->now.mono_ms >= since + ms;
}

static bool bench_has(const struct store_bucket *b, uint16_t peer)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (b->member[i]->peer == peer)
            return true;
    }
    return false;
}

static bool wish_has(const struct store_bucket *b, uint16_t peer)
{
    for (uint32_t i = 0; i < b->wish_count; i++) {
        if (b->wish[i] == peer)
            return true;
    }
    return false;
}

/* The best node of the wish that could take a seat now. */
static uint16_t wish_spare(const struct store *s, const struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->wish_count; i++) {
        uint16_t peer = b->wish[i];
        if (!bench_has(b, peer) && store_peer_is_linked(s, peer) &&
            s->peer[peer].state == STORE_PEER_ALIVE)
            return peer;
    }
    return STORE_NOBODY;
}

static bool wish_is_settled(const struct store *s, const struct store_bucket *b)
{
    if (s->is_draining)
        return b->wish_count > 0; /* who leaves does not wait for the ring to be still */
    return b->wish_count > 0 && s->now.mono_ms >= b->wish_ms + s->config.times.settle_ms;
}

/* The seat to be left out: one that has lost its rows, one that has been dead for long, or, once
 * the wish has settled, one that nobody wishes for any more. -1: none. */
static int seat_to_leave(const struct store *s, const struct store_bucket *b, uint16_t *to)
{
    uint16_t spare = wish_spare(s, b);

    for (uint32_t i = 0; i < b->bench.count; i++) {
        uint16_t peer = b->member[i]->peer;
        bool is_here = store_peer_is_linked(s, peer) && store_peer_is_live(s, peer);
        if (b->member[i]->is_lost && peer != 0 && is_here) {
            MUSTER_MARK(lost_seat_replaced);
            *to = peer; /* the same node, on a seat whose emptiness is known */
            return (int)i;
        }
    }
    *to = spare;
    if (spare == STORE_NOBODY)
        return -1;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (is_dead_for(s, b->member[i]->peer, s->config.times.replace_ms)) {
            MUSTER_MARK(dead_member_replaced);
            return (int)i;
        }
    }
    for (uint32_t i = 0; i < b->bench.count && wish_is_settled(s, b); i++) {
        uint16_t peer = b->member[i]->peer;
        if (peer != 0 && !wish_has(b, peer) && store_peer_is_live(s, peer)) {
            MUSTER_MARK(unwished_member_replaced);
            return (int)i;
        }
    }
    return -1;
}

static void change_open(struct store *s, struct store_bucket *b, uint16_t add, int without)
{
    struct store_bench bench = b->bench;

    if (bench.next_seat == UINT16_MAX)
        return;
    store_bench_open_change(&bench, s->peer[add].id, without);
    if (MUSTER_MUTANT(bench_without_joint))
        store_bench_end_change(&bench, true);
    if (!store_proposal_bench(s, b, &bench))
        return;
    /* Level means level with what stands from here on, and a page or a list that is under way says
     * nothing of what the old list alone has chosen since it was begun. */
    for (uint32_t i = 0; i < b->bench.count; i++) {
        store_catchup_reset(s, b, i);
        b->member[i]->level = 0;
    }
    STORE_TRACE(s, "bucket %u: bench change to %u seats", b->number,
                (uint32_t)__builtin_popcount(b->bench.new_mask));
}

static void change_begin(struct store *s, struct store_bucket *b)
{
    uint32_t wanted = s->config.replicas < b->wish_count ? s->config.replicas : b->wish_count;
    uint16_t add = wish_spare(s, b);

    if (b->bench.count < wanted && add != STORE_NOBODY) {
        change_open(s, b, add, -1);
        return;
    }
    int leave = seat_to_leave(s, b, &add);
    if (leave >= 0)
        change_open(s, b, add, leave);
}

/* Level, and nothing it might lack is still open: a version chosen by the old list alone must be on
 * the new one before the old one is let go. */
static bool member_may_count(const struct store_bucket *b, uint32_t member)
{
    uint32_t level = b->member[member]->level;

    return level > 0 && store_proposal_is_past(b, level - 1);
}

/* Dead, or alive only by hearsay: it cannot be filled. */
static bool is_out_of_reach(const struct store *s, uint16_t peer)
{
    if (!store_peer_is_live(s, peer))
        return true;
    return peer != 0 && !store_peer_is_linked(s, peer) &&
           s->now.mono_ms >= s->peer[peer].linked_ms + s->config.times.calm_ms;
}

/* The heir stands at once and with our consent, so nobody holds it up; until it serves nobody does.
 */
static bool hand_over(struct store *s, struct store_bucket *b, uint16_t heir)
{
    struct store_item *item = store_item_new(s, STORE_YIELD, b, heir);

    if (item == NULL)
        return false;
    item->reign = b->reign.packed;
    store_send(s, item);
    MUSTER_MARK(hands_over);
    b->yielded = b->reign;
    store_reign_step_down(s, b, "hands over", false);
    /* Should the heir not stand, the next in order does, and soon. */
    b->calm_ms = s->now.mono_ms + s->config.times.vote_hold_ms;
    return true;
}

/* We were elected in the middle of a change that leaves us out: one of those who stay ends it. */
static void change_leave_to_heir(struct store *s, struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        bool stays = (b->bench.new_mask & store_bit(i)) != 0 && member_may_count(b, i);
        if (stays && store_peer_is_linked(s, b->member[i]->peer) &&
            hand_over(s, b, b->member[i]->peer))
            return;
    }
}

static void change_go_on(struct store *s, struct store_bucket *b)
{
    struct store_bench bench = b->bench;
    uint32_t level = 0, all = 0;
    bool is_filled = true;

    for (uint32_t i = 0; i < b->bench.count; i++) {
        bool is_added = !store_bench_is_old(&b->bench, i);
        if ((b->bench.new_mask & store_bit(i)) == 0)
            continue;
        /* One that has lost the bucket's record takes the first seat it is named for to be the one
         * it held: that one it never sits on. (R54) */
        bool is_gone =
            is_added && (is_out_of_reach(s, b->member[i]->peer) || b->member[i]->is_lost);
        if (is_gone && !MUSTER_MUTANT(change_never_given_up)) {
            MUSTER_MARK(change_given_up);
            STORE_TRACE(s, "bucket %u: bench change given up", b->number);
            store_bench_end_change(&bench, false);
            (void)store_proposal_bench(s, b, &bench);
            return;
        }
        bool may_count = member_may_count(b, i);
        is_filled = is_filled && (may_count || !is_added);
        level += may_count;
        all += (b->bench.lost_mask & store_bit(i)) == 0; /* a quorum will be one of the others */
    }
    bool is_ready = is_filled && 2 * level > all;
    if (!is_ready && !MUSTER_MUTANT(bench_before_filled))
        return;
    if ((b->bench.new_mask & store_bit((uint32_t)store_bucket_self(s, b))) == 0) {
        MUSTER_MARK(change_left_to_heir);
        if (b->unchosen == 0)
            change_leave_to_heir(s, b);
        return;
    }
    store_bench_end_change(&bench, true);
    if (!store_proposal_bench(s, b, &bench))
        return;
    s->counters.bench_changes++;
    STORE_TRACE(s, "bucket %u: bench of %u", b->number, b->bench.count);
}

/* The keeper hands over to the first of the wish, once, when all is calm: it spreads the keepers
 * over the nodes as the ring would have them. */
static void yield_check(struct store *s, struct store_bucket *b)
{
    uint32_t wanted = s->config.replicas < b->wish_count ? s->config.replicas : b->wish_count;
    uint16_t to = STORE_NOBODY;

    if (s->yields_left == 0 || !wish_is_settled(s, b) || b->unchosen > 0 || b->bench.count < wanted)
        return;
    /* Who handed over to us may have had to: it is not given back at once. */
    if (b->consent.packed != 0 && !s->is_draining &&
        s->now.mono_ms < b->started_ms + s->config.times.settle_ms)
        return;
    for (uint32_t i = 0; i < b->wish_count && to == STORE_NOBODY; i++) {
        if (bench_has(b, b->wish[i]))
            to = b->wish[i];
    }
    if (to == 0 || to == STORE_NOBODY || !store_peer_is_linked(s, to))
        return;
    const struct store_peer *p = &s->peer[to];
    uint64_t settled = p->since_ms + (s->is_draining ? 0 : s->config.times.settle_ms);
    if (p->state != STORE_PEER_ALIVE || s->now.mono_ms < settled)
        return;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        const struct store_member *m = b->member[i];
        if (m->peer == to && (m->unequal > 0 || m->equal == 0))
            return;
    }
    if (hand_over(s, b, to))
        s->yields_left--;
}

/* One that is level needs the fewest words before it serves. */
static uint16_t heir_of(const struct store *s, const struct store_bucket *b)
{
    uint16_t heir = STORE_NOBODY;
    bool is_level = false;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        const struct store_member *m = b->member[i];
        bool level = m->unequal == 0 && m->equal > 0;
        if (m->peer == 0 || !store_peer_is_linked(s, m->peer) || !store_peer_is_live(s, m->peer) ||
            (heir != STORE_NOBODY && (is_level || !level)))
            continue;
        heir = m->peer;
        is_level = level;
    }
    return heir;
}

void store_change_hand_over(struct store *s)
{
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        uint16_t heir = b->role == STORE_SERVING ? heir_of(s, b) : STORE_NOBODY;
        if (heir != STORE_NOBODY)
            (void)hand_over(s, b, heir);
    }
}

void store_change_check(struct store *s, struct store_bucket *b)
{
    if (b->role != STORE_SERVING || b->bench_is_open || !store_lease_holds(s, b))
        return;
    if (store_bench_is_joint(&b->bench))
        change_go_on(s, b);
    else
        change_begin(s, b);
}

void store_yield_check(struct store *s, struct store_bucket *b)
{
    if (b->role == STORE_SERVING && !b->bench_is_open && !store_bench_is_joint(&b->bench))
        yield_check(s, b);
}
