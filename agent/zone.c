/* SPDX-License-Identifier: Apache-2.0 */
/* TZif tables and the rule behind their end. */
#include "agent/zone.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/civil.h"

#define DAY_S      86400
#define HEAD_LEN   44
#define TYPE_LEN   6
#define OFFSET_MAX 93600 /* 26 hours: further from UTC is no place */

/* When clocks change within a year, as POSIX writes it: Mm.w.d, Jn or n, and a time of day that may
 * reach a week beyond the day. */
struct zone_date {
    char kind; /* 'M', 'J' (leap day never counted), '0' (from 0, leap day counted) */
    unsigned month, week, weekday, day;
    int32_t time;
};

struct zone_rule {
    bool is_set, has_summer;
    int32_t winter, summer; /* offsets */
    struct zone_date begin, end;
};

struct agent_zone {
    struct muster_arena memory;
    uint32_t count;
    int32_t first; /* offset before the table */
    struct zone_rule rule;
    int64_t *at;
    int32_t *offset; /* from at[i] on */
};

/* ---- the rule behind the table: "CET-1CEST,M3.5.0,M10.5.0/3" */

static bool text_skip(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

static bool text_name(const char **text)
{
    const char *at = *text;
    if (text_skip(text, '<')) {
        while (**text != '\0' && **text != '>')
            ++*text;
        return text_skip(text, '>');
    }
    while (isalpha((unsigned char)**text))
        ++*text;
    return *text - at >= 3;
}

static bool text_number(const char **text, unsigned max, unsigned *value)
{
    *value = 0;
    if (!isdigit((unsigned char)**text))
        return false;
    while (isdigit((unsigned char)**text)) {
        *value = *value * 10 + (unsigned)(**text - '0');
        ++*text;
        if (*value > max)
            return false;
    }
    return true;
}

/* [+-]h[:m[:s]] */
static bool text_time(const char **text, int32_t *seconds)
{
    unsigned hour, minute = 0, second = 0;
    bool is_minus = **text == '-';
    if (**text == '+' || **text == '-')
        ++*text;
    if (!text_number(text, 167, &hour))
        return false;
    if (text_skip(text, ':') && !text_number(text, 59, &minute))
        return false;
    if (text_skip(text, ':') && !text_number(text, 59, &second))
        return false;
    *seconds = (int32_t)(hour * 3600 + minute * 60 + second) * (is_minus ? -1 : 1);
    return true;
}

static bool text_month_day(const char **text, struct zone_date *d)
{
    return text_number(text, 12, &d->month) && d->month >= 1 && text_skip(text, '.') &&
           text_number(text, 5, &d->week) && d->week >= 1 && text_skip(text, '.') &&
           text_number(text, 6, &d->weekday);
}

static bool text_date(const char **text, struct zone_date *d)
{
    bool is_good = false;
    d->time = 7200;
    if (!text_skip(text, ','))
        return false;
    d->kind = **text == 'M' || **text == 'J' ? **text : '0';
    if (d->kind != '0')
        ++*text;
    if (d->kind == 'M')
        is_good = text_month_day(text, d);
    else
        is_good = text_number(text, 365, &d->day) && (d->kind == '0' || d->day >= 1);
    return is_good && (!text_skip(text, '/') || text_time(text, &d->time));
}

static bool rule_read(struct zone_rule *r, const char *text)
{
    if (*text == '\0')
        return true; /* the last offset of the table holds for ever */
    if (!text_name(&text) || !text_time(&text, &r->winter))
        return false;
    r->winter = -r->winter; /* POSIX counts west */
    r->is_set = true;
    if (*text == '\0')
        return true;
    r->has_summer = true;
    if (!text_name(&text))
        return false;
    r->summer = r->winter + 3600;
    if (*text != ',') {
        if (!text_time(&text, &r->summer))
            return false;
        r->summer = -r->summer;
    }
    return text_date(&text, &r->begin) && text_date(&text, &r->end) && *text == '\0';
}

/* Local seconds at which the date falls in that year. */
static int64_t date_local(const struct zone_date *d, uint64_t year)
{
    uint64_t first = muster_date_days((struct muster_date){ year, 1, 1 });
    uint64_t day = first + d->day;
    if (d->kind == 'J' && (muster_month_days(year, 2) == 28 || d->day < 60))
        day--; /* counted from 1; in a leap year day 60 is 1 March */
    if (d->kind == 'M') {
        uint64_t start = muster_date_days((struct muster_date){ year, d->month, 1 });
        unsigned in_month = (d->weekday + 7 - muster_weekday(start)) % 7 + (d->week - 1) * 7;
        if (in_month >= muster_month_days(year, d->month))
            in_month -= 7; /* week 5 is the last, be it the fourth */
        day = start + in_month;
    }
    return (int64_t)day * DAY_S + d->time;
}

struct rule_year {
    int64_t begin, end; /* of summer, UTC */
};

static struct rule_year rule_in(const struct zone_rule *r, uint64_t year)
{
    return (struct rule_year){ date_local(&r->begin, year) - r->winter,
                               date_local(&r->end, year) - r->summer };
}

static uint64_t year_of(int64_t local)
{
    return muster_date_of_days(local > 0 ? (uint64_t)local / DAY_S : 0).year;
}

static int32_t rule_offset(const struct zone_rule *r, int64_t utc)
{
    if (!r->has_summer)
        return r->winter;
    struct rule_year y = rule_in(r, year_of(utc + r->winter));
    bool is_summer = y.begin < y.end ? utc >= y.begin && utc < y.end
                                     : utc >= y.begin || utc < y.end; /* across the new year */
    return is_summer ? r->summer : r->winter;
}

static int64_t rule_next(const struct zone_rule *r, int64_t utc)
{
    int64_t next = AGENT_ZONE_NEVER;
    if (!r->has_summer)
        return next;
    uint64_t year = year_of(utc);
    for (uint64_t y = year > 1970 ? year - 1 : year; y <= year + 1; y++) {
        struct rule_year c = rule_in(r, y);
        if (c.begin > utc && c.begin < next)
            next = c.begin;
        if (c.end > utc && c.end < next)
            next = c.end;
    }
    return next;
}

/* ---- TZif */

struct tzif {
    const uint8_t *at, *end;
    uint32_t is_ut, is_std, leaps, times, types, chars;
    uint32_t width; /* bytes of a time: 4 in the first block, 8 in the second */
    uint8_t version;
};

static uint64_t big_endian(const uint8_t *in, uint32_t len)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < len; i++)
        value = value << 8 | in[i];
    return value;
}

static bool head_read(struct tzif *t, uint32_t width)
{
    uint32_t *const count[] = { &t->is_ut, &t->is_std, &t->leaps, &t->times, &t->types, &t->chars };
    if (t->end - t->at < HEAD_LEN || memcmp(t->at, "TZif", 4) != 0)
        return false;
    t->version = t->at[4];
    t->width = width;
    for (uint32_t i = 0; i < 6; i++) {
        *count[i] = (uint32_t)big_endian(t->at + 20 + i * 4, 4);
        if (*count[i] > AGENT_ZONE_BYTES_MAX)
            return false;
    }
    t->at += HEAD_LEN;
    return t->types >= 1 && t->types <= 256;
}

static uint64_t block_len(const struct tzif *t)
{
    return (uint64_t)t->times * (t->width + 1) + (uint64_t)t->types * TYPE_LEN + t->chars +
           (uint64_t)t->leaps * (t->width + 4) + t->is_std + t->is_ut;
}

static bool block_fits(const struct tzif *t)
{
    return block_len(t) <= (uint64_t)(t->end - t->at);
}

static bool type_offset(const struct tzif *t, const uint8_t *types, uint32_t type, int32_t *offset)
{
    if (type >= t->types)
        return false;
    *offset = (int32_t)(uint32_t)big_endian(types + type * TYPE_LEN, 4);
    return *offset >= -OFFSET_MAX && *offset <= OFFSET_MAX;
}

static bool block_read(struct agent_zone *z, const struct tzif *t)
{
    const uint8_t *index = t->at + (size_t)t->times * t->width, *types = index + t->times;
    if (!type_offset(t, types, 0, &z->first))
        return false;
    for (uint32_t i = 0; i < t->times; i++) {
        uint64_t raw = big_endian(t->at + (size_t)i * t->width, t->width);
        z->at[i] = t->width == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
        if (!type_offset(t, types, index[i], &z->offset[i]) || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
    }
    z->count = t->times;
    return true;
}

static bool footer_read(struct agent_zone *z, const struct tzif *t)
{
    char text[128];
    const uint8_t *at = t->at + block_len(t);
    size_t len = (size_t)(t->end - at);
    if (len < 2 || at[0] != '\n')
        return false;
    const uint8_t *last = memchr(at + 1, '\n', len - 1);
    if (last == NULL || (size_t)(last - at) > sizeof text)
        return false;
    memcpy(text, at + 1, (size_t)(last - at) - 1);
    text[last - at - 1] = '\0';
    return rule_read(&z->rule, text);
}

static bool tzif_read(struct agent_zone *z, struct tzif *t)
{
    if (!block_read(z, t))
        return false;
    return t->version == 0 || footer_read(z, t);
}

int agent_zone_open(struct agent_zone **out, struct muster_bytes bytes)
{
    struct tzif t = { .at = bytes.data, .end = bytes.data + bytes.len };
    *out = NULL;
    if (bytes.len > AGENT_ZONE_BYTES_MAX || !head_read(&t, 4) || !block_fits(&t))
        return MUSTER_EINVAL;
    if (t.version != 0) { /* the same again in 64 bits */
        t.at += block_len(&t);
        if (!head_read(&t, 8) || !block_fits(&t))
            return MUSTER_EINVAL;
    }
    struct muster_arena memory;
    size_t table = t.times * (sizeof(int64_t) + sizeof(int32_t));
    if (muster_arena_open(&memory, sizeof(struct agent_zone) + table + 64) != MUSTER_OK)
        return MUSTER_EFULL;
    struct agent_zone *z = muster_arena_take(&memory, 1, sizeof *z);
    z->at = muster_arena_take(&memory, t.times, sizeof *z->at);
    z->offset = muster_arena_take(&memory, t.times, sizeof *z->offset);
    if (!tzif_read(z, &t)) {
        muster_arena_close(&memory);
        return MUSTER_EINVAL;
    }
    z->memory = memory;
    *out = z;
    return MUSTER_OK;
}

void agent_zone_close(struct agent_zone *z)
{
    if (z == NULL)
        return;
    struct muster_arena memory = z->memory; /* it lies in what it gives back */
    muster_arena_close(&memory);
}

/* ---- questions */

/* How many changes of the table are at or before that moment. */
static uint32_t table_place(const struct agent_zone *z, int64_t utc)
{
    uint32_t low = 0, high = z->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (z->at[middle] <= utc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t agent_zone_offset(const struct agent_zone *z, int64_t utc)
{
    if (z == NULL)
        return 0;
    uint32_t place = table_place(z, utc);
    if (place == z->count && z->rule.is_set)
        return rule_offset(&z->rule, utc);
    return place > 0 ? z->offset[place - 1] : z->first;
}

int64_t agent_zone_next_change(const struct agent_zone *z, int64_t utc)
{
    if (z == NULL)
        return AGENT_ZONE_NEVER;
    uint32_t place = table_place(z, utc);
    if (place < z->count)
        return z->at[place];
    return z->rule.is_set ? rule_next(&z->rule, utc) : AGENT_ZONE_NEVER;
}

int64_t agent_zone_moment(const struct agent_zone *z, int64_t local)
{
    int32_t before = agent_zone_offset(z, local - DAY_S);
    int32_t after = agent_zone_offset(z, local + DAY_S);
    if (agent_zone_offset(z, local - before) == before)
        return local - before; /* of two the first */
    if (agent_zone_offset(z, local - after) == after)
        return local - after;
    return agent_zone_next_change(z, local - after);
}

bool agent_zone_name_is_good(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len >= AGENT_ZONE_NAME_MAX || name[0] == '/' || strstr(name, "..") != NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("+-_/", name[i]) == NULL)
            return false;
    return true;
}
