/* SPDX-License-Identifier: Apache-2.0 */
/* One node's part in changing the keys of all. */
#include "agent/serve_keys.h"

#include <stdio.h>
#include <string.h>

#include "agent/json.h"
#include "agent/keys.h"
#include "agent/newsroom.h"
#include "agent/serve_inside.h"

static struct gossip_keyring *ring_of(const struct agent_core *core)
{
    return core->config.gossip.keyring;
}

int agent_keys_ask(struct agent_core *core, struct agent_request *q, const char **message)
{
    struct gossip_keyring *ring = ring_of(core);
    struct agent_key key;
    uint8_t nonce[MUSTER_AEAD_NONCE], sealed[AGENT_KEY_SEALED_MAX];
    char mark[AGENT_KEY_MARK];
    if (strcmp(q->name, "list") == 0)
        return MUSTER_OK;
    *message = "this agent has no keys: nothing here is encrypted; set `encrypt` on every node";
    if (ring == NULL || ring->count == 0)
        return MUSTER_EREFUSED;
    *message = "neither a key (`muster keygen` makes one) nor the first digits of the mark of one "
               "that is here (`muster keys list`)";
    if (!agent_keys_find(ring, q->label, &key))
        return MUSTER_EINVAL;
    if (strcmp(q->name, "install") == 0) {
        core->config.gossip.nonce(core->config.gossip.nonce_context, nonce);
        q->spec = agent_out_copy(&core->out,
                                 MUSTER_BYTES(sealed, agent_keys_seal(ring, nonce, &key, sealed)));
        q->label = "";
    } else {
        (void)agent_key_mark(MUSTER_BYTES(key.byte, key.len), mark);
        q->label = agent_out_text(&core->out, mark);
    }
    muster_wipe(&key, sizeof key);
    return MUSTER_OK;
}

/* ---- a change */

static const char *fault_text(int err)
{
    switch (err) {
    case MUSTER_OK:
        return NULL;
    case MUSTER_EUNSUPPORTED:
        return "it has no keys: nothing there is encrypted";
    case MUSTER_EDENIED:
        return "it has no key in common with the node that was asked";
    case MUSTER_ENOTFOUND:
        return "it does not have that key";
    case MUSTER_EREFUSED:
        return "that key is in use there; use another one first";
    case MUSTER_EFULL:
        return "it has no room for another key";
    default:
        return "it is no key";
    }
}

/* What the ring says now goes to the disk, and the change to whoever watches. */
static void change_tell(struct agent_core *core, const char *verb, const struct agent_key *key)
{
    static const char *const done[] = { "installed", "in use", "removed" };
    const char *what = done[strcmp(verb, "install") == 0 ? 0 : strcmp(verb, "use") == 0 ? 1 : 2];
    char mark[AGENT_KEY_MARK];
    struct muster_text text;
    (void)agent_key_mark(MUSTER_BYTES(key->byte, key->len), mark);
    muster_text_open(&text, AGENT_KEYS_TEXT);
    agent_keys_write(ring_of(core), &text);
    agent_out_add(&core->out, AGENT_EFFECT_KEYRING)->bytes =
        agent_out_copy(&core->out, muster_text_bytes(&text));
    muster_wipe(text.data, text.len);
    muster_text_close(&text);
    agent_out_log(&core->out, AGENT_LOG_INFO, "key %s is %s", mark, what);
    agent_news_add(core, "keys.changed", NULL, NULL, 0, "key %s is %s", mark, what);
}

static int change(struct agent_core *core, const struct agent_request *q)
{
    struct gossip_keyring *ring = ring_of(core);
    bool is_install = strcmp(q->name, "install") == 0;
    struct agent_key key = { .len = 0 };
    int err = MUSTER_OK;
    if (ring == NULL || ring->count == 0)
        return MUSTER_EUNSUPPORTED;
    if (is_install)
        err = agent_keys_unseal(ring, q->spec, &key);
    else if (!agent_keys_find(ring, q->label, &key))
        return strcmp(q->name, "remove") == 0 ? MUSTER_OK : MUSTER_ENOTFOUND;
    struct muster_bytes bytes = MUSTER_BYTES(key.byte, key.len);
    uint32_t count = ring->count;
    bool was_first = muster_bytes_equal(gossip_keyring_at(ring, 0), bytes);
    if (err == MUSTER_OK)
        err = is_install                       ? gossip_keyring_install(ring, bytes)
              : strcmp(q->name, "use") == 0    ? gossip_keyring_use(ring, bytes)
              : strcmp(q->name, "remove") == 0 ? gossip_keyring_remove(ring, bytes)
                                               : MUSTER_EINVAL;
    bool is_other = ring->count != count || (strcmp(q->name, "use") == 0 && !was_first);
    if (err == MUSTER_OK && is_other)
        change_tell(core, q->name, &key);
    muster_wipe(&key, sizeof key);
    return err;
}

/* ---- the row */

static void row_write(struct agent_core *core, struct muster_text *out, const char *fault)
{
    const struct gossip_keyring *ring = ring_of(core);
    char mark[AGENT_KEY_MARK], id[MUSTER_ID_TEXT];
    struct agent_json j;
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_put_text(&j, "node", core->config.name);
    agent_json_put_text(&j, "id", muster_id_text(core->config.self, id));
    agent_json_put_text(&j, "error", fault);
    agent_json_key(&j, "keys"); /* the one in use first */
    agent_json_array(&j);
    for (uint32_t i = 0; ring != NULL && i < ring->count; i++)
        agent_json_text(&j, agent_key_mark(gossip_keyring_at(ring, i), mark));
    agent_json_array_end(&j);
    agent_json_object_end(&j);
}

void agent_keys_serve(struct agent_core *core, const struct serve_ask *ask)
{
    struct muster_text row;
    bool is_change = strcmp(ask->q->name, "list") != 0;
    muster_text_open(&row, 2048);
    row_write(core, &row, fault_text(is_change ? change(core, ask->q) : MUSTER_OK));
    serve_row(core, ask, muster_text_bytes(&row));
    muster_text_close(&row);
}
