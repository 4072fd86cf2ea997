/* SPDX-License-Identifier: Apache-2.0 */
/* Stories that are scenes of docs/scenarios.md, by their words: a job that is cancelled while it
 * waits (b), a node that flaps (i), a back-off that survives its node (j), and a drain that is
 * taken back half-way (n). */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define JOBS    12
#define FLAPS   10
#define FLAP_MS 6000 /* ten in a minute */

static const char *const names[JOBS] = { "s0", "s1", "s2", "s3", "s4",  "s5",
                                         "s6", "s7", "s8", "s9", "s10", "s11" };

static uint32_t live(struct sim *s, const char *job, uint32_t *node, uint64_t *token)
{
    *node = UINT32_MAX;
    *token = 0;
    return sim_proc_live(s, job, node, token);
}

static bool all_run(struct sim *s)
{
    uint32_t node;
    uint64_t token;
    for (uint32_t i = 0; i < JOBS; i++)
        if (live(s, names[i], &node, &token) != 1)
            return false;
    return true;
}

/* The last two are tasks that take longer than any story here. */
static void jobs_put(struct sim *s, uint32_t tasks)
{
    char spec[160];
    for (uint32_t i = 0; i < JOBS; i++) {
        bool is_task = i >= JOBS - tasks;
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"%s\",\"exec\":[\"/bin/x\"],\"max_moves\":100}",
                       names[i], is_task ? "task" : "service");
        story_put(s, i % s->nodes, names[i], spec);
    }
    sim_await(s, 20000, all_run, "all run");
}

/* ---- (b) */

static bool four_run(struct sim *s)
{
    return s->node[0].live + s->node[1].live + s->node[2].live + s->node[3].live == 4;
}

/* Three nodes are full; one job more waits, and is cancelled; then a node with free slots joins. It
 * never starts there, and another that waits does. */
void story_cancel(struct sim *s)
{
    char name[16], spec[128];
    uint32_t node;
    uint64_t token;
    story_begin(s, 4);
    sim_crash(s, 3, true);
    sim_wipe(s, 3); /* somebody else, when it comes */
    sim_run_for(s, 30000);
    for (uint32_t i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "big%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"slots\":16}",
                       name);
        story_put(s, i % 3, name, spec);
        sim_run_for(s, 3000);
    }
    for (uint32_t i = 3; i < 5; i++) {
        (void)snprintf(name, sizeof name, "big%u", i);
        if (live(s, name, &node, &token) != 0)
            sim_fail(s, 1, "cancel: %s runs, and all nodes were full", name);
    }
    (void)sim_op(s, 1, AGENT_OP_JOB_DELETE, "big3");
    sim_run_for(s, 3000);
    uint64_t starts = s->starts;
    sim_boot(s, 3);
    sim_await(s, 60000, four_run, "the one that waits has the new node");
    sim_run_for(s, 120000);
    if (live(s, "big3", &node, &token) != 0 || s->starts != starts + 1)
        sim_fail(s, 1, "cancel: %llu started, and big3 was cancelled",
                 (unsigned long long)(s->starts - starts));
}

/* ---- (i) */

static void flap_by_cut(struct sim *s, uint32_t node)
{
    for (uint32_t k = 0; k < s->nodes; k++)
        if (k != node)
            sim_cut(s, node, k, true);
    sim_run_for(s, FLAP_MS / 2);
    sim_heal(s);
    sim_run_for(s, FLAP_MS / 2);
}

static void flap_by_death(struct sim *s, uint32_t node)
{
    sim_crash(s, node, false);
    sim_run_for(s, FLAP_MS / 2);
    sim_boot(s, node);
    sim_run_for(s, FLAP_MS / 2);
}

static void flapped(struct sim *s, uint32_t node, void (*flap)(struct sim *, uint32_t),
                    const char *how)
{
    uint64_t token[FLAPS + 1][JOBS];
    uint32_t at;
    for (uint32_t i = 0; i < JOBS; i++)
        (void)live(s, names[i], &at, &token[0][i]);
    for (uint32_t k = 1; k <= FLAPS; k++) {
        flap(s, node);
        for (uint32_t i = 0; i < JOBS; i++)
            if (live(s, names[i], &at, &token[k][i]) == 0)
                token[k][i] = token[k - 1][i]; /* on its way */
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        uint32_t moves = 0;
        for (uint32_t k = 1; k <= FLAPS; k++)
            moves += token[k][i] != token[k - 1][i];
        if (moves > 1)
            sim_fail(s, 1, "flap: a node that %s ten times in a minute moves %s %u times", how,
                     names[i], moves);
    }
}

/* A node comes and goes ten times in a minute: by its cables, then by its agent. */
void story_flap(struct sim *s)
{
    story_begin(s, 4);
    jobs_put(s, 0);
    flapped(s, 1, flap_by_cut, "is cut off");
    sim_await(s, 30000, all_run, "all run once");
    sim_run_for(s, 20000);
    flapped(s, 2, flap_by_death, "dies and returns");
    sim_await(s, 30000, all_run, "all run once");
}

/* ---- (j) */

#define BACKOFF_MS 240000

static bool has_failed(struct sim *s)
{
    struct store_view view;
    uint32_t k = story_keeper_or_none(s, "job");
    return k != UINT32_MAX &&
           store_get(agent_node_store(s->node[k].node), muster_bytes_text("job"), &view) &&
           view.row.not_before_wall_ms != 0;
}

/* A run fails and is to be tried again in four minutes, give or take a fifth. Its node dies a
 * minute later, and its keeper too: it starts elsewhere at that time, not before and not much
 * after. */
void story_backoff(struct sim *s)
{
    struct store_view view;
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"arg\":\"1:500\","
              "\"backoff\":{\"first\":\"4m\",\"factor\":1,\"max\":\"4m\"},\"retry_local\":100}");
    sim_await(s, 20000, has_failed, "it has failed, and the time is in its row");
    uint64_t failed = s->now, starts = s->starts;
    uint32_t keeper = story_keeper(s, "job");
    (void)store_get(agent_node_store(s->node[keeper].node), muster_bytes_text("job"), &view);
    uint64_t wait = view.row.not_before_wall_ms - view.row.exit_wall_ms;
    uint32_t home = 0;
    while (home < s->nodes && !muster_id_equal(s->node[home].id, view.row.run_node))
        home++;
    if (home == s->nodes || wait < BACKOFF_MS * 8 / 10 || wait > BACKOFF_MS * 12 / 10)
        sim_fail(s, 1, "backoff: it is to wait %llu ms", (unsigned long long)wait);
    sim_run_for(s, 60000);
    sim_crash(s, home, true);
    if (keeper != home) {
        sim_run_for(s, 1000);
        sim_crash(s, keeper, false);
        sim_run_for(s, 20000);
        sim_boot(s, keeper);
    }
    sim_run_for(s, failed + wait - 5000 - s->now);
    if (s->starts != starts)
        sim_fail(s, 1, "backoff: it started %llu ms too early",
                 (unsigned long long)(failed + wait - s->now));
    sim_run_for(s, 10000);
    if (s->starts != starts + 1)
        sim_fail(s, 1, "backoff: it did not start when its time had come");
}

/* ---- (n) */

static void none_is_doubled(struct sim *s, uint64_t ms)
{
    uint32_t node;
    uint64_t token;
    for (uint64_t end = s->now + ms; s->now < end;) {
        sim_run_for(s, 5);
        for (uint32_t i = 0; i < JOBS; i++)
            if (live(s, names[i], &node, &token) > 1)
                sim_fail(s, 1, "half: %s runs twice", names[i]);
    }
}

/* A node drains, and is opened again half-way, again and again: nothing runs twice, nothing is
 * lost, and the tasks stay where they began. */
void story_half(struct sim *s)
{
    uint64_t token[2], now_token;
    uint32_t node[2], at;
    story_begin(s, 3);
    jobs_put(s, 2);
    for (uint32_t i = 0; i < 2; i++)
        (void)live(s, names[JOBS - 2 + i], &node[i], &token[i]);
    for (uint32_t round = 0; round < 12; round++) {
        uint32_t drained = round % 3;
        sim_drain(s, drained, false);
        none_is_doubled(s, 40 * (round + 1));
        sim_drain(s, drained, true);
        none_is_doubled(s, 500 * (round % 4));
    }
    sim_await(s, 10000, all_run, "each runs once");
    none_is_doubled(s, 5000);
    for (uint32_t i = 0; i < 2; i++)
        if (live(s, names[JOBS - 2 + i], &at, &now_token) != 1 || now_token != token[i])
            sim_fail(s, 1, "half: %s was begun again", names[JOBS - 2 + i]);
    story_rest(s);
}

/* ---- what is over at once */

static bool all_ended(struct sim *s)
{
    struct store_view view;
    for (uint32_t i = 0; i < JOBS; i++) {
        uint32_t k = story_keeper_or_none(s, names[i]);
        if (k == UINT32_MAX ||
            !store_get(agent_node_store(s->node[k].node), muster_bytes_text(names[i]), &view) ||
            view.row.phase != (i % 2 == 0 ? STORE_DONE : STORE_FAILED))
            return false;
    }
    return true;
}

/* Tasks that end, or fail and are tried again elsewhere, within milliseconds of being made: each
 * report counts when it comes, and nobody waits for it to be repeated. */
void story_brief(struct sim *s)
{
    char spec[128];
    story_begin(s, 3);
    sim_run_for(s, 30000); /* who keeps what is settled */
    for (uint32_t i = 0; i < JOBS; i++) {
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],"
                       "\"arg\":\"%u:5\",\"retry\":[\"50ms\",\"50ms\"]}",
                       names[i], i % 2);
        story_put(s, i % 3, names[i], spec);
        uint64_t begin = s->now;
        sim_run_for(s, 700);
        struct store_view view;
        uint32_t k = story_keeper(s, names[i]);
        bool is_known =
            store_get(agent_node_store(s->node[k].node), muster_bytes_text(names[i]), &view);
        if (!is_known || view.row.phase != (i % 2 == 0 ? STORE_DONE : STORE_FAILED))
            sim_fail(s, 1, "brief: %s has not ended after %llu ms", names[i],
                     (unsigned long long)(s->now - begin));
    }
    if (!all_ended(s))
        sim_fail(s, 1, "brief: one that had ended has not");
    story_rest(s);
}
