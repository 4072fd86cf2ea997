/* SPDX-License-Identifier: Apache-2.0 */
/* Looks that come round: what our seats want and we have not, what is here and nobody wants, and
 * which payloads the jobs name that we hold. */
#include <stdio.h>
#include <string.h>

#include "agent/payload_inside.h"
#include "agent/peers.h"
#include "agent/requests.h"
#include "agent/runner.h"

#define NAMING_ROWS 512   /* in one look */
#define NAMING_MS   50    /* between two of them */
#define GONE_MS     60000 /* bytes whose row was deleted stay so long after they were of use */

/* ---- rows and files */

static bool is_seat_of_ours(const struct agent_core *core, uint32_t bucket)
{
    struct store_bucket_view b;
    store_bucket(core->store, bucket, &b);
    return b.role != STORE_NO_SEAT;
}

/* Somebody who may have rows that name it, and has not been away for as long as they count. */
static bool is_anybody_missing(const struct agent_core *core)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        uint64_t since_ms = p->dead_since_ms != MUSTER_NEVER && p->dead_since_ms > p->made_ms
                                ? p->dead_since_ms
                                : p->made_ms;
        bool is_gone = p->is_foreign || p->is_lost || p->state == GOSSIP_LEFT ||
                       core->now.mono_ms > since_ms + core->config.payload_keep_ms;
        if (!p->is_self && !is_gone && !agent_peer_is_alive(p))
            return true;
    }
    return false;
}

/* After everybody had the time to name it, since we boot and since we keep its row: a clock that is
 * set says nothing of that. */
static bool row_is_forgotten(const struct agent_core *core, const struct store_view *view,
                             const struct payload_file *f)
{
    const struct agent_node_config *c = &core->config;
    uint64_t since_ms =
        f != NULL && f->named_ms > core->started_ms ? f->named_ms : core->started_ms;
    return view->is_chosen && core->now.mono_ms > since_ms + 2ull * c->payload_name_ms &&
           core->now.wall_ms > view->row.modified_wall_ms + c->payload_keep_ms &&
           !is_anybody_missing(core);
}

static void row_look(struct agent_core *core, const struct store_view *view)
{
    struct agent_payload_id id;
    if (!agent_payload_of_key(&id, view->row.key) || view->row.phase == STORE_GONE ||
        !is_seat_of_ours(core, view->bucket))
        return;
    struct payload_file *f = payload_file(core, id);
    bool is_ours = store_is_serving(core->store, view->bucket);
    if (f != NULL) {
        f->is_kept = true;
        if (!is_ours || f->named_ms == 0)
            f->named_ms = core->now.mono_ms;
    } else if (!MUSTER_MUTANT(payload_not_repaired)) {
        struct payload_pull *p = payload_pull_make(core, id);
        if (p != NULL)
            p->is_for_row = true;
    }
    if (is_ours && row_is_forgotten(core, view, f)) {
        MUSTER_MARK(payload_forgotten);
        (void)payload_row_drop(core, view);
    }
}

/* Rows are in the order of their keys, and no other key begins as theirs do. */
static void rows_look(struct agent_core *core)
{
    char after[STORE_KEY_MAX + 1] = "$";
    struct store_view view;
    while (store_after(core->store, muster_bytes_text(after), &view) &&
           agent_payload_is_row(view.row.key)) {
        (void)snprintf(after, sizeof after, "%.*s", (int)view.row.key.len,
                       (const char *)view.row.key.data);
        row_look(core, &view);
    }
}

bool payload_file_is_idle(const struct agent_core *core, const struct payload_file *f)
{
    char key[AGENT_PAYLOAD_KEY];
    struct store_view view;
    bool is_deleted =
        store_get(core->store, muster_bytes_text(agent_payload_key(f->id, key)), &view) &&
        view.row.phase == STORE_GONE;
    uint64_t for_ms = is_deleted ? GONE_MS : core->config.payload_idle_ms;
    return !f->is_kept && core->now.mono_ms > f->wanted_ms + for_ms &&
           !agent_runner_wants(core, f->id);
}

void payload_sweep(struct agent_core *core)
{
    struct agent_payload *t = core->payload;
    t->sweep_ms = core->now.mono_ms + PAYLOAD_SWEEP;
    for (uint32_t i = 0; i < t->files; i++)
        t->file[i].is_kept = false;
    for (uint32_t i = 0; i < t->pulls; i++)
        t->pull[i].is_for_row = false;
    rows_look(core);
    payload_spares_look(core);
}

/* ---- names */

static void name_tell(struct agent_core *core, struct agent_payload_id id)
{
    struct payload_naming *n = &core->payload->naming;
    char key[AGENT_PAYLOAD_KEY];
    for (uint32_t i = 0; i < n->count; i++)
        if (agent_payload_id_equal(n->told[i], id))
            return;
    const struct agent_request q = { .op = AGENT_OP_PAYLOAD_NAME,
                                     .name = agent_payload_key(id, key) };
    if (!agent_requests_inner(core, &q, AGENT_ASKER_PAYLOAD, 0, 0))
        return;
    n->count = n->count == PAYLOAD_NAMED ? 0 : n->count; /* twice is no harm */
    n->told[n->count++] = id;
}

void agent_payload_is_named(struct agent_core *core, struct agent_payload_id id)
{
    name_tell(core, id);
}

void payload_naming_tick(struct agent_core *core)
{
    struct payload_naming *n = &core->payload->naming;
    struct store_view view;
    struct agent_payload_id id;
    if (muster_deadline_reached(n->begin_ms, core->now.mono_ms)) {
        n->begin_ms = core->now.mono_ms + core->config.payload_name_ms;
        n->go_on_ms = core->now.mono_ms;
        n->after[0] = '\0';
        n->count = 0;
    }
    if (!muster_deadline_reached(n->go_on_ms, core->now.mono_ms))
        return;
    n->go_on_ms = core->now.mono_ms + NAMING_MS;
    for (uint32_t i = 0; i < NAMING_ROWS; i++) {
        if (!store_after(core->store, muster_bytes_text(n->after), &view)) {
            n->go_on_ms = MUSTER_NEVER;
            return;
        }
        (void)snprintf(n->after, sizeof n->after, "%.*s", (int)view.row.key.len,
                       (const char *)view.row.key.data);
        if (view.row.phase != STORE_GONE && is_seat_of_ours(core, view.bucket) &&
            agent_payload_named(&id, view.row.spec))
            name_tell(core, id);
    }
}
