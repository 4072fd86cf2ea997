/* SPDX-License-Identifier: Apache-2.0 */
/* Templates with runs here: asked for, and their runs walked over. */
#include "agent/triggered.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job.h"
#include "agent/message.h"
#include "agent/peers.h"
#include "agent/requests.h"
#include "agent/run_id.h"
#include "agent/run_name.h"
#include "agent/serve_inside.h"
#include "agent/template.h"
#include "base/hash.h"
#include "base/heap.h"

#define LOOK_MS      5000  /* from one question for a template to the next */
#define FIRST_MS     50    /* to the question for a new one: from it its keeper knows of runs */
#define SOON_MS      1000  /* when its runs are on their way out, or it could not be asked for */
#define ALWAYS_MS    60000 /* its runs grow old without anything happening */
#define ASKED_MS     20000 /* longer than a request can take */
#define WALK_ROWS    256   /* of one step */
#define WALK_MS      2     /* between steps */
#define WALK_WAIT_MS 20    /* until writes that are under way have made room */
#define WALK_SHARE   20    /* rows for each millisecond until the next walk */
#define DOUBT_MS     5000  /* nothing is placed so long, if its keeper says nothing */
#define KEEP_MAX     10000 /* as the fields of `keep` allow */

struct entry {
    bool is_used, is_known, is_dirty, is_due;
    uint32_t next_free; /* index + 1; 0: none */
    uint32_t asked;     /* how often its template was asked for */
    uint64_t hash, walked_ms;
    uint64_t stays_ms; /* others keep runs of it: known until then, whether we do or not */
    uint64_t doubt_ms; /* until then: it has changed, and its keeper is being asked; 0: no doubt */
    uint32_t keep_ok, keep_fail;
    bool goes_on; /* as last counted, with the latest ends */
    uint64_t ok_wall_ms, fail_wall_ms;
    struct agent_template_rule rule;
    char job[STORE_KEY_MAX + 1];
};

/* The ages of the latest that have ended, in a ring. */
struct latest {
    uint64_t *age;
    uint64_t count;
};

/* One at a time: first all ended runs are counted, then each is looked at. */
struct walk {
    struct entry *e; /* NULL: none */
    bool is_counting, has_rows;
    uint32_t rows;
    uint64_t next_ms;
    struct latest ok, fail;
    size_t cursor_len, prefix_len;
    char cursor[STORE_KEY_MAX + 2];
};

struct agent_triggered {
    struct entry *entry;
    uint32_t high, first_free, max;
    struct muster_map map; /* hash of a template's name -> entry */
    struct muster_arena arena;
    struct muster_heap timer;
    struct walk walk;
    bool is_short; /* there was no room for a template */
    bool is_less;  /* a bucket is not ours any more: what was counted is no longer so */
};

int agent_triggered_open(struct agent_core *core)
{
    struct agent_triggered *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->triggered = t;
    t->max =
        core->config.rows_max < AGENT_TRIGGERED_MAX ? core->config.rows_max : AGENT_TRIGGERED_MAX;
    t->entry = calloc(t->max, sizeof *t->entry);
    t->walk.ok.age = calloc(KEEP_MAX, sizeof *t->walk.ok.age);
    t->walk.fail.age = calloc(KEEP_MAX, sizeof *t->walk.fail.age);
    if (t->entry == NULL || t->walk.ok.age == NULL || t->walk.fail.age == NULL)
        return MUSTER_EFULL;
    size_t heap = (size_t)t->max * (sizeof(struct muster_heap_entry) + 8) + 4096;
    int err = muster_arena_open(&t->arena, heap);
    if (err == MUSTER_OK)
        err = muster_heap_init(&t->timer, &t->arena, t->max);
    if (err == MUSTER_OK)
        err = muster_map_open(&t->map, 64);
    return err;
}

void agent_triggered_close(struct agent_core *core)
{
    struct agent_triggered *t = core->triggered;
    if (t == NULL)
        return;
    muster_map_close(&t->map);
    muster_arena_close(&t->arena);
    free(t->entry);
    free(t->walk.ok.age);
    free(t->walk.fail.age);
    free(t);
    core->triggered = NULL;
}

/* ---- entries */

static struct entry *entry_find(const struct agent_triggered *t, struct muster_bytes job)
{
    uint32_t cursor = 0, index = 0;
    uint64_t hash = muster_hash64(job, 0);
    while (muster_map_find(&t->map, hash, &cursor, &index))
        if (muster_bytes_equal(muster_bytes_text(t->entry[index].job), job))
            return &t->entry[index];
    return NULL;
}

static void entry_due(struct agent_core *core, const struct entry *e, uint64_t wait_ms)
{
    muster_heap_set(&core->triggered->timer, (uint32_t)(e - core->triggered->entry),
                    core->now.mono_ms + wait_ms);
}

static void entry_free(struct agent_triggered *t, struct entry *e)
{
    uint32_t index = (uint32_t)(e - t->entry), asked = e->asked;
    muster_heap_remove(&t->timer, index);
    muster_map_remove(&t->map, e->hash, index);
    *e = (struct entry){ .next_free = t->first_free, .asked = asked };
    t->first_free = index + 1;
}

/* NULL: there is no room for one. */
static struct entry *entry_make(struct agent_core *core, struct muster_bytes job, uint64_t wait_ms)
{
    struct agent_triggered *t = core->triggered;
    struct entry *e = entry_find(t, job);
    if (e != NULL)
        return e;
    if (job.len > STORE_KEY_MAX || (t->first_free == 0 && t->high == t->max)) {
        t->is_short = true;
        return NULL;
    }
    uint32_t index = t->first_free != 0 ? t->first_free - 1 : t->high++;
    e = &t->entry[index];
    t->first_free = t->first_free != 0 ? e->next_free : 0;
    *e = (struct entry){ .is_used = true, .asked = e->asked, .hash = muster_hash64(job, 0) };
    memcpy(e->job, job.data, job.len);
    int err = muster_map_put_growing(&t->map, e->hash, index, 2 * t->max);
    MUSTER_ASSERT(err == MUSTER_OK);
    entry_due(core, e, wait_ms);
    return e;
}

static void run_take(struct agent_core *core, struct muster_bytes run, uint64_t wait_ms)
{
    struct entry *e = entry_make(core, agent_run_name_read(run).job, wait_ms);
    if (e != NULL)
        e->is_dirty = true;
}

static bool is_run(struct muster_bytes key)
{
    return memchr(key.data, ':', key.len) != NULL && memchr(key.data, '!', key.len) == NULL &&
           agent_run_name_read(key).id.len > 0;
}

/* Whoever keeps runs of it and was not told asks within LOOK_MS. */
static void others_tell(struct agent_core *core, struct muster_bytes job)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (p->is_self || !agent_peer_is_linked(core, p))
            continue;
        struct muster_writer w = agent_frame(core);
        agent_write_head(&w, AGENT_MSG_TEMPLATE, 1);
        muster_write_str(&w, job);
        (void)agent_frame_send(core, p->id, &w);
    }
}

/* What we were told before, and what we have asked before, may be old. */
static void entry_doubt(struct agent_core *core, struct entry *e)
{
    e->asked++;
    e->is_due = false;
    e->doubt_ms = core->now.mono_ms + DOUBT_MS;
    entry_due(core, e, 0);
}

void agent_triggered_changed(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes job = muster_read_bytes(r, STORE_KEY_MAX);
    struct entry *e = muster_reader_ok(r) ? entry_find(core->triggered, job) : NULL;
    if (e != NULL)
        entry_doubt(core, e);
}

void agent_triggered_asked(struct agent_core *core, struct muster_bytes job)
{
    struct entry *e = entry_make(core, job, LOOK_MS);
    if (e != NULL)
        e->stays_ms = core->now.mono_ms + ALWAYS_MS;
}

void agent_triggered_chosen(struct agent_core *core, struct muster_bytes key)
{
    bool is_serving = store_is_serving(core->store, store_bucket_of(core->store, key));
    struct entry *e = entry_find(core->triggered, key);
    if (e != NULL) { /* the template itself */
        entry_doubt(core, e);
        if (is_serving)
            others_tell(core, key);
    }
    if (is_run(key) && is_serving)
        run_take(core, key, FIRST_MS);
}

void agent_triggered_serving(struct agent_core *core, uint32_t bucket)
{
    struct store_view view;
    uint64_t cursor = 0;
    while (store_bucket_next(core->store, bucket, &cursor, &view))
        if (is_run(view.row.key))
            run_take(core, view.row.key, LOOK_MS);
}

void agent_triggered_retired(struct agent_core *core)
{
    core->triggered->is_less = true;
}

static void all_again(struct agent_triggered *t)
{
    for (uint32_t i = 0; i < t->high; i++)
        t->entry[i].is_dirty = t->entry[i].is_dirty || t->entry[i].is_used;
    t->is_less = false;
}

/* ---- the template */

static void template_ask(struct agent_core *core, struct entry *e)
{
    const struct agent_request q = { .op = AGENT_OP_TEMPLATE, .name = e->job };
    uint64_t index = (uint64_t)(e - core->triggered->entry);
    e->asked++;
    bool is_asked =
        agent_requests_inner(core, &q, AGENT_ASKER_TRIGGERED, (uint64_t)e->asked << 32 | index, 0);
    entry_due(core, e, is_asked ? ASKED_MS : SOON_MS);
}

/* False when nothing is said of it. */
static bool template_take(struct entry *e, const struct agent_reply *r, bool *is_other)
{
    struct agent_template t;
    struct agent_job job;
    struct agent_problem problem;
    if (r->err == MUSTER_ENOTFOUND) {
        *is_other = !e->rule.is_gone;
        e->rule.is_gone = e->is_dirty = true;
        return true;
    }
    if (r->err != MUSTER_OK || !agent_template_read(&t, r->body) ||
        agent_job_decode(&job, t.spec, &problem) != MUSTER_OK)
        return false;
    const struct agent_template_rule rule = { .uid = t.uid,
                                              .want = t.want,
                                              .keep_age_ms = job.keep_age_ms,
                                              .ok_from = e->rule.ok_from,
                                              .fail_from = e->rule.fail_from };
    bool is_same = e->is_known && !e->rule.is_gone && e->rule.uid == rule.uid &&
                   e->rule.want == rule.want && e->rule.keep_age_ms == rule.keep_age_ms &&
                   e->keep_ok == job.keep_ok && e->keep_fail == job.keep_fail;
    e->rule = rule;
    e->keep_ok = job.keep_ok < KEEP_MAX ? job.keep_ok : KEEP_MAX;
    e->keep_fail = job.keep_fail < KEEP_MAX ? job.keep_fail : KEEP_MAX;
    e->is_known = true;
    e->is_dirty = e->is_dirty || !is_same;
    *is_other = !is_same;
    agent_job_close(&job);
    return true;
}

/* ---- the walk */

static void walk_rewind(struct walk *w)
{
    int len = snprintf(w->cursor, sizeof w->cursor, "%s:", w->e->job);
    w->prefix_len = w->cursor_len = (size_t)len;
}

static void walk_begin(struct agent_core *core, struct entry *e)
{
    struct walk *w = &core->triggered->walk;
    *w = (struct walk){ .e = e,
                        .is_counting = true,
                        .next_ms = core->now.mono_ms,
                        .ok = { w->ok.age, 0 },
                        .fail = { w->fail.age, 0 } };
    e->is_due = e->is_dirty = e->goes_on = false;
    walk_rewind(w);
}

static void walk_end(struct agent_core *core)
{
    struct walk *w = &core->triggered->walk;
    struct entry *e = w->e;
    w->e = NULL;
    e->walked_ms = core->now.mono_ms;
    if (!w->has_rows && !e->is_dirty && core->now.mono_ms >= e->stays_ms)
        entry_free(core->triggered, e);
    else
        entry_due(core, e, e->rule.is_gone ? SOON_MS : LOOK_MS + w->rows / WALK_SHARE);
}

static void latest_add(struct latest *l, uint32_t keep, uint64_t age)
{
    if (keep > 0)
        l->age[l->count % keep] = age;
    l->count++;
}

/* The age of the oldest that is kept. */
static uint64_t latest_from(const struct latest *l, uint32_t keep)
{
    if (keep == 0)
        return UINT64_MAX;
    return l->count > keep ? l->age[l->count % keep] : 0;
}

/* What a person has stopped has not ended by itself, and is no end. */
static void end_count(struct entry *e, const struct store_view *view)
{
    const struct store_row *row = &view->row;
    uint64_t *end = row->phase == STORE_DONE ? &e->ok_wall_ms : &e->fail_wall_ms;
    if (!view->is_chosen || !agent_template_is_over(row))
        e->goes_on = true;
    else if (row->phase != STORE_HELD && row->since_wall_ms > *end)
        *end = row->since_wall_ms;
}

static void row_count(const struct agent_core *core, struct walk *w, const struct store_view *view)
{
    const struct store_row *row = &view->row;
    struct muster_bytes id = agent_run_name_read(row->key).id;
    if (store_is_serving(core->store, view->bucket))
        end_count(w->e, view);
    w->rows++;
    if (!agent_template_is_over(row) || agent_run_id_has_key(id))
        return;
    if (row->phase == STORE_DONE)
        latest_add(&w->ok, w->e->keep_ok, agent_run_id_age(id));
    else
        latest_add(&w->fail, w->e->keep_fail, agent_run_id_age(id));
}

/* False when it has to be looked at again, later. */
static bool row_judge(struct agent_core *core, struct walk *w, const struct store_view *view)
{
    struct store_row row = view->row;
    if (!store_is_serving(core->store, view->bucket))
        return true;
    w->has_rows = true;
    if (!view->is_chosen) {
        w->e->is_dirty = true; /* with the next walk */
        return true;
    }
    enum agent_fate fate = agent_template_fate(&w->e->rule, &row, core->now.wall_ms);
    if (fate == AGENT_FATE_NONE)
        return true;
    if (store_is_busy(core->store))
        return false;
    agent_template_apply(&row, fate, core->now.wall_ms);
    const struct store_write write = { .row = &row, .expected = view->version.packed };
    int err = store_write(core->store, &write, 1);
    return err != MUSTER_EFULL && err != MUSTER_EBUSY;
}

static void phase_end(struct agent_core *core)
{
    struct walk *w = &core->triggered->walk;
    if (!w->is_counting) {
        walk_end(core);
        return;
    }
    w->is_counting = false;
    w->e->rule.ok_from = latest_from(&w->ok, w->e->keep_ok);
    w->e->rule.fail_from = latest_from(&w->fail, w->e->keep_fail);
    walk_rewind(w);
}

static void walk_step(struct agent_core *core)
{
    struct walk *w = &core->triggered->walk;
    struct store_view view;
    w->next_ms = core->now.mono_ms + WALK_MS;
    if (core->now.mono_ms < w->e->doubt_ms)
        return;
    for (uint32_t i = 0; i < WALK_ROWS && w->e != NULL; i++) {
        struct muster_bytes after = MUSTER_BYTES(w->cursor, w->cursor_len);
        if (!store_after(core->store, after, &view) ||
            !muster_bytes_starts_with(view.row.key, MUSTER_BYTES(w->cursor, w->prefix_len))) {
            phase_end(core);
            continue;
        }
        char key[STORE_KEY_MAX];
        size_t len = view.row.key.len;
        memcpy(key, view.row.key.data, len);
        bool is_one = is_run(view.row.key) && view.row.phase != STORE_GONE;
        if (is_one && w->is_counting)
            row_count(core, w, &view);
        else if (is_one && !row_judge(core, w, &view)) {
            w->next_ms = core->now.mono_ms + WALK_WAIT_MS;
            return;
        }
        memcpy(w->cursor, key, len);
        w->cursor_len = len;
    }
}

void agent_triggered_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r)
{
    struct agent_triggered *t = core->triggered;
    uint64_t index = number & UINT32_MAX;
    struct entry *e = index < t->high ? &t->entry[index] : NULL;
    bool is_other = false;
    if (e == NULL || !e->is_used || e->asked != number >> 32)
        return;
    if (!template_take(e, r, &is_other)) {
        entry_due(core, e, SOON_MS);
        return;
    }
    e->doubt_ms = 0;
    if (e == t->walk.e) {
        if (is_other)
            walk_begin(core, e);
        return;
    }
    e->is_due = e->is_dirty || core->now.mono_ms >= e->walked_ms + ALWAYS_MS;
    entry_due(core, e, e->is_due ? 0 : LOOK_MS);
}

bool agent_triggered_bars(const struct agent_core *core, const struct store_row *row)
{
    if (!is_run(row->key))
        return false;
    const struct entry *e = entry_find(core->triggered, agent_run_name_read(row->key).job);
    if (e == NULL)
        return false;
    if (core->now.mono_ms < e->doubt_ms)
        return true;
    enum agent_fate fate = agent_template_fate(&e->rule, row, core->now.wall_ms);
    return fate != AGENT_FATE_NONE && fate != AGENT_FATE_RUN;
}

/* ---- for who starts after them */

void agent_triggered_ends(const struct agent_core *core, struct muster_bytes job,
                          struct agent_triggered_ends *out)
{
    const struct agent_triggered *t = core->triggered;
    const struct entry *e = entry_find(t, job);
    *out = (struct agent_triggered_ends){ .goes_on = e == NULL && t->is_short };
    for (uint32_t b = 0; b < core->config.buckets; b++)
        if (store_is_serving(core->store, b))
            out->kept[b / 8] |= (uint8_t)(1u << b % 8);
    if (e == NULL)
        return;
    out->goes_on = e->goes_on || e->is_dirty || e->walked_ms == 0 || e == t->walk.e;
    out->ok_wall_ms = e->ok_wall_ms;
    out->fail_wall_ms = e->fail_wall_ms;
}

/* [buckets, goes on, ok, fail] */
void agent_triggered_serve(struct agent_core *core, const struct serve_ask *ask)
{
    struct agent_triggered_ends ends;
    uint8_t buffer[sizeof ends + 32];
    struct muster_writer w = muster_writer_over(buffer, sizeof buffer);
    agent_triggered_ends(core, muster_bytes_text(ask->q->name), &ends);
    muster_write_array(&w, 4);
    muster_write_bytes(&w, MUSTER_BYTES(ends.kept, sizeof ends.kept));
    muster_write_bool(&w, ends.goes_on);
    muster_write_u64(&w, ends.ok_wall_ms);
    muster_write_u64(&w, ends.fail_wall_ms);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    serve_row(core, ask, muster_writer_bytes(&w));
}

bool agent_triggered_sum(struct muster_bytes said, struct agent_triggered_ends *sum)
{
    struct muster_reader r = muster_reader_over(said);
    *sum = (struct agent_triggered_ends){ .goes_on = false };
    while (muster_reader_ok(&r) && muster_reader_left(&r) > 0) {
        muster_read_array_of(&r, 4);
        struct muster_bytes kept = muster_read_bytes(&r, sizeof sum->kept);
        bool goes_on = muster_read_bool(&r);
        uint64_t ok = muster_read_u64(&r), fail = muster_read_u64(&r);
        if (!muster_reader_ok(&r) || kept.len != sizeof sum->kept)
            return false;
        for (size_t i = 0; i < kept.len; i++)
            sum->kept[i] |= kept.data[i];
        sum->goes_on = sum->goes_on || goes_on;
        sum->ok_wall_ms = ok > sum->ok_wall_ms ? ok : sum->ok_wall_ms;
        sum->fail_wall_ms = fail > sum->fail_wall_ms ? fail : sum->fail_wall_ms;
    }
    return muster_reader_ok(&r);
}

bool agent_triggered_is_whole(const struct agent_triggered_ends *sum, uint32_t buckets)
{
    for (uint32_t b = 0; b < buckets; b++)
        if ((sum->kept[b / 8] >> b % 8 & 1) == 0)
            return false;
    return true;
}

/* ---- time */

void agent_triggered_tick(struct agent_core *core)
{
    struct agent_triggered *t = core->triggered;
    uint32_t index = 0;
    if (t->is_less)
        all_again(t);
    if (t->walk.e != NULL && muster_deadline_reached(t->walk.next_ms, core->now.mono_ms))
        walk_step(core);
    for (uint32_t i = 0; i < WALK_ROWS && muster_heap_take(&t->timer, core->now.mono_ms, &index);
         i++) {
        struct entry *e = &t->entry[index];
        if (!e->is_due)
            template_ask(core, e); /* also of one that is walked over: it may have changed */
        else if (t->walk.e == NULL)
            walk_begin(core, e);
        else
            entry_due(core, e, SOON_MS); /* one after the other */
    }
}

uint64_t agent_triggered_deadline_ms(const struct agent_core *core)
{
    const struct agent_triggered *t = core->triggered;
    uint64_t next = muster_heap_first_key(&t->timer);
    return t->walk.e != NULL ? muster_deadline_sooner(next, t->walk.next_ms) : next;
}
