/* SPDX-License-Identifier: Apache-2.0 */
/* The door to jansson: a JSON text becomes a document tree. */
#include "agent/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* What the parser would build is counted before it builds it: a megabyte of empty objects would
 * make it take a hundred. Brackets and commas outside of strings are a bound on the values. */
static int json_check_size(struct muster_bytes text, struct agent_problem *problem)
{
    bool is_string = false;
    int32_t depth = 0;
    uint32_t values = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (is_string) {
            i += c == '\\' ? 1 : 0;
            is_string = c != '"';
            continue;
        }
        is_string = c == '"';
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= c == ']' || c == '}' ? 1 : 0;
        values += c == '[' || c == '{' || c == ',' ? 1 : 0;
        if (depth > AGENT_DOC_DEPTH_MAX)
            return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0,
                                     "nested deeper than 32 levels");
    }
    if (values >= AGENT_DOC_NODES_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0, "more than 100000 values");
    return MUSTER_OK;
}

static int copy_fail(int err, const char *key, struct agent_problem *problem)
{
    return agent_problem_set(problem, err, key, 0, 0, "%s",
                             err == MUSTER_ELIMIT ? "more than 100000 values" : "out of memory");
}

static int scalar_copy(struct agent_doc *doc, struct agent_doc_node *node, const json_t *value,
                       struct agent_problem *problem)
{
    char digits[24];
    struct muster_bytes text = muster_bytes_text("null");
    switch (json_typeof(value)) {
    case JSON_STRING:
        text = MUSTER_BYTES(json_string_value(value), json_string_length(value));
        node->is_quoted = true;
        break;
    case JSON_INTEGER:
        (void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = muster_bytes_text(digits);
        break;
    case JSON_REAL:
        return agent_problem_set(
            problem, MUSTER_ETYPE, node->key, 0, 0,
            "a number with a fraction; say a whole number or a text in quotes");
    case JSON_TRUE:
        text = muster_bytes_text("true");
        break;
    case JSON_FALSE:
        text = muster_bytes_text("false");
        break;
    default:
        break;
    }
    int err = agent_doc_copy(doc, &node->text, text);
    node->len = (uint32_t)text.len;
    return err == MUSTER_OK ? MUSTER_OK : copy_fail(err, node->key, problem);
}

/* Depth is bounded by json_check_size. */
static int tree_copy(struct agent_doc *doc, struct agent_doc_node *parent, const char *key,
                     json_t *value, struct agent_problem *problem)
{
    enum agent_doc_kind kind = json_is_object(value)  ? AGENT_DOC_MAP
                               : json_is_array(value) ? AGENT_DOC_LIST
                                                      : AGENT_DOC_SCALAR;
    int err = MUSTER_OK;
    struct agent_doc_node *node = agent_doc_add(doc, parent, kind, &err);
    if (node == NULL)
        return copy_fail(err, key, problem);
    if (key != NULL) {
        err = agent_doc_copy(doc, &node->key, muster_bytes_text(key));
        if (err != MUSTER_OK)
            return copy_fail(err, key, problem);
    }
    if (kind == AGENT_DOC_SCALAR)
        return scalar_copy(doc, node, value, problem);

    if (kind == AGENT_DOC_MAP) {
        const char *name;
        json_t *member;
        json_object_foreach(value, name, member)
        {
            err = tree_copy(doc, node, name, member, problem);
            if (err != MUSTER_OK)
                return err;
        }
        return MUSTER_OK;
    }
    size_t n = json_array_size(value);
    for (size_t i = 0; i < n && err == MUSTER_OK; i++)
        err = tree_copy(doc, node, NULL, json_array_get(value, i), problem);
    return err;
}

int agent_json_read(struct agent_doc *doc, struct muster_bytes text, struct agent_problem *problem)
{
    if (text.len > AGENT_DOC_BYTES_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0, "larger than 1 MiB");
    if (text.len == 0)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, 0, 0,
                                 "empty; a JSON object is expected");
    int err = json_check_size(text, problem);
    if (err != MUSTER_OK)
        return err;

    json_error_t error;
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, (uint32_t)error.line,
                                 (uint32_t)(error.column < 0 ? 0 : error.column), "not JSON: %s",
                                 error.text);
    err = tree_copy(doc, NULL, NULL, root, problem);
    json_decref(root);
    return err;
}
