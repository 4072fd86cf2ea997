/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas run out politely, pools give again what came back, a foreign object stops the process. */
#include "base/arena.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static bool all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void what_is_taken_is_aligned_zeroed_and_apart(void **state)
{
    static const size_t sizes[] = { 1, 15, 16, 17, 100, 3 };
    struct muster_arena a;
    uint8_t *last_end = NULL;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 1024), MUSTER_OK);
    for (size_t i = 0; i < UNIT_COUNT(sizes); i++) {
        uint8_t *taken = muster_arena_take(&a, 1, sizes[i]);

        assert_non_null(taken);
        assert_int_equal((uintptr_t)taken % 16, 0);
        assert_true(taken >= last_end);
        assert_true(all_zero(taken, sizes[i]));
        memset(taken, 0xff, sizes[i]);
        last_end = taken + sizes[i];
    }
    muster_arena_close(&a);
    assert_null(a.block);
}

static void an_arena_ends_where_it_ends(void **state)
{
    struct muster_arena a;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 64), MUSTER_OK);
    assert_null(muster_arena_take(&a, 65, 1));
    assert_non_null(muster_arena_take(&a, 3, 16));
    assert_null(muster_arena_take(&a, 17, 1));
    assert_non_null(muster_arena_take(&a, 1, 16));
    assert_null(muster_arena_take(&a, 1, 1));
    assert_non_null(muster_arena_take(&a, 0, 8));
    muster_arena_close(&a);
}

static void a_size_that_overflows_is_just_too_large(void **state)
{
    struct muster_arena a;
    struct muster_pool p;

    (void)state;
    assert_int_equal(muster_arena_open(&a, SIZE_MAX), MUSTER_EFULL);
    assert_int_equal(muster_arena_open(&a, 64), MUSTER_OK);
    assert_null(muster_arena_take(&a, SIZE_MAX / 2, 3));
    assert_null(muster_arena_take(&a, SIZE_MAX / 16 + 1, 16)); /* wraps around to nothing */
    assert_null(muster_arena_take(&a, 1, SIZE_MAX));
    assert_null(muster_arena_take(&a, 1, SIZE_MAX - 15));
    assert_int_equal(muster_pool_init(&p, &a, 5, 16), MUSTER_EFULL);
    muster_arena_close(&a);
}

static void a_pool_gives_all_takes_back_and_gives_again(void **state)
{
    enum { COUNT = 5, EACH = 24 };
    struct muster_arena a;
    struct muster_pool p;
    uint8_t *taken[COUNT];

    (void)state;
    assert_int_equal(muster_arena_open(&a, 1024), MUSTER_OK);
    assert_int_equal(muster_pool_init(&p, &a, COUNT, EACH), MUSTER_OK);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            taken[i] = muster_pool_take(&p);
            assert_non_null(taken[i]);
            assert_true(all_zero(taken[i], EACH));
            memset(taken[i], 0xee, EACH);
            for (int j = 0; j < i; j++)
                assert_ptr_not_equal(taken[i], taken[j]);
        }
        assert_null(muster_pool_take(&p));
        assert_int_equal(p.used, COUNT);
        for (int i = 0; i < COUNT; i++)
            muster_pool_give(&p, taken[(i * 2) % COUNT]);
        assert_int_equal(p.used, 0);
    }
    muster_arena_close(&a);
}

static void small_objects_still_hold_the_link(void **state)
{
    struct muster_arena a;
    struct muster_pool p;
    uint8_t *first;
    uint8_t *second;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 64), MUSTER_OK);
    assert_int_equal(muster_pool_init(&p, &a, 2, 1), MUSTER_OK);
    first = muster_pool_take(&p);
    second = muster_pool_take(&p);
    *first = 1;
    *second = 2;
    muster_pool_give(&p, first);
    assert_int_equal(*second, 2);
    assert_ptr_equal(muster_pool_take(&p), first);
    muster_arena_close(&a);
}

/* Whether giving `object` back aborts; tried in a child, because it should. */
/* How many of the pages that lie wholly in the pool are in memory. */
static size_t pages_of(const struct muster_pool *p)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)p->block + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)p->block + p->count * p->size_each) & ~(page - 1);
    uint8_t there[512];
    size_t count = (end - begin) / page, in_memory = 0;

    assert_true(count <= sizeof there);
    assert_int_equal(mincore((void *)begin, end - begin, there), 0);
    for (size_t i = 0; i < count; i++)
        in_memory += there[i] & 1;
    return in_memory;
}

static void an_empty_pool_gives_its_pages_back(void **state)
{
    enum { COUNT = 4096, EACH = 128 };
    static uint8_t *taken[COUNT];
    struct muster_arena a;
    struct muster_pool p;

    (void)state;
    assert_int_equal(muster_arena_open(&a, COUNT * EACH), MUSTER_OK);
    assert_int_equal(muster_pool_init(&p, &a, COUNT, EACH), MUSTER_OK);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            taken[i] = muster_pool_take(&p);
            assert_non_null(taken[i]);
            assert_true(all_zero(taken[i], EACH));
            memset(taken[i], 0xff, EACH);
        }
        assert_null(muster_pool_take(&p));
        assert_true(pages_of(&p) > COUNT * EACH / 8192);
        for (uint32_t i = 0; i < COUNT; i++)
            muster_pool_give(&p, taken[i]);
        assert_int_equal(p.used, 0);
        assert_int_equal(pages_of(&p), 0);
    }
    muster_arena_close(&a);
}

static bool give_aborts(struct muster_pool *p, void *object)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        muster_pool_give(p, object);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_foreign_object_is_a_bug(void **state)
{
    struct muster_arena a;
    struct muster_pool p;
    uint8_t *mine;
    uint8_t *foreign;

    (void)state;
    assert_int_equal(muster_arena_open(&a, 1024), MUSTER_OK);
    foreign = muster_arena_take(&a, 1, 32);
    assert_int_equal(muster_pool_init(&p, &a, 4, 32), MUSTER_OK);
    mine = muster_pool_take(&p);
    assert_true(give_aborts(&p, foreign));
    assert_true(give_aborts(&p, NULL));
    assert_true(give_aborts(&p, mine + 16));
    assert_true(give_aborts(&p, mine + 4 * 32));
    assert_false(give_aborts(&p, mine));
    muster_pool_give(&p, mine);
    assert_true(give_aborts(&p, mine));
    muster_arena_close(&a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_aligned_zeroed_and_apart),
        cmocka_unit_test(an_arena_ends_where_it_ends),
        cmocka_unit_test(a_size_that_overflows_is_just_too_large),
        cmocka_unit_test(a_pool_gives_all_takes_back_and_gives_again),
        cmocka_unit_test(an_empty_pool_gives_its_pages_back),
        cmocka_unit_test(small_objects_still_hold_the_link),
        cmocka_unit_test(a_foreign_object_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
