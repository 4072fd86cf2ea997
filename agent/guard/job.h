/* Job: the process that the guard was made for, from fork to exec.
 *
 * The child does all its preparation while it waits at the gate, a socketpair that is
 * close-on-exec: one byte from the guard opens it, end-of-file there means the guard is gone; in
 * the other direction the child reports what failed, and end-of-file means that exec succeeded.
 *
 * memory   held by value; the environment is filled in the child's copy only
 * errors   a report of the stage and its errno
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_JOB_H
#define MUSTER_AGENT_GUARD_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guard;

enum guard_stage {
    GUARD_STAGE_SESSION,
    GUARD_STAGE_OUTPUT,
    GUARD_STAGE_LIMIT_NOFILE,
    GUARD_STAGE_LIMIT_CORE,
    GUARD_STAGE_LIMIT_MEMORY,
    GUARD_STAGE_LIMIT_CPU,
    GUARD_STAGE_NICE,
    GUARD_STAGE_USER,
    GUARD_STAGE_CWD,
    GUARD_STAGE_EXEC
};

struct guard_report {
    enum guard_stage stage;
    int err;
};

struct guard_job {
    pid_t pid;       /* 0 before the fork; also its process group and session */
    int gate_fd;     /* the guard's end; -1 once exec is known to have succeeded or failed */
    bool has_ended;  /* reaped */
    int wait_status; /* as waitpid gave it */
};

/* Every signal back to its default and none blocked. Past the C library, which does not let go of
 * the two it keeps for itself, while some parents (make is one) hand them down ignored. */
void guard_job_signals_default(void);

/* Forks the child, which prepares itself and waits. `out` and `err` are the writing ends of its
 * pipes. 0, or errno. */
int guard_job_fork(struct guard *g, int out, int err);

/* Lets the child go on to exec. */
void guard_job_release(struct guard_job *j);

/* Field 22 of /proc/PID/stat: with the boot id, what makes a pid unique. 0 when unknown. */
uint64_t guard_job_ticks(pid_t pid);

/* A sentence for people about a failed start. */
void guard_job_explain(const struct guard *g, const struct guard_report *report, char *out,
                       size_t size);

#endif
