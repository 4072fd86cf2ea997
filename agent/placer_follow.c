/* SPDX-License-Identifier: Apache-2.0 */
/* Services that move for the sake of balance. With `move: eager` a run follows the ring: when a
 * node that comes before its own has room, it moves there, a few at a time. With `move: lazy` it
 * moves when its node is fuller than another by a quarter and nobody has come or gone for a minute,
 * one at a time of each keeper. (R32) */
#include <stdio.h>
#include <string.h>

#include "agent/family.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define FOLLOW_SETTLE_MS 10000 /* a run stays that long where it has come */
#define LEVEL_CALM_MS    60000 /* and so long when nothing but the load speaks against it */
#define LEVEL_PACE_MS    3000  /* between two moves of one keeper */
#define LEVEL_LOOK_MS    10000 /* between two looks at one run */
#define LEVEL_LEAST      25    /* hundredths */
#define FOLLOW_AGAIN_MS  60000 /* a node that seemed to have room, and refused, is left alone */

static bool is_settled(const struct agent_core *core, const struct place_entry *e)
{
    const struct place_run *run = placer_run_of(e);
    return run->heard_ms != 0 && run->state == AGENT_RUN_RUNNING &&
           core->now.mono_ms >= run->token_ms + FOLLOW_SETTLE_MS;
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
            agent_family_bar_text(core, row->key, walk[i]) == NULL &&
            agent_placer_apart(core, row->key, walk[i]->id) == NULL)
            return walk[i];
    return NULL;
}

/* How well a node that may have it suits: less is better. */
static uint32_t misfit(const struct agent_wish *wish, const struct agent_peer *p,
                       const struct agent_peer *const *mate, uint32_t mates)
{
    struct agent_facts facts = agent_place_facts(p);
    uint32_t same = 0;
    for (uint32_t i = 0; i < mates; i++)
        same += placer_same_value(mate[i], p, wish->spread_by);
    return same + (agent_wish_prefers(wish, &facts) ? 0 : PLACE_MATES_MAX + 1);
}

/* `taken` may be NULL. */
static struct agent_peer *elsewhere(struct agent_core *core, const struct store_row *row,
                                    const struct agent_wish *wish, const uint32_t *taken)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX], *found = NULL;
    const struct agent_peer *mate[PLACE_MATES_MAX];
    bool spreads = wish != NULL && wish->spread_by[0] != '\0';
    uint32_t mates = spreads ? agent_family_mates(core, row->key, mate, PLACE_MATES_MAX) : 0;
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX), least = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t given = taken != NULL ? taken[walk[i] - agent_peers_at(core, 0)] : 0;
        if (muster_id_equal(walk[i]->id, row->run_node) ||
            agent_place_fits(core, walk[i], wish, row->needs, walk[i]->promised + given) !=
                AGENT_FITS ||
            agent_family_bar_text(core, row->key, walk[i]) != NULL ||
            agent_placer_apart(core, row->key, walk[i]->id) != NULL)
            continue;
        uint32_t is = misfit(wish, walk[i], mate, mates);
        if (found != NULL && is >= least)
            continue;
        least = is;
        found = walk[i];
    }
    return found;
}

struct agent_peer *placer_elsewhere(struct agent_core *core, const struct store_row *row,
                                    const struct agent_wish *wish)
{
    return elsewhere(core, row, wish, NULL);
}

const struct agent_peer *agent_placer_next(struct agent_core *core, const struct store_row *row,
                                           uint32_t *taken)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    struct agent_peer *found = elsewhere(core, row, wish, taken);
    if (found != NULL)
        taken[found - agent_peers_at(core, 0)] += row->needs;
    agent_wish_drop(&core->wishes, wish);
    return found;
}

bool agent_placer_may_have(struct agent_core *core, const struct store_row *row,
                           const struct agent_peer *p, char *why, size_t size)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    bool may = false;
    if (p == NULL) {
        may = placer_elsewhere(core, row, wish) != NULL;
        (void)snprintf(why, size, "no other node could have it now");
    } else {
        enum agent_unfit u = agent_place_fits(core, p, wish, row->needs, p->promised);
        const char *bar = agent_family_bar_text(core, row->key, p);
        struct agent_facts facts = agent_place_facts(p);
        const char *text = bar != NULL ? bar : agent_unfit_text(u);
        may = u == AGENT_FITS && bar == NULL;
        if (u == AGENT_UNFIT_UNLIKE)
            (void)agent_match_why(&wish->on, &facts, why, size);
        else
            (void)snprintf(why, size, "%s", strncmp(text, "no: ", 4) == 0 ? text + 4 : text);
    }
    agent_wish_drop(&core->wishes, wish);
    return may;
}

/* ---- level */

/* By so many hundredths the node of a run, with it, is fuller than that one would be with it. */
static int64_t gain(const struct agent_core *core, const struct agent_peer *from,
                    const struct agent_peer *to, uint32_t needs, const uint32_t *taken)
{
    const struct agent_peer *first = agent_peers_at(core, 0);
    uint32_t out = from->used + (taken != NULL ? taken[from - first] : 0);
    uint32_t in = to->used + to->promised + (taken != NULL ? taken[to - first] : 0) + needs;
    if (from->slots == 0 || to->slots == 0)
        return 0;
    return (int64_t)out * 100 / from->slots - (int64_t)in * 100 / to->slots;
}

/* Of those that would be fuller by `least` hundredths less, the emptiest. */
static struct agent_peer *lighter(struct agent_core *core, const struct agent_wish *wish,
                                  const struct store_row *row, const uint32_t *taken, int64_t least)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX], *found = NULL;
    const struct agent_peer *from = agent_peers_find(core, row->run_node);
    bool is_fixed = wish != NULL && wish->is_fixed;
    if (from == NULL || !from->load_known || row->kind != STORE_KIND_SERVICE || is_fixed ||
        row->want != STORE_WANT_RUN || row->phase != STORE_PLACED)
        return NULL;
    struct agent_facts own = agent_place_facts(from);
    bool is_preferred = agent_wish_prefers(wish, &own);
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t given = taken != NULL ? taken[walk[i] - agent_peers_at(core, 0)] : 0;
        struct agent_facts facts = agent_place_facts(walk[i]);
        if (walk[i] == from || gain(core, from, walk[i], row->needs, taken) < least ||
            (is_preferred && !agent_wish_prefers(wish, &facts)) ||
            muster_id_equal(walk[i]->id, row->avoid) ||
            agent_place_fits(core, walk[i], wish, row->needs, walk[i]->promised + given) !=
                AGENT_FITS ||
            agent_family_bar_text(core, row->key, walk[i]) != NULL ||
            agent_placer_apart(core, row->key, walk[i]->id) != NULL)
            continue;
        found = walk[i];
        least = gain(core, from, found, row->needs, taken) + 1;
    }
    return found;
}

const struct agent_peer *agent_placer_lighter(struct agent_core *core, const struct store_row *row,
                                              uint32_t *taken)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    const struct agent_peer *from = agent_peers_find(core, row->run_node);
    struct agent_peer *to = lighter(core, wish, row, taken, 1);
    agent_wish_drop(&core->wishes, wish);
    if (to == NULL)
        return NULL;
    taken[to - agent_peers_at(core, 0)] += row->needs;
    taken[from - agent_peers_at(core, 0)] -= row->needs; /* below zero it counts down from there */
    return to;
}

void agent_placer_ring(struct agent_core *core)
{
    core->placer->calm_ms = core->now.mono_ms;
    placer_none_again(core);
}

static bool is_calm(const struct agent_core *core)
{
    const struct agent_placer *t = core->placer;
    uint64_t now = core->now.mono_ms;
    return now >= t->calm_ms + LEVEL_CALM_MS && now >= t->level_ms + LEVEL_PACE_MS &&
           t->moving == 0;
}

static bool moves_to(struct agent_core *core, struct place_entry *e, const struct agent_peer *to,
                     const char *why)
{
    agent_news_add(core, "run.follows", to->name, e->key, placer_run_of(e)->token, "%s", why);
    placer_ask_make(core, e)->move_to = to->id;
    e->is_moving = true;
    core->placer->moving++;
    return true;
}

bool placer_is_following(const struct place_entry *e)
{
    return e->is_moving && !muster_id_is_zero(placer_ask_of(e)->move_to);
}

void placer_follow_failed(struct agent_core *core, struct place_entry *e)
{
    MUSTER_MARK(follows_in_vain);
    placer_run_make(core, e)->level_ms = core->now.mono_ms + FOLLOW_AGAIN_MS;
}

/* Looked at now and then: most clusters are level. */
static bool is_leveled(struct agent_core *core, struct place_entry *e,
                       const struct agent_wish *wish, const struct store_row *row)
{
    uint64_t now = core->now.mono_ms;
    if (!is_calm(core) || now < placer_run_of(e)->level_ms || !is_settled(core, e) ||
        now < placer_run_of(e)->token_ms + LEVEL_CALM_MS)
        return false;
    placer_run_make(core, e)->level_ms = now + LEVEL_LOOK_MS;
    struct agent_peer *to = lighter(core, wish, row, NULL, LEVEL_LEAST);
    if (to == NULL)
        return false;
    MUSTER_MARK(moves_to_level);
    core->placer->level_ms = now;
    return moves_to(core, e, to, "its node is fuller by a quarter");
}

bool placer_follows(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct agent_wish *wish = placer_wish(core, e, row);
    if (row->want != STORE_WANT_RUN || row->kind == STORE_KIND_TASK)
        return false;
    if (wish == NULL || !wish->is_eager)
        return is_leveled(core, e, wish, row);
    if (core->placer->moving >= PLACE_MOVES_MAX || !is_settled(core, e) ||
        core->now.mono_ms < placer_run_of(e)->level_ms)
        return false;
    struct agent_peer *to = better(core, wish, row);
    if (to == NULL)
        return false;
    MUSTER_MARK(follows_the_ring);
    return moves_to(core, e, to, "the ring wants it there");
}
