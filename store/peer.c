/* SPDX-License-Identifier: Apache-2.0 */
/* The other nodes by number: what is believed of their lives, and their connections. */
#include <string.h>

#include "store/inside.h"

#define UNHURRIED_MS 25u /* a few commits on a slow disk */

/* Benches and wishes name nodes that may not be connected, or not any more. */
#define PEERS_SPARE (64u + STORE_LOST_MAX)

int store_peers_open(struct store *s)
{
    s->peers_max = s->config.peers_max + PEERS_SPARE;
    if (s->peers_max >= STORE_NOBODY)
        return MUSTER_ELIMIT;
    s->peer = muster_arena_take(&s->arena, s->peers_max, sizeof *s->peer);
    s->first_ready = STORE_NOBODY;
    if (s->peer == NULL || muster_map_init(&s->peer_map, &s->arena, s->peers_max) != MUSTER_OK)
        return MUSTER_EFULL;
    uint16_t self = store_peer_number(s, s->config.self);
    MUSTER_ASSERT(self == 0);
    s->peer[0].state = STORE_PEER_ALIVE;
    return MUSTER_OK;
}

static uint64_t id_hash(struct muster_id id)
{
    return muster_hash64(MUSTER_BYTES(id.octet, MUSTER_ID_LEN), 0);
}

uint16_t store_peer_find(const struct store *s, struct muster_id id)
{
    uint32_t cursor = 0, value;

    while (muster_map_find(&s->peer_map, id_hash(id), &cursor, &value)) {
        if (muster_id_equal(s->peer[value].id, id))
            return (uint16_t)value;
    }
    return STORE_NOBODY;
}

static bool bucket_names(const struct store *s, const struct store_bucket *b, uint16_t peer)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (muster_id_equal(b->bench.member[i].node, s->peer[peer].id))
            return true;
    }
    for (uint32_t i = 0; i < b->wish_count; i++) {
        if (b->wish[i] == peer)
            return true;
    }
    return b->keeper == peer || b->ruler == peer;
}

/* A number nobody needs: its node is not connected and no bucket names it. Slow, and only asked for
 * when the table is full. */
static uint16_t peer_reclaim(struct store *s)
{
    for (uint16_t i = 1; i < s->peers; i++) {
        bool is_needed = s->peer[i].is_connected || s->peer[i].is_ready || s->peer[i].is_lost ||
                         s->peer[i].state == STORE_PEER_ALIVE;
        for (uint32_t k = 0; k < s->config.buckets && !is_needed; k++)
            is_needed = bucket_names(s, &s->bucket[k], i);
        if (is_needed)
            continue;
        muster_map_remove(&s->peer_map, id_hash(s->peer[i].id), i);
        return i;
    }
    return STORE_NOBODY;
}

uint16_t store_peer_number(struct store *s, struct muster_id id)
{
    uint16_t peer = store_peer_find(s, id);

    if (peer != STORE_NOBODY)
        return peer;
    peer = s->peers < s->peers_max ? (uint16_t)s->peers++ : peer_reclaim(s);
    if (peer == STORE_NOBODY || muster_map_put(&s->peer_map, id_hash(id), peer) != MUSTER_OK)
        return STORE_NOBODY;
    uint32_t link = s->peer[peer].link; /* goes on rising: items of the former node stay void */
    s->peer[peer] = (struct store_peer){ .id = id, .is_used = true, .link = link + 1 };
    s->peer[peer].since_ms = s->now.mono_ms;
    return peer;
}

bool store_peer_is_linked(const struct store *s, uint16_t peer)
{
    return peer != STORE_NOBODY && s->peer[peer].is_connected;
}

/* Nobody has spoken for a node of unknown state: it counts as alive only while we are so young that
 * the others could not have been heard of. */
bool store_peer_is_live(const struct store *s, uint16_t peer)
{
    if (peer == 0)
        return true;
    if (peer == STORE_NOBODY)
        return false;
    const struct store_peer *p = &s->peer[peer];
    if (p->state == STORE_PEER_UNKNOWN)
        return p->is_connected || s->now.mono_ms < s->start_ms + s->config.times.calm_ms;
    return p->state == STORE_PEER_ALIVE;
}

/* Whose reign is the last we know of, unless another has begun since we were up: one that we have
 * not heard of may be anybody's. */
static bool may_be_keeper(const struct store *s, const struct store_bucket *b, uint16_t peer)
{
    bool is_silent = b->heard_ms <= s->start_ms;

    for (uint32_t i = 0; i < b->bench.count && b->keeper == STORE_NOBODY; i++) {
        const struct store_seat *m = &b->bench.member[i];
        bool is_its = muster_id_equal(m->node, s->peer[peer].id);
        if (is_its && (is_silent || m->seat == store_reign_seat(b->promised)))
            return true;
    }
    return b->keeper == peer;
}

static bool shelf_has_run_of(const struct store_shelf *shelf, uint16_t mark)
{
    for (const struct store_entry *e = shelf->first; e != NULL; e = e->bucket_next)
        if (e->value->where == mark)
            return true;
    return false;
}

static bool had_run(const struct store *s, uint16_t mark)
{
    for (uint32_t i = 0; i < s->config.buckets; i++)
        if (shelf_has_run_of(&s->table.shelf[i], mark))
            return true;
    return false;
}

/* Others have noticed its silence, its links are silent too, and so is its kernel: that its beats
 * are, is asked of each bucket. To stand too early costs an election, and no promise (R10). */
static uint64_t dark_from_ms(const struct store *s, const struct store_bucket *b)
{
    uint64_t missed = b->heard_ms + s->config.times.beat_ms * 3 / 2;

    return missed > s->now.mono_ms ? missed : s->now.mono_ms;
}

/* Its keepers need not be waited for: members stand and vote at once, by seat order (R55). First
 * come the buckets with runs that it had: the others wait until those have been placed anew, with
 * the disks to themselves. */
static void keepers_follow(struct store *s, uint16_t peer, bool is_proven)
{
    uint16_t mark = store_node_mark(s->peer[peer].id);
    uint32_t later_ms = had_run(s, mark) ? UNHURRIED_MS : 0;

    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        if (b->role != STORE_SEATED || !may_be_keeper(s, b, peer))
            continue;
        uint64_t from = is_proven ? s->now.mono_ms : dark_from_ms(s, b);
        if (from >= b->calm_ms && !is_proven)
            continue;
        b->calm_ms = from;
        b->hold_ms = is_proven ? from : b->hold_ms;
        if (is_proven)
            MUSTER_MARK(keeper_is_proven_dead);
        else
            MUSTER_MARK(keeper_is_dark);
        b->jitter_ms = shelf_has_run_of(&s->table.shelf[b->number], mark) ? 0 : later_ms;
    }
}

/* Those who may live are no quorum: waiting out the lease would help nobody, and a bench of two can
 * turn to claims at once (R42). */
static bool quorum_is_gone(const struct store *s, const struct store_bucket *b)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < b->bench.count; i++)
        mask |= store_peer_is_live(s, b->member[i]->peer) ? store_bit(i) : 0;
    return !store_bench_quorum(&b->bench, mask);
}

/* Somebody's life has changed: open writes, changes and reigns are judged anew. */
static void keepers_review(struct store *s)
{
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        if (!store_bucket_rules(b))
            continue;
        if (quorum_is_gone(s, b)) {
            MUSTER_MARK(quorum_is_dead);
            store_reign_step_down(s, b, "its quorum is dead", false);
            continue;
        }
        b->wants_review = true;
        store_look(s, b);
    }
}

void store_peer_changed(struct store *s, const struct store_event *event)
{
    uint16_t peer = store_peer_number(s, event->peer);

    if (peer == STORE_NOBODY || peer == 0 || s->peer[peer].is_lost)
        return;
    struct store_peer *p = &s->peer[peer];
    if (p->state != event->state)
        p->since_ms = s->now.mono_ms;
    p->state = (uint8_t)event->state;
    p->was_seen = p->was_seen || event->state == STORE_PEER_ALIVE;
    bool is_dark = event->state == STORE_PEER_DARK ||
                   (event->state == STORE_PEER_DEAD && MUSTER_MUTANT(hearsay_ends_the_calm));
    if (event->state == STORE_PEER_PROVEN || (is_dark && p->was_seen))
        keepers_follow(s, peer, event->state == STORE_PEER_PROVEN);
    keepers_review(s);
    store_scan_at(s, s->now.mono_ms);
}

/* What was under way with this peer is void; its table may have gone back to what was on its disk.
 */
static void peer_forget_talk(struct store *s, uint16_t peer)
{
    store_lanes_clear(s, peer);
    s->peer[peer].link++;
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        if (!store_bucket_rules(b) && b->role != STORE_CANDIDATE)
            continue;
        for (uint32_t k = 0; k < b->bench.count; k++) {
            if (b->member[k]->peer != peer)
                continue;
            store_catchup_reset(s, b, k);
            b->member[k]->has_voted = b->member[k]->has_voted && b->member[k]->is_merged;
        }
    }
    MUSTER_ASSERT(s->peer[peer].fill_bytes == 0);
}

void store_peer_connected(struct store *s, const struct store_event *event)
{
    uint16_t peer = store_peer_number(s, event->peer);

    if (peer == STORE_NOBODY || peer == 0 || s->peer[peer].is_lost)
        return; /* who is lost is not heard, so nothing it says counts (R49) */
    peer_forget_talk(s, peer);
    s->peer[peer].is_connected = true;
    s->peer[peer].linked_ms = s->now.mono_ms;
    s->peer[peer].was_seen = true;
    s->peer[peer].boot = event->boot;
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        if (!store_bucket_rules(b))
            continue;
        store_proposal_again(s, b, peer, MUSTER_NEVER);
        store_look(s, b);
    }
    store_scan_at(s, s->now.mono_ms);
}

void store_peer_closed(struct store *s, struct muster_id id)
{
    uint16_t peer = store_peer_find(s, id);

    if (peer == STORE_NOBODY || peer == 0)
        return;
    peer_forget_talk(s, peer);
    s->peer[peer].is_connected = false;
    s->peer[peer].linked_ms = s->now.mono_ms;
    store_scan_at(s, s->now.mono_ms);
}

/* ---- those who are lost for ever (R49) */

void store_peer_mark_lost(const struct store *s, struct store_bench *bench)
{
    bench->lost_mask = 0;
    for (uint32_t i = 0; i < bench->count; i++) {
        uint16_t peer = store_peer_find(s, bench->member[i].node);
        if (peer != STORE_NOBODY && s->peer[peer].is_lost)
            bench->lost_mask = (uint16_t)(bench->lost_mask | store_bit(i));
    }
}

void store_lost(struct store *s, struct muster_id node)
{
    uint16_t peer = store_peer_number(s, node);

    if (peer == STORE_NOBODY || peer == 0 || s->peer[peer].is_lost)
        return;
    if (s->is_started)
        store_peer_closed(s, node);
    s->peer[peer].is_lost = true;
    s->peer[peer].state = STORE_PEER_PROVEN;
    s->peer[peer].since_ms = s->now.mono_ms;
    for (uint32_t i = 0; i < s->config.buckets; i++)
        store_peer_mark_lost(s, &s->bucket[i].bench);
    if (!s->is_started)
        return;
    keepers_follow(s, peer, true);
    keepers_review(s);
    store_scan_at(s, s->now.mono_ms);
}

void store_replaced(struct store *s, struct muster_id node)
{
    uint16_t peer = store_peer_find(s, node);

    if (peer == STORE_NOBODY || peer == 0 || s->peer[peer].is_replaced)
        return;
    s->peer[peer].is_replaced = true;
    if (s->is_started)
        keepers_review(s);
    store_scan_at(s, s->now.mono_ms);
}

void store_retire(struct store *s)
{
    s->is_over = true;
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        store_reign_step_down(s, &s->bucket[i], "its node is over", false);
        s->bucket[i].is_claimable = false;
    }
    store_scan_at(s, s->now.mono_ms);
}
