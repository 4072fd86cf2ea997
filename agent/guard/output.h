/* Output: the job's two pipes, and the file of lines they become (agent/logline.h).
 *
 * Reading is bounded in every turn of the loop, so a job that prints as fast as it can waits for
 * its own pipe and for nothing else. The file is rotated at a size and one older file is kept. What
 * the disk refuses is counted and noted once it takes bytes again; the job never notices.
 *
 * units    milliseconds of CLOCK_BOOTTIME
 * memory   held by value; two buffers of lines and one of records
 * errors   kept inside
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_OUTPUT_H
#define MUSTER_AGENT_GUARD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/guard/protocol.h"
#include "agent/logline.h"

#define GUARD_LINE_BUFFER (2 * AGENT_LOGLINE_TEXT_MAX)
#define GUARD_OUT_BUFFER  (2 * AGENT_LOGLINE_TEXT_MAX + AGENT_LOGHEAD_MAX)
#define GUARD_LOG_MIN     (64 * 1024)        /* rotation sizes below this are raised to it */
#define GUARD_LOG_DEFAULT (10 * 1024 * 1024) /* in place of 0 */
#define GUARD_LINE_HOLD   200                /* ms that an unfinished line is held back */

struct guard_stream {
    int fd; /* the reading end; -1 at its end */
    enum agent_logline_stream name;
    uint64_t held_ms; /* since when the buffer holds an unfinished line */
    size_t len;
    char buffer[GUARD_LINE_BUFFER];
};

struct guard_output {
    struct guard_stream stream[2];
    char path[GUARD_PATH_MAX];
    const char *run;
    uint64_t token;
    uint32_t attempt;
    uint64_t max; /* bytes of one file */
    uint64_t keep_s;
    int fd; /* -1: could not be opened; tried again at retry_ms */
    uint64_t retry_ms;
    uint64_t base; /* offset of the file's first byte in the attempt's output */
    uint64_t size; /* bytes in the file; whole records only */
    uint64_t lost; /* bytes of records the disk refused since the last note */
    int lost_err;
    uint64_t wall_ms; /* of what is being read */
    size_t len;
    char out[GUARD_OUT_BUFFER]; /* records on their way to the file */
};

/* Makes the pipes; `writer` receives the writing ends for the job, which the caller closes after
 * the fork. 0, or errno. */
int guard_output_pipes(struct guard_output *o, int writer[2]);

/* Opens the file; what the disk refuses is no failure. 0, or ENAMETOOLONG. */
int guard_output_open(struct guard_output *o, const char *path, uint64_t max, const char *run,
                      uint64_t token, uint32_t attempt);

/* Reads once from a stream that poll found readable. True if there was something. */
bool guard_output_read(struct guard_output *o, struct guard_stream *s, uint64_t now_ms);

/* Puts out lines that were held long enough; gives the time of the next, or UINT64_MAX. */
uint64_t guard_output_hold(struct guard_output *o, uint64_t now_ms);

/* A line of the guard's own. */
void guard_output_note(struct guard_output *o, const char *text, uint64_t now_ms);

/* Takes all that is in the pipes now, whoever may still hold their other ends, and closes them. */
void guard_output_drain(struct guard_output *o, uint64_t now_ms);

void guard_output_close(struct guard_output *o, uint64_t now_ms);

#endif
