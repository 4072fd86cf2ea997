/* SPDX-License-Identifier: Apache-2.0 */
/* What must never be seen in a pool: the invariants of the design, checked after every step. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/bench.h"
#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

#define SLOTS 65536u

/* A set of facts: under a hash of what they are about, a hash of what was said. */
struct check {
    uint64_t about[SLOTS], said[SLOTS];
    uint32_t used;
    struct store_bucket_view bench[STORE_BUCKETS]; /* the last one a serving keeper had */
    bool has_bench[STORE_BUCKETS];
};

void pool_check_open(struct pool *p)
{
    p->check = calloc(1, sizeof(struct check));
    assert_non_null(p->check);
}

void pool_check_close(struct pool *p)
{
    free(p->check);
}

/* Fails when something else was said about the same before. */
static void fact(struct pool *p, uint64_t about, uint64_t said, const char *what)
{
    struct check *c = p->check;
    uint32_t at = (uint32_t)(about % SLOTS);

    while (c->about[at] != 0 && c->about[at] != about)
        at = (at + 1) % SLOTS;
    if (c->about[at] == 0) {
        assert_true(++c->used < SLOTS - 1);
        c->about[at] = about;
        c->said[at] = said;
    }
    if (c->said[at] != said)
        fail_msg("at %llu: %s", (unsigned long long)p->now_ms, what);
}

static uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t parts[3] = { a, b, c };
    uint64_t hash = muster_hash64(MUSTER_BYTES(parts, sizeof parts), 1);

    return hash == 0 ? 1 : hash;
}

/* I2: one value per version, wherever it is. */
static void check_rows(struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store *s = p->node[node].store;
    struct store_view view;
    uint64_t cursor = 0;
    uint8_t bytes[1024];
    size_t len = 0;

    while (store_bucket_next(s, bucket, &cursor, &view)) {
        assert_int_equal(store_row_encode(&view.row, bytes, sizeof bytes, &len), MUSTER_OK);
        fact(p, mix(muster_hash64(view.row.key, 2), view.version.packed, bucket),
             muster_hash64(MUSTER_BYTES(bytes, len), 3), "two values of one version (I2)");
    }
}

static bool same_list(const struct store_seat *a, uint32_t an, const struct store_seat *b,
                      uint32_t bn)
{
    bool is_same = an == bn;

    for (uint32_t i = 0; i < an && is_same; i++)
        is_same = a[i].seat == b[i].seat && muster_id_equal(a[i].node, b[i].node);
    return is_same;
}

/* I12: a final row is followed by a joint one that begins with it, a joint row by one of its lists.
 */
static bool bench_follows(const struct store_bucket_view *a, const struct store_bucket_view *b)
{
    bool same_old = same_list(a->old_seat, a->old_count, b->old_seat, b->old_count);

    if (a->new_count == 0)
        return same_old;
    if (b->new_count > 0)
        return same_old; /* the same change, or another after it was taken back unseen */
    return same_old || same_list(a->new_seat, a->new_count, b->old_seat, b->old_count);
}

static void check_bench(struct pool *p, const struct store_bucket_view *view, uint32_t bucket)
{
    struct check *c = p->check;
    struct store_bucket_view *last = &c->bench[bucket];

    if (view->role != STORE_SERVING)
        return;
    if (c->has_bench[bucket]) {
        if (view->bench_version.packed <= last->bench_version.packed)
            return; /* an older keeper that does not know yet */
        if (!bench_follows(last, view))
            fail_msg("at %llu: bucket %u: a bench out of nowhere (I12)",
                     (unsigned long long)p->now_ms, bucket);
    }
    *last = *view;
    c->has_bench[bucket] = true;
}

void pool_check_step(struct pool *p, uint32_t node)
{
    struct pool_node *n = &p->node[node];
    struct store_bucket_view view;

    if (p->buckets > 16 && n->steps % 64 != 0)
        return; /* many buckets: now and then must do */
    if (!store_is_sane(n->store))
        fail_msg("at %llu: node %u is not sane", (unsigned long long)p->now_ms, node);
    for (uint32_t b = 0; b < p->buckets; b++) {
        store_bucket(n->store, b, &view);
        check_bench(p, &view, b);
        check_rows(p, node, b);
        if (view.role >= STORE_ELECTED)
            fact(p, mix(view.reign.packed, b, 77), node + 1, "two keepers of one reign (I2)");
    }
}

/* I3: whoever serves knows every version that was chosen before its reign. */
void pool_check_serving(struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store *s = p->node[node].store;
    struct store_bucket_view view;
    struct store_view row;

    store_bucket(s, bucket, &view);
    for (uint32_t i = 0; i < p->keys; i++) {
        const struct pool_key *k = &p->key[i];
        struct muster_bytes name = muster_bytes_text(k->name);
        struct store_version chosen = { k->chosen };
        if (k->chosen == 0 || store_bucket_of(s, name) != bucket ||
            store_version_reign(chosen).packed >= view.reign.packed)
            continue;
        bool is_known = store_get(s, name, &row);
        if (!is_known && k->chosen_gone)
            continue; /* a tombstone may be purged */
        if (!is_known || row.version.packed < k->chosen)
            fail_msg("at %llu: node %u serves bucket %u without chosen %s (I3)",
                     (unsigned long long)p->now_ms, node, bucket, k->name);
    }
}

void pool_check_chosen(struct pool *p, uint32_t node, struct muster_bytes key)
{
    struct store_view row;

    assert_true(store_get(p->node[node].store, key, &row)); /* what is to be acted upon is there */
    for (uint32_t i = 0; i < p->keys; i++) {
        struct pool_key *k = &p->key[i];
        if (!muster_bytes_equal(muster_bytes_text(k->name), key) || row.version.packed <= k->chosen)
            continue;
        k->chosen = row.version.packed;
        k->chosen_gone = row.row.phase == STORE_GONE;
    }
}

static bool was_deleted_after(const struct pool_key *k, uint32_t number)
{
    for (uint32_t i = 0; i < UNIT_COUNT(k->deletes); i++) {
        if (k->deletes[i] > number)
            return true;
    }
    return false;
}

void pool_check_end(struct pool *p)
{
    for (uint32_t i = 0; i < p->keys; i++) {
        const struct pool_key *k = &p->key[i];
        uint32_t keeper =
            pool_keeper(p, store_bucket_of(p->node[0].store, muster_bytes_text(k->name)));
        assert_true(keeper < POOL_NODES);
        uint32_t is = pool_read(p, keeper, i);
        if (is > k->last)
            fail_msg("%s is %u, which nobody wrote", k->name, is);
        if (is != 0 && is < k->acked)
            fail_msg("%s is %u again, after %u was acknowledged (I1, I11)", k->name, is, k->acked);
        if (is == 0 && k->acked > 0 && !k->acked_delete && !was_deleted_after(k, k->acked))
            fail_msg("acknowledged %s = %u is lost (I1)", k->name, k->acked);
    }
}
