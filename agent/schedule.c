/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks of a schedule, and what becomes of those that were missed. */
#include "agent/schedule.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define SECOND_MS   1000ULL
#define DAY_MS      (24 * 60 * 60 * SECOND_MS)
#define COUNTED_MAX 100000 /* missed ticks of a cron expression that are counted one by one */

bool agent_schedule_has(const struct agent_job *job)
{
    return job->cron != NULL || job->every_ms != AGENT_JOB_NONE || job->at_ms != 0;
}

int agent_schedule_open(struct agent_schedule *s, const struct agent_job *job, uint64_t created_ms,
                        const struct agent_zone_source *zones, struct agent_problem *problem)
{
    *s = (struct agent_schedule){ .every_ms = job->every_ms,
                                  .from_ms = job->from_ms != 0 ? job->from_ms : created_ms,
                                  .at_ms = job->at_ms,
                                  .not_before_ms = job->not_before_ms,
                                  .not_after_ms = job->not_after_ms,
                                  .catchup_ms = job->catchup_ms,
                                  .missed = job->missed };
    s->from_ms -= s->from_ms % SECOND_MS;
    if (job->tz != NULL && strcmp(job->tz, "UTC") != 0) {
        s->zone = zones->find != NULL ? zones->find(zones->context, job->tz) : NULL;
        if (s->zone == NULL)
            return agent_problem_set(problem, MUSTER_ENOTFOUND, "tz", 0, 0,
                                     "this host knows no time zone \"%.60s\"; is tzdata installed?",
                                     job->tz);
    }
    if (job->cron == NULL)
        return MUSTER_OK;
    s->has_cron = true;
    uint64_t seed = job->name != NULL ? muster_hash64(muster_bytes_text(job->name), 0) : 0;
    return agent_cron_parse(&s->cron, job->cron, seed, problem);
}

static uint64_t next_cron(const struct agent_schedule *s, uint64_t after_ms)
{
    uint64_t from = after_ms < 2 * DAY_MS ? 2 * DAY_MS : after_ms;
    int64_t next = agent_cron_next(&s->cron, s->zone, (int64_t)(from / SECOND_MS));
    return next == AGENT_ZONE_NEVER ? MUSTER_NEVER : (uint64_t)next * SECOND_MS;
}

static uint64_t next_every(const struct agent_schedule *s, uint64_t after_ms)
{
    if (after_ms < s->from_ms)
        return s->from_ms;
    return s->from_ms + ((after_ms - s->from_ms) / s->every_ms + 1) * s->every_ms;
}

uint64_t agent_schedule_next(const struct agent_schedule *s, uint64_t after_ms)
{
    uint64_t next = MUSTER_NEVER;
    if (after_ms + 1 < s->not_before_ms)
        after_ms = s->not_before_ms - 1; /* a tick at that very moment counts */
    if (s->has_cron)
        next = next_cron(s, after_ms);
    else if (s->every_ms != AGENT_JOB_NONE)
        next = next_every(s, after_ms);
    else if (s->at_ms > after_ms)
        next = s->at_ms;
    return next > s->not_after_ms ? MUSTER_NEVER : next;
}

/* How late a tick may be and still be run: what was not missed, by the period at the most. */
static uint64_t reach_ms(const struct agent_schedule *s, uint64_t tick_ms)
{
    uint64_t next = agent_schedule_next(s, tick_ms);
    uint64_t period = next == MUSTER_NEVER ? DAY_MS : next - tick_ms;
    if (s->missed == AGENT_JOB_MISSED_SKIP)
        return AGENT_SCHEDULE_LATE_MS;
    if (s->catchup_ms != AGENT_JOB_NONE)
        return s->catchup_ms;
    return period < DAY_MS ? period : DAY_MS;
}

/* Where counting one by one begins: what lies far back is counted by arithmetic. */
static uint64_t far_back(const struct agent_schedule *s, uint64_t last_ms, uint64_t now_ms,
                         uint32_t *skipped)
{
    uint64_t catchup =
        s->catchup_ms != AGENT_JOB_NONE && s->catchup_ms < now_ms ? s->catchup_ms : 0;
    uint64_t since = now_ms - (catchup > DAY_MS ? catchup : DAY_MS);
    if (s->has_cron || s->every_ms == AGENT_JOB_NONE || now_ms < DAY_MS || last_ms >= since)
        return last_ms;
    uint64_t first = agent_schedule_next(s, last_ms);
    if (first >= since)
        return last_ms;
    uint64_t count = (since - first) / s->every_ms + 1;
    *skipped += count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    return first + (count - 1) * s->every_ms;
}

void agent_schedule_plan(const struct agent_schedule *s, uint64_t last_ms, uint64_t now_ms,
                         struct agent_plan *plan)
{
    *plan = (struct agent_plan){ .last_ms = last_ms };
    uint64_t at = far_back(s, last_ms, now_ms, &plan->skipped), held = 0;
    for (uint32_t i = 0; i < COUNTED_MAX; i++) {
        uint64_t tick = agent_schedule_next(s, at);
        if (tick == MUSTER_NEVER || tick > now_ms)
            break;
        bool is_near = now_ms - tick <= reach_ms(s, tick);
        if (s->missed == AGENT_JOB_MISSED_ALL && is_near) {
            if (plan->runs == AGENT_PLAN_RUNS)
                break; /* the others with the next plan, from here */
            plan->run[plan->runs++] = tick;
        } else {
            /* Of all that are missed the latest alone is run, if it is near enough. */
            plan->skipped += held != 0;
            held = is_near ? tick : 0;
            plan->skipped += !is_near;
        }
        at = tick;
    }
    if (held != 0)
        plan->run[plan->runs++] = held;
    plan->last_ms = at;
    plan->next_ms = agent_schedule_next(s, at);
}
