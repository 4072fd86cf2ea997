/* SPDX-License-Identifier: Apache-2.0 */
/* One candidate among voters whose frames are written here: whose rows count in the merge, and what
 * is written anew before it is acted upon. (R11 to R13) */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/wire.h"
#include "store/bench.h"
#include "store/rows.h"
#include "tests/unit/unit.h"

struct fixture {
    struct store *store;
    uint64_t now_ms;
    uint64_t committed;
    uint8_t frame[65536];
    struct muster_writer w;
    uint32_t said[32]; /* frames by kind */
    uint64_t asked;    /* reign of the last ASK */
    uint64_t put[16];  /* first versions of every PUT since put_ok */
    uint32_t puts;
    uint32_t served;
    bool holds_commits;
    uint64_t age;   /* in the last YES */
    uint64_t taken; /* likewise */
    uint64_t kept;  /* the same on disk, as it was written last */
    uint64_t owns;  /* what the next YES that is written here says of it */
};

static struct muster_id self(void)
{
    return (struct muster_id){ { 'M' } };
}

static struct muster_id keeper(void)
{
    return (struct muster_id){ { 'K' } };
}

static struct muster_id newcomer(void)
{
    return (struct muster_id){ { 'N' } };
}

static void frame_note(struct fixture *f, struct muster_bytes bytes)
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
        uint32_t fields = muster_read_array(&r, 7);
        (void)muster_read_u64(&r);
        f->asked = muster_read_u64(&r);
        muster_read_skip(&r);
        muster_read_skip(&r);
        if (kind == STORE_ASK)
            continue;
        assert_in_range(f->puts, 0, 15);
        f->put[f->puts++] = muster_read_u64(&r);
        muster_read_skip(&r);
        if (fields > 6)
            (void)muster_read_u64(&r); /* its reach, beside a bench row */
    }
    assert_int_equal(r.err, MUSTER_OK);
}

static void batch_note(struct fixture *f, const struct store_disk_batch *batch)
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

static void effects_take(struct fixture *f)
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

static void commits_end(struct fixture *f)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    while (f->committed != 0) {
        struct store_event done = { .kind = STORE_EVENT_COMMITTED, .batch = f->committed };
        f->committed = 0;
        store_step(f->store, now, &done);
        effects_take(f);
    }
}

static void step(struct fixture *f, struct store_event event)
{
    struct muster_now now = { .mono_ms = f->now_ms, .wall_ms = 1 };

    f->committed = 0;
    store_step(f->store, now, &event);
    effects_take(f);
    if (!f->holds_commits)
        commits_end(f);
    assert_true(store_is_sane(f->store));
}

static void pass(struct fixture *f, uint64_t ms)
{
    for (uint64_t end = f->now_ms + ms; f->now_ms < end; f->now_ms += 50)
        step(f, (struct store_event){ .kind = STORE_EVENT_TICK });
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

static void frame_give(struct fixture *f, struct muster_id from)
{
    assert_int_equal(muster_writer_err(&f->w), MUSTER_OK);
    step(f, (struct store_event){ .kind = STORE_EVENT_FRAME,
                                  .peer = from,
                                  .boot = 1,
                                  .bytes = muster_writer_bytes(&f->w) });
}

static uint64_t version(uint32_t round, uint32_t seq)
{
    return store_version_of(store_reign_of(round, 2), seq).packed;
}

static void bench_write(struct fixture *f, uint64_t v, const struct store_bench *bench)
{
    uint8_t wire[STORE_BENCH_WIRE];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);

    store_bench_encode(&w, bench);
    muster_write_array(&f->w, 2);
    muster_write_u64(&f->w, v);
    muster_write_bytes(&f->w, muster_writer_bytes(&w));
}

/* A keeper's PUT in round 1: a bench row, or one row of that name. */
static void put(struct fixture *f, uint32_t seq, const struct store_bench *bench, const char *key)
{
    frame_begin(f, STORE_PUT, 6);
    muster_write_u64(&f->w, store_reign_of(1, 2).packed);
    muster_write_u64(&f->w, seq);
    if (bench != NULL)
        bench_write(f, version(1, seq), bench);
    else
        muster_write_nil(&f->w);
    muster_write_u64(&f->w, version(1, seq));
    muster_write_array(&f->w, key != NULL ? 2 : 0);
    if (key != NULL) {
        struct store_row row = { .key = muster_bytes_text(key) };
        uint8_t wire[256];
        size_t len = 0;
        assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
        muster_write_u64(&f->w, version(1, seq));
        muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
    }
    frame_give(f, keeper());
}

static void yield(struct fixture *f)
{
    frame_begin(f, STORE_YIELD, 2);
    muster_write_u64(&f->w, store_reign_of(1, 2).packed);
    frame_give(f, keeper());
}

static void yes(struct fixture *f, struct muster_id from, uint16_t seat, uint64_t digest,
                const struct store_bench *bench, uint64_t bench_version)
{
    frame_begin(f, STORE_YES, 8);
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
    frame_give(f, from);
}

/* Says that everything it was sent is on its disk, until nothing more comes. */
static void put_ok(struct fixture *f, struct muster_id from, uint16_t seat)
{
    while (f->puts > 0) {
        frame_begin(f, STORE_PUT_OK, 5);
        muster_write_u64(&f->w, f->asked);
        muster_write_u64(&f->w, seat);
        muster_write_u64(&f->w, f->put[--f->puts]);
        muster_write_u64(&f->w, 1); /* a digest of its own */
        frame_give(f, from);
    }
}

static struct store_bucket_view view(const struct fixture *f)
{
    struct store_bucket_view v;

    store_bucket(f->store, 0, &v);
    return v;
}

static uint64_t held(const struct fixture *f, const char *key)
{
    struct store_view v;

    return store_get(f->store, muster_bytes_text(key), &v) ? v.version.packed : 0;
}

static uint32_t round_of(uint64_t packed)
{
    return store_reign_round(store_version_reign((struct store_version){ packed }));
}

static struct store_bench bench_of_two(void)
{
    struct store_bench b = { .count = 2, .next_seat = 3, .old_mask = 3 };

    b.member[0] = (struct store_seat){ .node = self(), .seat = 1 };
    b.member[1] = (struct store_seat){ .node = keeper(), .seat = 2 };
    return b;
}

/* On seat 1 of a bench of two whose keeper, on seat 2, adds a third; it holds the rows a and b. */
static int seated(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct store_config c = { .self = self(),
                              .boot = 1,
                              .buckets = 1,
                              .replicas = 3,
                              .rows_max = 100,
                              .peers_max = 4,
                              .seed = 3 };
    struct store_bench bench = bench_of_two();

    assert_non_null(f);
    store_times_wan(&c.times);
    assert_int_equal(store_open(&f->store, &c), MUSTER_OK);
    f->now_ms = 100;
    store_start(f->store, (struct muster_now){ .mono_ms = f->now_ms });
    step(f, (struct store_event){ .kind = STORE_EVENT_CONNECTED, .peer = keeper(), .boot = 1 });
    step(f, (struct store_event){ .kind = STORE_EVENT_CONNECTED, .peer = newcomer(), .boot = 1 });
    put(f, 1, &bench, NULL);
    put(f, 2, NULL, "a");
    put(f, 3, NULL, "b");
    store_bench_open_change(&bench, newcomer(), -1);
    put(f, 4, &bench, NULL);
    assert_int_equal(view(f).seat, 1);
    assert_int_equal(f->said[STORE_PUT_OK], 4);
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

/* R12, R13: seat 3 is only added and empty. With it and our own we are elected, and what only we
 * hold was never chosen: it is, under our reign, before we serve. */
static void an_empty_voter_makes_every_row_one_to_write_anew(void **state)
{
    struct fixture *f = *state;

    yield(f);
    assert_int_equal(f->said[STORE_ASK], 2);
    yes(f, newcomer(), 0, 0, NULL, 0);
    assert_int_equal(view(f).role, STORE_ELECTED);
    assert_int_equal(f->served, 0);
    put_ok(f, newcomer(), 3);
    assert_int_equal(f->served, 1);
    assert_int_equal(round_of(held(f, "a")), 2);
    assert_int_equal(round_of(held(f, "b")), 2);
}

static void rows_that_all_voters_hold_alike_stay_as_they_are(void **state)
{
    struct fixture *f = *state;

    yield(f);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    assert_int_equal(view(f).role, STORE_ELECTED);
    put_ok(f, keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(held(f, "a") == version(1, 2));
    assert_true(held(f, "b") == version(1, 3));
}

/* Its seat was given away and it was seated again meanwhile: it is no candidate any more, and its
 * rows are gone before it may be one again. */
static void lose_the_seat(struct fixture *f)
{
    struct store_bench bench = bench_of_two();

    bench.member[0] = (struct store_seat){ .node = self(), .seat = 4 };
    bench.next_seat = 5;
    yield(f);
    yes(f, keeper(), 2, 1, &bench, version(1, 9));
    assert_int_equal(view(f).role, STORE_SEATED);
    assert_int_equal(view(f).seat, 4);
    assert_int_equal(view(f).rows, 0);
    assert_int_equal(held(f, "a"), 0);
    f->asked = 0;
    pass(f, 12000);
    assert_true(f->asked != 0); /* it stands again, on the seat that it is named for */
    assert_int_equal(store_reign_seat((struct store_reign){ f->asked }), 4);
}

/* The voter holds a row c of round 1 and nothing else in its sub-bucket: it says so, and gives it.
 */
static void give_c(struct fixture *f)
{
    struct store_row row = { .key = muster_bytes_text("c") };
    uint32_t sub = store_key_sub(row.key);
    uint8_t wire[256];
    size_t len = 0;

    assert_int_equal(f->said[STORE_LIST], 1);
    frame_begin(f, STORE_LIST_OK, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, 2);
    muster_write_u64(&f->w, UINT64_C(1) << sub);
    muster_write_u64(&f->w, sub);
    muster_write_array(&f->w, 2);
    muster_write_bytes(&f->w, row.key);
    muster_write_u64(&f->w, version(1, 7));
    frame_give(f, keeper());
    assert_int_equal(f->said[STORE_WANT], 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    frame_begin(f, STORE_WANT_OK, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, 2);
    muster_write_u64(&f->w, 0);
    muster_write_u64(&f->w, version(1, 7));
    muster_write_bytes(&f->w, MUSTER_BYTES(wire, len));
    frame_give(f, keeper());
}

/* Story 4, R13: what it serves is the merge of the counted rows and nothing of what it held. */
static void who_lost_its_seat_and_wins_has_the_merge_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    lose_the_seat(f);
    yes(f, keeper(), 2, 1, NULL, 0);
    give_c(f);
    assert_int_equal(view(f).role, STORE_ELECTED);
    assert_int_equal(view(f).rows, 1);
    assert_true(held(f, "c") != 0);
    assert_int_equal(held(f, "a"), 0);
    put_ok(f, keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(round_of(held(f, "c")) > 1); /* not held alike: we had nothing */
}

/* R11: the newest bench row that it hears of decides, and who is not on it gives up. */
static void a_candidate_that_is_on_no_bench_any_more_gives_up(void **state)
{
    struct fixture *f = *state;
    struct store_bench bench;

    store_bench_found(&bench, keeper());
    bench.member[0].seat = 2;
    bench.next_seat = 4;
    yield(f);
    yes(f, keeper(), 2, 1, &bench, version(1, 9));
    assert_int_equal(view(f).role, STORE_NO_SEAT);
    assert_int_equal(view(f).rows, 0);
    f->asked = 0;
    pass(f, 12000);
    assert_true(f->asked == 0);
}

/* R6: the others are asked while the round is on its way to the disk, and nothing is won before it
 * is there. */
static void nobody_is_elected_before_its_own_promise_is_on_disk(void **state)
{
    struct fixture *f = *state;

    f->holds_commits = true;
    yield(f);
    assert_int_equal(view(f).role, STORE_CANDIDATE);
    uint64_t batch = f->committed;
    assert_true(batch != 0);
    assert_int_equal(f->said[STORE_ASK], 2);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    yes(f, newcomer(), 3, view(f).digest, NULL, 0);
    assert_int_equal(view(f).role, STORE_CANDIDATE);
    assert_int_equal(f->said[STORE_PUT], 0);
    f->holds_commits = false;
    f->committed = batch;
    commits_end(f);
    assert_int_equal(view(f).role, STORE_ELECTED);
    assert_int_equal(f->said[STORE_ASK], 2);
}

/* The age in the YES that it gives to a reign of that round. */
static uint64_t age_told(struct fixture *f, uint32_t round)
{
    f->age = UINT64_MAX;
    frame_begin(f, STORE_ASK, 4);
    muster_write_u64(&f->w, store_reign_of(round, 2).packed);
    muster_write_u64(&f->w, version(1, 4));
    muster_write_u64(&f->w, 0);
    frame_give(f, keeper());
    return f->age;
}

/* R16: the time since it last accepted something from a keeper. */
static void a_vote_says_how_long_no_keeper_was_heard(void **state)
{
    struct fixture *f = *state;

    pass(f, 4500);
    f->now_ms += 123;
    assert_int_equal(age_told(f, 90), 4623);
}

/* R13: it holds what we do, and has taken over some of that in a candidacy that came to nothing. */
static void what_a_voter_took_over_in_vain_is_written_anew(void **state)
{
    struct fixture *f = *state;

    yield(f);
    f->owns = version(1, 2);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    assert_int_equal(view(f).role, STORE_ELECTED);
    put_ok(f, keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_int_equal(round_of(held(f, "a")), 2);
    assert_true(held(f, "b") == version(1, 3));
}

static void no(struct fixture *f, uint32_t round)
{
    frame_begin(f, STORE_NO, 5);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, store_reign_of(round, 2).packed);
    muster_write_nil(&f->w);
    muster_write_bool(&f->w, false);
    frame_give(f, keeper());
}

/* R13: we take a row over and are outranked. It is on our disk, and that it was not written to us,
 * until we have written it anew ourselves. */
static void what_we_took_over_in_vain_is_written_anew(void **state)
{
    struct fixture *f = *state;

    f->holds_commits = true;
    yield(f);
    uint64_t batch = f->committed;
    yes(f, keeper(), 2, 1, NULL, 0);
    give_c(f);
    assert_true(held(f, "c") == version(1, 7));
    no(f, 5);
    assert_int_equal(view(f).role, STORE_SEATED);
    f->holds_commits = false;
    f->committed = batch;
    commits_end(f);
    assert_true(f->kept == version(1, 7));
    (void)age_told(f, 6);
    assert_true(f->taken == version(1, 7));
    f->asked = 0;
    pass(f, 12000);
    assert_true(f->asked != 0);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    assert_int_equal(view(f).role, STORE_ELECTED);
    assert_int_equal(f->served, 0);
    assert_true(f->kept == version(1, 7));
    put_ok(f, keeper(), 2);
    assert_int_equal(f->served, 1);
    assert_true(round_of(held(f, "c")) > 6);
    assert_true(f->kept == 0);
}

/* R14: who has been keeper itself until a moment ago says so by its age, or a lease that it gave
 * would be forgotten by the reign that follows. */
static void a_keepers_own_beat_counts_as_heard(void **state)
{
    struct fixture *f = *state;

    yield(f);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    put_ok(f, keeper(), 2);
    assert_int_equal(view(f).role, STORE_SERVING);
    pass(f, 3700); /* nobody answers its beats: it steps down, and its last one is not long ago */
    assert_true(view(f).role <= STORE_SEATED);
    uint64_t heard = view(f).heard_ms;
    assert_in_range(f->now_ms - heard, 0, 1000);
    f->now_ms = heard + 4200;
    assert_int_equal(age_told(f, 90), 4200);
}

/* A node that is added answers a beat: it knows the bench row, and holds what we do. */
static void newcomer_is_equal(struct fixture *f)
{
    frame_begin(f, STORE_BEAT_OK, 6);
    muster_write_u64(&f->w, f->asked);
    muster_write_u64(&f->w, 3);
    muster_write_u64(&f->w, view(f).bench_version.packed);
    muster_write_u64(&f->w, view(f).digest);
    muster_write_array(&f->w, 0);
    frame_give(f, newcomer());
}

/* I17, R24: it may have the row of another, who does not say how far back we reach. It is not level
 * before it has had it from us, or it would speak for what we have lost. */
static void who_is_added_is_told_how_far_back_we_reach(void **state)
{
    struct fixture *f = *state;

    yield(f);
    yes(f, keeper(), 2, view(f).digest, NULL, 0);
    put_ok(f, keeper(), 2);
    assert_int_equal(view(f).role, STORE_SERVING);
    newcomer_is_equal(f);
    assert_int_equal(f->puts, 1);
    assert_true(f->put[0] == view(f).bench_version.packed);
    assert_int_equal(view(f).new_count, 3);
    put_ok(f, newcomer(), 3);
    newcomer_is_equal(f);
    assert_int_equal(view(f).new_count, 0);
}

#define seated_test(test) cmocka_unit_test_setup_teardown(test, seated, closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        seated_test(an_empty_voter_makes_every_row_one_to_write_anew),
        seated_test(rows_that_all_voters_hold_alike_stay_as_they_are),
        seated_test(who_lost_its_seat_and_wins_has_the_merge_and_nothing_else),
        seated_test(what_a_voter_took_over_in_vain_is_written_anew),
        seated_test(what_we_took_over_in_vain_is_written_anew),
        seated_test(a_candidate_that_is_on_no_bench_any_more_gives_up),
        seated_test(nobody_is_elected_before_its_own_promise_is_on_disk),
        seated_test(a_vote_says_how_long_no_keeper_was_heard),
        seated_test(a_keepers_own_beat_counts_as_heard),
        seated_test(who_is_added_is_told_how_far_back_we_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
