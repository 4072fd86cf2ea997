/* SPDX-License-Identifier: Apache-2.0 */
/* I8: what lives on a node has a slot there. */
#include "tests/sim/inv.h"

void sim_inv_slots(struct sim *s, uint32_t node)
{
    uint32_t live = s->node[node].live;
    if (live > s->node[node].slots)
        sim_fail(s, 1, "I8: n%u runs %u processes on %u slots", node, live, s->node[node].slots);
}
