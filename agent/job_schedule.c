/* SPDX-License-Identifier: Apache-2.0 */
/* The types of a schedule's fields: expressions, moments and time zones. */
#include <stdio.h>
#include <string.h>

#include "agent/cron.h"
#include "agent/job_field.h"
#include "agent/name.h"
#include "base/clock.h"
#include "base/hash.h"

#define SOME_DAY 946684800 /* of 2000: what never fires does not depend on when one looks */

/* ---- cron */

static int cron_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    struct agent_cron cron;
    struct agent_problem problem;
    const char *text = agent_schema_scalar(r, field->name, node, "an expression of five fields");
    if (text == NULL)
        return r->problem->err;
    agent_problem_clear(&problem);
    if (r->is_strict && agent_cron_parse(&cron, text, 0, &problem) != MUSTER_OK)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "%s", problem.message);
    if (r->is_strict && agent_cron_next(&cron, NULL, SOME_DAY) == AGENT_ZONE_NEVER)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "it never fires: within forty years there is no such day");
    job->cron = agent_schema_copy(r, field->name, text);
    return job->cron == NULL ? r->problem->err : MUSTER_OK;
}

static void cron_write(const struct agent_schema_field *field, const void *object,
                       struct agent_json *j)
{
    (void)field;
    agent_json_text(j, ((const struct agent_job *)object)->cron);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool cron_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return is_same_text(((const struct agent_job *)a)->cron, ((const struct agent_job *)b)->cron);
}

const struct agent_schema_custom job_cron_field = { cron_read, cron_write, cron_is_same };

/* ---- moments */

static int time_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    uint64_t wall_ms = 0;
    const char *text = agent_schema_scalar(r, field->name, node, "a time");
    if (text == NULL)
        return r->problem->err;
    if (muster_time_parse(&wall_ms, text) != MUSTER_OK || wall_ms == 0)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is no time; say 2026-03-28T01:00:00Z, or an offset "
                                 "instead of the Z",
                                 text);
    wall_ms -= wall_ms % 1000;
    memcpy((uint8_t *)object + field->offset, &wall_ms, sizeof wall_ms);
    return MUSTER_OK;
}

static uint64_t time_of(const struct agent_schema_field *field, const void *object)
{
    uint64_t wall_ms;
    memcpy(&wall_ms, (const uint8_t *)object + field->offset, sizeof wall_ms);
    return wall_ms;
}

static void time_write(const struct agent_schema_field *field, const void *object,
                       struct agent_json *j)
{
    char text[MUSTER_TIME_TEXT];
    agent_json_text(j, muster_time_text(time_of(field, object), text));
}

static bool time_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    return time_of(field, a) == time_of(field, b);
}

const struct agent_schema_custom job_time_field = { time_read, time_write, time_is_same };

/* ---- zones: only a host with the zone's file can say whether there is one of that name */

static int tz_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                   const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    const char *text = agent_schema_scalar(r, field->name, node, "a time zone");
    if (text == NULL)
        return r->problem->err;
    if (!agent_zone_name_is_good(text))
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is no time zone; say Europe/Berlin or UTC", text);
    job->tz = strcmp(text, "UTC") == 0 ? NULL : agent_schema_copy(r, field->name, text);
    return job->tz == NULL && strcmp(text, "UTC") != 0 ? r->problem->err : MUSTER_OK;
}

static void tz_write(const struct agent_schema_field *field, const void *object,
                     struct agent_json *j)
{
    (void)field;
    const char *tz = ((const struct agent_job *)object)->tz;
    agent_json_text(j, tz != NULL ? tz : "UTC");
}

static bool tz_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return is_same_text(((const struct agent_job *)a)->tz, ((const struct agent_job *)b)->tz);
}

const struct agent_schema_custom job_tz_field = { tz_read, tz_write, tz_is_same };

/* ---- after: "JOB", or "JOB any" */

static const char *const after_words[] = {
    [AGENT_JOB_AFTER_OK] = "ok", [AGENT_JOB_AFTER_FAIL] = "fail", [AGENT_JOB_AFTER_ANY] = "any"
};

static int after_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    char name[AGENT_NAME_MAX + 1];
    const char *text = agent_schema_scalar(r, field->name, node, "the name of a job");
    if (text == NULL)
        return r->problem->err;
    size_t len = strcspn(text, " ");
    const char *word = text + len + strspn(text + len, " ");
    int32_t end = word[0] == '\0' ? AGENT_JOB_AFTER_OK : -1;
    for (int32_t i = 0; i <= AGENT_JOB_AFTER_ANY && end < 0; i++)
        end = strcmp(word, after_words[i]) == 0 ? i : -1;
    const char *fault = agent_name_job_fault(MUSTER_BYTES(text, len));
    if (fault != NULL || len >= sizeof name)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "\"%.140s\": %s", text,
                                 fault != NULL ? fault : "too long");
    if (end < 0)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is no end of a job; say ok, fail or any", word);
    memcpy(name, text, len);
    name[len] = '\0';
    job->after_end = end;
    job->after = agent_schema_copy(r, field->name, name);
    return job->after == NULL ? r->problem->err : MUSTER_OK;
}

static void after_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    const struct agent_job *job = object;
    char text[AGENT_NAME_MAX + 8];
    (void)field;
    bool is_ok = job->after_end == AGENT_JOB_AFTER_OK;
    (void)snprintf(text, sizeof text, "%s%s%s", job->after, is_ok ? "" : " ",
                   is_ok ? "" : after_words[job->after_end]);
    agent_json_text(j, text);
}

static bool after_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    const struct agent_job *x = a, *y = b;
    (void)field;
    return is_same_text(x->after, y->after) && x->after_end == y->after_end;
}

const struct agent_schema_custom job_after_field = { after_read, after_write, after_is_same };
