/* Apart: jobs that a job may not share a node with. A list by comma of names of jobs, or of how
 * they begin: `db/main, cache*`. It holds both ways: who is named does not come to a node where
 * somebody runs that names it.
 *
 * memory   none
 * errors   agent_apart_fault says what is wrong with a list, or NULL
 * threads  any
 * source   product reference, section 4, step 1
 */
#ifndef MUSTER_AGENT_APART_H
#define MUSTER_AGENT_APART_H

#include <stdbool.h>

#include "base/bytes.h"

#define AGENT_APART_MAX 256

/* True when the list names the job of a run with that key; an empty one names nobody. */
bool agent_apart_names(const char *list, struct muster_bytes key);
const char *agent_apart_fault(const char *list);

#endif
