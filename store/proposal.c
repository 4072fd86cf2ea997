/* SPDX-License-Identifier: Apache-2.0 */
/* Replicated writes of a keeper: on every seat at once, chosen by a quorum, answered, or unknown.
 * (R17, R18, P1) */
#include "store/inside.h"

/* Room that one write may take: its rows in the batch, an item for each member and one for us. */
static bool write_has_room(const struct store *s)
{
    return s->items.used + STORE_MEMBERS_MAX + 1 < s->items.count &&
           store_batch_has_room(s, STORE_WRITE_ROWS + 1,
                                (size_t)STORE_WRITE_ROWS * (STORE_ROW_MAX + 64));
}

static uint64_t write_hash(uint32_t bucket, uint64_t first)
{
    uint64_t mixed = first ^ (uint64_t)bucket << 40;

    return muster_splitmix64(&mixed);
}

struct store_proposal *store_proposal_begin(struct store *s, struct store_bucket *b)
{
    if (!write_has_room(s) || b->seq + STORE_WRITE_ROWS > STORE_SEQ_MAX)
        return NULL;
    struct store_proposal *w = muster_pool_take(&s->proposals);
    if (w == NULL)
        return NULL;
    w->bucket = b->number;
    w->made_ms = s->now.mono_ms;
    w->sent_ms = s->now.mono_ms;
    return w;
}

void store_proposal_add(struct store_proposal *w, struct store_value *v)
{
    MUSTER_ASSERT(w->count < STORE_WRITE_ROWS);
    if (w->count == 0)
        w->first = v->version;
    w->last_seq = store_version_seq((struct store_version){ v->version });
    w->is_light = (w->is_light || w->count == 0) && v->is_light;
    w->has_light = w->has_light || v->is_light;
    w->value[w->count++] = v;
}

void store_proposal_abandon(struct store *s, struct store_proposal *w)
{
    w->is_closed = true;
    store_proposal_free(s, w);
}

static uint32_t write_number(const struct store *s, const struct store_proposal *w)
{
    return (uint32_t)((size_t)((const uint8_t *)w - s->proposals.block) / s->proposals.size_each);
}

static void write_link(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    w->prev = b->last_proposal;
    *(b->last_proposal == NULL ? &b->first_proposal : &b->last_proposal->next) = w;
    b->last_proposal = w;
    w->late_prev = s->last_late;
    *(s->last_late == NULL ? &s->first_late : &s->last_late->late_next) = w;
    s->last_late = w;
    if (s->late_ms == MUSTER_NEVER)
        s->late_ms = w->made_ms + s->config.times.ack_wait_ms;
    b->unchosen++;
    int err = muster_map_put(&s->proposal_map, write_hash(w->bucket, w->first), write_number(s, w));
    MUSTER_ASSERT(err == MUSTER_OK); /* the map has a place for every write of the pool */
}

static void write_unlink(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    *(w->prev == NULL ? &b->first_proposal : &w->prev->next) = w->next;
    *(w->next == NULL ? &b->last_proposal : &w->next->prev) = w->prev;
    *(w->late_prev == NULL ? &s->first_late : &w->late_prev->late_next) = w->late_next;
    *(w->late_next == NULL ? &s->last_late : &w->late_next->late_prev) = w->late_prev;
    muster_map_remove(&s->proposal_map, write_hash(w->bucket, w->first), write_number(s, w));
}

struct store_proposal *store_proposal_find(struct store *s, const struct store_bucket *b,
                                           uint64_t first)
{
    uint32_t cursor = 0, number;

    while (muster_map_find(&s->proposal_map, write_hash(b->number, first), &cursor, &number)) {
        struct store_proposal *w = (void *)(s->proposals.block + number * s->proposals.size_each);
        if (w->bucket == b->number && w->first == first)
            return w;
    }
    return NULL;
}

/* One frame per node, even if it is being given a second seat. Every frame to any member takes the
 * next number of the reign, so what comes late can be told from what is new (section 6). */
struct store_item *store_proposal_frame(struct store *s, struct store_bucket *b, uint32_t kind,
                                        uint32_t member)
{
    uint16_t peer = b->member[member]->peer;

    for (uint32_t i = 0; i < member; i++) {
        if (b->member[i]->peer == peer)
            return NULL;
    }
    struct store_item *item = peer == 0 ? NULL : store_item_new(s, kind, b, peer);
    if (item == NULL)
        return NULL;
    item->reign = b->reign.packed;
    item->counter = ++b->frames;
    item->number = b->reach; /* told with a bench row */
    return item;
}

static void write_put(struct store *s, struct store_bucket *b, struct store_proposal *w,
                      uint32_t member)
{
    struct store_item *item = store_proposal_frame(s, b, STORE_PUT, member);

    if (item == NULL)
        return;
    if (w->is_bench) {
        item->value = store_value_keep(w->value[0]);
    } else {
        item->proposal = w;
        w->refs++;
    }
    store_send(s, item);
}

/* Our own copy counts when the batch is on disk. */
static void write_wait(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    struct store_item *own = store_item_new(s, STORE_ITEM_OWN, b, STORE_NOBODY);

    MUSTER_ASSERT(own != NULL); /* room was checked before */
    own->proposal = w;
    w->refs++;
    store_batch_wait(s, own);
}

void store_proposal_send(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    MUSTER_ASSERT(store_bucket_rules(b));
    MUSTER_ASSERT(w->count > 0);
    write_link(s, b, w);
    for (uint32_t i = 0; i < w->count && !w->is_bench; i++) {
        struct store_entry *e = store_bucket_put(s, b, store_value_keep(w->value[i]));
        MUSTER_ASSERT(e != NULL); /* room was checked before */
        w->is_light = w->is_light && (e->flags & STORE_ENTRY_LIGHT) != 0;
        e->flags |= STORE_ENTRY_OPEN;
    }
    for (uint32_t i = 0; i < b->bench.count; i++)
        write_put(s, b, w, i);
    if (w->is_light) /* there is nothing of it that a disk could lose */
        store_proposal_acked(s, b, w, (uint32_t)store_bucket_self(s, b));
    else
        write_wait(s, b, w);
    if (MUSTER_MUTANT(own_copy_before_commit))
        store_proposal_acked(s, b, w, (uint32_t)store_bucket_self(s, b));
    s->counters.writes++; /* the write itself may be over by now */
}

/* Who is about to lose its seat is told as well, or it would go on standing for it. */
static void bench_tell_parting(struct store *s, struct store_bucket *b,
                               const struct store_bench *next, struct store_value *row)
{
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (store_bench_seat(next, b->bench.member[i].node) != 0)
            continue;
        struct store_item *item = store_proposal_frame(s, b, STORE_PUT, i);
        if (item == NULL)
            continue;
        item->value = store_value_keep(row);
        store_send(s, item);
    }
}

bool store_proposal_bench(struct store *s, struct store_bucket *b, const struct store_bench *bench)
{
    uint8_t bytes[STORE_BENCH_WIRE];
    struct muster_writer out = muster_writer_over(bytes, sizeof bytes);
    struct store_proposal *w = store_proposal_begin(s, b);

    MUSTER_ASSERT(!b->bench_is_open);
    if (w == NULL)
        return false;
    store_bench_encode(&out, bench);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    struct store_version version = store_version_of(b->reign, b->seq + 1);
    struct store_value *v = store_value_plain(version.packed, muster_writer_bytes(&out));
    if (v == NULL) {
        store_proposal_abandon(s, w);
        return false;
    }
    b->seq++;
    w->is_bench = true;
    store_proposal_add(w, v);
    bench_tell_parting(s, b, bench, v);
    b->bench_is_open = true;
    store_bucket_set_bench(s, b, store_value_keep(v), bench);
    store_proposal_send(s, b, w);
    return true;
}

static bool member_is_awaited(const struct store *s, const struct store_bucket *b, uint32_t member)
{
    uint16_t peer = b->member[member]->peer;

    return peer != STORE_NOBODY && s->peer[peer].state < STORE_PEER_DEAD;
}

static void write_answer(struct store *s, const struct store_proposal *w, int err)
{
    if (w->cookie == 0)
        return;
    struct store_effect *e = store_say(s, STORE_EFFECT_WRITTEN, w->bucket);
    e->cookie = w->cookie;
    e->err = err;
    e->copies = store_bench_copies(&s->bucket[w->bucket].bench, w->mask);
    if (err == MUSTER_OK && e->copies == 0)
        e->copies = 1; /* who has it is leaving, and does not before its successor has it */
    if (MUSTER_MUTANT(copies_overstated))
        e->copies = s->bucket[w->bucket].bench.count;
}

static void write_close(struct store *s, struct store_bucket *b, struct store_proposal *w, int err)
{
    MUSTER_ASSERT(!w->is_closed);
    if (!w->is_chosen) {
        MUSTER_MARK(write_ends_unknown);
        b->unchosen--;
        for (uint32_t i = 0; i < w->count && !w->is_bench; i++) {
            struct store_entry *e = store_rows_find(&s->table, store_value_key(w->value[i]));
            if (e != NULL && e->value == w->value[i])
                e->flags &= (uint8_t)~STORE_ENTRY_OPEN;
        }
    }
    write_answer(s, w, err);
    write_unlink(s, b, w);
    w->is_closed = true;
    store_proposal_free(s, w);
}

void store_proposal_free(struct store *s, struct store_proposal *w)
{
    if (!w->is_closed || w->refs > 0)
        return;
    for (uint32_t i = 0; i < w->count; i++)
        store_value_drop(w->value[i]);
    muster_pool_give(&s->proposals, w);
}

static void write_chosen(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    w->is_chosen = true;
    b->unchosen--;
    if (w->is_bench) {
        b->bench_is_open = false;
        return;
    }
    for (uint32_t i = 0; i < w->count; i++) {
        struct store_entry *e = store_rows_find(&s->table, store_value_key(w->value[i]));
        MUSTER_ASSERT(e != NULL); /* an open row is neither purged nor replaced */
        MUSTER_ASSERT(e->value == w->value[i]);
        e->flags &= (uint8_t)~STORE_ENTRY_OPEN;
        (void)store_say_of(s, STORE_EFFECT_CHOSEN, b->number, w->value[i]);
    }
    if (w->drop_token != 0) {
        MUSTER_MARK(claim_replaced_a_run);
        struct store_effect *e = store_say_of(s, STORE_EFFECT_DROP, b->number, w->value[0]);
        e->node = w->drop_node;
        e->token = w->drop_token;
    }
}

/* Chosen at a quorum at once; answered when nobody is waited for any more. */
static void write_check(struct store *s, struct store_bucket *b, struct store_proposal *w)
{
    bool is_full = true, is_awaited = false;

    bool is_quorum = store_bench_quorum(&b->bench, w->mask) &&
                     (!w->has_light || store_light_is_held(&b->bench, w->mask));

    if (w->has_light && !w->is_chosen && !is_quorum && !store_light_may(s, b)) {
        b->is_short = true;
        store_look(s, b);
    }
    if (!w->is_chosen && (is_quorum || MUSTER_MUTANT(chosen_before_quorum))) {
        write_chosen(s, b, w);
        if (w->is_bench || b->role == STORE_ELECTED || store_bench_is_joint(&b->bench))
            store_look(s, b);
    }
    if (!w->is_chosen)
        return;
    for (uint32_t i = 0; i < b->bench.count; i++) {
        if (((w->mask | b->bench.lost_mask) & store_bit(i)) != 0)
            continue; /* what is lost cannot come back with an older row either */
        is_full = false;
        is_awaited = is_awaited || member_is_awaited(s, b, i);
    }
    if ((is_full || MUSTER_MUTANT(purge_at_majority)) && !w->is_bench)
        store_purge_written(s, b, w);
    if (!is_awaited || s->now.mono_ms >= w->made_ms + s->config.times.ack_wait_ms)
        write_close(s, b, w, MUSTER_OK);
}

void store_proposal_acked(struct store *s, struct store_bucket *b, struct store_proposal *w,
                          uint32_t member)
{
    if (w->is_closed || (w->mask & store_bit(member)) != 0)
        return;
    w->mask = (uint16_t)(w->mask | store_bit(member));
    write_check(s, b, w);
}

/* Our own copy counts only now that it is on disk (R17). */
void store_proposal_own(struct store *s, struct store_proposal *w)
{
    struct store_bucket *b = &s->bucket[w->bucket];
    int self = store_bucket_self(s, b);
    struct store_reign reign = store_version_reign((struct store_version){ w->first });

    if (self < 0 || !store_bucket_rules(b) || reign.packed != b->reign.packed)
        return;
    /* Batches reach the disk in order: what was written here before is there as well. That holds
     * also of a write that the others have chosen and answered before our own slow disk had it. */
    if (b->member[self]->level == 0)
        b->member[self]->level = w->last_seq + 1;
    if (!w->is_closed)
        store_proposal_acked(s, b, w, (uint32_t)self);
}

void store_proposal_review(struct store *s, struct store_bucket *b)
{
    for (struct store_proposal *w = b->first_proposal, *next; w != NULL; w = next) {
        next = w->next; /* checking a write ends no other one */
        write_check(s, b, w);
    }
}

void store_proposal_again(struct store *s, struct store_bucket *b, uint16_t peer,
                          uint64_t before_ms)
{
    for (struct store_proposal *w = b->first_proposal; w != NULL; w = w->next) {
        if (w->sent_ms > before_ms)
            break;
        for (uint32_t i = 0; i < b->bench.count; i++) {
            bool is_meant = peer == STORE_NOBODY || b->member[i]->peer == peer;
            if (is_meant && (w->mask & store_bit(i)) == 0)
                write_put(s, b, w, i);
        }
        w->sent_ms = s->now.mono_ms;
    }
}

void store_proposal_fail(struct store *s, struct store_bucket *b)
{
    while (b->first_proposal != NULL) {
        struct store_proposal *w = b->first_proposal;
        if (!w->is_chosen)
            s->counters.writes_unknown++;
        write_close(s, b, w, w->is_chosen ? MUSTER_OK : MUSTER_EUNKNOWN);
    }
    b->bench_is_open = false;
    MUSTER_ASSERT(b->unchosen == 0);
}

/* What is chosen waits for the slowest seat no longer than ack_wait (P1). */
void store_proposal_late(struct store *s)
{
    uint64_t wait = s->config.times.ack_wait_ms;

    if (s->now.mono_ms < s->late_ms)
        return;
    s->late_ms = MUSTER_NEVER;
    for (struct store_proposal *w = s->first_late, *next; w != NULL; w = next) {
        next = w->late_next;
        if (w->made_ms + wait > s->now.mono_ms) {
            s->late_ms = w->made_ms + wait;
            break;
        }
        if (w->is_chosen || MUSTER_MUTANT(answer_before_chosen)) {
            MUSTER_MARK(answer_without_the_slowest);
            write_close(s, &s->bucket[w->bucket], w, MUSTER_OK);
        }
    }
}

const struct store_proposal *store_proposal_holding(const struct store_bucket *b,
                                                    const struct store_value *v)
{
    struct store_version version = { v->version };

    for (const struct store_proposal *w = b->last_proposal; w != NULL; w = w->prev) {
        if (v->version < w->first)
            continue;
        bool is_its = store_version_seq(version) <= w->last_seq && !w->is_bench &&
                      store_version_reign(version).packed == b->reign.packed;
        return is_its ? w : NULL;
    }
    return NULL;
}

/* True while the member has not acknowledged an open write of this very value. */
bool store_proposal_waits_for(const struct store_bucket *b, const struct store_value *v,
                              uint32_t member)
{
    const struct store_proposal *w = store_proposal_holding(b, v);

    return w != NULL && (w->mask & store_bit(member)) == 0;
}

/* True when everything written up to `seq` in this reign is chosen. */
bool store_proposal_is_past(const struct store_bucket *b, uint32_t seq)
{
    for (const struct store_proposal *w = b->first_proposal; w != NULL && w->last_seq <= seq;
         w = w->next) {
        if (!w->is_chosen)
            return false;
    }
    return true;
}
