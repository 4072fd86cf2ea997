/* SPDX-License-Identifier: Apache-2.0 */
/* The trial of the program that is to come, what is kept for it, and the exec. */
#include "agent/shell/renew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/shell/shell_inside.h"
#include "base/text.h"

void shell_renew_open(struct shell_renew *r, char **argv)
{
    *r = (struct shell_renew){ .argv = argv };
    shell_handed_init(&r->handed);
    ssize_t len = readlink("/proc/self/exe", r->program, sizeof r->program - 1);
    r->program[len > 0 ? len : 0] = '\0';
    if (access(r->program, X_OK) != 0)
        r->program[0] = '\0'; /* replaced already: its name there is no path any more */
    /* Guards that ended while this program took the place of another are ours to bury. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

/* ---- the deed */

static void keep(struct shell_renew *r, enum shell_handed_kind kind, const uv_handle_t *handle)
{
    int fd = -1;
    if (uv_fileno(handle, &fd) == 0)
        shell_handed_keep(&r->handed, kind, fd);
}

static void renew_go(struct shell *s)
{
    struct shell_renew *r = s->setup.renew;
    const struct agent_event e = { .kind = AGENT_EVENT_RENEW };
    shell_journal(s->journal, AGENT_LOG_INFO, "SIGUSR2: goes on as %s, with every job alive",
                  r->program);
    shell_notify(s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=making room for %s",
                 (unsigned long long)(uv_hrtime() / 1000), r->program);
    keep(r, SHELL_HANDED_GOSSIP_UDP, (const uv_handle_t *)&s->udp.handle);
    keep(r, SHELL_HANDED_GOSSIP_TCP, (const uv_handle_t *)&s->streams.listener);
    keep(r, SHELL_HANDED_PEERS, (const uv_handle_t *)&s->links.listener);
    shell_http_hand(s->http, &r->handed);
    shell_guards_pass(s->guards);
    shell_step(s, &e);
    r->is_due = true;
    shell_end(s, 0);
}

void shell_renew_exec(struct shell_renew *r, const struct shell_notify *notify, char *why,
                      size_t size)
{
    (void)signal(SIGUSR2, SIG_IGN); /* until it listens itself */
    shell_handed_give(&r->handed);
    shell_notify_give(notify);
    (void)execve(r->program, r->argv, environ);
    (void)muster_format(why, size, "%s cannot be executed: %s", r->program, strerror(errno));
}

/* ---- the trial */

static void trial_closed(uv_handle_t *handle)
{
    struct shell *s = handle->data;
    s->trial.is_under_way = false;
}

static void trial_end(struct shell *s)
{
    (void)uv_timer_stop(&s->trial.limit);
    uv_close((uv_handle_t *)&s->trial.ended, trial_closed);
    (void)close(s->trial.pid_fd);
    s->trial.pid = 0;
}

static void trial_ended(uv_poll_t *poll, int status, int events)
{
    struct shell *s = poll->data;
    int code = 0;
    (void)status;
    (void)events;
    bool is_good = waitpid(s->trial.pid, &code, 0) == s->trial.pid && code == 0;
    trial_end(s);
    if (s->phase != SHELL_SERVING || s->is_leaving)
        return;
    if (is_good)
        renew_go(s);
    else
        shell_journal(s->journal, AGENT_LOG_ERROR,
                      "SIGUSR2: %s would not start with these flags and settings: this agent goes "
                      "on",
                      s->setup.renew->program);
}

static void trial_overdue(uv_timer_t *timer)
{
    struct shell *s = timer->data;
    (void)kill(s->trial.pid, SIGKILL); /* not buried yet: it is still that process */
}

/* With our flags and one more; what it has to say of them goes where our log goes. 0, or errno. */
static int trial_spawn(const struct shell_renew *r, pid_t *pid)
{
    char check[] = "--check";
    size_t count = 0;
    while (r->argv[count] != NULL)
        count++;
    char **argv = calloc(count + 2, sizeof *argv);
    posix_spawn_file_actions_t files;
    if (argv == NULL || posix_spawn_file_actions_init(&files) != 0) {
        free(argv);
        return ENOMEM;
    }
    memcpy(argv, r->argv, count * sizeof *argv);
    argv[count] = check;
    int err = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (err == 0)
        err = posix_spawn(pid, r->program, &files, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    free(argv);
    return err;
}

static int trial_begin(struct shell *s)
{
    int err = trial_spawn(s->setup.renew, &s->trial.pid);
    if (err != 0)
        return err;
    s->trial.pid_fd = (int)syscall(SYS_pidfd_open, s->trial.pid, 0);
    if (s->trial.pid_fd < 0 || uv_poll_init(&s->loop, &s->trial.ended, s->trial.pid_fd) != 0) {
        err = errno;
        (void)kill(s->trial.pid, SIGKILL);
        (void)waitpid(s->trial.pid, NULL, 0);
        if (s->trial.pid_fd >= 0)
            (void)close(s->trial.pid_fd);
        return err;
    }
    s->trial.is_under_way = true;
    s->trial.ended.data = s;
    (void)uv_poll_start(&s->trial.ended, UV_READABLE, trial_ended);
    (void)uv_timer_start(&s->trial.limit, trial_overdue, SHELL_RENEW_TRIAL_MS, 0);
    return 0;
}

void shell_renew(struct shell *s)
{
    const struct shell_renew *r = s->setup.renew;
    const char *fault = s->setup.is_dev             ? "a trial agent is not renewed"
                        : s->phase != SHELL_SERVING ? "this agent has not begun to serve yet"
                        : r->program[0] == '\0'     ? "its program lay at no path when it started"
                        : s->is_leaving             ? "this agent is about to leave"
                        : access(r->program, X_OK) != 0 ? strerror(errno)
                                                        : NULL;
    if (s->trial.is_under_way)
        return; /* told twice */
    int err = fault == NULL ? trial_begin(s) : 0;
    if (err != 0)
        fault = strerror(err);
    if (fault != NULL)
        shell_journal(s->journal, AGENT_LOG_WARN, "SIGUSR2: no other program takes over: %s",
                      fault);
}

void shell_renew_close(struct shell *s)
{
    if (s->trial.pid > 0) {
        (void)kill(s->trial.pid, SIGKILL);
        (void)waitpid(s->trial.pid, NULL, 0);
        trial_end(s);
    }
    uv_close((uv_handle_t *)&s->trial.limit, NULL);
}
