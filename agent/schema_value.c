/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in types: how each is read from a node. */
#include "agent/schema_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void *place_of(const struct agent_schema_field *field, void *object)
{
    return (uint8_t *)object + field->offset;
}

static void u32_store(void *object, size_t offset, uint32_t value)
{
    memcpy((uint8_t *)object + offset, &value, sizeof value);
}

const char *agent_schema_scalar(struct agent_schema_reader *r, const char *name,
                                const struct agent_doc_node *node, const char *wanted)
{
    if (node->kind == AGENT_DOC_SCALAR && !agent_doc_is_null(node))
        return node->text;
    const char *found = node->kind == AGENT_DOC_LIST  ? "a list"
                        : node->kind == AGENT_DOC_MAP ? "a map"
                                                      : "nothing";
    (void)agent_schema_fail(r, MUSTER_ETYPE, name, node, "expected %s, found %s", wanted, found);
    return NULL;
}

/* Decimal digits only: no sign, no space, no exponent, so that nobody wonders what 1e3 meant. */
static int digits_read(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    if (*text == '\0')
        return MUSTER_EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return MUSTER_EINVAL;
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return MUSTER_ERANGE;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return MUSTER_OK;
}

int agent_schema_u64(struct agent_schema_reader *r, const char *name,
                     const struct agent_doc_node *node, uint64_t min, uint64_t max, uint64_t *value)
{
    const char *text = agent_schema_scalar(r, name, node, "a whole number");
    if (text == NULL)
        return r->problem->err;
    uint64_t read = 0;
    int err = digits_read(text, &read);
    if (err == MUSTER_EINVAL)
        return agent_schema_fail(r, err, name, node,
                                 "\"%.40s\" is not a whole number; say %" PRIu64 " to %" PRIu64,
                                 text, min, max);
    if (err != MUSTER_OK || read < min || read > max)
        return agent_schema_fail(r, MUSTER_ERANGE, name, node,
                                 "%.40s is out of range; say %" PRIu64 " to %" PRIu64, text, min,
                                 max);
    *value = read;
    return MUSTER_OK;
}

static int i32_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                    const struct agent_doc_node *node, int32_t *value)
{
    const char *text = agent_schema_scalar(r, field->name, node, "a whole number");
    if (text == NULL)
        return r->problem->err;
    bool is_negative = text[0] == '-';
    uint64_t read = 0;
    int err = digits_read(text + (is_negative ? 1 : 0), &read);
    if (err == MUSTER_EINVAL)
        return agent_schema_fail(r, err, field->name, node,
                                 "\"%.40s\" is not a whole number; say -%" PRIu64 " to %" PRIu64,
                                 text, field->min, field->max);
    if (err != MUSTER_OK || read > (is_negative ? field->min : field->max))
        return agent_schema_fail(r, MUSTER_ERANGE, field->name, node,
                                 "%.40s is out of range; say -%" PRIu64 " to %" PRIu64, text,
                                 field->min, field->max);
    *value = is_negative ? -(int32_t)read : (int32_t)read;
    return MUSTER_OK;
}

int agent_schema_duration(struct agent_schema_reader *r, const char *name,
                          const struct agent_doc_node *node, uint64_t min, uint64_t max,
                          uint64_t *value)
{
    const char *text = agent_schema_scalar(r, name, node, "a duration");
    if (text == NULL)
        return r->problem->err;
    uint64_t read = 0;
    if (muster_duration_parse(&read, text) != MUSTER_OK)
        return agent_schema_fail(r, MUSTER_EINVAL, name, node,
                                 "\"%.40s\" is not a duration; say 250ms, 10s, 5m, 2h or 7d", text);
    if (read < min || read > max) {
        char low[48];
        char high[48];
        return agent_schema_fail(r, MUSTER_ERANGE, name, node,
                                 "%.40s is out of range; say %s to %s", text,
                                 muster_duration_text(min, low, sizeof low),
                                 muster_duration_text(max, high, sizeof high));
    }
    *value = read;
    return MUSTER_OK;
}

static int size_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, uint64_t *value)
{
    const char *text = agent_schema_scalar(r, field->name, node, "a size");
    if (text == NULL)
        return r->problem->err;
    uint64_t read = 0;
    if (muster_size_parse(&read, text) != MUSTER_OK)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is not a size; say 64K, 1M or 4G", text);
    if (read < field->min || read > field->max)
        return agent_schema_fail(r, MUSTER_ERANGE, field->name, node,
                                 "%.40s is out of range; say %" PRIu64 " to %" PRIu64 " bytes",
                                 text, field->min, field->max);
    *value = read;
    return MUSTER_OK;
}

static bool says_none(const struct agent_schema_field *field, const struct agent_doc_node *node)
{
    if ((field->flags & AGENT_FIELD_NONE) == 0 || node->kind != AGENT_DOC_SCALAR)
        return false;
    return strcmp(node->text, "none") == 0 || strcmp(node->text, "off") == 0;
}

static int number_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                       const struct agent_doc_node *node, void *object)
{
    uint64_t value = UINT64_MAX;
    int err = MUSTER_OK;
    if (says_none(field, node))
        err = MUSTER_OK;
    else if (field->type == AGENT_TYPE_DURATION)
        err = agent_schema_duration(r, field->name, node, field->min, field->max, &value);
    else if (field->type == AGENT_TYPE_SIZE)
        err = size_read(r, field, node, &value);
    else
        err = agent_schema_u64(r, field->name, node, field->min, field->max, &value);
    if (err != MUSTER_OK)
        return err;
    if (field->type == AGENT_TYPE_U32)
        u32_store(object, field->offset, (uint32_t)value);
    else
        memcpy(place_of(field, object), &value, sizeof value);
    return MUSTER_OK;
}

static int bool_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "yes or no");
    if (text == NULL)
        return r->problem->err;
    bool is_yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    bool is_no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0;
    if (!is_yes && !is_no)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is neither yes nor no", text);
    memcpy(place_of(field, object), &is_yes, sizeof is_yes);
    return MUSTER_OK;
}

#define WORDS_MAX 40

static int word_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "one word");
    if (text == NULL)
        return r->problem->err;
    const char *known[WORDS_MAX + 1];
    char list[160] = "";
    size_t n = 0;
    for (; field->words[n].text != NULL; n++) {
        MUSTER_ASSERT(n < WORDS_MAX);
        known[n] = field->words[n].text;
        if (strcmp(text, known[n]) == 0) {
            memcpy(place_of(field, object), &field->words[n].value, sizeof(int32_t));
            return MUSTER_OK;
        }
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%s", n == 0 ? "" : ", ", known[n]);
    }
    known[n] = NULL;
    const char *meant = agent_problem_nearest(text, known);
    return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                             "\"%.40s\" is not one of %s%s%s%s", text, list,
                             meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
                             meant == NULL ? "" : "?");
}

static int text_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "a text");
    if (text == NULL)
        return r->problem->err;
    if (node->len > field->max)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "has %" PRIu32 " bytes; at most %" PRIu64 " are allowed",
                                 node->len, field->max);
    if (node->len < field->min)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "is empty");
    /* A default is a constant of the table and needs no copy. */
    const char *copy = r->arena == NULL ? text : agent_schema_copy(r, field->name, text);
    if (copy == NULL)
        return r->problem->err;
    memcpy(place_of(field, object), &copy, sizeof copy);
    return MUSTER_OK;
}

static int list_check(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, enum agent_doc_kind kind)
{
    if (node->kind != kind)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node, "expected %s, found %s",
                                 kind == AGENT_DOC_MAP ? "a map of names and texts"
                                                       : "a list of texts",
                                 node->kind == AGENT_DOC_SCALAR ? "a single value"
                                 : node->kind == AGENT_DOC_LIST ? "a list"
                                                                : "a map");
    if (node->count > field->max)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "has %" PRIu32 " entries; at most %" PRIu64 " are allowed",
                                 node->count, field->max);
    return MUSTER_OK;
}

static int texts_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    int err = list_check(r, field, node, AGENT_DOC_LIST);
    if (err != MUSTER_OK)
        return err;
    const char **list = agent_schema_take(r, field->name, node->count + 1, sizeof *list);
    if (list == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        char name[AGENT_PROBLEM_FIELD];
        (void)snprintf(name, sizeof name, "%s[%" PRIu32 "]", field->name, n);
        const char *text = agent_schema_scalar(r, name, item, "a text");
        if (text == NULL)
            return r->problem->err;
        list[n] = agent_schema_copy(r, name, text);
        if (list[n++] == NULL)
            return r->problem->err;
    }
    const char *const *out = list;
    memcpy(place_of(field, object), &out, sizeof out);
    u32_store(object, field->count_offset, n);
    return MUSTER_OK;
}

static int pair_compare(const void *a, const void *b)
{
    const struct agent_pair *x = a;
    const struct agent_pair *y = b;
    return strcmp(x->key, y->key);
}

static bool key_is_name(const char *key)
{
    return key[0] != '\0' && strlen(key) <= 64 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(key);
}

static int pairs_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    int err = list_check(r, field, node, AGENT_DOC_MAP);
    if (err != MUSTER_OK)
        return err;
    struct agent_pair *list = agent_schema_take(r, field->name, node->count + 1, sizeof *list);
    if (list == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        char name[AGENT_PROBLEM_FIELD];
        (void)snprintf(name, sizeof name, "%s.%.64s", field->name, item->key);
        if ((field->flags & AGENT_FIELD_NAMED) != 0 && !key_is_name(item->key))
            return agent_schema_fail(r, MUSTER_EINVAL, name, item,
                                     "a name here has 1 to 64 of a-z 0-9 . _ -");
        const char *text = agent_schema_scalar(r, name, item, "a text");
        if (text == NULL)
            return r->problem->err;
        list[n].key = agent_schema_copy(r, name, item->key);
        list[n].value = agent_schema_copy(r, name, text);
        if (list[n].key == NULL || list[n].value == NULL)
            return r->problem->err;
        n++;
    }
    qsort(list, n, sizeof *list, pair_compare);
    const struct agent_pair *out = list;
    memcpy(place_of(field, object), &out, sizeof out);
    u32_store(object, field->count_offset, n);
    return MUSTER_OK;
}

int schema_value_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    switch (field->type) {
    case AGENT_TYPE_TEXT:
        return text_read(r, field, node, object);
    case AGENT_TYPE_U32:
    case AGENT_TYPE_U64:
    case AGENT_TYPE_DURATION:
    case AGENT_TYPE_SIZE:
        return number_read(r, field, node, object);
    case AGENT_TYPE_I32:
        return i32_read(r, field, node, place_of(field, object));
    case AGENT_TYPE_BOOL:
        return bool_read(r, field, node, object);
    case AGENT_TYPE_WORD:
        return word_read(r, field, node, object);
    case AGENT_TYPE_TEXTS:
        return texts_read(r, field, node, object);
    case AGENT_TYPE_PAIRS:
        return pairs_read(r, field, node, object);
    default:
        MUSTER_ASSERT(field->type < AGENT_TYPE_MAP);
        return MUSTER_EINVAL;
    }
}
