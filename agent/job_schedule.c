/* SPDX-License-Identifier: Apache-2.0 */
/* The types of a schedule's fields: expressions, moments and time zones. */
#include <string.h>

#include "agent/cron.h"
#include "agent/job_field.h"
#include "base/clock.h"
#include "base/hash.h"

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
