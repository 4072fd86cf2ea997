/* SPDX-License-Identifier: Apache-2.0 */
/* Golden vectors: the same members give the same places on every node, build and architecture. */
#include "ring/build.h"
#include "ring/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

#define GOLDEN_BITS 10

static const struct {
    const char *name;
    uint32_t weight;
    uint64_t nid;
    uint32_t primaries;
} golden[] = {
    { "alpha", 1, 0x1bc13375eeed6d4d, 35 },    { "bravo", 2, 0x01d98371db6861cf, 81 },
    { "charlie", 4, 0x9cc66d298977f361, 126 }, { "delta", 8, 0x00ba7fd5cba3fd55, 264 },
    { "echo", 16, 0x0ee931270b5d208e, 518 },
};

enum { ALPHA, BRAVO, CHARLIE, DELTA, ECHO_, GOLDEN_NODES };

static struct ring *golden_open(uint16_t number[GOLDEN_NODES])
{
    struct ring_config c = { .bits = GOLDEN_BITS, .replicas = 3, .nodes_max = 16 };
    struct ring_node nodes[GOLDEN_NODES];
    struct ring *r;

    for (size_t i = 0; i < GOLDEN_NODES; i++)
        nodes[i] = (struct ring_node){ muster_bytes_text(golden[i].name), golden[i].weight, 0 };
    assert_int_equal(ring_open(&r, &c), MUSTER_OK);
    assert_int_equal(ring_set(r, nodes, GOLDEN_NODES, number), MUSTER_OK);
    return r;
}

/* Which of the golden nodes has this number. */
static unsigned golden_index(const uint16_t number[GOLDEN_NODES], uint16_t wanted)
{
    unsigned i = 0;

    while (i < GOLDEN_NODES && number[i] != wanted)
        i++;
    assert_true(i < GOLDEN_NODES);
    return i;
}

static void names_become_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_NODES; i++)
        assert_int_equal(ring_nid(muster_bytes_text(golden[i].name)), golden[i].nid);
}

static void slots_are_those_of_the_page(void **state)
{
    static const struct {
        uint32_t slot;
        unsigned list[3];
    } cases[] = {
        { 0, { ECHO_, CHARLIE, DELTA } }, { 1, { DELTA, CHARLIE, ECHO_ } },
        { 2, { ALPHA, DELTA, ECHO_ } },   { 255, { CHARLIE, DELTA, ECHO_ } },
        { 512, { ECHO_, DELTA, ALPHA } }, { 1023, { ECHO_, CHARLIE, DELTA } },
    };
    uint16_t number[GOLDEN_NODES];
    struct ring *r = golden_open(number);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        uint16_t list[RING_REPLICAS_MAX];

        assert_int_equal(ring_prefer(r, cases[i].slot, list), 3);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(golden_index(number, list[k]), cases[i].list[k]);
        assert_int_equal(list[3], RING_NONE);
    }
    ring_close(r);
}

static void every_slot_is_that_of_the_page(void **state)
{
    uint32_t primaries[GOLDEN_NODES] = { 0 };
    uint16_t number[GOLDEN_NODES];
    struct ring *r = golden_open(number);
    uint64_t hash = REFERENCE_FNV;

    (void)state;
    for (uint32_t slot = 0; slot < UINT32_C(1) << GOLDEN_BITS; slot++) {
        uint16_t list[RING_REPLICAS_MAX];

        assert_int_equal(ring_prefer(r, slot, list), 3);
        primaries[golden_index(number, list[0])]++;
        for (size_t k = 0; k < 3; k++)
            hash = reference_fnv(hash, golden_index(number, list[k]));
    }
    for (size_t i = 0; i < GOLDEN_NODES; i++)
        assert_int_equal(primaries[i], golden[i].primaries);
    assert_int_equal(hash, 0x17149e8134c51461);
    ring_close(r);
}

static void keys_find_their_lists(void **state)
{
    static const struct {
        const char *key;
        uint64_t hash;
        uint32_t slot;
        unsigned list[3];
    } cases[] = {
        { "job-1", 0xf0888a7c2547e2c2, 962, { BRAVO, CHARLIE, ECHO_ } },
        { "job-2", 0x33180f7c31ff2596, 204, { DELTA, ECHO_, BRAVO } },
        { "job-3", 0x7bd482799be0bc35, 495, { ECHO_, BRAVO, DELTA } },
    };
    uint16_t number[GOLDEN_NODES];
    struct ring *r = golden_open(number);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_bytes key = muster_bytes_text(cases[i].key);
        uint16_t list[RING_REPLICAS_MAX];

        assert_int_equal(muster_hash64(key, 0x6d75737465724b), cases[i].hash);
        assert_int_equal(ring_slot(r, key), cases[i].slot);
        assert_int_equal(ring_slot_of_hash(r, cases[i].hash), cases[i].slot);
        assert_int_equal(ring_prefer(r, cases[i].slot, list), 3);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(golden_index(number, list[k]), cases[i].list[k]);
    }
    ring_close(r);
}

/* Twelve bytes a member in the order of their nids: delta bravo echo alpha charlie. */
static void the_digest_is_over_sorted_members(void **state)
{
    static const unsigned sorted[] = { DELTA, BRAVO, ECHO_, ALPHA, CHARLIE };
    uint8_t record[GOLDEN_NODES * 12] = { 0 };
    uint16_t number[GOLDEN_NODES];
    struct ring *r = golden_open(number);

    (void)state;
    for (size_t i = 0; i < GOLDEN_NODES; i++) {
        for (size_t k = 0; k < 8; k++)
            record[12 * i + k] = (uint8_t)(golden[sorted[i]].nid >> 8 * k);
        record[12 * i + 8] = (uint8_t)golden[sorted[i]].weight;
    }
    assert_int_equal(ring_digest(r),
                     muster_hash64(MUSTER_BYTES(record, sizeof record), GOLDEN_BITS));
    ring_close(r);
}

/* ---- sets given by nid, below the door: K and the windows must not show in the result */

static const struct golden_set {
    uint32_t bits;
    uint32_t n;
    uint64_t state; /* of splitmix64; 0: the named nodes */
    uint32_t weights;
    uint64_t hash;
} sets[] = {
    { 10, GOLDEN_NODES, 0, 0, 0x17149e8134c51461 },
    { 12, 60, 2024, 64, 0x7aa8597bea0af6ce },
    { 12, 300, 2025, 1000, 0x0911c72043bd8a81 },
};

#define SET_NODES_MAX 300

static void set_nodes(const struct golden_set *set, struct reference_node *node)
{
    if (set->state != 0)
        reference_nodes(node, set->n, set->state, set->weights);
    for (uint32_t i = 0; set->state == 0 && i < set->n; i++)
        node[i] = (struct reference_node){ golden[i].nid, golden[i].weight, 0 };
}

struct built {
    struct muster_arena arena;
    struct ring_entrant entrant[SET_NODES_MAX];
    uint16_t number[SET_NODES_MAX];
    struct ring_table table;
};

static void built_open(struct built *b, const struct golden_set *set,
                       const struct reference_node *node, uint32_t keep, uint32_t window)
{
    struct ring_table_config c = {
        .bits = set->bits,
        .replicas = 3,
        .keep = keep,
        .window_darts = window,
        .nodes_max = set->n,
    };
    struct ring_field field = { .number = b->number, .n = set->n };

    for (uint32_t i = 0; i < set->n; i++) {
        b->entrant[i] =
            (struct ring_entrant){ .nid = node[i].nid, .weight = (uint16_t)node[i].weight };
        b->number[i] = (uint16_t)i;
        field.weight += node[i].weight;
    }
    assert_int_equal(muster_arena_open(&b->arena, ring_table_size(&c)), MUSTER_OK);
    assert_int_equal(ring_table_init(&b->table, &b->arena, &c, b->entrant), MUSTER_OK);
    ring_table_begin(&b->table);
    ring_build(&b->table, &field);
    ring_table_publish(&b->table);
}

static void neither_k_nor_windows_show(void **state)
{
    static const uint32_t keeps[] = { 4, 5, 6, 8, 16 };
    static struct reference_node node[SET_NODES_MAX];
    struct built *b = test_malloc(sizeof *b);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(sets); i++) {
        uint32_t slots = UINT32_C(1) << sets[i].bits;
        const uint32_t windows[] = { slots / 16, slots, 4 * slots };

        set_nodes(&sets[i], node);
        for (size_t k = 0; k < UNIT_COUNT(keeps) * UNIT_COUNT(windows); k++) {
            uint64_t hash = REFERENCE_FNV;

            built_open(b, &sets[i], node, keeps[k / 3], windows[k % 3]);
            assert_int_equal(b->table.change_count, slots);
            for (uint32_t slot = 0; slot < slots; slot++)
                for (size_t e = 0; e < 3; e++)
                    hash = reference_fnv(hash, b->table.list[slot].node[e]);
            assert_int_equal(hash, sets[i].hash);
            muster_arena_close(&b->arena);
        }
    }
    test_free(b);
}

static void brute_force_agrees(void **state)
{
    static struct reference_node node[SET_NODES_MAX];
    struct built *b = test_malloc(sizeof *b);

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(sets); i++) {
        struct reference reference;
        uint64_t hash = REFERENCE_FNV;

        set_nodes(&sets[i], node);
        reference_open(&reference, sets[i].bits, node, sets[i].n, 5, 0);
        built_open(b, &sets[i], node, 5, UINT32_C(1) << sets[i].bits);
        for (uint32_t slot = 0; slot < UINT32_C(1) << sets[i].bits; slot++) {
            uint32_t right[5];
            uint16_t order[RING_ORDER_MAX];
            uint32_t n = ring_table_order(&b->table, slot, order);

            assert_int_equal(reference_order(&reference, slot, right, 5), 5);
            assert_in_range(n, 3, 5);
            for (uint32_t k = 0; k < n; k++)
                assert_int_equal(order[k], right[k]);
            for (size_t k = 0; k < 3; k++)
                hash = reference_fnv(hash, right[k]);
        }
        assert_int_equal(hash, sets[i].hash);
        muster_arena_close(&b->arena);
        reference_close(&reference);
    }
    test_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_numbers),
        cmocka_unit_test(slots_are_those_of_the_page),
        cmocka_unit_test(every_slot_is_that_of_the_page),
        cmocka_unit_test(keys_find_their_lists),
        cmocka_unit_test(the_digest_is_over_sorted_members),
        cmocka_unit_test(neither_k_nor_windows_show),
        cmocka_unit_test(brute_force_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
