/* Civil: days since 1970 and the calendar's year, month and day, by arithmetic alone. (Proleptic
 * Gregorian; eras of 400 years counted from March, so that the leap day is the last of its year.)
 *
 * units    days since 1970-01-01; months and days of the month count from 1
 * threads  any
 */
#ifndef MUSTER_BASE_CIVIL_H
#define MUSTER_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct muster_date {
    uint64_t year;
    unsigned month, day;
};

struct muster_date muster_date_of_days(uint64_t days);
uint64_t muster_date_days(struct muster_date d); /* of a valid date */
bool muster_date_is_valid(struct muster_date d); /* from 1970 on */
unsigned muster_month_days(uint64_t year, unsigned month);
unsigned muster_weekday(uint64_t days); /* 0 is Sunday */

#endif
