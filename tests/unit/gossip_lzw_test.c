/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking: everything comes back, and nothing grows beyond what was allowed. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gossip/feed.h"
#include "gossip/lzw.h"
#include "tests/unit/unit.h"

#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)
#define PLAIN_MAX    200000
#define GUARD        16 /* bytes that are not the decoder's */

struct bench {
    struct gossip_lzw_decoder decoder;
    struct gossip_lzw_encoder encoder;
    uint8_t plain[PLAIN_MAX];
    uint8_t packed[2 * PLAIN_MAX];
    uint8_t back[PLAIN_MAX];
    uint8_t window[GOSSIP_FEED_WINDOW];
};

static int bench_open(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    return *state == NULL ? -1 : 0;
}

static int bench_close(void **state)
{
    free(*state);
    return 0;
}

/* Bytes of an alphabet of `letters`: 1 is one long run, 256 is noise that does not pack at all. */
static void fill(struct bench *b, struct muster_rng *rng, size_t len, uint64_t letters)
{
    for (size_t i = 0; i < len; i++)
        b->plain[i] = (uint8_t)muster_rng_below(rng, letters);
}

static size_t pack(struct bench *b, size_t len)
{
    size_t packed;

    assert_int_equal(gossip_lzw_compress(&b->encoder, MUSTER_BYTES(b->plain, len), b->packed,
                                         sizeof b->packed, &packed),
                     MUSTER_OK);
    return packed;
}

static void what_is_packed_comes_back(void **state)
{
    static const uint64_t letters[] = { 1, 2, 4, 20, 256 };
    static const size_t lens[] = { 0,   1,    2,    253,  254,  255,  256,  257,   258,      259,
                                   511, 1400, 3836, 3837, 3838, 3839, 5000, 20000, PLAIN_MAX };
    struct bench *b = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 1);
    for (size_t l = 0; l < UNIT_COUNT(letters); l++) {
        for (size_t n = 0; n < UNIT_COUNT(lens); n++) {
            size_t len, packed;

            fill(b, &rng, lens[n], letters[l]);
            packed = pack(b, lens[n]);
            assert_int_equal(gossip_lzw_expand(&b->decoder, MUSTER_BYTES(b->packed, packed),
                                               b->back, sizeof b->back, &len),
                             MUSTER_OK);
            assert_int_equal(len, lens[n]);
            assert_memory_equal(b->back, b->plain, len);
        }
    }
}

/* Read in small pieces, a string longer than a piece is handed out bit by bit, and nothing behind
 * the piece is touched. */
static void it_comes_back_in_pieces_of_any_size(void **state)
{
    struct bench *b = *state;
    struct muster_rng rng;
    size_t packed;

    muster_rng_seed(&rng, 2);
    fill(b, &rng, 30000, 2);
    packed = pack(b, 30000);
    for (size_t piece = 1; piece < 400; piece += 7) {
        size_t done = 0;
        size_t len;

        gossip_lzw_open(&b->decoder, MUSTER_BYTES(b->packed, packed));
        do {
            memset(b->back + done + piece, 0xa5, GUARD);
            len = gossip_lzw_read(&b->decoder, b->back + done, piece);
            for (size_t i = 0; i < GUARD; i++)
                assert_int_equal(b->back[done + piece + i], 0xa5);
            done += len;
        } while (len > 0);
        assert_true(b->decoder.is_ended);
        assert_int_equal(done, 30000);
        assert_memory_equal(b->back, b->plain, done);
    }
}

static void packing_into_too_little_room_says_so(void **state)
{
    struct bench *b = *state;
    struct muster_rng rng;
    size_t packed, len;

    muster_rng_seed(&rng, 3);
    fill(b, &rng, 1000, 256);
    packed = pack(b, 1000);
    assert_true(packed > 1000); /* noise grows */
    assert_int_equal(
        gossip_lzw_compress(&b->encoder, MUSTER_BYTES(b->plain, 1000), b->packed, packed - 1, &len),
        MUSTER_EFULL);
    assert_int_equal(
        gossip_lzw_compress(&b->encoder, MUSTER_BYTES(b->plain, 1000), b->packed, packed, &len),
        MUSTER_OK);
}

static void streams_a_decoder_must_accept_or_refuse(void **state)
{
    const struct {
        const char *what;
        struct muster_bytes packed;
        int err;
        const char *plain;
    } cases[] = {
        { "as written by peers", RAW("\x00\x83\x04\x04"), MUSTER_OK, "A" },
        { "no clear in front: 'A', end", RAW("\x41\x02\x02"), MUSTER_OK, "A" },
        { "bytes behind the end", RAW("\x00\x83\x04\x04 more"), MUSTER_OK, "A" },
        { "two clears", RAW("\x00\x01\x06\x09\x08"), MUSTER_OK, "A" },
        { "nothing at all", RAW(""), MUSTER_ESHORT, "" },
        { "no end code", RAW("\x00\x83"), MUSTER_ESHORT, "" },
        { "no end code after a literal", RAW("\x00\x83\x00"), MUSTER_ESHORT, "A" },
        { "a string right after a clear", RAW("\x00\x05\x06"), MUSTER_ECORRUPT, "" },
        { "a string that cannot exist yet", RAW("\x00\x83\x0c\x06\x00"), MUSTER_ECORRUPT, "A" },
    };
    struct bench *b = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        size_t len;
        int err = gossip_lzw_expand(&b->decoder, cases[i].packed, b->back, sizeof b->back, &len);

        if (err != cases[i].err || len != strlen(cases[i].plain) ||
            memcmp(b->back, cases[i].plain, len) != 0)
            fail_msg("%s: %s after %zu bytes", cases[i].what, muster_err_name(err), len);
    }
}

/* Codes of a table that is full and never cleared: 12 bits each, and nothing is learned any more.
 */
static void a_full_table_stays_as_it_is(void **state)
{
    struct bench *b = *state;
    uint32_t bits = 0, bit_count = 0, width = 9, high = 257;
    size_t packed = 0, len;

    for (unsigned i = 0; i <= 6000; i++) {
        uint32_t code = i < 6000 ? 'a' + i % 3 : 257;

        bits |= code << bit_count;
        for (bit_count += width; bit_count >= 8; bit_count -= 8, bits >>= 8)
            b->packed[packed++] = (uint8_t)bits;
        if (high < 4095 && ++high == 1u << width && width < 12)
            width++;
    }
    b->packed[packed++] = (uint8_t)bits;
    assert_int_equal(gossip_lzw_expand(&b->decoder, MUSTER_BYTES(b->packed, packed), b->back,
                                       sizeof b->back, &len),
                     MUSTER_OK);
    assert_int_equal(len, 6000);
    for (unsigned i = 0; i < 6000; i++)
        assert_int_equal(b->back[i], 'a' + i % 3);
}

static void expansion_is_bounded_to_the_byte(void **state)
{
    struct bench *b = *state;
    size_t packed, len;

    memset(b->plain, 'x', PLAIN_MAX);
    packed = pack(b, PLAIN_MAX);
    assert_true(packed < PLAIN_MAX / 100); /* a bomb, if a small one */
    assert_int_equal(gossip_lzw_expand(&b->decoder, MUSTER_BYTES(b->packed, packed), b->back,
                                       PLAIN_MAX - 1, &len),
                     MUSTER_ELIMIT);
    assert_int_equal(len, PLAIN_MAX - 1);
    assert_int_equal(
        gossip_lzw_expand(&b->decoder, MUSTER_BYTES(b->packed, packed), b->back, PLAIN_MAX, &len),
        MUSTER_OK);
}

/* A stream message of `size` zero bytes in its wrapper; the caller frees it. */
static struct muster_bytes bomb(struct bench *b, size_t size)
{
    uint8_t *plain = calloc(1, size);
    uint8_t *packed = malloc(size);
    uint8_t *wrapped = malloc(size);
    struct gossip_message m = { .type = GOSSIP_TYPE_COMPRESS };
    struct muster_writer out;
    size_t len;

    assert_non_null(plain);
    assert_non_null(packed);
    assert_non_null(wrapped);
    assert_int_equal(
        gossip_lzw_compress(&b->encoder, MUSTER_BYTES(plain, size), packed, size, &len), MUSTER_OK);
    m.packed.buffer = MUSTER_BYTES(packed, len);
    out = muster_writer_over(wrapped, size);
    gossip_message_encode(&m, &out);
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    free(plain);
    free(packed);
    return muster_writer_bytes(&out);
}

static void a_stream_may_unpack_to_40_mib_and_no_more(void **state)
{
    static const struct {
        uint64_t size;
        int err;
    } cases[] = { { GOSSIP_FEED_EXPANSION, MUSTER_OK },
                  { GOSSIP_FEED_EXPANSION + 1, MUSTER_ECORRUPT },
                  { GOSSIP_FEED_EXPANSION + (8u << 20), MUSTER_ECORRUPT } };
    struct bench *b = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_bytes bytes = bomb(b, (size_t)cases[i].size);
        struct gossip_feed f;

        assert_int_equal(gossip_feed_open(&f, bytes, &b->decoder, b->window), MUSTER_OK);
        assert_int_equal(gossip_feed_end(&f), cases[i].err);
        assert_true(f.unpacked <= GOSSIP_FEED_EXPANSION + GOSSIP_FEED_WINDOW); /* no more work */
        free((void *)(uintptr_t)bytes.data);
    }
}

static void noise_does_no_harm(void **state)
{
    struct bench *b = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 4);
    for (unsigned round = 0; round < 3000; round++) {
        size_t size = (size_t)muster_rng_below(&rng, 600);
        size_t len;

        for (size_t i = 0; i < size; i++)
            b->packed[i] = (uint8_t)muster_rng_next(&rng);
        (void)!gossip_lzw_expand(&b->decoder, MUSTER_BYTES(b->packed, size), b->back,
                                 sizeof b->back, &len);
        assert_true(len <= sizeof b->back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(it_comes_back_in_pieces_of_any_size),
        cmocka_unit_test(packing_into_too_little_room_says_so),
        cmocka_unit_test(streams_a_decoder_must_accept_or_refuse),
        cmocka_unit_test(a_full_table_stays_as_it_is),
        cmocka_unit_test(expansion_is_bounded_to_the_byte),
        cmocka_unit_test(a_stream_may_unpack_to_40_mib_and_no_more),
        cmocka_unit_test(noise_does_no_harm),
    };

    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
