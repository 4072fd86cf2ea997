/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that was cut in two is whole again: soon every job runs once (P3), whatever its times,
 * and whoever booted meanwhile. */
#include <stdio.h>

#include "tests/sim/story.h"

#define JOBS      8
#define CUT_MS    20000
#define BRIEF_MS  600  /* too short to be taken for dead, long enough to miss news */
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

static bool is_seated(struct sim *s, uint32_t node, const char *job)
{
    struct store_bucket_view v;
    const struct store *store = agent_node_store(s->node[node].node);
    store_bucket(store, store_bucket_of(store, muster_bytes_text(job)), &v);
    return v.seat != 0;
}

static bool runs_twice(struct sim *s)
{
    return sim_proc_wanted(s, s->job[0].name) == 2;
}

/* Who was cut off alone has claimed the job, and its rounds are above the keeper's, whom it still
 * does not see when all others are back. They tell it that there is one: then its claim is that
 * keeper's to judge, and is soon (R42, P3). */
void story_unheard(struct sim *s)
{
    uint32_t runner = 0, alone = 0;
    uint64_t token = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "the job runs");
    (void)sim_proc_live(s, "job", &runner, &token);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != runner && is_seated(s, i, "job"))
            alone = i;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != alone)
            sim_cut(s, alone, i, true);
    sim_await(s, 60000, runs_twice, "the member that is alone claims the job");
    sim_run_for(s, 2000);
    uint32_t keeper = story_keeper(s, "job");
    sim_heal(s);
    sim_cut(s, alone, keeper, true);
    sim_run_for(s, HEALED_MS);
    if (sim_proc_wanted(s, "job") != 1)
        sim_fail(s, 1, "P3: the job runs %u times", sim_proc_wanted(s, "job"));
    sim_heal(s);
    story_rest(s);
}

/* A member of the job's bench is alone and claims it; this returns where the job runs beside it. */
static uint32_t claimed_alone(struct sim *s)
{
    uint32_t runner = 0, alone = 0;
    uint64_t token = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "the job runs");
    (void)sim_proc_live(s, "job", &runner, &token);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != runner && is_seated(s, i, "job"))
            alone = i;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != alone)
            sim_cut(s, alone, i, true);
    sim_await(s, 60000, runs_twice, "the member that is alone claims the job");
    return runner;
}

/* The two run, they meet again, and the keeper's run is the one that stays. */
static void own_run_stays(struct sim *s, const char *what)
{
    struct store_view view;
    uint32_t runner = 0;
    uint64_t token = 0;
    sim_await(s, 10000, runs_twice, "the new one runs");
    uint32_t keeper = story_keeper(s, "job");
    if (!store_get(agent_node_store(s->node[keeper].node), muster_bytes_text("job"), &view))
        sim_fail(s, 2, "%s: it is not there", what);
    uint64_t own = view.row.run_token;
    sim_heal(s);
    sim_run_for(s, HEALED_MS);
    if (sim_proc_live(s, "job", &runner, &token) != 1 || token != own)
        sim_fail(s, 1, "R43: a run of %s takes the place of what is wanted now", what);
    story_rest(s);
}

/* Who was cut off alone has claimed the job, which the others have deleted and made anew meanwhile:
 * what it runs is of the former life, however high its token (R43). */
void story_namesake(struct sim *s)
{
    uint32_t runner = claimed_alone(s);
    (void)sim_op(s, runner, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 10000, all_answered, "it is deleted");
    struct sim_job *j = sim_job_find(s, "job");
    j->is_acked = j->is_deleted_acked = j->is_delete_tried = false;
    story_put(s, runner, "job", STORY_SERVICE("job"));
    own_run_stays(s, "a job that was deleted");
}

/* Likewise: the others give it another command meanwhile. */
void story_revised(struct sim *s)
{
    uint32_t runner = claimed_alone(s);
    (void)sim_update(s, runner, "job",
                     "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/other\"]}");
    sim_await(s, 10000, all_answered, "it is changed");
    own_run_stays(s, "what a job was before it was changed");
}

static bool has_left(struct sim *s)
{
    struct agent_status v;
    for (uint32_t i = 0; i + 1 < s->nodes; i++) {
        agent_node_status(s->node[i].node, &v);
        if (v.left != 1)
            return false;
    }
    return !s->node[s->nodes - 1].is_up;
}

/* A node that has left comes back while another is cut off, which misses the news. Gossip has no
 * more of them when the cut is over; the node itself is there to be seen, on a connection, and a
 * keeper that believed the old word for longer would place anew what runs there (P3). */
void story_returned(struct sim *s)
{
    struct agent_status v;
    story_begin(s, 5);
    uint32_t last = s->nodes - 1;
    for (uint32_t alone = 0; alone < last; alone++) {
        sim_leave(s, last);
        sim_await(s, 20000, has_left, "the last node has left, and all others know");
        for (uint32_t i = 0; i <= last; i++)
            if (i != alone)
                sim_cut(s, alone, i, true);
        sim_boot(s, last);
        sim_run_for(s, BRIEF_MS);
        sim_heal(s);
        sim_run_for(s, HEALED_MS);
        agent_node_status(s->node[alone].node, &v);
        if (v.left != 0 || v.alive != s->nodes)
            sim_fail(s, 1, "P3: n%u holds %u of %u for alive and %u for gone", alone, v.alive,
                     s->nodes, v.left);
        story_rest(s);
    }
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
