/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of jobs whose runs are rows beside them: copies that keep apart, and a clock that neither
 * loses a tick nor decides one twice, whoever dies. */
#include <stdio.h>
#include <string.h>

#include "agent/left.h"
#include "agent/run_name.h"
#include "tests/sim/story.h"

#define COPIES_MAX 4

/* How many of these copies run, each in one place, and no two on a node; UINT32_MAX: not so. */
static uint32_t copies_run(const struct sim *s, uint32_t wanted)
{
    uint32_t used = 0, count = 0;
    for (uint32_t k = 1; k <= COPIES_MAX; k++) {
        char run[32];
        uint32_t node = 0;
        uint64_t token = 0;
        (void)snprintf(run, sizeof run, "web@%u", k);
        uint32_t live = sim_proc_live(s, run, &node, &token);
        if (live == 0)
            continue;
        if (live > 1 || k > wanted || (used >> node & 1) != 0)
            return UINT32_MAX;
        used |= 1u << node;
        count++;
    }
    return count;
}

static bool one_runs(struct sim *s)
{
    return copies_run(s, 1) == 0 && story_one_runs(s);
}

static bool two_run(struct sim *s)
{
    return copies_run(s, 2) == 2;
}

static bool three_run(struct sim *s)
{
    return copies_run(s, 3) == 3;
}

static bool none_runs(struct sim *s)
{
    return copies_run(s, 0) == 0;
}

static void spread_put(struct sim *s, uint32_t node, uint32_t spread, bool is_new)
{
    char spec[128];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"web\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"spread\":%u}",
                   spread);
    if (is_new)
        story_put(s, node, "web", spec);
    else
        (void)sim_update(s, node, "web", spec);
}

void story_copies(struct sim *s)
{
    story_begin(s, 4);
    spread_put(s, 0, 3, true);
    sim_await(s, 10000, three_run, "all three run");
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t dead = i % 4;
        sim_crash(s, dead, false);
        sim_await(s, 20000, three_run, "each of the other nodes has one");
        sim_run_for(s, i * 7);
        sim_boot(s, dead);
        sim_run_for(s, 4000);
        if (!three_run(s))
            sim_fail(s, 1, "copies: a node that is back disturbs them");
    }
    spread_put(s, 1, 2, false);
    sim_await(s, 10000, two_run, "two of them");
    sim_crash(s, 2, false); /* in the middle of the change */
    spread_put(s, 1, 1, false);
    sim_run_for(s, 300);
    sim_crash(s, 3, false);
    sim_run_for(s, 1000);
    sim_boot(s, 2);
    sim_boot(s, 3);
    sim_await(s, 30000, one_runs, "one is left, which is the job itself");
    spread_put(s, 0, 2, false);
    sim_await(s, 30000, two_run, "and two again");
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "web");
    sim_run_for(s, 20);
    sim_crash(s, 1, false);
    sim_run_for(s, 1000);
    sim_boot(s, 1);
    sim_await(s, 60000, none_runs, "none is left");
}

/* ---- ticks */

/* Of the ticks of every five seconds: a row for each, from the first to the one before this moment
 * (by the clock of that node), and none in between is missing. */
static uint32_t ticks_check(struct sim *s, uint32_t by)
{
    uint32_t k = story_keeper(s, "job"), count = 0;
    uint64_t wall = sim_now(s, by).wall_ms;
    const struct store *store = agent_node_store(s->node[k].node);
    struct store_view view;
    struct muster_bytes after = muster_bytes_text("job@");
    uint64_t last = 0;
    while (store_after(store, after, &view) && view.row.key.data[3] == '@') {
        uint64_t tick = agent_run_name_read(view.row.key).tick_wall_ms;
        after = view.row.key;
        if (agent_left_is(view.row.key))
            continue;
        if (last != 0 && tick != last + 5000)
            sim_fail(s, 1, "clock: after the tick of %llu comes that of %llu",
                     (unsigned long long)last, (unsigned long long)tick);
        if (tick > wall)
            sim_fail(s, 1, "clock: the tick of %llu is decided too soon", (unsigned long long)tick);
        if (view.row.phase != STORE_DONE && tick + 20000 < wall)
            sim_fail(s, 2, "clock: the tick of %llu has not run to its end",
                     (unsigned long long)tick);
        last = tick;
        count++;
    }
    if (last + 12000 < wall)
        sim_fail(s, 2, "clock: no tick since %llu", (unsigned long long)last);
    if (!store_get(store, muster_bytes_text("job"), &view) || view.row.ticks != count)
        sim_fail(s, 1, "clock: %u ticks were decided, and %u runs made", view.row.ticks, count);
    return count;
}

static const char ticking[] =
    "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:700\",\"every\":\"5s\","
    "\"missed\":\"all\",\"catchup\":\"1h\",\"overlap\":\"allow\",\"keep\":{\"ok\":1000}}";

void story_clock(struct sim *s)
{
    story_begin(s, 4);
    story_put(s, 0, "job", ticking);
    sim_run_for(s, 10000);
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t k = story_keeper(s, "job");
        sim_run_for(s, 5000 - s->now % 5000 + i); /* about when it decides on a tick */
        sim_crash(s, k, i % 3 == 0);
        sim_run_for(s, 5000);
        sim_boot(s, k);
        sim_run_for(s, 9000);
    }
    sim_run_for(s, 20000);
    if (ticks_check(s, story_keeper(s, "job")) < 40)
        sim_fail(s, 2, "clock: too few ticks");
}

/* A schedule is held and released, or stopped and started, while all clocks are a minute back: of
 * the ticks that are decided on and cleared away none comes again (I13). And while the keeper's is
 * an hour ahead: it goes on by the others' (R51). */
void story_behind(struct sim *s)
{
    static const enum agent_op op[][2] = { { AGENT_OP_JOB_HOLD, AGENT_OP_JOB_RELEASE },
                                           { AGENT_OP_JOB_STOP, AGENT_OP_JOB_START } };
    struct store_view view = { .version = { 0 } };
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:700\","
              "\"every\":\"5s\",\"missed\":\"all\",\"catchup\":\"1h\",\"keep\":{\"ok\":1}}");
    for (uint32_t i = 0; i < 4; i++) {
        sim_run_for(s, 40000);
        uint32_t k = story_keeper(s, "job");
        for (uint32_t node = 0; node < 4; node++)
            s->node[node].wall_offset += i < 2 ? -60000 : node == k ? 3600000 : 0;
        sim_run_for(s, 1000);
        (void)sim_op(s, k, op[i % 2][0], "job");
        sim_run_for(s, 2000);
        (void)sim_op(s, k, op[i % 2][1], "job");
        sim_run_for(s, 2000);
        for (uint32_t node = 0; node < 4; node++)
            s->node[node].wall_offset -= i < 2 ? -60000 : node == k ? 3600000 : 0;
    }
    sim_run_for(s, 20000);
    const struct store *store = agent_node_store(s->node[story_keeper(s, "job")].node);
    if (!store_get(store, muster_bytes_text("job"), &view) || view.row.ticks < 30)
        sim_fail(s, 2, "behind: too few ticks: %u", view.row.ticks);
}

/* A schedule with more runs than one write ends is deleted, and made anew at once with another
 * command: what is left of its former life ends all the same, and is no run of the new one. */
void story_leftover(struct sim *s)
{
    static const char spec[] =
        "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/%s\"],\"arg\":\"0:3600000\","
        "\"spread\":4,\"every\":\"%s\",\"overlap\":\"allow\"}";
    char text[256];
    struct store_view job = { .version = { 0 } }, run;
    struct muster_bytes after = muster_bytes_text("job@");
    story_begin(s, 4);
    (void)snprintf(text, sizeof text, spec, "former", "5s");
    story_put(s, 0, "job", text);
    sim_run_for(s, 112000);
    uint32_t k = story_keeper(s, "job");
    (void)sim_op(s, k, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 10000, story_is_replied, "it is deleted");
    struct sim_job *j = sim_job_find(s, "job");
    j->is_acked = j->is_deleted_acked = j->is_delete_tried = false;
    (void)snprintf(text, sizeof text, spec, "present", "1h");
    story_put(s, k, "job", text);
    sim_run_for(s, 20000);
    const struct store *store = agent_node_store(s->node[story_keeper(s, "job")].node);
    if (!store_get(store, muster_bytes_text("job"), &job) || job.row.phase == STORE_GONE)
        sim_fail(s, 2, "leftover: the job is not there");
    while (store_after(store, after, &run) && run.row.key.data[3] == '@') {
        after = run.row.key;
        if (run.row.phase != STORE_GONE && !agent_left_is(after) && run.row.uid < job.row.uid)
            sim_fail(s, 1, "leftover: %.*s of the deleted job goes on", (int)after.len,
                     (const char *)after.data);
    }
}

/* R51: the keeper's own clock is set an hour ahead, or back, or is wrong since it booted; the
 * others know better, and every tick comes when it is due. */
void story_astray(struct sim *s)
{
    static const int64_t step_ms[] = { 3600000, -3600000, 60000, -5000 };
    story_begin(s, 4);
    story_put(s, 0, "job", ticking);
    sim_run_for(s, 20000);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t k = story_keeper(s, "job");
        s->node[k].wall_offset += step_ms[i];
        if (i == 3)
            sim_crash(s, k, false);
        sim_run_for(s, 2000);
        sim_boot(s, k);
        sim_run_for(s, 28000);
        (void)ticks_check(s, (k + 1) % 4);
        s->node[k].wall_offset -= step_ms[i];
        sim_run_for(s, 20000);
    }
    if (ticks_check(s, 0) < 40)
        sim_fail(s, 2, "astray: too few ticks");
}

/* ---- a change of copies, one after the other */

#define ROLL_COPIES 3

static uint64_t copy_token(const struct sim *s, uint32_t k)
{
    char run[32];
    uint32_t node = 0;
    uint64_t token = 0;
    (void)snprintf(run, sizeof run, "web@%u", k);
    return sim_proc_live(s, run, &node, &token) == 1 ? token : 0;
}

/* How many of the copies run with another token than before. */
static uint32_t copies_changed(const struct sim *s, const uint64_t before[ROLL_COPIES])
{
    uint32_t changed = 0;
    for (uint32_t k = 0; k < ROLL_COPIES; k++) {
        uint64_t token = copy_token(s, k + 1);
        changed += token != 0 && token != before[k];
    }
    return changed;
}

static void tokens_keep(const struct sim *s, uint64_t out[ROLL_COPIES])
{
    for (uint32_t k = 0; k < ROLL_COPIES; k++)
        out[k] = copy_token(s, k + 1);
}

static void roll_put(struct sim *s, uint32_t node, const char *more)
{
    char spec[192];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"web\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"spread\":3,"
                   "\"max_moves\":1000%s}",
                   more);
    if (s->jobs == 0)
        story_put(s, node, "web", spec);
    else
        (void)sim_update(s, node, "web", spec);
}

/* All are changed by then, and two run at any time. */
static void roll_watch(struct sim *s, const uint64_t before[ROLL_COPIES])
{
    uint64_t end = s->now + 30000;
    while (s->now < end && copies_changed(s, before) < ROLL_COPIES) {
        sim_run_for(s, 20);
        if (copies_run(s, ROLL_COPIES) < ROLL_COPIES - 1)
            sim_fail(s, 1, "roll: %u copies run while they are changed",
                     copies_run(s, ROLL_COPIES));
    }
    if (copies_changed(s, before) < ROLL_COPIES)
        sim_fail(s, 2, "roll: only %u copies are changed", copies_changed(s, before));
}

void story_roll(struct sim *s)
{
    uint64_t before[ROLL_COPIES];
    story_begin(s, 5);
    roll_put(s, 0, "");
    sim_await(s, 20000, three_run, "all three run");
    sim_run_for(s, 8000);
    for (uint32_t i = 0; i < 4; i++) {
        tokens_keep(s, before);
        (void)sim_op(s, i, AGENT_OP_JOB_RESTART, "web");
        roll_watch(s, before);
        sim_run_for(s, 3000);
    }
    tokens_keep(s, before);
    roll_put(s, 1, ",\"arg\":\"1:300\""); /* it fails soon after its start */
    sim_run_for(s, 20000);
    uint32_t kept = 0;
    for (uint32_t k = 0; k < ROLL_COPIES; k++)
        kept += copy_token(s, k + 1) == before[k];
    if (kept != ROLL_COPIES - 1)
        sim_fail(s, 1, "roll: a change that fails has left %u copies as they were", kept);
    roll_put(s, 2, ",\"env\":{\"a\":\"b\"}");
    sim_await(s, 30000, three_run, "all three run again");
    roll_watch(s, before);
    for (uint32_t i = 0; i < 5; i++) { /* keepers and runners die in the middle */
        sim_run_for(s, 3000);
        tokens_keep(s, before);
        (void)sim_op(s, (i + 1) % 5, AGENT_OP_JOB_RESTART, "web");
        sim_run_for(s, 400 + 500 * i);
        sim_crash(s, i, i % 2 == 0);
        sim_run_for(s, 6000);
        sim_boot(s, i);
        sim_run_for(s, 20000);
        if (copies_changed(s, before) < ROLL_COPIES || !three_run(s))
            sim_fail(s, 2, "roll: only %u copies are changed", copies_changed(s, before));
    }
    /* What a person wants of one copy alone. */
    (void)sim_op(s, 0, AGENT_OP_JOB_STOP, "web@2");
    sim_run_for(s, 5000);
    if (copies_run(s, 3) != 2 || copy_token(s, 2) != 0)
        sim_fail(s, 1, "roll: a copy that was stopped runs");
    (void)sim_op(s, 0, AGENT_OP_JOB_START, "web@2");
    sim_await(s, 10000, three_run, "it runs again");
}
