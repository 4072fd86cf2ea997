/* SPDX-License-Identifier: Apache-2.0 */
/* Problems as sentences: places, cuts, taming, and the word that was meant. */
#include "agent/problem.h"

#include <string.h>

#include "agent/name.h"
#include "tests/unit/unit.h"

static void a_problem_says_where_and_what(void **state)
{
    static const struct {
        const char *file;
        const char *field;
        uint32_t line;
        uint32_t column;
        const char *text;
    } cases[] = {
        { "job.yaml", "slots", 3, 8, "job.yaml:3:8: slots: is wrong" },
        { "job.yaml", "slots", 3, 0, "job.yaml:3: slots: is wrong" },
        { "job.yaml", "slots", 0, 0, "job.yaml: slots: is wrong" },
        { "job.yaml", NULL, 1, 1, "job.yaml:1:1: is wrong" },
        { NULL, "slots", 3, 8, "3:8: slots: is wrong" },
        { NULL, "slots", 0, 0, "slots: is wrong" },
        { NULL, NULL, 0, 0, "is wrong" },
    };
    struct agent_problem problem;
    char line[AGENT_PROBLEM_LINE];

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        int err = agent_problem_set(&problem, MUSTER_ERANGE, cases[i].field, cases[i].line,
                                    cases[i].column, "is %s", "wrong");
        assert_int_equal(err, MUSTER_ERANGE);
        assert_int_equal(problem.err, MUSTER_ERANGE);
        assert_string_equal(agent_problem_text(&problem, cases[i].file, line, sizeof line),
                            cases[i].text);
    }
}

static void what_a_stranger_wrote_cannot_command_a_terminal(void **state)
{
    struct agent_problem problem;

    (void)state;
    (void)agent_problem_set(&problem, MUSTER_EINVAL, "a\nb", 0, 0, "%s", "\033[2Jred\177\n");
    assert_string_equal(problem.field, "a?b");
    assert_string_equal(problem.message, "?[2Jred??");
}

static void a_cut_leaves_no_half_character(void **state)
{
    char text[AGENT_PROBLEM_TEXT + 8];
    struct agent_problem problem;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[sizeof text - 1] = '\0';
        (void)agent_problem_set(&problem, MUSTER_EINVAL, NULL, 0, 0, "%s", text);
        size_t len = strlen(problem.message);
        assert_in_range(len, AGENT_PROBLEM_TEXT - 4, AGENT_PROBLEM_TEXT - 1);
        assert_int_equal((len - shift) % 3, 0);
    }
}

static void the_nearest_word_is_a_slip_away_or_none(void **state)
{
    static const char *const words[] = { "name", "exec", "retry", "ready", "priority", "on", NULL };
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        { "nmae", "name" },
        { "exce", "exec" },
        { "exec", "exec" },
        { "retrry", "retry" },
        { "prioritty", "priority" },
        { "proirity", "priority" },
        { "redy", "ready" },
        { "image", NULL },
        { "x", NULL },
        { "", NULL },
        { "zz", NULL },
        { "a-very-long-key-that-is-longer-than-any-slip-of-a-finger", NULL },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        const char *nearest = agent_problem_nearest(cases[i].word, words);
        if (cases[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, cases[i].nearest);
    }
}

static void names_are_what_the_page_says(void **state)
{
    static const struct {
        const char *name;
        bool is_job;
        bool is_node;
    } cases[] = {
        { "a", true, true },          { "market/ticker", true, false },
        { "a-b_c.d0", true, true },   { "report/2025-q3", true, false },
        { "...", true, true },        { "", false, false },
        { "A", false, false },        { "a b", false, false },
        { "/a", false, false },       { "a/", false, false },
        { "a//b", false, false },     { "..", false, false },
        { ".", false, false },        { "a/../b", false, false },
        { "a/.", false, false },      { "a@b", false, false },
        { "a:b", false, false },      { "a%b", false, false },
        { "\xc3\xa4", false, false },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_bytes name = muster_bytes_text(cases[i].name);
        assert_int_equal(agent_name_job_fault(name) == NULL, cases[i].is_job);
        assert_int_equal(agent_name_node_fault(name) == NULL, cases[i].is_node);
    }
    char longest[AGENT_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_null(agent_name_job_fault(MUSTER_BYTES(longest, AGENT_NAME_MAX)));
    assert_null(agent_name_node_fault(MUSTER_BYTES(longest, AGENT_NAME_MAX)));
    assert_non_null(agent_name_job_fault(MUSTER_BYTES(longest, AGENT_NAME_MAX + 1)));
    assert_non_null(agent_name_node_fault(MUSTER_BYTES(longest, AGENT_NAME_MAX + 1)));
    assert_non_null(agent_name_job_fault(MUSTER_BYTES("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_says_where_and_what),
        cmocka_unit_test(what_a_stranger_wrote_cannot_command_a_terminal),
        cmocka_unit_test(a_cut_leaves_no_half_character),
        cmocka_unit_test(the_nearest_word_is_a_slip_away_or_none),
        cmocka_unit_test(names_are_what_the_page_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
