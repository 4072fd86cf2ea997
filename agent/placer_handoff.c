/* SPDX-License-Identifier: Apache-2.0 */
/* Services that are handed over (`handoff: start-stop`): the next run starts at another node and is
 * the run when it is ready; then the one before it ends.
 *
 *   run A ──room elsewhere──▶ A, heir B ──B is ready──▶ B, ending A ──A is gone──▶ run B
 *     ▲                         │   └── A is gone ────────────────────────────────────▲
 *     └── B is gone ── A, ending B ◀── B fails, or takes too long
 *
 * All of it stands in the row, so that the next keeper goes on with it. While there is a second run
 * nothing else is begun: there is never a third. (R32) */
#include <stdio.h>
#include <stdlib.h>

#include "agent/holds.h"
#include "agent/job.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define HEIR_GRACE_MS  15000 /* beyond its ready_timeout, for its way there and back */
#define HEIR_WAIT_MS   5000  /* after the first that has failed; then twice as long, */
#define HEIR_WAIT_MAX  300000
#define HEIR_NOBODY_MS 10000 /* what is to be replaced waits so long for another node with room */
#define HEIR_LOOK_MS   1000

/* What a keeper knows of a row's second run, and of its tries to have one. */
struct place_handoff {
    uint64_t token; /* 0: there is none */
    struct muster_id node;
    uint64_t since_ms; /* when this token was taken up here */
    uint64_t heard_ms; /* HOLD; 0: not yet */
    uint64_t asked_ms; /* last START or STOP, */
    bool is_heir;      /* and which of them it is to be */
    uint64_t until_ms; /* an heir that is not ready by then has failed */
    uint64_t lost_ms;  /* when its node counts as lost if nothing is heard before */
    uint64_t due_ms;   /* to be looked at again */
    struct agent_report report;
    uint64_t wait_of, wait_ms; /* a row's handoff_wall_ms, and when it is over here */
    uint64_t nobody_ms;        /* since when no other node has room; 0: it is not so */
};

static struct place_handoff *handoff_of(struct place_entry *e)
{
    if (e->handoff == NULL)
        e->handoff = calloc(1, sizeof *e->handoff);
    MUSTER_ASSERT(e->handoff != NULL);
    return e->handoff;
}

void placer_handoff_free(struct place_entry *e)
{
    free(e->handoff);
    e->handoff = NULL;
}

void placer_handoff_linked(struct agent_core *core, struct place_entry *e)
{
    e->handoff->heard_ms = e->handoff->asked_ms = 0; /* it is asked after at once (R28) */
    e->handoff->due_ms = core->now.mono_ms;
    placer_due(core, e, core->now.mono_ms);
}

uint64_t placer_handoff_due_ms(const struct place_entry *e)
{
    return e->handoff != NULL && e->handoff->token != 0 ? e->handoff->due_ms : MUSTER_NEVER;
}

bool placer_handoff_is_at(const struct place_entry *e, struct muster_id node)
{
    return e->handoff != NULL && e->handoff->token != 0 && muster_id_equal(e->handoff->node, node);
}

/* ---- whether */

/* What an earlier life of the name still runs is no run of this one's. */
static bool may_double(const struct agent_wish *wish, const struct store_row *row)
{
    return wish != NULL && wish->starts_first && row->kind == STORE_KIND_SERVICE &&
           row->want == STORE_WANT_RUN && row->run_token > row->uid &&
           row->mode == STORE_AVAILABLE && row->run_mode == STORE_AVAILABLE;
}

bool placer_hands_over(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    return may_double(placer_wish(core, e, row), row);
}

bool agent_placer_hands_over(struct agent_core *core, const struct store_row *row)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    bool does = may_double(wish, row);
    agent_wish_drop(&core->wishes, wish);
    return does;
}

static uint64_t wait_ms(uint32_t fails)
{
    uint64_t wait = HEIR_WAIT_MS;
    for (uint32_t i = 1; i < fails && wait < HEIR_WAIT_MAX; i++)
        wait *= 2;
    return wait < HEIR_WAIT_MAX ? wait : HEIR_WAIT_MAX;
}

/* The wall clock that it was told by may stand an hour after ours (R8). */
static uint64_t wait_end_ms(const struct agent_core *core, struct place_entry *e,
                            const struct store_row *row)
{
    uint64_t until = row->handoff_wall_ms, wall = core->now.wall_ms;
    if (until <= wall)
        return 0;
    struct place_handoff *h = handoff_of(e);
    if (h->wait_of != until) {
        uint64_t most = wait_ms(row->handoff_fails);
        h->wait_of = until;
        h->wait_ms = core->now.mono_ms + (until - wall < most ? until - wall : most);
    }
    return h->wait_ms;
}

bool placer_handoff_waits(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row)
{
    return placer_hands_over(core, e, row) &&
           (row->handoff != STORE_HANDOFF_NONE || core->now.mono_ms < wait_end_ms(core, e, row));
}

/* ---- the second run */

static uint64_t ready_timeout_ms(const struct store_row *row)
{
    struct agent_job job;
    struct agent_problem problem;
    if (agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return HEIR_GRACE_MS;
    uint64_t most = job.ready_timeout_ms;
    agent_job_close(&job);
    return most;
}

static struct place_handoff *other_take(struct agent_core *core, struct place_entry *e,
                                        const struct store_row *row)
{
    struct place_handoff *h = handoff_of(e);
    if (h->token == row->other_token && muster_id_equal(h->node, row->other_node))
        return h;
    uint64_t now = core->now.mono_ms;
    h->token = row->other_token;
    h->node = row->other_node;
    h->since_ms = now;
    h->heard_ms = h->asked_ms = h->nobody_ms = 0;
    h->report = (struct agent_report){ .exit_code = -1 };
    h->until_ms = muster_deadline_after(now, ready_timeout_ms(row) + HEIR_GRACE_MS);
    return h;
}

/* The same rules as for the run, asked of another place. */
static bool other_is_lost(struct agent_core *core, const struct place_entry *e,
                          const struct store_row *row)
{
    struct place_handoff *h = e->handoff;
    struct store_row as_run = *row;
    struct place_run as_known = {
        .node = h->node, .token = h->token, .heard_ms = h->heard_ms, .token_ms = h->since_ms
    };
    struct place_entry as_entry = { .bucket = e->bucket,
                                    .taken_ms = h->since_ms,
                                    .run = &as_known };
    as_run.run_node = row->other_node;
    as_run.run_token = row->other_token;
    as_run.run_mode = STORE_AVAILABLE;
    bool is_lost = placer_is_lost(core, &as_entry, &as_run);
    h->lost_ms = as_known.lost_ms;
    return is_lost;
}

static void heir_failed(struct agent_core *core, struct place_entry *e,
                        const struct store_view *view, struct muster_bytes why,
                        struct muster_bytes attempts, bool may_live)
{
    struct store_row row = view->row;
    struct agent_attempts_wire all;
    agent_attempts_merge(&all, row.attempts, attempts);
    row.attempts = MUSTER_BYTES(all.data, all.len);
    row.handoff = may_live ? STORE_ENDING : STORE_HANDOFF_NONE;
    row.handoff_fails++;
    row.handoff_wall_ms = core->now.wall_ms + wait_ms(row.handoff_fails);
    placer_moving_end(core, e);
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "run.heir.failed", agent_node_name(core, row.other_node), e->key,
                       row.other_token, "%.*s; the run on %s goes on", (int)why.len,
                       (const char *)why.data, agent_node_name(core, row.run_node));
}

/* What was heard of the heir is said of the run now. */
static void heir_is_run(struct agent_core *core, struct place_entry *e)
{
    const struct place_handoff *h = e->handoff;
    struct place_run *run = placer_run_make(core, e);
    run->token = h->token;
    run->node = h->node;
    run->token_ms = core->now.mono_ms;
    run->heard_ms = h->heard_ms;
    run->started_ms = h->asked_ms;
    run->state = h->report.state;
    run->attempt = h->report.attempt;
    run->pid = h->report.pid;
    run->since_wall_ms = h->report.since_wall_ms;
    placer_text_set(&run->note, NULL);
    placer_moving_end(core, e);
}

/* It is ready: from here on it is the run, and the one before it ends. */
static void heir_takes(struct agent_core *core, struct place_entry *e,
                       const struct store_view *view)
{
    struct store_row row = view->row;
    struct muster_id before = row.run_node;
    uint64_t token = row.run_token;
    MUSTER_MARK(heir_is_ready);
    store_row_heir_takes(&row, core->now.wall_ms);
    row.handoff = MUSTER_MUTANT(predecessor_forgotten) ? STORE_HANDOFF_NONE : STORE_ENDING;
    row.other_node = before;
    row.other_token = token;
    if (!placer_write(core, e, &row, view->version.packed, false))
        return;
    heir_is_run(core, e);
    agent_news_add(core, "run.handed", agent_node_name(core, row.run_node), e->key, row.run_token,
                   "it is ready; the run on %s ends", agent_node_name(core, before));
}

/* The second run is at its end, or its node is gone. */
static void other_ended(struct agent_core *core, struct place_entry *e,
                        const struct store_view *view, struct muster_bytes why,
                        struct muster_bytes attempts)
{
    if (store_row_has_heir(&view->row)) {
        MUSTER_MARK(heir_is_gone);
        heir_failed(core, e, view, why, attempts, false);
        return;
    }
    struct store_row row = view->row;
    row.handoff = STORE_HANDOFF_NONE;
    (void)placer_write(core, e, &row, view->version.packed, false);
}

static void other_ask(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    struct place_handoff *h = e->handoff;
    if (h->asked_ms != 0 && core->now.mono_ms < h->asked_ms + core->config.start_repeat_ms)
        return;
    h->asked_ms = core->now.mono_ms;
    if (store_row_has_heir(row)) {
        struct store_row heir = *row;
        heir.run_node = row->other_node;
        heir.run_token = row->other_token;
        heir.run_mode = STORE_AVAILABLE;
        heir.tries = 0;
        placer_start_frame(core, &heir);
        return;
    }
    const char *why = row->other_token < row->run_token ? "another run has taken over"
                                                        : "it was to take over, and does not";
    placer_stop_frame(core, row->other_node, placer_key(e), row->other_token, why);
}

bool placer_handoff_look(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view)
{
    const struct store_row *row = &view->row;
    if (row->handoff == STORE_HANDOFF_NONE) {
        if (e->handoff == NULL)
            return false;
        if (e->handoff->token == row->run_token && placer_run_of(e)->token != row->run_token)
            heir_is_run(core, e);
        e->handoff->token = 0;
        return false;
    }
    struct place_handoff *h = other_take(core, e, row);
    bool is_heir = store_row_has_heir(row);
    if (h->is_heir != is_heir)
        h->asked_ms = 0;
    h->is_heir = is_heir;
    if (other_is_lost(core, e, row)) {
        MUSTER_MARK(second_run_is_lost);
        other_ended(core, e, view, muster_bytes_text("its node is gone"), MUSTER_BYTES(NULL, 0));
        return true;
    }
    bool is_ready = (h->heard_ms != 0 && h->report.state == AGENT_RUN_RUNNING) ||
                    MUSTER_MUTANT(heir_not_waited_for);
    if (is_heir && is_ready) {
        heir_takes(core, e, view);
        return true;
    }
    if (is_heir && core->now.mono_ms >= h->until_ms) {
        MUSTER_MARK(heir_takes_too_long);
        heir_failed(core, e, view, muster_bytes_text("it is not ready in time"),
                    MUSTER_BYTES(NULL, 0), true);
        return true;
    }
    other_ask(core, e, row);
    h->due_ms = muster_deadline_sooner(h->asked_ms + core->config.start_repeat_ms, h->lost_ms);
    h->due_ms = muster_deadline_sooner(h->due_ms, is_heir ? h->until_ms : MUSTER_NEVER);
    placer_due(core, e, h->due_ms);
    return false;
}

/* ---- what runners tell of it */

bool placer_is_other(const struct store_row *row, struct muster_id node, uint64_t token)
{
    return row->handoff != STORE_HANDOFF_NONE && row->other_token == token &&
           muster_id_equal(row->other_node, node);
}

void placer_handoff_hold(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view, const struct agent_msg_hold *m)
{
    struct place_handoff *h = other_take(core, e, &view->row);
    bool was_running = h->heard_ms != 0 && h->report.state == AGENT_RUN_RUNNING;
    bool is_heir = store_row_has_heir(&view->row);
    h->heard_ms = core->now.mono_ms;
    h->report = (struct agent_report){ .state = m->state,
                                       .is_heard = true,
                                       .attempt = m->attempt,
                                       .pid = m->pid,
                                       .since_wall_ms = m->since_wall_ms,
                                       .exit_code = -1 };
    if (is_heir && m->state == AGENT_RUN_BACKOFF) {
        MUSTER_MARK(heir_has_failed);
        heir_failed(core, e, view, m->note, m->attempts, true);
        return;
    }
    if (m->state == AGENT_RUN_ENDED)
        h->asked_ms = 0; /* it ended without its spec at hand: here it is, or a STOP */
    if (is_heir && !was_running && m->state == AGENT_RUN_RUNNING)
        agent_news_add(core, "run.running", agent_node_name(core, h->node), e->key, h->token,
                       "attempt %u, pid %d", m->attempt, m->pid);
    if (is_heir || m->state == AGENT_RUN_ENDED)
        placer_look(core, e);
}

void placer_handoff_gone(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view, const struct agent_msg_done *m)
{
    other_ended(core, e, view, m->reason, m->attempts);
}

/* ---- how it begins */

bool placer_handoff_place(struct agent_core *core, struct place_entry *e,
                          const struct store_view *view, struct muster_id node)
{
    struct store_row row = view->row;
    bool is_wanted = row.phase == STORE_WAITING || (row.phase == STORE_PLACED && e->is_moving);
    if (!is_wanted || row.handoff != STORE_HANDOFF_NONE || !placer_hands_over(core, e, &row) ||
        muster_id_equal(node, row.run_node))
        return false;
    row.handoff = STORE_HEIR;
    row.other_node = node;
    row.placements++;
    core->counters.placements++;
    placer_ask_make(core, e)->move_to = (struct muster_id){ 0 };
    MUSTER_MARK(heir_is_placed);
    const struct store_write write = { .row = &row,
                                       .expected = view->version.packed,
                                       .doubles = true };
    (void)placer_write_as(core, e, &write);
    return true;
}

/* Asks for room elsewhere. False: nobody has it. */
static bool heir_offer(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (placer_offer(core, e, row)) {
        handoff_of(e)->nobody_ms = 0;
        return true;
    }
    struct place_handoff *h = handoff_of(e);
    placer_refusals_forget(e);
    if (h->nobody_ms == 0)
        h->nobody_ms = core->now.mono_ms;
    return false;
}

bool placer_handoff_begin(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row)
{
    if (row->handoff != STORE_HANDOFF_NONE || core->now.mono_ms < wait_end_ms(core, e, row))
        return false;
    if (heir_offer(core, e, row))
        return true;
    handoff_of(e)->nobody_ms = 0; /* it stays, as long as it takes */
    if (placer_is_following(e)) {
        placer_follow_failed(core, e);
        e->ask->move_to = (struct muster_id){ 0 };
    }
    placer_moving_end(core, e);
    return false;
}

/* A person moves it, and nobody has room for it any more: it stays. */
static void move_off(struct agent_core *core, struct place_entry *e, const struct store_view *view)
{
    struct store_row row = view->row;
    row.phase = STORE_PLACED;
    row.avoid = (struct muster_id){ { 0 } };
    row.reason = MUSTER_BYTES(NULL, 0);
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "run.stays", agent_node_name(core, row.run_node), e->key,
                       row.run_token, "no other node has room for it any more");
}

bool placer_handoff_replace(struct agent_core *core, struct place_entry *e, struct store_view *view)
{
    const struct store_row *row = &view->row;
    uint64_t now = core->now.mono_ms;
    if (e->state == PLACE_STOPPING || !placer_hands_over(core, e, row))
        return false;
    placer_run_take(core, e, row);
    if (placer_is_offered(core, e))
        return true;
    if (placer_is_lost(core, e, row)) {
        placer_run_clear(core, e, view, "its node is gone");
        return true;
    }
    if (row->handoff != STORE_HANDOFF_NONE || now < wait_end_ms(core, e, row)) {
        placer_run_ask(core, e, row);
        return true;
    }
    if (heir_offer(core, e, row))
        return true;
    if (now >= handoff_of(e)->nobody_ms + HEIR_NOBODY_MS) {
        handoff_of(e)->nobody_ms = 0;
        if (!muster_id_equal(row->avoid, row->run_node)) {
            MUSTER_MARK(stops_first_for_want_of_room);
            return false;
        }
        move_off(core, e, view);
        return true;
    }
    placer_run_ask(core, e, row);
    placer_due(core, e, now + HEIR_LOOK_MS);
    return true;
}
