/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of guards that outlive their agent: what the next one knows of the runs it adopts. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

static bool none_runs(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, s->job[0].name, &node, &token) == 0;
}

/* A run that is adopted holds as many slots as before, is the same process, and is ended by its
 * `timeout` when that is over, counted from its start. */
void story_adopted(struct sim *s)
{
    static const char spec[] = "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],"
                               "\"slots\":3,\"timeout\":\"20s\",\"retry\":0,"
                               "\"on_agent_loss\":\"keep\"}";
    struct agent_status st;
    uint32_t node = 0, after = 0;
    uint64_t token = 0, same = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", spec);
    sim_await(s, 10000, story_one_runs, "it runs");
    uint64_t begun = s->now;
    (void)sim_proc_live(s, "job", &node, &token);
    for (uint32_t i = 0; i < 3; i++) {
        sim_run_for(s, 3000);
        sim_crash(s, node, false);
        sim_run_for(s, 400 * i);
        sim_boot(s, node);
        sim_run_for(s, 500);
        agent_node_status(s->node[node].node, &st);
        if (st.used != 3)
            sim_fail(s, 1, "I8: a run of 3 slots is adopted and holds %u", st.used);
    }
    if (sim_proc_live(s, "job", &after, &same) != 1 || after != node || same != token)
        sim_fail(s, 1, "a run that is kept was not adopted");
    sim_await(s, 12000, none_runs, "its timeout ends it");
    if (s->now < begun + 19000 || s->now > begun + 22000)
        sim_fail(s, 1, "a timeout of 20 s was over after %llu ms",
                 (unsigned long long)(s->now - begun));
    story_rest(s);
}

/* Another program takes the place of the one agent after the other: no run moves or begins anew, no
 * member is seen dead, and what a node keeps is kept by others in an instant. */
void story_renew(struct sim *s)
{
    static const char name[] = "abcdef";
    uint32_t node[6], after = 0;
    uint64_t token[6], same = 0;
    story_begin(s, 4);
    for (uint32_t k = 0; k < 6; k++) {
        char job[2] = { name[k], '\0' }, spec[128];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]}", job);
        story_put(s, k % 4, job, spec);
    }
    sim_run_for(s, 5000);
    for (uint32_t k = 0; k < 6; k++)
        (void)sim_proc_live(s, s->job[k].name, &node[k], &token[k]);
    uint64_t starts = s->starts;
    for (uint32_t i = 0; i < 8; i++) {
        struct agent_status st;
        uint32_t other = (i + 1) % 4;
        sim_renew(s, i % 4, 100 + 150 * i);
        sim_run_for(s, 300);
        for (uint32_t k = 0; k < 6; k++)
            if (story_keeper_or_none(s, s->job[k].name) == UINT32_MAX)
                sim_fail(s, 1, "nobody keeps %s", s->job[k].name);
        sim_run_for(s, 3600);
        agent_node_status(s->node[other].node, &st);
        if (st.dead > 0 || st.suspect > 0)
            sim_fail(s, 1, "n%u is taken for dead", i % 4);
    }
    for (uint32_t k = 0; k < 6; k++)
        if (sim_proc_live(s, s->job[k].name, &after, &same) != 1 || after != node[k] ||
            same != token[k])
            sim_fail(s, 1, "%s is not the process that it was", s->job[k].name);
    if (s->starts != starts)
        sim_fail(s, 1, "%llu processes were started", (unsigned long long)(s->starts - starts));
    story_rest(s);
}

#define STOPPED_JOBS 8

/* The odd ones are kept. Where they run, and by which token. */
static void stopped_look(struct sim *s, uint32_t node[STOPPED_JOBS], uint64_t token[STOPPED_JOBS])
{
    for (uint32_t k = 0; k < STOPPED_JOBS; k++)
        if (sim_proc_live(s, s->job[k].name, &node[k], &token[k]) != 1)
            sim_fail(s, 1, "P2: %s does not run once", s->job[k].name);
}

static bool node_is_down(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (!s->node[i].is_up)
            return true;
    return false;
}

static bool none_is_down(struct sim *s)
{
    return !node_is_down(s);
}

/* An agent that is stopped hands over what runs under it, and leaves what is to be kept to the next
 * one: that stays the same process, even if its job follows the ring. Where no agent comes, the
 * others wait for the dead-man time and then take it. */
void story_stopped(struct sim *s)
{
    static const char name[] = "abcdefgh";
    uint32_t node[STOPPED_JOBS], after[STOPPED_JOBS];
    uint64_t token[STOPPED_JOBS], then[STOPPED_JOBS];
    story_begin(s, 4);
    for (uint32_t k = 0; k < STOPPED_JOBS; k++) {
        char job[2] = { name[k], '\0' }, spec[160];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"%s\",\"exec\":[\"/bin/x\"]%s%s}", job,
                       k == 3 ? "task" : "service", k % 2 == 1 ? ",\"on_agent_stop\":\"keep\"" : "",
                       k == 5   ? ",\"move\":\"eager\""
                       : k == 7 ? ",\"partition\":\"exclusive\""
                                : "");
        story_put(s, k % 4, job, spec);
    }
    sim_run_for(s, 15000); /* who follows the ring has followed it */
    stopped_look(s, node, token);
    for (uint32_t i = 0; i < 4; i++) {
        sim_leave(s, i);
        sim_await(s, 8000, node_is_down, "it ends");
        sim_await(s, 3000, none_is_down, "the next one begins");
        sim_run_for(s, 4000);
        stopped_look(s, after, then);
        for (uint32_t k = 0; k < STOPPED_JOBS; k++) {
            bool is_same = after[k] == node[k] && then[k] == token[k];
            if (k % 2 == 1 ? !is_same : node[k] == i && after[k] == i && then[k] == token[k])
                sim_fail(s, 1, "%s is %s", name + k, is_same ? "not handed over" : "not kept");
            node[k] = after[k];
            token[k] = then[k];
        }
    }
    uint32_t home = node[1];
    s->node[home].stays_down = true;
    sim_leave(s, home);
    sim_await(s, 8000, node_is_down, "it ends");
    sim_run_for(s, 1500);
    if (sim_proc_live(s, "b", &after[1], &then[1]) != 1 || then[1] != token[1])
        sim_fail(s, 1, "what is kept is not waited for");
    sim_run_for(s, 4000);
    if (sim_proc_live(s, "b", &after[1], &then[1]) != 1 || after[1] == home)
        sim_fail(s, 1, "it is waited for in vain");
    s->node[home].stays_down = false;
    sim_boot(s, home);
    story_rest(s);
}

static void stands_at(struct sim *s, const char *run, uint32_t home, const char *when)
{
    uint32_t node = UINT32_MAX;
    uint64_t token = 0;
    if (sim_proc_live(s, run, &node, &token) != 1 || node != home)
        sim_fail(s, 1, "%s is not on n%u %s", run, home, when);
}

/* What can be nowhere else keeps no agent waiting that is stopped, and is there again with the next
 * one: a node's share, what asks for this node, and what is too large for the others. What two
 * nodes may have goes to the other one. */
void story_share(struct sim *s)
{
    char fat[128];
    s->node[2].slots = s->node[0].slots + 4;
    story_begin(s, 3);
    story_put(s, 0, "own", "{\"name\":\"own\",\"kind\":\"daemon\",\"exec\":[\"/bin/x\"]}");
    story_put(
        s, 0, "pin",
        "{\"name\":\"pin\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"on\":\"node == n1\"}");
    story_put(s, 0, "pair",
              "{\"name\":\"pair\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
              "\"on\":\"node in (n0, n1)\",\"handoff\":\"start-stop\"}");
    (void)snprintf(fat, sizeof fat,
                   "{\"name\":\"fat\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"slots\":%u}",
                   s->node[0].slots + 1);
    story_put(s, 0, "fat", fat);
    sim_run_for(s, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        char name[16];
        uint32_t pair = UINT32_MAX, other = 0;
        uint64_t token = 0;
        (void)snprintf(name, sizeof name, "own@%%n%u", i);
        (void)sim_proc_live(s, "pair", &pair, &token);
        stands_at(s, name, i, "at first");
        stands_at(s, "pin", 1, "at first");
        stands_at(s, "fat", 2, "at first");
        sim_leave(s, i);
        sim_run_for(s, 500);
        if (pair == i && sim_proc_live(s, "pair", &other, &token) != 2)
            sim_fail(s, 1, "what another node may have is stopped before it is ready there");
        sim_await(s, 6000, node_is_down, "it ends");
        stands_at(s, "pair", pair == i ? 1 - i : pair, "when one of two has ended");
        sim_await(s, 3000, none_is_down, "the next one begins");
        sim_run_for(s, 15000);
        stands_at(s, name, i, "again");
        stands_at(s, "pin", 1, "again");
        stands_at(s, "fat", 2, "again");
    }
}

/* Nodes that hold these words of a run, or any. */
static uint32_t tails(const struct sim *s, const char *key, const char *words)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct store_view view;
        if (s->node[i].is_up &&
            store_get(agent_node_store(s->node[i].node), muster_bytes_text(key), &view) &&
            view.row.phase != STORE_GONE &&
            memmem(view.row.spec.data, view.row.spec.len, words, strlen(words)) != NULL)
            count++;
    }
    return count;
}

static bool none_left(struct sim *s)
{
    return tails(s, "a!o", "") + tails(s, "b!o", "") + tails(s, "c!o", "") + tails(s, "d!o", "") ==
           0;
}

/* What a run prints lies on three nodes soon after it began, and its last words with its end; and
 * it goes when the job does. */
void story_words(struct sim *s)
{
    static const char *const name[] = { "a", "b", "c", "d" };
    uint32_t said = 0;
    story_begin(s, 4);
    for (uint32_t k = 0; k < 4; k++) {
        char spec[160];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"retry\":0,"
                       "\"arg\":\"%s\"}",
                       name[k], k % 2 == 0 ? "3:4000" : "never");
        story_put(s, k, name[k], spec);
    }
    sim_run_for(s, 6000);
    for (uint32_t k = 0; k < 4; k++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%s!o", name[k]);
        said += tails(s, key, k % 2 == 0 ? "the end" : "so far");
    }
    if (said != 12)
        sim_fail(s, 1, "the words of four runs have %u copies", said);
    for (uint32_t k = 0; k < 4; k++)
        (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, name[k]);
    sim_await(s, 30000, none_left, "what was said goes with its job");
}

/* A node that is up again waits for a guard that does not answer, and takes no run before. What it
 * must place meanwhile it offers to itself, and must not do so without end. */
void story_unscanned(struct sim *s)
{
    static const char keep[] = "{\"name\":\"a\",\"kind\":\"service\",\"exec\":[\"/bin/a\"],"
                               "\"on_agent_loss\":\"keep\"}";
    uint32_t node = 0, other = 0;
    uint64_t token = 0;
    story_begin(s, 2);
    story_put(s, 0, "a", keep);
    sim_await(s, 10000, story_one_runs, "it runs");
    (void)sim_proc_live(s, "a", &node, &token);
    for (char name[2] = "b"; name[0] < 'j'; name[0]++) {
        char spec[128];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]}", name);
        story_put(s, 0, name, spec);
    }
    sim_run_for(s, 2000);
    other = 1 - node;
    sim_proc_guards_pause(s, node, 15000);
    sim_crash(s, node, false);
    sim_boot(s, node);
    sim_run_for(s, 3000);
    sim_crash(s, other, false);
    uint64_t before = s->steps;
    sim_run_for(s, 8000);
    if (s->steps > before + 4000)
        sim_fail(s, 1, "I14: %llu steps in 8 s", (unsigned long long)(s->steps - before));
    sim_boot(s, other);
    story_rest(s);
}
