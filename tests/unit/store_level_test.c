/* SPDX-License-Identifier: Apache-2.0 */
/* One keeper of four seats, whose members' frames are written here: which of them hold what the old
 * bench has chosen before the new one stands alone. (R24) */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "store/bench.h"
#include "tests/unit/unit.h"

struct fixture {
    struct store *store;
    uint64_t now_ms, committed;
    uint64_t head; /* of the last BEAT */
    uint64_t asked;
    uint64_t first; /* of the last PUT */
    uint64_t page;  /* that ended last */
    uint64_t list;  /* the number of the last LIST */
    uint8_t frame[4096];
    struct muster_writer w;
};

/* On seat 1 self, on 2 the one that lacks a row, on 3 one that is not level either, on 4 the one
 * that is to leave, on 5 the one that comes in its place. */
static struct muster_id on(uint16_t seat)
{
    return (struct muster_id){ { (uint8_t)('A' + seat) } };
}

static void frame_note(struct fixture *f, struct muster_bytes bytes)
{
    struct muster_reader r = muster_reader_over(bytes);

    muster_read_array_of(&r, 3);
    uint32_t kind = muster_read_u32(&r);
    uint64_t head = muster_read_u64(&r);
    uint32_t items = muster_read_array(&r, 64);
    f->head = kind == STORE_BEAT ? head : f->head;
    for (uint32_t i = 0; i < items; i++) {
        uint32_t fields = muster_read_array(&r, 16);
        (void)muster_read_u64(&r);
        uint64_t reign = muster_read_u64(&r);
        f->asked = kind == STORE_ASK ? reign : f->asked;
        if (kind == STORE_LIST && fields > 3) {
            muster_read_skip(&r);
            f->list = muster_read_u64(&r);
        }
        if (kind != STORE_PUT && kind != STORE_FILL)
            return;
        (void)muster_read_u64(&r);
        if (kind == STORE_FILL)
            f->page = muster_read_u64(&r);
        else
            muster_read_skip(&r);
        uint64_t version = muster_read_u64(&r);
        f->first = kind == STORE_PUT ? version : f->first;
        muster_read_skip(&r);
    }
}

static void effects_take(struct fixture *f)
{
    struct store_effect e;

    while (store_next(f->store, &e)) {
        if (e.kind == STORE_EFFECT_COMMIT)
            f->committed = e.batch->number;
        else if (e.kind == STORE_EFFECT_FRAME)
            frame_note(f, e.bytes);
    }
}

static void commits_end(struct fixture *f)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    effects_take(f);
    while (f->committed != 0) {
        struct store_event done = { .kind = STORE_EVENT_COMMITTED, .batch = f->committed };
        f->committed = 0;
        store_step(f->store, now, &done);
        effects_take(f);
    }
}

static void step(struct fixture *f, struct store_event event)
{
    store_step(f->store, (struct muster_now){ .mono_ms = f->now_ms, .wall_ms = 1 }, &event);
    commits_end(f);
    assert_true(store_is_sane(f->store));
}

static void frame_begin(struct fixture *f, enum store_message kind, uint64_t head, uint32_t fields)
{
    f->w = muster_writer_over(f->frame, sizeof f->frame);
    muster_write_array(&f->w, 3);
    muster_write_u64(&f->w, kind);
    muster_write_u64(&f->w, head);
    muster_write_array(&f->w, 1);
    muster_write_array(&f->w, fields);
    muster_write_u64(&f->w, 0); /* the only bucket */
}

static void frame_give(struct fixture *f, uint16_t from)
{
    assert_int_equal(muster_writer_err(&f->w), MUSTER_OK);
    step(f, (struct store_event){ .kind = STORE_EVENT_FRAME,
                                  .peer = on(from),
                                  .boot = 1,
                                  .bytes = muster_writer_bytes(&f->w) });
}

static struct store_bucket_view view(const struct fixture *f)
{
    struct store_bucket_view v;

    store_bucket(f->store, 0, &v);
    return v;
}

/* PUT_OK and FILL_OK look alike. */
static void receipt(struct fixture *f, enum store_message kind, uint16_t seat, uint64_t what,
                    uint64_t digest)
{
    frame_begin(f, kind, 0, 5);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, seat);
    muster_write_u64(&f->w, what);
    muster_write_u64(&f->w, digest);
    frame_give(f, seat);
}

static void put_ok(struct fixture *f, uint16_t seat, uint64_t first)
{
    receipt(f, STORE_PUT_OK, seat, first, 99); /* a digest of its own */
}

static void beat_ok(struct fixture *f, uint16_t seat)
{
    frame_begin(f, STORE_BEAT_OK, f->head, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, seat);
    muster_write_u64(&f->w, view(f).bench_version.packed);
    muster_write_u64(&f->w, 99);
    muster_write_array(&f->w, 0); /* claims */
    frame_give(f, seat);
}

/* Time passes, and everybody but the one on seat 2 answers beats. */
static void pass(struct fixture *f, uint64_t ms)
{
    for (uint64_t end = f->now_ms + ms; f->now_ms < end;) {
        f->now_ms += 100;
        step(f, (struct store_event){ .kind = STORE_EVENT_TICK });
        beat_ok(f, 3);
        beat_ok(f, 4);
    }
}

static uint64_t row_write(struct fixture *f, const char *key)
{
    struct store_row row = { .key = muster_bytes_text(key) };
    struct store_write write = { .row = &row };

    assert_int_equal(store_write(f->store, &write, 1), MUSTER_OK);
    commits_end(f);
    return f->first;
}

/* What it holds of the sub-buckets that differ: nothing. */
static void list_ok(struct fixture *f, uint16_t seat, const char *key, uint64_t number)
{
    uint32_t sub = (uint32_t)(muster_hash64(muster_bytes_text(key), 0) >> 60);

    frame_begin(f, STORE_LIST_OK, 0, 7);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, seat);
    muster_write_u64(&f->w, UINT64_C(1) << sub);
    muster_write_u64(&f->w, sub);
    muster_write_array(&f->w, 0);
    muster_write_u64(&f->w, number);
    frame_give(f, seat);
}

static void elected(struct fixture *f)
{
    struct store_bench b = { .count = 4, .next_seat = 5, .old_mask = 15 };
    uint8_t wire[STORE_BENCH_WIRE];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    uint64_t reign = store_reign_of(1, 4).packed, v = reign << 24 | 1;

    for (uint16_t i = 0; i < 4; i++)
        b.member[i] = (struct store_seat){ .node = on(i + 1), .seat = i + 1 };
    store_bench_encode(&w, &b);
    frame_begin(f, STORE_PUT, 0, 6);
    muster_write_u64(&f->w, reign);
    muster_write_u64(&f->w, 1);
    muster_write_array(&f->w, 2);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, muster_writer_bytes(&w));
    muster_write_u64(&f->w, v);
    muster_write_array(&f->w, 0);
    frame_give(f, 4);
    frame_begin(f, STORE_YIELD, 0, 2);
    muster_write_u64(&f->w, reign);
    frame_give(f, 4);
    for (uint16_t i = 3; i < 5; i++) {
        frame_begin(f, STORE_YES, 0, 6);
        muster_write_u64(&f->w, f->asked);
        muster_write_u64(&f->w, i);
        muster_write_u64(&f->w, 0);
        muster_write_u64(&f->w, 0);
        muster_write_nil(&f->w);
        frame_give(f, i);
    }
    for (uint16_t i = 2; i < 5; i++)
        put_ok(f, i, f->first);
    assert_int_equal(view(f).role, STORE_SERVING);
}

static int serving(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct store_config c = { .self = on(1),
                              .boot = 1,
                              .buckets = 1,
                              .replicas = 4,
                              .rows_max = 100,
                              .peers_max = 8,
                              .seed = 3 };

    assert_non_null(f);
    store_times_wan(&c.times);
    assert_int_equal(store_open(&f->store, &c), MUSTER_OK);
    f->now_ms = 100;
    store_start(f->store, (struct muster_now){ .mono_ms = f->now_ms });
    for (uint16_t i = 2; i < 6; i++) {
        step(f,
             (struct store_event){
                 .kind = STORE_EVENT_PEER, .peer = on(i), .boot = 1, .state = STORE_PEER_ALIVE });
        step(f, (struct store_event){ .kind = STORE_EVENT_CONNECTED, .peer = on(i), .boot = 1 });
    }
    elected(f);
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

/* The one on seat 2 is sent what it lacks. Meanwhile a row is chosen by ourselves and the seat that
 * is about to leave, and the change begins; the receipt for that page says nothing of the row. */
static void a_page_from_before_a_change_makes_nobody_level(void **state)
{
    struct fixture *f = *state;
    const struct muster_id wish[] = { on(1), on(2), on(3), on(5) };

    uint64_t first = row_write(f, "a");
    put_ok(f, 3, first);
    put_ok(f, 4, first);
    store_wish(f->store, 0, wish, 4);
    pass(f, 9000);
    beat_ok(f, 2);
    beat_ok(f, 2);
    list_ok(f, 2, "a", f->list);
    assert_int_not_equal(f->page, 0);
    uint64_t page = f->page;
    put_ok(f, 4, row_write(f, "b"));
    assert_int_equal(view(f).new_count, 0);
    pass(f, 2000);
    assert_int_equal(view(f).new_count, 4);
    uint64_t joint = view(f).bench_version.packed;
    put_ok(f, 3, joint);
    put_ok(f, 4, joint);
    receipt(f, STORE_PUT_OK, 5, joint, view(f).digest); /* it has been filled */
    receipt(f, STORE_FILL_OK, 2, page, 99);
    pass(f, 1000);
    assert_int_equal(view(f).new_count, 4); /* two of four know what has been chosen */
    receipt(f, STORE_PUT_OK, 2, joint, view(f).digest);
    pass(f, 1000);
    assert_int_equal(view(f).new_count, 0);
}

/* The same of a list: it comes after it has been asked for anew. */
static void a_list_from_before_a_change_makes_nobody_level(void **state)
{
    struct fixture *f = *state;
    const struct muster_id wish[] = { on(1), on(2), on(3), on(5) };

    uint64_t first = row_write(f, "a");
    put_ok(f, 3, first);
    put_ok(f, 4, first);
    store_wish(f->store, 0, wish, 4);
    pass(f, 9000);
    beat_ok(f, 2);
    beat_ok(f, 2);
    uint64_t asked = f->list;
    put_ok(f, 4, row_write(f, "b"));
    pass(f, 2000);
    assert_int_equal(view(f).new_count, 4);
    uint64_t joint = view(f).bench_version.packed;
    put_ok(f, 3, joint);
    put_ok(f, 4, joint);
    receipt(f, STORE_PUT_OK, 5, joint, view(f).digest);
    beat_ok(f, 2);
    list_ok(f, 2, "a", asked);
    assert_int_equal(f->page, 0);
    receipt(f, STORE_FILL_OK, 2, f->page, 99);
    pass(f, 1000);
    assert_int_equal(view(f).new_count, 4);
    assert_int_not_equal(asked, f->list);
    list_ok(f, 2, "a", f->list);
    assert_int_not_equal(f->page, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_from_before_a_change_makes_nobody_level, serving,
                                        closed),
        cmocka_unit_test_setup_teardown(a_list_from_before_a_change_makes_nobody_level, serving,
                                        closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
