/* SPDX-License-Identifier: Apache-2.0 */
/* Items as msgpack: an array each, its first element the bucket. Readers pass over elements that a
 * newer build has added at the end, so a field can be added but never moved. */
#include "store/inside.h"

static void write_bench(struct muster_writer *w, const struct store_value *row)
{
    if (row == NULL) {
        muster_write_nil(w);
        return;
    }
    muster_write_array(w, 2);
    muster_write_u64(w, row->version);
    muster_write_bytes(w, store_value_bytes(row));
}

/* Rows of a write, or a bench row alone. */
static void encode_put(struct muster_writer *w, const struct store_item *item)
{
    const struct store_proposal *write = item->proposal;

    muster_write_array(w, item->value != NULL ? 7 : 6);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    muster_write_u64(w, item->counter);
    write_bench(w, item->value);
    muster_write_u64(w, write == NULL ? item->value->version : write->first);
    if (item->value != NULL) {
        muster_write_array(w, 0);
        muster_write_u64(w, item->number); /* its keeper's reach */
        return;
    }
    muster_write_array(w, 2u * write->count);
    for (uint32_t i = 0; i < write->count; i++) {
        muster_write_u64(w, write->value[i]->version);
        muster_write_bytes(w, store_value_bytes(write->value[i]));
    }
}

static void encode_list(const struct store *s, struct muster_writer *w,
                        const struct store_item *item)
{
    muster_write_array(w, 4);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    muster_write_array(w, STORE_SUBS);
    for (uint32_t i = 0; i < STORE_SUBS; i++)
        muster_write_u64(w, s->table.shelf[item->bucket].sub[i]);
    muster_write_u64(w, item->number); /* comes back with the answers */
}

static void encode_list_ok(struct muster_writer *w, const struct store_item *item)
{
    muster_write_array(w, 7);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    muster_write_u64(w, item->seat);
    muster_write_u64(w, item->mask);
    muster_write_u64(w, item->sub);
    if (item->value == NULL)
        muster_write_array(w, 0);
    else
        muster_write_plain(w, store_value_bytes(item->value)); /* an array when it was made */
    muster_write_u64(w, item->number);
}

static void encode_vote(const struct store *s, struct muster_writer *w,
                        const struct store_item *item)
{
    switch (item->kind) {
    case STORE_ASK:
        muster_write_array(w, 4);
        muster_write_u64(w, item->bucket);
        muster_write_u64(w, item->reign);
        muster_write_u64(w, item->version); /* of the bench */
        muster_write_u64(w, item->number);  /* the reign that consents */
        return;
    case STORE_YES:
        muster_write_array(w, 9);
        muster_write_u64(w, item->bucket);
        muster_write_u64(w, item->reign);
        muster_write_u64(w, item->seat);
        muster_write_u64(w, item->number); /* beat age */
        muster_write_u64(w, item->digest);
        write_bench(w, item->value);
        muster_write_u64(w, item->version); /* floor */
        muster_write_u64(w, s->bucket[item->bucket].taken);
        muster_write_u64(w, s->bucket[item->bucket].vain);
        return;
    case STORE_NO:
        muster_write_array(w, 5);
        muster_write_u64(w, item->bucket);
        muster_write_u64(w, item->reign);
        muster_write_u64(w, item->version); /* promised */
        write_bench(w, item->value);
        muster_write_bool(w, item->number != 0); /* a keeper of that reign is alive */
        return;
    default: /* STORE_YIELD */
        muster_write_array(w, 2);
        muster_write_u64(w, item->bucket);
        muster_write_u64(w, item->reign);
        return;
    }
}

static void encode_beat(const struct store *s, struct muster_writer *w,
                        const struct store_item *item)
{
    const struct store_bucket *b = &s->bucket[item->bucket];
    bool says_digest =
        item->kind == STORE_BEAT && b->has_light && store_is_serving(s, item->bucket);

    muster_write_array(w, item->kind == STORE_BEAT ? 4 + says_digest : 7);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    if (item->kind == STORE_BEAT) {
        muster_write_u64(w, item->version); /* of the bench */
        muster_write_u64(w, item->digest);  /* the last version it has written */
        if (says_digest)
            muster_write_u64(w, store_bucket_digest(s, b));
        return;
    }
    muster_write_u64(w, item->seat);
    muster_write_u64(w, item->version); /* of the bench */
    muster_write_u64(w, item->digest);
    store_claims_encode(s, w, b);
}

static void encode_receipt(struct muster_writer *w, const struct store_item *item)
{
    muster_write_array(w, 5);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    muster_write_u64(w, item->seat);
    muster_write_u64(w, item->number); /* PUT_OK: first version; FILL_OK: page */
    muster_write_u64(w, item->digest);
}

static void encode_key(struct muster_writer *w, const struct store_item *item)
{
    if (item->kind == STORE_PURGE) {
        muster_write_array(w, 5);
        muster_write_u64(w, item->bucket);
        muster_write_u64(w, item->reign);
        muster_write_u64(w, item->counter);
        muster_write_u64(w, item->version);
        muster_write_bytes(w, store_value_key(item->value));
        return;
    }
    muster_write_array(w, 3);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->kind == STORE_WANT ? item->reign : item->number); /* or the token */
    muster_write_bytes(w, store_value_bytes(item->value));
}

static void encode_row(struct muster_writer *w, const struct store_item *item)
{
    muster_write_array(w, 6);
    muster_write_u64(w, item->bucket);
    muster_write_u64(w, item->reign);
    muster_write_u64(w, item->kind == STORE_FILL ? item->counter : item->seat);
    muster_write_u64(w, item->number); /* page */
    muster_write_u64(w, item->version);
    if (item->value == NULL)
        muster_write_nil(w); /* the end of a page */
    else
        muster_write_bytes(w, store_value_bytes(item->value));
}

void store_item_encode(struct store *s, struct muster_writer *w, const struct store_item *item)
{
    switch (item->kind) {
    case STORE_BEAT:
    case STORE_BEAT_OK:
        encode_beat(s, w, item);
        return;
    case STORE_PUT:
        encode_put(w, item);
        return;
    case STORE_PUT_OK:
    case STORE_FILL_OK:
        encode_receipt(w, item);
        return;
    case STORE_LIST:
        encode_list(s, w, item);
        return;
    case STORE_LIST_OK:
        encode_list_ok(w, item);
        return;
    case STORE_WANT:
    case STORE_UNCLAIM:
    case STORE_PURGE:
        encode_key(w, item);
        return;
    case STORE_FILL:
    case STORE_WANT_OK:
        encode_row(w, item);
        return;
    default:
        encode_vote(s, w, item);
        return;
    }
}

uint64_t store_item_head(const struct store_item *item)
{
    /* The time a beat was sent comes back in its answer, so that the keeper needs no table of them.
     */
    return item->kind == STORE_BEAT || item->kind == STORE_BEAT_OK ? item->number : 0;
}
