/* SPDX-License-Identifier: Apache-2.0 */
/* What the voters say to a candidate, and what it says to them: frames, commits, the clock. */
#include "tests/unit/store_voters.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "store/bench.h"
#include "store/rows.h"
#include "tests/unit/unit.h"

static struct muster_id self(void)
{
    return (struct muster_id){ { 'M' } };
}

struct muster_id voters_keeper(void)
{
    return (struct muster_id){ { 'K' } };
}

struct muster_id voters_newcomer(void)
{
    return (struct muster_id){ { 'N' } };
}

static void frame_note(struct voters *f, struct muster_bytes bytes)
{
    struct muster_reader r = muster_reader_over(bytes);

    muster_read_array_of(&r, 3);
    uint32_t kind = muster_read_u32(&r);
    assert_in_range(kind, 1, 31);
    f->said[kind]++;
    (void)muster_read_u64(&r);
    uint32_t items = muster_read_array(&r, 64);
    if (kind == STORE_YES) {
        (void)muster_read_array(&r, 64);
        for (uint32_t i = 0; i < 3; i++)
            (void)muster_read_u64(&r);
        f->age = muster_read_u64(&r);
        for (uint32_t i = 0; i < 3; i++)
            muster_read_skip(&r);
        f->taken = muster_read_u64(&r);
        assert_int_equal(r.err, MUSTER_OK);
    }
    if (kind != STORE_ASK && kind != STORE_PUT)
        return;
    for (uint32_t i = 0; i < items; i++) {
        muster_read_array_of(&r, kind == STORE_ASK ? 4 : 6);
        (void)muster_read_u64(&r);
        f->asked = muster_read_u64(&r);
        muster_read_skip(&r);
        muster_read_skip(&r);
        if (kind == STORE_ASK)
            continue;
        assert_in_range(f->puts, 0, 15);
        f->put[f->puts++] = muster_read_u64(&r);
        muster_read_skip(&r);
    }
    assert_int_equal(r.err, MUSTER_OK);
}

static void batch_note(struct voters *f, const struct store_disk_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct store_disk_op *op = &batch->op[i];
        if (op->table != STORE_TABLE_BUCKET)
            continue;
        struct muster_reader r =
            muster_reader_over(MUSTER_BYTES(op->value.data + 4, op->value.len - 4));
        muster_read_array_of(&r, 7);
        for (uint32_t k = 0; k < 6; k++)
            muster_read_skip(&r);
        f->kept = muster_read_u64(&r);
        assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    }
}

static void effects_take(struct voters *f)
{
    struct store_effect e;

    while (store_next(f->store, &e)) {
        if (e.kind == STORE_EFFECT_COMMIT)
            batch_note(f, e.batch);
        if (e.kind == STORE_EFFECT_COMMIT)
            f->committed = e.batch->number;
        else if (e.kind == STORE_EFFECT_FRAME)
            frame_note(f, e.bytes);
        f->served += e.kind == STORE_EFFECT_SERVING;
    }
}

void voters_commits_end(struct voters *f)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    while (f->committed != 0) {
        struct store_event done = { .kind = STORE_EVENT_COMMITTED, .batch = f->committed };
        f->committed = 0;
        store_step(f->store, now, &done);
        effects_take(f);
    }
}

static void step(struct voters *f, struct store_event event)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    f->committed = 0;
    store_step(f->store, now, &event);
    effects_take(f);
    if (!f->holds_commits)
        voters_commits_end(f);
    assert_true(store_is_sane(f->store));
}

void voters_pass(struct voters *f, uint64_t ms)
{
    for (uint64_t end = f->now_ms + ms; f->now_ms < end; f->now_ms += 50)
        step(f, (struct store_event){ .kind = STORE_EVENT_TICK });
}

void voters_frame_begin(struct voters *f, enum store_message kind, uint32_t fields)
{
    f->w = muster_writer_over(f->frame, sizeof f->frame);
    muster_write_array(&f->w, 3);
    muster_write_u64(&f->w, kind);
    muster_write_u64(&f->w, 1);
    muster_write_array(&f->w, 1);
    muster_write_array(&f->w, fields);
    muster_write_u64(&f->w, 0); /* the only bucket */
}

void voters_frame_give(struct voters *f, struct muster_id from)
{
    assert_int_equal(muster_writer_err(&f->w), MUSTER_OK);
    step(f, (struct store_event){ .kind = STORE_EVENT_FRAME,
                                  .peer = from,
                                  .boot = 1,
                                  .bytes = muster_writer_bytes(&f->w) });
}

uint64_t voters_version(uint32_t round, uint32_t seq)
{
    return store_version_of(store_reign_of(round, 2), seq).packed;
}

static void bench_write(struct voters *f, uint64_t v, const struct store_bench *bench)
{
    uint8_t wire[STORE_BENCH_WIRE];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);

    store_bench_encode(&w, bench);
    muster_write_array(&f->w, 2);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, muster_writer_bytes(&w));
}

/* A keeper's PUT: a bench row, or one row of that name, which was written in round 1. */
static void put_in(struct voters *f, uint32_t round, uint32_t seq, const struct store_bench *bench,
                   const char *key, uint32_t written)
{
    voters_frame_begin(f, STORE_PUT, 6);
    muster_write_u64(&f->w, store_reign_of(round, 2).packed);
    muster_write_u64(&f->w, seq);
    if (bench != NULL)
        bench_write(f, voters_version(1, seq), bench);
    else
        muster_write_nil(&f->w);
    muster_write_u64(&f->w, voters_version(round, seq));
    muster_write_array(&f->w, key != NULL ? 2 : 0);
    if (key != NULL) {
        struct store_row row = { .key = muster_bytes_text(key), .is_light = f->is_light };
        uint8_t wire[256];
        size_t len = 0;
        assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
        muster_write_u64(&f->w, voters_version(1, written));
        muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
    }
    voters_frame_give(f, voters_keeper());
}

static void put(struct voters *f, uint32_t seq, const struct store_bench *bench, const char *key)
{
    put_in(f, 1, seq, bench, key, seq);
}

void voters_yield(struct voters *f)
{
    voters_frame_begin(f, STORE_YIELD, 2);
    muster_write_u64(&f->w, store_reign_of(1, 2).packed);
    voters_frame_give(f, voters_keeper());
}

void voters_yes(struct voters *f, struct muster_id from, uint16_t seat, uint64_t digest,
                const struct store_bench *bench, uint64_t bench_version)
{
    voters_frame_begin(f, STORE_YES, 8);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, seat);
    muster_write_u64(&f->w, 5000);
    muster_write_u64(&f->w, digest);
    if (bench != NULL)
        bench_write(f, bench_version, bench);
    else
        muster_write_nil(&f->w);
    muster_write_u64(&f->w, 0);
    muster_write_u64(&f->w, f->owns);
    voters_frame_give(f, from);
}

void voters_put_ok(struct voters *f, struct muster_id from, uint16_t seat)
{
    while (f->puts > 0) {
        voters_frame_begin(f, STORE_PUT_OK, 5);
        muster_write_u64(&f->w, f->asked);
        muster_write_u64(&f->w, seat);
        muster_write_u64(&f->w, f->put[--f->puts]);
        muster_write_u64(&f->w, 1); /* a digest of its own */
        voters_frame_give(f, from);
    }
}

struct store_bucket_view voters_view(const struct voters *f)
{
    struct store_bucket_view v;

    store_bucket(f->store, 0, &v);
    return v;
}

uint64_t voters_held(const struct voters *f, const char *key)
{
    struct store_view v;

    return store_get(f->store, muster_bytes_text(key), &v) ? v.version.packed : 0;
}

uint32_t voters_round_of(uint64_t packed)
{
    return store_reign_round(store_version_reign((struct store_version){ packed }));
}

static struct store_bench bench_of_two(void)
{
    struct store_bench b = { .count = 2, .next_seat = 3, .old_mask = 3 };

    b.member[0] = (struct store_seat){ .node = self(), .seat = 1 };
    b.member[1] = (struct store_seat){ .node = voters_keeper(), .seat = 2 };
    return b;
}

/* On seat 1 of a bench of two whose keeper, on seat 2, adds a third; it holds the rows a and b. */
int voters_seated(void **state)
{
    struct voters *f = calloc(1, sizeof *f);
    struct store_config c = { .self = self(),
                              .boot = 1,
                              .buckets = 1,
                              .replicas = 3,
                              .rows_max = 100,
                              .peers_max = 4,
                              .seed = 3 };
    struct store_bench bench = bench_of_two();

    assert_non_null(f);
    f->seq = 7;
    f->row = "c";
    store_times_wan(&c.times);
    assert_int_equal(store_open(&f->store, &c), MUSTER_OK);
    f->now_ms = 100;
    store_start(f->store, (struct muster_now){ .mono_ms = f->now_ms });
    step(f,
         (struct store_event){ .kind = STORE_EVENT_CONNECTED, .peer = voters_keeper(), .boot = 1 });
    step(f, (struct store_event){
                .kind = STORE_EVENT_CONNECTED, .peer = voters_newcomer(), .boot = 1 });
    put(f, 1, &bench, NULL);
    put(f, 2, NULL, "a");
    put(f, 3, NULL, "b");
    store_bench_open_change(&bench, voters_newcomer(), -1);
    put(f, 4, &bench, NULL);
    assert_int_equal(voters_view(f).seat, 1);
    assert_int_equal(f->said[STORE_PUT_OK], 4);
    *state = f;
    return 0;
}

int voters_closed(void **state)
{
    struct voters *f = *state;

    store_close(f->store);
    free(f);
    return 0;
}

void voters_stand_again(struct voters *f)
{
    f->asked = 0;
    for (uint32_t i = 0; i < 240 && f->asked == 0; i++)
        voters_pass(f, 50);
    assert_true(f->asked != 0);
}

void voters_lose_the_seat(struct voters *f)
{
    struct store_bench bench = bench_of_two();

    bench.member[0] = (struct store_seat){ .node = self(), .seat = 4 };
    bench.next_seat = 5;
    if (f->is_light) {
        bench.member[bench.count++] = (struct store_seat){ .node = voters_newcomer(), .seat = 3 };
        bench.old_mask = 7;
    }
    voters_yield(f);
    voters_yes(f, voters_keeper(), 2, 1, &bench, voters_version(1, 9));
    assert_int_equal(voters_view(f).role, STORE_SEATED);
    assert_int_equal(voters_view(f).seat, 4);
    assert_int_equal(voters_view(f).rows, 0);
    assert_int_equal(voters_held(f, "a"), 0);
    if (f->fills)
        put_in(f, 19, 1, NULL, "c", f->seq);
    voters_stand_again(f); /* on the seat that it is named for */
    assert_int_equal(store_reign_seat((struct store_reign){ f->asked }), 4);
}

void voters_give_c(struct voters *f)
{
    struct store_row row = { .key = muster_bytes_text(f->row), .is_light = f->is_light };
    uint32_t sub = store_key_sub(row.key);
    uint8_t wire[256];
    size_t len = 0;

    assert_int_equal(f->said[STORE_LIST], 1);
    voters_frame_begin(f, STORE_LIST_OK, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, 2);
    muster_write_u64(&f->w, UINT64_C(1) << sub);
    muster_write_u64(&f->w, sub);
    muster_write_array(&f->w, 2);
    muster_write_bytes(&f->w, row.key);
    muster_write_u64(&f->w, voters_version(1, f->seq));
    voters_frame_give(f, voters_keeper());
    assert_int_equal(f->said[STORE_WANT], 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    voters_frame_begin(f, STORE_WANT_OK, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, 2);
    muster_write_u64(&f->w, 0);
    muster_write_u64(&f->w, voters_version(1, f->seq));
    muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
    voters_frame_give(f, voters_keeper());
}

void voters_no(struct voters *f, uint32_t round)
{
    voters_frame_begin(f, STORE_NO, 5);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, store_reign_of(round, 2).packed);
    muster_write_nil(&f->w);
    muster_write_bool(&f->w, false);
    voters_frame_give(f, voters_keeper());
}

void voters_take_c_in_vain(struct voters *f)
{
    uint64_t batch = f->committed;

    voters_yes(f, voters_keeper(), 2, 1, NULL, 0);
    voters_give_c(f);
    assert_true(voters_held(f, f->row) == voters_version(1, f->seq));
    voters_no(f, 30);
    assert_int_equal(voters_view(f).role, STORE_SEATED);
    f->holds_commits = false;
    f->committed = batch;
    voters_commits_end(f);
}
