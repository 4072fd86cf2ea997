/* SPDX-License-Identifier: Apache-2.0 */
/* The job's process: forked, prepared, held at a gate, executed. */
#include "agent/guard/job.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/guard/guard.h"

#define GUARD_FILES_USUAL 1024 /* soft limit of descriptors */

void guard_job_signals_default(void)
{
    /* the kernel's struct sigaction, SIG_DFL and no flags */
    static const char as_kernel_default[64];
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, as_kernel_default, NULL, (NSIG - 1) / 8);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- in the child: nothing here returns to the guard's code */

static _Noreturn void child_fail(int gate, enum guard_stage stage)
{
    struct guard_report report = { .stage = stage, .err = errno };
    ssize_t sent = send(gate, &report, sizeof(report), MSG_NOSIGNAL);
    (void)sent; /* nobody listening: the guard is gone, and so are we */
    _exit(127);
}

static void child_limit(int gate, enum guard_stage stage, enum __rlimit_resource what,
                        uint64_t most)
{
    struct rlimit limit = { .rlim_cur = most, .rlim_max = most };
    if (most != UINT64_MAX && setrlimit(what, &limit) != 0)
        child_fail(gate, stage);
}

/* SIGXCPU at the limit, which says what it was; SIGKILL comes a second later, to who lives on. */
static void child_cpu(int gate, uint64_t most)
{
    struct rlimit limit = { .rlim_cur = most, .rlim_max = most + 1 };
    if (most != UINT64_MAX && setrlimit(RLIMIT_CPU, &limit) != 0)
        child_fail(gate, GUARD_STAGE_LIMIT_CPU);
}

/* An agent raises its own soft limit for its many sockets; a job gets the usual one back, because a
 * program that uses select breaks beyond it. The hard limit lets it ask for more. */
static void child_files_usual(int gate)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= GUARD_FILES_USUAL)
        return;
    limit.rlim_cur = GUARD_FILES_USUAL;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        child_fail(gate, GUARD_STAGE_LIMIT_NOFILE);
}

/* RLIMIT_DATA rather than RLIMIT_AS: it counts memory that can be written, so that programs which
 * only reserve address space are not hit. It holds for each process alone. */
static void child_limits(int gate, const struct agent_launch *launch)
{
    if (launch->limit_nofile == UINT64_MAX)
        child_files_usual(gate);
    child_limit(gate, GUARD_STAGE_LIMIT_NOFILE, RLIMIT_NOFILE, launch->limit_nofile);
    child_limit(gate, GUARD_STAGE_LIMIT_CORE, RLIMIT_CORE, launch->limit_core);
    child_limit(gate, GUARD_STAGE_LIMIT_MEMORY, RLIMIT_DATA, launch->limit_memory);
    child_cpu(gate, launch->limit_cpu_s);
}

/* An agent may run with real-time priority and a low OOM score; its jobs must not inherit that. */
static void child_priority(int gate, int32_t nice_level)
{
    struct sched_param plain = { 0 };
    sched_setscheduler(0, SCHED_OTHER, &plain);
    if (nice_level != 0 && setpriority(PRIO_PROCESS, 0, nice_level) != 0)
        child_fail(gate, GUARD_STAGE_NICE);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t written = write(fd, "0", 1);
    (void)written; /* raising it is always allowed; elsewhere the kernel decides */
    close(fd);
}

static void child_become(int gate, const struct guard_who *who)
{
    bool is_changed = who->uid != geteuid() || who->gid != getegid();
    /* An agent that is not root may still name itself; the supplementary groups then stay. */
    if (who->has_user && (is_changed || geteuid() == 0) &&
        setgroups((size_t)who->group_count, who->groups) != 0)
        child_fail(gate, GUARD_STAGE_USER);
    if (!is_changed)
        return;
    if (setresgid(who->gid, who->gid, who->gid) != 0 ||
        setresuid(who->uid, who->uid, who->uid) != 0)
        child_fail(gate, GUARD_STAGE_USER);
}

static void child_output(int gate, int out, int err)
{
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        child_fail(gate, GUARD_STAGE_OUTPUT);
}

static _Noreturn void child_exec(struct guard *g, int gate)
{
    char go;
    extern char **environ;
    if (recv(gate, &go, 1, 0) != 1)
        _exit(127);
    environ = (char **)(uintptr_t)g->env.entry; /* execvp looks in the PATH it finds there */
    execvp(g->launch.argv[0], (char *const *)(uintptr_t)g->launch.argv);
    child_fail(gate, GUARD_STAGE_EXEC);
}

static _Noreturn void child_run(struct guard *g, pid_t guard_pid, int gate, int out, int err)
{
    const struct agent_launch *launch = &g->launch;
    guard_job_signals_default();
    if (setsid() < 0)
        child_fail(gate, GUARD_STAGE_SESSION);
    child_output(gate, out, err);
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    child_limits(gate, launch);
    child_priority(gate, launch->nice);
    child_become(gate, &g->who);
    /* A change of user clears the wish to die with the parent, so it comes after; and a parent that
     * died before it was made will never send the signal. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard_pid)
        _exit(127);
    umask(launch->umask < 0 ? 022 : (mode_t)launch->umask);
    if (chdir(launch->cwd == NULL ? "/" : launch->cwd) != 0)
        child_fail(gate, GUARD_STAGE_CWD);
    guard_env_build(&g->env, launch, &g->who, g->dir.path, g->terms.before != NULL);
    child_exec(g, gate);
}

/* ---- in the guard */

int guard_job_fork(struct guard *g, int out, int err)
{
    int gate[2];
    pid_t guard_pid = getpid();
    g->job = (struct guard_job){ .gate_fd = -1 };
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) != 0)
        return errno;
    pid_t pid = guard_tree_fork(&g->tree);
    if (pid == 0) {
        close(gate[0]); /* or the gate would never see the guard's end close */
        child_run(g, guard_pid, gate[1], out, err);
    }
    int failure = pid < 0 ? errno : 0;
    close(gate[1]);
    if (pid < 0) {
        close(gate[0]);
        return failure;
    }
    g->job.pid = pid;
    g->job.gate_fd = gate[0];
    return 0;
}

void guard_job_release(struct guard_job *j)
{
    ssize_t sent = send(j->gate_fd, "g", 1, MSG_NOSIGNAL);
    (void)sent; /* a child that is gone already is reaped and reported like any other */
}

uint64_t guard_job_ticks(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    /* The name in field 2 may hold blanks and brackets; what follows its last bracket may not. */
    char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

static void explain_exec(const char *name, int err, char *out, size_t size)
{
    bool is_path = strchr(name, '/') != NULL;
    if (err == ENOENT && is_path && access(name, F_OK) == 0)
        snprintf(out, size, "%.100s: its interpreter is missing", name);
    else if (err == ENOENT)
        snprintf(out, size, "command not found: %.100s", name);
    else
        snprintf(out, size, "cannot execute %.100s: %s", name, strerror(err));
}

void guard_job_explain(const struct guard *g, const struct guard_report *report, char *out,
                       size_t size)
{
    static const char *const what[] = {
        [GUARD_STAGE_SESSION] = "begin a session",
        [GUARD_STAGE_OUTPUT] = "connect the output",
        [GUARD_STAGE_LIMIT_NOFILE] = "limit nofile",
        [GUARD_STAGE_LIMIT_CORE] = "limit core",
        [GUARD_STAGE_LIMIT_MEMORY] = "limit memory",
        [GUARD_STAGE_LIMIT_CPU] = "limit cpu",
        [GUARD_STAGE_NICE] = "set nice",
    };
    const char *why = strerror(report->err);
    const struct agent_launch *launch = &g->launch;
    if (report->stage == GUARD_STAGE_EXEC)
        explain_exec(launch->argv[0], report->err, out, size);
    else if (report->stage == GUARD_STAGE_CWD)
        snprintf(out, size, "cannot enter directory %.80s: %s", launch->cwd, why);
    else if (report->stage == GUARD_STAGE_USER)
        snprintf(out, size, "cannot become user %.40s group %.40s: %s",
                 launch->user == NULL ? "(the agent's)" : launch->user,
                 launch->group == NULL ? "(the user's)" : launch->group, why);
    else
        snprintf(out, size, "cannot %s: %s", what[report->stage], why);
}
