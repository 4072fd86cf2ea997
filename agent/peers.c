/* SPDX-License-Identifier: Apache-2.0 */
/* The table of peers: what gossip says of them, and what follows for store, ring and placer. */
#include "agent/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/peers_inside.h"
#include "agent/placer.h"

static uint64_t id_hash(struct muster_id id)
{
    uint64_t hash;
    memcpy(&hash, id.octet, sizeof hash);
    return hash;
}

int agent_peers_open(struct agent_core *core)
{
    const struct agent_node_config *c = &core->config;
    struct agent_peers *t = calloc(1, sizeof *t);
    if (t == NULL)
        return MUSTER_EFULL;
    core->peers = t;
    t->capacity = c->members_max;
    t->peer = calloc(t->capacity, sizeof *t->peer);
    t->link_capacity = 2 * c->members_max + 64;
    t->link = calloc(t->link_capacity, sizeof *t->link);
    t->by_ring = calloc(t->capacity, sizeof *t->by_ring);
    if (t->peer == NULL || t->link == NULL || t->by_ring == NULL)
        return MUSTER_EFULL;
    int err = muster_map_open(&t->by_id, 64);
    if (err != MUSTER_OK)
        return err;
    t->next_link = 1;
    struct agent_peer *self = &t->peer[t->count++];
    *self = (struct agent_peer){ .id = c->self, .is_self = true, .life = AGENT_LIFE_ALIVE };
    self->state = GOSSIP_ALIVE;
    self->addr = c->gossip_addr;
    self->boot = c->boot;
    self->link = AGENT_NO_LINK;
    self->dead_since_ms = MUSTER_NEVER;
    self->dial_ms = MUSTER_NEVER;
    self->load_known = true;
    self->ring_number = RING_NONE;
    (void)snprintf(self->name, sizeof self->name, "%s", c->name);
    agent_meta_gossip_name(self->gossip_name, sizeof self->gossip_name, c->name, c->self);
    t->ring_due = true;
    return muster_map_put_growing(&t->by_id, id_hash(c->self), 0, 2 * t->capacity);
}

void agent_peers_close(struct agent_core *core)
{
    if (core->peers == NULL)
        return;
    muster_map_close(&core->peers->by_id);
    free(core->peers->by_ring);
    free(core->peers->peer);
    for (uint32_t i = 0; i < core->peers->link_high; i++) {
        agent_again_forget(&core->peers->link[i].said);
        agent_again_forget(&core->peers->link[i].heard);
    }
    free(core->peers->link);
    free(core->peers);
    core->peers = NULL;
}

uint32_t agent_peers_count(const struct agent_core *core)
{
    return core->peers->count;
}

struct agent_peer *agent_peers_at(const struct agent_core *core, uint32_t index)
{
    MUSTER_ASSERT(index < core->peers->count);
    return &core->peers->peer[index];
}

struct agent_peer *agent_peers_find(const struct agent_core *core, struct muster_id id)
{
    struct agent_peers *t = core->peers;
    uint32_t cursor = 0, index = 0;
    while (muster_map_find(&t->by_id, id_hash(id), &cursor, &index))
        if (muster_id_equal(t->peer[index].id, id))
            return &t->peer[index];
    return NULL;
}

struct agent_peer *agent_peers_by_gossip_name(const struct agent_core *core, const char *name)
{
    struct agent_peers *t = core->peers;
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->peer[i].gossip_name, name) == 0)
            return &t->peer[i];
    return NULL;
}

struct agent_peer *agent_peers_by_name(const struct agent_core *core, const char *name)
{
    struct agent_peers *t = core->peers;
    struct agent_peer *first = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        if (strcmp(t->peer[i].name, name) != 0)
            continue;
        if (agent_peer_is_alive(&t->peer[i]))
            return &t->peer[i];
        if (first == NULL)
            first = &t->peer[i];
    }
    return first;
}

struct agent_peer *agent_peers_by_ring(const struct agent_core *core, uint16_t number)
{
    struct agent_peers *t = core->peers;
    uint32_t index = number < t->capacity ? t->by_ring[number] : UINT32_MAX;
    if (index >= t->count || !t->peer[index].is_in_ring || t->peer[index].ring_number != number)
        return NULL;
    return &t->peer[index];
}

void agent_peers_ring_number(struct agent_core *core, struct agent_peer *p, uint16_t number)
{
    struct agent_peers *t = core->peers;
    MUSTER_ASSERT(number < t->capacity);
    p->is_in_ring = true;
    p->ring_number = number;
    t->by_ring[number] = (uint32_t)(p - t->peer);
}

bool agent_peer_is_alive(const struct agent_peer *p)
{
    return p->life == AGENT_LIFE_ALIVE && !p->is_foreign;
}

bool agent_peer_is_open(const struct agent_peer *p)
{
    return agent_peer_is_alive(p) && !p->draining && !p->meta.draining;
}

bool agent_peer_restarts(const struct agent_core *core, const struct agent_peer *p)
{
    return p->is_self ? core->restarts : p->restarts || p->meta.restarts;
}

bool agent_peer_is_ending(const struct agent_core *core, const struct agent_peer *p)
{
    bool leaves = p->is_self ? core->standing == AGENT_LEAVING : p->leaves || p->meta.leaves;
    return leaves || agent_peer_restarts(core, p);
}

bool agent_peer_is_linked(const struct agent_core *core, const struct agent_peer *p)
{
    (void)core;
    return p->is_self || p->link != AGENT_NO_LINK;
}

bool agent_peers_ring_due(const struct agent_core *core)
{
    return core->peers->ring_due;
}

void agent_peers_ring_wanted(struct agent_core *core)
{
    core->peers->ring_due = true;
}

void agent_peers_ring_done(struct agent_core *core)
{
    core->peers->ring_due = false;
}

/* ---- what gossip says */

void peers_tell_store(struct agent_core *core, const struct agent_peer *p)
{
    static const enum store_peer_state state[] = {
        [AGENT_LIFE_UNKNOWN] = STORE_PEER_UNKNOWN,
        [AGENT_LIFE_ALIVE] = STORE_PEER_ALIVE,
        [AGENT_LIFE_DEAD] = STORE_PEER_DEAD,
        [AGENT_LIFE_PROVEN] = STORE_PEER_PROVEN,
    };
    struct store_event e = {
        .kind = STORE_EVENT_PEER, .peer = p->id, .boot = p->boot, .state = state[p->life]
    };
    if (p->life == AGENT_LIFE_DEAD && p->is_dark)
        e.state = STORE_PEER_DARK;
    agent_store_step(core, &e);
}

void peers_life_set(struct agent_core *core, struct agent_peer *p, enum agent_life life)
{
    if (p->is_lost)
        life = AGENT_LIFE_PROVEN;
    if (p->life == life)
        return;
    p->life = life;
    p->is_dark = false;
    p->dead_since_ms = life == AGENT_LIFE_ALIVE ? MUSTER_NEVER : core->now.mono_ms;
    if (life == AGENT_LIFE_ALIVE) {
        p->seen_ms = core->now.mono_ms;
        p->dial_wait_ms = 0;
        peers_dial_soon(core, p);
    }
    core->peers->ring_due = true;
    if (p->is_foreign)
        return;
    peers_tell_store(core, p);
    agent_placer_peer(core, p);
}

/* A cluster id heard while we have none lets us in; another one than ours is a stranger. (R4) */
static void cluster_check(struct agent_core *core, struct agent_peer *p)
{
    bool theirs = !muster_id_is_zero(p->meta.cluster);
    if (theirs && muster_id_is_zero(core->cluster) && !p->is_self)
        agent_node_let_in(core, p->meta.cluster, p->meta.settings, p->name);
    bool foreign = theirs && !muster_id_equal(p->meta.cluster, core->cluster);
    bool waits = !theirs && !p->is_self;
    if (foreign && !p->is_foreign) {
        char id[MUSTER_ID_TEXT];
        agent_out_log(&core->out, AGENT_LOG_ERROR,
                      "%s belongs to another cluster (%.8s): it is not let in; check the join "
                      "list of both sides",
                      p->name, muster_id_text(p->meta.cluster, id));
        agent_news_add(core, "member.foreign", p->name, NULL, 0,
                       "belongs to another cluster and is not let in");
    }
    p->is_foreign = foreign || waits;
}

static struct agent_peer *peer_make(struct agent_core *core, const char *gossip_name,
                                    struct muster_id id)
{
    struct agent_peers *t = core->peers;
    struct agent_peer *p = agent_peers_find(core, id);
    if (p == NULL) {
        if (t->count == t->capacity)
            return NULL;
        if (muster_map_put_growing(&t->by_id, id_hash(id), t->count, 2 * t->capacity) != MUSTER_OK)
            return NULL;
        p = &t->peer[t->count++];
        *p = (struct agent_peer){ .id = id, .link = AGENT_NO_LINK, .dial_ms = MUSTER_NEVER };
        p->dead_since_ms = p->overdue_ms = p->recheck_ms = MUSTER_NEVER;
        p->ring_number = RING_NONE;
        p->is_lost = agent_lost_has(core, id);
        p->made_ms = core->now.mono_ms;
    }
    (void)snprintf(p->gossip_name, sizeof p->gossip_name, "%s", gossip_name);
    agent_meta_plain_name(p->name, sizeof p->name, gossip_name, id);
    return p;
}

/* Two names with one id: a copied data directory. The first one seen keeps the id, until one of
 * them has greeted us: that tells which of them lives from the copy. (R3) */
static bool is_copy(struct agent_core *core, const struct agent_peer *known, const char *name)
{
    if (known == NULL || strcmp(known->gossip_name, name) == 0)
        return false;
    if (!known->is_self && (known->life != AGENT_LIFE_ALIVE || known->is_misnamed))
        return false;
    agent_out_log(&core->out, AGENT_LOG_ERROR,
                  "%s has the node id of %s: a copied data directory; give one of them a new one",
                  name, known->name);
    return true;
}

static void member_alive(struct agent_core *core, const struct gossip_member_view *m)
{
    struct agent_meta meta;
    if (agent_meta_decode(&meta, m->meta) != MUSTER_OK)
        return;
    if (is_copy(core, agent_peers_find(core, meta.id), m->name))
        return;
    struct agent_peer *p = peer_make(core, m->name, meta.id);
    if (p == NULL) {
        agent_out_log(&core->out, AGENT_LOG_WARN, "no room for member %s: raise max_members",
                      m->name);
        return;
    }
    p->is_misnamed = false;
    bool changed = memcmp(&p->meta, &meta, sizeof meta) != 0;
    p->meta = meta;
    if (!muster_addr_equal(p->addr, m->addr))
        p->checking[0] = p->checking[1] = 0; /* what another kernel says is not about this one */
    p->addr = m->addr;
    p->incarnation = m->incarnation;
    if (p->state != m->state || p->state_since_wall_ms == 0)
        p->state_since_wall_ms = core->now.wall_ms;
    p->state = m->state;
    bool was_foreign = p->is_foreign;
    cluster_check(core, p);
    if (changed || was_foreign != p->is_foreign)
        core->peers->ring_due = true;
    if (was_foreign && !p->is_foreign)
        p->life = AGENT_LIFE_UNKNOWN;
    peers_life_set(core, p, AGENT_LIFE_ALIVE);
    if (changed)
        agent_placer_peer(core, p);
}

/* Another living name with its id, if gossip knows one, is the member's from now on. */
static bool goes_by_another_name(struct agent_core *core, struct agent_peer *p)
{
    p->is_misnamed = true;
    for (uint32_t i = 0; i < gossip_member_count(core->gossip) && p->is_misnamed; i++) {
        struct gossip_member_view m;
        struct agent_meta meta;
        gossip_member_at(core->gossip, i, &m);
        if (m.state == GOSSIP_ALIVE && agent_meta_decode(&meta, m.meta) == MUSTER_OK &&
            muster_id_equal(meta.id, p->id) && strcmp(m.name, p->gossip_name) != 0)
            member_alive(core, &m);
    }
    return !p->is_misnamed;
}

void peers_named(struct agent_core *core, struct agent_peer *p, struct muster_bytes name,
                 bool by_copy)
{
    if (p->is_self || muster_bytes_equal(name, muster_bytes_text(p->name)) != by_copy)
        return;
    MUSTER_MARK(known_by_the_name_of_a_copy);
    (void)goes_by_another_name(core, p);
}

static void member_gone(struct agent_core *core, const struct gossip_member_view *m,
                        enum agent_life life)
{
    struct agent_peer *p = agent_peers_by_gossip_name(core, m->name);
    if (p == NULL || p->is_self)
        return;
    /* Of two with one id it was the copy of which we had heard first, and that has fallen silent:
     * the other's runs are none the worse for it. (R3) */
    if (life == AGENT_LIFE_DEAD && goes_by_another_name(core, p)) {
        MUSTER_MARK(silent_by_the_name_of_a_copy);
        return;
    }
    p->state = m->state;
    p->state_since_wall_ms = core->now.wall_ms;
    p->incarnation = m->incarnation;
    p->load_known = false;
    p->used = 0;
    /* A silent death leaves the link alone: it may only be gossip that cannot get through, and
     * direct evidence beats gossip (R31). */
    if (life == AGENT_LIFE_PROVEN && p->link != AGENT_NO_LINK)
        peers_link_drop(core, p);
    peers_life_set(core, p, life);
    /* Is its process gone, its host, or does it only hang? Its kernel knows. */
    if (life == AGENT_LIFE_DEAD)
        peers_check_dead(core, p);
}

void agent_peers_lost(struct agent_core *core, struct agent_peer *p)
{
    p->is_lost = true;
    p->used = 0;
    if (p->link != AGENT_NO_LINK)
        peers_link_drop(core, p);
    peers_life_set(core, p, AGENT_LIFE_PROVEN);
}

void agent_peers_gossip(struct agent_core *core, const struct gossip_effect *e)
{
    const struct gossip_member_view *m = &e->member;
    struct agent_peer *p = agent_peers_by_gossip_name(core, m->name);
    const char *name = p != NULL ? p->name : m->name;
    switch (e->news) {
    case GOSSIP_NEWS_JOIN:
    case GOSSIP_NEWS_UPDATE:
    case GOSSIP_NEWS_ALIVE:
        member_alive(core, m);
        p = agent_peers_by_gossip_name(core, m->name);
        if (e->news == GOSSIP_NEWS_JOIN && p != NULL && !p->is_self)
            agent_news_add(core, "member.join", p->name, NULL, 0, "joined");
        break;
    case GOSSIP_NEWS_SUSPECT:
        if (p != NULL)
            p->state = GOSSIP_SUSPECT;
        agent_news_add(core, "member.suspect", name, NULL, 0, "does not answer");
        break;
    case GOSSIP_NEWS_DEAD:
        agent_news_add(core, "member.dead", name, NULL, 0,
                       m->is_proven ? "its process is gone" : "does not answer any more");
        member_gone(core, m, m->is_proven ? AGENT_LIFE_PROVEN : AGENT_LIFE_DEAD);
        break;
    case GOSSIP_NEWS_LEFT:
        agent_news_add(core, "member.left", name, NULL, 0, "left");
        member_gone(core, m, AGENT_LIFE_PROVEN);
        break;
    case GOSSIP_NEWS_REAPED:
        break;
    }
}
