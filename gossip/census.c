/* SPDX-License-Identifier: Apache-2.0 */
/* The whole member table written as a push/pull message, packed when that makes it smaller. */
#include "gossip/census.h"

#include <string.h>

#include "base/hash.h"

#define CENSUS_HEADER_MAX 64
#define CENSUS_WRAP_MAX   32 /* kept free in front of packed bytes for the wrapper */
#define CENSUS_RAW16_MAX  65535u

_Static_assert(GOSSIP_ENTRY_MAX > GOSSIP_NAME_MAX + GOSSIP_META_MAX + 96,
               "an entry holds a name, a meta and some small fields with their keys");

size_t gossip_census_size(uint32_t members_max)
{
    uint64_t size = CENSUS_HEADER_MAX + CENSUS_WRAP_MAX + GOSSIP_SERF_STATE_MAX +
                    (uint64_t)members_max * GOSSIP_ENTRY_MAX;

    uint64_t max = GOSSIP_STREAM_MAX - GOSSIP_ENVELOPE_HEAD - GOSSIP_ENVELOPE_TAIL;

    return size < max ? (size_t)size : (size_t)max;
}

static void member_write(struct muster_writer *out, const struct gossip_member *m)
{
    struct gossip_entry e = {
        .name = gossip_member_name(m),
        .addr = MUSTER_BYTES(m->addr.octet, m->addr.len),
        .vsn = MUSTER_BYTES(m->vsn, GOSSIP_VSN_LEN),
        .state = (enum gossip_state)m->state,
        .incarnation = m->incarnation,
        .port = m->addr.port,
    };

    if (m->face->meta_len > 0)
        e.meta = gossip_member_meta(m);
    gossip_entry_encode(&e, out);
}

/* Ourselves first, then the others in probing order. That is shuffled again and again, so even a
 * table too large for a message comes across in parts over time. */
static struct muster_bytes plain_write(struct gossip *g, bool is_join)
{
    struct muster_writer out =
        muster_writer_over(g->commons->table_plain + GOSSIP_ENVELOPE_HEAD, g->commons->table_size);
    struct gossip_message header = { .type = GOSSIP_TYPE_PUSH_PULL };
    uint8_t state[GOSSIP_SERF_STATE_MAX];
    size_t state_len = gossip_serf_state_write(g, state);
    size_t room = (g->commons->table_size - CENSUS_HEADER_MAX - sizeof state) / GOSSIP_ENTRY_MAX;
    uint32_t left = g->table.count < room ? g->table.count : (uint32_t)room;

    MUSTER_ASSERT(left > 0);
    header.push_pull.nodes = left;
    header.push_pull.user_state_len = (int64_t)state_len;
    header.push_pull.join = is_join;
    gossip_message_encode(&header, &out);
    member_write(&out, gossip_self(g));
    left--;
    for (uint32_t i = 0; i < g->table.count && left > 0; i++) {
        if (g->table.order[i] == GOSSIP_SELF)
            continue;
        member_write(&out, &g->table.member[g->table.order[i]]);
        left--;
    }
    MUSTER_ASSERT(left == 0);
    muster_write_plain(&out, MUSTER_BYTES(state, state_len));
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    return muster_writer_bytes(&out);
}

/* The wrapper's map as the codec would write it, but in front of bytes that are there already. */
static size_t wrap(uint8_t **packed, size_t len)
{
    static const char start[] = "\x09\x82\244Algo\x00\243Buf";
    uint8_t head[CENSUS_WRAP_MAX];
    struct muster_writer out = muster_writer_over(head, sizeof head);
    bool is_long = len > CENSUS_RAW16_MAX;
    const uint8_t raw[5] = { is_long ? 0xdb : 0xda, (uint8_t)(len >> (is_long ? 24 : 8)),
                             (uint8_t)(len >> (is_long ? 16 : 0)), (uint8_t)(len >> 8),
                             (uint8_t)len };
    struct muster_bytes written;

    muster_write_plain(&out, MUSTER_BYTES(start, sizeof start - 1));
    muster_write_plain(&out, MUSTER_BYTES(raw, is_long ? 5 : 3));
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    written = muster_writer_bytes(&out);
    *packed -= written.len;
    memcpy(*packed, written.data, written.len);
    return written.len + len;
}

/* Tables are asked for in crowds, by one that joins of all its seeds and by many of one seed: what
 * is packed already is not packed again. False when it would not be smaller. */
static bool is_packed(struct gossip *g, struct muster_bytes plain, uint8_t *body)
{
    uint64_t hash = muster_hash64(plain, plain.len);

    if (g->commons->packed_len != 0 && g->commons->packed_hash == hash)
        return true;
    g->commons->packed_hash = hash;
    if (gossip_lzw_compress(g->commons->encoder, plain, body, plain.len - CENSUS_WRAP_MAX,
                            &g->commons->packed_len) != MUSTER_OK)
        g->commons->packed_len = 0;
    return g->commons->packed_len != 0;
}

struct muster_bytes gossip_census(struct gossip *g, bool is_join, bool is_request)
{
    struct muster_bytes plain;
    uint8_t *body = g->commons->table_packed + GOSSIP_ENVELOPE_HEAD + CENSUS_WRAP_MAX;
    size_t len;

    MUSTER_ASSERT(!g->is_table_sent);
    g->is_table_sent = true;
    plain = plain_write(g, is_join);
    if (!g->config.compress || plain.len <= 2 * CENSUS_WRAP_MAX || !is_packed(g, plain, body)) {
        body = g->commons->table_plain + GOSSIP_ENVELOPE_HEAD;
        len = plain.len;
    } else {
        len = wrap(&body, g->commons->packed_len);
    }
    if (g->envelope.keyring != NULL)
        g->commons->packed_len = 0; /* it is sealed where it stands */
    return gossip_envelope_close_stream(&g->envelope, body, len, is_request);
}

void gossip_census_rest(struct gossip *g)
{
    if (g->is_table_sent)
        muster_arena_rest(g->commons->table_plain, g->commons->table_size);
    g->is_table_sent = false;
}
