/* SPDX-License-Identifier: Apache-2.0 */
/* Dreamt processes and their guards. A job's `arg` says what it does: "CODE:MS" ends by itself,
 * "hang" does not hear TERM, "kill:MS" kills its agent once, "shy:NODE" is never ready there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/probe.h"
#include "tests/sim/sim.h"

#define DEAD_MAN_MS 3000 /* of a launch that does not say */
#define FEED_MS     500
#define READY_MS    1000
#define HELLO_MS    4000 /* a found guard greets by then */
#define LATE_MS     1000 /* a guard is no later than that (section 2) when its run is exclusive */
#define LAST_MS_MAX 20   /* from TERM to the end */

static void tell(struct sim *s, uint32_t node, const struct sim_proc *p, uint64_t in_ms,
                 enum agent_guard_news news)
{
    struct sim_item i = { .kind = SIM_STEP, .node = node, .generation = s->node[node].generation };
    uint64_t wall = SIM_WALL_BASE + (uint64_t)s->node[node].wall_offset;
    i.text = strdup(p->job);
    i.guard = malloc(sizeof *i.guard);
    MUSTER_ASSERT(i.text != NULL && i.guard != NULL);
    i.event.kind = AGENT_EVENT_GUARD;
    *i.guard = (struct agent_guard_event){ .news = news,
                                           .handle = p->handle,
                                           .job = i.text,
                                           .run = i.text,
                                           .token = p->token,
                                           .attempt = p->attempt,
                                           .needs = p->needs,
                                           .pid = p->pid,
                                           .code = p->code,
                                           .signal = p->signal,
                                           .ready = p->is_ready,
                                           .by_guard = p->by_guard,
                                           .started_wall_ms = wall + p->started_ms,
                                           .ended_wall_ms = wall + p->ended_ms };
    static const char output[] = "1 o 1 F so far\n2 g 1 F the end\n";
    bool is_end = news == AGENT_GUARD_EXITED || news == AGENT_GUARD_LOST;
    if (is_end || news == AGENT_GUARD_LEFT)
        i.guard->left[AGENT_LEFT_OUTPUT] =
            (struct agent_left_bytes){ output, is_end ? sizeof output - 1 : 15 };
    uint64_t at = s->now + in_ms;
    sim_at(s, at > p->paused_until ? at : p->paused_until, i);
}

static struct sim_proc *proc_by_handle(struct sim_node *n, uint64_t handle)
{
    for (uint32_t i = 0; i < n->procs; i++)
        if (n->proc[i].is_used && n->proc[i].handle == handle)
            return &n->proc[i];
    return NULL;
}

static struct sim_proc *proc_by_pid(struct sim_node *n, int32_t pid)
{
    for (uint32_t i = 0; i < n->procs; i++)
        if (n->proc[i].is_used && n->proc[i].pid == pid)
            return &n->proc[i];
    return NULL;
}

static void proc_end(struct sim *s, uint32_t node, struct sim_proc *p, int32_t code, int32_t sig)
{
    MUSTER_ASSERT(p->is_live);
    p->is_live = false;
    p->code = code;
    p->signal = sig;
    p->ended_ms = s->now;
    s->node[node].live--;
    sim_log(s, "n%u process of %s ends, %d/%d", node, p->job, code, sig);
}

static uint64_t name_of(uint32_t node, const struct sim_proc *p)
{
    return (uint64_t)node << 32 | (uint32_t)p->pid;
}

/* ---- the guard's own deadlines, by the clock of its machine */

static uint64_t guard_due(const struct sim *s, uint32_t node, const struct sim_proc *p)
{
    const struct sim_node *n = &s->node[node];
    uint64_t due = p->stop_at;
    if (p->lease_ms != 0 && !MUSTER_MUTANT(guard_ignores_deadline))
        due = muster_deadline_sooner(due, sim_true(s, node, p->lease_ms));
    if (n->unfed_since != MUSTER_NEVER && !MUSTER_MUTANT(dead_man_ignored)) {
        uint64_t from = n->unfed_since > p->started_ms ? n->unfed_since : p->started_ms;
        uint64_t end = sim_mono_at(s, node, from) + p->dead_man_ms;
        due = muster_deadline_sooner(due, sim_true(s, node, end));
    }
    return due > p->paused_until ? due : p->paused_until;
}

static void guard_look(struct sim *s, uint64_t name);

static void guard_arm(struct sim *s, uint32_t node, struct sim_proc *p)
{
    uint64_t due = guard_due(s, node, p);
    if (due == MUSTER_NEVER || (p->look_at != 0 && p->look_at <= due && p->look_at > s->now))
        return;
    p->look_at = due > s->now ? due : s->now;
    sim_call(s, p->look_at - s->now, guard_look, name_of(node, p));
}

static void guard_look(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_node *n = &s->node[node];
    struct sim_proc *p = proc_by_pid(n, (int32_t)(name & UINT32_MAX));
    if (p == NULL || !p->is_live)
        return;
    p->look_at = 0;
    if (guard_due(s, node, p) > s->now) {
        guard_arm(s, node, p);
        return;
    }
    bool is_stopped = p->stop_at <= s->now;
    p->by_guard = !is_stopped || p->is_orphan;
    proc_end(s, node, p, 0, is_stopped && !p->hangs && !p->is_orphan ? 15 : 9);
    if (n->is_up)
        tell(s, node, p, 0, AGENT_GUARD_EXITED);
}

void sim_proc_fed(struct sim *s, uint32_t node, bool is_fed)
{
    struct sim_node *n = &s->node[node];
    if (is_fed) {
        n->unfed_since = MUSTER_NEVER;
        return;
    }
    if (n->unfed_since == MUSTER_NEVER) {
        uint64_t ago = muster_rng_below(&s->rng, FEED_MS);
        n->unfed_since = s->now > n->epoch + ago ? s->now - ago : n->epoch;
    }
    for (uint32_t i = 0; i < n->procs; i++)
        if (n->proc[i].is_used && n->proc[i].is_live)
            guard_arm(s, node, &n->proc[i]);
}

/* ---- what jobs do */

static void proc_exit(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_node *n = &s->node[node];
    struct sim_proc *p = proc_by_pid(n, (int32_t)(name & UINT32_MAX));
    if (p == NULL || !p->is_live || (p->code != 0 && !s->is_storm && s->jobs_max != 0))
        return; /* in the calm of a swarm nothing fails by itself */
    proc_end(s, node, p, p->code, 0);
    if (n->is_up)
        tell(s, node, p, 0, AGENT_GUARD_EXITED);
}

/* What is never ready there is killed when its time for that is over. */
static void proc_is_late(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_proc *p = proc_by_pid(&s->node[node], (int32_t)(name & UINT32_MAX));
    if (p == NULL || !p->is_live || p->is_ready || p->paused_until > s->now)
        return;
    p->by_guard = false;
    proc_end(s, node, p, 0, 9);
    if (s->node[node].is_up)
        tell(s, node, p, 0, AGENT_GUARD_EXITED);
}

static void proc_ready(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_proc *p = proc_by_pid(&s->node[node], (int32_t)(name & UINT32_MAX));
    if (p == NULL || !p->is_live)
        return;
    if (p->shy == node + 1 && (s->is_storm || s->jobs_max == 0)) {
        sim_call(s, p->ready_timeout_ms, proc_is_late, name);
        return;
    }
    p->is_ready = true;
    if (s->node[node].is_up && p->handle != 0) {
        tell(s, node, p, 0, AGENT_GUARD_READY);
        tell(s, node, p, 500, AGENT_GUARD_LEFT); /* it has printed something */
    }
}

static void boot_again(struct sim *s, uint64_t node)
{
    sim_boot(s, (uint32_t)node);
}

static void proc_kills(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_proc *p = proc_by_pid(&s->node[node], (int32_t)(name & UINT32_MAX));
    if (p == NULL || !p->is_live || !s->is_storm || !s->node[node].is_up)
        return;
    sim_log(s, "%s kills its agent", p->job);
    sim_count(s, SIM_KILLER);
    sim_crash(s, node, false);
    sim_call(s, 300, boot_again, node);
}

static void habits(struct sim *s, uint32_t node, struct sim_proc *p, const char *arg)
{
    unsigned code = 0, ms = 0, shy = 0;
    if (arg == NULL)
        return;
    p->hangs = strcmp(arg, "hang") == 0;
    p->shy = sscanf(arg, "shy:%u", &shy) == 1 ? shy + 1 : 0;
    if (sscanf(arg, "%u:%u", &code, &ms) == 2) {
        p->code = (int32_t)code;
        sim_call(s, ms, proc_exit, name_of(node, p));
    } else if (sscanf(arg, "kill:%u", &ms) == 1) {
        sim_call(s, ms, proc_kills, name_of(node, p));
    }
}

/* ---- effects */

static struct sim_proc *proc_new(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++)
        if (!n->proc[i].is_used)
            return &n->proc[i];
    if (n->procs == SIM_PROCS)
        sim_fail(s, 1, "I14: n%u never forgets its guards", node);
    return &n->proc[n->procs++];
}

static void launch(struct sim *s, uint32_t node, const struct agent_launch *l)
{
    struct sim_node *n = &s->node[node];
    struct sim_proc *p = proc_new(s, node);
    *p = (struct sim_proc){ .is_used = true, .is_live = true, .handle = l->handle };
    (void)snprintf(p->job, sizeof p->job, "%s", l->run);
    p->keep = l->keep;
    p->lease_ms = l->lease_ms;
    p->token = l->token;
    p->is_exclusive = sim_truth_is_exclusive(s, p);
    p->attempt = l->attempt;
    p->needs = l->needs;
    p->pid = (int32_t)s->next_pid++;
    p->started_ms = s->now;
    p->ready_timeout_ms = (uint32_t)l->ready_timeout_ms;
    p->stop_at = MUSTER_NEVER;
    p->dead_man_ms = l->dead_man_ms != 0 ? l->dead_man_ms : DEAD_MAN_MS;
    n->live++;
    s->starts++;
    sim_log(s, "n%u starts %s token %llu attempt %u", node, p->job, (unsigned long long)p->token,
            p->attempt);
    sim_check_started(s, node, p);
    tell(s, node, p, 1, AGENT_GUARD_STARTED);
    habits(s, node, p, l->arg);
    sim_call(s, READY_MS, proc_ready, name_of(node, p));
    guard_arm(s, node, p);
}

static void stop(struct sim *s, uint32_t node, struct sim_proc *p, uint64_t grace_ms)
{
    uint64_t last = p->hangs ? grace_ms : 1 + muster_rng_below(&s->rng, LAST_MS_MAX);
    p->stop_at = muster_deadline_sooner(p->stop_at, s->now + last);
    guard_arm(s, node, p);
}

/* The deadline that a guard was handed: it kills without asking anybody (R38, R52). */
static void lease(struct sim *s, uint32_t node, struct sim_proc *p, uint64_t until_ms)
{
    if (p->lease_ms == 0 || until_ms <= p->lease_ms || p->paused_until > s->now)
        return; /* what a stopped guard would read too late is as if it had not been said */
    p->lease_ms = until_ms;
    guard_arm(s, node, p);
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
    if (e->kind == AGENT_EFFECT_GUARD_LEASE)
        lease(s, node, p, e->deadline_ms);
    else if (e->kind == AGENT_EFFECT_GUARD_FORGET)
        p->is_used = p->is_live; /* a live one cannot be forgotten */
    else if (p->is_live && e->kind == AGENT_EFFECT_GUARD_STOP)
        stop(s, node, p, e->grace_ms);
}

/* ---- who dies, and who pauses */

void sim_proc_guards_wait(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++)
        n->proc[i].waits = true;
}

void sim_proc_agent_died(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++) {
        struct sim_proc *p = &n->proc[i];
        p->handle = 0;
        bool goes_on = p->keep || p->waits;
        p->waits = false;
        if (!p->is_used || !p->is_live || goes_on)
            continue;
        p->by_guard = p->is_orphan = true;
        if (p->paused_until <= s->now)
            proc_end(s, node, p, 0, 9);
        else
            p->stop_at = s->now; /* its guard sees the closed socket when it goes on */
    }
    sim_proc_fed(s, node, false);
}

void sim_proc_machine_died(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++) {
        if (n->proc[i].is_used && n->proc[i].is_live)
            proc_end(s, node, &n->proc[i], 0, 9);
        n->proc[i] = (struct sim_proc){ 0 }; /* /run is gone with the machine */
    }
    n->procs = 0;
    n->unfed_since = MUSTER_NEVER;
}

static struct sim_proc *live_draw(struct sim_node *n, uint32_t luck)
{
    for (uint32_t i = 0; i < n->procs; i++) {
        struct sim_proc *p = &n->proc[(i + luck) % n->procs];
        if (p->is_used && p->is_live)
            return p;
    }
    return NULL;
}

/* A guard is killed: its job dies with it, and only its agent can say so. */
bool sim_proc_guard_dies(struct sim *s, uint32_t node, uint32_t luck)
{
    struct sim_node *n = &s->node[node];
    struct sim_proc *p = live_draw(n, luck);
    if (p == NULL)
        return false;
    sim_log(s, "n%u guard of %s is killed", node, p->job);
    proc_end(s, node, p, 0, 9);
    p->is_lost = p->handle == 0;
    p->paused_until = 0;
    if (n->is_up && !p->is_lost)
        tell(s, node, p, 1, AGENT_GUARD_EXITED);
    return true;
}

static void guard_pauses(struct sim *s, uint32_t node, struct sim_proc *p, uint64_t ms)
{
    if (p->lease_ms != 0 && ms > LATE_MS)
        ms = LATE_MS;
    if (p->paused_until < s->now + ms)
        p->paused_until = s->now + ms;
    if (s->stopped_until < p->paused_until)
        s->stopped_until = p->paused_until;
    guard_arm(s, node, p);
}

bool sim_proc_guard_pauses(struct sim *s, uint32_t node, uint32_t luck, uint64_t ms)
{
    struct sim_proc *p = live_draw(&s->node[node], luck);
    if (p == NULL || p->paused_until > s->now)
        return false;
    sim_log(s, "n%u guard of %s pauses for %llu ms", node, p->job, (unsigned long long)ms);
    guard_pauses(s, node, p, ms);
    return true;
}

void sim_proc_guards_pause(struct sim *s, uint32_t node, uint64_t ms)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++)
        if (n->proc[i].is_used && n->proc[i].is_live && n->proc[i].paused_until <= s->now)
            guard_pauses(s, node, &n->proc[i], ms);
}

void sim_proc_guards_sleep(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++)
        if (n->proc[i].is_used && n->proc[i].is_live)
            n->proc[i].paused_until = MUSTER_NEVER;
}

void sim_proc_guards_wake(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    for (uint32_t i = 0; i < n->procs; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used || !p->is_live)
            continue;
        p->paused_until = p->look_at = 0;
        guard_look(s, name_of(node, p));
    }
}

/* ---- boot */

/* A guard that does not greet is stuck: it is killed, and its job with it. One whose job has ended
 * meanwhile has not written that down yet, and never will. */
static void guard_breaks(struct sim *s, uint64_t name)
{
    uint32_t node = (uint32_t)(name >> 32);
    struct sim_proc *p = proc_by_pid(&s->node[node], (int32_t)(name & UINT32_MAX));
    if (p == NULL || p->paused_until <= s->now || !s->node[node].is_up ||
        p->greets_by != s->now) /* another agent waits now */
        return;
    sim_log(s, "n%u guard of %s does not greet and is killed", node, p->job);
    p->paused_until = 0;
    p->is_lost = true;
    if (p->is_live)
        proc_end(s, node, p, 0, 9);
    tell(s, node, p, 1, AGENT_GUARD_LOST);
}

static void found(struct sim *s, uint32_t node, struct sim_proc *p)
{
    p->handle = s->next_handle++;
    p->greets_by = s->now + HELLO_MS;
    if (p->paused_until > s->now + HELLO_MS) {
        sim_call(s, HELLO_MS, guard_breaks, name_of(node, p));
        return;
    }
    if (p->is_live)
        tell(s, node, p, 0, AGENT_GUARD_ADOPTED);
    else
        tell(s, node, p, 0, p->is_lost ? AGENT_GUARD_LOST : AGENT_GUARD_EXITED);
}

void sim_proc_scan(struct sim *s, uint32_t node)
{
    struct sim_node *n = &s->node[node];
    struct sim_proc none = { .is_used = true };
    uint64_t last = s->now;
    for (uint32_t i = 0; i < n->procs; i++) {
        struct sim_proc *p = &n->proc[i];
        if (!p->is_used)
            continue;
        found(s, node, p);
        last = p->paused_until > last ? p->paused_until : last;
    }
    none.paused_until = last < s->now + HELLO_MS ? last : s->now + HELLO_MS + 1;
    tell(s, node, &none, 1, AGENT_GUARD_SCANNED);
    sim_proc_fed(s, node, true);
}

uint32_t sim_proc_live(const struct sim *s, const char *job, uint32_t *node, uint64_t *token)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            if (!p->is_used || !p->is_live || strcmp(p->job, job) != 0)
                continue;
            *node = i;
            *token = p->token;
            count++;
        }
    return count;
}

bool sim_proc_is_wanted(const struct sim_proc *p)
{
    return p->is_used && p->is_live && p->stop_at == MUSTER_NEVER;
}

uint32_t sim_proc_doubled(const struct sim *s, const struct sim_job *j)
{
    uint32_t first = 0, second = 0, others = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            if (!sim_proc_is_wanted(p) || strcmp(p->job, j->name) != 0)
                continue;
            bool is_second = j->second != 0 && p->token == j->second;
            second += is_second;
            first += !is_second && p->token == j->first;
            others += !is_second && p->token != j->first;
        }
    uint32_t all = first + second + others;
    bool is_allowed = all <= 1 || (others == 0 && first <= 1 && second <= 1);
    return is_allowed ? 0 : all;
}

uint32_t sim_proc_wanted(const struct sim *s, const char *job)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->nodes; i++)
        for (uint32_t k = 0; k < s->node[i].procs; k++) {
            const struct sim_proc *p = &s->node[i].proc[k];
            count += sim_proc_is_wanted(p) && strcmp(p->job, job) == 0;
        }
    return count;
}
