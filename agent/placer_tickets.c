/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting runs leave a ticket at three nodes that could have them, and come when they are invited.
 * (R35) */
#include "agent/family.h"
#include "agent/placer_inside.h"
#include "agent/tickets.h"

#define TICKETS_EVERY_MS 2000
#define TICKETS_OF_ONE   3  /* nodes that hold a ticket of one run */
#define TICKETS_MAX      32 /* runs of one keeper that have some: those whose turn is next */

static bool may_hold(const struct agent_core *core, const struct agent_peer *p, uint32_t needs)
{
    return agent_peer_is_open(p) && !p->meta.held && agent_peer_is_linked(core, p) &&
           p->load_known && p->slots >= needs;
}

static void tickets_leave(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    uint32_t n = agent_place_wished(core, row->key, placer_wish(core, e, row), walk,
                                    AGENT_CANDIDATES_MAX),
             left = 0;
    for (uint32_t i = 0; i < n && left < TICKETS_OF_ONE; i++) {
        if (!may_hold(core, walk[i], row->needs) ||
            placer_apart(core, e->key_hash, walk[i]->id) != NULL)
            continue;
        struct muster_writer w = agent_frame(core);
        agent_write_head(&w, AGENT_MSG_TICKET, 4);
        muster_write_str(&w, row->key);
        muster_write_u64(&w, agent_ticket_rank(row->priority, row->since_wall_ms));
        muster_write_u64(&w, row->needs);
        left += agent_frame_send(core, walk[i]->id, &w);
    }
}

/* The first of the queue, taken out and put back: a heap shows no more than its top. */
void placer_tickets(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    uint32_t aside[TICKETS_MAX], count = 0;
    bool was_due = t->is_fill_due;
    while (count < TICKETS_MAX && muster_heap_take(&t->queue, MUSTER_NEVER - 1, &aside[count]))
        count++;
    for (uint32_t i = 0; i < count; i++) {
        struct place_entry *e = &t->entry[aside[i]];
        struct store_view view;
        if (!store_get(core->store, placer_key(e), &view))
            continue; /* gone with its reign, which frees it */
        tickets_leave(core, e, &view.row);
        uint32_t refused = e->refused_count;
        placer_queue(core, e, &view.row);
        e->refused_count = refused;
    }
    t->is_fill_due = was_due;
    t->tickets_ms = count > 0 ? core->now.mono_ms + TICKETS_EVERY_MS : MUSTER_NEVER;
}

void agent_placer_invited(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    struct place_entry *e = muster_reader_ok(r) ? placer_find(core, key) : NULL;
    struct agent_peer *p = agent_peers_find(core, from);
    struct store_view view;
    if (e == NULL || e->state != PLACE_QUEUED || p == NULL || !agent_peer_is_open(p))
        return;
    if (!store_is_serving(core->store, e->bucket) || !store_get(core->store, key, &view))
        return;
    bool *may = core->placer->loads.is_alive;
    if (!p->is_in_ring)
        return;
    may[p->ring_number] = true;
    agent_family_bar(core, key, may);
    if (may[p->ring_number])
        placer_offer_to(core, e, &view.row, p);
}
