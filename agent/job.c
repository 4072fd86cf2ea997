/* SPDX-License-Identifier: Apache-2.0 */
/* A job's specification: read strictly, decoded leniently, written in one form, asked of exits. */
#include "agent/job.h"

#include <string.h>

#include "agent/apart.h"
#include "agent/job_field.h"
#include "agent/json.h"
#include "agent/name.h"
#include "agent/schedule.h"

/* Defaults that depend on the kind: a service is tried for ever, a task a few times. */
static void job_defaults(struct agent_job *job, int32_t kind)
{
    *job = job_service;
    job->kind = kind;
    if (agent_job_ends(job)) {
        job->retry = 3;
        job->retry_local = 1;
    }
    if (kind == AGENT_JOB_DAEMON)
        job->spread = AGENT_JOB_EACH;
}

static int32_t kind_of(const struct agent_doc_node *root)
{
    const struct agent_doc_node *node =
        root->kind == AGENT_DOC_MAP ? agent_doc_find(root, "kind") : NULL;
    if (node == NULL || node->kind != AGENT_DOC_SCALAR)
        return AGENT_JOB_SERVICE;
    for (const struct agent_schema_word *word = job_kinds; word->text != NULL; word++)
        if (strcmp(word->text, node->text) == 0)
            return word->value;
    return AGENT_JOB_SERVICE; /* the walker refuses the word */
}

/* A problem between fields, told at the place of one of them. */
static int check_fail(struct agent_problem *problem, int err, const struct agent_doc_node *root,
                      const char *field, const char *message)
{
    const struct agent_doc_node *node = agent_doc_find(root, field);
    if (node == NULL)
        node = root;
    return agent_problem_set(problem, err, field, node->line, node->column, "%s", message);
}

static bool exits_overlap(struct agent_job_exits a, struct agent_job_exits b)
{
    for (size_t i = 0; i < sizeof a.bit / sizeof *a.bit; i++)
        if ((a.bit[i] & b.bit[i]) != 0)
            return true;
    return false;
}

static int check_spread_by(const struct agent_job *job, const struct agent_doc_node *root,
                           struct agent_problem *problem)
{
    if (job->spread_by == NULL)
        return MUSTER_OK;
    if (strspn(job->spread_by, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(job->spread_by))
        return check_fail(problem, MUSTER_EINVAL, root, "spread_by",
                          "is the name of a tag: a-z 0-9 . _ -, as in rack");
    if (job->spread == AGENT_JOB_EACH || job->spread == 1)
        return check_fail(problem, MUSTER_EINVAL, root, "spread_by",
                          "has nothing to spread; say spread: 2 or more");
    return MUSTER_OK;
}

/* Two runs at a time, for a moment: only what may run twice, and has another node to go to. */
static int check_handoff(const struct agent_job *job, const struct agent_doc_node *root,
                         struct agent_problem *problem)
{
    if (job->handoff != AGENT_JOB_START_STOP)
        return MUSTER_OK;
    const char *fault = agent_job_ends(job)
                            ? "start-stop is for services, and this ends by itself; leave it out"
                        : job->partition == AGENT_JOB_EXCLUSIVE
                            ? "start-stop runs it twice for a moment, and an exclusive job never "
                              "runs twice; say handoff: stop-start"
                        : job->max_running != 0
                            ? "start-stop runs it twice for a moment, and max_running allows no "
                              "run more; say handoff: stop-start"
                        : job->spread == AGENT_JOB_EACH
                            ? "start-stop needs another node, and each node has a copy already; "
                              "say handoff: stop-start"
                            : NULL;
    return fault == NULL ? MUSTER_OK : check_fail(problem, MUSTER_EINVAL, root, "handoff", fault);
}

static int check_between(const struct agent_job *job, const struct agent_doc_node *root,
                         struct agent_problem *problem)
{
    if (job->cwd != NULL && job->cwd[0] != '/')
        return check_fail(problem, MUSTER_EINVAL, root, "cwd",
                          "is not absolute; begin it with a slash");
    const char *fault = job->max_running != 0 && job->group != NULL
                            ? agent_name_job_fault(muster_bytes_text(job->group))
                            : NULL;
    if (fault != NULL)
        return check_fail(problem, MUSTER_EINVAL, root, "group", fault);
    fault = job->apart != NULL ? agent_apart_fault(job->apart) : NULL;
    if (fault != NULL)
        return check_fail(problem, MUSTER_EINVAL, root, "apart", fault);
    if (job->backoff_first_ms > job->backoff_max_ms)
        return check_fail(problem, MUSTER_EINVAL, root, "backoff", "first is longer than max");
    if (exits_overlap(job->exit_ok, job->exit_defer) ||
        exits_overlap(job->exit_ok, job->exit_dead) ||
        exits_overlap(job->exit_defer, job->exit_dead))
        return check_fail(problem, MUSTER_EINVAL, root,
                          exits_overlap(job->exit_ok, job->exit_defer) ? "exit_defer" : "exit_dead",
                          "a code stands in two of exit_ok, exit_defer and exit_dead; keep one");
    return MUSTER_OK;
}

/* What is said of a schedule makes sense together. */
static int check_schedule(const struct agent_job *job, const struct agent_doc_node *root,
                          struct agent_problem *problem)
{
    int clocks = (job->cron != NULL) + (job->every_ms != AGENT_JOB_NONE) + (job->at_ms != 0);
    const char *field = job->cron != NULL ? "cron" : job->at_ms != 0 ? "at" : "every";
    if (clocks > 1)
        return check_fail(problem, MUSTER_EINVAL, root, field,
                          "two of cron, every and at are given; keep the one that is meant");
    if (clocks == 0 && job->kind == AGENT_JOB_CRON && job->after == NULL)
        return check_fail(problem, MUSTER_EINVAL, root, "kind",
                          "a cron job needs a schedule; say cron: \"0 3 * * *\" or every: 5m");
    if (clocks == 1 && !agent_job_ends(job))
        return check_fail(problem, MUSTER_EINVAL, root, field,
                          "a schedule starts tasks, and this is a service; say kind: task");
    if (clocks == 1 && job->start == AGENT_JOB_START_MANUAL)
        return check_fail(problem, MUSTER_EINVAL, root, "start",
                          "manual and a schedule are both given; keep the one that is meant");
    if (job->after != NULL && (clocks == 1 || job->start == AGENT_JOB_START_MANUAL))
        return check_fail(problem, MUSTER_EINVAL, root, "after",
                          "and another start are both given; keep the one that is meant");
    if (job->after != NULL && !agent_job_ends(job))
        return check_fail(problem, MUSTER_EINVAL, root, "after",
                          "starts tasks, and this is a service; say kind: task");
    if (job->after != NULL && job->name != NULL && strcmp(job->after, job->name) == 0)
        return check_fail(problem, MUSTER_EINVAL, root, "after", "is the job itself");
    if (job->start == AGENT_JOB_START_MANUAL && (!agent_job_ends(job) || job->spread != 1))
        return check_fail(problem, MUSTER_EINVAL, root, "start",
                          "only a task that is not spread is started by hand");
    if (job->from_ms != 0 && job->every_ms == AGENT_JOB_NONE)
        return check_fail(problem, MUSTER_EINVAL, root, "from", "goes with every alone");
    if (job->not_after_ms < job->not_before_ms)
        return check_fail(problem, MUSTER_EINVAL, root, "not_after", "is before not_before");
    return MUSTER_OK;
}

/* What is kept in memory alone must not be missed for good when it is gone, and nothing else may
 * count on it. */
static int check_durable(const struct agent_job *job, const struct agent_doc_node *root,
                         struct agent_problem *problem)
{
    bool has_clock = job->cron != NULL || job->every_ms != AGENT_JOB_NONE || job->at_ms != 0;
    const char *why = NULL;
    if (job->durable)
        return MUSTER_OK;
    if (!agent_job_ends(job))
        why = "no is for tasks: a service is to be there after everything was off";
    else if (has_clock || job->after != NULL)
        why = "no is for what is started by hand or by trigger: a schedule is not to be forgotten";
    else if (job->spread != 1)
        why = "no is for single runs: copies are kept on the disk";
    else if (job->partition == AGENT_JOB_EXCLUSIVE)
        why = "no and partition: exclusive are both given: what must never run twice is kept on "
              "the disk";
    return why == NULL ? MUSTER_OK : check_fail(problem, MUSTER_EINVAL, root, "durable", why);
}

static int check_program(const struct agent_job *job, const struct agent_doc_node *root,
                         struct agent_problem *problem)
{
    if (job->argv != NULL)
        return MUSTER_OK;
    return check_fail(problem, MUSTER_EINVAL, root, "exec",
                      "missing; say exec: [program, args] or shell: \"line\"");
}

/* A row has room for so much. An escape can make six bytes of one, so only large jobs are written
 * out to be measured. */
static int check_size(const struct agent_job *job, const struct agent_doc_node *root,
                      struct agent_problem *problem)
{
    if (agent_schema_memory(root) * 6 < AGENT_JOB_TEXT_MAX)
        return MUSTER_OK;
    struct muster_text text;
    muster_text_open(&text, AGENT_JOB_TEXT_MAX + 1);
    agent_job_canonical(job, &text);
    bool fits = text.err == MUSTER_OK && text.len <= AGENT_JOB_TEXT_MAX;
    int err = text.err == MUSTER_EFULL ? MUSTER_EFULL : MUSTER_ELIMIT;
    muster_text_close(&text);
    if (fits)
        return MUSTER_OK;
    return agent_problem_set(problem, err, "", root->line, root->column,
                             "the job is too large; all its fields together have at most %d bytes",
                             AGENT_JOB_TEXT_MAX);
}

/* The name in the document and the name of the request are one, or one is missing. */
static int name_settle(struct agent_job *job, struct agent_schema_reader *r,
                       const struct agent_doc_node *root, const char *name)
{
    if (job->name == NULL && name == NULL)
        return check_fail(r->problem, MUSTER_EINVAL, root, "name", "missing; say name: NAME");
    if (name == NULL)
        return MUSTER_OK;
    const char *fault = agent_name_job_fault(muster_bytes_text(name));
    if (fault != NULL)
        return agent_problem_set(r->problem, MUSTER_EINVAL, "name", 0, 0, "\"%.140s\": %s", name,
                                 fault);
    if (job->name == NULL) {
        job->name = agent_schema_copy(r, "name", name);
        return job->name == NULL ? r->problem->err : MUSTER_OK;
    }
    if (strcmp(job->name, name) != 0)
        return check_fail(r->problem, MUSTER_EINVAL, root, "name",
                          "differs from the name in the request");
    return MUSTER_OK;
}

static int job_walk(struct agent_job *job, const struct agent_doc_node *root, const char *name,
                    bool is_strict, struct agent_problem *problem)
{
    struct agent_job defaults;
    job_defaults(&defaults, kind_of(root));
    struct muster_arena memory = job->memory;
    *job = defaults;
    job->memory = memory;
    struct agent_schema_reader reader = {
        .arena = &job->memory,
        .problem = problem,
        .defaults = &defaults,
        .is_strict = is_strict,
    };
    int err = agent_schema_read(&job_schema, &reader, root, job);
    if (err == MUSTER_OK)
        err = name_settle(job, &reader, root, name);
    if (err == MUSTER_OK && (is_strict || job->worker == NULL))
        err = check_program(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_between(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_handoff(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_spread_by(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_schedule(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_durable(job, root, problem);
    if (err == MUSTER_OK && is_strict)
        err = check_size(job, root, problem);
    return err;
}

static int job_fill(struct agent_job *job, const struct agent_doc_node *root, const char *name,
                    bool is_strict, struct agent_problem *problem)
{
    memset(job, 0, sizeof *job);
    size_t size = agent_schema_memory(root) + 2 * AGENT_NAME_MAX;
    if (muster_arena_open(&job->memory, size) != MUSTER_OK)
        return agent_problem_set(problem, MUSTER_EFULL, "", 0, 0, "out of memory");
    int err = job_walk(job, root, name, is_strict, problem);
    if (err != MUSTER_OK)
        agent_job_close(job);
    return err;
}

int agent_job_from_doc(struct agent_job *job, const struct agent_doc_node *root, const char *name,
                       struct agent_problem *problem)
{
    agent_problem_clear(problem);
    return job_fill(job, root, name, true, problem);
}

static int job_from_json(struct agent_job *job, struct muster_bytes json, const char *name,
                         bool is_strict, struct agent_problem *problem)
{
    agent_problem_clear(problem);
    memset(job, 0, sizeof *job);
    struct agent_doc doc;
    agent_doc_open(&doc);
    int err = agent_json_read(&doc, json, problem);
    if (err == MUSTER_OK)
        err = job_fill(job, doc.first, name, is_strict, problem);
    agent_doc_close(&doc);
    return err;
}

int agent_job_read(struct agent_job *job, struct muster_bytes json, const char *name,
                   struct agent_problem *problem)
{
    return job_from_json(job, json, name, true, problem);
}

int agent_job_decode(struct agent_job *job, struct muster_bytes json, struct agent_problem *problem)
{
    return job_from_json(job, json, NULL, false, problem);
}

void agent_job_close(struct agent_job *job)
{
    if (job->memory.block != NULL)
        muster_arena_close(&job->memory);
    memset(job, 0, sizeof *job);
}

static const char *kind_text(int32_t kind)
{
    const struct agent_schema_word *word = job_kinds;
    while (word->text != NULL && word->value != kind)
        word++;
    MUSTER_ASSERT(word->text != NULL);
    return word->text;
}

void agent_job_canonical(const struct agent_job *job, struct muster_text *out)
{
    MUSTER_ASSERT(job->name != NULL);
    struct agent_job defaults;
    job_defaults(&defaults, job->kind);
    struct agent_schema rest = { job_schema.fields + JOB_ALWAYS, job_schema.count - JOB_ALWAYS };
    struct agent_json j;
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_put_text(&j, "name", job->name);
    agent_json_put_text(&j, "kind", kind_text(job->kind));
    agent_schema_write(&rest, job, &defaults, &j);
    agent_json_object_end(&j);
    MUSTER_ASSERT(agent_json_is_closed(&j));
}

static bool exits_have(const struct agent_job_exits *set, int32_t code)
{
    return code >= 0 && code <= 255 && (set->bit[code / 64] >> (code % 64) & 1) != 0;
}

enum agent_job_verdict agent_job_verdict(const struct agent_job *job, int32_t code, int32_t signal)
{
    if (signal != 0)
        return AGENT_JOB_EXIT_FAIL;
    if (exits_have(&job->exit_dead, code))
        return AGENT_JOB_EXIT_DEAD;
    if (exits_have(&job->exit_defer, code))
        return AGENT_JOB_EXIT_DEFER;
    return exits_have(&job->exit_ok, code) ? AGENT_JOB_EXIT_OK : AGENT_JOB_EXIT_FAIL;
}

bool agent_job_ends(const struct agent_job *job)
{
    return job->kind == AGENT_JOB_TASK || job->kind == AGENT_JOB_CRON;
}

bool agent_job_has_runs(const struct agent_job *job)
{
    return job->spread != 1 || job->start == AGENT_JOB_START_MANUAL || agent_schedule_has(job) ||
           job->after != NULL;
}

bool agent_job_may_retry(const struct agent_job *job, uint32_t failures)
{
    return job->retry == AGENT_JOB_FOREVER || failures <= job->retry;
}

uint64_t agent_job_retry_wait_ms(const struct agent_job *job, uint32_t failures)
{
    MUSTER_ASSERT(failures >= 1);
    if (job->retry_delay_ms != NULL)
        return job->retry_delay_ms[(failures < job->retry ? failures : job->retry) - 1];
    uint64_t wait = job->backoff_first_ms;
    for (uint32_t i = 1; i < failures && wait < job->backoff_max_ms; i++) {
        if (job->backoff_factor == 1)
            break;
        wait *= job->backoff_factor; /* below 7 days times 100 before the cap: no overflow */
    }
    return wait < job->backoff_max_ms ? wait : job->backoff_max_ms;
}
