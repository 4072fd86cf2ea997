/* SPDX-License-Identifier: Apache-2.0 */
/* Answering pings, and carrying pings for others. */
#include "gossip/errand.h"

#include "base/clock.h"
#include "gossip/post.h"
#include "gossip/watch.h"

bool gossip_errand_is_for_us(const struct gossip *g, struct muster_bytes node)
{
    return node.len == 0 ||
           muster_bytes_equal(node, gossip_member_name(&g->table.member[GOSSIP_SELF]));
}

/* An address out of a message that we are to send to. A multicast or an empty one would make us a
 * loudspeaker for whoever forged it. */
static bool target_read(struct muster_addr *to, struct muster_bytes addr, uint16_t port)
{
    return port != 0 && muster_addr_from_octets(to, addr.data, addr.len, port) == MUSTER_OK &&
           !muster_addr_is_unspecified(*to) && !muster_addr_is_multicast(*to);
}

/* The return address: the one named in the message, else where the packet came from. */
static bool source_read(struct gossip *g, struct muster_addr *to, struct muster_addr from,
                        const struct gossip_source *source)
{
    *to = from;
    if (source->addr.len == 0 || source->port == 0)
        return true;
    if (target_read(to, source->addr, source->port))
        return true;
    g->counters.dropped_malformed++;
    return false;
}

static void ack_send(struct gossip *g, struct muster_addr to, uint32_t seq)
{
    struct gossip_message ack = { .type = GOSSIP_TYPE_ACK };

    ack.ack.seq = seq;
    gossip_post(g, to, &ack);
}

void gossip_errand_ping(struct gossip *g, struct muster_addr from, const struct gossip_ping *ping)
{
    struct muster_addr to;

    /* Another name at our address was our predecessor's; answering for it would keep it alive. */
    if (!gossip_errand_is_for_us(g, ping->node) || !source_read(g, &to, from, &ping->source))
        return;
    ack_send(g, to, ping->seq);
}

/* Watchers want to know soon what we hear; to others a nack says that the whole time has passed. */
static void errand_times(const struct gossip *g, struct gossip_errand *errand,
                         const struct gossip_indirect *indirect)
{
    const struct gossip_member *m = gossip_table_find(&g->table, indirect->source.node);
    const struct gossip_member *target = gossip_table_find(&g->table, indirect->node);
    uint32_t patience_ms = gossip_watch_patience_ms(g);

    errand->end_ms = muster_deadline_after(g->now_ms, g->config.probe_timeout_ms);
    errand->again_ms = MUSTER_NEVER;
    errand->nack_ms = indirect->nack ? errand->end_ms : MUSTER_NEVER;
    if (m == NULL || !m->is_kin || target == NULL || !indirect->nack)
        return;
    errand->member = target->number;
    errand->again_ms = muster_deadline_after(g->now_ms, patience_ms / 2);
    errand->nack_ms =
        muster_deadline_sooner(errand->end_ms, muster_deadline_after(g->now_ms, patience_ms));
}

static void target_ask(struct gossip *g, const struct gossip_errand *errand,
                       struct muster_bytes node)
{
    struct gossip_message ping;

    gossip_post_ping(g, &ping, errand->seq, node);
    gossip_post(g, errand->target, &ping);
}

void gossip_errand_indirect(struct gossip *g, struct muster_addr from,
                            const struct gossip_indirect *indirect)
{
    struct gossip_errands *e = &g->errands;
    uint16_t port = indirect->port == 0 ? g->config.advertise.port : indirect->port;
    struct gossip_errand errand = { .requester_seq = indirect->seq };

    if (!source_read(g, &errand.requester, from, &indirect->source))
        return;
    if (!target_read(&errand.target, indirect->target, port) ||
        indirect->node.len > GOSSIP_NAME_MAX) {
        g->counters.dropped_malformed++;
        return;
    }
    if (e->count == GOSSIP_ERRANDS_MAX) {
        g->counters.dropped_full++;
        return;
    }
    errand.seq = gossip_post_seq(g);
    errand_times(g, &errand, indirect);
    e->ring[(e->head + e->count) % GOSSIP_ERRANDS_MAX] = errand;
    e->count++;
    target_ask(g, &errand, indirect->node);
}

bool gossip_errand_ack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    for (uint32_t i = 0; i < g->errands.count; i++) {
        struct gossip_errand *e = &g->errands.ring[(g->errands.head + i) % GOSSIP_ERRANDS_MAX];

        if (e->seq != seq || e->is_done || !muster_addr_equal(e->target, from))
            continue;
        e->is_done = true;
        ack_send(g, e->requester, e->requester_seq);
        return true;
    }
    return false;
}

static struct gossip_errand *errand_at(struct gossip_errands *e, uint32_t index)
{
    return &e->ring[(e->head + index) % GOSSIP_ERRANDS_MAX];
}

static void errand_run(struct gossip *g, struct gossip_errand *e)
{
    struct gossip_message nack = { .type = GOSSIP_TYPE_NACK };

    if (e->is_done)
        return;
    if (muster_deadline_reached(e->again_ms, g->now_ms)) {
        const struct gossip_member *m = &g->table.member[e->member];

        e->again_ms = MUSTER_NEVER;
        if (muster_addr_equal(m->addr, e->target) && !m->is_forgotten)
            target_ask(g, e, gossip_member_name(m));
    }
    if (muster_deadline_reached(e->nack_ms, g->now_ms)) {
        e->nack_ms = MUSTER_NEVER;
        nack.nack.seq = e->requester_seq;
        gossip_post(g, e->requester, &nack);
    }
}

static uint64_t errand_due_ms(const struct gossip_errand *e)
{
    uint64_t due_ms = muster_deadline_sooner(e->again_ms, e->nack_ms);

    return e->is_done ? e->end_ms : muster_deadline_sooner(due_ms, e->end_ms);
}

void gossip_errand_run(struct gossip *g)
{
    struct gossip_errands *e = &g->errands;

    for (uint32_t i = 0; i < e->count; i++)
        errand_run(g, errand_at(e, i));
    while (e->count > 0 && muster_deadline_reached(errand_at(e, 0)->end_ms, g->now_ms)) {
        e->head = (e->head + 1) % GOSSIP_ERRANDS_MAX;
        e->count--;
    }
}

uint64_t gossip_errand_deadline_ms(const struct gossip *g)
{
    uint64_t due_ms = MUSTER_NEVER;

    for (uint32_t i = 0; i < g->errands.count; i++)
        due_ms = muster_deadline_sooner(
            due_ms, errand_due_ms(&g->errands.ring[(g->errands.head + i) % GOSSIP_ERRANDS_MAX]));
    return due_ms;
}
