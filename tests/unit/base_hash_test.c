/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and checksums pinned for ever, and a map held against a plain list. */
#include "base/hash.h"

#include <string.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

static void hashes_are_pinned(void **state)
{
    (void)state;
    assert_int_equal(muster_hash64(MUSTER_BYTES(NULL, 0), 0), 0x2d06800538d394c2);
    assert_int_equal(muster_hash64(muster_bytes_text("muster"), 0), 0x77c5b4d7e32f82c4);
    assert_int_not_equal(muster_hash64(muster_bytes_text("muster"), 1), 0x77c5b4d7e32f82c4);
}

static void checksums_are_the_published_ones(void **state)
{
    static const uint8_t zeros[32] = { 0 };
    uint8_t ones[32];

    (void)state;
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(muster_crc32(0, MUSTER_BYTES(NULL, 0)), 0);
    assert_int_equal(muster_crc32(0, muster_bytes_text("123456789")), 0xcbf43926);
    assert_int_equal(muster_crc32(0, MUSTER_BYTES(zeros, sizeof zeros)), 0x190a55ad);
    /* RFC 3720, B.4 */
    assert_int_equal(muster_crc32c(0, MUSTER_BYTES(NULL, 0)), 0);
    assert_int_equal(muster_crc32c(0, muster_bytes_text("123456789")), 0xe3069283);
    assert_int_equal(muster_crc32c(0, MUSTER_BYTES(zeros, sizeof zeros)), 0x8a9136aa);
    assert_int_equal(muster_crc32c(0, MUSTER_BYTES(ones, sizeof ones)), 0x62a8ab43);
}

/* The definition, bit by bit. */
static uint32_t crc_by_definition(uint32_t polynomial, const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
    }
    return ~crc;
}

static void checksums_agree_with_their_definition(void **state)
{
    struct muster_rng luck;
    uint8_t noise[67];

    (void)state;
    muster_rng_seed(&luck, 1);
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)muster_rng_next(&luck);
        for (size_t len = 0; len <= sizeof noise; len++) {
            struct muster_bytes bytes = MUSTER_BYTES(noise, len);

            assert_int_equal(muster_crc32(0, bytes), crc_by_definition(0xedb88320, noise, len));
            assert_int_equal(muster_crc32c(0, bytes), crc_by_definition(0x82f63b78, noise, len));
        }
    }
}

static void a_checksum_may_be_taken_in_pieces(void **state)
{
    struct muster_bytes whole = muster_bytes_text("a quorum is a majority of the bench");

    (void)state;
    for (size_t cut = 0; cut <= whole.len; cut++) {
        struct muster_bytes head = MUSTER_BYTES(whole.data, cut);
        struct muster_bytes tail = MUSTER_BYTES(whole.data + cut, whole.len - cut);

        assert_int_equal(muster_crc32(muster_crc32(0, head), tail), muster_crc32(0, whole));
        assert_int_equal(muster_crc32c(muster_crc32c(0, head), tail), muster_crc32c(0, whole));
    }
}

static bool map_has(const struct muster_map *m, uint64_t hash, uint32_t wanted)
{
    uint32_t cursor = 0;
    uint32_t value;

    while (muster_map_find(m, hash, &cursor, &value))
        if (value == wanted)
            return true;
    return false;
}

static uint32_t map_count(const struct muster_map *m, uint64_t hash)
{
    uint32_t cursor = 0;
    uint32_t value;
    uint32_t found = 0;

    while (muster_map_find(m, hash, &cursor, &value))
        found++;
    return found;
}

static void a_map_ends_at_its_capacity(void **state)
{
    static const uint32_t capacities[] = { 0, 1, 7, 8, 100, 896, 897 };
    struct muster_arena a;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(capacities); i++) {
        struct muster_map m;

        assert_int_equal(muster_arena_open(&a, 1u << 16), MUSTER_OK);
        assert_int_equal(muster_map_init(&m, &a, capacities[i]), MUSTER_OK);
        for (uint32_t n = 0; n < capacities[i]; n++)
            assert_int_equal(muster_map_put(&m, n % 10, n), MUSTER_OK);
        assert_int_equal(muster_map_put(&m, 1, 1), MUSTER_EFULL);
        assert_true(m.count <= (m.mask + 1) / 8 * 7);
        for (uint32_t n = 0; n < capacities[i]; n++)
            assert_true(map_has(&m, n % 10, n));
        assert_false(map_has(&m, 11, 0));
        muster_arena_close(&a);
    }
}

static void a_map_that_does_not_fit_is_refused(void **state)
{
    struct muster_arena a;
    struct muster_map m;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 64), MUSTER_OK);
    assert_int_equal(muster_map_init(&m, &a, 1000), MUSTER_EFULL);
    assert_int_equal(muster_map_init(&m, &a, UINT32_MAX), MUSTER_EFULL);
    assert_int_equal(muster_map_open(&m, UINT32_MAX), MUSTER_EFULL);
    muster_arena_close(&a);
}

static void a_growing_map_keeps_everything_up_to_its_maximum(void **state)
{
    enum { MAX = 1000 };
    struct muster_map m;

    (void)state;
    assert_int_equal(muster_map_open(&m, 0), MUSTER_OK);
    for (uint32_t n = 0; n < MAX; n++)
        assert_int_equal(muster_map_put_growing(&m, n * 0x9e3779b97f4a7c15u, n, MAX), MUSTER_OK);
    assert_int_equal(muster_map_put_growing(&m, 5, 5, MAX), MUSTER_EFULL);
    for (uint32_t n = 0; n < MAX; n++)
        assert_true(map_has(&m, n * 0x9e3779b97f4a7c15u, n));
    assert_int_equal(m.count, MAX);
    muster_map_close(&m);
    assert_null(m.hash);
}

/* Few homes and many removals: the entries behind each gap must move back. */
static void a_map_agrees_with_a_plain_list(void **state)
{
    enum { N = 56 };
    bool present[N] = { false };
    uint64_t hash[N];
    struct muster_rng luck;
    struct muster_arena a;
    struct muster_map m;

    (void)state;
    muster_rng_seed(&luck, 2);
    assert_int_equal(muster_arena_open(&a, 1u << 12), MUSTER_OK);
    assert_int_equal(muster_map_init(&m, &a, N), MUSTER_OK);
    for (int turn = 0; turn < 20000; turn++) {
        uint32_t n = (uint32_t)muster_rng_below(&luck, N);
        uint32_t expected = 0;

        if (present[n]) {
            muster_map_remove(&m, hash[n], n);
        } else {
            hash[n] = muster_rng_below(&luck, 70); /* around the table's end as well */
            assert_int_equal(muster_map_put(&m, hash[n], n), MUSTER_OK);
        }
        present[n] = !present[n];
        for (uint32_t i = 0; i < N; i++) {
            assert_true(!present[i] || map_has(&m, hash[i], i));
            expected += present[i] && hash[i] == hash[n];
        }
        assert_int_equal(map_count(&m, hash[n]), expected);
    }
    muster_arena_close(&a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_pinned),
        cmocka_unit_test(checksums_are_the_published_ones),
        cmocka_unit_test(checksums_agree_with_their_definition),
        cmocka_unit_test(a_checksum_may_be_taken_in_pieces),
        cmocka_unit_test(a_map_ends_at_its_capacity),
        cmocka_unit_test(a_map_that_does_not_fit_is_refused),
        cmocka_unit_test(a_growing_map_keeps_everything_up_to_its_maximum),
        cmocka_unit_test(a_map_agrees_with_a_plain_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
