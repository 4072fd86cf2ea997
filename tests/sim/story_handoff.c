/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of services that are handed over (`handoff: start-stop`): the next run is ready before
 * the one before it ends, and there are never three, nor two that the row does not name. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/story.h"

#define SPEC                                                                                       \
    "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],\"max_moves\":1000,"             \
    "\"handoff\":\"start-stop\""
#define SPEC_SHY SPEC ",\"arg\":\"shy:%u\",\"ready_timeout\":\"6s\",\"prefer\":\"node == n%u\"}"

struct seen {
    uint32_t live, ready, node; /* `node`: of one that is live */
};

static struct seen look(const struct sim *s)
{
    struct seen n = { 0, 0, UINT32_MAX };
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            if (!p->is_used || !p->is_live || strcmp(p->job, "job") != 0)
                continue;
            n.live++;
            n.ready += p->is_ready && p->stop_at == MUSTER_NEVER;
            n.node = i;
        }
    return n;
}

static bool row_of(struct sim *s, struct store_view *view)
{
    uint32_t k = story_keeper_or_none(s, "job");
    return k != UINT32_MAX &&
           store_get(agent_node_store(s->node[k].node), muster_bytes_text("job"), view);
}

static bool is_handed(struct sim *s)
{
    struct store_view view;
    return row_of(s, &view) && view.row.handoff == STORE_HEIR && view.is_chosen;
}

/* One run, ready, and the row says no more than that. */
static bool is_settled(struct sim *s)
{
    struct store_view view;
    struct seen n = look(s);
    return n.live == 1 && n.ready == 1 && row_of(s, &view) && view.is_chosen &&
           view.row.phase == STORE_PLACED && view.row.handoff == STORE_HANDOFF_NONE;
}

static uint32_t settled_at(struct sim *s)
{
    sim_await(s, 60000, is_settled, "one run is ready, and no other there");
    return look(s).node;
}

/* `has_gap`: whoever serves may have died. */
static void watch(struct sim *s, uint64_t ms, bool has_gap)
{
    for (uint64_t end = s->now + ms; s->now < end;) {
        sim_run_for(s, 5);
        struct seen n = look(s);
        if (n.live > 2)
            sim_fail(s, 1, "handoff: it runs %u times", n.live);
        if (n.ready == 0 && !has_gap)
            sim_fail(s, 1, "handoff: there is a gap");
        if (!has_gap && sim_proc_doubled(s, &s->job[0]) > 0)
            sim_fail(s, 1, "handoff: it runs twice, and its row does not say so");
    }
}

static bool watch_until(struct sim *s, uint64_t ms, bool (*fact)(struct sim *s))
{
    for (uint64_t end = s->now + ms; s->now < end;) {
        watch(s, 5, false);
        if (fact(s))
            return true;
    }
    return false;
}

static void hand_begin(struct sim *s, uint32_t from)
{
    sim_drain(s, from, false);
    if (!watch_until(s, 20000, is_handed))
        sim_fail(s, 2, "handoff: n%u drains, and nothing is begun", from);
}

static uint32_t heir_at(struct sim *s)
{
    struct store_view view;
    uint32_t node = 0;
    if (!row_of(s, &view))
        return UINT32_MAX;
    while (node < s->nodes && !muster_id_equal(s->node[node].id, view.row.other_node))
        node++;
    return node;
}

/* Drains, moves, changes and restarts, one after the other: no gap, never three. */
void story_handoff(struct sim *s)
{
    char spec[256];
    story_begin(s, 4);
    story_put(s, 0, "job", SPEC "}");
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t from = settled_at(s), what = i % 4;
        s->job[0].request = 0;
        if (what == 0)
            sim_drain(s, from, false);
        else if (what == 1)
            (void)sim_op(s, i % 4, AGENT_OP_JOB_MOVE, "job");
        else if (what == 2)
            (void)sim_op(s, i % 4, AGENT_OP_JOB_RESTART, "job");
        else
            (void)snprintf(spec, sizeof spec, SPEC ",\"arg\":\"%u\"}", i);
        if (what == 3)
            (void)sim_update(s, i % 4, "job", spec);
        watch(s, 8000, false);
        if (!is_settled(s) || look(s).node == from)
            sim_fail(s, 1, "handoff: round %u: it is not handed over", i);
        sim_drain(s, from, true);
        watch(s, 2000, false);
    }
    /* its agent is told to end, and hands over first */
    uint32_t from = settled_at(s);
    sim_leave(s, from);
    watch(s, 15000, false);
    if (!is_settled(s) || look(s).node == from)
        sim_fail(s, 1, "handoff: its agent was told to end, and it is not handed over");
    story_rest(s);
}

/* In the middle of it the old node dies, or the new one, or the keeper; the drain is taken back, or
 * its deadline is over. Whatever happens, there are never three, and at the end there is one. */
void story_heir(struct sim *s)
{
    story_begin(s, 5);
    story_put(s, 0, "job", SPEC "}");
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t from = settled_at(s), what = i % 5;
        hand_begin(s, from);
        watch(s, 150 * (i / 5), false);
        uint32_t to = heir_at(s), k = story_keeper_or_none(s, "job"), hit = UINT32_MAX;
        bool was_under_way = is_handed(s);
        hit = what == 0 ? from : what == 1 ? to : what == 2 ? k : hit;
        if (what == 3)
            sim_drain(s, from, true);
        else if (what == 4)
            sim_drain_within(s, from, 10);
        else if (hit != UINT32_MAX)
            sim_crash(s, hit, i % 2 == 0);
        bool is_hurt = what == 4 || hit == from || (hit == to && !was_under_way);
        watch(s, 15000, is_hurt);
        if (!is_settled(s))
            sim_fail(s, 1, "handoff: round %u: it is not settled", i);
        if ((what == 0 || what == 4) && was_under_way && look(s).node != to)
            sim_fail(s, 1, "handoff: round %u: the heir is at n%u, and it runs at n%u", i, to,
                     look(s).node);
        if (hit != UINT32_MAX)
            sim_boot(s, hit);
        sim_drain(s, from, true);
        watch(s, 3000, false);
    }
    story_rest(s);
}

/* What is never ready at the other node goes on where it is, again and again, later and later; when
 * it is changed into what is ready there, it is handed over at once. */
void story_shy(struct sim *s)
{
    char spec[256];
    struct store_view view;
    story_begin(s, 3);
    (void)snprintf(spec, sizeof spec, SPEC_SHY, 1u, 0u);
    story_put(s, 0, "job", spec);
    sim_await(s, 20000, is_settled, "it runs");
    if (look(s).node != 0)
        sim_fail(s, 1, "shy: it runs on n%u", look(s).node);
    sim_crash(s, 2, false);
    sim_run_for(s, 20000);
    uint64_t starts = s->starts;
    sim_drain(s, 0, false);
    watch(s, 60000, false);
    if (look(s).node != 0 && look(s).live == 1)
        sim_fail(s, 1, "shy: it has moved to where it is never ready");
    if (s->starts < starts + 3 || s->starts > starts + 6)
        sim_fail(s, 1, "shy: %llu tries in a minute", (unsigned long long)(s->starts - starts));
    if (!row_of(s, &view) || view.row.handoff_fails < 2)
        sim_fail(s, 1, "shy: its row does not count what has failed");
    if (!watch_until(s, 60000, is_handed))
        sim_fail(s, 1, "shy: it is tried no more");
    watch(s, 500, false);
    sim_proc_guards_pause(s, 1, 30000); /* nobody there says that it is late */
    watch(s, 30000, false);
    if (!row_of(s, &view) || view.row.handoff == STORE_HEIR)
        sim_fail(s, 1, "shy: its heir is waited for without end");
    (void)sim_update(s, 0, "job", SPEC "}");
    watch(s, 20000, false);
    if (!is_settled(s) || look(s).node != 1)
        sim_fail(s, 1, "shy: it is changed, and not handed over");
    sim_drain(s, 0, true);
    sim_boot(s, 2);
    story_rest(s);
}

/* Where no other node has room what is changed ends first, and what is only to move stays; what is
 * stopped, held or deleted in the middle leaves nothing behind. */
void story_room(struct sim *s)
{
    static const enum agent_op ops[] = { AGENT_OP_JOB_STOP, AGENT_OP_JOB_HOLD, AGENT_OP_JOB_RESTART,
                                         AGENT_OP_JOB_DELETE };
    char spec[256];
    story_begin(s, 3);
    story_put(s, 0, "job", SPEC ",\"on\":\"node == n1\"}");
    if (settled_at(s) != 1)
        sim_fail(s, 1, "room: it runs on n%u", look(s).node);
    sim_drain(s, 1, false);
    watch(s, 20000, false);
    sim_drain(s, 1, true);
    s->job[0].request = 0;
    (void)sim_op(s, 0, AGENT_OP_JOB_RESTART, "job");
    watch(s, 9000, false); /* another node may come by */
    watch(s, 10000, true);
    if (!is_settled(s) || look(s).node != 1)
        sim_fail(s, 1, "room: it is not started anew");
    for (uint32_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        (void)snprintf(spec, sizeof spec, SPEC ",\"arg\":\"%u\"}", i);
        (void)sim_update(s, 0, "job", spec);
        sim_run_for(s, 1000);
        uint32_t from = settled_at(s);
        hand_begin(s, from);
        watch(s, 300 * i, false);
        (void)sim_op(s, i % 3, ops[i], "job");
        watch(s, 15000, true);
        uint32_t live = look(s).live;
        bool runs = ops[i] == AGENT_OP_JOB_HOLD || ops[i] == AGENT_OP_JOB_RESTART;
        if (live != runs)
            sim_fail(s, 1, "room: %u run after op %d", live, (int)ops[i]);
        sim_drain(s, from, true);
        if (ops[i] == AGENT_OP_JOB_STOP || ops[i] == AGENT_OP_JOB_HOLD)
            (void)sim_op(s, 0,
                         ops[i] == AGENT_OP_JOB_HOLD ? AGENT_OP_JOB_RELEASE : AGENT_OP_JOB_START,
                         "job");
        sim_run_for(s, 5000);
    }
    story_rest(s);
}

/* A job that becomes exclusive while it is handed over starts when both of its runs have ended. */
void story_solo(struct sim *s)
{
    story_begin(s, 3);
    story_put(s, 0, "job", SPEC ",\"arg\":\"hang\"}");
    uint32_t from = settled_at(s);
    hand_begin(s, from);
    watch(s, 500, false);
    s->job[0].is_exclusive = true;
    (void)sim_update(s, 1, "job",
                     "{\"name\":\"job\",\"kind\":\"service\",\"exec\":[\"/bin/x\"],"
                     "\"partition\":\"exclusive\"}");
    sim_proc_guards_pause(s, heir_at(s), 20000); /* the heir ends later than the run */
    for (uint32_t i = 0; i < 6000; i++) {
        struct seen before = look(s);
        uint64_t starts = s->starts;
        sim_run_for(s, 5);
        if (s->starts != starts && before.live > 0)
            sim_fail(s, 1, "solo: it starts, and %u run", before.live);
    }
    sim_drain(s, from, true);
    story_rest(s);
}
