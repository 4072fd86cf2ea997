/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM against NIST's own numbers, and against whoever changes a bit. */
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "tests/unit/unit.h"

struct known {
    const char *key, *nonce, *open, *plain, *sealed, *tag;
};

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 2, 4, 10 and 16. */
#define GCM_PLAIN                                                                                  \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6" \
    "b525b16aedf5aa0de657ba637b39"
#define GCM_KEY  "feffe9928665731c6d6a8f9467308308"
#define GCM_OPEN "feedfacedeadbeeffeedfacedeadbeefabaddad2"

static const struct known known[] = {
    { "00000000000000000000000000000000", "000000000000000000000000", "",
      "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
      "ab6e47d42cec13bdf53a67b21257bddf" },
    { GCM_KEY, "cafebabefacedbaddecaf888", GCM_OPEN, GCM_PLAIN,
      "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84"
      "aa051ba30b396a0aac973d58e091",
      "5bc94fbc3221a5db94fae95ae7121a47" },
    { GCM_KEY "feffe9928665731c", "cafebabefacedbaddecaf888", GCM_OPEN, GCM_PLAIN,
      "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a"
      "3f4718e2448b2fe324d9ccda2710",
      "2519498e80f1478f37ba55bd6d27618c" },
    { GCM_KEY GCM_KEY, "cafebabefacedbaddecaf888", GCM_OPEN, GCM_PLAIN,
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682"
      "8"
      "838c5f61e6393ba7a0abcc9f662",
      "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static struct muster_bytes hex(uint8_t *out, const char *text)
{
    assert_true(muster_hex_read(out, strlen(text) / 2, text));
    return MUSTER_BYTES(out, strlen(text) / 2);
}

static void known_numbers_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(known); i++) {
        uint8_t key[32], open[64], body[64], want[64], tag[16], want_tag[16];
        struct muster_bytes plain = hex(body, known[i].plain), opened = hex(open, known[i].open);
        struct muster_aead_frame whole = { .open = { opened, { 0 } } };
        struct muster_aead_frame halves = { .open = { { open, opened.len / 3 },
                                                      { open + opened.len / 3,
                                                        opened.len - opened.len / 3 } } };
        struct muster_aead a;

        assert_int_equal(muster_aead_open(&a, hex(key, known[i].key)), MUSTER_OK);
        (void)hex(whole.nonce, known[i].nonce);
        memcpy(halves.nonce, whole.nonce, sizeof halves.nonce);
        muster_aead_seal(&a, &whole, body, plain.len, tag);
        assert_memory_equal(body, hex(want, known[i].sealed).data, plain.len);
        assert_memory_equal(tag, hex(want_tag, known[i].tag).data, sizeof tag);
        assert_int_equal(muster_aead_unseal(&a, &halves, body, plain.len, tag), MUSTER_OK);
        assert_memory_equal(body, hex(want, known[i].plain).data, plain.len);
        muster_aead_close(&a);
    }
}

static void one_bit_changed_anywhere_is_refused(void **state)
{
    static const char text[] = "who is here, and where";
    uint8_t key[16], open[5] = { 10, 0, 0, 0, 51 }, body[sizeof text], tag[16];
    struct muster_aead_frame frame = { .nonce = { 1 }, .open = { { open, sizeof open } } };
    struct muster_aead a;
    uint8_t *const place[] = { body, tag, open, frame.nonce };
    const size_t len[] = { sizeof body, sizeof tag, sizeof open, sizeof frame.nonce };

    (void)state;
    muster_random(key, sizeof key);
    assert_int_equal(muster_aead_open(&a, MUSTER_BYTES(key, sizeof key)), MUSTER_OK);
    for (unsigned p = 0; p < 4; p++) {
        for (size_t bit = 0; bit < 8 * len[p]; bit++) {
            memcpy(body, text, sizeof text);
            muster_aead_seal(&a, &frame, body, sizeof body, tag);
            place[p][bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(muster_aead_unseal(&a, &frame, body, sizeof body, tag),
                             MUSTER_EDENIED);
            if (p >= 2)
                place[p][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    muster_aead_close(&a);
}

static void only_three_lengths_are_keys(void **state)
{
    uint8_t key[64] = { 0 };
    struct muster_aead a;

    (void)state;
    for (size_t len = 0; len <= sizeof key; len++) {
        bool is_good = len == 16 || len == 24 || len == 32;

        assert_int_equal(muster_aead_open(&a, MUSTER_BYTES(key, len)),
                         is_good ? MUSTER_OK : MUSTER_EINVAL);
        muster_aead_close(&a);
        muster_aead_close(&a); /* twice is fine */
    }
}

static void nothing_at_all_can_be_sealed(void **state)
{
    uint8_t key[32] = { 7 }, body[1] = { 0 }, tag[16];
    struct muster_aead_frame frame = { .nonce = { 2 } };
    struct muster_aead a;

    (void)state;
    assert_int_equal(muster_aead_open(&a, MUSTER_BYTES(key, sizeof key)), MUSTER_OK);
    muster_aead_seal(&a, &frame, body, 0, tag);
    assert_int_equal(muster_aead_unseal(&a, &frame, body, 0, tag), MUSTER_OK);
    tag[0] ^= 1;
    assert_int_equal(muster_aead_unseal(&a, &frame, body, 0, tag), MUSTER_EDENIED);
    muster_aead_close(&a);
}

static void sha256_is_the_one_of_the_standard(void **state)
{
    uint8_t have[MUSTER_SHA256], want[MUSTER_SHA256];

    (void)state;
    muster_sha256(muster_bytes_text("abc"), have);
    (void)hex(want, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_memory_equal(have, want, sizeof have);
}

/* The third of the RFC's cases, which has neither salt nor info, and the first, which has both. */
static void hkdf_is_the_one_of_the_rfc(void **state)
{
    uint8_t secret[22], salt[13], info[10], have[42], want[42];

    (void)state;
    memset(secret, 0x0b, sizeof secret);
    for (size_t i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof info; i++)
        info[i] = (uint8_t)(0xf0 + i);
    muster_hkdf(MUSTER_BYTES(secret, sizeof secret), MUSTER_BYTES(salt, sizeof salt),
                MUSTER_BYTES(info, sizeof info), have, sizeof have);
    (void)hex(want, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                    "34007208d5b887185865");
    assert_memory_equal(have, want, sizeof have);
    muster_hkdf(MUSTER_BYTES(secret, sizeof secret), MUSTER_BYTES(NULL, 0), MUSTER_BYTES(NULL, 0),
                have, sizeof have);
    (void)hex(want, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                    "9d201395faa4b61a96c8");
    assert_memory_equal(have, want, sizeof have);
}

static void sha256_of_parts_is_that_of_the_whole(void **state)
{
    uint8_t have[MUSTER_SHA256], want[MUSTER_SHA256], bytes[1000];
    struct muster_sha256 s;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    muster_sha256(MUSTER_BYTES(bytes, sizeof bytes), want);
    for (size_t part = 1; part <= sizeof bytes; part = 3 * part + 1) {
        assert_int_equal(muster_sha256_begin(&s), MUSTER_OK);
        for (size_t at = 0; at < sizeof bytes; at += part)
            muster_sha256_add(
                &s, MUSTER_BYTES(bytes + at, at + part < sizeof bytes ? part : sizeof bytes - at));
        muster_sha256_end(&s, have);
        assert_memory_equal(have, want, sizeof have);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_numbers_come_out),
        cmocka_unit_test(one_bit_changed_anywhere_is_refused),
        cmocka_unit_test(only_three_lengths_are_keys),
        cmocka_unit_test(sha256_is_the_one_of_the_standard),
        cmocka_unit_test(hkdf_is_the_one_of_the_rfc),
        cmocka_unit_test(sha256_of_parts_is_that_of_the_whole),
        cmocka_unit_test(nothing_at_all_can_be_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
