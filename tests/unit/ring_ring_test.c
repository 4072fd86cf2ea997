/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the ring: who may enter, under which number, and what may be asked. */
#include "ring/ring.h"

#include <string.h>

#include "base/hash.h"
#include "tests/unit/ring_reference.h"
#include "tests/unit/unit.h"

#define BITS  10
#define SLOTS (UINT32_C(1) << BITS)
#define NODES 12

static struct reference_id id[NODES];

static struct ring_node node_of(uint32_t i, uint32_t weight)
{
    return reference_ring_node(&id[i], i, weight, 0);
}

static struct ring *ring_of(uint32_t nodes, uint32_t nodes_max)
{
    struct ring_config c = { .bits = BITS, .replicas = 3, .nodes_max = nodes_max };
    struct ring *r;

    assert_int_equal(ring_open(&r, &c), MUSTER_OK);
    for (uint32_t i = 0; i < nodes; i++) {
        struct ring_node node = node_of(i, i + 1);

        assert_int_equal(ring_join(r, &node, NULL), MUSTER_OK);
    }
    return r;
}

static uint32_t changes(const struct ring *r)
{
    uint32_t n;

    (void)ring_changes(r, &n);
    return n;
}

/* All lists of a ring, to be compared as bytes. */
struct lists {
    uint16_t slot[SLOTS][RING_REPLICAS_MAX];
};

static void lists_take(struct lists *l, const struct ring *r)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        ring_prefer(r, slot, l->slot[slot]);
}

static void configurations_out_of_range_are_refused(void **state)
{
    static const struct {
        struct ring_config config;
        int err;
    } cases[] = {
        { { 5, 3, 10, false }, MUSTER_EINVAL },  { { 21, 3, 10, false }, MUSTER_EINVAL },
        { { 10, 0, 10, false }, MUSTER_EINVAL }, { { 10, 5, 10, false }, MUSTER_EINVAL },
        { { 10, 3, 0, false }, MUSTER_EINVAL },  { { 10, 3, 65535, false }, MUSTER_EINVAL },
        { { 10, 1, 1, false }, MUSTER_OK },      { { 10, 4, 65534, true }, MUSTER_OK },
        { { 6, 3, 10, false }, MUSTER_OK },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct ring *r = (struct ring *)&r;

        assert_int_equal(ring_open(&r, &cases[i].config), cases[i].err);
        assert_int_equal(r != NULL, cases[i].err == MUSTER_OK);
        ring_close(r);
    }
}

static void an_empty_ring_places_nothing(void **state)
{
    struct ring *r = ring_of(0, NODES);
    struct ring_node one = node_of(0, 5);
    uint16_t list[RING_REPLICAS_MAX];
    uint16_t order[RING_ORDER_MAX];

    (void)state;
    for (int round = 0; round < 2; round++) { /* never filled, and emptied again */
        assert_int_equal(ring_prefer(r, 7, list), 0);
        for (size_t i = 0; i < RING_REPLICAS_MAX; i++)
            assert_int_equal(list[i], RING_NONE);
        assert_int_equal(ring_order(r, 7, order), 0);
        assert_int_equal(ring_draw(r, muster_bytes_text("key"), 1), RING_NONE);
        assert_int_equal(ring_walk(r, 7, order, RING_ORDER_MAX), 0);
        assert_int_equal(ring_count(r), 0);
        assert_int_equal(ring_digest(r), muster_hash64(MUSTER_BYTES("", 0), BITS));
        assert_int_equal(ring_join(r, &one, NULL), MUSTER_OK);
        assert_int_equal(changes(r), SLOTS);
        assert_int_equal(ring_leave(r, one.id), MUSTER_OK);
        assert_int_equal(changes(r), SLOTS);
    }
    ring_close(r);
}

static void one_node_owns_everything(void **state)
{
    struct ring *r = ring_of(1, NODES);
    uint16_t list[RING_REPLICAS_MAX];

    (void)state;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        assert_int_equal(ring_prefer(r, slot, list), 1);
        assert_int_equal(list[0], 0);
        assert_int_equal(list[1], RING_NONE);
    }
    ring_close(r);
}

/* Two ids with one nid, made for the purpose; who comes second cannot take the first one's place.
   */
static const uint8_t twin[2][16] = {
    { 0xea, 0xab, 0xa7, 0x5e, 0xef, 0xe8, 0xef, 0x67, 0xe6, 0x2d, 0x9b, 0x1c, 0xa0, 0x03, 0xca,
      0xaf },
    { 0xeb, 0x88, 0xe2, 0x39, 0x66, 0x43, 0x22, 0x88, 0x09, 0xe0, 0x30, 0x95, 0xc7, 0x46, 0xe9,
      0xae },
};

/* Whatever is refused, the ring stays as it was, and so do the changes it told last. */
static void refusals_change_nothing(void **state)
{
    static const uint8_t long_id[RING_ID_MAX + 1];
    const struct ring_node one = { MUSTER_BYTES(twin[0], 16), 3, 0 };
    const struct ring_node other = { MUSTER_BYTES(twin[1], 16), 3, 0 };
    const struct {
        struct ring_node nodes[2];
        uint32_t n; /* 1: by ring_join too */
        int err;
    } cases[] = {
        { { { MUSTER_BYTES(long_id, 0), 1, 0 } }, 1, MUSTER_EINVAL },
        { { { MUSTER_BYTES(long_id, RING_ID_MAX + 1), 1, 0 } }, 1, MUSTER_EINVAL },
        { { { MUSTER_BYTES(long_id, 5), 65536, 0 } }, 1, MUSTER_EINVAL },
        { { other }, 1, MUSTER_EEXISTS },
        { { one, other }, 2, MUSTER_EEXISTS },
        { { one, one }, 2, MUSTER_EEXISTS },
    };
    struct lists *before = test_malloc(sizeof *before);
    struct lists *after = test_malloc(sizeof *after);
    struct ring *r = ring_of(5, 6);
    struct ring_node seventh = node_of(7, 7);
    uint32_t told;
    uint64_t digest;

    (void)state;
    assert_int_equal(ring_nid(one.id), ring_nid(other.id));
    assert_int_equal(ring_join(r, &one, NULL), MUSTER_OK);
    told = changes(r);
    digest = ring_digest(r);
    lists_take(before, r);
    assert_true(told > 0);
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_int_equal(ring_set(r, cases[i].nodes, cases[i].n, NULL), cases[i].err);
        if (cases[i].n == 1)
            assert_int_equal(ring_join(r, cases[i].nodes, NULL), cases[i].err);
    }
    assert_int_equal(ring_join(r, &seventh, NULL), MUSTER_EFULL);
    assert_int_equal(ring_leave(r, seventh.id), MUSTER_ENOTFOUND);
    assert_int_equal(ring_leave(r, other.id), MUSTER_ENOTFOUND);
    lists_take(after, r);
    assert_memory_equal(before, after, sizeof *before);
    assert_int_equal(changes(r), told);
    assert_int_equal(ring_digest(r), digest);
    ring_close(r);
    test_free(before);
    test_free(after);
}

static void too_many_at_once_are_refused(void **state)
{
    struct ring *r = ring_of(2, 3);
    struct ring_node nodes[4];
    uint16_t number[4];

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        nodes[i] = node_of(i, 1);
    assert_int_equal(ring_set(r, nodes, 4, number), MUSTER_EFULL);
    assert_int_equal(ring_count(r), 2);
    assert_int_equal(ring_set(r, nodes, 3, number), MUSTER_OK);
    assert_int_equal(ring_count(r), 3);
    ring_close(r);
}

static void what_is_known_already_is_no_change(void **state)
{
    struct ring *r = ring_of(6, NODES);
    struct ring_node nodes[6];
    uint16_t number[6];
    uint16_t again[6];

    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        nodes[i] = node_of(i, i + 1);
    assert_int_equal(ring_set(r, nodes, 6, number), MUSTER_OK);
    assert_int_equal(changes(r), 0);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(ring_join(r, &nodes[i], &again[i]), MUSTER_OK);
        assert_int_equal(changes(r), 0);
    }
    assert_memory_equal(number, again, sizeof number);
    ring_close(r);
}

/* A draining node holds nothing, counts nowhere and is in no digest, but keeps its number. */
static void weight_zero_drains(void **state)
{
    struct ring *r = ring_of(7, NODES);
    struct ring *without = ring_of(6, NODES);
    struct ring_node last = node_of(6, 0);
    uint16_t number;
    uint16_t list[RING_REPLICAS_MAX];

    (void)state;
    assert_int_equal(ring_join(r, &last, &number), MUSTER_OK);
    assert_int_equal(number, 6);
    assert_int_equal(ring_count(r), 6);
    assert_int_equal(ring_digest(r), ring_digest(without));
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        ring_prefer(r, slot, list);
        for (size_t i = 0; i < RING_REPLICAS_MAX; i++)
            assert_int_not_equal(list[i], number);
    }
    assert_int_equal(ring_leave(r, last.id), MUSTER_OK);
    assert_int_equal(changes(r), 0);
    ring_close(r);
    ring_close(without);
}

static void who_comes_back_gets_the_old_slots(void **state)
{
    struct lists *before = test_malloc(sizeof *before);
    struct lists *after = test_malloc(sizeof *after);
    struct ring *r = ring_of(10, 10);

    (void)state;
    lists_take(before, r);
    for (uint32_t i = 0; i < 10; i++) {
        struct ring_node node = node_of(i, i + 1);
        uint16_t number;

        assert_int_equal(ring_leave(r, node.id), MUSTER_OK);
        assert_int_equal(ring_join(r, &node, &number), MUSTER_OK);
        assert_int_equal(number, i); /* the only one free */
        lists_take(after, r);
        assert_memory_equal(before, after, sizeof *before);
    }
    ring_close(r);
    test_free(before);
    test_free(after);
}

static void numbers_rest_before_they_serve_again(void **state)
{
    struct ring *r = ring_of(4, 6);
    uint16_t number;

    (void)state;
    for (uint16_t round = 0; round < 12; round++) {
        struct ring_node node = node_of(round % 4, 9);

        assert_int_equal(ring_leave(r, node.id), MUSTER_OK);
        assert_int_equal(ring_join(r, &node, &number), MUSTER_OK);
        assert_int_equal(number, (4 + round) % 6);
    }
    ring_close(r);
}

static void the_digest_knows_weights_and_bits_only(void **state)
{
    struct ring_config wide = { .bits = BITS + 1, .replicas = 3, .nodes_max = NODES };
    struct ring *r = ring_of(0, NODES);
    struct ring *straight = ring_of(8, NODES);
    struct ring *other;
    struct ring_node node;

    (void)state;
    for (uint32_t i = 8; i-- > 0;) {
        node = node_of(i, i + 1);
        assert_int_equal(ring_join(r, &node, NULL), MUSTER_OK);
    }
    assert_int_equal(ring_digest(r), ring_digest(straight));
    node = node_of(3, 99);
    assert_int_equal(ring_join(r, &node, NULL), MUSTER_OK);
    assert_int_not_equal(ring_digest(r), ring_digest(straight));
    assert_int_equal(ring_open(&other, &wide), MUSTER_OK);
    for (uint32_t i = 0; i < 8; i++) {
        node = node_of(i, i + 1);
        assert_int_equal(ring_join(other, &node, NULL), MUSTER_OK);
    }
    assert_int_not_equal(ring_digest(other), ring_digest(straight));
    ring_close(r);
    ring_close(straight);
    ring_close(other);
}

static void orders_agree(const struct ring *a, const struct ring *b)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint16_t of_a[RING_ORDER_MAX], of_b[RING_ORDER_MAX];
        uint32_t n = ring_order(a, slot, of_a), m = ring_order(b, slot, of_b);

        assert_true(n >= ring_prefer(b, slot, of_b) && ring_order(b, slot, of_b) == m);
        for (uint32_t i = 0; i < n && i < m; i++)
            assert_int_equal(of_a[i], of_b[i]);
    }
}

/* What rests is read as before, wakes for a change, and does not wake for none. */
static void a_ring_that_rests_is_the_same_ring(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= NODES; n++) {
        struct ring *r = ring_of(n, n), *other = ring_of(n, n);
        struct ring_node node[NODES];

        for (uint32_t i = 0; i < n; i++)
            node[i] = node_of(i, i + 1);
        ring_rest(r);
        orders_agree(r, other);
        assert_int_equal(ring_set(r, node, n, NULL), MUSTER_OK);
        assert_int_equal(changes(r), 0);
        orders_agree(r, other);
        assert_int_equal(ring_leave(r, node[0].id), MUSTER_OK);
        assert_int_equal(ring_leave(other, node[0].id), MUSTER_OK);
        orders_agree(r, other);
        ring_rest(r);
        ring_rest(r);
        assert_int_equal(ring_join(r, &node[0], NULL), MUSTER_OK);
        assert_int_equal(ring_join(other, &node[0], NULL), MUSTER_OK);
        orders_agree(r, other);
        ring_close(r);
        ring_close(other);
    }
}

static void the_walk_goes_on_where_the_order_ends(void **state)
{
    struct ring *r = ring_of(NODES, NODES);

    (void)state;
    for (uint32_t slot = 0; slot < SLOTS; slot += 37) {
        uint16_t list[RING_REPLICAS_MAX];
        uint16_t order[RING_ORDER_MAX];
        uint16_t walk[NODES + 5];
        uint16_t start[4];
        uint32_t n = ring_order(r, slot, order);
        uint32_t seen = 0;

        assert_in_range(n, 3, 5);
        assert_int_equal(ring_prefer(r, slot, list), 3);
        assert_int_equal(ring_walk(r, slot, walk, NODES + 5), NODES);
        assert_memory_equal(walk, order, n * sizeof *walk);
        assert_memory_equal(walk, list, 3 * sizeof *walk);
        for (uint32_t i = 0; i < NODES; i++)
            seen |= UINT32_C(1) << walk[i];
        assert_int_equal(seen, (UINT32_C(1) << NODES) - 1);
        assert_int_equal(ring_walk(r, slot, start, 4), 4);
        assert_memory_equal(walk, start, sizeof start);
        assert_int_equal(ring_walk(r, slot, start, 0), 0);
    }
    ring_close(r);
}

static void draws_are_owners_of_other_slots(void **state)
{
    struct ring *r = ring_of(NODES, NODES);
    struct muster_bytes key = muster_bytes_text("feed-reader");

    (void)state;
    for (uint32_t i = 1; i <= RING_DRAWS; i++) {
        uint64_t hash = muster_hash64(key, UINT64_C(0x6d75737465724b) + i);
        uint16_t list[RING_REPLICAS_MAX];

        ring_prefer(r, (uint32_t)(hash >> (64 - BITS)), list);
        assert_int_equal(ring_draw(r, key, i), list[0]);
    }
    ring_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_out_of_range_are_refused),
        cmocka_unit_test(an_empty_ring_places_nothing),
        cmocka_unit_test(one_node_owns_everything),
        cmocka_unit_test(refusals_change_nothing),
        cmocka_unit_test(too_many_at_once_are_refused),
        cmocka_unit_test(what_is_known_already_is_no_change),
        cmocka_unit_test(weight_zero_drains),
        cmocka_unit_test(who_comes_back_gets_the_old_slots),
        cmocka_unit_test(numbers_rest_before_they_serve_again),
        cmocka_unit_test(the_digest_knows_weights_and_bits_only),
        cmocka_unit_test(a_ring_that_rests_is_the_same_ring),
        cmocka_unit_test(the_walk_goes_on_where_the_order_ends),
        cmocka_unit_test(draws_are_owners_of_other_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
