/* SPDX-License-Identifier: Apache-2.0 */
/* Push/pull and the other exchanges by stream: what we ask, what we answer, what we merge. */
#include "gossip/sync.h"

#include <string.h>

#include "base/clock.h"
#include "gossip/census.h"
#include "gossip/errand.h"
#include "gossip/feed.h"
#include "gossip/probe.h"
#include "gossip/rumor.h"
#include "gossip/scale.h"
#include "gossip/stream.h"

#define SYNC_USER_MAX      GOSSIP_STREAM_MAX
#define SYNC_AGAIN_MIN_MS  1000 /* after a join the next exchange follows that soon */
#define SYNC_AGAIN_MAX_MS  2000
#define SYNC_LESSONS_MAX   5 /* the wait for the next one is doubled so often */
#define SYNC_NEWCOMERS_MAX 4 /* a table with more is another pool's, and goes round by gossip */

/* ---- merging ---- */

static void entry_merge(struct gossip *g, const struct gossip_entry *e,
                        const struct gossip_origin *origin)
{
    struct gossip_alive alive = { e->incarnation, e->name, e->addr, e->meta, e->vsn, e->port };
    struct gossip_accusation left = { e->incarnation, e->name, e->name };
    struct gossip_accusation ours = { e->incarnation, e->name, gossip_member_name(gossip_self(g)) };

    if (!gossip_rumor_is_valid(&alive)) {
        g->counters.dropped_malformed++;
        return;
    }
    switch (e->state) {
    case GOSSIP_ALIVE:
        gossip_rumor_alive(g, &alive, origin);
        break;
    case GOSSIP_LEFT:
        gossip_rumor_dead(g, &left, origin);
        break;
    case GOSSIP_SUSPECT:
    case GOSSIP_DEAD:
        /* Somebody else's claim of a death only starts our own suspicion. */
        gossip_rumor_suspect(g, &ours, origin);
        break;
    default:
        g->counters.dropped_malformed++;
        break;
    }
}

/* Looks through a push/pull from where the last look ended. MUSTER_ESHORT while it is incomplete.
 */
static int push_pull_scan(struct gossip_feed *f, struct gossip_scan *scan)
{
    struct gossip_message m;
    struct gossip_entry e;
    int err;

    if (scan->offset == 0) {
        err = gossip_feed_message(f, &m);
        if (err != MUSTER_OK)
            return err;
        if (m.push_pull.nodes < 0 || m.push_pull.nodes > GOSSIP_STREAM_NODES ||
            m.push_pull.user_state_len < 0 || m.push_pull.user_state_len > SYNC_USER_MAX)
            return MUSTER_ELIMIT;
        scan->nodes_left = (uint32_t)m.push_pull.nodes;
        scan->user_left = (uint32_t)m.push_pull.user_state_len;
        scan->offset = f->offset;
    } else {
        f->offset = scan->offset;
    }
    for (; scan->nodes_left > 0; scan->nodes_left--) {
        err = gossip_feed_entry(f, &e);
        if (err != MUSTER_OK)
            return err;
        scan->offset = f->offset;
    }
    err = gossip_feed_skip(f, scan->user_left); /* the application's own */
    return err != MUSTER_OK ? err : gossip_feed_end(f);
}

/* The second look at a push/pull that was found whole. Returns false if it named members and not
 * one of them could be used: then the two sides belong to different pools. */
static bool push_pull_merge(struct gossip *g, struct gossip_feed *f, struct muster_bytes bytes,
                            const struct gossip_origin *origin)
{
    uint64_t bad = g->counters.dropped_malformed + g->counters.dropped_unfit;
    struct gossip_message m;
    struct gossip_entry e;
    int err = gossip_feed_again(f, bytes);

    if (err == MUSTER_OK)
        err = gossip_feed_message(f, &m);
    MUSTER_ASSERT(err == MUSTER_OK);
    for (int64_t i = 0; i < m.push_pull.nodes; i++) {
        err = gossip_feed_entry(f, &e);
        MUSTER_ASSERT(err == MUSTER_OK);
        entry_merge(g, &e, origin);
    }
    if (m.push_pull.user_state_len > 0)
        gossip_serf_state(g, gossip_feed_peek(f, (size_t)m.push_pull.user_state_len));
    bad = g->counters.dropped_malformed + g->counters.dropped_unfit - bad;
    g->counters.push_pulls++;
    return (uint64_t)m.push_pull.nodes > bad;
}

/* ---- what others ask ---- */

static void error_reply(struct gossip *g, struct gossip_stream *s, const char *text)
{
    struct gossip_message m = { .type = GOSSIP_TYPE_ERROR };

    m.error.text = muster_bytes_text(text);
    gossip_stream_answer(g, s, &m);
}

static int ping_serve(struct gossip *g, struct gossip_stream *s, struct gossip_feed *f)
{
    struct gossip_message m, ack = { .type = GOSSIP_TYPE_ACK };
    int err = gossip_feed_message(f, &m);

    if (err != MUSTER_OK)
        return err;
    if (!gossip_errand_is_for_us(g, m.ping.node)) {
        gossip_stream_close(g, s);
        return MUSTER_OK;
    }
    ack.ack.seq = m.ping.seq;
    gossip_stream_answer(g, s, &ack);
    return MUSTER_OK;
}

/* Read to the end and thrown away; the layer that knows such messages is not there yet, and closing
 * earlier would look like a failure to the sender. */
static int user_serve(struct gossip *g, struct gossip_stream *s, struct gossip_feed *f)
{
    struct gossip_message m;
    int err = gossip_feed_message(f, &m);

    if (err != MUSTER_OK)
        return err;
    if (m.user.len < 0 || m.user.len > SYNC_USER_MAX)
        return MUSTER_ELIMIT;
    err = gossip_feed_skip(f, (size_t)m.user.len);
    if (err == MUSTER_OK)
        err = gossip_feed_end(f);
    if (err == MUSTER_OK)
        gossip_stream_close(g, s);
    return err;
}

/* Our own table goes out before theirs is merged, so that the answer says what we knew. */
static int push_pull_serve(struct gossip *g, struct gossip_stream *s, struct gossip_feed *f,
                           struct muster_bytes bytes)
{
    struct gossip_origin origin = { .is_lesson = false };
    struct gossip_message m;
    int err = push_pull_scan(f, &s->scan);

    if (err != MUSTER_OK)
        return err;
    err = gossip_feed_again(f, bytes);
    if (err == MUSTER_OK)
        err = gossip_feed_message(f, &m);
    MUSTER_ASSERT(err == MUSTER_OK);
    origin.is_newcomer = m.push_pull.join && m.push_pull.nodes <= SYNC_NEWCOMERS_MAX;
    gossip_stream_reply(g, s, gossip_census(g, m.push_pull.join, false));
    (void)push_pull_merge(g, f, bytes, &origin);
    return MUSTER_OK;
}

/* Strangers are told why, in an envelope of ours, so that only those read it who have our key; to
 * another pool we say nothing. */
static int envelope_refuse(struct gossip *g, struct gossip_stream *s, struct muster_addr from,
                           int err)
{
    if (err == MUSTER_ESHORT)
        return err;
    gossip_count_unopened(g, from, err);
    if (err == MUSTER_EUNSUPPORTED)
        error_reply(g, s, "encrypted, but this side has no keys");
    else if (err == MUSTER_EREFUSED)
        error_reply(g, s, "not encrypted, but this side has keys");
    else if (err == MUSTER_EDENIED)
        error_reply(g, s, "encrypted with none of the keys of this side");
    else
        gossip_stream_close(g, s);
    return MUSTER_OK;
}

static int letter_open(struct gossip *g, struct muster_bytes bytes, bool is_request,
                       struct gossip_letter *letter)
{
    return gossip_envelope_open_stream(&g->envelope, bytes, is_request, g->commons->unsealed,
                                       g->commons->unsealed_size, letter);
}

/* What was sealed came as a whole, so nothing can still be missing in it. */
static int letter_err(const struct gossip_letter *letter, int err)
{
    return err == MUSTER_ESHORT && letter->is_sealed ? MUSTER_ECORRUPT : err;
}

static int message_serve(struct gossip *g, struct gossip_stream *s, struct muster_bytes bytes)
{
    struct gossip_feed f;
    int err = gossip_feed_open(&f, bytes, g->commons->decoder, g->commons->window);
    int type = err == MUSTER_OK ? gossip_feed_type(&f) : -1;

    if (err == MUSTER_OK && type < 0)
        err = f.is_packed ? MUSTER_ECORRUPT : MUSTER_ESHORT;
    if (err == MUSTER_OK) {
        switch (type) {
        case GOSSIP_TYPE_PING:
            err = ping_serve(g, s, &f);
            break;
        case GOSSIP_TYPE_PUSH_PULL:
            err = push_pull_serve(g, s, &f, bytes);
            break;
        case GOSSIP_TYPE_USER:
            err = user_serve(g, s, &f);
            break;
        default:
            g->counters.dropped_type++;
            gossip_stream_close(g, s);
            return MUSTER_OK;
        }
    }
    return err;
}

static int request_serve(struct gossip *g, struct gossip_stream *s,
                         const struct gossip_event *event)
{
    struct gossip_letter letter;
    int err = letter_open(g, event->bytes, true, &letter);

    if (err != MUSTER_OK)
        return envelope_refuse(g, s, event->from, err);
    err = letter_err(&letter, message_serve(g, s, letter.plain));
    if (err != MUSTER_ECORRUPT)
        return err;
    g->counters.dropped_malformed++;
    error_reply(g, s, "cannot be unpacked");
    return MUSTER_OK;
}

/* ---- what we asked ---- */

static void join_report(struct gossip *g, struct muster_addr to, bool ok)
{
    struct gossip_effect effect = { .kind = GOSSIP_EFFECT_JOINED, .to = to, .ok = ok };

    gossip_outbox_add(&g->outbox, &effect);
}

/* In a large pool that many join at a time gossip cannot keep pace with them: after a join one
 * exchange follows the other, each after twice the time, until one teaches nothing. What is learned
 * so, others are about to learn in the same way, and it is not spread. */
static bool is_learning(const struct gossip *g)
{
    return g->lessons > 0 && g->table.count > GOSSIP_DIRECT_POOL;
}

static void lesson_follow(struct gossip *g)
{
    uint64_t wait_ms = muster_rng_between(&g->rng, SYNC_AGAIN_MIN_MS, SYNC_AGAIN_MAX_MS)
                       << g->lessons;

    if (g->lessons < SYNC_LESSONS_MAX)
        g->lessons++;
    g->push_pull_ms =
        muster_deadline_sooner(g->push_pull_ms, muster_deadline_after(g->now_ms, wait_ms));
}

/* What gossip brought while the seed was answering may have passed us by; others that joined at the
 * same moment are known to the seed only. A second look soon, at somebody else's table, closes
 * both. */
static void join_follow_up(struct gossip *g)
{
    gossip_rumor_announce(g);
    g->lessons = 0;
    lesson_follow(g);
}

/* The exchange is over, well or badly, and whoever began it hears of it. */
static void exchange_end(struct gossip *g, const struct gossip_stream *s, bool ok, bool refused)
{
    if (s->kind == GOSSIP_STREAM_PROBE)
        gossip_probe_tcp(g, s->number, ok, refused);
    else if (!ok)
        g->counters.push_pulls_failed++;
    if (s->kind != GOSSIP_STREAM_JOIN)
        return;
    join_report(g, s->to, ok);
    if (ok)
        join_follow_up(g);
}

static int probe_answer(struct gossip *g, const struct gossip_stream *s, struct gossip_feed *f,
                        bool *ok)
{
    struct gossip_message m;
    int err = gossip_feed_message(f, &m);

    if (err == MUSTER_OK)
        *ok =
            m.type == GOSSIP_TYPE_ACK && s->number == g->probe.stream && m.ack.seq == g->probe.seq;
    return err;
}

static int table_answer(struct gossip *g, struct gossip_stream *s, struct gossip_feed *f,
                        struct muster_bytes bytes, bool *ok)
{
    struct gossip_origin origin = { .from = s->to,
                                    .is_lesson = s->kind == GOSSIP_STREAM_JOIN || is_learning(g) };
    uint32_t known = g->table.count;
    int err;

    if (gossip_feed_type(f) != GOSSIP_TYPE_PUSH_PULL)
        return MUSTER_EREFUSED; /* an error message, or none of ours */
    err = push_pull_scan(f, &s->scan);
    if (err != MUSTER_OK)
        return err;
    *ok = push_pull_merge(g, f, bytes, &origin);
    if (s->kind != GOSSIP_STREAM_SYNC || !is_learning(g))
        return MUSTER_OK;
    if (*ok && g->table.count > known)
        lesson_follow(g);
    else
        g->lessons = 0;
    return MUSTER_OK;
}

static int answer_take(struct gossip *g, struct gossip_stream *s, struct muster_bytes bytes)
{
    struct gossip_letter letter;
    struct gossip_feed f;
    bool ok = false;
    int err = letter_open(g, bytes, false, &letter);

    if (err != MUSTER_OK)
        return err;
    err = gossip_feed_open(&f, letter.plain, g->commons->decoder, g->commons->window);
    if (err == MUSTER_OK && gossip_feed_type(&f) < 0)
        err = f.is_packed ? MUSTER_ECORRUPT : MUSTER_ESHORT;
    if (err == MUSTER_OK && s->kind == GOSSIP_STREAM_PROBE)
        err = probe_answer(g, s, &f, &ok);
    else if (err == MUSTER_OK)
        err = table_answer(g, s, &f, letter.plain, &ok);
    if (err != MUSTER_OK)
        return letter_err(&letter, err);
    exchange_end(g, s, ok, false);
    gossip_stream_close(g, s);
    return MUSTER_OK;
}

/* ---- events ---- */

static void stream_fail(struct gossip *g, struct gossip_stream *s, bool refused)
{
    if (s->kind != GOSSIP_STREAM_INBOUND)
        exchange_end(g, s, false, refused);
    gossip_stream_close(g, s);
}

void gossip_sync_data(struct gossip *g, const struct gossip_event *event)
{
    struct gossip_stream *s = event->inbound ? gossip_stream_accept(g, event->stream)
                                             : gossip_stream_find(g, event->stream, false);
    int err = MUSTER_ELIMIT;

    if (s == NULL && event->inbound)
        gossip_stream_refuse(g, event->stream);
    if (s == NULL)
        return;
    if (event->bytes.len <= g->stream_size)
        err = event->inbound ? request_serve(g, s, event) : answer_take(g, s, event->bytes);
    if (err == MUSTER_OK || (err == MUSTER_ESHORT && !event->ended))
        return;
    if (event->bytes.len > 0)
        gossip_count_unopened(g, event->inbound ? event->from : s->to, err);
    stream_fail(g, s, false);
}

void gossip_sync_failed(struct gossip *g, const struct gossip_event *event)
{
    struct gossip_stream *s = gossip_stream_find(g, event->stream, event->inbound);

    if (s != NULL)
        stream_fail(g, s, event->refused);
}

void gossip_sync_join(struct gossip *g, struct muster_addr seed)
{
    uint64_t deadline_ms = muster_deadline_after(g->now_ms, g->config.stream_timeout_ms);

    if (g->is_leaving || seed.len == 0 || muster_addr_equal(seed, g->config.advertise) ||
        gossip_stream_open_over(g, GOSSIP_STREAM_JOIN, seed, gossip_census(g, true, true),
                                deadline_ms) == 0)
        join_report(g, seed, false);
}

/* ---- time ---- */

static uint64_t push_pull_interval(const struct gossip *g)
{
    return (uint64_t)g->config.push_pull_interval_ms * gossip_push_pull_stretch(g->table.count);
}

void gossip_sync_start(struct gossip *g)
{
    uint64_t phase_ms = muster_rng_below(&g->rng, g->config.push_pull_interval_ms);

    g->push_pull_ms = muster_deadline_after(g->now_ms, phase_ms + push_pull_interval(g));
}

static void push_pull_tick(struct gossip *g)
{
    struct gossip_lot lot = { .except = GOSSIP_NO_MEMBER };
    uint32_t number;

    /* The table's buffers serve one message a step; if they are taken, the next step comes at once.
     */
    if (g->is_table_sent || !muster_deadline_reached(g->push_pull_ms, g->now_ms))
        return;
    g->push_pull_ms = muster_deadline_after(g->now_ms, push_pull_interval(g));
    if (g->is_leaving || gossip_table_draw(&g->table, &g->rng, &lot, 1, &number) == 0)
        return;
    (void)gossip_stream_open_over(g, GOSSIP_STREAM_SYNC, g->table.member[number].addr,
                                  gossip_census(g, false, true),
                                  muster_deadline_after(g->now_ms, g->config.stream_timeout_ms));
}

void gossip_sync_run(struct gossip *g)
{
    struct gossip_stream *s;

    while ((s = gossip_stream_overdue(g)) != NULL)
        stream_fail(g, s, false);
    push_pull_tick(g);
}

uint64_t gossip_sync_deadline_ms(const struct gossip *g)
{
    return muster_deadline_sooner(g->push_pull_ms, gossip_stream_deadline_ms(g));
}
