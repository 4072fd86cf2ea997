/* Boots: the highest boot number that each node has shown us, and the nonce of that boot, kept on
 * disk. Who shows a lower number, or the same one with another nonce, lives from a copied or
 * restored data folder, and its votes would be worth nothing.
 *
 * memory   one table for members_max nodes; at the brim newcomers are not remembered
 * threads  the loop's only
 * source   consistency R3
 */
#ifndef MUSTER_AGENT_BOOTS_H
#define MUSTER_AGENT_BOOTS_H

#include <stdbool.h>

#include "agent/core.h"

MUSTER_MUST_USE int agent_boots_open(struct agent_core *core);
void agent_boots_close(struct agent_core *core);

/* A record of the table META, at boot; what is none of ours is passed over. */
void agent_boots_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value);

/* May this be the node that we know under the id? A nonce of 0 is that of an older build. */
bool agent_boots_fit(const struct agent_core *core, struct muster_id id, uint64_t boot,
                     uint64_t nonce);
/* It was let in: remember it. */
void agent_boots_saw(struct agent_core *core, struct muster_id id, uint64_t boot, uint64_t nonce);

/* "We have seen a later boot of you": told to who does not fit, before its link is closed. */
void agent_boots_tell(struct agent_core *core, uint32_t link, struct muster_id id);
/* The boot number in such a word; 0: it makes no sense. */
uint64_t agent_boots_told(const struct agent_core *core, struct muster_reader *r);

#endif
