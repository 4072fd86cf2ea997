/* SPDX-License-Identifier: Apache-2.0 */
/* Catch-up from the keeper's side: a member whose digest differs says what it holds, is sent what
 * it lacks page by page, and what only it holds is superseded. (R20, R24)
 *
 *   digest differs ──▶ LISTS ──▶ FILLS ──▶ level          at most STORE_FILL_BYTES on their way
 *                        ▲          │                      to one node; the others WAIT
 *                        └── more ──┘
 */
#include "store/inside.h"

#define UNEQUAL_MAX 2 /* answers that may differ only because of writes still on their way */

void store_catchup_reset(struct store *s, struct store_bucket *b, uint32_t member)
{
    struct store_member *m = b->member[member];

    if (m->page_bytes > 0) {
        MUSTER_ASSERT(s->peer[m->peer].fill_bytes >= m->page_bytes);
        s->peer[m->peer].fill_bytes -= m->page_bytes;
        m->page_bytes = 0;
    }
    m->sync = STORE_SYNC_NONE;
    m->lists = 0;
    m->wants = 0;
}

void store_catchup_send_list(struct store *s, struct store_bucket *b, uint32_t member)
{
    struct store_member *m = b->member[member];
    struct store_item *item = store_item_new(s, STORE_LIST, b, m->peer);

    if (item == NULL)
        return;
    item->reign = b->reign.packed;
    m->lists = UINT16_MAX; /* how many will come is known with the first */
    m->knows_lists = false;
    m->sync = STORE_SYNC_LISTS;
    m->sync_ms = s->now.mono_ms;
    m->page = ++s->page;
    item->number = m->page;
    store_send(s, item);
}

static bool fill_has_room(const struct store *s, const struct store_member *m)
{
    return s->peer[m->peer].fill_bytes + STORE_PAGE_BYTES <= STORE_FILL_BYTES &&
           !MUSTER_RARE(fill_waits);
}

static void member_is_level(struct store *s, struct store_bucket *b, uint32_t member, uint32_t seq)
{
    struct store_member *m = b->member[member];

    if (m->level == 0)
        m->level = seq + 1; /* what it held then it still holds */
    store_catchup_reset(s, b, member);
    if (store_bench_is_joint(&b->bench))
        store_look(s, b);
}

static void catchup_start(struct store *s, struct store_bucket *b, uint32_t member)
{
    struct store_member *m = b->member[member];

    if (!store_peer_is_linked(s, m->peer))
        return;
    if (!fill_has_room(s, m)) {
        m->sync = STORE_SYNC_WAITS;
        m->sync_ms = s->now.mono_ms;
        return;
    }
    if (!m->is_empty) {
        store_catchup_send_list(s, b, member);
        return;
    }
    m->is_empty = false; /* no need to ask a seat that was just wiped what it holds */
    m->sync = STORE_SYNC_FILLS;
    m->has_more = false;
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next)
        store_catchup_row(s, b, member, e);
    store_catchup_compared(s, b, member);
}

static bool member_has_open_writes(const struct store_bucket *b, uint32_t member)
{
    for (const struct store_proposal *w = b->first_proposal; w != NULL; w = w->next) {
        if ((w->mask & store_bit(member)) == 0)
            return true;
    }
    return false;
}

void store_catchup_heard(struct store *s, struct store_bucket *b, uint32_t member, uint64_t digest)
{
    struct store_member *m = b->member[member];

    if (digest == store_bucket_digest(s, b)) {
        m->unequal = 0;
        m->equal = b->seq + 1;
        member_is_level(s, b, member, b->seq);
        return;
    }
    m->is_empty = digest == 0;
    if (m->unequal < UNEQUAL_MAX)
        m->unequal++;
    if (m->sync == STORE_SYNC_NONE &&
        (m->unequal >= UNEQUAL_MAX || m->is_empty || !member_has_open_writes(b, member)))
        catchup_start(s, b, member);
}

/* One row the member lacks: onto the page, unless it is on its way as a write. */
void store_catchup_row(struct store *s, struct store_bucket *b, uint32_t member,
                       struct store_entry *e)
{
    struct store_member *m = b->member[member];

    if ((e->flags & STORE_ENTRY_OPEN) != 0 && store_proposal_waits_for(b, e->value, member))
        return;
    if ((e->flags & STORE_ENTRY_REWRITE) != 0) { /* not as it is: that may never have been chosen */
        m->has_more = true;
        return;
    }
    bool is_full = m->page_bytes + e->value->len > STORE_PAGE_BYTES || MUSTER_RARE(page_is_short);
    if (m->page_bytes > 0 && is_full) {
        m->has_more = true;
        return;
    }
    struct store_item *item = store_item_new(s, STORE_FILL, b, m->peer);
    if (item == NULL) {
        m->has_more = true;
        return;
    }
    item->reign = b->reign.packed;
    item->counter = b->frames; /* a member that has seen a later PURGE ignores it */
    item->version = e->value->version;
    item->value = store_value_keep(e->value);
    store_send(s, item);
    m->page_bytes += e->value->len;
    s->peer[m->peer].fill_bytes += e->value->len;
}

/* Every row has been looked at: close the page, or find that there is nothing to send. */
void store_catchup_compared(struct store *s, struct store_bucket *b, uint32_t member)
{
    struct store_member *m = b->member[member];

    m->compared = b->seq;
    if (m->page_bytes == 0 && !m->has_more) {
        member_is_level(s, b, member, b->seq);
        return;
    }
    struct store_item *item = store_item_new(s, STORE_FILL, b, m->peer);
    if (item == NULL || m->page_bytes == 0) {
        if (item != NULL)
            store_item_free(s, item);
        store_catchup_reset(s, b, member);
        return;
    }
    m->sync = STORE_SYNC_FILLS;
    m->sync_ms = s->now.mono_ms;
    m->page = ++s->page;
    item->reign = b->reign.packed;
    item->counter = b->frames;
    item->number = m->page;
    store_send(s, item);
    s->counters.fills++;
}

/* Room has come free at this node: the next bucket in turn that waits for it. */
static void fill_next(struct store *s, uint16_t peer)
{
    for (uint32_t i = 0; i < s->config.buckets; i++) {
        struct store_bucket *b = &s->bucket[(s->fill_turn + i) % s->config.buckets];
        if (!store_bucket_rules(b))
            continue;
        for (uint32_t k = 0; k < b->bench.count; k++) {
            struct store_member *m = b->member[k];
            if (m->peer != peer || m->sync != STORE_SYNC_WAITS)
                continue;
            if (!fill_has_room(s, m)) {
                s->fill_turn = b->number;
                return;
            }
            m->sync = STORE_SYNC_NONE;
            catchup_start(s, b, k);
        }
    }
}

void store_fill_ok_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    uint64_t page = muster_read_u64(r);

    if (!muster_reader_ok(r) || !store_bucket_rules(b) || reign.packed != b->reign.packed)
        return;
    int member = store_bench_find(&b->bench, s->peer[peer].id, seat);
    if (member < 0)
        return;
    struct store_member *m = b->member[member];
    if (m->sync != STORE_SYNC_FILLS || m->page != page)
        return;
    bool has_more = m->has_more;
    if (has_more)
        MUSTER_MARK(fill_goes_on);
    uint32_t compared = m->compared;
    store_catchup_reset(s, b, (uint32_t)member);
    if (has_more)
        catchup_start(s, b, (uint32_t)member);
    else
        member_is_level(s, b, (uint32_t)member, compared);
    fill_next(s, peer);
}

/* A row that only the member has, or has newer than we: no quorum can have held it before our
 * reign, so our own value, or a tombstone, goes over it. */
void store_supersede(struct store *s, struct store_bucket *b, struct muster_bytes key)
{
    struct store_entry *e = store_rows_find(&s->table, key);
    struct store_row row = { .key = key, .phase = STORE_GONE, .since_wall_ms = s->now.wall_ms };

    if (b->role != STORE_SERVING || (e != NULL && (e->flags & STORE_ENTRY_OPEN) != 0))
        return;
    if (e == NULL && s->table.rows >= s->table.rows_max)
        return;
    if (e == NULL)
        MUSTER_MARK(superseded_by_tombstone);
    else
        MUSTER_MARK(superseded_by_value);
    if (MUSTER_MUTANT(supersede_skipped))
        return;
    struct store_proposal *w = store_proposal_begin(s, b);
    if (w == NULL)
        return; /* the next comparison shows it again */
    if (e != NULL && store_row_decode(&row, store_value_bytes(e->value)) != MUSTER_OK)
        MUSTER_ASSERT(false); /* it was a row when it was taken in */
    struct store_value *v = store_put_value(s, b, &row);
    if (v == NULL) {
        store_proposal_abandon(s, w);
        return;
    }
    store_proposal_add(w, v);
    store_proposal_send(s, b, w);
    s->counters.superseded++;
}

/* ---- the member's side */

void store_fill_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint32_t counter = muster_read_u32(r);
    uint32_t page = muster_read_u32(r);
    uint64_t version = muster_read_u64(r);
    bool is_end = muster_read_is_nil(r);
    struct muster_bytes row = is_end ? MUSTER_BYTES(NULL, 0) : muster_read_bytes(r, STORE_ROW_MAX);

    if (!muster_reader_ok(r) || !store_reign_accept(s, b, reign, peer))
        return;
    /* Sent before a PURGE that we have seen: it may hold what must not come back. The page is not
     * acknowledged, and its keeper compares again. */
    bool is_late = counter < b->purged_counter && !MUSTER_MUTANT(late_frame_taken);
    if (b->seat == 0 || is_late) {
        b->page_is_torn = !is_end; /* the next page begins whole */
        return;
    }
    if (!is_end) {
        bool has_room =
            store_batch_has_room(s, 1, row.len + 64) && !MUSTER_RARE(no_room_for_a_page);
        if (!has_room || !store_put_row(s, b, reign, version, row))
            b->page_is_torn = true;
        return;
    }
    bool is_torn = b->page_is_torn;
    b->page_is_torn = false;
    if (is_torn)
        MUSTER_MARK(page_is_torn);
    struct store_item *item = is_torn ? NULL : store_item_new(s, STORE_FILL_OK, b, peer);
    if (item == NULL)
        return;
    item->reign = reign.packed;
    item->seat = b->seat;
    item->number = page;
    item->digest = store_bucket_digest(s, b);
    if (MUSTER_MUTANT(fill_ok_before_commit))
        store_send(s, item);
    else
        store_answer(s, b, item);
}
