/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of effects of one step, and the memory they point to. */
#include "agent/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static struct agent_out_block *block_open(size_t size)
{
    struct agent_out_block *b = malloc(sizeof *b + size);
    if (b != NULL) {
        b->next = NULL;
        b->size = size;
        b->used = 0;
    }
    return b;
}

int agent_out_open(struct agent_out *o)
{
    *o = (struct agent_out){ .size = 256 };
    o->effect = calloc(o->size, sizeof *o->effect);
    o->block = block_open(AGENT_OUT_BLOCK);
    if (o->effect == NULL || o->block == NULL) {
        agent_out_close(o);
        return MUSTER_EFULL;
    }
    o->at = o->block;
    return MUSTER_OK;
}

void agent_out_close(struct agent_out *o)
{
    free(o->effect);
    while (o->block != NULL) {
        struct agent_out_block *b = o->block;
        o->block = b->next;
        free(b);
    }
    *o = (struct agent_out){ 0 };
}

void agent_out_begin(struct agent_out *o)
{
    MUSTER_ASSERT(o->fetched == o->count);
    for (struct agent_out_block *b = o->block; b != o->at; b = b->next)
        muster_arena_rest(b->data, b->used);
    muster_arena_rest(o->at->data, o->at->used);
    o->count = 0;
    o->fetched = 0;
    o->bytes = 0;
    o->at = o->block;
    o->at->used = 0;
}

struct agent_effect *agent_out_add(struct agent_out *o, enum agent_effect_kind kind)
{
    if (o->count == o->size) {
        o->size *= 2;
        o->effect = realloc(o->effect, o->size * sizeof *o->effect);
        MUSTER_ASSERT(o->effect != NULL);
    }
    struct agent_effect *e = &o->effect[o->count++];
    *e = (struct agent_effect){ .kind = kind };
    return e;
}

bool agent_out_next(struct agent_out *o, struct agent_effect *effect)
{
    if (o->fetched == o->count)
        return false;
    *effect = o->effect[o->fetched++];
    return true;
}

void *agent_out_take(struct agent_out *o, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    o->bytes += size;
    MUSTER_ASSERT(o->bytes <= AGENT_OUT_BYTES_MAX);
    while (o->at->size - o->at->used < size) {
        if (o->at->next == NULL)
            o->at->next = block_open(size > AGENT_OUT_BLOCK ? size : AGENT_OUT_BLOCK);
        MUSTER_ASSERT(o->at->next != NULL);
        o->at = o->at->next;
        o->at->used = 0;
    }
    void *p = o->at->data + o->at->used;
    o->at->used += size;
    return p;
}

struct muster_bytes agent_out_copy(struct agent_out *o, struct muster_bytes bytes)
{
    if (bytes.len == 0)
        return MUSTER_BYTES(NULL, 0);
    uint8_t *p = agent_out_take(o, bytes.len);
    memcpy(p, bytes.data, bytes.len);
    return MUSTER_BYTES(p, bytes.len);
}

const char *agent_out_text(struct agent_out *o, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    char *p = agent_out_take(o, len);
    memcpy(p, text, len);
    return p;
}

void agent_out_log(struct agent_out *o, enum agent_log_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    struct agent_effect *e = agent_out_add(o, AGENT_EFFECT_LOG);
    e->level = level;
    e->text = agent_out_text(o, line);
}
