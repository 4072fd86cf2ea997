/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that start when another has ended: the ends of that one are their ticks. Its keeper is asked
 * once a second for the first end that is later than what was decided on. The runs of a template
 * are kept all over the cluster: every node is asked how those that it keeps stand, and the last of
 * their ends is one when none of them goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/describe.h"
#include "agent/family_inside.h"
#include "agent/peers.h"
#include "agent/requests.h"
#include "agent/triggered.h"

#define ASK_MS      1000
#define ASK_ALL_MS  3000 /* longer than a keeper and then every node may take to answer */
#define ASK_NODE_MS 20   /* for each node that is asked */
#define SECOND_MS   1000ULL

/* ---- the keeper of the job that is waited for */

/* The copies of one tick, or the one run of a job: an end when none of them goes on. */
struct group {
    uint64_t tick_wall_ms, end_wall_ms;
    bool is_some, is_open, is_good;
};

static bool is_wanted(const struct group *g, int32_t after_end)
{
    return after_end == AGENT_JOB_AFTER_ANY || g->is_good == (after_end == AGENT_JOB_AFTER_OK);
}

/* Its end counts when it is the first one after `since` so far. */
static void group_close(const struct group *g, uint64_t since, int32_t after_end, uint64_t *first)
{
    bool is_end = g->is_some && !g->is_open && g->end_wall_ms > since && is_wanted(g, after_end);
    if (is_end && (*first == 0 || g->end_wall_ms < *first))
        *first = g->end_wall_ms;
}

/* What a person has stopped has not ended by itself, and is no end. */
static void group_add(struct group *g, const struct store_view *view)
{
    const struct store_row *row = &view->row;
    bool is_over = row->phase == STORE_DONE || row->phase == STORE_FAILED;
    g->is_open = g->is_open || !view->is_chosen || !is_over || row->run_token != 0;
    g->is_good = (g->is_good || !g->is_some) && row->phase == STORE_DONE;
    g->is_some = true;
    if (row->since_wall_ms > g->end_wall_ms)
        g->end_wall_ms = row->since_wall_ms;
}

static uint64_t end_after(struct agent_core *core, const struct store_view *view, uint64_t since,
                          int32_t after_end)
{
    struct group g = { .is_some = false };
    struct store_view child;
    struct muster_bytes after = { NULL, 0 };
    uint64_t first = 0;
    if (view->row.kind != STORE_KIND_PARENT)
        group_add(&g, view);
    while (family_child_after(core, view->row.key, after, &child)) {
        uint64_t tick = agent_run_name_read(child.row.key).tick_wall_ms;
        after = child.row.key;
        if (tick != g.tick_wall_ms) {
            group_close(&g, since, after_end, &first);
            g = (struct group){ .tick_wall_ms = tick };
        }
        group_add(&g, &child);
    }
    group_close(&g, since, after_end, &first);
    return first;
}

/* [the end or 0, state, is it a template] */
struct muster_bytes agent_family_end(struct agent_core *core, const struct store_view *view,
                                     uint64_t since, int32_t after_end, uint8_t out[64])
{
    struct muster_writer w = muster_writer_over(out, 64);
    struct agent_picture p;
    agent_picture_state(core, view, &p);
    bool is_template = p.is_family && p.family.is_manual;
    muster_write_array(&w, 3);
    muster_write_u64(&w, is_template ? 0 : end_after(core, view, since, after_end));
    muster_write_text(&w, is_template ? "a template" : agent_state_text(p.state));
    muster_write_bool(&w, is_template);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    return muster_writer_bytes(&w);
}

/* ---- the keeper of the job that waits */

static bool end_ask_as(struct agent_core *core, struct family_entry *e, enum agent_op op,
                       const char *job, int32_t after_end)
{
    const struct agent_request q = {
        .op = op, .name = job, .after_index = e->ends.asked_since, .limit = (uint32_t)after_end
    };
    uint64_t index = (uint64_t)(e - core->family->entry);
    e->ends.asked++;
    return agent_requests_inner(core, &q, AGENT_ASKER_FAMILY, (uint64_t)e->ends.asked << 32 | index,
                                0);
}

/* True for a template: then its runs are to be asked for. */
static bool end_told(struct family_ends *ends, const struct agent_reply *r)
{
    struct muster_reader in = muster_reader_over(r->body);
    if (r->err == MUSTER_ENOTFOUND)
        (void)snprintf(ends->state, sizeof ends->state, "not there");
    if (r->err != MUSTER_OK)
        return false;
    char state[sizeof ends->state];
    muster_read_array_of(&in, 3);
    uint64_t end = muster_read_u64(&in);
    muster_read_text(&in, state, sizeof state);
    bool is_template = muster_read_bool(&in);
    if (muster_reader_end(&in) != MUSTER_OK)
        return false;
    ends->end_wall_ms = end;
    ends->is_template = is_template;
    if (!is_template)
        (void)snprintf(ends->state, sizeof ends->state, "%s", state);
    return is_template;
}

static void rest_told(struct agent_core *core, struct family_ends *ends,
                      const struct agent_reply *r)
{
    struct agent_triggered_ends all = { .goes_on = false };
    bool is_told = r->err == MUSTER_OK && agent_triggered_sum(r->body, &all) &&
                   agent_triggered_is_whole(&all, core->config.buckets);
    ends->is_at_rest = is_told && !all.goes_on;
    ends->ok_wall_ms = all.ok_wall_ms;
    ends->fail_wall_ms = all.fail_wall_ms;
    ends->ask_ms = core->now.mono_ms + ASK_MS + (uint64_t)agent_peers_count(core) * ASK_NODE_MS;
    (void)snprintf(ends->state, sizeof ends->state, "a template %s",
                   ends->is_at_rest ? "with nothing that waits or runs"
                   : is_told        ? "with runs that wait or go on"
                                    : "whose runs are not all heard of");
}

void agent_family_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r)
{
    struct agent_family *t = core->family;
    uint64_t index = number & UINT32_MAX;
    struct family_entry *e = index < t->high ? &t->entry[index] : NULL;
    if (e == NULL || !e->is_used || e->ends.asked != number >> 32)
        return;
    enum family_stage stage = e->ends.stage;
    bool is_next = false;
    e->ends.end_wall_ms = 0;
    if (stage == FAMILY_OF_RUNS)
        rest_told(core, &e->ends, r);
    else
        is_next = end_told(&e->ends, r);
    e->ends.stage = is_next ? FAMILY_OF_RUNS_NEXT : FAMILY_OF_JOB;
    if (!is_next)
        e->ends.since = e->ends.asked_since;
    if (is_next || e->ends.end_wall_ms != 0 || e->ends.is_at_rest)
        muster_heap_set(&t->timer, (uint32_t)index, core->now.mono_ms);
}

static void end_ask(struct agent_core *core, struct family_entry *e, const struct agent_job *job,
                    uint64_t since)
{
    if (e->ends.stage == FAMILY_OF_RUNS_NEXT && e->ends.asked_since == since) {
        e->ends.stage = FAMILY_OF_RUNS;
        (void)end_ask_as(core, e, AGENT_OP_RUN_ENDS, job->after, 0);
        return;
    }
    if (core->now.mono_ms < e->ends.ask_ms && e->ends.asked_since == since)
        return;
    e->ends.stage = FAMILY_OF_JOB;
    e->ends.is_at_rest = false;
    e->ends.asked_since = since;
    e->ends.ask_ms = core->now.mono_ms + (e->ends.is_template ? ASK_ALL_MS : ASK_MS);
    (void)end_ask_as(core, e, AGENT_OP_JOB_ENDS, job->after, job->after_end);
}

uint64_t family_after_since(const struct store_row *row)
{
    return row->tick_wall_ms > row->since_wall_ms ? row->tick_wall_ms : row->since_wall_ms;
}

void family_after_plan(struct agent_core *core, struct family_look *l, const struct store_row *row,
                       const struct agent_job *job, struct agent_plan *plan)
{
    struct family_entry *e = l->entry;
    uint64_t since = family_after_since(row);
    *plan = (struct agent_plan){ .last_ms = since, .next_ms = agent_wall_ms(core) + ASK_MS };
    uint64_t ok = e->ends.ok_wall_ms, fail = e->ends.fail_wall_ms, last = ok > fail ? ok : fail;
    bool is_rest = e->ends.since == since && e->ends.is_template && e->ends.is_at_rest;
    if (is_rest && last > since) {
        bool has_failed = fail > since;
        plan->last_ms = last;
        if (job->after_end == AGENT_JOB_AFTER_ANY ||
            has_failed == (job->after_end == AGENT_JOB_AFTER_FAIL))
            plan->run[plan->runs++] = last - last % SECOND_MS;
    } else if (e->ends.since == since && e->ends.end_wall_ms > since) {
        plan->last_ms = e->ends.end_wall_ms;
        plan->run[plan->runs++] = plan->last_ms - plan->last_ms % SECOND_MS;
    } else {
        end_ask(core, e, job, since);
    }
}

void family_after_text(const struct agent_job *job, const struct family_entry *e, char *out,
                       size_t size)
{
    static const char *const wish[] = { [AGENT_JOB_AFTER_OK] = "to end well",
                                        [AGENT_JOB_AFTER_FAIL] = "to fail",
                                        [AGENT_JOB_AFTER_ANY] = "to end" };
    bool is_told = e != NULL && e->ends.state[0] != '\0';
    (void)snprintf(out, size, "waits for %s %s%s%s", job->after, wish[job->after_end],
                   is_told ? "; that is " : "", is_told ? e->ends.state : "");
}

/* A job that waits for itself, over whatever others, would never start; as far as this node knows
 * them. */
bool agent_family_circle(struct agent_core *core, const struct agent_job *job, char *out,
                         size_t size)
{
    char name[AGENT_NAME_MAX + 1];
    size_t at = (size_t)snprintf(out, size, "%s", job->name);
    (void)snprintf(name, sizeof name, "%s", job->after);
    for (int i = 0; i < FAMILY_CHAIN; i++) {
        struct store_view view;
        struct agent_job next;
        struct agent_problem problem;
        at += at < size ? (size_t)snprintf(out + at, size - at, " after %s", name) : 0;
        if (strcmp(name, job->name) == 0)
            return true;
        if (!store_get(core->store, muster_bytes_text(name), &view) ||
            view.row.phase == STORE_GONE ||
            agent_job_decode(&next, view.row.spec, &problem) != MUSTER_OK)
            return false;
        (void)snprintf(name, sizeof name, "%s", next.after != NULL ? next.after : "");
        agent_job_close(&next);
        if (name[0] == '\0')
            return false;
    }
    return false;
}
