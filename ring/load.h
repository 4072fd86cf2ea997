/* Load: who runs a job when its owner is full.
 *
 * Placement never depends on load; only the choice of the runner does. A node is full for a job
 * when its used units and the job's exceed its capacity. The rule walks
 *
 *     1. the order of the key's slot, as far as its row knows it (ring_order);
 *     2. RING_DRAWS draws, each the owner of another slot of the key, so weight decides once more;
 *     3. nobody: the job waits at its owner and is offered again when a load report frees a unit.
 *
 * It is applied to one node's view of the loads and the runner may still refuse: the choice is
 * written to the job's record, so nobody else need come to the same one.
 *
 * units    capacity units, the same as a node's weight unless the caller has a better view
 * memory   borrows the view during the call; allocates nothing
 * errors   none; RING_NONE is an answer
 * threads  the loop's only
 */
#ifndef MUSTER_RING_LOAD_H
#define MUSTER_RING_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "ring/ring.h"

/* What is known of the nodes, by their numbers. */
struct ring_load_view {
    const uint32_t *used;
    const uint32_t *capacity;
    const bool
        *is_alive; /* false as well for whom the caller rules out: who refused, who does not fit */
};

enum ring_load_step {
    RING_LOAD_WAITS, /* step 3 */
    RING_LOAD_ORDER, /* step 1 */
    RING_LOAD_DRAW   /* step 2 */
};

struct ring_load_choice {
    uint16_t node; /* RING_NONE when the job waits */
    enum ring_load_step step;
    uint32_t rank; /* place in the order, 0 the owner; or the number of the draw, from 1 */
};

struct ring_load_choice ring_load_choose(const struct ring *r, struct muster_bytes key,
                                         const struct ring_load_view *view, uint32_t units);

#endif
