/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing borrowed bytes, and hexadecimal both ways. */
#include "base/bytes.h"

#include <string.h>

#include "tests/unit/unit.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void order_is_that_of_memcmp_and_prefixes_come_first(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        int order;
    } cases[] = {
        { "", "", 0 },     { "", "a", -1 },       { "a", "a", 0 },
        { "a", "ab", -1 }, { "b", "abc", 1 },     { "abc", "abd", -1 },
        { "z", "", 1 },    { "\xff", "\x01", 1 }, { "node/1", "node/10", -1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_bytes a = muster_bytes_text(cases[i].a);
        struct muster_bytes b = muster_bytes_text(cases[i].b);

        assert_int_equal(sign(muster_bytes_compare(a, b)), cases[i].order);
        assert_int_equal(sign(muster_bytes_compare(b, a)), -cases[i].order);
        assert_int_equal(muster_bytes_equal(a, b), cases[i].order == 0);
    }
}

static void nothing_is_a_fine_value(void **state)
{
    struct muster_bytes none = MUSTER_BYTES(NULL, 0);
    struct muster_bytes some = muster_bytes_text("x");

    (void)state;
    assert_true(muster_bytes_equal(none, none));
    assert_false(muster_bytes_equal(none, some));
    assert_int_equal(muster_bytes_compare(none, none), 0);
    assert_true(muster_bytes_compare(none, some) < 0);
    assert_true(muster_bytes_starts_with(some, none));
    assert_true(muster_bytes_starts_with(none, none));
    assert_false(muster_bytes_starts_with(none, some));
}

static void a_start_is_no_longer_than_the_whole(void **state)
{
    (void)state;
    assert_true(muster_bytes_starts_with(muster_bytes_text("jobs/a"), muster_bytes_text("jobs/")));
    assert_true(muster_bytes_starts_with(muster_bytes_text("jobs"), muster_bytes_text("jobs")));
    assert_false(muster_bytes_starts_with(muster_bytes_text("job"), muster_bytes_text("jobs")));
    assert_false(muster_bytes_starts_with(muster_bytes_text("runs/"), muster_bytes_text("jobs/")));
}

static void hex_goes_out_and_comes_back(void **state)
{
    uint8_t all[256];
    uint8_t back[256];
    char text[2 * sizeof all + 1];

    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    muster_hex_write(text, MUSTER_BYTES(all, sizeof all));
    assert_int_equal(strlen(text), 2 * sizeof all);
    assert_memory_equal(text, "000102", 6);
    assert_memory_equal(text + 2 * 0xab, "abacad", 6);
    assert_true(muster_hex_read(back, sizeof back, text));
    assert_memory_equal(back, all, sizeof all);
}

static void hex_refuses_what_is_not_hex(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        { "00ff", true },  { "00FF", true },  { "0g00", false }, { "0G00", false },
        { "000", false },  { "00", false },   { "", false },     { "00 f", false },
        { "-1ff", false }, { "0x00", false }, { "/:@`", false },
    };
    uint8_t out[2];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_int_equal(muster_hex_read(out, sizeof out, cases[i].text), cases[i].ok);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_memcmp_and_prefixes_come_first),
        cmocka_unit_test(nothing_is_a_fine_value),
        cmocka_unit_test(a_start_is_no_longer_than_the_whole),
        cmocka_unit_test(hex_goes_out_and_comes_back),
        cmocka_unit_test(hex_refuses_what_is_not_hex),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
