/* SPDX-License-Identifier: Apache-2.0 */
/* Client operations on the rows this node keeps: tried, parked behind an earlier write, answered.
 */
#include "agent/serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/describe.h"
#include "agent/facts.h"
#include "agent/holds.h"
#include "agent/newsroom.h"
#include "agent/payload.h"
#include "agent/peers.h"
#include "agent/revision.h"
#include "agent/run_name.h"
#include "agent/runner.h"
#include "agent/serve_inside.h"
#include "agent/serve_keys.h"

#define PARK_MS      5000 /* behind a write that finds no quorum */
#define PARK_LOOK_MS 100

int agent_serve_open(struct agent_core *core)
{
    core->serve = calloc(1, sizeof *core->serve);
    if (core->serve == NULL)
        return MUSTER_EFULL;
    core->serve->served = calloc(AGENT_SERVED_MAX, sizeof *core->serve->served);
    core->serve->deadline_ms = MUSTER_NEVER;
    return core->serve->served != NULL ? MUSTER_OK : MUSTER_EFULL;
}

void agent_serve_close(struct agent_core *core)
{
    if (core->serve == NULL)
        return;
    for (uint32_t i = 0; core->serve->served != NULL && i < core->serve->high; i++)
        free(core->serve->served[i].spec);
    free(core->serve->served);
    free(core->serve);
    core->serve = NULL;
}

/* ---- answers */

static void reply_send(struct agent_core *core, struct muster_id to,
                       const struct agent_msg_reply *m)
{
    if (core->serve->is_unsure)
        return;
    struct muster_writer w = agent_frame(core);
    agent_write_reply(&w, m);
    (void)agent_frame_send(core, to, &w);
}

void serve_error(struct agent_core *core, const struct serve_ask *ask, int err, const char *field,
                 const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    core->serve->said = err;
    struct agent_msg_reply m = { .number = ask->number,
                                 .err = err,
                                 .message = muster_bytes_text(text),
                                 .field = muster_bytes_text(field != NULL ? field : "") };
    reply_send(core, ask->from, &m);
}

void serve_body(struct agent_core *core, const struct serve_ask *ask, struct muster_bytes body)
{
    struct agent_msg_reply m = { .number = ask->number, .body = body };
    reply_send(core, ask->from, &m);
}

struct serve_ask serve_ask_of(const struct served *s)
{
    return (struct serve_ask){ s->from, s->number, false, &s->q };
}

static void served_free(struct agent_core *core, struct served *s)
{
    if (s->is_parked)
        core->serve->parked--;
    free(s->spec);
    *s = (struct served){ 0 };
}

static void reply_written(struct agent_core *core, struct served *s, uint32_t copies)
{
    struct serve_ask ask = serve_ask_of(s);
    struct store_view view;
    struct agent_picture picture;
    struct muster_text out;
    struct agent_json j;
    bool known = store_get(core->store, muster_bytes_text(s->name), &view);
    if (s->q.op == AGENT_OP_RUN_MAKE && known) {
        serve_made(core, s, &view, copies);
        return;
    }
    muster_text_open(&out, AGENT_FRAME_MAX / 2);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    if (s->q.op == AGENT_OP_JOB_DELETE || !known) {
        agent_json_put_text(&j, "name", s->name);
        agent_json_put_u64(&j, "copies", copies);
        agent_json_put_time(&j, "run_may_live_until",
                            known ? agent_placer_lease_until(core, &view) : 0);
    } else {
        agent_picture(core, &view, &picture);
        agent_json_key(&j, "job");
        agent_json_object(&j);
        agent_describe_job(core, &j, &picture);
        agent_json_object_end(&j);
        agent_json_key(&j, "run");
        if (view.row.run_token != 0)
            agent_describe_run(core, &j, &picture);
        else
            agent_json_null(&j);
        agent_json_put_u64(&j, "copies", copies);
        agent_json_put_bool(&j, "created", s->created);
        agent_json_put_bool(&j, "changed", s->changed);
    }
    agent_json_object_end(&j);
    serve_body(core, &ask, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* ---- the operations: each changes a copy of the row, or answers at once */

static enum serve_outcome put_fault(struct agent_core *core, struct served *s,
                                    const struct store_view *view, bool alive)
{
    struct serve_ask ask = serve_ask_of(s);
    if (s->q.create_only && alive)
        serve_error(
            core, &ask, MUSTER_EEXISTS, "name",
            "a job named %s exists already; `muster apply` changes it, `muster rm` removes it",
            s->name);
    else if (s->q.expected_revision != 0 &&
             (!alive || view->row.revision != s->q.expected_revision))
        serve_error(core, &ask, MUSTER_ECONFLICT, "rev",
                    "%s is at revision %u, not %u: read it again before changing it", s->name,
                    alive ? view->row.revision : 0, s->q.expected_revision);
    else
        return SERVE_WRITE;
    return SERVE_ANSWERED;
}

static enum serve_outcome op_put(struct agent_core *core, struct served *s,
                                 const struct store_view *view, bool alive, struct serve_change *c)
{
    if (put_fault(core, s, view, alive) == SERVE_ANSWERED)
        return SERVE_ANSWERED;
    if (alive && muster_bytes_equal(view->row.spec, s->q.spec))
        return SERVE_SAME;
    bool restart = !alive || !serve_same_process(view->row.spec, s->q.spec);
    s->created = !alive;
    s->changed = true;
    c->births = !alive;
    c->news = alive ? "job.updated" : "job.created";
    if (!alive)
        store_row_fresh(&c->row, s->name, agent_wall_ms(core)); /* a schedule counts from then */
    if (!serve_spec_apply(core, s, &c->row))
        return SERVE_ANSWERED;
    c->keeps_spec = alive;
    if (restart && (c->row.kind == STORE_KIND_PARENT || c->row.want == STORE_WANT_RUN))
        store_row_again(&c->row, core->now.wall_ms);
    else if (restart && c->row.phase == STORE_PLACED)
        c->row.phase = STORE_HELD; /* what runs is not what is wanted any more, and is held */
    return SERVE_WRITE;
}

static enum serve_outcome op_delete(struct agent_core *core, struct serve_change *c)
{
    if (MUSTER_MUTANT(tombstone_without_run))
        c->row.run_token = 0;
    c->row.phase = STORE_GONE;
    c->row.since_wall_ms = core->now.wall_ms;
    c->row.spec = c->row.attempts = MUSTER_BYTES(NULL, 0);
    c->row.reason = MUSTER_BYTES(NULL, 0);
    c->news = "job.deleted";
    return SERVE_WRITE;
}

static enum serve_outcome op_stop(struct agent_core *core, struct serve_change *c)
{
    if (c->row.want == STORE_WANT_STOP || c->row.phase == STORE_DONE)
        return SERVE_SAME;
    c->row.want = STORE_WANT_STOP;
    c->news = "job.stopped";
    if (c->row.run_token == 0) {
        c->row.phase = STORE_HELD;
        c->row.since_wall_ms = core->now.wall_ms;
        c->row.reason = muster_bytes_text("stopped by a person");
    }
    return SERVE_WRITE;
}

static enum serve_outcome op_start(struct agent_core *core, struct serve_change *c, bool restart)
{
    bool is_family = c->row.kind == STORE_KIND_PARENT;
    bool runs = is_family || c->row.phase == STORE_PLACED || c->row.phase == STORE_WAITING;
    if (c->row.want == STORE_WANT_RUN && runs && !restart)
        return SERVE_SAME;
    bool goes_on = c->row.want == STORE_WANT_HOLD && c->row.phase == STORE_PLACED && !restart;
    c->row.want = STORE_WANT_RUN;
    c->news = restart ? "job.restarted" : "job.started";
    if (is_family && !restart)
        serve_ticks_pass(core, &c->row);
    if (!goes_on)
        store_row_again(&c->row, core->now.wall_ms);
    return SERVE_WRITE;
}

static enum serve_outcome op_change(struct agent_core *core, struct served *s,
                                    const struct store_view *view, bool alive,
                                    struct serve_change *c)
{
    struct serve_ask ask = serve_ask_of(s);
    if (s->q.op == AGENT_OP_JOB_PUT)
        return op_put(core, s, view, alive, c);
    if (s->q.op == AGENT_OP_RUN_MAKE || s->q.op == AGENT_OP_JOB_RESTORE)
        return (s->q.op == AGENT_OP_RUN_MAKE ? serve_make : serve_restore)(core, s, view, alive, c);
    if (!alive) {
        serve_error(core, &ask, MUSTER_ENOTFOUND, "name", "no job named %s; `muster ls` lists them",
                    s->name);
        return SERVE_ANSWERED;
    }
    if (serve_copy(core, &ask, c) == SERVE_ANSWERED)
        return SERVE_ANSWERED;
    s->changed = true;
    if (s->q.op == AGENT_OP_JOB_DELETE)
        return op_delete(core, c);
    if (s->q.op == AGENT_OP_JOB_STOP)
        return op_stop(core, c);
    if (s->q.op >= AGENT_OP_JOB_HOLD)
        return serve_hold(core, &ask, c);
    return op_start(core, c, s->q.op == AGENT_OP_JOB_RESTART);
}

static void park(struct agent_core *core, struct served *s)
{
    struct agent_serve *t = core->serve;
    if (!s->is_parked)
        t->parked++;
    s->is_parked = true;
    t->deadline_ms = muster_deadline_sooner(t->deadline_ms, core->now.mono_ms + PARK_LOOK_MS);
}

void serve_not_keeper(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket)
{
    struct muster_id who[1];
    char id[MUSTER_ID_TEXT] = "", text[512];
    bool is_ours = store_is_serving(core->store, bucket);
    if (store_keeper_hint(core->store, bucket, who, 1) > 0 &&
        (is_ours || !agent_is_self(core, who[0])))
        (void)muster_id_text(who[0], id);
    (void)snprintf(text, sizeof text, "%s %s",
                   is_ours ? "asked of another reign:" : "not the keeper of", ask->q->name);
    struct agent_msg_reply m = { .number = ask->number,
                                 .err = MUSTER_EREFUSED,
                                 .message = muster_bytes_text(text),
                                 .field = muster_bytes_text(id),
                                 .reign = store_reign_heard(core->store, bucket).packed };
    core->serve->said = m.err;
    reply_send(core, ask->from, &m);
}

/* In one transaction with what the row said before, if that is to be kept. */
static int change_write(struct agent_core *core, uint64_t cookie, const struct serve_change *c,
                        const struct store_row *before)
{
    struct agent_revision *kept = c->keeps_spec ? malloc(sizeof *kept) : NULL;
    struct store_write w[2] = {
        { .row = &c->row, .expected = c->expected, .births = c->births, .cookie = cookie },
    };
    if (kept != NULL)
        agent_revision_keep(core, before, kept, &w[1]);
    int err = store_write(core->store, w, kept != NULL ? 2 : 1);
    free(kept);
    return err;
}

/* What no node could ever have is dead from the start, and whoever submits it is told so. */
static void nobodys_settle(struct agent_core *core, struct serve_change *c,
                           char text[STORE_REASON_MAX])
{
    struct store_row *row = &c->row;
    bool waits = row->phase == STORE_WAITING && row->want == STORE_WANT_RUN &&
                 row->kind != STORE_KIND_PARENT && row->run_token == 0;
    if (!waits || !agent_placer_nobodys(core, row, text))
        return;
    row->phase = STORE_FAILED;
    row->reason = muster_bytes_text(text);
}

static bool is_turned_away(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket)
{
    uint64_t meant = ask->q->reign;
    bool is_meant = meant == store_reign_served(core->store, bucket).packed ||
                    meant == AGENT_REIGN_ANY || MUSTER_MUTANT(reign_not_asked);
    if (store_is_serving(core->store, bucket) && is_meant)
        return serve_refuses_again(core, ask);
    if (store_is_serving(core->store, bucket) && meant != 0)
        MUSTER_MARK(asked_of_another_reign);
    /* Another keeper was asked, or it was parked and the bucket went: we know nothing. */
    serve_not_keeper(core, ask, bucket);
    return true;
}

/* Answers what can be answered, writes what must be written, parks what must wait. */
static void op_try(struct agent_core *core, struct served *s)
{
    struct store_view view = { 0 };
    struct muster_bytes key = muster_bytes_text(s->name);
    struct serve_ask ask = serve_ask_of(s);
    uint32_t bucket = store_bucket_of(core->store, key);
    if (is_turned_away(core, &ask, bucket)) {
        served_free(core, s);
        return;
    }
    bool known = store_get(core->store, key, &view);
    bool alive = known && view.row.phase != STORE_GONE;
    if (known && !view.is_chosen && !MUSTER_MUTANT(write_over_unread)) {
        MUSTER_MARK(request_waits_for_a_write);
        park(core, s);
        return;
    }
    char text[STORE_REASON_MAX];
    struct serve_change c = { .row = view.row, .expected = known ? view.version.packed : 0 };
    bool is_sure =
        store_is_confirmed(core->store, bucket, s->asked_ms) || MUSTER_MUTANT(refusal_unconfirmed);
    core->serve->is_unsure = !is_sure;
    bool is_again = known && serve_is_repeated(core, &view.row, &s->q);
    enum serve_outcome o =
        is_again ? serve_again(core, s, &view.row) : op_change(core, s, &view, alive, &c);
    core->serve->is_unsure = false;
    if (o != SERVE_WRITE && !is_sure) {
        MUSTER_MARK(answer_waits_for_a_beat);
        store_confirm(core->store, bucket, s->asked_ms);
        park(core, s);
        return;
    }
    if (o == SERVE_SAME) {
        s->changed = s->created = false;
        reply_written(core, s, view.copies);
    }
    if (o == SERVE_ANSWERED && !is_again)
        serve_refused(core, &s->q);
    if (o != SERVE_WRITE) {
        served_free(core, s);
        return;
    }
    nobodys_settle(core, &c, text);
    serve_remember(core, &c.row, &s->q);
    s->cookie = agent_number(core);
    int err = change_write(core, s->cookie, &c, &view.row);
    if (err == MUSTER_EBUSY || err == MUSTER_ECONFLICT) {
        s->cookie = 0;
        park(core, s);
        return;
    }
    if (err == MUSTER_OK) {
        agent_news_add(core, c.news, NULL, s->name, 0, "revision %u", c.row.revision);
        return;
    }
    serve_error(core, &ask, err, NULL, "%s: %s", s->name,
                err == MUSTER_EFULL ? "the job table is full (max_rows)" : muster_err_text(err));
    served_free(core, s);
}

/* ---- arrivals */

static struct served *served_make(struct agent_core *core)
{
    struct agent_serve *t = core->serve;
    for (uint32_t i = 0; i < t->high; i++)
        if (!t->served[i].is_used)
            return &t->served[i];
    return t->high < AGENT_SERVED_MAX ? &t->served[t->high++] : NULL;
}

static void write_begin(struct agent_core *core, const struct serve_ask *ask)
{
    const struct agent_request *q = ask->q;
    struct served *s = served_make(core);
    size_t node_size = strlen(q->node) + 1;
    uint8_t *spec = malloc(q->spec.len + node_size);
    if (s == NULL || spec == NULL || strlen(q->name) > STORE_KEY_MAX) {
        free(spec);
        serve_error(core, ask, MUSTER_EBUSY, NULL, "too many operations under way; try again");
        return;
    }
    if (q->spec.len > 0)
        memcpy(spec, q->spec.data, q->spec.len);
    memcpy(spec + q->spec.len, q->node, node_size);
    *s = (struct served){ .is_used = true, .from = ask->from, .number = ask->number };
    (void)snprintf(s->name, sizeof s->name, "%s", q->name);
    s->spec = spec;
    s->q = (struct agent_request){ .op = q->op,
                                   .name = s->name,
                                   .spec = MUSTER_BYTES(spec, q->spec.len),
                                   .node = (const char *)spec + q->spec.len,
                                   .create_only = q->create_only,
                                   .expected_revision = q->expected_revision,
                                   .after_index = q->after_index,
                                   .limit = q->limit,
                                   .reign = q->reign,
                                   .request_id = { q->request_id[0], q->request_id[1] } };
    s->asked_ms = core->now.mono_ms;
    s->until_ms = core->now.mono_ms + PARK_MS;
    op_try(core, s);
}

static void read_begin(struct agent_core *core, const struct serve_ask *ask, uint32_t bucket)
{
    struct store_view view;
    bool known = store_get(core->store, muster_bytes_text(ask->q->name), &view);
    bool alive = known && view.row.phase != STORE_GONE;
    bool may_be_old = ask->is_local && alive && ask->q->op != AGENT_OP_JOB_ENDS;
    if (!store_is_serving(core->store, bucket) && !may_be_old)
        serve_not_keeper(core, ask, bucket);
    else if (!alive && ask->q->op != AGENT_OP_PLACE)
        serve_error(core, ask, MUSTER_ENOTFOUND, "name", "no job named %s; `muster ls` lists them",
                    ask->q->name);
    else
        serve_read(core, ask, alive ? &view : NULL);
}

void agent_serve_op(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    char text[4096];
    struct agent_request q = { 0 };
    struct serve_ask ask = { .from = from, .q = &q };
    agent_read_op(r, &ask.number, &ask.is_local, &q, text, sizeof text);
    if (!muster_reader_ok(r)) {
        core->counters.frames_bad++;
        return;
    }
    uint32_t bucket = store_bucket_of(core->store, muster_bytes_text(q.name));
    if (agent_op_is_of_payload(q.op))
        agent_payload_serve(core, &ask);
    else if (agent_op_writes(q.op) && !store_is_serving(core->store, bucket))
        serve_not_keeper(core, &ask, bucket);
    else if (agent_op_writes(q.op))
        write_begin(core, &ask);
    else if (agent_op_reads(q.op))
        read_begin(core, &ask, bucket);
    else if (q.op >= AGENT_OP_PAYLOAD_LIST && q.op <= AGENT_OP_NEWS_LIST)
        serve_list(core, &ask);
    else if (q.op == AGENT_OP_FACTS)
        agent_facts_serve(core, &ask);
    else if (q.op == AGENT_OP_KEYS)
        agent_keys_serve(core, &ask);
    else if (q.op == AGENT_OP_HOLDS)
        agent_holds_serve(core, &ask);
    else if (q.op == AGENT_OP_LOGS)
        serve_logs(core, &ask);
    else
        agent_node_ask(core, &ask);
}

/* ---- what the store says later */

void agent_serve_written(struct agent_core *core, uint64_t cookie, int err, uint32_t copies)
{
    struct agent_serve *t = core->serve;
    for (uint32_t i = 0; i < t->high; i++) {
        struct served *s = &t->served[i];
        if (!s->is_used || s->cookie != cookie)
            continue;
        struct serve_ask ask = serve_ask_of(s);
        if (err == MUSTER_OK)
            reply_written(core, s, copies);
        else
            serve_error(core, &ask, err, NULL,
                        "%s: it is not known whether the change took effect; ask or repeat it",
                        s->name);
        served_free(core, s);
        return;
    }
}

void agent_serve_confirmed(struct agent_core *core, uint32_t bucket)
{
    struct agent_serve *t = core->serve;
    for (uint32_t i = 0; i < t->high && t->parked > 0; i++) {
        struct served *s = &t->served[i];
        if (!s->is_used || !s->is_parked ||
            store_bucket_of(core->store, muster_bytes_text(s->name)) != bucket)
            continue;
        s->is_parked = false;
        t->parked--;
        op_try(core, s);
    }
}

void agent_serve_chosen(struct agent_core *core, struct muster_bytes key)
{
    struct agent_serve *t = core->serve;
    if (t->parked == 0)
        return;
    for (uint32_t i = 0; i < t->high; i++) {
        struct served *s = &t->served[i];
        if (!s->is_used || !s->is_parked || !muster_bytes_equal(muster_bytes_text(s->name), key))
            continue;
        s->is_parked = false;
        t->parked--;
        op_try(core, s);
        return; /* the next one when this one's write is chosen */
    }
}

void agent_serve_tick(struct agent_core *core)
{
    struct agent_serve *t = core->serve;
    t->deadline_ms = MUSTER_NEVER; /* who parks again sets it */
    for (uint32_t i = 0; i < t->high; i++) {
        struct served *s = &t->served[i];
        if (!s->is_used || !s->is_parked)
            continue;
        if (muster_deadline_reached(s->until_ms, core->now.mono_ms)) {
            struct serve_ask ask = serve_ask_of(s);
            serve_error(core, &ask, MUSTER_ENOQUORUM, NULL, "%s: its keeper finds no quorum",
                        s->name);
            served_free(core, s);
            continue;
        }
        /* Retried by the clock too: its row may have been freed by another way than a write. */
        s->is_parked = false;
        t->parked--;
        op_try(core, s);
    }
}

uint64_t agent_serve_deadline_ms(const struct agent_core *core)
{
    const struct agent_serve *t = core->serve;
    return t->parked > 0 ? t->deadline_ms : MUSTER_NEVER;
}
