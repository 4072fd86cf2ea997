/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a run: started, launched, failed and tried again, stopped, ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/holds.h"
#include "agent/newsroom.h"
#include "agent/peers.h"
#include "agent/relay.h"
#include "agent/run_name.h"
#include "agent/runner_inside.h"

#define LEASE_LAUNCH_MS 250    /* less is left for the next lease */
#define CLOCK_DOUBT_MS  120000 /* and tried again */

static void note_set(struct agent_run *run, const char *text)
{
    (void)snprintf(run->note, sizeof run->note, "%s", text != NULL ? text : "");
}

/* ---- clocks (R40) */

bool runner_clock_is_bad(const struct agent_core *core)
{
    return core->now.mono_ms < core->clock_bad_until_ms;
}

/* Whose clock is the wrong one cannot be told from here; a lease between the two means nothing. */
static void clock_doubt(struct agent_core *core, struct muster_id other)
{
    struct agent_runner *r = core->runner;
    const char *name = agent_node_name(core, other);
    core->clock_bad_until_ms = core->now.mono_ms + CLOCK_DOUBT_MS;
    agent_out_log(&core->out, AGENT_LOG_WARN,
                  "this clock and that of %s run at rates more than 0.5 %% apart: exclusive runs "
                  "end here; look at the hosts' time sources",
                  name);
    agent_news_add(core, "node.clock", NULL, NULL, 0,
                   "its clock and that of %s run more than 0.5 %% apart", name);
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || !run->is_exclusive || run->state == AGENT_RUN_ENDED)
            continue;
        if (run->state != AGENT_RUN_STOPPING)
            note_set(run, "its clock is not to be trusted");
        runner_end_stopped(core, run);
    }
}

/* ---- START */

static bool spec_take(struct agent_core *core, struct agent_run *run, struct muster_bytes spec)
{
    struct agent_problem problem;
    if (run->has_job || spec.len == 0)
        return run->has_job;
    run->has_job = agent_job_decode(&run->job, spec, &problem) == MUSTER_OK;
    if (!run->has_job)
        agent_out_log(&core->out, AGENT_LOG_ERROR, "%s: its spec cannot be read: %s", run->key,
                      problem.message);
    return run->has_job;
}

static void next_keep(struct agent_run *run, struct muster_id from, const struct agent_msg_start *m)
{
    if (run->next == NULL)
        run->next = calloc(1, sizeof *run->next);
    if (run->next == NULL || run->next->token > m->token)
        return;
    uint8_t *spec = malloc(m->spec.len + 1);
    if (spec == NULL)
        return;
    memcpy(spec, m->spec.data, m->spec.len);
    free(run->next->spec);
    *run->next = (struct run_next){ .token = m->token,
                                    .uid = m->uid,
                                    .revision = m->revision,
                                    .needs = m->needs,
                                    .failures = m->failures,
                                    .is_exclusive = m->is_exclusive,
                                    .keeper = from,
                                    .spec = spec,
                                    .spec_len = m->spec.len };
}

static void run_begin(struct agent_core *core, struct muster_id from,
                      const struct agent_msg_start *m)
{
    uint64_t hash = runner_key_hash(m->key);
    bool has_room = runner_has_room(core, m->needs, hash) && !MUSTER_RARE(start_declined);
    struct agent_run *run = has_room ? runner_make(core, m->key) : NULL;
    if (run == NULL || !spec_take(core, run, m->spec)) {
        MUSTER_MARK(no_slot_when_start_came);
        if (run != NULL)
            runner_free(core, run);
        runner_gone(core, from, m->key, m->token, "no free slot when the start came");
        return;
    }
    for (uint32_t i = 0; i < RESERVATIONS_MAX; i++)
        if (core->runner->reservation[i].key_hash == hash)
            core->runner->reservation[i].until_ms = 0;
    run->token = m->token;
    run->uid = m->uid;
    run->revision = m->revision;
    run->needs = m->needs;
    run->is_exclusive = m->is_exclusive;
    run->failures = m->failures;
    run->attempt = m->failures; /* attempts are counted over the whole run, not per node */
    run->keeper = from;
    run->holds_slot = true;
    run->is_noting = true;
    runner_before_take(run, m->checkpoint);
    runner_changed(run, AGENT_RUN_STARTING, core->now.wall_ms);
    core->counters.starts++;
    run->note_cookie = runner_foretold_take(core, m->key, m->token);
    bool is_foretold = run->note_cookie != 0;
    if (!is_foretold) {
        run->note_cookie = agent_number(core);
        runner_seen_set(core, m->key, m->token, run->note_cookie);
    }
    if (MUSTER_MUTANT(seen_not_on_disk) || !runner_is_noting(core, run->note_cookie) ||
        (is_foretold && MUSTER_MUTANT(foretold_not_on_disk)))
        agent_runner_noted(core, run->note_cookie, MUSTER_OK);
    else if (is_foretold)
        MUSTER_MARK(started_before_it_is_noted);
}

/* Two that may not meet can have been given room at once: who is started first has it. */
static const struct agent_run *start_not_beside(struct agent_core *core,
                                                const struct agent_msg_start *m)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, m->spec);
    const struct agent_run *other =
        runner_not_beside(core, m->key, wish != NULL ? wish->apart : "");
    agent_wish_drop(&core->wishes, wish);
    return other;
}

void agent_runner_start(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_start m = { 0 };
    agent_read_start(r, &m);
    if (!muster_reader_ok(r) || m.token == 0 || !core->runner->is_scanned)
        return;
    struct agent_run *run = runner_find(core, m.key);
    if (run != NULL && run->token == m.token) {
        MUSTER_MARK(start_of_what_runs);
        run->keeper = from;
        run->heard_ms = core->now.mono_ms;
        run->is_reported_due = true;
        run->uid = m.uid != 0 ? m.uid : run->uid;
        run->revision = m.revision != 0 ? m.revision : run->revision;
        /* One that an earlier agent left has no lease here yet: no second try without (R38). */
        run->is_exclusive = run->is_exclusive || m.is_exclusive;
        if (!run->has_job && spec_take(core, run, m.spec))
            runner_known(core, run, m.failures);
        return;
    }
    const struct agent_run *other = start_not_beside(core, &m);
    bool is_refused = other != NULL || core->standing != AGENT_JOINED ||
                      (m.is_exclusive && runner_clock_is_bad(core));
    bool was_seen = runner_seen(core, m.key) >= m.token && !MUSTER_MUTANT(seen_not_checked) &&
                    !runner_is_foretold(core, m.key, m.token);
    if (was_seen || is_refused) {
        if (was_seen)
            MUSTER_MARK(start_of_seen_token);
        else
            MUSTER_MARK(start_refused);
        if (run != NULL && run->token > m.token) {
            /* This keeper does not know of a claim that we run by, and nobody else tells it: or it
             * would place that job again and again (R43). */
            MUSTER_MARK(start_below_a_claim);
            run->keeper = from;
            run->is_reported_due = true;
        } else if (runner_seen(core, m.key) > m.token) {
            runner_past_tell(core, from, m.key);
        }
        runner_gone(core, from, m.key, m.token,
                    runner_clock_is_bad(core) ? "its clock is not to be trusted"
                    : other != NULL           ? "it may not run beside what runs there"
                                              : "not running here");
        return;
    }
    if (run == NULL) {
        run_begin(core, from, &m);
        return;
    }
    MUSTER_MARK(start_over_an_older_run);
    next_keep(run, from, &m);
    run->is_dropped = true;
    runner_end_stopped(core, run);
}

/* ---- the process */

static const char *env_pair(struct agent_core *core, const char *key, const char *value)
{
    size_t len = strlen(key) + strlen(value) + 2;
    char *text = agent_out_take(&core->out, len);
    (void)snprintf(text, len, "%s=%s", key, value);
    return text;
}

static const char *number_text(struct agent_core *core, uint64_t n)
{
    char *text = agent_out_take(&core->out, 24);
    (void)snprintf(text, 24, "%llu", (unsigned long long)n);
    return text;
}

static const char *const *launch_env(struct agent_core *core, const struct agent_run *run)
{
    const struct agent_job *job = &run->job;
    const char **env = agent_out_take(&core->out, (job->env_count + 10) * sizeof *env);
    uint32_t n = 0;
    for (uint32_t i = 0; i < job->env_count; i++)
        env[n++] = agent_out_text(&core->out, job->env[i]);
    struct agent_run_name name = agent_run_name_read(runner_key(run));
    char time[MUSTER_TIME_TEXT];
    env[n++] = env_pair(core, "MUSTER_JOB", job->name);
    env[n++] = env_pair(core, "MUSTER_RUN", run->key);
    env[n++] = env_pair(core, "MUSTER_RUN_TOKEN", number_text(core, run->token));
    env[n++] = env_pair(core, "MUSTER_ATTEMPT", number_text(core, run->attempt));
    env[n++] = env_pair(core, "MUSTER_INDEX", number_text(core, name.index > 0 ? name.index : 1));
    env[n++] = env_pair(core, "MUSTER_COUNT", number_text(core, job->spread > 0 ? job->spread : 1));
    if (name.tick_wall_ms != 0) {
        (void)memcpy(muster_time_text(name.tick_wall_ms, time) + 19, "Z", 2); /* a whole second */
        env[n++] = env_pair(core, "MUSTER_TICK", time);
    }
    env[n++] = env_pair(core, "MUSTER_NODE", core->config.name);
    if (job->payload != NULL)
        env[n++] = env_pair(core, "MUSTER_PAYLOAD", runner_payload_path(core, run));
    env[n] = NULL;
    return env;
}

/* One argument with %{arg} %{job} %{index} %{node} replaced; a stray %{x} stays as it stands. */
static const char *argument_expand(struct agent_core *core, const struct agent_run *run,
                                   const char *text)
{
    const char *const name[] = { "%{arg}", "%{job}", "%{index}", "%{node}" };
    uint32_t index = agent_run_name_read(runner_key(run)).index;
    const char *const value[] = { run->job.arg != NULL ? run->job.arg : "", run->job.name,
                                  number_text(core, index > 0 ? index : 1), core->config.name };
    if (strstr(text, "%{") == NULL)
        return agent_out_text(&core->out, text);
    struct muster_text out;
    muster_text_open(&out, 1u << 20);
    while (*text != '\0') {
        size_t i = 0;
        while (i < 4 && strncmp(text, name[i], strlen(name[i])) != 0)
            i++;
        if (i < 4) {
            muster_text_add(&out, "%s", value[i]);
            text += strlen(name[i]);
        } else {
            muster_text_add_bytes(&out, MUSTER_BYTES(text++, 1));
        }
    }
    const char *expanded = agent_out_text(&core->out, out.data != NULL ? out.data : "");
    muster_text_close(&out);
    return expanded;
}

static const char *const *launch_argv(struct agent_core *core, const struct agent_run *run)
{
    const struct agent_job *job = &run->job;
    const char **argv = agent_out_take(&core->out, (job->argc + 1) * sizeof *argv);
    for (uint32_t i = 0; i < job->argc; i++)
        argv[i] = argument_expand(core, run, job->argv[i]);
    argv[job->argc] = NULL;
    return argv;
}

static struct agent_left_bytes launch_checkpoint(struct agent_core *core,
                                                 const struct agent_run *run)
{
    struct agent_left_bytes before = runner_before(run);
    if (before.data == NULL)
        return before;
    struct muster_bytes copy = agent_out_copy(&core->out, MUSTER_BYTES(before.data, before.len));
    return (struct agent_left_bytes){ copy.data, copy.len };
}

static void launch_fill(struct agent_core *core, const struct agent_run *run,
                        struct agent_launch *l)
{
    const struct agent_job *job = &run->job;
    *l = (struct agent_launch){
        .job = agent_out_text(&core->out, run->job.name),
        .run = agent_out_text(&core->out, run->key),
        .token = run->token,
        .attempt = run->attempt,
        .needs = run->needs,
        .handle = run->handle,
        .argv = launch_argv(core, run),
        .env = launch_env(core, run),
        .arg = agent_out_text(&core->out, job->arg),
        .cwd = agent_out_text(&core->out, job->cwd),
        .user = agent_out_text(&core->out, job->user),
        .group = agent_out_text(&core->out, job->max_running == 0 ? job->group : NULL),
        .umask = job->umask,
        .nice = job->nice,
        .limit_nofile = job->limit_nofile,
        .limit_core = job->limit_core,
        .limit_memory = job->limit_memory,
        .limit_cpu_s =
            job->limit_cpu_ms == AGENT_JOB_NONE ? UINT64_MAX : (job->limit_cpu_ms + 999) / 1000,
        .stop_signal = job->stop_signal,
        .stop_timeout_ms = job->stop_timeout_ms,
        .keep = job->on_agent_loss == AGENT_JOB_LOSS_KEEPS,
        .dead_man_ms = core->config.dead_man_ms,
        .lease_ms = run->is_exclusive ? run->lease_until_ms : 0,
        .ready = (enum agent_ready)job->ready,
        .ready_port = job->ready_port,
        .ready_after_ms = 1000,
        .ready_timeout_ms = job->ready_timeout_ms,
        .checkpoint = launch_checkpoint(core, run),
        .watchdog_ms = job->watchdog_ms == AGENT_JOB_NONE ? 0 : job->watchdog_ms,
        .log_max_bytes = core->config.log_max_bytes,
        .log_keep_s = (job->keep_age_ms + 999) / 1000,
    };
}

void runner_move_away(struct agent_core *core, struct agent_run *run, const char *why)
{
    /* Whose time has come by our clock need not wait for that of a keeper, which may stand an hour
     * before it. */
    bool waits = run->state == AGENT_RUN_BACKOFF && run->retry_ms != MUSTER_NEVER &&
                 run->retry_ms > core->now.mono_ms;
    run->done =
        (struct agent_msg_done){ .token = run->token,
                                 .verdict = AGENT_DONE_MOVE,
                                 .failures = run->failures,
                                 .not_before_wall_ms = waits ? run->not_before_wall_ms : 0 };
    note_set(run, why);
    run->has_verdict = true;
    run->holds_slot = false;
    runner_changed(run, AGENT_RUN_ENDED, core->now.wall_ms);
}

/* ---- leases (R38) */

/* Long enough for a guard to take it to a process. */
static bool lease_is_good(const struct agent_core *core, const struct agent_run *run)
{
    return !run->is_exclusive || run->lease_until_ms > core->now.mono_ms + LEASE_LAUNCH_MS ||
           MUSTER_MUTANT(start_without_lease);
}

/* The keeper has granted a lease that ends then. A run that an earlier agent left is known to be
 * exclusive by its first lease. */
static void run_leased(struct agent_core *core, struct agent_run *run, uint64_t until_ms)
{
    if (until_ms <= run->lease_until_ms)
        return;
    run->is_exclusive = true;
    run->lease_until_ms = until_ms;
    if (run->is_live) {
        struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_GUARD_LEASE);
        e->number = run->handle;
        e->deadline_ms = until_ms;
    } else if (run->awaits_lease && run->state == AGENT_RUN_STARTING) {
        runner_launch(core, run);
    }
}

void runner_launch(struct agent_core *core, struct agent_run *run)
{
    if (!run->holds_slot && !runner_has_room(core, run->needs, 0)) {
        runner_move_away(core, run, "its slot was taken while it waited to be tried again");
        return;
    }
    if (agent_holds_has(core, runner_key(run)) && !MUSTER_MUTANT(started_while_held)) {
        MUSTER_MARK(not_started_while_held);
        runner_move_away(core, run, "it was to be started while everything is held");
        return;
    }
    run->holds_slot = true;
    run->retry_ms = MUSTER_NEVER;
    if (runner_awaits_payload(core, run))
        return;
    run->awaits_lease = !lease_is_good(core, run);
    if (run->awaits_lease) {
        MUSTER_MARK(start_waits_for_lease);
        note_set(run, "waits for its lease");
        runner_changed(run, AGENT_RUN_STARTING, core->now.wall_ms);
        return;
    }
    run->is_live = true;
    run->is_timed_out = false;
    run->progress = run->progress_of = 0;
    run->attempt++;
    if (run->handle != 0)
        agent_out_add(&core->out, AGENT_EFFECT_GUARD_FORGET)->number = run->handle;
    run->handle = core->runner->next_handle++;
    run->not_before_wall_ms = 0;
    run->started_wall_ms = core->now.wall_ms;
    note_set(run, "");
    runner_changed(run, AGENT_RUN_STARTING, core->now.wall_ms);
    struct agent_launch *l = agent_out_take(&core->out, sizeof *l);
    launch_fill(core, run, l);
    agent_out_add(&core->out, AGENT_EFFECT_GUARD_LAUNCH)->launch = l;
    if (run->local_failures > 0)
        core->counters.restarts++;
}

/* ---- STOP, DROP */

/* The run is over and nobody waits for a verdict: say GONE, make room, start what waited for its
 * end. */
static void run_finish(struct agent_core *core, struct agent_run *run)
{
    struct run_next *next = run->next;
    run->next = NULL;
    if (!run->is_dropped)
        runner_left_last(core, run);
    if (!run->is_dropped)
        runner_gone(core, run->keeper, runner_key(run), run->token, run->note);
    if (run->handle != 0)
        agent_out_add(&core->out, AGENT_EFFECT_GUARD_FORGET)->number = run->handle;
    char key[STORE_KEY_MAX + 1];
    memcpy(key, run->key, sizeof key);
    runner_free(core, run);
    if (next == NULL)
        return;
    struct agent_msg_start m = { .key = muster_bytes_text(key),
                                 .token = next->token,
                                 .uid = next->uid,
                                 .revision = next->revision,
                                 .needs = next->needs,
                                 .failures = next->failures,
                                 .is_exclusive = next->is_exclusive,
                                 .spec = MUSTER_BYTES(next->spec, next->spec_len) };
    /* Who asked for it meanwhile has been told that it is gone. */
    bool is_refused =
        runner_seen(core, m.key) >= m.token && !runner_is_foretold(core, m.key, m.token);
    if (is_refused)
        MUSTER_MARK(refused_while_it_waited);
    else
        run_begin(core, next->keeper, &m);
    free(next->spec);
    free(next);
}

void runner_end_stopped(struct agent_core *core, struct agent_run *run)
{
    bool is_first = run->state != AGENT_RUN_STOPPING;
    if (run->is_noting) {
        runner_changed(run, AGENT_RUN_STOPPING, core->now.wall_ms);
        return;
    }
    run->awaits_left = !run->is_live && !run->is_dropped && runner_left_is_open(core, run);
    if (run->awaits_left) {
        runner_changed(run, AGENT_RUN_STOPPING, core->now.wall_ms);
        return;
    }
    if (!run->is_live) {
        run_finish(core, run);
        return;
    }
    if (!is_first)
        return;
    runner_changed(run, AGENT_RUN_STOPPING, core->now.wall_ms);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_GUARD_STOP);
    e->number = run->handle;
    e->grace_ms = run->has_job ? run->job.stop_timeout_ms : 10000;
}

void agent_runner_stop(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    struct muster_bytes why = muster_read_bytes(r, AGENT_REASON_MAX - 1);
    if (!muster_reader_ok(r) || token == 0)
        return;
    struct agent_run *run = runner_find(core, key);
    /* A guard that has not greeted yet may have it: its keeper asks again. */
    if (run == NULL && !core->runner->is_scanned)
        return;
    if (run == NULL || run->token != token) {
        if (runner_seen(core, key) < token)
            MUSTER_MARK(stop_before_start);
        runner_gone(core, from, key, token, "not running here");
        return;
    }
    run->keeper = from;
    run->heard_ms = core->now.mono_ms;
    if (run->state != AGENT_RUN_STOPPING)
        (void)snprintf(run->note, sizeof run->note, "%.*s", (int)why.len, (const char *)why.data);
    runner_end_stopped(core, run);
}

void agent_runner_drop(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    if (!muster_reader_ok(r))
        return;
    struct agent_run *run = runner_find(core, key);
    if (runner_seen(core, key) < token)
        runner_seen_set(core, key, token, 0);
    runner_foretold_drop(core, key, token);
    if (run == NULL || MUSTER_MUTANT(drop_not_obeyed))
        return;
    if (run->token != token && !MUSTER_MUTANT(drop_of_any_token)) {
        MUSTER_MARK(drop_of_another_run);
        return;
    }
    MUSTER_MARK(dropped);
    run->is_dropped = true;
    note_set(run, "another run of it counts");
    agent_news_add(core, "run.dropped", NULL, run->key, token, "ended: %s", run->note);
    runner_end_stopped(core, run);
}

void runner_lonely(struct agent_core *core, struct agent_run *run)
{
    const struct agent_node_config *c = &core->config;
    bool is_over = run->state == AGENT_RUN_STOPPING || run->state == AGENT_RUN_ENDED;
    if (!c->settings.is_majority || run->is_exclusive || is_over ||
        core->now.mono_ms < run->ok_ms + c->lonely_ms)
        return;
    char why[AGENT_REASON_MAX];
    (void)snprintf(why, sizeof why,
                   "no keeper has confirmed it for %u s, and this cluster runs jobs on the side of "
                   "the majority only",
                   c->lonely_ms / 1000);
    note_set(run, why);
    agent_news_add(core, "run.dropped", NULL, run->key, run->token, "ended: %s", run->note);
    runner_end_stopped(core, run);
}

/* ---- answers of keepers */

void agent_runner_hold_ok(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_hold_ok m = { 0 };
    agent_read_hold_ok(r, &m);
    if (!muster_reader_ok(r))
        return;
    struct agent_run *run = runner_find(core, m.key);
    if (run == NULL || run->token != m.token)
        return;
    run->keeper = from;
    run->heard_ms = core->now.mono_ms;
    run->ok_ms = core->now.mono_ms;
    run->route_try = 0;
    /* Counted from our own question, and a little less: the keeper's clock may be the slower one
     * (R38). What was asked before this agent began, or is yet to be asked, is none of ours. */
    bool is_ours = m.asked_ms >= core->started_ms && m.asked_ms <= core->now.mono_ms;
    struct agent_peer *p = agent_peers_find(core, from);
    bool is_drifting = is_ours && p != NULL && !p->is_self &&
                       agent_drift_is_bad(&p->drift, m.asked_ms, core->now.mono_ms, m.keeper_ms);
    if (is_drifting && !MUSTER_MUTANT(drift_ignored)) {
        MUSTER_MARK(clocks_drift_apart);
        clock_doubt(core, from);
        return;
    }
    if (m.lease_ms > 0 && is_ours)
        run_leased(core, run,
                   (MUSTER_MUTANT(lease_from_the_answer) ? core->now.mono_ms : m.asked_ms) +
                       m.lease_ms / 100 * 99);
}

void agent_runner_done_ok(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    if (!muster_reader_ok(r))
        return;
    struct agent_run *run = runner_find(core, key);
    if (run == NULL || run->token != token || run->state != AGENT_RUN_ENDED)
        return;
    run->is_dropped = true;
    run_finish(core, run);
}

void agent_runner_try(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    struct muster_id keeper = muster_read_id(r);
    if (!muster_reader_ok(r))
        return;
    struct agent_run *run = runner_find(core, key);
    if (run == NULL || run->tries == RUN_TRIES_MAX)
        return;
    /* Who names the keeper that we know already may still be the way to it. */
    bool is_way = agent_relay_learn(core, keeper, from);
    if (muster_id_equal(run->keeper, keeper) && !is_way)
        return;
    run->tries++;
    run->keeper = keeper;
    run->is_reported_due = true;
}
