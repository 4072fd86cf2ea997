/* SPDX-License-Identifier: Apache-2.0 */
/* Clients: HTTP requests into the API, the API's wishes to clients and to the node. */
#include "agent/shell/shell_inside.h"
#include "base/text.h"

/* A job's whole output may wait here for a slow client; news are lost to it instead (`lagged`). */
#define WEB_STREAM_MAX (64u << 20)

/* What one call of the API wants of the node. It is done after the API's effects are fetched,
 * because the node's answer is the API's next call. */
struct web_wish {
    bool asks, cancels, watches;
    uint64_t cancelled;
    struct agent_request request;
};

/* A gap that nobody sees would be worse than an end: a client that reads a stream too slowly loses
 * all of it. The API hears of that at the next tick, not in the middle of its own effects. */
static void chunk(struct shell *s, const struct agent_api_effect *e)
{
    int err = shell_http_chunk(s->http, e->id, e->bytes);
    if (err == MUSTER_OK || s->cut_count == SHELL_CUTS_MAX)
        return; /* one cut beyond the brim is found again with its next chunk */
    if (err != MUSTER_ENOTFOUND) {
        shell_journal(s->journal, AGENT_LOG_WARN, "a client reads a stream too slowly: cut off");
        shell_http_end(s->http, e->id);
    }
    s->cut[s->cut_count++] = e->id;
}

static void wish_add(struct web_wish *w, const struct agent_api_effect *e)
{
    switch (e->kind) {
    case AGENT_API_REQUEST:
        MUSTER_ASSERT(!w->asks);
        w->asks = true;
        w->request = e->request;
        break;
    case AGENT_API_CANCEL:
        MUSTER_ASSERT(!w->cancels);
        w->cancels = true;
        w->cancelled = e->id;
        break;
    default:
        w->watches = true;
    }
}

static void wish_grant(struct shell *s, const struct web_wish *w)
{
    const struct agent_event ask = { .kind = AGENT_EVENT_REQUEST, .request = &w->request };
    const struct agent_event cancel = { .kind = AGENT_EVENT_CANCEL, .number = w->cancelled };
    const struct agent_event watch = { .kind = AGENT_EVENT_WATCH };
    MUSTER_ASSERT(!s->is_stepping);
    /* The request first: its texts live until the API is called again. */
    if (w->asks)
        shell_step(s, &ask);
    if (w->cancels)
        shell_step(s, &cancel);
    if (w->watches)
        shell_step(s, &watch);
}

static void drain(struct shell *s)
{
    struct web_wish wish = { 0 };
    struct agent_api_effect e;
    while (agent_api_next(s->api, &e)) {
        switch (e.kind) {
        case AGENT_API_REPLY:
            shell_http_reply(s->http, e.id, &e.reply);
            break;
        case AGENT_API_BEGIN:
            shell_http_begin(s->http, e.id, &e.reply);
            break;
        case AGENT_API_CHUNK:
            chunk(s, &e);
            break;
        case AGENT_API_END:
            shell_http_end(s->http, e.id);
            break;
        default:
            wish_add(&wish, &e);
        }
    }
    if (wish.asks || wish.cancels || wish.watches)
        wish_grant(s, &wish);
}

/* ---- from clients */

static void not_now(struct shell *s, uint64_t id, const char *text)
{
    char body[160];
    (void)muster_format(body, sizeof body,
                        "{\"error\":{\"code\":\"not_ready\",\"message\":\"%s\",\"field\":null}}",
                        text);
    const struct agent_http_reply reply = { .status = 503,
                                            .body = muster_bytes_text(body),
                                            .retry_after_s = 1 };
    shell_http_reply(s->http, id, &reply);
}

static void on_request(void *context, const struct agent_http_request *request)
{
    struct shell *s = context;
    if (s->phase != SHELL_SERVING) {
        not_now(s, request->id,
                s->phase == SHELL_SCANNING ? "the agent is starting" : "the agent is ending");
        return;
    }
    struct agent_http_request asked = *request;
    asked.upload = shell_upload_made(s, request->id);
    agent_api_http(s->api, shell_now(), &asked);
    drain(s);
}

static void on_cancel(void *context, uint64_t id)
{
    struct shell *s = context;
    if (s->phase != SHELL_SERVING)
        return;
    agent_api_gone(s->api, shell_now(), id);
    drain(s);
}

/* ---- from the node, and from time */

void shell_web_effect(struct shell *s, const struct agent_effect *e)
{
    agent_api_node(s->api, shell_now(), e);
    drain(s);
}

void shell_web_tick(struct shell *s, struct muster_now now)
{
    while (s->phase == SHELL_SERVING && s->cut_count > 0) {
        agent_api_gone(s->api, now, s->cut[--s->cut_count]);
        drain(s);
    }
    if (s->setup.cert != NULL)
        shell_cert_look(s->setup.cert, now.wall_ms, s->journal);
    if (s->phase != SHELL_SERVING || agent_api_deadline_ms(s->api) > now.mono_ms)
        return;
    agent_api_tick(s->api, now);
    drain(s);
}

int shell_web_open(struct shell *s, char *why, size_t size)
{
    char text[256];
    const struct shell_http_config config = { .loop = &s->loop,
                                              .tcp = s->setup.http,
                                              .socket_path = s->setup.socket_path,
                                              .socket_group = s->setup.socket_group,
                                              .name = s->setup.node.name,
                                              .tokens = s->setup.tokens,
                                              .cert = s->setup.cert,
                                              .handed = &s->setup.renew->handed,
                                              .connections_max = s->setup.connections_max,
                                              .stream_max = WEB_STREAM_MAX,
                                              .upload_path = "/v1/payloads",
                                              .upload_max = s->setup.payload_max,
                                              .on_part = shell_upload_part,
                                              .on_upload_over = shell_upload_over,
                                              .context = s,
                                              .on_request = on_request,
                                              .on_cancel = on_cancel };
    int err = shell_http_open(&s->http, &config, text, sizeof text);
    if (err != MUSTER_OK)
        (void)muster_format(why, size, "%s; see `%s`", text, text[0] == '/' ? "socket" : "http");
    return err;
}
