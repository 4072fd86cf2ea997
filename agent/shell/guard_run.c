/* SPDX-License-Identifier: Apache-2.0 */
/* The table of runs: who is known, what is told of them, and when they are let go. */
#include "agent/shell/guard_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

struct shell_run *shell_run_add(struct shell_guards *g, uint64_t handle)
{
    if (g->count == SHELL_GUARDS_MAX)
        return NULL;
    struct shell_run *r = calloc(1, sizeof(*r));
    if (r == NULL ||
        muster_map_put_growing(&g->by_handle, handle, g->count, SHELL_GUARDS_MAX) != MUSTER_OK) {
        free(r);
        return NULL;
    }
    r->guards = g;
    r->handle = handle;
    r->place = g->count;
    r->fd = r->pid_fd = -1;
    g->run[g->count++] = r;
    return r;
}

/* The last one takes the place that becomes free. */
static void run_remove(struct shell_run *r)
{
    struct shell_guards *g = r->guards;
    struct shell_run *last = g->run[--g->count];
    muster_map_remove(&g->by_handle, r->handle, r->place);
    if (last != r) {
        muster_map_remove(&g->by_handle, last->handle, last->place);
        int err = muster_map_put(&g->by_handle, last->handle, r->place);
        MUSTER_ASSERT(err == MUSTER_OK);
        last->place = r->place;
        g->run[r->place] = last;
    }
    free(r);
}

struct shell_run *shell_run_find(const struct shell_guards *g, uint64_t handle)
{
    uint32_t cursor = 0, place;
    if (!muster_map_find(&g->by_handle, handle, &cursor, &place))
        return NULL;
    MUSTER_ASSERT(place < g->count);
    MUSTER_ASSERT(g->run[place]->handle == handle);
    return g->run[place];
}

/* Copies who it is; the texts of news live in the run. */
void shell_run_name(struct shell_run *r, const struct agent_guard_event *event)
{
    r->event = *event;
    snprintf(r->job, sizeof(r->job), "%s", event->job);
    snprintf(r->run, sizeof(r->run), "%s", event->run);
    snprintf(r->text, sizeof(r->text), "%s", event->text == NULL ? "" : event->text);
    r->event.handle = r->handle;
    r->event.job = r->job;
    r->event.run = r->run;
    r->event.text = event->text == NULL ? NULL : r->text;
}

void shell_run_path(const struct shell_run *r, const char *file, char *out)
{
    snprintf(out, GUARD_PATH_MAX, "%s/%s%s%s", r->guards->runs_dir, r->id, *file == '\0' ? "" : "/",
             file);
}

static bool is_end(enum agent_guard_news news)
{
    return news == AGENT_GUARD_EXITED || news == AGENT_GUARD_FAILED || news == AGENT_GUARD_LOST;
}

void shell_run_unfind(struct shell_run *r)
{
    if (!r->is_found)
        return;
    MUSTER_ASSERT(r->guards->found > 0);
    r->is_found = false;
    r->guards->found--;
    uv_timer_start(&r->guards->due, shell_guards_due, 0, 0);
}

void shell_run_tell(struct shell_run *r, enum agent_guard_news news)
{
    struct shell_guards *g = r->guards;
    struct agent_guard_event event = r->event;
    MUSTER_ASSERT(!r->has_ended);
    r->has_ended = is_end(news);
    event.news = news;
    shell_run_unfind(r);
    if (g->is_closing)
        return;
    struct shell_left left;
    shell_left_read(r, &event, &left);
    g->config.on_event(g->config.context, &event);
    shell_left_free(&left);
}

void shell_guards_due(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    for (uint32_t i = g->count; i-- > 0;) {
        if (i >= g->count || !g->run[i]->is_due)
            continue; /* the callback below may let go of several */
        struct shell_run *r = g->run[i];
        r->is_due = false;
        r->open++; /* it stays while it is being told of */
        shell_run_tell(r, r->event.news);
        r->open--;
        shell_run_release(r);
    }
    if (g->is_scanning && g->found == 0) {
        struct agent_guard_event event = { .news = AGENT_GUARD_SCANNED, .job = "", .run = "" };
        g->is_scanning = false;
        g->config.on_event(g->config.context, &event);
    }
}

void shell_run_end_soon(struct shell_run *r)
{
    r->is_due = true;
    uv_timer_start(&r->guards->due, shell_guards_due, 0, 0);
}

/* Takes away whatever is in a run directory, the directory, and the cgroup of a killed guard. */
void shell_guards_clear(const struct shell_guards *g, const char *id)
{
    static const char *const files[] = {
        GUARD_FILE_CTL,    GUARD_FILE_NOTIFY,     GUARD_FILE_PID,    GUARD_FILE_NEW,
        GUARD_FILE_BEFORE, GUARD_FILE_CHECKPOINT, GUARD_FILE_RESULT, GUARD_FILE_MESSAGES,
        GUARD_FILE_OUTPUT, GUARD_FILE_LOCK,       GUARD_FILE_EXIT
    };
    char path[GUARD_PATH_MAX];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s/%s", g->runs_dir, id, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/%s", g->runs_dir, id);
    rmdir(path);
    if (g->cgroup[0] != '\0' && muster_format(path, sizeof(path), "%s/%s", g->cgroup, id))
        rmdir(path); /* refused while somebody lives in it */
}

static void run_sweep(const struct shell_run *r)
{
    char path[GUARD_PATH_MAX];
    if (r->id[0] == '\0')
        return;
    if (r->event.news != AGENT_GUARD_LOST) {
        shell_run_path(r, GUARD_FILE_EXIT, path);
        unlink(path);
        shell_run_path(r, "", path);
        if (rmdir(path) == 0 || errno == ENOENT)
            return; /* a guard that ended well leaves nothing else */
    }
    shell_guards_clear(r->guards, r->id);
}

void shell_guards_free(struct shell_guards *g)
{
    if (!g->is_closing || g->open > 0 || g->count > 0)
        return;
    muster_map_close(&g->by_handle);
    free(g);
}

void shell_run_release(struct shell_run *r)
{
    struct shell_guards *g = r->guards;
    if (r->open > 0 || r->is_found || (!g->is_closing && !(r->has_ended && r->is_forgotten)))
        return;
    if (r->has_ended && r->is_forgotten)
        run_sweep(r);
    run_remove(r);
    shell_guards_free(g);
}
