/* SPDX-License-Identifier: Apache-2.0 */
/* The network, the processes and the clock of a crowd. */
#include "tests/crowd/crowd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CROWD_PORT    7946
#define CROWD_STREAMS 4096
#define CONNECT_MS    2000 /* without an answer from the other host */

void crowd_fail(const struct crowd *c, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "crowd: seed %llu, %llu ms: ", (unsigned long long)c->config.seed,
                  (unsigned long long)c->now_ms);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

static void *need(const struct crowd *c, void *memory)
{
    if (memory == NULL)
        crowd_fail(c, "out of memory");
    return memory;
}

static void queue_init(struct crowd_queue *q)
{
    *q = (struct crowd_queue){ .tail = NULL };
    q->tail = &q->head;
}

static void queue_put(struct crowd_queue *q, struct crowd_flight *f)
{
    f->next = NULL;
    *q->tail = f;
    q->tail = &f->next;
    q->count++;
}

static struct crowd_flight *queue_take(struct crowd_queue *q)
{
    struct crowd_flight *f = q->head;

    if (f == NULL)
        return NULL;
    q->head = f->next;
    if (q->head == NULL)
        q->tail = &q->head;
    q->count--;
    return f;
}

void crowd_open(struct crowd *c, const struct crowd_config *config)
{
    struct gossip_config g = config->gossip;
    uint32_t nodes = config->nodes;

    memset(c, 0, sizeof *c);
    c->config = *config;
    c->now_ms = 1000;
    c->watch.subject = CROWD_NOBODY;
    muster_rng_seed(&c->rng, config->seed);
    c->node = need(c, calloc(nodes, sizeof *c->node));
    c->watch.after_ms = need(c, calloc(nodes, sizeof *c->watch.after_ms));
    for (uint32_t i = 0; i < CROWD_WHEEL; i++)
        queue_init(&c->wheel[i]);
    g.members_max = 2 * nodes + 64;
    if (muster_arena_open(&c->arena, nodes * 64u + 4096) != MUSTER_OK ||
        muster_heap_init(&c->due, &c->arena, nodes) != MUSTER_OK ||
        muster_arena_open(&c->shared, gossip_commons_memory(&g)) != MUSTER_OK ||
        gossip_commons_open(&c->commons, &c->shared, &g) != MUSTER_OK)
        crowd_fail(c, "out of memory");
}

void crowd_close(struct crowd *c)
{
    for (uint32_t i = 0; i < c->config.nodes; i++) {
        for (struct crowd_flight *f; c->node[i].g != NULL && (f = queue_take(&c->node[i].inbox));)
            free(f);
        muster_arena_close(&c->node[i].arena);
    }
    for (uint32_t i = 0; i < CROWD_WHEEL; i++)
        for (struct crowd_flight *f; (f = queue_take(&c->wheel[i])) != NULL;)
            free(f);
    muster_arena_close(&c->arena);
    muster_arena_close(&c->shared);
    free(c->watch.after_ms);
    free(c->stream);
    free(c->free_stream);
    free(c->node);
}

/* ---- names and addresses: both say the node's number ---- */

static struct muster_addr addr_of(uint32_t node)
{
    return (struct muster_addr){ { 10, 1, (uint8_t)(node >> 8), (uint8_t)node }, 4, CROWD_PORT };
}

static uint32_t node_at(const struct crowd *c, struct muster_addr addr)
{
    uint32_t node = (uint32_t)addr.octet[2] << 8 | addr.octet[3];

    return addr.len == 4 && addr.port == CROWD_PORT && node < c->config.nodes ? node : CROWD_NOBODY;
}

static uint32_t node_named(const char *name)
{
    uint32_t node = 0;

    for (const char *digit = name + 1; *digit != '\0'; digit++)
        node = 10 * node + (uint32_t)(*digit - '0');
    return node;
}

/* ---- what is on its way ---- */

static void flight_add(struct crowd *c, uint32_t to, uint64_t delay_ms, bool is_stream,
                       const struct gossip_event *event)
{
    struct crowd_flight *f = need(c, malloc(sizeof *f + event->bytes.len));

    MUSTER_ASSERT(delay_ms < CROWD_WHEEL);
    f->event = *event;
    f->to = to;
    f->is_stream = is_stream;
    if (event->bytes.len > 0)
        memcpy(f->bytes, event->bytes.data, event->bytes.len);
    f->event.bytes.data = f->bytes;
    queue_put(&c->wheel[(c->now_ms + delay_ms) % CROWD_WHEEL], f);
}

static uint64_t delay(struct crowd *c)
{
    return muster_rng_between(&c->rng, 1, c->config.delay_max_ms);
}

static bool is_reachable(const struct crowd *c, uint32_t from, uint32_t to)
{
    return to != CROWD_NOBODY && c->node[to].g != NULL && !c->node[to].is_silent &&
           !c->node[from].is_silent && c->node[from].side == c->node[to].side;
}

static void packet_send(struct crowd *c, uint32_t from, const struct gossip_effect *effect)
{
    struct gossip_event event = { .kind = GOSSIP_EVENT_PACKET,
                                  .from = addr_of(from),
                                  .bytes = effect->bytes };
    uint32_t to = node_at(c, effect->to);

    if (is_reachable(c, from, to) && !muster_rng_chance(&c->rng, c->config.loss_percent, 100))
        flight_add(c, to, delay(c), false, &event);
}

static uint32_t stream_take(struct crowd *c)
{
    if (c->free_streams > 0)
        return c->free_stream[--c->free_streams];
    if (c->streams == c->streams_size) {
        c->streams_size = c->streams_size == 0 ? CROWD_STREAMS : 2 * c->streams_size;
        c->stream = need(c, realloc(c->stream, c->streams_size * sizeof *c->stream));
        c->free_stream = need(c, realloc(c->free_stream, c->streams_size * sizeof(uint32_t)));
    }
    return c->streams++;
}

static void stream_give(struct crowd *c, uint32_t number)
{
    c->stream[number].is_open = false;
    c->free_stream[c->free_streams++] = number;
}

static void stream_open(struct crowd *c, uint32_t from, const struct gossip_effect *effect)
{
    uint32_t to = node_at(c, effect->to);
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA, .bytes = effect->bytes };
    struct gossip_event failed = { .kind = GOSSIP_EVENT_STREAM_FAILED, .stream = effect->stream };

    if (!is_reachable(c, from, to)) {
        flight_add(c, from, CONNECT_MS, true, &failed);
        return;
    }
    c->counts.stream_bytes += effect->bytes.len;
    event.stream = stream_take(c);
    event.inbound = true;
    c->stream[event.stream] = (struct crowd_stream){ from, effect->stream, to, true };
    flight_add(c, to, 2 * delay(c), true, &event); /* a connection takes a way more */
}

static void stream_reply(struct crowd *c, const struct gossip_effect *effect)
{
    struct crowd_stream s = c->stream[effect->stream];
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_DATA,
                                  .bytes = effect->bytes,
                                  .stream = s.client_number,
                                  .ended = true };

    MUSTER_ASSERT(s.is_open);
    c->counts.stream_bytes += effect->bytes.len;
    stream_give(c, effect->stream);
    if (is_reachable(c, s.server, s.client))
        flight_add(c, s.client, delay(c), true, &event);
}

static void stream_close(struct crowd *c, const struct gossip_effect *effect)
{
    struct crowd_stream s;
    struct gossip_event event = { .kind = GOSSIP_EVENT_STREAM_FAILED };

    if (!effect->inbound || !c->stream[effect->stream].is_open)
        return;
    s = c->stream[effect->stream];
    event.stream = s.client_number;
    stream_give(c, effect->stream);
    flight_add(c, s.client, delay(c), true, &event);
}

/* ---- what they tell ---- */

static void death_told(struct crowd *c, uint32_t observer, uint32_t subject)
{
    const struct crowd_node *s = &c->node[subject];
    struct crowd_watch *w = &c->watch;

    c->counts.deaths++;
    if (w->subject == subject && w->count < c->config.nodes)
        w->after_ms[w->count++] = (uint32_t)(c->now_ms - w->since_ms);
    if (s->is_silent || s->side != c->node[observer].side)
        return;
    c->counts.false_deaths++;
    c->counts.false_of_healthy += !s->is_sick;
    c->counts.false_among_healthy += !s->is_sick && !c->node[observer].is_sick;
}

static void news_take(struct crowd *c, uint32_t node, const struct gossip_effect *effect)
{
    uint32_t subject = node_named(effect->member.name);

    switch (effect->news) {
    case GOSSIP_NEWS_JOIN:
        c->counts.joins++;
        c->node[node].living++;
        c->living++;
        break;
    case GOSSIP_NEWS_DEAD:
    case GOSSIP_NEWS_LEFT:
        if (effect->member.is_proven)
            crowd_fail(c, "n%05u is proven dead, and nobody can prove anything here", subject);
        death_told(c, node, subject);
        c->node[node].living--;
        c->living--;
        break;
    case GOSSIP_NEWS_SUSPECT:
        c->counts.suspicions++;
        break;
    case GOSSIP_NEWS_ALIVE:
        c->counts.refuted++;
        break;
    case GOSSIP_NEWS_REAPED:
        c->counts.reaped++;
        break;
    case GOSSIP_NEWS_UPDATE:
        break;
    }
}

static void effect_take(struct crowd *c, uint32_t node, const struct gossip_effect *effect)
{
    switch (effect->kind) {
    case GOSSIP_EFFECT_SEND:
        packet_send(c, node, effect);
        break;
    case GOSSIP_EFFECT_STREAM_OPEN:
        stream_open(c, node, effect);
        break;
    case GOSSIP_EFFECT_STREAM_REPLY:
        stream_reply(c, effect);
        break;
    case GOSSIP_EFFECT_STREAM_CLOSE:
        stream_close(c, effect);
        break;
    case GOSSIP_EFFECT_MEMBER:
        news_take(c, node, effect);
        break;
    case GOSSIP_EFFECT_JOINED:
        c->node[node].is_in = c->node[node].is_in || effect->ok;
        break;
    case GOSSIP_EFFECT_LEFT:
        break;
    }
}

/* ---- time ---- */

static void node_arm(struct crowd *c, uint32_t node)
{
    const struct crowd_node *n = &c->node[node];
    uint64_t due = gossip_deadline_ms(n->g);

    muster_heap_set(&c->due, node, due < n->starved_until_ms ? n->starved_until_ms : due);
}

static void node_step(struct crowd *c, uint32_t node, const struct gossip_event *event)
{
    struct crowd_node *n = &c->node[node];
    struct gossip_effect effect;

    gossip_step(n->g, c->now_ms, event);
    c->counts.steps++;
    while (gossip_next(n->g, &effect))
        effect_take(c, node, &effect);
}

/* Its own timers come first when it wakes, then what has waited in its sockets: so do an event loop
 * and, for the better part, threads. */
static void node_wake(struct crowd *c, uint32_t node)
{
    const struct gossip_event stalled = { .kind = GOSSIP_EVENT_STALLED };
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    struct crowd_node *n = &c->node[node];
    uint64_t away_ms = c->now_ms - n->starved_since_ms;

    if (c->config.is_muster && away_ms > c->config.gossip.probe_timeout_ms / 2)
        node_step(c, node, &stalled);
    node_step(c, node, &tick);
    for (struct crowd_flight *f; (f = queue_take(&n->inbox)) != NULL;) {
        node_step(c, node, &f->event);
        free(f);
    }
    n->starved_since_ms = 0;
}

static void arrival_take(struct crowd *c, struct crowd_flight *f)
{
    struct crowd_node *n = &c->node[f->to];

    if (n->is_silent) {
        free(f);
    } else if (n->starved_until_ms > c->now_ms) {
        if (f->is_stream || n->inbox.count < CROWD_INBOX_MAX) {
            queue_put(&n->inbox, f);
            return;
        }
        c->counts.dropped++;
        free(f);
    } else {
        node_step(c, f->to, &f->event);
        node_arm(c, f->to);
        free(f);
    }
}

static void moment_run(struct crowd *c)
{
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    struct crowd_queue *slot = &c->wheel[c->now_ms % CROWD_WHEEL];
    uint32_t node;

    for (struct crowd_flight *f; (f = queue_take(slot)) != NULL;)
        arrival_take(c, f);
    while (muster_heap_take(&c->due, c->now_ms, &node)) {
        if (c->node[node].is_silent)
            continue;
        if (c->node[node].starved_since_ms != 0)
            node_wake(c, node);
        else
            node_step(c, node, &tick);
        node_arm(c, node);
        if (muster_heap_first_key(&c->due) <= c->now_ms && gossip_deadline_ms(c->node[node].g) == 0)
            crowd_fail(c, "n%05u wants to be stepped without an end", node);
    }
}

void crowd_run(struct crowd *c, uint64_t ms)
{
    for (uint64_t end = c->now_ms + ms; c->now_ms < end; c->now_ms++)
        moment_run(c);
}

/* ---- what happens to them ---- */

void crowd_join(struct crowd *c, uint32_t node, uint32_t seed_node)
{
    const struct gossip_event join = { .kind = GOSSIP_EVENT_JOIN, .from = addr_of(seed_node) };

    node_step(c, node, &join);
    node_arm(c, node);
}

static bool is_kin(struct muster_bytes meta)
{
    return meta.len > 0;
}

void crowd_boot(struct crowd *c, uint32_t node, bool is_alone)
{
    const struct gossip_event tick = { .kind = GOSSIP_EVENT_TICK };
    struct crowd_node *n = &c->node[node];
    struct gossip_config g = c->config.gossip;
    char name[16], meta[64];

    MUSTER_ASSERT(n->g == NULL);
    (void)snprintf(name, sizeof name, "n%05u", node);
    (void)snprintf(meta, sizeof meta, "rack=%u cpu=%u id=%016llx", node / 40, 4 + node % 60,
                   (unsigned long long)node * 0x9e3779b97f4a7c15u);
    queue_init(&n->inbox);
    g.name = name;
    g.advertise = addr_of(node);
    g.meta = muster_bytes_text(meta);
    g.seed = muster_rng_next(&c->rng);
    g.members_max = c->config.nodes + 16;
    g.is_kin = c->config.is_muster ? is_kin : NULL;
    g.commons = is_alone ? NULL : c->commons;
    if (muster_arena_open(&n->arena, gossip_memory(&g)) != MUSTER_OK ||
        gossip_open(&n->g, &n->arena, &g) != MUSTER_OK)
        crowd_fail(c, "n%05u does not open", node);
    node_step(c, node, &tick);
    node_arm(c, node);
}

void crowd_silence(struct crowd *c, uint32_t node)
{
    c->node[node].is_silent = true;
    c->living -= c->node[node].living;
    c->node[node].living = 0;
}

void crowd_starve(struct crowd *c, uint32_t node, uint64_t ms)
{
    struct crowd_node *n = &c->node[node];

    if (n->is_silent)
        return;
    n->is_sick = true;
    if (n->starved_since_ms == 0)
        n->starved_since_ms = c->now_ms;
    n->starved_until_ms = c->now_ms + ms;
    muster_heap_set(&c->due, node, n->starved_until_ms);
}

void crowd_cut(struct crowd *c, uint32_t from, uint32_t to, uint8_t side)
{
    for (uint32_t i = from; i < to; i++)
        c->node[i].side = side;
}

void crowd_watch(struct crowd *c, uint32_t subject)
{
    c->watch.subject = subject;
    c->watch.since_ms = c->now_ms;
    c->watch.count = 0;
}

uint64_t crowd_watched_ms(const struct crowd *c, uint32_t of, uint32_t percent)
{
    uint32_t rank = (uint32_t)(((uint64_t)of * percent + 99) / 100);

    return rank == 0 || rank > c->watch.count ? UINT64_MAX : c->watch.after_ms[rank - 1];
}

uint64_t crowd_queued(const struct crowd *c)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < c->config.nodes; i++)
        if (c->node[i].g != NULL)
            sum += gossip_queued(c->node[i].g);
    return sum;
}

struct gossip_counters crowd_counters(const struct crowd *c)
{
    struct gossip_counters sum = { 0 };

    for (uint32_t i = 0; i < c->config.nodes; i++) {
        const struct gossip_counters *k;

        if (c->node[i].g == NULL)
            continue;
        k = gossip_counters(c->node[i].g);
        sum.packets_in += k->packets_in;
        sum.packets_out += k->packets_out;
        sum.bytes_in += k->bytes_in;
        sum.bytes_out += k->bytes_out;
        sum.dropped_malformed += k->dropped_malformed;
        sum.dropped_full += k->dropped_full;
        sum.dropped_unfit += k->dropped_unfit;
        sum.probes += k->probes;
        sum.probes_failed += k->probes_failed;
        sum.suspicions += k->suspicions;
        sum.refutations += k->refutations;
        sum.push_pulls += k->push_pulls;
        sum.push_pulls_failed += k->push_pulls_failed;
    }
    return sum;
}
