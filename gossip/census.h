/* Census: our whole table as one stream message.
 *
 * memory   two buffers in the core, good for one census a step
 * threads  the loop's only
 * source   docs/protocol.md, "Push/pull"
 */
#ifndef MUSTER_GOSSIP_CENSUS_H
#define MUSTER_GOSSIP_CENSUS_H

#include "gossip/core.h"

#define GOSSIP_ENTRY_MAX 896 /* bytes of one encoded entry, at most */

size_t gossip_census_size(uint32_t members_max); /* bytes of each of the two buffers */

/* In its envelope, as a request or as the answer to one. At most once a step; the bytes live until
 * the next one. */
struct muster_bytes gossip_census(struct gossip *g, bool is_join, bool is_request);
/* The next step has come: a large pool's table is not kept for the minutes until it is sent again.
 */
void gossip_census_rest(struct gossip *g);

#endif
