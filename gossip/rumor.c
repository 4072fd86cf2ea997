/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about members and about us: judged, applied, passed on, refuted. */
#include "gossip/rumor.h"

#include <string.h>

#include "base/clock.h"
#include "gossip/post.h"
#include "gossip/probe.h"
#include "gossip/reclaim.h"

#define HEARD_SUSPECTS  64 /* of those that are suspected at one time, for whoever is deaf */
#define RUMOR_REFUTE_TO 2  /* random members that hear a refutation at once, besides the accuser */

static struct muster_bytes own_name(const struct gossip *g)
{
    return gossip_member_name(&g->table.member[GOSSIP_SELF]);
}

static bool is_about_us(const struct gossip *g, struct muster_bytes name)
{
    return muster_bytes_equal(name, own_name(g));
}

static bool name_is_valid(struct muster_bytes name)
{
    return name.len > 0 && name.len <= GOSSIP_NAME_MAX && memchr(name.data, '\0', name.len) == NULL;
}

/* ---- passing on ---- */

static struct muster_bytes rumor_queue(struct gossip *g, uint32_t number,
                                       const struct gossip_message *message, bool is_urgent)
{
    uint8_t buffer[GOSSIP_MESSAGE_MAX];
    struct muster_writer out = muster_writer_over(buffer, sizeof buffer);
    uint64_t shed = g->queue.shed;
    struct muster_bytes queued;

    gossip_message_encode(message, &out);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    queued = gossip_queue_put(&g->queue, number, muster_writer_bytes(&out), is_urgent);
    g->counters.dropped_full += g->queue.shed - shed;
    return queued;
}

static struct muster_bytes alive_spread(struct gossip *g, uint32_t number,
                                        const struct gossip_alive *a)
{
    struct gossip_message message = { .type = GOSSIP_TYPE_ALIVE };

    message.alive = *a;
    return rumor_queue(g, number, &message, false);
}

static struct muster_bytes accusation_spread(struct gossip *g, uint32_t number,
                                             enum gossip_type type,
                                             const struct gossip_accusation *a, bool is_urgent)
{
    struct gossip_message message = { .type = type };

    message.accusation = *a;
    return rumor_queue(g, number, &message, is_urgent);
}

/* How many are told at once of what they must know soon. */
static uint32_t direct_many(const struct gossip *g)
{
    return g->table.count <= GOSSIP_DIRECT_POOL ? GOSSIP_DIRECT_POOL : GOSSIP_DIRECT_MAX;
}

/* An old alive circulates for a while in many copies; one answer in a probe interval is enough. */
static bool answer_is_due(const struct gossip *g, uint64_t *answer_after_ms)
{
    if (g->now_ms < *answer_after_ms)
        return false;
    *answer_after_ms = muster_deadline_after(g->now_ms, g->config.probe_interval_ms);
    return true;
}

/* ---- about ourselves ---- */

static struct gossip_message own_alive(const struct gossip *g)
{
    const struct gossip_member *self = &g->table.member[GOSSIP_SELF];
    struct gossip_message message = { .type = GOSSIP_TYPE_ALIVE };

    message.alive.incarnation = self->incarnation;
    message.alive.node = gossip_member_name(self);
    message.alive.addr = MUSTER_BYTES(self->addr.octet, self->addr.len);
    message.alive.port = self->addr.port;
    if (self->face->meta_len > 0)
        message.alive.meta = gossip_member_meta(self);
    message.alive.vsn = MUSTER_BYTES(self->vsn, GOSSIP_VSN_LEN);
    return message;
}

static struct muster_bytes own_alive_queue(struct gossip *g)
{
    struct gossip_message message = own_alive(g);

    return rumor_queue(g, GOSSIP_SELF, &message, false);
}

/* In a small pool everybody is told directly, once: gossip alone leaves out one in a hundred there,
 * who would not know us until the next exchange of tables. */
void gossip_rumor_announce(struct gossip *g)
{
    struct muster_bytes alive = own_alive_queue(g);

    if (g->table.count <= GOSSIP_DIRECT_POOL)
        gossip_post_random(g, alive, GOSSIP_DIRECT_POOL, GOSSIP_NO_MEMBER);
}

void gossip_awareness_add(struct gossip *g, int change)
{
    if (change < 0)
        g->awareness -= g->awareness > 0 ? 1 : 0;
    else
        g->awareness += (uint32_t)change;
    if (g->awareness >= g->config.awareness_max)
        g->awareness = g->config.awareness_max - 1;
}

/* Raises our incarnation above the accusation and says so: to all in time, and at once to whoever
 * accused us and to two others, because the suspicion's clock is ticking over there; of a death
 * everybody has been told. */
static void self_refute(struct gossip *g, uint32_t accused, const struct gossip_origin *origin,
                        bool is_buried)
{
    struct gossip_member *self = gossip_self(g);
    struct muster_bytes alive;

    if (self->incarnation >= GOSSIP_INCARNATION_MAX || accused >= GOSSIP_INCARNATION_MAX)
        return; /* the last number: raising it would wrap, so nothing can be refuted any more */
    self->incarnation = (accused > self->incarnation ? accused : self->incarnation) + 1;
    g->counters.refutations++;
    gossip_awareness_add(g, 1);
    alive = own_alive_queue(g);
    gossip_post_random(g, alive, is_buried ? direct_many(g) : RUMOR_REFUTE_TO, GOSSIP_NO_MEMBER);
    if (origin->from.len > 0 && !muster_addr_equal(origin->from, self->addr))
        gossip_post_to(g, origin->from, alive);
}

static void alive_about_us(struct gossip *g, const struct gossip_alive *a, struct muster_addr addr,
                           const struct gossip_origin *origin)
{
    const struct gossip_member *self = gossip_self(g);
    bool is_same;

    if (g->is_leaving)
        return;
    if (!muster_addr_equal(addr, self->addr)) {
        g->counters.conflicts++;
        return;
    }
    is_same = muster_bytes_equal(a->meta, gossip_member_meta(self)) &&
              memcmp(a->vsn.data, self->vsn, GOSSIP_VSN_LEN) == 0;
    if (a->incarnation > self->incarnation || (a->incarnation == self->incarnation && !is_same))
        self_refute(g, a->incarnation, origin, false);
}

/* An accusation that we have refuted long ago, by the mouth of who made it: he has missed that, and
 * may bury us before somebody happens to tell him. */
static void self_remind(struct gossip *g, const struct gossip_accusation *a,
                        const struct gossip_origin *origin)
{
    const struct gossip_member *accuser = gossip_table_find(&g->table, a->from);
    struct gossip_message message = own_alive(g);

    if (accuser == NULL || !muster_addr_equal(accuser->addr, origin->from) ||
        !answer_is_due(g, &gossip_self(g)->answer_after_ms))
        return;
    gossip_post_bare(g, origin->from, &message);
}

static void accusation_about_us(struct gossip *g, const struct gossip_accusation *a,
                                const struct gossip_origin *origin, bool is_buried)
{
    if (g->is_leaving)
        return;
    if (a->incarnation >= gossip_self(g)->incarnation)
        self_refute(g, a->incarnation, origin, is_buried);
    else
        self_remind(g, a, origin);
}

void gossip_rumor_meta(struct gossip *g, struct muster_bytes meta)
{
    struct gossip_member *self = gossip_self(g);

    if (muster_bytes_equal(meta, gossip_member_meta(self)))
        return;
    gossip_table_set_data(&g->table, self, self->addr, meta, self->vsn);
    if (g->is_leaving)
        return;
    if (self->incarnation < GOSSIP_INCARNATION_MAX)
        self->incarnation++;
    gossip_rumor_announce(g);
}

void gossip_rumor_leave(struct gossip *g)
{
    struct gossip_member *self = gossip_self(g);
    struct gossip_accusation a = { self->incarnation, own_name(g), own_name(g) };
    struct muster_bytes dead;

    if (g->is_leaving)
        return;
    g->is_leaving = true;
    g->leave_ms = muster_deadline_after(g->now_ms, GOSSIP_LEAVE_MS);
    gossip_table_set_state(&g->table, self, GOSSIP_LEFT, g->now_ms);
    dead = accusation_spread(g, GOSSIP_SELF, GOSSIP_TYPE_DEAD, &a, true);
    gossip_post_random(g, dead, GOSSIP_DIRECT_MAX, GOSSIP_NO_MEMBER);
}

/* ---- alive ---- */

/* What real peers swallow to their harm (a node without versions blocks every later merge) stops
 * here, and so does what could never be answered or refuted. */
static bool alive_read(const struct gossip_alive *a, struct muster_addr *addr)
{
    if (!name_is_valid(a->node) || a->vsn.len != GOSSIP_VSN_LEN || a->meta.len > GOSSIP_META_MAX)
        return false;
    if (a->vsn.data[0] == 0 || a->vsn.data[0] > a->vsn.data[1])
        return false;
    if (a->incarnation == 0 || a->incarnation > GOSSIP_INCARNATION_MAX || a->port == 0)
        return false;
    return muster_addr_from_octets(addr, a->addr.data, a->addr.len, a->port) == MUSTER_OK &&
           !muster_addr_is_unspecified(*addr) && !muster_addr_is_multicast(*addr);
}

bool gossip_rumor_is_valid(const struct gossip_alive *a)
{
    struct muster_addr addr;

    return alive_read(a, &addr);
}

static void suspicion_stop(struct gossip *g, const struct gossip_member *m)
{
    muster_heap_remove(&g->suspicions, m->number);
}

struct muster_bytes gossip_rumor_believe(struct gossip *g, struct gossip_member *m,
                                         const struct gossip_alive *a, bool is_spread)
{
    struct gossip_alive passed_on = *a;
    struct muster_addr addr;
    int err = muster_addr_from_octets(&addr, a->addr.data, a->addr.len, a->port);

    MUSTER_ASSERT(err == MUSTER_OK);
    MUSTER_ASSERT(!m->is_self);
    suspicion_stop(g, m);
    if (!gossip_member_is_living(m))
        m->is_changed = true; /* another life: worth telling even if its death was not told yet */
    gossip_table_set_data(&g->table, m, addr, a->meta, a->vsn.data);
    gossip_table_set_state(&g->table, m, GOSSIP_ALIVE, g->now_ms);
    m->incarnation = a->incarnation;
    m->answer_after_ms = 0;
    if (!is_spread)
        return (struct muster_bytes){ 0 };
    passed_on.addr = MUSTER_BYTES(addr.octet, addr.len);
    return alive_spread(g, m->number, &passed_on);
}

/* Who joins through us is introduced to everybody in a small pool, as we would announce ourselves;
 * our kind does so on its own. */
static void introduce(struct gossip *g, const struct gossip_member *m, struct muster_bytes alive,
                      const struct gossip_origin *origin)
{
    if (origin->is_newcomer && !m->is_kin && g->table.count <= GOSSIP_DIRECT_POOL)
        gossip_post_random(g, alive, GOSSIP_DIRECT_POOL, m->number);
}

void gossip_rumor_answer(struct gossip *g, struct muster_addr to, struct muster_bytes name,
                         uint32_t incarnation)
{
    struct gossip_message message = { .type = GOSSIP_TYPE_SUSPECT };

    message.accusation = (struct gossip_accusation){ incarnation, name, own_name(g) };
    gossip_post_bare(g, to, &message);
}

/* We may have been deaf when we suspected it, and our word may have got no further than here. */
void gossip_rumor_heard(struct gossip *g, struct muster_addr from)
{
    for (uint32_t i = 0; i < g->suspicions.count && i < HEARD_SUSPECTS; i++) {
        struct gossip_member *m = &g->table.member[g->suspicions.entry[i].number];
        if (muster_addr_equal(from, m->addr) && answer_is_due(g, &m->answer_after_ms))
            gossip_rumor_answer(g, from, gossip_member_name(m), m->incarnation);
    }
}

static void alive_about_stranger(struct gossip *g, const struct gossip_alive *a,
                                 struct muster_addr addr, const struct gossip_origin *origin)
{
    struct gossip_grave *grave = gossip_table_grave(&g->table, a->node, g->now_ms);
    struct gossip_member *m;

    if (grave != NULL && a->incarnation <= grave->incarnation) {
        if (answer_is_due(g, &grave->answer_after_ms))
            gossip_rumor_answer(g, addr, a->node, grave->incarnation);
        return;
    }
    if (!gossip_table_fits(&g->table, a->vsn.data)) {
        g->counters.dropped_unfit++;
        return;
    }
    m = gossip_table_add(&g->table, &g->rng, a->node, g->now_ms);
    if (m == NULL)
        g->counters.dropped_full++;
    else
        introduce(g, m, gossip_rumor_believe(g, m, a, !origin->is_lesson), origin);
}

static void alive_about_member(struct gossip *g, struct gossip_member *m,
                               const struct gossip_alive *a, struct muster_addr addr,
                               const struct gossip_origin *origin)
{
    bool is_same_addr = muster_addr_equal(addr, m->addr);

    switch (gossip_judge_alive((enum gossip_state)m->state,
                               gossip_age_of(a->incarnation, m->incarnation), is_same_addr)) {
    case GOSSIP_VERDICT_BELIEVE:
        if (memcmp(a->vsn.data, m->vsn, GOSSIP_VSN_LEN) != 0 &&
            !gossip_table_fits(&g->table, a->vsn.data))
            g->counters.dropped_unfit++;
        else
            introduce(g, m, gossip_rumor_believe(g, m, a, true), origin);
        break;
    case GOSSIP_VERDICT_ANSWER:
        if (answer_is_due(g, &m->answer_after_ms))
            gossip_rumor_answer(g, addr, gossip_member_name(m), m->incarnation);
        break;
    case GOSSIP_VERDICT_CONFLICT:
        g->counters.conflicts++;
        break;
    case GOSSIP_VERDICT_RECLAIM:
        gossip_reclaim_open(g, m, a);
        break;
    default:
        break;
    }
}

void gossip_rumor_alive(struct gossip *g, const struct gossip_alive *a,
                        const struct gossip_origin *origin)
{
    struct gossip_member *m;
    struct muster_addr addr;

    if (!alive_read(a, &addr)) {
        g->counters.dropped_malformed++;
        return;
    }
    if (is_about_us(g, a->node)) {
        alive_about_us(g, a, addr, origin);
        return;
    }
    if (muster_addr_equal(addr, gossip_self(g)->addr)) {
        g->counters.conflicts++; /* our predecessor's, and nobody is told of it by us */
        return;
    }
    m = gossip_table_find(&g->table, a->node);
    if (m == NULL)
        alive_about_stranger(g, a, addr, origin);
    else
        alive_about_member(g, m, a, addr, origin);
}

/* ---- suspect ---- */

static bool accusation_is_valid(const struct gossip_accusation *a)
{
    return name_is_valid(a->node) && a->from.len <= GOSSIP_NAME_MAX &&
           a->incarnation <= GOSSIP_INCARNATION_MAX;
}

static void suspicion_arm(struct gossip *g, const struct gossip_member *m)
{
    muster_heap_set(&g->suspicions, m->number, gossip_suspicion_deadline_ms(m->suspicion));
}

static void member_suspect(struct gossip *g, struct gossip_member *m,
                           const struct gossip_accusation *a)
{
    struct gossip_suspicion_rule rule = { g->config.suspicion_mult, g->config.suspicion_max_mult,
                                          g->config.probe_interval_ms, g->table.count };

    m->incarnation = a->incarnation;
    gossip_table_set_state(&g->table, m, GOSSIP_SUSPECT, g->now_ms);
    gossip_suspicion_start(m->suspicion, g->now_ms, gossip_table_hash(&g->table, a->from), &rule);
    suspicion_arm(g, m);
    gossip_probe_hurry(g);
    g->counters.suspicions++;
    (void)accusation_spread(g, m->number, GOSSIP_TYPE_SUSPECT, a, false);
}

static void member_confirm(struct gossip *g, struct gossip_member *m,
                           const struct gossip_accusation *a)
{
    if (a->incarnation > m->incarnation)
        m->incarnation = a->incarnation;
    if (!gossip_suspicion_confirm(m->suspicion, gossip_table_hash(&g->table, a->from)))
        return;
    suspicion_arm(g, m);
    (void)accusation_spread(g, m->number, GOSSIP_TYPE_SUSPECT, a, false);
}

void gossip_rumor_suspect(struct gossip *g, const struct gossip_accusation *a,
                          const struct gossip_origin *origin)
{
    struct gossip_member *m;

    if (!accusation_is_valid(a)) {
        g->counters.dropped_malformed++;
        return;
    }
    if (is_about_us(g, a->node)) {
        accusation_about_us(g, a, origin, false);
        return;
    }
    m = gossip_table_find(&g->table, a->node);
    if (m == NULL)
        return;
    switch (gossip_judge_suspect(m->state, gossip_age_of(a->incarnation, m->incarnation))) {
    case GOSSIP_VERDICT_ACCUSE:
        member_suspect(g, m, a);
        break;
    case GOSSIP_VERDICT_CONFIRM:
        member_confirm(g, m, a);
        break;
    case GOSSIP_VERDICT_RAISE:
        m->incarnation = a->incarnation;
        break;
    default:
        break;
    }
}

void gossip_rumor_accuse(struct gossip *g, const struct gossip_member *m)
{
    struct gossip_accusation a = { m->incarnation, gossip_member_name(m), own_name(g) };
    struct gossip_origin origin = { .is_lesson = false };

    gossip_rumor_suspect(g, &a, &origin);
}

/* ---- dead ---- */

static struct muster_bytes member_bury(struct gossip *g, struct gossip_member *m,
                                       const struct gossip_accusation *a, bool is_urgent)
{
    bool has_left = muster_bytes_equal(a->from, a->node);

    suspicion_stop(g, m);
    m->incarnation = a->incarnation;
    gossip_table_set_state(&g->table, m, has_left ? GOSSIP_LEFT : GOSSIP_DEAD, g->now_ms);
    return accusation_spread(g, m->number, GOSSIP_TYPE_DEAD, a, is_urgent);
}

/* In a large pool whoever first hears of a death by packet tells some others at once. When many die
 * at a time gossip has to do for the rest. */
static void pass_on(struct gossip *g, const struct gossip_member *m, struct muster_bytes dead,
                    const struct gossip_origin *origin)
{
    if (g->table.count <= GOSSIP_DIRECT_POOL || origin->is_lesson || origin->from.len == 0)
        return;
    if (muster_deadline_reached(muster_deadline_after(g->eager_ms, g->config.gossip_interval_ms),
                                g->now_ms)) {
        g->eager_ms = g->now_ms;
        g->eager = 0;
    }
    if (g->eager >= GOSSIP_EAGER_MAX)
        return;
    g->eager++;
    gossip_post_random(g, dead, GOSSIP_EAGER_TO, m->number);
}

void gossip_rumor_dead(struct gossip *g, const struct gossip_accusation *a,
                       const struct gossip_origin *origin)
{
    struct gossip_member *m;

    if (!accusation_is_valid(a)) {
        g->counters.dropped_malformed++;
        return;
    }
    if (is_about_us(g, a->node)) {
        accusation_about_us(g, a, origin, true);
        return;
    }
    m = gossip_table_find(&g->table, a->node);
    if (m == NULL)
        return;
    switch (gossip_judge_dead(m->state, gossip_age_of(a->incarnation, m->incarnation))) {
    case GOSSIP_VERDICT_BURY:
        pass_on(g, m, member_bury(g, m, a, false), origin);
        break;
    case GOSSIP_VERDICT_RAISE:
        m->incarnation = a->incarnation;
        break;
    default:
        break;
    }
}

void gossip_rumor_proven(struct gossip *g, struct muster_bytes name)
{
    struct gossip_member *m = gossip_table_find(&g->table, name);
    struct gossip_accusation a;
    struct muster_bytes dead;

    if (m == NULL || m->is_self || m->is_proven || m->state == GOSSIP_LEFT)
        return;
    if (m->state == GOSSIP_DEAD) {
        m->is_proven = true;
        m->is_proof_new = true;
        gossip_table_mark(&g->table, m);
        return;
    }
    a = (struct gossip_accusation){ m->incarnation, gossip_member_name(m), own_name(g) };
    dead = member_bury(g, m, &a, true);
    m->is_proven = true;
    gossip_post_random(g, dead, direct_many(g), m->number);
}

/* It is told too: who is silent may yet hear, and take it back. */
void gossip_rumor_witnessed(struct gossip *g, struct gossip_member *m)
{
    struct gossip_accusation a = { m->incarnation, gossip_member_name(m), own_name(g) };
    struct muster_bytes dead = member_bury(g, m, &a, true);

    gossip_post_random(g, dead, direct_many(g), m->number);
    gossip_post_to(g, m->addr, dead);
}

void gossip_rumor_absent(struct gossip *g, struct muster_bytes name)
{
    struct gossip_member *m = gossip_table_find(&g->table, name);

    if (m != NULL && !m->is_self && gossip_member_is_living(m))
        gossip_rumor_witnessed(g, m);
}

/* A suspicion that ended while the loop was away may have been refuted by a packet that nobody has
 * read yet; until hold_ms there is time to read it. */
uint64_t gossip_rumor_deadline_ms(const struct gossip *g)
{
    uint64_t first = muster_heap_first_key(&g->suspicions);

    return first < g->hold_ms ? g->hold_ms : first;
}

void gossip_rumor_expire(struct gossip *g)
{
    uint32_t number;

    if (!muster_deadline_reached(gossip_rumor_deadline_ms(g), g->now_ms))
        return;
    while (muster_heap_take(&g->suspicions, g->now_ms, &number)) {
        struct gossip_member *m = &g->table.member[number];
        struct gossip_accusation a = { m->incarnation, gossip_member_name(m), own_name(g) };

        MUSTER_ASSERT(m->state == GOSSIP_SUSPECT);
        (void)member_bury(g, m, &a, false);
    }
}
