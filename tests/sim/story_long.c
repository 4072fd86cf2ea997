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
