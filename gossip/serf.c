/* SPDX-License-Identifier: Apache-2.0 */
/* Serf's messages: told from one another, remembered, passed on; and the two that we say ourselves.
 */
#include "gossip/serf.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "gossip/core.h"
#include "gossip/post.h"
#include "gossip/query.h"

#define SERF_FIELDS_MAX 16
#define SERF_HEARD_WAYS 4 /* places a hash may stand at */
#define SERF_NO_ECHO    2 /* a query's flag: for its first hearers only */
#define SERF_SPREAD     3 /* gossip ticks that an intent gets before the leave itself */

enum serf_type {
    SERF_LEAVE = 0,
    SERF_JOIN = 1,
    SERF_STATE = 2,
    SERF_EVENT = 3,
    SERF_QUERY = 4,
    SERF_RESPONSE = 5,
    SERF_RELAY = 9
};

struct serf_message {
    uint64_t time, flags;
    struct muster_bytes node;
};

size_t gossip_serf_memory(void)
{
    return GOSSIP_ECHOES * sizeof(struct gossip_echo) + GOSSIP_HEARD * sizeof(struct gossip_heard) +
           32;
}

int gossip_serf_init(struct gossip_serf *s, struct muster_arena *a)
{
    s->echo = muster_arena_take(a, GOSSIP_ECHOES, sizeof *s->echo);
    s->heard = muster_arena_take(a, GOSSIP_HEARD, sizeof *s->heard);
    return s->echo == NULL || s->heard == NULL ? MUSTER_EFULL : MUSTER_OK;
}

/* ---- reading */

static int body_read(struct muster_bytes body, struct serf_message *m)
{
    struct muster_reader in = muster_reader_over(body);
    uint32_t n = muster_read_map(&in, SERF_FIELDS_MAX);

    *m = (struct serf_message){ .time = 0 };
    for (uint32_t i = 0; i < n && muster_reader_ok(&in); i++) {
        struct muster_bytes key = muster_read_bytes(&in, SIZE_MAX);

        if (muster_bytes_are(key, "LTime"))
            m->time = muster_read_u64(&in);
        else if (muster_bytes_are(key, "Flags"))
            m->flags = muster_read_u64(&in);
        else if (muster_bytes_are(key, "Node"))
            m->node = muster_read_bytes(&in, GOSSIP_NAME_MAX);
        else
            muster_read_skip(&in);
    }
    return in.err;
}

static void clock_witness(struct gossip_serf *s, uint64_t time)
{
    if (time > s->clock && time <= GOSSIP_LAMPORT_MAX)
        s->clock = time;
}

void gossip_serf_state(struct gossip *g, struct muster_bytes state)
{
    struct serf_message m;

    if (g->serf.echo == NULL || state.len == 0 || state.data[0] != SERF_STATE)
        return;
    (void)body_read(MUSTER_BYTES(state.data + 1, state.len - 1), &m); /* its end may be missing */
    clock_witness(&g->serf, m.time);
}

size_t gossip_serf_state_write(const struct gossip *g, uint8_t out[GOSSIP_SERF_STATE_MAX])
{
    struct muster_writer w = muster_writer_over(out, GOSSIP_SERF_STATE_MAX);
    static const struct {
        const char *key;
        char kind; /* a number, an array or a map; all but the clock are empty */
    } fields[] = { { "EventLTime", 'n' },  { "Events", 'a' },     { "LTime", 'c' },
                   { "LeftMembers", 'a' }, { "QueryLTime", 'n' }, { "StatusLTimes", 'm' } };
    const uint8_t type = SERF_STATE;

    if (g->serf.echo == NULL || g->serf.clock == 0)
        return 0;
    muster_write_plain(&w, MUSTER_BYTES(&type, 1));
    muster_write_map(&w, sizeof fields / sizeof *fields);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        muster_write_raw(&w, muster_bytes_text(fields[i].key));
        if (fields[i].kind == 'a')
            muster_write_array(&w, 0);
        else if (fields[i].kind == 'm')
            muster_write_map(&w, 0);
        else /* serf counts the next time to come */
            muster_write_u64(&w, fields[i].kind == 'c' ? g->serf.clock + 1 : 0);
    }
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    return muster_writer_bytes(&w).len;
}

/* ---- what was heard before */

static bool is_heard(struct gossip *g, uint64_t hash)
{
    struct gossip_heard *set =
        &g->serf.heard[hash % (GOSSIP_HEARD / SERF_HEARD_WAYS) * SERF_HEARD_WAYS];
    struct gossip_heard *oldest = set;

    for (uint32_t i = 0; i < SERF_HEARD_WAYS; i++) {
        if (set[i].hash == hash && set[i].until_ms > g->now_ms)
            return true;
        if (set[i].until_ms < oldest->until_ms)
            oldest = &set[i];
    }
    *oldest = (struct gossip_heard){ hash, muster_deadline_after(g->now_ms, GOSSIP_HEARD_MS) };
    return false;
}

/* ---- passing on */

/* A place for it: that of an older one about the same, a free one, or that of the one which was
 * sent most often. */
static struct gossip_echo *echo_place(struct gossip_serf *s, uint64_t key)
{
    struct gossip_echo *worn = &s->echo[0];

    for (uint32_t i = 0; i < s->echoes; i++) {
        if (s->echo[i].key == key)
            return &s->echo[i];
        if (s->echo[i].transmits > worn->transmits)
            worn = &s->echo[i];
    }
    return s->echoes < GOSSIP_ECHOES ? &s->echo[s->echoes++] : worn;
}

static void echo_put(struct gossip *g, uint64_t key, struct muster_bytes payload)
{
    struct gossip_echo *e;

    if (payload.len + 1 > GOSSIP_ECHO_MAX) {
        g->counters.dropped_full++;
        return;
    }
    e = echo_place(&g->serf, key);
    e->key = key;
    e->transmits = 0;
    e->len = (uint16_t)(payload.len + 1);
    e->bytes[0] = GOSSIP_TYPE_USER;
    memcpy(e->bytes + 1, payload.data, payload.len);
}

/* The parts of the last packet pointed into these, so they go before the next is filled. */
static void echoes_reap(struct gossip_serf *s, uint32_t transmits_max)
{
    for (uint32_t i = s->echoes; i > 0; i--) {
        if (s->echo[i - 1].transmits < transmits_max)
            continue;
        s->echoes--;
        if (i - 1 < s->echoes)
            s->echo[i - 1] = s->echo[s->echoes];
    }
}

void gossip_serf_fill(struct gossip *g, struct gossip_parts *parts, uint32_t transmits_max)
{
    struct gossip_serf *s = &g->serf;

    echoes_reap(s, transmits_max);
    for (uint32_t i = 0; i < s->echoes; i++) {
        if (gossip_parts_add(parts, MUSTER_BYTES(s->echo[i].bytes, s->echo[i].len)))
            s->echo[i].transmits++;
    }
}

/* ---- our own words */

/* The intent of a node as serf writes it; the bytes after the type of a user message. */
static struct muster_bytes intent_write(const struct gossip *g, enum serf_type type, uint64_t time,
                                        uint8_t *buffer, size_t size)
{
    struct muster_writer out = muster_writer_over(buffer, size);
    const uint8_t first = (uint8_t)type;

    muster_write_plain(&out, MUSTER_BYTES(&first, 1));
    muster_write_map(&out, type == SERF_LEAVE ? 3 : 2);
    muster_write_raw(&out, muster_bytes_text("LTime"));
    muster_write_u64(&out, time);
    muster_write_raw(&out, muster_bytes_text("Node"));
    muster_write_raw(&out, gossip_member_name(&g->table.member[GOSSIP_SELF]));
    if (type == SERF_LEAVE) {
        muster_write_raw(&out, muster_bytes_text("Prune"));
        muster_write_bool(&out, false);
    }
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    return muster_writer_bytes(&out);
}

static uint64_t intent_key(enum serf_type type, struct muster_bytes node)
{
    return muster_hash64(node, type);
}

/* To all in time, and at once to some. */
static void intent_say(struct gossip *g, enum serf_type type, uint64_t time)
{
    uint8_t bytes[GOSSIP_NAME_OWN_MAX + 64];
    struct muster_bytes payload;

    bytes[0] = GOSSIP_TYPE_USER;
    payload = intent_write(g, type, time, bytes + 1, sizeof bytes - 1);
    clock_witness(&g->serf, time);
    (void)is_heard(g, muster_hash64(payload, 0));
    echo_put(g, intent_key(type, gossip_member_name(gossip_self(g))), payload);
    gossip_post_random(g, MUSTER_BYTES(bytes, payload.len + 1), GOSSIP_DIRECT_MAX,
                       GOSSIP_NO_MEMBER);
}

bool gossip_serf_leave(struct gossip *g)
{
    struct gossip_serf *s = &g->serf;
    uint64_t spread_ms = SERF_SPREAD * (uint64_t)g->config.gossip_interval_ms;

    if (s->echo == NULL || g->table.count < 2)
        return false;
    if (s->leave_ms == 0) {
        s->leave_ms = muster_deadline_after(g->now_ms, spread_ms);
        intent_say(g, SERF_LEAVE, s->clock + 1);
    }
    return !muster_deadline_reached(s->leave_ms, g->now_ms);
}

/* ---- what is said */

static bool is_for_all(uint8_t type, const struct serf_message *m)
{
    switch (type) {
    case SERF_LEAVE:
    case SERF_JOIN:
    case SERF_EVENT:
        return true;
    case SERF_QUERY:
        return (m->flags & SERF_NO_ECHO) == 0;
    default:
        return type > SERF_RELAY; /* unknown to us, and maybe not to others */
    }
}

void gossip_serf_take(struct gossip *g, struct muster_bytes payload)
{
    struct gossip_serf *s = &g->serf;
    struct serf_message m = { .time = 0 };
    uint64_t hash = muster_hash64(payload, 0);
    uint8_t type;

    if (s->echo == NULL || payload.len == 0 || is_heard(g, hash))
        return;
    type = payload.data[0];
    if (type <= SERF_QUERY &&
        (body_read(MUSTER_BYTES(payload.data + 1, payload.len - 1), &m) != MUSTER_OK ||
         m.time > GOSSIP_LAMPORT_MAX)) {
        g->counters.dropped_malformed++;
        return;
    }
    clock_witness(s, m.time);
    if (type == SERF_QUERY)
        gossip_query_take(g, MUSTER_BYTES(payload.data + 1, payload.len - 1));
    if (!is_for_all(type, &m))
        return;
    g->counters.user_passed_on++;
    echo_put(g, type <= SERF_JOIN ? intent_key((enum serf_type)type, m.node) : hash, payload);
    /* Somebody wants us gone while we stay: whoever hears that last believes it for ever. */
    if (type == SERF_LEAVE && !g->is_leaving && s->leave_ms == 0 &&
        muster_bytes_equal(m.node, gossip_member_name(gossip_self(g))))
        intent_say(g, SERF_JOIN, m.time + 1);
}
