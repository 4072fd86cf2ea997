/* Lost: nodes whose disks are gone for ever, by an operator's oath (`muster forget`).
 *
 * An oath is on disk before it counts, is told to every peer and by each of them on, and never
 * ends: that id may not vote, sit or run again. It speaks of a disk, not of a process that may
 * still run: leases of exclusive runs end by themselves as always.
 *
 * units    milliseconds of wall time, for people
 * memory   one table of STORE_LOST_MAX entries; at the brim an oath is refused
 * errors   answered to who asked
 * threads  the loop's only
 * source   consistency R49, R26, section 1 (quorum)
 */
#ifndef MUSTER_AGENT_LOST_H
#define MUSTER_AGENT_LOST_H

#include <stdbool.h>

#include "agent/core.h"
#include "agent/peers.h"

MUSTER_MUST_USE int agent_lost_open(struct agent_core *core);
void agent_lost_close(struct agent_core *core);

/* A record of the table META, at boot; what is no oath is passed over. */
void agent_lost_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value);

/* Declared lost, and that is on our disk. */
bool agent_lost_has(const struct agent_core *core, struct muster_id id);

/* An operator swears: by a node's name, or the first digits of its id. */
void agent_lost_forget(struct agent_core *core, const struct serve_ask *ask);
/* The end of a note; false when it was none of ours. */
bool agent_lost_noted(struct agent_core *core, uint64_t cookie, int err);

/* What peers tell each other. Somebody told us that we are lost ourselves: true. */
void agent_lost_tell(struct agent_core *core, uint32_t link); /* all oaths, to one peer */
bool agent_lost_got(struct agent_core *core, struct muster_id from, struct muster_reader *r);

#endif
