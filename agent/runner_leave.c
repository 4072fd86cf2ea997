/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent that ends, or a node that is emptied, does with all its runs. */
#include <stdio.h>

#include "agent/holds.h"
#include "agent/run_name.h"
#include "agent/runner_inside.h"

/* Its guard keeps it until the next agent comes, or the dead-man time is over. */
static bool is_left_behind(const struct agent_core *core, const struct agent_run *run)
{
    return core->restarts && run->is_live && run->has_job && run->state != AGENT_RUN_STOPPING &&
           run->job.on_agent_stop == AGENT_JOB_STOP_KEEPS;
}

uint32_t agent_runner_left_behind(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->high; i++)
        n += r->run[i].is_used && is_left_behind(core, &r->run[i]);
    return n;
}

bool agent_runner_only_shares(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++) {
        const struct agent_run *run = &r->run[i];
        bool is_gone = !run->is_used || run->state == AGENT_RUN_ENDED || is_left_behind(core, run);
        bool is_share = !is_gone && run->has_job && !agent_job_ends(&run->job) &&
                        agent_run_name_read(runner_key(run)).node.len > 0;
        if (!is_gone && !is_share)
            return false;
    }
    return true;
}

/* It has no process that could be left behind. */
static bool is_given_back(const struct agent_core *core, const struct agent_run *run)
{
    return core->restarts && run->state == AGENT_RUN_BACKOFF && run->has_job &&
           run->job.on_agent_stop == AGENT_JOB_STOP_KEEPS;
}

uint32_t agent_runner_leaving(struct agent_core *core)
{
    struct agent_runner *r = core->runner;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || is_left_behind(core, run))
            continue;
        if (is_given_back(core, run))
            runner_move_away(core, run, "its agent was stopped");
        n += run->state != AGENT_RUN_ENDED;
    }
    return n;
}

void agent_runner_stop_all(struct agent_core *core, const char *why)
{
    struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || run->state == AGENT_RUN_STOPPING || run->state == AGENT_RUN_ENDED ||
            is_left_behind(core, run))
            continue;
        (void)snprintf(run->note, sizeof run->note, "%s", why);
        runner_end_stopped(core, run);
    }
}

static void stop_some(struct agent_core *core, bool held, const char *why)
{
    struct agent_runner *r = core->runner;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || run->state == AGENT_RUN_STOPPING || run->state == AGENT_RUN_ENDED ||
            is_left_behind(core, run) || agent_holds_has(core, runner_key(run)) != held)
            continue;
        (void)snprintf(run->note, sizeof run->note, "%s", why);
        runner_end_stopped(core, run);
    }
}

/* Nobody would start them elsewhere: there is nothing to wait for. */
void agent_runner_stop_held(struct agent_core *core, const char *why)
{
    stop_some(core, true, why);
}

void agent_runner_stop_loose(struct agent_core *core, const char *why)
{
    stop_some(core, false, why);
}
