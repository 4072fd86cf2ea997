/* SPDX-License-Identifier: Apache-2.0 */
/* Answering pings, and carrying pings for others. */
#include "gossip/errand.h"

#include "base/clock.h"
#include "gossip/post.h"

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

void gossip_errand_indirect(struct gossip *g, struct muster_addr from,
                            const struct gossip_indirect *indirect)
{
    struct gossip_errands *e = &g->errands;
    uint16_t port = indirect->port == 0 ? g->config.advertise.port : indirect->port;
    struct gossip_errand errand = { .requester_seq = indirect->seq, .wants_nack = indirect->nack };
    struct gossip_message ping;

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
    errand.end_ms = muster_deadline_after(g->now_ms, g->config.probe_timeout_ms);
    e->ring[(e->head + e->count) % GOSSIP_ERRANDS_MAX] = errand;
    e->count++;
    gossip_post_ping(g, &ping, errand.seq, indirect->node);
    gossip_post(g, errand.target, &ping);
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

void gossip_errand_run(struct gossip *g)
{
    while (muster_deadline_reached(gossip_errand_deadline_ms(g), g->now_ms)) {
        const struct gossip_errand *e = &g->errands.ring[g->errands.head];
        struct gossip_message nack = { .type = GOSSIP_TYPE_NACK };

        nack.nack.seq = e->requester_seq;
        if (!e->is_done && e->wants_nack)
            gossip_post(g, e->requester, &nack);
        g->errands.head = (g->errands.head + 1) % GOSSIP_ERRANDS_MAX;
        g->errands.count--;
    }
}

uint64_t gossip_errand_deadline_ms(const struct gossip *g)
{
    return g->errands.count == 0 ? MUSTER_NEVER : g->errands.ring[g->errands.head].end_ms;
}
