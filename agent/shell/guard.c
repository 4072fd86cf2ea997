/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, closing, feeding, and the orders of the owner. */
#include "agent/shell/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/shell/cgroup.h"
#include "agent/shell/guard_run.h"
#include "agent/shell/log_sweep.h"
#include "base/text.h"

#define SWEEP_MS          60000
#define SWEEPS_AGED       60 /* of so many one looks for what is too old */
#define LOG_TOTAL_DEFAULT (UINT64_C(1) << 30)

uint64_t shell_guards_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void feed_all(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    uint64_t now_ms = shell_guards_now_ms();
    for (uint32_t i = 0; i < g->count; i++)
        shell_run_send(g->run[i], GUARD_ORDER_FEED, now_ms);
}

static void sweep_work(uv_work_t *work)
{
    struct shell_guards *g = work->data;
    if (g->sweeps % SWEEPS_AGED == 0)
        shell_log_sweep_aged(g->log_dir, (uint64_t)time(NULL));
    shell_log_sweep(g->log_dir, g->config.log_total_max);
}

static void sweep_done(uv_work_t *work, int status)
{
    struct shell_guards *g = work->data;
    (void)status;
    g->is_sweeping = false;
    g->open--;
    shell_guards_free(g);
}

static void sweep_begin(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    if (g->is_sweeping || (++g->sweeps % SWEEPS_AGED != 0 && !g->has_new_output))
        return;
    g->sweeping.data = g;
    if (uv_queue_work(g->config.loop, &g->sweeping, sweep_work, sweep_done) != 0)
        return;
    g->has_new_output = false;
    g->is_sweeping = true;
    g->open++;
}

/* A folder that is made here gets exactly this mode, whatever the umask; one that is there keeps
 * its own. */
static bool folder_make(const char *path, mode_t mode)
{
    struct stat about;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0;
    return errno == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* A guard works in "/", so it must not be told a path from here. */
static bool path_whole(char *out, size_t size, const char *path, const char *below)
{
    char here[GUARD_PATH_MAX];
    if (path[0] == '/')
        return muster_format(out, size, "%s%s", path, below);
    return getcwd(here, sizeof(here)) != NULL &&
           muster_format(out, size, "%s/%s%s", here, path, below);
}

static int guards_folders(struct shell_guards *g, const struct shell_guards_config *config)
{
    size_t runs_size = sizeof(g->runs_dir) - 1 - GUARD_ID_LEN;
    if (!path_whole(g->runs_dir, runs_size, config->run_dir, "/runs") ||
        !path_whole(g->log_dir, sizeof(g->log_dir) / 2, config->log_dir, "") ||
        !path_whole(g->guard_path, sizeof(g->guard_path), config->guard_path, ""))
        return MUSTER_ELIMIT;
    /* Jobs of other users reach their notify sockets through these, and can list neither. */
    if (!folder_make(config->run_dir, 0711) || !folder_make(g->runs_dir, 0711) ||
        !folder_make(config->log_dir, 0750))
        return MUSTER_EIO;
    return MUSTER_OK;
}

static void guards_timer(struct shell_guards *g, uv_timer_t *timer)
{
    int err = uv_timer_init(g->config.loop, timer);
    MUSTER_ASSERT(err == 0);
    timer->data = g;
    g->open++;
}

int shell_guards_open(struct shell_guards **out, const struct shell_guards_config *config)
{
    struct shell_guards *g = calloc(1, sizeof(*g));
    *out = NULL;
    if (g == NULL)
        return MUSTER_EFULL;
    int err = guards_folders(g, config);
    if (err == MUSTER_OK)
        err = muster_map_open(&g->by_handle, 64);
    if (err != MUSTER_OK) {
        free(g);
        return err;
    }
    g->config = *config;
    g->config.run_dir = g->config.log_dir = g->config.guard_path = NULL; /* the caller's */
    g->spare.fd = -1;
    g->next_foreign = SHELL_GUARD_FOREIGN;
    if (g->config.log_total_max == 0)
        g->config.log_total_max = LOG_TOTAL_DEFAULT;
    if (config->cgroup == NULL)
        shell_cgroup_find(g->cgroup, sizeof(g->cgroup));
    else
        snprintf(g->cgroup, sizeof(g->cgroup), "%s", config->cgroup);
    guards_timer(g, &g->feed);
    guards_timer(g, &g->look);
    guards_timer(g, &g->due);
    guards_timer(g, &g->refill);
    guards_timer(g, &g->sweep);
    guards_timer(g, &g->outputs);
    uv_timer_start(&g->feed, feed_all, SHELL_GUARD_FEED_MS, SHELL_GUARD_FEED_MS);
    uv_timer_start(&g->refill, shell_guards_refill, GUARD_REFILL_MS, 0);
    uv_timer_start(&g->sweep, sweep_begin, SWEEP_MS, SWEEP_MS);
    *out = g;
    return MUSTER_OK;
}

static void timer_closed(uv_handle_t *handle)
{
    struct shell_guards *g = handle->data;
    g->open--;
    shell_guards_free(g);
}

void shell_guards_close(struct shell_guards *g)
{
    MUSTER_ASSERT(!g->is_closing);
    g->is_closing = true;
    for (uint32_t i = g->count; i-- > 0;) {
        struct shell_run *r = g->run[i];
        r->is_found = false;
        r->open++;
        shell_run_unlink(r);
        shell_run_unwatch(r);
        r->open--;
        shell_run_release(r);
    }
    uv_close((uv_handle_t *)&g->feed, timer_closed);
    uv_close((uv_handle_t *)&g->look, timer_closed);
    uv_close((uv_handle_t *)&g->due, timer_closed);
    uv_close((uv_handle_t *)&g->refill, timer_closed);
    uv_close((uv_handle_t *)&g->sweep, timer_closed);
    uv_close((uv_handle_t *)&g->outputs, timer_closed);
    shell_guards_spend(g);
}

void shell_guards_pass(struct shell_guards *g)
{
    feed_all(&g->feed);
    for (uint32_t i = 0; i < g->count; i++)
        shell_run_send(g->run[i], GUARD_ORDER_WAIT, 1);
    shell_guards_bury(g);
}

/* ---- orders */

void shell_guards_stop(struct shell_guards *g, uint64_t handle, uint64_t grace_ms)
{
    struct shell_run *r = shell_run_find(g, handle);
    if (r != NULL)
        shell_run_send(r, GUARD_ORDER_STOP, grace_ms);
}

void shell_guards_lease(struct shell_guards *g, uint64_t handle, uint64_t end_ms)
{
    struct shell_run *r = shell_run_find(g, handle);
    if (r != NULL)
        shell_run_send(r, GUARD_ORDER_LEASE, end_ms);
}

void shell_guards_signal(struct shell_guards *g, uint64_t handle, int signal)
{
    struct shell_run *r = shell_run_find(g, handle);
    if (r != NULL && signal > 0)
        shell_run_send(r, GUARD_ORDER_SIGNAL, (uint64_t)signal);
}

void shell_guards_forget(struct shell_guards *g, uint64_t handle)
{
    struct shell_run *r = shell_run_find(g, handle);
    if (r == NULL)
        return;
    r->is_forgotten = true;
    shell_run_release(r);
}

bool shell_guards_has_cgroup(const struct shell_guards *g)
{
    return g->cgroup[0] != '\0';
}

uint32_t shell_guards_count(const struct shell_guards *g)
{
    return g->count;
}
