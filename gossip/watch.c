/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the neighbours: quiet, asked, inquest, verdict. */
#include "gossip/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/probe.h"
#include "gossip/post.h"
#include "gossip/rumor.h"

#define WATCH_QUIET_MIN    30  /* percent of a probe interval: quiet so long at least */
#define WATCH_QUIET_ALONE  150 /* the same where nobody vouches: so often we ask */
#define WATCH_QUIET_MAX    54
#define WATCH_QUIET_MORE   3 /* than usual */
#define WATCH_PATIENCE_MIN 100
#define WATCH_ASKS_MAX     5 /* pings of one inquest */
#define WATCH_SLOW_TIMES   3 /* an answer may take so many times what it took lately */

/* ---- times */

uint32_t gossip_watch_patience_ms(const struct gossip *g)
{
    uint32_t ms = g->config.probe_timeout_ms * 3 / 10;

    return ms < WATCH_PATIENCE_MIN ? WATCH_PATIENCE_MIN : ms;
}

static uint64_t patience_ms(const struct gossip *g, const struct gossip_watched *w)
{
    uint64_t least = gossip_watch_patience_ms(g), most = g->config.probe_timeout_ms;
    uint64_t ms = (uint64_t)w->slow_ms * WATCH_SLOW_TIMES;

    ms = ms < least ? least : ms;
    return ms > most && most > least ? most : ms;
}

/* Where its links speak several times a second it need not be asked as long as they do, and their
 * silence says something soon. */
static uint64_t quiet_ms(const struct gossip *g, const struct gossip_watched *w)
{
    uint64_t interval = g->config.probe_interval_ms;
    uint64_t least = interval * WATCH_QUIET_MIN / 100, most = interval * WATCH_QUIET_MAX / 100;
    uint64_t usual = w->usual_ms + interval * WATCH_QUIET_MORE / 100;

    if (w->vouched_ms == 0 || w->vouched_ms + 2 * interval <= g->now_ms)
        return interval * WATCH_QUIET_ALONE / 100;
    usual = usual < least ? least : usual;
    return usual > most ? most : usual;
}

/* A verdict comes at the earliest when a member that paused for almost half a second has had time
 * to come back; at the latest when a witness that knows nothing of watchers has sent its nack. */
static uint64_t verdict_min_ms(const struct gossip *g, const struct gossip_watched *w)
{
    return patience_ms(g, w) * 2;
}

static uint64_t verdict_max_ms(const struct gossip *g, const struct gossip_watched *w)
{
    return patience_ms(g, w) * 5;
}

/* Later than that, and our own ears may have been closed. */
static uint64_t late_ms(const struct gossip *g)
{
    return g->config.probe_timeout_ms / 5;
}

/* ---- signs of life */

static struct gossip_member *watched_member(struct gossip *g, const struct gossip_watched *w)
{
    return &g->table.member[w->member];
}

static void calm(struct gossip *g, struct gossip_watched *w, uint64_t heard_ms)
{
    w->heard_ms = heard_ms;
    w->step = GOSSIP_WATCH_CALM;
    w->due_ms = muster_deadline_after(heard_ms, quiet_ms(g, w));
    w->seq = 0;
    w->witnesses = 0;
    w->nacks = 0;
    g->watch.due_ms = muster_deadline_sooner(g->watch.due_ms, w->due_ms);
}

static void answer_took(const struct gossip *g, struct gossip_watched *w)
{
    uint64_t ms = g->now_ms - w->asked_ms;

    w->slow_ms = ms > w->slow_ms ? (uint32_t)ms : w->slow_ms - w->slow_ms / 8;
}

void gossip_watch_heard(struct gossip *g, struct muster_addr from)
{
    for (uint32_t i = 0; i < g->watch.count; i++) {
        struct gossip_watched *w = &g->watch.slot[i];

        if (!muster_addr_equal(watched_member(g, w)->addr, from))
            continue;
        w->heard_ms = g->now_ms; /* the clock is looked at when it rings */
        if (w->step == GOSSIP_WATCH_CALM || w->step == GOSSIP_WATCH_ASKED)
            continue;
        answer_took(g, w);
        calm(g, w, g->now_ms);
    }
}

static bool is_witness(const struct gossip_watched *w, struct muster_addr from, uint32_t *index)
{
    for (uint32_t i = 0; i < w->witnesses; i++) {
        if (!muster_addr_equal(w->witness[i], from))
            continue;
        *index = i;
        return true;
    }
    return false;
}

static struct gossip_watched *watched_by_seq(struct gossip *g, uint32_t seq)
{
    for (uint32_t i = 0; i < g->watch.count; i++)
        if (g->watch.slot[i].step != GOSSIP_WATCH_CALM && g->watch.slot[i].seq == seq)
            return &g->watch.slot[i];
    return NULL;
}

bool gossip_watch_ack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    struct gossip_watched *w = watched_by_seq(g, seq);
    uint32_t index;

    if (w == NULL)
        return false;
    if (muster_addr_equal(from, watched_member(g, w)->addr)) {
        answer_took(g, w);
        gossip_awareness_add(g, -1);
    } else if (is_witness(w, from, &index)) {
        w->vouched_ms = 0; /* it lives, but we do not hear it: no need to ask so often */
    } else {
        return true; /* somebody guesses numbers */
    }
    calm(g, w, g->now_ms);
    return true;
}

bool gossip_watch_nack(struct gossip *g, struct muster_addr from, uint32_t seq)
{
    struct gossip_watched *w = watched_by_seq(g, seq);
    uint32_t index;

    if (w == NULL)
        return false;
    if (is_witness(w, from, &index) && !w->has_nacked[index]) {
        w->has_nacked[index] = true;
        w->nacks++;
    }
    return true;
}

uint32_t gossip_watched_count(const struct gossip *g)
{
    return g->watch.count;
}

const char *gossip_watched_at(const struct gossip *g, uint32_t index)
{
    MUSTER_ASSERT(index < g->watch.count);
    return g->table.member[g->watch.slot[index].member].face->name;
}

void gossip_vouch(struct gossip *g, uint32_t index, uint64_t at_ms, uint32_t usual_ms)
{
    struct gossip_watched *w = &g->watch.slot[index];

    MUSTER_ASSERT(index < g->watch.count);
    if (at_ms <= w->vouched_ms)
        return;
    w->usual_ms = usual_ms;
    w->vouched_ms = at_ms;
    if (at_ms > w->heard_ms)
        calm(g, w, at_ms);
}

/* ---- asking */

/* Short, as it is asked often: the answer comes back to where the packet came from. */
static void ask(struct gossip *g, struct gossip_watched *w)
{
    const struct gossip_member *m = watched_member(g, w);
    struct gossip_message ping = { .type = GOSSIP_TYPE_PING };
    struct gossip_message suspect = { .type = GOSSIP_TYPE_SUSPECT };

    ping.ping.seq = w->seq;
    ping.ping.node = gossip_member_name(m);
    if (m->state == GOSSIP_ALIVE) {
        gossip_post(g, m->addr, &ping);
        return;
    }
    suspect.accusation = (struct gossip_accusation){ m->incarnation, gossip_member_name(m),
                                                     gossip_member_name(gossip_self(g)) };
    gossip_post_pair(g, m, &ping, &suspect);
}

static void witness_ask(struct gossip *g, const struct gossip_watched *w, struct muster_addr to)
{
    const struct gossip_member *m = &g->table.member[w->member];
    struct gossip_message message = { .type = GOSSIP_TYPE_INDIRECT };

    message.indirect.seq = w->seq;
    message.indirect.target = MUSTER_BYTES(m->addr.octet, m->addr.len);
    message.indirect.port = m->addr.port;
    message.indirect.node = gossip_member_name(m);
    message.indirect.nack = true;
    message.indirect.source = gossip_post_source(g);
    gossip_post(g, to, &message);
}

static void witnesses_draw(struct gossip *g, struct gossip_watched *w)
{
    struct gossip_lot lot = { .kin = true, .except = w->member };
    uint32_t drawn[GOSSIP_WITNESSES];

    memset(w->has_nacked, 0, sizeof w->has_nacked);
    w->nacks = 0;
    w->witnesses = gossip_table_draw(&g->table, &g->rng, &lot, GOSSIP_WITNESSES, drawn);
    for (uint32_t i = 0; i < w->witnesses; i++)
        w->witness[i] = g->table.member[drawn[i]].addr;
}

static void witnesses_ask(struct gossip *g, const struct gossip_watched *w)
{
    for (uint32_t i = 0; i < w->witnesses; i++)
        if (!w->has_nacked[i])
            witness_ask(g, w, w->witness[i]);
}

static void quiet_ended(struct gossip *g, struct gossip_watched *w)
{
    w->due_ms = muster_deadline_after(w->heard_ms, quiet_ms(g, w));
    if (!muster_deadline_reached(w->due_ms, g->now_ms))
        return;
    w->step = GOSSIP_WATCH_ASKED;
    w->seq = gossip_post_seq(g);
    w->asked_ms = g->now_ms;
    w->due_ms = muster_deadline_after(g->now_ms, patience_ms(g, w));
    g->counters.asks++;
    ask(g, w);
}

static void inquest_begin(struct gossip *g, struct gossip_watched *w)
{
    if (w->heard_ms > w->asked_ms) {
        calm(g, w, w->heard_ms); /* the answer was lost, and something else came */
        return;
    }
    w->step = GOSSIP_WATCH_INQUEST;
    w->begun_ms = g->now_ms;
    w->asks = 1;
    w->due_ms = muster_deadline_after(g->now_ms, patience_ms(g, w) / 2);
    g->counters.inquests++;
    ask(g, w);
    witnesses_draw(g, w);
    witnesses_ask(g, w);
}

/* ---- judging */

/* Two others besides us where there are two, whoever could be asked just now; one in a cluster of
 * three; with nobody else there is no verdict. */
static bool is_witnessed(const struct gossip *g, const struct gossip_watched *w)
{
    uint32_t others = g->table.kin - 1, needed = others < 2 ? others : 2;

    MUSTER_ASSERT(g->table.kin > 0);
    return needed > 0 && (w->nacks >= needed || MUSTER_MUTANT(one_voice_is_enough));
}

static bool is_fit_to_judge(const struct gossip *g)
{
    return g->awareness == 0 && muster_deadline_reached(g->hold_ms, g->now_ms) && !g->is_leaving;
}

static void judge(struct gossip *g, struct gossip_watched *w)
{
    struct gossip_member *m = watched_member(g, w);

    if (is_witnessed(g, w) && is_fit_to_judge(g)) {
        MUSTER_MARK(silence_is_witnessed);
        g->counters.witnessed++;
        gossip_rumor_witnessed(g, m);
        return;
    }
    if (muster_deadline_reached(g->hold_ms, g->now_ms) && !g->is_leaving) {
        MUSTER_MARK(silence_is_doubted);
        gossip_awareness_add(g, w->witnesses == 0 ? 1 : (int)(w->witnesses - w->nacks));
        gossip_rumor_accuse(g, m);
    }
    w->vouched_ms = 0;
    calm(g, w, g->now_ms);
}

static void inquest_run(struct gossip *g, struct gossip_watched *w)
{
    uint64_t least_ms = muster_deadline_after(w->begun_ms, verdict_min_ms(g, w));
    uint64_t most_ms = muster_deadline_after(w->begun_ms, verdict_max_ms(g, w));
    bool is_late = muster_deadline_reached(most_ms, g->now_ms);

    if (is_late || (muster_deadline_reached(least_ms, g->now_ms) && is_witnessed(g, w))) {
        w->step = GOSSIP_WATCH_VERDICT;
        w->due_ms = muster_deadline_after(g->now_ms, 1);
        return;
    }
    if (w->asks < WATCH_ASKS_MAX) {
        ask(g, w);
        if (++w->asks == 4)
            witnesses_ask(g, w); /* a packet may have been lost on the way */
    }
    w->due_ms = muster_deadline_after(g->now_ms, patience_ms(g, w) / 2);
    w->due_ms = g->now_ms < least_ms && w->due_ms > least_ms ? least_ms : w->due_ms;
    w->due_ms = muster_deadline_sooner(w->due_ms, most_ms);
}

/* ---- whom */

static void slot_fill(struct gossip *g, struct gossip_watched *w, uint32_t member)
{
    uint64_t interval = g->config.probe_interval_ms;

    *w = (struct gossip_watched){ .member = member };
    /* Not all of its watchers at one moment. */
    calm(g, w, g->now_ms);
    w->due_ms = muster_deadline_after(g->now_ms, 1 + muster_rng_below(&g->rng, interval));
}

static bool is_watched(const struct gossip_watch *watch, uint32_t member)
{
    for (uint32_t i = 0; i < watch->count; i++)
        if (watch->slot[i].member == member)
            return true;
    return false;
}

static void slots_follow(struct gossip *g)
{
    struct gossip_watch *watch = &g->watch;
    const struct gossip_near *near = &g->table.near;
    uint32_t kept = 0;

    gossip_table_near(&g->table);
    if (watch->changes == near->changes)
        return;
    watch->changes = near->changes;
    for (uint32_t i = 0; i < watch->count; i++)
        if (gossip_near_has(near, watch->slot[i].member))
            watch->slot[kept++] = watch->slot[i];
    watch->count = kept;
    for (uint32_t i = 0; i < near->count; i++) {
        if (is_watched(watch, near->member[i]))
            continue;
        slot_fill(g, &watch->slot[watch->count], near->member[i]);
        watch->count++;
    }
}

/* ---- time */

void gossip_watch_stalled(struct gossip *g)
{
    for (uint32_t i = 0; i < g->watch.count; i++)
        calm(g, &g->watch.slot[i], g->now_ms);
}

static void slot_run(struct gossip *g, struct gossip_watched *w)
{
    switch (w->step) {
    case GOSSIP_WATCH_CALM:
        quiet_ended(g, w);
        break;
    case GOSSIP_WATCH_ASKED:
        inquest_begin(g, w);
        break;
    case GOSSIP_WATCH_INQUEST:
        inquest_run(g, w);
        break;
    case GOSSIP_WATCH_VERDICT:
        judge(g, w);
        break;
    }
}

static void due_find(struct gossip *g)
{
    g->watch.due_ms = MUSTER_NEVER;
    for (uint32_t i = 0; i < g->watch.count; i++)
        g->watch.due_ms = muster_deadline_sooner(g->watch.due_ms, g->watch.slot[i].due_ms);
}

void gossip_watch_run(struct gossip *g)
{
    slots_follow(g);
    due_find(g);
    if (g->is_leaving)
        return;
    if (g->watch.due_ms != MUSTER_NEVER && g->now_ms > g->watch.due_ms + late_ms(g)) {
        MUSTER_MARK(watcher_was_late);
        gossip_watch_stalled(g);
        g->hold_ms = muster_deadline_after(g->now_ms, g->config.probe_timeout_ms);
    }
    for (uint32_t i = 0; i < g->watch.count; i++)
        if (muster_deadline_reached(g->watch.slot[i].due_ms, g->now_ms))
            slot_run(g, &g->watch.slot[i]);
    slots_follow(g); /* a verdict has changed the neighbours */
    due_find(g);
}

uint64_t gossip_watch_deadline_ms(const struct gossip *g)
{
    return g->is_leaving ? MUSTER_NEVER : g->watch.due_ms;
}

bool gossip_watch_covers(const struct gossip *g)
{
    return g->table.kin == g->table.living && g->table.kin >= GOSSIP_NEAR_MAX;
}

bool gossip_watch_is_sane(const struct gossip *g)
{
    if (g->watch.count > GOSSIP_NEAR_MAX || g->table.kin > g->table.living)
        return false;
    for (uint32_t i = 0; i < g->watch.count; i++) {
        const struct gossip_watched *w = &g->watch.slot[i];

        if (w->nacks > w->witnesses || w->witnesses > GOSSIP_WITNESSES)
            return false;
        if (g->watch.changes == g->table.near.changes &&
            !gossip_near_has(&g->table.near, w->member))
            return false;
    }
    return true;
}
