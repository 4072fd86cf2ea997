/* SPDX-License-Identifier: Apache-2.0 */
/* I14: every queue is bounded. What a node asks of its world is counted; the bounds are named. */
#include "tests/sim/inv.h"

#define EFFECTS_MAX 4096  /* of one step */
#define FRAMES_MAX  20000 /* on one link, one way */
#define INBOX_MAX   65536

void sim_inv_effects(struct sim *s, uint32_t node, uint32_t count)
{
    if (count > EFFECTS_MAX)
        sim_fail(s, 1, "I14: one step of n%u wants more than %u things", node, EFFECTS_MAX);
}

void sim_inv_queue(struct sim *s, const struct sim_end *end)
{
    if (end->count > FRAMES_MAX)
        sim_fail(s, 1, "I14: more than %u frames wait for n%u", FRAMES_MAX, end->node);
}

void sim_inv_inbox(struct sim *s, uint32_t node)
{
    if (s->node[node].inbox_count > INBOX_MAX)
        sim_fail(s, 1, "I14: more than %u things wait for n%u", INBOX_MAX, node);
}
