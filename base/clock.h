/* Clock: milliseconds as plain numbers, and the arithmetic of deadlines. Nothing here reads a
 * clock; the shell reads one and hands the result in.
 *
 * units    milliseconds; `mono` from an arbitrary start, `wall` since 1970 (for people and for
 *          not_before and schedules only, R8)
 * threads  any
 */
#ifndef MUSTER_BASE_CLOCK_H
#define MUSTER_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MUSTER_NEVER     UINT64_MAX
#define MUSTER_TIME_TEXT 32 /* "2026-03-28T01:00:00.000Z" and a NUL */

struct muster_now {
    uint64_t mono_ms;
    uint64_t wall_ms;
};

/* Saturates at MUSTER_NEVER. */
uint64_t muster_deadline_after(uint64_t now_ms, uint64_t delay_ms);
uint64_t muster_deadline_sooner(uint64_t a, uint64_t b);
/* The end of an interval that begins now, or a little before: where the wall clock is a multiple of
 * it. What all nodes do in each interval falls together then, as far as their clocks agree, and who
 * listens to many is woken once by all of them. A clock that is wrong or steps changes nothing but
 * that: never later than the interval, and never sooner than an eighth of it. */
uint64_t muster_deadline_on_grid(struct muster_now now, uint64_t interval_ms);
bool muster_deadline_reached(uint64_t deadline_ms, uint64_t now_ms);

/* RFC 3339 in UTC with milliseconds, by arithmetic alone; a moment behind the year 9999, where that
 * format ends, is shown as its last one. Returns `out`. */
char *muster_time_text(uint64_t wall_ms, char *out);
/* Any zone offset and up to nine digits of a second are read; leap seconds and years before 1970
 * are MUSTER_EINVAL. */
MUSTER_MUST_USE int muster_time_parse(uint64_t *wall_ms, const char *text);

/* "250ms" "10s" "5m" "2h" "7d", also compound "1h30m"; a bare number is refused unless it is 0.
 * Units go from large to small, each at most once. MUSTER_ERANGE when it overflows. */
MUSTER_MUST_USE int muster_duration_parse(uint64_t *ms, const char *text);
/* The shortest exact form that muster_duration_parse reads back, e.g. "90s" -> "1m30s". At most 48
 * bytes. */
char *muster_duration_text(uint64_t ms, char *out, size_t size);

/* "64K" "1M" "4G" (powers of 1024) or a bare number of bytes. */
MUSTER_MUST_USE int muster_size_parse(uint64_t *bytes, const char *text);

#endif
