/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of frames that come late, get lost, or reach the wrong one. */
#include <stdio.h>
#include <string.h>

#include "agent/message.h"
#include "tests/sim/story.h"

#define EXCLUSIVE                                                                                  \
    "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/job\"],\"partition\":\"exclusive\"}"

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

static uint32_t bucket_of(const struct sim *s, const char *job)
{
    return store_bucket_of(store_of(s, 0), muster_bytes_text(job));
}

static bool sits(const struct sim *s, uint32_t node, const char *job)
{
    struct store_bucket_view v;
    store_bucket(store_of(s, node), bucket_of(s, job), &v);
    return v.seat != 0;
}

static void name_put(struct sim *s, uint32_t node, const char *name)
{
    char spec[128];
    (void)snprintf(spec, sizeof spec,
                   "{\"name\":\"%s\",\"kind\":\"service\",\"exec\":[\"/bin/x\"]}", name);
    (void)sim_put(s, node, name, spec);
}

/* A name that is no job yet, in that bucket. */
static void name_in(const struct sim *s, uint32_t bucket, char *name, size_t size)
{
    uint32_t i = 0;
    do
        (void)snprintf(name, size, "late-%u", i++);
    while (bucket_of(s, name) != bucket);
}

/* R17: a keeper's writes are on their way when it is cut off, and come to a member that has voted
 * for another meanwhile. They are too late to count. */
void story_deposed(struct sim *s)
{
    struct store_bucket_view v;
    char name[32];
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    uint32_t old = story_keeper(s, "job"), bucket = bucket_of(s, "job");
    name_in(s, bucket, name, sizeof name);
    sim_cut(s, old, (old + 1) % 3, true);
    sim_cut(s, old, (old + 2) % 3, true);
    name_put(s, old, name);
    for (uint32_t i = 0; i < 800; i++) {
        sim_run_for(s, 10);
        uint32_t next = story_keeper_or_none(s, "job");
        store_bucket(store_of(s, old), bucket, &v);
        if (next == UINT32_MAX || next == old || v.role >= STORE_ELECTED)
            continue;
        uint32_t voter = 3 - old - next;
        sim_log(s, "---- n%u keeps, and what n%u wrote comes to n%u", next, old, voter);
        s->cut[old] = (uint16_t)(s->cut[old] & ~(1u << voter));
        sim_run_for(s, 500);
        break;
    }
    sim_check_all(s);
    sim_heal(s);
    story_rest(s);
}

static void echo_begin(struct sim *s, uint32_t from, uint32_t to, uint32_t kind)
{
    s->echo.is_on = true;
    s->echo.from = from;
    s->echo.to = to;
    s->echo.kind = kind;
}

/* 5. A write comes once more after its job was deleted and purged, in the reign that sent it; then
 * the keeper dies, and whoever took it would have the job back. */
void story_echo(struct sim *s)
{
    story_begin(s, 3);
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    uint32_t keeper = story_keeper(s, "job");
    echo_begin(s, keeper, (keeper + 1) % 3, STORE_PUT);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    s->echo.is_on = false;
    sim_await(s, 10000, story_one_runs, "it runs");
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "job");
    for (uint32_t i = 0; i < 1200 && story_is_known(s, "job"); i++)
        sim_run_for(s, 50);
    if (story_is_known(s, "job") || story_keeper(s, "job") != keeper || !sim_net_echo(s))
        sim_fail(s, 2, "echo: nothing is purged, or there is nothing to come again");
    sim_run_for(s, 20);
    sim_crash(s, keeper, false);
    sim_run_for(s, 5000);
    sim_boot(s, keeper);
    story_rest(s);
}

static bool is_seen(const struct sim *s, uint32_t node, const char *job)
{
    struct muster_bytes value;
    return sim_disk_get(&s->node[node], STORE_TABLE_SEEN, job, &value);
}

/* R28: a job has run on a node for longer than what is seen of it is kept, and is deleted; a START
 * that a link has held up since comes when the node has heard that the job is gone. */
void story_belated(struct sim *s)
{
    uint32_t node = 0, where = 3;
    uint64_t token = 0;
    char name[32];
    story_begin(s, 3);
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    for (uint32_t i = 0; i < 8 && where != node; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        node = (story_keeper(s, name) + 1) % 3;
        echo_begin(s, story_keeper(s, name), node, AGENT_MSG_START);
        name_put(s, 0, name);
        sim_run_for(s, 5000);
        (void)sim_proc_live(s, name, &where, &token);
    }
    s->echo.is_on = false;
    sim_run_for(s, 70000);
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, name);
    sim_run_for(s, 10000);
    if (where != node || !sim_net_echo(s))
        sim_fail(s, 2, "belated: there is nothing to come again");
    sim_run_for(s, 100000);
    if (is_seen(s, node, name))
        sim_fail(s, 1, "R28: a deleted job is remembered for ever");
    story_rest(s);
}

static void asked(struct sim *s, enum agent_op op)
{
    (void)sim_op(s, 1, op, "job");
    sim_await(s, 10000, story_is_replied, "the client is answered");
}

/* Nobody waits for the answer of such a copy any more. */
static void copy_comes(struct sim *s, uint64_t deletion)
{
    const struct agent_request copy = { .op = AGENT_OP_JOB_DELETE,
                                        .name = "job",
                                        .number = s->next_request++,
                                        .request_id = { deletion, 0 } };
    const struct agent_event e = { .kind = AGENT_EVENT_REQUEST, .request = &copy };
    sim_step(s, 2, &e);
    sim_run_for(s, 5000);
    if (!story_one_runs(s))
        sim_fail(s, 1, "R19: a late copy of a deletion has deleted what came after it");
}

/* The first of its copies found nothing to delete. */
void story_early_copy(struct sim *s)
{
    story_begin(s, 3);
    asked(s, AGENT_OP_JOB_DELETE);
    struct sim_job *j = sim_job_find(s, "job");
    uint64_t deletion = j->id;
    j->is_acked = j->is_deleted_acked = j->is_delete_tried = false;
    story_put(s, 0, "job", STORY_SERVICE("job"));
    copy_comes(s, deletion);
    story_rest(s);
}

/* A copy of a deletion was held up on its way for so long that the job has been made anew, and
 * changed more often than its row can tell: it deletes nothing (R19). */
void story_tardy_copy(struct sim *s)
{
    static const enum agent_op change[] = { AGENT_OP_JOB_HOLD, AGENT_OP_JOB_RELEASE,
                                            AGENT_OP_JOB_STOP, AGENT_OP_JOB_START,
                                            AGENT_OP_JOB_RESTART };
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    asked(s, AGENT_OP_JOB_DELETE);
    struct sim_job *j = sim_job_find(s, "job");
    uint64_t deletion = j->id;
    for (uint32_t i = 0; i < 20; i++) {
        if (i % 7 == 0) {
            j->is_acked = j->is_deleted_acked = j->is_delete_tried = false;
            story_put(s, 0, "job", STORY_SERVICE("job"));
        }
        asked(s, change[i % (sizeof change / sizeof *change)]);
        if (i % 7 == 6)
            asked(s, AGENT_OP_JOB_DELETE);
    }
    copy_comes(s, deletion);
    story_rest(s);
}

/* The same of a copy that comes to another keeper than the one that has refused the question: it
 * was asked of the former one's reign. Who asks sits on no bench of the job. */
void story_other_copy(struct sim *s)
{
    story_begin(s, 5);
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    uint32_t former = story_keeper(s, "job"), asker = 0;
    while (asker == former || sits(s, asker, "job"))
        asker++;
    echo_begin(s, asker, former, AGENT_MSG_OP);
    (void)sim_op(s, asker, AGENT_OP_JOB_DELETE, "job");
    sim_await(s, 10000, story_is_replied, "the client is answered");
    s->echo.is_on = false;
    sim_crash(s, former, false);
    sim_run_for(s, 5000);
    s->echo.to = story_keeper(s, "job");
    struct sim_job *j = sim_job_find(s, "job");
    j->is_acked = j->is_deleted_acked = j->is_delete_tried = false;
    story_put(s, s->echo.to, "job", STORY_SERVICE("job"));
    sim_await(s, 10000, story_one_runs, "it runs");
    if (!sim_net_echo(s))
        sim_fail(s, 2, "other-copy: there is nothing to come again");
    sim_run_for(s, 5000);
    if (!story_one_runs(s))
        sim_fail(s, 1, "R19: a late copy of a deletion has deleted what another keeper has made");
    sim_boot(s, former);
    story_rest(s);
}

/* A keeper whose host is cut off goes on for a second after another rules in its place. What it
 * does not have it may not call unknown to who wants to change it: made by the other, it may be
 * there. */
void story_outdated(struct sim *s)
{
    story_begin(s, 3);
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    uint32_t keeper = story_keeper(s, "job"), other = (keeper + 1) % s->nodes;
    sim_cut(s, keeper, other, true);
    sim_cut(s, keeper, (keeper + 2) % s->nodes, true);
    sim_run_for(s, 100);
    (void)sim_put(s, other, "job", STORY_SERVICE("job"));
    sim_await(s, 1500, story_is_replied, "a new keeper takes the job");
    if (!store_is_serving(store_of(s, keeper), bucket_of(s, "job")))
        sim_fail(s, 2, "outdated: the old keeper knows already");
    (void)sim_op(s, keeper, AGENT_OP_JOB_DELETE, "job");
    sim_run_for(s, 3000);
    sim_heal(s);
    sim_await(s, 9000, story_is_replied, "the deletion is answered");
    story_rest(s);
}

static void changed(struct sim *s, uint32_t node, int err, const char *what)
{
    (void)sim_update(s, node, "job", STORY_SERVICE("job"));
    sim_await(s, 12000, story_is_replied, "the client is answered");
    if (s->last_err != err)
        sim_fail(s, 1, "R19: %s is told %d", what, s->last_err);
}

/* A change that was sent to the keeper, and stands in a link that is cut, may be done yet, and the
 * client is told so. What nobody was asked will not be done. */
void story_untold(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "job", STORY_SERVICE("job"));
    sim_run_for(s, 20000); /* until no keeper hands over any more */
    uint32_t keeper = story_keeper(s, "job"), other = (keeper + 1) % s->nodes;
    sim_cut(s, keeper, other, true);
    sim_cut(s, (keeper + 2) % s->nodes, other, true);
    changed(s, other, MUSTER_EUNKNOWN, "who changes what may be changed yet");
    sim_run_for(s, 2000); /* the links are reset */
    changed(s, other, MUSTER_ENOQUORUM, "who changes what nobody was asked for");
    sim_heal(s);
    story_rest(s);
}

static bool all_run(struct sim *s)
{
    uint32_t node = 0;
    uint64_t token = 0;
    for (uint32_t i = 0; i < s->jobs; i++)
        if (!s->job[i].is_deleted_acked && sim_proc_live(s, s->job[i].name, &node, &token) != 1)
            return false;
    return true;
}

static bool all_answered(struct sim *s)
{
    for (uint32_t i = 0; i < s->jobs; i++)
        if (s->job[i].request != 0)
            return false;
    return true;
}

/* R27: room that was offered and never taken is free again. The only slot there is has been asked
 * for by a keeper that did not hear the answer, and its job is deleted. */
void story_slot(struct sim *s)
{
    char name[32];
    uint32_t node = 0, i = 0;
    uint64_t token = 0;
    for (uint32_t k = 0; k < 4; k++)
        s->node[k].slots = 1;
    story_begin(s, 4);
    for (uint32_t k = 0; k < 4; k++) {
        (void)snprintf(name, sizeof name, "holder-%u", k);
        name_put(s, 0, name);
    }
    sim_await(s, 20000, all_run, "every slot is taken");
    (void)sim_proc_live(s, "holder-0", &node, &token);
    (void)sim_op(s, 0, AGENT_OP_JOB_DELETE, "holder-0");
    sim_run_for(s, 3000);
    do
        (void)snprintf(name, sizeof name, "late-%u", i++);
    while (sits(s, node, name));
    uint32_t keeper = story_keeper(s, name);
    sim_cut(s, node, keeper, false);
    name_put(s, keeper, name);
    sim_run_for(s, 400);
    if (sim_proc_live(s, name, &node, &token) != 0)
        sim_fail(s, 2, "slot: it has been placed without an answer");
    (void)sim_op(s, keeper, AGENT_OP_JOB_DELETE, name);
    sim_await(s, 5000, all_answered, "the delete is answered");
    sim_heal(s);
    (void)snprintf(name, sizeof name, "late-%u", i);
    name_put(s, keeper, name);
    sim_await(s, 10000, all_run, "R27: the slot is taken by the next job");
    story_rest(s);
}

static bool is_smaller(const struct sim *s, uint32_t a, uint32_t b)
{
    return muster_id_compare(s->node[a].id, s->node[b].id) < 0;
}

/* 12. A node's disk is replaced, and its address answers under another name before anybody has
 * missed the former: what is meant for the node that was there is not for the one that is (R2). Its
 * keeper has the smaller id, and therefore dials at once. */
void story_target(struct sim *s)
{
    char name[32];
    uint32_t node = 0, keeper = 0;
    uint64_t token = 0;
    s->times = AGENT_PROFILE_WAN;
    story_begin(s, 5);
    for (uint32_t i = 0; i < 8 && !(s->jobs > 0 && is_smaller(s, keeper, node)); i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        name_put(s, 0, name);
        sim_await(s, 20000, all_run, "it runs");
        (void)sim_proc_live(s, name, &node, &token);
        keeper = story_keeper(s, name);
    }
    sim_run_for(s, 2000);
    sim_crash(s, node, false);
    sim_proc_machine_died(s, node); /* and nothing is left of what ran there */
    sim_wipe(s, node);
    s->node[node].name = "replaced";
    sim_boot(s, node);
    sim_run_for(s, 60000);
    story_rest(s);
    s->times = AGENT_PROFILE_LAN;
}

/* R40: a machine sleeps through its lease. Elsewhere the job has been placed anew, and when it
 * wakes nothing of it may go on for a moment. */
void story_sleep(struct sim *s)
{
    uint32_t node = 0, where = 0;
    uint64_t token = 0;
    story_begin(s, 5);
    story_put(s, 0, "job", EXCLUSIVE);
    sim_await(s, 20000, story_one_runs, "it runs");
    sim_run_for(s, 5000);
    (void)sim_proc_live(s, "job", &node, &token);
    sim_sleep(s, node);
    sim_run_for(s, 40000);
    if (sim_proc_live(s, "job", &where, &token) != 2)
        sim_fail(s, 2, "sleep: it is not placed anew");
    sim_wake(s, node);
    sim_run_for(s, 20000);
    story_rest(s);
}

/* 3, R3. A disk is put back as it was before the last boot: what it promised and held since is
 * forgotten, and a keeper with its vote would know nothing of what two had chosen. */
void story_copy(struct sim *s)
{
    struct sim_node image = { 0 };
    story_begin(s, 3);
    story_put(s, 0, "job", EXCLUSIVE);
    sim_await(s, 20000, story_one_runs, "it runs");
    uint32_t keeper = story_keeper(s, "job"), away = (keeper + 1) % 3, copied = (keeper + 2) % 3;
    sim_disk_copy(&s->node[copied], &image);
    sim_crash(s, copied, false);
    sim_boot(s, copied);
    story_rest(s);
    keeper = story_keeper(s, "job");
    if (keeper == copied)
        sim_fail(s, 2, "copy: the keeper has changed before it was meant to");
    away = 3 - keeper - copied;
    sim_cut(s, away, keeper, true);
    sim_cut(s, away, copied, true);
    (void)sim_op(s, keeper, AGENT_OP_JOB_STOP, "job");
    sim_await(s, 20000, story_is_replied, "the stop is answered");
    sim_crash(s, keeper, true);
    sim_crash(s, copied, false);
    sim_disk_wipe(&s->node[copied]);
    sim_disk_copy(&image, &s->node[copied]);
    sim_disk_wipe(&image);
    sim_boot(s, copied);
    sim_heal(s);
    for (uint32_t i = 0; i < 80; i++) {
        sim_run_for(s, 250);
        sim_check_all(s);
    }
    if (!s->node[copied].is_wiped)
        sim_fail(s, 1, "R3: nobody has told it that its disk is from before");
    sim_boot(s, keeper);
    story_rest(s);
    if (story_one_runs(s))
        sim_fail(s, 1, "I1: the stop was acknowledged, and is lost");
}

/* A keeper that knows a newer bench of the bucket than all others: it has just begun to change it.
 */
static bool is_ahead(const struct sim *s, uint32_t node, uint32_t bucket)
{
    uint64_t ours = store_bench_known(store_of(s, node), bucket).packed;
    if (!store_is_serving(store_of(s, node), bucket))
        return false;
    for (uint32_t i = 0; i < s->nodes; i++)
        if (i != node && store_bench_known(store_of(s, i), bucket).packed >= ours)
            return false;
    return true;
}

static bool ahead_find(const struct sim *s, uint32_t *node, uint32_t *bucket)
{
    for (uint32_t i = 0; i < s->nodes * s->buckets; i++) {
        *node = i % s->nodes;
        *bucket = i / s->nodes;
        if (is_ahead(s, *node, *bucket))
            return true;
    }
    return false;
}

/* R23: a keeper stops with a change of the bench that nobody else has seen, and is back when
 * another has begun to keep the bucket by the bench of before. That one has written its bench anew
 * in its own reign: what the first one knows is older than that, and goes. */
void story_unseen(struct sim *s)
{
    uint32_t node = 0, bucket = 0, other = UINT32_MAX;
    story_begin(s, 4);
    sim_crash(s, 3, true);
    sim_run_for(s, 60000);
    sim_boot(s, 3);
    for (uint32_t i = 0; i < 30000 && !ahead_find(s, &node, &bucket); i++)
        sim_run_for(s, 1);
    if (!is_ahead(s, node, bucket))
        sim_fail(s, 1, "nobody changes a bench for a node that is back");
    sim_pause(s, node);
    for (uint32_t i = 0; i < 2000 && other == UINT32_MAX; i++) {
        sim_run_for(s, 10);
        for (uint32_t k = 0; k < s->nodes; k++)
            if (k != node && store_is_serving(store_of(s, k), bucket))
                other = k;
    }
    if (other == UINT32_MAX)
        sim_fail(s, 1, "nobody keeps bucket %u while n%u stands still", bucket, node);
    uint64_t unseen = store_bench_known(store_of(s, node), bucket).packed;
    if (store_bench_known(store_of(s, other), bucket).packed <= unseen)
        sim_fail(s, 1, "n%u keeps bucket %u with a bench older than what n%u knows", other, bucket,
                 node);
    sim_resume(s, node);
    story_rest(s);
}
