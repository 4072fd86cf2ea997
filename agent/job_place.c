/* SPDX-License-Identifier: Apache-2.0 */
/* The types of placement: expressions over nodes, as they were written. */
#include <string.h>

#include "agent/job_field.h"
#include "agent/match.h"

/* ---- on, prefer: kept as a text, and parsed to refuse what is none */

static const char **text_of(const struct agent_schema_field *field, void *object)
{
    return (const char **)(void *)((uint8_t *)object + field->offset);
}

static const char *text_seen(const struct agent_schema_field *field, const void *object)
{
    return *(const char *const *)(const void *)((const uint8_t *)object + field->offset);
}

static int match_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_match match;
    struct agent_problem problem;
    const char *text = agent_schema_scalar(r, field->name, node, "an expression over nodes");
    if (text == NULL)
        return r->problem->err;
    /* A newer build may know more words: what a row says is taken as it is. */
    int err = r->is_strict ? agent_match_parse(&match, text, &problem) : MUSTER_OK;
    if (err != MUSTER_OK)
        return agent_schema_fail(r, err, field->name, node, "%s", problem.message);
    *text_of(field, object) = agent_schema_copy(r, field->name, text);
    return text_seen(field, object) == NULL ? r->problem->err : MUSTER_OK;
}

static void match_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    agent_json_text(j, text_seen(field, object));
}

static bool match_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    const char *x = text_seen(field, a), *y = text_seen(field, b);
    return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

const struct agent_schema_custom job_match_field = { match_read, match_write, match_is_same };
