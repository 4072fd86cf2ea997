/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's loop: what can happen, in the order in which it matters. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/guard/guard.h"

#define KILL_EVERY 20 /* ms between rounds of killing, should a round have missed somebody */

/* What the loop waits for; the order is the order of looking. */
enum source {
    SOURCE_LINK,
    SOURCE_GATE,
    SOURCE_SIGNAL,
    SOURCE_LISTEN, /* a new agent is greeted with the end rather than before it */
    SOURCE_NOTIFY,
    SOURCE_CONNECT,
    SOURCE_TIMER,
    SOURCE_STDOUT,
    SOURCE_STDERR,
    SOURCES
};

/* The child has executed its command or says why it could not. */
static void gate_read(struct guard *g)
{
    struct guard_report report;
    char why[AGENT_REASON_MAX];
    ssize_t count = recv(g->job.gate_fd, &report, sizeof(report), MSG_DONTWAIT);
    /* A child that failed before it read our byte resets the socket; the report comes behind that.
     */
    if (count < 0 && errno == ECONNRESET)
        count = recv(g->job.gate_fd, &report, sizeof(report), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close(g->job.gate_fd);
    g->job.gate_fd = -1;
    if (g->phase != GUARD_STARTING)
        return;
    if (count == (ssize_t)sizeof(report)) {
        guard_job_explain(g, &report, why, sizeof(why));
        guard_fail(g, report.err, "%s", why);
        return;
    }
    g->phase = GUARD_RUNNING;
    guard_link_tell(g, AGENT_GUARD_STARTED, NULL);
    guard_ready_begin(g);
}

static void job_ended(struct guard *g, int status)
{
    g->job.has_ended = true;
    g->job.wait_status = status;
    if (g->job.gate_fd >= 0)
        gate_read(g); /* a report is older than this end, but poll may not have seen it */
    guard_kill(g, NULL);
}

static void reap(struct guard *g)
{
    for (;;) {
        siginfo_t info = { .si_pid = 0 };
        int status = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
            if (errno == ECHILD)
                g->phase = GUARD_OVER;
            return;
        }
        if (info.si_pid == 0)
            return;
        /* As long as its leader is not reaped, the group's number is ours and the kill hits nobody
         * else; and unlike the rounds it misses nobody who forks meanwhile. */
        if (info.si_pid == g->job.pid)
            kill(-g->job.pid, SIGKILL);
        if (waitpid(info.si_pid, &status, 0) == g->job.pid)
            job_ended(g, status);
    }
}

static void signal_read(struct guard *g)
{
    struct signalfd_siginfo info;
    while (read(g->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            guard_stop(g, g->launch.stop_timeout_ms, "its guard was told to");
    }
    reap(g);
    if (g->phase == GUARD_KILLING)
        g->kill_at_ms = g->now_ms; /* orphans have moved up: their turn */
}

static void kill_round(struct guard *g)
{
    if (!g->job.has_ended && g->job.pid > 0)
        kill(-g->job.pid, SIGKILL);
    guard_tree_kill(&g->tree);
    g->phase = GUARD_KILLING;
    g->kill_at_ms = g->now_ms + KILL_EVERY;
    reap(g);
}

/* Does what is due and gives the time of what comes next. */
static uint64_t turn_due(struct guard *g)
{
    uint64_t next = GUARD_NEVER;
    if (g->phase < GUARD_KILLING) {
        uint64_t dead_man_ms = g->launch.dead_man_ms;
        uint64_t left = GUARD_NEVER - g->link.fed_ms;
        uint64_t unfed_ms = dead_man_ms < left ? g->link.fed_ms + dead_man_ms : GUARD_NEVER;
        if (g->now_ms >= guard_lease_ms(g))
            guard_kill(g, "its lease is over");
        else if (g->now_ms >= unfed_ms)
            guard_kill(g, "its agent was silent for too long");
        else
            next = unfed_ms < guard_lease_ms(g) ? unfed_ms : guard_lease_ms(g);
    }
    if (g->phase == GUARD_RUNNING || g->phase == GUARD_STOPPING) {
        uint64_t ready_ms = guard_ready_turn(g), left_ms = guard_left_turn(g, false);
        next = ready_ms < next ? ready_ms : next;
        next = left_ms < next ? left_ms : next;
    }
    if (g->now_ms >= g->kill_at_ms && g->phase >= GUARD_STOPPING)
        kill_round(g);
    next = g->kill_at_ms < next ? g->kill_at_ms : next;
    uint64_t hold_ms = guard_output_hold(&g->output, g->now_ms);
    return hold_ms < next ? hold_ms : next;
}

/* The timer counts suspend, unlike the timeouts of poll. An alarm that comes early is left alone:
 * feeding moves the deadline twice a second. */
static void timer_arm(struct guard *g, uint64_t next_ms)
{
    if (next_ms >= g->armed_ms && g->armed_ms > g->now_ms)
        return;
    struct itimerspec at = { .it_value = { .tv_sec = (time_t)(next_ms / 1000),
                                           .tv_nsec = (long)(next_ms % 1000 * 1000000) } };
    if (next_ms == GUARD_NEVER)
        at = (struct itimerspec){ 0 };
    timerfd_settime(g->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    g->armed_ms = next_ms;
}

static void sources_fill(const struct guard *g, struct pollfd *source)
{
    const int fd[SOURCES] = {
        [SOURCE_LINK] = g->link.fd,
        [SOURCE_LISTEN] = g->now_ms < g->greet_at_ms ? -1 : g->link.listen_fd,
        [SOURCE_GATE] = g->job.gate_fd,
        [SOURCE_SIGNAL] = g->signal_fd,
        [SOURCE_NOTIFY] = g->ready.notify_fd,
        [SOURCE_CONNECT] = g->ready.connect_fd,
        [SOURCE_TIMER] = g->timer_fd,
        [SOURCE_STDOUT] = g->output.stream[0].fd,
        [SOURCE_STDERR] = g->output.stream[1].fd,
    };
    for (int i = 0; i < SOURCES; i++)
        source[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
    source[SOURCE_CONNECT].events = POLLOUT;
}

static void sources_serve(struct guard *g, const struct pollfd *source)
{
    uint64_t expirations;
    if (source[SOURCE_LINK].revents != 0)
        guard_link_read(g);
    if (source[SOURCE_GATE].revents != 0 && g->job.gate_fd >= 0)
        gate_read(g);
    if (source[SOURCE_NOTIFY].revents != 0)
        guard_ready_notify(g);
    if (source[SOURCE_SIGNAL].revents != 0)
        signal_read(g);
    if (source[SOURCE_LISTEN].revents != 0 && g->now_ms >= g->greet_at_ms)
        guard_link_accept(g);
    if (source[SOURCE_CONNECT].revents != 0 && g->ready.connect_fd >= 0)
        guard_ready_connected(g);
    if (source[SOURCE_TIMER].revents != 0 &&
        read(g->timer_fd, &expirations, sizeof(expirations)) > 0)
        g->armed_ms = GUARD_NEVER;
    for (int i = 0; i < 2; i++) {
        if (source[SOURCE_STDOUT + i].revents != 0)
            guard_output_read(&g->output, &g->output.stream[i], g->now_ms);
    }
}

void guard_run(struct guard *g)
{
    struct pollfd source[SOURCES];
    while (g->phase != GUARD_OVER) {
        timer_arm(g, turn_due(g));
        if (g->phase == GUARD_OVER)
            return;
        sources_fill(g, source);
        int count = poll(source, SOURCES, -1);
        g->now_ms = guard_now_ms();
        if (count > 0)
            sources_serve(g, source);
    }
}
