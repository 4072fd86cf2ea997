/* Launch: what a guard is told when a run's process is to be started, and what it tells back.
 *
 * Values only; the runner (pure) makes them, the shell turns them into a muster-guard process.
 *
 * units    milliseconds; sizes in bytes
 * memory   all pointers borrowed until the step that received them returns
 * threads  the loop's only
 * source   docs/design.md "Guards"; consistency R28, R52, R57
 */
#ifndef MUSTER_AGENT_LAUNCH_H
#define MUSTER_AGENT_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#define AGENT_NAME_MAX   128 /* bytes of a job or node name, without the NUL */
#define AGENT_RUN_MAX    256 /* bytes of a run name */
#define AGENT_REASON_MAX 160 /* bytes of a sentence for people */

enum agent_ready { AGENT_READY_ALIVE, AGENT_READY_NOTIFY, AGENT_READY_TCP };

struct agent_launch {
    const char *job;
    const char *run;
    uint64_t token;          /* fencing token; in the environment as MUSTER_RUN_TOKEN */
    uint32_t attempt;        /* 1.. within this token */
    uint64_t handle;         /* names this attempt between core and shell; the core's number */
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in the job's PATH */
    const char *const *
        env; /* NULL-terminated "KEY=VALUE": the job's own and MUSTER_*; added to a small default */
    const char *arg;   /* MUSTER_ARG or NULL */
    const char *cwd;   /* NULL: "/" */
    const char *user;  /* NULL: the agent's */
    const char *group; /* NULL: the user's */
    int32_t umask;     /* -1: 022 */
    int32_t nice;
    uint64_t limit_nofile, limit_core, limit_memory, limit_cpu_s; /* UINT64_MAX: none */
    int32_t stop_signal;
    uint64_t stop_timeout_ms; /* then KILL to the whole tree */
    bool keep; /* on_agent_loss: keep; else the job ends at end-of-file on the agent's socket */
    uint64_t dead_man_ms; /* unfed that long, the guard kills (R52) */
    enum agent_ready ready;
    uint16_t ready_port;
    uint64_t ready_after_ms;   /* AGENT_READY_ALIVE: alive that long */
    uint64_t ready_timeout_ms; /* else: not ready by then is a failure */
    uint64_t log_max_bytes;    /* rotate the output file at this size, keep one older */
};

enum agent_guard_news {
    AGENT_GUARD_STARTED, /* the process exists and passed its gate: pid */
    AGENT_GUARD_READY,
    AGENT_GUARD_STATUS,  /* text = sd_notify STATUS= */
    AGENT_GUARD_EXITED,  /* code or signal; the whole tree is gone */
    AGENT_GUARD_FAILED,  /* it never ran: text says what and where, errno in code */
    AGENT_GUARD_ADOPTED, /* found alive at boot: job, run, token, attempt, pid, ready */
    AGENT_GUARD_LOST, /* found at boot without an exit record and without a process: may have run */
    AGENT_GUARD_SCANNED /* boot: every run directory has been reported */
};

struct agent_guard_event {
    enum agent_guard_news news;
    uint64_t
        handle; /* for ADOPTED, LOST and EXITED of an earlier agent's run: a fresh one by the shell, >= 2^63 */
    const char *job;
    const char *run;
    uint64_t token;
    uint32_t attempt;
    int32_t pid;
    int32_t code;   /* exit status, or errno for FAILED */
    int32_t signal; /* 0 when it exited by itself */
    bool ready;
    uint64_t started_wall_ms;
    uint64_t ended_wall_ms;
    const char *text; /* a sentence for people, or NULL */
};

#endif
