/* SPDX-License-Identifier: Apache-2.0 */
/* Text grows to its maximum and not a byte further, and its first error stays. */
#include "base/text.h"

#include <string.h>

#include "tests/unit/unit.h"

static void words_are_joined(void **state)
{
    struct muster_text t;

    (void)state;
    muster_text_open(&t, 1000);
    assert_int_equal(muster_text_bytes(&t).len, 0);
    muster_text_add(&t, "%s has %d ", "bench", 3);
    muster_text_add_bytes(&t, muster_bytes_text("seats"));
    muster_text_add(&t, "%s", "");
    assert_int_equal(t.err, MUSTER_OK);
    assert_string_equal(t.data, "bench has 3 seats");
    assert_int_equal(t.len, strlen(t.data));
    muster_text_clear(&t);
    assert_string_equal(t.data, "");
    muster_text_add(&t, "again");
    assert_string_equal(t.data, "again");
    muster_text_close(&t);
    assert_null(t.data);
}

static void long_text_grows_and_stays_whole(void **state)
{
    struct muster_text t;

    (void)state;
    muster_text_open(&t, 100000);
    for (unsigned i = 0; i < 10000; i++) {
        muster_text_add(&t, "%04u,", i);
        assert_int_equal(t.len, 5 * (i + 1));
        assert_int_equal(t.data[t.len], '\0');
    }
    assert_int_equal(t.err, MUSTER_OK);
    assert_memory_equal(t.data + 5 * 9999, "9999,", 6);
    assert_memory_equal(t.data, "0000,0001,", 10);
    muster_text_close(&t);
}

static void one_huge_word_fits_at_once(void **state)
{
    struct muster_text t;

    (void)state;
    muster_text_open(&t, 5000);
    muster_text_add(&t, "<%4000d>", 7);
    assert_int_equal(t.len, 4002);
    assert_int_equal(t.data[4001], '>');
    muster_text_close(&t);
}

static void the_maximum_is_exact_and_its_error_stays(void **state)
{
    struct muster_text t;

    (void)state;
    muster_text_open(&t, 10);
    muster_text_add(&t, "%s", "0123456789");
    assert_int_equal(t.err, MUSTER_OK);
    muster_text_clear(&t);
    muster_text_add(&t, "%s", "012345678");
    muster_text_add(&t, "xx");
    assert_int_equal(t.err, MUSTER_ELIMIT);
    muster_text_add(&t, "x"); /* would have fitted, but comes after the first error */
    muster_text_add_bytes(&t, muster_bytes_text("y"));
    assert_int_equal(t.err, MUSTER_ELIMIT);
    assert_string_equal(t.data, "012345678");
    muster_text_clear(&t);
    assert_int_equal(t.err, MUSTER_OK);
    muster_text_add_bytes(&t, muster_bytes_text("01234567890"));
    assert_int_equal(t.err, MUSTER_ELIMIT);
    assert_int_equal(t.len, 0);
    muster_text_close(&t);
}

static void bytes_may_hold_anything(void **state)
{
    struct muster_text t;

    (void)state;
    muster_text_open(&t, 100);
    muster_text_add_bytes(&t, MUSTER_BYTES(NULL, 0));
    assert_string_equal(t.data, "");
    muster_text_add_bytes(&t, MUSTER_BYTES("a\0b", 3));
    assert_int_equal(t.len, 3);
    assert_memory_equal(t.data, "a\0b", 4);
    muster_text_close(&t);
}

static void a_fixed_buffer_says_whether_it_was_enough(void **state)
{
    char out[6];

    (void)state;
    assert_true(muster_format(out, sizeof out, "%s", "fives"));
    assert_string_equal(out, "fives");
    assert_false(muster_format(out, sizeof out, "%s", "sixsix"));
    assert_string_equal(out, "sixsi");
    assert_true(muster_format(out, 1, "%s", ""));
    assert_string_equal(out, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_joined),
        cmocka_unit_test(long_text_grows_and_stays_whole),
        cmocka_unit_test(one_huge_word_fits_at_once),
        cmocka_unit_test(the_maximum_is_exact_and_its_error_stays),
        cmocka_unit_test(bytes_may_hold_anything),
        cmocka_unit_test(a_fixed_buffer_says_whether_it_was_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
