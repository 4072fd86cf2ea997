/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of a template: one for one key, whoever is asked and whoever dies; and they go with it. */
#include <stdio.h>
#include <string.h>

#include "agent/left.h"
#include "agent/run_id.h"
#include "tests/sim/story.h"

#define KEYS 24

void story_key_of(uint32_t i, char key[16])
{
    (void)snprintf(key, 16, "key-%u", i);
}

void story_run_of(uint32_t i, char run[48])
{
    char key[16], id[AGENT_RUN_ID];
    story_key_of(i, key);
    agent_run_id_of_key(muster_bytes_text(key), id);
    (void)snprintf(run, 48, "job:%s", id);
}

static bool is_answered(struct sim *s)
{
    return s->last_reply + 1 == s->next_request;
}

/* Asked again until it is answered well: a key makes that safe. */
static int asked(struct sim *s, uint32_t node, uint32_t i)
{
    char key[16];
    story_key_of(i, key);
    for (uint32_t tries = 0; tries < 5; tries++) {
        (void)sim_trigger(s, node, "job", key);
        sim_await(s, 20000, is_answered, "the trigger is answered");
        if (s->last_err == MUSTER_OK || s->last_err == MUSTER_ECONFLICT)
            break;
    }
    return s->last_err;
}

/* Rows of runs that this node knows of and that are not gone. */
static uint32_t runs_known(const struct sim *s, uint32_t node)
{
    const struct store *store = agent_node_store(s->node[node].node);
    struct muster_bytes prefix = muster_bytes_text("job:"), after = prefix;
    struct store_view view;
    uint32_t count = 0;
    while (store_after(store, after, &view) && muster_bytes_starts_with(view.row.key, prefix)) {
        count += view.row.phase != STORE_GONE;
        after = view.row.key;
    }
    return count;
}

static bool none_is_left(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && runs_known(s, i) > 0)
            return false;
    return true;
}

/* No run that nobody has a key for. */
static void strangers_check(struct sim *s, uint32_t node)
{
    const struct store *store = agent_node_store(s->node[node].node);
    struct muster_bytes prefix = muster_bytes_text("job:"), after = prefix;
    struct store_view view;
    char run[48];
    while (store_after(store, after, &view) && muster_bytes_starts_with(view.row.key, prefix)) {
        uint32_t i = 0;
        after = view.row.key;
        if (agent_left_is(after))
            continue;
        for (story_run_of(i, run); i < KEYS && !muster_bytes_equal(after, muster_bytes_text(run));)
            story_run_of(++i, run);
        if (i == KEYS)
            sim_fail(s, 1, "trigger: %.*s is the run of no key", (int)after.len,
                     (const char *)after.data);
    }
}

static void runs_check(struct sim *s)
{
    char run[48];
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            strangers_check(s, i);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct store_view view;
        story_run_of(i, run);
        const struct store *store = agent_node_store(s->node[story_keeper(s, run)].node);
        if (!store_get(store, muster_bytes_text(run), &view))
            sim_fail(s, 1, "trigger: %s was promised and is not there", run);
        else if (view.row.phase != STORE_DONE)
            sim_fail(s, 2, "trigger: %s has not run to its end", run);
    }
}

void story_trigger(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:700\","
        "\"start\":\"manual\",\"max_moves\":1000}";
    char key[16];
    story_begin(s, 4);
    story_put(s, 0, "job", spec);
    for (uint32_t i = 0; i < KEYS; i++) {
        story_key_of(i, key);
        for (uint32_t node = 0; node < 4; node++)
            if (s->node[node].is_up)
                (void)sim_trigger(s, node, "job", key);
        sim_run_for(s, i % 5);
        if (i % 8 == 3)
            sim_crash(s, i / 8, i == 11);
        sim_run_for(s, 200);
        if (i % 8 == 6)
            sim_boot(s, i / 8);
    }
    sim_run_for(s, 5000);
    for (uint32_t i = 0; i < KEYS; i++)
        if (asked(s, 3, i) != MUSTER_OK)
            sim_fail(s, 2, "trigger: %d %s", s->last_err, s->last_message);
    sim_run_for(s, 60000);
    runs_check(s);
    (void)sim_op(s, 1, AGENT_OP_JOB_HOLD, "job");
    sim_await(s, 20000, story_is_replied, "the hold is answered");
    if (asked(s, 0, 0) != MUSTER_ECONFLICT)
        sim_fail(s, 1, "trigger: a held template is triggered");
    (void)sim_op(s, 1, AGENT_OP_JOB_DELETE, "job");
    sim_run_for(s, 20);
    sim_crash(s, story_keeper(s, "job"), false);
    sim_await(s, 90000, none_is_left, "its runs have gone with it");
}

#define CALLED 60

/* Six run and the rest wait, with keepers on all nodes, most of which have no copy of their
 * template: once its end or its hold is answered no other starts, and nobody had to ask for it. */
static void none_starts(struct sim *s, enum agent_op op, const char *what)
{
    (void)sim_op(s, 0, op, "job");
    sim_await(s, 20000, story_is_replied, what);
    sim_run_for(s, 1000);
    uint64_t starts = s->starts;
    sim_run_for(s, 20000);
    if (s->starts != starts)
        sim_fail(s, 1, "recall: %llu runs start after %s", (unsigned long long)(s->starts - starts),
                 what);
}

static void many_wait(struct sim *s)
{
    char key[16];
    for (uint32_t i = 0; i < CALLED; i++) {
        story_key_of(i, key);
        (void)sim_trigger(s, i % s->nodes, "job", key);
        sim_await(s, 20000, is_answered, "the trigger is answered");
    }
}

void story_recall(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:900\","
        "\"start\":\"manual\"}";
    for (uint32_t k = 0; k < 6; k++)
        s->node[k].slots = 1;
    story_begin(s, 6);
    story_put(s, 0, "job", spec);
    many_wait(s);
    sim_run_for(s, 500);
    none_starts(s, AGENT_OP_JOB_HOLD, "its hold is answered");
    uint64_t starts = s->starts;
    (void)sim_op(s, 0, AGENT_OP_JOB_RELEASE, "job");
    sim_await(s, 20000, story_is_replied, "the release is answered");
    sim_run_for(s, 2500);
    if (s->starts == starts)
        sim_fail(s, 2, "recall: nothing starts after its release");
    none_starts(s, AGENT_OP_JOB_DELETE, "its end is answered");
    if (!none_is_left(s))
        sim_fail(s, 2, "recall: runs of what is gone are left");
}
