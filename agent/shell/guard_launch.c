/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a guard: its directory's name, its launch as a message, its process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/name.h"
#include "agent/shell/guard_run.h"
#include "agent/shell/log_file.h"

/* Names directories and output files: the time of the launch, and unique within this process. */
static void launch_id(struct shell_guards *g, char *id)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t number = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    g->last_id = number > g->last_id ? number : g->last_id + 1;
    snprintf(id, GUARD_ID_LEN + 1, "%016" PRIx64, g->last_id);
}

__attribute__((format(printf, 3, 4))) static void launch_fail(struct shell_run *r, int err,
                                                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->text, sizeof(r->text), format, args);
    va_end(args);
    r->event.news = AGENT_GUARD_FAILED;
    r->event.code = err;
    r->event.text = r->text;
    shell_run_end_soon(r);
}

/* Starts a guard and tells it its place. Its socket and pid are in *spare; 0 or errno. */
static int guard_start(struct shell_guards *g, struct shell_spare *spare)
{
    char dir[GUARD_PATH_MAX], data[AGENT_PLACE_WIRE_MAX];
    struct agent_fields f;
    int ends[2], err = 0;
    launch_id(g, spare->id);
    snprintf(dir, sizeof(dir), "%s/%s", g->runs_dir, spare->id);
    struct agent_launch_place place = { .dir = dir,
                                        .cgroup = g->cgroup[0] == '\0' ? NULL : g->cgroup };
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
    agent_launch_place_encode(&f, &place);
    MUSTER_ASSERT(!f.is_full);
    /* The flags of one end are its own: the guard waits in a blocking read, the agent never does.
     */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    spare->fd = ends[0];
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
        send(ends[0], data, f.len, MSG_NOSIGNAL) != (ssize_t)f.len ||
        (spare->pid = shell_guard_spawn(g->guard_path, ends[1])) < 0)
        err = errno;
    close(ends[1]);
    if (err != 0) {
        close(ends[0]);
        spare->fd = -1;
    }
    return err;
}

void shell_guards_refill(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    if (g->spare.fd < 0 && !g->is_closing)
        (void)guard_start(g, &g->spare); /* a launch that finds no spare says what is wrong */
}

void shell_guards_spend(struct shell_guards *g)
{
    if (g->spare.fd >= 0)
        close(g->spare.fd); /* it sees that, and goes */
    g->spare.fd = -1;
}

/* It has nothing to do yet, and who comes after us could not tell whose child it was. */
void shell_guards_bury(struct shell_guards *g)
{
    (void)uv_timer_stop(&g->refill);
    if (g->spare.fd < 0)
        return;
    (void)kill(g->spare.pid, SIGKILL);
    (void)waitpid(g->spare.pid, NULL, 0);
    shell_guards_spend(g);
    shell_guards_clear(g, g->spare.id);
}

/* The launch as a message in g->message; its length, or 0 with the failure told. */
static size_t launch_encode(struct shell_run *r, const struct agent_launch *launch)
{
    struct shell_guards *g = r->guards;
    struct agent_fields f;
    char id[GUARD_ID_LEN + 1], log[GUARD_PATH_MAX], before[GUARD_PATH_MAX];
    launch_id(g, id);
    if (!shell_log_path(log, sizeof(log), g->log_dir, id, launch)) {
        launch_fail(r, ENAMETOOLONG, "the path of its output is too long");
        return 0;
    }
    struct agent_launch_terms terms = { .log = log, .fed_ms = shell_guards_now_ms() };
    if (launch->checkpoint.data != NULL) {
        if (!shell_left_before(g, id, launch->checkpoint, before, sizeof(before))) {
            launch_fail(r, errno, "cannot hand over its checkpoint: %s", strerror(errno));
            return 0;
        }
        terms.before = before;
    }
    agent_fields_init(&f, g->message, sizeof(g->message), AGENT_FIELDS_MESSAGE);
    agent_launch_encode(&f, launch, &terms);
    if (!f.is_full)
        return f.len;
    launch_fail(r, E2BIG, "arguments and environment are larger than %d KiB together",
                AGENT_LAUNCH_WIRE_MAX / 1024);
    return 0;
}

/* Gives the message to the spare, or to a new guard when there is none or it has died. */
static int launch_send(struct shell_guards *g, struct shell_spare *guard, size_t len)
{
    *guard = g->spare;
    g->spare.fd = -1;
    if (guard->fd >= 0 && send(guard->fd, g->message, len, MSG_NOSIGNAL) == (ssize_t)len)
        return 0;
    if (guard->fd >= 0) {
        close(guard->fd);
        waitpid(guard->pid, NULL, WNOHANG);
        shell_guards_clear(g, guard->id);
    }
    int err = guard_start(g, guard);
    if (err == 0 && send(guard->fd, g->message, len, MSG_NOSIGNAL) != (ssize_t)len)
        err = errno;
    if (err != 0 && guard->fd >= 0)
        close(guard->fd); /* a guard that did start sees it and goes */
    return err;
}

static void launch_guard(struct shell_run *r, size_t len)
{
    struct shell_guards *g = r->guards;
    struct shell_spare guard;
    int err = launch_send(g, &guard, len);
    uv_timer_start(&g->refill, shell_guards_refill, GUARD_REFILL_MS, 0);
    if (err != 0) {
        launch_fail(r, err, "cannot start %.80s: %s", g->guard_path, strerror(err));
        return;
    }
    memcpy(r->id, guard.id, sizeof(r->id));
    r->guard_pid = guard.pid;
    shell_run_watch(r);
    if (shell_run_link(r, guard.fd) != MUSTER_OK) {
        close(guard.fd);
        launch_fail(r, EMFILE, "cannot watch the guard: %s", strerror(EMFILE));
    }
}

void shell_guards_launch(struct shell_guards *g, const struct agent_launch *launch)
{
    MUSTER_ASSERT(!g->is_closing);
    MUSTER_ASSERT(shell_run_find(g, launch->handle) == NULL);
    struct shell_run *r = shell_run_add(g, launch->handle);
    MUSTER_ASSERT(r != NULL);
    struct agent_guard_event who = {
        .job = launch->job, .run = launch->run, .token = launch->token, .attempt = launch->attempt
    };
    shell_run_name(r, &who);
    const char *fault = agent_name_job_fault(muster_bytes_text(launch->job));
    if (fault != NULL) {
        launch_fail(r, EINVAL, "not a job's name: %s", fault);
        return;
    }
    size_t len = launch_encode(r, launch);
    if (len == 0)
        return;
    g->has_new_output = true;
    launch_guard(r, len);
}
