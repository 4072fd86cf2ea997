/* Run name: how the runs of one job are called, and what a name says.
 *     JOB                          the service or task itself
 *     JOB@3                        copy 3 of a job that is spread over several nodes
 *     JOB@%NODE                    the copy that belongs to a node (spread: each)
 *     JOB@2026-03-28T01:00:00Z     the tick of a schedule, which may have copies too:
 *     JOB@2026-03-28T01:00:00Z.3   JOB@2026-03-28T01:00:00Z%NODE
 *     JOB:ID                       triggered
 * The name is the key of the run's row. A job's name has neither `@` nor `:` nor `%`; a dot it may
 * have, and that is why copy 3 is not called JOB.3. Runs with an `@` are kept where their job is
 * (store/row.h, store_key_home), triggered ones by their own name.
 *
 * units    wall milliseconds; ticks are whole seconds
 * memory   what is read borrows from the key
 * errors   agent_run_name_fault says what is wrong with a name, or NULL
 * threads  any
 */
#ifndef MUSTER_AGENT_RUN_NAME_H
#define MUSTER_AGENT_RUN_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct agent_run_name {
    struct muster_bytes job;
    uint64_t tick_wall_ms;    /* 0: of no schedule */
    uint32_t index;           /* of a copy, from 1; 0: none */
    struct muster_bytes node; /* whose share it is; empty: nobody's */
    struct muster_bytes id;   /* of a triggered run; empty: it is none */
};

struct agent_run_name agent_run_name_read(struct muster_bytes key);
bool agent_run_name_is_child(struct muster_bytes key); /* of another row */

/* The key into `out` of STORE_KEY_MAX + 1 bytes; false when it does not fit. `id` is not written
 * with the others. */
bool agent_run_name_write(const struct agent_run_name *name, char *out);

const char *agent_run_name_fault(struct muster_bytes key);

#endif
