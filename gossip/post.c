/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams on their way out: one message with news behind it, or news alone. */
#include "gossip/post.h"

#include <string.h>

#include "base/clock.h"
#include "gossip/scale.h"

#define POST_KNOWS_CRC  5 /* the protocol version from which a checksum is understood */
#define POST_DRAW_MAX   GOSSIP_DIRECT_POOL
#define POST_USER_SHARE 4 /* of a packet, for what is not about members */

static struct muster_bytes message_bytes(const struct gossip_message *message, uint8_t *buffer)
{
    struct muster_writer out = muster_writer_over(buffer, GOSSIP_MESSAGE_MAX);

    gossip_message_encode(message, &out);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK); /* names and meta are bounded */
    return muster_writer_bytes(&out);
}

static void bytes_send(struct gossip *g, struct muster_addr to, struct muster_bytes bytes)
{
    if (!gossip_outbox_add_packet(&g->outbox, to, bytes)) {
        g->counters.dropped_full++;
        return;
    }
    g->counters.packets_out++;
    g->counters.bytes_out += bytes.len;
}

/* Room for a body and the envelope around it; NULL at the brim. */
static uint8_t *body_room(struct gossip *g, size_t size)
{
    uint8_t *room = gossip_outbox_room(&g->outbox, size + gossip_envelope_cost(&g->envelope));

    if (room == NULL)
        g->counters.dropped_full++;
    return room == NULL ? NULL : room + gossip_envelope_head(&g->envelope);
}

static struct muster_bytes body_close(struct gossip *g, uint8_t *body, size_t len)
{
    struct muster_bytes packet = gossip_envelope_close_packet(&g->envelope, body, len);

    gossip_outbox_commit(&g->outbox, packet.len);
    return packet;
}

static void parts_begin(const struct gossip *g, struct gossip_parts *parts)
{
    gossip_parts_init(parts, gossip_envelope_cost(&g->envelope));
}

static void parts_send(struct gossip *g, struct muster_addr to, const struct gossip_parts *parts,
                       bool has_crc)
{
    struct gossip_seal seal = { has_crc, g->config.compress, g->commons->encoder };
    uint8_t *body = body_room(g, parts->room + GOSSIP_PACKET_CRC_LEN);

    if (body == NULL)
        return;
    bytes_send(g, to, body_close(g, body, gossip_parts_seal(parts, &seal, body)));
}

static uint32_t transmits_max(const struct gossip *g)
{
    return gossip_retransmits(g->config.retransmit_mult, g->table.count);
}

/* News of members, and of what others said behind them; a quarter is kept for those, or in a large
 * pool they would never go out. */
static void parts_fill(struct gossip *g, struct gossip_parts *parts)
{
    size_t room = parts->room;

    if (g->serf.echoes > 0 && parts->size < room - room / POST_USER_SHARE)
        parts->room -= room / POST_USER_SHARE;
    gossip_queue_take(&g->queue, parts, transmits_max(g));
    parts->room = room;
    if (g->serf.echoes > 0)
        gossip_serf_fill(g, parts, transmits_max(g));
}

static bool has_news(const struct gossip *g)
{
    return g->queue.count > 0 || g->serf.echoes > 0;
}

void gossip_post(struct gossip *g, struct muster_addr to, const struct gossip_message *message)
{
    uint8_t buffer[GOSSIP_MESSAGE_MAX];
    struct gossip_parts parts;
    bool fits;

    parts_begin(g, &parts);
    fits = gossip_parts_add(&parts, message_bytes(message, buffer));
    MUSTER_ASSERT(fits);
    parts_fill(g, &parts);
    parts_send(g, to, &parts, false);
}

void gossip_post_pair(struct gossip *g, const struct gossip_member *to,
                      const struct gossip_message *first, const struct gossip_message *second)
{
    uint8_t buffer[2][GOSSIP_MESSAGE_MAX];
    struct gossip_parts parts;

    parts_begin(g, &parts);
    if (gossip_parts_add(&parts, message_bytes(first, buffer[0])) &&
        gossip_parts_add(&parts, message_bytes(second, buffer[1])))
        parts_send(g, to->addr, &parts, to->vsn[1] >= POST_KNOWS_CRC);
}

void gossip_post_bare(struct gossip *g, struct muster_addr to, const struct gossip_message *message)
{
    uint8_t buffer[GOSSIP_MESSAGE_MAX];

    gossip_post_to(g, to, message_bytes(message, buffer));
}

void gossip_post_to(struct gossip *g, struct muster_addr to, struct muster_bytes message)
{
    struct gossip_parts parts;

    parts_begin(g, &parts);
    if (gossip_parts_add(&parts, message))
        parts_send(g, to, &parts, false);
}

void gossip_post_random(struct gossip *g, struct muster_bytes message, uint32_t want,
                        uint32_t except)
{
    struct gossip_lot lot = { .suspects = true, .except = except };
    uint32_t drawn[POST_DRAW_MAX];
    uint8_t *body = body_room(g, message.len);
    struct muster_bytes packet;
    uint32_t count;

    MUSTER_ASSERT(want <= POST_DRAW_MAX);
    MUSTER_ASSERT(message.len <= GOSSIP_PACKET_MAX - gossip_envelope_cost(&g->envelope));
    if (body == NULL)
        return;
    memcpy(body, message.data, message.len);
    packet = body_close(g, body, message.len);
    count = gossip_table_draw(&g->table, &g->rng, &lot, want, drawn);
    for (uint32_t i = 0; i < count; i++)
        bytes_send(g, g->table.member[drawn[i]].addr, packet);
}

void gossip_post_tick(struct gossip *g)
{
    struct gossip_lot lot = { .suspects = true, .dead = true, .except = GOSSIP_NO_MEMBER };
    uint32_t drawn[POST_DRAW_MAX];
    uint32_t count;

    if (!muster_deadline_reached(gossip_post_deadline_ms(g), g->now_ms))
        return;
    g->gossip_ms = g->now_ms;
    /* Those who just died hear of it too: whoever is wrongly buried can still refute. */
    lot.dead_after_ms =
        g->now_ms > g->config.to_the_dead_ms ? g->now_ms - g->config.to_the_dead_ms : 0;
    count = gossip_table_draw(&g->table, &g->rng, &lot, g->config.gossip_nodes, drawn);
    for (uint32_t i = 0; i < count && has_news(g); i++) {
        const struct gossip_member *m = &g->table.member[drawn[i]];
        struct gossip_parts parts;

        parts_begin(g, &parts);
        parts_fill(g, &parts);
        if (parts.count > 0)
            parts_send(g, m->addr, &parts, m->vsn[1] >= POST_KNOWS_CRC);
    }
}

/* Without news or without anybody to tell it to there is no tick at all, and the first news after a
 * quiet time leaves at once. */
uint64_t gossip_post_deadline_ms(const struct gossip *g)
{
    if (!has_news(g) || g->table.count < 2)
        return MUSTER_NEVER;
    return muster_deadline_after(g->gossip_ms, g->config.gossip_interval_ms);
}

uint32_t gossip_post_seq(struct gossip *g)
{
    return ++g->seq; /* wraps; only equality matters */
}

struct gossip_source gossip_post_source(const struct gossip *g)
{
    return (struct gossip_source){
        .addr = MUSTER_BYTES(g->config.advertise.octet, g->config.advertise.len),
        .node = gossip_member_name(&g->table.member[GOSSIP_SELF]),
        .port = g->config.advertise.port,
    };
}

void gossip_post_ping(struct gossip *g, struct gossip_message *ping, uint32_t seq,
                      struct muster_bytes node)
{
    *ping = (struct gossip_message){ .type = GOSSIP_TYPE_PING };
    ping->ping.seq = seq;
    ping->ping.node = node;
    ping->ping.source = gossip_post_source(g);
}
