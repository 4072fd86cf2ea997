/* SPDX-License-Identifier: Apache-2.0 */
/* The table: found by key, in order, by bucket; digests follow every write. */
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "store/rows.h"
#include "tests/unit/unit.h"

#define BUCKETS 8

static struct store_value *value(const struct store_rows *t, const char *key, uint64_t version,
                                 enum store_phase phase)
{
    struct store_row row = { .key = muster_bytes_text(key), .phase = phase };
    uint8_t wire[512];
    size_t len = 0;

    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    struct store_value *v = store_value_of_row(t, UINT32_MAX, version, MUSTER_BYTES(wire, len));
    assert_non_null(v);
    return v;
}

static struct store_entry *put(struct store_rows *t, const char *key, uint64_t version)
{
    struct store_entry *e = store_rows_put(t, value(t, key, version, STORE_WAITING));

    assert_non_null(e);
    return e;
}

static const char *number_key(uint64_t number)
{
    static char key[32];

    (void)snprintf(key, sizeof key, "job-%llu", (unsigned long long)number);
    return key;
}

static void keys_come_in_order_whatever_the_order_of_arrival(void **state)
{
    struct store_rows t;
    struct muster_rng rng;
    uint32_t order[500];
    char last[32] = "";

    (void)state;
    muster_rng_seed(&rng, 7);
    assert_int_equal(store_rows_open(&t, BUCKETS, 1000), MUSTER_OK);
    muster_rng_permutation(&rng, order, UNIT_COUNT(order));
    for (size_t i = 0; i < UNIT_COUNT(order); i++)
        put(&t, number_key(order[i]), 1);
    assert_true(store_rows_is_sane(&t));
    uint32_t seen = 0;
    for (struct store_entry *e = store_rows_after(&t, muster_bytes_text("")); e != NULL;
         e = store_rows_after(&t, store_value_key(e->value))) {
        struct muster_bytes key = store_value_key(e->value);
        assert_true(muster_bytes_compare(muster_bytes_text(last), key) < 0);
        memcpy(last, key.data, key.len);
        last[key.len] = '\0';
        seen++;
    }
    assert_int_equal(seen, UNIT_COUNT(order));
    struct store_entry *e = store_rows_after(&t, muster_bytes_text("job-10"));
    assert_true(muster_bytes_equal(store_value_key(e->value), muster_bytes_text("job-100")));
    assert_null(store_rows_after(&t, muster_bytes_text("job-99")));
    store_rows_close(&t);
}

static void digests_depend_on_the_rows_and_not_on_their_history(void **state)
{
    struct store_rows a, b;

    (void)state;
    assert_int_equal(store_rows_open(&a, 1, 100), MUSTER_OK);
    assert_int_equal(store_rows_open(&b, 1, 100), MUSTER_OK);
    for (uint32_t i = 0; i < 50; i++)
        put(&a, number_key(i), i + 1);
    for (uint32_t i = 50; i-- > 0;) {
        put(&b, number_key(i), 900);
        put(&b, number_key(i), i + 1);
    }
    put(&b, "passing", 5);
    assert_memory_not_equal(a.shelf[0].sub, b.shelf[0].sub, sizeof a.shelf[0].sub);
    store_rows_remove(&b, store_rows_find(&b, muster_bytes_text("passing")));
    assert_memory_equal(a.shelf[0].sub, b.shelf[0].sub, sizeof a.shelf[0].sub);
    uint64_t before = store_shelf_digest(&a.shelf[0]);
    put(&a, number_key(3), 77); /* one version: one sub-bucket */
    assert_true(store_shelf_digest(&a.shelf[0]) != before);
    uint32_t differ = 0;
    for (uint32_t i = 0; i < STORE_SUBS; i++)
        differ += a.shelf[0].sub[i] != b.shelf[0].sub[i];
    assert_int_equal(differ, 1);
    store_rows_close(&a);
    store_rows_close(&b);
}

/* Copies, ticks, triggered runs, what they leave, permits of groups and payloads are none. */
static void jobs_are_counted_and_nothing_beside_them(void **state)
{
    static const char *const beside[] = { "a/b@2",    "a/b@%alpha", "a/b@2026-03-28T01:00:00Z",
                                          "a/b:01J9", "a/b!o",      "%group/reports",
                                          "$00ff" };
    struct store_rows t;
    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 100), MUSTER_OK);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        (void)put(&t, beside[i], 1);
    assert_int_equal(t.jobs, 0);
    (void)put(&t, "a/b", 1);
    (void)put(&t, "a/c", 1);
    (void)put(&t, "a/b", 2);
    assert_int_equal(t.jobs, 2);
    assert_non_null(store_rows_put(&t, value(&t, "a/b", 3, STORE_GONE)));
    assert_int_equal(t.jobs, 1);
    assert_true(store_rows_is_sane(&t));
    store_rows_remove(&t, store_rows_find(&t, muster_bytes_text("a/c")));
    assert_int_equal(t.jobs, 0);
    store_rows_close(&t);
}

static void tombstones_are_counted_where_they_stand(void **state)
{
    struct store_rows t;

    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 100), MUSTER_OK);
    struct store_entry *e = put(&t, "a", 1);
    assert_ptr_equal(store_rows_put(&t, value(&t, "a", 2, STORE_GONE)), e);
    assert_int_equal(t.tombstones, 1);
    assert_int_equal(t.shelf[e->bucket].tombstones, 1);
    assert_int_equal(t.shelf[e->bucket].rows, 1);
    assert_ptr_equal(store_rows_put(&t, value(&t, "a", 3, STORE_WAITING)), e);
    assert_int_equal(t.tombstones, 0);
    store_rows_put(&t, value(&t, "a", 4, STORE_GONE));
    store_rows_remove(&t, e);
    assert_int_equal(t.tombstones, 0);
    assert_int_equal(t.rows, 0);
    assert_null(store_rows_find(&t, muster_bytes_text("a")));
    store_rows_close(&t);
}

static void a_full_table_refuses_new_keys_and_takes_new_versions(void **state)
{
    struct store_rows t;

    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 2), MUSTER_OK);
    put(&t, "a", 1);
    put(&t, "b", 1);
    assert_null(store_rows_put(&t, value(&t, "c", 1, STORE_WAITING)));
    assert_int_equal(put(&t, "a", 2)->value->version, 2);
    assert_int_equal(t.rows, 2);
    store_rows_close(&t);
}

static void a_value_lives_while_somebody_keeps_it(void **state)
{
    struct store_rows t;

    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 2), MUSTER_OK);
    struct store_value *old = store_value_keep(put(&t, "a", 1)->value);
    put(&t, "a", 2);
    assert_true(muster_bytes_equal(store_value_key(old), muster_bytes_text("a")));
    assert_int_equal(old->version, 1);
    store_value_drop(old);
    store_rows_close(&t);
}

static void strangers_bytes_make_no_value(void **state)
{
    struct store_rows t;
    uint8_t wire[512];
    size_t len = 0;
    struct store_row row = { .key = muster_bytes_text("a") };

    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 2), MUSTER_OK);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    uint32_t bucket = store_rows_bucket_of(&t, row.key);
    assert_null(store_value_of_row(&t, bucket, 1, MUSTER_BYTES(wire, len - 1)));
    assert_null(store_value_of_row(&t, bucket, 0, MUSTER_BYTES(wire, len)));
    assert_null(store_value_of_row(&t, (bucket + 1) % BUCKETS, 1, MUSTER_BYTES(wire, len)));
    struct store_value *v = store_value_of_row(&t, bucket, 1, MUSTER_BYTES(wire, len));
    assert_non_null(v);
    store_value_drop(v);
    store_rows_close(&t);
}

static void what_has_one_home_lies_in_one_bucket(void **state)
{
    struct store_rows t;

    (void)state;
    assert_int_equal(store_rows_open(&t, BUCKETS, 64), MUSTER_OK);
    for (int i = 0; i < 10; i++) {
        char key[16], more[32];
        (void)snprintf(key, sizeof key, "job%d", i);
        (void)snprintf(more, sizeof more, "job%d!c.1", i);
        assert_int_equal(put(&t, key, 1)->bucket, put(&t, more, 1)->bucket);
    }
    assert_true(store_rows_is_sane(&t));
    store_rows_close(&t);
}

/* Puts and removes at random beside a plain list of what must be there. */
static void any_history_leaves_the_table_sane(void **state)
{
    struct store_rows t;
    struct muster_rng rng;
    uint64_t version[64] = { 0 };

    (void)state;
    muster_rng_seed(&rng, 11);
    assert_int_equal(store_rows_open(&t, 3, 64), MUSTER_OK);
    for (uint32_t turn = 1; turn <= 3000; turn++) {
        uint64_t number = muster_rng_below(&rng, 64);
        struct store_entry *e = store_rows_find(&t, muster_bytes_text(number_key(number)));
        assert_int_equal(e == NULL ? 0 : e->value->version, version[number]);
        if (e != NULL && muster_rng_chance(&rng, 1, 2)) {
            store_rows_remove(&t, e);
            version[number] = 0;
        } else {
            put(&t, number_key(number), turn);
            version[number] = turn;
        }
        if (turn % 100 == 0)
            assert_true(store_rows_is_sane(&t));
    }
    store_rows_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_in_order_whatever_the_order_of_arrival),
        cmocka_unit_test(digests_depend_on_the_rows_and_not_on_their_history),
        cmocka_unit_test(tombstones_are_counted_where_they_stand),
        cmocka_unit_test(jobs_are_counted_and_nothing_beside_them),
        cmocka_unit_test(a_full_table_refuses_new_keys_and_takes_new_versions),
        cmocka_unit_test(a_value_lives_while_somebody_keeps_it),
        cmocka_unit_test(strangers_bytes_make_no_value),
        cmocka_unit_test(what_has_one_home_lies_in_one_bucket),
        cmocka_unit_test(any_history_leaves_the_table_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
