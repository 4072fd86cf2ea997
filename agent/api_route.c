/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: which request means what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/describe.h"
#include "agent/doc.h"
#include "agent/job.h"
#include "agent/name.h"
#include "agent/run_name.h"
#include "base/hash.h"

/* ---- bodies */

bool api_body_read(struct agent_api *api, const struct agent_http_request *r, struct agent_doc *doc)
{
    struct agent_problem problem;
    char line[AGENT_PROBLEM_LINE];
    agent_doc_open(doc);
    if (r->body.len == 0)
        return true;
    int err = agent_json_read(doc, r->body, &problem);
    if (err == MUSTER_OK && doc->first != NULL && doc->first->kind == AGENT_DOC_MAP)
        return true;
    if (err == MUSTER_OK)
        api_error(api, r->id, 400, "invalid", NULL, "the body is to be a JSON object");
    else
        api_error(api, r->id, 400, "invalid", NULL, "%s",
                  agent_problem_text(&problem, NULL, line, sizeof line));
    agent_doc_close(doc);
    return false;
}

static const struct agent_doc_node *body_field(const struct agent_doc *doc, const char *key)
{
    return doc->first != NULL ? agent_doc_find(doc->first, key) : NULL;
}

/* ---- jobs */

static bool name_ok(struct agent_api *api, uint64_t id, const char *name)
{
    const char *fault = agent_run_name_fault(muster_bytes_text(name));
    if (fault == NULL)
        return true;
    api_error(api, id, 400, "invalid", "name", "name: %s", fault);
    return false;
}

static void request_id_take(const struct agent_http_request *r, struct agent_request *q)
{
    if (r->request_id == NULL)
        return;
    struct muster_bytes text = muster_bytes_text(r->request_id);
    q->request_id[0] = muster_hash64(text, 1) | 1;
    q->request_id[1] = muster_hash64(text, 2);
}

static bool revision_take(struct agent_api *api, const struct agent_http_request *r,
                          uint32_t *revision)
{
    char *end = NULL;
    if (r->if_match == NULL || strcmp(r->if_match, "*") == 0)
        return true;
    const char *text = r->if_match[0] == '"' ? r->if_match + 1 : r->if_match;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || (*end != '\0' && *end != '"') || n == 0 || n > UINT32_MAX) {
        api_error(api, r->id, 400, "invalid", "If-Match", "If-Match: not a revision number");
        return false;
    }
    *revision = (uint32_t)n;
    return true;
}

static void job_put(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_job job;
    struct agent_problem problem;
    struct muster_text text;
    uint32_t revision = 0;
    char line[AGENT_PROBLEM_LINE];
    if (!revision_take(api, r, &revision))
        return;
    int err = agent_job_read(&job, r->body, name, &problem);
    if (err != MUSTER_OK) {
        (void)agent_problem_text(&problem, NULL, line, sizeof line);
        api_error(api, r->id,
                  err == MUSTER_EUNSUPPORTED ? 422
                  : err == MUSTER_ELIMIT     ? 413
                                             : 400,
                  err == MUSTER_EUNSUPPORTED ? "unsupported" : "invalid",
                  problem.field[0] != '\0' ? problem.field : NULL, "%s", line);
        return;
    }
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_JOB_PUT, name);
    muster_text_open(&text, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(&job, &text);
    q->spec = agent_out_copy(&api->memory, muster_text_bytes(&text));
    q->create_only = r->if_none_match != NULL && strcmp(r->if_none_match, "*") == 0;
    q->expected_revision = revision;
    request_id_take(r, q);
    muster_text_close(&text);
    agent_job_close(&job);
    (void)api_open_make(api, r->id, API_PLAIN);
}

static void job_simple(struct agent_api *api, const struct agent_http_request *r, enum agent_op op,
                       const char *name)
{
    struct agent_request *q = api_ask(api, r->id, op, name);
    request_id_take(r, q);
    (void)api_open_make(api, r->id, API_PLAIN);
}

static void job_move(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_doc doc;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *node = body_field(&doc, "node");
    bool is_said = node != NULL && !agent_doc_is_null(node);
    if (is_said && (node->text == NULL || node->text[0] == '\0')) {
        api_error(api, r->id, 400, "invalid", "node", "node: the name of a node");
    } else {
        struct agent_request *q = api_ask(api, r->id, AGENT_OP_JOB_MOVE, name);
        q->node = is_said ? api_copy(api, node->text) : "";
        request_id_take(r, q);
        (void)api_open_make(api, r->id, API_PLAIN);
    }
    agent_doc_close(&doc);
}

static void job_signal(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    struct agent_doc doc;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *said = body_field(&doc, "signal");
    int32_t number = said != NULL && said->text != NULL ? agent_job_signal(said->text) : 0;
    agent_doc_close(&doc);
    if (number == 0) {
        api_error(api, r->id, 400, "invalid", "signal",
                  "signal: a name such as HUP, USR1 or TERM, or a number from 1 to 64");
        return;
    }
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_RUN_SIGNAL, name);
    q->attempt = (uint32_t)number;
    (void)api_open_make(api, r->id, API_PLAIN);
}

static void job_post(struct agent_api *api, const struct agent_http_request *r, const char *path)
{
    static const struct {
        const char *verb;
        enum agent_op op;
    } verbs[] = {
        { "stop", AGENT_OP_JOB_STOP },       { "start", AGENT_OP_JOB_START },
        { "restart", AGENT_OP_JOB_RESTART }, { "hold", AGENT_OP_JOB_HOLD },
        { "release", AGENT_OP_JOB_RELEASE }, { "move", AGENT_OP_JOB_MOVE },
        { "signal", AGENT_OP_RUN_SIGNAL },   { "run", AGENT_OP_TRIGGER },
        { "restore", AGENT_OP_JOB_RESTORE },
    };
    char name[AGENT_HTTP_PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *verb = slash != NULL ? slash + 1 : "";
    (void)snprintf(name, sizeof name, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].verb, verb) != 0)
            continue;
        if (verbs[i].op == AGENT_OP_TRIGGER)
            api_trigger(api, r, name);
        else if (name_ok(api, r->id, name) && verbs[i].op == AGENT_OP_JOB_RESTORE)
            api_restore(api, r, name);
        else if (name_ok(api, r->id, name) && verbs[i].op == AGENT_OP_JOB_MOVE)
            job_move(api, r, name);
        else if (name_ok(api, r->id, name) && verbs[i].op == AGENT_OP_RUN_SIGNAL)
            job_signal(api, r, name);
        else if (name_ok(api, r->id, name))
            job_simple(api, r, verbs[i].op, name);
        return;
    }
    api_error(api, r->id, 404, "not_found", NULL,
              "no such action; POST /v1/jobs/NAME/run, /stop, /start, /restart, /hold, /release or "
              "/move");
}

static void job_one(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    if (r->method == AGENT_HTTP_POST)
        job_post(api, r, name);
    else if (!name_ok(api, r->id, name))
        return;
    else if (r->method == AGENT_HTTP_GET)
        job_simple(api, r, AGENT_OP_JOB_GET, name);
    else if (r->method == AGENT_HTTP_PUT)
        job_put(api, r, name);
    else
        job_simple(api, r, AGENT_OP_JOB_DELETE, name);
}

/* ---- lists and runs */

static const char *query(struct agent_api *api, const struct agent_http_request *r, const char *key)
{
    return api_copy(api, agent_http_query(r, key));
}

static bool is_state(const char *text)
{
    for (int s = 0; s <= AGENT_STATE_DELETED; s++)
        if (strcmp(text, agent_state_text((enum agent_state)s)) == 0)
            return true;
    return false;
}

struct agent_request *api_list(struct agent_api *api, const struct agent_http_request *r,
                               enum agent_op op, enum api_shape shape)
{
    uint64_t limit = 0;
    if (agent_http_query_u64(r, "limit", 100, AGENT_LIST_MAX, &limit) != MUSTER_OK || limit == 0) {
        api_error(api, r->id, 400, "invalid", "limit", "limit: a number from 1 to %d",
                  AGENT_LIST_MAX);
        return NULL;
    }
    const char *state = agent_http_query(r, "state");
    if (state != NULL && state[0] != '\0' && !is_state(state)) {
        api_error(api, r->id, 400, "invalid", "state",
                  "state: pending, starting, running, backoff, stopping, stopped, done, dead or "
                  "deleted");
        return NULL;
    }
    if (api_open_make(api, r->id, shape) == NULL)
        return NULL;
    struct agent_request *q = api_ask(api, r->id, op, "");
    q->prefix = query(api, r, "prefix");
    q->state = query(api, r, "state");
    q->label = query(api, r, "label");
    q->job = query(api, r, "job");
    q->node = query(api, r, "node");
    q->after = query(api, r, "after");
    q->limit = (uint32_t)limit;
    return q;
}

static void logs(struct agent_api *api, const struct agent_http_request *r, const char *name)
{
    uint64_t lines = 0, offset = 0, attempt = 0, follow = 0;
    const char *stream = agent_http_query(r, "stream");
    if (agent_http_query_u64(r, "lines", 0, 1000000, &lines) != MUSTER_OK ||
        agent_http_query_u64(r, "offset", 0, UINT64_MAX, &offset) != MUSTER_OK ||
        agent_http_query_u64(r, "attempt", 0, UINT32_MAX, &attempt) != MUSTER_OK ||
        agent_http_query_u64(r, "follow", 0, 1, &follow) != MUSTER_OK) {
        api_error(api, r->id, 400, "invalid", NULL,
                  "lines, offset and attempt are numbers, follow is 0 or 1");
        return;
    }
    if (stream != NULL && strcmp(stream, "stdout") != 0 && strcmp(stream, "stderr") != 0) {
        api_error(api, r->id, 400, "invalid", "stream", "stream: stdout or stderr");
        return;
    }
    struct api_open *o = api_open_make(api, r->id, API_LOGS);
    if (o == NULL)
        return;
    o->is_sse = false;
    o->follows = follow != 0;
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_LOGS, name);
    q->lines = (uint32_t)lines;
    q->offset = offset;
    q->attempt = (uint32_t)attempt;
    q->follow = follow != 0;
    q->want_stdout = stream == NULL || strcmp(stream, "stdout") == 0;
    q->want_stderr = stream == NULL || strcmp(stream, "stderr") == 0;
    q->as_text = !agent_http_accepts(r, AGENT_HTTP_NDJSON);
    o->content_type = q->as_text ? AGENT_HTTP_PLAIN : AGENT_HTTP_NDJSON;
}

static bool ends_with(char *text, const char *ending)
{
    size_t len = strlen(text), tail = strlen(ending);
    if (len <= tail || strcmp(text + len - tail, ending) != 0)
        return false;
    text[len - tail] = '\0';
    return true;
}

static void run_one(struct agent_api *api, const struct agent_http_request *r, const char *path)
{
    char name[AGENT_HTTP_PATH_MAX];
    (void)snprintf(name, sizeof name, "%s", path);
    bool wants_logs = ends_with(name, "/logs");
    enum agent_op op = wants_logs                     ? AGENT_OP_LOGS
                       : ends_with(name, "/messages") ? AGENT_OP_RUN_MESSAGES
                       : ends_with(name, "/result")   ? AGENT_OP_RUN_RESULT
                                                      : AGENT_OP_RUN_GET;
    if (!name_ok(api, r->id, name))
        return;
    if (wants_logs) {
        logs(api, r, name);
    } else if (op == AGENT_OP_RUN_RESULT) {
        (void)api_ask(api, r->id, op, name);
        (void)api_open_make(api, r->id, API_RAW);
    } else {
        job_simple(api, r, op, name);
    }
}

/* ---- nodes and the cluster */

static void drain(struct agent_api *api, const struct agent_http_request *r, const char *node)
{
    struct agent_doc doc;
    uint64_t deadline = 0;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *cancel = body_field(&doc, "cancel");
    const struct agent_doc_node *until = body_field(&doc, "deadline");
    bool is_cancel = cancel != NULL && cancel->text != NULL && strcmp(cancel->text, "true") == 0;
    bool bad = until != NULL && !agent_doc_is_null(until) &&
               (until->text == NULL || muster_duration_parse(&deadline, until->text) != MUSTER_OK);
    agent_doc_close(&doc);
    if (bad) {
        api_error(api, r->id, 400, "invalid", "deadline", "deadline: a duration such as 90s");
        return;
    }
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_DRAIN, "");
    q->node = api_copy(api, node);
    q->cancel = is_cancel;
    q->deadline_ms = deadline;
    (void)api_open_make(api, r->id, API_PLAIN);
}

static void node_set(struct agent_api *api, const struct agent_http_request *r, const char *node,
                     const char *what, const char *value)
{
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_NODE_SET, what);
    q->node = api_copy(api, node);
    q->label = api_copy(api, value);
    (void)api_open_make(api, r->id, API_PLAIN);
}

/* {"slots": 8}; null or nothing: as configured. */
static void node_slots(struct agent_api *api, const struct agent_http_request *r, const char *node)
{
    struct agent_doc doc;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *slots = body_field(&doc, "slots");
    bool is_said = slots != NULL && !agent_doc_is_null(slots);
    if (is_said &&
        (slots->text == NULL || slots->len == 0 || strspn(slots->text, "0123456789") != slots->len))
        api_error(api, r->id, 400, "invalid", "slots", "slots: a number from 1 to 65535, or null");
    else
        node_set(api, r, node, "slots", is_said ? slots->text : "");
    agent_doc_close(&doc);
}

/* {"tags": {"rack": "b", "gpu": null}}: null takes a tag away; no tags: as configured. */
static void node_tags(struct agent_api *api, const struct agent_http_request *r, const char *node)
{
    struct agent_doc doc;
    char text[2 * AGENT_TAGS_TEXT_MAX] = "";
    size_t at = 0;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *tags = body_field(&doc, "tags");
    bool is_said = tags != NULL && !agent_doc_is_null(tags);
    bool bad = is_said && (tags->kind != AGENT_DOC_MAP || tags->count == 0);
    for (const struct agent_doc_node *t = is_said && !bad ? tags->first : NULL; t != NULL && !bad;
         t = t->next) {
        bool is_off = agent_doc_is_null(t);
        bad = strpbrk(t->key, ",=") != NULL || t->key[0] == '\0' ||
              (!is_off && (t->text == NULL || strpbrk(t->text, ",=\n") != NULL)) ||
              !muster_format(text + at, sizeof text - at, "%s%s%s%s", at > 0 ? "," : "", t->key,
                             is_off ? "" : "=", is_off ? "" : t->text);
        at += strlen(text + at);
    }
    if (bad)
        api_error(api, r->id, 400, "invalid", "tags",
                  "tags: a map such as {\"rack\": \"b\", \"gpu\": null}, without commas and "
                  "equals signs");
    else
        node_set(api, r, node, "tags", text);
    agent_doc_close(&doc);
}

static void node_one(struct agent_api *api, const struct agent_http_request *r, const char *path)
{
    char name[AGENT_HTTP_PATH_MAX];
    struct agent_member m;
    (void)snprintf(name, sizeof name, "%s", path);
    if (r->method == AGENT_HTTP_POST) {
        if (ends_with(name, "/drain"))
            drain(api, r, name);
        else if (ends_with(name, "/forget"))
            job_simple(api, r, AGENT_OP_FORGET, name);
        else if (ends_with(name, "/hold"))
            node_set(api, r, name, "held", "1");
        else if (ends_with(name, "/release"))
            node_set(api, r, name, "held", "0");
        else if (ends_with(name, "/slots"))
            node_slots(api, r, name);
        else if (ends_with(name, "/tags"))
            node_tags(api, r, name);
        else
            api_error(api, r->id, 404, "not_found", NULL,
                      "POST /v1/nodes/NAME/drain, /hold, /release, /slots, /tags or /forget");
        return;
    }
    if (!api_member_find(api, name, &m)) {
        api_error(api, r->id, 404, "not_found", "name",
                  "no node named %s; `muster members` lists them", name);
        return;
    }
    struct agent_request *q = api_list(api, r, AGENT_OP_RUN_LIST, API_NODE_PAGE);
    if (q == NULL)
        return;
    q->node = api_copy(api, name);
    struct api_open *o = api_open_find(api, r->id);
    (void)snprintf(o->node, sizeof o->node, "%s", m.name);
}

static void join(struct agent_api *api, const struct agent_http_request *r)
{
    struct agent_doc doc;
    char text[2048] = "";
    size_t at = 0;
    if (!api_body_read(api, r, &doc))
        return;
    const struct agent_doc_node *list_node = body_field(&doc, "addresses");
    const struct agent_doc_node *a =
        list_node != NULL && list_node->kind == AGENT_DOC_LIST ? list_node->first : NULL;
    bool bad = a == NULL;
    for (; a != NULL && !bad; a = a->next) {
        struct muster_addr addr;
        bad = a->text == NULL || muster_addr_parse(&addr, a->text, 7946) != MUSTER_OK ||
              at + strlen(a->text) + 2 > sizeof text;
        if (!bad)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? "," : "", a->text);
    }
    agent_doc_close(&doc);
    if (bad) {
        api_error(api, r->id, 400, "invalid", "addresses",
                  "addresses: a list of IP addresses such as [\"10.0.0.11:7946\"]");
        return;
    }
    (void)api_ask(api, r->id, AGENT_OP_JOIN, text);
    (void)api_open_make(api, r->id, API_PLAIN);
}

/* ---- which of them */

/* Of the ways that ask one thing and no more. */
static enum agent_op op_of(enum api_way way)
{
    return way == API_WAY_PLACE       ? AGENT_OP_PLACE
           : way == API_WAY_WHY       ? AGENT_OP_WHY
           : way == API_WAY_REVISIONS ? AGENT_OP_JOB_REVISIONS
           : way == API_WAY_INIT      ? AGENT_OP_INIT
           : way == API_WAY_LEAVE     ? AGENT_OP_LEAVE
           : way == API_WAY_DOCTOR    ? AGENT_OP_FACTS
                                      : AGENT_OP_KEYS;
}

static void route_take(struct agent_api *api, const struct agent_http_request *r, enum api_way way,
                       const char *name)
{
    switch (way) {
    case API_WAY_JOBS:
        api_jobs(api, r);
        break;
    case API_WAY_JOB:
        job_one(api, r, name);
        break;
    case API_WAY_RUNS:
        (void)api_list(api, r, AGENT_OP_RUN_LIST, API_PLAIN);
        break;
    case API_WAY_RUN:
        run_one(api, r, name);
        break;
    case API_WAY_NODE:
        node_one(api, r, name);
        break;
    case API_WAY_PLACE:
    case API_WAY_WHY:
    case API_WAY_REVISIONS:
        if (name_ok(api, r->id, name))
            job_simple(api, r, op_of(way), name);
        break;
    case API_WAY_NEWS:
        api_news_begin(api, r);
        break;
    case API_WAY_INIT:
    case API_WAY_LEAVE:
        job_simple(api, r, op_of(way), "");
        break;
    case API_WAY_JOIN:
        join(api, r);
        break;
    case API_WAY_WHATIF:
        api_whatif(api, r);
        break;
    case API_WAY_REBALANCE:
        (void)api_list(api, r, AGENT_OP_REBALANCE, API_PLAIN);
        break;
    case API_WAY_DOCTOR:
    case API_WAY_KEYS:
        job_simple(api, r, op_of(way), "list");
        break;
    case API_WAY_KEY:
        api_keys_change(api, r, name);
        break;
    case API_WAY_HOLD:
        api_hold(api, r);
        break;
    case API_WAY_PAYLOADS:
        api_payloads(api, r, name);
        break;
    default:
        api_local(api, r, way);
    }
}

/* Who is nobody is told nothing, not even which paths there are. */
static bool right_check(struct agent_api *api, const struct agent_http_request *r,
                        enum agent_right needed)
{
    if (needed != AGENT_RIGHT_UNSAID && r->right >= needed)
        return true;
    if (r->right < AGENT_RIGHT_READ)
        api_error(
            api, r->id, 401, "no_token", NULL,
            r->who != NULL
                ? "this certificate gives no right: its subject names none of OU=muster:read, "
                  "muster:operate and muster:admin; ask who signs them"
            : r->authorization != NULL
                ? "this token is not known here; `muster token create` makes one, with the "
                  "line for the agent's file of `tokens`"
                : "a token is needed here; set MUSTER_TOKEN, or say --token-file (over HTTP: "
                  "Authorization: Bearer TOKEN)");
    else
        api_error(api, r->id, 403, "denied", NULL, "the right `%s` is needed for this; %s has `%s`",
                  agent_right_text(needed), r->who != NULL ? r->who : "who asks",
                  agent_right_text(r->right));
    return false;
}

void api_route(struct agent_api *api, const struct agent_http_request *r)
{
    const struct api_rule *near = NULL, *rule = api_rule_find(r->path, r->method, &near);
    if (!right_check(api, r, rule != NULL ? api_rule_right(rule, r->method) : AGENT_RIGHT_READ))
        return;
    if (rule != NULL) {
        route_take(api, r, rule->way, r->path + strlen(rule->path));
    } else if (near != NULL) {
        api_error(api, r->id, 405, "method", NULL, "%s does not take %s", r->path,
                  agent_http_method_text(r->method));
        api->effect[api->count - 1].reply.allow = near->allow;
    } else {
        api_error(api, r->id, 404, "not_found", NULL, "no such path: %s", r->path);
    }
}
