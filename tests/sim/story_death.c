/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of nodes that die: by their jobs' fault, unheard, or all at once. */
#include <stdio.h>

#include "tests/sim/story.h"

#define SWIFT_JOBS       8
#define SWIFT_KEPT_MS    8
#define SWIFT_ELECTED_MS 10

static bool is_dead(struct sim *s)
{
    struct store_view view;
    uint32_t k = story_keeper_or_none(s, "job");
    return k < s->nodes &&
           store_get(agent_node_store(s->node[k].node), muster_bytes_text("job"), &view) &&
           view.row.phase == STORE_FAILED;
}

/* R34: wherever it starts, its node dies. The third time it is dead, and a person may start it. */
void story_poison(struct sim *s)
{
    s->strikes_max = 3;
    story_begin(s, 4);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t node = 0;
        uint64_t token = 0;
        sim_await(s, 20000, story_one_runs, "it runs somewhere");
        (void)sim_proc_live(s, "job", &node, &token);
        sim_run_for(s, 2000);
        sim_crash(s, node, false);
        sim_run_for(s, 1500);
        sim_boot(s, node);
        sim_run_for(s, 3000);
        if (is_dead(s) != (i == 2))
            sim_fail(s, 1, "R34: after %u deaths it is %s", i + 1, i == 2 ? "not dead" : "dead");
    }
    sim_run_for(s, 20000);
    if (!is_dead(s) || story_one_runs(s))
        sim_fail(s, 1, "R34: what is dead runs again by itself");
    (void)sim_op(s, 0, AGENT_OP_JOB_START, "job");
    sim_await(s, 20000, story_is_replied, "the start is answered");
    story_rest(s);
}

/* A job that allows two of its nodes to die is dead with the third, be that missed or told by the
 * node itself, and however patient the nodes are; the cluster lives. */
void story_quarantine(struct sim *s)
{
    s->strikes_max = 3;
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/job\"],\"max_moves\":2}");
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t node = 0;
        uint64_t token = 0;
        sim_await(s, 20000, story_one_runs, "it runs somewhere");
        (void)sim_proc_live(s, "job", &node, &token);
        sim_run_for(s, 1000);
        sim_crash(s, node, false);
        sim_run_for(s, i % 2 == 0 ? 1500 : 20);
        sim_boot(s, node);
        sim_run_for(s, 3000);
        if (is_dead(s) != (i == 2))
            sim_fail(s, 1, "after %u deaths it is %s", i + 1, i == 2 ? "not dead" : "dead");
    }
    sim_run_for(s, 20000);
    if (!is_dead(s) || story_one_runs(s))
        sim_fail(s, 1, "what is dead runs again by itself");
    story_put(s, 1, "calm", STORY_SERVICE("calm"));
}

/* R55: who has just booted hears of a death before it had a link that could close, and asks that
 * node's kernel itself: what ran there is not silent for seconds. */
void story_hearsay(struct sim *s)
{
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/job\"],\"max_moves\":100}");
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t node = 0;
        uint64_t token = 0;
        sim_await(s, 20000, story_one_runs, "it runs somewhere");
        (void)sim_proc_live(s, "job", &node, &token);
        uint32_t other = (node + 1 + i % 3) % 4;
        sim_crash(s, other, false);
        sim_run_for(s, 1000);
        if (i % 2 == 0)
            sim_cut(s, other, node, true);
        sim_boot(s, other);
        sim_run_for(s, 10 + 4 * (i / 3));
        sim_heal(s);
        sim_crash(s, node, false);
        sim_run_for(s, 1500);
        if (!story_one_runs(s))
            sim_fail(s, 1, "R55: cycle %u: a node is gone for 1.5 s, and its run is nowhere", i);
        sim_boot(s, node);
        story_rest(s);
    }
}

/* 14, R33: after a blackout one node alone takes nothing, and two wait half a minute for the third,
 * whose run it is. */
void story_early(struct sim *s)
{
    uint32_t node = 0, where = 0;
    uint64_t token = 0;
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    (void)sim_proc_live(s, "job", &node, &token);
    for (uint32_t i = 0; i < 3; i++)
        sim_crash(s, i, false);
    uint32_t first = (node + 1) % 3, second = (node + 2) % 3;
    sim_boot(s, first);
    sim_run_for(s, 55000);
    if (sim_proc_live(s, "job", &where, &token) != 0)
        sim_fail(s, 1, "R42: one early node alone has taken the job");
    sim_crash(s, first, false);
    sim_boot(s, first);
    sim_boot(s, second);
    sim_run_for(s, 25000);
    if (sim_proc_live(s, "job", &where, &token) != 0)
        sim_fail(s, 1, "R33: the node that ran it has not had its time to come back");
    sim_await(s, 20000, story_one_runs, "R33: it is placed anew when the third does not come");
    sim_boot(s, node);
    story_rest(s);
}

/* Has promised, on its disk, what the other has asked for and not promised itself. */
static bool is_ahead(const struct sim *s, uint32_t voter, uint32_t asker, uint32_t bucket)
{
    struct store_bucket_view v;
    store_bucket(agent_node_store(s->node[asker].node), bucket, &v);
    return v.role == STORE_CANDIDATE && s->node[voter].bucket[bucket].promised == v.reign.packed &&
           s->node[asker].bucket[bucket].promised < v.reign.packed;
}

/* R6: a candidate with a slow disk dies when another has promised it its vote and before its own
 * promise is on disk. Both boot, it asks for the same reign again, and rules in it. */
void story_stumble(struct sim *s)
{
    struct store_bucket_view v[2];
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    uint32_t keeper = story_keeper(s, "job");
    uint32_t asker = (keeper + 1) % 3, voter = (keeper + 2) % 3;
    uint32_t bucket =
        store_bucket_of(agent_node_store(s->node[keeper].node), muster_bytes_text("job"));
    store_bucket(agent_node_store(s->node[asker].node), bucket, &v[0]);
    store_bucket(agent_node_store(s->node[voter].node), bucket, &v[1]);
    if (v[1].seat < v[0].seat) {
        voter = asker;
        asker = (keeper + 2) % 3;
    }
    s->node[asker].disk.slow_ms = 100000;
    s->node[asker].disk.slow_until = s->now + 5000;
    sim_crash(s, keeper, false);
    for (uint32_t i = 0; i < 1000 && !is_ahead(s, voter, asker, bucket); i++)
        sim_run_for(s, 1);
    if (!is_ahead(s, voter, asker, bucket))
        sim_fail(s, 1, "R6: a candidate waits for its own disk before it asks");
    uint64_t reign = s->node[voter].bucket[bucket].promised;
    sim_run_for(s, 50); /* its vote arrives, and elects nobody (I9) */
    sim_disk_drop(&s->node[asker]);
    sim_crash(s, asker, false);
    sim_crash(s, voter, false);
    s->node[asker].disk.slow_until = 0;
    sim_boot(s, asker);
    sim_boot(s, voter);
    for (uint32_t i = 0; i < 8000 && story_keeper_or_none(s, "job") == UINT32_MAX; i++)
        sim_run_for(s, 1);
    store_bucket(agent_node_store(s->node[asker].node), bucket, &v[0]);
    if (story_keeper_or_none(s, "job") != asker || v[0].reign.packed != reign)
        sim_fail(s, 1, "R6: it rules in another reign than the one it stumbled in");
    sim_boot(s, keeper);
    story_rest(s);
}

static uint32_t ms_until_it_runs(struct sim *s, const char *job)
{
    uint32_t node = 0, ms = 0;
    uint64_t token = 0;
    while (ms < 1000 && sim_proc_live(s, job, &node, &token) != 1) {
        sim_run_for(s, 1);
        ms++;
    }
    return ms;
}

/* R55: of a killed node its runs are placed anew at once. A commit takes a millisecond here, and a
 * frame no longer: what is waited for in turn is counted by this. Where the keeper lives it is one
 * commit beside the proof, the offer and the start; where it died as well there is one more. */
void story_swift(struct sim *s)
{
    char name[32];
    story_begin(s, 3);
    for (uint32_t i = 0; i < SWIFT_JOBS; i++) {
        char spec[128];
        (void)snprintf(name, sizeof name, "swift-%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                       "\"max_moves\":100}",
                       name);
        story_put(s, i % 3, name, spec);
    }
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    s->faults.delay_ms = s->faults.commit_ms = 0;
    for (uint32_t i = 0; i < SWIFT_JOBS; i++) {
        uint32_t node = 0;
        uint64_t token = 0;
        (void)snprintf(name, sizeof name, "swift-%u", i);
        (void)sim_proc_live(s, name, &node, &token);
        bool is_kept_there = story_keeper(s, name) == node;
        sim_crash(s, node, false);
        uint32_t took = ms_until_it_runs(s, name);
        sim_log(s, "---- %s ran again after %u ms%s", name, took,
                is_kept_there ? ", its keeper had died too" : "");
        uint32_t most = is_kept_there ? SWIFT_ELECTED_MS : SWIFT_KEPT_MS;
        if (took > most)
            sim_fail(s, 1, "R55: %s runs again after %u ms, and %u would do", name, took, most);
        sim_run_for(s, 1000);
        sim_boot(s, node);
        sim_run_for(s, 20000);
    }
    s->faults.delay_ms = s->faults.commit_ms = 2;
    story_rest(s);
}

static bool is_placed_at(struct sim *s, uint32_t node, uint64_t after)
{
    struct store_view view;
    uint32_t k = story_keeper_or_none(s, "job");
    return k < s->nodes &&
           store_get(agent_node_store(s->node[k].node), muster_bytes_text("job"), &view) &&
           view.row.run_token > after && muster_id_equal(view.row.run_node, s->node[node].id);
}

/* R28: a node that was cut off is to start a run, and its old one does not end yet. The job is
 * deleted, the node says that the new run is gone, and then the old one ends. */
void story_gone_first(struct sim *s)
{
    uint32_t old = 0, other = 0, ask = 0;
    uint64_t token = 0, newer = 0;
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"arg\":\"hang\"}");
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    (void)sim_proc_live(s, "job", &old, &token);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != old)
            sim_cut(s, old, i, true);
    for (uint32_t i = 0; newer <= token; i++) {
        if (i == 30000)
            sim_fail(s, 2, "it runs nowhere else");
        sim_run_for(s, 1);
        for (uint32_t k = 0; k < s->nodes; k++)
            for (uint32_t p = 0; p < s->node[k].procs; p++)
                if (s->node[k].proc[p].is_used && s->node[k].proc[p].token > token) {
                    newer = s->node[k].proc[p].token;
                    other = k;
                }
    }
    sim_run_for(s, 2000);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != old && i != other)
            sim_drain(s, ask = i, false);
    sim_run_for(s, 500);
    sim_heal(s);
    sim_crash(s, other, false);
    for (uint32_t i = 0; !is_placed_at(s, old, newer); i++) {
        if (i == 9000)
            sim_fail(s, 2, "it is not placed where it ran");
        sim_run_for(s, 1);
    }
    sim_run_for(s, 20);
    uint64_t starts = s->starts;
    (void)sim_op(s, ask, AGENT_OP_JOB_DELETE, "job");
    sim_run_for(s, 20000);
    if (s->starts != starts || sim_proc_live(s, "job", &old, &token) != 0)
        sim_fail(s, 1, "R28: what was said to be gone starts");
    for (uint32_t i = 0; i < s->nodes; i++)
        sim_drain(s, i, true);
    sim_boot(s, other);
    story_rest(s);
}
