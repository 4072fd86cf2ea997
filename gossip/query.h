/* Query: what serf agents ask all members of a pool, answered as far as a member can that does not
 * run serf: that it was heard, and which keys we have. Keys are not changed so, for ours lie on
 * disks and are changed by `muster keys`; who tries is told.
 *
 * Answers go to a member only, at the address that we know of it: nobody can have them sent to a
 * stranger. A query is answered once, and not at all when it is for nodes with certain tags.
 *
 * errors   what does not decode is counted and dropped
 * threads  the loop's only
 * source   docs/protocol.md, "Serf"
 */
#ifndef MUSTER_GOSSIP_QUERY_H
#define MUSTER_GOSSIP_QUERY_H

#include "base/bytes.h"

struct gossip;

void gossip_query_take(struct gossip *g, struct muster_bytes body);

#endif
