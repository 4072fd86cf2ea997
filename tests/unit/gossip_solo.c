/* SPDX-License-Identifier: Apache-2.0 */
/* One gossip core in a world that is only this test. */
#include "tests/unit/gossip_solo.h"

#include <stdlib.h>
#include <string.h>

#include "gossip/packet.h"
#include "tests/unit/unit.h"

static const uint8_t solo_vsn[GOSSIP_VSN_LEN] = { 1, 5, 2, 0, 0, 0 };

struct muster_addr solo_addr(unsigned host)
{
    const uint8_t octets[4] = { 10, 0, 0, (uint8_t)host };
    struct muster_addr addr;

    assert_int_equal(muster_addr_from_octets(&addr, octets, 4, 7946), MUSTER_OK);
    return addr;
}

int solo_new(void **state)
{
    *state = calloc(1, sizeof(struct solo));
    return *state == NULL ? -1 : 0;
}

int solo_free(void **state)
{
    free(*state);
    return 0;
}

void solo_config(struct solo *s)
{
    memset(s, 0, sizeof *s);
    gossip_config_lan(&s->config);
    s->config.name = SOLO_NAME;
    s->config.advertise = solo_addr(1);
    s->config.incarnation = SOLO_INC;
    s->config.seed = 99;
    s->config.members_max = 32;
    s->config.compress = false;
}

void solo_open(struct solo *s)
{
    s->scratch = malloc(GOSSIP_PACKET_EXPANSION);
    assert_non_null(s->scratch);
    assert_int_equal(muster_arena_open(&s->arena, gossip_memory(&s->config)), MUSTER_OK);
    assert_int_equal(gossip_open(&s->g, &s->arena, &s->config), MUSTER_OK);
    s->now_ms = 50000;
    solo_wait(s, 0);
    solo_clear(s);
}

void solo_close(struct solo *s)
{
    gossip_close(s->g);
    muster_arena_close(&s->arena);
    free(s->scratch);
}

void solo_clear(struct solo *s)
{
    s->sent_count = 0;
    s->packets = 0;
    s->user_count = 0;
    s->bytes_used = 0;
    s->effects = 0;
}

/* ---- what the core does ---- */

static struct muster_bytes bytes_keep(struct solo *s, struct muster_bytes bytes)
{
    uint8_t *kept = s->bytes + s->bytes_used;

    assert_true(bytes.len <= sizeof s->bytes - s->bytes_used);
    if (bytes.len > 0)
        memcpy(kept, bytes.data, bytes.len);
    s->bytes_used += bytes.len;
    return MUSTER_BYTES(kept, bytes.len);
}

static void packet_keep(struct solo *s, const struct gossip_effect *effect)
{
    struct muster_bytes bytes = bytes_keep(s, effect->bytes);
    struct gossip_packet p;
    struct muster_bytes message;

    gossip_packet_open(&p, bytes, s->scratch, &s->decoder);
    while (gossip_packet_next(&p, &message)) {
        struct muster_bytes kept = bytes_keep(s, message);
        struct muster_reader in = muster_reader_over(kept);
        struct solo_sent *sent;

        if (kept.data[0] == GOSSIP_TYPE_USER && s->takes_user) {
            assert_true(s->user_count < SOLO_SENT_MAX);
            s->user[s->user_count++] = MUSTER_BYTES(kept.data + 1, kept.len - 1);
            continue;
        }
        sent = &s->sent[s->sent_count++];

        assert_true(s->sent_count < SOLO_SENT_MAX);
        assert_int_equal(gossip_message_decode(&sent->message, &in), MUSTER_OK);
        sent->to = effect->to;
        sent->has_crc = bytes.data[0] == GOSSIP_TYPE_CRC;
        sent->packet = s->packets;
    }
    assert_int_equal(p.err, GOSSIP_PACKET_OK);
    s->packets++;
}

void solo_step(struct solo *s, const struct gossip_event *event)
{
    struct gossip_effect effect;

    gossip_step(s->g, s->now_ms, event);
    while (gossip_next(s->g, &effect)) {
        if (effect.kind == GOSSIP_EFFECT_SEND) {
            packet_keep(s, &effect);
            continue;
        }
        assert_true(s->effects < SOLO_SENT_MAX);
        effect.bytes = bytes_keep(s, effect.bytes);
        s->effect[s->effects++] = effect;
    }
    assert_true(gossip_is_sane(s->g));
}

void solo_wait(struct solo *s, uint64_t ms)
{
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    uint64_t end_ms = s->now_ms + ms;

    while (gossip_deadline_ms(s->g) <= end_ms) {
        if (gossip_deadline_ms(s->g) > s->now_ms)
            s->now_ms = gossip_deadline_ms(s->g);
        solo_step(s, &tick);
    }
    s->now_ms = end_ms;
}

/* ---- what it hears ---- */

void solo_hear_bytes(struct solo *s, unsigned from, struct muster_bytes bytes)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_PACKET,
                                  .from = solo_addr(from),
                                  .bytes = bytes };

    solo_step(s, &event);
}

void solo_hear(struct solo *s, unsigned from, const struct gossip_message *m)
{
    uint8_t buffer[GOSSIP_MESSAGE_MAX * 2];
    struct muster_writer out = muster_writer_over(buffer, sizeof buffer);

    gossip_message_encode(m, &out);
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    solo_hear_bytes(s, from, muster_writer_bytes(&out));
}

struct gossip_message solo_alive(const char *name, const uint8_t *addr, uint32_t incarnation)
{
    struct gossip_message m = { .type = GOSSIP_TYPE_ALIVE };

    m.alive.incarnation = incarnation;
    m.alive.node = muster_bytes_text(name);
    m.alive.addr = MUSTER_BYTES(addr, 4);
    m.alive.port = 7946;
    m.alive.vsn = MUSTER_BYTES(solo_vsn, sizeof solo_vsn);
    return m;
}

struct gossip_message solo_accusation(enum gossip_type type, const char *name, const char *from,
                                      uint32_t incarnation)
{
    struct gossip_message m = { .type = type };

    m.accusation.incarnation = incarnation;
    m.accusation.node = muster_bytes_text(name);
    m.accusation.from = muster_bytes_text(from);
    return m;
}

void solo_meet(struct solo *s, const char *name, unsigned host, uint32_t incarnation)
{
    struct muster_addr addr = solo_addr(host);
    struct gossip_message m = solo_alive(name, addr.octet, incarnation);

    solo_hear(s, host, &m);
    assert_int_equal(solo_state(s, name), GOSSIP_ALIVE);
    solo_clear(s);
}

struct gossip_entry solo_entry(const char *name, const uint8_t *addr, uint32_t incarnation,
                               int64_t state)
{
    static const uint8_t vsn[GOSSIP_VSN_LEN] = { 1, 5, 2, 0, 0, 0 };

    return (struct gossip_entry){ .name = muster_bytes_text(name),
                                  .addr = MUSTER_BYTES(addr, 4),
                                  .vsn = MUSTER_BYTES(vsn, sizeof vsn),
                                  .state = state,
                                  .incarnation = incarnation,
                                  .port = 7946 };
}

struct muster_bytes solo_table(uint8_t *room, size_t size, const struct gossip_entry *entries,
                               unsigned count, bool join)
{
    struct muster_writer out = muster_writer_over(room, size);
    struct gossip_message header = { .type = GOSSIP_TYPE_PUSH_PULL };

    header.push_pull.nodes = count;
    header.push_pull.user_state_len = 5;
    header.push_pull.join = join;
    gossip_message_encode(&header, &out);
    for (unsigned i = 0; i < count; i++)
        gossip_entry_encode(&entries[i], &out);
    muster_write_plain(&out, muster_bytes_text("state"));
    assert_int_equal(muster_writer_err(&out), MUSTER_OK);
    return muster_writer_bytes(&out);
}

/* ---- what came of it ---- */

const struct solo_sent *solo_sent(const struct solo *s, enum gossip_type type, uint32_t n)
{
    for (uint32_t i = 0; i < s->sent_count; i++) {
        if (s->sent[i].message.type == type && n-- == 0)
            return &s->sent[i];
    }
    return NULL;
}

uint32_t solo_count(const struct solo *s, enum gossip_type type)
{
    uint32_t count = 0;

    while (solo_sent(s, type, count) != NULL)
        count++;
    return count;
}

const struct gossip_effect *solo_effect(const struct solo *s, enum gossip_effect_kind kind,
                                        uint32_t n)
{
    for (uint32_t i = 0; i < s->effects; i++) {
        if (s->effect[i].kind == kind && n-- == 0)
            return &s->effect[i];
    }
    return NULL;
}

int solo_state(const struct solo *s, const char *name)
{
    struct gossip_member_view view;

    return gossip_member_find(s->g, name, &view) ? (int)view.state : -1;
}

uint32_t solo_incarnation(const struct solo *s, const char *name)
{
    struct gossip_member_view view;

    return gossip_member_find(s->g, name, &view) ? view.incarnation : 0;
}
