/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of where runs go: to nodes like those they ask for, and where a person moves them. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

static uint32_t runs_at(struct sim *s)
{
    uint32_t node = UINT32_MAX;
    uint64_t token = 0;
    return sim_proc_live(s, s->job[0].name, &node, &token) == 1 ? node : UINT32_MAX;
}

/* Two nodes of five are like that: it runs there or nowhere, waits while both are down, and is not
 * stopped by a wish that came later. */
void story_like(struct sim *s)
{
    static const char *const spec[] = {
        "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"on\":\"tag.disk == "
        "ssd\",\"max_moves\":100}",
        "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"on\":\"node == "
        "n4\",\"max_moves\":100}",
    };
    s->node[1].tags = "disk=ssd";
    s->node[3].tags = "disk=ssd,rack=b";
    story_begin(s, 5);
    story_put(s, 0, "job", spec[0]);
    for (uint32_t i = 0; i < 6; i++) {
        sim_await(s, 20000, story_one_runs, "it runs on a node like that");
        uint32_t node = runs_at(s), other = 4 - node;
        if (node != 1 && node != 3)
            sim_fail(s, 1, "like: it runs on n%u, which has no such tag", node);
        sim_crash(s, node, i % 2 == 0);
        sim_await(s, 20000, story_one_runs, "it runs on the other one");
        if (runs_at(s) != other)
            sim_fail(s, 1, "like: it runs on n%u, not on n%u", runs_at(s), other);
        sim_crash(s, other, false);
        sim_run_for(s, 20000);
        if (runs_at(s) != UINT32_MAX)
            sim_fail(s, 1, "like: it runs on n%u though nobody is like that", runs_at(s));
        sim_boot(s, i % 3 == 0 ? node : other);
        sim_await(s, 60000, story_one_runs, "it runs again");
        sim_boot(s, i % 3 == 0 ? other : node);
        sim_run_for(s, 5000);
    }
    uint32_t before = runs_at(s);
    (void)sim_update(s, 0, "job", spec[1]);
    sim_run_for(s, 10000);
    if (runs_at(s) != before)
        sim_fail(s, 1, "like: a new wish has moved a run");
    sim_crash(s, before, false);
    sim_await(s, 20000, story_one_runs, "it is placed anew");
    if (runs_at(s) != 4)
        sim_fail(s, 1, "like: it was placed anew on n%u, not as is wished now", runs_at(s));
    sim_boot(s, before);
    story_rest(s);
}

static enum store_phase phase_of(struct sim *s, const char *job)
{
    struct store_view view;
    const struct store *store = agent_node_store(s->node[story_keeper(s, job)].node);
    return store_get(store, muster_bytes_text(job), &view) ? view.row.phase : STORE_GONE;
}

/* `if_none: fail`: one of four is like that. Its host boots, and is waited for, also by keepers
 * that boot meanwhile; it stays away, and then nothing waits any more. */
void story_none(struct sim *s)
{
    s->node[2].tags = "disk=ssd";
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
              "\"max_moves\":100,"
              "\"on\":\"tag.disk == ssd\",\"if_none\":\"fail\"}");
    for (uint32_t i = 0; i < 4; i++) {
        sim_await(s, 60000, story_one_runs, "it runs on the one that is like that");
        uint32_t k = story_keeper(s, "job");
        sim_crash(s, 2, i % 2 == 0);
        sim_run_for(s, 5000 + i * 3000);
        if (k != 2) {
            sim_crash(s, k, false);
            sim_run_for(s, 3000);
            sim_boot(s, k);
            sim_run_for(s, 4000);
        }
        sim_boot(s, 2);
        if (phase_of(s, "job") == STORE_FAILED)
            sim_fail(s, 1, "none: round %u: its node boots, and it is given up", i);
    }
    sim_await(s, 60000, story_one_runs, "it runs again");
    sim_crash(s, 2, false);
    sim_run_for(s, 25000);
    if (phase_of(s, "job") != STORE_WAITING)
        sim_fail(s, 1, "none: it does not wait for a node that has just gone");
    sim_run_for(s, 45000);
    if (phase_of(s, "job") != STORE_FAILED)
        sim_fail(s, 1, "none: no node is like that, and it waits");
    sim_boot(s, 2);
    sim_run_for(s, 15000);
    if (phase_of(s, "job") != STORE_FAILED || runs_at(s) != UINT32_MAX)
        sim_fail(s, 1, "none: what is dead has come back by itself");
    (void)sim_op(s, 0, AGENT_OP_JOB_START, "job");
    sim_await(s, 30000, story_one_runs, "a person tries again, and it runs");
    story_rest(s);
}

/* R32: never two at once, and never none for long. */
static void moves_alone(struct sim *s, uint64_t ms)
{
    uint32_t node = 0;
    uint64_t token = 0;
    for (uint64_t end = s->now + ms; s->now < end;) {
        sim_run_for(s, 5);
        if (sim_proc_live(s, "job", &node, &token) > 1)
            sim_fail(s, 1, "R32: it is moved, and runs in both places");
    }
}

static void move_all(struct sim *s, const char *spec)
{
    story_put(s, 0, "job", spec);
    for (uint32_t i = 0; i < 24; i++) {
        sim_await(s, 30000, story_one_runs, "it runs somewhere");
        sim_run_for(s, 2000);
        uint32_t from = runs_at(s), k = story_keeper(s, "job"), trouble = i % 4;
        (void)sim_op(s, i % 5, AGENT_OP_JOB_MOVE, "job");
        if (trouble == 0)
            sim_await(s, 10000, story_is_replied, "the move is answered");
        sim_run_for(s, 7 * i);
        uint32_t hit = trouble == 1 ? k : trouble == 2 ? from : UINT32_MAX;
        if (hit != UINT32_MAX)
            sim_crash(s, hit, i % 8 < 4);
        moves_alone(s, 3000);
        if (trouble == 0) { /* a young reign gives no first lease yet (R37) */
            sim_await(s, 20000, story_one_runs, "it runs elsewhere");
            if (s->last_err != MUSTER_OK || runs_at(s) == from)
                sim_fail(s, 1, "move: round %u: from n%u to n%u: %s", i, from, runs_at(s),
                         s->last_message);
        }
        if (hit != UINT32_MAX)
            sim_boot(s, hit);
        s->job[0].request = 0;
        story_rest(s);
    }
}

/* R32, R39: a person moves a run while keepers, runners and nobody die. */
void story_move(struct sim *s)
{
    story_begin(s, 5);
    move_all(s, STORY_SERVICE("job"));
}

void story_shift(struct sim *s)
{
    story_begin(s, 5);
    move_all(s, "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                "\"partition\":\"exclusive\"}");
}

/* A run that follows the ring comes back to the node it was on whenever that comes back, be its
 * keeper gone meanwhile, and another stays. (R32) */
void story_follow(struct sim *s)
{
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"move\":\"eager\"}");
    story_put(s, 0, "stays", STORY_SERVICE("stays"));
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    sim_run_for(s, 20000);
    uint32_t first = runs_at(s), node = 0, stayed = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < 5; i++) {
        sim_crash(s, first, i % 2 == 0);
        sim_await(s, 30000, story_one_runs, "it runs elsewhere");
        sim_run_for(s, 1000);
        (void)sim_proc_live(s, "stays", &stayed, &token);
        uint32_t keeper = story_keeper(s, "job");
        sim_boot(s, first);
        if (i % 3 == 2 && keeper != runs_at(s) && keeper != first && keeper != stayed) {
            sim_run_for(s, 9000 + 200 * i);
            sim_crash(s, keeper, false);
            moves_alone(s, 20000);
            sim_boot(s, keeper);
        }
        moves_alone(s, 45000);
        if (runs_at(s) != first)
            sim_fail(s, 1, "follow: round %u: it is on n%u, and n%u is back", i, runs_at(s), first);
        if (sim_proc_live(s, "stays", &node, &token) != 1 || node != stayed)
            sim_fail(s, 1, "follow: what does not follow has moved");
    }
    story_rest(s);
}

/* The node that the ring wants has room, as its keeper thinks, and refuses: there runs one that
 * keeps apart. The run stays where it is; on a third node it would be no better off. (R32) */
void story_loyal(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0, before = 0;
    char rival[192];
    story_begin(s, 4);
    story_put(s, 0, "job",
              "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"move\":\"eager\","
              "\"handoff\":\"start-stop\"}");
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    uint32_t wanted = runs_at(s);
    sim_crash(s, wanted, false);
    sim_await(s, 30000, story_one_runs, "it runs elsewhere");
    sim_boot(s, wanted);
    (void)snprintf(rival, sizeof rival,
                   "{\"name\":\"rival\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                   "\"on\":\"node == n%u\",\"apart\":\"job\"}",
                   wanted);
    story_put(s, (wanted + 1) % s->nodes, "rival", rival);
    sim_run_for(s, 5000);
    if (sim_proc_live(s, "rival", &node, &token) != 1 || node != wanted)
        sim_fail(s, 2, "loyal: nobody keeps it away from n%u", wanted);
    uint32_t at = runs_at(s);
    (void)sim_proc_live(s, "job", &node, &before);
    for (uint32_t i = 0; i < 600; i++) {
        sim_run_for(s, 100);
        if (sim_proc_live(s, "job", &node, &token) != 1 || node != at || token != before)
            sim_fail(s, 1, "loyal: it does not stay on n%u alone; n%u is wanted", at, wanted);
    }
    story_rest(s);
}

/* What is held goes on, and is not started again where its node has died, until it is released. */
void story_held(struct sim *s)
{
    story_begin(s, 4);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 20000, story_one_runs, "it runs somewhere");
    sim_run_for(s, 2000);
    uint32_t node = runs_at(s), keeper = story_keeper(s, "job");
    (void)sim_op(s, 0, AGENT_OP_JOB_HOLD, "job");
    sim_await(s, 20000, story_is_replied, "the hold is answered");
    if (keeper != node) {
        sim_crash(s, keeper, false);
        sim_run_for(s, 10000);
        sim_boot(s, keeper);
    }
    sim_run_for(s, 30000);
    if (runs_at(s) != node)
        sim_fail(s, 1, "held: what ran has ended");
    sim_crash(s, node, false);
    sim_run_for(s, 30000);
    if (runs_at(s) != UINT32_MAX)
        sim_fail(s, 1, "held: it was started again");
    sim_boot(s, node);
    sim_run_for(s, 10000);
    if (runs_at(s) != UINT32_MAX)
        sim_fail(s, 1, "held: it was started again when its node came back");
    (void)sim_op(s, 0, AGENT_OP_JOB_RELEASE, "job");
    sim_await(s, 20000, story_one_runs, "released, it runs");
    story_rest(s);
}

/* ---- groups */

#define GROUP_JOBS 6

static uint32_t group_live(const struct sim *s)
{
    uint32_t live = 0, node = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < GROUP_JOBS; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%u", i);
        live += sim_proc_live(s, name, &node, &token);
    }
    return live;
}

static bool two_of_group(struct sim *s)
{
    return group_live(s) == 2;
}

static void group_put(struct sim *s, uint32_t i, const char *more)
{
    char name[8], spec[192];
    (void)snprintf(name, sizeof name, "g%u", i);
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"max_moves\":1000,"
                   "\"group\":\"g\",\"max_running\":2%s}",
                   name, more);
    story_put(s, i % s->nodes, name, spec);
}

/* Keepers of runs, the keeper of the group and runners die, and there are never more than two; and
 * whenever all is well there are two: no permit is lost. (I15) */
void story_group(struct sim *s)
{
    story_begin(s, 5);
    for (uint32_t i = 0; i < GROUP_JOBS; i++)
        group_put(s, i, i == GROUP_JOBS - 1 ? ",\"priority\":90" : "");
    sim_await(s, 20000, two_of_group, "two of the group run");
    for (uint32_t round = 0; round < 20; round++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%u", round % GROUP_JOBS);
        uint32_t hit = round % 5;
        (void)sim_op(s, (hit + 1) % 5, round % 2 == 0 ? AGENT_OP_JOB_STOP : AGENT_OP_JOB_START,
                     name);
        sim_run_for(s, round * 3);
        sim_crash(s, hit, round % 4 == 0);
        for (uint32_t i = 0; i < 400; i++) {
            sim_run_for(s, 25);
            if (group_live(s) > 2)
                sim_fail(s, 1, "I15: %u of a group of 2 run", group_live(s));
        }
        sim_boot(s, hit);
        sim_await(s, 40000, two_of_group, "two of the group run again");
    }
    for (uint32_t i = 0; i < GROUP_JOBS; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "g%u", i);
        (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, name);
        sim_run_for(s, 3000);
        if (i < GROUP_JOBS - 3)
            sim_await(s, 20000, two_of_group, "the next have their turn");
    }
}

/* ---- load */

#define LEVEL_JOBS 18

struct level {
    uint32_t at[LEVEL_JOBS]; /* the node, from 1; 0: none yet */
    uint32_t moves[LEVEL_JOBS];
};

/* Counts who has moved since it was last looked; how many run on that node. */
static uint32_t level_look(const struct sim *s, struct level *l, uint32_t node)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < LEVEL_JOBS; i++) {
        char name[8];
        uint32_t at = 0;
        uint64_t token = 0;
        (void)snprintf(name, sizeof name, "l%u", i);
        if (sim_proc_live(s, name, &at, &token) != 1)
            continue;
        l->moves[i] += l->at[i] != 0 && l->at[i] != at + 1;
        l->at[i] = at + 1;
        there += at == node;
    }
    return there;
}

static void level_run(struct sim *s, struct level *l, uint64_t ms, uint32_t most)
{
    for (uint64_t end = s->now + ms; s->now < end;) {
        sim_run_for(s, 50);
        (void)level_look(s, l, 0);
        for (uint32_t i = 0; i < LEVEL_JOBS; i++)
            if (l->moves[i] > most)
                sim_fail(s, 1, "level: l%u has moved %u times", i, l->moves[i]);
    }
}

/* A node that flaps ten times in a minute moves no service more than once; and when it has been
 * calm for long enough, the load comes back to it, with no service moved more than once for that.
 */
void story_level(struct sim *s)
{
    struct level l = { .at = { 0 } };
    story_begin(s, 3);
    for (uint32_t i = 0; i < LEVEL_JOBS; i++) {
        char name[8], spec[128];
        (void)snprintf(name, sizeof name, "l%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                       "\"max_moves\":1000}",
                       name);
        story_put(s, i % 3, name, spec);
    }
    sim_run_for(s, 20000);
    (void)level_look(s, &l, 0);
    for (uint32_t i = 0; i < 10; i++) {
        sim_crash(s, 2, i % 2 == 0);
        level_run(s, &l, 3000, 1);
        sim_boot(s, 2);
        level_run(s, &l, 3000, 1);
    }
    if (level_look(s, &l, 2) != 0)
        sim_fail(s, 1, "level: a service has moved to a node that flaps");
    level_run(s, &l, 50000, 1);
    if (level_look(s, &l, 2) != 0)
        sim_fail(s, 1, "level: a service has moved before it was calm");
    level_run(s, &l, 120000, 2);
    uint32_t there = level_look(s, &l, 2);
    if (there == 0 || there > LEVEL_JOBS / 3)
        sim_fail(s, 1, "level: %u services are on the node that is back", there);
    level_run(s, &l, 120000, 2);
    if (level_look(s, &l, 2) != there)
        sim_fail(s, 1, "level: what is level moves on");
    story_rest(s);
}

/* ---- apart */

static const char *const shy[] = { "shy/a", "shy/b" };

/* How many of the two run; it is a fault if they do so on one node. */
static uint32_t shy_live(struct sim *s)
{
    uint32_t node[2] = { 0, 0 }, live = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < 2; i++)
        live += sim_proc_live(s, shy[i], &node[i], &token) == 1;
    if (live == 2 && node[0] == node[1])
        sim_fail(s, 1, "apart: both are on n%u", node[0]);
    return live;
}

static bool both_run(struct sim *s)
{
    return shy_live(s) == 2;
}

/* Both would rather be on n0, and only one of them says that it keeps apart: they are never on one
 * node, whoever dies, and with one node left one of them waits. */
void story_apart(struct sim *s)
{
    story_begin(s, 3);
    for (uint32_t i = 0; i < 2; i++) {
        char spec[160];
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                       "\"max_moves\":1000,\"prefer\":\"node == n0\"%s}",
                       shy[i], i == 0 ? ",\"apart\":\"shy/*\"" : "");
        story_put(s, i, shy[i], spec);
    }
    for (uint32_t round = 0; round < 12; round++) {
        uint32_t hit = round % 3;
        sim_await(s, 40000, both_run, "both run");
        sim_crash(s, hit, round % 2 == 0);
        for (uint32_t i = 0; i < 400; i++) {
            sim_run_for(s, 25);
            (void)shy_live(s);
        }
        if (!both_run(s))
            sim_fail(s, 1, "apart: two nodes are left, and one of them waits");
        sim_boot(s, hit);
        sim_run_for(s, round * 100);
    }
    sim_crash(s, 1, false);
    sim_run_for(s, 10000);
    sim_crash(s, 2, false);
    sim_run_for(s, 20000);
    if (shy_live(s) != 1)
        sim_fail(s, 1, "apart: one node is left, and %u run", shy_live(s));
    sim_boot(s, 1);
    sim_boot(s, 2);
    sim_await(s, 40000, both_run, "both run again");
}
