/* SPDX-License-Identifier: Apache-2.0 */
/* The types only a job has: its program, its surroundings, its exits and its retries. */
#include "agent/job_field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/name.h"
#include "base/clock.h"

/* ---- name */

static int name_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    const char *text = agent_schema_scalar(r, field->name, node, "a name");
    if (text == NULL)
        return r->problem->err;
    const char *fault = agent_name_job_fault(muster_bytes_text(text));
    if (fault != NULL)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "\"%.140s\": %s", text,
                                 fault);
    job->name = agent_schema_copy(r, field->name, text);
    return job->name == NULL ? r->problem->err : MUSTER_OK;
}

static void name_write(const struct agent_schema_field *field, const void *object,
                       struct agent_json *j)
{
    (void)field;
    agent_json_text(j, ((const struct agent_job *)object)->name);
}

static bool name_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return ((const struct agent_job *)a)->name == ((const struct agent_job *)b)->name;
}

const struct agent_schema_custom job_name_field = { name_read, name_write, name_is_same };

/* ---- exec and shell: two ways to say one argv */

static int argv_check_free(struct agent_schema_reader *r, const struct agent_schema_field *field,
                           const struct agent_doc_node *node, const struct agent_job *job)
{
    if (job->argv == NULL)
        return MUSTER_OK;
    return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                             "exec and shell are both given; keep the one that is meant");
}

static int exec_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                     const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    int err = argv_check_free(r, field, node, job);
    if (err != MUSTER_OK)
        return err;
    if (node->kind != AGENT_DOC_LIST || node->count == 0)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node,
                                 "expected a list; say exec: [program, args] or shell: \"line\"");
    if (node->count > AGENT_JOB_ARGV_MAX)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "has %" PRIu32 " entries; at most %d are allowed", node->count,
                                 AGENT_JOB_ARGV_MAX);
    const char **argv = agent_schema_take(r, field->name, node->count + 1, sizeof *argv);
    if (argv == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        char name[AGENT_PROBLEM_FIELD];
        (void)snprintf(name, sizeof name, "%s[%" PRIu32 "]", field->name, n);
        const char *text = agent_schema_scalar(r, name, item, "a text");
        if (text == NULL)
            return r->problem->err;
        if (n == 0 && text[0] == '\0')
            return agent_schema_fail(r, MUSTER_EINVAL, name, item, "names no program");
        argv[n] = agent_schema_copy(r, name, text);
        if (argv[n++] == NULL)
            return r->problem->err;
    }
    job->argv = argv;
    job->argc = n;
    return MUSTER_OK;
}

static void exec_write(const struct agent_schema_field *field, const void *object,
                       struct agent_json *j)
{
    (void)field;
    const struct agent_job *job = object;
    agent_json_array(j);
    for (uint32_t i = 0; i < job->argc; i++)
        agent_json_text(j, job->argv[i]);
    agent_json_array_end(j);
}

/* A job that says `shell` has no `exec` to write. */
static bool exec_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    (void)b;
    const struct agent_job *job = a;
    return job->argv == NULL || job->shell != NULL;
}

const struct agent_schema_custom job_exec_field = { exec_read, exec_write, exec_is_same };

static int shell_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    int err = argv_check_free(r, field, node, job);
    if (err != MUSTER_OK)
        return err;
    const char *text = agent_schema_scalar(r, field->name, node, "one line of shell");
    if (text == NULL)
        return r->problem->err;
    if (text[0] == '\0')
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node, "is empty");
    const char **argv = agent_schema_take(r, field->name, 4, sizeof *argv);
    const char *line = agent_schema_copy(r, field->name, text);
    if (argv == NULL || line == NULL)
        return r->problem->err;
    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = line;
    job->shell = line;
    job->argv = argv;
    job->argc = 3;
    return MUSTER_OK;
}

static void shell_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    (void)field;
    agent_json_text(j, ((const struct agent_job *)object)->shell);
}

static bool shell_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    (void)b;
    return ((const struct agent_job *)a)->shell == NULL;
}

const struct agent_schema_custom job_shell_field = { shell_read, shell_write, shell_is_same };

/* ---- env */

static bool key_is_ours(const char *key)
{
    return strncmp(key, "MUSTER_", 7) == 0 || strcmp(key, "NOTIFY_SOCKET") == 0 ||
           strcmp(key, "WATCHDOG_USEC") == 0;
}

static const char *env_entry(struct agent_schema_reader *r, const struct agent_doc_node *item)
{
    char name[AGENT_PROBLEM_FIELD];
    (void)snprintf(name, sizeof name, "env.%.80s", item->key);
    const char *value = agent_schema_scalar(r, name, item, "a text");
    if (value == NULL)
        return NULL;
    const char *fault = item->key[0] == '\0' || strchr(item->key, '=') != NULL
                            ? "is no name for a variable"
                        : key_is_ours(item->key) ? "is set by muster itself; choose another name"
                                                 : NULL;
    if (fault != NULL) {
        (void)agent_schema_fail(r, MUSTER_EINVAL, name, item, "%s", fault);
        return NULL;
    }
    size_t size = strlen(item->key) + 1 + item->len + 1;
    char *entry = agent_schema_take(r, name, size, 1);
    if (entry != NULL)
        (void)snprintf(entry, size, "%s=%s", item->key, value);
    return entry;
}

static int entry_compare(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

static int env_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                    const struct agent_doc_node *node, void *object)
{
    struct agent_job *job = object;
    if (node->kind != AGENT_DOC_MAP)
        return agent_schema_fail(r, MUSTER_ETYPE, field->name, node,
                                 "expected a map; say env: {NAME: value}");
    if (node->count > AGENT_JOB_ENV_MAX)
        return agent_schema_fail(r, MUSTER_ELIMIT, field->name, node,
                                 "has %" PRIu32 " entries; at most %d are allowed", node->count,
                                 AGENT_JOB_ENV_MAX);
    const char **env = agent_schema_take(r, field->name, node->count + 1, sizeof *env);
    if (env == NULL)
        return r->problem->err;
    uint32_t n = 0;
    for (const struct agent_doc_node *item = node->first; item != NULL; item = item->next) {
        env[n] = env_entry(r, item);
        if (env[n++] == NULL)
            return r->problem->err;
    }
    qsort(env, n, sizeof *env, entry_compare);
    job->env = env;
    job->env_count = n;
    return MUSTER_OK;
}

static void env_write(const struct agent_schema_field *field, const void *object,
                      struct agent_json *j)
{
    (void)field;
    const struct agent_job *job = object;
    agent_json_object(j);
    for (uint32_t i = 0; i < job->env_count; i++) {
        const char *equals = strchr(job->env[i], '=');
        MUSTER_ASSERT(equals != NULL);
        agent_json_key_bytes(j, MUSTER_BYTES(job->env[i], (size_t)(equals - job->env[i])));
        agent_json_text(j, equals + 1);
    }
    agent_json_object_end(j);
}

static bool env_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    const struct agent_job *x = a;
    const struct agent_job *y = b;
    if (x->env_count != y->env_count)
        return false;
    for (uint32_t i = 0; i < x->env_count; i++)
        if (strcmp(x->env[i], y->env[i]) != 0)
            return false;
    return true;
}

const struct agent_schema_custom job_env_field = { env_read, env_write, env_is_same };

/* ---- umask: octal digits, as everybody writes it */

static int umask_read(struct agent_schema_reader *r, const struct agent_schema_field *field,
                      const struct agent_doc_node *node, void *object)
{
    const char *text = agent_schema_scalar(r, field->name, node, "octal digits");
    if (text == NULL)
        return r->problem->err;
    size_t len = strlen(text);
    uint32_t mask = 0;
    if (len == 0 || len > 4 || strspn(text, "01234567") != len)
        return agent_schema_fail(r, MUSTER_EINVAL, field->name, node,
                                 "\"%.40s\" is not an octal mask; say 022 or 077", text);
    for (; *text != '\0'; text++)
        mask = mask * 8 + (uint32_t)(*text - '0');
    if (mask > 0777)
        return agent_schema_fail(r, MUSTER_ERANGE, field->name, node,
                                 "is out of range; say 000 to 777");
    ((struct agent_job *)object)->umask = (int32_t)mask;
    return MUSTER_OK;
}

static void umask_write(const struct agent_schema_field *field, const void *object,
                        struct agent_json *j)
{
    (void)field;
    char text[8];
    (void)muster_format(text, sizeof text, "%03o",
                        (unsigned)((const struct agent_job *)object)->umask & 0777U);
    agent_json_text(j, text);
}

static bool umask_is_same(const struct agent_schema_field *field, const void *a, const void *b)
{
    (void)field;
    return ((const struct agent_job *)a)->umask == ((const struct agent_job *)b)->umask;
}

const struct agent_schema_custom job_umask_field = { umask_read, umask_write, umask_is_same };
