/* SPDX-License-Identifier: Apache-2.0 */
/* A node's own life: founding or being let in, joining for ever, draining, leaving; and its events.
 */
#include <stdio.h>
#include <string.h>

#include "agent/boots.h"
#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/payload.h"
#include "agent/peers.h"
#include "agent/placer.h"
#include "agent/requests.h"
#include "agent/runner.h"
#include "agent/serve.h"
#include "agent/serve_inside.h"

struct agent_node *node_of(struct agent_core *core)
{
    return (struct agent_node *)core;
}

/* ---- what we say of ourselves */

void node_meta_fill(const struct agent_node *n, struct agent_meta *m)
{
    const struct agent_node_config *c = &n->core.config;
    *m = (struct agent_meta){ .id = c->self,
                              .cluster = n->core.cluster,
                              .boot = c->boot,
                              .slots = c->slots,
                              .weight = c->weight,
                              .cpus = c->cpus,
                              .mem_mib = c->mem_mib,
                              .peer_port = c->peer_port,
                              .settings = c->settings };
    m->held = c->held;
    m->draining = n->core.standing == AGENT_DRAINING || n->core.standing == AGENT_LEAVING;
    m->restarts = n->core.standing == AGENT_LEAVING && n->core.restarts;
    m->leaves = n->core.standing == AGENT_LEAVING && !n->core.restarts;
    (void)snprintf(m->version, sizeof m->version, "%s", c->version);
    (void)snprintf(m->arch, sizeof m->arch, "%s", c->arch);
    (void)snprintf(m->tags, sizeof m->tags, "%s", c->tags);
}

void node_meta_tell(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    struct agent_peer *self = agent_peers_at(core, 0);
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;
    node_meta_fill(n, &self->meta);
    if (agent_meta_encode(&self->meta, wire, sizeof wire, &len, NULL) != MUSTER_OK)
        return;
    struct gossip_event e = { .kind = GOSSIP_EVENT_META, .bytes = MUSTER_BYTES(wire, len) };
    agent_gossip_step(core, &e);
}

static void meta_note(struct agent_core *core, const char *key, struct muster_bytes value,
                      uint64_t cookie)
{
    struct store_disk_op op = { .table = STORE_TABLE_META,
                                .key = muster_bytes_text(key),
                                .value = value };
    store_note(core->store, &op, cookie);
}

void node_meta_note_number(struct agent_core *core, const char *key, uint64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    meta_note(core, key, MUSTER_BYTES(text, (size_t)len), 0);
}

void node_meta_note(struct agent_core *core, const char *key, const char *value)
{
    meta_note(core, key, muster_bytes_text(value), 0);
}

/* ---- founding and being let in */

static void settings_note(struct agent_core *core)
{
    char text[AGENT_SETTINGS_TEXT];
    meta_note(core, "settings", muster_bytes_text(agent_settings_text(core->config.settings, text)),
              0);
}

/* What the cluster has agreed on goes over what we were told (R58). */
static void settings_follow(struct agent_core *core, struct agent_settings theirs, const char *by)
{
    struct agent_node_config *c = &core->config;
    char ours_text[AGENT_SETTINGS_TEXT], text[AGENT_SETTINGS_TEXT];
    if (agent_settings_equal(c->settings, theirs))
        return;
    agent_out_log(
        &core->out, AGENT_LOG_WARN,
        "the cluster's profile and partition are %s, says %s; configured here is %s. This "
        "node follows its cluster",
        agent_settings_text(theirs, text), by, agent_settings_text(c->settings, ours_text));
    agent_settings_apply(c, theirs);
    store_times_set(core->store, &c->times);
    gossip_times_set(core->gossip, &c->gossip);
}

static void found(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    char text[MUSTER_ID_TEXT];
    n->found_cookie = agent_number(core);
    store_found(core->store);
    (void)muster_id_text(core->config.new_cluster, text);
    settings_note(core);
    meta_note(core, "cluster", muster_bytes_text(text), n->found_cookie);
    const struct store_event tick = { .kind = STORE_EVENT_TICK };
    agent_store_step(core, &tick);
}

void node_standing_set(struct agent_node *n, enum agent_standing standing)
{
    struct agent_core *core = &n->core;
    core->standing = standing;
    agent_peers_ring_wanted(core);
    node_meta_tell(n);
}

/* The cluster's rows and its id are on disk: only now may others hear of it. */
void node_founded(struct agent_node *n, int err)
{
    struct agent_core *core = &n->core;
    char text[MUSTER_ID_TEXT];
    n->found_cookie = 0;
    if (err != MUSTER_OK) {
        agent_out_log(&core->out, AGENT_LOG_ERROR, "founding failed: %s", muster_err_text(err));
        return;
    }
    core->cluster = core->config.new_cluster;
    agent_out_log(&core->out, AGENT_LOG_INFO, "founded cluster %.8s",
                  muster_id_text(core->cluster, text));
    agent_news_add(core, "cluster.founded", NULL, NULL, 0, "cluster %.8s", text);
    node_standing_set(n, AGENT_JOINED);
}

void agent_node_let_in(struct agent_core *core, struct muster_id cluster,
                       struct agent_settings settings, const char *by)
{
    struct agent_node *n = node_of(core);
    char text[MUSTER_ID_TEXT];
    if (n->found_cookie != 0 || !muster_id_is_zero(core->cluster))
        return;
    core->cluster = cluster;
    (void)muster_id_text(cluster, text);
    settings_follow(core, settings, by);
    settings_note(core);
    meta_note(core, "cluster", muster_bytes_text(text), 0);
    agent_out_log(&core->out, AGENT_LOG_INFO, "let into cluster %.8s by %s", text, by);
    agent_news_add(core, "cluster.joined", NULL, NULL, 0, "let into cluster %.8s by %s", text, by);
    if (core->standing == AGENT_WAITING)
        node_standing_set(n, AGENT_JOINED);
}

void node_started(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    if (!muster_id_is_zero(core->cluster)) {
        struct agent_settings theirs = core->config.settings;
        core->config.settings = core->config.configured;
        settings_follow(core, theirs, "its data folder");
        settings_note(core); /* a folder from before there were any has them from here on */
    } else if (core->config.found) {
        found(n);
    }
    node_drain_again(n);
    n->noted_incarnation = gossip_incarnation(core->gossip);
}

/* ---- members */

void node_member_changed(struct agent_node *n, const struct gossip_effect *g)
{
    struct agent_core *core = &n->core;
    const struct agent_peer *p = agent_peers_by_gossip_name(core, g->member.name);
    if (p == NULL || p->is_self)
        return;
    agent_requests_peer(core, p->id);
    if (g->news != GOSSIP_NEWS_JOIN && g->news != GOSSIP_NEWS_UPDATE)
        return;
    char key[8 + MUSTER_ID_TEXT], addr[MUSTER_ADDR_TEXT], id[MUSTER_ID_TEXT];
    (void)snprintf(key, sizeof key, "peer:%s", muster_id_text(p->id, id));
    meta_note(core, key, muster_bytes_text(muster_addr_text(p->addr, addr)), 0);
}

static bool is_member_addr(const struct agent_core *core, struct muster_addr a)
{
    for (uint32_t i = 0; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        if (p->life == AGENT_LIFE_ALIVE && muster_addr_equal(p->addr, a))
            return true;
    }
    return false;
}

uint32_t node_others_alive(const struct agent_core *core, bool open_only)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < agent_peers_count(core); i++) {
        const struct agent_peer *p = agent_peers_at(core, i);
        n += open_only ? agent_peer_is_open(p) && !p->meta.held : agent_peer_is_alive(p);
    }
    return n;
}

static void seeds_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    uint64_t now = core->now.mono_ms;
    if (now < n->seeds_ms)
        return;
    n->seeds_ms = MUSTER_NEVER;
    for (uint32_t i = 0; i < core->config.seed_count; i++) {
        struct node_seed *s = &n->seed[i];
        if (now < s->next_ms) {
            n->seeds_ms = muster_deadline_sooner(n->seeds_ms, s->next_ms);
            continue;
        }
        struct gossip_event e = { .kind = GOSSIP_EVENT_JOIN, .from = core->config.seed_addr[i] };
        bool known = is_member_addr(core, e.from);
        uint32_t doubled = s->wait_ms < NODE_JOIN_WAIT_MIN ? NODE_JOIN_WAIT_MIN : 2 * s->wait_ms;
        s->wait_ms = known ? 0 : doubled < NODE_JOIN_WAIT_MAX ? doubled : NODE_JOIN_WAIT_MAX;
        uint64_t wait = known || node_others_alive(core, false) > 0 ? NODE_JOIN_CALM : s->wait_ms;
        s->next_ms = now + wait + muster_rng_below(&core->rng, wait / 4 + 1);
        n->seeds_ms = muster_deadline_sooner(n->seeds_ms, s->next_ms);
        if (!known && !muster_addr_equal(e.from, core->config.gossip_addr))
            agent_gossip_step(core, &e);
    }
}

void node_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    seeds_tick(n);
    node_search_tick(n);
    node_leave_tick(n);
    node_unheard_tick(n);
    uint32_t incarnation = gossip_incarnation(core->gossip);
    if (incarnation != n->noted_incarnation) {
        n->noted_incarnation = incarnation;
        node_meta_note_number(core, "incarnation", incarnation);
    }
}

uint64_t node_deadline_ms(const struct agent_node *n)
{
    const struct agent_core *core = &n->core;
    /* While nobody is missed the look for them waits for a step that somebody else needs: the
     * runner wants one with every report. */
    uint64_t search_ms = n->search_ms + (n->is_searching ? 0 : core->config.hold_ms);
    uint64_t d = muster_deadline_sooner(search_ms, n->seeds_ms);
    if (core->standing == AGENT_DRAINING)
        d = muster_deadline_sooner(d, n->drain_ms);
    if (core->standing == AGENT_LEAVING && !n->is_exit_sent)
        d = muster_deadline_sooner(d, muster_deadline_sooner(n->exit_ms, core->now.mono_ms + 100));
    return d;
}

/* ---- operations on this node */

static void join(struct agent_core *core, const char *addresses)
{
    char text[256];
    while (*addresses != '\0') {
        size_t len = strcspn(addresses, ", ");
        struct gossip_event e = { .kind = GOSSIP_EVENT_JOIN };
        (void)snprintf(text, sizeof text, "%.*s", (int)(len < 255 ? len : 255), addresses);
        if (len > 0 && muster_addr_parse(&e.from, text, 7946) == MUSTER_OK)
            agent_gossip_step(core, &e);
        addresses += len + (addresses[len] != '\0' ? 1 : 0);
    }
}

void agent_node_ask(struct agent_core *core, const struct serve_ask *ask)
{
    struct agent_node *n = node_of(core);
    struct muster_bytes ok = muster_bytes_text("{}");
    bool in_cluster = !muster_id_is_zero(core->cluster);
    switch (ask->q->op) {
    case AGENT_OP_INIT:
        if (in_cluster || n->found_cookie != 0) {
            serve_error(core, ask, MUSTER_EEXISTS, NULL,
                        "this node is in a cluster already; `muster members` shows it");
            return;
        }
        found(n);
        break;
    case AGENT_OP_JOIN:
        join(core, ask->q->name);
        break;
    case AGENT_OP_LEAVE:
        node_leave(n, false);
        break;
    case AGENT_OP_DRAIN:
        if (core->standing == AGENT_LEAVING || core->standing == AGENT_WAITING) {
            serve_error(core, ask, MUSTER_EREFUSED, NULL, "the node is %s",
                        core->standing == AGENT_LEAVING ? "leaving" : "in no cluster yet");
            return;
        }
        node_drain(n, !ask->q->cancel, ask->q->deadline_ms);
        break;
    case AGENT_OP_NODE_SET:
        node_set(n, ask);
        return;
    case AGENT_OP_FORGET:
        agent_lost_forget(core, ask);
        return;
    default:
        serve_error(core, ask, MUSTER_EUNSUPPORTED, NULL, "not an operation of a node");
        return;
    }
    serve_body(core, ask, ok);
}

/* ---- events */

/* We were away: whatever we believe is old. Links are closed, reigns given up, everything asked
 * anew. */
static void away(struct agent_node *n, uint64_t gap_ms)
{
    struct agent_core *core = &n->core;
    const struct gossip_event g = { .kind = GOSSIP_EVENT_STALLED };
    const struct store_event s = { .kind = STORE_EVENT_AWAY };
    agent_out_log(&core->out, AGENT_LOG_WARN, "the loop did not run for %llu ms",
                  (unsigned long long)gap_ms);
    agent_gossip_step(core, &g);
    if (gap_ms < core->config.times.away_ms)
        return;
    agent_news_add(core, "node.away", NULL, NULL, 0, "did not run for %llu ms",
                   (unsigned long long)gap_ms);
    agent_peers_drop_links(core);
    agent_store_step(core, &s);
}

static void gossip_event_pass(struct agent_core *core, const struct agent_event *event)
{
    struct gossip_event g = { .kind = event->kind == AGENT_EVENT_PACKET ? GOSSIP_EVENT_PACKET
                                      : event->kind == AGENT_EVENT_STREAM_DATA
                                          ? GOSSIP_EVENT_STREAM_DATA
                                          : GOSSIP_EVENT_STREAM_FAILED,
                              .from = event->from,
                              .bytes = event->bytes,
                              .stream = event->stream,
                              .inbound = event->inbound,
                              .ended = event->ended,
                              .refused = event->refused };
    agent_gossip_step(core, &g);
}

static void link_event(struct agent_core *core, const struct agent_event *event)
{
    switch (event->kind) {
    case AGENT_EVENT_LINK_OPENED:
        agent_peers_link_opened(core, event->link, event->from);
        break;
    case AGENT_EVENT_LINK_FRAME:
        agent_peers_link_frame(core, event->link, event->bytes, event->names);
        break;
    case AGENT_EVENT_LINK_STALE:
        agent_peers_link_stale(core, event->link);
        break;
    case AGENT_EVENT_LINK_UNPROVEN:
        agent_peers_link_unproven(core, event);
        break;
    case AGENT_EVENT_LINK_CLOSED:
        agent_peers_link_closed(core, event->link, event->refused);
        break;
    case AGENT_EVENT_CHECK_TAKEN:
        agent_peers_check_taken(core, event->link);
        break;
    default:
        agent_peers_checked(core, event->link, event->refused);
    }
}

void node_event(struct agent_node *n, const struct agent_event *event)
{
    struct agent_core *core = &n->core;
    struct store_event committed = { .kind = STORE_EVENT_COMMITTED };
    switch (event->kind) {
    case AGENT_EVENT_TICK:
        break;
    case AGENT_EVENT_PACKET:
    case AGENT_EVENT_STREAM_DATA:
    case AGENT_EVENT_STREAM_FAILED:
        gossip_event_pass(core, event);
        break;
    case AGENT_EVENT_LINK_OPENED:
    case AGENT_EVENT_LINK_FRAME:
    case AGENT_EVENT_LINK_STALE:
    case AGENT_EVENT_LINK_UNPROVEN:
    case AGENT_EVENT_LINK_CLOSED:
    case AGENT_EVENT_CHECK_TAKEN:
    case AGENT_EVENT_CHECKED:
        link_event(core, event);
        break;
    case AGENT_EVENT_COMMITTED:
        committed.batch = event->batch;
        committed.err = event->err;
        agent_store_step(core, &committed);
        break;
    case AGENT_EVENT_GUARD:
        agent_runner_guard(core, event->guard);
        break;
    case AGENT_EVENT_PAYLOAD:
        agent_payload_event(core, event->payload);
        break;
    case AGENT_EVENT_REQUEST:
        agent_requests_client(core, event->request);
        break;
    case AGENT_EVENT_CANCEL:
        agent_requests_cancel(core, event->number);
        break;
    case AGENT_EVENT_LOGS:
        agent_serve_logs(core, event);
        break;
    case AGENT_EVENT_WATCH:
        agent_news_watch(core);
        break;
    case AGENT_EVENT_LEAVE:
        node_leave(n, true);
        break;
    case AGENT_EVENT_RENEW:
        node_renew(n);
        break;
    case AGENT_EVENT_HOST:
        n->core.host = *event->host;
        break;
    case AGENT_EVENT_AWAY:
        away(n, event->gap_ms);
        break;
    }
}

/* Our id is no good any more: what runs here ends, and so do we. */
static void end_foreign(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    n->exit_err = MUSTER_EFOREIGN;
    core->is_over = true;
    store_retire(core->store);
    agent_peers_drop_links(core);
    node_leave(n, false);
    core->restarts = false;
    n->leave_ms = core->now.mono_ms;
}

/* Somebody swore that our disk is gone, while we were: our seats are given away and our id is no
 * good any more. What runs here ends, and so do we (R49). */
void node_lost_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_node *n = node_of(core);
    if (!agent_lost_got(core, from, r))
        return;
    agent_out_log(&core->out, AGENT_LOG_ERROR,
                  "this node was declared lost (`muster forget`), says %s: its seats are given "
                  "away and its id may never run jobs again. It ends. To come back as a new node, "
                  "start it with an empty data folder",
                  agent_node_name(core, from));
    end_foreign(n);
}

/* A peer has seen a later boot under our id: this data folder is a copy, or was put back from one.
 * What it promised and acknowledged since is not in it, so it must not vote again (R3). */
void node_copy_got(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_node *n = node_of(core);
    uint64_t boot = agent_boots_told(core, r);
    if (boot == 0 || n->exit_err != MUSTER_OK)
        return;
    agent_out_log(&core->out, AGENT_LOG_ERROR,
                  "this data folder is a copy, or was restored from one: this is boot %llu, and %s "
                  "has seen boot %llu of this node. It ends, and does not start from this folder "
                  "again. To come back as a new node, start it with an empty data folder",
                  (unsigned long long)core->config.boot, agent_node_name(core, from),
                  (unsigned long long)boot);
    node_meta_note_number(core, "copied", boot);
    n->is_copy = true;
    end_foreign(n);
}
