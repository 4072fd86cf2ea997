/* SPDX-License-Identifier: Apache-2.0 */
/* What runs here: the tables, the slots, and the reports to the keepers. */
#include "agent/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/apart.h"
#include "agent/holds.h"
#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "agent/relay.h"
#include "agent/runner_inside.h"

#define STRAY_HOLDS 3 /* a keeper that answers does so after one */
#define STRAY_PEERS 8 /* asked at a time */

int agent_runner_open(struct agent_core *core)
{
    struct agent_runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return MUSTER_EFULL;
    core->runner = r;
    r->capacity = core->config.runs_max;
    r->run = calloc(r->capacity, sizeof *r->run);
    if (r->run == NULL)
        return MUSTER_EFULL;
    /* A handle names a directory of a guard: the boot number keeps it apart from those of earlier
     * lives. */
    r->next_handle = (core->config.boot & 0x3fffff) << 40 | 1;
    r->told_slots = UINT32_MAX;
    return runner_seen_open(r);
}

void agent_runner_close(struct agent_core *core)
{
    struct agent_runner *r = core->runner;
    if (r == NULL)
        return;
    for (uint32_t i = 0; r->run != NULL && i < r->high; i++)
        if (r->run[i].is_used)
            runner_free(core, &r->run[i]);
    runner_seen_close(r);
    free(r->run);
    free(r);
    core->runner = NULL;
}

struct muster_bytes runner_key(const struct agent_run *run)
{
    return muster_bytes_text(run->key);
}

struct agent_run *runner_find(const struct agent_core *core, struct muster_bytes key)
{
    struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++)
        if (r->run[i].is_used && muster_bytes_equal(runner_key(&r->run[i]), key))
            return &r->run[i];
    return NULL;
}

struct agent_run *runner_make(struct agent_core *core, struct muster_bytes key)
{
    struct agent_runner *r = core->runner;
    struct agent_run *run = NULL;
    for (uint32_t i = 0; i < r->high && run == NULL; i++)
        if (!r->run[i].is_used)
            run = &r->run[i];
    if (run == NULL && r->high < r->capacity)
        run = &r->run[r->high++];
    if (run == NULL || key.len > STORE_KEY_MAX)
        return NULL;
    *run = (struct agent_run){ .is_used = true, .exit_code = -1, .retry_ms = MUSTER_NEVER };
    run->timeout_at_ms = MUSTER_NEVER;
    memcpy(run->key, key.data, key.len);
    run->heard_ms = core->now.mono_ms;
    run->ok_ms = core->now.mono_ms;
    return run;
}

void runner_free(struct agent_core *core, struct agent_run *run)
{
    (void)core;
    if (run->has_job)
        agent_job_close(&run->job);
    if (run->next != NULL) {
        free(run->next->spec);
        free(run->next);
    }
    runner_left_free(run);
    *run = (struct agent_run){ 0 };
}

/* ---- slots (R27: the runner alone counts them) */

static uint32_t slots_own(const struct agent_core *core)
{
    return core->standing == AGENT_JOINED ? core->config.slots : 0;
}

static uint32_t used_but(const struct agent_core *core, uint64_t but_hash)
{
    const struct agent_runner *r = core->runner;
    uint32_t used = 0;
    for (uint32_t i = 0; i < r->high; i++)
        if (r->run[i].is_used && r->run[i].holds_slot &&
            (r->run[i].pid != 0 || !MUSTER_MUTANT(slots_counted_after_spawn)))
            used += r->run[i].needs;
    for (uint32_t i = 0; i < r->reservations; i++)
        if (r->reservation[i].until_ms > core->now.mono_ms &&
            (but_hash == 0 || r->reservation[i].key_hash != but_hash))
            used += r->reservation[i].needs;
    return used;
}

uint32_t agent_runner_used(const struct agent_core *core)
{
    return used_but(core, 0);
}

bool agent_runner_is_scanned(const struct agent_core *core)
{
    return core->runner->is_scanned;
}

uint32_t agent_runner_count(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->high; i++)
        n += r->run[i].is_used && r->run[i].state != AGENT_RUN_ENDED;
    return n;
}

bool agent_runner_runs(const struct agent_core *core, struct muster_bytes key, uint64_t token)
{
    const struct agent_run *run = runner_find(core, key);
    return run != NULL && run->token == token && run->state != AGENT_RUN_ENDED;
}

uint64_t agent_runner_token(const struct agent_core *core, struct muster_bytes key)
{
    return runner_seen(core, key);
}

uint32_t runner_room(const struct agent_core *core)
{
    uint32_t slots = slots_own(core), used = agent_runner_used(core);
    return core->runner->is_scanned && slots > used ? slots - used : 0;
}

bool runner_has_room(const struct agent_core *core, uint32_t needs, uint64_t own_key_hash)
{
    return (uint64_t)used_but(core, own_key_hash) + needs <= slots_own(core);
}

static struct run_reservation *reservation_of(struct agent_core *core, uint64_t hash)
{
    struct agent_runner *r = core->runner;
    struct run_reservation *free_one = NULL;
    uint32_t last = 0;
    for (uint32_t i = 0; i < r->reservations; i++) {
        struct run_reservation *v = &r->reservation[i];
        bool is_free = v->until_ms <= core->now.mono_ms;
        if (!is_free && v->key_hash == hash)
            return v;
        if (is_free && free_one == NULL)
            free_one = v;
        last = is_free ? last : i + 1;
    }
    r->reservations = last;
    if (free_one != NULL && free_one < &r->reservation[last])
        return free_one;
    return last < RESERVATIONS_MAX ? &r->reservation[r->reservations++] : NULL;
}

void agent_runner_offer(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t offer = muster_read_u64(r);
    uint32_t needs = muster_read_u32(r);
    bool is_exclusive = muster_read_bool(r);
    uint64_t rank = muster_read_u64(r);
    char apart[AGENT_APART_MAX + 1] = "";
    if (muster_reader_ok(r) && muster_reader_left(r) > 0)
        muster_read_text(r, apart, sizeof apart);
    if (!muster_reader_ok(r))
        return;
    const struct agent_run *other = runner_not_beside(core, key, apart);
    uint64_t hash = runner_key_hash(key);
    struct run_reservation *v = reservation_of(core, hash);
    bool room = v != NULL && core->runner->is_scanned && runner_has_room(core, needs, hash);
    room = room && !core->config.held && other == NULL;
    room = room && !(is_exclusive && runner_clock_is_bad(core));
    bool waits = room && runner_is_out_of_turn(core, key, rank, needs);
    if (waits || !runner_has_room(core, needs, hash))
        runner_ticket_again(core, key);
    room = room && !waits;
    room = (room && !MUSTER_RARE(offer_declined)) || MUSTER_MUTANT(room_for_everybody);
    if (room && v != NULL)
        *v = (struct run_reservation){ hash, needs, core->now.mono_ms + AGENT_RESERVE_MS };
    if (room && v != NULL && MUSTER_MUTANT(reservation_never_ends))
        v->until_ms = MUSTER_NEVER - 1;
    if (room || other != NULL) /* who may not come keeps nobody else waiting */
        runner_ticket_used(core, key);
    core->counters.offers++;
    core->counters.offers_full += !room;
    struct agent_msg_room m = { .key = key,
                                .offer = offer,
                                .has_room = room,
                                .slots = slots_own(core),
                                .used = agent_runner_used(core) };
    if (other != NULL)
        m.apart = runner_key(other);
    if (waits)
        m.used = m.slots; /* for this one it is full: its keeper asks again when it is invited */
    struct muster_writer w = agent_frame(core);
    agent_write_room(&w, &m);
    (void)agent_frame_send(core, from, &w);
}

const struct agent_run *runner_not_beside(const struct agent_core *core, struct muster_bytes key,
                                          const char *apart)
{
    const struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++) {
        const struct agent_run *run = &r->run[i];
        if (!run->is_used || run->state == AGENT_RUN_ENDED ||
            muster_bytes_equal(runner_key(run), key))
            continue;
        bool says = run->has_job && run->job.apart != NULL;
        if ((apart[0] != '\0' && agent_apart_names(apart, runner_key(run))) ||
            (says && agent_apart_names(run->job.apart, key)))
            return run;
    }
    return NULL;
}

/* ---- reports */

void runner_changed(struct agent_run *run, enum agent_run_state state, uint64_t wall_ms)
{
    if (run->state != state || run->since_wall_ms == 0)
        run->since_wall_ms = wall_ms;
    run->state = state;
    run->is_reported_due = true;
}

/* Whom to tell about a run: its keeper as last heard; after a silence the others of its bench in
 * turn. */
static void route_renew(struct agent_core *core, struct agent_run *run)
{
    struct muster_id who[STORE_BENCH_MAX + RING_REPLICAS_MAX];
    uint32_t bucket = store_bucket_of(core->store, runner_key(run));
    uint32_t n = store_keeper_hint(core->store, bucket, who, STORE_BENCH_MAX);
    if (n == 0)
        n = agent_place_bench(core, bucket, who, RING_REPLICAS_MAX);
    if (n == 0)
        return;
    MUSTER_MARK(another_keeper_is_asked);
    agent_relay_mute(core, run->keeper);
    run->keeper = who[run->route_try++ % n];
    run->heard_ms = core->now.mono_ms;
}

static void hold_write(struct muster_writer *w, const struct agent_run *run)
{
    struct agent_msg_hold m = { .key = runner_key(run),
                                .token = run->token,
                                .uid = run->uid,
                                .revision = run->revision,
                                .state = run->state,
                                .attempt = run->attempt,
                                .pid = run->pid,
                                .since_wall_ms = run->since_wall_ms,
                                .failures = run->failures,
                                .not_before_wall_ms = run->not_before_wall_ms,
                                .exit_code = run->exit_code,
                                .exit_signal = run->exit_signal,
                                .exit_wall_ms = run->exit_wall_ms,
                                .note = muster_bytes_text(run->note),
                                .is_live = run->is_live,
                                .done = run->progress,
                                .total = run->progress_of };
    if (run->state == AGENT_RUN_BACKOFF)
        m.attempts = MUSTER_BYTES(run->attempts.data, run->attempts.len);
    agent_write_hold(w, &m);
}

static void done_send(struct agent_core *core, struct agent_run *run)
{
    if (runner_left_is_open(core, run))
        return; /* whoever hears of the end must find the result */
    runner_left_last(core, run);
    run->done.key = runner_key(run);
    run->done.reason = muster_bytes_text(run->note);
    run->done.attempts = MUSTER_BYTES(run->attempts.data, run->attempts.len);
    struct muster_writer w = agent_frame(core);
    agent_write_done(&w, AGENT_MSG_DONE, &run->done);
    (void)agent_frame_send(core, run->keeper, &w);
}

static bool is_held(const struct agent_run *run, bool all)
{
    return run->is_used && !run->is_dropped &&
           !(run->state == AGENT_RUN_ENDED && run->has_verdict) && (all || run->is_reported_due);
}

static void holds_send(struct agent_core *core, struct muster_id keeper, bool all)
{
    struct agent_runner *r = core->runner;
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_HOLD, 3);
    muster_write_u64(&w, core->now.mono_ms);
    uint8_t *mark = muster_write_array_open(&w);
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->high && n < AGENT_HOLD_MAX; i++) {
        struct agent_run *run = &r->run[i];
        if (!is_held(run, all) || !muster_id_equal(run->keeper, keeper) || MUSTER_RARE(report_late))
            continue;
        hold_write(&w, run);
        run->is_reported_due = false;
        n++;
    }
    muster_write_array_close(&w, mark, n);
    if (n > 0)
        (void)agent_frame_send(core, keeper, &w);
}

/* ---- strays: runs that no keeper has confirmed for a while, because the one that we know is none
 * any more and nobody here knows its successor. So whoever we see is asked, by lot, and at once
 * whoever is back: the keeper is among them (P3, R29). */

static bool is_stray(const struct agent_core *core, const struct agent_run *run)
{
    uint64_t since = run->ok_ms + STRAY_HOLDS * (uint64_t)core->config.hold_ms;
    return is_held(run, true) && core->now.mono_ms >= since;
}

static void strays_send(struct agent_core *core, struct muster_id to)
{
    struct agent_runner *r = core->runner;
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_HOLD, 3);
    muster_write_u64(&w, core->now.mono_ms);
    uint8_t *mark = muster_write_array_open(&w);
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->high && n < AGENT_HOLD_MAX; i++) {
        if (!is_stray(core, &r->run[i]) || muster_id_equal(r->run[i].keeper, to))
            continue;
        hold_write(&w, &r->run[i]);
        n++;
    }
    muster_write_array_close(&w, mark, n);
    if (n == 0)
        return;
    MUSTER_MARK(strays_reported);
    (void)agent_frame_send(core, to, &w);
}

static bool has_strays(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++)
        if (is_stray(core, &r->run[i]))
            return true;
    return false;
}

static void strays_tick(struct agent_core *core)
{
    struct muster_id to[STRAY_PEERS];
    uint32_t seen = 0;
    if (!has_strays(core))
        return;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (p->is_self || !agent_peer_is_linked(core, p))
            continue;
        uint64_t at = seen < STRAY_PEERS ? seen : muster_rng_below(&core->rng, seen + 1);
        if (at < STRAY_PEERS)
            to[at] = p->id;
        seen++;
    }
    for (uint32_t i = 0; i < seen && i < STRAY_PEERS; i++)
        strays_send(core, to[i]);
}

void agent_runner_linked(struct agent_core *core, const struct agent_peer *p)
{
    strays_send(core, p->id);
}

static void reports_send(struct agent_core *core, bool all)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (agent_peer_is_linked(core, p) || agent_relay_knows(core, p->id))
            holds_send(core, p->id, all);
    }
}

void agent_runner_tell_load(struct agent_core *core, const struct agent_peer *p)
{
    struct muster_writer w = agent_frame(core);
    struct agent_msg_load m = { .slots = slots_own(core),
                                .used = agent_runner_used(core),
                                .waiting = agent_placer_waiting(core),
                                .draining = core->standing != AGENT_JOINED,
                                .leaves = core->standing == AGENT_LEAVING,
                                .restarts = core->restarts,
                                .wall_ms = core->now.wall_ms };
    agent_write_load(&w, &m);
    (void)agent_frame_send(core, p->id, &w);
}

void agent_runner_flush(struct agent_core *core)
{
    struct agent_runner *r = core->runner;
    uint32_t slots = slots_own(core), used = agent_runner_used(core);
    uint32_t waiting = agent_placer_waiting(core);
    bool draining = core->standing != AGENT_JOINED;
    bool due = false;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || !run->is_reported_due)
            continue;
        due = true;
        if (run->state == AGENT_RUN_ENDED && run->has_verdict) {
            run->is_reported_due = false;
            done_send(core, run);
        }
    }
    if (due)
        reports_send(core, false);
    runner_invite(core);
    if (slots == r->told_slots && used == r->told_used && draining == r->told_draining &&
        waiting == r->told_waiting && core->standing == r->told_standing &&
        !agent_wall_is_due(core))
        return;
    agent_wall_told(core);
    r->told_waiting = waiting;
    r->told_slots = slots;
    r->told_used = used;
    r->told_draining = draining;
    r->told_standing = core->standing;
    agent_peers_load(core, slots, used, draining);
}

/* ---- time */

static void run_tick(struct agent_core *core, struct agent_run *run, bool hold)
{
    uint64_t now = core->now.mono_ms;
    run->tries = hold ? 0 : run->tries;
    if (hold && now - run->heard_ms > 5 * (uint64_t)core->config.hold_ms / 2)
        route_renew(core, run);
    if (hold && run->state == AGENT_RUN_ENDED && run->has_verdict)
        done_send(core, run);
    if (hold)
        runner_lonely(core, run);
    if (run->awaits_left && !runner_left_is_open(core, run)) {
        runner_end_stopped(core, run);
        return;
    }
    if (run->state == AGENT_RUN_BACKOFF && muster_deadline_reached(run->retry_ms, now))
        runner_launch(core, run);
    if (run->is_live && muster_deadline_reached(run->timeout_at_ms, now)) {
        run->timeout_at_ms = MUSTER_NEVER;
        run->is_timed_out = true;
        struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_GUARD_STOP);
        e->number = run->handle;
        e->grace_ms = run->has_job ? run->job.stop_timeout_ms : 0;
    }
}

/* Half-way between two beats: who hears both from here hears of us twice as often, and notices our
 * silence so much sooner. Without runs there is nothing to say, and one waking does for both. */
static uint64_t hold_next_ms(const struct agent_core *core, bool has_runs)
{
    struct muster_now now = core->now;
    now.wall_ms += has_runs ? core->config.hold_ms / 2 : 0;
    return muster_deadline_on_grid(now, core->config.hold_ms);
}

void agent_runner_tick(struct agent_core *core)
{
    struct agent_runner *r = core->runner;
    uint64_t now = core->now.mono_ms, next = MUSTER_NEVER;
    bool hold = muster_deadline_reached(r->hold_ms, now), has_runs = false;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used)
            continue;
        run_tick(core, run, hold);
        if (!run->is_used)
            continue;
        has_runs = true;
        next = muster_deadline_sooner(next, runner_left_tick(core, run));
        if (run->state == AGENT_RUN_BACKOFF)
            next = muster_deadline_sooner(next, run->retry_ms);
        if (run->is_live)
            next = muster_deadline_sooner(next, run->timeout_at_ms);
    }
    for (uint32_t i = 0; i < r->reservations; i++)
        if (r->reservation[i].until_ms > now)
            next = muster_deadline_sooner(next, r->reservation[i].until_ms);
    if (hold) {
        r->hold_ms = hold_next_ms(core, has_runs);
        reports_send(core, true);
        strays_tick(core);
        runner_seen_note_again(core);
        runner_seen_sweep(core);
    }
    r->deadline_ms = muster_deadline_sooner(next, r->hold_ms);
}

uint64_t agent_runner_deadline_ms(const struct agent_core *core)
{
    return core->runner->deadline_ms;
}

bool agent_runner_is_sane(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    uint32_t live = 0;
    for (uint32_t i = 0; i < r->high; i++) {
        const struct agent_run *run = &r->run[i];
        if (!run->is_used)
            continue;
        live += run->holds_slot ? run->needs : 0;
        if (run->is_live && runner_seen(core, runner_key(run)) < run->token)
            return false; /* R28: seen before it exists */
    }
    /* I8, as far as a later, smaller slot count allows. */
    return core->standing != AGENT_JOINED || live <= core->config.slots;
}
