/* SPDX-License-Identifier: Apache-2.0 */
/* Effects: kept in order until they are fetched, with the values they point into. */
#include "store/inside.h"

struct store_effect *store_say(struct store *s, enum store_effect_kind kind, uint32_t bucket)
{
    /* As many as rows, writes, items and buckets together can ask for in one step. */
    MUSTER_ASSERT(s->said_count < s->said_max);
    struct store_said *said = &s->said[s->said_count++];

    *said = (struct store_said){ .effect = { .kind = kind, .bucket = bucket } };
    return &said->effect;
}

struct store_effect *store_say_of(struct store *s, enum store_effect_kind kind, uint32_t bucket,
                                  struct store_value *value)
{
    struct store_effect *e = store_say(s, kind, bucket);

    s->said[s->said_count - 1].value = store_value_keep(value);
    e->key = store_value_key(value);
    return e;
}

void store_say_reset(struct store *s)
{
    if (s->said_next < s->said_count)
        return; /* the caller has not fetched everything yet: nothing may be taken from it */
    for (uint32_t i = 0; i < s->said_count; i++)
        store_value_drop(s->said[i].value);
    muster_arena_rest(s->said, s->said_count * sizeof *s->said);
    muster_arena_rest(s->out, s->out_used);
    s->said_count = 0;
    s->said_next = 0;
    s->out_used = 0;
}
