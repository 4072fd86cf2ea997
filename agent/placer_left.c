/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's side of what runs leave: written beside their rows, handed to the next attempt,
 * taken away with the job. */
#include <stdlib.h>
#include <string.h>

#include "agent/left.h"
#include "agent/placer_inside.h"

/* ---- reading */

static bool part_get(const struct agent_core *core, struct muster_bytes owner, enum agent_left kind,
                     uint32_t part, struct store_view *view)
{
    char text[STORE_KEY_MAX + 1];
    struct muster_bytes key = agent_left_key(text, owner, kind, part);
    return key.len > 0 && store_get(core->store, key, view) && view->row.phase != STORE_GONE;
}

bool agent_placer_has_left(const struct agent_core *core, const struct store_row *owner,
                           enum agent_left kind)
{
    struct store_view view;
    return part_get(core, owner->key, kind, 0, &view);
}

bool agent_placer_left_get(const struct agent_core *core, const struct store_row *owner,
                           enum agent_left kind, uint8_t *out, size_t size,
                           struct agent_left_head *head)
{
    struct store_view view;
    struct agent_left_head more;
    struct muster_bytes bytes;
    size_t len = 0;
    head->size = 0;
    for (uint32_t part = 0; part == 0 || len < head->size; part++) {
        if (!part_get(core, owner->key, kind, part, &view) ||
            agent_left_decode(part == 0 ? head : &more, &bytes, view.row.spec) != MUSTER_OK)
            return false;
        bool is_one = part == 0 || (more.number == head->number && more.token == head->token);
        if (!is_one || head->uid != owner->uid || head->size > size ||
            bytes.len > head->size - len || (bytes.len == 0 && len < head->size))
            return false;
        memcpy(out + len, bytes.data, bytes.len);
        len += bytes.len;
    }
    return true;
}

/* ---- writing */

static void ok_send(struct agent_core *core, struct muster_id to, struct muster_bytes owner,
                    enum agent_left kind, uint64_t token, uint64_t number)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_LEFT_OK, 5);
    muster_write_str(&w, owner);
    muster_write_u64(&w, token);
    muster_write_u64(&w, (uint64_t)kind);
    muster_write_u64(&w, number);
    (void)agent_frame_send(core, to, &w);
}

struct left_row {
    struct store_row row;
    char key[STORE_KEY_MAX + 1];
    uint8_t spec[AGENT_LEFT_PART + AGENT_LEFT_HEAD];
};

/* One transaction for all parts: nobody ever reads half of one writing and half of another. */
static void parts_write(struct agent_core *core, struct muster_bytes owner, enum agent_left kind,
                        const struct agent_left_head *head, struct muster_bytes bytes)
{
    uint32_t parts = bytes.len > AGENT_LEFT_PART ? AGENT_LEFT_PARTS : 1;
    struct left_row *part = calloc(parts, sizeof *part);
    struct store_write write[AGENT_LEFT_PARTS];
    struct store_view run;
    bool is_light = store_get(core->store, owner, &run) && run.row.is_light;
    uint32_t n = 0;
    while (part != NULL && (n == 0 || bytes.len > 0)) {
        struct left_row *p = &part[n];
        struct store_view view;
        size_t len = bytes.len < AGENT_LEFT_PART ? bytes.len : AGENT_LEFT_PART;
        struct muster_bytes key = agent_left_key(p->key, owner, kind, n);
        bool is_known = key.len > 0 && store_get(core->store, key, &view);
        bool is_alive = is_known && view.row.phase != STORE_GONE;
        p->row = (struct store_row){ .key = key,
                                     .uid = is_alive ? view.row.uid : 0,
                                     .kind = STORE_KIND_TASK,
                                     .phase = STORE_DONE,
                                     .created_wall_ms = head->wall_ms,
                                     .modified_wall_ms = head->wall_ms,
                                     .since_wall_ms = head->wall_ms,
                                     .spec = agent_left_encode(p->spec, head,
                                                               MUSTER_BYTES(bytes.data, len)),
                                     .exit_code = -1,
                                     .is_light = is_light };
        write[n++] = (struct store_write){ .row = &p->row,
                                           .expected = is_known ? view.version.packed : 0,
                                           .births = !is_alive };
        bytes = MUSTER_BYTES(bytes.data + len, bytes.len - len);
    }
    /* Refused, busy or full: it is told again. */
    if (n > 0 && part[0].row.key.len > 0 && store_write(core->store, write, n) != MUSTER_OK)
        MUSTER_MARK(left_told_again);
    free(part);
}

static void messages_write(struct agent_core *core, const struct store_row *owner,
                           const struct agent_left_head *head, const char *node,
                           struct muster_bytes fresh)
{
    struct muster_text text;
    struct agent_left_head old_head = { 0 };
    struct muster_bytes old = { NULL, 0 };
    struct store_view view;
    muster_text_open(&text, AGENT_LEFT_MAX);
    if (part_get(core, owner->key, AGENT_LEFT_MESSAGES, 0, &view) &&
        (agent_left_decode(&old_head, &old, view.row.spec) != MUSTER_OK ||
         old_head.uid != owner->uid))
        old = MUSTER_BYTES(NULL, 0);
    agent_left_merge(&text, old, head, node, fresh);
    struct muster_bytes all = muster_text_bytes(&text);
    struct agent_left_message first;
    while (all.len > AGENT_LEFT_PART && agent_left_message(&all, &first))
        continue; /* the oldest go: one row holds them all */
    struct agent_left_head whole = *head;
    whole.size = (uint32_t)all.len;
    parts_write(core, owner->key, AGENT_LEFT_MESSAGES, &whole, all);
    muster_text_close(&text);
}

/* The end of an output, under the name of who printed it. All that lie here are to fit in memory
 * together: where there are many, each is shorter. */
static void output_write(struct agent_core *core, const struct store_row *owner,
                         const struct agent_left_head *head, const char *node,
                         struct muster_bytes fresh)
{
    struct store_counters c;
    struct muster_text text;
    store_counters(core->store, &c);
    muster_text_open(&text, AGENT_LEFT_MAX);
    agent_left_output(&text, node, fresh, agent_left_output_max(c.rows));
    struct muster_bytes all = muster_text_bytes(&text);
    struct agent_left_head whole = *head;
    whole.size = (uint32_t)all.len;
    parts_write(core, owner->key, AGENT_LEFT_OUTPUT, &whole, all);
    muster_text_close(&text);
}

void agent_placer_left(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_left m = { 0 };
    struct store_view owner, part;
    struct agent_left_head old = { 0 };
    struct muster_bytes bytes;
    agent_read_left(r, &m);
    if (!muster_reader_ok(r) || !store_is_serving(core->store, store_bucket_of(core->store, m.key)))
        return;
    bool is_known = store_get(core->store, m.key, &owner);
    if (is_known && !owner.is_chosen)
        return; /* undecided: silence; it is told again */
    bool is_it = is_known && owner.row.phase != STORE_GONE && owner.row.run_token == m.token &&
                 muster_id_equal(owner.row.run_node, from);
    if (!is_it) {
        if (!is_known || m.token < owner.version.packed)
            ok_send(core, from, m.key, m.kind, m.token, m.number); /* of a run that is over */
        return;
    }
    if (part_get(core, m.key, m.kind, 0, &part) &&
        agent_left_decode(&old, &bytes, part.row.spec) == MUSTER_OK && old.token == m.token &&
        old.number >= m.number) {
        if (part.is_chosen)
            ok_send(core, from, m.key, m.kind, m.token, m.number);
        return;
    }
    struct agent_left_head head = { .uid = owner.row.uid,
                                    .token = m.token,
                                    .attempt = m.attempt,
                                    .number = m.number,
                                    .wall_ms = m.wall_ms,
                                    .size = (uint32_t)m.bytes.len };
    if (m.kind == AGENT_LEFT_MESSAGES)
        messages_write(core, &owner.row, &head, agent_node_name(core, from), m.bytes);
    else if (m.kind == AGENT_LEFT_OUTPUT)
        output_write(core, &owner.row, &head, agent_node_name(core, from), m.bytes);
    else
        parts_write(core, m.key, m.kind, &head, m.bytes);
}

/* ---- what the store says of them */

/* Of a job that is gone, or of an earlier life of its name; or a checkpoint that was of use. */
static bool is_over(const struct agent_core *core, const struct store_view *view)
{
    struct store_view owner;
    struct agent_left_head head;
    struct muster_bytes bytes, key = view->row.key, of = agent_left_owner(key);
    if (!store_get(core->store, of, &owner) || owner.row.phase == STORE_GONE)
        return true;
    if (agent_left_decode(&head, &bytes, view->row.spec) != MUSTER_OK)
        return false; /* of a newer build */
    return head.uid != owner.row.uid ||
           (owner.row.phase == STORE_DONE &&
            key.data[of.len + 1] == (uint8_t)agent_left_letter(AGENT_LEFT_CHECKPOINT));
}

void placer_left_look(struct agent_core *core, struct place_entry *e, const struct store_view *view)
{
    if (view->row.phase == STORE_GONE || !is_over(core, view)) {
        placer_free(core, e);
        return;
    }
    struct store_row row = view->row;
    row.phase = STORE_GONE;
    row.since_wall_ms = core->now.wall_ms;
    row.spec = MUSTER_BYTES(NULL, 0);
    (void)placer_write(core, e, &row, view->version.packed, false);
}

void placer_left_sweep(struct agent_core *core, struct muster_bytes owner)
{
    char after[STORE_KEY_MAX + 2];
    struct store_view view;
    if (owner.len + 1 > STORE_KEY_MAX)
        return;
    memcpy(after, owner.data, owner.len);
    after[owner.len] = '!';
    struct muster_bytes prefix = MUSTER_BYTES(after, owner.len + 1);
    bool has = store_after(core->store, prefix, &view);
    for (; has && muster_bytes_starts_with(view.row.key, prefix);
         has = store_after(core->store, view.row.key, &view)) {
        struct place_entry *e =
            view.row.phase != STORE_GONE ? placer_make(core, view.row.key) : NULL;
        if (e != NULL)
            placer_due(core, e, core->now.mono_ms);
    }
}

void placer_left_chosen(struct agent_core *core, const struct store_view *view)
{
    struct store_view owner;
    struct agent_left_head head;
    struct muster_bytes bytes, key = view->row.key, of = agent_left_owner(key);
    if (key.len == of.len + 2 && agent_left_decode(&head, &bytes, view->row.spec) == MUSTER_OK &&
        store_get(core->store, of, &owner) && owner.row.run_token == head.token)
        ok_send(core, owner.row.run_node, of, agent_left_kind((char)key.data[of.len + 1]),
                head.token, head.number);
    struct place_entry *e = placer_find(core, key);
    if (e != NULL)
        placer_look(core, e); /* may write */
}
