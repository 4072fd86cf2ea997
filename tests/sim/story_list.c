/* SPDX-License-Identifier: Apache-2.0 */
/* Interleavings of section 17 of the contract: a member that is away for long (3), an agent that is
 * stopped beside its live jobs (8), two disks of three that burn (15); and disks that refuse an
 * oath, or hang. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define EXCLUSIVE                                                                                  \
    "{\"name\":\"only\",\"kind\":\"service\",\"exec\":[\"/bin/only\"],"                            \
    "\"partition\":\"exclusive\"}"

static bool is_member(struct sim *s, uint32_t node, const char *job)
{
    struct store_bucket_view v;
    const struct store *store = agent_node_store(s->node[node].node);
    store_bucket(store, store_bucket_of(store, muster_bytes_text(job)), &v);
    return v.seat != 0;
}

static bool is_forgotten(struct sim *s)
{
    return !story_is_known(s, "job");
}

/* 3. The tombstone waits for a member that is away, until another has its seat; then it goes, and
 * whoever comes back with the row has no seat and no row any more (R22, R25, R26). */
void story_away(struct sim *s)
{
    uint32_t runner = 0, away = UINT32_MAX;
    uint64_t token = 0;
    story_begin(s, 5);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_await(s, 20000, story_one_runs, "it runs");
    story_rest(s);
    (void)sim_proc_live(s, "job", &runner, &token);
    uint32_t keeper = story_keeper(s, "job");
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != keeper && i != runner && is_member(s, i, "job"))
            away = i;
    if (away == UINT32_MAX)
        sim_fail(s, 2, "away: no member is only a member");
    sim_crash(s, away, false);
    (void)sim_op(s, keeper, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 20000, story_is_replied, "the delete is answered");
    sim_run_for(s, 40000);
    if (is_forgotten(s))
        sim_fail(s, 1, "R22: the tombstone is gone, and a member has not seen it");
    sim_await(s, 90000, is_forgotten, "who is away is replaced, and the tombstone goes");
    sim_boot(s, away);
    sim_run_for(s, 5000);
    if (sim_proc_wanted(s, "job") != 0)
        sim_fail(s, 1, "I11: a deleted job is back");
    story_rest(s);
    if (!is_forgotten(s))
        sim_fail(s, 1, "R25: who was replaced has kept its rows");
}

static bool both_run(struct sim *s)
{
    return sim_proc_wanted(s, "any") == 1 && sim_proc_wanted(s, "only") == 1;
}

static void both_begin(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "any",
              "{\"name\":\"any\",\"kind\":\"service\",\"exec\":[\"/bin/any\"],\"max_moves\":100}");
    story_put(s, 1, "only", EXCLUSIVE);
    sim_await(s, 30000, both_run, "both run");
    story_rest(s);
}

static bool runs_at(struct sim *s, const char *job, uint32_t at)
{
    uint32_t node = 0;
    uint64_t token = 0;
    return sim_proc_live(s, job, &node, &token) > 0 && node == at;
}

static void halt(struct sim *s, const char *job)
{
    uint32_t node = 0, where = 0;
    uint64_t token = 0, later = 0;
    (void)sim_proc_live(s, job, &node, &token);
    sim_pause(s, node);
    uint64_t since = s->now;
    for (uint32_t i = 0; i < 800 && !(sim_proc_live(s, job, &where, &later) == 1 && where != node);
         i++) {
        sim_run_for(s, 50);
        if (sim_proc_live(s, job, &where, &later) > 1)
            sim_fail(s, 1, "R52: %s runs twice, %llu ms after its agent was stopped", job,
                     (unsigned long long)(s->now - since));
        if (s->now < since + 2500 && !runs_at(s, job, node))
            sim_fail(s, 1, "R52: the guard of %s did not wait for its agent", job);
        if (s->now > since + 4500 && runs_at(s, job, node))
            sim_fail(s, 1, "R52: %s goes on without its agent", job);
    }
    if (sim_proc_live(s, job, &where, &later) != 1 || later <= token)
        sim_fail(s, 1, "P4: %s is not placed anew", job);
    sim_resume(s, node);
    story_rest(s);
}

/* 8. An agent is stopped and its jobs live: their guards wait out the dead-man time and kill, and
 * nothing runs elsewhere before (R31, R39, R52). */
void story_halted(struct sim *s)
{
    both_begin(s);
    for (uint32_t turn = 0; turn < 8; turn++) {
        sim_run_for(s, 130 * turn); /* at another moment between two reports */
        halt(s, "any");
    }
    halt(s, "only");
}

static bool is_sworn(struct sim *s)
{
    return !s->oath.is_wanted;
}

static bool any_runs(struct sim *s)
{
    return sim_proc_wanted(s, "any") == 1;
}

/* 15. Two disks of three burn. What may run twice is claimed by the node that is left; what may not
 * waits until a person has sworn for both disks (R42, R49). What was acknowledged is all there. */
void story_burned(struct sim *s)
{
    struct muster_id burnt[2];
    uint32_t left = 0, n = 0;
    both_begin(s);
    while (left < 2 && (runs_at(s, "any", left) || runs_at(s, "only", left)))
        left++;
    for (uint32_t i = 0; i < 3; i++) {
        if (i == left)
            continue;
        burnt[n++] = s->node[i].id;
        sim_crash(s, i, false);
        sim_wipe(s, i);
    }
    sim_await(s, 20000, any_runs, "who is left claims what may run twice");
    sim_run_for(s, 40000);
    if (sim_proc_wanted(s, "only") != 0)
        sim_fail(s, 1, "R41: an exclusive job runs without a quorum");
    s->is_storm = true; /* the time of oaths */
    for (uint32_t i = 0; i < 2; i++) {
        sim_oath(s, burnt[i], 100);
        sim_await(s, 20000, is_sworn, "the oath is taken");
        if (i == 0)
            sim_run_for(s, 15000);
        if (i == 0 && sim_proc_wanted(s, "only") != 0)
            sim_fail(s, 1, "R49: of three one is no quorum after one oath");
    }
    s->is_storm = false;
    sim_await(s, 30000, both_run, "after two oaths all is as before");
    for (uint32_t i = 0; i < 3; i++)
        if (i != left)
            sim_boot(s, i);
    sim_await(s, 60000, story_benches_full, "three hold everything again");
    story_rest(s);
}

static bool is_lost_for(const struct sim *s, uint32_t node, struct muster_id id)
{
    struct agent_member m;
    uint32_t count = agent_node_member_count(s->node[node].node);
    for (uint32_t i = 0; i < count; i++) {
        agent_node_member(s->node[node].node, i, &m);
        if (muster_id_equal(m.id, id))
            return strcmp(m.status, "lost") == 0;
    }
    return false;
}

static bool is_noted(const struct sim *s, uint32_t node, struct muster_id id)
{
    char text[MUSTER_ID_TEXT], key[64];
    (void)snprintf(key, sizeof key, "lost:%s", muster_id_text(id, text));
    const struct sim_disk *d = &s->node[node].disk;
    for (uint32_t i = 0; i < d->count; i++)
        if (d->record[i].is_live && d->record[i].table == STORE_TABLE_META &&
            muster_bytes_equal(d->record[i].key, muster_bytes_text(key)))
            return true;
    return false;
}

/* An oath is sworn at a node whose disk is full, and takes it after all when there is room. The
 * person is told so, and it counts from then on, not only after that node's next start (R49). */
void story_unkept(struct sim *s)
{
    char id[MUSTER_ID_TEXT];
    struct agent_request q = { .op = AGENT_OP_FORGET, .node = "" };
    const struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &q };
    story_begin(s, 4);
    struct muster_id gone = s->node[3].id;
    sim_crash(s, 3, false);
    sim_wipe(s, 3);
    sim_run_for(s, 20000);
    s->node[0].disk.is_full = true;
    s->sworn[s->sworns++] = gone;
    q.name = muster_id_text(gone, id);
    q.number = s->next_request++;
    sim_step(s, 0, &e);
    sim_run_for(s, 3000);
    if (s->last_reply != q.number || s->last_err == MUSTER_OK)
        sim_fail(s, 1, "R49: an oath was taken that is on no disk");
    if (strstr(s->last_message, "as soon as") == NULL || is_lost_for(s, 0, gone))
        sim_fail(s, 1, "R49: an oath that may yet be kept was answered \"%s\"", s->last_message);
    s->node[0].disk.is_full = false;
    sim_run_for(s, 5000);
    bool counts = is_lost_for(s, 0, gone) && is_lost_for(s, 1, gone);
    if (is_noted(s, 0, gone) != counts || !counts)
        sim_fail(s, 1, "R49: an oath that was refused is on the disk, and will count one day");
    sim_boot(s, 3);
    story_rest(s);
}

static bool is_answered(struct sim *s)
{
    return s->last_reply + 1 == s->next_request;
}

/* A disk hangs for so long that there is no room left for what waits for it, and its node is to
 * start something then: it cannot note that, and neither starts it nor falls over it (I14, R28). */
void story_clogged(struct sim *s)
{
    char name[16];
    story_begin(s, 3);
    s->node[2].disk.slow_ms = 100000000;
    s->node[2].disk.slow_until = UINT64_MAX;
    sim_run_for(s, 2000000);
    for (uint32_t i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        story_put(s, 0, name, STORY_SERVICE("job"));
        sim_await(s, 30000, is_answered, "it is answered");
        sim_run_for(s, 1000);
    }
    sim_crash(s, 2, false);
    s->node[2].disk.slow_until = 0;
    sim_boot(s, 2);
    story_rest(s);
}
