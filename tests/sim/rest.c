/* SPDX-License-Identifier: Apache-2.0 */
/* At rest: when the world has calmed down there is one keeper a bucket, and everything is as it was
 * promised. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/inv.h"

#define TICK_MS 5000 /* as those of the swarm */
#define LATE_MS 2500 /* a clock is that much behind, and it takes a moment */

static const struct store *store_of(const struct sim *s, uint32_t node)
{
    return agent_node_store(s->node[node].node);
}

static const char *said(struct sim *s, const char *format, ...) MUSTER_PRINTF(2, 3);

static const char *said(struct sim *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(s->text, sizeof s->text, format, args);
    va_end(args);
    return s->text;
}

/* Every member of the keeper's bench holds what it holds. */
static const char *bench_unrest(struct sim *s, uint32_t bucket,
                                const struct store_bucket_view *keeper)
{
    for (uint32_t k = 0; k < keeper->old_count; k++)
        for (uint32_t i = 0; i < s->nodes; i++) {
            struct store_bucket_view v;
            if (!muster_id_equal(s->node[i].id, keeper->old_seat[k].node))
                continue;
            store_bucket(store_of(s, i), bucket, &v);
            if (v.digest != keeper->digest || v.seat != keeper->old_seat[k].seat)
                return said(s, "bucket %u: the digest of n%u differs", bucket, i);
            if (v.claims != 0)
                return said(s, "bucket %u: n%u still tells of claims", bucket, i);
        }
    return NULL;
}

/* Where a clock ticks, rows that have ended go all the time. */
static bool has_ticks(const struct sim *s, uint32_t bucket)
{
    for (uint32_t i = 0; i < s->children; i++)
        if (s->job[SIM_JOBS + SIM_LEFT + i].bucket == bucket)
            return true;
    return false;
}

static const char *bucket_unrest(struct sim *s, uint32_t bucket)
{
    uint32_t keepers = 0, keeper = 0;
    struct store_bucket_view v;
    for (uint32_t i = 0; i < s->nodes; i++) {
        if (!s->node[i].is_up)
            return "a node is down";
        if (store_reign_served(store_of(s, i), bucket).packed == 0)
            continue;
        keepers++;
        keeper = i;
    }
    if (keepers != 1)
        return said(s, "bucket %u has %u keepers", bucket, keepers);
    store_bucket(store_of(s, keeper), bucket, &v);
    if (v.new_count != 0 || v.claims != 0 || (v.tombstones != 0 && !has_ticks(s, bucket)))
        return said(s, "bucket %u: joint %u, tombstones %u, claims %u", bucket, v.new_count,
                    v.tombstones, v.claims);
    return bench_unrest(s, bucket, &v);
}

static bool row_at_keeper(struct sim *s, const struct sim_job *j, struct store_view *view)
{
    struct muster_bytes key = muster_bytes_text(j->name);
    for (uint32_t i = 0; i < s->nodes; i++)
        if (s->node[i].is_up && store_is_serving(store_of(s, i), j->bucket))
            return store_get(store_of(s, i), key, view);
    return false;
}

/* Its own runs are rows beside it: both copies run, and the last tick is not long ago. */
static const char *parent_unrest(struct sim *s, const struct sim_job *j,
                                 const struct store_row *row)
{
    uint32_t live = 0, node = 0;
    uint64_t token = 0, wall = SIM_WALL_BASE + s->now;
    if (row->want != STORE_WANT_RUN)
        return NULL;
    for (uint32_t i = 0; i < s->children; i++) {
        const struct sim_job *child = &s->job[SIM_JOBS + SIM_LEFT + i];
        if (sim_job_parent(s, child) == j)
            live += sim_proc_live(s, child->name, &node, &token);
    }
    bool is_ticking = memmem(row->spec.data, row->spec.len, "every", 5) != NULL;
    if (!is_ticking && live != 2 && s->jobs_max != 0)
        return said(s, "%u copies of %s run", live, j->name);
    /* Made or decided by a clock that was ahead, it goes on when that time has come. */
    bool is_told = s->fault_count[SIM_WALL_STEP] == 0 && s->jobs_max != 0;
    if (is_ticking && is_told && row->tick_wall_ms + TICK_MS + LATE_MS < wall)
        return said(s, "%s has not ticked since %llu", j->name,
                    (unsigned long long)row->tick_wall_ms);
    return NULL;
}

/* A row beside a job was born in the present life of that: uids of a bucket rise. */
static bool is_leftover(struct sim *s, const struct sim_job *j, const struct store_row *row)
{
    const struct sim_job *parent = sim_job_parent(s, j);
    struct store_view view;
    return parent != NULL && parent->bucket == j->bucket && row_at_keeper(s, parent, &view) &&
           view.row.phase != STORE_GONE && row->uid < view.row.uid;
}

static const char *job_unrest(struct sim *s, struct sim_job *j)
{
    struct store_view view;
    uint32_t node = 0;
    uint64_t token = 0;
    bool known = row_at_keeper(s, j, &view) && view.row.phase != STORE_GONE;
    uint32_t live = sim_proc_live(s, j->name, &node, &token);
    if (j->is_acked && !j->is_delete_tried && !known && !sim_truth_may_forget(s, j))
        sim_fail(s, 1, "I1: acknowledged %s is lost", j->name);
    if (j->is_deleted_acked && j->unseen == 0 && known)
        sim_fail(s, 1, "I11: deleted %s is back", j->name);
    if (!known)
        return live == 0 ? NULL : said(s, "%s is no job and runs on n%u", j->name, node);
    const struct sim_job *parent = sim_job_parent(s, j);
    if (parent != NULL && parent->chosen_gone)
        return said(s, "%s is left without its job", j->name);
    if (is_leftover(s, j, &view.row))
        return said(s, "%s is of a former life of its job", j->name);
    if (view.row.kind == STORE_KIND_PARENT)
        return live == 0 ? parent_unrest(s, j, &view.row) : "a job runs beside its copies";
    bool is_done = view.row.kind == STORE_KIND_TASK && view.row.phase == STORE_DONE;
    if (is_done || view.row.phase == STORE_FAILED) /* a service too: its nodes kept dying */
        return live == 0 ? NULL : "what has ended runs";
    /* What is held keeps what it has, if it has a run. */
    bool runs = view.row.want == STORE_WANT_RUN ||
                (view.row.want == STORE_WANT_HOLD && view.row.phase == STORE_PLACED);
    /* Of a group as many run as may, and the others wait for their turn. */
    bool is_capped = j->cap != 0 && view.row.want == STORE_WANT_RUN && live == 0;
    if (is_capped && view.row.phase == STORE_WAITING && sim_group_runs(s) >= j->cap)
        return NULL;
    if (view.row.handoff != STORE_HANDOFF_NONE)
        return said(s, "%s has a second run", j->name);
    if (runs && live == 1 && view.row.phase == STORE_WAITING)
        return said(s, "%s is to be replaced", j->name);
    bool is_right = runs ? live == 1 && token == view.row.run_token : live == 0;
    return is_right ? NULL
                    : said(s, "%s: %u processes (n%u, token %llu), row %d token %llu", j->name,
                           live, node, (unsigned long long)token, (int)view.row.phase,
                           (unsigned long long)view.row.run_token);
}

static const char *unrest(struct sim *s)
{
    const char *why = NULL;
    for (uint32_t b = 0; b < s->buckets && why == NULL; b++)
        why = bucket_unrest(s, b);
    for (uint32_t i = 0; i < s->nodes && why == NULL; i++)
        why = sim_holds_any(s, i) ? said(s, "n%u holds everything", i) : NULL;
    for (uint32_t i = 0; i < sim_jobs_all(s) && why == NULL; i++)
        why = job_unrest(s, sim_job_at(s, i));
    if (why == NULL)
        why = sim_payload_unrest(s);
    return why == NULL && sim_clients_wait(s) ? "a client has no answer" : why;
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
