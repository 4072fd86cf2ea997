/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of what takes long, and of two people with one idea: a task that says nothing for half an
 * hour, and one name that is made on both sides of a cut. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

/* A task without a beat, a timeout or a word runs for half an hour. Its node is well; around it
 * nodes die, come back and do not hear one another. It is started once, and nobody ends it. */
void story_long(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:1800000\"}";
    uint32_t node = 0, at = 0;
    uint64_t token = 0, first = 0;
    story_begin(s, 5);
    story_put(s, 0, "job", spec);
    sim_await(s, 10000, story_one_runs, "it runs");
    (void)sim_proc_live(s, "job", &node, &first);
    uint64_t end = s->now + 1790000;
    for (uint32_t i = 0; s->now < end; i++) {
        uint32_t other = (node + 1 + i % 4) % 5, third = (node + 1 + (i + 1) % 4) % 5;
        if (i % 3 == 2)
            sim_cut(s, other, third, i % 2 == 0);
        else
            sim_crash(s, other, i % 2 == 0);
        sim_run_for(s, 20000);
        sim_heal(s);
        sim_boot(s, other);
        sim_run_for(s, 25000);
        if (s->now < end && (sim_proc_live(s, "job", &at, &token) != 1 || at != node))
            sim_fail(s, 1, "it does not run where it did, %u times", i);
    }
    sim_run_for(s, 60000);
    struct store_view view;
    const struct store *store = agent_node_store(s->node[story_keeper(s, "job")].node);
    if (!store_get(store, muster_bytes_text("job"), &view) || view.row.phase != STORE_DONE)
        sim_fail(s, 1, "it is not done");
    if (s->starts != 1 || view.row.placements != 1 || token != first)
        sim_fail(s, 1, "it was started %llu times, placed %u times", (unsigned long long)s->starts,
                 view.row.placements);
    story_rest(s);
}

/* ---- twins */

#define TWINS 8

static void put_beside(struct sim *s, uint32_t node, const char *name, const char *side)
{
    char spec[128];
    struct agent_request q = { .op = AGENT_OP_JOB_PUT, .name = name, .create_only = true };
    struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/%s\"]}", name, side);
    q.spec = muster_bytes_text(spec);
    q.number = s->next_request++;
    q.request_id[0] = q.number;
    sim_step(s, node, &e);
}

/* While two and two nodes do not hear one another, each of some names is made on both sides, by
 * people who do not know of each other. Afterwards there is one job of each name, which one of the
 * two has made, and it runs once. */
void story_twins(struct sim *s)
{
    uint32_t made[2] = { 0, 0 };
    story_begin(s, 4);
    for (uint32_t i = 0; i < 4; i++)
        sim_cut(s, i % 2, 2 + i / 2, true);
    for (uint32_t i = 0; i < TWINS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "twin-%u", i);
        put_beside(s, i % 2 == 0 ? 0 : 3, name, i % 2 == 0 ? "left" : "right");
        put_beside(s, i % 2 == 0 ? 2 : 1, name, i % 2 == 0 ? "right" : "left");
    }
    sim_run_for(s, 40000);
    sim_heal(s);
    sim_run_for(s, 30000);
    for (uint32_t i = 0; i < s->jobs; i++) {
        const char *name = s->job[i].name;
        struct store_view view;
        uint32_t node = 0;
        uint64_t token = 0;
        const struct store *store = agent_node_store(s->node[story_keeper(s, name)].node);
        if (!store_get(store, muster_bytes_text(name), &view) ||
            sim_proc_live(s, name, &node, &token) != 1 || view.row.run_token != token)
            sim_fail(s, 1, "%s was made on both sides and is not one job that runs", name);
        made[memmem(view.row.spec.data, view.row.spec.len, "left", 4) == NULL]++;
    }
    if (made[0] == 0 || made[1] == 0)
        sim_fail(s, 2, "of the jobs %u were made on the left, %u on the right", made[0], made[1]);
}

/* ---- turns */

#define TURNS_SLOTS 6
#define TURNS       (TURNS_SLOTS + 3)

struct turn {
    char name[16];
    uint32_t priority;
    bool runs;
};

static void turn_put(struct sim *s, struct turn *t, uint32_t number, uint32_t priority)
{
    char spec[160];
    *t = (struct turn){ .priority = priority };
    (void)snprintf(t->name, sizeof t->name, "t%u", number);
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/t\"],\"priority\":%u}",
                   t->name, priority);
    (void)sim_put(s, (uint32_t)muster_rng_below(&s->rng, s->nodes), t->name, spec);
    sim_run_for(s, 60);
}

static bool turn_runs(const struct sim *s, const struct turn *t)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, t->name, &node, &token) == 1;
}

/* One that runs, drawn by luck, and the best of those that wait. */
static void turn_draw(struct sim *s, const struct turn *turn, uint32_t *gone, uint32_t *best)
{
    *gone = *best = TURNS;
    for (uint32_t i = 0; i < TURNS; i++) {
        if (turn[i].runs && (*gone == TURNS || muster_rng_chance(&s->rng, 1, 3)))
            *gone = i;
        if (!turn[i].runs && (*best == TURNS || turn[i].priority > turn[*best].priority))
            *best = i; /* of equal ones the first, which is the oldest */
    }
    if (*gone == TURNS || *best == TURNS)
        sim_fail(s, 2, "turns: nobody runs, or nobody waits");
}

static void turn_await(struct sim *s, const struct turn *turn, uint32_t gone, uint32_t best)
{
    uint64_t until = s->now + 1000;
    while (!turn_runs(s, &turn[best])) {
        for (uint32_t i = 0; i < TURNS; i++)
            if (!turn[i].runs && i != best && turn_runs(s, &turn[i]))
                sim_fail(s, 1, "turns: %s has the slot of %s, and it was the turn of %s",
                         turn[i].name, turn[gone].name, turn[best].name);
        if (s->now >= until)
            sim_fail(s, 2, "turns: the slot of %s is free for a second and %s waits",
                     turn[gone].name, turn[best].name);
        sim_run_for(s, 10);
    }
}

/* As many run as there are slots, and three wait. Whenever one that runs is deleted, the best of
 * those that wait, by priority and then by age, runs within a second, however fast they come and
 * go. (R35) */
void story_turns(struct sim *s)
{
    struct turn turn[TURNS];
    uint32_t gone, best;
    for (uint32_t i = 0; i < s->nodes; i++)
        s->node[i].slots = TURNS_SLOTS / s->nodes;
    story_begin(s, s->nodes);
    for (uint32_t i = 0; i < TURNS; i++)
        turn_put(s, &turn[i], i, i < TURNS_SLOTS ? 100 : (uint32_t)muster_rng_below(&s->rng, 4));
    sim_run_for(s, 1000);
    for (uint32_t made = TURNS; made < SIM_JOBS; made++) {
        for (uint32_t i = 0; i < TURNS; i++)
            turn[i].runs = turn_runs(s, &turn[i]);
        turn_draw(s, turn, &gone, &best);
        (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, turn[gone].name);
        turn_await(s, turn, gone, best);
        for (uint32_t i = gone; i + 1 < TURNS; i++)
            turn[i] = turn[i + 1];
        turn_put(s, &turn[TURNS - 1], made, (uint32_t)muster_rng_below(&s->rng, 4));
    }
}
