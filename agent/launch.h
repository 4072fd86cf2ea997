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
#include <stddef.h>
#include <stdint.h>

#define AGENT_NAME_MAX   128 /* bytes of a job or node name, without the NUL */
#define AGENT_RUN_MAX    256 /* bytes of a run name */
#define AGENT_REASON_MAX 160 /* bytes of a sentence for people */

/* What a run leaves behind, beside its exit; the letter names it in keys of rows and between
 * programs. */
#define AGENT_LEFT_MAX (256u << 10) /* bytes of one thing that is left */
enum agent_left {
    AGENT_LEFT_CHECKPOINT, /* handed to the next attempt */
    AGENT_LEFT_RESULT,
    AGENT_LEFT_MESSAGES,
    AGENT_LEFT_OUTPUT, /* the end of what it printed */
    AGENT_LEFT_KINDS
};
char agent_left_letter(enum agent_left kind);
enum agent_left agent_left_kind(char letter); /* AGENT_LEFT_KINDS: not one */

/* The bytes of one; no data: nothing new of this kind. */
struct agent_left_bytes {
    const void *data;
    size_t len;
};

enum agent_ready { AGENT_READY_ALIVE, AGENT_READY_NOTIFY, AGENT_READY_TCP };

struct agent_launch {
    const char *job;
    const char *run;
    uint64_t token;          /* fencing token; in the environment as MUSTER_RUN_TOKEN */
    uint32_t attempt;        /* 1.. over the run, on whichever nodes */
    uint32_t needs;          /* slots; the guard keeps it for an agent that adopts the run */
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
    uint64_t lease_ms; /* boot-time clock: the guard kills then unless told later (R38); 0: never */
    enum agent_ready ready;
    uint16_t ready_port;
    uint64_t ready_after_ms;   /* AGENT_READY_ALIVE: alive that long */
    uint64_t ready_timeout_ms; /* else: not ready by then is a failure */
    uint64_t watchdog_ms;      /* ready and without a beat for that long is a failure; 0: off */
    uint64_t log_max_bytes;    /* rotate the output file at this size, keep one older */
    uint64_t log_keep_s;       /* how long it stays when the attempt has ended; 0: the usual time */
    struct agent_left_bytes checkpoint; /* of an earlier attempt; travels as a file of its own */
};

enum agent_guard_news {
    AGENT_GUARD_STARTED, /* the process exists and passed its gate: pid */
    AGENT_GUARD_READY,
    AGENT_GUARD_STATUS,  /* text = sd_notify STATUS=, or NULL; done, total */
    AGENT_GUARD_EXITED,  /* code or signal; the whole tree is gone */
    AGENT_GUARD_FAILED,  /* it never ran: text says what and where, errno in code */
    AGENT_GUARD_ADOPTED, /* found alive at boot: job, run, token, attempt, pid, ready */
    AGENT_GUARD_LOST, /* found at boot without an exit record and without a process: may have run */
    AGENT_GUARD_SCANNED, /* boot: every run directory has been reported */
    AGENT_GUARD_LEFT     /* text = the letter of what has been left; its bytes in `left` */
};

struct agent_guard_event {
    enum agent_guard_news news;
    uint64_t
        /* for ADOPTED, LOST and EXITED of an earlier agent's run: a fresh one by the shell, >= 2^63
         */
        handle;
    const char *job;
    const char *run;
    uint64_t token;
    uint32_t attempt;
    uint32_t needs; /* slots; 0: not told */
    int32_t pid;
    int32_t code;   /* exit status, or errno for FAILED */
    int32_t signal; /* 0 when it exited by itself */
    bool ready;
    bool by_guard; /* ended for want of an agent or of a lease: the job itself did not fail */
    uint64_t started_wall_ms;
    uint64_t ended_wall_ms;
    uint64_t done, total;                           /* progress; total 0: none told */
    const char *text;                               /* a sentence for people, or NULL */
    struct agent_left_bytes left[AGENT_LEFT_KINDS]; /* with LEFT, ADOPTED and every end */
};

/* ---- the same values as fields (agent/fields.h): how a launch reaches a guard over its socket,
 * and how news come back over the socket and stay on disk. One table of keys serves both
 * directions. */

#define AGENT_LAUNCH_WIRE_MAX (160 * 1024) /* bytes of a launch as fields */
#define AGENT_LAUNCH_ARGV_MAX 1024
#define AGENT_LAUNCH_ENV_MAX  1024
#define AGENT_PLACE_WIRE_MAX  2048 /* bytes of a place as fields */
#define AGENT_GUARD_WIRE_MAX  1024 /* bytes of one piece of news as fields */

struct agent_fields;

/* Where a run lives. Told first, to a guard that may then wait for its launch with all made ready.
 */
struct agent_launch_place {
    const char *dir;    /* the run directory, absolute; the guard makes it */
    const char *cgroup; /* the directory below which the run gets its own, or NULL */
};

void agent_launch_place_encode(struct agent_fields *out, const struct agent_launch_place *place);
bool agent_launch_place_decode(struct agent_launch_place *place, char *data, size_t len);

/* What comes with a launch besides the core's wish. */
struct agent_launch_terms {
    const char *log;    /* the output file, absolute; the guard makes it and its folder */
    uint64_t fed_ms;    /* CLOCK_BOOTTIME of the agent when it asked */
    const char *before; /* a file with the checkpoint, which the guard takes; NULL: none */
};

struct agent_launch_lists {
    const char *argv[AGENT_LAUNCH_ARGV_MAX + 1];
    const char *env[AGENT_LAUNCH_ENV_MAX + 1];
};

void agent_launch_encode(struct agent_fields *out, const struct agent_launch *launch,
                         const struct agent_launch_terms *terms);

/* Cuts `data` up in place; all pointers lead into it and into `lists`. False when it is not a
 * launch: something is missing, too much, or not a number. */
bool agent_launch_decode(struct agent_launch *launch, struct agent_launch_terms *terms,
                         struct agent_launch_lists *lists, char *data, size_t len);

/* `handle` stays out: it means something to one agent process only. */
void agent_guard_event_encode(struct agent_fields *out, const struct agent_guard_event *event);

/* Texts that are missing become "" (job, run) or NULL (text). False when it is no news. */
bool agent_guard_event_decode(struct agent_guard_event *event, char *data, size_t len, char end);

#endif
