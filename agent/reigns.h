/* Reigns: of which keeper a question that changes something is asked.
 *
 * A question may be held up on its way for seconds, and its asker be answered meanwhile by somebody
 * else. So it names the reign that it means, and a keeper in another one does not do it: what was
 * asked of its own reign it knows by the question's id (R19), and of what other keepers have said
 * it knows nothing. Who does not know the reign, or knows an earlier one, is told and asks again.
 *
 * The store has heard of the reigns of buckets on whose bench this node sits; of all others what
 * was told last is remembered here.
 *
 * memory   one number for each bucket
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_REIGNS_H
#define MUSTER_AGENT_REIGNS_H

#include <stdint.h>

#include "base/arena.h"
#include "store/store.h"

struct agent_reigns {
    struct muster_arena memory;
    uint32_t buckets;
    uint64_t *told; /* of each bucket; 0: none */
};

MUSTER_MUST_USE int agent_reigns_open(struct agent_reigns *r, uint32_t buckets);
void agent_reigns_close(struct agent_reigns *r);

void agent_reigns_told(struct agent_reigns *r, uint32_t bucket, uint64_t reign); /* 0: nothing */
/* The one to name; 0: unknown. */
uint64_t agent_reigns_meant(const struct agent_reigns *r, const struct store *store,
                            uint32_t bucket);

#endif
