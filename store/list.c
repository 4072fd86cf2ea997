/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: which keys and versions stand in the sub-buckets that differ; asked of voters by a
 * candidate (R13) and of members by a keeper (R20). */
#include "store/inside.h"

/* ---- the side that is asked */

/* The list as it stands now; it is sent when everything it names is on disk. NULL when it is too
 * long for a frame: such a bucket cannot be compared, which its keeper sees as a member never
 * level. */
static struct store_value *list_make(struct store *s, const struct store_bucket *b, uint32_t sub)
{
    struct muster_writer w = muster_writer_over(s->scratch, STORE_LIST_BYTES);
    uint8_t *mark = muster_write_array_open(&w);
    uint32_t count = 0;

    for (const struct store_entry *e = s->table.shelf[b->number].first; e != NULL;
         e = e->bucket_next) {
        if (store_entry_sub(e) != sub)
            continue;
        muster_write_bytes(&w, store_value_key(e->value));
        muster_write_u64(&w, e->value->version);
        count += 2;
    }
    if (muster_writer_err(&w) != MUSTER_OK)
        return NULL;
    muster_write_array_close(&w, mark, count);
    return store_value_plain(0, muster_writer_bytes(&w));
}

static void list_answer(struct store *s, struct store_bucket *b, uint16_t peer,
                        struct store_reign reign, uint16_t mask, uint64_t number)
{
    for (uint32_t sub = 0; sub < STORE_SUBS; sub++) {
        if ((mask & store_bit(sub)) == 0 && (mask != 0 || sub > 0))
            continue; /* none differs: one empty answer says so */
        struct store_item *item = store_item_new(s, STORE_LIST_OK, b, peer);
        if (item == NULL)
            return;
        item->reign = reign.packed;
        item->seat = b->seat;
        item->mask = mask;
        item->sub = (uint8_t)sub;
        item->number = number;
        if (mask != 0)
            item->value = list_make(s, b, sub);
        if (mask != 0 && item->value == NULL) {
            store_item_free(s, item);
            continue;
        }
        store_answer(s, b, item);
    }
}

void store_list_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint32_t mask = 0;

    muster_read_array_of(r, STORE_SUBS);
    for (uint32_t i = 0; i < STORE_SUBS; i++) {
        if (muster_read_u64(r) != s->table.shelf[b->number].sub[i])
            mask |= store_bit(i);
    }
    bool is_numbered = muster_reader_ok(r) && muster_reader_left(r) > 0;
    uint64_t number = is_numbered ? muster_read_u64(r) : 0; /* 0: of a build before */
    if (!muster_reader_ok(r))
        return;
    if (reign.packed < b->promised.packed) {
        MUSTER_MARK(list_for_deposed_keeper);
        store_refuse(s, b, peer, reign);
        return;
    }
    /* Only what we have promised may look into our rows: they must not change under its eyes. */
    if (reign.packed > b->promised.packed || b->role > STORE_SEATED || b->seat == 0)
        return;
    list_answer(s, b, peer, reign, (uint16_t)mask, number);
}

void store_want_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);

    if (!muster_reader_ok(r) || reign.packed != b->promised.packed || b->role > STORE_SEATED)
        return;
    struct store_entry *e = store_rows_find(&s->table, key);
    if (e == NULL || e->bucket != b->number)
        return;
    struct store_item *item = store_item_new(s, STORE_WANT_OK, b, peer);
    if (item == NULL)
        return;
    item->reign = reign.packed;
    item->seat = b->seat;
    item->version = e->value->version;
    item->value = store_value_keep(e->value);
    store_answer(s, b, item);
}

/* ---- the side that asks */

static void want_send(struct store *s, struct store_bucket *b, uint32_t member,
                      struct muster_bytes key)
{
    struct store_member *m = b->member[member];
    struct store_item *item = store_item_new(s, STORE_WANT, b, m->peer);

    MUSTER_MARK(row_wanted_of_voter);
    /* without a frame it never comes, and this vote is not merged: the election fails */
    m->wants++;
    if (item == NULL)
        return;
    item->reign = b->reign.packed;
    item->value = store_value_plain(0, key);
    if (item->value == NULL) {
        store_item_free(s, item);
        return;
    }
    store_send(s, item);
}

/* One key the other side holds. */
static void list_compare(struct store *s, struct store_bucket *b, uint32_t member,
                         struct muster_bytes key, uint64_t version)
{
    struct store_entry *e = store_rows_find(&s->table, key);
    bool is_candidate = b->role == STORE_CANDIDATE;

    if (e != NULL)
        e->flags |= STORE_ENTRY_SEEN;
    if (e != NULL && is_candidate)
        store_light_holds(b, e, member, version);
    if (e != NULL && e->value->version == version)
        return;
    if (e == NULL || e->value->version < version) {
        if (is_candidate)
            want_send(s, b, member, key);
        else
            store_supersede(s, b, key);
    } else if (is_candidate) {
        e->flags |= STORE_ENTRY_REWRITE;
    } else {
        store_catchup_row(s, b, member, e);
    }
}

/* Our rows of this sub-bucket that the list has not named; all of them lose the mark. */
static void list_sweep(struct store *s, struct store_bucket *b, uint32_t member, uint32_t sub,
                       bool is_whole)
{
    for (struct store_entry *e = s->table.shelf[b->number].first; e != NULL; e = e->bucket_next) {
        if (store_entry_sub(e) != sub)
            continue;
        bool was_seen = (e->flags & STORE_ENTRY_SEEN) != 0;
        e->flags &= (uint8_t)~STORE_ENTRY_SEEN;
        if (was_seen || !is_whole)
            continue;
        if (b->role == STORE_CANDIDATE)
            e->flags |= STORE_ENTRY_REWRITE;
        else
            store_catchup_row(s, b, member, e);
    }
}

static void list_read(struct store *s, struct store_bucket *b, uint32_t member, uint32_t sub,
                      struct muster_reader *r)
{
    uint32_t count = muster_read_array(r, UINT32_MAX) / 2;

    for (uint32_t i = 0; i < count && muster_reader_ok(r); i++) {
        struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
        uint64_t version = muster_read_u64(r);
        bool is_ours = store_rows_bucket_of(&s->table, key) == b->number &&
                       store_key_sub(key) == sub && version != 0;
        if (!is_ours)
            muster_reader_fail(r, MUSTER_EINVAL);
        if (muster_reader_ok(r))
            list_compare(s, b, member, key, version);
    }
    list_sweep(s, b, member, sub, muster_reader_ok(r));
}

/* Behind the list stands the number of the question that it answers: one that was given up, and
 * asked anew, may be answered yet, and says nothing of what was written in between. */
static uint64_t list_number(struct muster_reader after)
{
    muster_read_skip(&after);
    bool is_numbered = muster_reader_ok(&after) && muster_reader_left(&after) > 0;
    return is_numbered ? muster_read_u64(&after) : 0; /* 0: of a build before */
}

void store_list_ok_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    uint16_t mask = muster_read_u16(r);
    uint32_t sub = muster_read_u32(r);

    if (!muster_reader_ok(r) || sub >= STORE_SUBS) {
        muster_reader_fail(r, MUSTER_ERANGE);
        return;
    }
    uint64_t number = list_number(*r);
    int found = store_bench_find(&b->bench, s->peer[peer].id, seat);
    bool is_asked = b->role > STORE_SEATED && reign.packed == b->reign.packed && found >= 0 &&
                    b->member[found]->sync == STORE_SYNC_LISTS &&
                    (number == 0 || number == b->member[found]->page);
    if (!is_asked) {
        muster_read_skip(r);
        return;
    }
    uint32_t member = (uint32_t)found;
    struct store_member *m = b->member[member];
    if (!m->knows_lists) {
        m->knows_lists = true;
        m->lists = mask;
        m->has_more = false;
        if (b->role == STORE_CANDIDATE) /* of the others it holds what we do */
            store_light_held(s, b, member, (uint16_t)~mask);
    }
    if ((m->lists & store_bit(sub)) != 0)
        list_read(s, b, member, sub, r);
    else
        muster_read_skip(r);
    if (!muster_reader_ok(r))
        return;
    m->lists = (uint16_t)(m->lists & ~store_bit(sub));
    if (m->lists != 0)
        return;
    if (b->role == STORE_CANDIDATE)
        store_reign_lists_done(s, b, member);
    else
        store_catchup_compared(s, b, member);
}

/* A voter's row that is newer than ours joins the merge, and is written anew once we are elected.
 */
void store_want_ok_take(struct store *s, uint16_t peer, struct muster_reader *r)
{
    struct store_bucket *b = store_bucket_read(s, r);
    struct store_reign reign = store_reign_read(r);
    uint16_t seat = muster_read_u16(r);
    (void)muster_read_u64(r);
    uint64_t version = muster_read_u64(r);
    struct muster_bytes row = muster_read_bytes(r, STORE_ROW_MAX);

    if (!muster_reader_ok(r) || b->role != STORE_CANDIDATE || reign.packed != b->reign.packed)
        return;
    int member = store_bench_find(&b->bench, s->peer[peer].id, seat);
    if (member < 0 || b->member[member]->wants == 0)
        return;
    if (!store_batch_has_room(s, 1, row.len + 64) || !store_put_row(s, b, reign, version, row))
        return; /* cannot be held: this vote stays unmerged, and the election fails */
    struct store_row decoded;
    if (store_row_decode(&decoded, row) != MUSTER_OK)
        return;
    struct store_entry *e = store_rows_find(&s->table, decoded.key);
    if (e != NULL) {
        e->flags |= STORE_ENTRY_REWRITE;
        store_light_holds(b, e, (uint32_t)member, version);
    }
    if (decoded.is_light && version <= b->floor && version > b->vain)
        b->vain = version; /* memory too: with the row it goes */
    if (version > b->taken) {
        b->taken = version;
        store_touch(s, b); /* in the batch that brings the row */
    }
    b->member[member]->wants--;
    store_reign_lists_done(s, b, (uint32_t)member);
}
