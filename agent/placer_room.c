/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a place: who is asked, what the answer leads to, and who waits. */
#include <stdio.h>
#include <string.h>

#include "agent/family.h"
#include "agent/holds.h"
#include "agent/job.h"
#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"
#include "agent/run_name.h"
#include "agent/tickets.h"
#include "agent/triggered.h"
#include "ring/load.h"

/* ---- asking for room */

/* The clock is set again each time: whatever made somebody look may have used it up, and without it
 * an offer that gets no answer would be waited for for ever. */
bool placer_is_offered(struct agent_core *core, struct place_entry *e)
{
    const struct place_ask *ask = placer_ask_of(e);
    if (e->state != PLACE_OFFERED || core->now.mono_ms >= ask->offered_ms + PLACE_OFFER_MS)
        return false;
    placer_due(core, e, ask->offered_ms + PLACE_OFFER_MS);
    return true;
}

static bool is_refused(const struct place_entry *e, struct muster_id node)
{
    const struct place_ask *ask = placer_ask_of(e);
    for (uint32_t i = 0; i < ask->refused_count; i++)
        if (muster_id_equal(ask->refused[i], node))
            return true;
    return false;
}

void placer_refuse(struct agent_core *core, struct place_entry *e, struct muster_id node)
{
    struct place_ask *ask = placer_ask_make(core, e);
    if (ask->refused_count < PLACE_REFUSED_MAX && !is_refused(e, node))
        ask->refused[ask->refused_count++] = node;
}

/* What candidates must be beyond fitting; each pass asks for less. */
struct demand {
    const struct agent_wish *wish;
    bool spreads; /* only where copies are fewest, by the tag that they are spread by */
    bool prefers; /* only those that the wish prefers */
    bool avoids;  /* not where the tries were used up */
};

static bool is_candidate(const struct agent_core *core, const struct place_entry *e,
                         const struct store_row *row, const struct demand *d,
                         const struct agent_peer *p)
{
    bool has_it = row->run_token != 0 && muster_id_equal(p->id, row->run_node);
    if (has_it || is_refused(e, p->id) || placer_apart(core, e->key_hash, p->id) != NULL ||
        (d->avoids && muster_id_equal(p->id, row->avoid)) ||
        agent_place_fits(core, p, d->wish, row->needs, p->promised) != AGENT_FITS)
        return false;
    struct agent_facts facts = agent_place_facts(p);
    return !d->prefers || agent_wish_prefers(d->wish, &facts);
}

bool placer_same_value(const struct agent_peer *a, const struct agent_peer *b, const char *tag)
{
    size_t x_len = 0, y_len = 0;
    const char *x = agent_tag_find(a->meta.tags, tag, strlen(tag), &x_len);
    const char *y = agent_tag_find(b->meta.tags, tag, strlen(tag), &y_len);
    if (x == NULL || y == NULL)
        return x == y; /* those that do not say are alike */
    return x_len == y_len && memcmp(x, y, x_len) == 0;
}

/* Of those that may, only the ones whose value of the tag fewest other copies have. */
static void spread_keep(struct agent_core *core, struct muster_bytes key, const char *tag,
                        const struct place_loads *v)
{
    const struct agent_peer *mate[PLACE_MATES_MAX];
    uint32_t n = agent_family_mates(core, key, mate, PLACE_MATES_MAX), least = UINT32_MAX;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < agent_peers_count(core); i++) {
            const struct agent_peer *p = agent_peers_at(core, i);
            uint32_t same = 0;
            if (!p->is_in_ring || !v->is_alive[p->ring_number])
                continue;
            for (uint32_t k = 0; k < n; k++)
                same += placer_same_value(mate[k], p, tag);
            if (pass == 0)
                least = same < least ? same : least;
            else
                v->is_alive[p->ring_number] = same == least;
        }
}

/* One view of the loads for the ring's spill rule: who may not be asked counts as dead. */
static void loads_view(struct agent_core *core, const struct place_entry *e,
                       const struct store_row *row, const struct demand *d,
                       const struct place_loads *v)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (!p->is_in_ring)
            continue;
        v->used[p->ring_number] = p->used + p->promised;
        v->capacity[p->ring_number] = p->slots;
        v->is_alive[p->ring_number] = is_candidate(core, e, row, d, p);
    }
    agent_family_bar(core, row->key, v->is_alive);
    if (d->spreads)
        spread_keep(core, row->key, d->wish->spread_by, v);
}

/* The node that this run was asked room of and that has not answered yet; NULL: none. */
struct agent_peer *agent_placer_offered(const struct agent_core *core, struct muster_bytes key)
{
    const struct place_entry *e = placer_find(core, key);
    return e != NULL && placer_ask_of(e)->offer != 0
               ? agent_peers_find(core, placer_ask_of(e)->offer_to)
               : NULL;
}

/* Orders and draws may miss the only free node of a small cluster: there the walk asks everybody.
 */
static struct agent_peer *walk_fits(struct agent_core *core, const struct store_row *row,
                                    const struct agent_wish *wish, const bool *is_alive)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    uint32_t n = agent_place_wished(core, row->key, wish, walk, AGENT_CANDIDATES_MAX);
    for (uint32_t i = 0; i < n; i++)
        if (walk[i]->is_in_ring && is_alive[walk[i]->ring_number])
            return walk[i];
    return NULL;
}

/* One node's share of a job: it has no other place. */
static bool is_share(struct muster_bytes key)
{
    return agent_run_name_read(key).node.len > 0;
}

/* The next place is another than where the tries were used up, and one that is preferred, unless
 * there is no other: rather one that is not preferred than where it failed. */
static struct agent_peer *candidate(struct agent_core *core, struct place_entry *e,
                                    const struct store_row *row)
{
    const struct agent_wish *wish = placer_wish(core, e, row);
    bool prefers = wish != NULL && wish->has_prefer;
    struct agent_peer *told = muster_id_is_zero(placer_ask_of(e)->move_to)
                                  ? NULL
                                  : agent_peers_find(core, placer_ask_of(e)->move_to);
    bool spreads = wish != NULL && wish->spread_by[0] != '\0';
    const struct demand demand[] = { { wish, spreads, true, true },
                                     { wish, spreads, false, true },
                                     { wish, spreads, false, false } };
    const struct place_loads *v = &core->placer->loads;
    const struct ring_load_view view = { v->used, v->capacity, v->is_alive };
    struct agent_peer *p = NULL, *own = agent_family_node(core, row->key);
    if (told != NULL && told->is_in_ring && is_candidate(core, e, row, &demand[2], told) &&
        agent_family_bar_text(core, row->key, told) == NULL)
        return told;
    if (placer_is_following(e) && row->phase == STORE_PLACED && !placer_is_lost(core, e, row))
        return NULL; /* it runs, and anywhere else it would be no better off */
    if (is_share(row->key))
        return own != NULL && own->is_in_ring && is_candidate(core, e, row, &demand[2], own) ? own
                                                                                             : NULL;
    for (int pass = prefers ? 0 : 1; pass < 3 && p == NULL; pass++) {
        loads_view(core, e, row, &demand[pass], v);
        struct ring_load_choice c = ring_load_choose(core->ring, row->key, &view, row->needs);
        p = c.node != RING_NONE ? agent_peers_by_ring(core, c.node)
                                : walk_fits(core, row, wish, v->is_alive);
    }
    return p;
}

bool placer_has_candidate(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row)
{
    return candidate(core, e, row) != NULL;
}

void placer_offer_forget(struct agent_core *core, struct place_entry *e)
{
    struct agent_peer *p =
        placer_ask_of(e)->offer != 0 ? agent_peers_find(core, placer_ask_of(e)->offer_to) : NULL;
    if (p != NULL)
        p->promised = p->promised > e->needs ? p->promised - e->needs : 0;
    if (e->ask != NULL)
        e->ask->offer = 0;
}

bool placer_offer(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (placer_ask_of(e)->offer != 0) {
        MUSTER_MARK(offer_unanswered);
        placer_refuse(core, e, placer_ask_of(e)->offer_to);
        placer_offer_forget(core, e);
    }
    struct agent_peer *p = candidate(core, e, row);
    if (p != NULL)
        placer_offer_to(core, e, row, p);
    return p != NULL;
}

void placer_offer_to(struct agent_core *core, struct place_entry *e, const struct store_row *row,
                     struct agent_peer *p)
{
    muster_heap_remove(&core->placer->queue, (uint32_t)(e - core->placer->entry));
    e->needs = row->needs;
    struct place_ask *ask = placer_ask_make(core, e);
    ask->offer = agent_number(core);
    ask->offer_to = p->id;
    ask->offered_ms = core->now.mono_ms;
    e->state = PLACE_OFFERED;
    p->promised += row->needs;
    struct muster_writer w = agent_frame(core);
    const struct agent_wish *wish = placer_wish(core, e, row);
    agent_write_offer(&w, row->key, ask->offer, row->needs, row->mode == STORE_EXCLUSIVE,
                      agent_ticket_rank(row->priority, row->since_wall_ms),
                      wish != NULL ? wish->apart : "");
    (void)agent_frame_send(core, p->id, &w);
    placer_due(core, e, core->now.mono_ms + PLACE_OFFER_MS);
}

/* Whoever sits on the bench sees it in the row. */
static void foretell(struct agent_core *core, const struct place_entry *e, struct muster_id node)
{
    struct store_bucket_view b;
    struct store_view view;
    store_bucket(core->store, e->bucket, &b);
    bool sits = false;
    for (uint32_t i = 0; i < b.old_count; i++)
        sits = sits || muster_id_equal(b.old_seat[i].node, node);
    if (!sits && store_get(core->store, placer_key(e), &view))
        placer_token_send(core, AGENT_MSG_FORETOLD, node, placer_key(e), view.row.run_token);
}

void placer_place(struct agent_core *core, struct place_entry *e, struct muster_id node)
{
    struct store_view view;
    if (!store_get(core->store, placer_key(e), &view))
        return;
    struct store_row row = view.row;
    bool waits = row.phase == STORE_WAITING && row.run_token == 0;
    bool lost = row.phase == STORE_PLACED && placer_is_lost(core, e, &row);
    bool is_decided = view.is_chosen || placer_early_may(core, e);
    bool may = row.want == STORE_WANT_RUN && is_decided && !agent_holds_has(core, row.key) &&
               !(waits && agent_triggered_bars(core, &row));
    if (may && !waits && !lost && placer_handoff_place(core, e, &view, node))
        return;
    if (!may || (!waits && !lost) || (waits && placer_permit_lacks(e))) {
        MUSTER_MARK(room_for_what_wants_none);
        placer_look(core, e);
        return;
    }
    struct lost_note note;
    row.strikes = lost ? placer_strikes(core, &view.row) : row.strikes;
    if (lost)
        placer_lost(core, e, &row, &note);
    row.phase = STORE_PLACED;
    row.since_wall_ms = core->now.wall_ms;
    row.run_node = node;
    row.run_mode = row.mode;
    row.placements++;
    row.reason = MUSTER_BYTES(NULL, 0);
    core->counters.placements++;
    struct place_ask *ask = placer_ask_make(core, e);
    ask->move_to = ask->invited_by = (struct muster_id){ 0 };
    placer_tickets_back(core, e, &view.row);
    if (placer_write(core, e, &row, view.version.packed, true))
        foretell(core, e, node);
}

void agent_placer_room(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_room m = { 0 };
    agent_read_room(r, &m);
    if (!muster_reader_ok(r))
        return;
    struct agent_peer *p = agent_peers_find(core, from);
    if (p != NULL) {
        p->slots = m.slots;
        p->used = m.used;
    }
    struct place_entry *e = placer_find(core, m.key);
    if (e == NULL || placer_ask_of(e)->offer != m.offer)
        return;
    placer_offer_forget(core, e);
    if (e->state != PLACE_OFFERED)
        return; /* it has been decided otherwise meanwhile */
    if (m.has_room) {
        if (!placer_early_room(core, e, from))
            placer_place(core, e, from);
        return;
    }
    MUSTER_MARK(offer_refused);
    placer_refuse(core, e, from);
    if (muster_id_equal(from, e->ask->move_to))
        placer_follow_failed(core, e);
    if (m.apart.len > 0)
        placer_apart_told(core, e, from, m.apart);
    e->ask->offered_ms = 0;
    e->state = PLACE_NEW;
    struct store_view view;
    if (placer_invited_comes(core, e))
        return;
    /* A node that refuses for want of something else than slots, and be it this one, would be asked
     * again within the same step, for ever. */
    if (!store_get(core->store, m.key, &view) || !placer_offer(core, e, &view.row))
        placer_due(core, e, core->now.mono_ms + PLACE_PAUSE_MS);
}

/* ---- the queue */

struct hurdle {
    uint32_t alive, like, most, full, closed;
    uint32_t largest; /* slots, free or not */
};

static struct hurdle hurdle_count(const struct agent_core *core, const struct agent_wish *wish,
                                  uint32_t needs)
{
    struct hurdle h = { 0 };
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        enum agent_unfit u = agent_place_fits(core, p, wish, needs, 0);
        if (u == AGENT_UNFIT_DEAD)
            continue;
        h.alive++;
        if (u == AGENT_UNFIT_UNLIKE)
            continue;
        h.like++;
        h.largest = p->meta.slots > h.largest ? p->meta.slots : h.largest;
        bool takes = agent_peer_is_open(p) && !p->meta.held;
        h.closed += !takes;
        h.full += u == AGENT_UNFIT_FULL;
        if (takes && p->slots > p->used && p->slots - p->used > h.most)
            h.most = p->slots - p->used;
    }
    return h;
}

void agent_placer_hurdle(struct agent_core *core, const struct store_row *row, char *out,
                         size_t size)
{
    const struct agent_wish *wish = agent_wish_take(&core->wishes, row->spec);
    struct hurdle h = hurdle_count(core, wish, row->needs);
    const char *other = NULL, *where = "";
    uint32_t apart = 0;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        const char *runs = agent_placer_apart(core, row->key, p->id);
        apart += runs != NULL;
        where = other == NULL && runs != NULL ? p->name : where;
        other = other == NULL ? runs : other;
    }
    bool asks = wish != NULL && wish->has_on;
    if (asks && h.like == 0)
        (void)snprintf(out, size, "no such node: needs one with %s, and none of %u is like that",
                       wish->on.text, h.alive);
    else if (h.largest < row->needs && h.like > 0)
        (void)snprintf(out, size, "no node is that large: needs %u %s%s%s, the largest has %u",
                       row->needs, row->needs == 1 ? "slot" : "slots",
                       asks ? " on a node with " : "", asks ? wish->on.text : "", h.largest);
    else if (other != NULL)
        (void)snprintf(out, size,
                       "may not run beside what %u of %u nodes have (%s on %s); of the others the "
                       "freest has no room",
                       apart, h.alive, other, where);
    else if (asks)
        (void)snprintf(out, size,
                       "no free slot: needs %u on a node with %s; the freest of %u of %u nodes has "
                       "%u (%u too full, %u draining or held)",
                       row->needs, wish->on.text, h.like, h.alive, h.most, h.full, h.closed);
    else
        (void)snprintf(out, size,
                       "no free slot: needs %u, the freest of %u nodes has %u (%u too full, %u "
                       "draining or held)",
                       row->needs, h.alive, h.most, h.full, h.closed);
    agent_wish_drop(&core->wishes, wish);
}

static uint32_t free_hint(const struct agent_core *core)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        uint32_t used = p->used + p->promised;
        bool takes = agent_peer_is_open(p) && !p->meta.held;
        if (takes && agent_peer_is_linked(core, p) && p->slots > used)
            n += p->slots - used;
    }
    return n;
}

/* Runs that find the same nodes: by their wish, and copies also by their job and tick, for where
 * one of them may not be the others may. */
static uint64_t kind_of(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct agent_wish *wish = placer_wish(core, e, row);
    uint64_t hash = wish != NULL ? wish->hash : 0;
    struct agent_run_name name = agent_run_name_read(row->key);
    return name.index != 0 ? muster_hash64(name.job, hash + 1) ^ name.tick_wall_ms : hash;
}

static bool is_hopeless(const struct place_hopeless *h, uint64_t kind, uint32_t needs)
{
    for (uint32_t i = 0; i < h->count; i++)
        if (h->kind[i] == kind && h->needs[i] <= needs)
            return true;
    return false;
}

bool placer_is_hopeless(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct place_hopeless *h = &core->placer->hopeless;
    bool is_known = h->count > 0 && core->now.mono_ms < h->until_ms &&
                    placer_ask_of(e)->offer == 0 && !is_share(row->key) &&
                    !placer_apart_any(core, e->key_hash);
    return is_known && is_hopeless(h, kind_of(core, e, row), row->needs);
}

enum fill { FILL_ASKED, FILL_FAILED, FILL_PASSED, FILL_BARRED };

/* What it was refused is its own matter, and says nothing of others. */
static enum fill fill_one(struct agent_core *core, struct place_entry *e,
                          const struct store_row *row, struct place_hopeless *h)
{
    uint64_t kind = kind_of(core, e, row);
    if (is_share(row->key) || placer_apart_any(core, e->key_hash)) /* its case is its own */
        return placer_offer(core, e, row) ? FILL_ASKED : FILL_PASSED;
    if (placer_ask_of(e)->offer == 0 && is_hopeless(h, kind, row->needs)) {
        MUSTER_MARK(others_of_its_kind_found_nobody);
        return FILL_PASSED;
    }
    if (placer_offer(core, e, row))
        return FILL_ASKED;
    if (placer_ask_of(e)->refused_count == 0 && h->count < PLACE_KINDS_MAX) {
        h->kind[h->count] = kind;
        h->needs[h->count++] = row->needs;
    }
    return FILL_FAILED;
}

bool placer_is_barred(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    if (!agent_triggered_bars(core, row))
        return false;
    MUSTER_MARK(waits_because_its_template_says_so);
    uint32_t index = (uint32_t)(e - core->placer->entry);
    placer_tickets_back(core, e, row);
    placer_offer_forget(core, e);
    placer_permit_drop(core, e);
    muster_heap_remove(&core->placer->queue, index);
    muster_heap_remove(&core->placer->permits, index);
    e->state = PLACE_DELAYED;
    placer_due(core, e, core->now.mono_ms + PLACE_BARRED_MS);
    return true;
}

static void aside_put_back(struct agent_core *core, uint32_t first)
{
    struct agent_placer *t = core->placer;
    for (uint32_t index = first; index != PLACE_NO_ENTRY; index = t->entry[index].aside_next) {
        struct store_view view;
        if (store_get(core->store, placer_key(&t->entry[index]), &view))
            placer_queue(core, &t->entry[index], &view.row);
    }
}

/* What could not be placed waits with its reason until a node says that it has room. */
static void queue_fill(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    struct place_hopeless *hopeless = &t->hopeless;
    uint32_t index = 0, aside = PLACE_NO_ENTRY, count[] = { 0, 0, 0, 0 };
    t->is_fill_due = false;
    if (core->now.mono_ms >= hopeless->until_ms)
        *hopeless = (struct place_hopeless){ .until_ms = core->now.mono_ms + PLACE_HOPELESS_MS };
    while (count[FILL_ASKED] < PLACE_FILL_MAX && count[FILL_FAILED] < PLACE_KINDS_MAX &&
           count[FILL_PASSED] < PLACE_PASS_MAX && count[FILL_BARRED] < PLACE_PASS_MAX &&
           muster_heap_take(&t->queue, MUSTER_NEVER - 1, &index)) {
        struct place_entry *e = &t->entry[index];
        struct store_view view;
        if (!store_get(core->store, placer_key(e), &view)) {
            placer_free(core, e);
            continue;
        }
        enum fill fill = placer_is_barred(core, e, &view.row)
                             ? FILL_BARRED
                             : fill_one(core, e, &view.row, hopeless);
        count[fill]++;
        if (fill == FILL_ASKED || fill == FILL_BARRED)
            continue;
        e->state = PLACE_QUEUED;
        e->aside_next = aside;
        aside = index;
        if (fill == FILL_FAILED && free_hint(core) == 0)
            break;
    }
    t->is_put_back = true;
    aside_put_back(core, aside);
    t->is_put_back = false;
    t->fill_ms = MUSTER_NEVER;
    t->is_fill_due = count[FILL_ASKED] == PLACE_FILL_MAX || count[FILL_BARRED] == PLACE_PASS_MAX;
    if (aside != PLACE_NO_ENTRY)
        placer_tickets_soon(core);
}

void placer_fill_again(struct agent_core *core)
{
    core->placer->is_fill_due = true;
    core->placer->hopeless.until_ms = 0;
}

void agent_placer_flush(struct agent_core *core)
{
    if (core->placer->is_fill_due || core->now.mono_ms >= core->placer->fill_ms)
        queue_fill(core);
}

void agent_placer_kick(struct agent_core *core)
{
    placer_fill_again(core);
}

void agent_placer_load(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_load m = { 0 };
    agent_read_load(r, &m);
    struct agent_peer *p = agent_peers_find(core, from);
    if (!muster_reader_ok(r) || p == NULL)
        return;
    bool was_draining = p->draining;
    p->leaves = m.leaves;
    p->restarts = m.restarts;
    if (m.wall_ms != 0)
        agent_wall_hear(core, p, m.wall_ms);
    bool freer = !p->load_known || m.slots > p->slots || m.used < p->used;
    if (freer)
        agent_placer_freed(core, from);
    p->slots = m.slots;
    p->used = m.used;
    p->waiting = m.waiting;
    p->draining = m.draining;
    p->load_known = true;
    if (was_draining != m.draining) {
        agent_peers_ring_wanted(core);
        agent_placer_peer(core, p);
    }
    if (freer)
        placer_fill_again(core);
}
