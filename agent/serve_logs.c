/* SPDX-License-Identifier: Apache-2.0 */
/* Output of runs, read here for whoever asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/left.h"
#include "agent/logview.h"
#include "agent/placer.h"
#include "agent/runner.h"
#include "agent/serve_inside.h"

#define TAIL_CHUNK (256u << 10) /* bytes of one chunk, and a record more */

/* ---- the last words of a run whose node is gone */

struct tail {
    uint8_t *data; /* owned */
    struct agent_left_head head;
    struct muster_bytes node, records;
};

static bool tail_get(const struct agent_core *core, const char *name, struct tail *t)
{
    struct store_view view;
    *t = (struct tail){ .data = NULL };
    if (!store_get(core->store, muster_bytes_text(name), &view) ||
        !agent_placer_has_left(core, &view.row, AGENT_LEFT_OUTPUT))
        return false;
    t->data = malloc(AGENT_LEFT_MAX);
    if (t->data == NULL || !agent_placer_left_get(core, &view.row, AGENT_LEFT_OUTPUT, t->data,
                                                  AGENT_LEFT_MAX, &t->head))
        return false;
    t->records = MUSTER_BYTES(t->data, t->head.size);
    t->node = agent_left_output_node(&t->records);
    return true;
}

uint64_t serve_logs_tail(const struct agent_core *core, const char *name)
{
    struct tail t;
    uint64_t token = tail_get(core, name, &t) ? t.head.token : 0;
    free(t.data);
    return token;
}

static bool record_wanted(const struct agent_request *q, struct muster_bytes *left,
                          struct agent_logline *record)
{
    while (left->len > 0) {
        const uint8_t *end = memchr(left->data, '\n', left->len);
        size_t len = end != NULL ? (size_t)(end - left->data) : left->len;
        const char *line = (const char *)left->data;
        *left = MUSTER_BYTES(left->data + len + (end != NULL), left->len - len - (end != NULL));
        if (agent_logline_parse(record, line, len) &&
            agent_logview_wants(record, q->want_stdout, q->want_stderr) &&
            (q->attempt == 0 || q->attempt == record->attempt))
            return true;
    }
    return false;
}

static void chunk_send(struct agent_core *core, const struct serve_ask *ask,
                       struct muster_bytes bytes)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_CHUNK, 3);
    muster_write_u64(&w, ask->number);
    muster_write_bytes(&w, bytes);
    (void)agent_frame_send(core, ask->from, &w);
}

static void record_add(const struct serve_ask *ask, struct muster_text *out,
                       const struct agent_logline *record)
{
    if (ask->q->as_text)
        agent_logview_text(out, record);
    else
        agent_logview_json(out, record, 0);
}

/* Says what this is: nobody shall take the end for the whole. */
static void note_add(const struct serve_ask *ask, struct muster_text *out, const struct tail *t)
{
    char text[256], time[MUSTER_TIME_TEXT];
    int len = snprintf(text, sizeof text,
                       "the replicated end of what it printed on %.*s, told at %s; the rest is on "
                       "that node, which does not answer",
                       (int)t->node.len, (const char *)t->node.data,
                       muster_time_text(t->head.wall_ms, time));
    const struct agent_logline note = { .wall_ms = t->head.wall_ms,
                                        .stream = AGENT_LOGLINE_GUARD,
                                        .attempt = t->head.attempt,
                                        .text = text,
                                        .len = (size_t)len };
    record_add(ask, out, &note);
}

static void tail_send(struct agent_core *core, const struct serve_ask *ask, const struct tail *t)
{
    struct muster_text out;
    struct agent_logline record;
    uint32_t count = 0, skip;
    struct muster_bytes left = t->records;
    while (record_wanted(ask->q, &left, &record))
        count++;
    skip = ask->q->lines > 0 && count > ask->q->lines ? count - ask->q->lines : 0;
    muster_text_open(&out, 2 * TAIL_CHUNK);
    note_add(ask, &out, t);
    left = t->records;
    while (record_wanted(ask->q, &left, &record)) {
        if (skip > 0) {
            skip--;
            continue;
        }
        record_add(ask, &out, &record);
        if (muster_text_bytes(&out).len >= TAIL_CHUNK) {
            chunk_send(core, ask, muster_text_bytes(&out));
            muster_text_clear(&out);
        }
    }
    chunk_send(core, ask, muster_text_bytes(&out));
    muster_text_close(&out);
    serve_body(core, ask, MUSTER_BYTES(NULL, 0));
}

/* True when the end is all that can be had: our own disk has an older run, or none. */
static bool tail_serve(struct agent_core *core, const struct serve_ask *ask)
{
    struct tail t;
    bool is_all = tail_get(core, ask->q->name, &t) &&
                  t.head.token > agent_runner_token(core, muster_bytes_text(ask->q->name));
    if (is_all)
        tail_send(core, ask, &t);
    free(t.data);
    return is_all;
}

/* Phase one of logs: who ran it last? Phase two, at that node: the stream itself. */
void serve_logs(struct agent_core *core, const struct serve_ask *ask)
{
    struct agent_serve *t = core->serve;
    if (ask->is_local) {
        serve_list(core, ask);
        return;
    }
    if (tail_serve(core, ask))
        return;
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        if (t->reader[i].read != 0)
            continue;
        t->reader[i] = (struct serve_reader){ agent_number(core), ask->number, ask->from };
        struct agent_logs *l = agent_out_take(&core->out, sizeof *l);
        *l = (struct agent_logs){ .job = agent_out_text(&core->out, ask->q->name),
                                  .attempt = ask->q->attempt,
                                  .offset = ask->q->offset,
                                  .lines = ask->q->lines,
                                  .want_stdout = ask->q->want_stdout,
                                  .want_stderr = ask->q->want_stderr,
                                  .follow = ask->q->follow,
                                  .as_text = ask->q->as_text };
        struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LOGS);
        e->number = t->reader[i].read;
        e->logs = l;
        return;
    }
    serve_error(core, ask, MUSTER_EBUSY, NULL, "too many log readers on this node");
}

void agent_serve_logs(struct agent_core *core, const struct agent_event *event)
{
    struct agent_serve *t = core->serve;
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        struct serve_reader *l = &t->reader[i];
        if (l->read == 0 || l->read != event->number)
            continue;
        struct serve_ask ask = { l->from, l->number, false, NULL };
        if (event->bytes.len > 0)
            chunk_send(core, &ask, event->bytes);
        if (!event->ended)
            return;
        if (event->err != MUSTER_OK)
            serve_error(core, &ask, event->err, NULL, "its output cannot be read: %s",
                        muster_err_text(event->err));
        else
            serve_body(core, &ask, MUSTER_BYTES(NULL, 0));
        l->read = 0;
        return;
    }
}

void agent_serve_cancel(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_serve *t = core->serve;
    uint64_t number = muster_read_u64(r);
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        struct serve_reader *l = &t->reader[i];
        if (l->read == 0 || l->number != number || !muster_id_equal(l->from, from))
            continue;
        agent_out_add(&core->out, AGENT_EFFECT_LOGS_CANCEL)->number = l->read;
        l->read = 0;
    }
}
