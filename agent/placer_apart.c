/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes have told of runs that may not share them with others. (agent/apart.h)
 *
 * Only a node knows what runs there. What it refused for is remembered until it says that it has
 * fewer runs, or for ten seconds: so it is not asked over and over, and people are told why. */
#include <stdio.h>

#include "agent/placer_inside.h"

const char *placer_apart(const struct agent_core *core, uint64_t key_hash, struct muster_id node)
{
    const struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < PLACE_REFUSALS_MAX; i++)
        if (t->refusal[i].key_hash == key_hash && key_hash != 0 &&
            t->refusal[i].until_ms > core->now.mono_ms && muster_id_equal(t->refusal[i].node, node))
            return t->refusal[i].other;
    return NULL;
}

bool placer_apart_any(const struct agent_core *core, uint64_t key_hash)
{
    const struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < PLACE_REFUSALS_MAX && t->refusals > 0; i++)
        if (t->refusal[i].key_hash == key_hash && t->refusal[i].until_ms > core->now.mono_ms)
            return true;
    return false;
}

void placer_apart_told(struct agent_core *core, const struct place_entry *e, struct muster_id node,
                       struct muster_bytes other)
{
    struct agent_placer *t = core->placer;
    struct place_refusal *r = &t->refusal[t->refusals++ % PLACE_REFUSALS_MAX];
    *r = (struct place_refusal){ .key_hash = e->key_hash,
                                 .node = node,
                                 .until_ms = core->now.mono_ms + PLACE_REFUSAL_MS };
    (void)snprintf(r->other, sizeof r->other, "%.*s", (int)other.len, (const char *)other.data);
    MUSTER_MARK(told_to_keep_apart);
}

void agent_placer_freed(struct agent_core *core, struct muster_id node)
{
    struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < PLACE_REFUSALS_MAX && t->refusals > 0; i++)
        if (muster_id_equal(t->refusal[i].node, node))
            t->refusal[i].until_ms = 0;
}

const char *agent_placer_apart(const struct agent_core *core, struct muster_bytes key,
                               struct muster_id node)
{
    return placer_apart(core, muster_hash64(key, 0), node);
}
