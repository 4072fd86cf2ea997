/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the ring: changes of the member set in, places out. */
#include "ring/ring.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "ring/build.h"
#include "ring/member.h"
#include "ring/table.h"

#define RING_SEED_NODE UINT64_C(0x6d757374657231) /* "muster1" */
#define RING_SEED_KEY  UINT64_C(0x6d75737465724b) /* "musterK" */

struct ring {
    uint32_t slots;
    uint32_t slot_shift;       /* from a hash to its slot */
    struct muster_arena arena; /* which this struct is the first part of */
    struct ring_members members;
    struct ring_table table;
    uint64_t *walk; /* scratch of ring_walk: the arrivals' times */
};

static int config_check(const struct ring_config *c)
{
    if (c->bits < RING_BITS_MIN || c->bits > RING_BITS_MAX)
        return MUSTER_EINVAL;
    if (c->replicas < 1 || c->replicas > RING_REPLICAS_MAX)
        return MUSTER_EINVAL;
    if (c->nodes_max < 1 || c->nodes_max > RING_NODES_MAX)
        return MUSTER_EINVAL;
    return MUSTER_OK;
}

static int ring_init(struct ring *r, const struct ring_config *c)
{
    struct ring_table_config table = ring_table_config_of(c);
    int err = ring_members_init(&r->members, &r->arena, c);

    r->slots = UINT32_C(1) << c->bits;
    r->slot_shift = 64 - c->bits;
    if (err != MUSTER_OK)
        return err;
    r->walk = muster_arena_take(&r->arena, c->nodes_max, sizeof *r->walk);
    if (r->walk == NULL)
        return MUSTER_EFULL;
    return ring_table_init(&r->table, &r->arena, &table, r->members.entrant);
}

/* What ring_open takes: itself and ring_init's parts, each rounded up by the arena. */
static size_t ring_size(const struct ring_config *c)
{
    struct ring_table_config table = ring_table_config_of(c);

    return sizeof(struct ring) + ring_members_size(c) + ring_table_size(&table) +
           c->nodes_max * sizeof(uint64_t) + (size_t)2 * 16;
}

int ring_open(struct ring **r, const struct ring_config *c)
{
    struct muster_arena arena;
    int err = config_check(c);

    *r = NULL;
    if (err != MUSTER_OK)
        return err;
    err = muster_arena_open(&arena, ring_size(c));
    if (err != MUSTER_OK)
        return err;
    *r = muster_arena_take(&arena, 1, sizeof **r);
    MUSTER_ASSERT(*r != NULL);
    (*r)->arena = arena;
    err = ring_init(*r, c);
    MUSTER_ASSERT(err == MUSTER_OK); /* the arena was made to measure */
    return MUSTER_OK;
}

void ring_close(struct ring *r)
{
    struct muster_arena arena;

    if (r == NULL)
        return;
    arena = r->arena; /* closing it takes the struct away as well */
    muster_arena_close(&arena);
}

/* ---- changes */

static struct ring_field ring_field_of(const struct ring *r)
{
    const struct ring_members *m = &r->members;

    return (struct ring_field){
        .number = m->racing,
        .n = m->racing_count,
        .zones = m->zones ? ring_member_zones(m, r->table.shape.replicas) : 0,
        .weight = m->weight,
    };
}

/* Whether the prepared change is better built than mended. */
static bool ring_wants_build(const struct ring *r)
{
    const struct ring_members *m = &r->members;
    struct ring_field next = { 0 };
    uint64_t join_cost = 0;
    uint64_t leave_cost = 0;

    next.n = ring_member_racing_next(m, &next.weight);
    for (uint32_t i = 0; i < m->leaver_count; i++)
        leave_cost += ring_table_leave_cost(&r->table, m->entrant[m->leaver[i]].weight);
    for (uint32_t i = 0; i < m->note_count; i++)
        join_cost += ring_table_join_cost(&r->table, m->note[i].node->weight);
    return ring_table_wants_build(&r->table, &next, join_cost, leave_cost);
}

/* Mends the rows: joiners enter, and what leavers left bare is run anew. */
static void ring_mend(struct ring *r, const struct ring_field *field)
{
    const struct ring_members *m = &r->members;
    struct ring_table *t = &r->table;

    for (uint32_t i = 0; i < m->joiner_count; i++)
        if (t->is_complete)
            ring_build_join(t, m->joiner[i]);
        else
            ring_table_join(t, m->joiner[i]);
    ring_table_expect(t, field);
    if (ring_table_is_stale(t))
        ring_build_repair(t, field);
}

/* Leavers are struck while the members are still the old ones, since their darts are found by
 * their old weights; then the members change, and joiners enter with the new. */
static void ring_apply(struct ring *r)
{
    struct ring_members *m = &r->members;
    struct ring_table *t = &r->table;
    bool is_built = ring_wants_build(r);
    struct ring_field field;

    ring_table_begin(t);
    if (t->is_resting && m->leaver_count == 0 && m->note_count == 0) {
        ring_member_commit(m);
        return;
    }
    ring_table_wake(t);
    for (uint32_t i = 0; i < m->leaver_count && !is_built; i++)
        ring_table_leave(t, m->leaver[i]);
    ring_member_commit(m);
    field = ring_field_of(r);
    t->has_heirs = m->has_heirs;
    if (is_built || ring_table_lacks_zones(t, &field))
        ring_build(t, &field);
    else
        ring_mend(r, &field);
    ring_table_publish(t);
}

static uint16_t ring_number_of(const struct ring *r, struct muster_bytes id)
{
    uint16_t number;
    bool is_member = ring_member_find(&r->members, id, &number);

    MUSTER_ASSERT(is_member);
    return number;
}

int ring_set(struct ring *r, const struct ring_node *nodes, uint32_t n, uint16_t *number)
{
    int err = ring_member_prepare_set(&r->members, nodes, n);

    if (err != MUSTER_OK)
        return err;
    ring_apply(r);
    for (uint32_t i = 0; number != NULL && i < n; i++)
        number[i] = ring_number_of(r, nodes[i].id);
    return MUSTER_OK;
}

int ring_join(struct ring *r, const struct ring_node *node, uint16_t *number)
{
    int err = ring_member_prepare_join(&r->members, node);

    if (err != MUSTER_OK)
        return err;
    ring_apply(r);
    if (number != NULL)
        *number = ring_number_of(r, node->id);
    return MUSTER_OK;
}

int ring_leave(struct ring *r, struct muster_bytes id)
{
    int err = ring_member_prepare_leave(&r->members, id);

    if (err != MUSTER_OK)
        return err;
    ring_apply(r);
    return MUSTER_OK;
}

void ring_rest(struct ring *r)
{
    struct ring_field field = ring_field_of(r);

    ring_table_rest(&r->table, &field);
}

const struct ring_change *ring_changes(const struct ring *r, uint32_t *n)
{
    *n = r->table.change_count;
    return r->table.change;
}

/* ---- questions */

uint32_t ring_count(const struct ring *r)
{
    return r->members.racing_count;
}

uint64_t ring_digest(const struct ring *r)
{
    return r->members.digest;
}

uint64_t ring_nid(struct muster_bytes id)
{
    return muster_hash64(id, RING_SEED_NODE);
}

uint32_t ring_slot_of_hash(const struct ring *r, uint64_t hash)
{
    return (uint32_t)(hash >> r->slot_shift);
}

uint32_t ring_slot(const struct ring *r, struct muster_bytes key)
{
    return ring_slot_of_hash(r, muster_hash64(key, RING_SEED_KEY));
}

uint32_t ring_prefer(const struct ring *r, uint32_t slot, uint16_t out[RING_REPLICAS_MAX])
{
    struct ring_list list;

    MUSTER_ASSERT(slot < r->slots);
    list = ring_table_list(&r->table, slot);
    memcpy(out, list.node, sizeof list.node);
    return r->table.need_nodes;
}

uint32_t ring_order(const struct ring *r, uint32_t slot, uint16_t out[RING_ORDER_MAX])
{
    MUSTER_ASSERT(slot < r->slots);
    return ring_table_order(&r->table, slot, out);
}

uint16_t ring_draw(const struct ring *r, struct muster_bytes key, uint32_t i)
{
    MUSTER_ASSERT(i >= 1);
    MUSTER_ASSERT(i <= RING_DRAWS);
    return ring_table_list(&r->table, ring_slot_of_hash(r, muster_hash64(key, RING_SEED_KEY + i)))
        .node[0];
}

/* Puts a node that arrived at `time` into its place among the first `n`, of at most `max`. */
static uint32_t walk_insert(const struct ring *r, uint16_t *out, uint32_t n, uint32_t max,
                            uint16_t number, uint64_t time)
{
    uint32_t i = n < max ? n : max - 1;

    for (; i > 0 && time < r->walk[i - 1]; i--) {
        r->walk[i] = r->walk[i - 1];
        out[i] = out[i - 1];
    }
    r->walk[i] = time;
    out[i] = number;
    return n < max ? n + 1 : max;
}

/* Members come in the order of their nids: of equal times the later one stays behind. */
uint32_t ring_walk(const struct ring *r, uint32_t slot, uint16_t *out, uint32_t max)
{
    const struct ring_members *m = &r->members;
    uint32_t n = 0;

    MUSTER_ASSERT(slot < r->slots);
    if (max > m->racing_count)
        max = m->racing_count;
    for (uint32_t i = 0; i < m->racing_count && max > 0; i++) {
        const struct ring_entrant *e = &m->entrant[m->racing[i]];
        uint64_t before = n < max ? UINT64_MAX : r->walk[n - 1];
        uint64_t time;

        if (ring_dart_at(e, r->table.shape.bits, slot, 0, before, &time))
            n = walk_insert(r, out, n, max, m->racing[i], time);
    }
    return n;
}
