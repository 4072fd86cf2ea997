/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: this node's part of a list, and one row in the shape that was asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/describe.h"
#include "agent/family.h"
#include "agent/gather.h"
#include "agent/left.h"
#include "agent/newsroom.h"
#include "agent/peers.h"
#include "agent/permit.h"
#include "agent/requests.h"
#include "agent/revision.h"
#include "agent/run_name.h"
#include "agent/runner.h"
#include "agent/serve_inside.h"
#include "agent/triggered.h"

/* ---- one row */

/* The bytes as the run left them. */
static void result_read(struct agent_core *core, const struct serve_ask *ask,
                        const struct store_row *row)
{
    struct agent_left_head head = { 0 };
    uint8_t *data = malloc(AGENT_LEFT_MAX);
    if (data != NULL &&
        agent_placer_left_get(core, row, AGENT_LEFT_RESULT, data, AGENT_LEFT_MAX, &head))
        serve_body(core, ask, MUSTER_BYTES(data, head.size));
    else
        serve_error(core, ask, MUSTER_ENOTFOUND, NULL, "%s has left no result", ask->q->name);
    free(data);
}

static void messages_put(struct agent_core *core, struct agent_json *j, const struct store_row *row)
{
    struct agent_left_head head = { 0 };
    struct agent_left_message m;
    uint8_t *data = malloc(AGENT_LEFT_MAX);
    if (data == NULL ||
        !agent_placer_left_get(core, row, AGENT_LEFT_MESSAGES, data, AGENT_LEFT_MAX, &head))
        head.size = 0;
    struct muster_bytes lines = MUSTER_BYTES(data, head.size);
    agent_json_object(j);
    agent_json_key(j, "items");
    agent_json_array(j);
    while (agent_left_message(&lines, &m)) {
        agent_json_object(j);
        agent_json_put_time(j, "time", m.wall_ms);
        agent_json_put_bytes(j, "node", m.node);
        agent_json_put_token(j, "token", m.token);
        agent_json_put_u64(j, "attempt", m.attempt);
        agent_json_put_bytes(j, "text", m.text);
        agent_json_object_end(j);
    }
    agent_json_array_end(j);
    agent_json_put_null(j, "next");
    agent_json_object_end(j);
    free(data);
}

static void signal_send(struct agent_core *core, const struct serve_ask *ask,
                        const struct store_view *view)
{
    const struct store_row *row = &view->row;
    struct agent_picture p;
    struct muster_text out;
    struct agent_json j;
    agent_picture(core, view, &p);
    bool is_up = p.state == AGENT_STATE_RUNNING || p.state == AGENT_STATE_STARTING ||
                 p.state == AGENT_STATE_STOPPING;
    if (!is_up || row->run_token == 0) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL, "%s is %s: there is no process to signal",
                    ask->q->name, agent_state_text(p.state));
        return;
    }
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_SIGNAL, 4);
    muster_write_str(&w, row->key);
    muster_write_u64(&w, row->run_token);
    muster_write_u64(&w, ask->q->attempt);
    (void)agent_frame_send(core, row->run_node, &w);
    muster_text_open(&out, 8192);
    agent_json_open(&j, &out);
    agent_describe_run(core, &j, &p);
    serve_body(core, ask, muster_text_bytes(&out));
    muster_text_close(&out);
}

void serve_row(struct agent_core *core, const struct serve_ask *ask, struct muster_bytes row)
{
    char key[AGENT_NAME_MAX + MUSTER_ID_TEXT + 2], id[MUSTER_ID_TEXT];
    size_t size = row.len + sizeof key + 64;
    uint8_t *part = malloc(size);
    struct muster_writer w = muster_writer_over(part, part != NULL ? size : 0);
    (void)snprintf(key, sizeof key, "%s %s", core->config.name,
                   muster_id_text(core->config.self, id));
    uint8_t *mark = muster_write_array_open(&w);
    muster_write_array(&w, 3);
    muster_write_str(&w, muster_bytes_text(key));
    muster_write_u64(&w, 1);
    muster_write_bytes(&w, row);
    muster_write_array_close(&w, mark, 1);
    muster_write_bool(&w, false);
    if (muster_writer_err(&w) == MUSTER_OK)
        serve_body(core, ask, muster_writer_bytes(&w));
    free(part);
}

void serve_read(struct agent_core *core, const struct serve_ask *ask, const struct store_view *view)
{
    struct agent_picture p;
    struct muster_text out;
    struct agent_json j;
    if (ask->q->op == AGENT_OP_RUN_SIGNAL) {
        signal_send(core, ask, view);
        return;
    }
    if (ask->q->op == AGENT_OP_RUN_RESULT) {
        result_read(core, ask, &view->row);
        return;
    }
    if (ask->q->op == AGENT_OP_JOB_ENDS) {
        uint8_t end[64];
        serve_body(core, ask,
                   agent_family_end(core, view, ask->q->after_index, (int32_t)ask->q->limit, end));
        return;
    }
    if (ask->q->op == AGENT_OP_TEMPLATE) {
        serve_template(core, ask, &view->row);
        return;
    }
    muster_text_open(&out, AGENT_FRAME_MAX / 2);
    agent_json_open(&j, &out);
    if (view != NULL)
        agent_picture(core, view, &p);
    switch (ask->q->op) {
    case AGENT_OP_WHY:
        agent_describe_why(core, &j, &p);
        break;
    case AGENT_OP_PLACE:
        agent_describe_place(core, &j, ask->q->name, view != NULL ? &p : NULL);
        break;
    case AGENT_OP_RUN_GET:
        agent_describe_run(core, &j, &p);
        break;
    case AGENT_OP_RUN_MESSAGES:
        messages_put(core, &j, &view->row);
        break;
    case AGENT_OP_JOB_REVISIONS:
        agent_revision_list(core, &j, &view->row);
        break;
    default:
        agent_json_object(&j);
        agent_describe_job(core, &j, &p);
        agent_json_key(&j, "run");
        agent_describe_run(core, &j, &p);
        agent_json_object_end(&j);
    }
    serve_body(core, ask, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* ---- lists: what is kept here, and what nobody keeps but we hold */

struct list {
    struct muster_writer w;
    uint8_t *mark;
    uint32_t count;
    bool more;
    char cut[STORE_KEY_MAX + 1]; /* as far as this part goes, when there is more; "": all */
    struct serve_plan plan;
};

static void item_add(struct list *l, struct muster_bytes key, uint64_t version,
                     const struct muster_text *json)
{
    muster_write_array(&l->w, 3);
    muster_write_str(&l->w, key);
    muster_write_u64(&l->w, version);
    muster_write_bytes(&l->w, muster_text_bytes(json));
    l->count++;
}

static bool is_ours(struct agent_core *core, uint32_t bucket)
{
    struct store_bucket_view b;
    if (store_is_serving(core->store, bucket))
        return true;
    store_bucket(core->store, bucket, &b);
    if (b.role == STORE_NO_SEAT)
        return false;
    const struct agent_peer *keeper = agent_peers_find(core, b.keeper);
    return keeper == NULL || keeper->is_self || !agent_peer_is_alive(keeper);
}

static bool has_label(const struct store_row *row, const char *label)
{
    /* The canonical text of a spec holds labels as "key":"value"; a filter `key=value` looks for
     * it. */
    char want[256];
    const char *eq = strchr(label, '=');
    struct agent_payload_id wanted, named;
    if (label[0] == '\0')
        return true;
    if (agent_payload_of_key(&wanted, muster_bytes_text(label)))
        return agent_payload_named(&named, row->spec) && agent_payload_id_equal(wanted, named);
    if (eq != NULL)
        (void)snprintf(want, sizeof want, "\"%.*s\":\"%s\"", (int)(eq - label), label, eq + 1);
    else
        (void)snprintf(want, sizeof want, "\"%s\":\"", label);
    struct muster_bytes labels = muster_bytes_text("\"labels\":{");
    const uint8_t *at =
        row->spec.len > 0 ? memmem(row->spec.data, row->spec.len, labels.data, labels.len) : NULL;
    if (at == NULL)
        return false;
    const uint8_t *end = memchr(at, '}', (size_t)(row->spec.data + row->spec.len - at));
    return end != NULL && memmem(at, (size_t)(end - at), want, strlen(want)) != NULL;
}

static bool is_wanted(struct agent_core *core, const struct agent_request *q,
                      const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    if (q->op == AGENT_OP_WHATIF_ADD || q->op == AGENT_OP_PAYLOAD_LIST)
        return true; /* what it names is no filter */
    if (q->state[0] != '\0' && strcmp(q->state, agent_state_text(p->state)) != 0)
        return false;
    struct muster_bytes job = agent_run_name_read(row->key).job;
    if (q->job[0] != '\0' && !muster_bytes_equal(job, muster_bytes_text(q->job)))
        return false;
    if (q->node[0] != '\0' &&
        (row->run_token == 0 || strcmp(q->node, agent_node_name(core, row->run_node)) != 0))
        return false;
    return has_label(row, q->label);
}

/* A deleted job is gone for people, but its process may need a moment: runs show it until then. */
static bool is_shown(const struct store_row *row, enum agent_op op)
{
    bool is_run = op != AGENT_OP_JOB_LIST;
    if (agent_payload_is_row(row->key) || op == AGENT_OP_PAYLOAD_LIST)
        return agent_payload_is_row(row->key) && op == AGENT_OP_PAYLOAD_LIST &&
               row->phase != STORE_GONE;
    if (op == AGENT_OP_WHATIF_ADD && row->kind == STORE_KIND_PARENT && row->phase != STORE_GONE)
        return true; /* it may have a share for each node */
    /* A job whose runs are rows beside it is no run, and they are no jobs. */
    bool is_other = is_run ? row->kind == STORE_KIND_PARENT && row->phase != STORE_GONE
                           : agent_run_name_is_child(row->key);
    if (is_other || agent_left_is(row->key) || agent_permit_is_row(row->key))
        return false;
    return row->phase != STORE_GONE || (is_run && row->run_token != 0);
}

static void payload_item(struct agent_json *j, const struct store_row *row)
{
    uint64_t size = 0;
    (void)agent_payload_size(&size, row->spec);
    agent_json_object(j);
    agent_json_put_bytes(j, "sha256", MUSTER_BYTES(row->key.data + 1, row->key.len - 1));
    agent_json_put_u64(j, "size", size);
    agent_json_put_time(j, "created", row->created_wall_ms);
    agent_json_put_time(j, "named", row->modified_wall_ms);
    agent_json_object_end(j);
}

static void row_item(struct agent_core *core, const struct agent_request *q, struct list *l,
                     const struct agent_picture *p, struct muster_text *json)
{
    struct agent_json j;
    muster_text_clear(json);
    agent_json_open(&j, json);
    if (l->plan.is_one) {
        if (!serve_plan_item(core, &l->plan, &p->view->row, &j))
            return;
    } else if (q->op == AGENT_OP_PAYLOAD_LIST) {
        payload_item(&j, &p->view->row);
    } else if (q->op == AGENT_OP_RUN_LIST) {
        agent_describe_run(core, &j, p);
    } else {
        agent_json_object(&j);
        agent_describe_job(core, &j, p);
        agent_json_object_end(&j);
    }
    item_add(l, p->view->row.key, p->view->version.packed, json);
}

static void rows_list(struct agent_core *core, const struct agent_request *q, struct list *l,
                      struct muster_text *json)
{
    struct muster_bytes prefix = muster_bytes_text(q->prefix);
    char after[STORE_KEY_MAX + 1];
    bool from_prefix = strcmp(q->after, q->prefix) < 0;
    (void)snprintf(after, sizeof after, "%s", from_prefix ? q->prefix : q->after);
    struct store_view view;
    bool has = from_prefix && store_get(core->store, muster_bytes_text(after), &view);
    if (!has)
        has = store_after(core->store, muster_bytes_text(after), &view);
    for (uint32_t looks = 1; has && muster_bytes_starts_with(view.row.key, prefix); looks++) {
        struct agent_picture p;
        if (is_shown(&view.row, q->op) && is_ours(core, view.bucket)) {
            agent_picture_state(core, &view, &p);
            if (is_wanted(core, q, &p)) {
                if (l->count == q->limit || muster_writer_room(&l->w) < STORE_ROW_MAX + 8192) {
                    l->more = true;
                    return;
                }
                agent_picture_reason(core, &p);
                row_item(core, q, l, &p, json);
            }
        }
        (void)snprintf(l->cut, sizeof l->cut, "%.*s", (int)view.row.key.len,
                       (const char *)view.row.key.data);
        if (looks == AGENT_LIST_LOOKS) {
            l->more = true;
            return;
        }
        has = store_after(core->store, view.row.key, &view);
    }
}

static void news_list(struct agent_core *core, const struct agent_request *q, struct list *l,
                      struct muster_text *json)
{
    struct agent_news n;
    uint64_t after = q->after_index;
    uint32_t total = 0, skip;
    while (agent_news_after(core, after, &n)) {
        after = n.index;
        total++;
    }
    skip = q->after_index == 0 && total > q->limit ? total - q->limit : 0;
    after = q->after_index;
    while (l->count < q->limit && agent_news_after(core, after, &n)) {
        char key[24];
        after = n.index;
        if (skip > 0) {
            skip--;
            continue;
        }
        (void)snprintf(key, sizeof key, "%020llu", (unsigned long long)n.index);
        muster_text_clear(json);
        agent_news_json(&n, json);
        item_add(l, muster_bytes_text(key), 1, json);
    }
}

/* Who ran a job last: our id under the highest token we have seen for it, or under that of the run
 * of which we know the last words. */
static void runner_list(struct agent_core *core, const struct agent_request *q, struct list *l,
                        struct muster_text *json)
{
    char id[MUSTER_ID_TEXT];
    uint64_t token = agent_runner_token(core, muster_bytes_text(q->name));
    uint64_t tail = serve_logs_tail(core, q->name);
    if (token == 0 && tail == 0)
        return;
    muster_text_clear(json);
    muster_text_add(json, "%s", muster_id_text(core->config.self, id));
    item_add(l, muster_bytes_text(tail > token ? AGENT_GATHER_TAIL : "runner"),
             tail > token ? tail : token, json);
}

void serve_list(struct agent_core *core, const struct serve_ask *ask)
{
    if (ask->q->op == AGENT_OP_RUN_ENDS) {
        agent_triggered_serve(core, ask);
        return;
    }
    uint8_t *buffer = malloc(AGENT_GATHER_BODY);
    struct list l = { .w = muster_writer_over(buffer, buffer != NULL ? AGENT_GATHER_BODY : 0) };
    struct agent_request q = *ask->q;
    struct muster_text json;
    if (q.job[0] != '\0' && q.prefix[0] == '\0')
        q.prefix = q.job; /* the names of all its runs begin with its own */
    if (q.limit == 0 || q.limit > AGENT_LIST_MAX)
        q.limit = AGENT_LIST_MAX;
    muster_text_open(&json, 2 * STORE_ROW_MAX);
    serve_plan_open(core, &q, &l.plan);
    l.mark = muster_write_array_open(&l.w);
    if (q.op == AGENT_OP_NEWS_LIST)
        news_list(core, &q, &l, &json);
    else if (q.op == AGENT_OP_LOGS)
        runner_list(core, &q, &l, &json);
    else
        rows_list(core, &q, &l, &json);
    muster_write_array_close(&l.w, l.mark, l.count);
    muster_write_bool(&l.w, l.more);
    muster_write_text(&l.w, l.more ? l.cut : "");
    MUSTER_ASSERT(buffer == NULL || muster_writer_err(&l.w) == MUSTER_OK);
    serve_body(core, ask, muster_writer_bytes(&l.w));
    muster_text_close(&json);
    serve_plan_close(&l.plan);
    free(buffer);
}
