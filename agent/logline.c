/* SPDX-License-Identifier: Apache-2.0 */
/* Records of output files: the columns before the text, and the first line of a file. */
#include "agent/logline.h"

#include <string.h>

#include "agent/fields.h"

#define LOGHEAD_NAME "#muster-log"

/* Decimal digits at `out`; their number. Without printf: it runs once for every line of every job.
 */
static size_t digits_write(char *out, uint64_t value)
{
    char reversed[20];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = reversed[count - 1 - i];
    return count;
}

size_t agent_logline_head(char *out, uint64_t wall_ms, enum agent_logline_stream stream,
                          uint32_t attempt, bool is_partial)
{
    size_t len = digits_write(out, wall_ms);
    out[len++] = ' ';
    out[len++] = (char)stream;
    out[len++] = ' ';
    len += digits_write(out + len, attempt);
    out[len++] = ' ';
    out[len++] = is_partial ? 'P' : 'F';
    out[len++] = ' ';
    return len;
}

/* Digits up to a blank, which is eaten; false at anything else. */
static bool digits_read(const char **at, const char *limit, uint64_t max, uint64_t *value)
{
    const char *start = *at;
    *value = 0;
    for (; *at < limit && **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (*value > (max - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    if (*at == start || *at == limit || **at != ' ')
        return false;
    ++*at;
    return true;
}

/* One of the bytes in `set` and a blank. */
static bool mark_read(const char **at, const char *limit, const char *set, char *mark)
{
    if (limit - *at < 2 || (*at)[1] != ' ' || memchr(set, **at, strlen(set)) == NULL)
        return false;
    *mark = **at;
    *at += 2;
    return true;
}

bool agent_logline_parse(struct agent_logline *record, const char *line, size_t len)
{
    const char *at = line, *limit = line + len;
    uint64_t wall_ms, attempt;
    char stream, extent;
    if (!digits_read(&at, limit, UINT64_MAX, &wall_ms) || !mark_read(&at, limit, "oeg", &stream) ||
        !digits_read(&at, limit, UINT32_MAX, &attempt) || !mark_read(&at, limit, "FP", &extent))
        return false;
    *record = (struct agent_logline){ .wall_ms = wall_ms,
                                      .stream = (enum agent_logline_stream)stream,
                                      .attempt = (uint32_t)attempt,
                                      .is_partial = extent == 'P',
                                      .text = at,
                                      .len = (size_t)(limit - at) };
    return record->len <= AGENT_LOGLINE_TEXT_MAX;
}

size_t agent_loghead_write(char *out, uint64_t base, uint64_t token, uint32_t attempt,
                           uint64_t keep_s, const char *run)
{
    struct agent_fields f;
    agent_fields_init(&f, out, AGENT_LOGHEAD_MAX - 1, ' ');
    memcpy(out, LOGHEAD_NAME " ", sizeof(LOGHEAD_NAME));
    f.len = sizeof(LOGHEAD_NAME);
    agent_fields_u64(&f, "v", 1);
    agent_fields_u64(&f, "base", base);
    agent_fields_u64(&f, "token", token);
    agent_fields_u64(&f, "attempt", attempt);
    if (keep_s > 0)
        agent_fields_u64(&f, "keep", keep_s);
    size_t len = f.len;
    agent_fields_text(&f, "run", run);
    len = f.is_full ? len : f.len;
    out[len - 1] = '\n';
    return len;
}

bool agent_loghead_parse(uint64_t *base, const char *line, size_t len)
{
    static const char before[] = LOGHEAD_NAME " v=1 base=";
    if (len < sizeof(before) - 1 || memcmp(line, before, sizeof(before) - 1) != 0)
        return false;
    const char *at = line + sizeof(before) - 1;
    return digits_read(&at, line + len, UINT64_MAX, base);
}

uint64_t agent_loghead_keep_s(const char *line, size_t len)
{
    static const char key[] = " keep=", last[] = " run=";
    uint64_t base, keep = 0;
    const char *run = memmem(line, len, last, sizeof(last) - 1);
    if (run != NULL)
        len = (size_t)(run - line) + 1; /* a name may say what it likes */
    const char *at = memmem(line, len, key, sizeof(key) - 1);
    if (!agent_loghead_parse(&base, line, len) || at == NULL)
        return 0;
    at += sizeof(key) - 1;
    return digits_read(&at, line + len, UINT64_MAX, &keep) ? keep : 0;
}
