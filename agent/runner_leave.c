/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent that ends, or a node that is emptied, does with all its runs. */
#include <stdio.h>
#include <string.h>

#include "agent/holds.h"
#include "agent/match.h"
#include "agent/peers.h"
#include "agent/place.h"
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

/* What one run asks of a node; many ask for the same. */
struct leave_place {
    const char *on; /* NULL: nothing */
    uint32_t needs;
    bool is_asked, is_there;
};

/* Whether an open node other than ours could ever take a run that asks for that. */
static bool is_elsewhere(const struct agent_core *core, const char *on, uint32_t needs)
{
    struct agent_match like;
    struct agent_problem problem;
    if (on != NULL && agent_match_parse(&like, on, &problem) != MUSTER_OK)
        return false;
    for (uint32_t i = 1; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        struct agent_facts facts = agent_place_facts(p);
        if (agent_peer_is_open(p) && !p->meta.held && p->meta.slots >= needs &&
            (on == NULL || agent_match_is(&like, &facts)))
            return true;
    }
    return false;
}

/* A service that has no other place: this node's share, or one that no other open node is fit for.
 * A task is none, for it may end meanwhile. */
static bool is_bound(const struct agent_core *core, const struct agent_run *run,
                     struct leave_place *last)
{
    if (!run->has_job || agent_job_ends(&run->job))
        return false;
    if (agent_run_name_read(runner_key(run)).node.len > 0)
        return true;
    const char *on = run->job.on;
    bool is_same = last->is_asked && last->needs == run->needs &&
                   (on == NULL) == (last->on == NULL) && (on == NULL || strcmp(on, last->on) == 0);
    if (!is_same)
        *last = (struct leave_place){ on, run->needs, true, is_elsewhere(core, on, run->needs) };
    return !last->is_there;
}

bool agent_runner_only_bound(const struct agent_core *core)
{
    const struct agent_runner *r = core->runner;
    struct leave_place last = { .is_asked = false };
    for (uint32_t i = 0; i < r->high; i++) {
        const struct agent_run *run = &r->run[i];
        bool is_gone = !run->is_used || run->state == AGENT_RUN_ENDED || is_left_behind(core, run);
        if (!is_gone && !is_bound(core, run, &last))
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
