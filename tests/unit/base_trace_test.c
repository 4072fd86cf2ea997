/* SPDX-License-Identifier: Apache-2.0 */
/* The newest lines are kept, and the hash remembers all of them. */
#include "base/trace.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

struct fixture {
    struct muster_arena arena;
    struct muster_trace a;
    struct muster_trace b;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_int_equal(muster_arena_open(&f->arena, 4096), MUSTER_OK);
    assert_int_equal(muster_trace_init(&f->a, &f->arena, 3), MUSTER_OK);
    assert_int_equal(muster_trace_init(&f->b, &f->arena, 4), MUSTER_OK);
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

static void assert_prints(const struct muster_trace *t, const char *expected)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);

    assert_non_null(out);
    muster_trace_print(t, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(printed, expected);
    free(printed);
}

static void the_newest_lines_are_printed_oldest_first(void **state)
{
    struct fixture *f = *state;

    assert_prints(&f->a, "");
    muster_trace_add(&f->a, 5, "probe %s", "n1");
    muster_trace_add(&f->a, 60, "ack %s", "n1");
    assert_prints(&f->a, "         5 probe n1\n        60 ack n1\n");
    muster_trace_add(&f->a, 61, "third");
    muster_trace_add(&f->a, 62, "fourth");
    assert_prints(&f->a, "1 earlier lines are gone\n"
                         "        60 ack n1\n        61 third\n        62 fourth\n");
    assert_int_equal(f->a.count, 4);
}

static void equal_histories_have_equal_hashes(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 100; i++) {
        muster_trace_add(&f->a, i, "step %u", i);
        muster_trace_add(&f->b, i, "step %u", i);
        assert_int_equal(f->a.hash, f->b.hash);
    }
}

static void every_difference_shows_in_the_hash(void **state)
{
    struct fixture *f = *state;
    uint64_t hash;

    muster_trace_add(&f->a, 1, "one");
    muster_trace_add(&f->b, 2, "one"); /* another time */
    assert_int_not_equal(f->a.hash, f->b.hash);
    hash = f->a.hash;
    muster_trace_add(&f->a, 2, "%s", ""); /* an empty line is a line */
    assert_int_not_equal(f->a.hash, hash);
    f->a.hash = f->b.hash = 0;
    muster_trace_add(&f->a, 3, "x");
    muster_trace_add(&f->b, 3, "y"); /* once apart, equal lines do not bring them together */
    muster_trace_add(&f->a, 4, "z");
    muster_trace_add(&f->b, 4, "z");
    assert_int_not_equal(f->a.hash, f->b.hash);
    f->a.hash = f->b.hash = 0;
    muster_trace_add(&f->a, 3, "x");
    muster_trace_add(&f->a, 3, "y");
    muster_trace_add(&f->b, 3, "y"); /* another order */
    muster_trace_add(&f->b, 3, "x");
    assert_int_not_equal(f->a.hash, f->b.hash);
    f->a.hash = f->b.hash = 0;
    muster_trace_add(&f->a, 3, "xy");
    muster_trace_add(&f->b, 3, "x"); /* another cut */
    muster_trace_add(&f->b, 3, "y");
    assert_int_not_equal(f->a.hash, f->b.hash);
}

static void a_long_line_is_cut(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 3; i++)
        muster_trace_add(&f->a, 7, "older lines, which no hash may see again");
    f->a.hash = 0;
    muster_trace_add(&f->a, 7, "%0200d", 0);
    muster_trace_add(&f->b, 7, "%0200d", 0);
    assert_int_equal(strlen(f->a.line[0]), MUSTER_TRACE_LINE - 1);
    assert_int_equal(f->a.hash, f->b.hash);
    muster_trace_add(&f->a, UINT64_MAX, "%s", "still alive");
    assert_string_equal(f->a.line[1], "18446744073709551615 still alive");
}

static void a_trace_without_a_ring_still_hashes(void **state)
{
    struct fixture *f = *state;
    struct muster_trace none;

    assert_int_equal(muster_trace_init(&none, &f->arena, 0), MUSTER_OK);
    muster_trace_add(&none, 1, "one");
    muster_trace_add(&f->a, 1, "one");
    assert_int_equal(none.hash, f->a.hash);
    assert_prints(&none, "1 earlier lines are gone\n");
}

static void a_trace_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct muster_trace large;

    assert_int_equal(muster_trace_init(&large, &f->arena, 1000), MUSTER_EFULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_lines_are_printed_oldest_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(equal_histories_have_equal_hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_difference_shows_in_the_hash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_without_a_ring_still_hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_that_does_not_fit_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
