/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that do not wait for a node like they ask for (`if_none: fail`): when there is none, such a
 * run is dead at once.
 *
 * Who is full, held or draining is there, and is waited for. So is who went a moment ago: an agent
 * that is started anew or a host that boots is no reason to give up. A keeper that has just come up
 * does not judge before those who are there had time to be heard of. */
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define NONE_BOOT_MS 10000

static bool is_like(const struct agent_peer *p, const struct agent_wish *wish, uint32_t needs)
{
    struct agent_facts facts = agent_place_facts(p);
    return p->meta.slots >= needs && agent_wish_allows(wish, &facts);
}

/* When nobody counts as there who could ever have the run of a row; MUSTER_NEVER: somebody is. */
static uint64_t none_ms(const struct agent_core *core, const struct agent_wish *wish,
                        uint32_t needs)
{
    uint64_t at = core->started_ms + NONE_BOOT_MS;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (p->is_lost || p->is_foreign || !is_like(p, wish, needs))
            continue;
        if (agent_peer_is_alive(p))
            return MUSTER_NEVER;
        uint64_t gone = p->seen_ms != 0 && p->dead_since_ms != MUSTER_NEVER
                            ? p->dead_since_ms + core->config.return_grace_ms
                            : 0;
        at = gone > at ? gone : at;
    }
    return at;
}

static void none_text(const struct agent_core *core, const struct agent_wish *wish, uint32_t needs,
                      char out[STORE_REASON_MAX])
{
    uint32_t alive = 0;
    for (uint32_t i = 0; i < agent_peers_count(core); i++)
        alive += agent_peer_is_alive(agent_peers_at(core, i));
    if (wish->has_on)
        (void)snprintf(out, STORE_REASON_MAX, "none of %u nodes is like %.60s%s (if_none: fail)",
                       alive, wish->on.text, needs > 1 ? " with so many slots" : "");
    else
        (void)snprintf(out, STORE_REASON_MAX, "none of %u nodes has %u slots (if_none: fail)",
                       alive, needs);
}

uint64_t placer_none_ms(const struct agent_core *core, struct place_entry *e,
                        const struct store_row *row)
{
    struct agent_placer *t = core->placer;
    const struct agent_wish *wish = e->wish;
    bool waits = row->phase == STORE_WAITING && row->run_token == 0;
    if (!waits || wish == NULL || !wish->is_now)
        return MUSTER_NEVER;
    struct place_none *n = &t->none; /* a thousand of one kind are asked for in one step */
    if (n->hash != wish->hash || n->needs != row->needs || n->asked_ms != core->now.mono_ms)
        *n = (struct place_none){ wish->hash, row->needs, core->now.mono_ms,
                                  none_ms(core, wish, row->needs) };
    return n->at_ms;
}

bool placer_is_nobodys(struct agent_core *core, struct place_entry *e,
                       const struct store_view *view)
{
    struct store_row row = view->row;
    char text[STORE_REASON_MAX];
    const struct agent_wish *wish = placer_wish(core, e, &row);
    if (placer_none_ms(core, e, &row) > core->now.mono_ms)
        return false;
    MUSTER_MARK(no_node_is_like_that);
    none_text(core, wish, row.needs, text);
    row.phase = STORE_FAILED;
    row.since_wall_ms = core->now.wall_ms;
    row.reason = muster_bytes_text(text);
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "job.dead", NULL, e->key, 0, "%s", text);
    return true;
}

bool agent_placer_nobodys(struct agent_core *core, const struct store_row *row,
                          char out[STORE_REASON_MAX])
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    bool is_nobodys =
        wish != NULL && wish->is_now && none_ms(core, wish, row->needs) <= core->now.mono_ms;
    if (is_nobodys)
        none_text(core, wish, row->needs, out);
    agent_wish_drop(&core->wishes, wish);
    return is_nobodys;
}

/* Somebody has come or gone: those who wait are looked at. */
void placer_none_again(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    for (uint32_t i = 0; i < t->high; i++) {
        struct place_entry *e = &t->entry[i];
        bool waits = e->state == PLACE_QUEUED || e->state == PLACE_PERMIT;
        if (e->is_used && waits && e->wish != NULL && e->wish->is_now)
            placer_due(core, e, core->now.mono_ms);
    }
}
