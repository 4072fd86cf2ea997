/* SPDX-License-Identifier: Apache-2.0 */
/* Links: who dials, how two nodes greet each other, which of two links stays, and what a closed one
 * proves. */
#include <stdio.h>
#include <string.h>

#include "agent/boots.h"
#include "agent/holds.h"
#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/peers_inside.h"
#include "agent/placer.h"
#include "agent/runner.h"

static struct agent_link *link_find(struct agent_peers *t, uint32_t number)
{
    for (uint32_t i = 0; i < t->link_high; i++)
        if (t->link[i].number == number)
            return &t->link[i];
    return NULL;
}

static struct agent_link *link_make(struct agent_peers *t, uint32_t number)
{
    struct agent_link *l = link_find(t, 0);
    if (l == NULL && t->link_high < t->link_capacity)
        l = &t->link[t->link_high++];
    if (l != NULL)
        *l = (struct agent_link){ .number = number, .peer = UINT32_MAX };
    return l;
}

static void link_close(struct agent_core *core, uint32_t number)
{
    agent_out_add(&core->out, AGENT_EFFECT_LINK_CLOSE)->link = number;
}

static uint32_t peer_index(const struct agent_core *core, const struct agent_peer *p)
{
    return (uint32_t)(p - core->peers->peer);
}

uint32_t peers_link_number(struct agent_peers *t)
{
    uint32_t n = t->next_link++;
    if (t->next_link >= AGENT_LINK_INBOUND)
        t->next_link = 1;
    return n;
}

struct muster_addr peers_addr(const struct agent_peer *p)
{
    struct muster_addr a = p->addr;
    a.port = p->meta.peer_port;
    return a;
}

/* ---- dialling */

static bool is_smaller(const struct agent_core *core, const struct agent_peer *p)
{
    return muster_id_compare(core->config.self, p->id) < 0;
}

void peers_dial_soon(struct agent_core *core, struct agent_peer *p)
{
    if (p->is_self)
        return;
    uint64_t wait = is_smaller(core, p) ? 0 : PEERS_DIAL_LARGER;
    p->dial_ms = muster_deadline_after(core->now.mono_ms, wait);
    core->peers->deadline_ms = muster_deadline_sooner(core->peers->deadline_ms, p->dial_ms);
}

static void dial_later(struct agent_core *core, struct agent_peer *p)
{
    uint32_t wait =
        p->dial_wait_ms < PEERS_DIAL_WAIT_MIN ? PEERS_DIAL_WAIT_MIN : p->dial_wait_ms * 2;
    p->dial_wait_ms = wait < PEERS_DIAL_WAIT_MAX ? wait : PEERS_DIAL_WAIT_MAX;
    uint64_t jitter = muster_rng_below(&core->rng, p->dial_wait_ms / 2 + 1);
    uint64_t extra = is_smaller(core, p) ? 0 : PEERS_DIAL_LARGER;
    p->dial_ms = core->now.mono_ms + p->dial_wait_ms + jitter + extra;
    core->peers->deadline_ms = muster_deadline_sooner(core->peers->deadline_ms, p->dial_ms);
}

static void dial(struct agent_core *core, struct agent_peer *p)
{
    struct agent_peers *t = core->peers;
    struct agent_link *l = link_make(t, peers_link_number(t));
    if (l == NULL || p->meta.peer_port == 0) {
        dial_later(core, p);
        return;
    }
    l->is_ours = true;
    l->peer = peer_index(core, p);
    l->until_ms = core->now.mono_ms + PEERS_DIAL_MS + PEERS_HELLO_MS;
    p->dialing = l->number;
    p->dial_ms = MUSTER_NEVER;
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_DIAL);
    e->link = l->number;
    e->to = l->from = peers_addr(p);
    e->deadline_ms = core->now.mono_ms + PEERS_DIAL_MS;
}

void agent_peers_tick(struct agent_core *core)
{
    struct agent_peers *t = core->peers;
    uint64_t next = MUSTER_NEVER;
    for (uint32_t i = 0; i < t->count; i++) {
        struct agent_peer *p = &t->peer[i];
        next = muster_deadline_sooner(next, peers_silence_tick(core, p));
        if (core->is_over || p->is_self || !agent_peer_is_alive(p) || p->link != AGENT_NO_LINK ||
            p->dialing != 0)
            continue;
        if (muster_deadline_reached(p->dial_ms, core->now.mono_ms))
            dial(core, p);
        next = muster_deadline_sooner(next, p->dial_ms);
    }
    for (uint32_t i = 0; i < t->link_high; i++) {
        struct agent_link *l = &t->link[i];
        if (l->number == 0 || l->is_up)
            continue;
        if (muster_deadline_reached(l->until_ms, core->now.mono_ms)) {
            link_close(core, l->number);
            l->until_ms = core->now.mono_ms + PEERS_HELLO_MS;
        }
        next = muster_deadline_sooner(next, l->until_ms);
    }
    t->deadline_ms = next;
}

uint64_t agent_peers_deadline_ms(const struct agent_core *core)
{
    return core->peers->deadline_ms;
}

/* ---- greeting */

static void hello_send(struct agent_core *core, uint32_t link, struct muster_id target,
                       bool is_dialer)
{
    struct agent_msg_hello m = { .protocol = AGENT_PROTOCOL,
                                 .cluster = core->cluster,
                                 .self = core->config.self,
                                 .target = target,
                                 .boot = core->config.boot,
                                 .nonce = core->nonce,
                                 .name = muster_bytes_text(core->config.name),
                                 .is_dialer = is_dialer,
                                 .takes_again = true };
    struct muster_writer w = agent_frame(core);
    agent_write_hello(&w, &m);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_SEND);
    e->link = link;
    e->bytes = agent_out_copy(&core->out, muster_writer_bytes(&w));
}

void agent_peers_link_opened(struct agent_core *core, uint32_t number, struct muster_addr from)
{
    struct agent_peers *t = core->peers;
    struct agent_link *l = link_find(t, number);
    if (l != NULL && l->is_ours) {
        l->is_open = true;
        hello_send(core, number, t->peer[l->peer].id, true);
        return;
    }
    l = link_make(t, number);
    if (l == NULL) {
        link_close(core, number);
        return;
    }
    l->from = from;
    l->until_ms = core->now.mono_ms + PEERS_HELLO_MS;
    t->deadline_ms = muster_deadline_sooner(t->deadline_ms, l->until_ms);
}

void peers_link_drop(struct agent_core *core, struct agent_peer *p)
{
    struct agent_link *l = link_find(core->peers, p->link);
    if (l != NULL) {
        l->is_replaced = true;
        link_close(core, l->number);
    }
    p->link = AGENT_NO_LINK;
    p->unlinked_ms = core->now.mono_ms;
    core->counters.links_closed++;
    struct store_event e = { .kind = STORE_EVENT_CLOSED, .peer = p->id };
    agent_store_step(core, &e);
}

void agent_peers_drop_links(struct agent_core *core)
{
    struct agent_peers *t = core->peers;
    for (uint32_t i = 0; i < t->count; i++) {
        struct agent_peer *p = &t->peer[i];
        /* An answer from before we were away says nothing of today. */
        p->checking[0] = p->checking[1] = 0;
        struct agent_link *dialled = p->dialing != 0 ? link_find(t, p->dialing) : NULL;
        if (dialled != NULL)
            dialled->is_old = true;
        if (p->life == AGENT_LIFE_DEAD)
            peers_check_silent(core, p);
        if (p->link == AGENT_NO_LINK)
            continue;
        peers_link_drop(core, p);
        peers_dial_soon(core, p);
    }
}

/* Of two links between the same processes the newest of one direction stays, else the one that the
 * smaller id opened: both ends come to the same answer. */
static bool is_better(const struct agent_core *core, const struct agent_peer *p,
                      const struct agent_link *fresh, uint64_t boot)
{
    if (p->link == AGENT_NO_LINK || boot > p->boot)
        return true;
    if (p->link_is_ours == fresh->is_ours)
        return true;
    return fresh->is_ours == is_smaller(core, p);
}

/* One of us has missed news of the other: it is told now, or it would wait for the next exchange
 * of tables and act on what is no longer so (P3). */
static void tables_exchange(struct agent_core *core, const struct agent_peer *p)
{
    const struct gossip_event e = { .kind = GOSSIP_EVENT_JOIN, .from = p->addr };
    agent_gossip_step(core, &e);
}

/* Where does it listen that has greeted us? Where we dialled it, or where gossip says, if it has
 * come from there. */
static void link_located(struct agent_peer *p, const struct agent_link *l)
{
    if (l->is_ours)
        p->link_at = l->from;
    else if (muster_addr_same_host(l->from, p->addr))
        p->link_at = peers_addr(p);
    else if (!muster_addr_same_host(l->from, p->link_at))
        p->link_at = (struct muster_addr){ 0 };
    if (p->link_at.len != 0)
        p->is_copied = false;
}

static void link_up(struct agent_core *core, struct agent_peer *p, struct agent_link *l,
                    uint64_t boot)
{
    if (!is_better(core, p, l, boot)) {
        MUSTER_MARK(second_link_refused);
        l->is_replaced = true;
        link_close(core, l->number);
        return;
    }
    if (p->link != AGENT_NO_LINK)
        peers_link_drop(core, p);
    if (p->boot != 0 && boot > p->boot)
        MUSTER_MARK(peer_has_restarted);
    bool restarted = p->boot != 0 && boot > p->boot;
    if (p->boot != boot)
        p->drift = (struct agent_drift){ 0 }; /* its host's clock may have begun anew */
    l->is_up = true;
    l->peer = peer_index(core, p);
    p->link = l->number;
    p->link_is_ours = l->is_ours;
    p->dial_wait_ms = 0;
    /* What an old link did not carry says nothing of this one. */
    p->mute_until_ms = p->passed_until_ms = 0;
    p->boot = boot;
    link_located(p, l);
    agent_unproven_clear(core, l->from);
    p->heard_ms = p->gap_since_ms = core->now.mono_ms;
    p->gap_ms[0] = p->gap_ms[1] = 0;
    core->counters.links_opened++;
    struct store_event e = { .kind = STORE_EVENT_CONNECTED, .peer = p->id, .boot = boot };
    agent_store_step(core, &e);
    peers_tell_store(core, p);
    agent_runner_tell_load(core, p);
    agent_news_linked(core, p);
    agent_lost_tell(core, p->link);
    agent_holds_tell(core, p->link);
    agent_placer_linked(core, p, restarted);
    agent_runner_linked(core, p);
    if (p->life == AGENT_LIFE_DEAD || p->life == AGENT_LIFE_PROVEN) {
        MUSTER_MARK(dead_or_left_and_here);
        tables_exchange(core, p);
    }
}

static const char *hello_fault(struct agent_core *core, const struct agent_link *l,
                               const struct agent_msg_hello *m, const struct agent_peer *p)
{
    if (core->is_over)
        return "comes too late: this node is over";
    if (m->protocol != AGENT_PROTOCOL)
        return "speaks another protocol version";
    if (!muster_id_equal(m->cluster, core->cluster) || muster_id_is_zero(core->cluster))
        return "belongs to another cluster";
    if (!muster_id_equal(m->target, core->config.self))
        MUSTER_MARK(hello_for_another_node);
    if (!muster_id_equal(m->target, core->config.self) && !MUSTER_MUTANT(target_id_ignored))
        return "means a node that does not live here any more";
    if (p == NULL)
        MUSTER_MARK(hello_of_unknown_node);
    if (p == NULL || p->is_self)
        return "is not a member we know";
    if (l->is_ours && l->peer != peer_index(core, p))
        return "is not the node we dialled";
    if (agent_lost_has(core, m->self))
        return "was declared lost: it may never come back under this id";
    if (!agent_boots_fit(core, m->self, m->boot, m->nonce))
        return "shows an older boot than before: a copied or restored data directory";
    return NULL;
}

/* Its connection has ended, or another member's word says that it is dead, and its kernel refuses
 * a connection, or another node answers there: the process is gone (R55). */
void peers_proven(struct agent_core *core, struct agent_peer *p, struct muster_addr at)
{
    /* Gossip knows another address by now: of a copy of its data folder, for all we know (R3). */
    bool was_linked = p->link_at.len != 0;
    bool is_copys = was_linked ? !muster_addr_equal(p->link_at, at) : p->is_copied;
    if (is_copys && !MUSTER_MUTANT(copy_proves_death)) {
        MUSTER_MARK(proof_from_elsewhere);
        return;
    }
    if (p->life == AGENT_LIFE_PROVEN || p->life == AGENT_LIFE_UNKNOWN || p->link != AGENT_NO_LINK)
        return;
    if (p->life == AGENT_LIFE_DEAD) {
        MUSTER_MARK(proof_after_hearsay);
        /* Another's word came first; our own proof is worth more. */
        peers_life_set(core, p, AGENT_LIFE_PROVEN);
        return;
    }
    struct gossip_event e = { .kind = GOSSIP_EVENT_PROVEN_DEAD, .name = p->gossip_name };
    agent_gossip_step(core, &e);
}

/* Where we have only heard that it is there it is not there any more, and may be elsewhere. */
static void another_lives(struct agent_core *core, struct agent_peer *p, struct muster_addr at)
{
    struct gossip_event e = { .kind = GOSSIP_EVENT_ABSENT, .name = p->gossip_name };
    if (p->boot == 0 && p->life == AGENT_LIFE_ALIVE)
        agent_gossip_step(core, &e);
    else
        peers_proven(core, p, at);
}

/* Who is lost, or lives from a copy, must hear of it from somebody, or it would knock for ever; and
 * who means our predecessor must hear that another lives here now. */
static void hello_refuse(struct agent_core *core, const struct agent_link *l,
                         const struct agent_msg_hello *m, struct agent_peer *p)
{
    bool is_ours = p != NULL && muster_id_equal(m->cluster, core->cluster);
    bool is_lost = agent_lost_has(core, m->self);
    bool is_copy = !agent_boots_fit(core, m->self, m->boot, m->nonce);
    bool means_another = !muster_id_equal(m->target, core->config.self);
    if (is_ours && is_copy) {
        p->is_copied = true;
        peers_named(core, p, m->name, true);
    }
    if (is_ours && !core->is_over && means_another && !l->is_ours) {
        hello_send(core, l->number, m->self, false);
    } else if (is_ours && !core->is_over && (is_lost || is_copy)) {
        if (!l->is_ours)
            hello_send(core, l->number, m->self, false);
        if (is_lost)
            agent_lost_tell(core, l->number);
        else
            agent_boots_tell(core, l->number, m->self);
    }
    link_close(core, l->number);
}

/* ---- proof of who is there, beyond its own word */

void agent_peers_link_unproven(struct agent_core *core, const struct agent_event *e)
{
    const struct agent_link *l = e->link != 0 ? link_find(core->peers, e->link) : NULL;
    const char *who = l != NULL && l->peer != UINT32_MAX ? core->peers->peer[l->peer].name : NULL;
    agent_unproven_add(core, who, e->from, e->bytes, e->ended);
}

/* A certificate is for the nodes that it names. The sender must be one of them, by the name that
 * it says and that gossip has for its id: or any node could speak for any other. */
static bool is_named(struct agent_core *core, const struct agent_link *l,
                     const struct agent_msg_hello *m, const struct agent_peer *p,
                     struct muster_bytes names)
{
    char why[256], shown[128];
    bool is_known_so = p == NULL || muster_bytes_equal(m->name, muster_bytes_text(p->name));
    if (names.len == 0 || (is_known_so && agent_unproven_has(names, m->name)))
        return true;
    size_t len = names.len - 1 < sizeof shown ? names.len - 1 : sizeof shown;
    for (size_t i = 0; i < len; i++)
        shown[i] = (char)(names.data[i] == '\0' ? ' ' : names.data[i]);
    if (is_known_so)
        (void)snprintf(why, sizeof why, "calls itself %.*s, but its certificate is for %.*s",
                       (int)m->name.len, (const char *)m->name.data, (int)len, shown);
    else
        (void)snprintf(why, sizeof why, "calls itself %.*s, but gossip knows it as %s",
                       (int)m->name.len, (const char *)m->name.data, p->name);
    agent_unproven_add(core, p != NULL ? p->name : NULL, l->from, muster_bytes_text(why), false);
    return false;
}

static void hello_got(struct agent_core *core, struct agent_link *l, uint32_t left,
                      struct muster_reader *r, struct muster_bytes names)
{
    struct agent_msg_hello m = { 0 };
    agent_read_hello(r, left, &m);
    if (!muster_reader_ok(r)) {
        core->counters.frames_bad++;
        link_close(core, l->number);
        return;
    }
    struct agent_peer *p = agent_peers_find(core, m.self);
    if (!is_named(core, l, &m, p, names)) {
        link_close(core, l->number);
        return;
    }
    if (l->is_ours && MUSTER_MUTANT(target_id_ignored))
        p = &core->peers->peer[l->peer]; /* and whoever answers is taken for whom we dialled */
    const char *fault = hello_fault(core, l, &m, p);
    if (fault != NULL) {
        agent_out_log(&core->out, AGENT_LOG_DEBUG, "peer link refused: %.*s %s", (int)m.name.len,
                      (const char *)m.name.data, fault);
        bool is_ours = p != NULL && muster_id_equal(m.cluster, core->cluster);
        hello_refuse(core, l, &m, p);
        if (is_ours && l->is_ours && l->peer != peer_index(core, p)) {
            MUSTER_MARK(another_lives_there);
            another_lives(core, &core->peers->peer[l->peer], l->from);
        }
        return;
    }
    if (!l->is_ours)
        hello_send(core, l->number, m.self, false);
    else
        p->dialing = 0;
    agent_boots_saw(core, m.self, m.boot, m.nonce);
    l->takes_again = m.takes_again;
    link_up(core, p, l, m.boot);
    peers_named(core, p, m.name, false);
}

void agent_peers_link_frame(struct agent_core *core, uint32_t number, struct muster_bytes bytes,
                            struct muster_bytes names)
{
    struct agent_link *l = link_find(core->peers, number);
    if (l == NULL || l->is_replaced)
        return;
    core->counters.frames_in++;
    core->counters.bytes_in += bytes.len;
    struct muster_reader r = muster_reader_over(bytes);
    struct agent_head head = agent_read_head(&r);
    if (!muster_reader_ok(&r) || (head.message == AGENT_MSG_HELLO) == l->is_up) {
        core->counters.frames_bad++;
        link_close(core, number);
        return;
    }
    if (!l->is_up) {
        hello_got(core, l, head.left, &r, names);
        return;
    }
    if (agent_again_hear(&l->heard, bytes, &bytes) != MUSTER_OK) {
        core->counters.frames_bad++;
        link_close(core, number);
        return;
    }
    peers_heard(core, &core->peers->peer[l->peer]);
    agent_node_frame(core, core->peers->peer[l->peer].id, bytes);
}

void agent_peers_link_stale(struct agent_core *core, uint32_t number)
{
    struct agent_link *l = link_find(core->peers, number);
    if (l == NULL || !l->is_up || l->is_replaced || !l->is_ours)
        return;
    struct agent_peer *p = &core->peers->peer[l->peer];
    if (p->link == number && p->dialing == 0 && !core->is_over)
        dial(core, p);
}

/* ---- endings, and what they prove */

void agent_peers_link_closed(struct agent_core *core, uint32_t number, bool refused)
{
    struct agent_peers *t = core->peers;
    struct agent_link *l = link_find(t, number);
    if (l == NULL)
        return;
    agent_again_forget(&l->said);
    agent_again_forget(&l->heard);
    struct agent_link was = *l;
    l->number = 0;
    if (was.peer == UINT32_MAX)
        return;
    struct agent_peer *p = &t->peer[was.peer];
    if (p->dialing == number) {
        p->dialing = 0;
        dial_later(core, p);
        if (refused && p->boot != 0 && !was.is_old)
            peers_proven(core, p, was.from);
        bool answers = agent_peer_is_alive(p) && p->state == GOSSIP_ALIVE;
        /* It took our connection and not our hello. */
        if (was.is_open && !was.is_replaced && answers && !core->is_over) {
            /* As a rule it has not heard of us, because it booted into a partition that is over. */
            MUSTER_MARK(peer_does_not_know_us);
            tables_exchange(core, p);
        }
    }
    if (!was.is_up || was.is_replaced || p->link != number)
        return;
    p->link = AGENT_NO_LINK;
    p->unlinked_ms = core->now.mono_ms;
    core->counters.links_closed++;
    struct store_event e = { .kind = STORE_EVENT_CLOSED, .peer = p->id };
    agent_store_step(core, &e);
    agent_placer_peer(core, p);
    if (p->life == AGENT_LIFE_ALIVE || p->life == AGENT_LIFE_DEAD)
        peers_check(core, p);
    if (p->life == AGENT_LIFE_ALIVE)
        dial_later(core, p);
}

bool agent_peers_send(struct agent_core *core, struct muster_id to, struct muster_bytes frame)
{
    const struct agent_peer *p = agent_peers_find(core, to);
    if (p == NULL || p->link == AGENT_NO_LINK)
        return false;
    struct agent_link *l = link_find(core->peers, p->link);
    uint8_t room[AGENT_AGAIN_WORD];
    if (l != NULL && l->takes_again)
        frame = agent_again_say(&l->said, frame, room);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LINK_SEND);
    e->link = p->link;
    e->bytes = agent_out_copy(&core->out, frame);
    core->counters.frames_out++;
    core->counters.bytes_out += frame.len;
    return true;
}

void agent_peers_load(struct agent_core *core, uint32_t slots, uint32_t used, bool draining)
{
    struct agent_peers *t = core->peers;
    if (slots > t->peer[0].slots || used < t->peer[0].used) {
        agent_placer_freed(core, core->config.self);
        agent_placer_kick(core);
    }
    /* Whoever drains is not in the ring, so the ring follows this mark and not only gossip's. */
    if (t->peer[0].draining != draining)
        agent_peers_ring_wanted(core);
    t->peer[0].slots = slots;
    t->peer[0].used = used;
    t->peer[0].draining = draining;
    for (uint32_t i = 1; i < t->count; i++)
        if (t->peer[i].link != AGENT_NO_LINK)
            agent_runner_tell_load(core, &t->peer[i]);
}
