/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: ticks become rows, one after the other, and old ones go. */
#include <stdio.h>
#include <string.h>

#include "agent/family_inside.h"
#include "agent/holds.h"

/* A schedule that this host can follow; false with what is wrong in the problem. */
static bool schedule_open(struct agent_core *core, struct agent_schedule *s,
                          const struct store_row *row, const struct agent_job *job,
                          struct agent_problem *problem)
{
    return agent_schedule_open(s, job, row->created_wall_ms, &core->config.zones, problem) ==
           MUSTER_OK;
}

/* The last tick that is decided on, or the moment from which they count. What a moment in the past
 * was meant for is run, if it is not too long ago. */
static uint64_t last_tick(const struct store_row *row, const struct agent_job *job)
{
    if (job->after != NULL)
        return family_after_since(row);
    if (row->tick_wall_ms != 0)
        return row->tick_wall_ms;
    return job->at_ms != 0 ? 0 : row->created_wall_ms;
}

/* ---- the rows that are there */

struct ticks {
    uint32_t live, queued, ok, failed;
    uint64_t first_queued_tick;
};

bool agent_family_queued(const struct store_row *row)
{
    return row->want == STORE_WANT_HOLD && row->run_token == 0 &&
           muster_bytes_equal(row->reason, muster_bytes_text(FAMILY_QUEUED));
}

bool agent_family_replaced(const struct store_row *row)
{
    return row->want == STORE_WANT_STOP &&
           muster_bytes_equal(row->reason, muster_bytes_text(AGENT_FAMILY_REPLACED));
}

/* Those of `present` are being made and do not count. */
static void ticks_count(struct agent_core *core, struct muster_bytes job, uint64_t present,
                        struct ticks *t)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    *t = (struct ticks){ .live = 0 };
    while (family_child_after(core, job, after, &view)) {
        after = view.row.key;
        uint64_t tick = agent_run_name_read(view.row.key).tick_wall_ms;
        if (tick != 0 && tick == present)
            continue;
        if (agent_family_queued(&view.row)) {
            t->queued++;
            if (t->first_queued_tick == 0)
                t->first_queued_tick = tick;
        } else if (family_is_live(&view.row)) {
            t->live++;
        } else if (view.row.phase == STORE_DONE) {
            t->ok++;
        } else {
            t->failed++;
        }
    }
}

/* What has ended and is older than what is kept; a schedule that is stopped ends its runs. */
static void ticks_prune(struct agent_core *core, struct family_look *l, const struct store_row *row,
                        const struct agent_job *job, const struct ticks *t)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    uint32_t ok = t->ok, failed = t->failed;
    while (!family_is_full(l) && family_child_after(core, l->job_key, after, &view)) {
        struct store_row *run = &view.row;
        after = run->key;
        bool is_tick = agent_run_name_read(run->key).tick_wall_ms != 0;
        if (!view.is_chosen)
            continue;
        if (row->want == STORE_WANT_STOP && family_is_live(run) && run->want == STORE_WANT_RUN) {
            run->want = STORE_WANT_STOP;
            run->phase = run->run_token == 0 ? STORE_HELD : run->phase;
            family_row_add(l, run, view.version.packed, false);
            continue;
        }
        if (is_tick && (family_is_live(run) || agent_family_queued(run)))
            continue;
        uint32_t *count = run->phase == STORE_DONE ? &ok : &failed;
        uint32_t keep = run->phase == STORE_DONE ? job->keep_ok : job->keep_fail;
        bool is_old = core->now.wall_ms > run->since_wall_ms + job->keep_age_ms;
        if (is_tick && *count <= keep && !is_old)
            continue;
        *count -= is_tick;
        family_row_end(core, l, &view);
    }
}

/* ---- overlap */

static void live_stop(struct agent_core *core, struct family_look *l, uint64_t present)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    while (!family_is_full(l) && family_child_after(core, l->job_key, after, &view)) {
        after = view.row.key;
        if (!view.is_chosen || agent_run_name_read(after).tick_wall_ms == present)
            continue;
        if (agent_family_queued(&view.row)) {
            family_row_end(core, l, &view);
        } else if (family_is_live(&view.row) && view.row.want == STORE_WANT_RUN) {
            view.row.want = STORE_WANT_STOP;
            view.row.reason = muster_bytes_text(AGENT_FAMILY_REPLACED);
            if (view.row.run_token == 0)
                view.row.phase = STORE_HELD;
            family_row_add(l, &view.row, view.version.packed, false);
        }
    }
}

/* Nothing of an earlier tick runs any more: the oldest that waited for it may. */
static void queued_release(struct agent_core *core, struct family_look *l, const struct ticks *t)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    while (!family_is_full(l) && family_child_after(core, l->job_key, after, &view)) {
        after = view.row.key;
        bool is_first = agent_run_name_read(view.row.key).tick_wall_ms == t->first_queued_tick;
        if (!view.is_chosen || !is_first || !agent_family_queued(&view.row))
            continue;
        view.row.want = STORE_WANT_RUN;
        store_row_again(&view.row, core->now.wall_ms);
        family_row_add(l, &view.row, view.version.packed, false);
    }
}

/* ---- ticks */

static void news_skip(struct family_look *l, uint32_t count, const char *why)
{
    l->news_type = "job.skipped";
    (void)snprintf(l->news, sizeof l->news, "%u tick%s passed over: %s", count,
                   count == 1 ? "" : "s", why);
}

/* Decides on the first of the planned ticks; the job's row says so in the same write that makes its
 * runs. False when there is nothing to decide, or not in this write. */
static bool tick_decide(struct agent_core *core, struct family_look *l,
                        const struct store_view *view, const struct agent_job *job,
                        const struct agent_plan *plan, const struct ticks *t)
{
    struct store_row row = view->row;
    bool is_live = t->live > 0 || t->queued > 0, is_queue = false;
    uint32_t skipped = plan->skipped;
    if (plan->last_ms == last_tick(&row, job))
        return false;
    row.tick_wall_ms = plan->runs > 1 ? plan->run[0] : plan->last_ms;
    if (MUSTER_MUTANT(tick_forgotten) && row.ticks % 8 == 7)
        row.tick_wall_ms = 0;
    bool runs = plan->runs > 0;
    if (skipped > 0)
        news_skip(l, skipped, "they were missed");
    if (runs && is_live && job->overlap == AGENT_JOB_OVERLAP_SKIP) {
        skipped++;
        runs = false;
        news_skip(l, 1, "the run before it goes on");
    } else if (runs && is_live && job->overlap != AGENT_JOB_OVERLAP_ALLOW) {
        is_queue = true;
    }
    if (runs && is_queue && job->overlap == AGENT_JOB_OVERLAP_REPLACE)
        live_stop(core, l, plan->run[0]);
    row.ticks += runs;
    row.skipped += skipped;
    /* The job's own row takes the last place: a tick is decided when all its runs are there. */
    bool has_all = !runs || family_children_add(core, l, &row, job, plan->run[0], is_queue);
    if (has_all && !family_is_full(l))
        family_row_add(l, &row, view->version.packed, false);
    return true;
}

/* What is to be decided now; false when this host cannot tell. */
static bool plan_make(struct agent_core *core, struct family_look *l, const struct store_row *row,
                      const struct agent_job *job, struct agent_plan *plan)
{
    struct agent_schedule s;
    struct agent_problem problem;
    if (job->after != NULL) {
        family_after_plan(core, l, row, job, plan);
        return true;
    }
    if (!schedule_open(core, &s, row, job, &problem))
        return false;
    agent_schedule_plan(&s, last_tick(row, job), agent_wall_ms(core), plan);
    return true;
}

void family_clock(struct agent_core *core, struct family_look *l, const struct store_view *view,
                  const struct agent_job *job)
{
    const struct store_row *row = &view->row;
    struct agent_plan plan;
    struct ticks t;
    bool is_over =
        row->want != STORE_WANT_RUN || (job->max_runs != 0 && row->ticks >= job->max_runs);
    bool is_held = agent_holds_has(core, l->job_key); /* what it misses, `missed` decides on */
    bool is_planned = !is_over && !is_held && plan_make(core, l, row, job, &plan);
    uint64_t present = is_planned && plan.runs > 0 ? plan.run[0] : 0;
    ticks_count(core, l->job_key, present, &t);
    if (is_planned) {
        l->wake_wall_ms = plan.next_ms;
        if (tick_decide(core, l, view, job, &plan, &t))
            return;
    }
    if (present != 0)
        ticks_count(core, l->job_key, 0, &t);
    if (t.live == 0 && t.queued > 0 && row->want == STORE_WANT_RUN && !is_held)
        queued_release(core, l, &t);
    ticks_prune(core, l, row, job, &t);
}

/* ---- for people */

void agent_family_sum(struct agent_core *core, const struct store_row *row,
                      struct agent_family_sum *out)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    struct agent_job job;
    struct agent_schedule s;
    struct agent_problem problem;
    *out = (struct agent_family_sum){ .next_wall_ms = MUSTER_NEVER };
    while (family_child_after(core, row->key, after, &view)) {
        after = view.row.key;
        out->placed += view.row.phase == STORE_PLACED;
        out->waiting += view.row.phase == STORE_WAITING;
        out->queued += agent_family_queued(&view.row);
        out->ok += view.row.phase == STORE_DONE;
        out->failed += view.row.phase == STORE_FAILED;
        out->alone += view.row.skipped != 0 && agent_run_name_read(view.row.key).tick_wall_ms == 0;
        out->wanted++;
    }
    if (agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return;
    out->is_manual = job.start == AGENT_JOB_START_MANUAL;
    out->has_clock = agent_schedule_has(&job);
    out->follows = job.after != NULL;
    if (out->follows)
        family_after_text(&job, family_entry_of(core->family, row->key), out->after,
                          sizeof out->after);
    out->last_wall_ms = row->tick_wall_ms;
    bool is_over = job.max_runs != 0 && row->ticks >= job.max_runs;
    if (out->has_clock && !schedule_open(core, &s, row, &job, &problem))
        (void)snprintf(out->fault, sizeof out->fault, "%.150s", problem.message);
    else if (out->has_clock && !is_over)
        out->next_wall_ms = agent_schedule_next(&s, last_tick(row, &job));
    if (job.spread > 1 && !out->has_clock && !out->follows)
        out->wanted = job.spread;
    if (!out->has_clock && !out->follows &&
        !family_roll_text(core, row, out->change, sizeof out->change))
        out->change[0] = '\0';
    agent_job_close(&job);
}
