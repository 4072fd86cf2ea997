/* SPDX-License-Identifier: Apache-2.0 */
/* The node: one step of it, and the rooms it joins. */
#include "agent/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/boots.h"
#include "agent/family.h"
#include "agent/holds.h"
#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/payload.h"
#include "agent/peers.h"
#include "agent/permit.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "agent/relay.h"
#include "agent/requests.h"
#include "agent/runner.h"
#include "agent/serve.h"
#include "agent/trigger.h"
#include "agent/triggered.h"

void agent_node_config_default(struct agent_node_config *c)
{
    *c = (struct agent_node_config){ .slots = 1, .weight = 1, .replicas = 3, .ring_bits = 16 };
    c->version = MUSTER_VERSION;
    c->tags = "";
    c->members_max = 4096;
    c->rows_max = 1u << 20;
    c->runs_max = 4096;
    c->buckets = STORE_BUCKETS;
    c->leave_deadline_ms = 90000;
    c->seen_keep_ms = 86400000;
    c->strikes_max = 3;
    c->log_max_bytes = 16u << 20;
    c->payload_part = AGENT_PAYLOAD_PART;
    c->payload_rate = AGENT_PAYLOAD_RATE;
    c->payload_keep_ms = AGENT_PAYLOAD_KEEP_MS;
    c->payload_name_ms = AGENT_PAYLOAD_NAME_MS;
    c->payload_idle_ms = AGENT_PAYLOAD_IDLE_MS;
    agent_settings_apply(c, (struct agent_settings){ AGENT_PROFILE_LAN, false });
}

/* ---- opening and closing */

static int rooms_open(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    const struct agent_node_config *c = &core->config;
    struct store_config store = { .self = c->self,
                                  .boot = c->boot,
                                  .buckets = c->buckets,
                                  .replicas = c->replicas,
                                  .rows_max = c->rows_max,
                                  .peers_max = c->members_max,
                                  .seed = muster_rng_next(&core->rng),
                                  .times = c->times };
    int err = store_open(&core->store, &store);
    if (err == MUSTER_OK)
        err = agent_place_open(core);
    if (err == MUSTER_OK)
        err = agent_newsroom_open(core);
    if (err == MUSTER_OK)
        err = agent_lost_open(core);
    if (err == MUSTER_OK)
        err = agent_holds_open(core);
    if (err == MUSTER_OK)
        err = agent_boots_open(core);
    if (err == MUSTER_OK)
        err = agent_peers_open(core);
    if (err == MUSTER_OK)
        err = agent_placer_open(core);
    if (err == MUSTER_OK)
        err = agent_runner_open(core);
    if (err == MUSTER_OK)
        err = agent_requests_open(core);
    if (err == MUSTER_OK)
        err = agent_reigns_open(&core->reigns, core->config.buckets);
    if (err == MUSTER_OK)
        err = agent_serve_open(core);
    if (err == MUSTER_OK)
        err = agent_family_open(core);
    if (err == MUSTER_OK)
        err = agent_permit_open(core);
    if (err == MUSTER_OK)
        err = agent_payload_open(core);
    if (err == MUSTER_OK)
        err = agent_trigger_open(core);
    if (err == MUSTER_OK)
        err = agent_triggered_open(core);
    return err;
}

static int gossip_begin(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    struct gossip_config g = core->config.gossip;
    struct agent_peer *self = agent_peers_at(core, 0);
    uint8_t wire[AGENT_META_MAX];
    size_t len = 0;
    node_meta_fill(n, &self->meta);
    int err = agent_meta_encode(&self->meta, wire, sizeof wire, &len, NULL);
    if (err != MUSTER_OK)
        return err;
    g.name = self->gossip_name;
    g.advertise = core->config.gossip_addr;
    g.meta = MUSTER_BYTES(wire, len);
    g.is_kin = agent_meta_is_node;
    g.members_max = core->config.members_max;
    g.seed = muster_rng_next(&core->rng);
    n->has_gossip = true; /* of itself */
    err = muster_arena_open(&n->arena, gossip_memory(&g));
    return err == MUSTER_OK ? gossip_open(&core->gossip, &n->arena, &g) : err;
}

int agent_node_open(struct agent_node **out, const struct agent_node_config *c)
{
    if (agent_times_fault(c) != NULL)
        return MUSTER_EINVAL;
    struct agent_node *n = calloc(1, sizeof *n);
    if (n == NULL)
        return MUSTER_EFULL;
    struct agent_core *core = &n->core;
    core->config = *c;
    n->name = strdup(c->name);
    n->tags = strdup(c->tags != NULL ? c->tags : "");
    core->config.name = n->name;
    core->config.tags = n->tags;
    n->tags_configured = strdup(c->tags_configured != NULL ? c->tags_configured : n->tags);
    n->slots_configured = c->slots_configured != 0 ? c->slots_configured : c->slots;
    core->cluster = c->cluster;
    core->standing = muster_id_is_zero(c->cluster) ? AGENT_WAITING
                     : c->draining                 ? AGENT_DRAINING
                                                   : AGENT_JOINED;
    core->scratch = malloc(AGENT_FRAME_MAX);
    core->next_number = c->boot << 40 | 1;
    muster_rng_seed(&core->rng, c->seed);
    core->nonce = muster_rng_next(&core->rng) | 1;
    n->exit_ms = n->leave_ms = n->drain_ms = n->ring_ms = MUSTER_NEVER;
    int err =
        core->scratch == NULL || n->name == NULL || n->tags == NULL || n->tags_configured == NULL
            ? MUSTER_EFULL
            : agent_out_open(&core->out);
    if (err == MUSTER_OK)
        err = rooms_open(n);
    if (err == MUSTER_OK)
        err = gossip_begin(n);
    if (err != MUSTER_OK) {
        agent_node_close(n);
        return err;
    }
    *out = n;
    return MUSTER_OK;
}

void agent_node_close(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    agent_triggered_close(core);
    agent_trigger_close(core);
    agent_payload_close(core);
    agent_family_close(core);
    agent_permit_close(core);
    agent_serve_close(core);
    agent_reigns_close(&core->reigns);
    agent_requests_close(core);
    agent_runner_close(core);
    agent_placer_close(core);
    agent_wishes_close(&core->wishes);
    agent_peers_close(core);
    agent_holds_close(core);
    agent_lost_close(core);
    agent_boots_close(core);
    agent_newsroom_close(core);
    if (core->gossip != NULL)
        gossip_close(core->gossip);
    if (core->ring != NULL)
        ring_close(core->ring);
    if (core->store != NULL)
        store_close(core->store);
    muster_arena_close(&n->arena);
    agent_out_close(&core->out);
    free(n->self_frame);
    free(n->store_event);
    free(n->gossip_event);
    free(core->scratch);
    free(n->name);
    free(n->tags);
    free(n->tags_configured);
    free(n);
}

int agent_node_load(struct agent_node *n, enum store_table table, struct muster_bytes key,
                    struct muster_bytes value)
{
    if (table == STORE_TABLE_META) {
        agent_lost_load(&n->core, key, value);
        agent_holds_load(&n->core, key, value);
        agent_boots_load(&n->core, key, value);
    }
    if (table == STORE_TABLE_SEEN)
        agent_runner_load_seen(&n->core, key, value);
    if (table == STORE_TABLE_BUCKET || table == STORE_TABLE_ROW || table == STORE_TABLE_CLAIM)
        return store_load(n->core.store, table, key, value);
    return MUSTER_OK;
}

/* ---- what the rooms may call */

uint64_t agent_number(struct agent_core *core)
{
    return core->next_number++;
}

bool agent_is_self(const struct agent_core *core, struct muster_id id)
{
    return muster_id_equal(core->config.self, id);
}

const char *agent_node_name(struct agent_core *core, struct muster_id id)
{
    char text[MUSTER_ID_TEXT];
    const struct agent_peer *p = agent_peers_find(core, id);
    if (p != NULL)
        return p->name;
    (void)muster_id_text(id, text);
    text[8] = '\0';
    return agent_out_text(&core->out, text);
}

struct muster_writer agent_frame(struct agent_core *core)
{
    return muster_writer_over(core->scratch, AGENT_FRAME_MAX);
}

static void *queue_push(void **queue, uint32_t *count, uint32_t *size, size_t each)
{
    if (*count == *size) {
        *size = *size > 0 ? 2 * *size : 64;
        *queue = realloc(*queue, *size * each);
        MUSTER_ASSERT(*queue != NULL);
    }
    return (char *)*queue + (*count)++ * each;
}

static bool frame_carry(struct agent_core *core, struct muster_id to, struct muster_bytes frame)
{
    struct agent_node *n = node_of(core);
    if (!agent_is_self(core, to))
        return agent_relay_send(core, to, frame) || agent_peers_send(core, to, frame);
    struct muster_bytes *slot =
        queue_push((void **)&n->self_frame, &n->self_count, &n->self_size, sizeof *n->self_frame);
    *slot = agent_out_copy(&core->out, frame);
    return true;
}

bool agent_frame_send(struct agent_core *core, struct muster_id to, const struct muster_writer *w)
{
    MUSTER_ASSERT(muster_writer_err(w) == MUSTER_OK);
    return frame_carry(core, to, muster_writer_bytes(w));
}

void agent_gossip_step(struct agent_core *core, const struct gossip_event *event)
{
    struct agent_node *n = node_of(core);
    struct gossip_event *slot = queue_push((void **)&n->gossip_event, &n->gossip_count,
                                           &n->gossip_size, sizeof *n->gossip_event);
    *slot = *event;
    slot->bytes = agent_out_copy(&core->out, event->bytes);
    slot->name = agent_out_text(&core->out, event->name);
}

void agent_store_step(struct agent_core *core, const struct store_event *event)
{
    struct agent_node *n = node_of(core);
    struct store_event *slot = queue_push((void **)&n->store_event, &n->store_count, &n->store_size,
                                          sizeof *n->store_event);
    *slot = *event;
}

void agent_node_frame(struct agent_core *core, struct muster_id from, struct muster_bytes bytes)
{
    struct muster_reader r = muster_reader_over(bytes);
    struct agent_head head = agent_read_head(&r);
    const struct agent_peer *p = agent_peers_find(core, from);
    if (head.message >= STORE_ASK && head.message <= STORE_MESSAGE_LAST) {
        struct store_event e = { .kind = STORE_EVENT_FRAME, .peer = from, .bytes = bytes };
        e.boot = p != NULL ? p->boot : 0;
        agent_store_step(core, &e);
        return;
    }
    node_message(core, from, head.message, &r);
}

/* ---- effects of the rooms below */

static void gossip_effect(struct agent_node *n, const struct gossip_effect *g)
{
    struct agent_core *core = &n->core;
    struct agent_effect *e = NULL;
    switch (g->kind) {
    case GOSSIP_EFFECT_SEND:
        e = agent_out_add(&core->out, AGENT_EFFECT_SEND);
        break;
    case GOSSIP_EFFECT_STREAM_OPEN:
        e = agent_out_add(&core->out, AGENT_EFFECT_STREAM_OPEN);
        break;
    case GOSSIP_EFFECT_STREAM_REPLY:
        e = agent_out_add(&core->out, AGENT_EFFECT_STREAM_REPLY);
        e->inbound = true;
        break;
    case GOSSIP_EFFECT_STREAM_CLOSE:
        e = agent_out_add(&core->out, AGENT_EFFECT_STREAM_CLOSE);
        e->inbound = g->inbound;
        break;
    case GOSSIP_EFFECT_MEMBER:
        agent_peers_gossip(core, g);
        node_member_changed(n, g);
        return;
    case GOSSIP_EFFECT_JOINED:
        return;
    case GOSSIP_EFFECT_LEFT:
        n->exit_ms = core->now.mono_ms;
        return;
    }
    e->to = g->to;
    e->bytes = agent_out_copy(&core->out, g->bytes);
    e->stream = g->stream;
    e->deadline_ms = g->deadline_ms;
}

static void bucket_serves(struct agent_core *core, uint32_t bucket)
{
    agent_placer_serving(core, bucket);
    agent_family_serving(core, bucket);
    agent_permit_serving(core, bucket);
    agent_triggered_serving(core, bucket);
}

static void store_effect(struct agent_node *n, const struct store_effect *s)
{
    struct agent_core *core = &n->core;
    struct muster_bytes key = agent_out_copy(&core->out, s->key);
    switch (s->kind) {
    case STORE_EFFECT_FRAME:
        (void)frame_carry(core, s->to, s->bytes);
        break;
    case STORE_EFFECT_COMMIT:
        agent_out_add(&core->out, AGENT_EFFECT_COMMIT)->batch = s->batch;
        break;
    case STORE_EFFECT_STANDS:
    case STORE_EFFECT_ELECTED:
        agent_placer_early(core, s->bucket, s->kind == STORE_EFFECT_ELECTED);
        break;
    case STORE_EFFECT_SERVING:
        bucket_serves(core, s->bucket);
        break;
    case STORE_EFFECT_RETIRED:
        agent_placer_retired(core, s->bucket);
        agent_family_retired(core, s->bucket);
        agent_permit_retired(core, s->bucket);
        agent_triggered_retired(core);
        break;
    case STORE_EFFECT_CONFIRMED:
        agent_serve_confirmed(core, s->bucket);
        break;
    case STORE_EFFECT_CHOSEN:
        agent_placer_chosen(core, key);
        agent_serve_chosen(core, key);
        agent_family_chosen(core, key);
        agent_permit_chosen(core, key);
        agent_triggered_chosen(core, key);
        break;
    case STORE_EFFECT_FORETOLD:
        agent_runner_foretell(core, key, s->token);
        break;
    case STORE_EFFECT_WRITTEN:
        agent_serve_written(core, s->cookie, s->err, s->copies);
        break;
    case STORE_EFFECT_CLAIMABLE:
        agent_placer_claimable(core, s->bucket);
        break;
    case STORE_EFFECT_CLAIMED:
        agent_placer_claimed(core, key, s->node, s->token);
        break;
    case STORE_EFFECT_DROP:
        agent_placer_drop(core, key, s->node, s->token);
        break;
    case STORE_EFFECT_CLEARED:
        break;
    case STORE_EFFECT_COMMITTED:
        if (s->cookie == n->found_cookie && s->cookie != 0)
            node_founded(n, s->err);
        else if (!agent_lost_noted(core, s->cookie, s->err) &&
                 !agent_holds_noted(core, s->cookie, s->err))
            agent_runner_noted(core, s->cookie, s->err);
        break;
    }
}

/* Gossip has something to say after a step of it only. */
static bool gossip_says(struct agent_node *n, struct gossip_effect *g)
{
    n->has_gossip = n->has_gossip && gossip_next(n->core.gossip, g);
    return n->has_gossip;
}

/* Everything that one event leads to inside this node, until nothing is left to do. */
static void settle(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    struct store_effect s;
    struct gossip_effect g;
    uint32_t self_at = 0, store_at = 0, gossip_at = 0;
    for (;;) {
        if (gossip_says(n, &g)) {
            gossip_effect(n, &g);
        } else if (gossip_at < n->gossip_count) {
            struct gossip_event e = n->gossip_event[gossip_at++];
            agent_peers_vouch(core);
            gossip_step(core->gossip, core->now.mono_ms, &e);
            n->has_gossip = true;
        } else if (store_next(core->store, &s)) {
            store_effect(n, &s);
        } else if (self_at < n->self_count) {
            struct muster_bytes frame = n->self_frame[self_at++];
            agent_node_frame(core, core->config.self, frame);
        } else if (store_at < n->store_count) {
            struct store_event e = n->store_event[store_at++];
            store_step(core->store, core->now, &e);
        } else {
            break;
        }
    }
    n->self_count = 0;
    n->store_count = 0;
    n->gossip_count = 0;
}

/* ---- the step */

static void ticks(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    const struct gossip_event gossip_tick = { .kind = GOSSIP_EVENT_TICK };
    const struct store_event store_tick = { .kind = STORE_EVENT_TICK };
    uint64_t now = core->now.mono_ms;
    if (gossip_deadline_ms(core->gossip) <= now)
        agent_gossip_step(core, &gossip_tick);
    if (store_deadline_ms(core->store) <= now)
        agent_store_step(core, &store_tick);
    if (agent_peers_deadline_ms(core) <= now)
        agent_peers_tick(core);
    if (agent_placer_deadline_ms(core) <= now)
        agent_placer_tick(core);
    if (agent_runner_deadline_ms(core) <= now)
        agent_runner_tick(core);
    if (agent_family_deadline_ms(core) <= now)
        agent_family_tick(core);
    if (agent_permit_deadline_ms(core) <= now)
        agent_permit_tick(core);
    if (agent_trigger_deadline_ms(core) <= now)
        agent_trigger_tick(core);
    if (agent_triggered_deadline_ms(core) <= now)
        agent_triggered_tick(core);
    if (agent_payload_deadline_ms(core) <= now)
        agent_payload_tick(core);
    if (agent_requests_deadline_ms(core) <= now)
        agent_requests_tick(core);
    if (agent_serve_deadline_ms(core) <= now)
        agent_serve_tick(core);
    node_tick(n);
}

static void ring_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    if (!agent_peers_ring_due(core))
        return;
    if (n->ring_ms == MUSTER_NEVER)
        n->ring_ms = core->now.mono_ms + AGENT_PLACE_DELAY_MS;
    if (core->now.mono_ms < n->ring_ms)
        return;
    n->ring_ms = MUSTER_NEVER;
    agent_place_update(core);
    agent_family_members(core);
    agent_placer_ring(core);
    const struct store_event tick = { .kind = STORE_EVENT_TICK };
    agent_store_step(core, &tick);
    agent_placer_kick(core);
}

static uint64_t deadline_find(const struct agent_node *n)
{
    const struct agent_core *core = &n->core;
    uint64_t d = gossip_deadline_ms(core->gossip);
    d = muster_deadline_sooner(d, store_deadline_ms(core->store));
    d = muster_deadline_sooner(d, agent_peers_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_placer_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_runner_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_family_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_permit_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_trigger_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_triggered_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_payload_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_requests_deadline_ms(core));
    d = muster_deadline_sooner(d, agent_serve_deadline_ms(core));
    if (agent_peers_ring_due(core))
        d = muster_deadline_sooner(d, n->ring_ms != MUSTER_NEVER ? n->ring_ms : core->now.mono_ms);
    return muster_deadline_sooner(d, node_deadline_ms(n));
}

void agent_node_step(struct agent_node *n, struct muster_now now, const struct agent_event *event)
{
    struct agent_core *core = &n->core;
    MUSTER_ASSERT(now.mono_ms >= core->now.mono_ms);
    agent_out_begin(&core->out);
    core->now = now;
    node_event(n, event);
    settle(n);
    ticks(n);
    settle(n);
    ring_tick(n);
    agent_placer_flush(core);
    settle(n);
    agent_runner_flush(core);
    settle(n);
    n->deadline_ms = deadline_find(n);
}

void agent_node_start(struct agent_node *n, struct muster_now now)
{
    struct agent_core *core = &n->core;
    core->now = now;
    core->started_ms = now.mono_ms;
    core->started_wall_ms = now.wall_ms;
    agent_peers_at(core, 0)->seen_ms = now.mono_ms;
    agent_peers_at(core, 0)->state_since_wall_ms = now.wall_ms;
    agent_out_begin(&core->out);
    agent_out_log(&core->out, AGENT_LOG_INFO, "node %s starts, boot %llu", core->config.name,
                  (unsigned long long)core->config.boot);
    if (node_exposure(&core->config) != NULL)
        agent_out_log(&core->out, AGENT_LOG_WARN, "%s", node_exposure(&core->config));
    if (node_overhearing(&core->config) != NULL)
        agent_out_log(&core->out, AGENT_LOG_WARN, "%s", node_overhearing(&core->config));
    store_start(core->store, now);
    node_started(n);
    settle(n);
    n->deadline_ms = deadline_find(n);
}

bool agent_node_next(struct agent_node *n, struct agent_effect *effect)
{
    return agent_out_next(&n->core.out, effect);
}

uint64_t agent_node_deadline_ms(const struct agent_node *n)
{
    return n->deadline_ms;
}
