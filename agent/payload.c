/* SPDX-License-Identifier: Apache-2.0 */
/* What lies here, and the clients who bring or fetch it. */
#include "agent/payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/payload_inside.h"
#include "agent/requests.h"
#include "agent/runner.h"

#define PUT_MS     30000 /* without any progress a put has failed */
#define PUT_FIRST  10    /* the keeper is asked again so soon, and then twice as late, */
#define PUT_SELDOM 250   /* up to that */
#define GET_MS     60000

int agent_payload_open(struct agent_core *core)
{
    struct agent_payload *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->payload = t;
    t->naming.go_on_ms = MUSTER_NEVER;
    return muster_map_open(&t->by_id, 64);
}

void agent_payload_close(struct agent_core *core)
{
    if (core->payload == NULL)
        return;
    muster_map_close(&core->payload->by_id);
    free(core->payload->file);
    free(core->payload);
    core->payload = NULL;
}

struct agent_payload_work *payload_work(struct agent_core *core, enum agent_payload_do what)
{
    struct agent_payload_work *w = agent_out_take(&core->out, sizeof *w);
    *w = (struct agent_payload_work){ .what = what };
    agent_out_add(&core->out, AGENT_EFFECT_PAYLOAD)->payload = w;
    return w;
}

const char *agent_payload_path(struct agent_core *core, struct agent_payload_id id)
{
    const char *dir = core->config.payload_dir != NULL ? core->config.payload_dir : "";
    char hex[AGENT_PAYLOAD_HEX];
    size_t size = strlen(dir) + AGENT_PAYLOAD_HEX + 1;
    char *path = agent_out_take(&core->out, size);
    (void)snprintf(path, size, "%s/%s", dir, agent_payload_id_hex(id, hex));
    return path;
}

/* ---- what lies here */

struct payload_file *payload_file(const struct agent_core *core, struct agent_payload_id id)
{
    const struct agent_payload *t = core->payload;
    uint64_t hash = agent_payload_id_hash(id);
    uint32_t cursor = 0, at;
    while (muster_map_find(&t->by_id, hash, &cursor, &at))
        if (agent_payload_id_equal(t->file[at].id, id))
            return &t->file[at];
    return NULL;
}

static struct payload_file *file_free(struct agent_payload *t)
{
    for (uint32_t i = 0; i < t->files; i++)
        if (!t->file[i].is_used)
            return &t->file[i];
    if (t->files == t->files_size && t->files_size < AGENT_PAYLOADS_MAX) {
        uint32_t size = t->files_size > 0 ? 2 * t->files_size : 64;
        struct payload_file *file = realloc(t->file, size * sizeof *file);
        if (file == NULL)
            return NULL;
        t->file = file;
        t->files_size = size;
    }
    return t->files < t->files_size ? &t->file[t->files++] : NULL;
}

struct payload_file *payload_file_add(struct agent_core *core, struct agent_payload_id id,
                                      uint64_t size)
{
    struct agent_payload *t = core->payload;
    struct payload_file *f = payload_file(core, id);
    if (f == NULL) {
        f = file_free(t);
        if (f == NULL)
            return NULL;
        *f = (struct payload_file){ .id = id };
        if (muster_map_put_growing(&t->by_id, agent_payload_id_hash(id), (uint32_t)(f - t->file),
                                   2 * AGENT_PAYLOADS_MAX) != MUSTER_OK)
            return NULL;
        f->is_used = true;
    }
    f->size = size;
    f->wanted_ms = core->now.mono_ms;
    return f;
}

void payload_file_drop(struct agent_core *core, struct payload_file *f)
{
    struct agent_payload *t = core->payload;
    muster_map_remove(&t->by_id, agent_payload_id_hash(f->id), (uint32_t)(f - t->file));
    *f = (struct payload_file){ .is_used = false };
}

bool agent_payload_ready(struct agent_core *core, struct agent_payload_id id)
{
    struct payload_file *f = payload_file(core, id);
    if (f == NULL) {
        (void)payload_pull_make(core, id);
        return false;
    }
    f->wanted_ms = core->now.mono_ms;
    return true;
}

/* ---- clients */

static void refuse(struct agent_core *core, uint64_t client, int err, const char *message)
{
    const struct agent_reply r = { .err = err, .message = message };
    agent_requests_tell(core, client, &r);
}

static bool put_ask(struct agent_core *core, struct payload_put *p)
{
    char key[AGENT_PAYLOAD_KEY], self[MUSTER_ID_TEXT];
    const struct agent_request q = { .op = AGENT_OP_PAYLOAD_KEEP,
                                     .name = agent_payload_key(p->id, key),
                                     .node = muster_id_text(core->config.self, self),
                                     .after_index = p->size };
    p->is_asked = agent_requests_inner(core, &q, AGENT_ASKER_PAYLOAD, p->number, 0);
    payload_wake(core);
    p->next_ms = core->now.mono_ms + p->wait_ms;
    p->wait_ms = 2 * p->wait_ms < PUT_SELDOM ? 2 * p->wait_ms : PUT_SELDOM;
    return p->is_asked;
}

static void put_begin(struct agent_core *core, uint64_t client, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    const struct payload_file *f = payload_file(core, id);
    uint32_t i = 0;
    while (i < t->puts && t->put[i].is_used)
        i++;
    if (f == NULL) {
        refuse(core, client, MUSTER_ENOTFOUND, "its bytes did not arrive here; put them again");
        return;
    }
    if (i == PAYLOAD_PUTS) {
        refuse(core, client, MUSTER_EBUSY, "too many payloads are being put; try again");
        return;
    }
    t->puts += i == t->puts;
    t->put[i] = (struct payload_put){ .is_used = true,
                                      .client = client,
                                      .number = agent_number(core),
                                      .id = id,
                                      .size = f->size,
                                      .wait_ms = PUT_FIRST,
                                      .until_ms = core->now.mono_ms + PUT_MS };
    (void)put_ask(core, &t->put[i]);
}

static void get_tell(struct agent_core *core, struct payload_get *g)
{
    struct muster_bytes path = muster_bytes_text(agent_payload_path(core, g->id));
    const struct agent_reply r = { .body = path };
    payload_file(core, g->id)->wanted_ms = core->now.mono_ms;
    agent_requests_tell(core, g->client, &r);
    g->is_used = false;
}

static void get_begin(struct agent_core *core, uint64_t client, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    uint32_t i = 0;
    while (i < t->gets && t->get[i].is_used)
        i++;
    if (i == PAYLOAD_GETS) {
        refuse(core, client, MUSTER_EBUSY, "too many payloads are being fetched; try again");
        return;
    }
    t->gets += i == t->gets;
    t->get[i] = (struct payload_get){ true, client, core->now.mono_ms + GET_MS, id };
    payload_wake(core);
    if (payload_file(core, id) != NULL)
        get_tell(core, &t->get[i]);
    else if (payload_pull_make(core, id) == NULL) {
        refuse(core, client, MUSTER_EBUSY, "too many payloads are on their way here; try again");
        t->get[i].is_used = false;
    }
}

void agent_payload_begin(struct agent_core *core, const struct agent_request *q)
{
    struct agent_payload_id id;
    if (!agent_payload_id_parse(&id, muster_bytes_text(q->name)))
        refuse(core, q->number, MUSTER_EINVAL,
               "the name of a payload is sha256: and 64 digits 0-9 a-f");
    else if (q->op == AGENT_OP_PAYLOAD_PUT)
        put_begin(core, q->number, id);
    else
        get_begin(core, q->number, id);
}

void agent_payload_cancel(struct agent_core *core, uint64_t client)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->puts; i++)
        if (t->put[i].is_used && t->put[i].client == client)
            t->put[i].is_used = false;
    for (uint32_t i = 0; i < t->gets; i++)
        if (t->get[i].is_used && t->get[i].client == client)
            t->get[i].is_used = false;
}

static void put_tell(struct agent_core *core, struct payload_put *p, uint32_t copies, bool is_new)
{
    char hex[AGENT_PAYLOAD_HEX];
    struct muster_text out;
    struct agent_json j;
    muster_text_open(&out, 1024);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "sha256", agent_payload_id_hex(p->id, hex));
    agent_json_put_u64(&j, "size", p->size);
    agent_json_put_u64(&j, "copies", copies);
    agent_json_put_bool(&j, "created", is_new);
    agent_json_object_end(&j);
    const struct agent_reply r = { .err = out.err, .body = muster_text_bytes(&out) };
    agent_requests_tell(core, p->client, &r);
    muster_text_close(&out);
    p->is_used = false;
}

void agent_payload_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r)
{
    struct agent_payload *t = core->payload;
    struct payload_put *p = NULL;
    for (uint32_t i = 0; i < t->puts && p == NULL; i++)
        if (t->put[i].is_used && t->put[i].number == number)
            p = &t->put[i];
    if (p == NULL) {
        payload_spare_answered(core, number, r);
        return; /* or a client that went away, or a name told (agent/payload_sweep.c) */
    }
    p->is_asked = false;
    payload_wake(core);
    if (r->err != MUSTER_OK && r->err != MUSTER_EBUSY) {
        refuse(core, p->client, r->err, r->message);
        p->is_used = false;
        return;
    }
    if (r->err != MUSTER_OK)
        return;
    struct muster_reader in = muster_reader_over(r->body);
    muster_read_array_of(&in, 5);
    bool is_done = muster_read_bool(&in);
    bool is_new = muster_read_bool(&in);
    uint32_t copies = muster_read_u32(&in);
    uint64_t progress = muster_read_u64(&in);
    muster_read_text(&in, p->why, sizeof p->why);
    if (!muster_reader_ok(&in))
        return;
    if (progress > p->progress)
        p->until_ms = core->now.mono_ms + PUT_MS;
    p->progress = progress;
    if (is_done)
        put_tell(core, p, copies, is_new);
}

static void put_late(struct agent_core *core, struct payload_put *p)
{
    char text[sizeof p->why + 96];
    (void)snprintf(text, sizeof text, "too few nodes have taken it in time%s%s",
                   p->why[0] != '\0' ? ": " : "", p->why);
    refuse(core, p->client, MUSTER_ETIMEOUT, text);
    p->is_used = false;
}

/* ---- who waits */

void payload_came(struct agent_core *core, struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->gets; i++)
        if (t->get[i].is_used && agent_payload_id_equal(t->get[i].id, id))
            get_tell(core, &t->get[i]);
    agent_runner_payload(core, id, NULL);
}

void payload_late(struct agent_core *core, const struct payload_pull *p)
{
    struct agent_payload *t = core->payload;
    agent_runner_payload(core, p->id, p->why);
    for (uint32_t i = 0; i < t->gets && p->rounds > 0; i++) {
        struct payload_get *g = &t->get[i];
        if (!g->is_used || !agent_payload_id_equal(g->id, p->id))
            continue;
        refuse(core, g->client, p->err != MUSTER_OK ? p->err : MUSTER_ENOTFOUND, p->why);
        g->is_used = false;
    }
}

bool payload_is_waited_for(const struct agent_core *core, struct agent_payload_id id)
{
    const struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->gets; i++)
        if (t->get[i].is_used && agent_payload_id_equal(t->get[i].id, id))
            return true;
    return agent_runner_wants(core, id);
}

/* ---- events and time */

void agent_payload_event(struct agent_core *core, const struct agent_payload_news *news)
{
    switch (news->said) {
    case AGENT_PAYLOAD_FOUND:
        if (payload_file_add(core, news->id, news->size) != NULL)
            payload_pull_done(core, news->id);
        break;
    case AGENT_PAYLOAD_GOT:
        payload_read_done(core, news);
        break;
    case AGENT_PAYLOAD_WROTE:
        payload_pull_wrote(core, news);
        break;
    case AGENT_PAYLOAD_FINISHED:
        payload_pull_finished(core, news);
        break;
    }
}

static uint64_t deadline_find(const struct agent_core *core)
{
    const struct agent_payload *t = core->payload;
    uint64_t next = muster_deadline_sooner(t->sweep_ms, t->naming.begin_ms);
    next = muster_deadline_sooner(next, t->naming.go_on_ms);
    for (uint32_t i = 0; i < t->puts; i++)
        if (t->put[i].is_used)
            next = muster_deadline_sooner(next, t->put[i].is_asked ? t->put[i].until_ms
                                                                   : t->put[i].next_ms);
    for (uint32_t i = 0; i < t->gets; i++)
        if (t->get[i].is_used)
            next = muster_deadline_sooner(next, t->get[i].until_ms);
    next = muster_deadline_sooner(next, payload_keeping_deadline(core));
    return muster_deadline_sooner(next, payload_pulls_deadline(core));
}

void agent_payload_tick(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    uint64_t now = core->now.mono_ms;
    for (uint32_t i = 0; i < t->puts; i++) {
        struct payload_put *p = &t->put[i];
        if (p->is_used && muster_deadline_reached(p->until_ms, now))
            put_late(core, p);
        else if (p->is_used && !p->is_asked && muster_deadline_reached(p->next_ms, now))
            (void)put_ask(core, p);
    }
    for (uint32_t i = 0; i < t->gets; i++) {
        struct payload_get *g = &t->get[i];
        if (!g->is_used || !muster_deadline_reached(g->until_ms, now))
            continue;
        refuse(core, g->client, MUSTER_ETIMEOUT, "its bytes did not come here in time");
        g->is_used = false;
    }
    if (muster_deadline_reached(t->sweep_ms, now))
        payload_sweep(core);
    payload_naming_tick(core);
    payload_keeping_tick(core);
    payload_pulls_tick(core);
    t->deadline_ms = deadline_find(core);
}

uint64_t agent_payload_deadline_ms(const struct agent_core *core)
{
    return core->payload->deadline_ms;
}
