/* SPDX-License-Identifier: Apache-2.0 */
/* A node that gives its runs away, or makes room for its next agent, and how it ends. */
#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/peers.h"
#include "agent/placer.h"
#include "agent/runner.h"

/* The deadline, for the next agent; 0: there is none. */
static void drain_note(struct agent_core *core, uint64_t length_ms)
{
    node_meta_note_number(core, "drain_until", muster_deadline_after(core->now.wall_ms, length_ms));
    node_meta_note_number(core, "drain_length", length_ms);
}

void node_drain(struct agent_node *n, bool draining, uint64_t deadline_ms)
{
    struct agent_core *core = &n->core;
    n->drain_ms = draining && deadline_ms > 0
                      ? muster_deadline_after(core->now.mono_ms, deadline_ms)
                      : MUSTER_NEVER;
    node_meta_note_number(core, "draining", draining ? 1 : 0);
    drain_note(core, draining ? deadline_ms : 0);
    store_drain(core->store, draining);
    agent_news_add(core, draining ? "node.draining" : "node.open", NULL, NULL, 0,
                   draining ? "gives its runs and seats away" : "takes runs again");
    node_standing_set(n, draining ? AGENT_DRAINING : AGENT_JOINED);
    agent_placer_peer(core, agent_peers_at(core, 0));
}

void node_drain_again(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    const struct agent_node_config *c = &core->config;
    uint64_t now = core->now.wall_ms, until = c->drain_until_wall_ms;
    if (core->standing != AGENT_DRAINING || c->drain_length_ms == 0)
        return;
    uint64_t left = until > now ? until - now : 0;
    if (left > c->drain_length_ms) { /* the clock was set back: not once more with every agent */
        MUSTER_MARK(drain_deadline_is_too_far);
        left = c->drain_length_ms;
        drain_note(core, left);
    }
    n->drain_ms = muster_deadline_after(core->now.mono_ms, left);
    agent_out_log(&core->out, AGENT_LOG_INFO, "draining: what is left is ended in %llu s",
                  (unsigned long long)left / 1000);
}

static void drain_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    if (core->standing != AGENT_DRAINING ||
        !muster_deadline_reached(n->drain_ms, core->now.mono_ms))
        return;
    if (!agent_runner_is_scanned(core)) { /* what an earlier agent has left is not known yet */
        n->drain_ms = core->now.mono_ms + NODE_DRAIN_BOOT_MS;
        return;
    }
    n->drain_ms = MUSTER_NEVER;
    MUSTER_MARK(drain_is_over_time);
    drain_note(core, 0);
    agent_runner_stop_loose(core, "the deadline of its node's drain is over");
}

void node_leave(struct agent_node *n, bool restarts)
{
    struct agent_core *core = &n->core;
    if (core->standing == AGENT_LEAVING)
        return;
    core->restarts = restarts;
    uint32_t leaving = agent_runner_leaving(core);
    agent_out_log(&core->out, AGENT_LOG_INFO,
                  "leaving: %u runs to hand over, %u are left to the next agent", leaving,
                  agent_runner_left_behind(core));
    node_standing_set(n, AGENT_LEAVING);
    n->leave_ms = core->now.mono_ms + core->config.leave_deadline_ms;
    agent_placer_peer(core, agent_peers_at(core, 0));
}

void node_renew(struct agent_node *n)
{
    const struct store_event e = { .kind = STORE_EVENT_HAND_OVER };
    agent_store_step(&n->core, &e);
}

/* Our closed port says soon enough that we are away, and we do not leave: some of our runs wait for
 * the next agent. */
static void make_room(struct agent_node *n)
{
    MUSTER_MARK(runs_left_to_the_next_agent);
    n->exit_ms = n->core.now.mono_ms + NODE_FLUSH_MS;
    node_renew(n);
}

static void gossip_leave(struct agent_node *n)
{
    const struct gossip_event e = { .kind = GOSSIP_EVENT_LEAVE };
    n->exit_ms = n->core.now.mono_ms + NODE_LEFT_MS;
    agent_gossip_step(&n->core, &e);
}

void node_leave_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    uint64_t now = core->now.mono_ms;
    drain_tick(n);
    if (core->standing != AGENT_LEAVING || n->is_exit_sent)
        return;
    bool alone = node_others_alive(core, true) == 0;
    if (!n->is_leave_sent && (alone || now >= n->leave_ms))
        agent_runner_stop_all(core, n->exit_err != MUSTER_OK ? "its node may not run jobs any more"
                                    : alone ? "its agent was stopped and no other node is open"
                                            : "its agent was stopped");
    else if (!n->is_leave_sent)
        agent_runner_stop_held(core, "its agent was stopped, and it is held");
    if (!n->is_leave_sent && agent_runner_only_bound(core)) /* last, for the others may need them */
        agent_runner_stop_all(core, "its agent was stopped");
    if (!n->is_leave_sent && agent_runner_leaving(core) == 0) {
        n->is_leave_sent = true;
        if (agent_runner_left_behind(core) > 0)
            make_room(n);
        else if (n->is_copy) /* gossip would take its word for that of the one it is a copy of */
            n->exit_ms = now + NODE_FLUSH_MS;
        else
            gossip_leave(n);
    }
    if (now >= n->exit_ms) {
        n->is_exit_sent = true;
        agent_out_add(&core->out, AGENT_EFFECT_EXIT)->err = n->exit_err;
    }
}
