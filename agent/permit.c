/* SPDX-License-Identifier: Apache-2.0 */
/* Permits of groups: given out, asked after, taken back. */
#include "agent/permit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/place.h"

#define WAITERS_MAX 256
#define WAIT_MS     5000 /* who has not asked for that long waits no more */
#define CHECK_MS    5000
#define AGAIN_MS    250 /* after a write that could not be made */
#define ROW_SPARE   (STORE_KEY_MAX + 64)
#define ROW_PERMITS (48u << 10) /* bytes of them in a row */
#define SENT_TO_MAX 8

struct permit {
    char key[STORE_KEY_MAX + 1];
    uint64_t number;
    uint64_t nonce; /* of a CHECK under way; 0: none, or its answer counts no more */
    uint64_t ask;   /* the question that the permit answers, and its reign */
    uint64_t reign; /* the highest of those who were told of it: who is below knows less */
    uint32_t tries;
    bool is_returned;
};

struct waiter {
    char key[STORE_KEY_MAX + 1];
    struct muster_id who;
    uint64_t ask, rank, reign, until_ms;
    uint32_t cap;
};

struct group {
    struct group *next;
    char key[STORE_KEY_MAX + 1];
    uint32_t bucket;
    struct permit *held;
    uint32_t held_count, held_size;
    struct waiter *waiter; /* WAITERS_MAX of them */
    uint32_t waiters;
    uint64_t check_ms, again_ms; /* NEVER: need not */
};

struct agent_permit {
    struct group *first;
};

int agent_permit_open(struct agent_core *core)
{
    core->permit = calloc(1, sizeof *core->permit);
    return core->permit != NULL ? MUSTER_OK : MUSTER_EFULL;
}

static void group_free(struct agent_core *core, struct group *g)
{
    struct group **at = &core->permit->first;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    free(g->held);
    free(g->waiter);
    free(g);
}

void agent_permit_close(struct agent_core *core)
{
    if (core->permit == NULL)
        return;
    while (core->permit->first != NULL)
        group_free(core, core->permit->first);
    free(core->permit);
    core->permit = NULL;
}

bool agent_permit_is_row(struct muster_bytes key)
{
    return key.len > 0 && key.data[0] == '%';
}

/* ---- what is said */

static void write_permit(struct agent_core *core, uint32_t message, struct muster_writer *w,
                         const struct agent_msg_permit *m)
{
    *w = agent_frame(core);
    agent_write_head(w, message, 14);
    muster_write_str(w, m->group);
    muster_write_str(w, m->key);
    muster_write_id(w, m->who);
    muster_write_bool(w, m->is_passed);
    muster_write_u64(w, m->number);
    muster_write_u64(w, m->reign);
    muster_write_u64(w, m->rank);
    muster_write_u64(w, m->cap);
    muster_write_bool(w, m->is_needed);
    muster_write_u64(w, m->permit);
    muster_write_u64(w, m->held);
    muster_write_u64(w, m->before);
    muster_write_str(w, m->names);
}

bool agent_permit_read(struct muster_reader *r, struct agent_msg_permit *m)
{
    m->group = muster_read_bytes(r, STORE_KEY_MAX);
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->who = muster_read_id(r);
    m->is_passed = muster_read_bool(r);
    m->number = muster_read_u64(r);
    m->reign = muster_read_u64(r);
    m->rank = muster_read_u64(r);
    m->cap = muster_read_u32(r);
    m->is_needed = muster_read_bool(r);
    m->permit = muster_read_u64(r);
    m->held = muster_read_u32(r);
    m->before = muster_read_u32(r);
    m->names = muster_read_bytes(r, AGENT_PERMIT_NAMES);
    bool is_text = memchr(m->group.data, 0, m->group.len) == NULL &&
                   memchr(m->key.data, 0, m->key.len) == NULL && m->key.len > 0;
    return muster_reader_ok(r) && is_text && agent_permit_is_row(m->group);
}

void agent_permit_send_to(struct agent_core *core, uint32_t message, struct muster_id to,
                          const struct agent_msg_permit *m)
{
    struct muster_writer w;
    write_permit(core, message, &w, m);
    (void)agent_frame_send(core, to, &w);
}

void agent_permit_send(struct agent_core *core, uint32_t message, struct muster_bytes home,
                       uint32_t tries, const struct agent_msg_permit *m)
{
    struct muster_id to[SENT_TO_MAX];
    uint32_t bucket = store_bucket_of(core->store, home);
    if (store_is_serving(core->store, bucket)) {
        agent_permit_send_to(core, message, core->config.self, m);
        return;
    }
    uint32_t n = store_keeper_hint(core->store, bucket, to, SENT_TO_MAX / 2);
    n += agent_place_bench(core, bucket, to + n, SENT_TO_MAX - n);
    if (n > 0 && !agent_is_self(core, to[tries % n]))
        agent_permit_send_to(core, message, to[tries % n], m);
}

/* Whoever is asked and keeps it not knows better perhaps who does. True when it is ours. */
static bool is_ours(struct agent_core *core, uint32_t message, struct agent_msg_permit *m)
{
    if (store_is_serving(core->store, store_bucket_of(core->store, m->group)))
        return true;
    if (!m->is_passed) {
        m->is_passed = true;
        agent_permit_send(core, message, m->group, 0, m);
    }
    return false;
}

/* ---- groups */

static struct group *group_find(const struct agent_core *core, struct muster_bytes key)
{
    struct group *g = core->permit->first;
    while (g != NULL && !muster_bytes_equal(muster_bytes_text(g->key), key))
        g = g->next;
    return g;
}

static struct group *group_make(struct agent_core *core, struct muster_bytes key)
{
    struct group *g = group_find(core, key);
    if (g != NULL || key.len > STORE_KEY_MAX)
        return g;
    g = calloc(1, sizeof *g);
    MUSTER_ASSERT(g != NULL);
    g->waiter = calloc(WAITERS_MAX, sizeof *g->waiter);
    MUSTER_ASSERT(g->waiter != NULL);
    memcpy(g->key, key.data, key.len);
    g->bucket = store_bucket_of(core->store, key);
    g->check_ms = core->now.mono_ms + AGENT_PERMIT_ASK_MS;
    g->again_ms = core->now.mono_ms;
    g->next = core->permit->first;
    core->permit->first = g;
    return g;
}

static struct permit *permit_find(const struct group *g, struct muster_bytes key)
{
    for (uint32_t i = 0; i < g->held_count; i++)
        if (muster_bytes_equal(muster_bytes_text(g->held[i].key), key))
            return &g->held[i];
    return NULL;
}

static struct permit *permit_add(struct group *g)
{
    if (g->held_count == g->held_size) {
        g->held_size = g->held_size > 0 ? 2 * g->held_size : 16;
        g->held = realloc(g->held, g->held_size * sizeof *g->held);
        MUSTER_ASSERT(g->held != NULL);
    }
    g->held[g->held_count] = (struct permit){ 0 };
    return &g->held[g->held_count++];
}

/* The permits as the row has them; what was being asked about each stays. Both are in the order in
 * which they were given. */
static void group_read(struct group *g, const struct store_row *row)
{
    struct permit *before = g->held;
    uint32_t count = g->held_count, at = 0;
    struct muster_reader r = muster_reader_over(row->spec);
    uint32_t n =
        row->phase != STORE_GONE && row->spec.len > 0 ? muster_read_array(&r, AGENT_PERMIT_MAX) : 0;
    g->held = NULL;
    g->held_count = g->held_size = 0;
    for (uint32_t i = 0; i < n && muster_reader_ok(&r); i++) {
        struct permit p = { 0 };
        muster_read_array_of(&r, 4);
        muster_read_text(&r, p.key, sizeof p.key);
        p.number = muster_read_u64(&r);
        p.reign = muster_read_u64(&r);
        p.ask = muster_read_u64(&r);
        if (!muster_reader_ok(&r))
            break;
        uint32_t k = at;
        while (k < count && before[k].number != p.number)
            k++;
        struct permit *held = permit_add(g);
        *held = k < count ? before[k] : p;
        held->reign = p.reign;
        held->ask = p.ask;
        at = k < count ? k + 1 : at;
    }
    free(before);
}

static bool group_write(struct agent_core *core, const struct group *g,
                        const struct store_view *view, bool is_known)
{
    uint8_t *buffer = malloc(ROW_PERMITS + 2 * ROW_SPARE);
    MUSTER_ASSERT(buffer != NULL);
    struct muster_writer w = muster_writer_over(buffer, ROW_PERMITS + 2 * ROW_SPARE);
    muster_write_array(&w, g->held_count);
    for (uint32_t i = 0; i < g->held_count; i++) {
        muster_write_array(&w, 4);
        muster_write_text(&w, g->held[i].key);
        muster_write_u64(&w, g->held[i].number);
        muster_write_u64(&w, g->held[i].reign);
        muster_write_u64(&w, g->held[i].ask);
    }
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    struct store_row row = { .key = muster_bytes_text(g->key),
                             .want = STORE_WANT_HOLD,
                             .phase = g->held_count > 0 ? STORE_HELD : STORE_GONE,
                             .created_wall_ms = core->now.wall_ms,
                             .since_wall_ms = core->now.wall_ms,
                             .exit_code = -1 };
    if (is_known && view->row.phase != STORE_GONE) {
        row.uid = view->row.uid;
        row.created_wall_ms = view->row.created_wall_ms;
    }
    if (g->held_count > 0)
        row.spec = muster_writer_bytes(&w);
    struct store_write write = { .row = &row,
                                 .expected = is_known ? view->version.packed : 0,
                                 .births = row.uid == 0 && row.phase != STORE_GONE };
    int err = store_write(core->store, &write, 1);
    free(buffer);
    return err == MUSTER_OK;
}

/* ---- who is next */

static void say(struct agent_core *core, const struct group *g, const struct waiter *w,
                uint64_t permit, uint32_t before)
{
    char names[AGENT_PERMIT_NAMES + 1] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < g->held_count && permit == 0; i++) {
        const char *key = g->held[i].key;
        if (len + strlen(key) + 8 > sizeof names) {
            (void)snprintf(names + len, sizeof names - len, ", …");
            break;
        }
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", key);
    }
    const struct agent_msg_permit m = { .group = muster_bytes_text(g->key),
                                        .key = muster_bytes_text(w->key),
                                        .who = core->config.self,
                                        .number = w->ask,
                                        .cap = w->cap,
                                        .permit = permit,
                                        .held = g->held_count,
                                        .before = before,
                                        .names = muster_bytes_text(names) };
    agent_permit_send_to(core, AGENT_MSG_PERMIT_SAY, w->who, &m);
}

static bool is_before(const struct waiter *a, const struct waiter *b)
{
    return a->rank != b->rank ? a->rank < b->rank : strcmp(a->key, b->key) < 0;
}

static void waiters_expire(struct group *g, uint64_t now_ms)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < g->waiters; i++)
        if (g->waiter[i].until_ms > now_ms)
            g->waiter[left++] = g->waiter[i];
    g->waiters = left;
}

static void waiter_drop(struct group *g, uint32_t at)
{
    g->waiters--;
    memmove(&g->waiter[at], &g->waiter[at + 1], (g->waiters - at) * sizeof *g->waiter);
}

/* In order; at the brim the last goes, the newcomer perhaps. */
static void waiter_put(struct group *g, const struct waiter *w)
{
    for (uint32_t i = 0; i < g->waiters; i++)
        if (strcmp(g->waiter[i].key, w->key) == 0) {
            waiter_drop(g, i);
            break;
        }
    uint32_t at = g->waiters;
    while (at > 0 && is_before(w, &g->waiter[at - 1]))
        at--;
    if (at == WAITERS_MAX)
        return;
    if (g->waiters == WAITERS_MAX)
        g->waiters--;
    memmove(&g->waiter[at + 1], &g->waiter[at], (g->waiters - at) * sizeof *g->waiter);
    g->waiter[at] = *w;
    g->waiters++;
}

/* Who has one is told so when the question stands in the row, as a quorum has it: whoever keeps the
 * group no more and does not know it would tell of a permit that is another's by now, and whoever
 * keeps it next must not believe the keeper of the run before this one. What was being asked about
 * it counts no more. How many permits are to be written. */
static uint32_t holders_tell(struct agent_core *core, struct group *g)
{
    uint32_t changes = 0;
    for (uint32_t i = 0; i < g->waiters;) {
        struct waiter w = g->waiter[i];
        struct permit *p = permit_find(g, muster_bytes_text(w.key));
        if (p == NULL) {
            i++;
            continue;
        }
        p->nonce = 0;
        p->is_returned = false;
        if (w.reign > p->reign || (w.reign == p->reign && w.ask != p->ask)) {
            p->reign = w.reign;
            p->ask = w.ask;
            changes++;
            i++;
            continue;
        }
        waiter_drop(g, i);
        if (w.reign == p->reign)
            say(core, g, &w, p->number, 0);
    }
    return changes;
}

static uint32_t returned_drop(struct group *g)
{
    uint32_t left = 0, count = g->held_count;
    for (uint32_t i = 0; i < count; i++)
        if (!g->held[i].is_returned)
            g->held[left++] = g->held[i];
    g->held_count = left;
    return count - left;
}

static size_t held_bytes(const struct group *g)
{
    size_t bytes = 8;
    for (uint32_t i = 0; i < g->held_count; i++)
        bytes += strlen(g->held[i].key) + 34;
    return bytes;
}

/* In turn and no other way: one whose job allows fewer is not passed by those that allow more. */
static uint32_t grant(struct agent_core *core, struct group *g)
{
    uint32_t given = 0;
    size_t bytes = held_bytes(g);
    for (uint32_t i = 0; i < g->waiters && bytes + ROW_SPARE < ROW_PERMITS; i++) {
        const struct waiter *w = &g->waiter[i];
        if (permit_find(g, muster_bytes_text(w->key)) != NULL)
            continue; /* it has one, and waits for that to be written */
        bool is_full = g->held_count >= w->cap || g->held_count >= AGENT_PERMIT_MAX;
        if (is_full && !MUSTER_MUTANT(permit_not_counted))
            break;
        struct permit *p = permit_add(g);
        memcpy(p->key, w->key, sizeof p->key);
        p->number = muster_rng_next(&core->rng) | 1;
        p->reign = w->reign;
        p->ask = w->ask;
        bytes += strlen(p->key) + 34;
        given++;
    }
    return given;
}

/* Everything that can be done for a group now: one write at a time, and its CHOSEN brings us back.
 */
static void decide(struct agent_core *core, struct group *g)
{
    struct store_view view = { 0 };
    bool is_known = store_get(core->store, muster_bytes_text(g->key), &view);
    g->again_ms = MUSTER_NEVER;
    if (is_known && !view.is_chosen)
        return;
    waiters_expire(g, core->now.mono_ms);
    if (is_known)
        group_read(g, &view.row);
    else
        g->held_count = 0;
    uint32_t changes = holders_tell(core, g);
    changes += returned_drop(g);
    changes += grant(core, g);
    if (changes > 0 && !group_write(core, g, &view, is_known))
        g->again_ms = core->now.mono_ms + AGAIN_MS;
    if (g->held_count == 0 && g->waiters == 0 && (!is_known || view.row.phase == STORE_GONE))
        group_free(core, g);
}

/* ---- questions */

void agent_permit_asked(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_permit m = { 0 };
    (void)from;
    if (!agent_permit_read(r, &m) || m.cap == 0 || !is_ours(core, AGENT_MSG_PERMIT_ASK, &m))
        return;
    struct group *g = group_make(core, m.group);
    struct waiter w = { .who = m.who,
                        .ask = m.number,
                        .rank = m.rank,
                        .reign = m.reign,
                        .cap = m.cap,
                        .until_ms = core->now.mono_ms + WAIT_MS };
    if (g == NULL)
        return;
    memcpy(w.key, m.key.data, m.key.len);
    waiter_put(g, &w);
    decide(core, g);
    g = group_find(core, m.group);
    for (uint32_t i = 0; g != NULL && i < g->waiters; i++)
        if (strcmp(g->waiter[i].key, w.key) == 0 && permit_find(g, m.key) == NULL)
            say(core, g, &w, 0, i);
}

static void check(struct agent_core *core, struct group *g, struct permit *p)
{
    p->nonce = agent_number(core);
    const struct agent_msg_permit m = { .group = muster_bytes_text(g->key),
                                        .key = muster_bytes_text(p->key),
                                        .who = core->config.self,
                                        .number = p->nonce,
                                        .permit = p->number };
    agent_permit_send(core, AGENT_MSG_PERMIT_CHECK, m.key, p->tries++, &m);
}

void agent_permit_looked(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_permit m = { 0 };
    (void)from;
    if (!agent_permit_read(r, &m) || !is_ours(core, AGENT_MSG_PERMIT_LOOK, &m))
        return;
    struct group *g = group_find(core, m.group);
    struct permit *p = g != NULL ? permit_find(g, m.key) : NULL;
    if (p == NULL)
        return;
    p->tries = 0;
    p->nonce = agent_number(core);
    m.number = p->nonce;
    m.permit = p->number;
    struct muster_id to = m.who;
    m.who = core->config.self;
    agent_permit_send_to(core, AGENT_MSG_PERMIT_CHECK, to, &m);
}

void agent_permit_checked(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_msg_permit m = { 0 };
    (void)from;
    if (!agent_permit_read(r, &m))
        return;
    struct group *g = group_find(core, m.group);
    struct permit *p = g != NULL ? permit_find(g, m.key) : NULL;
    if (p == NULL || p->nonce == 0 || p->nonce != m.number || m.reign < p->reign) {
        MUSTER_MARK(permit_check_is_stale);
        return;
    }
    p->nonce = 0;
    p->tries = 0; /* who answers is asked first the next time */
    if (m.is_needed)
        return;
    MUSTER_MARK(permit_returned);
    p->is_returned = true;
    decide(core, g);
}

/* ---- the store and time */

void agent_permit_serving(struct agent_core *core, uint32_t bucket)
{
    struct store_view view;
    uint64_t cursor = 0;
    while (store_bucket_next(core->store, bucket, &cursor, &view))
        if (agent_permit_is_row(view.row.key) && view.row.phase != STORE_GONE)
            (void)group_make(core, view.row.key);
}

void agent_permit_retired(struct agent_core *core, uint32_t bucket)
{
    struct group *next;
    for (struct group *g = core->permit->first; g != NULL; g = next) {
        next = g->next;
        if (g->bucket == bucket)
            group_free(core, g);
    }
}

void agent_permit_chosen(struct agent_core *core, struct muster_bytes key)
{
    struct group *g = agent_permit_is_row(key) ? group_find(core, key) : NULL;
    if (g != NULL)
        decide(core, g);
}

void agent_permit_tick(struct agent_core *core)
{
    struct group *next;
    uint64_t now = core->now.mono_ms;
    for (struct group *g = core->permit->first; g != NULL; g = next) {
        next = g->next;
        if (g->check_ms <= now) {
            g->check_ms = now + CHECK_MS;
            g->again_ms = now; /* who waits no more is forgotten too */
            for (uint32_t i = 0; i < g->held_count; i++)
                check(core, g, &g->held[i]);
        }
        if (g->again_ms <= now)
            decide(core, g);
    }
}

uint64_t agent_permit_deadline_ms(const struct agent_core *core)
{
    uint64_t due = MUSTER_NEVER;
    for (const struct group *g = core->permit->first; g != NULL; g = g->next)
        due = muster_deadline_sooner(due, muster_deadline_sooner(g->check_ms, g->again_ms));
    return due;
}
