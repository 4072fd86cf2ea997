/* SPDX-License-Identifier: Apache-2.0 */
/* A job that starts after the runs of a template: once when the last of them has ended, and not
 * while one waits or goes on; whoever dies in between. */
#include <stdio.h>
#include <string.h>

#include "agent/run_id.h"
#include "tests/sim/story.h"

#define ROUNDS 5
#define KEYS   5 /* of one round */

static void put(struct sim *s, const char *name, const char *rest)
{
    char spec[320];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],%s,"
                   "\"overlap\":\"queue\",\"max_moves\":1000,\"keep\":{\"ok\":1000}}",
                   name, rest);
    story_put(s, 0, name, spec);
}

static bool is_answered(struct sim *s)
{
    return s->last_reply + 1 == s->next_request;
}

static void trigger(struct sim *s, uint32_t node, const char *job, uint32_t i)
{
    char key[16];
    (void)snprintf(key, sizeof key, "key-%u", i);
    for (uint32_t tries = 0; tries < 9; tries++) {
        while (!s->node[node].is_up)
            node = (node + 1) % s->nodes;
        (void)sim_trigger(s, node, job, key);
        sim_await(s, 20000, is_answered, "the trigger is answered");
        if (s->last_err == MUSTER_OK)
            return;
    }
    sim_fail(s, 2, "last: %s is not triggered: %s", job, s->last_message);
}

/* How many runs of that template have ended, as their keepers say; `last`: when the last of them
 * did. */
static uint32_t ended(struct sim *s, const char *job, uint32_t keys, uint64_t *last)
{
    uint32_t count = 0;
    *last = 0;
    for (uint32_t i = 0; i < keys; i++) {
        char key[16], id[AGENT_RUN_ID], run[48];
        struct store_view view;
        (void)snprintf(key, sizeof key, "key-%u", i);
        agent_run_id_of_key(muster_bytes_text(key), id);
        (void)snprintf(run, sizeof run, "%s:%s", job, id);
        uint32_t keeper = story_keeper_or_none(s, run);
        if (keeper == UINT32_MAX ||
            !store_get(agent_node_store(s->node[keeper].node), muster_bytes_text(run), &view))
            continue;
        bool is_over = view.row.phase == STORE_DONE || view.row.phase == STORE_FAILED;
        count += is_over && view.row.run_token == 0;
        if (is_over && view.row.since_wall_ms > *last)
            *last = view.row.since_wall_ms;
    }
    return count;
}

static struct store_row row_of(struct sim *s, const char *job)
{
    struct store_view view = { .row = { .ticks = 0 } };
    uint32_t keeper = story_keeper_or_none(s, job);
    if (keeper != UINT32_MAX)
        (void)store_get(agent_node_store(s->node[keeper].node), muster_bytes_text(job), &view);
    return view.row;
}

/* All runs so far end, and what follows them has been started once more, and for the last end. */
static void round_ends(struct sim *s, uint32_t keys, uint32_t before)
{
    uint64_t last = 0;
    for (uint64_t end = s->now + 90000;; sim_run_for(s, 50)) {
        uint32_t count = ended(s, "job", keys, &last);
        struct store_row next = row_of(s, "next");
        if (next.ticks > before && count < keys)
            sim_fail(s, 1, "last: %u of %u runs have ended, and it starts", count, keys);
        if (next.ticks > before && next.tick_wall_ms == last)
            return;
        if (s->now > end)
            sim_fail(s, 1, "last: %u of %u runs have ended, and nothing follows", count, keys);
    }
}

void story_last(struct sim *s)
{
    story_begin(s, 4);
    put(s, "job", "\"arg\":\"0:9000\",\"start\":\"manual\"");
    put(s, "bad", "\"arg\":\"1:300\",\"start\":\"manual\",\"retry\":0");
    put(s, "next", "\"arg\":\"0:300\",\"after\":\"job\"");
    put(s, "alarm", "\"arg\":\"0:300\",\"after\":\"bad fail\"");
    put(s, "never", "\"arg\":\"0:300\",\"after\":\"bad\"");
    sim_run_for(s, 2000);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        static const char *const hit[] = { "next", "job", "bad" };
        uint32_t before = row_of(s, "next").ticks, k = story_keeper(s, hit[i % 3]);
        for (uint32_t n = 0; n < KEYS; n++)
            trigger(s, (i + n) % 4, "job", i * KEYS + n);
        sim_run_for(s, i * 700);
        if (i > 0)
            sim_crash(s, k, i % 2 == 0);
        sim_run_for(s, 1000 + i * 300);
        if (!s->node[k].is_up)
            sim_boot(s, k);
        round_ends(s, (i + 1) * KEYS, before);
    }
    trigger(s, 1, "bad", 0);
    sim_run_for(s, 30000);
    if (row_of(s, "alarm").ticks != 1 || row_of(s, "never").ticks != 0)
        sim_fail(s, 1, "last: a failure is followed %u times, and as if it were none %u times",
                 row_of(s, "alarm").ticks, row_of(s, "never").ticks);
    if (row_of(s, "next").ticks < ROUNDS || row_of(s, "next").ticks > ROUNDS + 1)
        sim_fail(s, 1, "last: %u rounds, %u starts", ROUNDS, row_of(s, "next").ticks);
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "job");
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "bad");
    sim_run_for(s, 40000);
}
