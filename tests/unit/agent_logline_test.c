/* SPDX-License-Identifier: Apache-2.0 */
/* Records of output files: the line that was written is the line that is read. */
#include "agent/logline.h"

#include <string.h>

#include "tests/unit/unit.h"

static void a_record_comes_back(void **state)
{
    static const struct {
        uint64_t wall_ms;
        enum agent_logline_stream stream;
        uint32_t attempt;
        bool is_partial;
        const char *text;
        const char *line;
    } cases[] = {
        { 1774659600123, AGENT_LOGLINE_STDOUT, 1, false, "connected",
          "1774659600123 o 1 F connected" },
        { 0, AGENT_LOGLINE_STDERR, 4294967295u, true, "", "0 e 4294967295 P " },
        { UINT64_MAX, AGENT_LOGLINE_GUARD, 3, false, " \t\x01\xff ",
          "18446744073709551615 g 3 F  \t\x01\xff " },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        char line[128];
        struct agent_logline back;
        size_t len = agent_logline_head(line, cases[i].wall_ms, cases[i].stream, cases[i].attempt,
                                        cases[i].is_partial);
        assert_true(len <= AGENT_LOGLINE_HEAD_MAX);
        memcpy(line + len, cases[i].text, strlen(cases[i].text) + 1);
        assert_string_equal(line, cases[i].line);
        assert_true(agent_logline_parse(&back, line, strlen(line)));
        assert_true(back.wall_ms == cases[i].wall_ms);
        assert_int_equal(back.stream, cases[i].stream);
        assert_int_equal(back.attempt, cases[i].attempt);
        assert_int_equal(back.is_partial, cases[i].is_partial);
        assert_int_equal(back.len, strlen(cases[i].text));
        assert_memory_equal(back.text, cases[i].text, back.len);
    }
}

static void what_is_no_record_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "1",
        "1 ",
        "1 o",
        "1 o ",
        "1 o 1",
        "1 o 1 F",
        " 1 o 1 F x",
        "x o 1 F x",
        "1 x 1 F x",
        "1 o 4294967296 F x",
        "18446744073709551616 o 1 F x",
        "1 o 1 G x",
        "1 o -1 F x",
        "1 oe 1 F x",
        "#muster-log v=1 base=0 token=7 attempt=1 run=a",
    };
    struct agent_logline record;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_false(agent_logline_parse(&record, cases[i], strlen(cases[i])));
}

static void a_text_has_a_maximum(void **state)
{
    char line[AGENT_LOGLINE_MAX + 1];
    struct agent_logline record;
    size_t head = agent_logline_head(line, 1, AGENT_LOGLINE_STDOUT, 1, true);

    (void)state;
    memset(line + head, 'x', sizeof(line) - head);
    assert_true(agent_logline_parse(&record, line, head + AGENT_LOGLINE_TEXT_MAX));
    assert_false(agent_logline_parse(&record, line, head + AGENT_LOGLINE_TEXT_MAX + 1));
}

static void a_head_tells_its_base(void **state)
{
    char head[AGENT_LOGHEAD_MAX], run[600];
    uint64_t base = 0;
    size_t len = agent_loghead_write(head, 1048576, 7, 2, 3600, "market/ticker");

    (void)state;
    assert_int_equal(
        len,
        strlen("#muster-log v=1 base=1048576 token=7 attempt=2 keep=3600 run=market/ticker\n"));
    assert_memory_equal(
        head, "#muster-log v=1 base=1048576 token=7 attempt=2 keep=3600 run=market/ticker\n", len);
    assert_true(agent_loghead_parse(&base, head, len - 1));
    assert_int_equal(base, 1048576);
    assert_int_equal(agent_loghead_keep_s(head, len - 1), 3600);

    /* A run's name that is too long is left out; the line still ends. */
    memset(run, 'r', sizeof(run) - 1);
    run[sizeof(run) - 1] = '\0';
    len = agent_loghead_write(head, 5, 7, 2, 0, run);
    assert_true(len <= AGENT_LOGHEAD_MAX);
    assert_int_equal(head[len - 1], '\n');
    assert_null(memchr(head, '\n', len - 1));
    assert_true(agent_loghead_parse(&base, head, len - 1));
    assert_int_equal(base, 5);
    assert_int_equal(agent_loghead_keep_s(head, len - 1), 0);
    len = agent_loghead_write(head, 5, 7, 2, 0, "a keep=7 b");
    assert_int_equal(agent_loghead_keep_s(head, len - 1), 0);
}

static void a_head_of_something_else_is_refused(void **state)
{
    static const char *const cases[] = { "",
                                         "#",
                                         "#muster-log v=2 base=1 x",
                                         "#muster-log v=1 base=",
                                         "#muster-log v=1 base=12",
                                         "1 o 1 F #muster-log v=1 base=1 " };
    uint64_t base;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_false(agent_loghead_parse(&base, cases[i], strlen(cases[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(a_text_has_a_maximum),
        cmocka_unit_test(a_head_tells_its_base),
        cmocka_unit_test(a_head_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
