/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a guard: begin, phases, end. */
#include "agent/guard/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/guard/file.h"

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t guard_now_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

uint64_t guard_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void guard_fail(struct guard *g, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(g->reason, sizeof(g->reason), format, args);
    va_end(args);
    g->event.news = AGENT_GUARD_FAILED;
    g->event.code = err;
    g->phase = GUARD_KILLING;
    g->kill_at_ms = 0;
}

/* ---- begin */

/* The agent says first where the run will live, and perhaps much later what it is: a guard that
 * waits in between has made everything ready that does not depend on it. */
static bool begin_message(struct guard *g, size_t *len)
{
    ssize_t count = recv(GUARD_FD, g->message, sizeof(g->message), MSG_TRUNC);
    *len = count > 0 ? (size_t)count : 0;
    return count > 0 && *len <= sizeof(g->message);
}

static bool begin_loop(struct guard *g)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    g->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    g->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (g->signal_fd >= 0 && g->timer_fd >= 0)
        return true;
    guard_fail(g, errno, "cannot wait for events: %s", strerror(errno));
    return false;
}

static bool begin_dir(struct guard *g, const char *path)
{
    int err = guard_dir_open(&g->dir, path);
    if (err != 0) {
        guard_fail(g, err, "cannot make run directory %.80s: %s", path, strerror(err));
        return false;
    }
    g->link.listen_fd = guard_dir_socket(&g->dir, GUARD_FILE_CTL, SOCK_SEQPACKET, 0600);
    g->ready.notify_fd = guard_dir_socket(&g->dir, GUARD_FILE_NOTIFY, SOCK_DGRAM, 0600);
    if (g->link.listen_fd >= 0 && g->ready.notify_fd >= 0)
        return true;
    guard_fail(g, errno, "cannot make sockets in %.80s: %s", g->dir.path, strerror(errno));
    return false;
}

static void boot_id(char *out, size_t size)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[len > 0 ? len : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* False: nobody will launch anything here. A failure is kept until the launch, to be told then. */
static bool begin_place(struct guard *g)
{
    struct agent_launch_place place;
    size_t len;
    g->phase = GUARD_KILLING; /* until there is something to guard */
    g->kill_at_ms = 0;
    g->is_void = true;
    g->link.fd = GUARD_FD;
    if (!begin_message(g, &len) || !agent_launch_place_decode(&place, g->message, len))
        return false;
    if (!begin_loop(g) || !begin_dir(g, place.dir))
        return true;
    int err = guard_output_pipes(&g->output, g->writer);
    if (err != 0)
        guard_fail(g, err, "cannot make pipes: %s", strerror(err));
    guard_tree_open(&g->tree, place.cgroup, strrchr(g->dir.path, '/') + 1);
    boot_id(g->boot, sizeof(g->boot));
    return true;
}

static bool begin_launch(struct guard *g)
{
    size_t len;
    if (!begin_message(g, &len))
        return false;
    g->now_ms = guard_now_ms();
    if (!agent_launch_decode(&g->launch, &g->terms, &g->lists, g->message, len)) {
        guard_fail(g, EINVAL, "the guard is not of the agent's version");
        return false;
    }
    g->is_void = g->dir.fd < 0;
    g->link.fed_ms = g->terms.fed_ms < g->now_ms ? g->terms.fed_ms : g->now_ms;
    g->event.job = g->launch.job;
    g->event.run = g->launch.run;
    g->event.token = g->launch.token;
    g->event.attempt = g->launch.attempt;
    g->event.needs = g->launch.needs;
    g->event.started_wall_ms = guard_wall_ms();
    if (g->event.news == AGENT_GUARD_FAILED)
        return false;
    g->event.news = AGENT_GUARD_EXITED;
    g->phase = GUARD_STARTING;
    g->kill_at_ms = GUARD_NEVER;
    return true;
}

static bool begin_who(struct guard *g)
{
    char why[AGENT_REASON_MAX];
    if (!guard_who_find(&g->who, g->launch.user, g->launch.group, why, sizeof(why))) {
        guard_fail(g, ENOENT, "%s", why);
        return false;
    }
    /* Whom the job runs as is allowed to speak to it; a failure only silences readiness words. */
    if (g->who.has_user)
        guard_dir_give(&g->dir, GUARD_FILE_NOTIFY, g->who.uid);
    if (g->terms.before == NULL)
        return true;
    int err = guard_dir_take(&g->dir, g->terms.before, GUARD_FILE_BEFORE);
    if (err != 0)
        guard_fail(g, err, "cannot hand over its checkpoint: %s", strerror(err));
    else if (g->who.has_user)
        guard_dir_give(&g->dir, GUARD_FILE_BEFORE, g->who.uid);
    return err == 0;
}

/* Forks the job's process, which prepares itself while the rest is written down. */
static bool begin_job(struct guard *g)
{
    int err = guard_job_fork(g, g->writer[0], g->writer[1]);
    for (size_t i = 0; i < 2; i++)
        close(g->writer[i]);
    if (err != 0) {
        guard_fail(g, err, "cannot start a process: %s", strerror(err));
        return false;
    }
    g->output.keep_s = g->launch.log_keep_s;
    err = guard_output_open(&g->output, g->terms.log, g->launch.log_max_bytes, g->launch.run,
                            g->launch.token, g->launch.attempt);
    if (err != 0)
        guard_fail(g, err, "cannot write output to %.80s: %s", g->terms.log, strerror(err));
    return err == 0;
}

static bool begin_record(struct guard *g)
{
    char data[GUARD_RECORD_MAX];
    struct agent_fields f;
    g->event.pid = g->job.pid;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_RECORD);
    agent_guard_event_encode(&f, &g->event);
    agent_fields_u64(&f, GUARD_KEY_TICKS, guard_job_ticks(g->job.pid));
    agent_fields_text(&f, GUARD_KEY_BOOT, g->boot);
    if (g->tree.cgroup_fd >= 0)
        agent_fields_text(&f, GUARD_KEY_CGROUP, g->tree.cgroup);
    int err = f.is_full ? EMSGSIZE : guard_dir_write(&g->dir, GUARD_FILE_PID, data, f.len, false);
    if (err != 0)
        guard_fail(g, err, "cannot write to %.80s: %s", g->dir.path, strerror(err));
    return err == 0;
}

bool guard_begin(struct guard *g)
{
    g->now_ms = guard_now_ms();
    g->kill_at_ms = g->armed_ms = GUARD_NEVER;
    g->dir.fd = g->dir.lock_fd = g->tree.cgroup_fd = g->link.listen_fd = g->output.fd = -1;
    g->output.stream[0].fd = g->output.stream[1].fd = g->writer[0] = g->writer[1] = -1;
    g->job.gate_fd = g->signal_fd = g->timer_fd = -1;
    guard_ready_init(&g->ready);
    if (!begin_place(g) || !begin_launch(g))
        return false;
    if (!begin_who(g) || !begin_job(g) || !begin_record(g))
        return false;
    /* The directory is locked and the record written: an agent that is still there now, or any that
     * comes after it, can find this run. One that is gone already must not have started it. */
    if (!guard_link_is_open(&g->link)) {
        guard_fail(g, ECANCELED, "its agent was gone before it began");
        g->is_void = true;
        return false;
    }
    g->now_ms = guard_now_ms();
    if (guard_lease_ms(g) <= g->now_ms) {
        guard_fail(g, ETIME, "its lease was over before it began");
        g->event.by_guard = true;
        return false;
    }
    guard_job_release(&g->job);
    return true;
}

/* ---- what happens to it */

uint64_t guard_lease_ms(const struct guard *g)
{
    return g->launch.lease_ms != 0 ? g->launch.lease_ms : GUARD_NEVER;
}

void guard_kill(struct guard *g, const char *why)
{
    if (g->phase >= GUARD_KILLING)
        return;
    g->phase = GUARD_KILLING;
    g->kill_at_ms = g->now_ms;
    g->greet_at_ms = g->now_ms + GUARD_GREET_AFTER;
    if (why != NULL && g->reason[0] == '\0') {
        g->event.by_guard = true;
        snprintf(g->reason, sizeof(g->reason), "killed: %s", why);
    }
}

void guard_condemn(struct guard *g, const char *why)
{
    if (g->phase < GUARD_KILLING && g->reason[0] == '\0')
        snprintf(g->reason, sizeof(g->reason), "%s", why);
    guard_kill(g, NULL);
}

void guard_stop(struct guard *g, uint64_t grace_ms, const char *why)
{
    uint64_t kill_at_ms = grace_ms > GUARD_NEVER - g->now_ms ? GUARD_NEVER : g->now_ms + grace_ms;
    if (why != NULL && g->reason[0] == '\0' && g->phase < GUARD_KILLING)
        snprintf(g->reason, sizeof(g->reason), "stopped: %s", why);
    if (g->phase == GUARD_STARTING || (g->phase < GUARD_KILLING && grace_ms == 0)) {
        guard_kill(g, NULL);
    } else if (g->phase < GUARD_KILLING && !g->is_told) {
        g->kill_at_ms =
            g->phase == GUARD_RUNNING || kill_at_ms < g->kill_at_ms ? kill_at_ms : g->kill_at_ms;
        g->phase = GUARD_STOPPING;
        g->is_told = true;
        kill(-g->job.pid, g->launch.stop_signal > 0 ? g->launch.stop_signal : SIGTERM);
        kill(-g->job.pid, SIGCONT); /* a stopped process could not obey */
    } else if (g->phase == GUARD_STOPPING && kill_at_ms < g->kill_at_ms) {
        g->kill_at_ms = kill_at_ms;
    }
}

void guard_ready(struct guard *g)
{
    if (g->phase != GUARD_RUNNING)
        return;
    g->event.ready = true;
    guard_link_tell(g, AGENT_GUARD_READY, NULL);
}

/* ---- end */

static void end_status(struct guard *g)
{
    struct agent_guard_event *event = &g->event;
    int status = g->job.wait_status;
    if (event->news == AGENT_GUARD_EXITED) {
        event->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        event->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    event->ended_wall_ms = guard_wall_ms();
    event->text = g->reason[0] == '\0' ? NULL : g->reason;
    if (event->text != NULL)
        guard_output_note(&g->output, event->text, g->now_ms);
}

static void end_record(struct guard *g)
{
    char data[GUARD_RECORD_MAX];
    struct agent_fields f;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_RECORD);
    agent_guard_event_encode(&f, &g->event);
    /* Without its record a run counts as lost, which is as true as can be told then. */
    if (f.is_full || guard_dir_write(&g->dir, GUARD_FILE_EXIT, data, f.len, true) != 0)
        guard_output_note(&g->output, "the exit record could not be written", g->now_ms);
}

void guard_end(struct guard *g)
{
    if (g->ready.notify_fd >= 0)
        guard_ready_notify(g); /* its last words may have come with its end */
    guard_output_drain(&g->output, g->now_ms);
    end_status(g);
    if (g->dir.fd >= 0 && !g->is_void)
        end_record(g);
    guard_output_close(&g->output, g->now_ms);
    if (!g->is_void)
        (void)guard_left_turn(g, true);
    guard_link_tell(g, g->event.news, g->event.text);
    guard_ready_close(&g->ready);
    guard_tree_close(&g->tree);
    guard_dir_close(&g->dir, !g->is_void);
    guard_file_prune(&g->output);
}
