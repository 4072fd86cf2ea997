/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for runs of a template: the template first, then run after run, and one answer. */
#include "agent/trigger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"
#include "agent/job.h"
#include "agent/json.h"
#include "agent/requests.h"
#include "agent/run_id.h"
#include "agent/template.h"

#define TRIGGER_BATCHES 64
#define TRIGGER_WINDOW  1000       /* questions of one request under way */
#define TRIGGER_AGAIN   20         /* ms, when this node has too many under way */
#define ITEM_TEMPLATE   UINT32_MAX /* the question for the template itself */

struct item {
    const char *arg, *key; /* NULL: not given */
    char id[AGENT_RUN_ID];
    bool is_answered, is_already;
    int err;
    uint32_t copies;
    char *text; /* what is wrong; of a good one its state, or the run as JSON */
};

struct batch {
    bool is_used, is_list;
    uint64_t client, number;
    uint64_t retry_ms;
    char name[STORE_KEY_MAX + 1];
    char *texts; /* of the items */
    struct item *item;
    uint32_t count, next, open, answered;
    bool has_template;
    uint64_t uid;
    struct agent_job job;
};

struct agent_triggers {
    struct batch batch[TRIGGER_BATCHES];
    uint32_t high;         /* none is used at this index or above */
    uint64_t last_wall_ms; /* of the last id made here, */
    uint16_t last_count;   /* and its number within that millisecond */
};

int agent_trigger_open(struct agent_core *core)
{
    core->triggers = calloc(1, sizeof *core->triggers);
    return core->triggers != NULL ? MUSTER_OK : MUSTER_EFULL;
}

static void batch_free(struct batch *b)
{
    for (uint32_t i = 0; b->item != NULL && i < b->count; i++)
        free(b->item[i].text);
    free(b->item);
    free(b->texts);
    agent_job_close(&b->job);
    *b = (struct batch){ .is_used = false };
}

void agent_trigger_close(struct agent_core *core)
{
    if (core->triggers == NULL)
        return;
    for (uint32_t i = 0; i < TRIGGER_BATCHES; i++)
        batch_free(&core->triggers->batch[i]);
    free(core->triggers);
    core->triggers = NULL;
}

/* ---- the end of a request */

static void failed(struct agent_core *core, struct batch *b, int err, const char *field,
                   const char *message)
{
    struct agent_reply r = { .err = err, .field = field, .message = message };
    agent_requests_tell(core, b->client, &r);
    batch_free(b);
}

static void item_put(struct agent_json *j, const struct batch *b, const struct item *i)
{
    char run[STORE_KEY_MAX + 1];
    agent_json_object(j);
    if (i->err != MUSTER_OK) {
        agent_json_key(j, "error");
        agent_json_object(j);
        agent_json_put_text(j, "code", agent_http_code(i->err).text);
        agent_json_put_text(j, "message", i->text);
        agent_json_object_end(j);
    } else {
        (void)snprintf(run, sizeof run, "%.*s:%s", (int)(STORE_KEY_MAX - AGENT_RUN_ID), b->name,
                       i->id);
        agent_json_put_text(j, "run", run);
        agent_json_put_text(j, "state", i->text);
        agent_json_put_bool(j, "already", i->is_already);
        agent_json_put_u64(j, "copies", i->copies);
    }
    agent_json_object_end(j);
}

static void list_put(struct agent_json *j, const struct batch *b)
{
    uint32_t fresh = 0, already = 0, wrong = 0;
    agent_json_object(j);
    agent_json_key(j, "items");
    agent_json_array(j);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct item *item = &b->item[i];
        item_put(j, b, item);
        wrong += item->err != MUSTER_OK;
        already += item->err == MUSTER_OK && item->is_already;
        fresh += item->err == MUSTER_OK && !item->is_already;
    }
    agent_json_array_end(j);
    agent_json_put_null(j, "next");
    agent_json_put_u64(j, "new", fresh);
    agent_json_put_u64(j, "already", already);
    agent_json_put_u64(j, "failed", wrong);
    agent_json_object_end(j);
}

static void one_put(struct agent_json *j, const struct item *i)
{
    agent_json_object(j);
    agent_json_put_raw(j, "run", muster_bytes_text(i->text));
    agent_json_put_bool(j, "already", i->is_already);
    agent_json_put_u64(j, "copies", i->copies);
    agent_json_object_end(j);
}

static void finish(struct agent_core *core, struct batch *b)
{
    struct muster_text out;
    struct agent_json j;
    if (!b->is_list && b->item[0].err != MUSTER_OK) {
        failed(core, b, b->item[0].err, NULL, b->item[0].text);
        return;
    }
    muster_text_open(&out, AGENT_FRAME_MAX);
    agent_json_open(&j, &out);
    if (b->is_list)
        list_put(&j, b);
    else
        one_put(&j, &b->item[0]);
    struct agent_reply r = { .err = out.err, .body = muster_text_bytes(&out) };
    agent_requests_tell(core, b->client, &r);
    muster_text_close(&out);
    batch_free(b);
}

static char *text_copy(struct muster_bytes text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

static void item_end(struct batch *b, struct item *i, int err, struct muster_bytes text)
{
    i->text = text_copy(text);
    i->err = i->text != NULL ? err : MUSTER_EFULL;
    i->is_answered = true;
    b->answered++;
}

/* ---- runs */

/* In the order of the items, and of the requests of one millisecond. */
static void id_make(struct agent_core *core, struct item *i)
{
    struct agent_triggers *t = core->triggers;
    if (i->key != NULL) {
        agent_run_id_of_key(muster_bytes_text(i->key), i->id);
        return;
    }
    bool is_later = core->now.wall_ms > t->last_wall_ms;
    t->last_wall_ms += is_later ? core->now.wall_ms - t->last_wall_ms : t->last_count == UINT16_MAX;
    t->last_count = is_later ? 0 : (uint16_t)(t->last_count + 1);
    agent_run_id_new(t->last_wall_ms, t->last_count, muster_rng_next(&core->rng), i->id);
}

/* False when it cannot be asked for now. */
static bool run_ask(struct agent_core *core, struct batch *b, uint32_t index)
{
    struct item *i = &b->item[index];
    struct agent_job job = b->job; /* its texts stay the template's */
    struct muster_text text;
    char name[STORE_KEY_MAX + 1];
    job.start = AGENT_JOB_START_NOW;
    job.key = i->key;
    if (i->arg != NULL)
        job.arg = i->arg;
    (void)snprintf(name, sizeof name, "%.*s:%s", (int)(STORE_KEY_MAX - AGENT_RUN_ID), b->name,
                   i->id);
    muster_text_open(&text, AGENT_JOB_TEXT_MAX);
    agent_job_canonical(&job, &text);
    const struct agent_request q = { .op = AGENT_OP_RUN_MAKE,
                                     .name = name,
                                     .spec = muster_text_bytes(&text),
                                     .after_index = b->uid,
                                     .limit = b->is_list ? 2 : 1 };
    bool is_asked = true;
    if (text.err != MUSTER_OK)
        item_end(b, i, MUSTER_ELIMIT, muster_bytes_text("arg: too large for a run's record"));
    else
        is_asked = agent_requests_inner(core, &q, AGENT_ASKER_TRIGGER, b->number, index);
    b->open += is_asked && text.err == MUSTER_OK;
    muster_text_close(&text);
    return is_asked;
}

static void go_on(struct agent_core *core, struct batch *b)
{
    b->retry_ms = MUSTER_NEVER;
    while (b->next < b->count && b->open < TRIGGER_WINDOW) {
        if (!run_ask(core, b, b->next)) {
            b->retry_ms = core->now.mono_ms + TRIGGER_AGAIN;
            return;
        }
        b->next++;
    }
    if (b->answered == b->count)
        finish(core, b);
}

/* ---- the template */

static const char *template_fault(const struct batch *b, enum store_want want, char *text,
                                  size_t size)
{
    const char *fault = want == STORE_WANT_HOLD ? "is held; `muster release` lets it run again"
                        : want == STORE_WANT_STOP
                            ? "is stopped; `muster start` lets it be triggered again"
                        : b->job.start != AGENT_JOB_START_MANUAL
                            ? "starts by itself; only a job that says start: manual is triggered"
                            : NULL;
    if (fault != NULL)
        (void)snprintf(text, size, "%s %s", b->name, fault);
    return fault;
}

static void template_got(struct agent_core *core, struct batch *b, const struct agent_reply *r)
{
    struct agent_template t;
    struct agent_problem problem;
    char text[512];
    if (r->err != MUSTER_OK) {
        failed(core, b, r->err, r->field, r->message);
        return;
    }
    if (!agent_template_read(&t, r->body) ||
        agent_job_decode(&b->job, t.spec, &problem) != MUSTER_OK) {
        failed(core, b, MUSTER_EUNSUPPORTED, NULL, "its record cannot be read by this version");
        return;
    }
    b->has_template = true;
    b->uid = t.uid;
    if (template_fault(b, t.want, text, sizeof text) != NULL) {
        failed(core, b, MUSTER_ECONFLICT, NULL, text);
        return;
    }
    for (uint32_t i = 0; i < b->count; i++)
        id_make(core, &b->item[i]);
    go_on(core, b);
}

/* ---- arrivals */

static const char *text_add(char **at, bool has, struct muster_bytes bytes)
{
    char *text = *at;
    if (!has)
        return NULL;
    if (bytes.len > 0)
        memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    *at += bytes.len + 1;
    return text;
}

static bool items_take(struct batch *b, struct muster_bytes wire)
{
    struct agent_trigger_item item;
    struct muster_reader r = muster_reader_over(wire);
    b->texts = malloc(wire.len + 2 * (size_t)AGENT_TRIGGER_ITEMS);
    b->item = calloc(AGENT_TRIGGER_ITEMS, sizeof *b->item);
    char *at = b->texts;
    if (b->texts == NULL || b->item == NULL)
        return false;
    while (b->count < AGENT_TRIGGER_ITEMS && agent_trigger_item_read(&r, &item)) {
        struct item *i = &b->item[b->count++];
        i->arg = text_add(&at, item.has_arg, item.arg);
        i->key = text_add(&at, item.has_key, item.key);
    }
    return muster_reader_end(&r) == MUSTER_OK;
}

void agent_trigger_begin(struct agent_core *core, const struct agent_request *q)
{
    struct batch *b = NULL;
    for (uint32_t i = 0; i < TRIGGER_BATCHES && b == NULL; i++)
        if (!core->triggers->batch[i].is_used)
            b = &core->triggers->batch[i];
    if (b == NULL) {
        const struct agent_reply busy = { .err = MUSTER_EBUSY,
                                          .message = "too many triggers under way; try again" };
        agent_requests_tell(core, q->number, &busy);
        return;
    }
    *b = (struct batch){ .is_used = true, .is_list = q->is_list, .client = q->number };
    uint32_t end = (uint32_t)(b - core->triggers->batch) + 1;
    core->triggers->high = core->triggers->high > end ? core->triggers->high : end;
    b->number = agent_number(core);
    b->retry_ms = MUSTER_NEVER;
    (void)snprintf(b->name, sizeof b->name, "%s", q->name);
    const struct agent_request ask = { .op = AGENT_OP_TEMPLATE, .name = b->name };
    if (!items_take(b, q->spec) || b->count == 0)
        failed(core, b, MUSTER_EINVAL, "items", "no runs are asked for, or too many at once");
    else if (!agent_requests_inner(core, &ask, AGENT_ASKER_TRIGGER, b->number, ITEM_TEMPLATE))
        failed(core, b, MUSTER_EBUSY, NULL, "too many requests under way; try again");
}

void agent_trigger_cancel(struct agent_core *core, uint64_t client)
{
    for (uint32_t i = 0; i < TRIGGER_BATCHES; i++) {
        struct batch *b = &core->triggers->batch[i];
        if (b->is_used && b->client == client)
            batch_free(b); /* answers that still come find nobody */
    }
}

void agent_trigger_answered(struct agent_core *core, uint64_t number, uint32_t index,
                            const struct agent_reply *r)
{
    struct batch *b = NULL;
    for (uint32_t i = 0; i < TRIGGER_BATCHES && b == NULL; i++)
        if (core->triggers->batch[i].is_used && core->triggers->batch[i].number == number)
            b = &core->triggers->batch[i];
    if (b == NULL)
        return;
    if (index == ITEM_TEMPLATE) {
        template_got(core, b, r);
        return;
    }
    MUSTER_ASSERT(index < b->count);
    struct item *i = &b->item[index];
    MUSTER_ASSERT(!i->is_answered);
    b->open--;
    struct muster_reader in = muster_reader_over(r->body);
    struct muster_bytes run = { NULL, 0 };
    if (r->err != MUSTER_OK) {
        item_end(b, i, r->err,
                 muster_bytes_text(r->message != NULL ? r->message : muster_err_text(r->err)));
    } else {
        muster_read_array_of(&in, 4);
        i->is_already = muster_read_bool(&in);
        i->copies = muster_read_u32(&in);
        struct muster_bytes state = muster_read_bytes(&in, 32);
        bool is_whole = !muster_read_is_nil(&in);
        if (is_whole)
            run = muster_read_bytes(&in, STORE_ROW_MAX);
        if (is_whole == b->is_list)
            muster_reader_fail(&in, MUSTER_ETYPE);
        item_end(b, i, muster_reader_end(&in), is_whole ? run : state);
    }
    go_on(core, b);
}

void agent_trigger_tick(struct agent_core *core)
{
    for (uint32_t i = 0; i < TRIGGER_BATCHES; i++) {
        struct batch *b = &core->triggers->batch[i];
        if (b->is_used && muster_deadline_reached(b->retry_ms, core->now.mono_ms))
            go_on(core, b);
    }
}

uint64_t agent_trigger_deadline_ms(const struct agent_core *core)
{
    struct agent_triggers *t = core->triggers;
    uint64_t next = MUSTER_NEVER;
    while (t->high > 0 && !t->batch[t->high - 1].is_used)
        t->high--;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->batch[i].is_used)
            next = muster_deadline_sooner(next, t->batch[i].retry_ms);
    return next;
}
