/* SPDX-License-Identifier: Apache-2.0 */
/* The slot table: its memory, nodes that come and go, and the lists that change with them. */
#include "ring/table.h"

#include <string.h>

#define TABLE_NOBODY UINT8_MAX /* of a resting order: its slot knows no more nodes */

#define TABLE_VOLLEY 64 /* darts whose rows are fetched together */

/* A build throws some 16 darts a slot and skips most of them; mending skips none. */
#define TABLE_MEND_DARTS_PER_SLOT 8

/* Of a small table that knows all there is to know less memory than that is not worth a build. */
#define TABLE_REST_MIN 16384

/* T is too late by the factor the weight has grown by, and a join throws that many darts in vain.
   */
#define TABLE_GROWTH_MAX 4

struct ring_table_config ring_table_config_of(const struct ring_config *c)
{
    return (struct ring_table_config){
        .bits = c->bits,
        .replicas = c->replicas,
        .keep = c->zones ? RING_ORDER_MAX : c->replicas + 2,
        .window_darts = UINT32_C(1) << c->bits,
        .nodes_max = c->nodes_max,
        .zones = c->zones,
    };
}

static uint32_t config_stride(const struct ring_table_config *c)
{
    return c->keep + 1 + (c->zones ? c->replicas : 0);
}

size_t ring_table_size(const struct ring_table_config *c)
{
    size_t slots = (size_t)1 << c->bits;
    size_t row = config_stride(c) * sizeof(uint64_t);
    size_t order = c->keep;
    size_t rest = sizeof(struct ring_list) + sizeof(struct ring_change) + 2 * sizeof(uint32_t);

    return slots * (row + order + rest) + slots / 8 + c->nodes_max * sizeof(struct ring_thrower) +
           c->nodes_max + (size_t)9 * 16; /* the arena rounds each of the nine up */
}

int ring_table_init(struct ring_table *t, struct muster_arena *a, const struct ring_table_config *c,
                    const struct ring_entrant *entrant)
{
    size_t slots = (size_t)1 << c->bits;

    MUSTER_ASSERT(c->keep > c->replicas);
    MUSTER_ASSERT(c->keep <= RING_ORDER_MAX);
    *t = (struct ring_table){ .config = *c };
    t->shape = (struct ring_shape){
        .entrant = entrant,
        .bits = c->bits,
        .replicas = c->replicas,
        .keep = c->keep,
        .stride = config_stride(c),
        .zones = c->zones,
    };
    t->list = muster_arena_take(a, slots, sizeof *t->list);
    t->order = muster_arena_take(a, slots * c->keep, sizeof *t->order);
    t->rows = muster_arena_take(a, slots * t->shape.stride, sizeof *t->rows);
    t->change = muster_arena_take(a, slots, sizeof *t->change);
    t->touched = muster_arena_take(a, slots, sizeof *t->touched);
    t->waiting = muster_arena_take(a, slots, sizeof *t->waiting);
    t->open = muster_arena_take(a, slots / 64, sizeof *t->open);
    t->thrower = muster_arena_take(a, c->nodes_max, sizeof *t->thrower);
    t->name = muster_arena_take(a, c->nodes_max, sizeof *t->name);
    if (t->list == NULL || t->order == NULL || t->rows == NULL || t->change == NULL ||
        t->touched == NULL || t->waiting == NULL || t->open == NULL || t->thrower == NULL ||
        t->name == NULL)
        return MUSTER_EFULL;
    memset(t->list, 0xFF, slots * sizeof *t->list);
    return MUSTER_OK;
}

void ring_table_begin(struct ring_table *t)
{
    t->change_count = 0;
    t->touched_count = 0;
}

uint64_t ring_table_join_cost(const struct ring_table *t, uint32_t weight)
{
    return ring_dart_count(weight, t->end);
}

uint64_t ring_table_leave_cost(const struct ring_table *t, uint32_t weight)
{
    uint64_t darts = ring_dart_count(weight, t->end);

    return darts < ring_table_slots(t) ? darts : ring_table_slots(t);
}

bool ring_table_wants_build(const struct ring_table *t, const struct ring_field *f,
                            uint64_t join_cost, uint64_t leave_cost)
{
    uint64_t cost_max = (uint64_t)TABLE_MEND_DARTS_PER_SLOT << t->shape.bits;
    bool can_complete = f->n <= t->shape.keep;

    if (!t->is_built)
        return true;
    if (t->is_complete)
        return !can_complete;
    /* Few nodes are better off complete; but a leaver must not wait for that. */
    if (join_cost > 0 && can_complete)
        return true;
    return join_cost + leave_cost > cost_max || f->weight > TABLE_GROWTH_MAX * t->built_weight;
}

bool ring_table_lacks_zones(const struct ring_table *t, const struct ring_field *f)
{
    return !t->is_complete && f->zones > t->need_zones;
}

struct table_throw {
    uint64_t arrival;
    uint32_t slot;
};

/* The node's next darts before T, at most TABLE_VOLLEY; their rows are on their way from memory. */
static uint32_t table_volley(const struct ring_table *t, struct ring_thrower *thrower,
                             struct table_throw *volley)
{
    uint32_t shift = ring_time_shift(t->shape.bits);
    uint32_t n = 0;

    while (n < TABLE_VOLLEY && thrower->base < t->end) {
        uint64_t dart = ring_dart_mix(thrower->seed);
        uint64_t time = thrower->base + ring_dart_delay(dart, thrower->step);
        const uint64_t *row;

        thrower->seed += RING_DART_GOLDEN;
        thrower->base += thrower->step;
        if (time >= t->end)
            break;
        volley[n].arrival = ring_arrival(time, shift, thrower->number);
        volley[n].slot = ring_dart_slot(dart, t->shape.bits);
        row = ring_table_row(t, volley[n].slot);
        __builtin_prefetch(row, 1);
        __builtin_prefetch(row + t->shape.stride - 1, 1);
        n++;
    }
    return n;
}

static void table_touch(struct ring_table *t, uint32_t slot)
{
    if (t->touched_count < ring_table_slots(t))
        t->touched[t->touched_count++] = slot;
    else
        ring_table_touch_all(t);
}

static void table_strike(struct ring_table *t, uint32_t slot, uint16_t number)
{
    if (ring_row_strike(&t->shape, ring_table_row(t, slot), slot, number))
        table_touch(t, slot);
}

void ring_table_leave(struct ring_table *t, uint16_t number)
{
    const struct ring_entrant *e = &t->shape.entrant[number];
    struct ring_thrower thrower = ring_thrower_of(e, number);
    struct table_throw volley[TABLE_VOLLEY];
    uint32_t n;

    MUSTER_ASSERT(t->is_built);
    /* Who has thrown a dart for every slot is sought in every slot: that bounds the cost. */
    if (ring_table_leave_cost(t, e->weight) == ring_table_slots(t)) {
        for (uint32_t slot = 0; slot < ring_table_slots(t); slot++)
            table_strike(t, slot, number);
        return;
    }
    while ((n = table_volley(t, &thrower, volley)) > 0)
        for (uint32_t i = 0; i < n; i++)
            table_strike(t, volley[i].slot, number);
}

void ring_table_join(struct ring_table *t, uint16_t number)
{
    struct ring_thrower thrower = ring_thrower_of(&t->shape.entrant[number], number);
    struct table_throw volley[TABLE_VOLLEY];
    uint32_t n;

    MUSTER_ASSERT(t->is_built);
    MUSTER_ASSERT(!t->is_complete);
    while ((n = table_volley(t, &thrower, volley)) > 0)
        for (uint32_t i = 0; i < n; i++)
            if (ring_row_offer(&t->shape, ring_table_row(t, volley[i].slot), volley[i].slot,
                               volley[i].arrival))
                table_touch(t, volley[i].slot);
}

void ring_table_expect(struct ring_table *t, const struct ring_field *f)
{
    t->need_nodes = f->n < t->shape.replicas ? f->n : t->shape.replicas;
    t->need_zones = f->zones;
}

void ring_table_touch_all(struct ring_table *t)
{
    t->touched_count = UINT32_MAX;
}

/* How many slots were touched, and the i-th of them. */
static uint32_t table_touched(const struct ring_table *t)
{
    return t->touched_count == UINT32_MAX ? ring_table_slots(t) : t->touched_count;
}

static uint32_t table_touched_slot(const struct ring_table *t, uint32_t i)
{
    return t->touched_count == UINT32_MAX ? i : t->touched[i];
}

bool ring_table_is_stale(const struct ring_table *t)
{
    for (uint32_t i = 0; i < table_touched(t); i++)
        if (!ring_row_is_covered(&t->shape, ring_table_row(t, table_touched_slot(t, i)),
                                 t->need_nodes, t->need_zones))
            return true;
    return false;
}

static bool list_has_heir(const struct ring_table *t, const struct ring_list *list)
{
    for (uint32_t i = 0; i < RING_REPLICAS_MAX && list->node[i] != RING_NONE; i++)
        if (t->shape.entrant[list->node[i]].is_heir)
            return true;
    return false;
}

static void table_publish_slot(struct ring_table *t, uint32_t slot)
{
    struct ring_list list = ring_list_of_row(&t->shape, ring_table_row(t, slot));
    struct ring_change *change;

    if (memcmp(&list, &t->list[slot], sizeof list) == 0 &&
        !(t->has_heirs && list_has_heir(t, &list)))
        return;
    change = &t->change[t->change_count++];
    change->slot = slot;
    memcpy(change->before, &t->list[slot], sizeof change->before);
    memcpy(change->after, &list, sizeof change->after);
    t->list[slot] = list;
}

void ring_table_publish(struct ring_table *t)
{
    /* A list with a number that changed hands is news though it reads the same, but only once. */
    if (t->has_heirs)
        ring_table_touch_all(t);
    for (uint32_t i = 0; i < table_touched(t); i++)
        table_publish_slot(t, table_touched_slot(t, i));
    MUSTER_ASSERT(t->change_count <= ring_table_slots(t));
}

static uint32_t row_order(const struct ring_table *t, uint32_t slot, uint16_t *out)
{
    const uint64_t *row = ring_table_row(t, slot);
    uint32_t n = 0;

    while (t->is_built && n < t->shape.keep && row[n] != RING_ARRIVAL_NONE) {
        out[n] = ring_arrival_number(row[n]);
        n++;
    }
    return n;
}

uint32_t ring_table_order(const struct ring_table *t, uint32_t slot, uint16_t *out)
{
    const uint8_t *order = t->order + (size_t)slot * t->places;
    uint32_t n = 0;

    if (!t->is_resting)
        return row_order(t, slot, out);
    for (; n < t->places && order[n] != TABLE_NOBODY; n++)
        out[n] = t->resting[order[n]];
    return n;
}

struct ring_list ring_table_list(const struct ring_table *t, uint32_t slot)
{
    const uint8_t *order = t->order + (size_t)slot * t->places;
    struct ring_list list;

    if (!t->is_resting)
        return t->list[slot];
    memset(&list, 0xFF, sizeof list);
    for (uint32_t i = 0; i < t->shape.replicas && i < t->places && order[i] != TABLE_NOBODY; i++)
        list.node[i] = t->resting[order[i]];
    return list;
}

static void table_pack(struct ring_table *t, uint32_t slot)
{
    uint8_t *order = t->order + (size_t)slot * t->places;
    uint16_t number[RING_ORDER_MAX];
    uint32_t n = row_order(t, slot, number);

    for (uint32_t i = 0; i < t->places; i++)
        order[i] = i < n ? t->name[number[i]] : TABLE_NOBODY;
}

void ring_table_rest(struct ring_table *t, const struct ring_field *f)
{
    size_t slots = ring_table_slots(t), rows = slots * t->shape.stride * sizeof *t->rows;

    if (!t->is_built || t->shape.zones || f->n > TABLE_RESTING_MAX ||
        (t->is_complete && rows < TABLE_REST_MIN))
        return;
    for (uint32_t i = 0; i < f->n; i++) {
        t->resting[i] = f->number[i];
        t->name[f->number[i]] = (uint8_t)i;
    }
    t->places = f->n < t->shape.keep ? f->n : t->shape.keep;
    for (uint32_t slot = 0; slot < slots; slot++)
        table_pack(t, slot);
    muster_arena_rest(t->list, slots * sizeof *t->list);
    muster_arena_rest(t->rows, rows);
    muster_arena_rest(t->change, slots * sizeof *t->change);
    muster_arena_rest(t->touched, slots * sizeof *t->touched);
    muster_arena_rest(t->waiting, slots * sizeof *t->waiting);
    ring_table_begin(t);
    t->is_built = false;
    t->is_resting = true;
}

void ring_table_wake(struct ring_table *t)
{
    if (!t->is_resting)
        return;
    for (uint32_t slot = 0; slot < ring_table_slots(t); slot++)
        t->list[slot] = ring_table_list(t, slot);
    t->is_resting = false;
    muster_arena_rest(t->order, (size_t)ring_table_slots(t) * t->shape.keep * sizeof *t->order);
}
