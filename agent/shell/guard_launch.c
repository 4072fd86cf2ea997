/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a guard: its directory's name, its launch as a message, its process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

/* The launch as a message in g->message; its length, or 0 with the failure told. */
static size_t launch_encode(struct shell_run *r, const struct agent_launch *launch)
{
    struct shell_guards *g = r->guards;
    struct agent_fields f;
    char dir[GUARD_PATH_MAX], log[GUARD_PATH_MAX];
    shell_run_path(r, "", dir);
    if (!shell_log_path(log, sizeof(log), g->log_dir, r->id, launch)) {
        launch_fail(r, ENAMETOOLONG, "the path of its output is too long");
        return 0;
    }
    struct agent_launch_place place = {
        .dir = dir,
        .log = log,
        .cgroup = g->cgroup[0] == '\0' ? NULL : g->cgroup,
        .fed_ms = shell_guards_now_ms(),
    };
    agent_fields_init(&f, g->message, sizeof(g->message), AGENT_FIELDS_MESSAGE);
    agent_launch_encode(&f, launch, &place);
    if (!f.is_full)
        return f.len;
    launch_fail(r, E2BIG, "arguments and environment are larger than %d KiB together",
                AGENT_LAUNCH_WIRE_MAX / 1024);
    return 0;
}

static void launch_guard(struct shell_run *r, size_t len)
{
    struct shell_guards *g = r->guards;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        launch_fail(r, errno, "cannot make a socket for the guard: %s", strerror(errno));
        return;
    }
    int err = 0;
    pid_t pid = -1;
    if (send(ends[0], g->message, len, MSG_NOSIGNAL) != (ssize_t)len)
        err = errno;
    /* The guard waits for its launch in a blocking read; the flag would be shared. */
    if (err == 0 && fcntl(ends[1], F_SETFL, 0) != 0)
        err = errno;
    if (err == 0 && (pid = shell_guard_spawn(g->guard_path, r->run, ends[1])) < 0)
        err = errno;
    close(ends[1]);
    if (err == 0 && shell_run_link(r, ends[0]) != MUSTER_OK)
        err = EMFILE;
    if (pid > 0) {
        r->guard_pid = pid;
        shell_run_watch(r);
    }
    if (err != 0) {
        close(ends[0]); /* a guard that did start sees it and goes */
        launch_fail(r, err, "cannot start %.80s: %s", g->guard_path, strerror(err));
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
    launch_id(g, r->id);
    size_t len = launch_encode(r, launch);
    if (len == 0)
        return;
    g->has_new_output = true;
    launch_guard(r, len);
}
