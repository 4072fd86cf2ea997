/* SPDX-License-Identifier: Apache-2.0 */
/* One member under the hands of a keeper whose frames are written here, byte by byte: what a member
 * must ignore, however it comes. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/wire.h"
#include "store/bench.h"
#include "tests/unit/unit.h"

struct fixture {
    struct store *store;
    uint64_t now_ms;
    uint64_t committed;
    uint8_t frame[65536];
    struct muster_writer w;
    /* what it said since the last look */
    uint32_t said[32];
    uint64_t last_no; /* promised reign of the last NO */
    uint64_t floor;   /* in the last YES */
    uint64_t reach;   /* that the next bench row comes with; 0: of a build that does not say */
};

static struct muster_id keeper(void)
{
    return (struct muster_id){ { 'K' } };
}

static struct muster_id self(void)
{
    return (struct muster_id){ { 'M' } };
}

static void effects_take(struct fixture *f)
{
    struct store_effect e;

    while (store_next(f->store, &e)) {
        if (e.kind == STORE_EFFECT_COMMIT) {
            f->committed = e.batch->number;
        } else if (e.kind == STORE_EFFECT_FRAME) {
            struct muster_reader r = muster_reader_over(e.bytes);
            muster_read_array_of(&r, 3);
            uint32_t kind = muster_read_u32(&r);
            assert_in_range(kind, 1, 31);
            f->said[kind]++;
            if (kind != STORE_NO && kind != STORE_YES)
                continue;
            (void)muster_read_u64(&r);
            muster_read_array_of(&r, 1);
            (void)muster_read_array(&r, 16);
            (void)muster_read_u64(&r);
            for (uint32_t i = 0; i < 5 && kind == STORE_YES; i++)
                muster_read_skip(&r);
            if (kind == STORE_YES) {
                f->floor = muster_read_u64(&r);
                continue;
            }
            (void)muster_read_u64(&r);
            f->last_no = muster_read_u64(&r);
        }
    }
}

static void step(struct fixture *f, struct store_event event)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    f->committed = 0;
    store_step(f->store, now, &event);
    effects_take(f);
    while (f->committed != 0) {
        struct store_event done = { .kind = STORE_EVENT_COMMITTED, .batch = f->committed };
        f->committed = 0;
        store_step(f->store, now, &done);
        effects_take(f);
    }
    assert_true(store_is_sane(f->store));
}

static void frame_begin(struct fixture *f, enum store_message kind, uint32_t fields)
{
    f->w = muster_writer_over(f->frame, sizeof f->frame);
    muster_write_array(&f->w, 3);
    muster_write_u64(&f->w, kind);
    muster_write_u64(&f->w, 1);
    muster_write_array(&f->w, 1);
    muster_write_array(&f->w, fields);
    muster_write_u64(&f->w, 0); /* the only bucket */
}

static void frame_give(struct fixture *f)
{
    assert_int_equal(muster_writer_err(&f->w), MUSTER_OK);
    step(f, (struct store_event){ .kind = STORE_EVENT_FRAME,
                                  .peer = keeper(),
                                  .boot = 1,
                                  .bytes = muster_writer_bytes(&f->w) });
}

static uint64_t reign(uint32_t round)
{
    return store_reign_of(round, 1).packed;
}

static uint64_t version(uint32_t round, uint32_t seq)
{
    return store_version_of(store_reign_of(round, 1), seq).packed;
}

static void row_write(struct fixture *f, const char *key, uint64_t v, enum store_phase phase)
{
    struct store_row row = { .key = muster_bytes_text(key), .phase = phase };
    uint8_t wire[256];
    size_t len = 0;

    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
}

static void put(struct fixture *f, uint32_t round, uint32_t counter, const char *key, uint64_t v,
                enum store_phase phase)
{
    frame_begin(f, STORE_PUT, 6);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, counter);
    muster_write_nil(&f->w);
    muster_write_u64(&f->w, v);
    muster_write_array(&f->w, 2);
    row_write(f, key, v, phase);
    frame_give(f);
}

static void put_bench(struct fixture *f, uint32_t round, uint32_t counter, uint64_t v,
                      const struct store_bench *bench)
{
    uint8_t wire[STORE_BENCH_WIRE];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);

    store_bench_encode(&w, bench);
    frame_begin(f, STORE_PUT, f->reach == 0 ? 6 : 7);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, counter);
    muster_write_array(&f->w, 2);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, muster_writer_bytes(&w));
    muster_write_u64(&f->w, v);
    muster_write_array(&f->w, 0);
    if (f->reach != 0)
        muster_write_u64(&f->w, f->reach);
    frame_give(f);
}

static void purge(struct fixture *f, uint32_t round, uint32_t counter, const char *key, uint64_t v)
{
    frame_begin(f, STORE_PURGE, 5);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, counter);
    muster_write_u64(&f->w, v);
    muster_write_text(&f->w, key);
    frame_give(f);
}

static void fill(struct fixture *f, uint32_t round, uint32_t counter, const char *key, uint64_t v)
{
    frame_begin(f, STORE_FILL, 6);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, counter);
    muster_write_u64(&f->w, 0);
    struct store_row row = { .key = muster_bytes_text(key) };
    uint8_t wire[256];
    size_t len = 0;
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
    frame_give(f);
}

static void fill_end(struct fixture *f, uint32_t round, uint32_t counter)
{
    frame_begin(f, STORE_FILL, 6);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, counter);
    muster_write_u64(&f->w, 77);
    muster_write_u64(&f->w, 0);
    muster_write_nil(&f->w);
    frame_give(f);
}

static void ask(struct fixture *f, uint32_t round, uint64_t consent)
{
    frame_begin(f, STORE_ASK, 4);
    muster_write_u64(&f->w, reign(round));
    muster_write_u64(&f->w, version(1, 1));
    muster_write_u64(&f->w, consent);
    frame_give(f);
}

static uint64_t held(const struct fixture *f, const char *key)
{
    struct store_view view;

    return store_get(f->store, muster_bytes_text(key), &view) ? view.version.packed : 0;
}

/* Seated by a keeper in round 1, whose frame was number 1. */
static int seated(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct store_config c = { .self = self(),
                              .boot = 1,
                              .buckets = 1,
                              .replicas = 2,
                              .rows_max = 100,
                              .peers_max = 4,
                              .seed = 3 };
    struct store_bench bench;

    assert_non_null(f);
    store_times_wan(&c.times);
    assert_int_equal(store_open(&f->store, &c), MUSTER_OK);
    f->now_ms = 100;
    store_start(f->store, (struct muster_now){ .mono_ms = f->now_ms });
    step(f, (struct store_event){ .kind = STORE_EVENT_CONNECTED, .peer = keeper(), .boot = 1 });
    store_bench_found(&bench, keeper());
    store_bench_open_change(&bench, self(), -1);
    put_bench(f, 1, 1, version(1, 1), &bench);
    assert_int_equal(f->said[STORE_PUT_OK], 1);
    *state = f;
    return 0;
}

static int closed(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    free(f);
    return 0;
}

/* Story 5 */
static void a_put_that_comes_after_the_purge_is_ignored(void **state)
{
    struct fixture *f = *state;

    put(f, 1, 2, "a", version(1, 2), STORE_WAITING);
    put(f, 1, 3, "a", version(1, 3), STORE_GONE);
    purge(f, 1, 4, "a", version(1, 3));
    assert_int_equal(held(f, "a"), 0);
    put(f, 1, 2, "a", version(1, 2), STORE_WAITING);
    put(f, 1, 3, "a", version(1, 3), STORE_GONE);
    put(f, 1, 4, "a", version(1, 2), STORE_WAITING); /* nor one of the same number */
    assert_int_equal(held(f, "a"), 0);
    put(f, 1, 5, "a", version(1, 5), STORE_WAITING);
    assert_true(held(f, "a") == version(1, 5));
}

static void a_page_sent_before_the_purge_is_ignored_and_not_acknowledged(void **state)
{
    struct fixture *f = *state;

    put(f, 1, 3, "a", version(1, 3), STORE_GONE);
    purge(f, 1, 4, "a", version(1, 3));
    fill(f, 1, 3, "a", version(1, 2));
    fill_end(f, 1, 3);
    assert_int_equal(held(f, "a"), 0);
    assert_int_equal(f->said[STORE_FILL_OK], 0);
    fill(f, 1, 4, "b", version(1, 2));
    fill_end(f, 1, 4);
    assert_true(held(f, "b") == version(1, 2));
    assert_int_equal(f->said[STORE_FILL_OK], 1);
}

/* (R17, I4) */
static void versions_on_a_seat_never_fall(void **state)
{
    struct fixture *f = *state;

    put(f, 1, 2, "a", version(1, 9), STORE_WAITING);
    put(f, 1, 3, "a", version(1, 8), STORE_WAITING);
    assert_true(held(f, "a") == version(1, 9));
    assert_int_equal(f->said[STORE_PUT_OK], 3); /* it holds more than was asked: that counts */
    fill(f, 1, 3, "a", version(1, 7));
    assert_true(held(f, "a") == version(1, 9));
}

/* (R22) */
static void a_purge_names_the_version_it_means(void **state)
{
    struct fixture *f = *state;

    put(f, 1, 2, "a", version(1, 9), STORE_WAITING);
    purge(f, 1, 3, "a", version(1, 8));
    assert_true(held(f, "a") == version(1, 9));
}

/* (R15, R17) */
static void a_lower_reign_is_refused_and_told_the_higher_one(void **state)
{
    struct fixture *f = *state;

    put(f, 4, 1, "a", version(4, 1), STORE_WAITING);
    put(f, 3, 2, "b", version(3, 1), STORE_WAITING);
    assert_int_equal(held(f, "b"), 0);
    assert_int_equal(f->said[STORE_NO], 1);
    assert_true(f->last_no == reign(4));
    purge(f, 3, 3, "a", version(4, 1));
    assert_true(held(f, "a") == version(4, 1));
}

static void a_row_of_a_later_reign_than_its_frame_is_no_row(void **state)
{
    struct fixture *f = *state;

    put(f, 4, 1, "a", version(5, 1), STORE_WAITING);
    assert_int_equal(held(f, "a"), 0);
    assert_int_equal(f->said[STORE_PUT_OK], 1);
}

/* (R10) */
static void a_vote_is_given_when_all_is_calm_or_with_consent(void **state)
{
    struct fixture *f = *state;

    ask(f, 2, 0); /* its keeper was heard a moment ago */
    assert_int_equal(f->said[STORE_YES], 0);
    assert_int_equal(f->said[STORE_NO], 1);
    ask(f, 2, reign(7)); /* consent of somebody it does not know */
    assert_int_equal(f->said[STORE_YES], 0);
    ask(f, 2, reign(1)); /* its keeper hands over */
    assert_int_equal(f->said[STORE_YES], 1);
    ask(f, 2, reign(1)); /* the same question again */
    assert_int_equal(f->said[STORE_YES], 2);
    ask(f, 1, 0);
    assert_int_equal(f->said[STORE_NO], 3);
    put(f, 1, 9, "a", version(1, 9), STORE_WAITING); /* the reign that was voted away */
    assert_int_equal(held(f, "a"), 0);
}

static uint64_t floor_told(struct fixture *f, uint32_t round)
{
    f->floor = UINT64_MAX;
    ask(f, round + 1, reign(round));
    return f->floor;
}

/* I17: of what its keeper may have lost it does not say that it would know. */
static void who_is_added_reaches_back_as_far_as_its_keepers(void **state)
{
    struct fixture *f = *state;
    struct store_bench bench;

    assert_int_equal(floor_told(f, 1), 0); /* whom a build before has seated */
    store_bench_found(&bench, keeper());
    store_bench_open_change(&bench, self(), -1);
    f->reach = version(1, 8);
    put_bench(f, 3, 1, version(3, 1), &bench);
    assert_true(floor_told(f, 3) == f->reach);
    f->reach = version(1, 5);
    put_bench(f, 5, 1, version(5, 1), &bench);
    assert_true(floor_told(f, 5) == version(1, 8)); /* who ends the change may know less, or more */
    store_bench_end_change(&bench, true);
    f->reach = version(4, 1);
    put_bench(f, 7, 1, version(7, 1), &bench);
    assert_true(floor_told(f, 7) == version(1, 8)); /* it sits, and speaks for itself */
    assert_int_equal(f->said[STORE_YES], 4);
}

/* (R25) */
static void a_new_seat_wipes_and_losing_it_too(void **state)
{
    struct fixture *f = *state;
    struct store_bucket_view view;
    struct store_bench bench;

    put(f, 1, 2, "a", version(1, 2), STORE_WAITING);
    store_bench_found(&bench, keeper());
    put_bench(f, 1, 3, version(1, 3), &bench); /* the change was given up */
    store_bucket(f->store, 0, &view);
    assert_int_equal(view.seat, 0);
    assert_int_equal(view.rows, 0);
    put(f, 1, 4, "a", version(1, 4), STORE_WAITING); /* without a seat it takes nothing */
    assert_int_equal(held(f, "a"), 0);
    bench.next_seat = 3;
    store_bench_open_change(&bench, self(), -1);
    put_bench(f, 1, 5, version(1, 5), &bench);
    store_bucket(f->store, 0, &view);
    assert_int_equal(view.seat, 3);
    put_bench(f, 1, 6, version(1, 4), &bench); /* an older bench row changes nothing */
    store_bucket(f->store, 0, &view);
    assert_true(view.bench_version.packed == version(1, 5));
}

/* (R2) */
static void frames_of_another_boot_or_before_the_greeting_are_dropped(void **state)
{
    struct fixture *f = *state;
    struct store_counters before, after;

    store_counters(f->store, &before);
    put(f, 1, 2, "a", version(1, 2), STORE_WAITING);
    struct store_event event = { .kind = STORE_EVENT_FRAME, .peer = keeper(), .boot = 2 };
    event.bytes = muster_writer_bytes(&f->w);
    step(f, event);
    event.boot = 1;
    event.peer = (struct muster_id){ { 'X' } };
    step(f, event);
    store_counters(f->store, &after);
    assert_int_equal(after.frames_dropped - before.frames_dropped, 2);
}

/* Every frame above, bent at random: refused or taken, and the member stays sane. */
static void no_frame_makes_a_member_insane(void **state)
{
    struct fixture *f = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 99);
    for (uint32_t i = 0; i < 20000; i++) {
        struct store_bench bench;
        switch (muster_rng_below(&rng, 4)) {
        case 0:
            put(f, 2, i + 10, "a", version(2, i + 10), STORE_WAITING);
            break;
        case 1:
            ask(f, 3, reign(2));
            break;
        case 2:
            fill(f, 2, i + 10, "b", version(2, i + 10));
            break;
        default:
            store_bench_found(&bench, keeper());
            store_bench_open_change(&bench, self(), -1);
            f->reach = i % 2 == 0 ? 0 : version(1, i);
            put_bench(f, 2, i + 10, version(2, i + 10), &bench);
            break;
        }
        size_t len = muster_writer_bytes(&f->w).len;
        for (uint64_t n = 1 + muster_rng_below(&rng, 4); n > 0; n--)
            f->frame[muster_rng_below(&rng, len)] = (uint8_t)muster_rng_next(&rng);
        if (muster_rng_chance(&rng, 1, 4))
            f->frame[1] = (uint8_t)(1 + muster_rng_below(&rng, STORE_MESSAGE_LAST));
        f->w.at = f->w.start + (muster_rng_chance(&rng, 1, 8) ? muster_rng_below(&rng, len) : len);
        f->now_ms += muster_rng_below(&rng, 3);
        frame_give(f);
    }
}

#define seated_test(test) cmocka_unit_test_setup_teardown(test, seated, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        seated_test(a_put_that_comes_after_the_purge_is_ignored),
        seated_test(a_page_sent_before_the_purge_is_ignored_and_not_acknowledged),
        seated_test(versions_on_a_seat_never_fall),
        seated_test(a_purge_names_the_version_it_means),
        seated_test(a_lower_reign_is_refused_and_told_the_higher_one),
        seated_test(a_row_of_a_later_reign_than_its_frame_is_no_row),
        seated_test(a_vote_is_given_when_all_is_calm_or_with_consent),
        seated_test(who_is_added_reaches_back_as_far_as_its_keepers),
        seated_test(a_new_seat_wipes_and_losing_it_too),
        seated_test(frames_of_another_boot_or_before_the_greeting_are_dropped),
        seated_test(no_frame_makes_a_member_insane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
