/* SPDX-License-Identifier: Apache-2.0 */
/* News for clients: first what every node remembers, then what happens, as SSE or NDJSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api_inside.h"
#include "agent/newsroom.h"

static bool last_index(const struct agent_http_request *r, uint64_t *after)
{
    const char *text = r->last_event_id != NULL ? r->last_event_id : agent_http_query(r, "after");
    char *end = NULL;
    *after = 0;
    if (text == NULL || text[0] == '\0')
        return true;
    *after = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

void api_news_begin(struct agent_api *api, const struct agent_http_request *r)
{
    uint64_t follow = 1, limit = 0, after = 0;
    if (agent_http_query_u64(r, "follow", 1, 1, &follow) != MUSTER_OK ||
        agent_http_query_u64(r, "limit", 200, AGENT_LIST_MAX, &limit) != MUSTER_OK ||
        !last_index(r, &after)) {
        api_error(api, r->id, 400, "invalid", NULL,
                  "follow is 0 or 1, limit and Last-Event-ID are numbers");
        return;
    }
    struct api_open *o = api_open_make(api, r->id, API_NEWS);
    if (o == NULL)
        return;
    o->follows = follow != 0;
    o->is_sse = !agent_http_accepts(r, AGENT_HTTP_NDJSON);
    o->content_type = o->is_sse ? AGENT_HTTP_SSE : AGENT_HTTP_NDJSON;
    o->after = after;
    if (o->follows) {
        (void)api_add(api, AGENT_API_WATCH, 0);
        api->watch_ms = api->now.mono_ms + AGENT_API_WATCH_MS;
    }
    struct agent_request *q = api_ask(api, r->id, AGENT_OP_NEWS_LIST, "");
    q->after_index = after;
    q->limit = (uint32_t)limit;
}

static void chunk(struct agent_api *api, const struct api_open *o, uint64_t index,
                  struct muster_bytes json)
{
    struct muster_text out;
    muster_text_open(&out, json.len + 128);
    if (o->is_sse)
        muster_text_add(&out, "id: %llu\ndata: ", (unsigned long long)index);
    muster_text_add_bytes(&out, json);
    muster_text_add(&out, o->is_sse ? "\n\n" : "\n");
    api_add(api, AGENT_API_CHUNK, o->id)->bytes =
        agent_out_copy(&api->memory, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* Each item of the list begins with its index, which is how it was written: {"index":"N",... */
static void backlog(struct agent_api *api, struct api_open *o, struct muster_bytes body)
{
    const char mark[] = "{\"index\":\"";
    const uint8_t *at = body.data, *end = body.data + body.len;
    while (at != NULL && at < end) {
        at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1);
        if (at == NULL)
            return;
        const uint8_t *next = memmem(at + 1, (size_t)(end - at - 1), mark, sizeof mark - 1);
        const uint8_t *stop = next != NULL ? next - 1 : end;
        while (stop > at && stop[-1] != '}')
            stop--;
        if (next == NULL) {
            /* behind the last item stands the end of the list: ],"next":null} */
            const uint8_t *tail = memmem(at, (size_t)(end - at), "}],\"next\":", 10);
            stop = tail != NULL ? tail + 1 : end;
        }
        uint64_t index = strtoull((const char *)at + sizeof mark - 1, NULL, 10);
        chunk(api, o, index, MUSTER_BYTES(at, (size_t)(stop - at)));
        if (index > o->after)
            o->after = index;
        at = next;
    }
}

void api_news_listed(struct agent_api *api, struct api_open *o, const struct agent_reply *r)
{
    if (r->err != MUSTER_OK) {
        api_outcome(api, o->id, r);
        o->is_used = false;
        return;
    }
    struct agent_api_effect *e = api_add(api, AGENT_API_BEGIN, o->id);
    e->reply.status = 200;
    e->reply.content_type = o->content_type;
    e->reply.lagged =
        muster_bytes_text(o->is_sse ? "event: lagged\ndata: {}\n\n" : "{\"type\":\"lagged\"}\n");
    o->is_begun = true;
    backlog(api, o, r->body);
    if (o->follows) {
        api_news_flush(api, o);
        return;
    }
    (void)api_add(api, AGENT_API_END, o->id);
    o->is_used = false;
}

void api_news_flush(struct agent_api *api, struct api_open *o)
{
    struct agent_news n;
    struct muster_text json;
    muster_text_open(&json, 8192);
    while (agent_node_news(api->node, o->after, &n)) {
        o->after = n.index;
        muster_text_clear(&json);
        agent_news_json(&n, &json);
        chunk(api, o, n.index, muster_text_bytes(&json));
        o->beat_ms = api->now.mono_ms + AGENT_API_BEAT_MS;
    }
    muster_text_close(&json);
}

void agent_api_tick(struct agent_api *api, struct muster_now now)
{
    MUSTER_ASSERT(api->fetched == api->count);
    api->count = api->fetched = 0;
    api->now = now;
    agent_out_begin(&api->memory);
    bool watched = false;
    for (uint32_t i = 0; i < api->high; i++) {
        struct api_open *o = &api->open[i];
        if (!o->is_used || o->shape != API_NEWS || !o->is_begun)
            continue;
        watched = true;
        if (!muster_deadline_reached(o->beat_ms, now.mono_ms))
            continue;
        o->beat_ms = now.mono_ms + AGENT_API_BEAT_MS;
        if (o->is_sse)
            api_add(api, AGENT_API_CHUNK, o->id)->bytes = muster_bytes_text(":\n\n");
    }
    if (muster_deadline_reached(api->watch_ms, now.mono_ms)) {
        api->watch_ms = watched ? now.mono_ms + AGENT_API_WATCH_MS : MUSTER_NEVER;
        if (watched)
            (void)api_add(api, AGENT_API_WATCH, 0);
    }
}

uint64_t agent_api_deadline_ms(const struct agent_api *api)
{
    uint64_t d = api->watch_ms;
    for (uint32_t i = 0; i < api->high; i++)
        if (api->open[i].is_used && api->open[i].shape == API_NEWS && api->open[i].is_begun)
            d = muster_deadline_sooner(d, api->open[i].beat_ms);
    return d;
}
