/* SPDX-License-Identifier: Apache-2.0 */
/* YAML in: what becomes a tree, and what is refused where. */
#include "agent/yaml.h"

#include <string.h>

#include "tests/unit/agent_tree.h"
#include "tests/unit/unit.h"

static void good_documents_become_trees(void **state)
{
    static const struct {
        const char *yaml;
        const char *tree;
    } cases[] = {
        { "", "" },
        { "# nothing but a remark\n", "" },
        { "---\n", "" },
        { "a: 1\n", "{a:1}" },
        { "a: 'x: y'\nb: \"\"\nc:\n", "{a:\"x: y\",b:\"\",c:}" },
        { "a: [1, two, '3']\n", "{a:[1,two,\"3\"]}" },
        { "a:\n  b:\n  - c\n  - d: e\n", "{a:{b:[c,{d:e}]}}" },
        { "a: 010\nb: no\nc: 1.10\nd: ~\n", "{a:010,b:no,c:1.10,d:~}" },
        { "a: |\n  one\n  two\n", "{a:\"one\ntwo\n\"}" },
        { "a: 1\n---\nb: 2\n---\n", "{a:1} --- {b:2}" },
        { "{\"a\": \"x\", \"b\": [1, true, null]}", "{a:\"x\",b:[1,true,null]}" },
        { "\xef\xbb\xbf"
          "a: \xe2\x82\xac\n",
          "{a:\xe2\x82\xac}" },
        { "a: \"\\u20ac\"\n", "{a:\"\xe2\x82\xac\"}" },
        { "%YAML 1.1\n---\na: 1\n", "{a:1}" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        struct muster_text text;
        agent_doc_open(&doc);
        agent_problem_clear(&problem);
        muster_text_open(&text, 4096);
        int err = agent_yaml_read(&doc, muster_bytes_text(cases[i].yaml), 8, &problem);
        assert_string_equal(problem.message, "");
        assert_int_equal(err, MUSTER_OK);
        muster_text_add(&text, "%s", "");
        unit_tree_text(&doc, &text);
        assert_string_equal(text.data, cases[i].tree);
        muster_text_close(&text);
        agent_doc_close(&doc);
    }
}

static void no_text_at_all_holds_no_document(void **state)
{
    struct agent_doc doc;
    struct agent_problem problem;

    (void)state;
    agent_doc_open(&doc);
    agent_problem_clear(&problem);
    assert_int_equal(agent_yaml_read(&doc, MUSTER_BYTES(NULL, 0), 8, &problem), MUSTER_OK);
    assert_null(doc.first);
    agent_doc_close(&doc);
}

static void bad_documents_are_refused_at_their_place(void **state)
{
    static const struct {
        const char *yaml;
        const char *problem;
    } cases[] = {
        { "a: 1\nb: 2\na: 3\n", "f:3:1: a: stands twice; the first is on line 1" },
        { "x:\n  a: 1\n  a: 2\n", "f:3:3: a: stands twice; the first is on line 2" },
        { "{\"a\": 1, \"a\": 2}", "f:1:10: a: stands twice; the first is on line 1" },
        { "a: &x 1\n", "f:1:4: a: anchors are not read here; write the value out" },
        { "a: &x [1]\n", "f:1:4: a: anchors are not read here; write the value out" },
        { "a: *x\n", "f:1:4: a: aliases are not read here; write the value out" },
        { "<<: {b: 1}\n", "f:1:1: merge keys are not read here; write the values out" },
        { "a: !!int 3\n", "f:1:4: a: tags are not read here; each field knows its own type" },
        { "a: ! 3\n", "f:1:4: a: tags are not read here; each field knows its own type" },
        { "a: !x {}\n", "f:1:4: a: tags are not read here; each field knows its own type" },
        { "[a]: 1\n", "f:1:1: a key is a plain word" },
        { "? {a: b}\n: 1\n", "f:1:3: a key is a plain word" },
        { "\"\": 1\n", "f:1:1: a key is empty" },
        { "a: \"\\0\"\n", "f:1:4: a: holds a NUL character; no text here may" },
        { "a: [1, 2\nb: 3\n", "f:2:2: not YAML: did not find expected ',' or ']'" },
        { "a: 1\n\tb: 2\n", "f:2:1: not YAML: found a tab character that violates indentation" },
        { "a: b: c\n", "f:1:5: not YAML: mapping values are not allowed in this context" },
        { "a: 'x\n", "f:2:1: not YAML: found unexpected end of stream" },
        { "a: 1\nb: \xff\n", "f:2:4: not YAML: invalid leading UTF-8 octet" },
        { "a: \x01\n", "f:1:4: not YAML: control characters are not allowed" },
        { "a: 1\n---\nb: 1\n---\nc: 1\n", "f:4:1: too many documents in one file; split it" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        char line[AGENT_PROBLEM_LINE];
        agent_doc_open(&doc);
        agent_problem_clear(&problem);
        int err = agent_yaml_read(&doc, muster_bytes_text(cases[i].yaml), 2, &problem);
        assert_int_equal(err, problem.err);
        assert_int_not_equal(err, MUSTER_OK);
        assert_string_equal(agent_problem_text(&problem, "f", line, sizeof line), cases[i].problem);
        agent_doc_close(&doc);
    }
}

static void one_document_means_one(void **state)
{
    struct agent_doc doc;
    struct agent_problem problem;

    (void)state;
    agent_doc_open(&doc);
    int err = agent_yaml_read(&doc, muster_bytes_text("a: 1\n---\nb: 1\n"), 1, &problem);
    assert_int_equal(err, MUSTER_EINVAL);
    assert_string_equal(problem.message, "more than one document; only one is read here");
    agent_doc_close(&doc);
}

static void places_are_kept(void **state)
{
    struct agent_doc doc;
    struct agent_problem problem;

    (void)state;
    agent_doc_open(&doc);
    int err = agent_yaml_read(&doc, muster_bytes_text("a: 1\nbc:\n  d:   [x]\n"), 1, &problem);
    assert_int_equal(err, MUSTER_OK);
    const struct agent_doc_node *d = agent_doc_find(agent_doc_find(doc.first, "bc"), "d");
    assert_int_equal(d->key_line, 3);
    assert_int_equal(d->key_column, 3);
    assert_int_equal(d->line, 3);
    assert_int_equal(d->column, 8);
    assert_int_equal(d->first->column, 9);
    assert_null(agent_doc_find(doc.first, "d"));
    agent_doc_close(&doc);
}

/* A text of `count` times `piece`, between a head and a tail. */
static void piled(struct muster_text *text, const char *head, const char *piece, uint32_t count,
                  const char *tail)
{
    muster_text_open(text, 4 * AGENT_DOC_BYTES_MAX);
    muster_text_add(text, "%s", head);
    for (uint32_t i = 0; i < count; i++)
        muster_text_add_bytes(text, muster_bytes_text(piece));
    muster_text_add(text, "%s", tail);
    assert_int_equal(text->err, MUSTER_OK);
}

static void brims_are_named_and_nothing_overflows(void **state)
{
    static const struct {
        const char *piece;
        uint32_t count;
        int err;
        const char *message;
    } cases[] = {
        { "[", 32, MUSTER_EINVAL, "not YAML: did not find expected node content" },
        { "[", 33, MUSTER_ELIMIT, "nested deeper than 32 levels" },
        { "[", 200000, MUSTER_ELIMIT, "nested deeper than 32 levels" },
        { "{a: ", 200000, MUSTER_ELIMIT, "nested deeper than 32 levels" },
        { "- ", 200000, MUSTER_ELIMIT, "nested deeper than 32 levels" },
        { "? ", 200000, MUSTER_EINVAL, "a key is a plain word" },
        { "- x\n", 100001, MUSTER_ELIMIT, "more than 100000 values in one file; split it" },
        { "---\nx\n", 3, MUSTER_EINVAL, "too many documents in one file; split it" },
        { "aaaaaaaaaaaaaaaa", 65537, MUSTER_ELIMIT, "larger than 1 MiB" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_doc doc;
        struct agent_problem problem;
        struct muster_text text;
        agent_doc_open(&doc);
        piled(&text, "", cases[i].piece, cases[i].count, "");
        int err = agent_yaml_read(&doc, muster_text_bytes(&text), 2, &problem);
        assert_string_equal(problem.message, cases[i].message);
        assert_int_equal(err, cases[i].err);
        muster_text_close(&text);
        agent_doc_close(&doc);
    }
}

static void a_wide_map_is_checked_for_twins_too(void **state)
{
    struct agent_doc doc;
    struct agent_problem problem;
    struct muster_text text;

    (void)state;
    agent_doc_open(&doc);
    muster_text_open(&text, AGENT_DOC_BYTES_MAX);
    for (uint32_t i = 0; i < 90000; i++)
        muster_text_add(&text, "k%u: 1\n", (i * 7919) % 89999);
    int err = agent_yaml_read(&doc, muster_text_bytes(&text), 1, &problem);
    assert_int_equal(err, MUSTER_EINVAL);
    assert_string_equal(problem.field, "k0");
    assert_int_equal(problem.line, 90000);
    assert_string_equal(problem.message, "stands twice; the first is on line 1");
    muster_text_close(&text);
    agent_doc_close(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_become_trees),
        cmocka_unit_test(no_text_at_all_holds_no_document),
        cmocka_unit_test(bad_documents_are_refused_at_their_place),
        cmocka_unit_test(one_document_means_one),
        cmocka_unit_test(places_are_kept),
        cmocka_unit_test(brims_are_named_and_nothing_overflows),
        cmocka_unit_test(a_wide_map_is_checked_for_twins_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
