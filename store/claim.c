/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: available rows placed without a quorum, told to the next keeper, adopted or dropped by
 * it. (R42, R43) */
#include <string.h>

#include "store/inside.h"

#define CLAIM_BACKOFF_MAX_MS 300000u

static struct store_claim *claim_find(const struct store_bucket *b, struct muster_bytes key)
{
    for (struct store_claim *c = b->claims; c != NULL; c = c->next) {
        if (muster_bytes_equal(store_value_bytes(c->key), key))
            return c;
    }
    return NULL;
}

/* Asked of the disk and not of whoever waited for it: a batch that was refused at first comes to
 * the disk later, and with it claims that nobody was told of then. */
static bool claim_is_durable(const struct store *s, const struct store_claim *c)
{
    return c->batch <= s->committed;
}

static struct store_claim *claim_new(struct store *s, struct store_bucket *b,
                                     struct muster_bytes key)
{
    struct store_claim *c = muster_pool_take(&s->claims);

    if (c == NULL)
        return NULL;
    c->key = store_value_plain(0, key);
    if (c->key == NULL) {
        muster_pool_give(&s->claims, c);
        return NULL;
    }
    c->next = b->claims;
    b->claims = c;
    b->claim_count++;
    return c;
}

static void claim_end(struct store *s, struct store_bucket *b, struct store_claim **at)
{
    struct store_claim *c = *at;

    store_record_claim(s, b, c, true);
    *at = c->next;
    b->claim_count--;
    store_value_drop(c->key);
    muster_pool_give(&s->claims, c);
}

void store_claims_wipe(struct store *s, struct store_bucket *b)
{
    while (b->claims != NULL)
        claim_end(s, b, &b->claims);
}

/* ---- the claimant */

/* On a bench of two whose other node is dead no quorum will come by waiting. */
static bool is_left_alone(const struct store *s, const struct store_bucket *b)
{
    if (b->bench.count != 2)
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        if (b->member[i]->peer != 0 && store_peer_is_live(s, b->member[i]->peer))
            return false;
    }
    return true;
}

/* It is gone by proof and was alive since our own boot: this is no blackout in which the others are
 * merely late, so there is nothing to wait for (R42's grace is for booting alone; R55). */
static bool is_bereaved(const struct store *s, const struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        uint16_t peer = b->member[i]->peer;
        if (peer == 0)
            continue;
        if (peer == STORE_NOBODY || !s->peer[peer].was_seen ||
            s->peer[peer].state != STORE_PEER_PROVEN)
            return false;
    }
    return true;
}

uint64_t store_claim_due_ms(const struct store *s, const struct store_bucket *b)
{
    const struct store_times *t = &s->config.times;
    bool has_company = false;

    if (!t->has_claims || b->role < STORE_SEATED || store_bucket_rules(b) || s->is_sick ||
        s->is_over)
        return MUSTER_NEVER;
    if (s->table.shelf[b->number].rows == 0)
        return MUSTER_NEVER;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        uint16_t peer = b->member[i]->peer;
        if (peer == 0 || peer == STORE_NOBODY)
            continue;
        has_company = has_company || s->peer[peer].was_seen;
        if (b->bench.member[i].seat < b->seat && store_peer_is_live(s, peer))
            return MUSTER_NEVER; /* theirs to claim */
    }
    int self = store_bucket_self(s, b);
    if (self < 0 || (!store_bench_is_old(&b->bench, (uint32_t)self) &&
                     !MUSTER_MUTANT(claim_from_seat_not_chosen)))
        return MUSTER_NEVER;
    if (store_bench_quorum(&b->bench, store_bit((uint32_t)self)))
        return MUSTER_NEVER; /* alone it is a quorum: it stands, and needs no claims */
    uint64_t grown = s->start_ms + (has_company ? t->boot_grace_ms : t->alone_grace_ms);
    if (MUSTER_MUTANT(claim_without_grace))
        grown = s->start_ms;
    uint64_t due = b->known_ms + (is_left_alone(s, b) ? 0 : t->claim_after_ms);
    if (is_left_alone(s, b) && is_bereaved(s, b))
        return due;
    return due > grown ? due : grown;
}

void store_claim_check(struct store *s, struct store_bucket *b)
{
    b->is_claimable = s->now.mono_ms >= store_claim_due_ms(s, b);
    b->claim_ms = s->now.mono_ms + (MUSTER_RARE(claims_soon) ? 1 : s->config.times.beat_ms);
    if (b->is_claimable)
        (void)store_say(s, STORE_EFFECT_CLAIMABLE, b->number);
}

/* One round for the claims of a time without a quorum; never one that was used before (R6). */
static bool claim_spend(struct store *s, struct store_bucket *b)
{
    uint32_t promised = store_reign_round(b->promised);

    if (b->claim_round != 0 && b->claim_round >= promised && b->claim_seq < STORE_SEQ_MAX) {
        MUSTER_MARK(claim_round_used_on);
        return true;
    }
    if (MUSTER_MUTANT(claim_round_not_spent)) {
        b->claim_round = (b->round > promised ? b->round : promised) + 1;
        return true;
    }
    b->round = b->round > promised ? b->round : promised;
    if (b->round >= STORE_ROUND_MAX)
        return false;
    b->claim_round = ++b->round;
    b->claim_seq = 0;
    b->promised = store_reign_of(b->round, b->seat);
    store_touch(s, b);
    return true;
}

int store_claim(struct store *s, struct muster_bytes key, struct muster_id node)
{
    struct store_entry *e = store_rows_find(&s->table, key);
    struct store_row row;

    if (e == NULL || e->value->phase == STORE_GONE ||
        store_row_decode(&row, store_value_bytes(e->value)) != MUSTER_OK)
        return MUSTER_ENOTFOUND;
    struct store_bucket *b = &s->bucket[e->bucket];
    if (e->value->mode == STORE_EXCLUSIVE && !MUSTER_MUTANT(exclusive_claimed))
        return MUSTER_EDENIED; /* R41 */
    if (!b->is_claimable || s->now.mono_ms < store_claim_due_ms(s, b))
        return MUSTER_EREFUSED;
    struct store_claim *c = claim_find(b, key);
    uint64_t wait =
        c == NULL ? 0 : (uint64_t)s->config.times.claim_after_ms << (c->tries < 16 ? c->tries : 16);
    wait = wait < CLAIM_BACKOFF_MAX_MS ? wait : CLAIM_BACKOFF_MAX_MS;
    if (c != NULL && s->now.mono_ms < c->made_ms + wait && !MUSTER_RARE(claims_soon)) {
        MUSTER_MARK(claim_backs_off);
        return MUSTER_EBUSY;
    }
    if (b->claim_seq >= STORE_SEQ_MAX || !store_batch_has_room(s, 2, STORE_RECORD_BYTES) ||
        s->items.used >= s->items.count)
        return MUSTER_EFULL;
    store_reign_step_down(s, b, "claims", false); /* no candidate any more: its round is spent */
    if (c == NULL)
        c = claim_new(s, b, key);
    if (c == NULL || !claim_spend(s, b))
        return MUSTER_EFULL;
    struct store_version token =
        store_version_of(store_reign_of(b->claim_round, b->seat), ++b->claim_seq);
    c->node = node;
    c->token = token.packed;
    c->uid = row.uid;
    c->revision = row.revision;
    c->made_ms = s->now.mono_ms;
    c->tries++;
    c->batch = s->log[s->at].batch.number;
    store_record_claim(s, b, c, false);
    s->counters.claims++;
    struct store_item *item = store_item_new(s, STORE_ITEM_CLAIM, b, STORE_NOBODY);
    MUSTER_ASSERT(item != NULL);
    item->value = store_value_keep(c->key);
    item->number = c->token;
    MUSTER_MARK(claimed);
    if (MUSTER_MUTANT(claim_before_commit))
        store_claim_on_disk(s, item);
    store_batch_wait(s, item);
    return MUSTER_OK;
}

void store_claim_on_disk(struct store *s, struct store_item *item)
{
    struct store_bucket *b = &s->bucket[item->bucket];
    struct store_claim *c = claim_find(b, store_value_bytes(item->value));

    if (c == NULL || c->token != item->number) {
        MUSTER_MARK(claim_ended_meanwhile);
        return;
    }
    struct store_effect *e = store_say_of(s, STORE_EFFECT_CLAIMED, b->number, item->value);
    e->key = store_value_bytes(item->value);
    e->node = c->node;
    e->token = c->token;
}

void store_unclaim_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    uint64_t token = muster_read_u64(r);
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);

    if (!muster_reader_ok(r) || b->keeper != peer)
        return;
    for (struct store_claim **at = &b->claims; *at != NULL; at = &(*at)->next) {
        if (!muster_bytes_equal(store_value_bytes((*at)->key), key))
            continue;
        MUSTER_MARK(unclaimed);
        if ((*at)->token <= token)
            claim_end(s, b, at);
        return;
    }
}

void store_claims_encode(const struct store *s, struct muster_writer *w,
                         const struct store_bucket *b)
{
    const struct store_claim *told[STORE_CLAIMS_TOLD];
    uint32_t count = 0;

    for (const struct store_claim *c = b->claims; c != NULL && count < STORE_CLAIMS_TOLD;
         c = c->next)
        if (claim_is_durable(s, c))
            told[count++] = c;
    muster_write_array(w, count);
    for (uint32_t i = 0; i < count; i++) {
        muster_write_array(w, 3);
        muster_write_bytes(w, store_value_bytes(told[i]->key));
        muster_write_id(w, told[i]->node);
        muster_write_u64(w, told[i]->token);
    }
    muster_write_array(w, 2 * count); /* apart: a build before takes claims of three fields */
    for (uint32_t i = 0; i < count; i++) {
        muster_write_u64(w, told[i]->uid);
        muster_write_u64(w, told[i]->revision);
    }
}

int store_claim_load(struct store *s, struct store_bucket *b, struct muster_bytes key,
                     struct muster_bytes value)
{
    struct muster_reader r = muster_reader_over(value);
    struct store_claim *c = claim_new(s, b, key);

    if (c == NULL)
        return MUSTER_EFULL;
    uint32_t fields = muster_read_array(&r, STORE_CLAIM_FIELDS);
    c->node = muster_read_id(&r);
    c->token = muster_read_u64(&r);
    c->tries = muster_read_u32(&r);
    c->uid = fields == STORE_CLAIM_FIELDS ? muster_read_u64(&r) : 0;
    c->revision = fields == STORE_CLAIM_FIELDS ? muster_read_u32(&r) : 0;
    return muster_reader_end(&r) == MUSTER_OK ? MUSTER_OK : MUSTER_ECORRUPT;
}

/* ---- the keeper */

static void claim_answer(struct store *s, struct store_bucket *b, uint16_t peer,
                         struct muster_bytes key, uint64_t token)
{
    struct store_item *item = store_item_new(s, STORE_UNCLAIM, b, peer);

    if (item == NULL)
        return; /* the claim is told again with the next beat */
    if (MUSTER_MUTANT(unclaim_forgotten)) {
        store_item_free(s, item);
        return;
    }
    item->number = token;
    item->value = store_value_plain(0, key);
    if (item->value == NULL)
        store_item_free(s, item);
    else
        store_send(s, item);
}

static void claim_drop(struct store *s, struct store_bucket *b, struct muster_bytes key,
                       struct muster_id node, uint64_t token)
{
    struct store_value *name = store_value_plain(0, key);

    if (name == NULL)
        return;
    struct store_effect *e = store_say_of(s, STORE_EFFECT_DROP, b->number, name);
    e->key = store_value_bytes(name);
    e->node = node;
    e->token = token;
    store_value_drop(name);
}

/* The claim's run takes the place of the row's, which is dropped once that is chosen. */
static void claim_adopt(struct store *s, struct store_bucket *b, struct store_row *row,
                        struct muster_id node, uint64_t token)
{
    struct store_proposal *w = store_proposal_begin(s, b);

    if (w == NULL)
        return;
    MUSTER_MARK(claim_adopted);
    w->drop_node = row->run_node;
    w->drop_token = row->phase == STORE_PLACED || row->handoff == STORE_HEIR ? row->run_token : 0;
    row->handoff = row->handoff == STORE_HEIR ? STORE_ENDING : row->handoff;
    row->run_node = node;
    row->run_token = token;
    row->run_mode = STORE_AVAILABLE;
    row->phase = STORE_PLACED;
    row->since_wall_ms = s->now.wall_ms;
    row->placements++;
    struct store_value *v = store_put_value(s, b, row);
    if (v == NULL) {
        store_proposal_abandon(s, w);
        return;
    }
    store_proposal_add(w, v);
    store_proposal_send(s, b, w);
    s->counters.claims++;
}

/* Every later token must exceed the claim's: a higher reign first. */
static void claim_outrank(struct store *s, struct store_bucket *b, struct store_version claim)
{
    struct store_reign before = b->reign;

    MUSTER_MARK(claim_outranks);
    if (store_reign_round(store_version_reign(claim)) > b->round)
        b->round = store_reign_round(store_version_reign(claim));
    store_reign_step_down(s, b, "a claim is newer", true);
    store_reign_stand(s, b, before);
}

void store_outrank(struct store *s, uint32_t bucket, uint64_t token)
{
    struct store_bucket *b = &s->bucket[bucket];
    struct store_version version = { token };

    if (b->role == STORE_SERVING && store_lease_holds(s, b) &&
        store_version_reign(version).packed >= b->reign.packed)
        claim_outrank(s, b, version);
}

/* True when the claim has done its work: the row names its run, or it has been dropped. */
static bool claim_judge(struct store *s, struct store_bucket *b, struct muster_bytes key,
                        const struct store_claim *c)
{
    struct store_entry *e = store_rows_find(&s->table, key);
    struct store_version version = { c->token };
    struct store_row row;

    if (b->role != STORE_SERVING || !store_lease_holds(s, b))
        return false;
    if (e != NULL && (e->flags & STORE_ENTRY_OPEN) != 0) {
        MUSTER_MARK(claim_of_open_row);
        return false; /* undecided: it is told again */
    }
    bool is_known = e != NULL && e->bucket == b->number &&
                    store_row_decode(&row, store_value_bytes(e->value)) == MUSTER_OK;
    bool may_run = is_known && row.mode == STORE_AVAILABLE && row.want == STORE_WANT_RUN &&
                   (row.phase == STORE_PLACED || row.phase == STORE_WAITING);
    /* A row without a run has had others: a claim that is older than the row comes too late. */
    uint64_t floor = is_known && row.run_token == 0 ? e->value->version : 0;
    bool is_lower =
        is_known && (row.run_token > c->token || floor > c->token || row.other_token > c->token);
    bool stands = is_known && row.run_token == c->token;
    /* Rounds are spent without a quorum too, so that its token may be the higher one: the job was
     * changed, or deleted and made anew, where nobody heard of the claim. */
    bool is_former = is_known && ((c->uid != 0 && c->uid != row.uid) ||
                                  (c->revision != 0 && c->revision != row.revision && !stands));
    if (is_former)
        MUSTER_MARK(claim_of_a_former_life);
    if (!may_run || is_former || (is_lower && !MUSTER_MUTANT(lower_claim_wins))) {
        MUSTER_MARK(claim_dropped);
        claim_drop(s, b, key, c->node, c->token);
        return true;
    }
    if (stands) {
        MUSTER_MARK(claim_stands_in_row);
        return true;
    }
    bool is_above = store_version_reign(version).packed >= b->reign.packed;
    if (is_above && !MUSTER_MUTANT(claim_not_outranked)) {
        claim_outrank(s, b, version);
    } else {
        claim_adopt(s, b, &row, c->node, c->token);
    }
    return false;
}

void store_claims_own(struct store *s, struct store_bucket *b)
{
    struct store_claim **at = &b->claims;

    while (*at != NULL && b->role == STORE_SERVING) {
        struct store_claim *c = *at;
        if (claim_is_durable(s, c) && claim_judge(s, b, store_value_bytes(c->key), c))
            claim_end(s, b, at);
        else
            at = &c->next;
    }
}

void store_claims_take(struct store *s, struct store_bucket *b, uint16_t peer,
                       struct muster_reader *r)
{
    struct muster_reader of = *r;
    muster_read_skip(&of);
    bool is_told = muster_reader_left(&of) > 0; /* a build before does not say of what they are */
    uint32_t told = is_told ? muster_read_array(&of, 2 * STORE_CLAIMS_TOLD) / 2 : 0;
    uint32_t count = muster_read_array(r, STORE_CLAIMS_TOLD);

    for (uint32_t i = 0; i < count && muster_reader_ok(r); i++) {
        muster_read_array_of(r, 3);
        struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
        struct store_claim c = { .node = muster_read_id(r), .token = muster_read_u64(r) };
        if (!muster_reader_ok(r) || key.len == 0)
            return;
        if (store_reign_round(store_version_reign((struct store_version){ c.token })) >
            STORE_ROUND_MAX)
            return;
        if (i < told) {
            c.uid = muster_read_u64(&of);
            c.revision = muster_read_u32(&of);
        }
        if (claim_judge(s, b, key, &c))
            claim_answer(s, b, peer, key, c.token);
    }
}
