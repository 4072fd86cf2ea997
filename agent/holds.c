/* SPDX-License-Identifier: Apache-2.0 */
/* Holds of everything: said by a person or a peer, obeyed at once, kept on disk, told on. */
#include "agent/holds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/family.h"
#include "agent/json.h"
#include "agent/newsroom.h"
#include "agent/peers.h"
#include "agent/placer.h"
#include "agent/serve_inside.h"

#define HOLDS_KEY "holds"
#define WAITS_MAX 32

/* Who is answered when the word is on disk. */
struct wait {
    struct muster_id from;
    uint64_t number, cookie; /* cookie 0: free */
};

struct agent_holds {
    struct agent_hold_set set;
    struct wait wait[WAITS_MAX];
    uint64_t cookie; /* of the last note */
};

int agent_holds_open(struct agent_core *core)
{
    core->holds = calloc(1, sizeof *core->holds);
    return core->holds != NULL ? MUSTER_OK : MUSTER_EFULL;
}

void agent_holds_close(struct agent_core *core)
{
    free(core->holds);
    core->holds = NULL;
}

void agent_holds_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value)
{
    struct muster_reader r = muster_reader_over(value);
    if (muster_bytes_equal(key, muster_bytes_text(HOLDS_KEY)))
        (void)agent_holds_merge(&core->holds->set, &r);
}

/* ---- reading */

bool agent_holds_has(const struct agent_core *core, struct muster_bytes key)
{
    return core->holds->set.count > 0 && agent_hold_of(&core->holds->set, key) != NULL;
}

const struct agent_hold_set *agent_holds_set(const struct agent_core *core)
{
    return &core->holds->set;
}

bool agent_holds_text(const struct agent_core *core, struct muster_bytes key, char *out,
                      size_t size)
{
    const struct agent_hold *h = agent_hold_of(&core->holds->set, key);
    char time[MUSTER_TIME_TEXT];
    if (h == NULL)
        return false;
    (void)muster_time_text(h->since_wall_ms, time);
    if (h->prefix[0] == '\0')
        (void)snprintf(out, size,
                       "everything is held since %.19sZ (`muster release --all` ends that)", time);
    else
        (void)snprintf(
            out, size,
            "all of %s is held since %.19sZ (`muster release --all --prefix %s` ends that)",
            h->prefix, time, h->prefix);
    return true;
}

void agent_holds_json(const struct agent_hold_set *s, struct agent_json *j)
{
    agent_json_key(j, "holds"); /* the latest word first; of a name the first counts */
    agent_json_array(j);
    for (uint32_t i = 0; i < s->count; i++) {
        agent_json_object(j);
        agent_json_put_text(j, "prefix", s->hold[i].prefix);
        agent_json_put_bool(j, "held", s->hold[i].is_held);
        agent_json_put_time(j, "since", s->hold[i].since_wall_ms);
        agent_json_object_end(j);
    }
    agent_json_array_end(j);
}

/* ---- on disk, and told on */

static void note(struct agent_core *core)
{
    uint8_t wire[AGENT_HOLDS_WIRE];
    struct muster_writer w = muster_writer_over(wire, sizeof wire);
    agent_holds_write(&w, &core->holds->set);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    struct store_disk_op op = { .table = STORE_TABLE_META,
                                .key = muster_bytes_text(HOLDS_KEY),
                                .value = muster_writer_bytes(&w) };
    core->holds->cookie = agent_number(core);
    store_note(core->store, &op, core->holds->cookie);
}

void agent_holds_tell(struct agent_core *core, uint32_t link)
{
    if (core->holds->set.count == 0 || link == AGENT_NO_LINK)
        return;
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_HOLDS, 2);
    agent_holds_write(&w, &core->holds->set);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_SEND);
    e->link = link;
    e->bytes = agent_out_copy(&core->out, muster_writer_bytes(&w));
}

/* It counts from here on, whatever the disk says of it. */
static void changed(struct agent_core *core)
{
    note(core);
    agent_placer_holds(core);
    agent_family_holds(core);
    for (uint32_t i = 1; i < agent_peers_count(core); i++)
        agent_holds_tell(core, agent_peers_at(core, i)->link);
}

void agent_holds_got(struct agent_core *core, struct muster_reader *r)
{
    if (!agent_holds_merge(&core->holds->set, r))
        return;
    MUSTER_MARK(hold_heard_from_a_peer);
    changed(core);
}

/* ---- a person */

int agent_holds_ask(struct agent_core *core, struct agent_request *q, const char **message)
{
    const struct agent_hold_set *s = &core->holds->set;
    bool is_held = strcmp(q->name, "hold") == 0;
    *message = "prefix: the beginning of names, of at most 128 of a-z 0-9 . _ - /";
    if (strlen(q->prefix) > AGENT_NAME_MAX ||
        q->prefix[strspn(q->prefix, "abcdefghijklmnopqrstuvwxyz0123456789._-/")] != '\0')
        return MUSTER_EINVAL;
    if (strcmp(q->name, "list") == 0)
        return MUSTER_OK;
    *message = "so many parts are held and let go one by one that there is no room for another; "
               "`muster release --all` or `muster hold --all` without --prefix forgets them";
    if (s->count == AGENT_HOLDS_MAX && q->prefix[0] != '\0')
        return MUSTER_EFULL;
    q->after_index = agent_hold_next(s);
    q->offset = core->now.wall_ms;
    agent_news_add(core, is_held ? "cluster.held" : "cluster.released", NULL, NULL, 0,
                   is_held ? "nothing new of %s%s starts" : "%s%s may start again",
                   q->prefix[0] != '\0' ? "jobs named " : "any job", q->prefix);
    return MUSTER_OK;
}

static void row_send(struct agent_core *core, struct muster_id from, uint64_t number,
                     const char *fault)
{
    struct serve_ask ask = { .from = from, .number = number };
    char id[MUSTER_ID_TEXT];
    struct muster_text out;
    struct agent_json j;
    muster_text_open(&out, 32768);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "node", core->config.name);
    agent_json_put_text(&j, "id", muster_id_text(core->config.self, id));
    agent_json_put_text(&j, "error", fault);
    agent_holds_json(&core->holds->set, &j);
    agent_json_object_end(&j);
    serve_row(core, &ask, muster_text_bytes(&out));
    muster_text_close(&out);
}

static bool wait_add(struct agent_core *core, const struct serve_ask *ask)
{
    for (uint32_t i = 0; i < WAITS_MAX; i++) {
        struct wait *w = &core->holds->wait[i];
        if (w->cookie != 0)
            continue;
        *w = (struct wait){ ask->from, ask->number, core->holds->cookie };
        return true;
    }
    return false;
}

void agent_holds_serve(struct agent_core *core, const struct serve_ask *ask)
{
    const struct agent_request *q = ask->q;
    struct agent_hold h = { .number = q->after_index,
                            .since_wall_ms = q->offset,
                            .is_held = strcmp(q->name, "hold") == 0 };
    bool fits = muster_format(h.prefix, sizeof h.prefix, "%s", q->prefix);
    bool is_word = fits && h.number != 0 && h.number < UINT64_MAX / 2;
    bool is_news = is_word && strcmp(q->name, "list") != 0 && agent_hold_add(&core->holds->set, &h);
    if (is_news)
        changed(core);
    if (!is_news || !wait_add(core, ask))
        row_send(core, ask->from, ask->number, NULL);
}

bool agent_holds_noted(struct agent_core *core, uint64_t cookie, int err)
{
    bool is_ours = false;
    for (uint32_t i = 0; i < WAITS_MAX; i++) {
        struct wait *w = &core->holds->wait[i];
        if (w->cookie != cookie || cookie == 0)
            continue;
        struct wait was = *w;
        *w = (struct wait){ .cookie = 0 };
        is_ours = true;
        row_send(core, was.from, was.number,
                 err == MUSTER_OK
                     ? NULL
                     : "it obeys, but its disk refuses to remember it: after a restart "
                       "it hears of it from the others");
    }
    return is_ours;
}
