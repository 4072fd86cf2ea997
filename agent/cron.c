/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the fields of a cron expression. */
#include "agent/cron.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define EXPRESSION_MAX 256
#define FIELDS         6

enum field { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul",
                                           "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL
};

struct rule {
    const char *name;
    unsigned min, max;
    unsigned hash_max; /* H draws up to here: every month has 28 days */
    const char *const *names;
};

static const struct rule rules[FIELDS] = {
    [SECOND] = { "second", 0, 59, 59, NULL },
    [MINUTE] = { "minute", 0, 59, 59, NULL },
    [HOUR] = { "hour", 0, 23, 23, NULL },
    [DAY] = { "day of month", 1, 31, 28, NULL },
    [MONTH] = { "month", 1, 12, 12, month_names },
    [WEEKDAY] = { "day of week", 0, 7, 6, weekday_names },
};

/* One field while it is being read. */
struct cursor {
    const char *text, *at;
    enum field field;
    uint64_t seed;
    uint64_t bits;
    struct agent_cron *cron;
    struct agent_problem *problem;
};

static bool fault(struct cursor *c, const char *what)
{
    (void)agent_problem_set(c->problem, MUSTER_EINVAL, rules[c->field].name, 1,
                            (uint32_t)(c->at - c->text) + 1, "%s", what);
    return false;
}

static bool fault_range(struct cursor *c, const char *at)
{
    c->at = at;
    (void)agent_problem_set(c->problem, MUSTER_EINVAL, rules[c->field].name, 1,
                            (uint32_t)(at - c->text) + 1, "%u to %u", rules[c->field].min,
                            rules[c->field].max);
    return false;
}

static bool is_end(char c)
{
    return c == '\0' || c == ' ' || c == '\t';
}

static bool skip(struct cursor *c, char what)
{
    if (*c->at != what)
        return false;
    c->at++;
    return true;
}

static bool begins(const char *text, const char *word)
{
    while (*word != '\0' && tolower((unsigned char)*text) == *word) {
        text++;
        word++;
    }
    return *word == '\0';
}

static bool name_read(struct cursor *c, unsigned *value)
{
    const char *const *names = rules[c->field].names;
    for (unsigned i = 0; names != NULL && names[i] != NULL; i++) {
        if (!begins(c->at, names[i]) || isalnum((unsigned char)c->at[3]))
            continue;
        c->at += 3;
        *value = i + rules[c->field].min;
        return true;
    }
    return false;
}

/* The "L" behind a weekday's name is no part of it. */
static bool name_last_read(struct cursor *c, unsigned *value)
{
    if (c->field != WEEKDAY || strlen(c->at) < 4 || toupper((unsigned char)c->at[3]) != 'L')
        return false;
    for (unsigned i = 0; weekday_names[i] != NULL; i++) {
        if (!begins(c->at, weekday_names[i]))
            continue;
        c->at += 3;
        *value = i;
        return true;
    }
    return false;
}

static bool number_read(struct cursor *c, unsigned *value)
{
    const char *at = c->at;
    if (name_read(c, value) || name_last_read(c, value))
        return true;
    if (!isdigit((unsigned char)*at))
        return fault(c, rules[c->field].names != NULL
                            ? "a number or a name of three letters is missing"
                            : "a number is missing");
    *value = 0;
    while (isdigit((unsigned char)*c->at) && *value <= rules[c->field].max)
        *value = *value * 10 + (unsigned)(*c->at++ - '0');
    if (*value < rules[c->field].min || *value > rules[c->field].max)
        return fault_range(c, at);
    return true;
}

static bool step_read(struct cursor *c, unsigned *step)
{
    const char *at = c->at;
    *step = 0;
    while (isdigit((unsigned char)*c->at) && *step < 1000)
        *step = *step * 10 + (unsigned)(*c->at++ - '0');
    if (*step == 0 || *step > rules[c->field].max + 1 - rules[c->field].min) {
        c->at = at;
        return fault(c, "a step is a number from 1 to the size of the field");
    }
    return true;
}

static void bits_set(struct cursor *c, unsigned from, unsigned to, unsigned step)
{
    for (unsigned v = from; v <= to; v += step)
        c->bits |= UINT64_C(1) << (c->field == WEEKDAY ? v % 7 : v);
}

/* H, H(0-29), H/15, H(0-29)/10 */
static bool hash_read(struct cursor *c)
{
    unsigned from = rules[c->field].min, to = rules[c->field].hash_max, step = 0;
    char salt = (char)c->field;
    uint64_t drawn = muster_hash64(MUSTER_BYTES(&salt, 1), c->seed);
    if (skip(c, '(')) {
        if (!number_read(c, &from) || !skip(c, '-') || !number_read(c, &to) || !skip(c, ')') ||
            from > to)
            return fault(c, "H takes a range as in H(0-29)");
    }
    if (skip(c, '/') && !step_read(c, &step))
        return false;
    unsigned span = step != 0 && step < to - from + 1 ? step : to - from + 1;
    from += (unsigned)(drawn % span);
    bits_set(c, from, step != 0 ? to : from, step != 0 ? step : 1);
    return true;
}

static bool last_day_read(struct cursor *c)
{
    unsigned before = 0;
    if (c->field != DAY)
        return fault(c, "L stands for the last day of the month, or behind a day of the week");
    if (skip(c, '-')) {
        if (!number_read(c, &before))
            return false;
        if (before > 30)
            return fault(c, "at most L-30");
    }
    c->cron->day_last |= UINT32_C(1) << before;
    return true;
}

/* 5L, 5#2 */
static bool weekday_mark(struct cursor *c, unsigned weekday, bool *is_marked)
{
    *is_marked = true;
    if (*c->at == 'L' || *c->at == 'l') {
        c->at++;
        c->cron->weekday_last |= (uint8_t)(1u << weekday % 7);
        return true;
    }
    if (skip(c, '#')) {
        if (*c->at < '1' || *c->at > '5')
            return fault(c, "1 to 5: a month has no more of one weekday");
        c->cron->weekday_nth[weekday % 7] |= (uint8_t)(1u << (*c->at++ - '0'));
        return true;
    }
    *is_marked = false;
    return true;
}

static bool item_read(struct cursor *c)
{
    unsigned from = rules[c->field].min, to = rules[c->field].max, step = 1;
    bool is_marked = false;
    if (skip(c, 'H') || skip(c, 'h'))
        return hash_read(c);
    if (skip(c, 'L') || skip(c, 'l'))
        return last_day_read(c);
    if (skip(c, '*') || skip(c, '?')) {
        if (c->field == WEEKDAY)
            to = 6;
    } else {
        if (!number_read(c, &from))
            return false;
        if (c->field == WEEKDAY && (!weekday_mark(c, from, &is_marked) || is_marked))
            return is_marked && c->problem->err == MUSTER_OK;
        to = *c->at == '/' ? rules[c->field].max : from;
        if (skip(c, '-') && !number_read(c, &to))
            return false;
    }
    if (from > to)
        return fault(c, "a range goes from the smaller to the larger; a list can hold two ranges");
    if (skip(c, '/') && !step_read(c, &step))
        return false;
    bits_set(c, from, to, step);
    return true;
}

static bool field_read(struct cursor *c)
{
    c->bits = 0;
    do {
        if (!item_read(c))
            return false;
    } while (skip(c, ','));
    return is_end(*c->at) || fault(c, "this is not understood here");
}

static void field_keep(struct cursor *c, const char *began)
{
    struct agent_cron *cron = c->cron;
    bool is_any = *began == '*' || *began == '?';
    switch (c->field) {
    case SECOND:
        cron->second = c->bits;
        break;
    case MINUTE:
        cron->minute = c->bits;
        break;
    case HOUR:
        cron->hour = (uint32_t)c->bits;
        cron->any_hour = is_any;
        break;
    case DAY:
        cron->day = (uint32_t)c->bits;
        cron->any_day = is_any;
        break;
    case MONTH:
        cron->month = (uint16_t)c->bits;
        break;
    case WEEKDAY:
        cron->weekday = (uint8_t)c->bits;
        cron->any_weekday = is_any;
        break;
    }
}

static const char *shorthand(const char *text)
{
    static const char *const known[][2] = {
        { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" },
        { "@weekly", "0 0 * * 0" }, { "@daily", "0 0 * * *" },    { "@midnight", "0 0 * * *" },
        { "@hourly", "0 * * * *" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begins(text, known[i][0]) && is_end(text[strlen(known[i][0])]))
            return known[i][1];
    return NULL;
}

static unsigned fields_count(const char *text)
{
    unsigned n = 0;
    while (*text != '\0') {
        text += strspn(text, " \t");
        n += *text != '\0';
        text += strcspn(text, " \t");
    }
    return n;
}

int agent_cron_parse(struct agent_cron *cron, const char *text, uint64_t seed,
                     struct agent_problem *problem)
{
    *cron = (struct agent_cron){ .second = 1 };
    agent_problem_clear(problem);
    text += strspn(text, " \t");
    if (*text == '@' && shorthand(text) == NULL)
        return agent_problem_set(problem, MUSTER_EINVAL, "", 1, 1,
                                 "say @yearly, @monthly, @weekly, @daily or @hourly");
    if (*text == '@')
        text = shorthand(text);
    unsigned count = fields_count(text);
    if (count < 5 || count > FIELDS || strlen(text) > EXPRESSION_MAX)
        return agent_problem_set(problem, MUSTER_EINVAL, "", 1, 1,
                                 "%u fields; say minute hour day month weekday, with seconds "
                                 "before them if need be",
                                 count);
    struct cursor c = { .text = text, .at = text, .seed = seed, .cron = cron, .problem = problem };
    for (unsigned f = FIELDS - count; f < FIELDS; f++) {
        c.at += strspn(c.at, " \t");
        c.field = (enum field)f;
        const char *began = c.at;
        if (!field_read(&c))
            return MUSTER_EINVAL;
        field_keep(&c, began);
    }
    return MUSTER_OK;
}
