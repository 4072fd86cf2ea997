/* Job: the specification of a job as values, read from a document, checked, and written back in the
 * one form that rows keep.
 *
 * A spec comes in through agent_job_read (what a person or a client wrote: strict, every unknown
 * key and every field this version does not do is refused) and is written by agent_job_canonical
 * (compact JSON, only what differs from the defaults, fixed key order, `name` and `kind` always).
 * That text is what a row stores. agent_job_decode reads it back: fields it does not know are
 * passed over, because a newer build wrote them and the row keeps them byte for byte.
 *
 * units    milliseconds and bytes; AGENT_JOB_NONE where a person says `none` or `off`
 * memory   a struct agent_job owns one heap block; every pointer in it lives until agent_job_close.
 *          After an error nothing is owned; closing a job that was never read (all zero) is
 *          allowed.
 * errors   MUSTER_EINVAL and friends with the reason in the problem; MUSTER_EUNSUPPORTED for what
 *          this version does not do yet; MUSTER_ELIMIT for what is too large; MUSTER_EFULL without
 *          memory
 * threads  any, one user each
 */
#ifndef MUSTER_AGENT_JOB_H
#define MUSTER_AGENT_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/doc.h"
#include "agent/launch.h"
#include "agent/pair.h"
#include "agent/problem.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

#define AGENT_JOB_NONE    UINT64_MAX
#define AGENT_JOB_FOREVER UINT32_MAX
#define AGENT_JOB_EACH    0u /* spread: each */

#define AGENT_JOB_TEXT_MAX   (56 * 1024) /* canonical bytes: a row of 64 KiB holds more */
#define AGENT_JOB_ARG_MAX    (32 * 1024)
#define AGENT_JOB_ARGV_MAX   512
#define AGENT_JOB_ENV_MAX    256
#define AGENT_JOB_LABELS_MAX 64
#define AGENT_JOB_RETRY_MAX  64 /* delays in a list; a count may be larger */

enum agent_job_kind {
    AGENT_JOB_SERVICE, /* must always run */
    AGENT_JOB_TASK,    /* must finish once */
    AGENT_JOB_CRON,    /* short for task with a schedule */
    AGENT_JOB_DAEMON   /* short for service with spread each */
};
enum agent_job_start { AGENT_JOB_START_NOW, AGENT_JOB_START_MANUAL };
enum agent_job_after { AGENT_JOB_AFTER_OK, AGENT_JOB_AFTER_FAIL, AGENT_JOB_AFTER_ANY };
enum agent_job_missed { AGENT_JOB_MISSED_ONCE, AGENT_JOB_MISSED_SKIP, AGENT_JOB_MISSED_ALL };
enum agent_job_overlap {
    AGENT_JOB_OVERLAP_SKIP,
    AGENT_JOB_OVERLAP_QUEUE,
    AGENT_JOB_OVERLAP_REPLACE,
    AGENT_JOB_OVERLAP_ALLOW
};
enum agent_job_if_none { AGENT_JOB_NONE_WAITS, AGENT_JOB_NONE_FAILS };
enum agent_job_partition { AGENT_JOB_AVAILABLE, AGENT_JOB_EXCLUSIVE };
enum agent_job_move { AGENT_JOB_MOVE_NEVER, AGENT_JOB_MOVE_LAZY, AGENT_JOB_MOVE_EAGER };
enum agent_job_handoff { AGENT_JOB_STOP_START, AGENT_JOB_START_STOP };
enum agent_job_on_stop { AGENT_JOB_STOP_MOVES, AGENT_JOB_STOP_KEEPS };
enum agent_job_on_loss { AGENT_JOB_LOSS_ENDS, AGENT_JOB_LOSS_KEEPS };

/* What the exit of a process means for its run. */
enum agent_job_verdict {
    AGENT_JOB_EXIT_OK,    /* a task is done; a service is started again */
    AGENT_JOB_EXIT_FAIL,  /* counts as a failure: retry */
    AGENT_JOB_EXIT_DEFER, /* again later, not counted */
    AGENT_JOB_EXIT_DEAD   /* never again */
};

struct agent_job_exits {
    uint64_t bit[4]; /* one bit for each exit code 0..255 */
};

struct agent_job {
    struct muster_arena memory;

    /* identity */
    const char *name;
    int32_t kind;                    /* enum agent_job_kind */
    const char *description;         /* NULL: none */
    const struct agent_pair *labels; /* sorted by key */
    uint32_t labels_count;

    /* process */
    const char *const *argv; /* NULL-terminated; a shell line is {"/bin/sh", "-c", line} */
    uint32_t argc;
    const char *shell;      /* the line when it was given as one, else NULL */
    const char *worker;     /* NULL: none */
    const char *arg;        /* NULL: none */
    const char *key;        /* of a triggered run: what it was asked for under; NULL: none */
    const char *payload;    /* sha256:HEX; NULL: none */
    const char *const *env; /* "KEY=VALUE", NULL-terminated, sorted by key; never NULL */
    uint32_t env_count;
    const char *cwd;   /* NULL: not given */
    const char *user;  /* NULL: the agent's */
    const char *group; /* NULL: the user's; with max_running not the process', but the job's */
    int32_t umask;     /* -1: not given */
    int32_t nice;
    uint64_t limit_nofile, limit_core, limit_memory, limit_cpu_ms; /* AGENT_JOB_NONE: none */

    /* readiness, stopping, liveness */
    int32_t ready; /* enum agent_ready */
    uint16_t ready_port;
    uint64_t ready_timeout_ms;
    int32_t stop_signal;
    uint64_t stop_timeout_ms;
    uint64_t watchdog_ms; /* AGENT_JOB_NONE: off */
    uint64_t timeout_ms;  /* how long one attempt may run; AGENT_JOB_NONE: for ever */
    uint64_t
        start_timeout_ms; /* pending for that long is a failure; AGENT_JOB_NONE: waits for ever */
    uint64_t deadline_ms; /* submit to end over all attempts; AGENT_JOB_NONE: none */

    /* retry */
    uint32_t retry;                 /* retries after the first attempt; AGENT_JOB_FOREVER */
    const uint64_t *retry_delay_ms; /* `retry` of them when a list was given, else NULL */
    uint64_t backoff_first_ms;
    uint32_t backoff_factor;
    uint64_t backoff_max_ms;
    uint64_t reset_after_ms;
    uint32_t retry_local; /* tries on one node before the next */
    struct agent_job_exits exit_ok, exit_defer, exit_dead;
    uint32_t max_moves; /* per hour */

    /* schedule (agent/schedule.h); times are wall milliseconds, 0: not given */
    int32_t start;     /* enum agent_job_start */
    const char *cron;  /* NULL: none */
    uint64_t every_ms; /* AGENT_JOB_NONE: not so */
    uint64_t from_ms, at_ms;
    const char *tz;      /* NULL: UTC */
    int32_t missed;      /* enum agent_job_missed */
    int32_t overlap;     /* enum agent_job_overlap */
    uint64_t catchup_ms; /* AGENT_JOB_NONE: the period, a day at the most */
    uint64_t jitter_ms;
    uint64_t not_before_ms, not_after_ms; /* the latter AGENT_JOB_NONE: no end */
    uint32_t max_runs;                    /* 0: no end */
    const char *after;                    /* the job whose ends start this one; NULL: none */
    int32_t after_end;                    /* enum agent_job_after: which of them */
    uint32_t keep_ok, keep_fail;          /* ended runs that are kept */
    uint64_t keep_age_ms;

    /* placement */
    uint32_t spread;       /* 1, N, or AGENT_JOB_EACH */
    const char *on;        /* NULL: everywhere */
    const char *prefer;    /* NULL: none */
    const char *apart;     /* a list (agent/apart.h); NULL: none */
    const char *spread_by; /* NULL: none */
    int32_t if_none;       /* enum agent_job_if_none */
    uint32_t slots;
    uint32_t priority;
    uint32_t max_running; /* of its group at once (agent/permit.h); 0: no cap */

    /* change and failure */
    int32_t partition;     /* enum agent_job_partition */
    int32_t move;          /* enum agent_job_move */
    int32_t handoff;       /* enum agent_job_handoff */
    int32_t on_agent_stop; /* enum agent_job_on_stop */
    int32_t on_agent_loss; /* enum agent_job_on_loss */
    bool durable;
};

/* What a client sent as JSON: strict, and limited to what this version does. `name` may be missing
 * in the document when the caller knows it (`PUT /v1/jobs/NAME`): then `name` is it, else NULL; two
 * names that differ are refused. */
MUSTER_MUST_USE int agent_job_read(struct agent_job *job, struct muster_bytes json,
                                   const char *name, struct agent_problem *problem);

/* The same from a tree, as read from a YAML file or a document of one. */
MUSTER_MUST_USE int agent_job_from_doc(struct agent_job *job, const struct agent_doc_node *root,
                                       const char *name, struct agent_problem *problem);

/* What a row keeps: unknown fields are passed over, fields of a later version are decoded. */
MUSTER_MUST_USE int agent_job_decode(struct agent_job *job, struct muster_bytes json,
                                     struct agent_problem *problem);

void agent_job_close(struct agent_job *job);

/* Appends the canonical text; the buffer keeps its own first error. */
void agent_job_canonical(const struct agent_job *job, struct muster_text *out);

/* True when the job's runs are rows of their own, beside it: it is spread, or started by a clock or
 * by hand. */
bool agent_job_has_runs(const struct agent_job *job);
bool agent_job_ends(const struct agent_job *job); /* a task: it must finish once */

/* The number of a signal that people name (`USR1`, `SIGUSR1`, `10`); 0: none. */
int32_t agent_job_signal(const char *text);

/* The verdict on an exit; a process that a signal killed (signal != 0) has failed. */
enum agent_job_verdict agent_job_verdict(const struct agent_job *job, int32_t code, int32_t signal);

/* True while `failures` (1 after the first) leave a retry. */
bool agent_job_may_retry(const struct agent_job *job, uint32_t failures);

/* The wait after the `failures`-th failure in a row (1 is the first), without its jitter. */
uint64_t agent_job_retry_wait_ms(const struct agent_job *job, uint32_t failures);

#endif
