/* SPDX-License-Identifier: Apache-2.0 */
/* The swarm: a seed draws a cluster, its load and its faults. First safety under all of it; then
 * the world heals, and everything must come to rest. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "ring/ring.h"
#include "tests/sim/sim.h"

#define STORM_MS   60000
#define CALM_MS    180000
#define REST_MS    5000 /* of calm, at the least */
#define TURN_MS    250
#define FIRST_JOBS 6

#define SECOND_APART_MS 500

enum sim_profile sim_profile_of(uint64_t seed)
{
    uint64_t state = seed ^ 0x70726f66696c65;
    return (enum sim_profile)(muster_splitmix64(&state) % SIM_PROFILES);
}

static void boot_again(struct sim *s, uint64_t node)
{
    sim_boot(s, (uint32_t)node);
}

static uint32_t at_most(uint32_t drawn, uint32_t max)
{
    return max != 0 && max < drawn ? max : drawn;
}

/* What kind of cluster it is: few buckets have many rows each, and patience changes what comes
 * first. */
static void kind_draw(struct sim *s, uint64_t *state)
{
    static const uint32_t buckets[] = { 4, 8, 8, SIM_BUCKETS };
    static const enum agent_config_profile times[] = { AGENT_PROFILE_LAN, AGENT_PROFILE_LAN,
                                                       AGENT_PROFILE_LOCAL, AGENT_PROFILE_WAN };
    s->ring_bits = RING_BITS_MIN; /* few slots for few nodes, and quickly dealt anew */
    s->buckets = buckets[muster_splitmix64(state) % 4];
    s->times = times[muster_splitmix64(state) % 4];
    s->is_packed = muster_splitmix64(state) % 4 == 0;
    /* In some clusters everybody's second begins at once, in most at any time. */
    bool agree = muster_splitmix64(state) % 4 == 0;
    for (uint32_t i = 0; i < s->nodes && !agree; i++)
        s->node[i].wall_offset = (int64_t)(muster_splitmix64(state) % SECOND_APART_MS);
}

static void cluster_draw(struct sim *s)
{
    static const uint32_t exclusive[SIM_PROFILES] = { 40, 80, 30, 30, 50, 40 };
    s->exclusive_percent = exclusive[s->run.profile];
    s->jobs_max =
        at_most(FIRST_JOBS + (uint32_t)muster_rng_below(&s->rng, SIM_JOBS_MAX - FIRST_JOBS),
                s->run.jobs_max);
    sim_faults_begin(s);
    for (uint32_t i = 0; i < s->nodes; i++) {
        bool late = sim_has(s, SIM_STAGGER) && i > 0;
        sim_clock_begins(s, i);
        sim_call(s, muster_rng_below(&s->rng, late ? 30000 : 100), boot_again, i);
    }
}

static void calm(struct sim *s)
{
    sim_faults_end(s);
    sim_heal(s);
    for (uint32_t i = 0; i < s->nodes; i++) {
        sim_resume(s, i);
        if (s->node[i].is_leaving)
            sim_crash(s, i, false);
        sim_boot(s, i);
        sim_drain(s, i, true);
    }
    sim_probe_dream(0); /* no more unusual choices either */
    sim_log(s, "---- calm");
}

static void told(const struct sim *s)
{
    printf("seed %llu %s holds: %u nodes, %llu s, %llu steps, %llu starts, %llu answers;",
           (unsigned long long)s->seed, sim_profile_name(s->run.profile), s->nodes,
           (unsigned long long)(s->now / 1000), (unsigned long long)s->steps,
           (unsigned long long)s->starts, (unsigned long long)s->acks);
    for (uint32_t f = 0; f < SIM_FAULTS; f++)
        if (s->fault_count[f] > 0)
            printf(" %s %llu", sim_fault_name((enum sim_fault)f),
                   (unsigned long long)s->fault_count[f]);
    printf("; hash %016llx\n", (unsigned long long)s->hash);
}

static void sum_up(const struct sim *s, struct sim_sum *sum)
{
    sum->hash = s->hash;
    sum->seeds++;
    sum->node_ms += s->now * s->nodes;
    sum->steps += s->steps;
    sum->starts += s->starts;
    sum->acks += s->acks;
    for (uint32_t f = 0; f < SIM_FAULTS; f++)
        sum->fault[f] += s->fault_count[f];
}

void sim_swarm(const struct sim_run *run, struct sim_sum *sum)
{
    struct sim *s = calloc(1, sizeof *s);
    MUSTER_ASSERT(s != NULL);
    uint64_t state = run->seed;
    uint32_t least = run->nodes_min != 0 ? run->nodes_min : 3;
    uint32_t nodes = least + (uint32_t)(muster_splitmix64(&state) % (SIM_NODES_MAX + 1 - least));
    sim_open(s, run->seed, "swarm", at_most(nodes, run->nodes_max), 8);
    kind_draw(s, &state);
    s->trace = run->trace;
    s->run = *run;
    if (run->profile == SIM_PROFILES)
        s->run.profile = sim_profile_of(run->seed);
    cluster_draw(s);
    while (s->now < STORM_MS) {
        sim_run_for(s, TURN_MS);
        sim_check_often(s);
        sim_clients_look(s);
    }
    calm(s);
    uint64_t end = s->now + CALM_MS;
    while (s->now < end && !(s->now > STORM_MS + REST_MS && sim_at_rest(s))) {
        sim_run_for(s, TURN_MS);
        sim_check_often(s);
        sim_clients_look(s);
    }
    sim_check_all(s);
    sim_check_rest(s);
    sum_up(s, sum);
    if (!run->is_quiet)
        told(s);
    sim_close(s);
    free(s);
}
