/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a guard without copying the agent: vfork, one dup2, exec. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/shell/guard_run.h"

#define TITLE_LEN 64

/* Runs in the agent's memory while the agent waits: system calls and nothing else. */
static void child_exec(const char *path, char *const argv[], char *const env[], int fd,
                       volatile int *err)
{
    /* On equal numbers dup2 does nothing, and the socket would close on exec. */
    if (fd == GUARD_FD ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, GUARD_FD) == GUARD_FD)
        execve(path, argv, env);
    *err = errno;
    _exit(127);
}

pid_t shell_guard_spawn(const char *path, int fd)
{
    char name[] = "muster-guard";
    char title[TITLE_LEN + 1] =
        "(spare)"; /* room for the run's name, for those who list processes */
    char *argv[] = { name, title, NULL }, *env[] = { NULL };
    sigset_t all, before;
    volatile int err = 0;
    memset(title + strlen(title), ' ', TITLE_LEN - strlen(title));
    /* A handler of the agent's must not run in the child, which shares its memory. The guard resets
     * the mask, which survives exec, and all that is ignored. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0)
        child_exec(path, argv, env, fd, &err);
    int fork_err = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && err != 0) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    errno = fork_err != 0 ? fork_err : err;
    return pid;
}
