/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: files of them, who is found by what is shown, and new ones. */
#include "agent/tokens.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tests/unit/unit.h"

/* Of "test" and of "". */
#define HASH_TEST  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define HASH_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct agent_tokens tokens;
static struct agent_problem problem;

static int read_text(const char *text)
{
    return agent_tokens_read(&tokens, muster_bytes_text(text), &problem);
}

static const struct agent_token *find(const char *shown)
{
    return agent_tokens_find(&tokens, muster_bytes_text(shown));
}

static void a_file_says_who_may_what(void **state)
{
    (void)state;
    assert_int_equal(read_text("# who\n\n  ci\toperate " HASH_TEST "  # since spring\r\n"
                               "boss admin " HASH_EMPTY),
                     MUSTER_OK);
    assert_int_equal(tokens.count, 2);
    assert_non_null(find("test"));
    assert_string_equal(find("test")->name, "ci");
    assert_int_equal(find("test")->right, AGENT_RIGHT_OPERATE);
    assert_null(find("Test"));
    assert_null(find("test "));
    assert_null(find("")); /* nothing is no token, whatever its hash */
    assert_int_equal(read_text(""), MUSTER_OK);
    assert_null(find("test"));
}

static void what_is_no_file_of_tokens_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *words;
    } cases[] = {
        { "ci operate\n", 1, "NAME RIGHT SHA256" },
        { "\n\nci operate " HASH_TEST " more\n", 3, "NAME RIGHT SHA256" },
        { "ci owner " HASH_TEST "\n", 1, "read, operate and admin" },
        { "ci readreadreadreadreadreadread " HASH_TEST "\n", 1, "read, operate and admin" },
        { "ci none " HASH_TEST "\n", 1, "read, operate and admin" },
        { "C# read " HASH_TEST "\n", 1, "name: " },
        { "ci read 9f86d0\n", 1, "64 hexadecimal digits" },
        { "ci read " HASH_TEST "00\n", 1, "64 hexadecimal digits" },
        { "ci read zz86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n", 1,
          "64 hexadecimal digits" },
        { "ci read " HASH_TEST "\nci admin " HASH_EMPTY "\n", 2, "stands twice" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        assert_int_equal(read_text(cases[i].text), MUSTER_EINVAL);
        assert_int_equal(problem.line, cases[i].line);
        if (strstr(problem.message, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].text, problem.message);
        assert_int_equal(tokens.count, 0); /* half a file lets nobody in */
    }
}

static void there_is_a_brim(void **state)
{
    struct muster_text text;

    (void)state;
    muster_text_open(&text, 1u << 20);
    for (int i = 0; i < AGENT_TOKENS_MAX; i++)
        muster_text_add(&text, "n%d read " HASH_TEST "\n", i);
    assert_int_equal(read_text(text.data), MUSTER_OK);
    assert_int_equal(tokens.count, AGENT_TOKENS_MAX);
    muster_text_add(&text, "more read " HASH_TEST "\n");
    assert_int_equal(read_text(text.data), MUSTER_ELIMIT);
    assert_int_equal(problem.line, AGENT_TOKENS_MAX + 1);
    muster_text_close(&text);
}

static void a_new_token_is_found_by_its_line(void **state)
{
    uint8_t luck[AGENT_TOKEN_BYTES];
    char text[AGENT_TOKEN_TEXT], line[AGENT_TOKEN_LINE];
    struct agent_token token = { .right = AGENT_RIGHT_READ };

    (void)state;
    memset(luck, 0xa5, sizeof luck);
    agent_token_make(luck, &token, text);
    assert_int_equal(strlen(text), 64);
    assert_int_equal(strncmp(text, "a5a5a5", 6), 0);
    assert_int_equal(strncmp(token.name, "token-", 6), 0);
    assert_int_equal(read_text(agent_token_line(&token, line)), MUSTER_OK);
    assert_non_null(find(text));
    assert_string_equal(find(text)->name, token.name);
    text[63] = '6';
    assert_null(find(text));

    (void)snprintf(token.name, sizeof token.name, "grafana");
    agent_token_make(luck, &token, text);
    assert_string_equal(token.name, "grafana");
}

static void a_header_shows_a_token(void **state)
{
    static const struct {
        const char *header, *token;
    } cases[] = {
        { "Bearer abc", "abc" },
        { "bearer  abc", "abc" },
        { "BEARER abc", "abc" },
        { NULL, "" },
        { "", "" },
        { "Bearer", "" },
        { "Bearer ", "" },
        { "Bearerabc", "" },
        { "Basic YTpi", "" },
        { "Bearer a b", "" },
        { "Bear", "" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++)
        assert_true(muster_bytes_equal(agent_token_of_header(cases[i].header),
                                       muster_bytes_text(cases[i].token)));
}

static void what_is_shown_has_a_length(void **state)
{
    static char long_one[AGENT_TOKEN_SHOWN_MAX + 2];

    (void)state;
    assert_int_equal(read_text("ci read " HASH_TEST), MUSTER_OK);
    memset(long_one, 'a', sizeof long_one - 1);
    assert_null(find(long_one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_who_may_what),
        cmocka_unit_test(what_is_no_file_of_tokens_is_refused_with_its_line),
        cmocka_unit_test(there_is_a_brim),
        cmocka_unit_test(a_new_token_is_found_by_its_line),
        cmocka_unit_test(a_header_shows_a_token),
        cmocka_unit_test(what_is_shown_has_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
