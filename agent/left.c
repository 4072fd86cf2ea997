/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, heads and messages of what runs leave. */
#include "agent/left.h"

#include <stdio.h>
#include <string.h>

#include "base/wire.h"

#define LEFT_FIELDS 7

bool agent_left_is(struct muster_bytes key)
{
    return key.len > 0 && memchr(key.data, '!', key.len) != NULL;
}

struct muster_bytes agent_left_owner(struct muster_bytes key)
{
    const uint8_t *mark = key.len > 0 ? memchr(key.data, '!', key.len) : NULL;
    return mark != NULL ? MUSTER_BYTES(key.data, (size_t)(mark - key.data)) : key;
}

struct muster_bytes agent_left_key(char *out, struct muster_bytes owner, enum agent_left kind,
                                   uint32_t part)
{
    char ending[8];
    int tail = part == 0 ? snprintf(ending, sizeof ending, "!%c", agent_left_letter(kind))
                         : snprintf(ending, sizeof ending, "!%c.%u", agent_left_letter(kind), part);
    if (owner.len + (size_t)tail > STORE_KEY_MAX)
        return MUSTER_BYTES(NULL, 0);
    memcpy(out, owner.data, owner.len);
    memcpy(out + owner.len, ending, (size_t)tail + 1);
    return MUSTER_BYTES(out, owner.len + (size_t)tail);
}

struct muster_bytes agent_left_encode(uint8_t *out, const struct agent_left_head *head,
                                      struct muster_bytes part)
{
    struct muster_writer w = muster_writer_over(out, AGENT_LEFT_PART + AGENT_LEFT_HEAD);
    muster_write_array(&w, LEFT_FIELDS);
    muster_write_u64(&w, head->uid);
    muster_write_u64(&w, head->token);
    muster_write_u64(&w, head->attempt);
    muster_write_u64(&w, head->number);
    muster_write_u64(&w, head->wall_ms);
    muster_write_u64(&w, head->size);
    muster_write_bytes(&w, part);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    return muster_writer_bytes(&w);
}

int agent_left_decode(struct agent_left_head *head, struct muster_bytes *part,
                      struct muster_bytes spec)
{
    struct muster_reader r = muster_reader_over(spec);
    muster_read_array_of(&r, LEFT_FIELDS);
    head->uid = muster_read_u64(&r);
    head->token = muster_read_u64(&r);
    head->attempt = muster_read_u32(&r);
    head->number = muster_read_u64(&r);
    head->wall_ms = muster_read_u64(&r);
    head->size = muster_read_u32(&r);
    *part = muster_read_bytes(&r, AGENT_LEFT_PART);
    if (head->size > AGENT_LEFT_MAX)
        muster_reader_fail(&r, MUSTER_ELIMIT);
    return muster_reader_end(&r);
}

/* ---- messages */

static struct muster_bytes line_take(struct muster_bytes *lines)
{
    const uint8_t *end = lines->len > 0 ? memchr(lines->data, '\n', lines->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - lines->data) : lines->len;
    struct muster_bytes line = MUSTER_BYTES(lines->data, len);
    size_t used = len + (end != NULL);
    *lines = MUSTER_BYTES(lines->data + used, lines->len - used);
    return line;
}

/* The word before the next blank. */
static struct muster_bytes word_take(struct muster_bytes *line)
{
    const uint8_t *end = line->len > 0 ? memchr(line->data, ' ', line->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - line->data) : line->len;
    struct muster_bytes word = MUSTER_BYTES(line->data, len);
    size_t used = len + (end != NULL);
    *line = MUSTER_BYTES(line->data + used, line->len - used);
    return word;
}

static uint64_t number_take(struct muster_bytes *line)
{
    struct muster_bytes word = word_take(line);
    uint64_t n = 0;
    for (size_t i = 0; i < word.len && i < 20; i++)
        n = n * 10 + (uint64_t)(word.data[i] - '0') % 10;
    return n;
}

bool agent_left_message(struct muster_bytes *lines, struct agent_left_message *m)
{
    if (lines->len == 0)
        return false;
    struct muster_bytes line = line_take(lines);
    m->wall_ms = number_take(&line);
    m->token = number_take(&line);
    m->attempt = number_take(&line);
    m->node = word_take(&line);
    m->text = line;
    return true;
}

static uint32_t lines_count(struct muster_bytes lines)
{
    uint32_t n = 0;
    while (lines.len > 0) {
        (void)line_take(&lines);
        n++;
    }
    return n;
}

void agent_left_merge(struct muster_text *out, struct muster_bytes old,
                      const struct agent_left_head *head, const char *node,
                      struct muster_bytes fresh)
{
    uint32_t more = lines_count(fresh), kept = 0;
    struct agent_left_message m;
    for (struct muster_bytes at = old; agent_left_message(&at, &m);)
        kept += m.token != head->token || m.attempt != head->attempt;
    uint32_t skip =
        kept + more > AGENT_LEFT_MESSAGES_MAX ? kept + more - AGENT_LEFT_MESSAGES_MAX : 0;
    while (old.len > 0) {
        struct muster_bytes line = old;
        if (!agent_left_message(&old, &m) || (m.token == head->token && m.attempt == head->attempt))
            continue;
        line.len -= old.len;
        if (skip > 0)
            skip--;
        else
            muster_text_add_bytes(out, line);
    }
    while (fresh.len > 0) {
        struct muster_bytes line = line_take(&fresh);
        uint64_t wall_ms = number_take(&line);
        if (skip > 0) {
            skip--;
            continue;
        }
        muster_text_add(out, "%llu %llu %u %s ", (unsigned long long)wall_ms,
                        (unsigned long long)head->token, head->attempt, node);
        muster_text_add_bytes(out, line);
        muster_text_add(out, "\n");
    }
}

/* ---- the end of an output */

uint32_t agent_left_output_max(uint32_t rows)
{
    uint32_t each = AGENT_LEFT_OUTPUT_TOTAL / (rows > 0 ? rows : 1);
    return each > AGENT_LEFT_OUTPUT_MAX   ? AGENT_LEFT_OUTPUT_MAX
           : each < AGENT_LEFT_OUTPUT_MIN ? AGENT_LEFT_OUTPUT_MIN
                                          : each;
}

void agent_left_output(struct muster_text *out, const char *node, struct muster_bytes records,
                       uint32_t max)
{
    muster_text_add(out, "#%s\n", node);
    while (records.len > max)
        (void)line_take(&records);
    muster_text_add_bytes(out, records);
}

struct muster_bytes agent_left_output_node(struct muster_bytes *output)
{
    struct muster_bytes line = line_take(output);
    return line.len > 0 ? MUSTER_BYTES(line.data + 1, line.len - 1) : line;
}
