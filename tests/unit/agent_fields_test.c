/* SPDX-License-Identifier: Apache-2.0 */
/* Key=value lists: what is written comes back, and what is odd is refused. */
#include "agent/fields.h"

#include <string.h>

#include "tests/unit/unit.h"

static void a_message_carries_any_byte_but_nul(void **state)
{
    char data[128];
    struct agent_fields f;
    struct agent_fields_reader in;
    const char *key, *value;

    (void)state;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
    agent_fields_text(&f, "argv", "two\nlines=and\x01more");
    agent_fields_text(&f, "arg", "");
    agent_fields_u64(&f, "token", UINT64_MAX);
    agent_fields_i64(&f, "nice", -20);
    assert_false(f.is_full);

    agent_fields_reader_init(&in, data, f.len, AGENT_FIELDS_MESSAGE);
    assert_true(agent_fields_next(&in, &key, &value));
    assert_string_equal(key, "argv");
    assert_string_equal(value, "two\nlines=and\x01more");
    assert_true(agent_fields_next(&in, &key, &value));
    assert_string_equal(value, "");
    assert_true(agent_fields_next(&in, &key, &value));
    assert_string_equal(value, "18446744073709551615");
    assert_true(agent_fields_next(&in, &key, &value));
    assert_string_equal(value, "-20");
    assert_false(agent_fields_next(&in, &key, &value));
    assert_ptr_equal(in.at, in.limit);
}

static void no_value_begins_a_second_line_of_a_record(void **state)
{
    char data[64];
    struct agent_fields f;

    (void)state;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_RECORD);
    agent_fields_text(&f, "text", "gone\ncode=0\x7f");
    agent_fields_u64(&f, "code", 7);
    assert_int_equal(f.len, strlen("text=gone code=0 \ncode=7\n"));
    assert_memory_equal(data, "text=gone code=0 \ncode=7\n", f.len);
}

static void what_does_not_fit_is_remembered(void **state)
{
    char data[16];
    struct agent_fields f;

    (void)state;
    agent_fields_init(&f, data, 6, AGENT_FIELDS_MESSAGE);
    agent_fields_text(&f, "a", "bcd"); /* six bytes with the NUL */
    assert_false(f.is_full);
    agent_fields_text(&f, "", "");
    assert_true(f.is_full);

    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
    agent_fields_text(&f, "long", "longer than there is room");
    assert_true(f.is_full);
    agent_fields_text(&f, "a", "b"); /* room for this one, but a list with a hole is a lie */
    assert_true(f.is_full);
    assert_true(f.len <= sizeof(data));
}

static void odd_lists_end_early(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        size_t read; /* fields before the oddity */
    } cases[] = {
        { "", 0, 0 },           { "a=b", 3, 0 },     { "a=b\n", 4, 1 },
        { "ab\n", 3, 0 },       { "a=b\n\n", 5, 1 }, { "a=b\nc", 5, 1 },
        { "a=\0b\n", 5, 0 },    { "=\n", 2, 1 },     { "a=b\nc=d\ne", 9, 2 },
        { "a=b=c\nd\n", 8, 1 },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        char data[32] = { 0 };
        struct agent_fields_reader in;
        const char *key, *value;
        size_t count = 0;
        memcpy(data, cases[i].data, cases[i].len);
        agent_fields_reader_init(&in, data, cases[i].len, AGENT_FIELDS_RECORD);
        while (agent_fields_next(&in, &key, &value))
            count++;
        assert_int_equal(count, cases[i].read);
    }
}

static void numbers_are_digits_and_fit(void **state)
{
    static const char *const wrong[] = { "",   " 1", "1 ", "+1", "0x1", "18446744073709551616",
                                         "-1", "1-", "1\n" };
    uint64_t u = 77;
    int64_t i = 77;

    (void)state;
    for (size_t n = 0; n < UNIT_COUNT(wrong); n++)
        assert_false(agent_fields_parse_u64(wrong[n], &u));
    assert_int_equal(u, 77);
    assert_true(agent_fields_parse_u64("18446744073709551615", &u));
    assert_true(u == UINT64_MAX);
    assert_false(agent_fields_parse_i64("--1", &i));
    assert_false(agent_fields_parse_i64("-", &i));
    assert_false(agent_fields_parse_i64("9223372036854775808", &i));
    assert_true(agent_fields_parse_i64("-9223372036854775807", &i));
    assert_true(i == -INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_carries_any_byte_but_nul),
        cmocka_unit_test(no_value_begins_a_second_line_of_a_record),
        cmocka_unit_test(what_does_not_fit_is_remembered),
        cmocka_unit_test(odd_lists_end_early),
        cmocka_unit_test(numbers_are_digits_and_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
