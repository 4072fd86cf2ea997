/* Log file: where an attempt's output lies, and a reader that survives rotation.
 *
 *     LOG_DIR/market+ticker/17a2…-0000…07-00000001-93f0….log      (+ ".old" for the part rotated
 *     away)
 *             └ job, escaped └ id: when └ token └ attempt └ hash of the run's name
 *
 * A job's output is one folder. Its files sort by time; the guard that writes one keeps it locked,
 * and when it ends removes the oldest beyond GUARD_LOGS_KEPT. Nobody else needs to know the names.
 *
 * Offsets count the bytes of all output of an attempt (agent/logline.h). A reader that asks for
 * bytes which were rotated away begins at the oldest that are left.
 *
 * memory   the reader is held by value; its buffer is on its caller's heap for the time it is open
 * errors   MUSTER_ENOTFOUND: no output of that job or attempt; MUSTER_EIO
 * threads  any, one user each; reads files, so a cold disk takes its time
 */
#ifndef MUSTER_AGENT_SHELL_LOG_FILE_H
#define MUSTER_AGENT_SHELL_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/launch.h"
#include "agent/logline.h"
#include "base/err.h"

#define SHELL_LOG_BLOCK    (32 * 1024) /* bytes read at once; more than a record */
#define SHELL_LOG_NAME_MAX 64          /* bytes of a file's name, with its NUL */
#define SHELL_LOG_PATH_MAX 1024
#define SHELL_LOG_ENDING   ".log"

/* Where the output of this launch goes. False when the path is too long. */
bool shell_log_path(char *out, size_t size, const char *log_dir, const char *id,
                    const struct agent_launch *launch);

struct shell_log_reader {
    char folder[SHELL_LOG_PATH_MAX];
    char name[SHELL_LOG_NAME_MAX]; /* of the file being read */
    uint64_t run_hash;             /* 0: any run of the job */
    uint32_t attempt;              /* 0: any */
    int fd;
    uint64_t base;
    uint64_t offset; /* of the next byte */
    bool is_older;   /* reading what was rotated away */
    size_t len;      /* bytes in the buffer that are no whole line yet */
    char *buffer;
};

/* Finds the latest output of a job, or of one run of it by the run's name. Begins at `offset`. */
MUSTER_MUST_USE int shell_log_open(struct shell_log_reader *r, const char *log_dir,
                                   const char *name, uint32_t attempt, uint64_t offset);

/* Moves back so that only the last `lines` records of the chosen streams follow. */
void shell_log_tail(struct shell_log_reader *r, uint32_t lines, bool want_stdout, bool want_stderr);

/* One block: calls `take` for every record that is whole. `next` is the offset behind the record.
 * False when there is nothing more for now. */
bool shell_log_read(struct shell_log_reader *r, void *context,
                    void (*take)(void *context, const struct agent_logline *record, uint64_t next));

/* True when the attempt being read has ended, and so all of it can be read. */
bool shell_log_has_ended(const struct shell_log_reader *r);

/* Goes on with a later attempt of the same; false when there is none yet. */
bool shell_log_advance(struct shell_log_reader *r);

void shell_log_close(struct shell_log_reader *r);

#endif
