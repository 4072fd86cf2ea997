/* Schedule: when a job is to run by the clock, and which of the moments that have come are run.
 *
 * A tick is a moment, in whole seconds; the schedule and the time zone alone say which moments are
 * ticks, so every keeper finds the same ones. What has been decided is kept in the job's row as the
 * last tick; a plan says what is to be decided since.
 *
 * units    wall milliseconds since 1970
 * memory   held by value; the zone is borrowed
 * errors   agent_schedule_open: MUSTER_EINVAL with the reason, MUSTER_ENOTFOUND for a zone that
 *          this host does not know
 * threads  any
 */
#ifndef MUSTER_AGENT_SCHEDULE_H
#define MUSTER_AGENT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/cron.h"
#include "agent/job.h"

#define AGENT_SCHEDULE_LATE_MS 60000 /* a tick that is not later is on time: nobody missed it */
#define AGENT_PLAN_RUNS        4     /* of one plan; the rest comes with the next */

struct agent_schedule {
    struct agent_cron cron;
    bool has_cron;
    const struct agent_zone *zone; /* NULL: UTC */
    uint64_t every_ms, from_ms, at_ms;
    uint64_t not_before_ms, not_after_ms; /* NONE: no end */
    uint64_t catchup_ms;                  /* NONE: the period, a day at the most */
    int32_t missed;
};

bool agent_schedule_has(const struct agent_job *job);

/* `created_ms` anchors an `every` without `from`. */
MUSTER_MUST_USE int agent_schedule_open(struct agent_schedule *s, const struct agent_job *job,
                                        uint64_t created_ms, const struct agent_zone_source *zones,
                                        struct agent_problem *problem);

/* The first tick after that moment; MUSTER_NEVER when there is none. */
uint64_t agent_schedule_next(const struct agent_schedule *s, uint64_t after_ms);

struct agent_plan {
    uint64_t run[AGENT_PLAN_RUNS];
    uint32_t runs;
    uint32_t skipped; /* ticks passed over, because they were missed */
    uint64_t
        last_ms; /* the last tick decided by this plan; what it was before when there is none */
    uint64_t next_ms; /* the first that is not decided; MUSTER_NEVER: none */
};

/* What to do about the ticks after `last_ms` that have come by `now_ms`. */
void agent_schedule_plan(const struct agent_schedule *s, uint64_t last_ms, uint64_t now_ms,
                         struct agent_plan *plan);

#endif
