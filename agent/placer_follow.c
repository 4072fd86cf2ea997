/* SPDX-License-Identifier: Apache-2.0 */
/* A run whose job says `move: eager` follows the ring: when a node that comes before its own has
 * room, it moves there, a few at a time. (R32) */
#include "agent/family.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define FOLLOW_SETTLE_MS 10000 /* a run stays that long where it has come */

static bool is_settled(const struct agent_core *core, const struct place_entry *e)
{
    return e->heard_ms != 0 && e->run_state == AGENT_RUN_RUNNING &&
           core->now.mono_ms >= e->token_ms + FOLLOW_SETTLE_MS;
}

/* The first in the order of its key that could have it, if that is not the node which has. */
static struct agent_peer *better(struct agent_core *core, const struct agent_wish *wish,
                                 const struct store_row *row)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n && !muster_id_equal(walk[i]->id, row->run_node); i++)
        if (agent_place_fits(core, walk[i], wish, row->needs, walk[i]->promised) == AGENT_FITS &&
            !muster_id_equal(walk[i]->id, row->avoid) &&
            agent_family_bar_text(core, row->key, walk[i]) == NULL)
            return walk[i];
    return NULL;
}

const struct agent_peer *agent_placer_next(struct agent_core *core, const struct store_row *row,
                                           uint32_t *taken)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX], *found = NULL;
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n && found == NULL; i++) {
        uint32_t *given = &taken[walk[i] - agent_peers_at(core, 0)];
        if (muster_id_equal(walk[i]->id, row->run_node) ||
            agent_place_fits(core, walk[i], wish, row->needs, walk[i]->promised + *given) !=
                AGENT_FITS ||
            agent_family_bar_text(core, row->key, walk[i]) != NULL)
            continue;
        *given += row->needs;
        found = walk[i];
    }
    agent_wish_drop(&core->wishes, wish);
    return found;
}

bool placer_follows(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct agent_wish *wish = placer_wish(core, e, row);
    if (wish == NULL || !wish->is_eager || row->want != STORE_WANT_RUN ||
        row->kind == STORE_KIND_TASK || core->placer->moving >= PLACE_MOVES_MAX ||
        !is_settled(core, e))
        return false;
    struct agent_peer *to = better(core, wish, row);
    if (to == NULL)
        return false;
    MUSTER_MARK(follows_the_ring);
    agent_news_add(core, "run.follows", to->name, e->key, e->token, "the ring wants it there");
    e->move_to = to->id;
    e->is_moving = true;
    core->placer->moving++;
    return true;
}
