/* SPDX-License-Identifier: Apache-2.0 */
/* One node's row of facts. */
#include <stdio.h>
#include <string.h>

#include "agent/facts.h"
#include "agent/json.h"
#include "agent/node_inside.h"
#include "agent/peers.h"
#include "agent/serve_inside.h"

#define ROW_MAX     (192u << 10)
#define UNLINKED_MS 5000 /* time for a link to be made */

/* Gossip has believed for a while that it is alive, and we have no connection to it: packets arrive
 * and ours, or its own, over TCP do not. */
static bool is_unlinked(const struct agent_core *core, const struct agent_peer *p)
{
    return agent_peer_is_alive(p) && !agent_peer_is_linked(core, p) &&
           core->now.wall_ms >= p->state_since_wall_ms + UNLINKED_MS &&
           core->now.mono_ms >= p->made_ms + UNLINKED_MS &&
           core->now.mono_ms >= p->unlinked_ms + UNLINKED_MS;
}

static void put_unlinked(const struct agent_core *core, struct agent_json *j)
{
    agent_json_key(j, "unlinked");
    agent_json_array(j);
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (is_unlinked(core, p))
            agent_json_text(j, p->name);
    }
    agent_json_array_end(j);
}

static uint32_t strangers_count(const struct agent_node *n)
{
    struct agent_member m;
    struct agent_meta meta;
    uint32_t cursor = 0, count = 0;
    while (agent_node_stranger(n, &cursor, &meta, &m))
        count++;
    return count;
}

/* How much of the ring is ours: what lies there is kept and placed here first. */
static uint32_t slots_owned(const struct agent_core *core)
{
    const struct agent_peer *self = agent_peers_at(core, 0);
    uint16_t list[RING_REPLICAS_MAX];
    uint32_t count = 0;
    for (uint32_t s = 0; self->is_in_ring && s < 1u << core->config.ring_bits; s++)
        count += ring_prefer(core->ring, s, list) > 0 && list[0] == self->ring_number;
    return count;
}

static void put_ring(const struct agent_core *core, struct agent_json *j)
{
    char digest[24];
    (void)snprintf(digest, sizeof digest, "%016llx", (unsigned long long)ring_digest(core->ring));
    agent_json_key(j, "ring");
    agent_json_object(j);
    agent_json_put_u64(j, "nodes", ring_count(core->ring));
    agent_json_put_u64(j, "weight", core->config.weight);
    agent_json_put_u64(j, "owned", slots_owned(core));
    agent_json_put_u64(j, "of", 1u << core->config.ring_bits);
    agent_json_put_text(j, "digest", digest);
    agent_json_object_end(j);
}

static void put_host(const struct agent_host *h, struct agent_json *j)
{
    agent_json_key(j, "host");
    if (h->disk_mib == 0) {
        agent_json_null(j); /* nobody has looked yet */
        return;
    }
    agent_json_object(j);
    agent_json_put_u64(j, "disk_mib", h->disk_mib);
    agent_json_put_u64(j, "disk_free_mib", h->disk_free_mib);
    agent_json_put_bool(j, "guard", h->has_guard);
    agent_json_put_bool(j, "cgroup", h->has_cgroup);
    agent_json_object_end(j);
}

static void row_write(struct agent_core *core, struct muster_text *out)
{
    struct agent_status s;
    struct agent_json j;
    char id[MUSTER_ID_TEXT];
    const struct agent_node *n = node_of(core);
    agent_node_status(n, &s);
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_put_text(&j, "node", s.node);
    agent_json_put_text(&j, "id", muster_id_text(s.node_id, id));
    agent_json_put_text(&j, "version", s.version);
    agent_json_put_u64(&j, "clock_ms", core->now.wall_ms);
    agent_json_put_time(&j, "since", s.since_wall_ms);
    agent_json_put_u64(&j, "keeper_buckets", s.buckets_kept);
    agent_json_put_u64(&j, "short_buckets", s.buckets_short);
    agent_json_put_u64(&j, "orphan_buckets", s.buckets_orphan);
    agent_json_put_u64(&j, "strangers", strangers_count(n));
    put_unlinked(core, &j);
    put_ring(core, &j);
    put_host(&core->host, &j);
    agent_json_key(&j, "problems");
    agent_json_array(&j);
    for (size_t i = 0; i < sizeof s.problem / sizeof *s.problem && s.problem[i] != NULL; i++)
        agent_json_text(&j, s.problem[i]);
    agent_json_array_end(&j);
    agent_json_object_end(&j);
}

void agent_facts_serve(struct agent_core *core, const struct serve_ask *ask)
{
    struct muster_text row;
    muster_text_open(&row, ROW_MAX);
    row_write(core, &row);
    if (row.err == MUSTER_OK) /* else so many names that nobody would read them */
        serve_row(core, ask, muster_text_bytes(&row));
    else
        serve_row(core, ask, muster_bytes_text("null"));
    muster_text_close(&row);
}
