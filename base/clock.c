/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines, and times, durations and sizes as text. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#include "base/civil.h"

uint64_t muster_deadline_after(uint64_t now_ms, uint64_t delay_ms)
{
    uint64_t sum;

    return __builtin_add_overflow(now_ms, delay_ms, &sum) ? MUSTER_NEVER : sum;
}

uint64_t muster_deadline_sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool muster_deadline_reached(uint64_t deadline_ms, uint64_t now_ms)
{
    return deadline_ms != MUSTER_NEVER && deadline_ms <= now_ms;
}

uint64_t muster_deadline_on_grid(struct muster_now now, uint64_t interval_ms)
{
    uint64_t past_ms = now.wall_ms % interval_ms;
    bool is_next_near = interval_ms - past_ms < interval_ms / 8;

    return muster_deadline_after(now.mono_ms, interval_ms - (is_next_near ? 0 : past_ms));
}

/* ---- times as text */

#define YEAR_9999_LAST_MS 253402300799999u
#define DAY_MS            86400000u

/* `value` in exactly `digits` digits and a mark behind it; returns where to go on. */
static char *time_put(char *out, uint64_t value, unsigned digits, char mark)
{
    for (unsigned i = digits; i > 0; i--, value /= 10)
        out[i - 1] = (char)('0' + value % 10);
    out[digits] = mark;
    return out + digits + 1;
}

char *muster_time_text(uint64_t wall_ms, char *out)
{
    struct muster_date d;
    uint64_t ms;
    char *at = out;

    /* RFC 3339 ends with the year 9999; what lies beyond is shown as its last moment. */
    if (wall_ms > YEAR_9999_LAST_MS)
        wall_ms = YEAR_9999_LAST_MS;
    d = muster_date_of_days(wall_ms / DAY_MS);
    ms = wall_ms % DAY_MS;
    at = time_put(at, d.year, 4, '-');
    at = time_put(at, d.month, 2, '-');
    at = time_put(at, d.day, 2, 'T');
    at = time_put(at, ms / 3600000, 2, ':');
    at = time_put(at, ms / 60000 % 60, 2, ':');
    at = time_put(at, ms / 1000 % 60, 2, '.');
    at = time_put(at, ms % 1000, 3, 'Z');
    *at = '\0';
    return out;
}

/* Exactly `digits` digits; moves `text` behind them. */
static bool time_number(const char **text, unsigned digits, unsigned *value)
{
    *value = 0;
    for (; digits > 0; digits--, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *value = *value * 10 + (unsigned)(**text - '0');
    }
    return true;
}

static bool time_mark(const char **text, char upper, char lower)
{
    if (**text != upper && **text != lower)
        return false;
    ++*text;
    return true;
}

/* An optional fraction of one to nine digits, cut to milliseconds. */
static bool time_fraction(const char **text, unsigned *ms)
{
    unsigned digits = 0;

    *ms = 0;
    if (**text != '.')
        return true;
    for (++*text; **text >= '0' && **text <= '9'; ++*text, digits++)
        if (digits < 3)
            *ms = *ms * 10 + (unsigned)(**text - '0');
    for (unsigned i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= 9;
}

/* "Z" or "+hh:mm" or "-hh:mm", as minutes east of UTC. */
static bool time_offset(const char **text, int *minutes)
{
    unsigned hour;
    unsigned minute;
    bool west = **text == '-';

    *minutes = 0;
    if (time_mark(text, 'Z', 'z'))
        return true;
    if (!time_mark(text, '+', '-') || !time_number(text, 2, &hour) || !time_mark(text, ':', ':') ||
        !time_number(text, 2, &minute))
        return false;
    *minutes = (int)(hour * 60 + minute) * (west ? -1 : 1);
    return hour < 24 && minute < 60;
}

int muster_time_parse(uint64_t *wall_ms, const char *text)
{
    struct muster_date d;
    unsigned year, hour, minute, second, ms;
    int offset;
    int64_t sum;

    if (!time_number(&text, 4, &year) || !time_mark(&text, '-', '-') ||
        !time_number(&text, 2, &d.month) || !time_mark(&text, '-', '-') ||
        !time_number(&text, 2, &d.day) || !time_mark(&text, 'T', 't'))
        return MUSTER_EINVAL;
    if (!time_number(&text, 2, &hour) || !time_mark(&text, ':', ':') ||
        !time_number(&text, 2, &minute) || !time_mark(&text, ':', ':') ||
        !time_number(&text, 2, &second) || !time_fraction(&text, &ms) ||
        !time_offset(&text, &offset) || *text != '\0')
        return MUSTER_EINVAL;
    d.year = year;
    /* A leap second has no number of its own in milliseconds since 1970, so it is refused. */
    if (!muster_date_is_valid(d) || hour > 23 || minute > 59 || second > 59)
        return MUSTER_EINVAL;
    sum = (int64_t)muster_date_days(d) * DAY_MS;
    sum += (int64_t)((hour * 60 + minute) * 60 + second) * 1000 + ms;
    sum -= (int64_t)offset * 60000;
    if (sum < 0)
        return MUSTER_EINVAL;
    *wall_ms = (uint64_t)sum;
    return MUSTER_OK;
}

/* ---- durations and sizes */

struct clock_unit {
    const char *name;
    uint64_t ms;
};

/* Largest first: the order in which a compound is written and must be read. */
static const struct clock_unit clock_units[] = {
    { "d", DAY_MS }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

#define CLOCK_UNITS (sizeof clock_units / sizeof clock_units[0])

/* Digits as a number; moves `text` behind them. */
static int clock_digits(const char **text, uint64_t *value)
{
    const char *start = *text;

    *value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(**text - '0'), value))
            return MUSTER_ERANGE;
    return *text == start ? MUSTER_EINVAL : MUSTER_OK;
}

/* The unit that stands here with its whole name; moves `text` behind it. */
static size_t clock_unit_find(const char **text)
{
    size_t len = 0;
    size_t unit = 0;

    while ((*text)[len] >= 'a' && (*text)[len] <= 'z')
        len++;
    while (unit < CLOCK_UNITS && (strlen(clock_units[unit].name) != len ||
                                  strncmp(*text, clock_units[unit].name, len) != 0))
        unit++;
    *text += len;
    return unit;
}

int muster_duration_parse(uint64_t *ms, const char *text)
{
    uint64_t total = 0;
    size_t next_unit = 0; /* units only get smaller, and none comes twice */

    if (text[0] == '0' && text[1] == '\0') {
        *ms = 0;
        return MUSTER_OK;
    }
    do {
        uint64_t value;
        size_t unit;
        int err = clock_digits(&text, &value);

        if (err != MUSTER_OK)
            return err;
        unit = clock_unit_find(&text);
        if (unit == CLOCK_UNITS || unit < next_unit)
            return MUSTER_EINVAL;
        if (__builtin_mul_overflow(value, clock_units[unit].ms, &value) ||
            __builtin_add_overflow(total, value, &total))
            return MUSTER_ERANGE;
        next_unit = unit + 1;
    } while (*text != '\0');
    *ms = total;
    return MUSTER_OK;
}

char *muster_duration_text(uint64_t ms, char *out, size_t size)
{
    size_t len = 0;

    MUSTER_ASSERT(size >= 2);
    out[0] = '0';
    out[1] = '\0';
    for (size_t i = 0; i < CLOCK_UNITS && len < size; i++) {
        uint64_t value = ms / clock_units[i].ms;

        ms %= clock_units[i].ms;
        if (value != 0)
            len += (size_t)snprintf(out + len, size - len, "%llu%s", (unsigned long long)value,
                                    clock_units[i].name);
    }
    return out;
}

int muster_size_parse(uint64_t *bytes, const char *text)
{
    uint64_t value;
    uint64_t scale = 1;
    int err = clock_digits(&text, &value);

    if (err != MUSTER_OK)
        return err;
    switch (*text) {
    case 'K':
        scale = 1u << 10;
        break;
    case 'M':
        scale = 1u << 20;
        break;
    case 'G':
        scale = 1u << 30;
        break;
    default:
        break;
    }
    if (text[scale > 1] != '\0')
        return MUSTER_EINVAL;
    if (__builtin_mul_overflow(value, scale, &value))
        return MUSTER_ERANGE;
    *bytes = value;
    return MUSTER_OK;
}
