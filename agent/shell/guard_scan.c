/* SPDX-License-Identifier: Apache-2.0 */
/* Boot: what the run directories of an earlier agent say (R46). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/shell/guard_run.h"

/* Whether a guard lives there: its lock is held. Without one it takes the lock for the time of the
 * caller's work, so that no guard can begin there; *fd is -1 when there is nothing to hold. */
static bool lock_is_held(const struct shell_run *r, int *fd)
{
    char path[GUARD_PATH_MAX];
    shell_run_path(r, GUARD_FILE_LOCK, path);
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return false;
    close(*fd);
    *fd = -1;
    return true;
}

static bool has_file(const struct shell_run *r, const char *name)
{
    char path[GUARD_PATH_MAX];
    shell_run_path(r, name, path);
    return access(path, F_OK) == 0;
}

/* Who it was, from the record that its guard wrote before the gate opened. */
static void read_identity(struct shell_run *r)
{
    char path[GUARD_PATH_MAX], data[GUARD_RECORD_MAX];
    struct agent_guard_event event;
    shell_run_path(r, GUARD_FILE_PID, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd < 0 ? -1 : read(fd, data, sizeof(data));
    if (fd >= 0)
        close(fd);
    if (len > 0 && agent_guard_event_decode(&event, data, (size_t)len, '\n'))
        shell_run_name(r, &event);
}

/* One that the program before us started, in this very process, is our child, and to be buried by
 * us. Of any other only the kernel's word comes that it has ended. */
static void look_watch(struct shell_run *r)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (r->pid_fd >= 0 || getsockopt(r->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return;
    r->guard_pid = peer.pid;
    shell_run_watch(r);
}

static void look_connect(struct shell_run *r)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char path[GUARD_PATH_MAX];
    shell_run_path(r, GUARD_FILE_CTL, path);
    MUSTER_ASSERT(strlen(path) <= GUARD_SOCKET_MAX);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
        shell_run_link(r, fd) != MUSTER_OK)
        close(fd); /* starting or ending: its directory is looked at again */
    else
        look_watch(r);
}

/* A guard that holds its lock and does not answer is stopped or stuck, and its job runs unwatched.
 * The kernel names the process at the other end of the socket; it lives, because it holds the lock.
 */
static void look_break(struct shell_run *r)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    int lock;
    if (r->fd < 0 || getsockopt(r->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return;
    int pid_fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    if (pid_fd < 0)
        return;
    if (lock_is_held(r, &lock))
        syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
    else if (lock >= 0)
        close(lock);
    close(pid_fd);
}

static void look_at(struct shell_run *r)
{
    uint64_t now_ms = uv_now(r->guards->config.loop);
    int lock;
    if (lock_is_held(r, &lock)) {
        if (r->fd < 0)
            look_connect(r);
        if (now_ms >= r->hello_by_ms)
            look_break(r);
        return;
    }
    shell_run_unlink(r);
    if (shell_run_read_exit(r)) {
        r->is_settled = true;
        shell_run_end_soon(r);
    } else if (has_file(r, GUARD_FILE_PID)) {
        read_identity(r);
        shell_run_lost(r, AGENT_GUARD_LOST);
    } else { /* it never ran, and nobody needs to know */
        r->event.news = AGENT_GUARD_LOST;
        r->is_settled = r->has_ended = r->is_forgotten = true;
        shell_run_unfind(r);
    }
    if (lock >= 0)
        close(lock);
}

void shell_guards_look(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    bool is_waiting = false;
    for (uint32_t i = g->count; i-- > 0;) {
        struct shell_run *r = g->run[i];
        if (!r->is_found || r->is_settled)
            continue;
        look_at(r);
        is_waiting = is_waiting || !r->is_settled;
        shell_run_release(r);
    }
    if (is_waiting)
        uv_timer_start(&g->look, shell_guards_look, GUARD_LOOK_MS, 0);
}

static bool is_id(const char *name)
{
    size_t len = 0;
    while (isxdigit((unsigned char)name[len]) != 0)
        len++;
    return len == GUARD_ID_LEN && name[len] == '\0';
}

void shell_guards_scan(struct shell_guards *g)
{
    MUSTER_ASSERT(!g->is_scanning);
    g->is_scanning = true;
    DIR *dir = opendir(g->runs_dir);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        bool is_spare = g->spare.fd >= 0 && strcmp(entry->d_name, g->spare.id) == 0;
        struct shell_run *r = NULL;
        if (strchr(entry->d_name, '.') != NULL && entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0); /* a checkpoint that no guard has taken */
        if (is_id(entry->d_name) && !is_spare)
            r = shell_run_add(g, g->next_foreign);
        if (r == NULL)
            continue;
        g->next_foreign++;
        memcpy(r->id, entry->d_name, sizeof(r->id));
        struct agent_guard_event nobody = { .job = "", .run = "" };
        shell_run_name(r, &nobody);
        r->is_found = true;
        r->hello_by_ms = uv_now(g->config.loop) + GUARD_HELLO_MS;
        g->found++;
    }
    if (dir != NULL)
        closedir(dir);
    uv_timer_start(&g->look, shell_guards_look, 0, 0);
    uv_timer_start(&g->due, shell_guards_due, 0, 0);
}
