/* Names: what a job or a node may be called.
 *
 * 1 to AGENT_NAME_MAX of `a-z 0-9 . _ - /`. A job's name may be a path, so that names sort and list
 * by prefix; its parts are neither empty nor "." nor "..", because clients fold those away in a URL
 * and would then speak of another job. A node's name has no slash.
 *
 * threads  any
 */
#ifndef MUSTER_AGENT_NAME_H
#define MUSTER_AGENT_NAME_H

#include <stdbool.h>

#include "agent/launch.h"
#include "base/bytes.h"

/* NULL when it is a name; else what is wrong with it, as the end of a sentence. */
const char *agent_name_job_fault(struct muster_bytes name);
const char *agent_name_node_fault(struct muster_bytes name);

#endif
