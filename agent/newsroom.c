/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of news, and how news travels to whoever watches. */
#include "agent/newsroom.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/peers.h"
#include "base/hash.h"

#define WATCHERS_MAX 64

#define TYPE_MAX 24

/* As long as its words: most are a fifth of the longest. */
struct news_entry {
    uint64_t index, wall_ms, token;
    const char *type, *node, *job, *text; /* in `words` */
    char words[];
};

struct news_watcher {
    struct muster_id node;
    uint64_t until_ms;
};

struct agent_newsroom {
    struct news_entry **entry; /* sorted by index in ring order */
    uint64_t count;
    uint64_t last_index;
    uint64_t origin;
    uint64_t watch_until_ms; /* somebody here watches until then */
    struct news_watcher watcher[WATCHERS_MAX];
};

int agent_newsroom_open(struct agent_core *core)
{
    struct agent_newsroom *n = calloc(1, sizeof *n);
    if (n == NULL)
        return MUSTER_EFULL;
    core->newsroom = n;
    n->entry = calloc(AGENT_NEWS_KEPT, sizeof *n->entry);
    if (n->entry == NULL)
        return MUSTER_EFULL;
    n->origin = muster_hash64(MUSTER_BYTES(core->config.self.octet, MUSTER_ID_LEN), 0) & 1023;
    return MUSTER_OK;
}

void agent_newsroom_close(struct agent_core *core)
{
    if (core->newsroom == NULL)
        return;
    for (uint64_t i = 0; i < core->newsroom->count && i < AGENT_NEWS_KEPT; i++)
        free(core->newsroom->entry[i]);
    free(core->newsroom->entry);
    free(core->newsroom);
    core->newsroom = NULL;
}

static struct news_entry **entry_at(const struct agent_newsroom *n, uint64_t position)
{
    return &n->entry[position % AGENT_NEWS_KEPT];
}

static const char *words_add(char **at, struct muster_bytes text, size_t size)
{
    char *begin = *at;
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0)
        memcpy(begin, text.data, len);
    begin[len] = '\0';
    *at += len + 1;
    return begin;
}

static struct news_entry *entry_make(const struct agent_msg_news *m)
{
    struct news_entry *e =
        malloc(sizeof *e + m->type.len + m->node.len + m->job.len + m->text.len + 4);
    if (e == NULL)
        return NULL;
    char *at = e->words;
    *e = (struct news_entry){ .index = m->index, .wall_ms = m->wall_ms, .token = m->token };
    e->type = words_add(&at, m->type, TYPE_MAX);
    e->node = words_add(&at, m->node, AGENT_NAME_MAX + 1);
    e->job = words_add(&at, m->job, AGENT_RUN_MAX);
    e->text = words_add(&at, m->text, AGENT_REASON_MAX);
    return e;
}

/* News of peers may be a little older than our newest: it is moved down to its place, so that a
 * reader who goes by the index sees everything in order. Without memory it is no news. */
static void entry_insert(struct agent_core *core, const struct agent_msg_news *m)
{
    struct agent_newsroom *n = core->newsroom;
    struct news_entry *e = entry_make(m);
    if (e == NULL)
        return;
    uint64_t at = n->count++;
    uint64_t oldest = at >= AGENT_NEWS_KEPT ? at - AGENT_NEWS_KEPT + 1 : 0;
    free(*entry_at(n, at));
    while (at > oldest && (*entry_at(n, at - 1))->index > e->index) {
        *entry_at(n, at) = *entry_at(n, at - 1);
        at--;
    }
    *entry_at(n, at) = e;
    agent_out_add(&core->out, AGENT_EFFECT_NEWS)->number = e->index;
}

static void watchers_tell(struct agent_core *core, const struct agent_msg_news *m)
{
    struct agent_newsroom *n = core->newsroom;
    for (int i = 0; i < WATCHERS_MAX; i++) {
        if (n->watcher[i].until_ms <= core->now.mono_ms)
            continue;
        struct muster_writer w = agent_frame(core);
        agent_write_news(&w, m);
        (void)agent_frame_send(core, n->watcher[i].node, &w);
    }
}

void agent_news_add(struct agent_core *core, const char *type, const char *node, const char *job,
                    uint64_t token, const char *format, ...)
{
    struct agent_newsroom *n = core->newsroom;
    uint64_t index = core->now.wall_ms << 20 | n->origin << 10;
    if (index <= n->last_index)
        index = n->last_index + 1;
    n->last_index = index;
    char text[AGENT_REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct agent_msg_news m = { .index = index, .wall_ms = core->now.wall_ms, .token = token };
    m.type = muster_bytes_text(type);
    m.node = muster_bytes_text(node != NULL ? node : core->config.name);
    m.job = m.run = muster_bytes_text(job != NULL ? job : "");
    m.text = muster_bytes_text(text);
    watchers_tell(core, &m);
    entry_insert(core, &m);
}

void agent_news_got(struct agent_core *core, struct muster_reader *r)
{
    struct agent_msg_news m = { 0 };
    struct agent_newsroom *n = core->newsroom;
    agent_read_news(r, &m);
    if (!muster_reader_ok(r))
        return;
    uint64_t oldest = n->count > AGENT_NEWS_KEPT ? n->count - AGENT_NEWS_KEPT : 0;
    for (uint64_t i = n->count; i > oldest && (*entry_at(n, i - 1))->index >= m.index; i--)
        if ((*entry_at(n, i - 1))->index == m.index)
            return;
    entry_insert(core, &m);
}

void agent_news_watch_got(struct agent_core *core, struct muster_id from)
{
    struct agent_newsroom *n = core->newsroom;
    struct news_watcher *free_one = NULL;
    for (int i = 0; i < WATCHERS_MAX; i++) {
        struct news_watcher *w = &n->watcher[i];
        bool is_it = w->until_ms > core->now.mono_ms && muster_id_equal(w->node, from);
        if (is_it)
            free_one = w;
        else if (free_one == NULL && w->until_ms <= core->now.mono_ms)
            free_one = w;
        if (is_it)
            break;
    }
    if (free_one != NULL)
        *free_one = (struct news_watcher){ from, core->now.mono_ms + AGENT_NEWS_WATCH_MS };
}

static void watch_send(struct agent_core *core, struct muster_id to)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_WATCH, 1);
    (void)agent_frame_send(core, to, &w);
}

void agent_news_watch(struct agent_core *core)
{
    core->newsroom->watch_until_ms = core->now.mono_ms + AGENT_NEWS_WATCH_MS;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (!p->is_self && agent_peer_is_linked(core, p))
            watch_send(core, p->id);
    }
}

void agent_news_linked(struct agent_core *core, const struct agent_peer *p)
{
    if (core->newsroom->watch_until_ms > core->now.mono_ms)
        watch_send(core, p->id);
}

bool agent_news_after(const struct agent_core *core, uint64_t after, struct agent_news *out)
{
    const struct agent_newsroom *n = core->newsroom;
    uint64_t low = n->count > AGENT_NEWS_KEPT ? n->count - AGENT_NEWS_KEPT : 0, high = n->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if ((*entry_at(n, middle))->index > after)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == n->count)
        return false;
    const struct news_entry *e = *entry_at(n, low);
    *out = (struct agent_news){ .index = e->index,
                                .wall_ms = e->wall_ms,
                                .type = e->type,
                                .node = e->node,
                                .job = e->job,
                                .run = e->job,
                                .token = e->token,
                                .text = e->text };
    return true;
}

void agent_news_json(const struct agent_news *n, struct muster_text *out)
{
    struct agent_json j;
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_put_token(&j, "index", n->index);
    agent_json_put_time(&j, "time", n->wall_ms);
    agent_json_put_text(&j, "type", n->type);
    agent_json_put_text(&j, "node", n->node[0] != '\0' ? n->node : NULL);
    agent_json_put_text(&j, "job", n->job[0] != '\0' ? n->job : NULL);
    agent_json_put_text(&j, "run", n->run[0] != '\0' ? n->run : NULL);
    if (n->token != 0)
        agent_json_put_token(&j, "token", n->token);
    else
        agent_json_put_null(&j, "token");
    agent_json_put_text(&j, "text", n->text);
    agent_json_object_end(&j);
}
