/* SPDX-License-Identifier: Apache-2.0 */
/* What store, peers, clock and runners tell the placer. */
#include <stdio.h>
#include <string.h>

#include "agent/family.h"
#include "agent/holds.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"
#include "agent/runner.h"

#define HOLDS_LOOKS 1024 /* in one millisecond */

/* ---- the store */

void agent_placer_serving(struct agent_core *core, uint32_t bucket)
{
    struct store_view view;
    uint64_t cursor = 0;
    char key[STORE_KEY_MAX + 1];
    core->placer->served_ms[bucket] = core->now.mono_ms;
    while (store_bucket_next(core->store, bucket, &cursor, &view)) {
        memcpy(key, view.row.key.data, view.row.key.len);
        struct place_entry *e = placer_make(core, MUSTER_BYTES(key, view.row.key.len));
        if (e == NULL) {
            agent_out_log(&core->out, AGENT_LOG_ERROR, "no room to keep more jobs: raise max_rows");
            return;
        }
        /* Looked at from the clock: looking writes, and writing would move the cursor. */
        if (e->state == PLACE_CLAIMED)
            e->state = PLACE_NEW;
        placer_early_served(core, e, &view);
        e->taken_ms = core->now.mono_ms;
        placer_due(core, e, core->now.mono_ms);
    }
}

void agent_placer_retired(struct agent_core *core, uint32_t bucket)
{
    struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->entry[i].is_used && t->entry[i].bucket == bucket)
            placer_free(core, &t->entry[i]);
}

void placer_news_placed(struct agent_core *core, const struct place_entry *e,
                        const struct store_view *view)
{
    agent_news_add(core, "run.placed", agent_node_name(core, view->row.run_node), e->key,
                   view->row.run_token, "%s %u nodes",
                   view->row.is_light ? "in memory on" : "stored on", view->copies);
}

void agent_placer_chosen(struct agent_core *core, struct muster_bytes key)
{
    struct store_view view;
    if (!store_get(core->store, key, &view) || !store_is_serving(core->store, view.bucket))
        return;
    if (agent_left_is(key)) {
        placer_left_chosen(core, &view);
        return;
    }
    if (view.row.phase == STORE_GONE || view.row.phase == STORE_DONE ||
        view.row.uid == view.version.packed)
        placer_left_sweep(core, key);
    struct place_entry *e = placer_make(core, key);
    if (e == NULL)
        return;
    if (view.row.phase == STORE_PLACED && view.row.run_token == view.version.packed)
        placer_news_placed(core, e, &view);
    if (store_row_has_heir(&view.row) && view.row.other_token == view.version.packed)
        agent_news_add(core, "run.heir", agent_node_name(core, view.row.other_node), e->key,
                       view.row.other_token, "starts there to take over from %s",
                       agent_node_name(core, view.row.run_node));
    placer_look(core, e);
}

void agent_placer_drop(struct agent_core *core, struct muster_bytes key, struct muster_id node,
                       uint64_t token)
{
    placer_token_send(core, AGENT_MSG_DROP, node, key, token);
}

/* ---- claims: no quorum, the runner out of sight, an available job (R42) */

/* Nobody gives out permits without a quorum, and a run without one would be one too many. */
static bool is_capped(struct agent_core *core, const struct store_row *row)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    bool is_capped = wish != NULL && wish->max_running != 0;
    agent_wish_drop(&core->wishes, wish);
    return is_capped;
}

static bool is_out_of_sight(const struct agent_core *core, const struct store_row *row,
                            struct muster_id node, uint64_t token)
{
    if (agent_is_self(core, node))
        return !agent_runner_runs(core, row->key, token);
    const struct agent_peer *p = agent_peers_find(core, node);
    return p == NULL || p->life == AGENT_LIFE_DEAD || p->life == AGENT_LIFE_PROVEN;
}

/* Nothing of it is seen to run; of two that hand over to one another either will do. */
static bool is_alone(const struct agent_core *core, const struct store_row *row)
{
    if (row->phase == STORE_WAITING && row->handoff != STORE_HEIR)
        return true;
    return is_out_of_sight(core, row, row->run_node, row->run_token) &&
           (row->handoff != STORE_HEIR ||
            is_out_of_sight(core, row, row->other_node, row->other_token));
}

static bool is_claimable(struct agent_core *core, const struct store_row *row)
{
    bool is_available = row->mode == STORE_AVAILABLE || MUSTER_MUTANT(exclusive_claimed);
    if (!is_available || row->want != STORE_WANT_RUN || agent_holds_has(core, row->key))
        return false;
    const struct agent_peer *own = agent_family_node(core, row->key);
    if (own != NULL && !own->is_self)
        return false; /* it is that node's share, and nobody else's */
    if (row->not_before_wall_ms > core->now.wall_ms)
        return false;
    if (row->phase != STORE_WAITING && row->phase != STORE_PLACED)
        return false;
    return is_alone(core, row) && !is_capped(core, row); /* that reads its spec, so it comes last */
}

static bool claim(struct agent_core *core, const struct store_row *row)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX), i = 0;
    while (i < n &&
           agent_place_fits(core, walk[i], wish, row->needs, walk[i]->promised) != AGENT_FITS)
        i++;
    agent_wish_drop(&core->wishes, wish);
    if (i == n)
        return false;
    char key[STORE_KEY_MAX + 1];
    memcpy(key, row->key.data, row->key.len);
    return store_claim(core->store, MUSTER_BYTES(key, row->key.len), walk[i]->id) == MUSTER_OK;
}

void agent_placer_claimable(struct agent_core *core, uint32_t bucket)
{
    struct store_view view;
    uint64_t cursor = 0;
    bool has_room = agent_place_has_room(core); /* or every row of a full cluster is looked at */
    while (has_room && store_bucket_next(core->store, bucket, &cursor, &view)) {
        const struct place_entry *e = placer_find(core, view.row.key);
        if ((e == NULL || e->state != PLACE_CLAIMED) && is_claimable(core, &view.row) &&
            !claim(core, &view.row))
            has_room = agent_place_has_room(core);
    }
}

void agent_placer_claimed(struct agent_core *core, struct muster_bytes key, struct muster_id node,
                          uint64_t token)
{
    struct store_view view;
    struct place_entry *e = placer_make(core, key);
    if (e == NULL || !store_get(core->store, key, &view))
        return;
    struct store_row row = view.row;
    row.run_node = node;
    row.run_token = token;
    row.run_mode = STORE_AVAILABLE;
    e->state = PLACE_CLAIMED;
    e->is_early = false;
    struct place_run *run = placer_run_make(core, e);
    run->claimed_ms = core->now.mono_ms;
    run->token = token;
    run->node = node;
    run->heard_ms = core->now.mono_ms;
    agent_news_add(core, "run.claimed", agent_node_name(core, node), e->key, token,
                   "no quorum of its bench answers and its node is gone");
    placer_start_send(core, e, &row);
    placer_due(core, e, core->now.mono_ms + PLACE_CLAIM_MS);
}

/* ---- peers and time */

void agent_placer_node(struct agent_core *core, struct muster_id id)
{
    struct agent_placer *t = core->placer;
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->high; i++) {
        struct place_entry *e = &t->entry[i];
        if (!e->is_used)
            continue;
        if (muster_id_equal(placer_run_of(e)->node, id) ||
            muster_id_equal(placer_ask_of(e)->offer_to, id) || placer_handoff_is_at(e, id))
            placer_due(core, e, core->now.mono_ms);
    }
    placer_fill_again(core);
}

void agent_placer_peer(struct agent_core *core, const struct agent_peer *p)
{
    agent_placer_node(core, p->id);
}

/* Those that are held back are looked at again, and those that are not yet: some at a time, for
 * whoever may place one asks once more. */
void agent_placer_holds(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->entry[i].is_used)
            placer_due(core, &t->entry[i], core->now.mono_ms + i / HOLDS_LOOKS);
}

void agent_placer_linked(struct agent_core *core, struct agent_peer *p, bool restarted)
{
    struct agent_placer *t = core->placer;
    p->promised = 0;
    if (restarted)
        p->load_known = false;
    for (uint32_t i = 0; i < t->high; i++) {
        struct place_entry *e = &t->entry[i];
        if (e->is_used && placer_handoff_is_at(e, p->id))
            placer_handoff_linked(core, e);
        if (!e->is_used || e->run == NULL || !muster_id_equal(e->run->node, p->id))
            continue;
        /* START is also the question whether the run is still there (R28). */
        e->run->started_ms = 0;
        e->run->heard_ms = 0;
        placer_due(core, e, core->now.mono_ms);
    }
}

void agent_placer_tick(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    uint32_t index = 0;
    while (muster_heap_take(&t->timer, core->now.mono_ms, &index)) {
        struct place_entry *e = &t->entry[index];
        MUSTER_ASSERT(e->is_used);
        placer_look(core, e);
    }
    if (muster_deadline_reached(t->tickets_ms, core->now.mono_ms))
        placer_tickets(core);
    if (muster_deadline_reached(t->permits_ms, core->now.mono_ms))
        placer_permits_tick(core);
}

uint64_t agent_placer_deadline_ms(const struct agent_core *core)
{
    const struct agent_placer *t = core->placer;
    uint64_t next = muster_deadline_sooner(muster_heap_first_key(&t->timer), t->tickets_ms);
    next = muster_deadline_sooner(next, t->permits_ms);
    next = muster_deadline_sooner(next, t->fill_ms);
    return t->is_fill_due ? core->now.mono_ms : next;
}

/* ---- runners */

void placer_try_send(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                     uint32_t bucket)
{
    struct muster_id who[1];
    if (store_keeper_hint(core->store, bucket, who, 1) == 0 || agent_is_self(core, who[0]))
        return;
    MUSTER_MARK(told_to_try_another);
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_TRY, 3);
    muster_write_str(&w, key);
    muster_write_id(&w, who[0]);
    (void)agent_frame_send(core, to, &w);
}

static void report_keep(struct agent_core *core, struct place_entry *e,
                        const struct agent_msg_hold *m)
{
    struct place_run *run = placer_run_make(core, e);
    bool was_running = run->state == AGENT_RUN_RUNNING && run->heard_ms != 0;
    char note[AGENT_REASON_MAX];
    run->heard_ms = core->now.mono_ms;
    run->state = m->state;
    run->attempt = m->attempt;
    run->failures = m->failures;
    run->pid = m->pid;
    run->since_wall_ms = m->since_wall_ms;
    run->not_before_wall_ms = m->not_before_wall_ms;
    run->exit_code = m->exit_code;
    run->exit_signal = m->exit_signal;
    run->exit_wall_ms = m->exit_wall_ms;
    run->done = m->done;
    run->total = m->total;
    (void)snprintf(note, sizeof note, "%.*s", (int)m->note.len, (const char *)m->note.data);
    placer_text_set(&run->note, note);
    if (!was_running && m->state == AGENT_RUN_RUNNING)
        agent_news_add(core, "run.running", agent_node_name(core, run->node), e->key, run->token,
                       "attempt %u, pid %d", m->attempt, m->pid);
    if (!was_running && m->state == AGENT_RUN_RUNNING && store_is_serving(core->store, e->bucket))
        agent_family_chosen(core, placer_key(e)); /* others of its job may wait for it */
}

/* A back-off goes into the record, so that it survives its node. */
static void backoff_keep(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view, const struct agent_msg_hold *m)
{
    if (m->state != AGENT_RUN_BACKOFF || view->row.not_before_wall_ms == m->not_before_wall_ms)
        return;
    struct store_row row = view->row;
    row.not_before_wall_ms = m->not_before_wall_ms;
    row.tries = m->failures;
    row.exit_code = m->exit_code;
    row.exit_signal = m->exit_signal;
    row.exit_wall_ms = m->exit_wall_ms;
    row.reason = m->note;
    struct agent_attempts_wire attempts;
    agent_attempts_merge(&attempts, row.attempts, m->attempts);
    row.attempts = MUSTER_BYTES(attempts.data, attempts.len);
    (void)placer_write(core, e, &row, view->version.packed, false);
}

/* A run with a higher token than the row's, from a claim that its maker could not tell us of: when
 * our reign is above it, the row takes it over and the other run ends (R43). */
static bool claim_adopt(struct agent_core *core, struct place_entry *e, struct store_view *view,
                        struct muster_id from, const struct agent_msg_hold *m)
{
    struct store_bucket_view bucket;
    store_bucket(core->store, view->bucket, &bucket);
    struct store_reign theirs = store_version_reign((struct store_version){ m->token });
    struct store_row row = view->row;
    /* A row without a run has had others: whatever is older than the row itself may be one. */
    uint64_t floor = row.run_token != 0 ? row.run_token : view->version.packed;
    floor = row.other_token > floor ? row.other_token : floor;
    bool newer = m->token > floor && row.mode == STORE_AVAILABLE;
    /* The job was made anew meanwhile, or changed. */
    bool is_former =
        (m->uid != 0 && m->uid != row.uid) || (m->revision != 0 && m->revision != row.revision);
    bool may_run = row.phase == STORE_PLACED || row.phase == STORE_WAITING;
    if (!newer || is_former || !may_run || row.want != STORE_WANT_RUN)
        return false; /* what has ended or is held stays so, whoever still speaks of a run of it */
    if (theirs.packed >= bucket.reign.packed && !MUSTER_MUTANT(claim_not_outranked)) {
        MUSTER_MARK(report_outranks_keeper);
        store_outrank(core->store, view->bucket, m->token);
        return true; /* it reports again, and then our reign is above it */
    }
    struct muster_id old_node = row.run_node;
    uint64_t old_token = row.run_token;
    row.phase = STORE_PLACED;
    row.run_node = from;
    row.run_token = m->token;
    row.run_mode = STORE_AVAILABLE;
    row.handoff = row.handoff == STORE_HEIR ? STORE_ENDING : row.handoff;
    MUSTER_MARK(report_adopted);
    if (placer_write(core, e, &row, view->version.packed, false) && old_token != 0)
        placer_token_send(core, AGENT_MSG_DROP, old_node, placer_key(e), old_token);
    return true;
}

/* A claim of ours counts until a keeper is heard, or heard of, again, or our seat is gone: from
 * then on its run is the keeper's to judge, and must report there. */
static bool claim_stands(const struct agent_core *core, const struct place_entry *e)
{
    const struct place_run *run = placer_run_of(e);
    struct store_bucket_view b;
    store_bucket(core->store, e->bucket, &b);
    return b.role != STORE_NO_SEAT && b.heard_ms <= run->claimed_ms &&
           b.ruled_ms <= run->claimed_ms;
}

static void hold_ok_send(struct agent_core *core, struct muster_id from,
                         const struct agent_msg_hold *m, uint64_t asked_ms, uint64_t lease_ms)
{
    const struct agent_msg_hold_ok ok = { .key = m->key,
                                          .token = m->token,
                                          .asked_ms = asked_ms,
                                          .keeper_ms = core->now.mono_ms,
                                          .lease_ms = lease_ms };
    struct muster_writer w = agent_frame(core);
    agent_write_hold_ok(&w, &ok);
    (void)agent_frame_send(core, from, &w);
}

/* What is left of the lease that this run is given now; 0: none. A first lease waits until those of
 * earlier reigns must be over; one that runs already has the last of them itself (R36, R37). */
static uint64_t lease_give(struct agent_core *core, struct place_entry *e,
                           const struct store_row *row, const struct agent_msg_hold *m)
{
    uint64_t now = core->now.mono_ms, end = store_grant_end_ms(core->store, e->bucket);
    bool is_wanted = row->want != STORE_WANT_STOP && row->phase == STORE_PLACED;
    if (row->run_mode != STORE_EXCLUSIVE || end <= now)
        return 0;
    bool is_early = now < placer_takeover_ms(core, e) && !MUSTER_MUTANT(no_takeover_wait);
    if (!m->is_live && is_early)
        MUSTER_MARK(first_lease_waits);
    if (!m->is_live && (!is_wanted || is_early))
        return 0;
    if (end > placer_run_of(e)->granted_ms)
        placer_run_make(core, e)->granted_ms = end;
    return end - now;
}

static void hold_one(struct agent_core *core, struct muster_id from, const struct agent_msg_hold *m,
                     uint64_t asked_ms)
{
    struct store_view view;
    uint32_t bucket = store_bucket_of(core->store, m->key);
    struct place_entry *e = placer_find(core, m->key);
    if (e != NULL && e->state == PLACE_CLAIMED && !claim_stands(core, e)) {
        MUSTER_MARK(claim_of_ours_is_over);
        placer_free(core, e);
        e = NULL;
    }
    if (e != NULL && e->state == PLACE_CLAIMED && placer_run_of(e)->token == m->token) {
        report_keep(core, e, m);
        hold_ok_send(core, from, m, asked_ms, 0);
        return;
    }
    if (!store_is_serving(core->store, bucket)) {
        placer_try_send(core, from, m->key, bucket);
        return;
    }
    bool known = store_get(core->store, m->key, &view);
    if (!known || (view.row.phase == STORE_GONE && view.row.run_token != m->token)) {
        MUSTER_MARK(report_of_what_is_no_job);
        if (MUSTER_MUTANT(drop_not_sent))
            return;
        placer_token_send(core, AGENT_MSG_DROP, from, m->key, m->token);
        return;
    }
    if (!view.is_chosen) {
        MUSTER_MARK(report_while_undecided);
        return; /* undecided: silence (R29) */
    }
    e = placer_make(core, m->key);
    if (e == NULL)
        return;
    if (placer_is_other(&view.row, from, m->token)) {
        hold_ok_send(core, from, m, asked_ms, 0);
        placer_handoff_hold(core, e, &view, m);
        return;
    }
    bool is_it = view.row.run_token == m->token && muster_id_equal(view.row.run_node, from);
    if (!is_it) {
        if (claim_adopt(core, e, &view, from, m))
            return;
        MUSTER_MARK(report_of_another_run);
        placer_token_send(core, AGENT_MSG_DROP, from, m->key, m->token);
        return;
    }
    if (placer_run_of(e)->token != m->token)
        placer_look(core, e);
    e = placer_find(core, m->key);
    if (e == NULL)
        return;
    report_keep(core, e, m);
    hold_ok_send(core, from, m, asked_ms, lease_give(core, e, &view.row, m));
    if (m->state == AGENT_RUN_ENDED)
        placer_start_send(core, e, &view.row); /* it ended without its spec at hand: here it is */
    else if (e->state == PLACE_PLACED)
        backoff_keep(core, e, &view, m);
}

void agent_placer_hold(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    uint64_t asked_ms = muster_read_u64(r);
    uint32_t n = muster_read_array(r, AGENT_HOLD_MAX);
    for (uint32_t i = 0; i < n && muster_reader_ok(r); i++) {
        struct agent_msg_hold m = { 0 };
        agent_read_hold(r, &m);
        if (muster_reader_ok(r) && !MUSTER_RARE(report_unheard))
            hold_one(core, from, &m, asked_ms);
    }
}

/* ---- reading */

bool agent_placer_report(const struct agent_core *core, struct muster_bytes key,
                         struct agent_report *out)
{
    const struct place_entry *e = placer_find(core, key);
    if (e == NULL)
        return false;
    const struct place_run *run = placer_run_of(e);
    *out = (struct agent_report){ .state = run->state,
                                  .is_heard = run->heard_ms != 0 && run->token != 0,
                                  .attempt = run->attempt,
                                  .failures = run->failures,
                                  .pid = run->pid,
                                  .since_wall_ms = run->since_wall_ms,
                                  .not_before_wall_ms = run->not_before_wall_ms,
                                  .exit_wall_ms = run->exit_wall_ms,
                                  .exit_code = run->exit_code,
                                  .exit_signal = run->exit_signal,
                                  .note = placer_text(run->note),
                                  .done = run->done,
                                  .total = run->total,
                                  .is_stopping = e->state == PLACE_STOPPING,
                                  .is_queued = e->state == PLACE_QUEUED || e->state == PLACE_PERMIT,
                                  .permit =
                                      e->state == PLACE_PERMIT && e->why != NULL ? e->why : NULL };
    return true;
}

uint32_t agent_placer_waiting(const struct agent_core *core)
{
    const struct agent_placer *t = core->placer;
    return t->queue.count + t->permits.count + t->held_back;
}
