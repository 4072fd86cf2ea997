/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/jobs/NAME/restore: a job as the API told of it once, out of a backup. */
#include <stdlib.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/job.h"
#include "agent/json.h"
#include "agent/restore.h"
#include "base/clock.h"

static const char *text_of(const struct agent_doc_node *body, const char *key)
{
    const struct agent_doc_node *node = agent_doc_find(body, key);
    return node == NULL || node->text == NULL || agent_doc_is_null(node) ? "" : node->text;
}

static const char *time_read(const struct agent_doc_node *body, const char *key, uint64_t *wall_ms)
{
    const char *text = text_of(body, key);
    return text[0] == '\0' || muster_time_parse(wall_ms, text) == MUSTER_OK ? NULL : key;
}

static const char *number_read(const struct agent_doc_node *body, const char *key, uint64_t max,
                               uint64_t *out)
{
    const char *text = text_of(body, key);
    char *end = NULL;
    size_t len = strspn(text, "0123456789");
    *out = len > 0 && len < 20 ? strtoull(text, &end, 10) : 0;
    return text[len] == '\0' && len < 20 && *out <= max ? NULL : key;
}

static const char *want_read(const struct agent_doc_node *body, struct agent_restore *v)
{
    static const char *const words[] = {
        [STORE_WANT_RUN] = "run", [STORE_WANT_STOP] = "stop", [STORE_WANT_HOLD] = "hold"
    };
    const char *state = text_of(body, "state"), *desired = text_of(body, "desired");
    v->as = strcmp(state, "done") == 0   ? AGENT_RESTORE_DONE
            : strcmp(state, "dead") == 0 ? AGENT_RESTORE_DEAD
                                         : AGENT_RESTORE_WAITING;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], desired) == 0 || (i == STORE_WANT_RUN && desired[0] == '\0')) {
            v->want = (enum store_want)i;
            return NULL;
        }
    return "desired";
}

/* What is wrong with it, by its field; NULL: nothing. */
static const char *restore_read(const struct agent_doc_node *body, struct agent_restore *v)
{
    uint64_t ticks = 0, skipped = 0;
    const char *fault = want_read(body, v);
    fault = fault != NULL ? fault : time_read(body, "created", &v->created_wall_ms);
    fault = fault != NULL ? fault : time_read(body, "tick", &v->tick_wall_ms);
    fault = fault != NULL ? fault : number_read(body, "ticks", UINT32_MAX, &ticks);
    fault = fault != NULL ? fault : number_read(body, "skipped", UINT32_MAX, &skipped);
    fault = fault != NULL ? fault : number_read(body, "token", UINT64_MAX, &v->token);
    struct store_reign reign = store_version_reign((struct store_version){ v->token });
    if (fault == NULL && store_reign_round(reign) > AGENT_RESTORE_ROUND_MAX)
        fault = "token";
    v->ticks = (uint32_t)ticks;
    v->skipped = (uint32_t)skipped;
    return fault;
}

static void restore_ask(struct agent_api *api, const struct agent_http_request *r, const char *name,
                        struct agent_restore *v, const struct agent_job *job)
{
    struct muster_text text;
    muster_text_open(&text, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(job, &text);
    v->spec = muster_text_bytes(&text);
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_JOB_RESTORE, name);
    q->spec =
        agent_restore_encode(v, agent_out_take(&api->memory, v->spec.len + AGENT_RESTORE_HEAD));
    muster_text_close(&text);
    (void)api_open_make(api, r->id, API_PLAIN);
}

void api_restore(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_doc doc;
    struct agent_job job;
    struct agent_problem problem;
    struct agent_restore v = { .spec = { NULL, 0 } };
    char line[AGENT_PROBLEM_LINE];
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *spec =
        doc.first != NULL ? agent_doc_find(doc.first, "spec") : NULL;
    const char *fault = spec != NULL ? restore_read(doc.first, &v) : "spec";
    agent_problem_clear(&problem);
    if (fault != NULL) {
        api_error(api, r->id, 400, "invalid", fault, "%s: not as a backup has it", fault);
    } else if (agent_job_from_doc(&job, spec, name, &problem) != MUSTER_OK) {
        api_error(api, r->id, 400, "invalid", problem.field[0] != '\0' ? problem.field : NULL, "%s",
                  agent_problem_text(&problem, NULL, line, sizeof line));
    } else {
        restore_ask(api, r, name, &v, &job);
        agent_job_close(&job);
    }
    agent_doc_close(&doc);
}
