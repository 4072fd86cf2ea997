/* SPDX-License-Identifier: Apache-2.0 */
/* Making and ending the process tree of a job. */
#include "agent/guard/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CGROUP_TRIES 5 /* another run's end may remove the parent that was just made */

void guard_tree_open(struct guard_tree *t, const char *parent, const char *name)
{
    t->cgroup_fd = -1;
    t->cgroup[0] = '\0';
    if (parent == NULL)
        return;
    int len = snprintf(t->cgroup, sizeof(t->cgroup), "%s/%s", parent, name);
    bool is_made = false;
    for (int i = 0; i < CGROUP_TRIES && len > 0 && len < (int)sizeof(t->cgroup) && !is_made; i++) {
        is_made = mkdir(t->cgroup, 0755) == 0;
        if (!is_made && (errno != ENOENT || (mkdir(parent, 0755) != 0 && errno != EEXIST)))
            break;
    }
    if (is_made)
        t->cgroup_fd = open(t->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (t->cgroup_fd < 0)
        t->cgroup[0] = '\0';
}

pid_t guard_tree_fork(const struct guard_tree *t)
{
    if (t->cgroup_fd >= 0) {
        struct clone_args args = { .flags = CLONE_INTO_CGROUP,
                                   .exit_signal = SIGCHLD,
                                   .cgroup = (__u64)t->cgroup_fd };
        long pid = syscall(SYS_clone3, &args, sizeof(args));
        if (pid >= 0)
            return (pid_t)pid;
    }
    return fork();
}

static void cgroup_kill(const struct guard_tree *t)
{
    char path[GUARD_PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/cgroup.kill", t->cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t written = write(fd, "1", 1);
    (void)written; /* the rounds come anyway */
    close(fd);
}

/* The children as the kernel lists them, pids with a blank after each. */
static void children_kill(int fd)
{
    char text[4096];
    size_t held = 0;
    ssize_t count;
    while ((count = read(fd, text + held, sizeof(text) - 1 - held)) > 0) {
        text[held + (size_t)count] = '\0';
        char *at = text, *blank;
        while ((blank = strchr(at, ' ')) != NULL) {
            pid_t pid = (pid_t)strtol(at, NULL, 10);
            if (pid > 1)
                kill(pid, SIGKILL);
            at = blank + 1;
        }
        held = strlen(at);
        memmove(text, at, held);
    }
}

void guard_tree_kill(const struct guard_tree *t)
{
    char path[64];
    if (t->cgroup_fd >= 0)
        cgroup_kill(t);
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    children_kill(fd);
    close(fd);
}

void guard_tree_close(struct guard_tree *t)
{
    if (t->cgroup_fd < 0)
        return;
    close(t->cgroup_fd);
    t->cgroup_fd = -1;
    if (rmdir(t->cgroup) != 0)
        return;
    char *slash = strrchr(t->cgroup, '/');
    *slash = '\0';
    rmdir(t->cgroup); /* refused while others live there */
}
