/* SPDX-License-Identifier: Apache-2.0 */
/* The race from its start: windows of darts, rows that close, nodes that are through. */
#include "ring/build.h"

#include <string.h>

#define BUILD_BATCH       256 /* darts thrown before their rows are looked at */
#define BUILD_AHEAD       24  /* rows fetched before they are needed */
#define BUILD_WINDOWS_MIN 4   /* below that T would leave too little to mend with */

struct build_throw {
    uint64_t arrival;
    uint32_t slot;
};

/* One race. */
struct build {
    struct ring_table *table;
    const struct ring_shape *shape;
    uint32_t full_nodes; /* all a row can hold: min(K, n) */
    uint32_t want_nodes; /* min(R + 1, n): one more than needed, so that a node can be lost */
    uint32_t waiting;    /* rows still open, in table->waiting */
    uint32_t throwers;   /* who still throw, in table->thrower */
    uint64_t weight;     /* theirs */
    uint64_t end;        /* of the windows so far */
};

/* Enters darts into their rows, and fetches from memory the rows of those that follow. */
static void build_enter(const struct build *b, const struct build_throw *batch, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = batch[i].slot;

        if (i + BUILD_AHEAD < n) {
            const uint64_t *later = ring_table_row(b->table, batch[i + BUILD_AHEAD].slot);

            __builtin_prefetch(later, 1);
            __builtin_prefetch(later + b->shape->stride - 1, 1);
        }
        ring_row_offer(b->shape, ring_table_row(b->table, slot), slot, batch[i].arrival);
    }
}

/* Throws one node's darts before the end of the window. A dart is written down in any case and
 * counted only if its slot is open: no branch to guess wrong. */
static uint32_t build_throw(const struct build *b, struct ring_thrower *thrower,
                            struct build_throw *batch, uint32_t n)
{
    const uint64_t *open = b->table->open;
    const uint32_t bits = b->shape->bits;
    const uint32_t shift = ring_time_shift(bits);
    const uint64_t end = b->end;
    struct ring_thrower t = *thrower;

    while (t.base < end) {
        uint64_t dart = ring_dart_mix(t.seed);
        uint64_t time = t.base + ring_dart_delay(dart, t.step);
        uint32_t slot = ring_dart_slot(dart, bits);

        if (time >= end)
            break;
        batch[n].arrival = ring_arrival(time, shift, t.number);
        batch[n].slot = slot;
        n += (uint32_t)(open[slot / 64] >> (slot % 64)) & 1;
        t.seed += RING_DART_GOLDEN;
        t.base += t.step;
        if (n == BUILD_BATCH) {
            build_enter(b, batch, n);
            n = 0;
        }
    }
    *thrower = t;
    return n;
}

static void build_throw_window(struct build *b)
{
    struct build_throw batch[BUILD_BATCH];
    uint32_t shift = ring_time_shift(b->shape->bits);
    uint64_t darts = (uint64_t)b->table->config.window_darts << 32;
    uint32_t n = 0;

    /* Windows end where the time part of an arrival steps, so that no arrival lies astride. */
    b->end += ((darts / b->weight >> shift) + 1) << shift;
    MUSTER_ASSERT((b->end >> shift) + 1 < RING_TIME_PART_MAX);
    for (uint32_t i = 0; i < b->throwers; i++)
        n = build_throw(b, &b->table->thrower[i], batch, n);
    build_enter(b, batch, n);
}

/* Nothing at or beyond the end of the windows is known. */
static void build_bound(const struct build *b, uint64_t *row)
{
    uint64_t horizon = ring_horizon(b->end, ring_time_shift(b->shape->bits));

    if (row[b->shape->keep] > horizon)
        row[b->shape->keep] = horizon;
}

static bool build_is_full(const struct build *b, const uint64_t *row)
{
    return ring_row_is_covered(b->shape, row, b->full_nodes, b->table->need_zones);
}

static bool build_is_wanted(const struct build *b, const uint64_t *row)
{
    return ring_row_is_covered(b->shape, row, b->want_nodes, b->table->need_zones);
}

/* Closes the rows that are full. True when all rows are covered. */
static bool build_sweep(struct build *b)
{
    struct ring_table *t = b->table;
    uint32_t waiting = 0;
    bool is_covered = true;

    for (uint32_t i = 0; i < b->waiting; i++) {
        uint32_t slot = t->waiting[i];
        uint64_t *row = ring_table_row(t, slot);

        if (build_is_full(b, row)) {
            t->open[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
            build_bound(b, row);
            continue;
        }
        is_covered &= build_is_wanted(b, row);
        t->waiting[waiting++] = slot;
    }
    b->waiting = waiting;
    return is_covered;
}

/* What every open row has already, and so what none of them waits for. */
struct build_common {
    uint16_t node[RING_ORDER_MAX];
    uint32_t nodes;
    bool all_nodes; /* no open row lacks nodes */
    uint32_t zone[RING_REPLICAS_MAX];
    uint32_t zones;
    bool all_zones;
};

static void common_meet_nodes(struct build_common *c, const struct ring_shape *s,
                              const uint64_t *row)
{
    uint32_t kept = 0;

    if (c->all_nodes) {
        c->all_nodes = false;
        while (row[c->nodes] != RING_ARRIVAL_NONE) {
            c->node[c->nodes] = ring_arrival_number(row[c->nodes]);
            c->nodes++;
        }
        return;
    }
    for (uint32_t i = 0; i < c->nodes; i++)
        for (uint32_t k = 0; k < s->keep; k++)
            if (ring_arrival_number(row[k]) == c->node[i]) {
                c->node[kept++] = c->node[i];
                break;
            }
    c->nodes = kept;
}

static void common_meet_zones(struct build_common *c, const struct ring_shape *s,
                              const uint64_t *row)
{
    const uint64_t *first = row + s->keep + 1;
    uint32_t zone[RING_REPLICAS_MAX];
    uint32_t zones = 0;
    uint32_t kept = 0;

    while (zones < s->replicas && first[zones] != RING_ARRIVAL_NONE) {
        zone[zones] = s->entrant[ring_arrival_number(first[zones])].zone;
        zones++;
    }
    if (c->all_zones) {
        c->all_zones = false;
        memcpy(c->zone, zone, sizeof zone);
        c->zones = zones;
        return;
    }
    for (uint32_t i = 0; i < c->zones; i++)
        for (uint32_t k = 0; k < zones; k++)
            if (zone[k] == c->zone[i])
                c->zone[kept++] = zone[k];
    c->zones = kept;
}

static struct build_common build_common_of(const struct build *b)
{
    struct build_common c = { .all_nodes = true, .all_zones = true };

    for (uint32_t i = 0; i < b->waiting; i++) {
        const uint64_t *row = ring_table_row(b->table, b->table->waiting[i]);

        if (!ring_row_is_covered(b->shape, row, b->full_nodes, 0))
            common_meet_nodes(&c, b->shape, row);
        if (!ring_row_is_covered(b->shape, row, 0, b->table->need_zones))
            common_meet_zones(&c, b->shape, row);
        if (!c.all_nodes && c.nodes == 0)
            break; /* as a rule after a few rows */
        if (!c.all_zones && c.zones == 0)
            break;
    }
    return c;
}

static bool common_holds(const struct build_common *c, uint16_t number, uint32_t zone)
{
    bool has_node = c->all_nodes;
    bool has_zone = c->all_zones;

    for (uint32_t i = 0; i < c->nodes; i++)
        has_node |= c->node[i] == number;
    for (uint32_t i = 0; i < c->zones; i++)
        has_zone |= c->zone[i] == zone;
    return has_node && has_zone;
}

/* Lets the nodes rest for which no open row waits. Without this, one node of great weight would
 * throw thousands of darts for each one of the light nodes that the rows wait for. */
static void build_retire(struct build *b)
{
    struct build_common c = build_common_of(b);
    uint32_t throwers = 0;

    if ((!c.all_nodes && c.nodes == 0) || (!c.all_zones && c.zones == 0))
        return;
    for (uint32_t i = 0; i < b->throwers; i++) {
        const struct ring_thrower *t = &b->table->thrower[i];

        if (common_holds(&c, t->number, b->shape->entrant[t->number].zone))
            b->weight -= t->weight;
        else
            b->table->thrower[throwers++] = *t;
    }
    b->throwers = throwers;
}

static void build_race(struct build *b)
{
    for (uint32_t windows = 1; b->throwers > 0; windows++) {
        bool is_covered;

        build_throw_window(b);
        is_covered = build_sweep(b);
        if (is_covered && windows >= BUILD_WINDOWS_MIN)
            break;
        build_retire(b);
        MUSTER_ASSERT(is_covered || b->throwers > 0);
    }
    for (uint32_t i = 0; i < b->waiting; i++)
        build_bound(b, ring_table_row(b->table, b->table->waiting[i]));
    if (b->table->end < b->end)
        b->table->end = b->end;
}

/* Opens the rows to be run anew: all, or those that know too little to lose another node. */
static void build_open(struct build *b, bool is_all)
{
    struct ring_table *t = b->table;

    memset(t->open, 0, ring_table_slots(t) / 8);
    for (uint32_t slot = 0; slot < ring_table_slots(t); slot++) {
        uint64_t *row = ring_table_row(t, slot);

        if (!is_all && build_is_wanted(b, row))
            continue;
        t->open[slot / 64] |= UINT64_C(1) << (slot % 64);
        t->waiting[b->waiting++] = slot;
        ring_row_clear(b->shape, row);
    }
}

static void build_run(struct ring_table *t, const struct ring_field *f, bool is_all)
{
    struct build b = {
        .table = t,
        .shape = &t->shape,
        .full_nodes = f->n < t->shape.keep ? f->n : t->shape.keep,
        .want_nodes = f->n <= t->shape.replicas ? f->n : t->shape.replicas + 1,
        .throwers = f->n,
        .weight = f->weight,
    };

    build_open(&b, is_all);
    for (uint32_t i = 0; i < f->n; i++)
        t->thrower[i] = ring_thrower_of(&t->shape.entrant[f->number[i]], f->number[i]);
    build_race(&b);
}

void ring_build_repair(struct ring_table *t, const struct ring_field *f)
{
    MUSTER_ASSERT(t->is_built);
    MUSTER_ASSERT(!t->is_complete);
    build_run(t, f, false);
}

void ring_build(struct ring_table *t, const struct ring_field *f)
{
    t->is_built = true;
    MUSTER_ASSERT(!t->is_resting);
    t->is_complete = f->n <= t->shape.keep;
    t->built_weight = f->weight;
    t->end = 0;
    ring_table_expect(t, f);
    ring_table_touch_all(t);
    if (!t->is_complete) {
        build_run(t, f, true);
        return;
    }
    memset(t->rows, 0xFF, (size_t)ring_table_slots(t) * t->shape.stride * sizeof *t->rows);
    for (uint32_t i = 0; i < f->n; i++)
        ring_build_join(t, f->number[i]);
}

/* Throws until every slot is hit, and each slot's first dart counts. */
void ring_build_join(struct ring_table *t, uint16_t number)
{
    struct build b = { .table = t, .shape = &t->shape };
    struct ring_thrower thrower = ring_thrower_of(&t->shape.entrant[number], number);
    const uint32_t bits = t->shape.bits;
    uint64_t darts_max = (uint64_t)RING_DARTS_PER_SLOT_MAX << bits;
    uint32_t missed = ring_table_slots(t);
    struct build_throw batch[BUILD_BATCH];
    uint64_t *open = t->open;
    uint32_t n = 0;

    MUSTER_ASSERT(t->is_complete);
    memset(open, 0xFF, missed / 8);
    while (missed > 0) {
        uint64_t dart = ring_dart_mix(thrower.seed);
        uint64_t time = thrower.base + ring_dart_delay(dart, thrower.step);
        uint32_t slot = ring_dart_slot(dart, bits);
        uint32_t is_first = (open[slot / 64] >> (slot % 64)) & 1;

        batch[n].arrival = ring_arrival(time, ring_time_shift(bits), number);
        batch[n].slot = slot;
        n += is_first;
        missed -= is_first;
        open[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
        thrower.seed += RING_DART_GOLDEN;
        thrower.base += thrower.step;
        MUSTER_ASSERT(darts_max-- > 0);
        if (n == BUILD_BATCH || missed == 0) {
            build_enter(&b, batch, n);
            n = 0;
        }
    }
    if (t->end < thrower.base)
        t->end = thrower.base;
    ring_table_touch_all(t); /* most lists have changed, and the others cost little */
}
