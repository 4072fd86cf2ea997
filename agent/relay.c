/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in envelopes: to one relay, and from it to whom they are meant for. */
#include "agent/relay.h"

#include "agent/peers.h"

#define RELAY_MS  5000 /* then the straight way is tried again */
#define RELAY_MAX (AGENT_FRAME_MAX - 64)

/* Reports, requests and their answers. Votes, writes and offers go straight or not at all: a node
 * that a keeper cannot reach is no place for anything new. */
static bool may_pass(uint32_t message)
{
    switch (message) {
    case AGENT_MSG_HOLD:
    case AGENT_MSG_HOLD_OK:
    case AGENT_MSG_DROP:
    case AGENT_MSG_STOP:
    case AGENT_MSG_GONE:
    case AGENT_MSG_DONE:
    case AGENT_MSG_DONE_OK:
    case AGENT_MSG_LEFT:
    case AGENT_MSG_LEFT_OK:
    case AGENT_MSG_SIGNAL:
    case AGENT_MSG_TRY:
    case AGENT_MSG_OP:
    case AGENT_MSG_OP_OK:
        return true;
    default:
        return false;
    }
}

/* What waits for an answer, or is said again until there is one. The others follow from such. */
static bool is_question(uint32_t message)
{
    return message == AGENT_MSG_HOLD || message == AGENT_MSG_DONE || message == AGENT_MSG_LEFT ||
           message == AGENT_MSG_OP;
}

/* Its message number; 0 when it goes straight or not at all. */
static uint32_t passable(struct muster_bytes frame)
{
    struct muster_reader r = muster_reader_over(frame);
    struct agent_head head = agent_read_head(&r);
    bool passes = frame.len <= RELAY_MAX && muster_reader_ok(&r) && may_pass(head.message);
    return passes ? head.message : 0;
}

/* Who asks goes by what it has found itself; an answer also goes back the way the question came.
 * Were it the same for both, two that ask each other would keep each other off the straight way for
 * ever. */
static bool is_out_of_reach(const struct agent_core *core, const struct agent_peer *p, bool asks)
{
    if (p->is_self || p->is_foreign || p->is_lost)
        return false;
    return p->link == AGENT_NO_LINK || core->now.mono_ms < p->mute_until_ms ||
           (!asks && core->now.mono_ms < p->passed_until_ms);
}

void agent_relay_mute(struct agent_core *core, struct muster_id id)
{
    struct agent_peer *p = agent_peers_find(core, id);
    if (p != NULL && !p->is_self)
        p->mute_until_ms = core->now.mono_ms + RELAY_MS;
}

bool agent_relay_learn(struct agent_core *core, struct muster_id to, struct muster_id by)
{
    struct agent_peer *p = agent_peers_find(core, to);
    if (p == NULL || !is_out_of_reach(core, p, false) || muster_id_equal(to, by) ||
        agent_is_self(core, by))
        return false;
    bool is_news = !agent_relay_knows(core, to);
    p->via = by;
    p->via_until_ms = core->now.mono_ms + RELAY_MS;
    return is_news;
}

static bool knows(const struct agent_core *core, struct muster_id to, bool asks)
{
    const struct agent_peer *p = agent_peers_find(core, to);
    if (p == NULL || core->now.mono_ms >= p->via_until_ms || !is_out_of_reach(core, p, asks))
        return false;
    const struct agent_peer *by = agent_peers_find(core, p->via);
    return by != NULL && !by->is_self && agent_peer_is_alive(by) && by->link != AGENT_NO_LINK;
}

bool agent_relay_knows(const struct agent_core *core, struct muster_id to)
{
    return knows(core, to, true);
}

/* An envelope of its own: the frame stands in the scratch buffer. */
static bool envelope_send(struct agent_core *core, uint32_t message, struct muster_id hand,
                          struct muster_id other, struct muster_bytes frame)
{
    size_t size = frame.len + 64;
    struct muster_writer w = muster_writer_over(agent_out_take(&core->out, size), size);
    agent_write_head(&w, message, 3);
    muster_write_id(&w, other);
    muster_write_bytes(&w, frame);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    return agent_peers_send(core, hand, muster_writer_bytes(&w));
}

bool agent_relay_send(struct agent_core *core, struct muster_id to, struct muster_bytes frame)
{
    uint32_t message = passable(frame);
    if (message == 0 || !knows(core, to, is_question(message)))
        return false;
    core->counters.relayed++;
    return envelope_send(core, AGENT_MSG_RELAY, agent_peers_find(core, to)->via, to, frame);
}

void agent_relay_pass(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_id to = muster_read_id(r);
    struct muster_bytes frame = muster_read_bytes(r, RELAY_MAX);
    const struct agent_peer *p = muster_reader_ok(r) ? agent_peers_find(core, to) : NULL;
    if (p == NULL || p->is_self || p->link == AGENT_NO_LINK || passable(frame) == 0)
        return; /* one hop: we do not look for another way ourselves */
    (void)envelope_send(core, AGENT_MSG_RELAYED, to, from, frame);
}

void agent_relay_got(struct agent_core *core, struct muster_id by, struct muster_reader *r)
{
    struct muster_id from = muster_read_id(r);
    struct muster_bytes frame = muster_read_bytes(r, RELAY_MAX);
    struct agent_peer *p = muster_reader_ok(r) ? agent_peers_find(core, from) : NULL;
    uint32_t message = p != NULL ? passable(frame) : 0;
    if (message == 0 || p->is_self || p->is_foreign || p->is_lost)
        return;
    if (is_question(message)) /* it has found that the straight way does not work */
        p->passed_until_ms = core->now.mono_ms + RELAY_MS;
    agent_relay_learn(core, from, by);
    agent_node_frame(core, from, frame);
}
