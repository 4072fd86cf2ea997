/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer: replies and canonical texts, always well formed. */
#include <inttypes.h>
#include <string.h>

#include "agent/json.h"
#include "base/clock.h"

static void put(struct agent_json *j, const char *text)
{
    muster_text_add_bytes(j->out, muster_bytes_text(text));
}

/* What goes before a value: nothing behind its key, a comma between two. */
static void value_begin(struct agent_json *j)
{
    if (j->is_after_key) {
        j->is_after_key = false;
        return;
    }
    uint32_t bit = 1U << j->depth;
    if ((j->has_items & bit) != 0)
        put(j, ",");
    j->has_items |= bit;
}

static void level_open(struct agent_json *j, const char *bracket)
{
    value_begin(j);
    MUSTER_ASSERT(j->depth < AGENT_JSON_DEPTH_MAX);
    j->depth++;
    j->has_items &= ~(1U << j->depth);
    put(j, bracket);
}

static void level_close(struct agent_json *j, const char *bracket)
{
    MUSTER_ASSERT(j->depth > 0);
    MUSTER_ASSERT(!j->is_after_key);
    j->depth--;
    put(j, bracket);
}

void agent_json_open(struct agent_json *j, struct muster_text *out)
{
    *j = (struct agent_json){ .out = out };
}

bool agent_json_is_closed(const struct agent_json *j)
{
    return j->depth == 0 && !j->is_after_key;
}

void agent_json_object(struct agent_json *j)
{
    level_open(j, "{");
}

void agent_json_object_end(struct agent_json *j)
{
    level_close(j, "}");
}

void agent_json_array(struct agent_json *j)
{
    level_open(j, "[");
}

void agent_json_array_end(struct agent_json *j)
{
    level_close(j, "]");
}

/* Bytes of the character that starts here, or 0 if it is none: overlong forms, surrogates and what
 * lies beyond U+10FFFF are not UTF-8. (Unicode 15, table 3-7) */
static size_t utf8_len(const uint8_t *at, size_t left)
{
    uint8_t c = at[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xc2 && c <= 0xdf   ? 2
                 : c >= 0xe0 && c <= 0xef ? 3
                 : c >= 0xf0 && c <= 0xf4 ? 4
                                          : 0;
    if (len == 0 || len > left)
        return 0;
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool agent_json_is_utf8(struct muster_bytes text)
{
    size_t len = 1;
    for (size_t i = 0; i < text.len && len > 0; i += len)
        len = utf8_len(text.data + i, text.len - i);
    return len > 0;
}

static void escape_put(struct agent_json *j, uint8_t c)
{
    static const char *const short_form[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r",
    };
    if (c == '"')
        put(j, "\\\"");
    else if (c == '\\')
        put(j, "\\\\");
    else if (c < sizeof short_form / sizeof *short_form && short_form[c] != NULL)
        put(j, short_form[c]);
    else
        muster_text_add(j->out, "\\u%04x", c);
}

/* Copies whole stretches that need no care, and stops only at what does. */
static void string_put(struct agent_json *j, struct muster_bytes value)
{
    put(j, "\"");
    size_t start = 0;
    size_t i = 0;
    while (i < value.len) {
        uint8_t c = value.data[i];
        bool is_plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        size_t len = is_plain ? 1 : utf8_len(value.data + i, value.len - i);
        if (is_plain || len > 1) {
            i += len;
            continue;
        }
        muster_text_add_bytes(j->out, MUSTER_BYTES(value.data + start, i - start));
        if (len == 1)
            escape_put(j, c);
        else
            put(j, "\xef\xbf\xbd");
        start = ++i;
    }
    if (value.len > start)
        muster_text_add_bytes(j->out, MUSTER_BYTES(value.data + start, value.len - start));
    put(j, "\"");
}

void agent_json_key_bytes(struct agent_json *j, struct muster_bytes key)
{
    MUSTER_ASSERT(j->depth > 0);
    MUSTER_ASSERT(!j->is_after_key);
    value_begin(j);
    string_put(j, key);
    put(j, ":");
    j->is_after_key = true;
}

void agent_json_key(struct agent_json *j, const char *key)
{
    agent_json_key_bytes(j, muster_bytes_text(key));
}

static void bytes_value(struct agent_json *j, struct muster_bytes value)
{
    value_begin(j);
    string_put(j, value);
}

void agent_json_text(struct agent_json *j, const char *value)
{
    if (value == NULL)
        agent_json_null(j);
    else
        bytes_value(j, muster_bytes_text(value));
}

void agent_json_u64(struct agent_json *j, uint64_t value)
{
    value_begin(j);
    muster_text_add(j->out, "%" PRIu64, value);
}

void agent_json_i64(struct agent_json *j, int64_t value)
{
    value_begin(j);
    muster_text_add(j->out, "%" PRId64, value);
}

void agent_json_bool(struct agent_json *j, bool value)
{
    value_begin(j);
    put(j, value ? "true" : "false");
}

void agent_json_null(struct agent_json *j)
{
    value_begin(j);
    put(j, "null");
}

static void token_value(struct agent_json *j, uint64_t value)
{
    value_begin(j);
    muster_text_add(j->out, "\"%" PRIu64 "\"", value);
}

static void time_value(struct agent_json *j, uint64_t wall_ms)
{
    char text[MUSTER_TIME_TEXT];
    agent_json_text(j, wall_ms == 0 ? NULL : muster_time_text(wall_ms, text));
}

void agent_json_raw(struct agent_json *j, struct muster_bytes json)
{
    value_begin(j);
    muster_text_add_bytes(j->out, json);
}

void agent_json_put_text(struct agent_json *j, const char *key, const char *value)
{
    agent_json_key(j, key);
    agent_json_text(j, value);
}

void agent_json_put_bytes(struct agent_json *j, const char *key, struct muster_bytes value)
{
    agent_json_key(j, key);
    bytes_value(j, value);
}

void agent_json_put_u64(struct agent_json *j, const char *key, uint64_t value)
{
    agent_json_key(j, key);
    agent_json_u64(j, value);
}

void agent_json_put_i64(struct agent_json *j, const char *key, int64_t value)
{
    agent_json_key(j, key);
    agent_json_i64(j, value);
}

void agent_json_put_bool(struct agent_json *j, const char *key, bool value)
{
    agent_json_key(j, key);
    agent_json_bool(j, value);
}

void agent_json_put_null(struct agent_json *j, const char *key)
{
    agent_json_key(j, key);
    agent_json_null(j);
}

void agent_json_put_token(struct agent_json *j, const char *key, uint64_t value)
{
    agent_json_key(j, key);
    token_value(j, value);
}

void agent_json_put_time(struct agent_json *j, const char *key, uint64_t wall_ms)
{
    agent_json_key(j, key);
    time_value(j, wall_ms);
}

void agent_json_put_raw(struct agent_json *j, const char *key, struct muster_bytes json)
{
    agent_json_key(j, key);
    agent_json_raw(j, json);
}
