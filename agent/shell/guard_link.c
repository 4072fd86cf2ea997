/* SPDX-License-Identifier: Apache-2.0 */
/* A guard's socket and process: its news, its end, and its end without a word. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/shell/guard_run.h"
#include "agent/shell/stray.h"

#define NEWS_PER_TURN 16

/* ---- reading */

static void news_hello(struct shell_run *r, const struct agent_guard_event *event)
{
    if (!r->is_found)
        return;
    shell_run_name(r, event);
    r->is_settled = true;
    shell_run_tell(r, AGENT_GUARD_ADOPTED);
}

/* What a guard says of itself is kept, but for its name, which only a found run has to learn. */
static void news_take(struct shell_run *r, const struct agent_guard_event *event)
{
    if (event->news == AGENT_GUARD_ADOPTED) {
        news_hello(r, event);
        return;
    }
    bool is_told = event->news <= AGENT_GUARD_FAILED || event->news == AGENT_GUARD_LEFT;
    if (r->is_found || r->has_ended || !is_told)
        return; /* an end before the greeting is read from its record */
    if (event->news == AGENT_GUARD_LEFT && event->text != NULL &&
        event->text[0] == agent_left_letter(AGENT_LEFT_OUTPUT)) {
        shell_left_output(r);
        return;
    }
    r->event.pid = event->pid;
    r->event.done = event->done;
    r->event.total = event->total;
    r->event.ready = event->ready;
    r->event.by_guard = event->by_guard;
    r->event.code = event->code;
    r->event.signal = event->signal;
    r->event.started_wall_ms = event->started_wall_ms;
    r->event.ended_wall_ms = event->ended_wall_ms;
    snprintf(r->text, sizeof(r->text), "%s", event->text == NULL ? "" : event->text);
    r->event.text = event->text == NULL ? NULL : r->text;
    shell_run_tell(r, event->news);
}

static bool read_file(const char *path, char *data, size_t size, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t count = fd < 0 ? -1 : read(fd, data, size);
    if (fd >= 0)
        close(fd);
    *len = count > 0 ? (size_t)count : 0;
    return count > 0;
}

bool shell_run_read_exit(struct shell_run *r)
{
    char path[GUARD_PATH_MAX], data[GUARD_RECORD_MAX];
    struct agent_guard_event event;
    size_t len;
    shell_run_path(r, GUARD_FILE_EXIT, path);
    if (!read_file(path, data, sizeof(data), &len) ||
        !agent_guard_event_decode(&event, data, len, AGENT_FIELDS_RECORD) ||
        (event.news != AGENT_GUARD_EXITED && event.news != AGENT_GUARD_FAILED))
        return false;
    shell_run_name(r, &event);
    return true;
}

/* ---- a guard that ended without a word */

static void search_work(uv_work_t *work)
{
    struct shell_run *r = work->data;
    char dir[GUARD_PATH_MAX];
    shell_run_path(r, "", dir);
    shell_strays_end(dir);
}

static void search_done(uv_work_t *work, int status)
{
    struct shell_run *r = work->data;
    (void)status;
    r->open--;
    shell_run_end_soon(r);
}

void shell_run_lost(struct shell_run *r, enum agent_guard_news news)
{
    static const char why[] = "its guard was killed, and what was left of it with it";
    r->is_settled = true;
    r->event.news = news;
    if (news == AGENT_GUARD_EXITED) {
        r->event.code = 0;
        r->event.signal = SIGKILL;
        snprintf(r->text, sizeof(r->text), "%s", why);
        r->event.text = r->text;
    }
    r->search.data = r;
    if (uv_queue_work(r->guards->config.loop, &r->search, search_work, search_done) == 0)
        r->open++;
    else
        shell_run_end_soon(r);
}

static void link_ended(struct shell_run *r)
{
    shell_run_unlink(r);
    if (r->has_ended || r->guards->is_closing)
        return;
    if (r->is_found) {
        uv_timer_start(&r->guards->look, shell_guards_look, 0, 0); /* the directory knows more */
        return;
    }
    if (shell_run_read_exit(r))
        shell_run_end_soon(r);
    else
        shell_run_lost(r, AGENT_GUARD_EXITED);
}

/* ---- handles */

static void link_readable(uv_poll_t *poll, int status, int events)
{
    struct shell_run *r = poll->data;
    char data[AGENT_GUARD_WIRE_MAX];
    (void)status;
    (void)events;
    for (int i = 0; i < NEWS_PER_TURN && r->fd >= 0; i++) {
        struct agent_guard_event event;
        ssize_t count = recv(r->fd, data, sizeof(data), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count < 0 && errno == ECONNRESET)
            continue; /* it ended with orders unread; its last news come behind that */
        if (count <= 0)
            link_ended(r);
        else if (agent_guard_event_decode(&event, data, (size_t)count, AGENT_FIELDS_MESSAGE))
            news_take(r, &event);
    }
}

static void handle_closed(uv_handle_t *handle)
{
    struct shell_run *r = handle->data;
    r->open--;
    shell_run_release(r);
}

int shell_run_link(struct shell_run *r, int fd)
{
    MUSTER_ASSERT(r->fd < 0);
    if (uv_poll_init(r->guards->config.loop, &r->link, fd) != 0)
        return MUSTER_EFULL;
    r->open++;
    r->fd = fd;
    r->link.data = r;
    int err = uv_poll_start(&r->link, UV_READABLE, link_readable);
    MUSTER_ASSERT(err == 0);
    return MUSTER_OK;
}

void shell_run_unlink(struct shell_run *r)
{
    if (r->fd < 0)
        return;
    uv_close((uv_handle_t *)&r->link, handle_closed); /* stops watching at once */
    close(r->fd);
    r->fd = -1;
}

void shell_run_unwatch(struct shell_run *r)
{
    if (r->pid_fd < 0)
        return;
    uv_close((uv_handle_t *)&r->process, handle_closed);
    close(r->pid_fd);
    r->pid_fd = -1;
}

static void process_ended(uv_poll_t *poll, int status, int events)
{
    struct shell_run *r = poll->data;
    (void)status;
    (void)events;
    waitpid(r->guard_pid, NULL, WNOHANG);
    shell_run_unwatch(r);
}

void shell_run_watch(struct shell_run *r)
{
    r->pid_fd = (int)syscall(SYS_pidfd_open, r->guard_pid, 0);
    if (r->pid_fd < 0 || uv_poll_init(r->guards->config.loop, &r->process, r->pid_fd) != 0) {
        /* Without it the guard stays a zombie until this process ends; nothing else depends on it.
         */
        if (r->pid_fd >= 0)
            close(r->pid_fd);
        r->pid_fd = -1;
        return;
    }
    fcntl(r->pid_fd, F_SETFD, FD_CLOEXEC);
    r->open++;
    r->process.data = r;
    int err = uv_poll_start(&r->process, UV_READABLE, process_ended);
    MUSTER_ASSERT(err == 0);
}

void shell_run_send(struct shell_run *r, const char *order, uint64_t value)
{
    char data[GUARD_ORDER_MAX];
    struct agent_fields f;
    if (r->fd < 0)
        return;
    agent_fields_init(&f, data, sizeof(data), AGENT_FIELDS_MESSAGE);
    agent_fields_u64(&f, order, value);
    /* A guard that does not read is stopped or buried in work. It will miss this, and its feeding.
     */
    ssize_t sent = send(r->fd, data, f.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
}
