/* SPDX-License-Identifier: Apache-2.0 */
/* A job's policies as fields: when it counts as ready, how often it is tried, what its exits mean,
 * how many copies there are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job_field.h"
#include "base/clock.h"

#define RETRY_COUNT_MAX 1000000
#define RETRY_DELAY_MAX (7ULL * 24 * 60 * 60 * 1000)
#define SPREAD_MAX      10000

/* ---- ready: exec, notify, tcp:PORT */

static bool port_read(const char *text, uint16_t *port)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    unsigned long value = strtoul(text, NULL, 10);
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX;
}

static int ready_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    const char *text = agent_schema_scalar(r, field->name, node, "exec, notify or tcp:PORT");
    if (text == NULL)
        return r->problem->err;
    uint16_t port = 0;
    if (strcmp(text, "exec") == 0)
        job->ready = AGENT_READY_ALIVE;
    else if (strcmp(text, "notify") == 0)
        job->ready = AGENT_READY_NOTIFY;
    else if (strncmp(text, "tcp:", 4) == 0 && port_read(text + 4, &port))
        job->ready = AGENT_READY_TCP;
    else
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is not a readiness; say exec, notify or tcp:PORT",
                                 text);
    job->ready_port = port;
    return MUSTER_OK;
}

static void ready_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    (void)field;
    const struct agent_job *job = object;
    char text[16];
    (void)muster_format(text, sizeof text, "tcp:%u", (unsigned)job->ready_port);
    agent_json_text(j, job->ready == AGENT_READY_TCP      ? text
                       : job->ready == AGENT_READY_NOTIFY ? "notify"
                                                          : "exec");
}

static bool ready_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    const struct agent_job *x = a;
    const struct agent_job *y = b;
    return x->ready == y->ready && x->ready_port == y->ready_port;
}

const struct agent_schema_custom job_ready_field = { ready_read, ready_write, ready_is_same };

/* ---- retry: a number, forever, or a list of waits */

static int retry_list_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                           const struct agent_doc_node *node, struct agent_job *job)
{
    if (node->count == 0 || node->count > AGENT_JOB_RETRY_MAX)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "a list of waits has 1 to %d entries; for none say retry: 0",
                                 AGENT_JOB_RETRY_MAX);
    uint64_t *delay = agent_schema_take(r, field->name, node->count, sizeof *delay);
    if (delay == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        char name[AGENT_PROBLEM_FIELD];
        (void)muster_format(name, sizeof name, "%s[%" PRIu32 "]", field->name, n);
        int err = agent_schema_duration(r, name, item, 0, RETRY_DELAY_MAX, &delay[n]);
        if (err != MUSTER_OK)
            return err;
        n++;
    }
    job->retry = n;
    job->retry_delay_ms = delay;
    return MUSTER_OK;
}

static int retry_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    if (node->kind == AGENT_DOC_LIST)
        return retry_list_read(r, field, node, job);
    const char *text = agent_schema_scalar(r, field->name, node, "a number, forever or a list");
    if (text == NULL)
        return r->problem->err;
    uint64_t count = AGENT_JOB_FOREVER;
    if (strcmp(text, "forever") != 0) {
        if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
            return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                     "\"%.40s\" is not a retry; say a number, forever or a list "
                                     "like [1s, 4s, 10s]",
                                     text);
        int err = agent_schema_u64(r, field->name, node, 0, RETRY_COUNT_MAX, &count);
        if (err != MUSTER_OK)
            return err;
    }
    job->retry = (uint32_t)count;
    job->retry_delay_ms = NULL;
    return MUSTER_OK;
}

static void retry_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    (void)field;
    const struct agent_job *job = object;
    char text[48];
    if (job->retry_delay_ms != NULL) {
        agent_json_array(j);
        for (uint32_t i = 0; i < job->retry; i++)
            agent_json_text(j, muster_duration_text(job->retry_delay_ms[i], text, sizeof text));
        agent_json_array_end(j);
    } else if (job->retry == AGENT_JOB_FOREVER) {
        agent_json_text(j, "forever");
    } else {
        agent_json_u64(j, job->retry);
    }
}

static bool retry_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    const struct agent_job *x = a;
    const struct agent_job *y = b;
    return x->retry_delay_ms == NULL && y->retry_delay_ms == NULL && x->retry == y->retry;
}

const struct agent_schema_custom job_retry_field = { retry_read, retry_write, retry_is_same };

/* ---- sets of exit codes: a code or a list of codes */

static struct agent_job_exits *exits_of(const struct agent_schema_field *field, void *object)
{
    return (struct agent_job_exits *)(void *)((uint8_t *)object + field->offset);
}

static const struct agent_job_exits *exits_seen(const struct agent_schema_field *field,
                                                const void *object)
{
    return (const struct agent_job_exits *)(const void *)((const uint8_t *)object + field->offset);
}

static int exits_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_job_exits set = { { 0 } };
    const struct agent_doc_node *item = node->kind == AGENT_DOC_LIST ? node->first : node;
    uint32_t left = node->kind == AGENT_DOC_LIST ? node->count : 1;
    for (; left > 0; left--, item = item->next) {
        uint64_t code = 0;
        int err = agent_schema_u64(r, field->name, item, 0, 255, &code);
        if (err != MUSTER_OK)
            return err;
        set.bit[code / 64] |= 1ULL << (code % 64);
    }
    *exits_of(field, object) = set;
    return MUSTER_OK;
}

static void exits_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    const struct agent_job_exits *set = exits_seen(field, object);
    agent_json_array(j);
    for (uint32_t code = 0; code < 256; code++)
        if ((set->bit[code / 64] >> (code % 64) & 1) != 0)
            agent_json_u64(j, code);
    agent_json_array_end(j);
}

static bool exits_are_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    return memcmp(exits_seen(field, a), exits_seen(field, b), sizeof(struct agent_job_exits)) == 0;
}

const struct agent_schema_custom job_exits_field = { exits_read, exits_write, exits_are_same };

/* ---- spread: one, N, each */

static int spread_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                       const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "one, a number or each");
    if (text == NULL)
        return r->problem->err;
    uint64_t spread = strcmp(text, "each") == 0 ? AGENT_JOB_EACH : 1;
    if (strcmp(text, "each") != 0 && strcmp(text, "one") != 0) {
        int err = agent_schema_u64(r, field->name, node, 1, SPREAD_MAX, &spread);
        if (err != MUSTER_OK)
            return err;
    }
    ((struct agent_job *)object)->spread = (uint32_t)spread;
    return MUSTER_OK;
}

static void spread_write(const struct agent_schema_field *field, const void *object,
                         struct agent_json *j)
{
    (void)field;
    uint32_t spread = ((const struct agent_job *)object)->spread;
    if (spread == AGENT_JOB_EACH)
        agent_json_text(j, "each");
    else
        agent_json_u64(j, spread);
}

static bool spread_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return ((const struct agent_job *)a)->spread == ((const struct agent_job *)b)->spread;
}

const struct agent_schema_custom job_spread_field = { spread_read, spread_write, spread_is_same };
