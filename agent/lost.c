/* SPDX-License-Identifier: Apache-2.0 */
/* Oaths: taken from a person or a peer, kept on disk, told on, and made to count. */
#include "agent/lost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "agent/newsroom.h"
#include "agent/placer.h"
#include "agent/serve_inside.h"

#define LOST_PREFIX_MIN 4 /* digits of an id that a person must give */
#define LOST_KEY        "lost:"

struct lost_node {
    struct muster_id id;
    char name[AGENT_NAME_MAX + 1];
    uint64_t cookie; /* of the note that is not on disk yet; 0: it is */
    struct muster_id from;
    uint64_t number; /* of the request that waits for it; 0: none */
    bool is_sworn_here;
};

struct agent_lost {
    struct lost_node node[STORE_LOST_MAX];
    uint32_t count;
};

int agent_lost_open(struct agent_core *core)
{
    core->lost = calloc(1, sizeof *core->lost);
    return core->lost != NULL ? MUSTER_OK : MUSTER_EFULL;
}

void agent_lost_close(struct agent_core *core)
{
    free(core->lost);
    core->lost = NULL;
}

static struct lost_node *lost_find(const struct agent_core *core, struct muster_id id)
{
    for (uint32_t i = 0; i < core->lost->count; i++)
        if (muster_id_equal(core->lost->node[i].id, id))
            return &core->lost->node[i];
    return NULL;
}

bool agent_lost_has(const struct agent_core *core, struct muster_id id)
{
    const struct lost_node *l = lost_find(core, id);
    return l != NULL && l->cookie == 0;
}

static struct lost_node *lost_add(struct agent_core *core, struct muster_id id,
                                  struct muster_bytes name)
{
    struct agent_lost *t = core->lost;
    if (t->count == STORE_LOST_MAX)
        return NULL;
    struct lost_node *l = &t->node[t->count++];
    *l = (struct lost_node){ .id = id };
    (void)snprintf(l->name, sizeof l->name, "%.*s", (int)name.len, (const char *)name.data);
    return l;
}

static void lost_remove(struct agent_core *core, struct lost_node *l)
{
    *l = core->lost->node[--core->lost->count];
}

void agent_lost_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value)
{
    char text[MUSTER_ID_TEXT];
    struct muster_id id;
    size_t head = sizeof LOST_KEY - 1;
    if (key.len != head + MUSTER_ID_TEXT - 1 || memcmp(key.data, LOST_KEY, head) != 0)
        return;
    memcpy(text, key.data + head, MUSTER_ID_TEXT - 1);
    text[MUSTER_ID_TEXT - 1] = '\0';
    if (muster_id_parse(&id, text) && lost_find(core, id) == NULL &&
        lost_add(core, id, value) != NULL)
        store_lost(core->store, id);
}

/* ---- between peers */

static void lost_write(struct agent_core *core, struct muster_writer *w)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->lost->count; i++)
        count += core->lost->node[i].cookie == 0;
    agent_write_head(w, AGENT_MSG_LOST, 2);
    muster_write_array(w, count);
    for (uint32_t i = 0; i < core->lost->count; i++) {
        const struct lost_node *l = &core->lost->node[i];
        if (l->cookie != 0)
            continue;
        muster_write_array(w, 2);
        muster_write_id(w, l->id);
        muster_write_str(w, muster_bytes_text(l->name));
    }
}

void agent_lost_tell(struct agent_core *core, uint32_t link)
{
    if (core->lost->count == 0 || link == AGENT_NO_LINK)
        return;
    struct muster_writer w = agent_frame(core);
    lost_write(core, &w);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_SEND);
    e->link = link;
    e->bytes = agent_out_copy(&core->out, muster_writer_bytes(&w));
}

static void lost_note(struct agent_core *core, struct lost_node *l)
{
    char key[sizeof LOST_KEY + MUSTER_ID_TEXT], id[MUSTER_ID_TEXT];
    (void)snprintf(key, sizeof key, LOST_KEY "%s", muster_id_text(l->id, id));
    struct store_disk_op op = { .table = STORE_TABLE_META,
                                .key = muster_bytes_text(key),
                                .value = muster_bytes_text(l->name) };
    l->cookie = agent_number(core);
    store_note(core->store, &op, l->cookie);
}

static bool one_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    muster_read_array_of(r, 2);
    struct muster_id id = muster_read_id(r);
    struct muster_bytes name = muster_read_bytes(r, AGENT_NAME_MAX);
    if (!muster_reader_ok(r) || lost_find(core, id) != NULL)
        return false;
    struct lost_node *l = lost_add(core, id, name);
    if (l == NULL) {
        agent_out_log(&core->out, AGENT_LOG_ERROR,
                      "no room for the word of %s that %.*s is lost: %d nodes are already",
                      agent_node_name(core, from), (int)name.len, (const char *)name.data,
                      STORE_LOST_MAX);
        return false;
    }
    lost_note(core, l);
    return agent_is_self(core, id);
}

bool agent_lost_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    bool is_self = false;
    uint32_t n = muster_read_array(r, STORE_LOST_MAX);
    for (uint32_t i = 0; i < n && muster_reader_ok(r); i++)
        is_self = one_got(core, from, r) || is_self;
    return is_self;
}

/* ---- on disk */

static void reply(struct agent_core *core, const struct serve_ask *ask, const struct lost_node *l,
                  bool was_known)
{
    char id[MUSTER_ID_TEXT];
    struct muster_text out;
    struct agent_json j;
    muster_text_open(&out, 4096);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "node", l->name);
    agent_json_put_text(&j, "node_id", muster_id_text(l->id, id));
    agent_json_put_bool(&j, "was_lost", was_known);
    agent_json_object_end(&j);
    serve_body(core, ask, muster_text_bytes(&out));
    muster_text_close(&out);
}

/* From here on it counts, and everybody hears of it. */
static void lost_counts(struct agent_core *core, const struct lost_node *l)
{
    char id[MUSTER_ID_TEXT];
    struct agent_peer *p = agent_peers_find(core, l->id);
    agent_out_log(&core->out, AGENT_LOG_WARN,
                  "%s (%.8s) is declared lost: it may never vote, hold jobs or run any again",
                  l->name, muster_id_text(l->id, id));
    if (l->is_sworn_here)
        agent_news_add(core, "node.lost", l->name, NULL, 0,
                       "an operator swore that its disk is gone for good");
    store_lost(core->store, l->id);
    if (p != NULL)
        agent_peers_lost(core, p);
    agent_placer_node(core, l->id);
    const struct store_event tick = { .kind = STORE_EVENT_TICK };
    agent_store_step(core, &tick);
    for (uint32_t i = 1; i < agent_peers_count(core); i++)
        agent_lost_tell(core, agent_peers_at(core, i)->link);
}

bool agent_lost_noted(struct agent_core *core, uint64_t cookie, int err)
{
    struct lost_node *l = NULL;
    for (uint32_t i = 0; i < core->lost->count; i++)
        if (core->lost->node[i].cookie == cookie)
            l = &core->lost->node[i];
    if (cookie == 0 || l == NULL)
        return false;
    struct serve_ask ask = { .from = l->from, .number = l->number };
    l->cookie = 0;
    l->number = 0;
    if (err == MUSTER_OK) {
        if (!agent_is_self(core, l->id))
            lost_counts(core, l);
        if (ask.number != 0)
            reply(core, &ask, l, false);
        return true;
    }
    /* What the disk has refused it is given again until it takes it (R53), the oath too. */
    bool is_coming = err != MUSTER_ELIMIT;
    if (ask.number != 0)
        serve_error(core, &ask, err, NULL,
                    is_coming ? "%s is not declared lost yet: the disk of this node says: %s. It "
                                "will be as soon as that takes it"
                              : "%s is not declared lost: the disk of this node is too busy: %s",
                    l->name, muster_err_text(err));
    if (is_coming)
        lost_note(core, l);
    else
        lost_remove(core, l); /* who else knows of it will tell us again */
    return true;
}

/* ---- a person swears */

struct found {
    struct muster_id id;
    char name[AGENT_NAME_MAX + 1];
    uint32_t count; /* nodes that may be meant */
    bool is_alive;
    char ids[160]; /* of them, for who must choose */
};

static void found_add(struct found *f, struct muster_id id, const char *name, bool is_alive)
{
    char text[MUSTER_ID_TEXT];
    if (f->count > 0 && muster_id_equal(f->id, id))
        return;
    size_t at = strlen(f->ids);
    (void)snprintf(f->ids + at, sizeof f->ids - at, "%s%.8s", at > 0 ? ", " : "",
                   muster_id_text(id, text));
    f->id = id;
    f->is_alive = is_alive;
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    f->count++;
}

static bool begins(struct muster_id id, const char *digits)
{
    char text[MUSTER_ID_TEXT];
    return strncmp(muster_id_text(id, text), digits, strlen(digits)) == 0;
}

/* By name first; of several with one name those that are gone are meant, since a node that came
 * back with an empty disk has its old name and a new id. */
static void find_by_name(const struct agent_core *core, const char *word, struct found *f)
{
    for (int pass = 0; pass < 2 && f->count == 0; pass++) {
        for (uint32_t i = 0; i < agent_peers_count(core); i++) {
            const struct agent_peer *p = agent_peers_at(core, i);
            bool is_alive = p->is_self || p->life == AGENT_LIFE_ALIVE;
            if (strcmp(p->name, word) == 0 && is_alive == (pass == 1) && !p->is_lost)
                found_add(f, p->id, p->name, is_alive);
        }
    }
}

/* Nodes that gossip has forgotten still have their seats. */
static void find_by_id(struct agent_core *core, const char *word, struct found *f)
{
    size_t len = strlen(word);
    if (len < LOST_PREFIX_MIN || strspn(word, "0123456789abcdef") != len)
        return;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (begins(p->id, word))
            found_add(f, p->id, p->name, p->is_self || p->life == AGENT_LIFE_ALIVE);
    }
    for (uint32_t b = 0; b < core->config.buckets && f->count == 0; b++) {
        struct store_bucket_view v;
        store_bucket(core->store, b, &v);
        for (uint32_t i = 0; i < v.old_count + v.new_count; i++) {
            struct muster_id id =
                i < v.old_count ? v.old_seat[i].node : v.new_seat[i - v.old_count].node;
            if (begins(id, word) && agent_peers_find(core, id) == NULL)
                found_add(f, id, agent_node_name(core, id), false);
        }
    }
}

static bool find_known(const struct agent_core *core, const char *word, struct found *f)
{
    for (uint32_t i = 0; i < core->lost->count; i++) {
        const struct lost_node *l = &core->lost->node[i];
        bool is_digits = strlen(word) >= LOST_PREFIX_MIN && begins(l->id, word);
        if (strcmp(l->name, word) == 0 || is_digits)
            found_add(f, l->id, l->name, false);
    }
    return f->count == 1;
}

static bool find(struct agent_core *core, const struct serve_ask *ask, struct found *f)
{
    const char *word = ask->q->name;
    *f = (struct found){ .count = 0 };
    find_by_name(core, word, f);
    if (f->count == 0)
        find_by_id(core, word, f);
    if (f->count == 0 && find_known(core, word, f))
        return true;
    if (f->count == 0)
        serve_error(core, ask, MUSTER_ENOTFOUND, "name",
                    "no node is named %s, and no id begins with it; `muster members` lists them",
                    word);
    else if (f->count > 1)
        serve_error(core, ask, MUSTER_ECONFLICT, "name",
                    "%u nodes may be meant by %s: say which by its id: %s", f->count, word, f->ids);
    else if (f->is_alive && agent_is_self(core, f->id))
        serve_error(core, ask, MUSTER_ECONFLICT, "name", "%s is this very node, and it is alive",
                    f->name);
    else if (f->is_alive)
        serve_error(core, ask, MUSTER_ECONFLICT, "name",
                    "%s is alive. To forget a node is to swear that its disk is gone for good; "
                    "`muster drain %s` empties one that lives",
                    f->name, f->name);
    else
        return true;
    return false;
}

void agent_lost_forget(struct agent_core *core, const struct serve_ask *ask)
{
    struct found f;
    if (core->standing == AGENT_WAITING) {
        serve_error(core, ask, MUSTER_EREFUSED, NULL, "this node is in no cluster yet");
        return;
    }
    if (!find(core, ask, &f))
        return;
    struct lost_node *l = lost_find(core, f.id);
    if (l != NULL && l->cookie == 0) {
        reply(core, ask, l, true);
        return;
    }
    bool is_under_way = l != NULL;
    if (!is_under_way)
        l = lost_add(core, f.id, muster_bytes_text(f.name));
    if (l == NULL || is_under_way) {
        serve_error(core, ask, is_under_way ? MUSTER_EBUSY : MUSTER_EFULL, NULL,
                    is_under_way ? "%s is being declared lost at this moment"
                                 : "%s: no more nodes can be declared lost in this cluster",
                    f.name);
        return;
    }
    l->from = ask->from;
    l->number = ask->number;
    l->is_sworn_here = true;
    lost_note(core, l);
}
