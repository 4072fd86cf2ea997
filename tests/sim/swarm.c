/* SPDX-License-Identifier: Apache-2.0 */
/* The swarm: five nodes, and a seed that draws load and faults. First safety under all of it, then
 * the world heals and everything must come to rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define STORM_MS 60000
#define CALM_MS  180000
#define TURN_MS  250

struct odds {
    uint32_t crash, silent, pause, cut, heal, put, drop, change, drain, wipe;
};

static struct odds odds_draw(struct sim *s)
{
    static const uint32_t rare[] = { 0, 0, 1, 3 };
    struct odds o = { .heal = 10, .put = 15, .drop = 5 };
    o.crash = rare[muster_rng_below(&s->rng, 4)];
    o.silent = rare[muster_rng_below(&s->rng, 4)] / 2;
    o.pause = rare[muster_rng_below(&s->rng, 4)] / 2;
    o.cut = rare[muster_rng_below(&s->rng, 4)];
    o.change = rare[muster_rng_below(&s->rng, 4)] * 3;
    o.drain = rare[muster_rng_below(&s->rng, 4)] / 2;
    o.wipe = (uint32_t)muster_rng_below(&s->rng, 2) * 20; /* of crashes, once */
    s->faults.refuse_percent = rare[muster_rng_below(&s->rng, 4)] / 3;
    s->faults.loss_percent = (uint32_t)muster_rng_below(&s->rng, 3) * 5;
    s->faults.dup_percent = (uint32_t)muster_rng_below(&s->rng, 2) * 5;
    s->faults.delay_ms = 1u << muster_rng_below(&s->rng, 6);
    s->faults.commit_ms = 1u << muster_rng_below(&s->rng, 7);
    return o;
}

static void boot_again(struct sim *s, uint64_t node)
{
    sim_boot(s, (uint32_t)node);
}

static void resume(struct sim *s, uint64_t node)
{
    sim_resume(s, (uint32_t)node);
}

static void cut_draw(struct sim *s)
{
    uint64_t side = muster_rng_between(&s->rng, 1, (1u << s->nodes) - 2);
    bool both = muster_rng_chance(&s->rng, 2, 3);
    sim_log(s, "cut: %llx %s", (unsigned long long)side, both ? "both ways" : "one way");
    for (uint32_t a = 0; a < s->nodes; a++)
        for (uint32_t b = 0; b < s->nodes; b++)
            if ((side >> a & 1) != 0 && (side >> b & 1) == 0)
                sim_cut(s, a, b, both);
}

static uint32_t up_draw(struct sim *s)
{
    uint32_t first = (uint32_t)muster_rng_below(&s->rng, s->nodes);
    for (uint32_t i = 0; i < s->nodes; i++) {
        uint32_t n = (first + i) % s->nodes;
        if (s->node[n].is_up && !s->node[n].is_paused)
            return n;
    }
    return UINT32_MAX;
}

static void spec_of(const struct sim_job *j, uint32_t job, char *out, size_t size)
{
    bool task = job % 4 == 1, keep = job % 5 == 2, exclusive = job % 3 == 0;
    (void)snprintf(
        out, size, "{\"name\":\"%s\",\"kind\":\"%s\",\"exec\":[\"/bin/x\",\"%u\"]%s%s%s}", j->name,
        task ? "task" : "service", j->spec, task ? ",\"arg\":\"0:3000\"" : "",
        keep ? ",\"on_agent_loss\":\"keep\"" : "", exclusive ? ",\"partition\":\"exclusive\"" : "");
}

static void job_put(struct sim *s, uint32_t node)
{
    char name[32], spec[256];
    uint32_t job = s->jobs;
    (void)snprintf(name, sizeof name, "job-%u", job);
    spec_of(sim_job_find(s, name), job, spec, sizeof spec);
    (void)sim_put(s, node, name, spec);
}

static void job_change(struct sim *s, uint32_t node, struct sim_job *j)
{
    static const enum agent_op op[] = { AGENT_OP_JOB_STOP, AGENT_OP_JOB_START,
                                        AGENT_OP_JOB_RESTART };
    char spec[256];
    uint32_t what = (uint32_t)muster_rng_below(&s->rng, 4);
    if (what < 3) {
        (void)sim_op(s, node, op[what], j->name);
        return;
    }
    j->spec++;
    spec_of(j, (uint32_t)(j - s->job), spec, sizeof spec);
    (void)sim_update(s, node, j->name, spec);
}

static void job_again(struct sim *s, uint32_t node, struct sim_job *j)
{
    char spec[256];
    spec_of(j, (uint32_t)(j - s->job), spec, sizeof spec);
    (void)sim_put_again(s, node, j->name, spec);
}

static void client_draw(struct sim *s, const struct odds *o)
{
    uint32_t node = up_draw(s);
    if (node == UINT32_MAX)
        return;
    if (muster_rng_chance(&s->rng, o->put, 100) && s->jobs < 20)
        job_put(s, node);
    if (s->jobs == 0)
        return;
    struct sim_job *j = &s->job[muster_rng_below(&s->rng, s->jobs)];
    if (j->request != 0 || j->is_delete_tried || !s->node[node].is_up)
        return; /* one client a job, and one question at a time */
    if (!j->is_acked)
        job_again(s, node, j);
    else if (muster_rng_chance(&s->rng, o->drop, 100))
        (void)sim_op(s, node, AGENT_OP_JOB_DELETE, j->name);
    else if (muster_rng_chance(&s->rng, o->change, 100))
        job_change(s, node, j);
}

static void crash_draw(struct sim *s, uint32_t node, bool silent, const struct odds *o)
{
    static const uint32_t back[] = { 50, 500, 3000, 20000 };
    if (!s->node[node].is_up)
        return;
    sim_call(s, back[muster_rng_below(&s->rng, 4)], boot_again, node);
    sim_crash(s, node, silent);
    if (s->wipes == 0 && muster_rng_chance(&s->rng, o->wipe, 100) && sim_truth_can_lose(s))
        sim_wipe(s, node);
}

static void fault_draw(struct sim *s, const struct odds *o)
{
    for (uint32_t i = 0; i < s->nodes; i++) {
        bool silent = muster_rng_chance(&s->rng, o->silent, 100);
        if (silent || muster_rng_chance(&s->rng, o->crash, 100)) {
            crash_draw(s, i, silent, o);
        } else if (muster_rng_chance(&s->rng, o->pause, 100) && !s->node[i].is_paused) {
            sim_pause(s, i);
            sim_call(s, 1000 + muster_rng_below(&s->rng, 8000), resume, i);
        } else if (muster_rng_chance(&s->rng, o->drain, 100) && s->node[i].is_up &&
                   !s->node[i].is_paused) {
            sim_drain(s, i, muster_rng_chance(&s->rng, 1, 2));
        }
    }
    if (muster_rng_chance(&s->rng, o->cut, 100))
        cut_draw(s);
    if (muster_rng_chance(&s->rng, o->heal, 100))
        sim_heal(s);
}

static void calm(struct sim *s)
{
    s->faults = (struct sim_faults){ .delay_ms = 2, .commit_ms = 2 };
    sim_heal(s);
    for (uint32_t i = 0; i < s->nodes; i++) {
        sim_resume(s, i);
        sim_boot(s, i);
        sim_drain(s, i, true);
    }
    sim_probe_dream(0); /* no more unusual choices either */
    sim_log(s, "---- calm");
}

void sim_swarm(uint64_t seed, bool trace, uint64_t *hash)
{
    struct sim *s = calloc(1, sizeof *s);
    MUSTER_ASSERT(s != NULL);
    sim_open(s, seed, "swarm", 5, 8);
    s->trace = trace;
    struct odds o = odds_draw(s);
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_call(s, muster_rng_below(&s->rng, i == 4 ? 40000 : 3000), boot_again, i);
    while (s->now < STORM_MS) {
        sim_run_for(s, TURN_MS);
        sim_check_all(s);
        client_draw(s, &o);
        if (s->now > 5000)
            fault_draw(s, &o);
    }
    calm(s);
    uint64_t end = s->now + CALM_MS;
    while (s->now < end && !(s->now > STORM_MS + 5000 && sim_at_rest(s))) {
        sim_run_for(s, TURN_MS);
        sim_check_all(s);
    }
    sim_check_rest(s);
    *hash = s->hash;
    printf("seed %llu holds: %llu s, %llu steps, %llu starts, %llu crashes, %llu cuts, "
           "%llu refused commits, %llu wipes, %llu acks, hash %016llx\n",
           (unsigned long long)seed, (unsigned long long)(s->now / 1000),
           (unsigned long long)s->steps, (unsigned long long)s->starts,
           (unsigned long long)s->crashes, (unsigned long long)s->cuts,
           (unsigned long long)s->refused, (unsigned long long)s->wipes,
           (unsigned long long)s->acks, (unsigned long long)s->hash);
    sim_close(s);
    free(s);
}
