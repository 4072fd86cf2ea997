/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the placer, and the look at a row that decides what comes next. */
#include "agent/placer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/family.h"
#include "agent/holds.h"
#include "agent/job.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"
#include "agent/tickets.h"

int agent_placer_open(struct agent_core *core)
{
    struct agent_placer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->placer = t;
    t->tickets_ms = t->permits_ms = t->fill_ms = MUSTER_NEVER;
    t->tickets_worst = UINT64_MAX;
    t->loads.used = calloc(core->config.members_max, sizeof *t->loads.used);
    t->loads.capacity = calloc(core->config.members_max, sizeof *t->loads.capacity);
    t->loads.is_alive = calloc(core->config.members_max, sizeof *t->loads.is_alive);
    t->served_ms = calloc(core->config.buckets, sizeof *t->served_ms);
    if (t->loads.used == NULL || t->loads.capacity == NULL || t->loads.is_alive == NULL ||
        t->served_ms == NULL)
        return MUSTER_EFULL;
    return placer_entries_open(core);
}

void agent_placer_close(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    if (t == NULL)
        return;
    placer_entries_close(t);
    free(t->loads.used);
    free(t->loads.capacity);
    free(t->loads.is_alive);
    free(t->served_ms);
    free(t);
    core->placer = NULL;
}

/* ---- the clock, and what a job asks of its node */

void placer_due(struct agent_core *core, struct place_entry *e, uint64_t at_ms)
{
    uint64_t other_ms = placer_handoff_due_ms(e);
    if (other_ms > core->now.mono_ms) /* else it is looked at in this step, or written */
        at_ms = muster_deadline_sooner(at_ms, other_ms);
    if (at_ms == MUSTER_NEVER)
        muster_heap_remove(&core->placer->timer, placer_index(core, e));
    else
        muster_heap_set(&core->placer->timer, placer_index(core, e), at_ms);
}

const struct agent_wish *placer_wish(struct agent_core *core, struct place_entry *e,
                                     const struct store_row *row)
{
    if (e->wish_uid == row->uid && e->wish_revision == row->revision)
        return e->wish;
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    if (e->wish != NULL && (wish == NULL || strcmp(wish->group, e->wish->group) != 0))
        placer_permit_drop(core, e); /* of a group that it is of no more */
    agent_wish_drop(&core->wishes, e->wish);
    e->wish = wish;
    e->wish_uid = row->uid;
    e->wish_revision = row->revision;
    return e->wish;
}

/* ---- writing */

bool placer_write(struct agent_core *core, struct place_entry *e, const struct store_row *row,
                  uint64_t expected, bool places)
{
    const struct store_write write = { .row = row, .expected = expected, .places = places };
    return placer_write_as(core, e, &write);
}

bool placer_write_as(struct agent_core *core, struct place_entry *e,
                     const struct store_write *write)
{
    int err = store_write(core->store, write, 1);
    muster_heap_remove(&core->placer->queue, placer_index(core, e));
    muster_heap_remove(&core->placer->permits, placer_index(core, e));
    /* EBUSY and ECONFLICT do not come by: what is written was read in this very step, and a row
     * with an open write is not looked at before that is chosen. */
    if (err == MUSTER_EREFUSED) {
        placer_free(core, e);
        return false;
    }
    e->state = PLACE_WRITING;
    /* Busy or in conflict: somebody else wrote; its CHOSEN brings us back, and so does the clock.
     */
    placer_due(core, e, core->now.mono_ms + PLACE_OFFER_MS);
    return err == MUSTER_OK;
}

static void row_settle(struct store_row *row, enum store_phase phase, uint64_t wall_ms)
{
    row->phase = phase;
    row->since_wall_ms = wall_ms;
}

/* A job whose runs are rows beside it has none of its own. */
enum store_phase placer_phase_without_run(const struct store_row *row)
{
    bool waits = row->want == STORE_WANT_RUN && row->kind != STORE_KIND_PARENT;
    return waits ? STORE_WAITING : STORE_HELD;
}

/* The run has ended or its node is gone: the row as it stands without it, or with its heir. */
void placer_run_clear(struct agent_core *core, struct place_entry *e, struct store_view *view,
                      const char *reason)
{
    struct store_row row = view->row;
    struct lost_note lost;
    row.strikes = placer_strikes(core, &view->row);
    if (row.phase == STORE_PLACED && placer_is_lost(core, e, &row))
        placer_lost(core, e, &row, &lost);
    row.run_node = (struct muster_id){ 0 };
    row.run_token = 0;
    row.reason = muster_bytes_text(reason);
    if (store_row_has_heir(&view->row))
        store_row_heir_takes(&row, core->now.wall_ms);
    else if (row.phase != STORE_GONE)
        row_settle(&row, placer_phase_without_run(&row), core->now.wall_ms);
    (void)placer_write(core, e, &row, view->version.packed, false);
}

/* ---- the look */

void placer_queue(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (placer_permit_waits(core, e, row))
        return;
    e->state = PLACE_QUEUED;
    placer_refusals_forget(e);
    if (placer_apart_any(core, e->key_hash)) /* by then it is forgotten */
        placer_due(core, e,
                   muster_deadline_sooner(placer_limit_ms(core, e, row),
                                          core->now.mono_ms + PLACE_REFUSAL_MS));
    uint64_t rank = agent_ticket_rank(row->priority, row->since_wall_ms);
    muster_heap_set(&core->placer->queue, placer_index(core, e), rank);
    struct agent_placer *t = core->placer;
    if (e->ticket_rank != rank && rank < t->tickets_worst)
        t->is_ticket_due = true;
    if (t->is_put_back)
        return;
    if (placer_is_hopeless(core, e, row)) {
        t->fill_ms = t->hopeless.until_ms;
        placer_tickets_soon(core);
    } else {
        t->is_fill_due = true;
    }
}

/* When a row's back-off is over here. It is told by the wall clock of the node where it began, and
 * ours may stand an hour before that: nobody waits longer than was meant there (R8, R34). */
static uint64_t delay_end_ms(struct agent_core *core, struct place_entry *e,
                             const struct store_row *row)
{
    uint64_t until = row->not_before_wall_ms, wall = core->now.wall_ms;
    if (until <= wall)
        return 0;
    struct place_ask *ask = placer_ask_make(core, e);
    if (ask->delay_of != until) {
        bool is_told = row->exit_wall_ms != 0 && row->exit_wall_ms <= until;
        uint64_t meant = is_told ? until - row->exit_wall_ms : until - wall;
        ask->delay_of = until;
        ask->delay_ms = core->now.mono_ms + (meant < until - wall ? meant : until - wall);
    }
    return ask->delay_ms;
}

static void held_back_set(struct agent_core *core, struct place_entry *e, bool is_held_back)
{
    core->placer->held_back += is_held_back;
    core->placer->held_back -= e->is_held_back;
    e->is_held_back = is_held_back;
}

/* Everything is held: it waits, and nobody is asked to have it, until it is let go. */
static bool is_held_back(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    if (!agent_holds_has(core, row->key))
        return false;
    MUSTER_MARK(waits_because_all_is_held);
    placer_offer_forget(core, e);
    placer_permit_drop(core, e);
    muster_heap_remove(&core->placer->queue, placer_index(core, e));
    muster_heap_remove(&core->placer->permits, placer_index(core, e));
    held_back_set(core, e, true);
    e->state = PLACE_DELAYED;
    placer_due(core, e, placer_limit_ms(core, e, row));
    return true;
}

static void look_waiting(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    if (is_held_back(core, e, row) || placer_is_barred(core, e, row))
        return;
    uint64_t delay = delay_end_ms(core, e, row);
    if (core->now.mono_ms < delay) {
        e->state = PLACE_DELAYED;
        placer_permit_drop(core, e);
        placer_due(core, e, muster_deadline_sooner(delay, placer_limit_ms(core, e, row)));
        return;
    }
    uint64_t takeover = row->mode == STORE_EXCLUSIVE ? placer_takeover_ms(core, e) : 0;
    if (core->now.mono_ms < takeover) { /* nobody could be given a first lease yet (R37) */
        e->state = PLACE_DELAYED;
        placer_permit_drop(core, e);
        placer_due(core, e, takeover);
        return;
    }
    if (placer_is_offered(core, e))
        return;
    placer_queue(core, e, row);
}

/* True when the row names another run than before. */
static bool token_take(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct place_run *before = placer_run_of(e);
    if (before->token == row->run_token && muster_id_equal(before->node, row->run_node))
        return false;
    struct place_run *run = placer_run_make(core, e);
    run->token = row->run_token;
    run->node = row->run_node;
    run->token_ms = core->now.mono_ms;
    return true;
}

static void look_stopping(struct agent_core *core, struct place_entry *e, struct store_view *view,
                          const char *why)
{
    (void)token_take(core, e, &view->row);
    if (placer_is_lost(core, e, &view->row)) {
        MUSTER_MARK(run_to_stop_is_lost);
        placer_run_clear(core, e, view, why);
        return;
    }
    e->state = PLACE_STOPPING;
    placer_text_set(&e->why, why);
    placer_stop_frame(core, placer_run_of(e)->node, placer_key(e), placer_run_of(e)->token,
                      placer_text(e->why));
    placer_due(core, e,
               muster_deadline_sooner(core->now.mono_ms + core->config.start_repeat_ms,
                                      placer_run_of(e)->lost_ms));
}

void agent_placer_move_to(struct agent_core *core, struct muster_bytes key, struct muster_id node)
{
    struct place_entry *e = placer_find(core, key);
    if (e != NULL)
        placer_ask_make(core, e)->move_to = node;
}

/* Its agent makes room for the next one, which takes it over as it is (`on_agent_stop: keep`). */
static bool awaits_agent(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    if (p == NULL || !agent_peer_restarts(core, p))
        return false;
    const struct agent_wish *wish = placer_wish(core, e, row);
    return wish != NULL && wish->is_kept;
}

/* A person holds it: what runs goes on, also where nothing else may, as long as there is an agent.
 */
static bool stays_held(const struct agent_core *core, const struct store_row *row,
                       const struct agent_peer *p)
{
    if (row->want != STORE_WANT_HOLD || agent_peer_is_ending(core, p))
        return false;
    MUSTER_MARK(held_run_stays_on_draining_node);
    return true;
}

/* A run on a draining node goes when there is room elsewhere, a few at a time (R32, R48). */
static bool may_move(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    if (p == NULL || !agent_peer_is_alive(p) || agent_peer_is_open(p) || stays_held(core, row, p))
        return false;
    if (row->kind == STORE_KIND_TASK || core->placer->moving >= PLACE_MOVES_MAX)
        return false;
    if (placer_elsewhere(core, row, placer_wish(core, e, row)) == NULL)
        return false;
    MUSTER_MARK(moves_off_draining_node);
    e->is_moving = true;
    core->placer->moving++;
    return true;
}

/* Its node is gone: its heir has its place, or it goes straight to another, or waits for one; what
 * a person holds waits for them. */
static void look_lost(struct agent_core *core, struct place_entry *e, struct store_view *view)
{
    bool has_heir = store_row_has_heir(&view->row);
    if (!has_heir && (placer_is_quarantined(core, e, view) || placer_is_poison(core, e, view)))
        return; /* what the job itself allows comes before what the node forgives */
    MUSTER_MARK(run_lost);
    bool is_held = view->row.want == STORE_WANT_HOLD;
    bool is_early = core->now.mono_ms < delay_end_ms(core, e, &view->row);
    agent_news_add(core, "run.lost", agent_node_name(core, placer_run_of(e)->node), e->key,
                   placer_run_of(e)->token,
                   has_heir ? "its node is gone; its heir goes on"
                   : is_held || agent_holds_has(core, view->row.key)
                       ? "its node is gone, and it is held"
                       : "its node is gone; it is placed anew");
    core->counters.handovers++;
    placer_text_set(&e->why, NULL);
    placer_refusals_forget(e);
    placer_refuse(core, e, placer_run_of(e)->node); /* it may count as alive, and not answer */
    if (has_heir)
        MUSTER_MARK(heir_of_a_lost_run);
    if (has_heir || is_held)
        placer_run_clear(core, e, view, "held by a person, and its node is gone");
    else if (agent_holds_has(core, view->row.key))
        placer_run_clear(core, e, view, "its node is gone");
    else if (is_early) /* it waited to be tried again, and so it does elsewhere */
        placer_run_clear(core, e, view, "its node is gone; it waits for its next try");
    else if (!placer_offer(core, e, &view->row))
        placer_run_clear(core, e, view, "its node is gone and no other has room");
}

void placer_moving_end(struct agent_core *core, struct place_entry *e)
{
    if (e->is_moving)
        core->placer->moving--;
    e->is_moving = false;
}

/* Started where it has its place, or asked after there. */
void placer_run_ask(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct place_run *run = placer_run_make(core, e);
    e->state = PLACE_PLACED;
    placer_permit_used(core, e);
    placer_refusals_forget(e); /* they were of the last time it was asked for */
    placer_ask_end(core, e);
    uint64_t now = core->now.mono_ms, repeat = core->config.start_repeat_ms;
    uint64_t last = run->heard_ms > run->started_ms ? run->heard_ms : run->started_ms;
    if (last == 0 || now >= last + repeat || MUSTER_RARE(start_repeated)) {
        if (run->started_ms != 0)
            MUSTER_MARK(start_repeated);
        placer_start_send(core, e, row);
        last = now;
    }
    uint64_t next = muster_deadline_sooner(last + repeat, run->lost_ms);
    placer_due(core, e, muster_deadline_sooner(next, placer_limit_ms(core, e, row)));
}

/* Another run than before may be the row's: it has moved, be it because its node died meanwhile. */
void placer_run_take(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (!token_take(core, e, row))
        return;
    struct place_run *run = placer_run_make(core, e);
    run->heard_ms = run->started_ms = 0;
    run->state = AGENT_RUN_STARTING;
    placer_text_set(&run->note, NULL);
    run->pid = 0;
    placer_moving_end(core, e);
}

static void look_placed(struct agent_core *core, struct place_entry *e, struct store_view *view)
{
    const struct store_row *row = &view->row;
    placer_run_take(core, e, row);
    if (placer_is_offered(core, e))
        return;
    if (placer_is_lost(core, e, row)) {
        look_lost(core, e, view);
        return;
    }
    if (row->want != STORE_WANT_RUN && e->state != PLACE_STOPPING)
        placer_moving_end(core, e); /* held while room was looked for: it stays */
    bool may_go = !agent_holds_has(core, row->key) && !awaits_agent(core, e, row) &&
                  !placer_handoff_waits(core, e, row);
    bool goes =
        e->is_moving || (may_go && (may_move(core, e, row) || placer_follows(core, e, row)));
    if (goes && placer_hands_over(core, e, row)) {
        if (!placer_handoff_begin(core, e, row))
            placer_run_ask(core, e, row);
        return;
    }
    if (goes) {
        bool follows = placer_is_following(e);
        look_stopping(core, e, view,
                      follows ? "moves to where the ring wants it" : "moves off a draining node");
        return;
    }
    placer_run_ask(core, e, row);
}

/* It is to end so that it can start anew, and nothing may start: what runs goes on until then. */
static void look_kept(struct agent_core *core, struct place_entry *e, struct store_view *view)
{
    MUSTER_MARK(runs_on_because_all_is_held);
    (void)token_take(core, e, &view->row);
    if (placer_is_lost(core, e, &view->row))
        placer_run_clear(core, e, view, "its node is gone");
    else
        placer_run_ask(core, e, &view->row);
}

/* It wants nothing more, but that a second run ends. */
static void look_ended(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (row->handoff == STORE_HANDOFF_NONE) {
        placer_free(core, e);
        return;
    }
    MUSTER_MARK(waits_for_a_second_run);
    (void)token_take(core, e, row);
    e->state = PLACE_STOPPING;
    placer_due(core, e, MUSTER_NEVER); /* as the second run wants it */
}

static void done_ok_send(struct agent_core *core, struct place_entry *e)
{
    if (!e->owes_done_ok)
        return;
    e->owes_done_ok = false;
    placer_token_send(core, AGENT_MSG_DONE_OK, placer_run_of(e)->done_from, placer_key(e),
                      placer_run_of(e)->done_token);
}

static void look_run(struct agent_core *core, struct place_entry *e, struct store_view *view)
{
    const struct store_row *row = &view->row;
    if (row->kind == STORE_KIND_PARENT && row->run_token == 0) {
        look_ended(core, e, row);
        return;
    }
    switch (row->phase) {
    case STORE_WAITING:
        if (row->run_token != 0) {
            if (agent_holds_has(core, row->key)) {
                look_kept(core, e, view);
                return;
            }
            if (placer_handoff_replace(core, e, view))
                return;
            MUSTER_MARK(waits_for_the_end_of_a_run);
            bool moves = muster_id_equal(row->avoid, row->run_node);
            look_stopping(core, e, view, moves ? "moves to another node" : "is to start anew");
            return;
        }
        placer_moving_end(core, e);
        if (row->handoff != STORE_HANDOFF_NONE && row->mode == STORE_EXCLUSIVE) {
            MUSTER_MARK(exclusive_waits_for_a_second_run);
            look_ended(core, e, row);
        } else if (!placer_is_overdue(core, e, view) && !placer_is_nobodys(core, e, view))
            look_waiting(core, e, row);
        return;
    case STORE_PLACED:
        if (placer_is_late(core, e, row))
            look_stopping(core, e, view, "its deadline is over");
        else
            look_placed(core, e, view);
        return;
    case STORE_DONE:
    case STORE_FAILED:
    case STORE_HELD:
    case STORE_GONE:
        look_ended(core, e, row);
        return;
    }
}

void placer_look(struct agent_core *core, struct place_entry *e)
{
    struct store_view view;
    held_back_set(core, e, false);
    if (e->state == PLACE_CLAIMED) {
        if (core->now.mono_ms >= placer_run_of(e)->heard_ms + PLACE_CLAIM_MS)
            placer_free(core, e);
        else
            placer_due(core, e, placer_run_of(e)->heard_ms + PLACE_CLAIM_MS);
        return;
    }
    if (placer_early_waits(core, e))
        return;
    if (!store_is_serving(core->store, e->bucket) ||
        !store_get(core->store, placer_key(e), &view)) {
        placer_free(core, e);
        return;
    }
    if (!view.is_chosen && !MUSTER_MUTANT(start_before_chosen)) {
        e->state = PLACE_WRITING;
        placer_due(core, e, core->now.mono_ms + PLACE_OFFER_MS);
        return;
    }
    if (agent_left_is(view.row.key)) {
        placer_left_look(core, e, &view);
        return;
    }
    done_ok_send(core, e);
    if (placer_handoff_look(core, e, &view))
        return;
    e->needs = view.row.needs;
    if (view.row.want == STORE_WANT_RUN && view.row.phase != STORE_GONE)
        look_run(core, e, &view);
    else if (view.row.want == STORE_WANT_HOLD && view.row.phase == STORE_PLACED &&
             view.row.run_token != 0)
        look_placed(core, e, &view);
    else if (view.row.run_token != 0)
        look_stopping(core, e, &view,
                      view.row.phase == STORE_GONE       ? "was deleted"
                      : view.row.want == STORE_WANT_HOLD ? "was changed while it is held"
                      : agent_family_replaced(&view.row) ? AGENT_FAMILY_REPLACED
                                                         : "was stopped by a person");
    else if (view.row.phase == STORE_WAITING || view.row.phase == STORE_PLACED)
        placer_run_clear(core, e, &view, "was stopped by a person");
    else
        look_ended(core, e, &view.row);
}
