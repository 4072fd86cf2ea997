/* SPDX-License-Identifier: Apache-2.0 */
/* R55: proof of death is about a process that is gone. */
#include <string.h>

#include "tests/sim/inv.h"

/* One that has just come back may still hear of its former life; one with a new disk has a former
 * life of the same name for ever. */
#define FORMER_LIFE_MS 20000

static void proof_check(struct sim *s, uint32_t node, const char *name)
{
    uint32_t dead = (uint32_t)(name[1] - '0');
    bool lives = dead < s->nodes && s->node[dead].is_up && !s->node[dead].is_wiped &&
                 s->now > s->node[dead].up_since + FORMER_LIFE_MS;
    if (name[0] == 'n' && lives)
        sim_fail(s, 1, "R55: n%u says that the process of n%u is gone, and it lives", node, dead);
}

void sim_inv_news(struct sim *s, uint32_t node, const struct agent_news *n)
{
    if (strcmp(n->type, "member.dead") == 0 && strstr(n->text, "is gone") != NULL)
        proof_check(s, node, n->node);
}
