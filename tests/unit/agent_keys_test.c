/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as people and files write them, marks, and keys on their way. */
#include <stdlib.h>
#include <string.h>

#include "agent/keys.h"
#include "tests/unit/unit.h"

#define KEY_A    "X+e1OUHSNE15gg9ERpH4Aj5QQePivk9EPUL6keYRWMs="
#define KEY_B    "uhlLcvOYJg+vauq/MImJrQ=="
#define KEY_C    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define KEY_ZERO "AAAAAAAAAAAAAAAAAAAAAA=="

static void a_key_is_read_and_written_the_same(void **state)
{
    static const struct {
        const char *text;
        uint8_t len;
    } good[] = { { KEY_A, 32 }, { KEY_B, 16 }, { KEY_C, 24 }, { KEY_ZERO, 16 } };
    char text[GOSSIP_KEY_TEXT];
    struct agent_key key;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(good); i++) {
        assert_true(agent_key_read(&key, good[i].text));
        assert_int_equal(key.len, good[i].len);
        assert_string_equal(gossip_key_text(MUSTER_BYTES(key.byte, key.len), text), good[i].text);
    }
    assert_true(agent_key_read(&key, KEY_C));
    for (uint8_t i = 0; i < 24; i++)
        assert_int_equal(key.byte[i], i);
}

static void what_is_no_key_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "abcd",
        "uhlLcvOYJg+vauq/MImJrQ",
        "uhlLcvOYJg+vauq/MImJrQ=",
        "uhlLcvOYJg+vauq/MImJrQ===",
        "uhlLcvOYJg+vauq/MImJrR==", /* bits that are no part of a byte */
        "uhlLcvOYJg-vauq_MImJrQ==",
        " " KEY_B,
        KEY_B "\n",
        "uhlLcvOYJg+vauq/MImJ",
        KEY_A KEY_A,
    };
    struct agent_key key;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(bad); i++)
        assert_false(agent_key_read(&key, bad[i]));
}

static int ring_of(struct gossip_keyring *ring, const char *text)
{
    gossip_keyring_close(ring);
    return agent_keys_read(ring, muster_bytes_text(text));
}

static void a_ring_is_a_list_or_one_key(void **state)
{
    struct gossip_keyring ring = { .count = 0 };
    struct muster_text text;

    (void)state;
    assert_int_equal(ring_of(&ring, KEY_A), MUSTER_OK);
    assert_int_equal(ring.count, 1);
    assert_int_equal(ring_of(&ring, " \n" KEY_B "\r\n"), MUSTER_OK);
    assert_int_equal(ring.key[0].len, 16);
    assert_int_equal(ring_of(&ring, "[\"" KEY_A "\", \"" KEY_B "\",\n\"" KEY_C "\"]\n"), MUSTER_OK);
    assert_int_equal(ring.count, 3);
    muster_text_open(&text, AGENT_KEYS_TEXT);
    agent_keys_write(&ring, &text);
    assert_string_equal(text.data, "[\n  \"" KEY_A "\",\n  \"" KEY_B "\",\n  \"" KEY_C "\"\n]\n");
    assert_int_equal(ring_of(&ring, text.data), MUSTER_OK);
    assert_int_equal(ring.key[2].len, 24);
    muster_text_close(&text);
    gossip_keyring_close(&ring);
}

static void what_is_no_ring_is_refused(void **state)
{
    static const char *const bad[] = { "",
                                       " \n",
                                       "key",
                                       "[\"x\"]",
                                       "[1]",
                                       "[\"" KEY_A "\"",
                                       "{\"a\":1}",
                                       "[[\"a\"]]",
                                       KEY_A " " KEY_B,
                                       "[null]",
                                       "[\"" KEY_A "\"] x" };
    struct gossip_keyring ring = { .count = 0 };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(bad); i++)
        assert_int_not_equal(ring_of(&ring, bad[i]), MUSTER_OK);
    gossip_keyring_close(&ring);
}

static void a_full_ring_of_the_longest_keys_fits_its_file(void **state)
{
    struct gossip_keyring ring = { .count = 0 };
    struct muster_text text;

    (void)state;
    for (uint8_t i = 0; i < GOSSIP_KEYS_MAX; i++) {
        uint8_t key[32] = { i };

        assert_int_equal(gossip_keyring_install(&ring, MUSTER_BYTES(key, 32)), MUSTER_OK);
    }
    muster_text_open(&text, AGENT_KEYS_TEXT);
    agent_keys_write(&ring, &text);
    assert_int_equal(text.err, MUSTER_OK);
    muster_text_close(&text);
    gossip_keyring_close(&ring);
}

static void a_word_means_a_key_or_the_mark_of_one(void **state)
{
    struct gossip_keyring ring = { .count = 0 };
    char mark[AGENT_KEY_MARK];
    struct agent_key key;

    (void)state;
    assert_int_equal(ring_of(&ring, "[\"" KEY_A "\", \"" KEY_B "\"]"), MUSTER_OK);
    (void)agent_key_mark(gossip_keyring_at(&ring, 1), mark);
    assert_int_equal(strlen(mark), AGENT_KEY_MARK - 1);
    for (size_t len = 4; len < AGENT_KEY_MARK; len++) {
        mark[len] = '\0';
        assert_true(agent_keys_find(&ring, mark, &key));
        assert_int_equal(key.len, 16);
        (void)agent_key_mark(gossip_keyring_at(&ring, 1), mark);
    }
    mark[3] = '\0';
    assert_false(agent_keys_find(&ring, mark, &key)); /* too short to mean it */
    assert_false(agent_keys_find(&ring, "", &key));
    assert_false(agent_keys_find(&ring, "0000", &key));
    assert_true(agent_keys_find(&ring, KEY_C, &key)); /* need not be there */
    gossip_keyring_close(&ring);
}

static void a_key_travels_sealed(void **state)
{
    struct gossip_keyring here = { .count = 0 }, there = { .count = 0 };
    const uint8_t nonce[MUSTER_AEAD_NONCE] = { 1, 2, 3 };
    uint8_t sealed[AGENT_KEY_SEALED_MAX];
    struct agent_key key, back;
    size_t len;

    (void)state;
    assert_int_equal(ring_of(&here, "[\"" KEY_A "\"]"), MUSTER_OK);
    assert_int_equal(ring_of(&there, "[\"" KEY_C "\", \"" KEY_A "\"]"), MUSTER_OK);
    assert_true(agent_key_read(&key, KEY_B));
    len = agent_keys_seal(&here, nonce, &key, sealed);
    assert_null(memmem(sealed, len, key.byte, key.len));
    assert_int_equal(agent_keys_unseal(&there, MUSTER_BYTES(sealed, len), &back), MUSTER_OK);
    assert_int_equal(back.len, key.len);
    assert_memory_equal(back.byte, key.byte, key.len);
    assert_int_equal(agent_keys_unseal(&there, MUSTER_BYTES(sealed, len - 1), &back),
                     MUSTER_EINVAL);
    assert_int_equal(agent_keys_unseal(&there, MUSTER_BYTES(sealed, 3), &back), MUSTER_EINVAL);
    sealed[20] ^= 1;
    assert_int_equal(agent_keys_unseal(&there, MUSTER_BYTES(sealed, len), &back), MUSTER_EDENIED);
    gossip_keyring_close(&here);
    gossip_keyring_close(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read_and_written_the_same),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(a_ring_is_a_list_or_one_key),
        cmocka_unit_test(what_is_no_ring_is_refused),
        cmocka_unit_test(a_full_ring_of_the_longest_keys_fits_its_file),
        cmocka_unit_test(a_word_means_a_key_or_the_mark_of_one),
        cmocka_unit_test(a_key_travels_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
