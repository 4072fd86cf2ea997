/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of serf agents: for whom they are, and what we say to them. */
#include "gossip/query.h"

#include "gossip/core.h"
#include "gossip/post.h"

#define QUERY_FIELDS_MAX   16
#define QUERY_FILTERS_MAX  32
#define QUERY_NAMES_MAX    1024 /* nodes named by one filter */
#define QUERY_NAME_MAX     128  /* bytes of a query's own name */
#define QUERY_WANTS_ACK    1u
#define QUERY_IS_ACK       1u
#define QUERY_RESPONSE     5 /* types of serf's messages */
#define QUERY_KEY_RESPONSE 8
#define QUERY_BY_NAME      0 /* a filter's first byte */

struct query {
    uint64_t time;
    uint32_t id;
    uint64_t flags;
    uint16_t port;
    struct muster_bytes addr, source, name, filters;
};

static int query_read(struct muster_bytes body, struct query *q)
{
    struct muster_reader in = muster_reader_over(body);
    uint32_t n = muster_read_map(&in, QUERY_FIELDS_MAX);

    *q = (struct query){ .time = 0 };
    for (uint32_t i = 0; i < n && muster_reader_ok(&in); i++) {
        struct muster_bytes key = muster_read_bytes(&in, QUERY_NAME_MAX);

        if (muster_bytes_are(key, "LTime"))
            q->time = muster_read_u64(&in);
        else if (muster_bytes_are(key, "ID"))
            q->id = muster_read_u32(&in);
        else if (muster_bytes_are(key, "Addr"))
            q->addr = muster_read_bytes(&in, 16);
        else if (muster_bytes_are(key, "Port"))
            q->port = muster_read_u16(&in);
        else if (muster_bytes_are(key, "SourceNode"))
            q->source = muster_read_bytes(&in, GOSSIP_NAME_MAX);
        else if (muster_bytes_are(key, "Filters"))
            q->filters = muster_read_raw_value(&in);
        else if (muster_bytes_are(key, "Flags"))
            q->flags = muster_read_u64(&in);
        else if (muster_bytes_are(key, "Name"))
            q->name = muster_read_bytes(&in, QUERY_NAME_MAX);
        else
            muster_read_skip(&in);
    }
    return in.err;
}

/* One that names nodes, ours among them. What it says of tags would take regular expressions out of
 * a stranger's hand. */
static bool filter_admits(struct muster_bytes filter, struct muster_bytes own)
{
    struct muster_reader in;
    bool is_named = false;
    uint32_t n;

    if (filter.len == 0 || filter.data[0] != QUERY_BY_NAME)
        return false;
    in = muster_reader_over(MUSTER_BYTES(filter.data + 1, filter.len - 1));
    n = muster_read_array(&in, QUERY_NAMES_MAX);
    for (uint32_t i = 0; i < n && muster_reader_ok(&in); i++)
        is_named = muster_bytes_equal(muster_read_bytes(&in, GOSSIP_NAME_MAX), own) || is_named;
    return is_named && in.err == MUSTER_OK;
}

static bool is_for_us(const struct query *q, struct muster_bytes own)
{
    struct muster_reader in = muster_reader_over(q->filters);
    uint32_t n;

    if (q->filters.len == 0 || muster_read_is_nil(&in))
        return true;
    n = muster_read_array(&in, QUERY_FILTERS_MAX);
    for (uint32_t i = 0; i < n && muster_reader_ok(&in); i++)
        if (!filter_admits(muster_read_bytes(&in, SIZE_MAX), own))
            return false;
    return in.err == MUSTER_OK;
}

static void respond(struct gossip *g, const struct query *q, struct muster_addr to, uint32_t flags,
                    struct muster_bytes payload)
{
    uint8_t bytes[GOSSIP_PACKET_MAX];
    const uint8_t types[] = { GOSSIP_TYPE_USER, QUERY_RESPONSE };
    struct muster_writer out = muster_writer_over(bytes, sizeof bytes);

    muster_write_plain(&out, MUSTER_BYTES(types, sizeof types));
    muster_write_map(&out, 5);
    muster_write_raw(&out, muster_bytes_text("Flags"));
    muster_write_u64(&out, flags);
    muster_write_raw(&out, muster_bytes_text("From"));
    muster_write_raw(&out, gossip_member_name(gossip_self(g)));
    muster_write_raw(&out, muster_bytes_text("ID"));
    muster_write_u64(&out, q->id);
    muster_write_raw(&out, muster_bytes_text("LTime"));
    muster_write_u64(&out, q->time);
    muster_write_raw(&out, muster_bytes_text("Payload"));
    if (payload.len == 0)
        muster_write_nil(&out);
    else
        muster_write_raw(&out, payload);
    if (muster_writer_err(&out) == MUSTER_OK)
        gossip_post_to(g, to, muster_writer_bytes(&out));
}

/* `ring` NULL: no keys are told. */
static void keys_respond(struct gossip *g, const struct query *q, struct muster_addr to,
                         const struct gossip_keyring *ring, const char *message)
{
    uint8_t bytes[GOSSIP_PACKET_MAX];
    char text[GOSSIP_KEY_TEXT];
    const uint8_t type = QUERY_KEY_RESPONSE;
    struct muster_writer out = muster_writer_over(bytes, sizeof bytes);
    uint32_t count = ring == NULL ? 0 : ring->count;

    muster_write_plain(&out, MUSTER_BYTES(&type, 1));
    muster_write_map(&out, 4);
    muster_write_raw(&out, muster_bytes_text("Keys"));
    muster_write_array(&out, count);
    for (uint32_t i = 0; i < count; i++) {
        (void)gossip_key_text(gossip_keyring_at(ring, i), text);
        muster_write_raw(&out, muster_bytes_text(text));
    }
    muster_write_raw(&out, muster_bytes_text("Message"));
    muster_write_raw(&out, muster_bytes_text(message));
    muster_write_raw(&out, muster_bytes_text("PrimaryKey"));
    muster_write_raw(
        &out,
        muster_bytes_text(count == 0 ? "" : gossip_key_text(gossip_keyring_at(ring, 0), text)));
    muster_write_raw(&out, muster_bytes_text("Result"));
    muster_write_bool(&out, ring != NULL);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK); /* sixteen keys fit */
    respond(g, q, to, 0, muster_writer_bytes(&out));
    muster_wipe(text, sizeof text);
    muster_wipe(bytes, sizeof bytes);
}

/* Keys are told to those only who have one of them: what we send must be sealed. */
static void keys_take(struct gossip *g, const struct query *q, struct muster_addr to)
{
    const struct gossip_keyring *ring = g->envelope.keyring;

    if (muster_bytes_are(q->name, "_serf_install-key") ||
        muster_bytes_are(q->name, "_serf_use-key") || muster_bytes_are(q->name, "_serf_remove-key"))
        keys_respond(g, q, to, NULL, "a muster agent: change its keys with `muster keys`");
    if (!muster_bytes_are(q->name, "_serf_list-keys"))
        return;
    if (ring == NULL || ring->count == 0)
        keys_respond(g, q, to, NULL, "Keyring is empty (encryption not enabled)");
    else if (g->envelope.send_plain)
        keys_respond(g, q, to, NULL, "a muster agent that does not use its keys yet");
    else
        keys_respond(g, q, to, ring, "");
}

void gossip_query_take(struct gossip *g, struct muster_bytes body)
{
    struct muster_bytes own = gossip_member_name(gossip_self(g));
    const struct gossip_member *asker;
    struct muster_addr to;
    struct query q;

    if (query_read(body, &q) != MUSTER_OK) {
        g->counters.dropped_malformed++;
        return;
    }
    asker = gossip_table_find(&g->table, q.source);
    if (asker == NULL || asker->is_self || g->is_leaving ||
        muster_addr_from_octets(&to, q.addr.data, q.addr.len, q.port) != MUSTER_OK ||
        !muster_addr_equal(to, asker->addr) || !is_for_us(&q, own))
        return;
    if ((q.flags & QUERY_WANTS_ACK) != 0)
        respond(g, &q, to, QUERY_IS_ACK, (struct muster_bytes){ 0 });
    keys_take(g, &q, to);
}
