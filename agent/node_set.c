/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes of a running node: whether it takes runs, its slots, its tags. Kept on
 * its disk, over what its configuration says, and told to the others by gossip. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/peers.h"
#include "agent/placer.h"
#include "agent/serve_inside.h"

struct tags {
    char text[AGENT_META_MAX]; /* "k=v,k=v" sorted by key */
};

/* One key out, and in again with its value when it has one; false when it does not fit. */
static bool tag_set(struct tags *t, const char *key, size_t key_len, const char *value,
                    size_t value_len)
{
    struct tags old = *t;
    size_t at = 0;
    bool is_in = value == NULL;
    t->text[0] = '\0';
    for (const char *tag = old.text; *tag != '\0' || !is_in;) {
        size_t len = strcspn(tag, ","), name = strcspn(tag, "=,");
        size_t same = name < key_len ? name : key_len;
        int order = *tag == '\0' ? 1 : memcmp(tag, key, same);
        order = order != 0 || *tag == '\0' ? order : (int)name - (int)key_len;
        bool now = !is_in && order >= 0;
        if (now && !muster_format(t->text + at, sizeof t->text - at, "%s%.*s=%.*s",
                                  at > 0 ? "," : "", (int)key_len, key, (int)value_len, value))
            return false;
        is_in = is_in || now;
        at += strlen(t->text + at);
        if (order != 0 && *tag != '\0' &&
            !muster_format(t->text + at, sizeof t->text - at, "%s%.*s", at > 0 ? "," : "", (int)len,
                           tag))
            return false;
        at += strlen(t->text + at);
        tag += len + (tag[len] == ',' ? 1 : 0);
    }
    return true;
}

static bool key_is_fine(const char *key, size_t len)
{
    return len > 0 && len <= 64 && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-") >= len;
}

static bool fits(struct agent_node *n, const char *tags)
{
    struct agent_meta meta;
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;
    node_meta_fill(n, &meta);
    meta.draining = true; /* the longest that it will say */
    return strlen(tags) < AGENT_TAGS_TEXT_MAX &&
           muster_format(meta.tags, sizeof meta.tags, "%s", tags) &&
           agent_meta_encode(&meta, wire, sizeof wire, &len, NULL) == MUSTER_OK;
}

static void tags_take(struct agent_node *n, const char *text)
{
    char *copy = strdup(text);
    MUSTER_ASSERT(copy != NULL);
    free(n->tags);
    n->tags = copy;
    n->core.config.tags = copy;
}

/* "k=v" sets, "k" takes away; "" goes back to the configuration. */
static bool tags_set(struct agent_node *n, const struct serve_ask *ask, const char *changes)
{
    struct agent_core *core = &n->core;
    struct tags t;
    char kept[AGENT_META_MAX + 1];
    bool is_reset = changes[0] == '\0', ok = true;
    (void)snprintf(t.text, sizeof t.text, "%s", is_reset ? n->tags_configured : n->tags);
    while (*changes != '\0' && ok) {
        size_t len = strcspn(changes, ","), key = strcspn(changes, "=,");
        const char *value = changes[key] == '=' ? changes + key + 1 : NULL;
        if (!key_is_fine(changes, key)) {
            serve_error(core, ask, MUSTER_EINVAL, "tags",
                        "%.*s: a tag has 1 to 64 of a-z 0-9 . _ -", (int)key, changes);
            return false;
        }
        ok = tag_set(&t, changes, key, value, len - key - 1);
        changes += len + (changes[len] == ',' ? 1 : 0);
    }
    if (!ok || !fits(n, t.text)) {
        serve_error(core, ask, MUSTER_ELIMIT, "tags", "gossip has no room for so many tags");
        return false;
    }
    tags_take(n, t.text);
    (void)snprintf(kept, sizeof kept, "=%s", t.text);
    node_meta_note(core, "tags", is_reset ? "" : kept);
    agent_news_add(core, "node.tags", NULL, NULL, 0, "%s", t.text);
    return true;
}

/* The weight follows where it was the number of slots. */
static bool slots_set(struct agent_node *n, const struct serve_ask *ask, const char *text)
{
    struct agent_core *core = &n->core;
    struct agent_node_config *c = &core->config;
    bool is_reset = text[0] == '\0', follows = c->weight == c->slots;
    unsigned long slots = is_reset ? n->slots_configured : strtoul(text, NULL, 10);
    if (slots == 0 || slots > UINT16_MAX || (!is_reset && strlen(text) > 5)) {
        serve_error(core, ask, MUSTER_ERANGE, "slots",
                    "slots: 1 to 65535; `muster node hold` or `muster drain` for none");
        return false;
    }
    c->slots = (uint32_t)slots;
    c->weight = follows ? c->slots : c->weight;
    node_meta_note(core, "slots", text);
    agent_news_add(core, "node.slots", NULL, NULL, 0, "%u", c->slots);
    return true;
}

static void held_set(struct agent_core *core, bool is_held)
{
    core->config.held = is_held;
    node_meta_note(core, "held", is_held ? "1" : "0");
    agent_news_add(core, is_held ? "node.held" : "node.released", NULL, NULL, 0,
                   is_held ? "keeps what it has and takes nothing new" : "takes runs again");
}

void node_set(struct agent_node *n, const struct serve_ask *ask)
{
    struct agent_core *core = &n->core;
    const char *what = ask->q->name, *value = ask->q->label;
    if (strcmp(what, "tags") == 0) {
        if (!tags_set(n, ask, value))
            return;
    } else if (strcmp(what, "slots") == 0) {
        if (!slots_set(n, ask, value))
            return;
    } else {
        held_set(core, value[0] == '1');
    }
    node_meta_tell(n);
    agent_peers_ring_wanted(core);
    agent_placer_peer(core, agent_peers_at(core, 0));
    serve_body(core, ask, muster_bytes_text("{}"));
}
