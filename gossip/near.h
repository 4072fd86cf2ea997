/* Near: whom this node watches: the next three living kin on a ring of all names.
 *
 * Every node orders the names by the same hash, so that each member has the same three watchers for
 * everybody who knows the same members. Who comes is put in its place; only when one of the three
 * goes are all members looked through, and then once.
 *
 * memory   held by value in the table; nothing for each member
 * threads  one user each
 * source   docs/protocol.md, "Watching"
 */
#ifndef MUSTER_GOSSIP_NEAR_H
#define MUSTER_GOSSIP_NEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define GOSSIP_NEAR_MAX 3

struct gossip_near {
    uint64_t from;                 /* our own place */
    uint64_t way[GOSSIP_NEAR_MAX]; /* from us to each, the shortest first */
    uint32_t member[GOSSIP_NEAR_MAX];
    uint32_t count;
    uint32_t changes; /* rises with every change */
    bool is_short;    /* one has gone: who stands behind the others is to be looked for */
};

void gossip_near_init(struct gossip_near *n, struct muster_bytes own_name);
void gossip_near_came(struct gossip_near *n, struct muster_bytes name, uint32_t member);
void gossip_near_went(struct gossip_near *n, uint32_t member);
bool gossip_near_has(const struct gossip_near *n, uint32_t member);

#endif
