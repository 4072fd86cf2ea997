/* Table: the rows of all slots, the preference lists read from them, and their upkeep.
 *
 * A change is made in two halves. First rows are mended (ring_table_leave, ring_table_join) or run
 * anew (build.h); then ring_table_publish reads the lists off the rows that were touched and notes
 * each that differs. Lists between the two halves are the old ones, whole, so nobody ever sees a
 * row half updated and several changes cost one comparison.
 *
 * With no more nodes than a row holds, the table is complete: every row holds every node. A node
 * that dies is then struck from the rows and nothing has to be found out anew. With more nodes,
 * rows know what comes before their horizons, and none lies beyond `end`, the T of docs/design.md.
 *
 * memory   from the owner's arena, for nodes_max nodes; ring_table_size says how much
 * errors   none; rows that know too little are an answer (ring_table_is_stale), mended by a build
 * threads  one user each
 */
#ifndef MUSTER_RING_TABLE_H
#define MUSTER_RING_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ring/dart.h"
#include "ring/prefer.h"
#include "ring/ring.h"
#include "ring/row.h"

#define TABLE_RESTING_MAX 255

struct ring_table_config {
    uint32_t bits;
    uint32_t replicas;
    uint32_t keep; /* K: replicas + 2, or RING_ORDER_MAX with zones; tests choose others */
    uint32_t
        window_darts; /* per window of a build, about 2^bits; the result does not depend on it */
    uint32_t nodes_max;
    bool zones;
};

/* Who races: the nodes with weight >= 1, and what follows from them. */
struct ring_field {
    const uint16_t *number;
    uint32_t n;
    uint32_t zones; /* distinct ones, counted up to R; 0 with zones off */
    uint64_t weight;
};

struct ring_table {
    struct ring_table_config config;
    struct ring_shape shape;
    struct ring_list *list; /* by slot: what everybody reads; from here on memory may rest */
    uint64_t *rows;
    struct ring_change *change;
    uint32_t change_count;
    uint32_t *touched; /* slots whose lists may have changed */
    uint32_t touched_count;
    uint32_t *waiting; /* slots that a build has not filled yet */
    uint64_t *open;    /* bits by slot: still takes darts */
    struct ring_thrower *thrower;
    uint64_t end;          /* T: every dart in a row has a time before it */
    uint64_t built_weight; /* of all nodes, when T was found */
    uint32_t need_nodes;   /* min(R, n) of the rows as they are */
    uint32_t need_zones;
    uint8_t *order; /* while the table rests: by slot and place, indexes into... */
    uint16_t resting[TABLE_RESTING_MAX]; /* ...the numbers of all nodes that hold slots */
    uint8_t *name;                       /* by number: its index there */
    uint32_t places;                     /* of each slot's order */
    bool is_built;
    bool is_resting;
    bool is_complete;
    bool has_heirs;
};

struct ring_table_config ring_table_config_of(const struct ring_config *c);
size_t ring_table_size(const struct ring_table_config *c);
MUSTER_MUST_USE int ring_table_init(struct ring_table *t, struct muster_arena *a,
                                    const struct ring_table_config *c,
                                    const struct ring_entrant *entrant);

/* Forgets the last change's slots; the first call of a change. */
void ring_table_begin(struct ring_table *t);

/* Rows to be looked at for one node, 0 for a node without weight. */
uint64_t ring_table_join_cost(const struct ring_table *t, uint32_t weight);
uint64_t ring_table_leave_cost(const struct ring_table *t, uint32_t weight);
/* Whether a change to these nodes wants a build rather than mending. */
bool ring_table_wants_build(const struct ring_table *t, const struct ring_field *f,
                            uint64_t join_cost, uint64_t leave_cost);
/* Whether the rows know fewer zones than these nodes have: only a build finds the new one
   everywhere. */
bool ring_table_lacks_zones(const struct ring_table *t, const struct ring_field *f);

/* Strikes or enters one node. The entrant must still, or already, be the one whose darts are
   meant. */
void ring_table_leave(struct ring_table *t, uint16_t number);
void ring_table_join(struct ring_table *t, uint16_t number);

/* Sets what every row has to know from now on. */
void ring_table_expect(struct ring_table *t, const struct ring_field *f);
/* True if a row that was touched knows less. */
bool ring_table_is_stale(const struct ring_table *t);

/* A slot whose list may have changed; past the brim every list is looked at. */
void ring_table_touch_all(struct ring_table *t);

/* Reads the lists of what was touched and notes the differences. */
void ring_table_publish(struct ring_table *t);

/* Packs what is asked for into a byte for each slot and place, and gives back everything else; the
 * next change is a build then, and the last change's slots are forgotten. Nothing happens with more
 * nodes than a byte can tell apart, or with zones, whose lists are no part of the order. */
void ring_table_rest(struct ring_table *t, const struct ring_field *f);
/* Unpacks the lists, which the next change is compared to. */
void ring_table_wake(struct ring_table *t);

/* The preference list of a slot. */
struct ring_list ring_table_list(const struct ring_table *t, uint32_t slot);

/* The nodes of a slot as far as its row knows them. */
uint32_t ring_table_order(const struct ring_table *t, uint32_t slot, uint16_t *out);

static inline uint64_t *ring_table_row(const struct ring_table *t, uint32_t slot)
{
    return t->rows + (size_t)slot * t->shape.stride;
}

static inline uint32_t ring_table_slots(const struct ring_table *t)
{
    return UINT32_C(1) << t->shape.bits;
}

#endif
