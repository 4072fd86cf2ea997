/* SPDX-License-Identifier: Apache-2.0 */
/* When a cron expression fires: on the face of a local clock, and from there to moments. */
#include "agent/cron.h"
#include "base/civil.h"

#define MINUTE_S 60
#define HOUR_S   3600
#define DAY_S    86400
#define YEARS    40 /* 29 February on a Monday comes every 28 years, but over 2100 every 40 */

static bool weekday_fits(const struct agent_cron *c, uint64_t days, struct muster_date d)
{
    unsigned w = muster_weekday(days), nth = (d.day - 1) / 7 + 1;
    bool is_last = d.day + 7 > muster_month_days(d.year, d.month);
    return (c->weekday >> w & 1) != 0 || (is_last && (c->weekday_last >> w & 1) != 0) ||
           (c->weekday_nth[w] >> nth & 1) != 0;
}

static bool day_fits(const struct agent_cron *c, uint64_t days)
{
    struct muster_date d = muster_date_of_days(days);
    unsigned left = muster_month_days(d.year, d.month) - d.day;
    bool by_day = (c->day >> d.day & 1) != 0 || (c->day_last >> left & 1) != 0;
    bool by_weekday = weekday_fits(c, days, d);
    if (c->any_day || c->any_weekday)
        return by_day && by_weekday;
    return by_day || by_weekday;
}

/* The first day from `days` on whose date fits; months that do not fit are passed as a whole. */
static uint64_t day_next(const struct agent_cron *c, uint64_t days)
{
    uint64_t last = days + YEARS * 366u;
    while (days <= last) {
        struct muster_date d = muster_date_of_days(days);
        if ((c->month >> d.month & 1) == 0)
            days += muster_month_days(d.year, d.month) - d.day + 1;
        else if (day_fits(c, days))
            return days;
        else
            days++;
    }
    return UINT64_MAX;
}

/* The first value from `from` on whose bit is set; `end` when there is none. */
static unsigned bit_next(uint64_t bits, unsigned from, unsigned end)
{
    while (from < end && (bits >> from & 1) == 0)
        from++;
    return from;
}

/* The first second of the day from `from` on that fits; DAY_S when there is none. */
static unsigned time_next(const struct agent_cron *c, unsigned from)
{
    while (from < DAY_S) {
        unsigned hour = bit_next(c->hour, from / HOUR_S, 24);
        if (hour != from / HOUR_S) {
            from = hour * HOUR_S;
            continue;
        }
        unsigned minute = bit_next(c->minute, from / MINUTE_S % 60, 60);
        if (minute != from / MINUTE_S % 60) {
            from = hour * HOUR_S + minute * MINUTE_S;
            continue;
        }
        unsigned second = bit_next(c->second, from % MINUTE_S, 60);
        from += second - from % MINUTE_S;
        if (second < 60)
            return from;
    }
    return DAY_S;
}

/* The first local second from `local` on that fits. */
static int64_t local_next(const struct agent_cron *c, int64_t local)
{
    if (local < 0)
        local = 0;
    uint64_t days = day_next(c, (uint64_t)local / DAY_S);
    unsigned from = days == (uint64_t)local / DAY_S ? (unsigned)(local % DAY_S) : 0;
    for (int i = 0; i < 2 && days != UINT64_MAX; i++) {
        unsigned time = time_next(c, from);
        if (time < DAY_S)
            return (int64_t)days * DAY_S + time;
        days = day_next(c, days + 1);
        from = 0;
    }
    return AGENT_ZONE_NEVER;
}

/* Elapsed time: stretches without a change of the clock, one after the other. */
static int64_t elapsed_next(const struct agent_cron *c, const struct agent_zone *z, int64_t after)
{
    int64_t limit = after + (int64_t)YEARS * 366 * DAY_S;
    for (int64_t from = after + 1; from < limit;) {
        int32_t offset = agent_zone_offset(z, from);
        int64_t change = agent_zone_next_change(z, from);
        int64_t local = local_next(c, from + offset);
        if (local == AGENT_ZONE_NEVER)
            return AGENT_ZONE_NEVER;
        if (local - offset < change)
            return local - offset;
        from = change;
    }
    return AGENT_ZONE_NEVER;
}

/* The clock on the wall: every local time that fits, once. */
static int64_t wall_next(const struct agent_cron *c, const struct agent_zone *z, int64_t after)
{
    int64_t local = after + agent_zone_offset(z, after);
    for (;;) {
        local = local_next(c, local + 1);
        if (local == AGENT_ZONE_NEVER)
            return AGENT_ZONE_NEVER;
        int64_t moment = agent_zone_moment(z, local);
        if (moment > after)
            return moment;
    }
}

int64_t agent_cron_next(const struct agent_cron *c, const struct agent_zone *z, int64_t after)
{
    return c->any_hour ? elapsed_next(c, z, after) : wall_next(c, z, after);
}
