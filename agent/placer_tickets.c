/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting runs leave a ticket at three nodes that could have them, and come when they are invited.
 * (R35) */
#include "agent/family.h"
#include "agent/placer_inside.h"
#include "agent/tickets.h"

#define TICKETS_EVERY_MS 2000
#define TICKETS_APART_MS 20 /* however many come to wait meanwhile */
#define TICKETS_OF_ONE   3  /* nodes that hold a ticket of one run */
#define TICKETS_MAX      32 /* runs of one keeper that have some: those whose turn is next */

static bool may_hold(const struct agent_core *core, const struct agent_peer *p, uint32_t needs)
{
    return agent_peer_is_open(p) && !p->meta.held && agent_peer_is_linked(core, p) &&
           p->load_known && p->slots >= needs;
}

/* `needs` of 0 takes it back. */
static bool ticket_send(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                        uint64_t rank, uint32_t needs)
{
    struct muster_writer w = agent_frame(core);
    agent_write_head(&w, AGENT_MSG_TICKET, 4);
    muster_write_str(&w, key);
    muster_write_u64(&w, rank);
    muster_write_u64(&w, needs);
    return agent_frame_send(core, to, &w);
}

/* Leaves a ticket at each of three nodes that could have it, or takes them back. */
static void tickets_leave(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row, uint32_t needs)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    uint64_t rank = agent_ticket_rank(row->priority, row->since_wall_ms);
    uint32_t n = agent_place_wished(core, row->key, placer_wish(core, e, row), walk,
                                    AGENT_CANDIDATES_MAX),
             left = 0;
    for (uint32_t i = 0; i < n && left < TICKETS_OF_ONE; i++)
        if (may_hold(core, walk[i], row->needs) &&
            placer_apart(core, e->key_hash, walk[i]->id) == NULL)
            left += ticket_send(core, walk[i]->id, row->key, rank, needs);
    e->ticket_rank = needs > 0 ? rank : 0;
}

/* It has a place: nobody is to wait behind it elsewhere. */
void placer_tickets_back(struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    if (e->ticket_rank != 0)
        tickets_leave(core, e, row, 0);
}

/* The first of the queue, taken out and put back: a heap shows no more than its top. */
void placer_tickets(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    uint32_t aside[TICKETS_MAX], count = 0;
    t->is_put_back = true;
    while (count < TICKETS_MAX && muster_heap_take(&t->queue, MUSTER_NEVER - 1, &aside[count]))
        count++;
    for (uint32_t i = 0; i < count; i++) {
        struct place_entry *e = &t->entry[aside[i]];
        struct store_view view;
        if (!store_get(core->store, placer_key(e), &view))
            continue; /* gone with its reign, which frees it */
        tickets_leave(core, e, &view.row, view.row.needs);
        t->tickets_worst = count == TICKETS_MAX ? e->ticket_rank : UINT64_MAX;
        uint32_t refused = placer_ask_of(e)->refused_count;
        placer_queue(core, e, &view.row);
        if (refused > 0)
            e->ask->refused_count = refused;
    }
    t->is_put_back = false;
    t->is_ticket_due = false;
    t->tickets_left_ms = core->now.mono_ms;
    t->tickets_ms = count > 0 ? core->now.mono_ms + TICKETS_EVERY_MS : MUSTER_NEVER;
}

/* Somebody has found no room. Who comes before those that have tickets need not wait for the next
 * round: or a slot that comes free now would go to one whose turn it is not. */
void placer_tickets_soon(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    uint64_t at_ms = t->tickets_left_ms + TICKETS_APART_MS;
    if (t->tickets_ms != MUSTER_NEVER && !t->is_ticket_due)
        return;
    if (at_ms < core->now.mono_ms)
        at_ms = core->now.mono_ms;
    t->tickets_ms = muster_deadline_sooner(t->tickets_ms, at_ms);
}

/* It waits no more, or not for that node: whoever is behind it there is not to wait for it. */
static void ticket_return(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                          struct place_entry *e)
{
    if (e != NULL)
        e->ticket_rank = 0;
    (void)ticket_send(core, to, key, 0, 0);
}

/* It waits in the queue, or, turned down a moment ago, for the next try. */
static bool may_come(struct agent_core *core, const struct place_entry *e,
                     const struct agent_peer *p, struct store_view *view)
{
    struct muster_bytes key = placer_key(e);
    bool waits =
        e->state == PLACE_QUEUED || (e->state == PLACE_NEW && placer_ask_of(e)->refused_count > 0);
    if (!waits || !agent_peer_is_open(p) || !p->is_in_ring ||
        !store_is_serving(core->store, e->bucket) || !store_get(core->store, key, view))
        return false;
    bool *may = core->placer->loads.is_alive;
    may[p->ring_number] = true;
    agent_family_bar(core, key, may);
    return may[p->ring_number];
}

void agent_placer_invited(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    struct agent_peer *p = agent_peers_find(core, from);
    struct store_view view;
    if (!muster_reader_ok(r) || p == NULL)
        return;
    struct place_entry *e = placer_find(core, key);
    if (e != NULL && e->state == PLACE_OFFERED)
        e->ask->invited_by = from; /* it comes if the one that is asked has no room */
    else if (e != NULL && may_come(core, e, p, &view))
        placer_offer_to(core, e, &view.row, p);
    else
        ticket_return(core, from, key, e);
}

bool placer_invited_comes(struct agent_core *core, struct place_entry *e)
{
    const struct place_ask *ask = placer_ask_of(e);
    struct agent_peer *p = agent_peers_find(core, ask->invited_by);
    struct store_view view;
    bool was_it = muster_id_equal(ask->invited_by, ask->offer_to);
    e->ask->invited_by = (struct muster_id){ 0 };
    bool comes = p != NULL && !was_it && may_come(core, e, p, &view);
    if (comes)
        placer_offer_to(core, e, &view.row, p);
    return comes;
}
