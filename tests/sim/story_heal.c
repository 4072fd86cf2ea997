/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that was cut in two is whole again: soon every job runs once (P3), whatever its times,
 * and whoever booted meanwhile. */
#include <stdio.h>

#include "tests/sim/story.h"

#define JOBS      8
#define CUT_MS    20000
#define HEALED_MS 5000 /* with the times of lan and local; twice as much with those of wan */

static bool all_answered(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (s->job[i].request != 0)
            return false;
    return true;
}

static bool all_run_once(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (sim_proc_wanted(s, s->job[i].name) != 1)
            return false;
    return true;
}

static void halves_cut(struct sim *s)
{
    for (uint32_t a = 0; a < 2; a++)
        for (uint32_t b = 2; b < s->nodes; b++)
            sim_cut(s, a, b, true);
}

/* Both halves have run everything for a while; in the smaller one, and then in both, every node has
 * booted since, and has never heard of those behind the cut. */
static void cut_and_heal(struct sim *s, uint32_t boots)
{
    uint32_t doubled = 0;
    halves_cut(s);
    for (uint32_t i = 0; i < boots; i++) {
        sim_crash(s, i, false);
        sim_boot(s, i);
    }
    sim_run_for(s, CUT_MS);
    for (uint32_t i = 0; i < s->jobs; i++)
        doubled += sim_proc_wanted(s, s->job[i].name) > 1;
    sim_log(s, "---- heals; %u run twice", doubled);
    sim_heal(s);
    sim_run_for(s, s->times == AGENT_PROFILE_WAN ? 2 * HEALED_MS : HEALED_MS);
    if (!all_run_once(s))
        sim_fail(s, 1, "P3: %u booted: not every job runs once when the network has healed", boots);
    sim_await(s, 120000, sim_at_rest, "the cluster is at rest");
}

void story_heal(struct sim *s)
{
    char name[16], spec[160];
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_boot(s, i);
    sim_await(s, 120000, story_benches_full, "every bucket has a full bench");
    for (uint32_t i = 0; i < JOBS; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                       "\"max_moves\":100}",
                       name);
        (void)sim_put(s, i % s->nodes, name, spec);
    }
    sim_await(s, 20000, all_answered, "every put is answered");
    sim_await(s, 60000, all_run_once, "every job runs");
    for (uint32_t i = 0; i < 4; i++)
        cut_and_heal(s, 0);
    cut_and_heal(s, 2);
    cut_and_heal(s, s->nodes);
    sim_check_all(s);
}

void story_heal_wan(struct sim *s)
{
    s->times = AGENT_PROFILE_WAN;
    story_heal(s);
}

void story_heal_local(struct sim *s)
{
    s->times = AGENT_PROFILE_LOCAL;
    story_heal(s);
}
