/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that has been through something is as quiet afterwards as one that has not: what was
 * sought is found or given up, nobody asks what nobody will answer, and frames go straight again.
 */
#include <stdio.h>

#include "tests/sim/story.h"

#define JOBS      6
#define CUT_MS    8000
#define SETTLE_MS 70000 /* until tokens are old enough to be asked about */
#define WATCH_MS  60000

/* Of one node: a ping and its answer a second, and what little gossip still has to say. */
#define PACKETS_PER_S 4

struct quiet {
    uint64_t relayed, packets, exchanges, frames;
};

static struct quiet told(const struct sim *s)
{
    struct quiet q = { 0 };
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct agent_counters c;
        agent_node_counters(s->node[i].node, &c);
        q.relayed += c.relayed;
        q.packets += c.gossip.packets_out;
        q.exchanges += c.gossip.push_pulls;
        q.frames += c.frames_out;
    }
    return q;
}

static bool all_run(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (sim_proc_wanted(s, s->job[i].name) != 1)
            return false;
    return true;
}

/* Every two nodes lose sight of each other for a while, and see all the others. */
static void pairs_cut(struct sim *s)
{
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = a + 1; b < s->nodes; b++) {
            sim_cut(s, a, b, true);
            sim_run_for(s, CUT_MS);
            sim_heal(s);
        }
}

void story_quiet(struct sim *s)
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
    sim_await(s, 60000, all_run, "every job runs");
    pairs_cut(s);
    sim_crash(s, s->nodes - 1, false);
    sim_wipe(s, s->nodes - 1);
    sim_boot(s, s->nodes - 1);
    sim_await(s, 180000, sim_at_rest, "the cluster is at rest");
    sim_run_for(s, SETTLE_MS);
    struct quiet before = told(s);
    sim_run_for(s, WATCH_MS);
    struct quiet after = told(s);
    uint64_t node_s = (uint64_t)s->nodes * WATCH_MS / 1000;
    sim_log(s, "%llu packets, %llu exchanges, %llu frames, %llu relayed",
            (unsigned long long)(after.packets - before.packets),
            (unsigned long long)(after.exchanges - before.exchanges),
            (unsigned long long)(after.frames - before.frames),
            (unsigned long long)(after.relayed - before.relayed));
    if (after.relayed != before.relayed)
        sim_fail(s, 1, "quiet: frames still go by way of others");
    if (after.packets - before.packets > PACKETS_PER_S * node_s)
        sim_fail(s, 1, "quiet: gossip has something to say for ever");
    if (after.exchanges - before.exchanges > node_s / 10)
        sim_fail(s, 1, "quiet: somebody is sought who is not there");
}
