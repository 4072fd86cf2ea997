/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that no disk knows (`durable: no`, I17): any one node may be lost, and what all have lost
 * does not come back, neither whole nor half. */
#include <stdio.h>
#include <string.h>

#include "agent/left.h"
#include "tests/sim/story.h"

#define KEYS    24
#define LIGHTLY 66 /* a row that nobody can vouch for is found, and forgotten */

/* What serving keepers have said of the runs. */
struct told {
    uint64_t uid;
    uint32_t placements;
    bool is_over, is_promised;
};

struct light {
    struct told told[KEYS];
    uint32_t lost;
};

static void put(struct sim *s, uint32_t ms)
{
    char spec[200];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"job\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],\"arg\":\"0:%u\","
                   "\"start\":\"manual\",\"max_moves\":1000,\"durable\":false}",
                   ms);
    story_put(s, 0, "job", spec);
}

/* The run as its serving keeper has it; false: nobody serves it, or it is not there. */
static bool run_get(struct sim *s, uint32_t i, struct store_view *view)
{
    char run[48];
    story_run_of(i, run);
    uint32_t k = story_keeper_or_none(s, run);
    return k != UINT32_MAX &&
           store_get(agent_node_store(s->node[k].node), muster_bytes_text(run), view) &&
           view->is_chosen;
}

/* One life of a run goes on from where it was: what has ended stays so, and placements rise. */
static void look(struct sim *s, struct light *l)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct store_view view;
        struct told *t = &l->told[i];
        if (!run_get(s, i, &view))
            continue;
        bool is_over = view.row.phase == STORE_GONE || view.row.phase == STORE_DONE ||
                       view.row.phase == STORE_FAILED;
        if (view.row.phase != STORE_GONE && view.row.uid < t->uid)
            sim_fail(s, 1, "light: an earlier life of run %u is back", i);
        if (view.row.uid == t->uid && t->is_over && !is_over)
            sim_fail(s, 1, "light: run %u has ended, and goes on", i);
        if (view.row.uid == t->uid && view.row.phase != STORE_GONE &&
            view.row.placements < t->placements)
            sim_fail(s, 1, "light: run %u is told as it was before", i);
        if (view.row.uid < t->uid)
            continue; /* the tombstone of an earlier life */
        t->is_over = is_over;
        t->placements = view.row.placements;
        t->uid = view.row.uid;
    }
}

static void runs_for(struct sim *s, struct light *l, uint64_t ms)
{
    for (uint64_t end = s->now + ms; s->now < end;) {
        sim_run_for(s, 10);
        look(s, l);
    }
}

static bool is_answered(struct sim *s)
{
    return s->last_reply + 1 == s->next_request;
}

static void trigger(struct sim *s, struct light *l, uint32_t node, uint32_t i)
{
    char key[16];
    story_key_of(i, key);
    (void)sim_trigger(s, node, "job", key);
    for (uint32_t k = 0; k < 2000 && !is_answered(s); k++)
        runs_for(s, l, 10);
    l->told[i].is_promised = is_answered(s) && s->last_err == MUSTER_OK;
}

static bool disk_knows(const struct sim_node *n, const char *run)
{
    for (uint32_t i = 0; i < n->disk.count; i++) {
        const struct sim_record *r = &n->disk.record[i];
        if (r->is_live && r->table == STORE_TABLE_ROW &&
            memmem(r->value.data, r->value.len, run, strlen(run)) != NULL)
            return true;
    }
    return false;
}

/* No disk has a record of such a run. */
static void disks_check(struct sim *s)
{
    for (uint32_t k = 0; k < s->nodes; k++)
        for (uint32_t i = 0; i < KEYS; i++) {
            char run[48];
            story_run_of(i, run);
            if (disk_knows(&s->node[k], run))
                sim_fail(s, 1, "light: %s stands on the disk of n%u", run, k);
        }
}

static uint32_t known(struct sim *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct store_view view;
        count += run_get(s, i, &view) && view.row.phase != STORE_GONE;
    }
    return count;
}

/* One node after the other dies, with some time between; every run that was promised is there and
 * ends. Then all die at once, and nobody says of any run that it is there; and a key makes a new
 * one. */
void story_light(struct sim *s)
{
    struct light l = { .lost = 0 };
    story_begin(s, 4);
    put(s, 900);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t node = i % 4, victim = (i / 4 + 1) % 4;
        trigger(s, &l, node == victim ? (node + 1) % 4 : node, i);
        if (!l.told[i].is_promised)
            sim_fail(s, 2, "light: %d %s", s->last_err, s->last_message);
        if (i == 7)
            disks_check(s);
        if (i % 4 == 3) {
            sim_crash(s, victim, i % 8 == 3);
            runs_for(s, &l, 9000);
            sim_boot(s, victim);
            runs_for(s, &l, 9000);
        }
    }
    runs_for(s, &l, 20000);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct store_view view;
        if (!run_get(s, i, &view) || view.row.phase != STORE_DONE)
            sim_fail(s, 1, "light: run %u was promised, one node was lost at a time, and it is %s",
                     i, run_get(s, i, &view) ? "not done" : "not there");
    }
    for (uint32_t k = 0; k < 4; k++)
        sim_crash(s, k, false);
    for (uint32_t k = 0; k < 4; k++)
        sim_boot(s, k);
    runs_for(s, &l, 30000);
    runs_for(s, &l, 15000);
    if (known(s) != 0)
        sim_fail(s, 1, "light: %u runs are said to be there, and nobody has kept them", known(s));
    trigger(s, &l, 1, 0);
    if (!l.told[0].is_promised)
        sim_fail(s, 2, "light: a key that is forgotten is not taken again: %s", s->last_message);
    runs_for(s, &l, 5000);
    struct store_view view;
    if (!run_get(s, 0, &view) || view.row.phase != STORE_DONE)
        sim_fail(s, 1, "light: the key's new run has not run");
}

static void delete_one(struct sim *s, uint32_t node, uint32_t i)
{
    char run[48];
    story_run_of(i, run);
    (void)sim_op(s, node, AGENT_OP_JOB_DELETE, run);
}

/* Luck decides who dies, is cut off and comes back, while runs are made and deleted: the looks
 * above must hold whatever happens. */
void story_lightly(struct sim *s)
{
    struct light l = { .lost = 0 };
    struct muster_rng rng;
    muster_rng_seed(&rng, LIGHTLY);
    story_begin(s, 4);
    put(s, 3000);
    for (uint32_t i = 0; i < 120; i++) {
        uint32_t node = (uint32_t)muster_rng_below(&rng, 4);
        uint32_t key = (uint32_t)muster_rng_below(&rng, KEYS);
        uint32_t other = (node + 1 + (uint32_t)muster_rng_below(&rng, 3)) % 4;
        switch (muster_rng_below(&rng, 6)) {
        case 0:
            if (s->node[node].is_up)
                sim_crash(s, node, muster_rng_below(&rng, 2) == 0);
            break;
        case 1:
            sim_cut(s, node, other, true);
            break;
        case 2:
            sim_heal(s);
            break;
        case 3:
            if (s->node[node].is_up)
                delete_one(s, node, key);
            break;
        default:
            break;
        }
        for (uint32_t k = 0; k < 4; k++) {
            char name[16];
            story_key_of((key + k) % KEYS, name);
            if (s->node[other].is_up)
                (void)sim_trigger(s, other, "job", name);
        }
        runs_for(s, &l, 50 + muster_rng_below(&rng, 2500));
        for (uint32_t k = 0; k < 4; k++)
            if (!s->node[k].is_up && muster_rng_below(&rng, 3) == 0)
                sim_boot(s, k);
    }
    sim_heal(s);
    for (uint32_t k = 0; k < 4; k++)
        if (!s->node[k].is_up)
            sim_boot(s, k);
    runs_for(s, &l, 60000);
}

static bool remembers(struct sim *s, const char *job)
{
    struct muster_bytes value;
    return sim_disk_get(&s->node[0], STORE_TABLE_SEEN, job, &value);
}

/* Of two nodes the one with the lowest seats dies, and is a quorum by itself when it is back: it
 * does not know the runs that the other still has in memory, and must not take them for past. Their
 * tokens would start again once the two have met. (R28) */
void story_absent(struct sim *s)
{
    bool was_here[8] = { false };
    char job[8][8];
    uint32_t here = 0;
    story_begin(s, 2);
    for (uint32_t i = 0; i < 8; i++) {
        char spec[160];
        (void)snprintf(job[i], sizeof job[i], "job%u", i);
        (void)snprintf(spec, sizeof spec,
                       "{\"name\":\"%s\",\"kind\":\"task\",\"exec\":[\"/bin/x\"],"
                       "\"arg\":\"0:900000\",\"durable\":false}",
                       job[i]);
        story_put(s, 0, job[i], spec);
    }
    sim_run_for(s, 3000);
    for (uint32_t i = 0; i < 8; i++) {
        was_here[i] = remembers(s, job[i]);
        here += was_here[i];
    }
    if (here == 0)
        sim_fail(s, 2, "absent: all run on the other node");
    sim_cut(s, 0, 1, true);
    sim_crash(s, 0, false);
    sim_run_for(s, 1000);
    sim_boot(s, 0);
    sim_run_for(s, 160000); /* asked about, and past, and forgotten */
    for (uint32_t i = 0; i < 8; i++)
        if (was_here[i] && !remembers(s, job[i]))
            sim_fail(s, 1, "R28: %s is taken for past, and the other node has it", job[i]);
    sim_heal(s);
    sim_run_for(s, 5000);
    story_rest(s);
}
