/* SPDX-License-Identifier: Apache-2.0 */
/* Words that hold jobs and let them go: in order, merged, written down. */
#include "agent/hold_set.h"

#include <string.h>

/* Negative when `a` counts before `b`. Nothing but the words decides, so that all nodes agree. */
static int order(const struct agent_hold *a, const struct agent_hold *b)
{
    if (a->number != b->number)
        return a->number > b->number ? -1 : 1;
    if (a->is_held != b->is_held)
        return a->is_held ? -1 : 1;
    int by_prefix = strcmp(a->prefix, b->prefix);
    if (by_prefix != 0)
        return by_prefix;
    return a->since_wall_ms > b->since_wall_ms ? -1 : a->since_wall_ms < b->since_wall_ms;
}

static bool speaks_of(const struct agent_hold *h, struct muster_bytes key)
{
    return muster_bytes_starts_with(key, muster_bytes_text(h->prefix));
}

const struct agent_hold *agent_hold_of(const struct agent_hold_set *s, struct muster_bytes key)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (speaks_of(&s->hold[i], key))
            return s->hold[i].is_held ? &s->hold[i] : NULL;
    return NULL;
}

uint64_t agent_hold_next(const struct agent_hold_set *s)
{
    return s->count > 0 ? s->hold[0].number + 1 : 1;
}

bool agent_hold_add(struct agent_hold_set *s, const struct agent_hold *h)
{
    struct muster_bytes prefix = muster_bytes_text(h->prefix);
    uint32_t at = 0;
    while (at < s->count && order(&s->hold[at], h) <= 0) {
        if (speaks_of(&s->hold[at], prefix))
            return false; /* what it says of all its names, a later word says already */
        at++;
    }
    if (at == AGENT_HOLDS_MAX)
        return false;
    struct agent_hold_set old = *s;
    s->count = at;
    s->hold[s->count++] = *h;
    for (uint32_t i = at; i < old.count && s->count < AGENT_HOLDS_MAX; i++)
        if (!muster_bytes_starts_with(muster_bytes_text(old.hold[i].prefix), prefix))
            s->hold[s->count++] = old.hold[i];
    return true;
}

void agent_holds_write(struct muster_writer *w, const struct agent_hold_set *s)
{
    muster_write_array(w, s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct agent_hold *h = &s->hold[i];
        muster_write_array(w, 4);
        muster_write_text(w, h->prefix);
        muster_write_u64(w, h->number);
        muster_write_bool(w, h->is_held);
        muster_write_u64(w, h->since_wall_ms);
    }
}

bool agent_holds_merge(struct agent_hold_set *s, struct muster_reader *r)
{
    uint32_t n = muster_read_array(r, AGENT_HOLDS_MAX);
    bool is_news = false;
    for (uint32_t i = 0; i < n; i++) {
        struct agent_hold h = { .number = 0 };
        muster_read_array_of(r, 4);
        muster_read_text(r, h.prefix, sizeof h.prefix);
        h.number = muster_read_u64(r);
        h.is_held = muster_read_bool(r);
        h.since_wall_ms = muster_read_u64(r);
        if (!muster_reader_ok(r) || h.number == 0 || h.number >= UINT64_MAX / 2)
            break; /* a number that nobody could say anything after is nobody's */
        is_news = agent_hold_add(s, &h) || is_news;
    }
    return is_news;
}
