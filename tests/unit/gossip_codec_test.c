/* SPDX-License-Identifier: Apache-2.0 */
/* Message bodies in every form a peer may write them, and those that must be refused. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gossip/codec.h"
#include "tests/unit/unit.h"

/* Keys with their msgpack headers, those in octal: a hex escape would swallow letters behind it. */
#define ADDR        "\244Addr"
#define FROM        "\244From"
#define INCARNATION "\253Incarnation"
#define META        "\244Meta"
#define NODE        "\244Node"
#define PORT        "\244Port"
#define SEQ_NO      "\245SeqNo"
#define VSN         "\243Vsn"

#define ALIVE                                                                                      \
    "\x04\x86" ADDR "\xa4\x7f\0\0\x01" INCARNATION "\x01" META "\xc0" NODE "\241b" PORT            \
    "\xcd\x1f\x0a" VSN "\xa6\x01\x05\x02\0\0\0"

/* Bytes as a string literal, without its NUL. */
#define RAW(literal) MUSTER_BYTES(literal, sizeof(literal) - 1)

static int decode(struct gossip_message *m, struct muster_bytes bytes)
{
    struct muster_reader in = muster_reader_over(bytes);

    return gossip_message_decode(m, &in);
}

static void assert_text(struct muster_bytes have, const char *want)
{
    assert_true(muster_bytes_equal(have, muster_bytes_text(want)));
}

/* The same accusation, said in all the ways a decoder must understand. */
static void one_accusation_in_many_forms(void **state)
{
    const struct {
        const char *what;
        struct muster_bytes bytes;
    } cases[] = {
        { "as peers write it", RAW("\x03\x83" FROM "\xa2s2" INCARNATION "\x07" NODE "\xa1z") },
        { "keys in another order", RAW("\x03\x83" NODE "\xa1z" FROM "\xa2s2" INCARNATION "\x07") },
        { "an unknown key in between",
          RAW("\x03\x84" FROM
              "\xa2s2\243Foo\x93\x01\xc0\x81\x01\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18" INCARNATION
              "\x07" NODE "\xa1z") },
        { "keys as str8",
          RAW("\x03\x83\xd9\004From\xa2s2\xd9\013Incarnation\x07\xd9\004Node\xa1z") },
        { "texts as str8", RAW("\x03\x83" FROM "\xd9\x02s2" INCARNATION "\x07" NODE "\xd9\x01z") },
        { "texts as raw16", RAW("\x03\x83" FROM "\xda\x00\x02s2" INCARNATION "\x07" NODE "\xa1z") },
        { "texts as bin8", RAW("\x03\x83" FROM "\xc4\x02s2" INCARNATION "\x07" NODE "\xa1z") },
        { "uint8", RAW("\x03\x83" FROM "\xa2s2" INCARNATION "\xcc\x07" NODE "\xa1z") },
        { "uint64",
          RAW("\x03\x83" FROM "\xa2s2" INCARNATION "\xcf\0\0\0\0\0\0\0\x07" NODE "\xa1z") },
        { "int8", RAW("\x03\x83" FROM "\xa2s2" INCARNATION "\xd0\x07" NODE "\xa1z") },
        { "int32", RAW("\x03\x83" FROM "\xa2s2" INCARNATION "\xd2\0\0\0\x07" NODE "\xa1z") },
        { "a map16", RAW("\x03\xde\x00\x03" FROM "\xa2s2" INCARNATION "\x07" NODE "\xa1z") },
        { "an array in field order", RAW("\x03\x93\x07\xa1z\xa2s2") },
        { "a longer array from a newer peer", RAW("\x03\x94\x07\xa1z\xa2s2\x81\x01\x02") },
        { "bytes behind it", RAW("\x03\x93\x07\xa1z\xa2s2 and more") },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m;
        int err = decode(&m, cases[i].bytes);

        if (err != MUSTER_OK)
            fail_msg("%s: %s", cases[i].what, muster_err_name(err));
        assert_int_equal(m.type, GOSSIP_TYPE_SUSPECT);
        assert_int_equal(m.accusation.incarnation, 7);
        assert_text(m.accusation.node, "z");
        assert_text(m.accusation.from, "s2");
    }
}

static void what_is_missing_or_nil_is_empty(void **state)
{
    struct gossip_message m;

    (void)state;
    assert_int_equal(decode(&m, RAW("\x03\x80")), MUSTER_OK);
    assert_int_equal(m.accusation.node.len, 0);
    assert_int_equal(m.accusation.incarnation, 0);
    assert_int_equal(decode(&m, RAW("\x03\x82" NODE "\xc0" INCARNATION "\xc0")), MUSTER_OK);
    assert_null(m.accusation.node.data);
    /* Keys are case sensitive: another spelling is another key. */
    assert_int_equal(decode(&m, RAW("\x03\x81\244node\xa1z")), MUSTER_OK);
    assert_int_equal(m.accusation.node.len, 0);
    /* An empty byte field is not the same as none. */
    assert_int_equal(decode(&m, RAW("\x02\x81\247Payload\xa0")), MUSTER_OK);
    assert_non_null(m.ack.payload.data);
}

static void versions_may_come_as_an_array_of_numbers(void **state)
{
    struct gossip_message m;

    (void)state;
    assert_int_equal(decode(&m, RAW("\x04\x81" VSN "\x96\x01\xcc\x05\x02\x02\x05\xd0\x05")),
                     MUSTER_OK);
    assert_true(muster_bytes_equal(m.alive.vsn, RAW("\x01\x05\x02\x02\x05\x05")));
    assert_int_equal(decode(&m, RAW("\x04\x81" VSN "\x91\xcd\x01\x00")), MUSTER_ERANGE);
    /* and so may an address, in the same message */
    assert_int_equal(decode(&m, RAW("\x04\x82" ADDR "\x94\x0a\x00\x00\x07" VSN "\x92\x01\x05")),
                     MUSTER_OK);
    assert_true(muster_bytes_equal(m.alive.addr, RAW("\x0a\x00\x00\x07")));
    assert_true(muster_bytes_equal(m.alive.vsn, RAW("\x01\x05")));
}

static void what_must_be_refused(void **state)
{
    const struct {
        const char *what;
        struct muster_bytes bytes;
    } cases[] = {
        { "nothing", RAW("") },
        { "a type without a map", RAW("\x07\x80") },
        { "a type nobody knows", RAW("\x2a\x80") },
        { "no body", RAW("\x03") },
        { "a body that is no map", RAW("\x03\xa1z") },
        { "a number that does not fit", RAW("\x03\x81" INCARNATION "\xcf\0\0\0\x01\0\0\0\0") },
        { "a negative one", RAW("\x03\x81" INCARNATION "\xff") },
        { "a port that does not fit", RAW("\x04\x81" PORT "\xce\x00\x01\x00\x00") },
        { "a text where a number belongs", RAW("\x03\x81" INCARNATION "\xa1z") },
        { "a number where a text belongs", RAW("\x03\x81" NODE "\x07") },
        { "a text longer than the rest", RAW("\x03\x81" NODE "\xdb\x7f\xff\xff\xffz") },
        { "more entries than 64", RAW("\x03\xde\x00\101\241a\x01\241b\x01\241c\x01") },
        { "a number as a key", RAW("\x03\x81\x01\x02") },
        { "a value nested deeper than 8",
          RAW("\x03\x81\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01") },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct gossip_message m;

        if (decode(&m, cases[i].bytes) == MUSTER_OK)
            fail_msg("accepted: %s", cases[i].what);
    }
}

/* The compact forms a peer expects from us: what is empty is left out, or nil. */
static void our_own_messages(void **state)
{
    uint8_t buffer[GOSSIP_MESSAGE_MAX];
    struct muster_writer out = muster_writer_over(buffer, sizeof buffer);
    struct gossip_message ping = { .type = GOSSIP_TYPE_PING };
    struct gossip_message alive = { .type = GOSSIP_TYPE_ALIVE };

    (void)state;
    ping.ping.seq = 200;
    ping.ping.node = muster_bytes_text("b");
    gossip_message_encode(&ping, &out);
    assert_true(muster_bytes_equal(muster_writer_bytes(&out),
                                   RAW("\x00\x82" NODE "\241b" SEQ_NO "\xcc\xc8")));

    out = muster_writer_over(buffer, sizeof buffer);
    alive.alive.incarnation = 1;
    alive.alive.node = muster_bytes_text("b");
    alive.alive.addr = RAW("\x7f\0\0\x01");
    alive.alive.port = 7946;
    alive.alive.vsn = RAW("\x01\x05\x02\0\0\0");
    gossip_message_encode(&alive, &out);
    assert_true(muster_bytes_equal(muster_writer_bytes(&out), RAW(ALIVE)));
}

/* Broken copies of a good message and plain noise: refused or read, never past the end. */
static void noise_does_no_harm(void **state)
{
    const struct muster_bytes good = RAW(ALIVE);
    struct muster_rng rng;
    uint8_t bytes[80];

    (void)state;
    assert_true(good.len <= sizeof bytes);
    muster_rng_seed(&rng, 7);
    for (unsigned round = 0; round < 50000; round++) {
        size_t len = (size_t)muster_rng_between(&rng, 1, good.len);
        struct gossip_message m;
        struct gossip_entry e;
        struct muster_reader in = muster_reader_over(MUSTER_BYTES(bytes, len));

        memcpy(bytes, good.data, good.len);
        for (uint64_t n = muster_rng_between(&rng, 1, 6); n > 0; n--)
            bytes[muster_rng_below(&rng, len)] = (uint8_t)muster_rng_next(&rng);
        bytes[0] = (uint8_t)muster_rng_below(&rng, 15);
        if (decode(&m, MUSTER_BYTES(bytes, len)) == MUSTER_OK)
            assert_true(m.type <= GOSSIP_TYPE_ERROR);
        (void)!gossip_entry_decode(&e, &in);
    }
}

/* Every cut of a message is short, and every buffer that is too small is full; in exactly as much
 * memory, so that a sanitizer sees a byte too far. */
static void no_byte_too_far(void **state)
{
    const struct muster_bytes good = RAW(ALIVE);
    struct gossip_message m;

    (void)state;
    assert_int_equal(decode(&m, good), MUSTER_OK);
    for (size_t len = 0; len < good.len; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        struct gossip_message cut;
        struct muster_writer out;

        assert_non_null(exact);
        memcpy(exact, good.data, len);
        assert_int_equal(decode(&cut, MUSTER_BYTES(exact, len)), MUSTER_ESHORT);
        out = muster_writer_over(exact, len);
        gossip_message_encode(&m, &out);
        assert_int_equal(muster_writer_err(&out), MUSTER_EFULL);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_accusation_in_many_forms),
        cmocka_unit_test(what_is_missing_or_nil_is_empty),
        cmocka_unit_test(versions_may_come_as_an_array_of_numbers),
        cmocka_unit_test(what_must_be_refused),
        cmocka_unit_test(our_own_messages),
        cmocka_unit_test(noise_does_no_harm),
        cmocka_unit_test(no_byte_too_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
