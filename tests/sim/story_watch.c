/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of silence: a host that says nothing more is noticed by all others, and who was away
 * itself accuses nobody. */
#include <stdio.h>

#include "tests/sim/story.h"

#define NOTICED_MS 1500
#define SETTLED_MS 90000 /* keepers are spread by then: every two have something to say */

static uint32_t suspect_at(const struct sim *s, uint32_t node)
{
    struct agent_status st;
    agent_node_status(s->node[node].node, &st);
    return st.suspect;
}

static uint32_t dead_at(const struct sim *s, uint32_t node)
{
    struct agent_status st;
    agent_node_status(s->node[node].node, &st);
    return st.dead;
}

static uint64_t witnessed_at(const struct sim *s, uint32_t node)
{
    struct agent_counters c;
    agent_node_counters(s->node[node].node, &c);
    return c.gossip.witnessed;
}

static bool all_are_alive(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (!s->node[i].is_up || dead_at(s, i) != 0 || suspect_at(s, i) != 0)
            return false;
    return true;
}

static bool none_is_dead(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (!s->node[i].is_up || dead_at(s, i) != 0)
            return false;
    return true;
}

/* Each in turn, at another moment of everybody's second: within a second and a half all others show
 * it dead, and nobody else. It comes back, and is alive for all. */
void story_hush(struct sim *s)
{
    s->times = AGENT_PROFILE_LAN;
    story_begin(s, 5);
    sim_run_for(s, SETTLED_MS);
    for (uint32_t turn = 0; turn < 20; turn++) {
        uint32_t victim = turn % s->nodes;
        sim_run_for(s, 3000 + 137 * turn);
        sim_pause(s, victim);
        sim_run_for(s, NOTICED_MS);
        for (uint32_t i = 0; i < s->nodes; i++)
            if (i != victim && dead_at(s, i) != 1)
                sim_fail(s, 1, "turn %u: n%u shows %u dead after %u ms of silence of one", turn, i,
                         dead_at(s, i), NOTICED_MS);
        sim_resume(s, victim);
        sim_await(s, 3000, none_is_dead, "who was silent is alive for everybody again");
    }
    story_rest(s);
}

/* It sleeps for longer and for shorter, so that all others look silent to it: no verdict is its. */
void story_drowsy(struct sim *s)
{
    s->times = AGENT_PROFILE_LAN;
    story_begin(s, 5);
    for (uint32_t turn = 0; turn < 40; turn++) {
        uint32_t sleeper = turn % s->nodes;
        uint64_t before = witnessed_at(s, sleeper);
        sim_run_for(s, 2000 + 91 * turn % 1000);
        sim_pause(s, sleeper);
        sim_run_for(s, 300 + 211 * (turn % 11));
        sim_resume(s, sleeper);
        sim_run_for(s, 900);
        if (witnessed_at(s, sleeper) != before)
            sim_fail(s, 1, "turn %u: n%u was away and has called another dead", turn, sleeper);
        sim_await(s, 3000, none_is_dead, "nobody is dead for anybody");
    }
    story_rest(s);
}

/* Nobody is called dead on one word: two do not hear each other, and all others hear both; or one
 * hears nobody, and the others have no less reason to doubt it. */
void story_aside(struct sim *s)
{
    s->times = AGENT_PROFILE_LAN;
    story_begin(s, 5);
    sim_run_for(s, 500);
    for (uint32_t turn = 0; turn < 10; turn++) {
        sim_cut(s, turn % s->nodes, (turn + 1 + turn / 5) % s->nodes, true);
        for (uint32_t i = 0; i < 60; i++) {
            sim_run_for(s, 100);
            if (!none_is_dead(s))
                sim_fail(s, 1, "turn %u: one did not hear another and has called it dead", turn);
        }
        sim_heal(s);
        sim_await(s, 10000, all_are_alive, "all are alive for everybody");
    }
    for (uint32_t alone = 0; alone < s->nodes; alone++) {
        for (uint32_t i = 0; i < s->nodes; i++)
            if (i != alone)
                sim_cut(s, alone, i, true);
        sim_run_for(s, 2500);
        if (dead_at(s, alone) != 0)
            sim_fail(s, 1, "n%u hears nobody, and has called %u dead", alone, dead_at(s, alone));
        sim_heal(s);
        sim_await(s, 6000, all_are_alive, "all are alive for everybody again");
    }
    story_rest(s);
}

#define HUNG_MS 1400 /* and a beat less than the calm */

static uint64_t elections(const struct sim *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct store_counters c;
        store_counters(agent_node_store(s->node[i].node), &c);
        sum += c.elections;
    }
    return sum;
}

/* An agent hangs, and everybody shows it dead; but its kernel takes connections. It is waited for,
 * and goes on to keep what it kept (R9). */
void story_hung(struct sim *s)
{
    s->times = AGENT_PROFILE_LAN;
    story_begin(s, 5);
    sim_run_for(s, SETTLED_MS);
    for (uint32_t turn = 0; turn < 10; turn++) {
        uint32_t victim = turn % s->nodes;
        story_rest(s);
        sim_run_for(s, 3000 + 137 * turn);
        uint64_t before = elections(s);
        sim_pause(s, victim);
        sim_run_for(s, HUNG_MS);
        if (dead_at(s, (victim + 1) % s->nodes) != 1)
            sim_fail(s, 2, "turn %u: n%u hangs and is not dead for anybody", turn, victim);
        if (elections(s) != before)
            sim_fail(s, 1, "R9: turn %u: n%u hangs, and somebody has stood for its buckets", turn,
                     victim);
        sim_resume(s, victim);
        sim_await(s, 3000, none_is_dead, "who was silent is alive for everybody again");
    }
    story_rest(s);
}

#define PLACED_MS 1200
#define PLUGS     8

/* A host loses its power, and says nothing any more, nor does its kernel. Whatever ran there runs
 * again long before a guard there could have been late (R31), and where it was kept there as well
 * before the calm is over (R9). */
void story_unplugged(struct sim *s)
{
    char job[PLUGS][8];
    uint32_t kept[PLUGS], ran[PLUGS], moved = 0, followed = 0;
    s->times = AGENT_PROFILE_LAN;
    story_begin(s, 5);
    for (uint32_t i = 0; i < PLUGS; i++) {
        (void)snprintf(job[i], sizeof job[i], "plug-%u", i);
        story_put(s, 0, job[i], STORY_SERVICE("plug"));
    }
    for (uint32_t victim = 0; victim < s->nodes; victim++) {
        uint64_t token = 0;
        story_rest(s);
        for (uint32_t i = 0; i < PLUGS; i++) {
            kept[i] = story_keeper(s, job[i]);
            if (sim_proc_live(s, job[i], &ran[i], &token) != 1)
                sim_fail(s, 1, "%s does not run once", job[i]);
        }
        sim_crash(s, victim, true);
        sim_run_for(s, PLACED_MS);
        for (uint32_t i = 0; i < PLUGS; i++) {
            uint32_t node = victim;
            if (ran[i] != victim)
                continue;
            if (sim_proc_live(s, job[i], &node, &token) != 1 || node == victim)
                sim_fail(s, 1, "R31: %s, kept by n%u, is not placed anew, %u ms after n%u was lost",
                         job[i], kept[i], PLACED_MS, victim);
            moved++;
            followed += kept[i] == victim;
        }
        sim_boot(s, victim);
    }
    if (moved == followed)
        sim_fail(s, 2, "no host that was lost had a run that another keeps");
    if (followed == 0)
        sim_fail(s, 2, "no host that was lost kept a run that it had");
    story_rest(s);
}
