/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: what is written is read back, what a newer build appended stays, and nothing else gets in.
 */
#include <string.h>

#include "base/wire.h"
#include "store/row.h"
#include "tests/unit/unit.h"

static struct store_row full_row(void)
{
    struct store_row row = {
        .key = muster_bytes_text("market/ticker"),
        .uid = 0x0102030405060708,
        .kind = STORE_KIND_TASK,
        .mode = STORE_EXCLUSIVE,
        .priority = 77,
        .want = STORE_WANT_STOP,
        .phase = STORE_PLACED,
        .needs = 3,
        .revision = 9,
        .created_wall_ms = 1,
        .modified_wall_ms = 2,
        .since_wall_ms = 3,
        .spec = muster_bytes_text("{\"name\":\"market/ticker\"}"),
        .run_token = UINT64_MAX,
        .run_mode = STORE_EXCLUSIVE,
        .tries = 4,
        .placements = 5,
        .strikes = 6,
        .not_before_wall_ms = 7,
        .exit_code = -1,
        .exit_signal = 9,
        .exit_wall_ms = 8,
        .reason = muster_bytes_text("exit 1"),
        .tick_wall_ms = 10,
        .ticks = 11,
        .skipped = 12,
        .attempts = MUSTER_BYTES("abc", 3),
        .wished_wall_ms = 13,
        .moves = 14,
        .moves_wall_ms = 15,
        .parent_uid = 16,
        .is_light = true,
        .handoff = STORE_HEIR,
        .other_token = 17,
        .handoff_fails = 18,
        .handoff_wall_ms = 19,
    };
    row.run_node.octet[0] = 0xAA;
    row.avoid.octet[15] = 0xBB;
    row.other_node.octet[1] = 0xCC;
    row.request[0] = (struct store_request){ { 1, 2 }, MUSTER_EEXISTS };
    row.request[2] = (struct store_request){ { 0, 3 }, MUSTER_OK };
    return row;
}

static void assert_text(struct muster_bytes bytes, const char *text)
{
    assert_true(muster_bytes_equal(bytes, muster_bytes_text(text)));
}

static void a_row_comes_back_as_it_was_written(void **state)
{
    struct store_row row = full_row(), back;
    uint8_t wire[1024];
    size_t len = 0;

    (void)state;
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    assert_int_equal(store_row_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_text(back.key, "market/ticker");
    assert_int_equal(back.uid, row.uid);
    assert_int_equal(back.kind, STORE_KIND_TASK);
    assert_int_equal(back.mode, STORE_EXCLUSIVE);
    assert_int_equal(back.priority, 77);
    assert_int_equal(back.want, STORE_WANT_STOP);
    assert_int_equal(back.phase, STORE_PLACED);
    assert_int_equal(back.needs, 3);
    assert_int_equal(back.revision, 9);
    assert_int_equal(back.created_wall_ms, 1);
    assert_int_equal(back.modified_wall_ms, 2);
    assert_int_equal(back.since_wall_ms, 3);
    assert_text(back.spec, "{\"name\":\"market/ticker\"}");
    assert_int_equal(back.run_node.octet[0], 0xAA);
    assert_true(back.run_token == UINT64_MAX);
    assert_int_equal(back.run_mode, STORE_EXCLUSIVE);
    assert_int_equal(back.tries, 4);
    assert_int_equal(back.placements, 5);
    assert_int_equal(back.strikes, 6);
    assert_int_equal(back.not_before_wall_ms, 7);
    assert_int_equal(back.avoid.octet[15], 0xBB);
    assert_int_equal(back.exit_code, -1);
    assert_int_equal(back.exit_signal, 9);
    assert_int_equal(back.exit_wall_ms, 8);
    assert_text(back.reason, "exit 1");
    assert_int_equal(back.request[0].id[1], 2);
    assert_int_equal(back.request[0].outcome, MUSTER_EEXISTS);
    assert_int_equal(back.request[1].id[1], 3); /* unused places close up */
    assert_int_equal(back.tick_wall_ms, 10);
    assert_int_equal(back.ticks, 11);
    assert_int_equal(back.skipped, 12);
    assert_int_equal(back.parent_uid, 16);
    assert_int_equal(back.handoff, STORE_HEIR);
    assert_int_equal(back.other_node.octet[1], 0xCC);
    assert_int_equal(back.other_token, 17);
    assert_int_equal(back.handoff_fails, 18);
    assert_int_equal(back.handoff_wall_ms, 19);
    assert_int_equal(back.unknown_count, 0);
}

/* The row as a build has written it that knew so many elements. */
static struct muster_bytes first_of(uint8_t *out, size_t size, struct muster_bytes wire, uint32_t n)
{
    struct muster_reader r = muster_reader_over(wire);
    struct muster_writer w = muster_writer_over(out, size);

    (void)muster_read_array(&r, 64);
    muster_write_array(&w, n);
    for (uint32_t i = 0; i < n; i++)
        muster_write_plain(&w, muster_read_raw_value(&r));
    return muster_writer_bytes(&w);
}

/* What an older build wrote ends earlier: the rest is nothing. */
static void a_row_of_an_older_build_is_read(void **state)
{
    struct store_row row = full_row(), back;
    uint8_t wire[1024], older[1024];
    size_t len = 0;

    (void)state;
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    for (uint32_t n = 26; n <= 39; n++) {
        struct muster_bytes all = MUSTER_BYTES(wire, len);
        assert_int_equal(store_row_decode(&back, first_of(older, sizeof older, all, n)), MUSTER_OK);
        assert_int_equal(back.tick_wall_ms, n > 26 ? 10 : 0);
        assert_int_equal(back.ticks, n > 27 ? 11 : 0);
        assert_int_equal(back.skipped, n > 28 ? 12 : 0);
        assert_int_equal(back.attempts.len, n > 29 ? 3 : 0);
        assert_int_equal(back.wished_wall_ms, n > 30 ? 13 : 0);
        assert_int_equal(back.moves, n > 31 ? 14 : 0);
        assert_int_equal(back.moves_wall_ms, n > 32 ? 15 : 0);
        assert_int_equal(back.parent_uid, n > 33 ? 16 : 0);
        assert_int_equal(back.is_light, n > 34);
        assert_int_equal(back.handoff, n > 35 ? STORE_HEIR : STORE_HANDOFF_NONE);
        assert_int_equal(back.other_node.octet[1], n > 36 ? 0xCC : 0);
        assert_int_equal(back.other_token, n > 37 ? 17 : 0);
        assert_int_equal(back.handoff_fails, n > 38 ? 18 : 0);
        assert_int_equal(back.unknown_count, 0);
    }
    /* one less than any build has written */
    struct muster_bytes less = first_of(older, sizeof older, MUSTER_BYTES(wire, len), 25);
    assert_int_not_equal(store_row_decode(&back, less), MUSTER_OK);
}

/* A run, and what it has left, live beside their job; a triggered run lives by its own name. */
static void a_key_has_a_home(void **state)
{
    (void)state;
    assert_text(store_key_home(muster_bytes_text("a/b.c")), "a/b.c");
    assert_text(store_key_home(muster_bytes_text("a/b@2")), "a/b");
    assert_text(store_key_home(muster_bytes_text("a/b@2!c.0")), "a/b");
    assert_text(store_key_home(muster_bytes_text("a/b!r")), "a/b");
    assert_text(store_key_home(muster_bytes_text("a:01J9")), "a:01J9");
    assert_text(store_key_home(muster_bytes_text("@")), "@");
}

/* What a newer build writes: one element more than this one knows. */
static size_t append_field(uint8_t *wire, size_t len, const char *text)
{
    struct muster_writer w = muster_writer_over(wire + len, 100);

    assert_int_equal(wire[0], 0xdc); /* array16 */
    wire[2]++;
    muster_write_text(&w, text);
    return len + muster_writer_bytes(&w).len;
}

static void fields_of_a_newer_build_are_kept_byte_for_byte(void **state)
{
    struct store_row row = full_row(), back;
    uint8_t wire[1024], again[1024];
    size_t len = 0, again_len = 0;

    (void)state;
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    len = append_field(wire, len, "from the future");
    len = append_field(wire, len, "and another");
    assert_int_equal(store_row_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_OK);
    assert_int_equal(back.unknown_count, 2);
    assert_int_equal(store_row_encode(&back, again, sizeof again, &again_len), MUSTER_OK);
    assert_int_equal(again_len, len);
    assert_memory_equal(again, wire, len);
}

static void a_row_cut_short_or_with_a_tail_is_refused(void **state)
{
    struct store_row row = full_row(), back;
    uint8_t wire[1024];
    size_t len = 0;

    (void)state;
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_not_equal(store_row_decode(&back, MUSTER_BYTES(wire, cut)), MUSTER_OK);
    wire[len] = 0;
    assert_int_equal(store_row_decode(&back, MUSTER_BYTES(wire, len + 1)), MUSTER_ECORRUPT);
}

static void words_that_this_build_does_not_know_are_refused(void **state)
{
    struct store_row row = full_row(), back;
    uint8_t wire[1024];
    size_t len = 0;

    (void)state;
    row.phase = (enum store_phase)(STORE_GONE + 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    assert_int_equal(store_row_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_ERANGE);
    row.phase = STORE_WAITING;
    row.want = (enum store_want)(STORE_WANT_HOLD + 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_OK);
    assert_int_equal(store_row_decode(&back, MUSTER_BYTES(wire, len)), MUSTER_ERANGE);
}

static void what_is_too_large_is_refused_before_it_is_written(void **state)
{
    static uint8_t big[STORE_ROW_MAX + 1], wire[2 * STORE_ROW_MAX];
    struct store_row row = full_row();
    size_t len = 0;

    (void)state;
    row.spec = MUSTER_BYTES(big, sizeof big);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_ELIMIT);
    row = full_row();
    row.key = MUSTER_BYTES(big, STORE_KEY_MAX + 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_ELIMIT);
    row.key = MUSTER_BYTES(big, 0);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_ELIMIT);
    row = full_row();
    row.reason = MUSTER_BYTES(big, STORE_REASON_MAX + 1);
    assert_int_equal(store_row_encode(&row, wire, sizeof wire, &len), MUSTER_ELIMIT);
}

/* A second run: only what is wished to run has an heir; it takes the run's place; and a new life of
 * the name has none, but remembers what has to end. */
static void a_row_may_have_an_heir(void **state)
{
    struct store_row row = full_row();

    (void)state;
    row.want = STORE_WANT_RUN;
    row.run_token = 16;
    assert_true(store_row_has_heir(&row));
    row.want = STORE_WANT_HOLD;
    assert_false(store_row_has_heir(&row));
    row.want = STORE_WANT_RUN;
    row.phase = STORE_FAILED;
    assert_false(store_row_has_heir(&row));
    row.phase = STORE_WAITING;
    row.run_token = 0;
    assert_false(store_row_has_heir(&row));
    row.run_token = 18; /* what is older than the run has been it */
    assert_false(store_row_has_heir(&row));
    row.run_token = 16;
    store_row_heir_takes(&row, 99);
    assert_int_equal(row.run_token, 17);
    assert_int_equal(row.run_node.octet[1], 0xCC);
    assert_int_equal(row.phase, STORE_PLACED);
    assert_int_equal(row.since_wall_ms, 99);
    assert_int_equal(row.handoff, STORE_HANDOFF_NONE);
    assert_int_equal(row.other_token, 17); /* and stays, as the last that was news */
    row = full_row();
    store_row_again(&row, 99);
    assert_int_equal(row.handoff, STORE_ENDING);
    assert_int_equal(row.handoff_fails, 0);
    row = full_row();
    store_row_fresh(&row, "market/ticker", 99);
    assert_int_equal(row.handoff, STORE_ENDING);
    assert_int_equal(row.other_token, 17);
    assert_int_equal(row.revision, 0);
}

/* (R5) */
static void versions_compare_as_round_then_seat_then_seq(void **state)
{
    static const struct {
        uint32_t round;
        uint16_t seat;
        uint32_t seq;
    } rising[] = {
        { 0, 0, 1 },        { 0, 1, 0 },
        { 1, 0, 0 },        { 1, 0, 1 },
        { 1, 0, 0xFFFFFF }, { 1, 1, 0 },
        { 1, 0xFFFF, 5 },   { 2, 0, 0 },
        { 0xFFFFFF, 0, 0 }, { 0xFFFFFF, 0xFFFF, 0xFFFFFF },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(rising); i++) {
        struct store_reign reign = store_reign_of(rising[i].round, rising[i].seat);
        struct store_version v = store_version_of(reign, rising[i].seq);
        assert_int_equal(store_reign_round(reign), rising[i].round);
        assert_int_equal(store_reign_seat(reign), rising[i].seat);
        assert_int_equal(store_version_seq(v), rising[i].seq);
        assert_true(store_version_reign(v).packed == reign.packed);
        if (i > 0) {
            struct store_version before = store_version_of(
                store_reign_of(rising[i - 1].round, rising[i - 1].seat), rising[i - 1].seq);
            assert_true(before.packed < v.packed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_comes_back_as_it_was_written),
        cmocka_unit_test(a_row_of_an_older_build_is_read),
        cmocka_unit_test(a_key_has_a_home),
        cmocka_unit_test(fields_of_a_newer_build_are_kept_byte_for_byte),
        cmocka_unit_test(a_row_cut_short_or_with_a_tail_is_refused),
        cmocka_unit_test(words_that_this_build_does_not_know_are_refused),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_written),
        cmocka_unit_test(a_row_may_have_an_heir),
        cmocka_unit_test(versions_compare_as_round_then_seat_then_seq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
