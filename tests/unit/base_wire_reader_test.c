/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of the wire: every legal form comes in, and nothing else does. */
#include "base/wire.h"

#include <stdlib.h>
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

static void any_width_is_read_if_the_value_fits(void **state)
{
    const struct {
        struct muster_bytes wire;
        uint64_t value;
        int u8, u16, u32, u64; /* outcomes */
    } cases[] = {
        { LITERAL("\x05"), 5, 0, 0, 0, 0 },
        { LITERAL("\xcc\x05"), 5, 0, 0, 0, 0 },
        { LITERAL("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"), 5, 0, 0, 0, 0 },
        { LITERAL("\xd0\x05"), 5, 0, 0, 0, 0 },
        { LITERAL("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), 5, 0, 0, 0, 0 },
        { LITERAL("\xcc\xff"), 255, 0, 0, 0, 0 },
        { LITERAL("\xd1\x01\x00"), 256, MUSTER_ERANGE, 0, 0, 0 },
        { LITERAL("\xcd\xff\xff"), 65535, MUSTER_ERANGE, 0, 0, 0 },
        { LITERAL("\xd2\x00\x01\x00\x00"), 65536, MUSTER_ERANGE, MUSTER_ERANGE, 0, 0 },
        { LITERAL("\xcf\x00\x00\x00\x01\x00\x00\x00\x00"), 1ull << 32, MUSTER_ERANGE, MUSTER_ERANGE,
          MUSTER_ERANGE, 0 },
        { LITERAL("\xff"), 0, MUSTER_ERANGE, MUSTER_ERANGE, MUSTER_ERANGE, MUSTER_ERANGE },
        { LITERAL("\xd0\xff"), 0, MUSTER_ERANGE, MUSTER_ERANGE, MUSTER_ERANGE, MUSTER_ERANGE },
        { LITERAL("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), 0, MUSTER_ERANGE, MUSTER_ERANGE,
          MUSTER_ERANGE, MUSTER_ERANGE },
        { LITERAL("\xc0"), 0, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE },
        { LITERAL("\xa1x"), 0, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE },
        { LITERAL("\xca\x00\x00\x00\x00"), 0, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE,
          MUSTER_ETYPE },
        { LITERAL("\xd4\x00\x00"), 0, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE, MUSTER_ETYPE },
        { LITERAL(""), 0, MUSTER_ESHORT, MUSTER_ESHORT, MUSTER_ESHORT, MUSTER_ESHORT },
        { LITERAL("\xcd\x01"), 0, MUSTER_ESHORT, MUSTER_ESHORT, MUSTER_ESHORT, MUSTER_ESHORT },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_reader r = muster_reader_over(cases[i].wire);

        assert_int_equal(muster_read_u8(&r), cases[i].u8 == 0 ? cases[i].value : 0);
        assert_int_equal(r.err, cases[i].u8);
        r = muster_reader_over(cases[i].wire);
        assert_int_equal(muster_read_u16(&r), cases[i].u16 == 0 ? cases[i].value : 0);
        assert_int_equal(r.err, cases[i].u16);
        r = muster_reader_over(cases[i].wire);
        assert_int_equal(muster_read_u32(&r), cases[i].u32 == 0 ? cases[i].value : 0);
        assert_int_equal(r.err, cases[i].u32);
        r = muster_reader_over(cases[i].wire);
        assert_int_equal(muster_read_u64(&r), cases[i].u64 == 0 ? cases[i].value : 0);
        assert_int_equal(muster_reader_end(&r), cases[i].u64);
    }
}

static void signed_readers_take_unsigned_forms_that_fit(void **state)
{
    struct muster_reader r = muster_reader_over(LITERAL("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"));

    (void)state;
    assert_int_equal(muster_read_i64(&r), INT64_MAX);
    assert_true(muster_reader_ok(&r));
    r = muster_reader_over(LITERAL("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"));
    assert_int_equal(muster_read_i64(&r), 0);
    assert_int_equal(muster_reader_end(&r), MUSTER_ERANGE);
}

static void bytes_are_bounded_by_input_and_by_maximum(void **state)
{
    const struct {
        struct muster_bytes wire;
        size_t max;
        int err;
        size_t len;
    } cases[] = {
        { LITERAL("\xa3one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xd9\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xda\x00\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xdb\x00\x00\x00\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xc4\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xc5\x00\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xc6\x00\x00\x00\x03one"), 3, MUSTER_OK, 3 },
        { LITERAL("\xa0"), 0, MUSTER_OK, 0 },
        { LITERAL("\xa3one"), 2, MUSTER_ELIMIT, 0 },
        { LITERAL("\xa4one"), 4, MUSTER_ESHORT, 0 },
        { LITERAL("\xdb\xff\xff\xff\xffone"), SIZE_MAX, MUSTER_ESHORT, 0 },
        { LITERAL("\xc6\xff\xff\xff"), SIZE_MAX, MUSTER_ESHORT, 0 },
        { LITERAL("\xc4"), 3, MUSTER_ESHORT, 0 },
        { LITERAL(""), 3, MUSTER_ESHORT, 0 },
        { LITERAL("\x93\x01\x02\x03"), 3, MUSTER_ETYPE, 0 },
        { LITERAL("\xc7\x01\x00x"), 3, MUSTER_ETYPE, 0 },
        { LITERAL("\xc0"), 3, MUSTER_ETYPE, 0 },
        { LITERAL("\xc1"), 3, MUSTER_ETYPE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_reader r = muster_reader_over(cases[i].wire);

        assert_int_equal(muster_read_bytes(&r, cases[i].max).len, cases[i].len);
        assert_int_equal(muster_reader_end(&r), cases[i].err);
    }
}

static void text_gets_its_nul_and_has_none_inside(void **state)
{
    char out[4];
    struct muster_reader r = muster_reader_over(LITERAL("\xa3one\xa4more"));

    (void)state;
    muster_read_text(&r, out, sizeof out);
    assert_string_equal(out, "one");
    muster_read_text(&r, out, sizeof out);
    assert_string_equal(out, "");
    assert_int_equal(muster_reader_end(&r), MUSTER_ELIMIT);
    r = muster_reader_over(LITERAL("\xa3o\0e"));
    muster_read_text(&r, out, sizeof out);
    assert_string_equal(out, "");
    assert_int_equal(muster_reader_end(&r), MUSTER_EINVAL);
}

static void ids_have_exactly_their_length(void **state)
{
    const struct {
        struct muster_bytes wire;
        int err;
    } cases[] = {
        { LITERAL("\xc4\x10"
                  "0123456789abcdef"),
          MUSTER_OK },
        { LITERAL("\xb0"
                  "0123456789abcdef"),
          MUSTER_OK },
        { LITERAL("\xc4\x0f"
                  "0123456789abcde"),
          MUSTER_EINVAL },
        { LITERAL("\xc4\x11"
                  "0123456789abcdefg"),
          MUSTER_ELIMIT },
        { LITERAL("\xc4\x10"
                  "0123456789abcde"),
          MUSTER_ESHORT },
        { LITERAL("\x10"), MUSTER_ETYPE },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_reader r = muster_reader_over(cases[i].wire);
        struct muster_id id = muster_read_id(&r);

        assert_int_equal(muster_id_is_zero(id), cases[i].err != MUSTER_OK);
        assert_int_equal(muster_reader_end(&r), cases[i].err);
    }
}

static void counts_are_not_believed(void **state)
{
    const struct {
        struct muster_bytes wire;
        uint32_t max;
        int err;
        uint32_t count;
    } arrays[] = {
        { LITERAL("\x92\x01\x02"), 2, MUSTER_OK, 2 },
        { LITERAL("\xdc\x00\x02\x01\x02"), 2, MUSTER_OK, 2 },
        { LITERAL("\xdd\x00\x00\x00\x02\x01\x02"), 2, MUSTER_OK, 2 },
        { LITERAL("\x92\x01\x02"), 1, MUSTER_ELIMIT, 0 },
        { LITERAL("\x92\x01"), 2, MUSTER_ESHORT, 0 },
        { LITERAL("\xdd\xff\xff\xff\xff\x01\x02"), UINT32_MAX, MUSTER_ESHORT, 0 },
        { LITERAL("\xdd\xff\xff"), UINT32_MAX, MUSTER_ESHORT, 0 },
        { LITERAL("\x82\x01\x02\x03\x04"), 2, MUSTER_ETYPE, 0 },
        { LITERAL("\xc0"), 2, MUSTER_ETYPE, 0 },
        { LITERAL(""), 2, MUSTER_ESHORT, 0 },
    }, maps[] = {
        { LITERAL("\x82\x01\x02\x03\x04"), 2, MUSTER_OK, 2 },
        { LITERAL("\xde\x00\x02\x01\x02\x03\x04"), 2, MUSTER_OK, 2 },
        { LITERAL("\xdf\x00\x00\x00\x02\x01\x02\x03\x04"), 2, MUSTER_OK, 2 },
        { LITERAL("\x82\x01\x02\x03"), 2, MUSTER_ESHORT, 0 },
        { LITERAL("\x82\x01\x02\x03\x04"), 1, MUSTER_ELIMIT, 0 },
        { LITERAL("\xdf\xff\xff\xff\xff\x01\x02"), UINT32_MAX, MUSTER_ESHORT, 0 },
        { LITERAL("\x92\x01\x02"), 2, MUSTER_ETYPE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(arrays); i++) {
        struct muster_reader r = muster_reader_over(arrays[i].wire);

        assert_int_equal(muster_read_array(&r, arrays[i].max), arrays[i].count);
        assert_int_equal(r.err, arrays[i].err);
    }
    for (size_t i = 0; i < UNIT_COUNT(maps); i++) {
        struct muster_reader r = muster_reader_over(maps[i].wire);

        assert_int_equal(muster_read_map(&r, maps[i].max), maps[i].count);
        assert_int_equal(r.err, maps[i].err);
    }
}

static void an_array_of_n_has_n(void **state)
{
    struct muster_reader r = muster_reader_over(LITERAL("\x92\x01\x02"));

    (void)state;
    muster_read_array_of(&r, 2);
    assert_true(muster_reader_ok(&r));
    r = muster_reader_over(LITERAL("\x92\x01\x02"));
    muster_read_array_of(&r, 3);
    assert_int_equal(r.err, MUSTER_ETYPE);
    r = muster_reader_over(LITERAL("\x92\x01\x02"));
    muster_read_array_of(&r, 1);
    assert_int_equal(r.err, MUSTER_ELIMIT);
}

static void the_first_error_stays(void **state)
{
    struct muster_reader r = muster_reader_over(LITERAL("\xc0\x05\xa1x\x91\x01"));

    (void)state;
    assert_int_equal(muster_read_u64(&r), 0);
    assert_int_equal(muster_reader_left(&r), 0);
    assert_int_equal(muster_read_u64(&r), 0);
    assert_int_equal(muster_read_bytes(&r, 9).len, 0);
    assert_int_equal(muster_read_array(&r, 9), 0);
    assert_false(muster_read_bool(&r));
    assert_false(muster_read_is_nil(&r));
    muster_read_skip(&r);
    assert_int_equal(muster_read_plain(&r, 0).len, 0);
    assert_int_equal(muster_read_peek(&r), MUSTER_WIRE_END);
    muster_reader_fail(&r, MUSTER_ECONFLICT);
    assert_int_equal(muster_reader_end(&r), MUSTER_ETYPE);
}

static void trailing_bytes_are_an_error(void **state)
{
    struct muster_reader r = muster_reader_over(LITERAL("\x01\x02"));

    (void)state;
    assert_int_equal(muster_read_u8(&r), 1);
    assert_int_equal(muster_reader_left(&r), 1);
    assert_int_equal(muster_reader_end(&r), MUSTER_ECORRUPT);
    r = muster_reader_over(MUSTER_BYTES(NULL, 0));
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
}

static void nil_bool_and_plain_are_read(void **state)
{
    struct muster_reader r = muster_reader_over(LITERAL("\xc0\xc3\xc2\xc0\x05plain\x05"));

    (void)state;
    muster_read_nil(&r);
    assert_false(muster_read_is_nil(&r));
    assert_true(muster_read_bool(&r));
    assert_false(muster_read_bool(&r));
    assert_true(muster_read_is_nil(&r));
    assert_int_equal(muster_read_u8(&r), 5);
    assert_bytes(muster_read_plain(&r, 5), LITERAL("plain"));
    assert_true(muster_reader_ok(&r));
    assert_false(muster_read_bool(&r));
    assert_int_equal(muster_reader_end(&r), MUSTER_ETYPE);
    r = muster_reader_over(LITERAL("\x05"));
    muster_read_nil(&r);
    assert_int_equal(muster_reader_end(&r), MUSTER_ETYPE);
    r = muster_reader_over(LITERAL("four"));
    assert_int_equal(muster_read_plain(&r, 5).len, 0);
    assert_int_equal(muster_reader_end(&r), MUSTER_ESHORT);
}

/* ---- peeking, skipping, and strangers */

static void every_lead_byte_has_a_type_and_a_length(void **state)
{
    static const struct {
        uint8_t first, last;
        enum muster_wire_type type;
        size_t len; /* of the value with everything after its lead byte zero */
    } cases[] = {
        { 0x00, 0x7f, MUSTER_WIRE_INT, 1 },    { 0x80, 0x80, MUSTER_WIRE_MAP, 1 },
        { 0x8f, 0x8f, MUSTER_WIRE_MAP, 31 },   { 0x90, 0x90, MUSTER_WIRE_ARRAY, 1 },
        { 0x9f, 0x9f, MUSTER_WIRE_ARRAY, 16 }, { 0xa0, 0xa0, MUSTER_WIRE_BYTES, 1 },
        { 0xbf, 0xbf, MUSTER_WIRE_BYTES, 32 }, { 0xc0, 0xc0, MUSTER_WIRE_NIL, 1 },
        { 0xc1, 0xc1, MUSTER_WIRE_END, 0 },    { 0xc2, 0xc3, MUSTER_WIRE_BOOL, 1 },
        { 0xc4, 0xc4, MUSTER_WIRE_BYTES, 2 },  { 0xc5, 0xc5, MUSTER_WIRE_BYTES, 3 },
        { 0xc6, 0xc6, MUSTER_WIRE_BYTES, 5 },  { 0xc7, 0xc7, MUSTER_WIRE_EXT, 3 },
        { 0xc8, 0xc8, MUSTER_WIRE_EXT, 4 },    { 0xc9, 0xc9, MUSTER_WIRE_EXT, 6 },
        { 0xca, 0xca, MUSTER_WIRE_FLOAT, 5 },  { 0xcb, 0xcb, MUSTER_WIRE_FLOAT, 9 },
        { 0xcc, 0xcc, MUSTER_WIRE_INT, 2 },    { 0xcd, 0xcd, MUSTER_WIRE_INT, 3 },
        { 0xce, 0xce, MUSTER_WIRE_INT, 5 },    { 0xcf, 0xcf, MUSTER_WIRE_INT, 9 },
        { 0xd0, 0xd0, MUSTER_WIRE_INT, 2 },    { 0xd1, 0xd1, MUSTER_WIRE_INT, 3 },
        { 0xd2, 0xd2, MUSTER_WIRE_INT, 5 },    { 0xd3, 0xd3, MUSTER_WIRE_INT, 9 },
        { 0xd4, 0xd4, MUSTER_WIRE_EXT, 3 },    { 0xd5, 0xd5, MUSTER_WIRE_EXT, 4 },
        { 0xd6, 0xd6, MUSTER_WIRE_EXT, 6 },    { 0xd7, 0xd7, MUSTER_WIRE_EXT, 10 },
        { 0xd8, 0xd8, MUSTER_WIRE_EXT, 18 },   { 0xd9, 0xd9, MUSTER_WIRE_BYTES, 2 },
        { 0xda, 0xda, MUSTER_WIRE_BYTES, 3 },  { 0xdb, 0xdb, MUSTER_WIRE_BYTES, 5 },
        { 0xdc, 0xdc, MUSTER_WIRE_ARRAY, 3 },  { 0xdd, 0xdd, MUSTER_WIRE_ARRAY, 5 },
        { 0xde, 0xde, MUSTER_WIRE_MAP, 3 },    { 0xdf, 0xdf, MUSTER_WIRE_MAP, 5 },
        { 0xe0, 0xff, MUSTER_WIRE_INT, 1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        for (unsigned lead = cases[i].first; lead <= cases[i].last; lead++) {
            uint8_t value[32] = { (uint8_t)lead };
            struct muster_reader r = muster_reader_over(MUSTER_BYTES(value, sizeof value));

            assert_int_equal(muster_read_peek(&r), cases[i].type);
            assert_int_equal(muster_read_raw_value(&r).len, cases[i].len);
            assert_int_equal(r.err, cases[i].len == 0 ? MUSTER_ECORRUPT : MUSTER_OK);
            for (size_t cut = 0; cut < cases[i].len; cut++) {
                r = muster_reader_over(MUSTER_BYTES(value, cut));
                muster_read_skip(&r);
                assert_int_equal(muster_reader_end(&r), MUSTER_ESHORT);
            }
        }
}

static void nesting_is_skipped_up_to_its_depth(void **state)
{
    struct muster_reader r;
    uint8_t deep[MUSTER_WIRE_DEPTH_MAX + 2];

    (void)state;
    memset(deep, 0x91, sizeof deep);
    deep[MUSTER_WIRE_DEPTH_MAX] = 0x07;
    r = muster_reader_over(MUSTER_BYTES(deep, MUSTER_WIRE_DEPTH_MAX + 1));
    muster_read_skip(&r);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    deep[MUSTER_WIRE_DEPTH_MAX] = 0x91;
    deep[MUSTER_WIRE_DEPTH_MAX + 1] = 0x07;
    r = muster_reader_over(MUSTER_BYTES(deep, sizeof deep));
    muster_read_skip(&r);
    assert_int_equal(muster_reader_end(&r), MUSTER_ELIMIT);
}

static void a_mixed_value_is_skipped_whole(void **state)
{
    static const char mixed[] = "\x83\xa1"
                                "a\x93\x01\x90\x80\xa1"
                                "b\x81\xa1"
                                "c\x92\xc0\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa1"
                                "d\xc4\x02xx";
    struct muster_bytes whole = LITERAL(mixed);
    struct muster_reader r = muster_reader_over(whole);

    (void)state;
    assert_bytes(muster_read_raw_value(&r), whole);
    assert_int_equal(muster_reader_end(&r), MUSTER_OK);
    for (size_t cut = 0; cut < whole.len; cut++) {
        r = muster_reader_over(MUSTER_BYTES(whole.data, cut));
        assert_int_equal(muster_read_raw_value(&r).len, 0);
        assert_int_equal(muster_reader_end(&r), MUSTER_ESHORT);
    }
}

static void read_something(struct muster_reader *r, uint64_t what)
{
    char text[16];

    switch (what) {
    case 0:
        (void)muster_read_u64(r);
        break;
    case 1:
        (void)muster_read_i64(r);
        break;
    case 2:
        (void)muster_read_u16(r);
        break;
    case 3:
        (void)muster_read_bytes(r, 20);
        break;
    case 4:
        muster_read_text(r, text, sizeof text);
        break;
    case 5:
        (void)muster_read_id(r);
        break;
    case 6:
        (void)muster_read_array(r, 100);
        break;
    case 7:
        (void)muster_read_map(r, 100);
        break;
    case 8:
        (void)muster_read_plain(r, 3);
        break;
    case 9:
        (void)muster_read_bool(r);
        break;
    case 10:
        (void)muster_read_is_nil(r);
        break;
    default:
        muster_read_skip(r);
        break;
    }
}

/* The input is an allocation of its exact size, so that a sanitizer sees one byte too many. */
static void noise_never_leads_out_of_bounds(void **state)
{
    struct muster_rng luck;

    (void)state;
    muster_rng_seed(&luck, 0x5eed);
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)muster_rng_between(&luck, 1, 64);
        uint8_t *noise = malloc(len);
        struct muster_reader r;

        assert_non_null(noise);
        for (size_t i = 0; i < len; i++) /* lead bytes with lengths come up half the time */
            noise[i] =
                (uint8_t)(muster_rng_chance(&luck, 1, 2) ? muster_rng_between(&luck, 0x80, 0xdf)
                                                         : muster_rng_below(&luck, 256));
        r = muster_reader_over(MUSTER_BYTES(noise, len));
        while (muster_reader_left(&r) > 0) {
            const uint8_t *before = r.at;

            read_something(&r, muster_rng_below(&luck, 16));
            assert_true(r.at >= before);
            assert_true(r.at <= noise + len);
            assert_true(r.end <= noise + len);
        }
        free(noise);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_width_is_read_if_the_value_fits),
        cmocka_unit_test(signed_readers_take_unsigned_forms_that_fit),
        cmocka_unit_test(bytes_are_bounded_by_input_and_by_maximum),
        cmocka_unit_test(text_gets_its_nul_and_has_none_inside),
        cmocka_unit_test(ids_have_exactly_their_length),
        cmocka_unit_test(counts_are_not_believed),
        cmocka_unit_test(an_array_of_n_has_n),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(trailing_bytes_are_an_error),
        cmocka_unit_test(nil_bool_and_plain_are_read),
        cmocka_unit_test(every_lead_byte_has_a_type_and_a_length),
        cmocka_unit_test(nesting_is_skipped_up_to_its_depth),
        cmocka_unit_test(a_mixed_value_is_skipped_whole),
        cmocka_unit_test(noise_never_leads_out_of_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
