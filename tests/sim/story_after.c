/* SPDX-License-Identifier: Apache-2.0 */
/* A job that starts when another has ended: after each end once, whoever dies in between. */
#include <stdio.h>
#include <string.h>

#include "agent/left.h"
#include "agent/run_name.h"
#include "tests/sim/story.h"

#define JOB                                                                                        \
    "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:300\",%s,"               \
    "\"overlap\":\"allow\",\"max_moves\":1000,\"keep\":{\"ok\":1000}}"

static void put(struct sim *s, const char *name, const char *start)
{
    char spec[320];
    (void)snprintf(spec, sizeof spec, JOB, name, start);
    story_put(s, 0, name, spec);
}

/* For every tick of `job` that has ended some time ago the second of its end is one of `next`, and
 * no other second is. Returns how many there are. */
static uint32_t ends_check(struct sim *s, const char *job, const char *next)
{
    const struct store *store = agent_node_store(s->node[story_keeper(s, job)].node);
    const struct store *other = agent_node_store(s->node[story_keeper(s, next)].node);
    char prefix[32], key[STORE_KEY_MAX + 1];
    struct store_view view, run;
    uint32_t ends = 0, runs = 0;
    (void)snprintf(prefix, sizeof prefix, "%s@", job);
    struct muster_bytes from = muster_bytes_text(prefix), after = from;
    uint64_t last = 0;
    while (store_after(store, after, &view) && muster_bytes_starts_with(view.row.key, from)) {
        uint64_t end = view.row.since_wall_ms - view.row.since_wall_ms % 1000;
        struct agent_run_name name = { .job = muster_bytes_text(next), .tick_wall_ms = end };
        after = view.row.key;
        if (agent_left_is(after) || view.row.phase != STORE_DONE ||
            end + 20000 > sim_now(s, 0).wall_ms)
            continue;
        ends += end != last;
        last = end;
        (void)agent_run_name_write(&name, key);
        if (!store_get(other, muster_bytes_text(key), &run))
            sim_fail(s, 1, "after: nothing follows the end of %.*s", (int)after.len,
                     (const char *)after.data);
    }
    (void)snprintf(prefix, sizeof prefix, "%s@", next);
    for (after = from = muster_bytes_text(prefix);
         store_after(other, after, &view) && muster_bytes_starts_with(view.row.key, from);
         after = view.row.key)
        runs += !agent_left_is(view.row.key) &&
                agent_run_name_read(view.row.key).tick_wall_ms + 20000 <= sim_now(s, 0).wall_ms;
    if (runs != ends)
        sim_fail(s, 1, "after: %u ends of %s, %u runs of %s", ends, job, runs, next);
    return ends;
}

void story_after(struct sim *s)
{
    story_begin(s, 4);
    put(s, "one", "\"every\":\"12s\"");
    put(s, "two", "\"after\":\"one\"");
    put(s, "three", "\"after\":\"two any\"");
    put(s, "never", "\"after\":\"one fail\"");
    for (uint32_t i = 0; i < 7; i++) {
        static const char *const names[] = { "one", "two", "three" };
        uint32_t k = story_keeper(s, names[i % 3]);
        sim_run_for(s, 12000 - s->now % 12000 + i * 211); /* about when a run ends or begins */
        sim_crash(s, k, i % 4 == 0);
        sim_run_for(s, 6000);
        sim_boot(s, k);
        sim_run_for(s, 6000);
    }
    sim_run_for(s, 40000);
    if (ends_check(s, "one", "two") < 9 || ends_check(s, "two", "three") < 9)
        sim_fail(s, 2, "after: too few ends");
    const struct store *store = agent_node_store(s->node[story_keeper(s, "never")].node);
    struct muster_bytes never = muster_bytes_text("never@");
    struct store_view view;
    if (store_after(store, never, &view) && muster_bytes_starts_with(view.row.key, never))
        sim_fail(s, 1, "after: what never failed is followed");
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "one");
    sim_run_for(s, 20000);
}
