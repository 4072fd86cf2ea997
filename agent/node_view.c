/* SPDX-License-Identifier: Apache-2.0 */
/* What others may read of a node: its standing, its members, its counters, its news. */
#include <stdio.h>
#include <string.h>

#include "agent/holds.h"
#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/peers.h"
#include "agent/placer.h"
#include "agent/runner.h"

static void buckets_count(const struct agent_core *core, struct agent_status *out)
{
    uint64_t stale = 2 * (uint64_t)core->config.times.calm_ms;
    uint32_t could = out->alive + out->suspect;
    could = could < core->config.replicas ? could : core->config.replicas;
    for (uint32_t b = 0; b < core->config.buckets; b++) {
        struct store_bucket_view v;
        store_bucket(core->store, b, &v);
        bool heard = v.heard_ms != 0 && core->now.mono_ms < v.heard_ms + stale;
        out->buckets_orphan += v.role != STORE_NO_SEAT && v.role != STORE_SERVING && !heard;
        out->buckets_short += v.role == STORE_SERVING && (v.old_count < could || v.new_count > 0);
    }
}

const char *node_exposure(const struct agent_node_config *c)
{
    if (!c->is_exposed)
        return NULL;
    if (c->gossip.keyring == NULL && !c->is_proven)
        return "not encrypted, and reached from other hosts: whoever can send to this one may join "
               "and run jobs; see `encrypt`";
    if (c->gossip.keyring == NULL)
        return "gossip is not encrypted, and reached from other hosts: whoever can send to this "
               "one may upset who counts as a member; see `encrypt`";
    if (c->gossip.accept_plain || c->gossip.send_plain)
        return "plain gossip is still taken or sent, and plain links: see encrypt_verify_incoming "
               "and _outgoing";
    return NULL;
}

const char *node_overhearing(const struct agent_node_config *c)
{
    return c->is_overheard ? "the HTTP port is reached from other hosts without TLS: whoever sees "
                             "the packets can use the tokens in them; see `http_tls`"
                           : NULL;
}

static void problems(const struct agent_node *n, struct agent_status *out)
{
    uint32_t count = 0;
    out->problem[count] = node_exposure(&n->core.config);
    count += out->problem[count] != NULL ? 1 : 0;
    out->problem[count] = node_overhearing(&n->core.config);
    count += out->problem[count] != NULL ? 1 : 0;
    out->problem[count] = node_unheard(n);
    count += out->problem[count] != NULL ? 1 : 0;
    out->problem[count] = agent_unproven_text(&n->core);
    count += out->problem[count] != NULL ? 1 : 0;
    if (n->core.standing == AGENT_WAITING)
        out->problem[count++] = "in no cluster yet: `muster init` founds one, or join one that is";
    if (n->core.is_over)
        out->problem[count++] =
            "this node's id is no good any more (lost, or a copied folder): it ends";
    if (out->buckets_short > 0)
        out->problem[count++] =
            "some jobs are on fewer nodes than they will be: benches still fill";
    if (out->buckets_orphan > 0)
        out->problem[count++] = "some buckets have no keeper: too few of their nodes answer";
    if (n->core.now.mono_ms < n->core.clock_bad_until_ms)
        out->problem[count++] = "clock: this host's and another's run more than 0.5 % apart; no "
                                "exclusive run starts here";
    for (uint32_t i = 0; i < agent_peers_count(&n->core); i++) {
        if (!agent_peers_at(&n->core, i)->is_foreign || n->core.standing == AGENT_WAITING)
            continue;
        out->problem[count++] =
            "a member of another cluster, or of none yet, is in this gossip pool";
        break;
    }
}

void agent_node_status(const struct agent_node *n, struct agent_status *out)
{
    const struct agent_core *core = &n->core;
    struct store_counters c;
    store_counters(core->store, &c);
    *out = (struct agent_status){ .node = core->config.name,
                                  .node_id = core->config.self,
                                  .cluster_id = core->cluster,
                                  .version = core->config.version,
                                  .settings = core->config.settings,
                                  .standing = core->standing,
                                  .slots = core->config.slots,
                                  .used = agent_runner_used(core),
                                  .runs = agent_runner_count(core),
                                  .waiting = agent_placer_waiting(core),
                                  .rows = c.rows,
                                  .jobs = c.jobs,
                                  .buckets_kept = c.serving,
                                  .gossip_queued = gossip_queued(core->gossip),
                                  .since_wall_ms = core->started_wall_ms,
                                  .holds = agent_holds_set(core) };
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        uint32_t *count[] = { [GOSSIP_ALIVE] = &out->alive,
                              [GOSSIP_SUSPECT] = &out->suspect,
                              [GOSSIP_DEAD] = &out->dead,
                              [GOSSIP_LEFT] = &out->left };
        if (!p->is_lost)
            ++*count[p->state];
        if (!agent_peer_is_alive(p))
            continue;
        out->slots_all += p->meta.slots;
        out->used_all += p->is_self ? out->used : p->used;
        out->waiting += p->is_self ? 0 : p->waiting;
    }
    buckets_count(core, out);
    problems(n, out);
}

uint32_t agent_node_member_count(const struct agent_node *n)
{
    return agent_peers_count(&n->core);
}

static const char *const status[] = { [GOSSIP_ALIVE] = "alive",
                                      [GOSSIP_SUSPECT] = "suspect",
                                      [GOSSIP_DEAD] = "dead",
                                      [GOSSIP_LEFT] = "left" };

bool agent_node_stranger(const struct agent_node *n, uint32_t *cursor, struct agent_meta *meta,
                         struct agent_member *out)
{
    const struct gossip *g = n->core.gossip;
    struct gossip_member_view m;
    while (*cursor < gossip_member_count(g)) {
        gossip_member_at(g, (*cursor)++, &m);
        if (m.is_self || agent_meta_decode(meta, m.meta) == MUSTER_OK)
            continue;
        *out = (struct agent_member){ .name = m.name,
                                      .addr = m.addr,
                                      .status = status[m.state],
                                      .mode = "foreign",
                                      .incarnation = m.incarnation,
                                      .tags = meta->tags,
                                      .version = "",
                                      .is_foreign = true };
        return true;
    }
    return false;
}

void agent_node_member(const struct agent_node *n, uint32_t index, struct agent_member *out)
{
    const struct agent_core *core = &n->core;
    const struct agent_peer *p = agent_peers_at(core, index);
    *out = (struct agent_member){ .name = p->name,
                                  .id = p->id,
                                  .addr = p->addr,
                                  .status = p->is_lost ? "lost" : status[p->state],
                                  .mode = p->meta.draining || p->draining ? "draining"
                                          : p->meta.held                  ? "held"
                                                                          : "open",
                                  .slots = p->meta.slots,
                                  .used = p->is_self ? agent_runner_used(core) : p->used,
                                  .weight = p->meta.weight,
                                  .incarnation = p->incarnation,
                                  .boot = p->is_self ? core->config.boot : p->meta.boot,
                                  .tags = p->meta.tags,
                                  .version = p->meta.version,
                                  .is_self = p->is_self,
                                  .is_linked = agent_peer_is_linked(core, p),
                                  .is_foreign = p->is_foreign,
                                  .since_wall_ms = p->state_since_wall_ms };
    if (p->is_self)
        out->incarnation = gossip_incarnation(core->gossip);
}

void agent_node_counters(const struct agent_node *n, struct agent_counters *out)
{
    *out = n->core.counters;
    out->gossip = *gossip_counters(n->core.gossip);
    store_counters(n->core.store, &out->store);
}

bool agent_node_news(const struct agent_node *n, uint64_t after, struct agent_news *out)
{
    return agent_news_after(&n->core, after, out);
}

bool agent_node_is_sane(const struct agent_node *n)
{
    return gossip_is_sane(n->core.gossip) && store_is_sane(n->core.store) &&
           agent_runner_is_sane(&n->core);
}

const struct store *agent_node_store(const struct agent_node *n)
{
    return n->core.store;
}
