/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and variables as documents: which key a word means, and its value as a list or a table. */
#include "agent/config_word.h"

#include <string.h>

#include "agent/config_field.h"
#include "base/text.h"

#define WORD_MAX 64 /* bytes of a flag's name or a variable's */

struct word_key {
    const struct agent_schema_field *field; /* at the top */
    const struct agent_schema_field *inner; /* inside its map, or NULL */
};

/* `data_dir` is a field; `log_level` is `level` inside the map `log`. */
static bool key_find(const char *name, struct word_key *key)
{
    key->inner = NULL;
    key->field = agent_schema_find(&config_schema, name);
    if (key->field != NULL)
        return key->field->type != AGENT_TYPE_MAP;
    for (uint32_t i = 0; i < config_schema.count; i++) {
        const struct agent_schema_field *field = &config_schema.fields[i];
        size_t len = strlen(field->name);
        if (field->type != AGENT_TYPE_MAP || strncmp(name, field->name, len) != 0 ||
            name[len] != '_')
            continue;
        key->field = field;
        key->inner = agent_schema_find(field->inner, name + len + 1);
        return key->inner != NULL;
    }
    return false;
}

/* ---- building the document */

static struct agent_doc_node *node_add(struct agent_doc *words, struct agent_doc_node *parent,
                                       enum agent_doc_kind kind, struct muster_bytes key,
                                       struct agent_problem *problem)
{
    int err = MUSTER_OK;
    struct agent_doc_node *node = agent_doc_add(words, parent, kind, &err);
    if (node != NULL && key.len != 0)
        err = agent_doc_copy(words, &node->key, key);
    if (err == MUSTER_OK)
        return node;
    (void)agent_problem_set(problem, err, NULL, 0, 0, "out of memory");
    return NULL;
}

static int scalar_add(struct agent_doc *words, struct agent_doc_node *parent,
                      struct muster_bytes key, struct muster_bytes text,
                      struct agent_problem *problem)
{
    struct agent_doc_node *node = node_add(words, parent, AGENT_DOC_SCALAR, key, problem);
    if (node == NULL)
        return problem->err;
    node->is_quoted = true;
    node->len = (uint32_t)text.len;
    int err = agent_doc_copy(words, &node->text, text);
    return err == MUSTER_OK ? err : agent_problem_set(problem, err, NULL, 0, 0, "out of memory");
}

/* One entry of `key=value,key=value`. */
static int entry_add(struct agent_doc *words, struct agent_doc_node *table,
                     struct muster_bytes entry, struct agent_problem *problem)
{
    const uint8_t *equals = memchr(entry.data, '=', entry.len);
    if (equals == NULL || equals == entry.data)
        return agent_problem_set(problem, MUSTER_EINVAL, NULL, 0, 0,
                                 "\"%.*s\" is no pair; say key=value,key=value",
                                 (int)(entry.len < 64 ? entry.len : 64), (const char *)entry.data);
    size_t len = (size_t)(equals - entry.data);
    int err = scalar_add(words, table, MUSTER_BYTES(entry.data, len),
                         MUSTER_BYTES(equals + 1, entry.len - len - 1), problem);
    if (err == MUSTER_OK && agent_doc_find(table, table->last->key) != table->last)
        err = agent_problem_set(problem, MUSTER_EINVAL, NULL, 0, 0, "%.64s stands twice",
                                table->last->key);
    return err;
}

static int items_add(struct agent_doc *words, struct agent_doc_node *parent, const char *text,
                     bool is_table, struct agent_problem *problem)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        struct muster_bytes item = MUSTER_BYTES(text, len);
        int err = MUSTER_OK;
        if (is_table)
            err = entry_add(words, parent, item, problem);
        else
            err = scalar_add(words, parent, MUSTER_BYTES(NULL, 0), item, problem);
        if (err != MUSTER_OK)
            return err;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return MUSTER_OK;
}

static int value_add(struct agent_doc *words, struct agent_doc_node *root, struct word_key key,
                     const char *text, struct agent_problem *problem)
{
    struct muster_bytes name = muster_bytes_text(key.field->name);
    bool is_table = (key.field->flags & AGENT_FIELD_TABLE) != 0;
    if (is_table || (key.field->flags & AGENT_FIELD_LIST) != 0) {
        struct agent_doc_node *list =
            node_add(words, root, is_table ? AGENT_DOC_MAP : AGENT_DOC_LIST, name, problem);
        return list == NULL ? problem->err : items_add(words, list, text, is_table, problem);
    }
    if (key.inner != NULL) {
        root = node_add(words, root, AGENT_DOC_MAP, name, problem);
        if (root == NULL)
            return problem->err;
        name = muster_bytes_text(key.inner->name);
    }
    return scalar_add(words, root, name, muster_bytes_text(text), problem);
}

static int word_add(struct agent_doc *words, const char *said, struct word_key key,
                    const char *text, struct agent_problem *problem)
{
    struct agent_doc_node *root =
        node_add(words, NULL, AGENT_DOC_MAP, muster_bytes_text(said), problem);
    int err = root == NULL ? problem->err : value_add(words, root, key, text, problem);
    if (err != MUSTER_OK)
        (void)muster_format(problem->field, sizeof problem->field, "%s", said);
    return err;
}

/* ---- environment */

/* MUSTER_DATA_DIR into `data_dir`; false for a variable that is none of ours. */
static bool env_name(const char *entry, char *out, size_t size)
{
    static const char prefix[] = "MUSTER_";
    if (strncmp(entry, prefix, sizeof prefix - 1) != 0)
        return false;
    entry += sizeof prefix - 1;
    size_t len = strcspn(entry, "=");
    if (len == 0 || len >= size || entry[len] != '=')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (entry[i] != '_' && (entry[i] < 'A' || entry[i] > 'Z'))
            return false;
        out[i] = entry[i] == '_' ? '_' : (char)(entry[i] - 'A' + 'a');
    }
    out[len] = '\0';
    return true;
}

int config_word_env(struct agent_doc *words, const char *const *env, struct agent_problem *problem)
{
    for (; env != NULL && *env != NULL; env++) {
        char name[WORD_MAX];
        char said[WORD_MAX + 8];
        struct word_key key;
        const char *value = strchr(*env, '=');
        if (!env_name(*env, name, sizeof name) || !key_find(name, &key) || value[1] == '\0')
            continue;
        (void)muster_format(said, sizeof said, "%.*s", (int)(value - *env), *env);
        int err = word_add(words, said, key, value + 1, problem);
        if (err != MUSTER_OK)
            return err;
    }
    return MUSTER_OK;
}

/* ---- flags */

struct flag {
    char said[WORD_MAX]; /* --data-dir */
    char name[WORD_MAX]; /* data_dir */
    const char *value;   /* behind an equals sign, or NULL */
};

static bool flag_split(const char *arg, struct flag *f)
{
    size_t len = strcspn(arg, "=");
    if (strncmp(arg, "--", 2) != 0 || len <= 2 || len >= sizeof f->said)
        return false;
    memcpy(f->said, arg, len);
    f->said[len] = '\0';
    f->value = arg[len] == '=' ? arg + len + 1 : NULL;
    for (size_t i = 2; i <= len; i++)
        f->name[i - 2] = (char)(f->said[i] == '-' ? '_' : f->said[i]);
    return strchr(f->said, '_') == NULL;
}

/* All flags there are, to find the one that was meant. */
static int flag_unknown(const struct flag *f, struct agent_problem *problem)
{
    char name[96][WORD_MAX];
    const char *list[97];
    uint32_t n = 0;
    static const char *const others[] = { "check", "config", "dev", "found", "help", "version" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        (void)muster_format(name[n++], WORD_MAX, "%s", others[i]);
    for (uint32_t i = 0; i < config_schema.count; i++) {
        const struct agent_schema_field *field = &config_schema.fields[i];
        uint32_t inner = field->type == AGENT_TYPE_MAP ? field->inner->count : 1;
        MUSTER_ASSERT(n + inner <= 96);
        for (uint32_t k = 0; k < inner; k++)
            (void)muster_format(name[n++], WORD_MAX, "%s%s%s", field->name,
                                field->type == AGENT_TYPE_MAP ? "_" : "",
                                field->type == AGENT_TYPE_MAP ? field->inner->fields[k].name : "");
    }
    for (uint32_t i = 0; i < n; i++)
        list[i] = name[i];
    list[n] = NULL;
    const char *meant = agent_problem_nearest(f->name, list);
    if (meant == NULL)
        return agent_problem_set(problem, MUSTER_EINVAL, f->said, 0, 0, "unknown flag");
    char flag[WORD_MAX];
    (void)muster_format(flag, sizeof flag, "%s", meant);
    for (char *at = flag; *at != '\0'; at++)
        *at = *at == '_' ? '-' : *at;
    return agent_problem_set(problem, MUSTER_EINVAL, f->said, 0, 0,
                             "unknown flag; did you mean --%s?", flag);
}

/* Flags without a value. True if it was one. */
static bool flag_switch(const struct flag *f, struct agent_config_options *o)
{
    bool *const on[] = { &o->is_dev, &o->found, &o->help, &o->version, &o->check };
    static const char *const name[] = { "dev", "found", "help", "version", "check" };
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        if (strcmp(f->name, name[i]) != 0)
            continue;
        *on[i] = true;
        return true;
    }
    return false;
}

static bool said_before(const char *const *arg, uint32_t until, const struct flag *f)
{
    struct flag other;
    for (uint32_t i = 0; i < until; i++)
        if (flag_split(arg[i], &other) && strcmp(other.said, f->said) == 0)
            return true;
    return false;
}

/* The value behind the equals sign, or the next argument, which may not look like a flag. */
static int flag_value(struct flag *f, const char *const *arg, uint32_t arg_count, uint32_t *at,
                      struct agent_problem *problem)
{
    if (f->value != NULL)
        return MUSTER_OK;
    if (*at + 1 == arg_count || strncmp(arg[*at + 1], "--", 2) == 0)
        return agent_problem_set(problem, MUSTER_EINVAL, f->said, 0, 0, "needs a value");
    f->value = arg[++*at];
    return MUSTER_OK;
}

int config_word_flags(struct agent_doc *words, struct agent_config_options *options,
                      const char *const *arg, uint32_t arg_count, struct agent_problem *problem)
{
    struct agent_config_options unused = { 0 };
    struct agent_config_options *o = options == NULL ? &unused : options;
    if (arg_count > AGENT_CONFIG_FLAGS_MAX)
        return agent_problem_set(problem, MUSTER_ELIMIT, NULL, 0, 0, "more than %d arguments",
                                 AGENT_CONFIG_FLAGS_MAX);
    for (uint32_t at = 0; at < arg_count; at++) {
        struct flag f;
        struct word_key key = { NULL, NULL };
        uint32_t first = at;
        if (strcmp(arg[at], "-h") == 0) {
            o->help = true;
            continue;
        }
        if (!flag_split(arg[at], &f))
            return agent_problem_set(problem, MUSTER_EINVAL, NULL, 0, 0,
                                     "unexpected argument \"%.80s\"; settings are said as --key "
                                     "value",
                                     arg[at]);
        if (said_before(arg, first, &f))
            return agent_problem_set(problem, MUSTER_EINVAL, f.said, 0, 0, "is given twice");
        if (flag_switch(&f, o)) {
            if (f.value == NULL)
                continue;
            return agent_problem_set(problem, MUSTER_EINVAL, f.said, 0, 0, "takes no value");
        }
        bool is_config = strcmp(f.name, "config") == 0;
        if (!is_config && !key_find(f.name, &key))
            return flag_unknown(&f, problem);
        int err = flag_value(&f, arg, arg_count, &at, problem);
        if (err == MUSTER_OK && is_config)
            o->file = f.value;
        else if (err == MUSTER_OK && words != NULL)
            err = word_add(words, f.said, key, f.value, problem);
        if (err != MUSTER_OK)
            return err;
    }
    return MUSTER_OK;
}
