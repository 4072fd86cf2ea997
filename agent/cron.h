/* Cron: an expression of five or six fields, and the moments at which it fires.
 *
 *     [second] minute hour day-of-month month day-of-week
 *
 * `*` `?`, numbers, names (jan, mon), lists, ranges, steps; `L` the last day of the month, `L-3`
 * the third before it, `5L` or `friL` the last Friday; `5#2` the second Friday; `H`, `H/15`,
 * `H(0-29)` a value drawn from the job's name, so that a thousand jobs do not fire at once; @yearly
 * @annually @monthly @weekly @daily @midnight @hourly, of which all but @hourly mean `H H …`'s
 * plain cousins at midnight. Sunday is 0 or 7. When both day fields are restricted, either
 * suffices.
 *
 * Where clocks change: an expression with fixed hours follows the clock on the wall, so what falls
 * into the gap fires once, at its end, and what would come twice fires at the first. One whose hour
 * begins with `*` follows elapsed time: nothing in the gap, and every hour that comes twice twice.
 *
 * units    seconds since 1970 UTC
 * memory   held by value
 * errors   MUSTER_EINVAL with the column and what is wrong in the problem
 * threads  any
 * source   crontab(5) of Vixie's cron, and Jenkins' H
 */
#ifndef MUSTER_AGENT_CRON_H
#define MUSTER_AGENT_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/problem.h"
#include "agent/zone.h"

struct agent_cron {
    uint64_t second, minute; /* a bit for each value that fires */
    uint32_t hour;
    uint32_t day;   /* bits 1 to 31 */
    uint16_t month; /* bits 1 to 12 */
    uint8_t weekday;
    uint32_t day_last;                   /* bit n: the n-th day before the month's last */
    uint8_t weekday_last;                /* bit w: the last weekday w of the month */
    uint8_t weekday_nth[7];              /* bit n: the n-th weekday w */
    bool any_day, any_weekday, any_hour; /* the field began with `*` */
};

/* `seed` decides H: muster_hash64 of the job's name. */
MUSTER_MUST_USE int agent_cron_parse(struct agent_cron *c, const char *text, uint64_t seed,
                                     struct agent_problem *problem);

/* The first moment after `after` (at least a day after 1970) at which it fires; AGENT_ZONE_NEVER
 * when that is not within the next forty years. `z` NULL: UTC. */
int64_t agent_cron_next(const struct agent_cron *c, const struct agent_zone *z, int64_t after);

#endif
