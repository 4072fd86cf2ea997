/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: which fields differ from their defaults, and how they are written. */
#include <string.h>

#include "agent/schema.h"
#include "agent/schema_value.h"
#include "base/clock.h"

static const void *seen_at(const void *object, size_t offset)
{
    return (const uint8_t *)object + offset;
}

static uint32_t u32_load(const void *object, size_t offset)
{
    uint32_t value;
    memcpy(&value, seen_at(object, offset), sizeof value);
    return value;
}

static uint64_t u64_load(const void *object, size_t offset)
{
    uint64_t value;
    memcpy(&value, seen_at(object, offset), sizeof value);
    return value;
}

static const void *pointer_load(const void *object, size_t offset)
{
    const void *value;
    memcpy(&value, seen_at(object, offset), sizeof value);
    return value;
}

static bool text_is_same(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

static bool texts_are_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    uint32_t n = u32_load(a, field->count_offset);
    if (n != u32_load(b, field->count_offset))
        return false;
    const char *const *x = pointer_load(a, field->offset);
    const char *const *y = pointer_load(b, field->offset);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(x[i], y[i]) != 0)
            return false;
    return true;
}

static bool pairs_are_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    uint32_t n = u32_load(a, field->count_offset);
    if (n != u32_load(b, field->count_offset))
        return false;
    const struct agent_pair *x = pointer_load(a, field->offset);
    const struct agent_pair *y = pointer_load(b, field->offset);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(x[i].key, y[i].key) != 0 || strcmp(x[i].value, y[i].value) != 0)
            return false;
    return true;
}

static bool fields_are_same(const struct agent_schema *schema, const void *a, const void *b)
{
    for (uint32_t i = 0; i < schema->count; i++)
        if (!schema_value_is_same(&schema->fields[i], a, b))
            return false;
    return true;
}

bool schema_value_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    switch (field->type) {
    case AGENT_TYPE_TEXT:
        return text_is_same(pointer_load(a, field->offset), pointer_load(b, field->offset));
    case AGENT_TYPE_U32:
    case AGENT_TYPE_I32:
    case AGENT_TYPE_WORD:
        return u32_load(a, field->offset) == u32_load(b, field->offset);
    case AGENT_TYPE_U64:
    case AGENT_TYPE_DURATION:
    case AGENT_TYPE_SIZE:
        return u64_load(a, field->offset) == u64_load(b, field->offset);
    case AGENT_TYPE_BOOL:
        return memcmp(seen_at(a, field->offset), seen_at(b, field->offset), sizeof(bool)) == 0;
    case AGENT_TYPE_TEXTS:
        return texts_are_same(field, a, b);
    case AGENT_TYPE_PAIRS:
        return pairs_are_same(field, a, b);
    case AGENT_TYPE_MAP:
        return fields_are_same(field->inner, a, b);
    case AGENT_TYPE_CUSTOM:
        return field->custom->is_same(field, a, b);
    default:
        return true;
    }
}

static void texts_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    const char *const *list = pointer_load(object, field->offset);
    uint32_t n = u32_load(object, field->count_offset);
    agent_json_array(j);
    for (uint32_t i = 0; i < n; i++)
        agent_json_text(j, list[i]);
    agent_json_array_end(j);
}

static void pairs_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    const struct agent_pair *list = pointer_load(object, field->offset);
    uint32_t n = u32_load(object, field->count_offset);
    agent_json_object(j);
    for (uint32_t i = 0; i < n; i++)
        agent_json_put_text(j, list[i].key, list[i].value);
    agent_json_object_end(j);
}

static void word_write(const struct agent_schema_field *field, const void *object,
                       struct agent_json *j)
{
    int32_t value = (int32_t)u32_load(object, field->offset);
    const struct agent_schema_word *word = field->words;
    while (word->text != NULL && word->value != value)
        word++;
    MUSTER_ASSERT(word->text != NULL);
    agent_json_text(j, word->text);
}

static void number_write(const struct agent_schema_field *field, const void *object,
                         struct agent_json *j)
{
    uint64_t value = u64_load(object, field->offset);
    char text[48];
    if (value == UINT64_MAX && (field->flags & AGENT_FIELD_NONE) != 0)
        agent_json_text(j, "none");
    else if (field->type == AGENT_TYPE_DURATION)
        agent_json_text(j, muster_duration_text(value, text, sizeof text));
    else
        agent_json_u64(j, value);
}

static bool bool_load(const void *object, size_t offset)
{
    bool value;
    memcpy(&value, seen_at(object, offset), sizeof value);
    return value;
}

static void value_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    switch (field->type) {
    case AGENT_TYPE_TEXT:
        agent_json_text(j, pointer_load(object, field->offset));
        break;
    case AGENT_TYPE_U32:
        agent_json_u64(j, u32_load(object, field->offset));
        break;
    case AGENT_TYPE_I32:
        agent_json_i64(j, (int32_t)u32_load(object, field->offset));
        break;
    case AGENT_TYPE_BOOL:
        agent_json_bool(j, bool_load(object, field->offset));
        break;
    case AGENT_TYPE_WORD:
        word_write(field, object, j);
        break;
    case AGENT_TYPE_TEXTS:
        texts_write(field, object, j);
        break;
    case AGENT_TYPE_PAIRS:
        pairs_write(field, object, j);
        break;
    default:
        number_write(field, object, j);
        break;
    }
}

static void field_write(const struct agent_schema_field *field, const void *object,
                        const void *defaults, struct agent_json *j)
{
    if (field->type == AGENT_TYPE_NOWHERE || schema_value_is_same(field, object, defaults))
        return;
    agent_json_key(j, field->name);
    if (field->type == AGENT_TYPE_MAP) {
        agent_json_object(j);
        agent_schema_write(field->inner, object, defaults, j);
        agent_json_object_end(j);
    } else if (field->type == AGENT_TYPE_CUSTOM) {
        field->custom->write(field, object, j);
    } else {
        value_write(field, object, j);
    }
}

void agent_schema_write(const struct agent_schema *schema, const void *object, const void *defaults,
                        struct agent_json *j)
{
    for (uint32_t i = 0; i < schema->count; i++)
        field_write(&schema->fields[i], object, defaults, j);
}
