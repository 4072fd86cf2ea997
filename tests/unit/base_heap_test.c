/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines come out in order, equal ones in the order they came in. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/rng.h"
#include "tests/unit/unit.h"

#define CAPACITY 64

struct fixture {
    struct muster_arena arena;
    struct muster_heap heap;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(muster_arena_open(&f->arena, 4096), MUSTER_OK);
    assert_int_equal(muster_heap_init(&f->heap, &f->arena, CAPACITY), MUSTER_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    muster_arena_close(&f->arena);
    free(f);
    return 0;
}

static struct muster_heap *heap_of(void **state)
{
    return &((struct fixture *)*state)->heap;
}

static void an_empty_heap_has_no_deadline(void **state)
{
    struct muster_heap *h = heap_of(state);
    uint32_t number = 77;

    assert_int_equal(muster_heap_first_key(h), UINT64_MAX);
    assert_false(muster_heap_take(h, UINT64_MAX, &number));
    assert_int_equal(number, 77);
    assert_false(muster_heap_has(h, 0));
    muster_heap_remove(h, 0);
    assert_int_equal(h->count, 0);
}

static void nothing_is_taken_before_its_time(void **state)
{
    struct muster_heap *h = heap_of(state);
    uint32_t number;

    muster_heap_set(h, 3, 100);
    muster_heap_set(h, 4, 50);
    assert_int_equal(muster_heap_first_key(h), 50);
    assert_false(muster_heap_take(h, 49, &number));
    assert_true(muster_heap_take(h, 50, &number));
    assert_int_equal(number, 4);
    assert_false(muster_heap_has(h, 4));
    assert_false(muster_heap_take(h, 99, &number));
    assert_true(muster_heap_take(h, 1000, &number));
    assert_int_equal(number, 3);
}

static void equal_deadlines_come_in_order_of_arrival(void **state)
{
    struct muster_heap *h = heap_of(state);
    uint32_t number;

    for (uint32_t n = CAPACITY; n > 0; n--)
        muster_heap_set(h, n - 1, 7);
    muster_heap_set(h, 10, 7); /* set again: a new arrival, so the last one */
    for (uint32_t n = CAPACITY; n > 0; n--)
        if (n - 1 != 10) {
            assert_true(muster_heap_take(h, 7, &number));
            assert_int_equal(number, n - 1);
        }
    assert_true(muster_heap_take(h, 7, &number));
    assert_int_equal(number, 10);
    assert_int_equal(h->count, 0);
}

static void a_deadline_moves_both_ways(void **state)
{
    struct muster_heap *h = heap_of(state);
    uint32_t number;

    muster_heap_set(h, 0, 10);
    muster_heap_set(h, 1, 20);
    muster_heap_set(h, 2, 30);
    muster_heap_set(h, 2, 5);
    assert_int_equal(muster_heap_first_key(h), 5);
    muster_heap_set(h, 2, 40);
    assert_int_equal(muster_heap_first_key(h), 10);
    muster_heap_remove(h, 0);
    assert_true(muster_heap_take(h, UINT64_MAX, &number));
    assert_int_equal(number, 1);
    assert_int_equal(h->count, 1);
}

static void a_heap_that_does_not_fit_is_refused(void **state)
{
    struct muster_arena a;
    struct muster_heap h;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 256), MUSTER_OK);
    assert_int_equal(muster_heap_init(&h, &a, 100), MUSTER_EFULL);
    muster_arena_close(&a);
}

/* The number that should come first, found by looking at all of them. */
static uint32_t first_by_looking(const uint64_t *key, const uint64_t *arrival, const bool *present)
{
    uint32_t first = UINT32_MAX;

    for (uint32_t n = 0; n < CAPACITY; n++)
        if (present[n] && (first == UINT32_MAX || key[n] < key[first] ||
                           (key[n] == key[first] && arrival[n] < arrival[first])))
            first = n;
    return first;
}

static void a_heap_agrees_with_a_plain_list(void **state)
{
    struct muster_heap *h = heap_of(state);
    uint64_t key[CAPACITY] = { 0 };
    uint64_t arrival[CAPACITY] = { 0 };
    bool present[CAPACITY] = { false };
    struct muster_rng luck;

    muster_rng_seed(&luck, 3);
    for (uint64_t turn = 0; turn < 20000; turn++) {
        uint32_t n = (uint32_t)muster_rng_below(&luck, CAPACITY);
        uint32_t first = first_by_looking(key, arrival, present);
        uint32_t number = UINT32_MAX;

        assert_int_equal(muster_heap_first_key(h), first == UINT32_MAX ? UINT64_MAX : key[first]);
        switch (muster_rng_below(&luck, 4)) {
        case 0:
            muster_heap_remove(h, n);
            present[n] = false;
            break;
        case 1:
            assert_int_equal(muster_heap_take(h, 20, &number),
                             first != UINT32_MAX && key[first] <= 20);
            if (number != UINT32_MAX) {
                assert_int_equal(number, first);
                present[number] = false;
            }
            break;
        default:
            key[n] = muster_rng_below(&luck, 40);
            arrival[n] = turn;
            present[n] = true;
            muster_heap_set(h, n, key[n]);
            break;
        }
        assert_int_equal(muster_heap_has(h, n), present[n]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_heap_has_no_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_taken_before_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_deadlines_come_in_order_of_arrival, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_moves_both_ways, set_up, tear_down),
        cmocka_unit_test(a_heap_that_does_not_fit_is_refused),
        cmocka_unit_test_setup_teardown(a_heap_agrees_with_a_plain_list, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
