/* SPDX-License-Identifier: Apache-2.0 */
/* The door to libyaml: its events become a document tree, its luxuries are refused. */
#include "agent/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/arena.h"

struct yaml_walk {
    struct agent_doc *doc;
    struct agent_problem *problem;
    struct agent_doc_node *open[AGENT_DOC_DEPTH_MAX];
    uint32_t depth;
    uint32_t documents_max;
    const char *key; /* the key that waits for its value */
    uint32_t key_line;
    uint32_t key_column;
};

static int walk_fail(struct yaml_walk *w, int err, const yaml_mark_t *at, const char *message)
{
    return agent_problem_set(w->problem, err, w->key, (uint32_t)at->line + 1,
                             (uint32_t)at->column + 1, "%s", message);
}

static int walk_fail_memory(struct yaml_walk *w, int err, const yaml_mark_t *at)
{
    if (err == MUSTER_EINVAL)
        return walk_fail(w, err, at, "holds a NUL character; no text here may");
    if (err == MUSTER_ELIMIT)
        return walk_fail(w, err, at, "more than 100000 values in one file; split it");
    return walk_fail(w, err, at, "out of memory");
}

/* A value under the open map or list, or a root. */
static int walk_add(struct yaml_walk *w, enum agent_doc_kind kind, const yaml_mark_t *at,
                    struct agent_doc_node **node)
{
    struct agent_doc_node *parent = w->depth == 0 ? NULL : w->open[w->depth - 1];
    int err = MUSTER_OK;
    *node = agent_doc_add(w->doc, parent, kind, &err);
    if (*node == NULL)
        return walk_fail_memory(w, err, at);
    (*node)->line = (uint32_t)at->line + 1;
    (*node)->column = (uint32_t)at->column + 1;
    (*node)->key = w->key;
    (*node)->key_line = w->key_line;
    (*node)->key_column = w->key_column;
    w->key = NULL;
    return MUSTER_OK;
}

static bool walk_wants_key(const struct yaml_walk *w)
{
    return w->depth > 0 && w->open[w->depth - 1]->kind == AGENT_DOC_MAP && w->key == NULL;
}

static int walk_key(struct yaml_walk *w, const yaml_event_t *event)
{
    struct muster_bytes text = MUSTER_BYTES(event->data.scalar.value, event->data.scalar.length);
    if (text.len == 0)
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark, "a key is empty");
    if (muster_bytes_equal(text, muster_bytes_text("<<")))
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "merge keys are not read here; write the values out");
    int err = agent_doc_copy(w->doc, &w->key, text);
    if (err != MUSTER_OK)
        return walk_fail_memory(w, err, &event->start_mark);
    w->key_line = (uint32_t)event->start_mark.line + 1;
    w->key_column = (uint32_t)event->start_mark.column + 1;
    return MUSTER_OK;
}

static int walk_scalar(struct yaml_walk *w, const yaml_event_t *event)
{
    if (event->data.scalar.anchor != NULL)
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "anchors are not read here; write the value out");
    if (event->data.scalar.tag != NULL)
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "tags are not read here; each field knows its own type");
    if (walk_wants_key(w))
        return walk_key(w, event);

    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (w->depth == 0 && is_plain && event->data.scalar.length == 0)
        return MUSTER_OK; /* an empty document, as behind a last `---` */
    struct muster_bytes text = MUSTER_BYTES(event->data.scalar.value, event->data.scalar.length);
    struct agent_doc_node *node = NULL;
    int err = walk_add(w, AGENT_DOC_SCALAR, &event->start_mark, &node);
    if (err != MUSTER_OK)
        return err;
    w->key = node->key; /* names the field if the text is refused */
    err = agent_doc_copy(w->doc, &node->text, text);
    if (err != MUSTER_OK)
        return walk_fail_memory(w, err, &event->start_mark);
    w->key = NULL;
    node->len = (uint32_t)text.len;
    node->is_quoted = !is_plain;
    return MUSTER_OK;
}

static int walk_open(struct yaml_walk *w, enum agent_doc_kind kind, const yaml_event_t *event)
{
    bool is_map = kind == AGENT_DOC_MAP;
    const yaml_char_t *anchor =
        is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    if (anchor != NULL)
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "anchors are not read here; write the value out");
    if (tag != NULL)
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "tags are not read here; each field knows its own type");
    if (walk_wants_key(w))
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark, "a key is a plain word");
    if (w->depth == AGENT_DOC_DEPTH_MAX)
        return walk_fail(w, MUSTER_ELIMIT, &event->start_mark, "nested deeper than 32 levels");
    struct agent_doc_node *node = NULL;
    int err = walk_add(w, kind, &event->start_mark, &node);
    if (err == MUSTER_OK)
        w->open[w->depth++] = node;
    return err;
}

static int key_compare(const void *a, const void *b)
{
    const struct agent_doc_node *const *x = a;
    const struct agent_doc_node *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    if (order != 0)
        return order;
    if ((*x)->key_line != (*y)->key_line)
        return (*x)->key_line < (*y)->key_line ? -1 : 1;
    return (*x)->key_column < (*y)->key_column ? -1 : 1;
}

/* Sorted, so that a map of a hundred thousand keys costs no more than it must. */
static int map_check_keys(struct yaml_walk *w, const struct agent_doc_node *map)
{
    if (map->count < 2)
        return MUSTER_OK;
    struct muster_arena memory;
    if (muster_arena_open(&memory, map->count * sizeof(void *)) != MUSTER_OK)
        return agent_problem_set(w->problem, MUSTER_EFULL, map->key, map->line, map->column,
                                 "out of memory");
    const struct agent_doc_node **sorted = muster_arena_take(&memory, map->count, sizeof *sorted);
    MUSTER_ASSERT(sorted != NULL);
    uint32_t n = 0;
    for (const struct agent_doc_node *node = map->first; node != NULL; node = node->next)
        sorted[n++] = node;
    qsort(sorted, n, sizeof *sorted, key_compare);

    int err = MUSTER_OK;
    for (uint32_t i = 1; i < n && err == MUSTER_OK; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            err = agent_problem_set(w->problem, MUSTER_EINVAL, sorted[i]->key, sorted[i]->key_line,
                                    sorted[i]->key_column, "stands twice; the first is on line %u",
                                    sorted[i - 1]->key_line);
    muster_arena_close(&memory);
    return err;
}

static int walk_close(struct yaml_walk *w)
{
    MUSTER_ASSERT(w->depth > 0);
    const struct agent_doc_node *node = w->open[--w->depth];
    return node->kind == AGENT_DOC_MAP ? map_check_keys(w, node) : MUSTER_OK;
}

static int walk_event(struct yaml_walk *w, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (w->doc->count < w->documents_max)
            return MUSTER_OK;
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         w->documents_max == 1 ? "more than one document; only one is read here"
                                               : "too many documents in one file; split it");
    case YAML_ALIAS_EVENT:
        return walk_fail(w, MUSTER_EINVAL, &event->start_mark,
                         "aliases are not read here; write the value out");
    case YAML_SCALAR_EVENT:
        return walk_scalar(w, event);
    case YAML_SEQUENCE_START_EVENT:
        return walk_open(w, AGENT_DOC_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return walk_open(w, AGENT_DOC_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return walk_close(w);
    default:
        return MUSTER_OK;
    }
}

/* The parser's own complaint. A byte that is no UTF-8 has only an offset: the line is counted. */
static int walk_syntax(struct yaml_walk *w, const yaml_parser_t *parser, struct muster_bytes text)
{
    const char *what = parser->problem == NULL ? "cannot be read" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR)
        return agent_problem_set(w->problem, MUSTER_EFULL, NULL, 0, 0, "out of memory");
    if (parser->error != YAML_READER_ERROR)
        return agent_problem_set(w->problem, MUSTER_EINVAL, NULL,
                                 (uint32_t)parser->problem_mark.line + 1,
                                 (uint32_t)parser->problem_mark.column + 1, "not YAML: %s", what);
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < parser->problem_offset && i < text.len; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n' ? 1 : 0;
    }
    return agent_problem_set(w->problem, MUSTER_EINVAL, NULL, line, column, "not YAML: %s", what);
}

int agent_yaml_read(struct agent_doc *doc, struct muster_bytes text, uint32_t documents_max,
                    struct agent_problem *problem)
{
    MUSTER_ASSERT(documents_max >= 1);
    MUSTER_ASSERT(documents_max <= AGENT_DOC_ROOTS_MAX);
    if (text.len > AGENT_DOC_BYTES_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0, "larger than 1 MiB");
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0)
        return agent_problem_set(problem, MUSTER_EFULL, NULL, 0, 0, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    /* An empty text may have no address, and libyaml insists on one. */
    const uint8_t *data = text.data != NULL ? text.data : (const uint8_t *)"";
    yaml_parser_set_input_string(&parser, data, text.len);

    struct yaml_walk walk = { .doc = doc, .problem = problem, .documents_max = documents_max };
    int err = MUSTER_OK;
    bool is_end = false;
    while (err == MUSTER_OK && !is_end) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            err = walk_syntax(&walk, &parser, text);
            break;
        }
        is_end = event.type == YAML_STREAM_END_EVENT;
        err = walk_event(&walk, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return err;
}
