/* SPDX-License-Identifier: Apache-2.0 */
/* A job out of a backup: a new life of its name, above every token of the former one. */
#include "agent/restore.h"
#include "agent/serve_inside.h"

static bool is_above(struct agent_core *core, uint32_t bucket, uint64_t token)
{
    struct store_bucket_view b;
    store_bucket(core->store, bucket, &b);
    return store_version_reign((struct store_version){ token }).packed < b.reign.packed ||
           MUSTER_MUTANT(floor_ignored);
}

/* As it was: stopped, held, or at its end; what was under way begins anew. */
static void row_settle(struct store_row *row, const struct agent_restore *r, uint64_t wall_ms)
{
    store_row_again(row, wall_ms);
    row->want = r->want;
    row->ticks = r->ticks;
    row->skipped = r->skipped;
    if (row->kind == STORE_KIND_PARENT) {
        row->tick_wall_ms = r->tick_wall_ms != 0 ? r->tick_wall_ms : wall_ms;
        return;
    }
    if (r->as != AGENT_RESTORE_WAITING) {
        row->phase = r->as == AGENT_RESTORE_DONE ? STORE_DONE : STORE_FAILED;
        row->reason = muster_bytes_text("so it was in the backup");
    } else if (r->want != STORE_WANT_RUN) {
        row->phase = STORE_HELD;
        row->reason = muster_bytes_text(r->want == STORE_WANT_STOP ? "stopped by a person"
                                                                   : "held by a person");
    }
}

enum serve_outcome serve_restore(struct agent_core *core, struct served *s,
                                 const struct store_view *view, bool alive, struct serve_change *c)
{
    struct serve_ask ask = serve_ask_of(s);
    struct agent_restore r;
    struct muster_bytes whole = s->q.spec;
    uint32_t bucket = store_bucket_of(core->store, muster_bytes_text(s->name));
    int err = agent_restore_decode(&r, whole);
    if (err != MUSTER_OK) {
        serve_error(core, &ask, err, NULL, "not a job out of a backup");
        return SERVE_ANSWERED;
    }
    if (alive && muster_bytes_equal(view->row.spec, r.spec))
        return SERVE_SAME;
    if (alive) {
        serve_error(core, &ask, MUSTER_EEXISTS, "name",
                    "a job named %s exists here and says something else; it is left as it is",
                    s->name);
        return SERVE_ANSWERED;
    }
    if (!is_above(core, bucket, r.token)) {
        MUSTER_MARK(restore_outranks);
        store_outrank(core->store, bucket, r.token);
        serve_not_keeper(core, &ask, bucket); /* asked again, of whoever rules then */
        return SERVE_ANSWERED;
    }
    store_row_fresh(&c->row, s->name, core->now.wall_ms);
    s->q.spec = r.spec;
    bool is_good = serve_spec_apply(core, s, &c->row);
    s->q.spec = whole;
    if (!is_good)
        return SERVE_ANSWERED;
    row_settle(&c->row, &r, core->now.wall_ms);
    if (r.created_wall_ms != 0 && r.created_wall_ms < core->now.wall_ms)
        c->row.created_wall_ms = r.created_wall_ms;
    s->created = s->changed = c->births = true;
    c->news = "job.restored";
    return SERVE_WRITE;
}
