/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of fences: exclusive runs whose keeper or node is cut off at the worst moment, and other
 * interleavings that only one planted bug in ten thousand seeds would meet. What they ask for is
 * asked at every start anyway (I5, I7); the stories bring the moment about. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define JOBS 8
#define PROMPT_MS                                                                                  \
    1750 /* the guard's second, a lease that did not get there any more, and the way */

struct scene {
    const char *job;
    uint32_t keeper, runner;
    uint32_t other[2]; /* the rest of the bench */
};

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

static uint32_t bucket_of(const struct sim *s, const char *job)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            return store_bucket_of(store_of(s, i), muster_bytes_text(job));
    return 0;
}

static bool all_run(struct sim *s)
{
    uint32_t node;
    uint64_t token;
    for (uint32_t i = 0; i < s->jobs; i++)
        if (sim_proc_live(s, s->job[i].name, &node, &token) != 1)
            return false;
    return sim_at_rest(s);
}

static bool is_answered(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (s->job[i].request != 0)
            return false;
    return true;
}

static uint32_t node_of_id(const struct sim *s, struct muster_id id)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (muster_id_equal(s->node[i].id, id))
            return i;
    return UINT32_MAX;
}

/* A job whose node does not sit on its bench: then the bench can go on without that node. */
static bool scene_find(struct sim *s, struct scene *c)
{
    uint64_t token;
    for (uint32_t j = 0; j < s->jobs; j++) {
        struct store_bucket_view v;
        uint32_t n = 0;
        *c = (struct scene){ .job = s->job[j].name };
        (void)sim_proc_live(s, c->job, &c->runner, &token);
        c->keeper = story_keeper_or_none(s, c->job);
        store_bucket(store_of(s, c->keeper), bucket_of(s, c->job), &v);
        bool sits = false;
        for (uint32_t i = 0; i < v.old_count; i++) {
            uint32_t node = node_of_id(s, v.old_seat[i].node);
            sits = sits || node == c->runner;
            if (node != c->keeper && n < 2)
                c->other[n++] = node;
        }
        if (!sits && n == 2)
            return true;
    }
    return false;
}

static void scene_begin(struct sim *s, struct scene *c, const char *words)
{
    char name[16], spec[160];
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_boot(s, i);
    sim_await(s, 120000, story_benches_full, "every bucket has a full bench");
    for (uint32_t i = 0; i < JOBS; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]%s}", name,
                       words);
        (void)sim_put(s, i % s->nodes, name, spec);
    }
    sim_await(s, 20000, is_answered, "every put is answered");
    sim_await(s, 60000, all_run, "every job runs");
    sim_run_for(s, 20000); /* until nobody moves a bench or a keeper any more */
    if (!scene_find(s, c))
        sim_fail(s, 2, "no job runs off its bench");
    sim_log(s, "---- %s: n%u keeps, n%u runs", c->job, c->keeper, c->runner);
}

static void scene_end(struct sim *s)
{
    sim_heal(s);
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_boot(s, i);
    sim_await(s, 180000, sim_at_rest, "the cluster is at rest");
    sim_check_all(s);
}

static void cut_off(struct sim *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != node)
            sim_cut(s, node, i, true);
}

static const char exclusive[] = ",\"partition\":\"exclusive\"";

/* 6. The runner is cut off and its keeper dies: the next one waits until the old lease is over. */
void story_takeover(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    cut_off(s, c.runner);
    sim_crash(s, c.keeper, false);
    sim_run_for(s, 60000);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

static uint64_t lease_end(const struct sim *s, uint32_t node, const char *job)
{
    for (uint32_t i = 0; i < s->node[node].procs; i++) {
        const struct sim_proc *p = &s->node[node].proc[i];
        if (p->is_used && p->is_live && strcmp(p->job, job) == 0)
            return sim_true(s, node, p->lease_ms);
    }
    return s->now;
}

/* The runner is cut off, and its guard is as late at the end of the lease as a guard may be:
 * whatever moment its keeper looks at it, it waits for that second (R39). */
void story_tardy(struct sim *s)
{
    struct scene c;
    uint32_t node = 0;
    uint64_t token = 0;
    scene_begin(s, &c, ",\"partition\":\"exclusive\",\"max_moves\":100");
    for (uint32_t i = 0; i < 12; i++) {
        sim_run_for(s, 210 * i);
        (void)sim_proc_live(s, c.job, &c.runner, &token);
        cut_off(s, c.runner);
        sim_run_for(s, lease_end(s, c.runner, c.job) - s->now - 20);
        sim_proc_guards_pause(s, c.runner, 1000);
        sim_run_for(s, 5000);
        if (sim_proc_live(s, c.job, &node, &token) != 1 || node == c.runner)
            sim_fail(s, 2, "tardy: it is not placed anew");
        sim_heal(s);
        sim_await(s, 60000, all_run, "every job runs");
    }
    scene_end(s);
}

/* When the leases of earlier reigns must have ended, as the job's keeper sees it. */
static uint64_t takeover_end(struct sim *s, const char *job)
{
    struct store_bucket_view v;
    uint32_t keeper = story_keeper(s, job);
    store_bucket(store_of(s, keeper), bucket_of(s, job), &v);
    return sim_true(s, keeper, v.takeover_ms);
}

/* The runner is cut off: its run is placed anew as soon as its lease and its guard's second are
 * over, whatever moment its keeper has looked at it last (R39). */
void story_prompt(struct sim *s)
{
    struct scene c;
    uint32_t node = 0;
    uint64_t token = 0;
    scene_begin(s, &c, ",\"partition\":\"exclusive\",\"max_moves\":100");
    for (uint32_t i = 0; i < 12; i++) {
        sim_run_for(s, 210 * i);
        (void)sim_proc_live(s, c.job, &c.runner, &token);
        cut_off(s, c.runner);
        sim_run_for(s, lease_end(s, c.runner, c.job) - s->now + PROMPT_MS);
        sim_until(s, takeover_end(s, c.job) + PROMPT_MS / 2);
        if (sim_proc_live(s, c.job, &node, &token) != 1 || node == c.runner)
            sim_fail(s, 2, "prompt: it is not placed anew when its lease is over");
        sim_heal(s);
        sim_await(s, 60000, all_run, "every job runs");
    }
    scene_end(s);
}

/* The whole bench starts anew: nobody remembers a beat, and nobody may take that for a long time
 * without one (R16). */
void story_age(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    cut_off(s, c.runner);
    cut_off(s, c.keeper); /* a proof of its death would have them stand before they may vote */
    for (uint32_t i = 0; i < 2; i++) {
        sim_crash(s, c.other[i], false);
        sim_boot(s, c.other[i]);
    }
    sim_run_for(s, 60000);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

static void keeper_and_runner_cut(struct sim *s, const struct scene *c)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != c->keeper && i != c->runner) {
            sim_cut(s, c->keeper, i, true);
            sim_cut(s, c->runner, i, true);
        }
}

/* Keeper and runner are cut off together, and the keeper's answers reach the runner late: a lease
 * counts from its question (R38). */
void story_late(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    keeper_and_runner_cut(s, &c);
    sim_cut(s, c.keeper, c.runner, false);
    sim_run_for(s, 6000);
    s->cut[c.keeper] = (uint16_t)(s->cut[c.keeper] & ~(1u << c.runner));
    sim_run_for(s, 30000);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

/* The same without delay: while nobody answers a keeper's beats, its leases end no later (R36). */
void story_grant(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    keeper_and_runner_cut(s, &c);
    sim_run_for(s, 60000);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

/* 7. A keeper is outranked and elected again with a voter that has heard nobody for long: its own
 * beats are what it must wait for (R14, R37). */
void story_stale(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    cut_off(s, c.other[0]);
    sim_run_for(s, 16000);
    if (story_keeper_or_none(s, c.job) != c.keeper)
        sim_fail(s, 2, "the keeper has changed before it was meant to");
    sim_heal(s);
    cut_off(s, c.runner);
    sim_crash(s, c.other[1], true);
    sim_run_for(s, 60000);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

static void put_anew(struct sim *s, const struct scene *c)
{
    char spec[160];
    struct sim_job *j = sim_job_find(s, c->job);
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/y\"]%s}", c->job,
                   exclusive);
    for (uint32_t i = 0; i < 60; i++) {
        sim_run_for(s, 500);
        j->is_acked = j->is_delete_tried = j->is_deleted_acked = false;
        (void)sim_put(s, c->keeper, c->job, spec);
        sim_await(s, 20000, is_answered, "the put is answered");
        if (s->last_err == MUSTER_OK)
            break;
    }
    sim_run_for(s, 40000);
}

/* 11. Deleted and made anew while its exclusive run is cut off: the new one waits until the old
 * one's lease is over, and its person may be told to come back (R21, R22). */
void story_busy(struct sim *s)
{
    struct scene c;
    s->times = AGENT_PROFILE_WAN;
    scene_begin(s, &c, exclusive);
    cut_off(s, c.runner);
    (void)sim_op(s, c.keeper, AGENT_OP_JOB_DELETE, c.job);
    sim_await(s, 5000, is_answered, "the delete is answered");
    put_anew(s, &c);
    scene_end(s);
    s->times = AGENT_PROFILE_LAN;
}

/* R22: the same where nobody is cut off, and the old run does not hear TERM: its lease goes on
 * while it stops, and its tombstone stays however old it is, or the name would run again elsewhere.
 */
void story_stubborn(struct sim *s)
{
    struct scene c;
    scene_begin(s, &c, ",\"partition\":\"exclusive\",\"arg\":\"hang\",\"stop_timeout\":\"150s\"");
    (void)sim_op(s, c.keeper, AGENT_OP_JOB_DELETE, c.job);
    sim_await(s, 5000, is_answered, "the delete is answered");
    sim_drain(s, c.runner, false); /* that would be the next place for it */
    for (uint32_t i = 0; i < 600 && story_is_known(s, c.job); i++)
        sim_run_for(s, 100);
    put_anew(s, &c);
    sim_drain(s, c.runner, true);
    sim_run_for(s, 60000);
    scene_end(s);
}

static void clock_rate(struct sim *s, uint32_t node, int32_t ppm)
{
    struct sim_node *n = &s->node[node];
    n->mono_offset = sim_mono(s, node);
    n->epoch = s->now;
    n->rate_ppm = ppm;
    n->tick_for = 0; /* its deadline is another moment now */
}

/* R40: a clock that runs two percent fast ends the exclusive runs beside it. */
void story_drift(struct sim *s)
{
    struct scene c;
    uint32_t node = 0;
    uint64_t token = 0, first = 0;
    scene_begin(s, &c, exclusive);
    (void)sim_proc_live(s, c.job, &node, &first);
    clock_rate(s, c.runner, 20000);
    sim_run_for(s, 150000);
    if (sim_proc_live(s, c.job, &node, &token) == 1 && token == first)
        sim_fail(s, 1, "R40: exclusive %s goes on beside a clock that is not to be trusted", c.job);
    clock_rate(s, c.runner, 0);
    scene_end(s);
}

/* 3. A job is deleted and forgotten while its node is away: the report that comes back with it is
 * answered with an end (R23). */
void story_stray(struct sim *s)
{
    struct scene c;
    scene_begin(s, &c, ",\"on_agent_loss\":\"keep\"");
    cut_off(s, c.runner);
    sim_run_for(s, 8000);
    (void)sim_op(s, c.other[0], AGENT_OP_JOB_DELETE, c.job);
    for (uint32_t i = 0; i < 240 && story_is_known(s, c.job); i++)
        sim_run_for(s, 250);
    if (story_is_known(s, c.job))
        sim_fail(s, 2, "the tombstone is not purged");
    scene_end(s);
}

/* R10: who hears no keeper and asks for votes disturbs nobody who does, not even one that has just
 * started. */
void story_calm(struct sim *s)
{
    struct store_bucket_view before, after;
    struct scene c;
    scene_begin(s, &c, "");
    uint32_t bucket = bucket_of(s, c.job);
    store_bucket(store_of(s, c.keeper), bucket, &before);
    sim_cut(s, c.keeper, c.other[0], false);
    for (uint32_t i = 0; i < 30; i++) {
        sim_run_for(s, 2130);
        sim_crash(s, c.other[1], false);
        sim_run_for(s, 20);
        sim_boot(s, c.other[1]);
    }
    sim_run_for(s, 2000);
    store_bucket(store_of(s, c.keeper), bucket, &after);
    if (after.role != STORE_SERVING || after.reign.packed != before.reign.packed)
        sim_fail(s, 1, "R10: n%u is not the keeper any more, for no reason", c.keeper);
    scene_end(s);
}

static void damage(struct sim *s, uint32_t node, uint32_t bucket)
{
    struct sim_disk *d = &s->node[node].disk;
    for (uint32_t i = 0; i < d->count; i++) {
        struct sim_record *r = &d->record[i];
        if (r->is_live && r->table == STORE_TABLE_BUCKET && r->key.data[1] == bucket)
            ((uint8_t *)(uintptr_t)r->value.data)[0] ^= 1;
    }
}

/* Who has lost what it promised and held is no voter, or a quorum would know nothing of what a
 * quorum has chosen (R54). */
void story_amnesia(struct sim *s)
{
    struct scene c;
    scene_begin(s, &c, "");
    uint32_t bucket = bucket_of(s, c.job);
    cut_off(s, c.other[0]);
    sim_run_for(s, 4000);
    (void)sim_op(s, c.other[1], AGENT_OP_JOB_STOP, c.job);
    sim_await(s, 20000, is_answered, "the stop is answered");
    sim_crash(s, c.keeper, true);
    sim_crash(s, c.other[1], false);
    damage(s, c.other[1], bucket);
    sim_boot(s, c.other[1]);
    sim_heal(s);
    for (uint32_t i = 0; i < 80; i++) {
        sim_run_for(s, 250);
        sim_check_all(s);
    }
    scene_end(s);
    uint32_t node = 0;
    uint64_t token = 0;
    if (sim_proc_live(s, c.job, &node, &token) != 0)
        sim_fail(s, 1, "I1: the stop of %s was acknowledged, and is lost", c.job);
}
