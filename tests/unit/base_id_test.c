/* SPDX-License-Identifier: Apache-2.0 */
/* Node ids as text and in order. */
#include "base/id.h"

#include "tests/unit/unit.h"

static void text_goes_out_and_comes_back(void **state)
{
    static const char shown[] = "00112233445566778899aabbccddeeff";
    struct muster_id id;
    char text[MUSTER_ID_TEXT];

    (void)state;
    assert_true(muster_id_parse(&id, shown));
    assert_int_equal(id.octet[0], 0x00);
    assert_int_equal(id.octet[15], 0xff);
    assert_string_equal(muster_id_text(id, text), shown);
    assert_true(muster_id_parse(&id, "00112233445566778899AABBCCDDEEFF"));
    assert_string_equal(muster_id_text(id, text), shown);
}

static void what_is_no_id_is_refused_and_changes_nothing(void **state)
{
    static const char *const cases[] = {
        "",
        "00",
        "00112233445566778899aabbccddeef",
        "00112233445566778899aabbccddeeff0",
        "00112233-4455-6677-8899-aabbccddeeff",
        "g0112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeef ",
    };
    struct muster_id id = { { 7 } };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_false(muster_id_parse(&id, cases[i]));
    assert_true(muster_id_equal(id, (struct muster_id){ { 7 } }));
}

static void order_is_that_of_the_octets(void **state)
{
    struct muster_id zero = { { 0 } };
    struct muster_id low = { { [15] = 0xff } };
    struct muster_id high = { { [0] = 0x80 } };

    (void)state;
    assert_true(muster_id_compare(zero, low) < 0);
    assert_true(muster_id_compare(low, high) < 0);
    assert_true(muster_id_compare(high, low) > 0);
    assert_int_equal(muster_id_compare(high, high), 0);
    assert_true(muster_id_equal(low, low));
    assert_false(muster_id_equal(low, high));
    assert_true(muster_id_is_zero(zero));
    assert_false(muster_id_is_zero(low));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_out_and_comes_back),
        cmocka_unit_test(what_is_no_id_is_refused_and_changes_nothing),
        cmocka_unit_test(order_is_that_of_the_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
