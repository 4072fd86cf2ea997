/* SPDX-License-Identifier: Apache-2.0 */
/* Rows beside a job: which there should be, and one write after the other until there are. */
#include "agent/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/family_inside.h"
#include "agent/newsroom.h"
#include "agent/peers.h"
#include "base/hash.h"

#define LOOK_AGAIN_MS 250  /* after a write that could not be made */
#define CLOCK_LOOK_MS 5000 /* the wall clock may be set: nobody sleeps longer than that */

int agent_family_open(struct agent_core *core)
{
    struct agent_family *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->family = t;
    t->capacity = core->config.rows_max;
    t->entry = calloc(t->capacity, sizeof *t->entry);
    t->may = calloc(core->config.members_max, sizeof *t->may);
    if (t->entry == NULL || t->may == NULL)
        return MUSTER_EFULL;
    size_t heap = (size_t)t->capacity * (sizeof(struct muster_heap_entry) + 8) + 4096;
    int err = muster_arena_open(&t->arena, heap);
    if (err == MUSTER_OK)
        err = muster_heap_init(&t->timer, &t->arena, t->capacity);
    if (err == MUSTER_OK)
        err = muster_map_open(&t->map, 64);
    return err;
}

static void job_forget(struct family_job *j)
{
    if (j->key[0] != '\0')
        agent_job_close(&j->job);
    j->key[0] = '\0';
}

void agent_family_close(struct agent_core *core)
{
    if (core->family == NULL)
        return;
    for (uint32_t i = 0; i < FAMILY_JOBS; i++)
        job_forget(&core->family->job[i]);
    muster_map_close(&core->family->map);
    muster_arena_close(&core->family->arena);
    free(core->family->entry);
    free(core->family->may);
    free(core->family);
    core->family = NULL;
}

/* ---- entries: one for each job with rows beside it, in the buckets that we serve */

static struct family_entry *entry_find(const struct agent_family *t, struct muster_bytes job)
{
    uint32_t cursor = 0, index = 0;
    uint64_t hash = muster_hash64(job, 0);
    while (muster_map_find(&t->map, hash, &cursor, &index))
        if (muster_bytes_equal(muster_bytes_text(t->entry[index].key), job))
            return &t->entry[index];
    return NULL;
}

const struct family_entry *family_entry_of(const struct agent_family *t, struct muster_bytes job)
{
    return entry_find(t, job);
}

static void entry_due(struct agent_family *t, const struct family_entry *e, uint64_t at_ms)
{
    uint32_t index = (uint32_t)(e - t->entry);
    if (at_ms == MUSTER_NEVER)
        muster_heap_remove(&t->timer, index);
    else
        muster_heap_set(&t->timer, index, at_ms);
}

static void entry_free(struct agent_family *t, struct family_entry *e)
{
    uint32_t index = (uint32_t)(e - t->entry);
    muster_heap_remove(&t->timer, index);
    muster_map_remove(&t->map, e->hash, index);
    *e = (struct family_entry){ .next_free = t->first_free, .ends.asked = e->ends.asked };
    t->first_free = index + 1;
}

/* That job is looked at in this step. */
static void entry_make(struct agent_core *core, struct muster_bytes job)
{
    struct agent_family *t = core->family;
    struct family_entry *e = entry_find(t, job);
    if (e == NULL && job.len <= STORE_KEY_MAX) {
        if (t->first_free == 0 && t->high == t->capacity)
            return;
        uint32_t index = t->first_free != 0 ? t->first_free - 1 : t->high++;
        e = &t->entry[index];
        t->first_free = t->first_free != 0 ? e->next_free : 0;
        *e = (struct family_entry){ .is_used = true,
                                    .ends.asked = e->ends.asked,
                                    .hash = muster_hash64(job, 0) };
        memcpy(e->key, job.data, job.len);
        e->bucket = store_bucket_of(core->store, job);
        int err = muster_map_put_growing(&t->map, e->hash, index, 2 * t->capacity);
        MUSTER_ASSERT(err == MUSTER_OK);
    }
    if (e != NULL)
        entry_due(t, e, core->now.mono_ms);
}

void agent_family_serving(struct agent_core *core, uint32_t bucket)
{
    struct store_view view;
    uint64_t cursor = 0;
    while (store_bucket_next(core->store, bucket, &cursor, &view))
        if (view.row.kind == STORE_KIND_PARENT || family_is_child(view.row.key))
            entry_make(core, store_key_home(view.row.key));
}

void agent_family_retired(struct agent_core *core, uint32_t bucket)
{
    struct agent_family *t = core->family;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->entry[i].is_used && t->entry[i].bucket == bucket)
            entry_free(t, &t->entry[i]);
}

void agent_family_chosen(struct agent_core *core, struct muster_bytes key)
{
    struct store_view view;
    struct muster_bytes home = store_key_home(key);
    if (!store_is_serving(core->store, store_bucket_of(core->store, key)))
        return;
    bool is_known = entry_find(core->family, home) != NULL;
    bool is_parent = store_get(core->store, home, &view) && view.row.kind == STORE_KIND_PARENT;
    if (is_known || is_parent || family_is_child(key))
        entry_make(core, home);
}

void agent_family_holds(struct agent_core *core)
{
    struct agent_family *t = core->family;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->entry[i].is_used)
            entry_due(t, &t->entry[i], core->now.mono_ms);
}

void agent_family_members(struct agent_core *core)
{
    struct agent_family *t = core->family;
    for (uint32_t i = 0; i < t->high; i++)
        if (t->entry[i].is_used && t->entry[i].is_each)
            entry_due(t, &t->entry[i], core->now.mono_ms);
}

/* ---- one write */

void family_row_add(struct family_look *l, const struct store_row *row, uint64_t expected,
                    bool births)
{
    MUSTER_ASSERT(l->count < FAMILY_ROWS);
    l->row[l->count] = *row;
    l->write[l->count] =
        (struct store_write){ .row = &l->row[l->count], .expected = expected, .births = births };
    l->count++;
}

bool family_is_full(const struct family_look *l)
{
    return l->count == FAMILY_ROWS;
}

/* A row that is to end: as a person's delete would have it. */
void family_row_end(struct agent_core *core, struct family_look *l, const struct store_view *view)
{
    struct store_row row = view->row;
    row.phase = STORE_GONE;
    row.since_wall_ms = core->now.wall_ms;
    row.spec = MUSTER_BYTES(NULL, 0);
    row.reason = MUSTER_BYTES(NULL, 0);
    family_row_add(l, &row, view->version.packed, false);
}

/* ---- children */

bool family_is_child(struct muster_bytes key)
{
    return memchr(key.data, '@', key.len) != NULL && memchr(key.data, '!', key.len) == NULL;
}

bool family_child_after(struct agent_core *core, struct muster_bytes job, struct muster_bytes after,
                        struct store_view *view)
{
    char first[STORE_KEY_MAX + 2];
    if (after.len == 0) {
        int len = snprintf(first, sizeof first, "%.*s@", (int)job.len, (const char *)job.data);
        after = MUSTER_BYTES(first, (size_t)len);
    }
    while (store_after(core->store, after, view)) {
        struct muster_bytes key = view->row.key;
        if (!muster_bytes_starts_with(key, job) || key.len <= job.len || key.data[job.len] != '@')
            return false;
        if (family_is_child(key) && view->row.phase != STORE_GONE)
            return true;
        after = key;
    }
    return false;
}

/* Ends the rows that were born before this life of the job, all when it is gone or has a run of its
 * own now: a job that is made anew may come before the last of its former life are ended. True when
 * none of them is left. */
static bool orphans_end(struct agent_core *core, struct family_look *l, uint64_t life)
{
    struct store_view view;
    struct muster_bytes after = { NULL, 0 };
    bool is_last = true;
    while (family_child_after(core, l->job_key, after, &view)) {
        after = view.row.key;
        if (view.row.uid >= life)
            continue;
        is_last = false;
        if (view.is_chosen && !family_is_full(l))
            family_row_end(core, l, &view);
    }
    return is_last;
}

/* ---- the look */

static void written(struct agent_core *core, struct family_entry *e, struct family_look *l)
{
    int err = l->count > 0 ? store_write(core->store, l->write, l->count) : MUSTER_OK;
    if (err != MUSTER_OK) {
        entry_due(core->family, e, core->now.mono_ms + LOOK_AGAIN_MS);
        return;
    }
    if (l->news[0] != '\0')
        agent_news_add(core, l->news_type, NULL, e->key, 0, "%s", l->news);
    uint64_t wall = agent_wall_ms(core), wait = CLOCK_LOOK_MS;
    if (l->count > 0 || l->wake_wall_ms == MUSTER_NEVER)
        wait = l->count > 0 ? CLOCK_LOOK_MS : MUSTER_NEVER; /* its CHOSEN brings us back */
    else if (l->wake_wall_ms < wall + CLOCK_LOOK_MS)
        wait = l->wake_wall_ms > wall ? l->wake_wall_ms - wall : LOOK_AGAIN_MS;
    entry_due(core->family, e, muster_deadline_after(core->now.mono_ms, wait));
}

/* NULL: it cannot be read. */
static const struct agent_job *job_read(struct agent_family *t, const struct family_entry *e,
                                        const struct store_view *view)
{
    struct family_job *j = &t->job[e->hash % FAMILY_JOBS];
    struct agent_problem problem;
    if (j->version == view->version.packed && strcmp(j->key, e->key) == 0)
        return &j->job;
    job_forget(j);
    if (agent_job_decode(&j->job, view->row.spec, &problem) != MUSTER_OK)
        return NULL;
    memcpy(j->key, e->key, sizeof j->key);
    j->version = view->version.packed;
    return &j->job;
}

static void look(struct agent_core *core, struct family_entry *e)
{
    struct family_look *l = &core->family->look;
    struct store_view view;
    *l = (struct family_look){ .job_key = muster_bytes_text(e->key), .wake_wall_ms = MUSTER_NEVER };
    if (!store_is_serving(core->store, e->bucket)) {
        entry_free(core->family, e);
        return;
    }
    bool is_known = store_get(core->store, l->job_key, &view);
    if (is_known && !view.is_chosen) {
        entry_due(core->family, e, core->now.mono_ms + LOOK_AGAIN_MS);
        return;
    }
    bool lives = is_known && view.row.phase != STORE_GONE && view.row.kind == STORE_KIND_PARENT;
    uint64_t life = lives ? view.row.uid : UINT64_MAX;
    bool is_clear = e->life == life || orphans_end(core, l, life);
    if (!lives && is_clear) {
        entry_free(core->family, e);
        return;
    }
    e->life = is_clear ? life : 0;
    const struct agent_job *job = lives && is_clear ? job_read(core->family, e, &view) : NULL;
    if (job != NULL) {
        e->is_each = job->spread == AGENT_JOB_EACH;
        l->entry = e;
        if (agent_schedule_has(job) || job->after != NULL)
            family_clock(core, l, &view, job);
        else
            family_spread(core, l, &view, job);
    }
    written(core, e, l);
}

void agent_family_tick(struct agent_core *core)
{
    struct agent_family *t = core->family;
    uint32_t index;
    for (uint32_t i = 0; i < FAMILY_LOOKS; i++) {
        if (!muster_heap_take(&t->timer, core->now.mono_ms, &index))
            return;
        look(core, &t->entry[index]);
    }
}

uint64_t agent_family_deadline_ms(const struct agent_core *core)
{
    return muster_heap_first_key(&core->family->timer);
}
