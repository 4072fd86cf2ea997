/* SPDX-License-Identifier: Apache-2.0 */
/* Open requests, and how outcomes of the node become answers. */
#include "agent/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api_inside.h"

int agent_api_open(struct agent_api **out, const struct agent_node *node)
{
    struct agent_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return MUSTER_EFULL;
    api->node = node;
    api->size = 64;
    api->watch_ms = MUSTER_NEVER;
    api->effect = calloc(api->size, sizeof *api->effect);
    int err = api->effect == NULL ? MUSTER_EFULL : agent_out_open(&api->memory);
    if (err != MUSTER_OK) {
        agent_api_close(api);
        return err;
    }
    *out = api;
    return MUSTER_OK;
}

void agent_api_close(struct agent_api *api)
{
    if (api == NULL)
        return;
    agent_out_close(&api->memory);
    free(api->effect);
    free(api);
}

/* ---- effects and open requests */

static void call_begin(struct agent_api *api, struct muster_now now)
{
    MUSTER_ASSERT(api->fetched == api->count);
    api->count = 0;
    api->fetched = 0;
    api->now = now;
    agent_out_begin(&api->memory);
}

bool agent_api_next(struct agent_api *api, struct agent_api_effect *effect)
{
    if (api->fetched == api->count)
        return false;
    *effect = api->effect[api->fetched++];
    return true;
}

struct agent_api_effect *api_add(struct agent_api *api, enum agent_api_effect_kind kind,
                                 uint64_t id)
{
    if (api->count == api->size) {
        api->size *= 2;
        api->effect = realloc(api->effect, api->size * sizeof *api->effect);
        MUSTER_ASSERT(api->effect != NULL);
    }
    struct agent_api_effect *e = &api->effect[api->count++];
    *e = (struct agent_api_effect){ .kind = kind, .id = id };
    return e;
}

struct api_open *api_open_find(struct agent_api *api, uint64_t id)
{
    for (uint32_t i = 0; i < api->high; i++)
        if (api->open[i].is_used && api->open[i].id == id)
            return &api->open[i];
    return NULL;
}

struct api_open *api_open_make(struct agent_api *api, uint64_t id, enum api_shape shape)
{
    struct api_open *o = NULL;
    for (uint32_t i = 0; i < api->high && o == NULL; i++)
        if (!api->open[i].is_used)
            o = &api->open[i];
    if (o == NULL && api->high < AGENT_API_MAX)
        o = &api->open[api->high++];
    if (o == NULL) {
        api_error(api, id, 503, "busy", NULL, "too many requests under way; try again");
        return NULL;
    }
    *o = (struct api_open){ .is_used = true, .id = id, .shape = shape };
    o->beat_ms = api->now.mono_ms + AGENT_API_BEAT_MS;
    return o;
}

const char *api_copy(struct agent_api *api, const char *text)
{
    return agent_out_text(&api->memory, text != NULL ? text : "");
}

struct agent_request *api_ask(struct agent_api *api, uint64_t id, enum agent_op op,
                              const char *name)
{
    struct agent_api_effect *e = api_add(api, AGENT_API_REQUEST, id);
    e->request = (struct agent_request){ .number = id, .op = op, .name = api_copy(api, name) };
    e->request.prefix = e->request.state = e->request.label = "";
    e->request.job = e->request.node = e->request.after = "";
    return &e->request;
}

/* ---- answers */

void api_body(struct agent_api *api, uint64_t id, uint16_t status, struct muster_bytes body)
{
    struct agent_api_effect *e = api_add(api, AGENT_API_REPLY, id);
    e->reply.status = status;
    e->reply.body = agent_out_copy(&api->memory, body);
}

void api_error(struct agent_api *api, uint64_t id, uint16_t status, const char *code,
               const char *field, const char *format, ...)
{
    char message[640];
    struct muster_text out;
    struct agent_json j;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    muster_text_open(&out, 8192);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_key(&j, "error");
    agent_json_object(&j);
    agent_json_put_text(&j, "code", code);
    agent_json_put_text(&j, "message", message);
    agent_json_put_text(&j, "field", field);
    agent_json_object_end(&j);
    agent_json_object_end(&j);
    api_body(api, id, status, muster_text_bytes(&out));
    muster_text_close(&out);
}

void api_outcome(struct agent_api *api, uint64_t id, const struct agent_reply *r)
{
    struct agent_http_code code = agent_http_code(r->err);
    const char *text = r->message != NULL ? r->message : muster_err_text(r->err);
    api_error(api, id, code.status, code.text, r->field, "%s", text);
}

/* ---- what clients ask */

void agent_api_http(struct agent_api *api, struct muster_now now,
                    const struct agent_http_request *r)
{
    call_begin(api, now);
    api_route(api, r);
}

/* ---- what the node answers */

static void node_page(struct agent_api *api, const struct api_open *o, const struct agent_reply *r)
{
    struct agent_member m;
    struct muster_text out;
    struct agent_json j;
    const char items[] = "{\"items\":", next[] = ",\"next\":";
    const uint8_t *end = NULL;
    for (size_t i = r->body.len; i-- > 0 && end == NULL;)
        if (r->body.len - i >= sizeof next - 1 &&
            memcmp(r->body.data + i, next, sizeof next - 1) == 0)
            end = r->body.data + i;
    if (end == NULL || !api_member_find(api, o->node, &m)) {
        api_error(api, o->id, 404, "not_found", NULL, "no node named %s", o->node);
        return;
    }
    const uint8_t *start = r->body.data + sizeof items - 1;
    muster_text_open(&out, r->body.len + 8192);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_key(&j, "node");
    api_member_json(&m, &j);
    agent_json_put_raw(&j, "runs", MUSTER_BYTES(start, (size_t)(end - start)));
    agent_json_object_end(&j);
    api_body(api, o->id, 200, muster_text_bytes(&out));
    muster_text_close(&out);
}

static void logs_begin(struct agent_api *api, struct api_open *o)
{
    if (o->is_begun)
        return;
    o->is_begun = true;
    struct agent_api_effect *e = api_add(api, AGENT_API_BEGIN, o->id);
    e->reply.status = 200;
    e->reply.content_type = o->content_type;
}

static void node_reply(struct agent_api *api, struct api_open *o, const struct agent_reply *r)
{
    if (o->shape == API_NEWS) {
        api_news_listed(api, o, r);
        return;
    }
    if (r->err != MUSTER_OK && !o->is_begun) {
        api_outcome(api, o->id, r);
    } else if (o->shape == API_LOGS) {
        logs_begin(api, o);
        (void)api_add(api, AGENT_API_END, o->id);
    } else if (o->shape == API_NODE_PAGE) {
        node_page(api, o, r);
    } else if (o->shape == API_FILE) {
        struct agent_api_effect *e = api_add(api, AGENT_API_REPLY, o->id);
        e->reply.status = 200;
        e->reply.content_type = AGENT_HTTP_BYTES;
        char *path = agent_out_take(&api->memory, r->body.len + 1);
        memcpy(path, r->body.data, r->body.len);
        path[r->body.len] = '\0';
        e->reply.file = path;
    } else {
        api_body(api, o->id, 200, r->body);
        if (o->shape == API_RAW)
            api->effect[api->count - 1].reply.content_type = AGENT_HTTP_BYTES;
    }
    o->is_used = false;
}

void agent_api_node(struct agent_api *api, struct muster_now now, const struct agent_effect *e)
{
    call_begin(api, now);
    if (e->kind == AGENT_EFFECT_NEWS) {
        for (uint32_t i = 0; i < api->high; i++)
            if (api->open[i].is_used && api->open[i].shape == API_NEWS && api->open[i].is_begun)
                api_news_flush(api, &api->open[i]);
        return;
    }
    struct api_open *o = api_open_find(api, e->number);
    if (o == NULL)
        return;
    if (e->kind == AGENT_EFFECT_REPLY) {
        node_reply(api, o, e->reply);
    } else if (e->kind == AGENT_EFFECT_CHUNK) {
        logs_begin(api, o);
        api_add(api, AGENT_API_CHUNK, o->id)->bytes = agent_out_copy(&api->memory, e->bytes);
    }
}

void agent_api_gone(struct agent_api *api, struct muster_now now, uint64_t id)
{
    call_begin(api, now);
    struct api_open *o = api_open_find(api, id);
    if (o == NULL)
        return;
    o->is_used = false;
    (void)api_add(api, AGENT_API_CANCEL, id);
}
