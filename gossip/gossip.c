/* SPDX-License-Identifier: Apache-2.0 */
/* The five verbs of membership: an event in, its consequences, and what time has brought due. */
#include "gossip/gossip.h"

#include <string.h>

#include "base/clock.h"
#include "base/probe.h"
#include "gossip/census.h"
#include "gossip/codec.h"
#include "gossip/core.h"
#include "gossip/errand.h"
#include "gossip/feed.h"
#include "gossip/packet.h"
#include "gossip/post.h"
#include "gossip/probe.h"
#include "gossip/reclaim.h"
#include "gossip/rumor.h"
#include "gossip/stream.h"
#include "gossip/sync.h"
#include "gossip/watch.h"

#define GOSSIP_PROTOCOL_MIN     1
#define GOSSIP_PROTOCOL_MAX     5 /* we answer pings by TCP, send nacks and read checksums */
#define GOSSIP_PROTOCOL_CURRENT 2
#define GOSSIP_TIME_MAX_MS      3600000 /* no interval is longer, so that products of them fit */
#define GOSSIP_MULT_MAX         64

/* ---- settings ---- */

void gossip_config_lan(struct gossip_config *c)
{
    c->probe_interval_ms = 1000;
    c->probe_timeout_ms = 500;
    c->gossip_interval_ms = 200;
    c->push_pull_interval_ms = 30000;
    c->to_the_dead_ms = 30000;
    c->stream_timeout_ms = 10000;
    c->indirect_checks = 3;
    c->gossip_nodes = 3;
    c->retransmit_mult = 4;
    c->suspicion_mult = 4;
    c->suspicion_max_mult = 6;
    c->awareness_max = 8;
    c->compress = true;
}

void gossip_config_wan(struct gossip_config *c)
{
    gossip_config_lan(c);
    c->probe_interval_ms = 5000;
    c->probe_timeout_ms = 3000;
    c->gossip_interval_ms = 500;
    c->push_pull_interval_ms = 60000;
    c->to_the_dead_ms = 60000;
    c->stream_timeout_ms = 30000;
    c->gossip_nodes = 4;
    c->suspicion_mult = 6;
}

void gossip_config_local(struct gossip_config *c)
{
    gossip_config_lan(c);
    c->probe_timeout_ms = 200;
    c->gossip_interval_ms = 100;
    c->push_pull_interval_ms = 15000;
    c->to_the_dead_ms = 15000;
    c->stream_timeout_ms = 1000;
    c->indirect_checks = 1;
    c->retransmit_mult = 2;
    c->suspicion_mult = 3;
}

void gossip_times_set(struct gossip *g, const struct gossip_config *c)
{
    struct gossip_config *own = &g->config;
    own->probe_interval_ms = c->probe_interval_ms;
    own->probe_timeout_ms = c->probe_timeout_ms;
    own->gossip_interval_ms = c->gossip_interval_ms;
    own->push_pull_interval_ms = c->push_pull_interval_ms;
    own->to_the_dead_ms = c->to_the_dead_ms;
    own->stream_timeout_ms = c->stream_timeout_ms;
    own->indirect_checks = c->indirect_checks;
    own->gossip_nodes = c->gossip_nodes;
    own->retransmit_mult = c->retransmit_mult;
    own->suspicion_mult = c->suspicion_mult;
    own->suspicion_max_mult = c->suspicion_max_mult;
}

static bool time_is_valid(uint32_t ms)
{
    return ms > 0 && ms <= GOSSIP_TIME_MAX_MS;
}

static bool times_are_valid(const struct gossip_config *c)
{
    return time_is_valid(c->probe_interval_ms) && time_is_valid(c->probe_timeout_ms) &&
           c->probe_timeout_ms <= c->probe_interval_ms && time_is_valid(c->gossip_interval_ms) &&
           time_is_valid(c->push_pull_interval_ms) && time_is_valid(c->to_the_dead_ms) &&
           time_is_valid(c->stream_timeout_ms);
}

static bool counts_are_valid(const struct gossip_config *c)
{
    return c->indirect_checks <= GOSSIP_RELAYS_MAX && c->gossip_nodes <= GOSSIP_RELAYS_MAX &&
           c->retransmit_mult > 0 && c->retransmit_mult <= GOSSIP_MULT_MAX &&
           c->suspicion_mult > 0 && c->suspicion_mult <= GOSSIP_CONFIRMATIONS_MAX + 2 &&
           c->suspicion_max_mult > 0 && c->suspicion_max_mult <= GOSSIP_MULT_MAX &&
           c->awareness_max > 0 && c->awareness_max <= GOSSIP_MULT_MAX;
}

static int config_check(const struct gossip_config *c)
{
    size_t len = c->name == NULL ? 0 : strlen(c->name);

    if (len == 0 || len > GOSSIP_NAME_OWN_MAX || c->meta.len > GOSSIP_META_MAX)
        return MUSTER_ELIMIT;
    if (c->members_max == 0 || c->members_max > GOSSIP_STREAM_NODES)
        return MUSTER_ELIMIT;
    if ((c->advertise.len != 4 && c->advertise.len != 16) || c->advertise.port == 0 ||
        muster_addr_is_unspecified(c->advertise) || muster_addr_is_multicast(c->advertise))
        return MUSTER_EINVAL;
    if ((c->label != NULL && strlen(c->label) > GOSSIP_LABEL_MAX) ||
        (c->keyring != NULL && c->nonce == NULL))
        return MUSTER_EINVAL;
    if (c->incarnation > GOSSIP_INCARNATION_MAX || c->delegate[2] < c->delegate[0] ||
        c->delegate[2] > c->delegate[1])
        return MUSTER_EINVAL;
    return times_are_valid(c) && counts_are_valid(c) ? MUSTER_OK : MUSTER_EINVAL;
}

/* ---- open ---- */

static size_t heap_memory(uint32_t members_max)
{
    return members_max * (sizeof(struct muster_heap_entry) + sizeof(uint32_t)) + 64;
}

size_t gossip_memory(const struct gossip_config *c)
{
    return sizeof(struct gossip) + gossip_table_memory(c->members_max) +
           gossip_queue_memory(c->members_max) + gossip_outbox_memory() +
           heap_memory(c->members_max) + gossip_serf_memory() +
           (c->commons == NULL ? gossip_commons_memory(c) : 0) + 1024;
}

static int parts_open(struct gossip *g, struct muster_arena *arena, uint64_t hash_seed)
{
    uint32_t members_max = g->config.members_max;
    int err = MUSTER_OK;

    g->commons = g->config.commons;
    if (g->commons == NULL)
        err = gossip_commons_open(&g->commons, arena, &g->config);
    if (err == MUSTER_OK)
        err = gossip_table_init(&g->table, arena, &g->commons->faces, members_max, hash_seed);
    if (err == MUSTER_OK)
        err = gossip_queue_init(&g->queue, arena, members_max);
    if (err == MUSTER_OK)
        err = gossip_outbox_init(&g->outbox, arena);
    if (err == MUSTER_OK)
        err = muster_heap_init(&g->suspicions, arena, members_max);
    if (err == MUSTER_OK && g->config.serf)
        err = gossip_serf_init(&g->serf, arena);
    g->stream_size = gossip_commons_stream_size(&g->config);
    return err;
}

static void self_add(struct gossip *g, const struct gossip_config *c)
{
    const uint8_t vsn[GOSSIP_VSN_LEN] = { GOSSIP_PROTOCOL_MIN,     GOSSIP_PROTOCOL_MAX,
                                          GOSSIP_PROTOCOL_CURRENT, c->delegate[0],
                                          c->delegate[1],          c->delegate[2] };
    struct gossip_member *self =
        gossip_table_add(&g->table, &g->rng, muster_bytes_text(c->name), g->now_ms);

    MUSTER_ASSERT(self == gossip_self(g));
    self->incarnation = c->incarnation == 0 ? 1 : c->incarnation;
    if (MUSTER_MUTANT(fresh_incarnation_zero))
        self->incarnation = 0;
    gossip_table_set_data(&g->table, self, c->advertise, c->meta, vsn);
    gossip_table_set_state(&g->table, self, GOSSIP_ALIVE, g->now_ms);
    memcpy(g->name, c->name, strlen(c->name));
    g->config.name = g->name;
    g->config.meta = (struct muster_bytes){ 0 }; /* ours from now on, and in our own entry */
    gossip_rumor_announce(g);
}

int gossip_open(struct gossip **out, struct muster_arena *arena, const struct gossip_config *c)
{
    struct gossip *g;
    int err = config_check(c);

    if (err != MUSTER_OK)
        return err;
    g = muster_arena_take(arena, 1, sizeof *g);
    if (g == NULL)
        return MUSTER_EFULL;
    g->config = *c;
    g->config.label = NULL; /* ours from now on, and in the envelope */
    gossip_envelope_init(&g->envelope, c);
    muster_rng_seed(&g->rng, c->seed);
    g->seq = (uint32_t)muster_rng_next(&g->rng); /* not to be guessed by whoever forges acks */
    err = parts_open(g, arena, muster_rng_next(&g->rng));
    if (err != MUSTER_OK)
        return err;
    g->table.is_kin = c->is_kin;
    self_add(g, c);
    *out = g;
    return MUSTER_OK;
}

void gossip_close(struct gossip *g)
{
    memset(g, 0, sizeof *g); /* the memory is the arena's; a use after this is seen at once */
}

/* ---- packets ---- */

static void user_take(struct gossip *g, struct muster_bytes payload)
{
    g->counters.user_messages++;
    gossip_serf_take(g, payload);
}

static void ack_take(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    if (!gossip_watch_ack(g, from, seq) && !gossip_probe_ack(g, from, seq) &&
        !gossip_errand_ack(g, from, seq))
        (void)gossip_reclaim_ack(g, from, seq); /* else it comes too late, or was never asked for */
}

static void message_take(struct gossip *g, struct muster_addr from, struct muster_bytes bytes)
{
    struct muster_reader in = muster_reader_over(bytes);
    struct gossip_origin origin = { .from = from };
    struct gossip_message m;

    if (bytes.data[0] == GOSSIP_TYPE_USER) {
        user_take(g, MUSTER_BYTES(bytes.data + 1, bytes.len - 1));
        return;
    }
    if (gossip_message_decode(&m, &in) != MUSTER_OK) {
        g->counters.dropped_malformed++;
        return;
    }
    switch (m.type) {
    case GOSSIP_TYPE_PING:
        gossip_errand_ping(g, from, &m.ping);
        break;
    case GOSSIP_TYPE_INDIRECT:
        gossip_errand_indirect(g, from, &m.indirect);
        break;
    case GOSSIP_TYPE_ACK:
        ack_take(g, from, m.ack.seq);
        break;
    case GOSSIP_TYPE_NACK:
        if (!gossip_watch_nack(g, from, m.nack.seq))
            gossip_probe_nack(g, from, m.nack.seq);
        break;
    case GOSSIP_TYPE_SUSPECT:
        gossip_rumor_suspect(g, &m.accusation, &origin);
        break;
    case GOSSIP_TYPE_ALIVE:
        gossip_rumor_alive(g, &m.alive, &origin);
        break;
    case GOSSIP_TYPE_DEAD:
        gossip_rumor_dead(g, &m.accusation, &origin);
        break;
    default:
        MUSTER_ASSERT(false); /* a packet gives no other type */
    }
}

static void packet_take(struct gossip *g, struct muster_addr from, struct muster_bytes bytes)
{
    struct gossip_packet p;
    struct muster_bytes message;
    int err;

    g->counters.packets_in++;
    g->counters.bytes_in += bytes.len;
    if (bytes.len == 0 || bytes.len > GOSSIP_RECEIVE_MAX) {
        g->counters.dropped_malformed++;
        return;
    }
    err = gossip_envelope_open_packet(&g->envelope, bytes, g->commons->unsealed, &bytes);
    if (err != MUSTER_OK) {
        gossip_count_unopened(g, from, err);
        return;
    }
    gossip_watch_heard(g, from);
    gossip_packet_open(&p, bytes, g->commons->scratch, g->commons->decoder);
    while (gossip_packet_next(&p, &message))
        message_take(g, from, message);
    gossip_rumor_heard(g, from);
    switch (p.err) {
    case GOSSIP_PACKET_OK:
        break;
    case GOSSIP_PACKET_MALFORMED:
        g->counters.dropped_malformed++;
        break;
    case GOSSIP_PACKET_BAD_CRC:
        g->counters.dropped_crc++;
        break;
    case GOSSIP_PACKET_BAD_TYPE:
        g->counters.dropped_type++;
        break;
    }
}

/* ---- step ---- */

static void event_take(struct gossip *g, const struct gossip_event *event)
{
    switch (event->kind) {
    case GOSSIP_EVENT_TICK:
        break;
    case GOSSIP_EVENT_PACKET:
        packet_take(g, event->from, event->bytes);
        break;
    case GOSSIP_EVENT_STREAM_DATA:
        gossip_sync_data(g, event);
        break;
    case GOSSIP_EVENT_STREAM_FAILED:
        gossip_sync_failed(g, event);
        break;
    case GOSSIP_EVENT_JOIN:
        gossip_sync_join(g, event->from);
        break;
    case GOSSIP_EVENT_LEAVE:
        g->is_leave_wanted = true;
        break;
    case GOSSIP_EVENT_META:
        gossip_rumor_meta(g, event->bytes);
        break;
    case GOSSIP_EVENT_PROVEN_DEAD:
        gossip_rumor_proven(g, muster_bytes_text(event->name));
        break;
    case GOSSIP_EVENT_ABSENT:
        gossip_rumor_absent(g, muster_bytes_text(event->name));
        break;
    case GOSSIP_EVENT_STALLED:
        gossip_probe_stalled(g);
        gossip_watch_stalled(g);
        break;
    }
}

/* A leave is over when its news has been sent as often as any news is, when nobody is there to hear
 * it, or when it took too long: whatever happens, it ends. */
static bool leave_is_over(const struct gossip *g)
{
    return !gossip_queue_has(&g->queue, GOSSIP_SELF) || g->table.count < 2 ||
           muster_deadline_reached(g->leave_ms, g->now_ms);
}

/* At once, or when those who speak serf have had time to hear of it. */
static void leave_begin(struct gossip *g)
{
    if (g->is_leave_wanted && !g->is_leaving && !gossip_serf_leave(g))
        gossip_rumor_leave(g);
}

static void leave_run(struct gossip *g)
{
    struct gossip_effect effect = { .kind = GOSSIP_EFFECT_LEFT };

    if (!g->is_leaving || g->is_left_told || !leave_is_over(g))
        return;
    g->is_left_told = true;
    gossip_outbox_add(&g->outbox, &effect);
}

static uint64_t deadline_find(const struct gossip *g)
{
    uint64_t deadline_ms = gossip_probe_deadline_ms(g);

    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_watch_deadline_ms(g));
    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_errand_deadline_ms(g));
    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_reclaim_deadline_ms(g));
    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_rumor_deadline_ms(g));
    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_sync_deadline_ms(g));
    deadline_ms = muster_deadline_sooner(deadline_ms, gossip_post_deadline_ms(g));
    if (g->is_leave_wanted && !g->is_leaving)
        deadline_ms = muster_deadline_sooner(deadline_ms, g->serf.leave_ms);
    if (g->is_leaving && !g->is_left_told)
        deadline_ms = muster_deadline_sooner(deadline_ms, g->leave_ms);
    return deadline_ms;
}

static void time_begin(struct gossip *g)
{
    g->is_started = true;
    gossip_self(g)->since_ms = g->now_ms;
    gossip_probe_start(g);
    gossip_sync_start(g);
}

void gossip_step(struct gossip *g, uint64_t now_ms, const struct gossip_event *event)
{
    MUSTER_ASSERT(now_ms >= g->now_ms);
    MUSTER_ASSERT(g->table.dirty_count == 0); /* the last step was drained */
    g->now_ms = now_ms;
    if (!g->is_started)
        time_begin(g);
    gossip_outbox_clear(&g->outbox);
    gossip_table_release(&g->table);
    gossip_census_rest(g);
    event_take(g, event);
    leave_begin(g);
    gossip_errand_run(g);
    gossip_watch_run(g);
    gossip_probe_run(g);
    gossip_reclaim_run(g);
    gossip_rumor_expire(g);
    gossip_sync_run(g);
    gossip_post_tick(g);
    leave_run(g);
    g->deadline_ms = deadline_find(g);
}

bool gossip_next(struct gossip *g, struct gossip_effect *effect)
{
    const struct gossip_member *m;
    enum gossip_news news;

    if (gossip_outbox_next(&g->outbox, effect))
        return true;
    if (!gossip_table_tell(&g->table, &m, &news))
        return false;
    *effect = (struct gossip_effect){ .kind = GOSSIP_EFFECT_MEMBER, .news = news };
    gossip_member_view(m, &effect->member);
    return true;
}

uint64_t gossip_deadline_ms(const struct gossip *g)
{
    return g->deadline_ms; /* 0 before the first step: at once */
}

/* ---- looking in ---- */

uint32_t gossip_member_count(const struct gossip *g)
{
    return g->table.count;
}

void gossip_member_at(const struct gossip *g, uint32_t index, struct gossip_member_view *view)
{
    MUSTER_ASSERT(index < g->table.count);
    gossip_member_view(&g->table.member[g->table.order[index]], view);
}

bool gossip_member_find(const struct gossip *g, const char *name, struct gossip_member_view *view)
{
    const struct gossip_member *m = gossip_table_find(&g->table, muster_bytes_text(name));

    if (m != NULL)
        gossip_member_view(m, view);
    return m != NULL;
}

uint32_t gossip_incarnation(const struct gossip *g)
{
    return g->table.member[GOSSIP_SELF].incarnation;
}

uint32_t gossip_awareness(const struct gossip *g)
{
    return g->awareness;
}

uint32_t gossip_queued(const struct gossip *g)
{
    return g->queue.count;
}

const struct gossip_counters *gossip_counters(const struct gossip *g)
{
    return &g->counters;
}

/* News is about members that are there: a number that was given back may soon be somebody else's.
 */
static bool queue_is_current(const struct gossip *g)
{
    for (uint32_t i = 0; i < g->queue.count; i++) {
        uint32_t owner = g->queue.slot[g->queue.order[i].slot].owner;

        if (owner >= g->table.fresh || g->table.member[owner].is_forgotten)
            return false;
    }
    return true;
}

bool gossip_is_sane(const struct gossip *g)
{
    const struct gossip_member *self = &g->table.member[GOSSIP_SELF];
    uint32_t suspects = 0;

    if (self->state != (g->is_leaving ? GOSSIP_LEFT : GOSSIP_ALIVE) || self->incarnation == 0)
        return false;
    for (uint32_t i = 0; i < g->table.count; i++) {
        const struct gossip_member *m = &g->table.member[g->table.order[i]];

        /* Whoever is suspect has a clock running, and nobody else has. */
        if ((m->state == GOSSIP_SUSPECT) != muster_heap_has(&g->suspicions, m->number))
            return false;
        suspects += m->state == GOSSIP_SUSPECT ? 1 : 0;
    }
    return suspects == g->suspicions.count && g->awareness < g->config.awareness_max &&
           gossip_table_is_sane(&g->table) && gossip_queue_is_sane(&g->queue) &&
           gossip_watch_is_sane(g) && queue_is_current(g);
}
