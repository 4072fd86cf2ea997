/* SPDX-License-Identifier: Apache-2.0 */
/* The walker: finds the field of each key, and the key that was probably meant. */
#include "agent/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/schema_value.h"

#define SCHEMA_FIELDS_MAX 96

const struct agent_schema_field *agent_schema_find(const struct agent_schema *schema,
                                                   const char *name)
{
    for (uint32_t i = 0; i < schema->count; i++)
        if (schema->fields[i].name[0] == name[0] && strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    return NULL;
}

int agent_schema_fail(struct agent_schema_reader *r, int err, const char *name,
                      const struct agent_doc_node *node, const char *format, ...)
{
    char field[2 * AGENT_PROBLEM_FIELD];
    char message[AGENT_PROBLEM_TEXT];
    (void)snprintf(field, sizeof field, "%s%s", r->path, name);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return agent_problem_set(r->problem, err, field, node->line, node->column, "%s", message);
}

static int unknown_fail(const struct agent_schema *schema, struct agent_schema_reader *r,
                        const struct agent_doc_node *node)
{
    const char *words[SCHEMA_FIELDS_MAX + 1];
    MUSTER_ASSERT(schema->count <= SCHEMA_FIELDS_MAX);
    for (uint32_t i = 0; i < schema->count; i++)
        words[i] = schema->fields[i].name;
    words[schema->count] = NULL;
    const char *meant = agent_problem_nearest(node->key, words);

    struct agent_doc_node at = { .line = node->key_line, .column = node->key_column };
    if (meant == NULL)
        return agent_schema_fail(r, MUSTER_EINVAL, node->key, &at, "unknown key");
    return agent_schema_fail(r, MUSTER_EINVAL, node->key, &at, "unknown key; did you mean %s?",
                             meant);
}

static int later_fail(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node)
{
    return agent_schema_fail(r, MUSTER_EUNSUPPORTED, field->name, node,
                             "not supported yet in this version");
}

/* A field without a home can only be compared as a text. */
static int nowhere_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                        const struct agent_doc_node *node)
{
    if (!r->is_strict)
        return MUSTER_OK;
    bool is_default = node->kind == AGENT_DOC_SCALAR && field->fallback != NULL &&
                      strcmp(node->text, field->fallback) == 0;
    return is_default ? MUSTER_OK : later_fail(r, field, node);
}

static int inner_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    if (node->kind != AGENT_DOC_MAP)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node,
                                 "expected a map with %s and so on", field->inner->fields[0].name);
    size_t len = strlen(r->path);
    (void)snprintf(r->path + len, sizeof r->path - len, "%s.", field->name);
    int err = agent_schema_read(field->inner, r, node, object);
    r->path[len] = '\0';
    return err;
}

static int field_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    if (agent_doc_is_null(node) && r->is_strict)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "says nothing; give it a value or leave it out");
    if (field->type == AGENT_TYPE_NOWHERE)
        return nowhere_read(r, field, node);
    int err = field->type == AGENT_TYPE_MAP      ? inner_read(r, field, node, object)
              : field->type == AGENT_TYPE_CUSTOM ? field->custom->read(r, field, node, object)
                                                 : schema_value_read(r, field, node, object);
    if (err != MUSTER_OK)
        return err;
    MUSTER_ASSERT(!r->is_strict || r->defaults != NULL);
    bool is_later = (field->flags & AGENT_FIELD_LATER) != 0 && r->is_strict;
    if (is_later && !schema_value_is_same(field, object, r->defaults))
        return later_fail(r, field, node);
    if ((field->flags & AGENT_FIELD_RUN) != 0 && r->is_strict)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "belongs to a run and not to its job; say it where the run is "
                                 "made: `muster trigger JOB --%s …`",
                                 field->name);
    return MUSTER_OK;
}

int agent_schema_read(const struct agent_schema *schema, struct agent_schema_reader *r,
                      const struct agent_doc_node *map, void *object)
{
    if (map->kind != AGENT_DOC_MAP)
        return agent_schema_fail(r, MUSTER_ETYPE, "", map, "expected a map of fields, found %s",
                                 map->kind == AGENT_DOC_LIST ? "a list" : "a single value");
    for (const struct agent_doc_node *node = map->first; node != NULL; node = node->next) {
        const struct agent_schema_field *field = agent_schema_find(schema, node->key);
        if (field == NULL && r->is_strict)
            return unknown_fail(schema, r, node);
        if (field == NULL)
            continue;
        int err = field_read(r, field, node, object);
        if (err != MUSTER_OK)
            return err;
    }
    return MUSTER_OK;
}

void agent_schema_defaults(const struct agent_schema *schema, void *object)
{
    struct agent_problem problem;
    agent_problem_clear(&problem);
    struct agent_schema_reader reader = { .problem = &problem };
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct agent_schema_field *field = &schema->fields[i];
        if (field->type == AGENT_TYPE_MAP)
            agent_schema_defaults(field->inner, object);
        if (field->fallback == NULL || field->type == AGENT_TYPE_NOWHERE)
            continue;
        struct agent_doc_node node = { .kind = AGENT_DOC_SCALAR, .is_quoted = true };
        node.text = field->fallback;
        node.len = (uint32_t)strlen(field->fallback);
        int err = field_read(&reader, field, &node, object);
        MUSTER_ASSERT(err == MUSTER_OK);
    }
}

void *agent_schema_take(struct agent_schema_reader *r, const char *name, size_t count, size_t size)
{
    static const struct agent_doc_node nowhere = { .line = 0 };
    void *taken = r->arena == NULL ? NULL : muster_arena_take(r->arena, count, size);
    if (taken == NULL)
        (void)agent_schema_fail(r, MUSTER_EFULL, name, &nowhere, "out of memory");
    return taken;
}

const char *agent_schema_copy(struct agent_schema_reader *r, const char *name, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = agent_schema_take(r, name, size, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* Each node: its text and key with the arena's rounding, a slot in a list of pairs, and a share of
 * the ends of lists. Depth is bounded by the document. */
size_t agent_schema_memory(const struct agent_doc_node *root)
{
    size_t size = 96;
    size += root->text == NULL ? 0 : root->len + 1;
    size += root->key == NULL ? 0 : strlen(root->key) + 1;
    for (const struct agent_doc_node *node = root->first; node != NULL; node = node->next)
        size += agent_schema_memory(node);
    return size;
}
