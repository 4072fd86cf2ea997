/* SPDX-License-Identifier: Apache-2.0 */
/* Key=value lists, written and read without a copy. */
#include "agent/fields.h"

#include <string.h>

#define DIGITS_MAX 24 /* a 64-bit number, its sign and a NUL */

void agent_fields_init(struct agent_fields *f, char *data, size_t size, char end)
{
    *f = (struct agent_fields){ .data = data, .size = size, .end = end };
}

static void fields_add(struct agent_fields *f, const char *bytes, size_t len)
{
    if (f->is_full || len > f->size - f->len) {
        f->is_full = true;
        return;
    }
    memcpy(f->data + f->len, bytes, len);
    f->len += len;
}

/* A record has one field per line: a value must not be able to begin a second one. */
static void fields_calm(char *from, const char *limit)
{
    for (; from < limit; from++) {
        if ((unsigned char)*from < ' ' || *from == 0x7f)
            *from = ' ';
    }
}

void agent_fields_text(struct agent_fields *f, const char *key, const char *value)
{
    size_t start = f->len;
    fields_add(f, key, strlen(key));
    fields_add(f, "=", 1);
    fields_add(f, value, strlen(value));
    if (f->end == AGENT_FIELDS_RECORD && !f->is_full)
        fields_calm(f->data + start, f->data + f->len);
    fields_add(f, &f->end, 1);
}

static const char *fields_digits(char *buffer, uint64_t value, bool is_negative)
{
    char *at = buffer + DIGITS_MAX - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (is_negative)
        *--at = '-';
    return at;
}

void agent_fields_u64(struct agent_fields *f, const char *key, uint64_t value)
{
    char buffer[DIGITS_MAX];
    agent_fields_text(f, key, fields_digits(buffer, value, false));
}

void agent_fields_i64(struct agent_fields *f, const char *key, int64_t value)
{
    char buffer[DIGITS_MAX];
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    agent_fields_text(f, key, fields_digits(buffer, size, value < 0));
}

void agent_fields_reader_init(struct agent_fields_reader *r, char *data, size_t len, char end)
{
    *r = (struct agent_fields_reader){ .at = data, .limit = data + len, .end = end };
}

bool agent_fields_next(struct agent_fields_reader *r, const char **key, const char **value)
{
    size_t left = (size_t)(r->limit - r->at);
    char *end = left > 0 ? memchr(r->at, r->end, left) : NULL;
    if (end == NULL)
        return false;
    char *equals = memchr(r->at, '=', (size_t)(end - r->at));
    if (equals == NULL || memchr(equals, '\0', (size_t)(end - equals)) != NULL)
        return false;
    *equals = '\0';
    *end = '\0';
    *key = r->at;
    *value = equals + 1;
    r->at = end + 1;
    return true;
}

bool agent_fields_parse_u64(const char *value, uint64_t *out)
{
    uint64_t number = 0;
    if (*value == '\0')
        return false;
    for (; *value != '\0'; value++) {
        if (*value < '0' || *value > '9')
            return false;
        uint64_t digit = (uint64_t)(*value - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

bool agent_fields_parse_i64(const char *value, int64_t *out)
{
    uint64_t size = 0;
    bool is_negative = *value == '-';
    if (!agent_fields_parse_u64(value + (is_negative ? 1 : 0), &size) || size > INT64_MAX)
        return false;
    *out = is_negative ? -(int64_t)size : (int64_t)size;
    return true;
}
