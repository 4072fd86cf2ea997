/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of a dead node whose keeper died with it: whoever stands for their bucket asks for room
 * while the votes are on their way, and places them with the first write of its reign.
 *
 *   stands ── OFFER ──▶ ROOM ── elected ──▶ placement beside the bench row ── served ──▶ START
 *
 * Room that nobody comes for is free again after three seconds. The placement is a write like any
 * other, behind the bench row on its way to every member; nothing acts on it before the bucket is
 * served, and for that it has to be chosen, like all that was written before (R13, R18). Only plain
 * services and tasks are placed so: whatever else is to be weighed waits until it can be. */
#include <string.h>

#include "agent/holds.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define EARLY_MAX 16 /* of one bucket */

struct early_keys {
    char key[EARLY_MAX][STORE_KEY_MAX + 1];
    uint32_t count;
};

static enum store_role role_of(const struct agent_core *core, uint32_t bucket)
{
    struct store_bucket_view b;
    store_bucket(core->store, bucket, &b);
    return b.role;
}

static bool is_plain(const struct agent_core *core, const struct store_view *view)
{
    const struct store_row *row = &view->row;
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    return p != NULL && p->life == AGENT_LIFE_PROVEN && p->seen_ms != 0 &&
           row->phase == STORE_PLACED && row->want == STORE_WANT_RUN &&
           row->mode == STORE_AVAILABLE && row->run_mode == STORE_AVAILABLE &&
           row->handoff == STORE_HANDOFF_NONE && !row->is_light && store_key_is_job(row->key) &&
           row->not_before_wall_ms <= core->now.wall_ms && !agent_holds_has(core, row->key);
}

/* Asking and writing move what the store's cursor stands on. */
static void keys_take(const struct agent_core *core, uint32_t bucket, struct early_keys *keys)
{
    struct store_view view;
    uint64_t cursor = 0;
    keys->count = 0;
    while (keys->count < EARLY_MAX && store_bucket_next(core->store, bucket, &cursor, &view)) {
        if (!is_plain(core, &view))
            continue;
        char *key = keys->key[keys->count++];
        memcpy(key, view.row.key.data, view.row.key.len);
        key[view.row.key.len] = '\0';
    }
}

static void early_ask(struct agent_core *core, struct muster_bytes key)
{
    struct store_view view;
    struct place_entry *e = placer_find(core, key) == NULL ? placer_make(core, key) : NULL;
    if (e == NULL || !store_get(core->store, key, &view))
        return;
    placer_run_take(core, e, &view.row);
    e->is_early = true;
    placer_refuse(core, e, view.row.run_node);
    const struct agent_wish *wish = placer_wish(core, e, &view.row);
    bool is_capped = wish != NULL && wish->max_running != 0;
    if (is_capped || !placer_is_lost(core, e, &view.row) || placer_is_last_straw(core, &view.row) ||
        !placer_offer(core, e, &view.row))
        placer_free(core, e);
    else
        MUSTER_MARK(room_asked_for_early);
}

bool placer_early_may(const struct agent_core *core, const struct place_entry *e)
{
    return e->is_early && role_of(core, e->bucket) == STORE_ELECTED;
}

bool placer_early_waits(struct agent_core *core, struct place_entry *e)
{
    enum store_role role = role_of(core, e->bucket);
    uint64_t until_ms = placer_ask_of(e)->offered_ms + PLACE_OFFER_MS;
    if (!e->is_early || core->now.mono_ms >= until_ms ||
        (role != STORE_CANDIDATE && role != STORE_ELECTED))
        return false;
    placer_due(core, e, until_ms);
    return true;
}

/* Until it is elected, the room that it was given is remembered. */
bool placer_early_room(struct agent_core *core, struct place_entry *e, struct muster_id node)
{
    if (!e->is_early || role_of(core, e->bucket) != STORE_CANDIDATE)
        return false;
    placer_ask_make(core, e)->room_at = node;
    return true;
}

static void early_place(struct agent_core *core, struct muster_bytes key)
{
    struct place_entry *e = placer_find(core, key);
    struct muster_id node = { 0 };
    if (e != NULL && e->is_early && e->state == PLACE_OFFERED)
        node = placer_ask_of(e)->room_at;
    if (muster_id_is_zero(node))
        return;
    MUSTER_MARK(placed_before_it_serves);
    placer_ask_make(core, e)->room_at = (struct muster_id){ 0 };
    placer_place(core, e, node);
}

void agent_placer_early(struct agent_core *core, uint32_t bucket, bool is_elected)
{
    struct early_keys keys;
    keys_take(core, bucket, &keys);
    for (uint32_t i = 0; i < keys.count; i++)
        (is_elected ? early_place : early_ask)(core, muster_bytes_text(keys.key[i]));
}

void placer_early_served(struct agent_core *core, struct place_entry *e,
                         const struct store_view *view)
{
    if (!e->is_early)
        return;
    const struct place_run *run = placer_run_of(e);
    bool is_placed = view->row.run_token != run->token;
    bool is_asked = e->state == PLACE_OFFERED && placer_ask_of(e)->offer != 0;
    e->is_early = false;
    if (e->ask != NULL)
        e->ask->room_at = (struct muster_id){ 0 };
    if (!is_placed && !is_asked) {
        e->state = PLACE_NEW; /* looked at as if nothing had been asked yet */
        return;
    }
    MUSTER_MARK(run_lost);
    agent_news_add(core, "run.lost", agent_node_name(core, run->node), e->key, run->token,
                   "its node is gone; it is placed anew");
    core->counters.handovers++;
    if (is_placed)
        placer_news_placed(core, e, view);
}
