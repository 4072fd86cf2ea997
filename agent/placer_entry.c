/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the placer: one for each row that its keeper has something to do for, and beside
 * it what only some of them have. */
#include <stdlib.h>
#include <string.h>

#include "agent/placer_inside.h"

/* A row that waits costs its keeper this, its key and a place in the queue. */
_Static_assert(sizeof(struct place_entry) <= 128, "an entry is small");

int placer_entries_open(struct agent_core *core)
{
    struct agent_placer *t = core->placer;
    t->capacity = core->config.rows_max;
    t->entry = calloc(t->capacity, sizeof *t->entry);
    t->free_list = calloc(t->capacity, sizeof *t->free_list);
    if (t->entry == NULL || t->free_list == NULL)
        return MUSTER_EFULL;
    size_t heap = (size_t)t->capacity * (sizeof(struct muster_heap_entry) + 8) + 4096;
    /* as the arena rounds */
    size_t parts = sizeof(struct place_run) + sizeof(struct place_ask) + 32;
    int err = muster_arena_open(&t->arena, 3 * heap + (size_t)t->capacity * parts);
    if (err == MUSTER_OK)
        err = muster_heap_init(&t->queue, &t->arena, t->capacity);
    if (err == MUSTER_OK)
        err = muster_heap_init(&t->permits, &t->arena, t->capacity);
    if (err == MUSTER_OK)
        err = muster_heap_init(&t->timer, &t->arena, t->capacity);
    if (err == MUSTER_OK)
        err = muster_pool_init(&t->runs, &t->arena, t->capacity, sizeof(struct place_run));
    if (err == MUSTER_OK)
        err = muster_pool_init(&t->asks, &t->arena, t->capacity, sizeof(struct place_ask));
    if (err == MUSTER_OK)
        err = muster_map_open(&t->map, 1024);
    return err;
}

static void texts_free(struct place_entry *e)
{
    placer_text_set(&e->why, NULL);
    if (e->run != NULL)
        placer_text_set(&e->run->note, NULL);
    free(e->key);
}

void placer_entries_close(struct agent_placer *t)
{
    for (uint32_t i = 0; t->entry != NULL && i < t->high; i++) {
        if (!t->entry[i].is_used)
            continue;
        placer_handoff_free(&t->entry[i]);
        texts_free(&t->entry[i]);
    }
    muster_map_close(&t->map);
    muster_arena_close(&t->arena);
    free(t->free_list);
    free(t->entry);
}

struct muster_bytes placer_key(const struct place_entry *e)
{
    return muster_bytes_text(e->key);
}

struct place_entry *placer_find(const struct agent_core *core, struct muster_bytes key)
{
    struct agent_placer *t = core->placer;
    uint64_t hash = muster_hash64(key, 0);
    uint32_t cursor = 0, index = 0;
    while (muster_map_find(&t->map, hash, &cursor, &index))
        if (muster_bytes_equal(placer_key(&t->entry[index]), key))
            return &t->entry[index];
    return NULL;
}

static char *text_copy(struct muster_bytes text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

struct place_entry *placer_make(struct agent_core *core, struct muster_bytes key)
{
    struct agent_placer *t = core->placer;
    struct place_entry *e = placer_find(core, key);
    if (e != NULL || key.len > STORE_KEY_MAX)
        return e;
    char *copy = t->free_count > 0 || t->high < t->capacity ? text_copy(key) : NULL;
    if (copy == NULL)
        return NULL;
    uint32_t index = t->free_count > 0 ? t->free_list[--t->free_count] : t->high++;
    e = &t->entry[index];
    *e = (struct place_entry){ .is_used = true, .key = copy };
    e->key_hash = muster_hash64(key, 0);
    e->bucket = store_bucket_of(core->store, key);
    e->taken_ms = core->now.mono_ms;
    int err = muster_map_put_growing(&t->map, e->key_hash, index, 2 * t->capacity);
    MUSTER_ASSERT(err == MUSTER_OK);
    t->used++;
    return e;
}

void placer_free(struct agent_core *core, struct place_entry *e)
{
    struct agent_placer *t = core->placer;
    uint32_t index = placer_index(core, e);
    MUSTER_ASSERT(e->is_used);
    placer_offer_forget(core, e);
    placer_permit_drop(core, e);
    placer_handoff_free(e);
    agent_wish_drop(&core->wishes, e->wish);
    if (e->is_moving)
        t->moving--;
    t->held_back -= e->is_held_back;
    muster_heap_remove(&t->queue, index);
    muster_heap_remove(&t->permits, index);
    muster_heap_remove(&t->timer, index);
    muster_map_remove(&t->map, e->key_hash, index);
    texts_free(e);
    if (e->run != NULL)
        muster_pool_give(&t->runs, e->run);
    if (e->ask != NULL)
        muster_pool_give(&t->asks, e->ask);
    *e = (struct place_entry){ .is_used = false };
    t->free_list[t->free_count++] = index;
    t->used--;
}

/* ---- parts */

const struct place_run placer_no_run = { .exit_code = -1 };
const struct place_ask placer_no_ask = { .offer = 0 };

struct place_run *placer_run_make(struct agent_core *core, struct place_entry *e)
{
    if (e->run == NULL) {
        e->run = muster_pool_take(&core->placer->runs);
        MUSTER_ASSERT(e->run != NULL); /* there are as many as entries */
        e->run->exit_code = -1;
    }
    return e->run;
}

struct place_ask *placer_ask_make(struct agent_core *core, struct place_entry *e)
{
    if (e->ask == NULL)
        e->ask = muster_pool_take(&core->placer->asks);
    MUSTER_ASSERT(e->ask != NULL);
    return e->ask;
}

void placer_ask_end(struct agent_core *core, struct place_entry *e)
{
    const struct place_ask *ask = placer_ask_of(e);
    bool is_over = ask->offer == 0 && ask->permit == 0 && ask->permit_ask == 0 &&
                   muster_id_is_zero(ask->move_to) && muster_id_is_zero(ask->invited_by) &&
                   muster_id_is_zero(ask->room_at);
    if (e->ask == NULL || !is_over)
        return;
    muster_pool_give(&core->placer->asks, e->ask);
    e->ask = NULL;
}

void placer_refusals_forget(struct place_entry *e)
{
    if (e->ask != NULL)
        e->ask->refused_count = 0;
}

void placer_text_set(char **text, const char *as)
{
    if (as != NULL && *text != NULL && strcmp(*text, as) == 0)
        return;
    free(*text);
    *text = as == NULL || as[0] == '\0' ? NULL : text_copy(muster_bytes_text(as));
}
