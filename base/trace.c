/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of the newest lines and one hash over all of them. */
#include "base/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/hash.h"

int muster_trace_init(struct muster_trace *t, struct muster_arena *a, uint32_t capacity)
{
    *t = (struct muster_trace){ .capacity = capacity };
    t->line = muster_arena_take(a, capacity, sizeof *t->line);
    return t->line == NULL ? MUSTER_EFULL : MUSTER_OK;
}

void muster_trace_add(struct muster_trace *t, uint64_t now_ms, const char *format, ...)
{
    char unkept[MUSTER_TRACE_LINE];
    char *line = t->capacity == 0 ? unkept : t->line[t->count % t->capacity];
    va_list args;
    int time_len;
    int len;

    time_len = snprintf(line, MUSTER_TRACE_LINE, "%10" PRIu64 " ", now_ms);
    MUSTER_ASSERT(time_len > 0);
    MUSTER_ASSERT(time_len < MUSTER_TRACE_LINE);
    va_start(args, format);
    len = vsnprintf(line + time_len, MUSTER_TRACE_LINE - (size_t)time_len, format, args);
    va_end(args);
    MUSTER_ASSERT(len >= 0);
    len += time_len;
    if (len >= MUSTER_TRACE_LINE)
        len = MUSTER_TRACE_LINE - 1;
    /* The hash so far is the seed of the next: the order of the lines counts, and nothing of a line
     * is left out, for its time stands at its beginning. */
    t->hash = muster_hash64(MUSTER_BYTES(line, (size_t)len), t->hash);
    t->count++;
}

void muster_trace_print(const struct muster_trace *t, FILE *out)
{
    uint64_t kept = t->count < t->capacity ? t->count : t->capacity;

    if (t->count > kept)
        fprintf(out, "%" PRIu64 " earlier lines are gone\n", t->count - kept);
    for (uint64_t i = t->count - kept; i < t->count; i++)
        fprintf(out, "%s\n", t->line[i % t->capacity]);
}
