/* SPDX-License-Identifier: Apache-2.0 */
/* Dreamt processes and their guards. A job's `arg` "CODE:MS" says how it ends; without one it never
 * does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

#define DEAD_MAN_MS 3000

static void tell(struct sim *s, uint32_t node, const struct sim_proc *p, uint64_t in_ms,
                 enum agent_guard_news news)
{
    struct sim_item i = { .kind = SIM_STEP, .node = node, .generation = s->node[node].generation };
    i.text = strdup(p->job);
    MUSTER_ASSERT(i.text != NULL);
    i.event.kind = AGENT_EVENT_GUARD;
    i.guard = (struct agent_guard_event){ .news = news,
                                          .handle = p->handle,
                                          .job = i.text,
                                          .run = i.text,
                                          .token = p->token,
                                          .attempt = p->attempt,
                                          .pid = p->pid,
                                          .code = p->code,
                                          .signal = p->signal,
                                          .ready = p->is_ready,
                                          .by_guard = p->by_guard,
                                          .started_wall_ms = SIM_WALL_BASE + p->started_ms,
                                          .ended_wall_ms = SIM_WALL_BASE + p->ended_ms };
    sim_at(s, s->now + in_ms, i);
}

static struct sim_proc *proc_by_handle(struct sim_node *n, uint64_t handle)
{
    for (uint32_t i = 0; i < SIM_PROCS; i++)
        if (n->proc[i].is_used && n->proc[i].handle == handle)
            return &n->proc[i];
    return NULL;
}

static void proc_end(struct sim *s, uint32_t node, struct sim_proc *p, int32_t code, int32_t sig)
{
    p->is_live = false;
    p->code = code;
    p->signal = sig;
    p->ended_ms = s->now;
    s->node[node].live--;
    sim_log(s, "n%u process of %s ends, %d/%d", node, p->job, code, sig);
}

static void proc_exit(struct sim *s, uint64_t number)
{
    uint32_t node = (uint32_t)(number >> 32);
    struct sim_node *n = &s->node[node];
    int32_t pid = (int32_t)(number & 0xffffffff);
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used || !p->is_live || p->pid != pid)
            continue;
        proc_end(s, node, p, p->code, 0);
        if (n->is_up)
            tell(s, node, p, 0, AGENT_GUARD_EXITED);
    }
}

/* The deadline that a guard was handed: it kills without asking anybody (R38, R52). */
static void lease_look(struct sim *s, uint64_t number)
{
    uint32_t node = (uint32_t)(number >> 32);
    struct sim_node *n = &s->node[node];
    int32_t pid = (int32_t)(number & 0xffffffff);
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used || !p->is_live || p->pid != pid)
            continue;
        if (s->now < p->lease_ms) {
            sim_call(s, p->lease_ms - s->now, lease_look, number);
            return;
        }
        p->by_guard = true;
        proc_end(s, node, p, 0, 9);
        if (n->is_up)
            tell(s, node, p, 0, AGENT_GUARD_EXITED);
    }
}

/* I7: true time is the simulator's; no clock of a node has a say here. */
static void overlap_check(struct sim *s, uint32_t node, const struct sim_proc *p)
{
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < SIM_PROCS; k++) {
            const struct sim_proc *o = &s->node[i].proc[k];
            if (o->is_used && o->is_live && o->is_exclusive && o != p &&
                strcmp(o->job, p->job) == 0)
                sim_fail(s, 1, "I7: exclusive %s starts on n%u (token %llu) and runs on n%u (%llu)",
                         p->job, node, (unsigned long long)p->token, i,
                         (unsigned long long)o->token);
        }
}

static void launch(struct sim *s, uint32_t node, const struct agent_launch *l)
{
    struct sim_node *n = &s->node[node];
    struct sim_proc *p = NULL;
    for (uint32_t i = 0; i < SIM_PROCS && p == NULL; i++)
        if (!n->proc[i].is_used)
            p = &n->proc[i];
    if (p == NULL)
        sim_fail(s, 1, "n%u never forgets its guards", node);
    *p = (struct sim_proc){ .is_used = true, .is_live = true, .handle = l->handle };
    (void)snprintf(p->job, sizeof p->job, "%s", l->job);
    p->keep = l->keep;
    p->is_exclusive = l->lease_ms != 0;
    p->lease_ms = l->lease_ms;
    p->token = l->token;
    p->attempt = l->attempt;
    p->pid = (int32_t)s->next_pid++;
    p->started_ms = s->now;
    n->live++;
    s->starts++;
    sim_log(s, "n%u starts %s token %llu attempt %u", node, p->job, (unsigned long long)p->token,
            p->attempt);
    sim_check_started(s, node, p->job, p->token, p->attempt);
    if (p->is_exclusive) {
        overlap_check(s, node, p);
        lease_look(s, (uint64_t)node << 32 | (uint32_t)p->pid);
    }
    tell(s, node, p, 1, AGENT_GUARD_STARTED);
    if (l->arg != NULL) {
        unsigned code = 0, ms = 0;
        if (sscanf(l->arg, "%u:%u", &code, &ms) == 2) {
            p->code = (int32_t)code;
            sim_call(s, ms, proc_exit, (uint64_t)node << 32 | (uint32_t)p->pid);
        }
    }
    p->is_ready = true;
    tell(s, node, p, 1000, AGENT_GUARD_READY);
}

void sim_proc_perform(struct sim *s, uint32_t node, const struct agent_effect *e)
{
    if (e->kind == AGENT_EFFECT_GUARD_LAUNCH) {
        launch(s, node, e->launch);
        return;
    }
    struct sim_proc *p = proc_by_handle(&s->node[node], e->number);
    if (p == NULL)
        return;
    if (e->kind == AGENT_EFFECT_GUARD_LEASE) {
        if (p->lease_ms != 0 && e->deadline_ms > p->lease_ms)
            p->lease_ms = e->deadline_ms;
        return;
    }
    if (e->kind == AGENT_EFFECT_GUARD_FORGET) {
        p->is_used = p->is_live; /* a live one cannot be forgotten */
        return;
    }
    if (!p->is_live)
        return;
    proc_end(s, node, p, 0, 15);
    tell(s, node, p, 1 + muster_rng_below(&s->rng, 20), AGENT_GUARD_EXITED);
}

void sim_proc_agent_died(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        struct sim_proc *p = &n->proc[i];
        p->handle = 0;
        p->by_guard = p->by_guard || (p->is_live && !p->keep);
        if (p->is_used && p->is_live && !p->keep)
            proc_end(s, node, p, 0, 9);
    }
    sim_at(
        s, s->now + DEAD_MAN_MS,
        (struct sim_item){
            .kind = SIM_DEADMAN, .node = node, .generation = UINT64_MAX, .number = n->generation });
}

void sim_proc_machine_died(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        if (n->proc[i].is_used && n->proc[i].is_live)
            proc_end(s, node, &n->proc[i], 0, 9);
        n->proc[i] = (struct sim_proc){ 0 }; /* /run is gone with the machine */
    }
}

/* The dead man: guards that nobody has fed since then end their jobs. */
void sim_proc_deadman(struct sim *s, uint32_t node, uint64_t generation)
{
    struct sim_node *n = &s->node[node];
    bool fed = n->generation != generation || (n->is_up && !n->is_paused);
    if (fed)
        return;
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used || !p->is_live)
            continue;
        p->by_guard = true;
        proc_end(s, node, p, 0, 9);
        if (n->is_up)
            tell(s, node, p, 0, AGENT_GUARD_EXITED);
    }
}

void sim_proc_scan(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct sim_proc none = { .is_used = true };
    for (uint32_t i = 0; i < SIM_PROCS; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used)
            continue;
        p->handle = s->next_handle++;
        tell(s, node, p, 0, p->is_live ? AGENT_GUARD_ADOPTED : AGENT_GUARD_EXITED);
    }
    tell(s, node, &none, 1, AGENT_GUARD_SCANNED);
}

uint32_t sim_proc_live(const struct sim *s, const char *job, uint32_t *node, uint64_t *token)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < SIM_PROCS; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            if (!p->is_used || !p->is_live || strcmp(p->job, job) != 0)
                continue;
            *node = i;
            *token = p->token;
            n++;
        }
    return n;
}
