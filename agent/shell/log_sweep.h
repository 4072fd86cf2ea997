/* Log sweep: keeps all output files together below a size, by removing the oldest of ended
 * attempts.
 *
 * The number of files for one job is bounded by its guards (agent/guard/file.h); this bounds the
 * sum, and their age.
 *
 * errors   none: what cannot be removed stays
 * threads  any: it reads folders, so give it to a worker
 */
#ifndef MUSTER_AGENT_SHELL_LOG_SWEEP_H
#define MUSTER_AGENT_SHELL_LOG_SWEEP_H

#include <stdint.h>

void shell_log_sweep(const char *log_dir, uint64_t total_max);

/* Removes the files of attempts that ended longer ago than their job's `keep.age` says; of those
 * that do not say, SHELL_LOG_KEEP_S. `now_s`: by the wall clock. */
#define SHELL_LOG_KEEP_S (30 * 24 * 3600)
void shell_log_sweep_aged(const char *log_dir, uint64_t now_s);

#endif
