/* SPDX-License-Identifier: Apache-2.0 */
/* Boot numbers and nonces of the other nodes, remembered. */
#include "agent/boots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define BOOTS_KEY "boot:"

struct boot_seen {
    struct muster_id id;
    uint64_t boot, nonce;
};

struct agent_boots {
    struct boot_seen *seen;
    uint32_t count, capacity;
    struct muster_map map;
};

int agent_boots_open(struct agent_core *core)
{
    struct agent_boots *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->boots = t;
    t->capacity = core->config.members_max;
    t->seen = calloc(t->capacity, sizeof *t->seen);
    return t->seen != NULL ? muster_map_open(&t->map, 64) : MUSTER_EFULL;
}

void agent_boots_close(struct agent_core *core)
{
    if (core->boots == NULL)
        return;
    muster_map_close(&core->boots->map);
    free(core->boots->seen);
    free(core->boots);
    core->boots = NULL;
}

static uint64_t id_hash(struct muster_id id)
{
    return muster_hash64(MUSTER_BYTES(id.octet, MUSTER_ID_LEN), 0);
}

static struct boot_seen *seen_find(const struct agent_core *core, struct muster_id id)
{
    struct agent_boots *t = core->boots;
    uint32_t cursor = 0, index = 0;
    while (muster_map_find(&t->map, id_hash(id), &cursor, &index))
        if (muster_id_equal(t->seen[index].id, id))
            return &t->seen[index];
    return NULL;
}

static struct boot_seen *seen_make(struct agent_core *core, struct muster_id id)
{
    struct agent_boots *t = core->boots;
    struct boot_seen *s = seen_find(core, id);
    if (s != NULL || t->count == t->capacity)
        return s;
    if (muster_map_put_growing(&t->map, id_hash(id), t->count, 2 * t->capacity) != MUSTER_OK)
        return NULL;
    s = &t->seen[t->count++];
    *s = (struct boot_seen){ .id = id };
    return s;
}

void agent_boots_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value)
{
    char id_text[MUSTER_ID_TEXT], text[64], *end = NULL;
    struct muster_id id;
    size_t head = sizeof BOOTS_KEY - 1;
    if (key.len != head + MUSTER_ID_TEXT - 1 || memcmp(key.data, BOOTS_KEY, head) != 0)
        return;
    memcpy(id_text, key.data + head, MUSTER_ID_TEXT - 1);
    id_text[MUSTER_ID_TEXT - 1] = '\0';
    (void)snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
    if (!muster_id_parse(&id, id_text))
        return;
    struct boot_seen *s = seen_make(core, id);
    if (s == NULL)
        return;
    s->boot = strtoull(text, &end, 10);
    s->nonce = strtoull(end, NULL, 10);
}

bool agent_boots_fit(const struct agent_core *core, struct muster_id id, uint64_t boot,
                     uint64_t nonce)
{
    const struct boot_seen *s = seen_find(core, id);
    if (s == NULL || boot > s->boot || MUSTER_MUTANT(clone_counted))
        return true;
    return boot == s->boot && (nonce == s->nonce || nonce == 0 || s->nonce == 0);
}

void agent_boots_saw(struct agent_core *core, struct muster_id id, uint64_t boot, uint64_t nonce)
{
    char key[sizeof BOOTS_KEY + MUSTER_ID_TEXT], text[64], id_text[MUSTER_ID_TEXT];
    struct boot_seen *s = seen_make(core, id);
    if (s == NULL || (s->boot == boot && s->nonce == nonce))
        return;
    s->boot = boot;
    s->nonce = nonce;
    (void)snprintf(key, sizeof key, BOOTS_KEY "%s", muster_id_text(id, id_text));
    int len = snprintf(text, sizeof text, "%llu %llu", (unsigned long long)boot,
                       (unsigned long long)nonce);
    const struct store_disk_op op = { .table = STORE_TABLE_META,
                                      .key = muster_bytes_text(key),
                                      .value = MUSTER_BYTES(text, (size_t)len) };
    store_note(core->store, &op, 0);
}

void agent_boots_tell(struct agent_core *core, uint32_t link, struct muster_id id)
{
    const struct boot_seen *s = seen_find(core, id);
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_COPY, 3);
    muster_write_u64(&w, s != NULL ? s->boot : 0);
    muster_write_id(&w, id);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_SEND);
    e->link = link;
    e->bytes = agent_out_copy(&core->out, muster_writer_bytes(&w));
}

uint64_t agent_boots_told(const struct agent_core *core, struct muster_reader *r)
{
    uint64_t boot = muster_read_u64(r);
    struct muster_id id = muster_read_id(r);
    bool is_sense = muster_reader_ok(r) && agent_is_self(core, id);
    return is_sense && boot >= core->config.boot ? boot : 0;
}
