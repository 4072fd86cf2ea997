/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold at every turn (I1 to I6, I8), and what must hold when the world has calmed down.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/sim/sim.h"

static uint32_t job_index(struct sim *s, const char *name)
{
    struct sim_job *j = sim_job_find(s, name);
    if (j == NULL)
        sim_fail(s, 1, "a job nobody made: %s", name);
    return (uint32_t)(j - s->job);
}

/* ---- tokens: I5, I6 */

static struct sim_token *token_of(struct sim *s, uint32_t job, uint64_t token)
{
    for (uint32_t i = s->tokens; i-- > 0;)
        if (s->token[i].token == token && s->token[i].job == job)
            return &s->token[i];
    if (s->tokens == s->tokens_size) {
        s->tokens_size = s->tokens_size > 0 ? 2 * s->tokens_size : 64;
        s->token = realloc(s->token, s->tokens_size * sizeof *s->token);
        MUSTER_ASSERT(s->token != NULL);
    }
    s->token[s->tokens] = (struct sim_token){ .token = token, .job = job };
    return &s->token[s->tokens++];
}

/* I7: true time is the simulator's; no clock of a node has a say here. */
static void overlap_check(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *o = &s->node[i].proc[k];
            if (o->is_used && o->is_live && o->is_exclusive && o != p &&
                strcmp(o->job, p->job) == 0)
                sim_fail(s, 1, "I7: exclusive %s starts on n%u (token %llu) and runs on n%u (%llu)",
                         p->job, node, (unsigned long long)p->token, i,
                         (unsigned long long)o->token);
        }
}

void sim_inv_ended(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    (void)s;
    (void)node;
    (void)p;
}

void sim_inv_started(struct sim *s, uint32_t node, struct sim_proc *p)
{
    const char *job = p->job;
    uint64_t token = p->token;
    uint32_t attempt = p->attempt;
    struct sim_token *t = token_of(s, job_index(s, job), token);
    if (p->is_exclusive)
        overlap_check(s, node, p);
    if (t->is_started && (t->node != node || attempt <= t->attempt))
        sim_fail(s, 1, "I5: token %llu of %s starts twice, on n%u and n%u",
                 (unsigned long long)token, job, t->node, node);
    if (!t->is_right && !sim_truth_may_start(s, t->job, token))
        sim_fail(s, 1, "I6: %s starts on n%u with token %llu, neither chosen nor claimed", job,
                 node, (unsigned long long)token);
    t->is_started = true;
    t->node = node;
    t->attempt = attempt;
}

/* R55: proof of death is about a process that is gone. One that has just come back may still hear
 * of its former life. */
static void proof_check(struct sim *s, uint32_t node, const char *name)
{
    uint32_t dead = (uint32_t)(name[1] - '0');
    bool lives = dead < s->nodes && s->node[dead].is_up && s->now > s->node[dead].up_since + 20000;
    if (name[0] == 'n' && lives)
        sim_fail(s, 1, "R55: n%u says that the process of n%u is gone, and it lives", node, dead);
}

void sim_check_news(struct sim *s, uint32_t node, const struct agent_news *n)
{
    sim_log(s, "n%u news: %s %s %s %llu: %s", node, n->type, n->node, n->job,
            (unsigned long long)n->token, n->text);
    if (strcmp(n->type, "member.dead") == 0 && strstr(n->text, "is gone") != NULL)
        proof_check(s, node, n->node);
}

void sim_check_claimed(struct sim *s, const char *job, uint64_t token)
{
    struct sim_token *t = token_of(s, job_index(s, job), token);
    t->is_right = t->is_claimed = true;
    if (s->job[t->job].is_exclusive)
        sim_fail(s, 1, "R41: exclusive %s is claimed", job);
}

/* R6: a round that was spent for claims writes no rows, or a token would mean two things. */
void sim_check_version(struct sim *s, uint32_t bucket, uint64_t version)
{
    for (uint32_t i = 0; i < s->tokens; i++) {
        const struct sim_token *t = &s->token[i];
        const char *job = s->job[t->job].name;
        if (t->is_claimed && t->token >> 24 == version >> 24 &&
            muster_hash64(muster_bytes_text(job), 0) % SIM_BUCKETS == bucket)
            sim_fail(s, 1, "R6: %s was claimed in reign %llu, and rows are written in it", job,
                     (unsigned long long)(t->token >> 24));
    }
}

/* ---- answers: P1, I9, R19. What was answered must stand on a quorum's disks, and on as many as
 * said. */

static uint32_t copies_said(const struct agent_reply *r)
{
    char body[4096] = "";
    size_t len = r->body.len < sizeof body ? r->body.len : sizeof body - 1;
    memcpy(body, r->body.data, len);
    const char *at = NULL;
    for (const char *next = body; (next = strstr(next, "\"copies\":")) != NULL; next++)
        at = next; /* the last one is the answer's own */
    return at != NULL ? (uint32_t)strtoul(at + 9, NULL, 10) : 0;
}

void sim_inv_reply(struct sim *s, struct sim_job *j, const struct agent_reply *r)
{
    bool creates = j->op == AGENT_OP_JOB_PUT && !j->is_update;
    if (creates && r->err == MUSTER_EEXISTS)
        sim_fail(s, 1, "R19: %s was put by one client only, and is said to exist", j->name);
    if (r->err != MUSTER_OK)
        return;
    uint32_t copies = sim_truth_copies(s, (uint32_t)(j - s->job), j->id), said = copies_said(r);
    if (copies == 0 && !creates && j->op != AGENT_OP_JOB_DELETE)
        return; /* it may have found nothing to change */
    if (copies == 0)
        sim_fail(s, 1, "P1: %s is acknowledged and no quorum has it", j->name);
    if (said == 0 || said > copies)
        sim_fail(s, 1, "P1: %s is acknowledged with %u copies and stands on %u disks", j->name,
                 said, copies);
}

/* What a node thinks of itself is asked whenever its disk has changed, and four times a second. */
static void sanity_check(struct sim *s, uint32_t node)
{
    if (!agent_node_is_sane(s->node[node].node))
        sim_fail(s, 1, "n%u is not sane", node);
}

/* ---- slots: I8 */

static void slots_check(struct sim *s, uint32_t node)
{
    uint32_t live = s->node[node].live;
    if (live > s->node[node].slots)
        sim_fail(s, 1, "I8: n%u runs %u processes on %u slots", node, live, s->node[node].slots);
}

void sim_check_turn(struct sim *s, uint32_t node, const struct agent_event *event)
{
    slots_check(s, node);
    if (event->kind == AGENT_EVENT_COMMITTED)
        sanity_check(s, node);
}

/* ---- keepers and rows: I2, I3 */

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

static void keepers_check(struct sim *s, uint32_t bucket)
{
    struct store_bucket_view v[SIM_NODES];
    for (uint32_t i = 0; i < s->nodes; i++) {
        v[i].role = STORE_NO_SEAT;
        if (!s->node[i].is_up)
            continue;
        store_bucket(store_of(s, i), bucket, &v[i]);
        for (uint32_t k = 0; k < i; k++)
            if (v[i].role == STORE_SERVING && v[k].role == STORE_SERVING &&
                v[i].reign.packed == v[k].reign.packed)
                sim_fail(s, 1, "I2: n%u and n%u serve bucket %u in one reign", k, i, bucket);
    }
}

/* Rows whose newest chosen version is a tombstone may be unknown again: they were purged (R22). */
static void rows_check(struct sim *s, struct sim_job *j)
{
    struct store_view view;
    struct muster_bytes key = muster_bytes_text(j->name);
    for (uint32_t i = 0; i < s->nodes; i++) {
        if (!s->node[i].is_up)
            continue;
        uint32_t bucket = store_bucket_of(store_of(s, i), key);
        if (!store_is_serving(store_of(s, i), bucket))
            continue;
        struct store_bucket_view b;
        store_bucket(store_of(s, i), bucket, &b);
        bool known = store_get(store_of(s, i), key, &view);
        if (b.reign.packed < j->chosen >> 24)
            continue; /* outranked, and not yet aware of it */
        if (!known && j->chosen != 0 && !j->chosen_gone)
            sim_fail(s, 1, "I3: n%u keeps bucket %u and does not know %s", i, bucket, j->name);
        if (known && view.version.packed < j->chosen)
            sim_fail(s, 1, "I3: n%u keeps bucket %u with an older %s", i, bucket, j->name);
    }
}

void sim_check_all(struct sim *s)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up)
            sanity_check(s, i);
    for (uint32_t b = 0; b < SIM_BUCKETS; b++)
        keepers_check(s, b);
    for (uint32_t i = 0; i < s->jobs; i++)
        rows_check(s, &s->job[i]);
}

/* ---- the trace */

static void bench_print(const struct sim *s, const struct store_seat *seat, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = 0;
        while (i < s->nodes && !muster_id_equal(s->node[i].id, seat[k].node))
            i++;
        printf(" n%u.%u", i, seat[k].seat);
    }
}

/* Keepers and benches explain what a trace shows; they are printed only, so that a run with a trace
 * has the same hash as one without. */
void sim_check_trace(struct sim *s, uint32_t node)
{
    static const char *const role[] = { "no seat", "seated", "candidate", "elected", "serving" };
    struct sim_node *n = &s->node[node];
    for (uint32_t b = 0; b < SIM_BUCKETS; b++) {
        struct store_bucket_view v;
        store_bucket(store_of(s, node), b, &v);
        bool same = n->shown[b].role == v.role && n->shown[b].bench == v.bench_version.packed;
        if (same && (v.role < STORE_CANDIDATE || n->shown[b].reign == v.reign.packed))
            continue;
        n->shown[b].role = v.role;
        n->shown[b].reign = v.reign.packed;
        n->shown[b].bench = v.bench_version.packed;
        printf("%9.3f n%u bucket %u: %s as seat %u, promised %u.%u, rows %u, bench %llu:",
               (double)s->now / 1000, node, b, role[v.role], v.seat, store_reign_round(v.reign),
               store_reign_seat(v.reign), v.rows, (unsigned long long)v.bench_version.packed);
        bench_print(s, v.old_seat, v.old_count);
        if (v.new_count > 0)
            printf(" to");
        bench_print(s, v.new_seat, v.new_count);
        printf("\n");
    }
}

/* ---- at rest */

static const char *bucket_unrest(struct sim *s, uint32_t bucket)
{
    uint32_t keepers = 0;
    struct store_bucket_view keeper = { 0 };
    for (uint32_t i = 0; i < s->nodes; i++) {
        struct store_bucket_view v;
        if (!s->node[i].is_up)
            return "a node is down";
        store_bucket(store_of(s, i), bucket, &v);
        if (v.role != STORE_SERVING)
            continue;
        keepers++;
        keeper = v;
    }
    (void)snprintf(s->text, sizeof s->text, "bucket %u has %u keepers", bucket, keepers);
    if (keepers != 1)
        return s->text;
    (void)snprintf(s->text, sizeof s->text, "bucket %u: joint %u, tombstones %u, claims %u", bucket,
                   keeper.new_count, keeper.tombstones, keeper.claims);
    if (keeper.new_count != 0 || keeper.tombstones != 0 || keeper.claims != 0)
        return s->text;
    for (uint32_t k = 0; k < keeper.old_count; k++)
        for (uint32_t i = 0; i < s->nodes; i++) {
            struct store_bucket_view v;
            if (!muster_id_equal(s->node[i].id, keeper.old_seat[k].node))
                continue;
            store_bucket(store_of(s, i), bucket, &v);
            (void)snprintf(s->text, sizeof s->text, "bucket %u: the digest of n%u differs", bucket,
                           i);
            if (v.digest != keeper.digest || v.seat != keeper.old_seat[k].seat)
                return s->text;
        }
    return NULL;
}

static bool row_at_keeper(struct sim *s, const char *job, struct store_view *view)
{
    struct muster_bytes key = muster_bytes_text(job);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up &&
            store_is_serving(store_of(s, i), store_bucket_of(store_of(s, i), key)))
            return store_get(store_of(s, i), key, view);
    return false;
}

static const char *job_unrest(struct sim *s, struct sim_job *j)
{
    struct store_view view;
    uint32_t node = 0;
    uint64_t token = 0;
    bool known = row_at_keeper(s, j->name, &view) && view.row.phase != STORE_GONE;
    uint32_t live = sim_proc_live(s, j->name, &node, &token);
    if (j->is_acked && !j->is_delete_tried && !known)
        sim_fail(s, 1, "I1: acknowledged %s is lost", j->name);
    if (j->is_deleted_acked && known)
        sim_fail(s, 1, "I11: deleted %s is back", j->name);
    if (!known) {
        (void)snprintf(s->text, sizeof s->text, "%s is no job and runs on n%u", j->name, node);
        return live == 0 ? NULL : s->text;
    }
    bool ends = view.row.kind == STORE_KIND_TASK;
    if (ends && (view.row.phase == STORE_DONE || view.row.phase == STORE_FAILED))
        return live == 0 ? NULL : "an ended task runs";
    (void)snprintf(s->text, sizeof s->text, "%s: %u processes (n%u, token %llu), row %d token %llu",
                   j->name, live, node, (unsigned long long)token, (int)view.row.phase,
                   (unsigned long long)view.row.run_token);
    if (view.row.want != STORE_WANT_RUN)
        return live == 0 ? NULL : s->text;
    return live == 1 && token == view.row.run_token ? NULL : s->text;
}

static const char *unrest(struct sim *s)
{
    const char *why = NULL;
    for (uint32_t b = 0; b < SIM_BUCKETS && why == NULL; b++)
        why = bucket_unrest(s, b);
    for (uint32_t i = 0; i < s->jobs && why == NULL; i++)
        why = job_unrest(s, &s->job[i]);
    return why;
}

bool sim_at_rest(struct sim *s)
{
    return unrest(s) == NULL;
}

void sim_check_rest(struct sim *s)
{
    const char *why = unrest(s);
    if (why != NULL)
        sim_fail(s, 2, "not at rest: %s", why);
}
