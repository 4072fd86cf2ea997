/* SPDX-License-Identifier: Apache-2.0 */
/* When a node counts as lost for a run of it: its lease, its grace, its silence (R31, R33, R39,
 * R56). */
#include "agent/job.h"
#include "agent/lost.h"
#include "agent/placer_inside.h"

#define GUARD_LATE_MS 1000 /* past its deadline, and no more: what is assumed of it (section 2) */

/* Its guard waits for the next agent: when its own died, or said before it ended that another may
 * come in its place. */
static bool job_keeps(const struct agent_core *core, const struct store_row *row,
                      const struct agent_peer *p)
{
    struct agent_job job;
    struct agent_problem problem;
    if (agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return true;
    bool is_stopped = agent_peer_restarts(core, p) && !MUSTER_MUTANT(next_agent_not_awaited);
    bool keeps = job.on_agent_loss == AGENT_JOB_LOSS_KEEPS ||
                 (is_stopped && job.on_agent_stop == AGENT_JOB_STOP_KEEPS);
    agent_job_close(&job);
    return keeps;
}

/* Not yet: whoever looks at the entry next does so then at the latest. */
static bool lost_after(const struct agent_core *core, struct place_entry *e, uint64_t at_ms)
{
    e->run->lost_ms = at_ms;
    return core->now.mono_ms >= at_ms;
}

uint64_t placer_takeover_ms(const struct agent_core *core, const struct place_entry *e)
{
    struct store_bucket_view b;
    store_bucket(core->store, e->bucket, &b);
    return b.takeover_ms;
}

/* The second of R39 is the guard's, which may be that late in every profile: the margin, of which
 * some have less, is no measure for it. */
static uint64_t lease_over_ms(const struct agent_core *core, const struct place_entry *e)
{
    const struct place_run *run = placer_run_of(e);
    uint64_t granted = run->granted_ms + GUARD_LATE_MS;
    uint64_t takeover = placer_takeover_ms(core, e) + core->config.times.margin_ms;
    if (MUSTER_MUTANT(guard_lateness_ignored))
        granted = run->granted_ms + core->config.times.margin_ms;
    return granted > takeover ? granted : takeover;
}

uint64_t agent_placer_lease_until(const struct agent_core *core, const struct store_view *view)
{
    const struct store_row *row = &view->row;
    const struct place_entry *e = placer_find(core, row->key);
    uint64_t until = 0;
    if (e == NULL)
        return 0;
    if (row->run_token != 0 && row->run_mode == STORE_EXCLUSIVE)
        until = lease_over_ms(core, e);
    else if (row->mode == STORE_EXCLUSIVE && row->phase == STORE_WAITING)
        until = placer_takeover_ms(core, e);
    if (until <= core->now.mono_ms)
        return 0;
    return core->now.wall_ms + (until - core->now.mono_ms);
}

/* Nothing but time proves the end of an exclusive run: every lease that this reign or an earlier
 * one gave is over, and nobody has spoken for it lately. What gossip says does not matter (R39). */
static bool lease_is_over(struct agent_core *core, struct place_entry *e)
{
    const struct place_run *run = placer_run_of(e);
    if (MUSTER_MUTANT(lease_not_waited_for))
        return run->heard_ms + core->config.orphan_ms <= core->now.mono_ms;
    uint64_t over = lease_over_ms(core, e);
    uint64_t last = run->heard_ms > run->token_ms ? run->heard_ms : run->token_ms;
    uint64_t silent = last + core->config.orphan_ms;
    return lost_after(core, e, over > silent ? over : silent);
}

/* A run from before its job became exclusive has no lease that could end: only the proof that its
 * agent is gone, and its guard's dead-man time, or GONE. Where no proof can come any more, because
 * the node never will, an operator's oath stands for it. */
static bool is_proven_gone(struct agent_core *core, struct place_entry *e,
                           const struct agent_peer *p)
{
    if (agent_lost_has(core, placer_run_of(e)->node))
        return true;
    if (p == NULL || p->life != AGENT_LIFE_PROVEN)
        return false;
    return lost_after(core, e, p->dead_since_ms + core->config.dead_man_ms + GUARD_LATE_MS);
}

/* Gossip calls it dead for its silence. It must have been silent here as well. Where its kernel
 * still takes connections only the agent hangs: the guard beside the run lives, and kills it within
 * the dead-man time. Where no kernel answers either, its host is gone, or out of reach (R31). */
static bool silent_is_lost(struct agent_core *core, struct place_entry *e,
                           const struct agent_peer *p, bool is_kept)
{
    const struct place_run *run = placer_run_of(e);
    const struct agent_node_config *c = &core->config;
    uint64_t heard = run->heard_ms > e->taken_ms ? run->heard_ms : e->taken_ms;
    if (is_kept)
        return lost_after(core, e, heard + c->dead_man_ms + GUARD_LATE_MS);
    /* Until the next report was due it may have fed the guard still. */
    if (p->host_ms != 0 && !MUSTER_MUTANT(kernel_not_asked))
        return lost_after(core, e, heard + c->hold_ms + c->orphan_ms);
    heard = run->heard_ms > p->heard_ms ? run->heard_ms : p->heard_ms;
    heard += c->silent_ms;
    return lost_after(core, e, heard > p->asked_until_ms ? heard : p->asked_until_ms);
}

bool placer_is_lost(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    const struct agent_node_config *c = &core->config;
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    placer_run_make(core, e)->lost_ms = MUSTER_NEVER;
    if (row->run_mode == STORE_EXCLUSIVE)
        return lease_is_over(core, e);
    if (row->mode == STORE_EXCLUSIVE)
        return is_proven_gone(core, e, p);
    if (p != NULL && p->life == AGENT_LIFE_ALIVE)
        return false;
    if (MUSTER_MUTANT(no_return_grace) && (p == NULL || p->seen_ms == 0))
        return true;
    /* An oath speaks of the disk, not of a process: exclusive runs wait for their lease (R49). */
    if (row->mode != STORE_EXCLUSIVE && agent_lost_has(core, row->run_node))
        return true;
    if (p == NULL || p->seen_ms == 0)
        return lost_after(core, e, core->started_ms + c->return_grace_ms);
    if (p->life == AGENT_LIFE_PROVEN)
        MUSTER_MARK(node_is_proven_dead);
    else
        MUSTER_MARK(node_is_silent);
    if (p->life == AGENT_LIFE_PROVEN)
        return !job_keeps(core, row, p) || lost_after(core, e, p->dead_since_ms + c->dead_man_ms);
    return silent_is_lost(core, e, p, job_keeps(core, row, p));
}
