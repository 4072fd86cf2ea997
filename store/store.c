/* SPDX-License-Identifier: Apache-2.0 */
/* The five verbs of the job table, and the look at every bucket that time asks for. */
#include "store/inside.h"

#include <string.h>

/* ---- open and close */

static size_t arena_size(const struct store_config *c)
{
    size_t rows = c->rows_max, buckets = c->buckets, peers = (size_t)c->peers_max + 128;
    size_t size = buckets * (sizeof(struct store_bucket) + 64);

    size += STORE_MEMBERS_MAX * (buckets * sizeof(struct store_member) + 16);
    size += peers * (sizeof(struct store_peer) + 64);
    size += STORE_ITEMS_MAX * (sizeof(struct store_item) + 16);
    size += STORE_WRITES_MAX * (sizeof(struct store_proposal) + 16 + 64);
    size += STORE_CLAIMS_MAX * (sizeof(struct store_claim) + 16);
    size += 2 * ((2 * rows + STORE_CLAIMS_MAX + buckets + STORE_BATCH_OPS) *
                     sizeof(struct store_disk_op) +
                 rows * 10 + STORE_CLAIMS_MAX * (STORE_KEY_MAX + 2) +
                 buckets * (STORE_RECORD_BYTES + 2) + STORE_BATCH_BYTES);
    size += (2 * rows + 2 * (STORE_WRITES_MAX + STORE_ITEMS_MAX) + 8 * buckets) *
            sizeof(struct store_said);
    size += STORE_READS * sizeof(struct store_read);
    return size + STORE_OUT_BYTES + STORE_LIST_BYTES + (1u << 20);
}

/* All first members of the buckets lie together, then all second: of the sixteen that a change may
 * need for a moment a calm table touches three or four. */
static bool members_take(struct store *s)
{
    uint32_t buckets = s->config.buckets;

    for (uint32_t i = 0; i < STORE_MEMBERS_MAX; i++) {
        struct store_member *m = muster_arena_take(&s->arena, buckets, sizeof *m);
        if (m == NULL)
            return false;
        for (uint32_t b = 0; b < buckets; b++)
            s->bucket[b].member[i] = &m[b];
    }
    return true;
}

static int store_take(struct store *s)
{
    const struct store_config *c = &s->config;
    struct muster_arena *a = &s->arena;

    s->said_max = 2 * c->rows_max + 2 * (STORE_WRITES_MAX + STORE_ITEMS_MAX) + 8 * c->buckets;
    s->bucket = muster_arena_take(a, c->buckets, sizeof *s->bucket);
    s->read = muster_arena_take(a, STORE_READS, sizeof *s->read);
    s->look = muster_arena_take(a, c->buckets, sizeof *s->look);
    s->said = muster_arena_take(a, s->said_max, sizeof *s->said);
    s->out = muster_arena_take(a, STORE_OUT_BYTES, 1);
    s->scratch = muster_arena_take(a, STORE_LIST_BYTES, 1);
    if (s->bucket == NULL || s->read == NULL || s->look == NULL || s->said == NULL ||
        s->out == NULL || s->scratch == NULL || !members_take(s))
        return MUSTER_EFULL;
    int err = muster_pool_init(&s->items, a, STORE_ITEMS_MAX, sizeof(struct store_item));
    if (err == MUSTER_OK)
        err = muster_pool_init(&s->proposals, a, STORE_WRITES_MAX, sizeof(struct store_proposal));
    if (err == MUSTER_OK)
        err = muster_pool_init(&s->claims, a, STORE_CLAIMS_MAX, sizeof(struct store_claim));
    if (err == MUSTER_OK)
        err = muster_map_init(&s->proposal_map, a, STORE_WRITES_MAX);
    if (err == MUSTER_OK)
        err = store_batches_open(s);
    if (err == MUSTER_OK)
        err = store_peers_open(s);
    if (err == MUSTER_OK)
        err = store_rows_open(&s->table, c->buckets, c->rows_max);
    return err;
}

int store_open(struct store **out, const struct store_config *c)
{
    struct muster_arena arena;

    MUSTER_ASSERT(c->buckets > 0);
    MUSTER_ASSERT(c->buckets <= STORE_BUCKETS);
    MUSTER_ASSERT(c->replicas > 0);
    MUSTER_ASSERT(c->replicas <= STORE_REPLICAS_MAX);
    *out = NULL;
    int err = muster_arena_open(&arena, arena_size(c) + sizeof(struct store));
    if (err != MUSTER_OK)
        return err;
    struct store *s = muster_arena_take(&arena, 1, sizeof *s);
    MUSTER_ASSERT(s != NULL);
    s->arena = arena;
    s->config = *c;
    s->scan_ms = MUSTER_NEVER;
    s->late_ms = MUSTER_NEVER;
    s->stuck_ms = MUSTER_NEVER;
    muster_rng_seed(&s->rng, c->seed);
    err = store_take(s);
    if (err != MUSTER_OK) {
        store_close(s);
        return err;
    }
    for (uint32_t i = 0; i < c->buckets; i++) {
        s->bucket[i].number = (uint16_t)i;
        s->bucket[i].keeper = STORE_NOBODY;
        s->bucket[i].ruler = STORE_NOBODY;
    }
    *out = s;
    return MUSTER_OK;
}

static void queue_drop(struct store *s, struct store_queue *queue)
{
    while (queue->first != NULL) {
        struct store_item *item = queue->first;
        queue->first = item->next;
        store_item_free(s, item);
    }
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->said_count; i++)
        store_value_drop(s->said[i].value);
    for (uint32_t i = 0; i < 2; i++)
        queue_drop(s, &s->log[i].waiting);
    for (uint32_t i = 0; i < s->peers; i++) {
        for (uint32_t k = 0; k < STORE_LANES; k++)
            queue_drop(s, &s->peer[i].lane[k]);
    }
    for (struct store_proposal *w = s->first_late; w != NULL; w = w->late_next) {
        for (uint32_t i = 0; i < w->count; i++)
            store_value_drop(w->value[i]);
    }
    for (uint32_t i = 0; s->bucket != NULL && i < s->config.buckets; i++) {
        store_value_drop(s->bucket[i].bench_row);
        for (struct store_claim *c = s->bucket[i].claims; c != NULL; c = c->next)
            store_value_drop(c->key);
    }
    for (uint32_t i = 0; s->read != NULL && i < STORE_READS; i++)
        store_value_drop(s->read[i].value);
    store_rows_close(&s->table);
    struct muster_arena arena = s->arena;
    muster_arena_close(&arena);
}

/* ---- boot */

static void bucket_start(struct store *s, struct store_bucket *b)
{
    for (uint32_t i = 0; i < b->bench.count; i++)
        b->member[i]->peer = store_peer_number(s, b->bench.member[i].node);
    store_peer_mark_lost(s, &b->bench);
    if (b->has_bad_row && (b->seat != 0 || b->lost_seat == UINT16_MAX)) {
        MUSTER_MARK(amnesia);
        /* Amnesia: what a quorum may count on is not here any more. Without the seat we neither
         * vote nor acknowledge, and the keeper gives us a new one (R54). */
        b->lost_seat = b->seat != 0 ? b->seat : b->lost_seat;
        b->seat = 0;
        s->counters.amnesia++;
        store_touch(s, b);
    }
    if (b->seat == 0)
        store_bucket_wipe(s, b);
    b->role = b->seat == 0 ? STORE_NO_SEAT : STORE_SEATED;
    b->floor = store_version_of(b->promised, STORE_SEQ_MAX).packed;
    b->heard_ms = MUSTER_MUTANT(boot_forgets_beat_age) ? 0 : s->now.mono_ms;
    b->known_ms = s->now.mono_ms;
    b->calm_ms = s->now.mono_ms + s->config.times.calm_ms; /* R46 */
    if (MUSTER_MUTANT(vote_after_boot))
        b->calm_ms = s->now.mono_ms;
    b->jitter_ms = (uint32_t)muster_rng_below(&s->rng, s->config.times.rank_ms);
    MUSTER_ASSERT(b->seat == 0 || store_bucket_self(s, b) >= 0);
}

void store_start(struct store *s, struct muster_now now)
{
    MUSTER_ASSERT(!s->is_started);
    s->now = now;
    s->start_ms = now.mono_ms;
    s->is_started = true;
    s->scan_ms = now.mono_ms;
    for (uint32_t i = 0; i < s->config.buckets; i++)
        bucket_start(s, &s->bucket[i]);
}

static void bucket_found(struct store *s, struct store_bucket *b)
{
    uint8_t bytes[STORE_BENCH_WIRE];
    struct muster_writer w = muster_writer_over(bytes, sizeof bytes);
    struct store_bench bench;

    MUSTER_ASSERT(b->bench_row == NULL); /* a cluster is founded once, on empty disks */
    store_bench_found(&bench, s->config.self);
    store_bench_encode(&w, &bench);
    struct store_value *row = store_value_plain(1, muster_writer_bytes(&w));
    MUSTER_ASSERT(row != NULL);
    store_bucket_set_bench(s, b, row, &bench);
    b->seat = 1;
    b->role = STORE_SEATED;
    b->heard_ms = s->now.mono_ms;
    b->known_ms = s->now.mono_ms;
}

void store_found(struct store *s)
{
    for (uint32_t i = 0; i < s->config.buckets; i++)
        bucket_found(s, &s->bucket[i]);
    s->scan_ms = s->now.mono_ms;
}

/* ---- what other rooms know */

void store_wish(struct store *s, uint32_t bucket, const struct muster_id *node, uint32_t n)
{
    struct store_bucket *b = &s->bucket[bucket];
    uint16_t wish[STORE_REPLICAS_MAX];
    uint8_t count = 0;

    MUSTER_ASSERT(bucket < s->config.buckets);
    MUSTER_ASSERT(n <= STORE_REPLICAS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        uint16_t peer = store_peer_number(s, node[i]);
        if (peer != STORE_NOBODY)
            wish[count++] = peer;
    }
    if (count == b->wish_count && memcmp(wish, b->wish, count * sizeof wish[0]) == 0)
        return;
    memcpy(b->wish, wish, count * sizeof wish[0]);
    b->wish_count = count;
    b->wish_ms = s->now.mono_ms;
    if (store_bucket_rules(b))
        store_scan_at(s, s->now.mono_ms);
}

void store_drain(struct store *s, bool draining)
{
    s->is_draining = draining;
    store_scan_at(s, s->now.mono_ms);
}

void store_times_set(struct store *s, const struct store_times *t)
{
    s->config.times = *t;
    store_scan_at(s, s->now.mono_ms);
}

void store_note(struct store *s, const struct store_disk_op *op, uint64_t cookie)
{
    bool has_room = store_batch_has_room(s, 1, op->key.len + op->value.len);
    struct store_item *item = NULL;

    MUSTER_ASSERT(op->key.len <= STORE_DISK_KEY_MAX);
    if (has_room && cookie != 0)
        item = store_item_new(s, STORE_ITEM_NOTE, NULL, STORE_NOBODY);
    if (has_room && (cookie == 0 || item != NULL))
        store_batch_op(s, op->table, op->key, op->value, op->is_delete);
    if (cookie == 0)
        return;
    if (item == NULL) {
        struct store_effect *e = store_say(s, STORE_EFFECT_COMMITTED, 0);
        e->cookie = cookie;
        e->err = MUSTER_ELIMIT;
        return;
    }
    item->number = cookie;
    store_batch_wait(s, item);
}

/* ---- time */

void store_scan_at(struct store *s, uint64_t at_ms)
{
    s->scan_ms = muster_deadline_sooner(s->scan_ms, at_ms);
}

void store_look(struct store *s, struct store_bucket *b)
{
    if (b->is_looked_at)
        return;
    b->is_looked_at = true;
    s->look[s->look_count++] = b->number;
}

static void looks_take(struct store *s)
{
    /* A look may ask for the next one; each of them has moved its bucket a step on. */
    for (uint32_t i = 0; s->look_count > 0; i++) {
        struct store_bucket *b = &s->bucket[s->look[--s->look_count]];
        b->is_looked_at = false;
        if (b->wants_review) {
            b->wants_review = false;
            store_proposal_review(s, b);
        }
        if (b->is_short && store_bucket_rules(b)) {
            MUSTER_MARK(too_few_to_hold_in_memory);
            store_reign_step_down(s, b, "too few to hold it in memory", true);
        }
        b->is_short = false;
        store_reign_open(s, b);
        store_change_check(s, b);
        MUSTER_ASSERT(i < 64 * s->config.buckets);
    }
}

static void scan_keeper(struct store *s, struct store_bucket *b, bool is_beat)
{
    const struct store_times *t = &s->config.times;

    if (s->now.mono_ms >= store_lease_end_ms(s, b)) {
        MUSTER_MARK(no_answered_quorum);
        store_reign_step_down(s, b, "no answered quorum", false);
        return;
    }
    store_scan_at(s, store_lease_end_ms(s, b));
    if (is_beat || s->now.mono_ms >= b->purge_ms)
        store_purge_check(s, b);
    store_scan_at(s, b->purge_ms);
    if (!is_beat && b->wants_beat)
        store_beat_send(s, b);
    if (!is_beat)
        return;
    if (b->seq + 1024 > STORE_SEQ_MAX) {
        store_reign_step_down(s, b, "its numbers are used up", true);
        return;
    }
    if (MUSTER_RARE(keeper_gives_up)) {
        store_reign_step_down(s, b, "for no reason", false);
        return;
    }
    store_beat_send(s, b);
    for (uint32_t i = 0; i < b->bench.count; i++) {
        struct store_member *m = b->member[i];
        if (m->sync != STORE_SYNC_NONE && s->now.mono_ms >= m->sync_ms + t->calm_ms) {
            MUSTER_MARK(catchup_given_up);
            store_catchup_reset(s, b, i);
        }
    }
    if (s->now.mono_ms >= t->beat_ms)
        store_proposal_again(s, b, STORE_NOBODY, s->now.mono_ms - t->beat_ms);
    store_claims_own(s, b);
    store_look(s, b);
    store_yield_check(s, b);
}

static void scan_member(struct store *s, struct store_bucket *b)
{
    if (b->role == STORE_CANDIDATE && s->now.mono_ms >= b->limit_ms) {
        MUSTER_MARK(election_in_vain);
        store_reign_step_down(s, b, "no quorum", false);
    }
    if (b->role == STORE_CANDIDATE)
        store_scan_at(s, b->limit_ms);
    (void)store_knock_answer(s, b);
    if (b->knock.packed != 0)
        store_scan_at(s, b->calm_ms > b->hold_ms ? b->calm_ms : b->hold_ms);
    if (b->role == STORE_SEATED && s->now.mono_ms >= store_reign_due_ms(s, b)) {
        struct store_reign none = { 0 };
        bool was_ours = b->yielded.packed != 0 && b->promised.packed == b->yielded.packed;
        store_reign_stand(s, b, was_ours ? b->yielded : none);
    }
    store_scan_at(s, store_reign_due_ms(s, b));
    uint64_t due = store_claim_due_ms(s, b);
    due = due > b->claim_ms ? due : b->claim_ms;
    if (s->now.mono_ms >= due) {
        store_claim_check(s, b);
        due = b->claim_ms;
    } else {
        b->is_claimable = b->is_claimable && s->now.mono_ms >= store_claim_due_ms(s, b);
    }
    if (due != MUSTER_NEVER)
        store_scan_at(s, due);
}

/* One pass over all buckets, a few microseconds; between two beats a calm table asks for none. */
static void store_scan(struct store *s)
{
    if (s->now.mono_ms < s->scan_ms)
        return;
    bool is_beat = s->now.mono_ms >= s->beat_ms;
    if (is_beat) {
        s->beat_ms = muster_deadline_on_grid(s->now, s->config.times.beat_ms);
        s->yields_left = STORE_YIELDS_PER_BEAT;
    }
    s->scan_ms = s->beat_ms;
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[i];
        if (store_bucket_rules(b))
            scan_keeper(s, b, is_beat);
        else if (b->role != STORE_NO_SEAT)
            scan_member(s, b);
    }
}

static void store_away(struct store *s)
{
    MUSTER_MARK(was_away);
    for (uint32_t i = 0; i < s->peers; i++)
        store_lanes_clear(s, (uint16_t)i);
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        store_reign_step_down(s, &s->bucket[i], "was away", false);
        s->bucket[i].calm_ms = s->now.mono_ms + s->config.times.calm_ms;
        s->bucket[i].is_claimable = false;
        s->bucket[i].known_ms = s->now.mono_ms;
    }
}

/* No commit for too long (R15): what we promise to others would not be kept. */
static void store_check_disk(struct store *s)
{
    if (s->now.mono_ms < s->stuck_ms)
        return;
    s->stuck_ms = MUSTER_NEVER;
    MUSTER_MARK(disk_is_stuck);
    for (uint32_t i = 0; i < s->config.buckets; i++)
        store_reign_step_down(s, &s->bucket[i], "the disk is stuck", false);
}

/* ---- the verbs */

void store_step(struct store *s, struct muster_now now, const struct store_event *event)
{
    MUSTER_ASSERT(s->is_started);
    MUSTER_ASSERT(now.mono_ms >= s->now.mono_ms);
    store_say_reset(s);
    s->now = now;
    switch (event->kind) {
    case STORE_EVENT_TICK:
        break;
    case STORE_EVENT_FRAME:
        store_receive(s, event);
        break;
    case STORE_EVENT_PEER:
        store_peer_changed(s, event);
        break;
    case STORE_EVENT_CONNECTED:
        store_peer_connected(s, event);
        break;
    case STORE_EVENT_CLOSED:
        store_peer_closed(s, event->peer);
        break;
    case STORE_EVENT_COMMITTED:
        store_batch_done(s, event);
        break;
    case STORE_EVENT_HAND_OVER:
        store_change_hand_over(s);
        break;
    case STORE_EVENT_AWAY:
        store_away(s);
        break;
    }
    looks_take(s);
    store_check_disk(s);
    store_scan(s);
    store_proposal_late(s);
    store_batch_again(s);
    looks_take(s);
}

/* Nothing has collected that store_next would send: by far the most frequent answer. */
static bool is_idle(const struct store *s)
{
    return s->look_count == 0 && s->first_ready == STORE_NOBODY && !store_batch_is_due(s);
}

bool store_next(struct store *s, struct store_effect *effect)
{
    if (s->said_next == s->said_count && s->is_started && is_idle(s)) {
        s->has_backlog = false;
        return false;
    }
    if (s->said_next == s->said_count && s->is_started) {
        /* Everything said so far is fetched: what has collected since leaves now, together. */
        looks_take(s);
        s->has_backlog = store_out_flush(s);
        store_batch_launch(s);
    }
    if (s->said_next == s->said_count)
        return false;
    *effect = s->said[s->said_next++].effect;
    return true;
}

uint64_t store_deadline_ms(const struct store *s)
{
    uint64_t at = muster_deadline_sooner(s->scan_ms, s->late_ms);

    if (!s->is_started)
        return MUSTER_NEVER;
    if (s->is_sick && !s->is_flying)
        at = muster_deadline_sooner(at, s->retry_ms);
    at = muster_deadline_sooner(at, s->stuck_ms);
    return s->has_backlog ? s->now.mono_ms : at;
}
