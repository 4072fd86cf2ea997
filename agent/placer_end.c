/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of runs: that one is gone after a STOP, and that one ended by itself. */
#include "agent/family.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

/* In the first moments of a reign the end of an old run is no reason yet to place it anew: a member
 * may be about to tell of a claim that runs already (R43). It will be said again. */
static bool is_fresh(const struct agent_core *core, uint32_t bucket)
{
    struct store_bucket_view b;
    if (core->now.mono_ms >= core->placer->served_ms[bucket] + PLACE_FRESH_MS)
        return false;
    store_bucket(core->store, bucket, &b);
    for (uint32_t i = 0; i < b.old_count; i++) {
        const struct agent_peer *p = agent_peers_find(core, b.old_seat[i].node);
        if (p != NULL && !p->is_self && agent_peer_is_alive(p))
            return true;
    }
    return false;
}

static bool names(const struct store_view *view, struct muster_id from, uint64_t token)
{
    return (view->row.run_token == token && muster_id_equal(view->row.run_node, from)) ||
           MUSTER_MUTANT(end_of_any_token);
}

void agent_placer_gone(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_done m = { 0 };
    struct store_view view;
    agent_read_done(r, &m);
    if (!muster_reader_ok(r))
        return;
    struct place_entry *e = placer_find(core, m.key);
    if (e != NULL && e->state == PLACE_CLAIMED) {
        if (placer_run_of(e)->token == m.token && muster_id_equal(placer_run_of(e)->node, from)) {
            MUSTER_MARK(gone_of_a_claim);
            placer_free(core, e); /* no row names it; with the next beat another may have it */
        }
        return;
    }
    bool is_known = e != NULL && store_get(core->store, m.key, &view);
    bool is_other = is_known && placer_is_other(&view.row, from, m.token);
    if (!is_known || (!is_other && !names(&view, from, m.token))) {
        MUSTER_MARK(gone_of_another_run);
        return;
    }
    if (!view.is_chosen || is_fresh(core, view.bucket)) {
        MUSTER_MARK(gone_while_undecided);
        return; /* asked again by the clock */
    }
    if (is_other) {
        placer_handoff_gone(core, e, &view, &m);
        return;
    }
    struct store_row row = view.row;
    row.run_node = (struct muster_id){ 0 };
    row.run_token = 0;
    if (store_row_has_heir(&view.row)) {
        MUSTER_MARK(heir_of_a_run_that_ended);
        store_row_heir_takes(&row, core->now.wall_ms);
        (void)placer_write(core, e, &row, view.version.packed, false);
        return;
    }
    if (row.phase == STORE_GONE) {
        /* A tombstone without a run may be purged, and the name may run again. */
        (void)placer_write(core, e, &row, view.version.packed, false);
        return;
    }
    row.phase = placer_phase_without_run(&row);
    row.since_wall_ms = core->now.wall_ms;
    row.reason = row.want == STORE_WANT_RUN    ? m.reason
                 : row.want == STORE_WANT_HOLD ? muster_bytes_text("held by a person")
                 : agent_family_replaced(&row) ? row.reason
                                               : muster_bytes_text("stopped by a person");
    (void)placer_write(core, e, &row, view.version.packed, false);
}

static void done_apply(struct agent_core *core, struct store_row *row, struct muster_id from,
                       const struct agent_msg_done *m)
{
    static const enum store_phase phase[] = { [AGENT_DONE_OK] = STORE_DONE,
                                              [AGENT_DONE_MOVE] = STORE_WAITING,
                                              [AGENT_DONE_DEFER] = STORE_WAITING,
                                              [AGENT_DONE_DEAD] = STORE_FAILED,
                                              [AGENT_DONE_LOST] = STORE_WAITING };
    row->run_node = (struct muster_id){ 0 };
    row->run_token = 0;
    row->phase = phase[m->verdict];
    if (row->want != STORE_WANT_RUN && row->phase == STORE_WAITING)
        row->phase = STORE_HELD;
    row->since_wall_ms = core->now.wall_ms;
    row->tries = m->failures;
    row->not_before_wall_ms = m->not_before_wall_ms;
    bool is_left = m->verdict == AGENT_DONE_MOVE || m->verdict == AGENT_DONE_LOST;
    row->avoid = is_left && m->has_exit ? from : (struct muster_id){ 0 };
    if (m->verdict == AGENT_DONE_LOST)
        row->strikes++;
    row->reason = m->reason;
    if (!m->has_exit)
        return;
    row->exit_code = m->exit_code;
    row->exit_signal = m->exit_signal;
    row->exit_wall_ms = m->exit_wall_ms;
}

void agent_placer_done(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    static const char *const type[] = { [AGENT_DONE_OK] = "job.done",
                                        [AGENT_DONE_MOVE] = "run.moved",
                                        [AGENT_DONE_DEFER] = "run.deferred",
                                        [AGENT_DONE_DEAD] = "job.dead",
                                        [AGENT_DONE_LOST] = "run.lost" };
    struct agent_msg_done m = { 0 };
    struct store_view view;
    agent_read_done(r, &m);
    if (!muster_reader_ok(r))
        return;
    uint32_t bucket = store_bucket_of(core->store, m.key);
    if (!store_is_serving(core->store, bucket)) {
        placer_try_send(core, from, m.key, bucket);
        return;
    }
    bool known = store_get(core->store, m.key, &view);
    if (known && (!view.is_chosen || is_fresh(core, bucket))) {
        MUSTER_MARK(done_while_undecided);
        return; /* it will be repeated */
    }
    bool is_other = known && placer_is_other(&view.row, from, m.token);
    if (!known || (!is_other && !names(&view, from, m.token)) || view.row.phase == STORE_GONE) {
        MUSTER_MARK(done_again_or_of_another_run);
        placer_token_send(core, AGENT_MSG_DONE_OK, from, m.key, m.token);
        return;
    }
    struct place_entry *e = placer_make(core, m.key);
    if (e == NULL)
        return;
    e->owes_done_ok = true;
    placer_run_make(core, e)->done_from = from;
    e->run->done_token = m.token;
    if (is_other) {
        placer_handoff_gone(core, e, &view, &m);
        return;
    }
    struct store_row row = view.row;
    struct strike_note note;
    struct agent_attempts_wire attempts;
    done_apply(core, &row, from, &m);
    agent_attempts_merge(&attempts, row.attempts, m.attempts);
    row.attempts = MUSTER_BYTES(attempts.data, attempts.len);
    bool is_death = m.verdict == AGENT_DONE_LOST && row.phase == STORE_WAITING;
    bool is_dead =
        is_death && (placer_quarantine(core, &row, &note) || placer_strike(core, &row, &note));
    const char *what = is_dead ? "job.dead" : type[m.verdict];
    struct muster_bytes why = row.reason;
    if (store_row_has_heir(&view.row) && row.phase == STORE_WAITING)
        store_row_heir_takes(&row, core->now.wall_ms);
    if (placer_write(core, e, &row, view.version.packed, false))
        agent_news_add(core, what, agent_node_name(core, from), e->key, m.token, "%.*s",
                       (int)why.len, (const char *)why.data);
}
