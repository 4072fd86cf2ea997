/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the wire: the shortest form, byte for byte, and nothing beyond the buffer. */
#include "base/wire.h"

#include <string.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

/* A literal with NULs inside, as bytes. */
#define LITERAL(text) MUSTER_BYTES(text, sizeof(text) - 1)

static void assert_bytes(struct muster_bytes found, struct muster_bytes expected)
{
    assert_int_equal(found.len, expected.len);
    if (expected.len != 0)
        assert_memory_equal(found.data, expected.data, expected.len);
}

static void unsigned_numbers_take_their_shortest_form(void **state)
{
    const struct {
        uint64_t value;
        struct muster_bytes wire;
    } cases[] = {
        { 0, LITERAL("\x00") },
        { 127, LITERAL("\x7f") },
        { 128, LITERAL("\xcc\x80") },
        { 255, LITERAL("\xcc\xff") },
        { 256, LITERAL("\xcd\x01\x00") },
        { 65535, LITERAL("\xcd\xff\xff") },
        { 65536, LITERAL("\xce\x00\x01\x00\x00") },
        { UINT32_MAX, LITERAL("\xce\xff\xff\xff\xff") },
        { 1ull << 32, LITERAL("\xcf\x00\x00\x00\x01\x00\x00\x00\x00") },
        { UINT64_MAX, LITERAL("\xcf\xff\xff\xff\xff\xff\xff\xff\xff") },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint8_t buffer[16];
        struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
        struct muster_reader r;

        muster_write_u64(&w, cases[i].value);
        assert_int_equal(muster_writer_err(&w), MUSTER_OK);
        assert_bytes(muster_writer_bytes(&w), cases[i].wire);
        r = muster_reader_over(muster_writer_bytes(&w));
        assert_int_equal(muster_read_u64(&r), cases[i].value);
        assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    }
}

static void signed_numbers_take_their_shortest_form(void **state)
{
    const struct {
        int64_t value;
        struct muster_bytes wire;
    } cases[] = {
        { 0, LITERAL("\x00") },
        { 127, LITERAL("\x7f") },
        { 128, LITERAL("\xcc\x80") },
        { INT64_MAX, LITERAL("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff") },
        { -1, LITERAL("\xff") },
        { -32, LITERAL("\xe0") },
        { -33, LITERAL("\xd0\xdf") },
        { -128, LITERAL("\xd0\x80") },
        { -129, LITERAL("\xd1\xff\x7f") },
        { -32769, LITERAL("\xd2\xff\xff\x7f\xff") },
        { INT32_MIN - 1ll, LITERAL("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff") },
        { INT64_MIN, LITERAL("\xd3\x80\x00\x00\x00\x00\x00\x00\x00") },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint8_t buffer[16];
        struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
        struct muster_reader r;

        muster_write_i64(&w, cases[i].value);
        assert_bytes(muster_writer_bytes(&w), cases[i].wire);
        r = muster_reader_over(muster_writer_bytes(&w));
        assert_int_equal(muster_read_i64(&r), cases[i].value);
        assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    }
}

static void every_family_has_its_heads(void **state)
{
    const struct {
        void (*write)(struct muster_writer *w, struct muster_bytes value);
        size_t len;
        struct muster_bytes head;
    } cases[] = {
        { muster_write_bytes, 0, LITERAL("\xc4\x00") },
        { muster_write_bytes, 255, LITERAL("\xc4\xff") },
        { muster_write_bytes, 256, LITERAL("\xc5\x01\x00") },
        { muster_write_bytes, 65536, LITERAL("\xc6\x00\x01\x00\x00") },
        { muster_write_str, 0, LITERAL("\xa0") },
        { muster_write_str, 31, LITERAL("\xbf") },
        { muster_write_str, 32, LITERAL("\xd9\x20") },
        { muster_write_str, 256, LITERAL("\xda\x01\x00") },
        { muster_write_str, 65536, LITERAL("\xdb\x00\x01\x00\x00") },
        { muster_write_raw, 0, LITERAL("\xa0") },
        { muster_write_raw, 31, LITERAL("\xbf") },
        { muster_write_raw, 32, LITERAL("\xda\x00\x20") },
        { muster_write_raw, 255, LITERAL("\xda\x00\xff") },
        { muster_write_raw, 65535, LITERAL("\xda\xff\xff") },
        { muster_write_raw, 65536, LITERAL("\xdb\x00\x01\x00\x00") },
    };
    static uint8_t body[65536];
    static uint8_t buffer[65536 + 8];

    (void)state;
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
        struct muster_bytes wire;
        struct muster_reader r;

        cases[i].write(&w, MUSTER_BYTES(body, cases[i].len));
        wire = muster_writer_bytes(&w);
        assert_int_equal(wire.len, cases[i].head.len + cases[i].len);
        assert_memory_equal(wire.data, cases[i].head.data, cases[i].head.len);
        r = muster_reader_over(wire);
        assert_int_equal(muster_read_peek(&r), MUSTER_WIRE_BYTES);
        assert_bytes(muster_read_bytes(&r, sizeof body), MUSTER_BYTES(body, cases[i].len));
        assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    }
}

static void bodies_of_every_short_length_arrive_whole(void **state)
{
    static const char body[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (size_t len = 0; len < sizeof body; len++) {
        uint8_t buffer[sizeof body + 1];
        struct muster_writer w = muster_writer_over(buffer, len);

        memset(buffer, '!', sizeof buffer);
        muster_write_plain(&w, MUSTER_BYTES(body, len));
        assert_int_equal(muster_writer_err(&w), MUSTER_OK);
        assert_bytes(muster_writer_bytes(&w), MUSTER_BYTES(body, len));
        assert_int_equal(buffer[len], '!');
        w = muster_writer_over(buffer, len);
        muster_write_plain(&w, MUSTER_BYTES(body, len + 1));
        assert_int_equal(muster_writer_err(&w), MUSTER_EFULL);
        assert_int_equal(buffer[len], '!');
    }
}

static void containers_and_the_rest_are_written(void **state)
{
    static const struct muster_id id = { { 1, 2, 3, [15] = 16 } };
    uint8_t buffer[128];
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    uint8_t *mark;

    (void)state;
    muster_write_map(&w, 1);
    muster_write_text(&w, "Node");
    muster_write_array(&w, 4);
    muster_write_nil(&w);
    muster_write_bool(&w, true);
    muster_write_bool(&w, false);
    muster_write_id(&w, id);
    muster_write_array(&w, 16);
    muster_write_map(&w, 70000);
    muster_write_plain(&w, LITERAL("as it stands"));
    mark = muster_write_array_open(&w);
    muster_write_u64(&w, 7);
    muster_write_u64(&w, 8);
    muster_write_array_close(&w, mark, 2);
    assert_int_equal(muster_writer_err(&w), MUSTER_OK);
    assert_bytes(muster_writer_bytes(&w),
                 LITERAL("\x81\xa4Node\x94\xc0\xc3\xc2\xc4\x10\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0"
                         "\x10\xdc\x00\x10\xdf\x00\x01\x11\x70"
                         "as it stands\xdd\x00\x00\x00\x02\x07\x08"));
}

static void a_full_writer_stays_full(void **state)
{
    uint8_t buffer[8] = { [6] = 0xaa, [7] = 0xaa };
    struct muster_writer w = muster_writer_over(buffer, 6);
    uint8_t *mark;

    (void)state;
    assert_int_equal(muster_writer_room(&w), 6);
    muster_write_u64(&w, 1);
    assert_int_equal(muster_writer_room(&w), 5);
    muster_write_bytes(&w, LITERAL("1234"));
    assert_int_equal(muster_writer_err(&w), MUSTER_EFULL);
    assert_int_equal(muster_writer_room(&w), 0);
    muster_write_nil(&w); /* would have fitted, but comes after the first error */
    mark = muster_write_array_open(&w);
    muster_write_array_close(&w, mark, 1);
    assert_int_equal(muster_writer_err(&w), MUSTER_EFULL);
    assert_int_equal(buffer[6], 0xaa);
    assert_int_equal(buffer[7], 0xaa);
}

static void no_buffer_is_a_full_buffer(void **state)
{
    struct muster_writer w = muster_writer_over(NULL, 0);

    (void)state;
    muster_write_plain(&w, MUSTER_BYTES(NULL, 0));
    assert_int_equal(muster_writer_err(&w), MUSTER_OK);
    muster_write_nil(&w);
    assert_int_equal(muster_writer_err(&w), MUSTER_EFULL);
    assert_int_equal(muster_writer_bytes(&w).len, 0);
}

static void what_is_skipped_is_what_was_written(void **state)
{
    struct muster_rng luck;
    uint8_t buffer[512];

    (void)state;
    muster_rng_seed(&luck, 0xcafe);
    for (int round = 0; round < 2000; round++) {
        struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
        struct muster_reader r;
        uint32_t fields = (uint32_t)muster_rng_below(&luck, 8);

        muster_write_map(&w, fields);
        for (uint32_t i = 0; i < fields; i++) {
            uint64_t value = muster_rng_next(&luck) >> muster_rng_below(&luck, 64);

            muster_write_i64(&w, -(int64_t)(value >> 1));
            muster_write_array(&w, 2);
            muster_write_u64(&w, value);
            muster_write_raw(&w, MUSTER_BYTES("0123456789abcdef", value & 15));
        }
        assert_int_equal(muster_writer_err(&w), MUSTER_OK);
        r = muster_reader_over(muster_writer_bytes(&w));
        muster_read_skip(&r);
        assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_take_their_shortest_form),
        cmocka_unit_test(signed_numbers_take_their_shortest_form),
        cmocka_unit_test(every_family_has_its_heads),
        cmocka_unit_test(bodies_of_every_short_length_arrive_whole),
        cmocka_unit_test(containers_and_the_rest_are_written),
        cmocka_unit_test(a_full_writer_stays_full),
        cmocka_unit_test(no_buffer_is_a_full_buffer),
        cmocka_unit_test(what_is_skipped_is_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
