/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a datagram, built and taken apart, nested, cut, and made to burst. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "gossip/codec.h"
#include "gossip/packet.h"
#include "tests/unit/unit.h"

#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)

struct bench {
    struct gossip_lzw_decoder decoder;
    struct gossip_lzw_encoder encoder;
    uint8_t scratch[GOSSIP_PACKET_EXPANSION];
    uint8_t plain[2 * GOSSIP_PACKET_EXPANSION];
    uint8_t bytes[2][64 << 10];
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

/* Walks a packet: how many messages, and what was wrong. */
static unsigned walk(struct bench *b, struct muster_bytes bytes, enum gossip_packet_err *err)
{
    struct gossip_packet p;
    struct muster_bytes message;
    unsigned count = 0;

    gossip_packet_open(&p, bytes, b->scratch, &b->decoder);
    while (gossip_packet_next(&p, &message))
        count++;
    *err = p.err;
    return count;
}

/* Puts a layer around bytes, into the buffer that they are not in. */
static struct muster_bytes wrap(struct bench *b, enum gossip_type type, struct muster_bytes inner)
{
    uint8_t *to = b->bytes[inner.data == b->bytes[0] ? 1 : 0];
    struct muster_writer out = muster_writer_over(to, sizeof b->bytes[0]);
    struct gossip_message m = { .type = GOSSIP_TYPE_COMPRESS };
    static uint8_t packed[64 << 10];
    uint32_t crc = muster_crc32(0, inner);
    size_t len;

    switch (type) {
    case GOSSIP_TYPE_CRC:
        muster_write_plain(&out, RAW("\x0c"));
        for (int shift = 24; shift >= 0; shift -= 8)
            muster_write_plain(&out, MUSTER_BYTES(&(uint8_t){ (uint8_t)(crc >> shift) }, 1));
        muster_write_plain(&out, inner);
        break;
    case GOSSIP_TYPE_COMPOUND:
        muster_write_plain(&out, RAW("\x07\x01"));
        muster_write_plain(&out, MUSTER_BYTES(&(uint8_t){ (uint8_t)(inner.len >> 8) }, 1));
        muster_write_plain(&out, MUSTER_BYTES(&(uint8_t){ (uint8_t)inner.len }, 1));
        muster_write_plain(&out, inner);
        break;
    default:
        assert_int_equal(gossip_lzw_compress(&b->encoder, inner, packed, sizeof packed, &len),
                         MUSTER_OK);
        m.packed.buffer = MUSTER_BYTES(packed, len);
        gossip_message_encode(&m, &out);
        break;
    }
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    return muster_writer_bytes(&out);
}

#define NACK RAW("\x0b\x81\245SeqNo\x01")

static void layers_in_every_legal_order_and_no_other(void **state)
{
    enum { C = GOSSIP_TYPE_COMPOUND, Z = GOSSIP_TYPE_COMPRESS, R = GOSSIP_TYPE_CRC };
    static const struct {
        int layer[7]; /* innermost first, 0 ends */
        unsigned messages;
        enum gossip_packet_err err;
    } cases[] = {
        { { 0 }, 1, GOSSIP_PACKET_OK },
        { { C }, 1, GOSSIP_PACKET_OK },
        { { Z }, 1, GOSSIP_PACKET_OK },
        { { R }, 1, GOSSIP_PACKET_OK },
        { { C, Z, R }, 1, GOSSIP_PACKET_OK },
        { { Z, C, R }, 1, GOSSIP_PACKET_OK },
        { { C, C, C, C }, 1, GOSSIP_PACKET_OK },
        { { Z, C, Z, C, R }, 1, GOSSIP_PACKET_OK },
        { { C, C, C, C, C }, 0, GOSSIP_PACKET_MALFORMED },
        { { Z, C, Z, C, Z }, 0, GOSSIP_PACKET_MALFORMED },
        { { R, Z }, 0, GOSSIP_PACKET_BAD_TYPE },
        { { R, C }, 0, GOSSIP_PACKET_BAD_TYPE },
        { { R, R }, 0, GOSSIP_PACKET_BAD_TYPE },
    };
    struct bench *b = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_bytes bytes = NACK;
        enum gossip_packet_err err;

        for (size_t n = 0; cases[i].layer[n] != 0; n++)
            bytes = wrap(b, (enum gossip_type)cases[i].layer[n], bytes);
        if (walk(b, bytes, &err) != cases[i].messages || err != cases[i].err)
            fail_msg("case %zu: error %d", i, err);
    }
}

static void cut_and_foreign_packets(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        unsigned messages;
        enum gossip_packet_err err;
    } cases[] = {
#define PACKET(literal, messages, err) { literal, sizeof(literal) - 1, messages, err }
        PACKET("\x07", 0, GOSSIP_PACKET_MALFORMED),
        PACKET("\x07\x03\x00\x05", 0, GOSSIP_PACKET_MALFORMED),
        PACKET("\x07\x00", 0, GOSSIP_PACKET_OK),
        /* the second part is cut: the first is good, the rest is lost */
        PACKET("\x07\x03\x00\x02\x00\x05\x00\x02\x0b\x80\x0b\x80", 1, GOSSIP_PACKET_MALFORMED),
        PACKET("\x07\x02\x00\x00\x00\x02\x0b\x80", 1, GOSSIP_PACKET_MALFORMED), /* an empty part */
        PACKET("\x07\x02\x00\x02\x00\x02\x0b\x80\x2a\x80", 1, GOSSIP_PACKET_BAD_TYPE),
        PACKET("\x0c\x00\x00\x00", 0, GOSSIP_PACKET_BAD_TYPE), /* too short for a checksum */
        PACKET("\x0c\x00\x00\x00\x00", 0, GOSSIP_PACKET_OK),   /* of nothing */
        PACKET("\x0c\x00\x00\x00\x01\x0b\x80", 0, GOSSIP_PACKET_BAD_CRC),
        PACKET("\x06\x80", 0, GOSSIP_PACKET_BAD_TYPE),
        PACKET("\x0d\x80", 0, GOSSIP_PACKET_BAD_TYPE),
        PACKET("\xf4\x01x\x0b\x80", 0, GOSSIP_PACKET_BAD_TYPE),
        PACKET("\x08 anything", 1, GOSSIP_PACKET_OK),
#undef PACKET
    };
    struct bench *b = *state;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        enum gossip_packet_err err;
        unsigned messages = walk(b, MUSTER_BYTES(cases[i].bytes, cases[i].len), &err);

        if (messages != cases[i].messages || err != cases[i].err)
            fail_msg("case %zu: %u messages, error %d", i, messages, err);
    }
}

/* What a packet may grow to is bounded, however it is wrapped: 1 MiB and not a byte more. */
static void a_packet_may_unpack_to_1_mib_and_no_more(void **state)
{
    static const struct {
        size_t size;
        unsigned messages;
    } cases[] = { { GOSSIP_PACKET_EXPANSION, 1 }, { GOSSIP_PACKET_EXPANSION + 1, 0 } };
    struct bench *b = *state;
    enum gossip_packet_err err;

    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        b->plain[0] = GOSSIP_TYPE_USER;
        assert_int_equal(
            walk(b, wrap(b, GOSSIP_TYPE_COMPRESS, MUSTER_BYTES(b->plain, cases[i].size)), &err),
            cases[i].messages);
        assert_int_equal(err, cases[i].messages == 1 ? GOSSIP_PACKET_OK : GOSSIP_PACKET_MALFORMED);
    }
}

/* Two parts of a compound that are fine alone but too much together. */
static void the_bound_holds_for_all_parts_together(void **state)
{
    struct bench *b = *state;
    struct muster_bytes half;
    uint8_t packet[GOSSIP_PACKET_MAX * 4];
    enum gossip_packet_err err;

    b->plain[0] = GOSSIP_TYPE_USER;
    half = wrap(b, GOSSIP_TYPE_COMPRESS, MUSTER_BYTES(b->plain, GOSSIP_PACKET_EXPANSION / 2 + 1));
    assert_true(6 + 2 * half.len <= sizeof packet);
    packet[0] = GOSSIP_TYPE_COMPOUND;
    packet[1] = 2;
    for (size_t i = 0; i < 2; i++) {
        packet[2 + 2 * i] = (uint8_t)(half.len >> 8);
        packet[3 + 2 * i] = (uint8_t)half.len;
        memcpy(packet + 6 + i * half.len, half.data, half.len);
    }
    assert_int_equal(walk(b, MUSTER_BYTES(packet, 6 + 2 * half.len), &err), 1);
    assert_int_equal(err, GOSSIP_PACKET_MALFORMED);
}

static size_t seal(struct bench *b, const struct gossip_parts *parts, bool crc, bool compress)
{
    struct gossip_seal how = { crc, compress, &b->encoder };

    return gossip_parts_seal(parts, &how, b->bytes[0]);
}

static void one_part_goes_bare_and_several_as_a_compound(void **state)
{
    struct bench *b = *state;
    struct gossip_parts parts;

    gossip_parts_init(&parts, 0);
    assert_true(gossip_parts_add(&parts, NACK));
    assert_true(muster_bytes_equal(MUSTER_BYTES(b->bytes[0], seal(b, &parts, false, true)), NACK));
    assert_true(muster_bytes_equal(MUSTER_BYTES(b->bytes[0], seal(b, &parts, true, true)),
                                   wrap(b, GOSSIP_TYPE_CRC, NACK)));
    assert_true(gossip_parts_add(&parts, RAW("\x08xyz")));
    assert_true(muster_bytes_equal(MUSTER_BYTES(b->bytes[0], seal(b, &parts, false, true)),
                                   RAW("\x07\x02\x00\x09\x00\x04\x0b\x81\245SeqNo\x01\x08xyz")));
}

/* Whatever is put in, all layers together stay within the datagram, and what was taken comes out.
 */
static void no_datagram_is_ever_too_large(void **state)
{
    static const struct {
        size_t len;
        uint64_t letters;
    } cases[] = { { 1, 256 }, { 8, 256 }, { 30, 256 }, { 300, 256 }, { 1024, 256 }, { 90, 3 } };
    struct bench *b = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 5);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        for (unsigned how = 0; how < 4; how++) {
            struct gossip_parts parts;
            enum gossip_packet_err err;
            size_t len;

            for (size_t n = 0; n < cases[i].len; n++)
                b->plain[n] = (uint8_t)muster_rng_below(&rng, cases[i].letters);
            b->plain[0] = GOSSIP_TYPE_USER;
            gossip_parts_init(&parts, 0);
            while (gossip_parts_add(&parts, MUSTER_BYTES(b->plain, cases[i].len)))
                assert_true(parts.count <= GOSSIP_PACKET_PARTS);
            len = seal(b, &parts, (how & 1) != 0, (how & 2) != 0);
            assert_true(len <= GOSSIP_PACKET_MAX);
            assert_int_equal(walk(b, MUSTER_BYTES(b->bytes[0], len), &err), parts.count);
            assert_int_equal(err, GOSSIP_PACKET_OK);
        }
    }
}

static void only_what_gets_smaller_is_packed(void **state)
{
    static const struct {
        size_t len;
        uint64_t letters;
        bool is_packed;
    } cases[] = { { 250, 2, false }, { 400, 256, false }, { 400, 4, true }, { 1000, 30, true } };
    struct bench *b = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 6);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_parts parts;
        size_t len;

        for (size_t n = 0; n < cases[i].len; n++)
            b->plain[n] = (uint8_t)muster_rng_below(&rng, cases[i].letters);
        b->plain[0] = GOSSIP_TYPE_USER;
        gossip_parts_init(&parts, 0);
        assert_true(gossip_parts_add(&parts, MUSTER_BYTES(b->plain, cases[i].len)));
        len = seal(b, &parts, false, true);
        assert_int_equal(b->bytes[0][0] == GOSSIP_TYPE_COMPRESS, cases[i].is_packed);
        assert_true(cases[i].is_packed ? len < cases[i].len : len == cases[i].len);
    }
}

static void noise_does_no_harm(void **state)
{
    struct bench *b = *state;
    struct muster_rng rng;

    muster_rng_seed(&rng, 8);
    for (unsigned round = 0; round < 20000; round++) {
        static const uint8_t opening[] = { 0x07, 0x09, 0x0c, 0x08, 0x04 };
        size_t len = (size_t)muster_rng_below(&rng, 120);
        uint8_t *exact = malloc(len + 1);
        enum gossip_packet_err err;

        assert_non_null(exact);
        for (size_t i = 0; i < len; i++)
            exact[i] = muster_rng_chance(&rng, 1, 3)
                           ? opening[muster_rng_below(&rng, sizeof opening)]
                           : (uint8_t)muster_rng_below(&rng, 40);
        (void)walk(b, MUSTER_BYTES(exact, len), &err);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_in_every_legal_order_and_no_other),
        cmocka_unit_test(cut_and_foreign_packets),
        cmocka_unit_test(a_packet_may_unpack_to_1_mib_and_no_more),
        cmocka_unit_test(the_bound_holds_for_all_parts_together),
        cmocka_unit_test(one_part_goes_bare_and_several_as_a_compound),
        cmocka_unit_test(no_datagram_is_ever_too_large),
        cmocka_unit_test(only_what_gets_smaller_is_packed),
        cmocka_unit_test(noise_does_no_harm),
    };

    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
