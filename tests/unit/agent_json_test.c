/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in: trees and refusals. JSON out: always well formed. */
#include "agent/json.h"

#include <jansson.h>
#include <string.h>

#include "tests/unit/agent_tree.h"
#include "tests/unit/unit.h"

static void good_documents_become_trees(void **state)
{
    static const struct {
        const char *json;
        const char *tree;
    } cases[] = {
        { "{}", "{}" },
        { "[]", "[]" },
        { " {\"b\" : [1, -2, \"three\", true, false, null]} \n",
          "{b:[1,-2,\"three\",true,false,null]}" },
        { "{\"z\":1,\"a\":{\"m\":[]}}", "{z:1,a:{m:[]}}" },
        { "{\"n\":9223372036854775807}", "{n:9223372036854775807}" },
        { "{\"t\":\"\\u20ac\\ud83d\\ude00\\n\"}", "{t:\"\xe2\x82\xac\xf0\x9f\x98\x80\n\"}" },
        { "{\"t\":\"}],[{\\\\\\\"\"}", "{t:\"}],[{\\\"\"}" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        struct muster_text text;
        agent_doc_open(&doc);
        agent_problem_clear(&problem);
        muster_text_open(&text, 4096);
        int err = agent_json_read(&doc, muster_bytes_text(cases[i].json), &problem);
        assert_string_equal(problem.message, "");
        assert_int_equal(err, MUSTER_OK);
        unit_tree_text(&doc, &text);
        assert_string_equal(text.data, cases[i].tree);
        muster_text_close(&text);
        agent_doc_close(&doc);
    }
}

static void bad_documents_are_refused(void **state)
{
    static const struct {
        const char *json;
        size_t len; /* 0: up to the NUL */
        const char *problem;
    } cases[] = {
        { "", 0, "empty; a JSON object is expected" },
        { "{", 0, "1:1: not JSON: string or '}' expected near end of file" },
        { "{\"a\":1}x", 0, "1:8: not JSON: end of file expected near 'x'" },
        { "{\"a\":1}\0", 8, "1:8: not JSON: end of file expected near end of file" },
        { "{\"a\":1,\"a\":2}", 0, "1:10: not JSON: duplicate object key near '\"a\"'" },
        { "{\"a\":1,}", 0, "1:8: not JSON: string or '}' expected near '}'" },
        { "{a:1}", 0, "1:2: not JSON: string or '}' expected near 'a'" },
        { "3", 0, "1:1: not JSON: '[' or '{' expected near '3'" },
        { "{\n\"a\": tru}", 0, "2:8: not JSON: invalid token near 'tru'" },
        { "{\"a\":\"\\u0000\"}", 0,
          "1:13: not JSON: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'" },
        { "{\"a\":\"\xff\"}", 0, "1:6: not JSON: unable to decode byte 0xff near '\"'" },
        { "{\"a\":\"\\ud800\"}", 0,
          "1:13: not JSON: invalid Unicode '\\uD800' near '\"\\ud800\"'" },
        { "{\"a\":01}", 0, "1:6: not JSON: invalid token near '0'" },
        { "{\"a\":9223372036854775808}", 0,
          "1:24: not JSON: too big integer near '9223372036854775808'" },
        { "{\"a\":1.5}", 0, "a: a number with a fraction; say a whole number or a text in quotes" },
        { "{\"a\":1e2}", 0, "a: a number with a fraction; say a whole number or a text in quotes" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        size_t len = cases[i].len == 0 ? strlen(cases[i].json) : cases[i].len;
        agent_doc_open(&doc);
        int err = agent_json_read(&doc, MUSTER_BYTES(cases[i].json, len), &problem);
        assert_int_equal(err, problem.err);
        assert_int_not_equal(err, MUSTER_OK);
        assert_string_equal(agent_problem_text(&problem, NULL, line, sizeof line),
                            cases[i].problem);
        agent_doc_close(&doc);
    }
}

static void brims_are_checked_before_the_parser_builds(void **state)
{
    static const struct {
        const char *piece;
        uint32_t count;
        const char *message;
    } cases[] = {
        { "[", 33, "nested deeper than 32 levels" },
        { "{\"a\":", 100000, "nested deeper than 32 levels" },
        { "{},", 100000, "more than 100000 values" },
        { "1,", 100000, "more than 100000 values" },
        { "aaaaaaaaaaaaaaaa", 65537, "larger than 1 MiB" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        struct muster_text text;
        agent_doc_open(&doc);
        muster_text_open(&text, 4 * AGENT_DOC_BYTES_MAX);
        for (uint32_t n = 0; n < cases[i].count; n++)
            muster_text_add_bytes(&text, muster_bytes_text(cases[i].piece));
        int err = agent_json_read(&doc, muster_text_bytes(&text), &problem);
        assert_int_equal(err, MUSTER_ELIMIT);
        assert_string_equal(problem.message, cases[i].message);
        assert_null(doc.first);
        muster_text_close(&text);
        agent_doc_close(&doc);
    }
}

static void a_reply_is_written_in_order(void **state)
{
    struct muster_text text;
    struct agent_json j;

    (void)state;
    muster_text_open(&text, 4096);
    agent_json_open(&j, &text);
    agent_json_object(&j);
    agent_json_put_text(&j, "name", "a");
    agent_json_put_text(&j, "none", NULL);
    agent_json_put_u64(&j, "u", UINT64_MAX);
    agent_json_put_i64(&j, "i", INT64_MIN);
    agent_json_put_bool(&j, "yes", true);
    agent_json_put_null(&j, "null");
    agent_json_put_token(&j, "token", UINT64_MAX);
    agent_json_put_time(&j, "since", 1774659600123);
    agent_json_put_time(&j, "never", 0);
    agent_json_put_raw(&j, "spec", muster_bytes_text("{\"x\":[1]}"));
    agent_json_key(&j, "items");
    agent_json_array(&j);
    agent_json_object(&j);
    agent_json_object_end(&j);
    agent_json_array(&j);
    agent_json_u64(&j, 1);
    agent_json_u64(&j, 2);
    agent_json_array_end(&j);
    assert_false(agent_json_is_closed(&j));
    agent_json_array_end(&j);
    agent_json_object_end(&j);
    assert_true(agent_json_is_closed(&j));
    assert_string_equal(
        text.data,
        "{\"name\":\"a\",\"none\":null,\"u\":18446744073709551615,\"i\":-9223372036854775808,"
        "\"yes\":true,\"null\":null,\"token\":\"18446744073709551615\","
        "\"since\":\"2026-03-28T01:00:00.123Z\",\"never\":null,\"spec\":{\"x\":[1]},"
        "\"items\":[{},[1,2]]}");
    muster_text_close(&text);
}

static void strings_are_escaped_and_always_unicode(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *json;
    } cases[] = {
        { "", 0, "\"\"" },
        { "plain", 5, "\"plain\"" },
        { "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
        { "\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"" },
        { "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\\u007f\"" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "a\xff"
          "b",
          3,
          "\"a\xef\xbf\xbd"
          "b\"" },
        { "\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                 /* overlong */
        { "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
        { "\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" }, /* cut */
        { "\xe2\x82"
          "a",
          3,
          "\"\xef\xbf\xbd\xef\xbf\xbd"
          "a\"" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct muster_text text;
        struct agent_json j;
        struct muster_text wanted;
        muster_text_open(&wanted, 4096);
        muster_text_open(&text, 4096);
        agent_json_open(&j, &text);
        agent_json_object(&j);
        agent_json_put_bytes(&j, "k", MUSTER_BYTES(cases[i].bytes, cases[i].len));
        agent_json_object_end(&j);
        muster_text_add(&wanted, "{\"k\":%s}", cases[i].json);
        assert_string_equal(text.data, wanted.data);
        muster_text_close(&wanted);
        muster_text_close(&text);
    }
}

/* Whatever two bytes stand beside each other, jansson reads what we wrote. */
static void every_pair_of_bytes_reads_back(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        uint8_t bytes[4] = { 'a', (uint8_t)(pair >> 8), (uint8_t)pair, 'b' };
        struct muster_text text;
        struct agent_json j;
        muster_text_open(&text, 256);
        agent_json_open(&j, &text);
        agent_json_object(&j);
        agent_json_put_bytes(&j, "k", MUSTER_BYTES(bytes, sizeof bytes));
        agent_json_object_end(&j);
        json_t *root = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        json_decref(root);
        muster_text_close(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_become_trees),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(brims_are_checked_before_the_parser_builds),
        cmocka_unit_test(a_reply_is_written_in_order),
        cmocka_unit_test(strings_are_escaped_and_always_unicode),
        cmocka_unit_test(every_pair_of_bytes_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
