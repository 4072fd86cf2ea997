/* Logs: streams of a job's output to whoever asks, one block at a time, with or without following.
 *
 * What a stream gives out is ready to be sent (agent/logview.h). A stream that follows looks ten
 * times a second, goes over to the next attempt when one begins, and waits for the first when there
 * is none yet. It ends when it is cancelled, or, if it was asked for one attempt, with that.
 *
 * Retention: the newest GUARD_LOGS_KEPT ended attempts of a job, each at most twice its
 * log_max_bytes, for as long as its `keep.age` says, and all jobs together at most log_total_max
 * (agent/shell/guard.h); what lives is never removed.
 *
 * memory   one buffer for each stream, at most SHELL_LOGS_MAX streams
 * errors   told by on_bytes with `ended`: MUSTER_ENOTFOUND no such output, MUSTER_EBUSY too many
 *          streams, MUSTER_EFULL no memory
 * threads  the loop's only; reads files there, a block in a turn
 */
#ifndef MUSTER_AGENT_SHELL_LOGS_H
#define MUSTER_AGENT_SHELL_LOGS_H

#include <uv.h>

#include "agent/effect.h"
#include "base/bytes.h"
#include "base/err.h"

#define SHELL_LOGS_MAX   64
#define SHELL_LOGS_BYTES (512 * 1024) /* of one call of on_bytes, at most */
#define SHELL_LOGS_POLL  100          /* ms between two looks of a stream that follows */

struct shell_logs;

struct shell_logs_config {
    uv_loop_t *loop;
    const char *log_dir;
    void *context;
    /* From the loop, never inside a call to this module. After `ended` the number is void. */
    void (*on_bytes)(void *context, uint64_t number, struct muster_bytes bytes, bool ended,
                     int err);
};

MUSTER_MUST_USE int shell_logs_open(struct shell_logs **l, const struct shell_logs_config *config);

/* The number must not be in use. */
void shell_logs_start(struct shell_logs *l, uint64_t number, const struct agent_logs *logs);

/* A reader that is slower than the disk: nothing is read for it until it wants more. */
void shell_logs_pause(struct shell_logs *l, uint64_t number, bool is_paused);

void shell_logs_cancel(struct shell_logs *l, uint64_t number); /* on_bytes is not called again */

/* Cancels all; the memory is freed when the loop has run the last close callback. */
void shell_logs_close(struct shell_logs *l);

#endif
