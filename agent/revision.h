/* Revision: what a job said before it was changed, kept beside it.
 *
 * A change of a specification writes the one it replaces into a row `JOB!v.N`, N its number modulo
 * AGENT_REVISIONS, in the same transaction. Such a row is one of those that are left beside a job
 * (agent/left.h): it is replicated with it, goes with it, and is no job.
 *
 * units    milliseconds of wall time
 * memory   struct agent_revision is large and lives until its write is queued
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_REVISION_H
#define MUSTER_AGENT_REVISION_H

#include <stdint.h>

#include "agent/core.h"
#include "agent/json.h"
#include "agent/left.h"
#include "store/store.h"

#define AGENT_REVISIONS 6 /* earlier ones that are kept */

struct agent_revision {
    struct store_row row;
    char key[STORE_KEY_MAX + 1];
    uint8_t spec[AGENT_LEFT_PART + AGENT_LEFT_HEAD];
};

/* The write that keeps what `job` says now. */
void agent_revision_keep(struct agent_core *core, const struct store_row *job,
                         struct agent_revision *out, struct store_write *write);

/* {"items":[{"rev","modified","spec"}],"next":null}: the present one first, then the earlier ones.
 */
void agent_revision_list(struct agent_core *core, struct agent_json *j,
                         const struct store_row *job);

#endif
