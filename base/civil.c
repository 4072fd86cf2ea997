/* SPDX-License-Identifier: Apache-2.0 */
/* The Gregorian calendar.
 *
 * Years are counted from March, so that the leap day is the last day of its year and every cycle of
 * 400 years has the same 146097 days. In that year the first day of month m (0 is March) is day
 * (153 * m + 2) / 5, because the months from March on go 31 30 31 30 31 twice and then again. */
#include "base/civil.h"

#define CYCLE_DAYS  146097u
#define CYCLE_YEARS 400u
#define EPOCH_DAYS  719468u /* from 1 March of the year 0 to 1 January 1970 */

struct muster_date muster_date_of_days(uint64_t days_since_1970)
{
    uint64_t days = days_since_1970 + EPOCH_DAYS;
    uint64_t cycle = days / CYCLE_DAYS;
    unsigned in_cycle = (unsigned)(days % CYCLE_DAYS);
    /* Take the leap days out (one in 1461 days, but for the centuries) and years are 365 days. */
    unsigned year =
        (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / (CYCLE_DAYS - 1)) / 365;
    unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153;
    struct muster_date d = { .year = cycle * CYCLE_YEARS + year,
                             .month = month < 10 ? month + 3 : month - 9,
                             .day = in_year - (153 * month + 2) / 5 + 1 };

    d.year += d.month <= 2;
    return d;
}

uint64_t muster_date_days(struct muster_date d)
{
    uint64_t year = d.year - (d.month <= 2);
    unsigned month = d.month > 2 ? d.month - 3 : d.month + 9;
    uint64_t days = year * 365 + year / 4 - year / 100 + year / 400;

    return days + (153 * month + 2) / 5 + d.day - 1 - EPOCH_DAYS;
}

unsigned muster_month_days(uint64_t year, unsigned month)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (unsigned)(month == 2 && is_leap);
}

bool muster_date_is_valid(struct muster_date d)
{
    if (d.year < 1970 || d.month < 1 || d.month > 12)
        return false;
    return d.day >= 1 && d.day <= muster_month_days(d.year, d.month);
}

unsigned muster_weekday(uint64_t days)
{
    return (unsigned)((days + 4) % 7); /* 1 January 1970 was a Thursday */
}
