/* SPDX-License-Identifier: Apache-2.0 */
/* The words and the JSON for rows, runs, places and reasons. */
#include "agent/describe.h"

#include <stdio.h>
#include <string.h>

#include "agent/family.h"
#include "agent/holds.h"
#include "agent/job.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/run_name.h"
#include "agent/runner.h"

const char *agent_state_text(enum agent_state s)
{
    static const char *const text[] = {
        [AGENT_STATE_PENDING] = "pending",   [AGENT_STATE_STARTING] = "starting",
        [AGENT_STATE_RUNNING] = "running",   [AGENT_STATE_BACKOFF] = "backoff",
        [AGENT_STATE_STOPPING] = "stopping", [AGENT_STATE_STOPPED] = "stopped",
        [AGENT_STATE_DONE] = "done",         [AGENT_STATE_DEAD] = "dead",
        [AGENT_STATE_DELETED] = "deleted"
    };
    return text[s];
}

/* As its specification says; the canonical text has it behind the name. */
static struct muster_bytes kind_of(const struct store_row *row)
{
    static const char mark[] = "\"kind\":\"";
    const uint8_t *at =
        row->spec.len > 0 ? memmem(row->spec.data, row->spec.len, mark, sizeof mark - 1) : NULL;
    if (at == NULL)
        return muster_bytes_text(row->kind == STORE_KIND_SERVICE ? "service" : "task");
    at += sizeof mark - 1;
    const uint8_t *end = memchr(at, '"', (size_t)(row->spec.data + row->spec.len - at));
    return MUSTER_BYTES(at, end != NULL ? (size_t)(end - at) : 0);
}

/* ---- states (docs/design.md "States") */

static enum agent_state state_of_run(struct agent_core *core, const struct agent_picture *p)
{
    static const enum agent_state state[] = { [AGENT_RUN_STARTING] = AGENT_STATE_STARTING,
                                              [AGENT_RUN_RUNNING] = AGENT_STATE_RUNNING,
                                              [AGENT_RUN_BACKOFF] = AGENT_STATE_BACKOFF,
                                              [AGENT_RUN_STOPPING] = AGENT_STATE_STOPPING,
                                              [AGENT_RUN_ENDED] = AGENT_STATE_STOPPING };
    const struct agent_peer *peer = agent_peers_find(core, p->view->row.run_node);
    if (peer == NULL || !agent_peer_is_alive(peer))
        return AGENT_STATE_PENDING; /* never "running" on a node that is gone */
    if (p->report.is_stopping)
        return AGENT_STATE_STOPPING;
    return p->report.is_heard ? state[p->report.state] : AGENT_STATE_STARTING;
}

/* An exclusive job whose bench has no quorum: whatever ran has ended with its lease, and nobody may
 * start it. The words are in the picture. */
static bool held_set(struct agent_core *core, struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    char text[AGENT_ABSENCE_MAX];
    bool wants =
        row->want == STORE_WANT_RUN && (row->phase == STORE_WAITING || row->phase == STORE_PLACED);
    if (row->mode != STORE_EXCLUSIVE || !wants ||
        agent_runner_runs(core, row->key, row->run_token) ||
        !agent_absence(core, p->view->bucket, text, sizeof text))
        return false;
    (void)snprintf(p->text, sizeof p->text, "held: %s", text);
    p->reason = p->text;
    return true;
}

static enum agent_state state_of(struct agent_core *core, const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    if (p->is_held)
        return AGENT_STATE_PENDING;
    switch (row->phase) {
    case STORE_GONE:
        return row->run_token != 0 ? AGENT_STATE_STOPPING : AGENT_STATE_DELETED;
    case STORE_DONE:
        return AGENT_STATE_DONE;
    case STORE_FAILED:
        return AGENT_STATE_DEAD;
    case STORE_HELD:
        return agent_family_queued(row) ? AGENT_STATE_PENDING : AGENT_STATE_STOPPED;
    case STORE_WAITING:
        if (p->is_kept || p->is_handed)
            return state_of_run(core, p); /* it goes on until it may start anew */
        if (row->run_token != 0)
            return AGENT_STATE_STOPPING;
        return row->not_before_wall_ms > core->now.wall_ms ? AGENT_STATE_BACKOFF
                                                           : AGENT_STATE_PENDING;
    case STORE_PLACED:
        break;
    }
    return row->want == STORE_WANT_STOP ? AGENT_STATE_STOPPING : state_of_run(core, p);
}

/* Why an exclusive job does not run: somebody may still hold a lease of it. True when it is so. */
static bool reason_lease(struct agent_core *core, struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    char time[MUSTER_TIME_TEXT];
    uint64_t until = agent_placer_lease_until(core, p->view);
    if (p->state != AGENT_STATE_PENDING || until == 0)
        return false;
    (void)muster_time_text(until, time);
    if (row->run_token != 0)
        (void)snprintf(
            p->text, sizeof p->text,
            "exclusive: its run on %s may live until %.12s, and nobody may start it before",
            agent_node_name(core, row->run_node), time + 11);
    else
        (void)snprintf(p->text, sizeof p->text,
                       "exclusive: its bench has a new keeper, which may start it from %.12s on",
                       time + 11);
    return true;
}

/* A job whose runs are rows beside it is what they are together. */
static void family_set(struct agent_core *core, struct agent_picture *p)
{
    char time[MUSTER_TIME_TEXT];
    agent_family_sum(core, &p->view->row, &p->family);
    struct agent_family_sum sum = p->family;
    p->is_family = true;
    p->reason = p->text;
    bool has_all = sum.placed >= sum.wanted;
    bool ticks = sum.has_clock || sum.follows;
    bool runs = ticks ? sum.placed > 0 : sum.placed > 0 && has_all;
    enum store_want want = p->view->row.want;
    if (want == STORE_WANT_STOP)
        p->state = sum.placed > 0 ? AGENT_STATE_STOPPING : AGENT_STATE_STOPPED;
    else if (want == STORE_WANT_HOLD)
        p->state = sum.placed > 0 ? AGENT_STATE_RUNNING : AGENT_STATE_STOPPED;
    else if (sum.ok > 0 && sum.ok == sum.wanted && !ticks)
        p->state = AGENT_STATE_DONE;
    else
        p->state = runs ? AGENT_STATE_RUNNING : AGENT_STATE_PENDING;
    if (want != STORE_WANT_RUN)
        (void)snprintf(p->text, sizeof p->text, "%s by a person",
                       want == STORE_WANT_STOP ? "stopped" : "held");
    else if (agent_holds_text(core, p->view->row.key, p->text, sizeof p->text))
        return;
    else if (sum.fault[0] != '\0')
        (void)snprintf(p->text, sizeof p->text, "its schedule stands still: %s", sum.fault);
    else if (sum.is_manual)
        (void)snprintf(p->text, sizeof p->text, "runs when it is triggered");
    else if (sum.follows)
        (void)snprintf(p->text, sizeof p->text, "%s", sum.after);
    else if (sum.has_clock && sum.next_wall_ms == MUSTER_NEVER)
        (void)snprintf(p->text, sizeof p->text, "its schedule is over");
    else if (sum.has_clock)
        (void)snprintf(p->text, sizeof p->text, "next at %s",
                       muster_time_text(sum.next_wall_ms, time));
    else if (sum.alone > 0)
        (void)snprintf(p->text, sizeof p->text,
                       "%u of %u copies are placed; %u stopped or held by a person", sum.placed,
                       sum.wanted, sum.alone);
    else
        (void)snprintf(p->text, sizeof p->text, "%u of %u copies are placed%s%s", sum.placed,
                       sum.wanted, sum.change[0] != '\0' ? "; " : "", sum.change);
}

/* A copy waits for a node that has none, or for its own. True when that is why. */
static bool reason_share(struct agent_core *core, struct agent_picture *p)
{
    struct muster_bytes key = p->view->row.key, node = agent_run_name_read(key).node;
    const struct agent_peer *own = agent_family_node(core, key);
    uint32_t nodes = 0;
    if (node.len > 0 && (own == NULL || !agent_peer_is_open(own)))
        (void)snprintf(p->text, sizeof p->text, "waits for its node %.*s, which is %s",
                       (int)node.len, (const char *)node.data,
                       own != NULL && agent_peer_is_alive(own) ? "draining" : "away");
    for (uint32_t i = 0; node.len == 0 && i < agent_peers_count(core); i++) {
        const struct agent_peer *peer = agent_peers_at(core, i);
        nodes += peer->is_in_ring;
        if (peer->is_in_ring && agent_family_bar_text(core, key, peer) == NULL)
            return false;
    }
    if (node.len == 0)
        (void)snprintf(p->text, sizeof p->text, "each of %u nodes has a copy of it already", nodes);
    return node.len == 0 || p->text[0] != '\0';
}

static void reason_set(struct agent_core *core, struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    int len = (int)(row->reason.len < sizeof p->text ? row->reason.len : sizeof p->text - 1);
    (void)snprintf(p->text, sizeof p->text, "%.*s", len, (const char *)row->reason.data);
    p->reason = p->text;
    if (p->is_kept) {
        (void)snprintf(p->text, sizeof p->text, "goes on, and starts anew when it is let go");
        return;
    }
    if (row->run_token != 0 && agent_handoff_text(core, p))
        return;
    if (p->state == AGENT_STATE_PENDING && row->phase == STORE_WAITING &&
        agent_holds_text(core, row->key, p->text, sizeof p->text))
        return;
    if (reason_lease(core, p))
        return;
    if (p->state == AGENT_STATE_PENDING && row->phase == STORE_PLACED)
        (void)snprintf(p->text, sizeof p->text, "its node %s is gone; waits to be placed anew",
                       agent_node_name(core, row->run_node));
    else if (p->state == AGENT_STATE_PENDING && p->report.permit != NULL)
        (void)snprintf(p->text, sizeof p->text, "%s", p->report.permit);
    else if (p->state == AGENT_STATE_PENDING && p->report.is_queued && reason_share(core, p))
        return;
    else if (p->state == AGENT_STATE_PENDING && p->report.is_queued)
        agent_placer_hurdle(core, row, p->text, sizeof p->text);
    else if (p->state == AGENT_STATE_PENDING && p->text[0] == '\0')
        (void)snprintf(p->text, sizeof p->text, "about to be placed");
    else if (p->state == AGENT_STATE_BACKOFF && p->text[0] == '\0' && p->report.note != NULL)
        (void)snprintf(p->text, sizeof p->text, "%s", p->report.note);
}

void agent_picture_state(struct agent_core *core, const struct store_view *view,
                         struct agent_picture *out)
{
    memset(out, 0, sizeof *out);
    out->view = view;
    out->report.exit_code = -1;
    out->is_kept = view->row.phase == STORE_WAITING && view->row.run_token != 0 &&
                   agent_holds_has(core, view->row.key);
    out->is_handed = view->row.phase == STORE_WAITING && view->row.run_token != 0 &&
                     !out->is_kept && agent_placer_hands_over(core, &view->row);
    if (agent_placer_report(core, view->row.key, &out->report) && view->row.phase != STORE_PLACED &&
        !out->is_kept && !out->is_handed)
        out->report.is_heard = false;
    bool is_family = view->row.kind == STORE_KIND_PARENT && view->row.phase == STORE_HELD;
    if (is_family) {
        family_set(core, out);
        return;
    }
    out->is_held = held_set(core, out);
    out->state = state_of(core, out);
}

void agent_picture_reason(struct agent_core *core, struct agent_picture *p)
{
    if (!p->is_family && !p->is_held)
        reason_set(core, p);
}

void agent_picture(struct agent_core *core, const struct store_view *view,
                   struct agent_picture *out)
{
    agent_picture_state(core, view, out);
    agent_picture_reason(core, out);
}

/* ---- JSON */

static void put_reason(struct agent_json *j, const struct agent_picture *p)
{
    agent_json_put_text(j, "reason", p->reason[0] != '\0' ? p->reason : NULL);
}

void agent_describe_job(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p)
{
    static const char *const want[] = {
        [STORE_WANT_RUN] = "run", [STORE_WANT_STOP] = "stop", [STORE_WANT_HOLD] = "hold"
    };
    const struct store_row *row = &p->view->row;
    (void)core;
    agent_json_put_bytes(j, "name", row->key);
    agent_json_put_bytes(j, "kind", kind_of(row));
    agent_json_put_text(j, "desired", row->phase == STORE_GONE ? "delete" : want[row->want]);
    agent_json_put_u64(j, "rev", row->revision);
    agent_json_put_raw(j, "spec", row->spec);
    agent_json_put_time(j, "created", row->created_wall_ms);
    agent_json_put_time(j, "modified", row->modified_wall_ms);
    agent_json_put_text(j, "state", agent_state_text(p->state));
    put_reason(j, p);
    agent_json_put_u64(j, "copies", p->view->copies);
    agent_json_put_bool(j, "durable", !row->is_light);
    if (!p->is_family || !p->family.has_clock)
        return;
    agent_json_key(j, "clock");
    agent_json_object(j);
    agent_json_put_time(j, "last", p->family.last_wall_ms);
    agent_json_put_time(j, "next",
                        p->family.next_wall_ms != MUSTER_NEVER ? p->family.next_wall_ms : 0);
    agent_json_put_u64(j, "ticks", row->ticks);
    agent_json_put_u64(j, "skipped", row->skipped);
    agent_json_object_end(j);
}

static void put_exit(struct agent_json *j, const char *key, int32_t code, int32_t sig,
                     uint64_t wall_ms, const char *reason)
{
    if (wall_ms == 0) {
        agent_json_put_null(j, key);
        return;
    }
    agent_json_key(j, key);
    agent_json_object(j);
    if (code >= 0)
        agent_json_put_i64(j, "code", code);
    else
        agent_json_put_null(j, "code");
    if (sig != 0)
        agent_json_put_i64(j, "signal", sig);
    else
        agent_json_put_null(j, "signal");
    agent_json_put_text(j, "reason", reason != NULL && reason[0] != '\0' ? reason : NULL);
    agent_json_put_time(j, "time", wall_ms);
    agent_json_object_end(j);
}

static void put_last_exit(struct agent_json *j, const char *key, const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    const struct agent_report *r = &p->report;
    char reason[STORE_REASON_MAX + 1];
    (void)snprintf(reason, sizeof reason, "%.*s",
                   (int)(row->reason.len < STORE_REASON_MAX ? row->reason.len : STORE_REASON_MAX),
                   (const char *)row->reason.data);
    if (r->is_heard && r->exit_wall_ms > row->exit_wall_ms)
        put_exit(j, key, r->exit_code, r->exit_signal, r->exit_wall_ms, r->note);
    else
        put_exit(j, key, row->exit_code, row->exit_signal, row->exit_wall_ms, reason);
}

/* The runner's count while it is heard; afterwards what the row remembers. */
static uint32_t attempts(const struct agent_picture *p)
{
    if (p->report.is_heard)
        return p->report.attempt;
    struct agent_attempts list;
    uint32_t count = p->view->row.tries + (p->state == AGENT_STATE_DONE);
    if (p->state != AGENT_STATE_DONE && p->state != AGENT_STATE_DEAD)
        return count;
    agent_attempts_read(&list, p->view->row.attempts);
    uint32_t last = list.count > 0 ? list.attempt[list.count - 1].number : 0;
    return last > count ? last : count; /* not every end is a failure that counts */
}

static void put_attempts(struct agent_core *core, struct agent_json *j, struct muster_bytes wire)
{
    struct agent_attempts list;
    char reason[AGENT_REASON_MAX + 1];
    agent_attempts_read(&list, wire);
    agent_json_key(j, "attempts");
    agent_json_array(j);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct agent_attempt *a = &list.attempt[i];
        (void)snprintf(reason, sizeof reason, "%.*s", (int)a->reason.len,
                       (const char *)a->reason.data);
        agent_json_object(j);
        agent_json_put_u64(j, "attempt", a->number);
        agent_json_put_text(j, "node", agent_node_name(core, a->node));
        agent_json_put_token(j, "token", a->token);
        agent_json_put_time(j, "started", a->started_wall_ms);
        agent_json_put_time(j, "ended", a->ended_wall_ms);
        put_exit(j, "exit", a->code, a->signal, a->ended_wall_ms, reason);
        agent_json_object_end(j);
    }
    agent_json_array_end(j);
}

static void put_progress(struct agent_json *j, const struct agent_report *r)
{
    if (!r->is_heard || r->total == 0) {
        agent_json_put_null(j, "progress");
        return;
    }
    agent_json_key(j, "progress");
    agent_json_object(j);
    agent_json_put_u64(j, "done", r->done);
    agent_json_put_u64(j, "total", r->total);
    agent_json_object_end(j);
}

void agent_describe_run(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    const struct agent_report *r = &p->report;
    bool placed = row->run_token != 0;
    char id[MUSTER_ID_TEXT];
    agent_json_object(j);
    agent_json_put_bytes(j, "run", row->key);
    agent_json_put_bytes(j, "job", agent_run_name_read(row->key).job);
    agent_json_put_bytes(j, "kind", kind_of(row));
    agent_json_put_text(j, "state", agent_state_text(p->state));
    put_reason(j, p);
    agent_json_put_text(j, "node", placed ? agent_node_name(core, row->run_node) : NULL);
    agent_json_put_text(j, "node_id", placed ? muster_id_text(row->run_node, id) : NULL);
    if (placed)
        agent_json_put_token(j, "token", row->run_token);
    else
        agent_json_put_null(j, "token");
    agent_json_put_u64(j, "attempt", attempts(p));
    if (r->is_heard && r->pid > 0)
        agent_json_put_i64(j, "pid", r->pid);
    else
        agent_json_put_null(j, "pid");
    agent_json_put_time(
        j, "since", r->is_heard && r->since_wall_ms > 0 ? r->since_wall_ms : row->since_wall_ms);
    agent_json_put_time(j, "not_before",
                        p->state == AGENT_STATE_BACKOFF ? row->not_before_wall_ms : 0);
    put_last_exit(j, "exit", p);
    agent_json_put_text(j, "note",
                        r->is_heard && r->note != NULL && r->note[0] != '\0' ? r->note : NULL);
    put_progress(j, r);
    agent_json_put_u64(j, "failures", r->is_heard ? r->failures : row->tries);
    agent_json_put_u64(j, "placements", row->placements);
    agent_json_put_bool(j, "durable", !row->is_light);
    agent_handoff_put(core, j, row);
    put_attempts(core, j, row->attempts);
    agent_json_object_end(j);
}

/* Why there is no further try: "; no retry is left after 3 attempts". */
static void why_dead(const struct agent_picture *p, char *out, size_t size)
{
    const struct store_row *row = &p->view->row;
    struct agent_job job;
    struct agent_problem problem;
    out[0] = '\0';
    if (p->state != AGENT_STATE_DEAD || row->exit_wall_ms == 0 ||
        agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return;
    if (row->exit_signal == 0 && row->exit_code >= 0 &&
        agent_job_verdict(&job, row->exit_code, 0) == AGENT_JOB_EXIT_DEAD)
        (void)snprintf(out, size, "; `exit_dead` names it, so it is not tried again");
    else if (!agent_job_may_retry(&job, row->tries))
        (void)snprintf(out, size, "; no retry is left after %u %s", attempts(p),
                       attempts(p) == 1 ? "attempt" : "attempts");
    agent_job_close(&job);
}

static void why_summary(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    char text[512], end[96];
    bool has_run = row->kind != STORE_KIND_PARENT;
    bool waits = p->state == AGENT_STATE_STARTING && p->report.is_heard && p->report.note != NULL &&
                 p->report.note[0] != '\0';
    why_dead(p, end, sizeof end);
    bool hands = row->handoff != STORE_HANDOFF_NONE || row->handoff_fails > 0 || p->is_handed;
    if (has_run && (p->state == AGENT_STATE_RUNNING || p->state == AGENT_STATE_STARTING))
        (void)snprintf(
            text, sizeof text, "%s on %s, placed there with token %llu%s%s%s",
            agent_state_text(p->state), agent_node_name(core, row->run_node),
            (unsigned long long)row->run_token, waits || hands ? "; " : "",
            hands   ? p->reason
            : waits ? p->report.note
                    : "",
            row->want == STORE_WANT_HOLD ? "; held by a person, so it is not started anew" : "");
    else if (p->reason[0] != '\0')
        (void)snprintf(text, sizeof text, "%s: %s%s", agent_state_text(p->state), p->reason, end);
    else
        (void)snprintf(text, sizeof text, "%s", agent_state_text(p->state));
    agent_json_put_text(j, "summary", text);
}

static void why_node(struct agent_core *core, struct agent_json *j, const struct store_row *row,
                     const struct agent_wish *wish, const struct agent_peer *w)
{
    char note[256], why[160];
    enum agent_unfit u = agent_place_fits(core, w, wish, row->needs, w->promised);
    bool runs_it = muster_id_equal(w->id, row->run_node) && row->run_token != 0;
    struct agent_facts facts = agent_place_facts(w);
    if (u == AGENT_FITS && muster_id_equal(w->id, row->avoid))
        u = AGENT_UNFIT_AVOIDED;
    bool is_second = u == AGENT_FITS && !agent_wish_prefers(wish, &facts);
    const char *bar = runs_it ? NULL : agent_family_bar_text(core, row->key, w);
    const char *other = runs_it ? NULL : agent_placer_apart(core, row->key, w->id);
    if (bar == NULL && other != NULL) {
        (void)snprintf(why, sizeof why, "no: it may not run beside %s", other);
        bar = why;
    }
    const char *what = bar != NULL       ? bar
                       : u != AGENT_FITS ? agent_unfit_text(u)
                       : is_second       ? "matches, others are preferred"
                                         : "matches";
    if (u == AGENT_UNFIT_UNLIKE && !runs_it)
        (void)snprintf(note, sizeof note, "no: %s",
                       agent_match_why(&wish->on, &facts, why, sizeof why));
    else
        (void)snprintf(note, sizeof note, "%s, %u of %u slots free", runs_it ? "runs it" : what,
                       w->slots > w->used ? w->slots - w->used : 0, w->slots);
    agent_json_object(j);
    agent_json_put_text(j, "node", w->name);
    bool fits = u == AGENT_FITS || u == AGENT_UNFIT_AVOIDED;
    agent_json_put_bool(j, "fits", (fits && bar == NULL) || runs_it);
    agent_json_put_text(j, "note", note);
    agent_json_object_end(j);
}

/* The nodes in the order in which they are asked; then those that are not asked at all. */
static void why_nodes(struct agent_core *core, struct agent_json *j, const struct store_row *row)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX], *all[AGENT_CANDIDATES_MAX];
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX);
    uint32_t m = agent_place_walk(core, row->key, all, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n; i++)
        why_node(core, j, row, wish, walk[i]);
    for (uint32_t i = 0; i < m && wish != NULL; i++)
        if (agent_place_fits(core, all[i], wish, row->needs, 0) == AGENT_UNFIT_UNLIKE)
            why_node(core, j, row, wish, all[i]);
    agent_wish_drop(&core->wishes, wish);
}

void agent_describe_why(struct agent_core *core, struct agent_json *j,
                        const struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    agent_json_object(j);
    agent_json_put_bytes(j, "name", row->key);
    agent_json_put_text(j, "state", agent_state_text(p->state));
    agent_json_put_time(j, "since", row->since_wall_ms);
    put_reason(j, p);
    why_summary(core, j, p);
    agent_json_key(j, "nodes");
    agent_json_array(j);
    why_nodes(core, j, row);
    agent_json_array_end(j);
    agent_json_object_end(j);
}

void agent_describe_place(struct agent_core *core, struct agent_json *j, const char *name,
                          const struct agent_picture *p)
{
    struct muster_bytes key = muster_bytes_text(name);
    uint32_t bucket = store_bucket_of(core->store, key);
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    struct store_bucket_view b;
    store_bucket(core->store, bucket, &b);
    agent_json_object(j);
    agent_json_put_text(j, "name", name);
    agent_json_put_u64(j, "bucket", bucket);
    agent_json_key(j, "bench");
    agent_json_array(j);
    for (uint32_t i = 0; i < b.old_count; i++) {
        agent_json_object(j);
        agent_json_put_text(j, "node", agent_node_name(core, b.old_seat[i].node));
        agent_json_put_u64(j, "seat", b.old_seat[i].seat);
        agent_json_put_bool(j, "keeper", muster_id_equal(b.old_seat[i].node, b.keeper));
        agent_json_object_end(j);
    }
    agent_json_array_end(j);
    agent_json_key(j, "preference");
    agent_json_array(j);
    uint32_t n = agent_place_walk(core, key, walk, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n; i++)
        agent_json_text(j, walk[i]->name);
    agent_json_array_end(j);
    agent_json_key(j, "run");
    if (p != NULL)
        agent_describe_run(core, j, p);
    else
        agent_json_null(j);
    agent_json_object_end(j);
}
