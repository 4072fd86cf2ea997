/* File: the output file of an attempt: opened, written, rotated, and the old ones of the job
 * removed.
 *
 * The file is locked (flock) while its attempt lives, so that nobody who makes room removes it.
 *
 * units    milliseconds of CLOCK_BOOTTIME
 * memory   works on struct guard_output
 * errors   kept there: what the disk refuses is lost, and counted
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_FILE_H
#define MUSTER_AGENT_GUARD_FILE_H

#include <stdint.h>

#include "agent/guard/output.h"

/* Makes the job's folder and the file. Without success the next flush that finds a second gone by
 * tries again: a full disk must not keep a job from running. */
void guard_file_open(struct guard_output *o, uint64_t now_ms);

/* Writes out the records that have gathered. */
void guard_file_flush(struct guard_output *o, uint64_t now_ms);

/* The last records of the attempt, at most so many bytes; their length. */
size_t guard_file_tail(const struct guard_output *o, char *data, size_t size);

/* Removes the oldest files beside this one beyond GUARD_LOGS_KEPT, but none of a living attempt. */
void guard_file_prune(const struct guard_output *o);

void guard_file_close(struct guard_output *o);

#endif
