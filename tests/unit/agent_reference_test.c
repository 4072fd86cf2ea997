/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page of job files against the table of their fields: each has its section, and what a
 * section says of defaults and limits is so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job_field.h"
#include "agent/yaml.h"
#include "base/clock.h"
#include "tests/unit/unit.h"

#define PAGE         "docs/man/muster-job.5.scd"
#define PAGE_MAX     (256u << 10)
#define SECTIONS_MAX 160
#define TEXT_MAX     512
#define FENCE        "\n```\n"

struct section {
    char name[64];
    const char *begin; /* behind its heading */
    size_t len;
};

static char page[PAGE_MAX];
static struct section sections[SECTIONS_MAX];
static uint32_t sections_count;

static void page_read(void)
{
    FILE *file = fopen(PAGE, "re");
    if (file == NULL)
        fail_msg("no %s here: run it from the top folder", PAGE);
    size_t len = fread(page, 1, sizeof page - 1, file);
    (void)fclose(file);
    page[len] = '\0';
    for (const char *at = page; (at = strstr(at, "\n## ")) != NULL;) {
        struct section *s = &sections[sections_count++];
        assert_true(sections_count < SECTIONS_MAX);
        at += 4;
        (void)snprintf(s->name, sizeof s->name, "%.*s", (int)strcspn(at, "\n"), at);
        s->begin = at + strcspn(at, "\n");
        const char *end = strstr(s->begin, "\n#");
        s->len = end != NULL ? (size_t)(end - s->begin) : strlen(s->begin);
    }
}

/* The rest of the line of the section that begins with these words; "" when there is none. */
static const char *line_of(const struct section *s, const char *words, char out[TEXT_MAX])
{
    const char *at = memmem(s->begin, s->len, words, strlen(words));
    out[0] = '\0';
    if (at != NULL && at[-1] == '\n')
        (void)snprintf(out, TEXT_MAX, "%.*s", (int)strcspn(at, "\n"), at);
    return out;
}

/* The n-th text between stars; false when there are not so many. */
static bool starred(const char *line, uint32_t n, char out[TEXT_MAX])
{
    const char *open = strchr(line, '*'), *close = NULL;
    for (; open != NULL; n--, open = strchr(close + 1, '*')) {
        close = strchr(open + 1, '*');
        if (close == NULL)
            return false;
        if (n == 0) {
            (void)snprintf(out, TEXT_MAX, "%.*s", (int)(close - open - 1), open + 1);
            return true;
        }
    }
    return false;
}

static const struct section *section_find(const char *name)
{
    for (uint32_t i = 0; i < sections_count; i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

/* Calls for every field, those of maps as `map.field`. */
static void fields_each(const struct agent_schema *schema, const char *before,
                        void (*look)(const struct agent_schema_field *field, const char *name))
{
    for (uint32_t i = 0; i < schema->count; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s", before, schema->fields[i].name);
        look(&schema->fields[i], name);
        (void)snprintf(name, sizeof name, "%s.", schema->fields[i].name);
        if (schema->fields[i].type == AGENT_TYPE_MAP)
            fields_each(schema->fields[i].inner, name, look);
    }
}

static void section_is_there(const struct agent_schema_field *field, const char *name)
{
    char line[TEXT_MAX];
    const struct section *s = section_find(name);
    if (s == NULL) {
        fail_msg("%s has no section \"## %s\" in " PAGE, name, name);
        return;
    }
    if (line_of(s, "Default: ", line)[0] == '\0' || line_of(s, "Limits: ", line)[0] == '\0')
        fail_msg("the section of %s says no \"Default: \" or no \"Limits: \"", name);
    bool is_later = (field->flags & AGENT_FIELD_LATER) != 0;
    bool says_later = line_of(s, "_Not yet_: ", line)[0] != '\0';
    if (is_later != says_later)
        fail_msg("%s is %s, and its section says that it %s", name,
                 is_later ? "refused by the table" : "accepted", says_later ? "is not" : "is");
    bool is_of_runs = (field->flags & AGENT_FIELD_RUN) != 0; /* it stands in no job file */
    if (!is_later && !is_of_runs && memmem(s->begin, s->len, FENCE, strlen(FENCE)) == NULL)
        fail_msg("the section of %s shows no example", name);
}

static void every_field_has_its_section(void **state)
{
    (void)state;
    fields_each(&job_schema, "", section_is_there);
}

static char names[SECTIONS_MAX][128];
static uint32_t names_count;

static void name_keep(const struct agent_schema_field *field, const char *name)
{
    (void)field;
    (void)snprintf(names[names_count++], sizeof names[0], "%s", name);
}

static void every_section_is_of_a_field(void **state)
{
    (void)state;
    names_count = 0;
    fields_each(&job_schema, "", name_keep);
    for (uint32_t i = 0; i < sections_count; i++) {
        uint32_t k = 0;
        while (k < names_count && strcmp(names[k], sections[i].name) != 0)
            k++;
        if (k == names_count)
            fail_msg("\"## %s\" is no field of a job", sections[i].name);
        for (k = 0; k < i; k++)
            if (strcmp(sections[k].name, sections[i].name) == 0)
                fail_msg("\"## %s\" comes twice", sections[i].name);
    }
}

/* ---- limits */

static uint64_t value_of(const struct agent_schema_field *field, const char *text)
{
    uint64_t value = 0;
    int err = MUSTER_OK;
    if (field->type == AGENT_TYPE_DURATION)
        err = muster_duration_parse(&value, text);
    else if (field->type == AGENT_TYPE_SIZE)
        err = muster_size_parse(&value, text);
    else
        value = strtoull(text[0] == '-' ? text + 1 : text, NULL, 10);
    if (err != MUSTER_OK)
        fail_msg("%s: \"%s\" is no value of it", field->name, text);
    return value;
}

static void words_are(const struct agent_schema_field *field, const char *name, const char *line)
{
    char word[TEXT_MAX];
    uint32_t n = 0;
    for (; field->words[n].text != NULL; n++)
        if (!starred(line, n, word) || strcmp(word, field->words[n].text) != 0)
            fail_msg("the limits of %s leave out %s, or have it elsewhere", name,
                     field->words[n].text);
    if (starred(line, n, word))
        fail_msg("the limits of %s say %s, which it does not take", name, word);
}

static void limits_are_so(const struct agent_schema_field *field, const char *name)
{
    char line[TEXT_MAX], low[TEXT_MAX], high[TEXT_MAX];
    (void)line_of(section_find(name), "Limits: ", line);
    switch (field->type) {
    case AGENT_TYPE_WORD:
        words_are(field, name, line);
        return;
    case AGENT_TYPE_TEXT:
    case AGENT_TYPE_PAIRS:
        if (!starred(line, 0, high) || value_of(field, high) != field->max)
            fail_msg("%s: at most %llu, not as in \"%s\"", name, (unsigned long long)field->max,
                     line);
        return;
    case AGENT_TYPE_U32:
    case AGENT_TYPE_I32:
    case AGENT_TYPE_U64:
    case AGENT_TYPE_DURATION:
    case AGENT_TYPE_SIZE:
        if (!starred(line, 0, low) || !starred(line, 1, high) ||
            value_of(field, low) != field->min || value_of(field, high) != field->max)
            fail_msg("%s: %llu to %llu, not as in \"%s\"", name, (unsigned long long)field->min,
                     (unsigned long long)field->max, line);
        return;
    case AGENT_TYPE_BOOL:
    case AGENT_TYPE_TEXTS:
    case AGENT_TYPE_MAP:
    case AGENT_TYPE_CUSTOM:
    case AGENT_TYPE_NOWHERE:
        return; /* said in words */
    }
}

static void limits_are_those_of_the_table(void **state)
{
    (void)state;
    fields_each(&job_schema, "", limits_are_so);
}

/* ---- defaults */

static void canonical_of(const char *more, char out[TEXT_MAX])
{
    static const char base[] = "name: x\nexec: [a]\n";
    char yaml[3 * TEXT_MAX];
    struct agent_doc doc;
    struct agent_job job;
    struct agent_problem problem;
    struct muster_text text;
    (void)snprintf(yaml, sizeof yaml, "%s%s", base, more);
    agent_doc_open(&doc);
    int err = agent_yaml_read(&doc, muster_bytes_text(yaml), 1, &problem);
    if (err == MUSTER_OK)
        err = agent_job_from_doc(&job, doc.first, NULL, &problem);
    agent_doc_close(&doc);
    if (err != MUSTER_OK)
        fail_msg("%s: %s: %s", more, problem.field, problem.message);
    muster_text_open(&text, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(&job, &text);
    (void)snprintf(out, TEXT_MAX, "%s", text.data);
    muster_text_close(&text);
    agent_job_close(&job);
}

static void default_is_so(const struct agent_schema_field *field, const char *name)
{
    char line[TEXT_MAX], value[TEXT_MAX], text[TEXT_MAX], more[2 * TEXT_MAX], plain[TEXT_MAX];
    (void)field;
    (void)line_of(section_find(name), "Default: ", line);
    if (!starred(line, 0, value))
        return;
    const char *dot = strchr(name, '.');
    if (dot != NULL)
        (void)snprintf(more, sizeof more, "%.*s: {%s: %s}\n", (int)(dot - name), name, dot + 1,
                       value);
    else
        (void)snprintf(more, sizeof more, "%s: %s\n", name, value);
    canonical_of("", plain);
    canonical_of(more, text);
    if (strcmp(text, plain) != 0)
        fail_msg("%s: %s is not its default", name, value);
}

static void defaults_are_those_of_the_table(void **state)
{
    (void)state;
    fields_each(&job_schema, "", default_is_so);
}

/* ---- examples */

static void example_is_so(const struct agent_schema_field *field, const char *name)
{
    char yaml[TEXT_MAX];
    const struct section *s = section_find(name);
    const char *at = memmem(s->begin, s->len, FENCE, strlen(FENCE));
    if (at == NULL)
        return;
    at += strlen(FENCE);
    const char *end = strstr(at, FENCE);
    if (end == NULL || end > s->begin + s->len) {
        fail_msg("the example of %s has no end", name);
        return;
    }
    (void)snprintf(yaml, sizeof yaml, "\n%.*s\n", (int)(end - at), at);
    struct agent_doc doc;
    struct agent_job job;
    struct agent_problem problem;
    agent_doc_open(&doc);
    int err = agent_yaml_read(&doc, muster_bytes_text(yaml), 1, &problem);
    if (err == MUSTER_OK)
        err = agent_job_from_doc(&job, doc.first, NULL, &problem);
    if (err != MUSTER_OK)
        fail_msg("the example of %s: %s: %s", name, problem.field, problem.message);
    /* It shows the field: at the top, or in its map. */
    const struct agent_doc_node *map = doc.first;
    const char *dot = strchr(name, '.');
    if (dot != NULL) {
        char outer[64];
        (void)snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
        map = agent_doc_find(map, outer);
    }
    if (map == NULL || agent_doc_find(map, field->name) == NULL)
        fail_msg("the example of %s does not show it", name);
    agent_doc_close(&doc);
    agent_job_close(&job);
}

static void examples_are_jobs_and_show_their_field(void **state)
{
    (void)state;
    fields_each(&job_schema, "", example_is_so);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_its_section),
        cmocka_unit_test(every_section_is_of_a_field),
        cmocka_unit_test(limits_are_those_of_the_table),
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(examples_are_jobs_and_show_their_field),
    };
    page_read();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
