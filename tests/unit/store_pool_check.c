/* SPDX-License-Identifier: Apache-2.0 */
/* What must never be seen in a pool: the invariants of the design, checked after every step. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/bench.h"
#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

#define SLOTS 65536u

#define BENCHES 16 /* buckets whose chain is checked */

/* Every bench row of a bucket that was ever seen, by version. */
struct benches {
    struct store_bucket_view row[400];
    uint32_t count;
};

/* A set of facts: under a hash of what they are about, a hash of what was said. */
struct check {
    uint64_t about[SLOTS], said[SLOTS];
    uint32_t used;
    struct benches bench[BENCHES];
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
    if (c->said[at] == said)
        return;
    pool_fail(p);
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
    uint8_t bytes[4096];
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

static bool same_bench(const struct store_bucket_view *a, const struct store_bucket_view *b)
{
    return same_list(a->old_seat, a->old_count, b->old_seat, b->old_count) &&
           same_list(a->new_seat, a->new_count, b->new_seat, b->new_count);
}

/* Written by one keeper one after the other: final, joint that begins with it, final that is one of
 * its lists. */
static bool bench_follows(const struct store_bucket_view *a, const struct store_bucket_view *b)
{
    bool same_old = same_list(a->old_seat, a->old_count, b->old_seat, b->old_count);

    if (a->new_count == 0)
        return b->new_count > 0 && same_old;
    return b->new_count == 0 &&
           (same_old || same_list(a->new_seat, a->new_count, b->old_seat, b->old_count));
}

static uint64_t reign_of(const struct store_bucket_view *v)
{
    return store_version_reign(v->bench_version).packed;
}

/* The first bench row of a reign says again what its keeper has learned: that is nothing older than
 * what was chosen before. */
static bool bench_is_inherited(const struct benches *all, const struct store_bucket_view *row)
{
    for (uint32_t i = all->count; i-- > 0;) {
        if (all->row[i].bench_version.packed > row->bench_version.packed)
            continue;
        if (same_bench(&all->row[i], row))
            return true;
        if (all->row[i].bench_is_chosen && reign_of(&all->row[i]) < reign_of(row))
            return false;
    }
    return row->bench_version.packed <= 1;
}

static struct store_bucket_view *bench_before(struct benches *all,
                                              const struct store_bucket_view *row)
{
    struct store_bucket_view *before = NULL;

    for (uint32_t i = 0; i < all->count; i++) {
        if (reign_of(&all->row[i]) == reign_of(row) &&
            all->row[i].bench_version.packed < row->bench_version.packed)
            before = &all->row[i];
    }
    return before;
}

static void bench_insert(struct benches *all, const struct store_bucket_view *row)
{
    uint32_t at = all->count++;

    assert_true(at < UNIT_COUNT(all->row));
    while (at > 0 && all->row[at - 1].bench_version.packed > row->bench_version.packed) {
        all->row[at] = all->row[at - 1];
        at--;
    }
    all->row[at] = *row;
}

/* I12: bench rows form one chain. Every row is seen after the step that wrote it; one that has a
 * successor in its own reign was chosen. */
static void check_bench(struct pool *p, const struct store_bucket_view *view, uint32_t bucket)
{
    struct check *c = p->check;
    struct benches *all = &c->bench[bucket % BENCHES];

    if (view->bench_version.packed == 0 || p->buckets > BENCHES)
        return;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->row[i].bench_version.packed != view->bench_version.packed)
            continue;
        if (!same_bench(&all->row[i], view)) {
            pool_fail(p);
            fail_msg("at %llu: bucket %u: two benches of one version (I2)",
                     (unsigned long long)p->now_ms, bucket);
        }
        all->row[i].bench_is_chosen = all->row[i].bench_is_chosen || view->bench_is_chosen;
        return;
    }
    struct store_bucket_view *before = bench_before(all, view);
    bool is_sound = before == NULL ? bench_is_inherited(all, view) : bench_follows(before, view);
    if (!is_sound) {
        pool_fail(p);
        fail_msg("at %llu: bucket %u: a bench out of nowhere (I12)", (unsigned long long)p->now_ms,
                 bucket);
    }
    if (before != NULL)
        before->bench_is_chosen = true;
    bench_insert(all, view);
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

/* I3: whoever serves knows every version that was chosen before its reign; and what it knows when
 * it begins to serve is chosen, whoever wrote it, but for what it has just begun to write: the run
 * of a claim of its own. */
void pool_check_serving(struct pool *p, uint32_t node, uint32_t bucket)
{
    struct store *s = p->node[node].store;
    struct store_bucket_view view;
    struct store_view row;

    store_bucket(s, bucket, &view);
    for (uint32_t i = 0; i < p->keys; i++) {
        struct pool_key *k = &p->key[i];
        struct muster_bytes name = muster_bytes_text(k->name);
        struct store_version chosen = { k->chosen };
        if (name.len == 0 || store_bucket_of(s, name) != bucket)
            continue;
        bool is_known = store_get(s, name, &row);
        bool is_newer = store_version_reign(chosen).packed >= view.reign.packed;
        if (is_known && row.version.packed >= k->chosen) {
            if (!row.is_chosen)
                continue;
            k->chosen = row.version.packed;
            k->chosen_gone = row.row.phase == STORE_GONE;
        } else if (k->chosen != 0 && !is_newer && (is_known || !k->chosen_gone)) {
            pool_fail(p);
            fail_msg("at %llu: node %u serves bucket %u without chosen %s (I3)",
                     (unsigned long long)p->now_ms, node, bucket, k->name);
        }
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
