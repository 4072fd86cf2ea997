/* SPDX-License-Identifier: Apache-2.0 */
/* The members by name and in probing order, drawing lots among them, and the graves of the
 * forgotten. */
#include "gossip/table.h"

#include <string.h>

#define TABLE_SMALL 64 /* up to so many members lots are drawn by one pass over all */
#define TABLE_DRAWS 8  /* tries for each that is wanted, before there is such a pass */
#define TABLE_HASH_COST                                                                            \
    64 /* bytes of a map per entry, generously: it rounds up to a power of two */

size_t gossip_table_memory(uint32_t members_max)
{
    size_t each = sizeof(struct gossip_member) + sizeof(struct gossip_suspicion) + 16 +
                  4 * sizeof(uint32_t) + TABLE_HASH_COST;

    return members_max * each + GOSSIP_GRAVES_MAX * sizeof(struct gossip_grave) + 1024;
}

int gossip_table_init(struct gossip_table *t, struct muster_arena *a, struct gossip_faces *faces,
                      uint32_t members_max, uint64_t hash_seed)
{
    int err;

    *t = (struct gossip_table){ .capacity = members_max, .hash_seed = hash_seed, .faces = faces };
    t->versions.is_stale = true;
    t->member = muster_arena_take(a, members_max, sizeof *t->member);
    t->free = muster_arena_take(a, members_max, sizeof *t->free);
    t->order = muster_arena_take(a, members_max, sizeof *t->order);
    t->dirty = muster_arena_take(a, members_max, sizeof *t->dirty);
    t->removed = muster_arena_take(a, members_max, sizeof *t->removed);
    t->grave = muster_arena_take(a, GOSSIP_GRAVES_MAX, sizeof *t->grave);
    if (t->member == NULL || t->free == NULL || t->order == NULL || t->dirty == NULL ||
        t->removed == NULL || t->grave == NULL)
        return MUSTER_EFULL;
    err = muster_pool_init(&t->suspicions, a, members_max, sizeof(struct gossip_suspicion));
    return err == MUSTER_OK ? muster_map_init(&t->by_name, a, members_max) : err;
}

uint64_t gossip_table_hash(const struct gossip_table *t, struct muster_bytes name)
{
    return muster_hash64(name, t->hash_seed);
}

struct gossip_member *gossip_table_find(const struct gossip_table *t, struct muster_bytes name)
{
    uint64_t hash = gossip_table_hash(t, name);
    uint32_t cursor = 0;
    uint32_t number;

    while (muster_map_find(&t->by_name, hash, &cursor, &number)) {
        struct gossip_member *m = &t->member[number];

        if (muster_bytes_equal(gossip_member_name(m), name))
            return m;
    }
    return NULL;
}

static uint32_t number_take(struct gossip_table *t)
{
    if (t->free_count > 0)
        return t->free[--t->free_count];
    /* Never used ones last, so that memory is touched only as far as the pool needs it. */
    return t->fresh < t->capacity ? t->fresh++ : GOSSIP_NO_MEMBER;
}

static void order_insert(struct gossip_table *t, struct muster_rng *rng, uint32_t number)
{
    uint32_t left = t->count - t->cursor;
    uint32_t place = t->cursor + (uint32_t)muster_rng_below(rng, (uint64_t)left + 1);

    t->order[t->count++] = t->order[place];
    t->order[place] = number;
}

struct gossip_member *gossip_table_add(struct gossip_table *t, struct muster_rng *rng,
                                       struct muster_bytes name, uint64_t now_ms)
{
    struct gossip_member *m;
    uint32_t number = number_take(t);

    MUSTER_ASSERT(name.len > 0);
    MUSTER_ASSERT(name.len <= GOSSIP_NAME_MAX);
    if (number == GOSSIP_NO_MEMBER)
        return NULL;
    m = &t->member[number];
    memset(m, 0, sizeof *m);
    m->number = number;
    m->is_self = number == GOSSIP_SELF;
    m->state = GOSSIP_DEAD;
    m->since_ms = now_ms;
    if (m->is_self)
        gossip_near_init(&t->near, name);
    if (muster_map_put(&t->by_name, gossip_table_hash(t, name), number) != MUSTER_OK) {
        t->free[t->free_count++] = number;
        return NULL;
    }
    m->face = gossip_faces_take(t->faces, name, (struct muster_bytes){ 0 });
    order_insert(t, rng, number);
    return m;
}

/* ---- versions ---- */

static uint8_t smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static uint8_t larger(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

static void versions_admit(struct gossip_versions *v, const struct gossip_member *m)
{
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *vsn = m->vsn + i * 3; /* minimum, maximum, current */

        v->cur_min[i] = smaller(v->cur_min[i], vsn[2]);
        v->cur_max[i] = larger(v->cur_max[i], vsn[2]);
        if (!gossip_member_is_living(m))
            continue;
        v->min[i] = larger(v->min[i], vsn[0]);
        v->max[i] = smaller(v->max[i], vsn[1]);
    }
}

/* An entry ends, or is going to say something else. Whoever speaks as we do is not missed, for we
 * are counted; so a pool of equals is not counted anew for each that comes or goes. Nor is a new
 * entry missed, which has said nothing yet. */
static void versions_miss(struct gossip_table *t, const struct gossip_member *m)
{
    const struct gossip_member *self = &t->member[GOSSIP_SELF];

    if (m->is_self || (m->vsn[0] != 0 && memcmp(m->vsn, self->vsn, GOSSIP_VSN_LEN) != 0))
        t->versions.is_stale = true;
}

static struct gossip_versions versions_count(const struct gossip_table *t)
{
    struct gossip_versions v = { { 0, 0 }, { 255, 255 }, { 255, 255 }, { 0, 0 }, false };

    for (uint32_t i = 0; i < t->count; i++)
        versions_admit(&v, &t->member[t->order[i]]);
    return v;
}

bool gossip_table_fits(struct gossip_table *t, const uint8_t *vsn)
{
    const struct gossip_versions *v = &t->versions;

    if (v->is_stale)
        t->versions = versions_count(t);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *own = vsn + i * 3;

        if (own[2] < v->min[i] || own[2] > v->max[i])
            return false;
        if (own[0] > v->cur_min[i] || own[1] < v->cur_max[i])
            return false;
    }
    return true;
}

/* ---- graves ---- */

struct gossip_grave *gossip_table_grave(const struct gossip_table *t, struct muster_bytes name,
                                        uint64_t now_ms)
{
    uint64_t hash = gossip_table_hash(t, name);

    for (uint32_t i = 0; i < t->graves; i++) {
        if (t->grave[i].hash == hash && t->grave[i].until_ms > now_ms)
            return &t->grave[i];
    }
    return NULL;
}

static void grave_dig(struct gossip_table *t, const struct gossip_member *m, uint64_t now_ms)
{
    struct gossip_grave *g = gossip_table_grave(t, gossip_member_name(m), now_ms);

    if (g == NULL) {
        g = &t->grave[t->grave_next];
        t->grave_next = (t->grave_next + 1) % GOSSIP_GRAVES_MAX;
        if (t->graves < GOSSIP_GRAVES_MAX)
            t->graves++;
    }
    *g = (struct gossip_grave){ .hash = gossip_table_hash(t, gossip_member_name(m)),
                                .until_ms = now_ms + GOSSIP_GRAVE_MS,
                                .incarnation = m->incarnation };
}

static void member_forget(struct gossip_table *t, uint32_t place, uint64_t now_ms)
{
    struct gossip_member *m = &t->member[t->order[place]];

    MUSTER_ASSERT(!m->is_self);
    MUSTER_ASSERT(!gossip_member_is_living(m));
    grave_dig(t, m, now_ms);
    muster_map_remove(&t->by_name, gossip_table_hash(t, gossip_member_name(m)), m->number);
    t->count--;
    memmove(&t->order[place], &t->order[place + 1], (t->count - place) * sizeof t->order[0]);
    if (place < t->cursor)
        t->cursor--;
    t->removed[t->removed_count++] = m->number;
    versions_miss(t, m);
    m->is_forgotten = true;
    gossip_table_mark(t, m);
}

struct gossip_member *gossip_table_reap(struct gossip_table *t, uint64_t now_ms, uint64_t before_ms)
{
    for (uint32_t i = t->count; i > 0; i--) {
        struct gossip_member *m = &t->member[t->order[i - 1]];

        if (m->is_self || gossip_member_is_living(m) || m->since_ms >= before_ms)
            continue;
        member_forget(t, i - 1, now_ms);
        return m;
    }
    return NULL;
}

void gossip_table_release(struct gossip_table *t)
{
    while (t->removed_count > 0) {
        struct gossip_member *m = &t->member[t->removed[--t->removed_count]];

        MUSTER_ASSERT(m->is_forgotten);
        MUSTER_ASSERT(!m->is_dirty);
        gossip_faces_give(t->faces, m->face);
        m->face = NULL;
        t->free[t->free_count++] = m->number;
    }
}

/* ---- order and lots ---- */

struct gossip_member *gossip_table_next(struct gossip_table *t)
{
    while (t->cursor < t->count) {
        struct gossip_member *m = &t->member[t->order[t->cursor++]];

        if (!m->is_self && gossip_member_is_living(m))
            return m;
    }
    return NULL;
}

void gossip_table_shuffle(struct gossip_table *t, struct muster_rng *rng)
{
    for (uint32_t i = t->count; i > 1; i--) {
        uint32_t other = (uint32_t)muster_rng_below(rng, i);
        uint32_t number = t->order[i - 1];

        t->order[i - 1] = t->order[other];
        t->order[other] = number;
    }
    t->cursor = 0;
}

static bool lot_admits(const struct gossip_lot *lot, const struct gossip_member *m)
{
    if (m->is_self || m->number == lot->except || (lot->kin && !m->is_kin))
        return false;
    switch (m->state) {
    case GOSSIP_ALIVE:
        return true;
    case GOSSIP_SUSPECT:
        return lot->suspects;
    case GOSSIP_DEAD:
        return lot->dead && m->since_ms > lot->dead_after_ms;
    case GOSSIP_LEFT:
        break;
    }
    return false;
}

static bool is_drawn(const uint32_t *drawn, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (drawn[i] == number)
            return true;
    return false;
}

/* Whoever comes up, until there are enough of them: few tries where most qualify. */
static uint32_t draw_some(const struct gossip_table *t, struct muster_rng *rng,
                          const struct gossip_lot *lot, uint32_t want, uint32_t *drawn)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < TABLE_DRAWS * want && count < want; i++) {
        const struct gossip_member *m = &t->member[t->order[muster_rng_below(rng, t->count)]];

        if (lot_admits(lot, m) && !is_drawn(drawn, count, m->number))
            drawn[count++] = m->number;
    }
    return count;
}

uint32_t gossip_table_draw(const struct gossip_table *t, struct muster_rng *rng,
                           const struct gossip_lot *lot, uint32_t want, uint32_t *drawn)
{
    uint32_t seen = 0;

    if (want == 0)
        return 0;
    if (t->count > TABLE_SMALL && draw_some(t, rng, lot, want, drawn) == want)
        return want;
    /* One pass that keeps each so far seen with the same chance (reservoir sampling): exact, and
     * without the retries that find nobody when few qualify. */
    for (uint32_t i = 0; i < t->count; i++) {
        const struct gossip_member *m = &t->member[t->order[i]];
        uint64_t place;

        if (!lot_admits(lot, m))
            continue;
        place = seen < want ? seen : muster_rng_below(rng, (uint64_t)seen + 1);
        seen++;
        if (place < want)
            drawn[place] = m->number;
    }
    return seen < want ? seen : want;
}

/* ---- changes and news ---- */

void gossip_table_mark(struct gossip_table *t, struct gossip_member *m)
{
    if (m->is_dirty || m->is_self)
        return; /* the caller knows best about itself */
    MUSTER_ASSERT(t->dirty_count < t->capacity);
    t->dirty[(t->dirty_head + t->dirty_count) % t->capacity] = m->number;
    t->dirty_count++;
    m->is_dirty = true;
}

/* Who may be near, before a change and after it. */
static bool is_near_kind(const struct gossip_member *m)
{
    return m->is_kin && !m->is_self && gossip_member_is_living(m);
}

static void near_look(struct gossip_table *t, const struct gossip_member *m, bool was)
{
    bool is = is_near_kind(m);

    if (is == was)
        return;
    if (is) {
        t->kin++;
        gossip_near_came(&t->near, gossip_member_name(m), m->number);
    } else {
        t->kin--;
        gossip_near_went(&t->near, m->number);
    }
}

void gossip_table_near(struct gossip_table *t)
{
    if (!t->near.is_short)
        return;
    t->near.is_short = false;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct gossip_member *m = &t->member[t->order[i]];

        if (is_near_kind(m))
            gossip_near_came(&t->near, gossip_member_name(m), m->number);
    }
}

void gossip_table_set_state(struct gossip_table *t, struct gossip_member *m,
                            enum gossip_state state, uint64_t now_ms)
{
    bool was_near = is_near_kind(m), was_living = gossip_member_is_living(m);

    if (m->state == state)
        return;
    m->state = (uint8_t)state;
    m->since_ms = now_ms;
    if (state == GOSSIP_SUSPECT) {
        m->suspicion = muster_pool_take(&t->suspicions); /* as many as members */
        MUSTER_ASSERT(m->suspicion != NULL);
    } else if (m->suspicion != NULL) {
        muster_pool_give(&t->suspicions, m->suspicion);
        m->suspicion = NULL;
    }
    if (!gossip_member_is_living(m))
        versions_miss(t, m);
    else
        versions_admit(&t->versions, m);
    if (!m->is_self && !was_living && gossip_member_is_living(m))
        t->living++;
    if (!m->is_self && was_living && !gossip_member_is_living(m))
        t->living--;
    near_look(t, m, was_near);
    if (state != GOSSIP_DEAD)
        m->is_proven = false;
    gossip_table_mark(t, m);
}

void gossip_table_set_data(struct gossip_table *t, struct gossip_member *m, struct muster_addr addr,
                           struct muster_bytes meta, const uint8_t *vsn)
{
    bool is_other_meta = !muster_bytes_equal(gossip_member_meta(m), meta);
    bool was_near = is_near_kind(m);

    if (is_other_meta || !muster_addr_equal(m->addr, addr)) {
        m->is_changed = true;
        gossip_table_mark(t, m);
    }
    if (is_other_meta) {
        struct gossip_face *before = m->face;

        m->face = gossip_faces_take(t->faces, gossip_member_name(m), meta);
        gossip_faces_give(t->faces, before);
    }
    if (memcmp(m->vsn, vsn, GOSSIP_VSN_LEN) != 0)
        versions_miss(t, m);
    m->addr = addr;
    memcpy(m->vsn, vsn, GOSSIP_VSN_LEN);
    versions_admit(&t->versions, m);
    m->is_kin = t->is_kin != NULL && t->is_kin(gossip_member_meta(m));
    near_look(t, m, was_near);
}

bool gossip_table_tell(struct gossip_table *t, const struct gossip_member **m,
                       enum gossip_news *news)
{
    while (t->dirty_count > 0) {
        struct gossip_member *first = &t->member[t->dirty[t->dirty_head]];

        *m = first;
        if (gossip_member_tell(first, news))
            return true;
        first->is_dirty = false;
        t->dirty_head = (t->dirty_head + 1) % t->capacity;
        t->dirty_count--;
    }
    return false;
}

/* The range that is kept is the one that counting would find. */
static bool versions_are_sane(const struct gossip_table *t)
{
    struct gossip_versions v = versions_count(t);

    return t->versions.is_stale || !gossip_member_is_living(&t->member[GOSSIP_SELF]) ||
           memcmp(&v, &t->versions, sizeof v) == 0;
}

bool gossip_table_is_sane(const struct gossip_table *t)
{
    if (t->count + t->free_count + t->removed_count != t->fresh || t->cursor > t->count)
        return false;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct gossip_member *m = &t->member[t->order[i]];

        if (m->is_forgotten || gossip_table_find(t, gossip_member_name(m)) != m)
            return false;
        if (m->is_proven && m->state != GOSSIP_DEAD)
            return false;
    }
    return t->by_name.count == t->count && versions_are_sane(t);
}
