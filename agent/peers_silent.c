/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that say nothing: what their links have told gossip, what their kernels answer, and when
 * a host counts as dark. */
#include <string.h>

#include "agent/peers_inside.h"

#define OVERDUE_PERCENT 30 /* of the time between two reports: so much longer than usual */
#define LATE_PERCENT    25 /* of the wait for a kernel: later than that, and we slept ourselves */

/* ---- what the links hear */

/* How long it is silent between two frames belongs to what its silence will say. */
void peers_heard(const struct agent_core *core, struct agent_peer *p)
{
    uint64_t now = core->now.mono_ms, gap = now - p->heard_ms;
    if (now >= p->gap_since_ms + PEERS_GAP_MS) {
        p->gap_ms[1] = p->gap_ms[0];
        p->gap_ms[0] = 0;
        p->gap_since_ms = now;
    }
    if (gap > p->gap_ms[0])
        p->gap_ms[0] = gap < PEERS_GAP_MS ? (uint32_t)gap : PEERS_GAP_MS;
    p->heard_ms = now;
}

static uint32_t gap_usual_ms(const struct agent_peer *p)
{
    return p->gap_ms[0] > p->gap_ms[1] ? p->gap_ms[0] : p->gap_ms[1];
}

/* Who has been silent for longer than usual is looked at again when that goes on. No
 * timer is needed for all the others. */
static void overdue_note(struct agent_core *core, struct agent_peer *p)
{
    uint32_t usual = gap_usual_ms(p), most = core->config.silent_ms;
    uint32_t wait = usual + core->config.hold_ms * OVERDUE_PERCENT / 100;
    if (p->life != AGENT_LIFE_ALIVE || p->link == AGENT_NO_LINK || usual >= most)
        return;
    if (core->now.mono_ms <= p->heard_ms + usual || p->asked_ms > p->heard_ms)
        return;
    p->overdue_ms = p->heard_ms + (wait < most ? wait : most);
    core->peers->deadline_ms = muster_deadline_sooner(core->peers->deadline_ms, p->overdue_ms);
}

/* Asked in every step of gossip: whom it watches is another one only now and then. */
static const struct agent_peer *watched_at(const struct agent_core *core, uint32_t index)
{
    struct agent_peers *t = core->peers;
    const char *name = gossip_watched_at(core->gossip, index);
    uint32_t *last = &t->watched[index % PEERS_WATCHED];
    if (*last < t->count && strcmp(t->peer[*last].gossip_name, name) == 0)
        return &t->peer[*last];
    const struct agent_peer *p = agent_peers_by_gossip_name(core, name);
    *last = p != NULL ? (uint32_t)(p - t->peer) : 0;
    return p;
}

/* Where a link was closed and no connection refused a kernel lives, and perhaps an agent that is
 * being renewed: for a while its silence says nothing. */
static void vouch(struct agent_core *core, uint32_t index)
{
    const struct agent_peer *p = watched_at(core, index);
    if (p == NULL || p->heard_ms == 0)
        return;
    bool is_between = p->link == AGENT_NO_LINK && p->life == AGENT_LIFE_ALIVE &&
                      core->now.mono_ms < p->unlinked_ms + PEERS_BETWEEN_MS;
    gossip_vouch(core->gossip, index, is_between ? core->now.mono_ms : p->heard_ms,
                 gap_usual_ms(p));
}

void agent_peers_vouch(struct agent_core *core)
{
    struct agent_peers *t = core->peers;
    uint32_t count = gossip_watched_count(core->gossip);
    if (gossip_deadline_ms(core->gossip) > core->now.mono_ms)
        return; /* nothing is judged in this step */
    for (uint32_t i = 0; i < count; i++)
        vouch(core, i);
    for (uint32_t i = 0; i < t->count; i++)
        overdue_note(core, &t->peer[i]);
}

/* ---- what the kernels answer */

void peers_check(struct agent_core *core, struct agent_peer *p)
{
    p->checking[1] = p->checking[0];
    p->checking[0] = peers_link_number(core->peers);
    struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_CHECK);
    e->link = p->checking[0];
    e->to = peers_addr(p);
    e->deadline_ms = core->now.mono_ms + PEERS_DIAL_MS;
}

void peers_check_silent(struct agent_core *core, struct agent_peer *p)
{
    uint64_t now = core->now.mono_ms, wait = core->config.kernel_wait_ms;
    p->host_ms = 0;
    p->asked_ms = now;
    p->recheck_ms = now + wait / 2;
    p->asked_until_ms = now + wait;
    core->peers->deadline_ms = muster_deadline_sooner(core->peers->deadline_ms, p->recheck_ms);
    peers_check(core, p);
}

void peers_check_dead(struct agent_core *core, struct agent_peer *p)
{
    uint64_t now = core->now.mono_ms;
    bool was_asked = p->asked_ms > p->heard_ms && now < p->asked_ms + 2 * core->config.silent_ms;
    if (!was_asked)
        peers_check_silent(core, p);
    p->dark_ms = now > p->asked_until_ms ? now : p->asked_until_ms;
    core->peers->deadline_ms = muster_deadline_sooner(core->peers->deadline_ms, p->dark_ms);
}

static struct agent_peer *checked(struct agent_peers *t, uint32_t number)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->peer[i].checking[0] == number || t->peer[i].checking[1] == number)
            return &t->peer[i];
    return NULL;
}

void agent_peers_check_taken(struct agent_core *core, uint32_t number)
{
    struct agent_peer *p = checked(core->peers, number);
    if (p != NULL)
        p->host_ms = core->now.mono_ms;
}

void agent_peers_checked(struct agent_core *core, uint32_t number, bool refused)
{
    struct agent_peer *p = checked(core->peers, number);
    if (p == NULL)
        return;
    p->checking[p->checking[0] == number ? 0 : 1] = 0;
    if (refused || MUSTER_MUTANT(proof_without_refusal))
        peers_proven(core, p, peers_addr(p));
}

/* ---- time */

/* Gossip's witnesses, our own link and its kernel say nothing of it: its keepers are not waited for
 * (R9). When we were late ourselves the answer may lie in our own socket, unread. */
static uint64_t dark_tick(struct agent_core *core, struct agent_peer *p)
{
    uint64_t now = core->now.mono_ms, spoke_ms = p->heard_ms + core->config.silent_ms;
    uint64_t due = p->dark_ms > spoke_ms ? p->dark_ms : spoke_ms;
    if (p->life != AGENT_LIFE_DEAD || p->is_dark ||
        (p->host_ms != 0 && !MUSTER_MUTANT(kernel_not_asked)))
        return MUSTER_NEVER;
    if (now < due)
        return due;
    if (now > due + core->config.kernel_wait_ms * LATE_PERCENT / 100) {
        MUSTER_MARK(late_for_the_kernel);
        p->dark_ms = now + 1;
        return p->dark_ms;
    }
    MUSTER_MARK(host_is_dark);
    p->is_dark = true;
    peers_tell_store(core, p);
    return MUSTER_NEVER;
}

uint64_t peers_silence_tick(struct agent_core *core, struct agent_peer *p)
{
    uint64_t now = core->now.mono_ms;
    if (muster_deadline_reached(p->overdue_ms, now)) {
        p->overdue_ms = MUSTER_NEVER;
        overdue_note(core, p);
        if (muster_deadline_reached(p->overdue_ms, now)) {
            p->overdue_ms = MUSTER_NEVER;
            MUSTER_MARK(kernel_is_asked_early);
            peers_check_silent(core, p);
        }
    }
    if (muster_deadline_reached(p->recheck_ms, now)) {
        p->recheck_ms = MUSTER_NEVER;
        if (p->life == AGENT_LIFE_DEAD ||
            (p->life == AGENT_LIFE_ALIVE && p->asked_ms > p->heard_ms))
            peers_check(core, p);
    }
    uint64_t next = muster_deadline_sooner(p->overdue_ms, p->recheck_ms);
    return muster_deadline_sooner(next, dark_tick(core, p));
}
