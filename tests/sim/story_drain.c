/* SPDX-License-Identifier: Apache-2.0 */
/* The story of a node that is emptied: what goes at once, what stays until the deadline, and what
 * stays for the person who holds it. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define DEADLINE_MS 20000

static uint32_t home_of(struct sim *s, const char *job, uint64_t *token)
{
    uint32_t node = UINT32_MAX;
    if (sim_proc_live(s, job, &node, token) > 1)
        sim_fail(s, 1, "P2: %s runs twice", job);
    return node;
}

static bool all_are_up(struct sim *s)
{
    uint64_t token;
    return home_of(s, "svc", &token) == 0 && home_of(s, "task", &token) == 0 &&
           home_of(s, "held", &token) == 0 && home_of(s, "own", &token) == 0;
}

static bool task_runs(struct sim *s)
{
    uint64_t token;
    return home_of(s, "task", &token) != UINT32_MAX;
}

static bool own_runs(struct sim *s)
{
    uint64_t token;
    return home_of(s, "own", &token) == 0;
}

static void stays(struct sim *s, const char *job, uint64_t token, const char *when)
{
    uint64_t now = 0;
    if (home_of(s, job, &now) != 0 || now != token)
        sim_fail(s, 1, "R48: %s does not stay %s", job, when);
}

/* The service goes at once. The task, and what may be nowhere else, have until the deadline, if
 * somebody gave one. What is held by its name stays until then too, and as long as it takes where
 * there is none. Opened again before that, the node keeps what it has. */
void story_emptied(struct sim *s)
{
    uint64_t task = 0, own = 0, held = 0, now = 0;
    story_begin(s, 4);
    story_put(
        s, 0, "svc",
        "{\"name\":\"svc\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"prefer\":\"node == n0\"}");
    story_put(
        s, 1, "task",
        "{\"name\":\"task\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"prefer\":\"node == n0\"}");
    story_put(
        s, 2, "own",
        "{\"name\":\"own\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"on\":\"node == n0\"}");
    story_put(
        s, 3, "held",
        "{\"name\":\"held\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"prefer\":\"node == n0\"}");
    sim_await(s, 10000, all_are_up, "they run on n0");
    (void)sim_op(s, 0, AGENT_OP_JOB_HOLD, "held");
    sim_run_for(s, 3000);
    (void)home_of(s, "task", &task);
    (void)home_of(s, "own", &own);
    (void)home_of(s, "held", &held);
    for (uint32_t round = 0; round < 2; round++) {
        if (round == 0) /* by hand, and taken back before the deadline */
            sim_drain_within(s, 0, DEADLINE_MS);
        else
            sim_drain(s, 0, false);
        sim_run_for(s, DEADLINE_MS - 2000);
        if (home_of(s, "svc", &now) == 0 || now == 0)
            sim_fail(s, 1, "R48: the service is not moved");
        sim_drain(s, 0, true);
        sim_run_for(s, 6000);
        stays(s, "task", task, "where the drain is taken back");
        stays(s, "own", own, "where the drain is taken back");
        stays(s, "held", held, "though a person holds it");
    }
    sim_drain(s, 0, false);
    sim_run_for(s, 2 * DEADLINE_MS);
    stays(s, "task", task, "though there is no deadline");
    stays(s, "own", own, "though there is no deadline");
    stays(s, "held", held, "though there is no deadline");
    sim_drain_within(s, 0, 5000);
    sim_run_for(s, 4000);
    stays(s, "task", task, "until the deadline");
    sim_run_for(s, 4000);
    sim_await(s, 4000, task_runs, "the task is begun anew");
    if (home_of(s, "task", &now) == 0 || home_of(s, "own", &now) != UINT32_MAX ||
        home_of(s, "held", &now) != UINT32_MAX)
        sim_fail(s, 1, "R48: n0 is not empty after the deadline");
    sim_drain(s, 0, true);
    sim_await(s, 10000, own_runs, "n0 has its own again");
    if (home_of(s, "held", &now) != UINT32_MAX)
        sim_fail(s, 1, "what is held was started");
    (void)sim_op(s, 0, AGENT_OP_JOB_RELEASE, "held");
    story_rest(s);
}

/* `task` runs on n0, which drains with a deadline. Twice another agent takes it over, and the wall
 * clock is stepped at the first time. The task goes between `from` and `to` after the word. */
static void overdue_round(struct sim *s, const char *task, int64_t step_ms, uint64_t from,
                          uint64_t to)
{
    char spec[160];
    uint64_t token = 0, now = 0;
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],"
                   "\"prefer\":\"node == n0\",\"on_agent_loss\":\"keep\",\"max_moves\":100}",
                   task);
    story_put(s, 1, task, spec);
    sim_run_for(s, 5000);
    (void)home_of(s, task, &token);
    stays(s, task, token, "at first");
    uint64_t begin = s->now;
    sim_drain_within(s, 0, DEADLINE_MS);
    sim_run_for(s, 5000);
    for (uint32_t i = 0; i < 2; i++) {
        sim_crash(s, 0, false);
        s->node[0].wall_offset += i == 0 ? step_ms : 0;
        sim_run_for(s, 500);
        sim_boot(s, 0);
        sim_run_for(s, 1000);
    }
    sim_run_for(s, begin + from - s->now);
    stays(s, task, token, "until the deadline that an earlier agent was given");
    sim_run_for(s, to - from);
    if (home_of(s, task, &now) == 0 || now == token)
        sim_fail(s, 1, "R48: the deadline of the drain has not outlived its agent");
    s->node[0].wall_offset = 0;
    sim_drain(s, 0, true);
    sim_run_for(s, 5000);
}

/* The deadline of a drain counts on when the agent is started anew. By a clock that was set
 * meanwhile it comes after the whole time once more, or soon. One that was taken back does not
 * return. */
void story_overdue(struct sim *s)
{
    static const char task[] = "{\"name\":\"back\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],"
                               "\"prefer\":\"node == n0\",\"on_agent_loss\":\"keep\"}";
    uint64_t token = 0;
    story_begin(s, 3);
    overdue_round(s, "task", 0, DEADLINE_MS - 1000, DEADLINE_MS + 3000);
    overdue_round(s, "late", -3600000, DEADLINE_MS + 4500, DEADLINE_MS + 6500);
    overdue_round(s, "soon", 3600000, 9000, 13000);
    story_put(s, 1, "back", task);
    sim_run_for(s, 5000);
    (void)home_of(s, "back", &token);
    sim_drain_within(s, 0, DEADLINE_MS);
    sim_run_for(s, 2000);
    sim_drain(s, 0, true);
    sim_run_for(s, 500);
    sim_crash(s, 0, false);
    sim_boot(s, 0);
    sim_run_for(s, 2 * DEADLINE_MS);
    stays(s, "back", token, "where the drain was taken back");
}
