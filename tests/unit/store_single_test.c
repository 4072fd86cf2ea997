/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of one: founded, written, read, killed, booted again; and a disk that says no. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/unit/store_pool.h"
#include "tests/unit/unit.h"

static struct pool *founded(uint32_t buckets)
{
    struct pool *p = malloc(sizeof *p);

    assert_non_null(p);
    pool_open(p, 1, buckets, 1);
    pool_boot(p, 0, true);
    pool_until(p, 100, pool_all_served, "a founder serves at once");
    return p;
}

static void end(struct pool *p)
{
    pool_close(p);
    free(p);
}

/* (R1) */
static void a_founder_serves_every_bucket_at_once(void **state)
{
    struct pool *p = founded(STORE_BUCKETS);
    struct store_counters c;

    (void)state;
    store_counters(p->node[0].store, &c);
    assert_int_equal(c.serving, STORE_BUCKETS);
    assert_int_equal(c.seated, STORE_BUCKETS);
    assert_true(c.commits <= 3); /* all buckets at a time */
    end(p);
}

static void what_is_acknowledged_survives_a_kill(void **state)
{
    struct pool *p = founded(8);

    (void)state;
    for (uint32_t k = 0; k < 20; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    assert_int_equal(pool_write_wait(p, 3, false), MUSTER_OK);
    assert_int_equal(pool_write_wait(p, 4, true), MUSTER_OK);
    pool_kill(p, 0, true);
    pool_boot(p, 0, false);
    pool_until(p, 100, pool_all_served, "alone on its bench it need not wait");
    assert_int_equal(pool_read(p, 0, 3), 2);
    assert_int_equal(pool_read(p, 0, 4), 0);
    assert_int_equal(pool_read(p, 0, 5), 1);
    pool_until(p, 3000, pool_is_at_rest, "tombstones go when every seat has them");
    pool_check_end(p);
    end(p);
}

/* What asked for the job may still be under way, and the tombstone knows its number. (R19, R22) */
static void a_tombstone_stays_while_a_request_may_be_under_way(void **state)
{
    struct pool *p = founded(8);
    struct store_counters c;

    (void)state;
    pool_kill(p, 0, true);
    p->times.ripe_ms = 20000;
    pool_boot(p, 0, false);
    pool_until(p, 100, pool_all_served, "alone on its bench it need not wait");
    assert_int_equal(pool_write_wait(p, 4, false), MUSTER_OK);
    assert_int_equal(pool_write_wait(p, 4, true), MUSTER_OK);
    pool_run(p, 19000);
    store_counters(p->node[0].store, &c);
    assert_int_equal(c.purged, 0);
    pool_until(p, 22000, pool_is_at_rest, "it goes within two such times");
    store_counters(p->node[0].store, &c);
    assert_int_equal(c.purged, 1);
    end(p);
}

/* (R18, R53, I9) */
static void nothing_is_answered_before_its_commit(void **state)
{
    struct pool *p = founded(8);

    (void)state;
    p->commit_ms = 0;
    assert_true(pool_write(p, 1, false));
    uint32_t op = p->ops;
    p->node[0].commit_ms = p->now_ms + 500;
    pool_run(p, 499);
    assert_true(p->op[op].is_open);
    pool_run(p, 2);
    assert_false(p->op[op].is_open);
    assert_int_equal(p->key[1].acked, 1);
    end(p);
}

static void a_row_is_written_by_one_at_a_time_and_as_it_was_read(void **state)
{
    struct pool *p = founded(8);
    struct store *s = p->node[0].store;
    struct store_row row = { .key = muster_bytes_text("a") };
    struct store_write write = { .row = &row };
    struct store_view view;

    (void)state;
    assert_int_equal(store_write(s, &write, 1), MUSTER_OK);
    assert_int_equal(store_write(s, &write, 1), MUSTER_EBUSY);
    pool_drain(p, 0);
    pool_run(p, 10);
    assert_int_equal(store_write(s, &write, 1), MUSTER_ECONFLICT); /* it exists */
    assert_true(store_get(s, row.key, &view));
    assert_true(view.is_chosen);
    assert_int_equal(view.copies, 1);
    write.expected = view.version.packed;
    write.places = true;
    assert_int_equal(store_write(s, &write, 1), MUSTER_OK);
    assert_true(store_get(s, row.key, &view));
    assert_int_equal(view.row.run_token, view.version.packed); /* R7 */
    assert_false(view.is_chosen);
    pool_drain(p, 0);
    pool_run(p, 10);
    write.expected--;
    assert_int_equal(store_write(s, &write, 1), MUSTER_ECONFLICT);
    end(p);
}

static void half_of_the_open_writes_are_left_to_what_cannot_wait(void **state)
{
    struct pool *p = malloc(sizeof *p);
    uint32_t open = 0;
    int err = MUSTER_OK;

    (void)state;
    assert_non_null(p);
    pool_open(p, 1, 8, 1);
    p->rows_max = 6000;
    pool_boot(p, 0, true);
    pool_until(p, 100, pool_all_served, "a founder serves at once");
    struct store *s = p->node[0].store;
    uint32_t busy_at = 0;
    while (err == MUSTER_OK && open < 5000) {
        char name[16];
        (void)snprintf(name, sizeof name, "row-%u", open);
        struct store_row row = { .key = muster_bytes_text(name) };
        const struct store_write write = { .row = &row };
        busy_at = busy_at == 0 && store_is_busy(s) ? open : busy_at;
        err = store_write(s, &write, 1);
        open += err == MUSTER_OK;
    }
    assert_int_equal(err, MUSTER_EFULL);
    assert_true(open - 2 * busy_at < 16);
    pool_drain(p, 0);
    pool_run(p, 50);
    assert_false(store_is_busy(s));
    end(p);
}

/* (R53) */
static void a_disk_that_refuses_ends_service_until_it_takes_the_batch(void **state)
{
    struct pool *p = founded(8);

    (void)state;
    assert_int_equal(pool_write_wait(p, 1, false), MUSTER_OK);
    p->node[0].disk_err = MUSTER_ENOSPC;
    assert_int_equal(pool_write_wait(p, 1, false), MUSTER_EUNKNOWN);
    assert_int_equal(pool_keeper(p, 0), POOL_NODES);
    assert_false(pool_write(p, 2, false));
    pool_run(p, 5000);
    p->node[0].disk_err = MUSTER_OK;
    pool_until(p, 3000, pool_all_served, "serves again once the disk does");
    assert_int_equal(pool_write_wait(p, 2, false), MUSTER_OK);
    assert_int_equal(pool_read(p, 0, 1), 2); /* unknown, and in the end it was written */
    pool_kill(p, 0, true);
    pool_boot(p, 0, false);
    pool_until(p, 100, pool_all_served, "memory and disk agree");
    assert_int_equal(pool_read(p, 0, 1), 2);
    end(p);
}

/* (R15) */
static void a_disk_that_hangs_ends_service_until_it_goes_on(void **state)
{
    struct pool *p = founded(8);

    (void)state;
    p->commit_ms = 0;
    assert_true(pool_write(p, 1, false));
    p->node[0].commit_ms = p->now_ms + 5000;
    pool_run(p, 1900);
    assert_true(pool_all_served(p));
    pool_run(p, 200);
    assert_int_equal(pool_keeper(p, 0), POOL_NODES);
    assert_int_equal(p->unknowns, 1);
    pool_run(p, 2900);
    pool_until(p, 500, pool_all_served, "serves again");
    assert_int_equal(pool_read(p, 0, 1), 1); /* it was written in the end */
    end(p);
}

/* (R54) */
static void a_row_that_cannot_be_read_costs_the_seat_of_its_bucket(void **state)
{
    struct pool *p = founded(4);
    struct store_counters c;

    (void)state;
    for (uint32_t k = 0; k < 20; k++)
        assert_int_equal(pool_write_wait(p, k, false), MUSTER_OK);
    pool_kill(p, 0, true);
    for (uint32_t i = 0; i < p->node[0].disk.count; i++) {
        struct pool_record *r = &p->node[0].disk.record[i];
        if (r->table == STORE_TABLE_ROW) {
            r->value[r->value_len - 1] ^= 1;
            break;
        }
    }
    pool_boot(p, 0, false);
    pool_run(p, 20000);
    store_counters(p->node[0].store, &c);
    assert_int_equal(c.amnesia, 1);
    assert_int_equal(c.serving, 3); /* alone it cannot be given a new seat */
    end(p);
}

/* The record of a bucket as builds before R13's note wrote it: without its last element, a zero. */
static void record_cut(struct pool_record *r)
{
    assert_int_equal(r->value[4], 0x97); /* an array of seven */
    assert_int_equal(r->value[r->value_len - 1], 0);
    r->value[4] = 0x96;
    r->value_len--;
    uint32_t crc = muster_crc32c(muster_crc32c(0, MUSTER_BYTES(r->key, r->key_len)),
                                 MUSTER_BYTES(r->value + 4, r->value_len - 4));
    for (int i = 0; i < 4; i++)
        r->value[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static uint64_t version_after_boot(struct pool *p)
{
    struct store_view v;
    uint64_t cursor = 0;

    pool_kill(p, 0, true);
    pool_boot(p, 0, false);
    pool_until(p, 100, pool_all_served, "alone on its bench it need not wait");
    assert_true(store_bucket_next(p->node[0].store, 0, &cursor, &v));
    return v.version.packed;
}

/* R13: which rows a build before has taken over in vain nobody knows, so each is written anew, and
 * once. */
static void what_a_build_before_has_left_is_written_anew_once(void **state)
{
    struct pool *p = founded(1);

    (void)state;
    assert_int_equal(pool_write_wait(p, 1, false), MUSTER_OK);
    uint64_t written = version_after_boot(p);
    assert_true(version_after_boot(p) == written);
    for (uint32_t i = 0; i < p->node[0].disk.count; i++)
        if (p->node[0].disk.record[i].table == STORE_TABLE_BUCKET)
            record_cut(&p->node[0].disk.record[i]);
    uint64_t anew = version_after_boot(p);
    assert_true(anew > written);
    pool_run(p, 100);
    assert_true(version_after_boot(p) == anew);
    assert_int_equal(pool_read(p, 0, 1), 1);
    end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_founder_serves_every_bucket_at_once),
        cmocka_unit_test(what_is_acknowledged_survives_a_kill),
        cmocka_unit_test(a_tombstone_stays_while_a_request_may_be_under_way),
        cmocka_unit_test(nothing_is_answered_before_its_commit),
        cmocka_unit_test(a_row_is_written_by_one_at_a_time_and_as_it_was_read),
        cmocka_unit_test(half_of_the_open_writes_are_left_to_what_cannot_wait),
        cmocka_unit_test(a_disk_that_refuses_ends_service_until_it_takes_the_batch),
        cmocka_unit_test(a_disk_that_hangs_ends_service_until_it_goes_on),
        cmocka_unit_test(a_row_that_cannot_be_read_costs_the_seat_of_its_bucket),
        cmocka_unit_test(what_a_build_before_has_left_is_written_anew_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
