/* SPDX-License-Identifier: Apache-2.0 */
/* Probe rounds: a direct ping, then relays and TCP, then a verdict weighed with our own health. */
#include "gossip/probe.h"

#include "base/clock.h"
#include "gossip/post.h"
#include "gossip/rumor.h"
#include "gossip/stream.h"
#include "gossip/watch.h"

/* Protocol versions from which pings by TCP and nacks are understood. */
#define PROBE_KNOWS_TCP     3
#define PROBE_KNOWS_NACK    4
#define PROBE_WATCHED_TIMES 4 /* so many times fewer rounds where all are watched */

void gossip_probe_start(struct gossip *g)
{
    g->probe.tick_ms =
        muster_deadline_after(g->now_ms, muster_rng_below(&g->rng, g->config.probe_interval_ms));
}

static struct gossip_member *probe_member(struct gossip *g)
{
    return &g->table.member[g->probe.member];
}

/* ---- a round ---- */

/* Suspects are told of it in the same packet, so that they can refute at once. */
static void direct_ask(struct gossip *g, const struct gossip_member *m)
{
    struct gossip_message ping, suspect = { .type = GOSSIP_TYPE_SUSPECT };

    gossip_post_ping(g, &ping, g->probe.seq, gossip_member_name(m));
    if (m->state == GOSSIP_ALIVE) {
        gossip_post(g, m->addr, &ping);
        return;
    }
    suspect.accusation = (struct gossip_accusation){ m->incarnation, gossip_member_name(m),
                                                     gossip_member_name(gossip_self(g)) };
    gossip_post_pair(g, m, &ping, &suspect);
}

static void table_reap(struct gossip *g)
{
    uint64_t age_ms = g->config.to_the_dead_ms;
    uint64_t before_ms = g->now_ms > age_ms ? g->now_ms - age_ms : 0;
    const struct gossip_member *m;

    while ((m = gossip_table_reap(&g->table, g->now_ms, before_ms)) != NULL)
        gossip_queue_drop(&g->queue, m->number);
}

/* Of the suspects the one whose time is over first. What accused it may have got no further than
 * here, when it was us whom nobody heard; it refutes when it is told. */
static struct gossip_member *next_suspect(struct gossip *g)
{
    if (g->probe.was_suspect || g->suspicions.count == 0)
        return NULL;
    return &g->table.member[muster_heap_first(&g->suspicions)];
}

static struct gossip_member *next_member(struct gossip *g)
{
    struct gossip_member *m = next_suspect(g);

    g->probe.was_suspect = m != NULL;
    if (m == NULL)
        m = gossip_table_next(&g->table);
    if (m != NULL)
        return m;
    table_reap(g);
    gossip_table_shuffle(&g->table, &g->rng);
    return gossip_table_next(&g->table);
}

static void round_begin(struct gossip *g)
{
    struct gossip_member *m = next_member(g);
    struct gossip_probe *p = &g->probe;
    uint64_t tick_ms = p->tick_ms;

    if (m == NULL || g->is_leaving)
        return;
    *p = (struct gossip_probe){ .tick_ms = tick_ms,
                                .is_running = true,
                                .was_suspect = p->was_suspect };
    p->member = m->number;
    p->target = m->addr;
    p->seq = gossip_post_seq(g);
    p->ask_relays_ms = muster_deadline_after(g->now_ms, g->config.probe_timeout_ms);
    p->end_ms = muster_deadline_after(g->now_ms,
                                      (uint64_t)g->config.probe_interval_ms * (g->awareness + 1));
    g->counters.probes++;
    direct_ask(g, m);
}

static void tcp_ask(struct gossip *g, const struct gossip_member *m)
{
    struct gossip_message ping;
    uint8_t buffer[GOSSIP_MESSAGE_MAX];
    struct muster_writer out = muster_writer_over(buffer, sizeof buffer);

    if (m->vsn[1] < PROBE_KNOWS_TCP)
        return;
    gossip_post_ping(g, &ping, g->probe.seq, gossip_member_name(m));
    gossip_message_encode(&ping, &out);
    MUSTER_ASSERT(muster_writer_err(&out) == MUSTER_OK);
    g->probe.stream = gossip_stream_open(g, GOSSIP_STREAM_PROBE, g->probe.target,
                                         muster_writer_bytes(&out), g->probe.end_ms);
}

static void relays_ask(struct gossip *g)
{
    struct gossip_probe *p = &g->probe;
    const struct gossip_member *m = probe_member(g);
    struct gossip_lot lot = { .except = p->member };
    struct gossip_message indirect = { .type = GOSSIP_TYPE_INDIRECT };
    uint32_t drawn[GOSSIP_RELAYS_MAX];

    p->is_indirect = true;
    p->relays = gossip_table_draw(&g->table, &g->rng, &lot, g->config.indirect_checks, drawn);
    indirect.indirect.seq = p->seq;
    indirect.indirect.target = MUSTER_BYTES(p->target.octet, p->target.len);
    indirect.indirect.port = p->target.port;
    indirect.indirect.node = gossip_member_name(m);
    indirect.indirect.source = gossip_post_source(g);
    for (uint32_t i = 0; i < p->relays; i++) {
        const struct gossip_member *relay = &g->table.member[drawn[i]];

        p->relay[i] = relay->addr;
        indirect.indirect.nack = relay->vsn[1] >= PROBE_KNOWS_NACK;
        p->nacks_expected += indirect.indirect.nack ? 1 : 0;
        gossip_post(g, relay->addr, &indirect);
    }
    tcp_ask(g, m);
}

static void round_end(struct gossip *g)
{
    if (g->probe.stream != 0)
        gossip_stream_drop(g, g->probe.stream);
    g->probe.stream = 0;
    g->probe.is_running = false;
}

static void round_succeed(struct gossip *g)
{
    gossip_awareness_add(g, -1);
    round_end(g);
}

/* Relays that could have said "I tried" and did not are a sign that it is us who cannot hear. */
static void round_fail(struct gossip *g)
{
    struct gossip_probe *p = &g->probe;
    const struct gossip_member *m = probe_member(g);

    g->counters.probes_failed++;
    if (p->nacks_expected == 0)
        gossip_awareness_add(g, 1);
    else
        gossip_awareness_add(g, (int)(p->nacks_expected - p->nacks));
    round_end(g);
    if (!m->is_forgotten && muster_addr_equal(m->addr, p->target))
        gossip_rumor_accuse(g, m);
}

/* Its kernel says that nobody listens, and every relay says that it heard nothing: more waiting
 * cannot change that. With a relay that cannot nack we wait, as there is nothing to conclude from
 * its silence. */
static bool round_is_hopeless(const struct gossip_probe *p)
{
    return p->is_indirect && p->tcp_refused && p->nacks_expected == p->relays &&
           p->nacks == p->relays;
}

static void round_run(struct gossip *g)
{
    struct gossip_probe *p = &g->probe;

    if (!p->is_indirect && muster_deadline_reached(p->ask_relays_ms, g->now_ms))
        relays_ask(g);
    if (!muster_deadline_reached(p->end_ms, g->now_ms) && !round_is_hopeless(p))
        return;
    if (p->tcp_acked) {
        g->counters.probes_tcp_only++; /* it lives, but datagrams do not reach it */
        round_succeed(g);
        return;
    }
    round_fail(g);
}

/* ---- what comes in ---- */

bool gossip_probe_ack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    const struct gossip_probe *p = &g->probe;
    bool is_known = muster_addr_equal(from, p->target);

    if (!p->is_running || p->seq != seq)
        return false;
    for (uint32_t i = 0; i < p->relays; i++)
        is_known = is_known || muster_addr_equal(from, p->relay[i]);
    if (is_known) /* else somebody guesses numbers to keep a dead member alive */
        round_succeed(g);
    return true;
}

void gossip_probe_nack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    struct gossip_probe *p = &g->probe;

    if (!p->is_running || p->seq != seq)
        return;
    for (uint32_t i = 0; i < p->relays; i++) {
        if (p->has_nacked[i] || !muster_addr_equal(from, p->relay[i]))
            continue;
        p->has_nacked[i] = true;
        if (p->nacks < p->nacks_expected)
            p->nacks++;
        return;
    }
}

void gossip_probe_tcp(struct gossip *g, uint32_t stream, bool is_acked, bool is_refused)
{
    struct gossip_probe *p = &g->probe;

    if (!p->is_running || p->stream != stream)
        return;
    p->stream = 0; /* the exchange is over */
    p->tcp_acked = is_acked;
    p->tcp_refused = is_refused;
}

void gossip_probe_stalled(struct gossip *g)
{
    if (g->probe.is_running)
        round_end(g);
    gossip_awareness_add(g, 1);
    g->hold_ms = muster_deadline_after(g->now_ms, g->config.probe_timeout_ms);
}

/* ---- time ---- */

/* Where everybody is watched by others all the time, and nobody suspected, the rounds are for what
 * watchers may miss, and for our own health. */
static uint64_t interval_ms(const struct gossip *g)
{
    uint64_t ms = g->config.probe_interval_ms;

    bool is_calm = g->awareness == 0 && g->suspicions.count == 0;

    return is_calm && gossip_watch_covers(g) ? ms * PROBE_WATCHED_TIMES : ms;
}

void gossip_probe_hurry(struct gossip *g)
{
    struct gossip_probe *p = &g->probe;

    p->tick_ms = muster_deadline_sooner(
        p->tick_ms, muster_deadline_after(g->now_ms, g->config.probe_interval_ms));
}

static void tick_take(struct gossip *g)
{
    struct gossip_probe *p = &g->probe;

    if (!muster_deadline_reached(p->tick_ms, g->now_ms))
        return;
    p->tick_ms = muster_deadline_after(p->tick_ms, interval_ms(g));
    if (muster_deadline_reached(p->tick_ms, g->now_ms))
        p->tick_ms = muster_deadline_after(g->now_ms, interval_ms(g)); /* not in bursts */
    p->is_tick_pending = true;
}

void gossip_probe_run(struct gossip *g)
{
    if (g->probe.is_running)
        round_run(g);
    tick_take(g);
    if (g->probe.is_running || !g->probe.is_tick_pending)
        return;
    g->probe.is_tick_pending = false;
    round_begin(g);
}

uint64_t gossip_probe_deadline_ms(const struct gossip *g)
{
    const struct gossip_probe *p = &g->probe;

    if (!p->is_running)
        return p->tick_ms;
    return muster_deadline_sooner(p->is_indirect ? p->end_ms : p->ask_relays_ms,
                                  muster_deadline_sooner(p->tick_ms, p->end_ms));
}
