/* SPDX-License-Identifier: Apache-2.0 */
/* What guards tell: processes that started, were adopted, ended; and the verdict over an end. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/runner_inside.h"

static struct agent_run *run_by_handle(const struct agent_core *core, uint64_t handle)
{
    struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++)
        if (r->run[i].is_used && r->run[i].handle == handle)
            return &r->run[i];
    return NULL;
}

static void exit_text(char *out, size_t size, const struct agent_guard_event *g)
{
    if (g->text != NULL && g->text[0] != '\0')
        (void)snprintf(out, size, "%s", g->text);
    else if (g->signal == SIGXCPU)
        (void)snprintf(out, size, "used more of a processor than its limit (cpu)");
    else if (g->signal != 0)
        (void)snprintf(out, size, "killed by signal %d", g->signal);
    else
        (void)snprintf(out, size, "exit %d", g->code);
}

/* ---- after an end */

static uint64_t wait_jitter(struct agent_core *core, uint64_t wait_ms)
{
    uint64_t fifth = wait_ms / 5;
    return wait_ms - fifth + muster_rng_below(&core->rng, 2 * fifth + 1);
}

/* It counts from the end, and both are told by the clock that saw the end: an end that is judged
 * late may lie before a step of that clock, and who keeps the run trusts their difference alone. */
static uint64_t wait_end_wall_ms(const struct agent_core *core, const struct agent_run *run,
                                 uint64_t wait_ms)
{
    uint64_t from = run->exit_wall_ms != 0 ? run->exit_wall_ms : core->now.wall_ms;
    return wait_ms > 0 ? from + wait_ms : 0;
}

static void verdict_set(struct agent_core *core, struct agent_run *run, enum agent_verdict verdict,
                        uint64_t wait_ms)
{
    run->has_verdict = true;
    run->holds_slot = false;
    run->not_before_wall_ms = wait_end_wall_ms(core, run, wait_ms);
    run->done = (struct agent_msg_done){ .token = run->token,
                                         .verdict = verdict,
                                         .has_exit = true,
                                         .exit_code = run->exit_code,
                                         .exit_signal = run->exit_signal,
                                         .exit_wall_ms = run->exit_wall_ms,
                                         .failures = run->failures,
                                         .not_before_wall_ms = run->not_before_wall_ms };
    runner_changed(run, AGENT_RUN_ENDED, core->now.wall_ms);
}

static void run_failed(struct agent_core *core, struct agent_run *run, bool counts)
{
    const struct agent_job *job = &run->job;
    if (counts) {
        run->failures++;
        run->local_failures++;
    }
    if (counts && !agent_job_may_retry(job, run->failures)) {
        verdict_set(core, run, AGENT_DONE_DEAD, 0);
        return;
    }
    uint32_t rank = run->failures > 0 ? run->failures : 1;
    uint64_t wait = wait_jitter(core, agent_job_retry_wait_ms(job, rank));
    if (run->local_failures >= job->retry_local || core->standing != AGENT_JOINED) {
        verdict_set(core, run, counts ? AGENT_DONE_MOVE : AGENT_DONE_DEFER, wait);
        return;
    }
    run->holds_slot = false;
    run->retry_ms = core->now.mono_ms + wait;
    run->not_before_wall_ms = wait_end_wall_ms(core, run, wait);
    runner_changed(run, AGENT_RUN_BACKOFF, core->now.wall_ms);
    if (wait == 0)
        runner_launch(core, run);
}

static bool ended_with_agent(const struct agent_guard_event *g)
{
    return g->handle >> 63 != 0 && g->signal != 0;
}

static void run_judge(struct agent_core *core, struct agent_run *run)
{
    const struct agent_job *job = &run->job;
    uint64_t lived = run->exit_wall_ms > run->started_wall_ms && run->started_wall_ms != 0
                         ? run->exit_wall_ms - run->started_wall_ms
                         : 0;
    if (run->is_lost) {
        bool is_strike = run->is_struck && lived < AGENT_STRIKE_MS;
        verdict_set(core, run, is_strike ? AGENT_DONE_LOST : AGENT_DONE_MOVE, 0);
        run->done.has_exit = run->exit_code >= 0 || run->exit_signal != 0;
        return;
    }
    enum agent_job_verdict v = agent_job_verdict(job, run->exit_code, run->exit_signal);
    if (run->is_timed_out || run->is_failed)
        v = AGENT_JOB_EXIT_FAIL;
    if (lived >= job->reset_after_ms) {
        run->failures = 0;
        run->local_failures = 0;
    }
    switch (v) {
    case AGENT_JOB_EXIT_OK:
        if (job->kind == AGENT_JOB_TASK || job->kind == AGENT_JOB_CRON)
            verdict_set(core, run, AGENT_DONE_OK, 0);
        else
            run_failed(core, run, true);
        return;
    case AGENT_JOB_EXIT_FAIL:
        run_failed(core, run, true);
        return;
    case AGENT_JOB_EXIT_DEFER:
        run_failed(core, run, false);
        return;
    case AGENT_JOB_EXIT_DEAD:
        verdict_set(core, run, AGENT_DONE_DEAD, 0);
        return;
    }
}

static void attempt_add(struct agent_core *core, struct agent_run *run)
{
    struct agent_attempts list;
    struct agent_attempt a = { .number = run->attempt,
                               .node = core->config.self,
                               .token = run->token,
                               .started_wall_ms = run->started_wall_ms,
                               .ended_wall_ms = run->exit_wall_ms,
                               .code = run->exit_code,
                               .signal = run->exit_signal,
                               .reason = muster_bytes_text(run->note) };
    agent_attempts_read(&list, MUSTER_BYTES(run->attempts.data, run->attempts.len));
    agent_attempts_add(&list, &a);
    agent_attempts_write(&list, &run->attempts);
}

static void run_exited(struct agent_core *core, struct agent_run *run,
                       const struct agent_guard_event *g)
{
    runner_left_take(core, run, g);
    run->is_live = false;
    run->timeout_at_ms = MUSTER_NEVER;
    run->pid = 0;
    run->is_failed = g->news == AGENT_GUARD_FAILED;
    run->exit_code = run->is_failed || g->signal != 0 ? -1 : g->code;
    run->exit_signal = g->signal;
    run->exit_wall_ms = g->ended_wall_ms != 0 ? g->ended_wall_ms : core->now.wall_ms;
    run->is_lost = run->is_lost || g->by_guard;
    core->counters.exits++;
    if (run->state == AGENT_RUN_STOPPING) {
        agent_news_add(core, "run.stopped", NULL, run->key, run->token, "%s", run->note);
        runner_end_stopped(core, run);
        return;
    }
    exit_text(run->note, sizeof run->note, g);
    if (run->is_timed_out)
        (void)snprintf(run->note, sizeof run->note, "ran longer than its timeout");
    agent_news_add(core, run->is_failed ? "run.failed" : "run.exited", NULL, run->key, run->token,
                   "%s", run->note);
    attempt_add(core, run);
    /* The exit record stays with the guard until the keeper has it (R50). */
    if (run->has_job) {
        run_judge(core, run);
        return;
    }
    run->holds_slot = false;
    runner_changed(run, AGENT_RUN_ENDED, core->now.wall_ms);
}

/* ---- at boot: what an earlier agent left (R46) */

/* It runs for so long already, and not longer than its `timeout`. */
static void timeout_arm(struct agent_core *core, struct agent_run *run, uint64_t lived_ms)
{
    uint64_t most = run->has_job ? run->job.timeout_ms : AGENT_JOB_NONE;
    if (most == AGENT_JOB_NONE)
        return;
    run->timeout_at_ms =
        muster_deadline_after(core->now.mono_ms, most > lived_ms ? most - lived_ms : 0);
    core->runner->deadline_ms =
        muster_deadline_sooner(core->runner->deadline_ms, run->timeout_at_ms);
}

void runner_known(struct agent_core *core, struct agent_run *run, uint32_t failures)
{
    uint64_t lived =
        core->now.wall_ms > run->started_wall_ms ? core->now.wall_ms - run->started_wall_ms : 0;
    run->failures = failures;
    if (run->state == AGENT_RUN_ENDED)
        run_judge(core, run);
    else if (run->is_live)
        timeout_arm(core, run, lived);
}

static struct agent_run *run_found(struct agent_core *core, const struct agent_guard_event *g)
{
    struct muster_bytes key = muster_bytes_text(g->run);
    struct agent_run *run = runner_find(core, key);
    if (run != NULL && run->token >= g->token)
        MUSTER_MARK(guard_of_an_older_run);
    if (run != NULL && run->token >= g->token)
        return NULL; /* an older attempt of what is already known */
    if (run == NULL)
        run = runner_make(core, key);
    if (run == NULL)
        return NULL;
    run->token = g->token;
    run->attempt = g->attempt;
    run->handle = g->handle;
    run->needs = g->needs > 0 ? g->needs : 1;
    run->started_wall_ms = g->started_wall_ms;
    if (runner_seen(core, key) < g->token)
        runner_seen_set(core, key, g->token, 0);
    return run;
}

static void run_adopted(struct agent_core *core, const struct agent_guard_event *g)
{
    struct agent_run *run = run_found(core, g);
    if (run == NULL) {
        struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_GUARD_STOP);
        e->number = g->handle;
        return;
    }
    MUSTER_MARK(run_adopted);
    run->pid = g->pid;
    run->is_live = true;
    run->holds_slot = true;
    run->progress = g->done;
    run->progress_of = g->total;
    runner_left_take(core, run, g);
    if (g->text != NULL)
        (void)snprintf(run->note, sizeof run->note, "%s", g->text);
    runner_changed(run, g->ready ? AGENT_RUN_RUNNING : AGENT_RUN_STARTING, core->now.wall_ms);
    agent_news_add(core, "run.adopted", NULL, run->key, run->token,
                   "goes on under a new agent, pid %d", g->pid);
}

/* An end that an earlier agent has not heard of. A process that its guard killed because the agent
 * had gone did not fail by itself: it is placed anew at once and no try is counted. */
static void run_left(struct agent_core *core, const struct agent_guard_event *g)
{
    struct agent_run *run = run_found(core, g);
    if (run == NULL) {
        agent_out_add(&core->out, AGENT_EFFECT_GUARD_FORGET)->number = g->handle;
        return;
    }
    MUSTER_MARK(end_that_nobody_heard);
    run->is_struck = ended_with_agent(g);
    run->is_lost = g->news == AGENT_GUARD_LOST || run->is_struck;
    run_exited(core, run, g);
}

/* ---- signals of people */

void agent_runner_signal(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    uint32_t number = muster_read_u32(r);
    struct agent_run *run = muster_reader_ok(r) ? runner_find(core, key) : NULL;
    if (run == NULL || run->token != token || !run->is_live || number > 64)
        return;
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_GUARD_SIGNAL);
    e->number = run->handle;
    e->signal = (int32_t)number;
    agent_news_add(core, "run.signalled", NULL, run->key, token, "signal %u", number);
}

/* ---- all news */

static void run_started(struct agent_core *core, struct agent_run *run,
                        const struct agent_guard_event *g)
{
    run->pid = g->pid;
    run->started_wall_ms = g->started_wall_ms != 0 ? g->started_wall_ms : core->now.wall_ms;
    timeout_arm(core, run, 0);
    run->is_reported_due = true;
    agent_news_add(core, "run.started", NULL, run->key, run->token, "attempt %u, pid %d",
                   run->attempt, g->pid);
}

/* Its words go out at once, and then with the reports that go out anyway: whatever a job says, it
 * cannot load the cluster with it. */
static void run_said(struct agent_core *core, struct agent_run *run,
                     const struct agent_guard_event *g)
{
    if (g->text != NULL)
        (void)snprintf(run->note, sizeof run->note, "%s", g->text);
    run->progress = g->done;
    run->progress_of = g->total;
    if (core->now.mono_ms < run->told_ms + core->config.hold_ms && run->told_ms != 0)
        return;
    run->told_ms = core->now.mono_ms;
    run->is_reported_due = true;
}

void agent_runner_guard(struct agent_core *core, const struct agent_guard_event *g)
{
    struct agent_run *run = run_by_handle(core, g->handle);
    switch (g->news) {
    case AGENT_GUARD_STARTED:
        if (run != NULL)
            run_started(core, run, g);
        break;
    case AGENT_GUARD_READY:
        if (run != NULL && run->state == AGENT_RUN_STARTING)
            runner_changed(run, AGENT_RUN_RUNNING, core->now.wall_ms);
        break;
    case AGENT_GUARD_STATUS:
        if (run != NULL)
            run_said(core, run, g);
        break;
    case AGENT_GUARD_LEFT:
        if (run != NULL)
            runner_left_take(core, run, g);
        break;
    case AGENT_GUARD_EXITED:
    case AGENT_GUARD_FAILED:
    case AGENT_GUARD_LOST:
        if (run != NULL)
            run_exited(core, run, g);
        else
            run_left(core, g);
        break;
    case AGENT_GUARD_ADOPTED:
        run_adopted(core, g);
        break;
    case AGENT_GUARD_SCANNED:
        core->runner->is_scanned = true;
        break;
    }
}
