/* SPDX-License-Identifier: Apache-2.0 */
/* Gossip cores on a network of arithmetic: delays, losses, splits and deaths out of one seed. */
#include "tests/unit/gossip_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

#define POOL_PORT 7946

void pool_open(struct pool *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->now_ms = 1000000;
    p->delay_max_ms = 3;
    muster_rng_seed(&p->rng, seed);
    gossip_config_lan(&p->config);
    p->config.members_max = POOL_NODES_MAX;
    p->flight = calloc(POOL_FLIGHTS_MAX, sizeof *p->flight);
    p->stream = calloc(POOL_STREAMS_MAX, sizeof *p->stream);
    assert_non_null(p->flight);
    assert_non_null(p->stream);
    assert_int_equal(muster_arena_open(&p->arena, POOL_FLIGHTS_MAX * 64 + 4096), MUSTER_OK);
    assert_int_equal(muster_heap_init(&p->arrivals, &p->arena, POOL_FLIGHTS_MAX), MUSTER_OK);
}

static void node_close(struct pool_node *n)
{
    if (n->g == NULL)
        return;
    gossip_close(n->g);
    muster_arena_close(&n->arena);
    n->g = NULL;
}

void pool_close(struct pool *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        node_close(&p->node[i]);
    for (uint32_t i = 0; i < POOL_FLIGHTS_MAX; i++)
        free(p->flight[i].bytes);
    free(p->flight);
    free(p->stream);
    muster_arena_close(&p->arena);
}

/* ---- nodes ---- */

static void node_open(struct pool *p, uint32_t number, uint32_t incarnation)
{
    struct pool_node *n = &p->node[number];
    struct gossip_config c = p->config;

    c.name = n->name;
    c.advertise = n->addr;
    c.incarnation = incarnation;
    c.seed = muster_rng_next(&p->rng);
    assert_int_equal(muster_arena_open(&n->arena, gossip_memory(&c)), MUSTER_OK);
    assert_int_equal(gossip_open(&n->g, &n->arena, &c), MUSTER_OK);
    n->host = POOL_UP;
    n->has_left = false;
    for (uint32_t i = 0; i < POOL_NODES_MAX; i++)
        n->told[i] = POOL_UNKNOWN;
}

uint32_t pool_add(struct pool *p)
{
    uint32_t number = p->count++;
    struct pool_node *n = &p->node[number];
    const uint8_t octets[4] = { 10, 0, 0, (uint8_t)(number + 1) };

    assert_true(number < POOL_NODES_MAX);
    (void)snprintf(n->name, sizeof n->name, "node%02u", number);
    assert_int_equal(muster_addr_from_octets(&n->addr, octets, 4, POOL_PORT), MUSTER_OK);
    node_open(p, number, 0);
    return number;
}

/* The octet that a restarted node may have changed does not name it; its place in the array does.
 */
static uint32_t node_at(const struct pool *p, struct muster_addr addr)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (muster_addr_equal(p->node[i].addr, addr))
            return i;
    }
    return POOL_NODES_MAX;
}

static uint32_t node_named(const struct pool *p, const char *name)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (strcmp(p->node[i].name, name) == 0)
            return i;
    }
    fail_msg("a member nobody made: %s", name);
    return POOL_NODES_MAX;
}

/* ---- flights ---- */

static void flight_add(struct pool *p, uint32_t to, uint64_t delay_ms,
                       const struct gossip_event *event)
{
    struct pool_flight *f;
    uint32_t tries = 0;

    do {
        p->flight_next = (p->flight_next + 1) % POOL_FLIGHTS_MAX;
        f = &p->flight[p->flight_next];
        assert_true(++tries < POOL_FLIGHTS_MAX);
    } while (f->is_used);
    f->is_used = true;
    f->to = to;
    f->event = *event;
    f->bytes = NULL;
    if (event->bytes.len > 0) {
        f->bytes = malloc(event->bytes.len);
        assert_non_null(f->bytes);
        memcpy(f->bytes, event->bytes.data, event->bytes.len);
        f->event.bytes.data = f->bytes;
    }
    muster_heap_set(&p->arrivals, p->flight_next, p->now_ms + delay_ms);
}

static bool is_reachable(const struct pool *p, uint32_t from, uint32_t to)
{
    return to < p->count && p->node[to].host != POOL_SILENT && p->node[from].host != POOL_SILENT &&
           p->node[from].side == p->node[to].side;
}

static uint64_t delay(struct pool *p)
{
    return muster_rng_between(&p->rng, 1, p->delay_max_ms);
}

static void packet_send(struct pool *p, uint32_t from, const struct gossip_effect *effect)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_PACKET,
                                  .from = p->node[from].addr,
                                  .bytes = effect->bytes };
    uint32_t to = node_at(p, effect->to);

    assert_true(effect->bytes.len <= GOSSIP_PACKET_MAX);
    p->packets++;
    p->bytes += effect->bytes.len;
    if (!is_reachable(p, from, to) || p->node[to].host != POOL_UP ||
        muster_rng_chance(&p->rng, p->loss_percent, 100))
        return;
    flight_add(p, to, delay(p), &event);
}

/* A request arrives in two pieces, so that the server has to wait for the rest. */
static void stream_open(struct pool *p, uint32_t from, const struct gossip_effect *effect)
{
    uint32_t to = node_at(p, effect->to);
    uint32_t number = ++p->stream_next % POOL_STREAMS_MAX;
    struct gossip_event event = {
        .kind = GOSSIP_EVENT_STREAM_DATA, .bytes = effect->bytes, .stream = number, .inbound = true
    };
    struct gossip_event failed = { .kind = GOSSIP_EVENT_STREAM_FAILED, .stream = effect->stream };

    if (!is_reachable(p, from, to))
        return; /* the core's own deadline ends it */
    if (p->node[to].host == POOL_GONE) {
        failed.refused = true;
        flight_add(p, from, delay(p), &failed);
        return;
    }
    p->stream[number] = (struct pool_stream){ from, effect->stream, to, true };
    event.bytes.len /= 2;
    flight_add(p, to, p->delay_max_ms + 1, &event);
    event.bytes = effect->bytes;
    flight_add(p, to, p->delay_max_ms + 2, &event);
}

static void stream_reply(struct pool *p, const struct gossip_effect *effect)
{
    struct pool_stream *s = &p->stream[effect->stream];
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                  .bytes = effect->bytes,
                                  .stream = s->client_number,
                                  .ended = true };

    assert_true(s->is_open);
    s->is_open = false;
    if (is_reachable(p, s->server, s->client))
        flight_add(p, s->client, p->delay_max_ms, &event);
}

static void stream_close(struct pool *p, const struct gossip_effect *effect)
{
    struct pool_stream *s = &p->stream[effect->stream];
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_FAILED, .stream = s->client_number };

    if (!effect->inbound || !s->is_open)
        return;
    s->is_open = false;
    flight_add(p, s->client, p->delay_max_ms, &event);
}

/* ---- steps ---- */

static void news_take(struct pool *p, struct pool_node *n, const struct gossip_effect *effect)
{
    uint32_t subject = node_named(p, effect->member.name);

    assert_false(effect->member.is_self);
    n->news[effect->news]++;
    n->told[subject] =
        effect->news == GOSSIP_NEWS_REAPED ? POOL_UNKNOWN : (int)effect->member.state;
}

static void effect_take(struct pool *p, uint32_t number, const struct gossip_effect *effect)
{
    struct pool_node *n = &p->node[number];

    switch (effect->kind) {
    case GOSSIP_EFFECT_SEND:
        packet_send(p, number, effect);
        break;
    case GOSSIP_EFFECT_STREAM_OPEN:
        stream_open(p, number, effect);
        break;
    case GOSSIP_EFFECT_STREAM_REPLY:
        stream_reply(p, effect);
        break;
    case GOSSIP_EFFECT_STREAM_CLOSE:
        stream_close(p, effect);
        break;
    case GOSSIP_EFFECT_MEMBER:
        news_take(p, n, effect);
        break;
    case GOSSIP_EFFECT_JOINED:
        *(effect->ok ? &n->joins_ok : &n->joins_bad) += 1;
        break;
    case GOSSIP_EFFECT_LEFT:
        n->has_left = true;
        break;
    }
}

int pool_state(const struct pool *p, uint32_t observer, uint32_t subject)
{
    struct gossip_member_view view;

    if (!gossip_member_find(p->node[observer].g, p->node[subject].name, &view))
        return POOL_UNKNOWN;
    return (int)view.state;
}

static void node_check(const struct pool *p, uint32_t number)
{
    const struct pool_node *n = &p->node[number];

    assert_true(gossip_is_sane(n->g));
    for (uint32_t i = 0; i < p->count; i++) {
        int state = i == number ? POOL_UNKNOWN : pool_state(p, number, i);
        bool is_untold_corpse = n->told[i] == POOL_UNKNOWN && state >= GOSSIP_DEAD;

        if (i != number && n->told[i] != state && !is_untold_corpse)
            fail_msg("%s told %d of %s and holds %d", n->name, n->told[i], p->node[i].name, state);
    }
}

void pool_event(struct pool *p, uint32_t node, const struct gossip_event *event)
{
    struct pool_node *n = &p->node[node];
    struct gossip_effect effect;

    if (n->host != POOL_UP)
        return;
    gossip_step(n->g, p->now_ms, event);
    p->steps++;
    while (gossip_next(n->g, &effect))
        effect_take(p, node, &effect);
    assert_true(gossip_deadline_ms(n->g) >= p->now_ms || gossip_deadline_ms(n->g) == 0);
    node_check(p, node);
}

/* When this node wants to be stepped; a stalled one cannot be. */
static uint64_t node_due(const struct pool_node *n)
{
    uint64_t due = n->host == POOL_UP ? gossip_deadline_ms(n->g) : MUSTER_NEVER;

    return due < n->stall_until_ms ? n->stall_until_ms : due;
}

static uint64_t pool_due(const struct pool *p)
{
    uint64_t due = muster_heap_first_key(&p->arrivals);

    for (uint32_t i = 0; i < p->count; i++)
        due = muster_deadline_sooner(due, node_due(&p->node[i]));
    return due;
}

static void arrivals_take(struct pool *p)
{
    uint32_t number;

    while (muster_heap_take(&p->arrivals, p->now_ms, &number)) {
        struct pool_flight *f = &p->flight[number];
        uint64_t stalled_ms = p->node[f->to].stall_until_ms;

        if (stalled_ms > p->now_ms) {
            muster_heap_set(&p->arrivals, number, stalled_ms); /* waits in the socket's buffer */
            continue;
        }
        /* Of a stream that was answered nothing more is read. */
        if (!f->event.inbound || p->stream[f->event.stream].is_open)
            pool_event(p, f->to, &f->event);
        free(f->bytes);
        f->bytes = NULL;
        f->is_used = false;
    }
}

void pool_run(struct pool *p, uint64_t ms)
{
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    uint64_t end_ms = p->now_ms + ms;

    while (pool_due(p) <= end_ms) {
        if (pool_due(p) > p->now_ms)
            p->now_ms = pool_due(p);
        arrivals_take(p);
        for (uint32_t i = 0; i < p->count; i++) {
            if (node_due(&p->node[i]) <= p->now_ms)
                pool_event(p, i, &tick);
        }
    }
    p->now_ms = end_ms;
}

/* ---- stories ---- */

void pool_restart(struct pool *p, uint32_t node, uint32_t incarnation)
{
    node_close(&p->node[node]);
    node_open(p, node, incarnation);
}

void pool_join(struct pool *p, uint32_t node, uint32_t seed_node)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_JOIN, .from = p->node[seed_node].addr };

    pool_event(p, node, &event);
}

void pool_grow(struct pool *p, uint32_t count)
{
    while (p->count < count) {
        uint32_t node = pool_add(p);

        if (node > 0)
            pool_join(p, node, 0);
    }
}

void pool_stop(struct pool *p, uint32_t node, enum pool_host how)
{
    p->node[node].host = how;
}

bool pool_all_see(const struct pool *p, uint32_t subject, int state)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (i != subject && p->node[i].host == POOL_UP && pool_state(p, i, subject) != state)
            return false;
    }
    return true;
}

bool pool_is_whole(const struct pool *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->node[i].host == POOL_UP && !pool_all_see(p, i, GOSSIP_ALIVE))
            return false;
    }
    return true;
}
