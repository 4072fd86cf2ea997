/* SPDX-License-Identifier: Apache-2.0 */
/* The ring over the present members, the store's wishes, and the walk of a key. */
#include "agent/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

int agent_place_open(struct agent_core *core)
{
    const struct agent_node_config *c = &core->config;
    const struct ring_config ring = { .bits = c->ring_bits,
                                      .replicas = c->replicas,
                                      .nodes_max = c->members_max };
    return ring_open(&core->ring, &ring);
}

static uint32_t members_gather(struct agent_core *core, struct ring_node *node,
                               struct agent_peer **peer)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        struct agent_peer *p = agent_peers_at(core, i);
        p->is_in_ring = false;
        if (!agent_peer_is_open(p) || p->meta.weight == 0)
            continue;
        peer[n] = p;
        node[n++] = (struct ring_node){ .id = MUSTER_BYTES(p->id.octet, MUSTER_ID_LEN),
                                        .weight = p->meta.weight };
    }
    return n;
}

static uint32_t bucket_list(const struct agent_core *core, uint32_t bucket,
                            uint16_t out[RING_REPLICAS_MAX])
{
    char key[20] = "bucket:", digit[12]; /* asked for every bucket whenever the ring changes */
    size_t len = 7, digits = 0;
    for (uint32_t left = bucket; left > 0 || digits == 0; left /= 10)
        digit[digits++] = (char)('0' + left % 10);
    while (digits > 0)
        key[len++] = digit[--digits];
    return ring_prefer(core->ring, ring_slot(core->ring, MUSTER_BYTES(key, len)), out);
}

static void wishes_tell(struct agent_core *core)
{
    for (uint32_t b = 0; b < core->config.buckets; b++) {
        struct muster_id node[RING_REPLICAS_MAX];
        uint32_t n = agent_place_bench(core, b, node, RING_REPLICAS_MAX);
        store_wish(core->store, b, node, n);
    }
}

/* Who died and has come back under its name as a newcomer had its disk replaced (R26). */
static bool is_replaced(const struct agent_core *core, const struct agent_peer *gone)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (agent_peer_is_alive(p) && p->made_ms > gone->dead_since_ms &&
            strcmp(p->name, gone->name) == 0)
            return true;
    }
    return false;
}

static void replaced_tell(struct agent_core *core)
{
    for (uint32_t i = 1; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        bool is_gone = p->life == AGENT_LIFE_DEAD || p->life == AGENT_LIFE_PROVEN;
        if (is_gone && !p->is_foreign && is_replaced(core, p))
            store_replaced(core->store, p->id);
    }
}

void agent_place_update(struct agent_core *core)
{
    uint32_t max = agent_peers_count(core);
    struct ring_node *node = calloc(max, sizeof *node);
    struct agent_peer **peer = calloc(max, sizeof *peer);
    uint16_t *number = calloc(max, sizeof *number);
    MUSTER_ASSERT(node != NULL && peer != NULL && number != NULL);
    uint32_t n = members_gather(core, node, peer);
    int err = ring_set(core->ring, node, n, number);
    if (err != MUSTER_OK)
        agent_out_log(&core->out, AGENT_LOG_ERROR, "the ring stays as it was: %s",
                      muster_err_text(err));
    for (uint32_t i = 0; err == MUSTER_OK && i < n; i++)
        agent_peers_ring_number(core, peer[i], number[i]);
    free(node);
    free(peer);
    free(number);
    if (err == MUSTER_OK && n <= AGENT_RING_SMALL)
        ring_rest(core->ring);
    if (err == MUSTER_OK) {
        wishes_tell(core);
        replaced_tell(core);
    }
    agent_peers_ring_done(core);
}

struct agent_facts agent_place_facts(const struct agent_peer *p)
{
    return (struct agent_facts){ .node = p->name,
                                 .arch = p->meta.arch,
                                 .tags = p->meta.tags,
                                 .cpus = p->meta.cpus,
                                 .mem = (uint64_t)p->meta.mem_mib << 20 };
}

static bool is_allowed(const struct agent_peer *p, const struct agent_wish *wish)
{
    struct agent_facts facts = agent_place_facts(p);
    return agent_wish_allows(wish, &facts);
}

static bool is_preferred(const struct agent_peer *p, const struct agent_wish *wish)
{
    struct agent_facts facts = agent_place_facts(p);
    return agent_wish_prefers(wish, &facts);
}

enum agent_unfit agent_place_fits(const struct agent_core *core, const struct agent_peer *p,
                                  const struct agent_wish *wish, uint32_t needs, uint32_t promised)
{
    if (!agent_peer_is_alive(p))
        return AGENT_UNFIT_DEAD;
    if (wish != NULL && !is_allowed(p, wish))
        return AGENT_UNFIT_UNLIKE;
    if (!agent_peer_is_open(p))
        return AGENT_UNFIT_DRAINING;
    if (p->meta.held)
        return AGENT_UNFIT_HELD;
    if (!agent_peer_is_linked(core, p) || !p->load_known)
        return AGENT_UNFIT_UNLINKED;
    if ((uint64_t)p->used + promised + needs > p->slots)
        return AGENT_UNFIT_FULL;
    return AGENT_FITS;
}

bool agent_place_has_room(const struct agent_core *core)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (agent_place_fits(core, p, NULL, 1, p->promised) == AGENT_FITS)
            return true;
    }
    return false;
}

const char *agent_unfit_text(enum agent_unfit u)
{
    static const char *const text[] = {
        [AGENT_FITS] = "fits",
        [AGENT_UNFIT_DEAD] = "no: not alive",
        [AGENT_UNFIT_UNLIKE] = "no: not like what the job asks for",
        [AGENT_UNFIT_DRAINING] = "no: draining",
        [AGENT_UNFIT_HELD] = "no: held",
        [AGENT_UNFIT_UNLINKED] = "no: not connected yet",
        [AGENT_UNFIT_FULL] = "no: too few free slots",
        [AGENT_UNFIT_AVOIDED] = "only if nobody else fits: its tries there are used up",
    };
    return text[u];
}

static bool walk_add(const struct agent_core *core, uint16_t number, struct agent_peer **out,
                     uint32_t *n, uint32_t max)
{
    struct agent_peer *p = number == RING_NONE ? NULL : agent_peers_by_ring(core, number);
    if (p == NULL || *n == max)
        return false;
    for (uint32_t i = 0; i < *n; i++)
        if (out[i] == p)
            return false;
    out[(*n)++] = p;
    return true;
}

uint32_t agent_place_walk(const struct agent_core *core, struct muster_bytes key,
                          struct agent_peer **out, uint32_t max)
{
    uint16_t order[RING_ORDER_MAX], all[AGENT_WALK_SMALL];
    uint32_t slot = ring_slot(core->ring, key), n = 0;
    uint32_t k = ring_order(core->ring, slot, order);
    for (uint32_t i = 0; i < k; i++)
        (void)walk_add(core, order[i], out, &n, max);
    for (uint32_t i = 1; i <= 16; i++)
        (void)walk_add(core, ring_draw(core->ring, key, i), out, &n, max);
    if (ring_count(core->ring) <= AGENT_WALK_SMALL && n < ring_count(core->ring)) {
        k = ring_walk(core->ring, slot, all, AGENT_WALK_SMALL);
        for (uint32_t i = 0; i < k; i++)
            (void)walk_add(core, all[i], out, &n, max);
    }
    return n;
}

/* Beyond what order and draws name: everybody else who is like that, by a hash of both names. */
static uint32_t rest_add(const struct agent_core *core, struct muster_bytes key,
                         const struct agent_wish *wish, struct agent_peer **out, uint32_t n,
                         uint32_t max)
{
    uint64_t rank[AGENT_CANDIDATES_MAX];
    uint32_t first = n;
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        struct agent_peer *p = agent_peers_at(core, i);
        uint32_t seen = 0;
        while (seen < first && out[seen] != p)
            seen++;
        if (seen < first || !p->is_in_ring || !is_allowed(p, wish))
            continue;
        uint64_t hash =
            muster_hash64(key, muster_hash64(MUSTER_BYTES(p->id.octet, MUSTER_ID_LEN), 1));
        uint32_t at = n;
        while (at > first && hash < rank[at - 1])
            at--;
        if (at == max)
            continue;
        n = n < max ? n + 1 : max;
        for (uint32_t k = n - 1; k > at; k--) {
            rank[k] = rank[k - 1];
            out[k] = out[k - 1];
        }
        rank[at] = hash;
        out[at] = p;
    }
    return n;
}

uint32_t agent_place_wished(const struct agent_core *core, struct muster_bytes key,
                            const struct agent_wish *wish, struct agent_peer **out, uint32_t max)
{
    struct agent_peer *walk[AGENT_CANDIDATES_MAX];
    uint32_t n = agent_place_walk(core, key, walk, AGENT_CANDIDATES_MAX), like = 0, all = 0;
    if (wish == NULL) {
        n = n < max ? n : max;
        memcpy(out, walk, n * sizeof *out);
        return n;
    }
    for (uint32_t i = 0; i < n; i++)
        if (is_allowed(walk[i], wish))
            walk[like++] = walk[i];
    if (ring_count(core->ring) > n)
        like = rest_add(core, key, wish, walk, like, AGENT_CANDIDATES_MAX);
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < like && all < max; i++)
            if (is_preferred(walk[i], wish) == (pass == 0))
                out[all++] = walk[i];
    return all;
}

uint32_t agent_place_bench(const struct agent_core *core, uint32_t bucket, struct muster_id *out,
                           uint32_t max)
{
    uint16_t number[RING_REPLICAS_MAX];
    uint32_t n = bucket_list(core, bucket, number), kept = 0;
    for (uint32_t i = 0; i < n && kept < max; i++) {
        const struct agent_peer *p = agent_peers_by_ring(core, number[i]);
        if (p != NULL)
            out[kept++] = p->id;
    }
    return kept;
}
