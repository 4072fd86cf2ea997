/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of everything held and let go. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define SERVICES 3

static bool services_run(struct sim *s)
{
    char name[32];
    uint32_t node = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < SERVICES; i++) {
        (void)snprintf(name, sizeof name, "svc/%u", i);
        if (sim_proc_live(s, name, &node, &token) != 1)
            return false;
    }
    return true;
}

static bool all_hold(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && !sim_holds_any(s, i))
            return false;
    return true;
}

static bool none_holds(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && sim_holds_any(s, i))
            return false;
    return true;
}

static uint32_t live_of(struct sim *s, const char *job)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, job, &node, &token);
}

static uint32_t home_of(struct sim *s, const char *job)
{
    uint32_t node = UINT32_MAX;
    uint64_t token = 0;
    (void)sim_proc_live(s, job, &node, &token);
    return node;
}

static void starts_stay(struct sim *s, uint64_t ms, uint64_t starts, const char *when)
{
    sim_run_for(s, ms);
    if (s->starts != starts)
        sim_fail(s, 1, "halt: %s, %llu things started", when,
                 (unsigned long long)(s->starts - starts));
}

static bool all_started(struct sim *s)
{
    return services_run(s) && live_of(s, "late") == 1 && live_of(s, "mine") == 0;
}

static void begun(struct sim *s)
{
    char name[32], spec[128];
    for (uint32_t i = 0; i < SERVICES; i++) {
        (void)snprintf(name, sizeof name, "svc/%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]}", name);
        story_put(s, 0, name, spec);
    }
    story_put(s, 0, "mine", STORY_SERVICE("mine"));
    story_put(s, 0, "flaky",
              "{\"name\":\"flaky\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"arg\":\"1:2000\"}");
    story_put(s, 0, "sometimes",
              "{\"name\":\"sometimes\",\"kind\":\"cron\",\"every\":\"5s\",\"exec\":[\"/bin/x\"],"
              "\"arg\":\"0:100\"}");
    sim_await(s, 20000, services_run, "all run");
    (void)sim_op(s, 1, AGENT_OP_JOB_HOLD, "mine");
    sim_run_for(s, 12000);
}

/* An operator stops everything that is to come, on one node while another is down, and lets it go
 * on a third: nothing starts in between, whoever dies, returns, drains, restarts or is new; what
 * ran and could runs on; and what was held by hand before still is (I16). */
void story_halt(struct sim *s)
{
    story_begin(s, 4);
    begun(s);
    sim_crash(s, 3, false);
    sim_run_for(s, 5000);
    uint32_t other = home_of(s, "svc/2");
    sim_hold_all(s, 0, "hold", "");
    sim_await(s, 3000, all_hold, "everybody has heard of it");
    sim_run_for(s, 500);
    uint64_t starts = s->starts;
    story_put(s, 1, "late", STORY_SERVICE("late"));
    (void)sim_op(s, 2, AGENT_OP_JOB_RESTART, "svc/0");
    sim_boot(s, 3);
    starts_stay(s, 30000, starts, "after a restart, a submit and a boot");
    if (live_of(s, "svc/0") != 1)
        sim_fail(s, 1, "halt: it was to be restarted, and is gone");
    sim_drain(s, home_of(s, "svc/1"), false);
    starts_stay(s, 20000, starts, "while a node drains");
    if (!services_run(s))
        sim_fail(s, 1, "halt: a drain has ended what it could not start elsewhere");
    sim_crash(s, other, true);
    starts_stay(s, 30000, starts, "after a node died");
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_crash(s, i, false);
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_boot(s, i);
    starts_stay(s, 60000, starts, "after all were started again");
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_drain(s, i, true);
    sim_hold_all(s, 2, "release", "");
    sim_await(s, 3000, none_holds, "everybody has heard of it");
    sim_await(s, 60000, all_started, "all but what a person holds runs");
    uint32_t home = home_of(s, "svc/1");
    uint64_t before = s->starts;
    sim_hold_all(s, 1, "hold", "svc/");
    sim_await(s, 3000, all_hold, "everybody has heard of it");
    sim_crash(s, home, false);
    sim_boot(s, home);
    sim_run_for(s, 20000);
    if (live_of(s, "svc/1") != 0 || s->starts == before || live_of(s, "late") != 1)
        sim_fail(s, 1, "halt: a part was held: svc/1 %u, late %u", live_of(s, "svc/1"),
                 live_of(s, "late"));
    sim_hold_all(s, home, "release", "svc/");
    sim_await(s, 60000, services_run, "these run again too");
}
