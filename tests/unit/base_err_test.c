/* SPDX-License-Identifier: Apache-2.0 */
/* Every error has its own name and a sentence an operator can read. */
#include "base/err.h"

#include <string.h>

#include "tests/unit/unit.h"

static void every_error_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int err = MUSTER_OK; err >= MUSTER_ERR_LAST; err--) {
        const char *text = muster_err_text(err);

        assert_non_null(strstr(muster_err_name(err), "MUSTER_"));
        assert_true(strlen(text) > 0);
        assert_int_not_equal(text[strlen(text) - 1], '.');
    }
}

static void names_stand_at_their_numbers(void **state)
{
    (void)state;
    assert_string_equal(muster_err_name(MUSTER_OK), "MUSTER_OK");
    assert_string_equal(muster_err_name(MUSTER_ESHORT), "MUSTER_ESHORT");
    assert_string_equal(muster_err_name(MUSTER_EDENIED), "MUSTER_EDENIED");
    assert_string_equal(muster_err_text(MUSTER_ENOSPC), "the disk is full");
}

static void no_two_errors_share_a_name(void **state)
{
    (void)state;
    for (int a = MUSTER_OK; a >= MUSTER_ERR_LAST; a--)
        for (int b = a - 1; b >= MUSTER_ERR_LAST; b--)
            assert_string_not_equal(muster_err_name(a), muster_err_name(b));
}

static void strange_numbers_are_answered_too(void **state)
{
    static const int strangers[] = { 1, 77, MUSTER_ERR_LAST - 1, -10000, INT32_MIN };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(strangers); i++) {
        assert_string_equal(muster_err_name(strangers[i]), "MUSTER_E?");
        assert_non_null(muster_err_text(strangers[i]));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_sentence),
        cmocka_unit_test(names_stand_at_their_numbers),
        cmocka_unit_test(no_two_errors_share_a_name),
        cmocka_unit_test(strange_numbers_are_answered_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
