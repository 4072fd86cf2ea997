/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of a payload's row: the bytes to a quorum of its bench, then the row. And its seats.
 */
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/payload_inside.h"
#include "agent/peers.h"
#include "agent/serve_inside.h"

#define FORGET_MS 10000     /* without a question */
#define LAST_MS   5000      /* so long the last seats are waited for when a quorum has it */
#define ROW_MS    1000      /* and so long the last copies of the row */
#define NAMED_MS  86400000u /* that a job names it is written so often */

/* ---- what keepers and seats say */

void payload_keep_send(struct agent_core *core, struct muster_id to, struct agent_payload_id id,
                       struct muster_id source)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_PAYLOAD_KEEP, 3);
    payload_id_write(&w, id);
    muster_write_id(&w, source);
    (void)agent_frame_send(core, to, &w);
}

void payload_kept_tell(struct agent_core *core, struct muster_id to, struct agent_payload_id id,
                       const struct payload_pull *p)
{
    if (muster_id_is_zero(to))
        return;
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_PAYLOAD_KEPT, 6);
    payload_id_write(&w, id);
    muster_write_bool(&w, p == NULL);
    muster_write_u64(&w, p != NULL ? p->offset : 0);
    muster_write_i64(&w, p != NULL ? p->err : MUSTER_OK);
    muster_write_text(&w, p != NULL ? p->why : "");
    (void)agent_frame_send(core, to, &w);
}

void agent_payload_keep_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_payload_id id;
    bool is_id = payload_id_read(r, &id);
    struct muster_id source = muster_read_id(r);
    if (!muster_reader_ok(r) || !is_id)
        return;
    struct payload_file *f = payload_file(core, id);
    if (f != NULL) {
        f->wanted_ms = core->now.mono_ms;
        payload_kept_tell(core, from, id, NULL);
        return;
    }
    struct payload_pull *p = payload_pull_make(core, id);
    if (p == NULL)
        return; /* too many under way: the keeper asks again */
    p->hint = source;
    p->asker = from;
    p->asker_until_ms = core->now.mono_ms + FORGET_MS;
    payload_kept_tell(core, from, id, p);
}

static struct payload_keeping *keeping_find(const struct agent_core *core,
                                            struct agent_payload_id id)
{
    struct agent_payload *t = core->payload;
    for (uint32_t i = 0; i < t->keepings; i++)
        if (t->keeping[i].is_used && agent_payload_id_equal(t->keeping[i].id, id))
            return &t->keeping[i];
    return NULL;
}

void agent_payload_kept_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_payload_id id;
    bool is_id = payload_id_read(r, &id);
    bool has = muster_read_bool(r);
    uint64_t at = muster_read_u64(r);
    int64_t err = muster_read_i64(r);
    struct muster_bytes why = muster_read_bytes(r, AGENT_REASON_MAX - 1);
    bool is_one = muster_reader_ok(r) && is_id;
    struct payload_keeping *k = is_one ? keeping_find(core, id) : NULL;
    if (is_one && has)
        payload_spare_kept(core, from, id);
    for (uint32_t i = 0; k != NULL && i < k->seats; i++) {
        struct payload_seat *s = &k->seat[i];
        if (!muster_id_equal(s->node, from))
            continue;
        s->has = has;
        s->at = at;
        s->err = err >= MUSTER_ERR_LAST && err <= 0 ? (int)err : MUSTER_EIO;
        (void)snprintf(s->why, sizeof s->why, "%.*s", (int)why.len, (const char *)why.data);
    }
}

/* ---- keeping */

static struct payload_seat *seat_of(struct payload_keeping *k, struct muster_id node)
{
    for (uint32_t i = 0; i < k->seats; i++)
        if (muster_id_equal(k->seat[i].node, node))
            return &k->seat[i];
    return NULL;
}

/* The bench as it is now; what was told of those who stay on it still holds. */
static void seats_refresh(struct agent_core *core, struct payload_keeping *k, uint32_t bucket)
{
    struct store_bucket_view b;
    struct payload_keeping before = *k;
    store_bucket(core->store, bucket, &b);
    k->seats = 0;
    for (uint32_t i = 0; i < b.old_count + b.new_count; i++) {
        struct muster_id node =
            i < b.old_count ? b.old_seat[i].node : b.new_seat[i - b.old_count].node;
        if (seat_of(k, node) != NULL)
            continue;
        struct payload_seat *known = seat_of(&before, node);
        k->seat[k->seats++] = known != NULL ? *known : (struct payload_seat){ .node = node };
    }
}

static void seats_ask(struct agent_core *core, struct payload_keeping *k)
{
    /* Those that have it too: what is asked for is of use, and is not removed meanwhile. */
    k->sent_ms = core->now.mono_ms;
    for (uint32_t i = 0; i < k->seats; i++)
        payload_keep_send(core, k->seat[i].node, k->id, k->source);
}

static struct payload_keeping *keeping_make(struct agent_core *core, struct agent_payload_id id,
                                            const struct agent_request *q, uint32_t bucket)
{
    struct agent_payload *t = core->payload;
    struct payload_keeping *k = keeping_find(core, id);
    for (uint32_t i = 0; i < t->keepings && k == NULL; i++)
        if (!t->keeping[i].is_used)
            k = &t->keeping[i];
    if (k == NULL && t->keepings < PAYLOAD_KEEPING)
        k = &t->keeping[t->keepings++];
    if (k == NULL)
        return NULL;
    if (!k->is_used)
        *k = (struct payload_keeping){ .is_used = true, .id = id, .size = q->after_index };
    (void)muster_id_parse(&k->source, q->node);
    k->until_ms = core->now.mono_ms + FORGET_MS;
    seats_refresh(core, k, bucket);
    if (k->sent_ms == 0)
        seats_ask(core, k);
    payload_wake(core);
    return k;
}

/* A node that cannot be asked is waited for no longer than those that can. */
static bool seat_is_there(const struct agent_core *core, const struct payload_seat *s)
{
    const struct agent_peer *p = agent_peers_find(core, s->node);
    return p != NULL && agent_peer_is_alive(p) && (p->is_self || agent_peer_is_linked(core, p)) &&
           s->err == MUSTER_OK;
}

static bool bytes_are_kept(struct agent_core *core, struct payload_keeping *k, uint32_t bucket)
{
    struct muster_id has[PAYLOAD_SEATS];
    uint32_t n = 0, awaited = 0;
    for (uint32_t i = 0; i < k->seats; i++) {
        if (k->seat[i].has)
            has[n++] = k->seat[i].node;
        else
            awaited += seat_is_there(core, &k->seat[i]);
    }
    if (!store_is_quorum(core->store, bucket, has, n) && !MUSTER_MUTANT(payload_without_quorum)) {
        k->quorum_ms = 0;
        return false;
    }
    if (k->quorum_ms == 0)
        k->quorum_ms = core->now.mono_ms;
    return awaited == 0 || core->now.mono_ms >= k->quorum_ms + LAST_MS;
}

static uint32_t bytes_copies(const struct payload_keeping *k)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->seats; i++)
        n += k->seat[i].has;
    return n;
}

/* ---- the row */

static struct store_row row_fresh(struct agent_core *core, const struct store_view *view,
                                  bool is_alive)
{
    struct store_row row = { .want = STORE_WANT_HOLD,
                             .phase = STORE_HELD,
                             .created_wall_ms = core->now.wall_ms,
                             .since_wall_ms = core->now.wall_ms,
                             .exit_code = -1 };
    if (is_alive)
        row = view->row;
    row.modified_wall_ms = core->now.wall_ms;
    return row;
}

static bool row_write(struct agent_core *core, const char *key, const struct store_view *view,
                      bool is_known, struct store_row *row)
{
    row->key = muster_bytes_text(key);
    const struct store_write w = { .row = row,
                                   .expected = is_known ? view->version.packed : 0,
                                   .births = row->uid == 0 && row->phase != STORE_GONE };
    return store_write(core->store, &w, 1) == MUSTER_OK;
}

/* Which seats are waited for, and why, in one line. */
static void why_write(struct agent_core *core, const struct payload_keeping *k,
                      struct muster_writer *w)
{
    char text[2 * AGENT_REASON_MAX] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < k->seats; i++) {
        const struct payload_seat *s = &k->seat[i];
        if (s->has || at + AGENT_NAME_MAX + AGENT_REASON_MAX + 8 > sizeof text)
            continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s: %s", at > 0 ? "; " : "",
                               agent_node_name(core, s->node),
                               s->why[0] != '\0' ? s->why : "does not answer");
    }
    muster_write_text(w, text);
}

static uint64_t progress_of(const struct payload_keeping *k)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < k->seats; i++)
        sum += k->seat[i].has ? k->size + 1 : k->seat[i].at;
    return sum;
}

static int seats_err(const struct payload_keeping *k)
{
    for (uint32_t i = 0; i < k->seats; i++)
        if (!k->seat[i].has && k->seat[i].err != MUSTER_OK)
            return k->seat[i].err;
    return MUSTER_OK;
}

static void keep_answer(struct agent_core *core, const struct serve_ask *ask,
                        const struct payload_keeping *k, bool is_done, uint32_t copies)
{
    uint8_t body[1024];
    struct muster_writer w = muster_writer_over(body, sizeof body);
    muster_write_array(&w, 5);
    muster_write_bool(&w, is_done);
    muster_write_bool(&w, k->is_born);
    muster_write_u64(&w, copies);
    muster_write_u64(&w, progress_of(k));
    why_write(core, k, &w);
    serve_body(core, ask, muster_writer_bytes(&w));
}

static void keep_serve(struct agent_core *core, const struct serve_ask *ask,
                       struct agent_payload_id id, uint32_t bucket)
{
    struct store_view view = { 0 };
    uint8_t spec[AGENT_PAYLOAD_SPEC];
    struct payload_keeping *k = keeping_make(core, id, ask->q, bucket);
    if (k == NULL) {
        serve_error(core, ask, MUSTER_EBUSY, NULL, "too many payloads are being put");
        return;
    }
    bool is_kept = bytes_are_kept(core, k, bucket);
    if (!is_kept && seats_err(k) != MUSTER_OK && k->quorum_ms == 0) {
        struct muster_reader none;
        char text[2 * AGENT_REASON_MAX];
        uint8_t raw[1024];
        struct muster_writer w = muster_writer_over(raw, sizeof raw);
        why_write(core, k, &w);
        none = muster_reader_over(muster_writer_bytes(&w));
        muster_read_text(&none, text, sizeof text);
        serve_error(core, ask, seats_err(k), NULL, "%s", text);
        k->is_used = false;
        return;
    }
    bool is_known = store_get(core->store, muster_bytes_text(ask->q->name), &view);
    bool is_alive = is_known && view.row.phase != STORE_GONE;
    bool is_fresh = is_alive && core->now.wall_ms < view.row.modified_wall_ms + NAMED_MS;
    if (is_kept && !is_fresh && (!is_known || view.is_chosen)) {
        struct store_row row = row_fresh(core, &view, is_alive);
        row.spec = agent_payload_spec(k->size, spec);
        k->is_born = k->is_born || !is_alive;
        if (row_write(core, ask->q->name, &view, is_known, &row) && !is_alive)
            agent_news_add(core, "payload.kept", NULL, ask->q->name + 1, 0, "%llu bytes",
                           (unsigned long long)k->size);
        is_fresh = false;
    }
    bool is_done = is_kept && is_fresh && view.is_chosen;
    uint32_t copies = bytes_copies(k);
    if (is_done && k->row_ms == 0)
        k->row_ms = core->now.mono_ms;
    is_done = is_done && (view.copies >= copies || core->now.mono_ms >= k->row_ms + ROW_MS);
    keep_answer(core, ask, k, is_done, view.copies < copies ? view.copies : copies);
    if (is_done)
        k->is_used = false;
}

/* A job names it: so much is written down, once a day. */
static void name_serve(struct agent_core *core, const struct serve_ask *ask,
                       struct agent_payload_id id)
{
    struct store_view view;
    struct payload_file *f = payload_file(core, id);
    if (f != NULL)
        f->named_ms = core->now.mono_ms;
    bool is_known = store_get(core->store, muster_bytes_text(ask->q->name), &view);
    if (is_known && view.row.phase != STORE_GONE && view.is_chosen &&
        core->now.wall_ms >= view.row.modified_wall_ms + NAMED_MS) {
        struct store_row row = row_fresh(core, &view, true);
        (void)row_write(core, ask->q->name, &view, true, &row);
    }
    serve_body(core, ask, MUSTER_BYTES(NULL, 0));
}

bool payload_row_drop(struct agent_core *core, const struct store_view *view)
{
    char key[AGENT_PAYLOAD_KEY];
    struct store_row row = row_fresh(core, view, true);
    if (view->row.key.len >= sizeof key)
        return false;
    (void)snprintf(key, sizeof key, "%.*s", (int)view->row.key.len,
                   (const char *)view->row.key.data);
    row.phase = STORE_GONE;
    row.since_wall_ms = core->now.wall_ms;
    row.spec = MUSTER_BYTES(NULL, 0);
    return row_write(core, key, view, true, &row);
}

static void drop_serve(struct agent_core *core, const struct serve_ask *ask,
                       struct agent_payload_id id)
{
    struct store_view view;
    char hex[AGENT_PAYLOAD_HEX];
    bool is_known = store_get(core->store, muster_bytes_text(ask->q->name), &view);
    if (!is_known || view.row.phase == STORE_GONE)
        serve_error(core, ask, MUSTER_ENOTFOUND, NULL,
                    "no payload %.12s; `muster payload ls` lists them",
                    agent_payload_id_hex(id, hex));
    else if (!view.is_chosen || !payload_row_drop(core, &view))
        serve_error(core, ask, MUSTER_EBUSY, NULL, "it is being changed; try again");
    else
        serve_body(core, ask, muster_bytes_text("{\"deleted\":true}"));
}

void agent_payload_serve(struct agent_core *core, const struct serve_ask *ask)
{
    struct muster_bytes key = muster_bytes_text(ask->q->name);
    uint32_t bucket = store_bucket_of(core->store, key);
    struct agent_payload_id id;
    if (!agent_payload_of_key(&id, key))
        serve_error(core, ask, MUSTER_EINVAL, "name", "not the name of a payload");
    else if (!store_is_serving(core->store, bucket))
        serve_not_keeper(core, ask, bucket);
    else if (ask->q->op == AGENT_OP_PAYLOAD_KEEP)
        keep_serve(core, ask, id, bucket);
    else if (ask->q->op == AGENT_OP_PAYLOAD_NAME)
        name_serve(core, ask, id);
    else if (ask->q->op == AGENT_OP_PAYLOAD_SPARE)
        payload_spare_serve(core, ask, bucket);
    else
        drop_serve(core, ask, id);
}

void payload_keeping_tick(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    uint64_t now = core->now.mono_ms;
    for (uint32_t i = 0; i < t->keepings; i++) {
        struct payload_keeping *k = &t->keeping[i];
        if (k->is_used && muster_deadline_reached(k->until_ms, now))
            k->is_used = false;
        else if (k->is_used && muster_deadline_reached(k->sent_ms + PAYLOAD_KEEP_MS, now))
            seats_ask(core, k);
    }
}

uint64_t payload_keeping_deadline(const struct agent_core *core)
{
    const struct agent_payload *t = core->payload;
    uint64_t next = MUSTER_NEVER;
    for (uint32_t i = 0; i < t->keepings; i++)
        if (t->keeping[i].is_used)
            next = muster_deadline_sooner(next, t->keeping[i].sent_ms + PAYLOAD_KEEP_MS);
    return next;
}
