/* Reference: the race of docs/design.md once more, by brute force, and sets of nodes to run it
 * with.
 *
 * It shares no code with ring/: every node throws until it has hit all slots or a limit is
 * reached, all first hits are sorted, and a list is read off them. The limit doubles until every
 * slot has enough.
 *
 * memory   heap, freed by reference_close
 * errors   a failed allocation fails the test
 * threads  one
 */
#ifndef MUSTER_TESTS_RING_REFERENCE_H
#define MUSTER_TESTS_RING_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/ring.h"

struct reference_node {
    uint64_t nid;
    uint32_t weight;
    uint32_t zone;
};

struct reference_hit {
    uint32_t slot;
    uint32_t node; /* index in the set */
    uint64_t time;
    uint64_t nid;
};

struct reference {
    uint32_t bits;
    uint32_t n;
    const struct reference_node *node;
    struct reference_hit *hit; /* by slot, time, nid */
    uint64_t hits;
    bool *is_hit;    /* by slot, of the node that throws */
    uint64_t *first; /* by slot: index of its first hit; one past the last at the end */
};

/* Runs the race until every slot has min(need, n) nodes of min(need_zones, all) zones. */
void reference_open(struct reference *r, uint32_t bits, const struct reference_node *node,
                    uint32_t n, uint32_t need, uint32_t need_zones);
void reference_close(struct reference *r);

/* The slot's order as far as it was run; returns how many there are. */
uint32_t reference_order(const struct reference *r, uint32_t slot, uint32_t *out, uint32_t max);
/* The preference list, with zones apart or not. */
uint32_t reference_list(const struct reference *r, uint32_t slot, uint32_t replicas, bool zones,
                        uint32_t out[RING_REPLICAS_MAX]);

/* docs/design.md: splitmix64 from a state gives node by node nid = next, weight = 1 + next mod m.
   */
void reference_nodes(struct reference_node *node, uint32_t n, uint64_t state, uint32_t weights);

/* FNV-1a 64 with one multiply per entry, over indices. */
#define REFERENCE_FNV UINT64_C(0xcbf29ce484222325)
uint64_t reference_fnv(uint64_t hash, uint64_t entry);

/* Ids for nodes that are to be given to a ring: 16 bytes that differ with `index`. */
struct reference_id {
    uint8_t octet[16];
};
struct ring_node reference_ring_node(struct reference_id *id, uint32_t index, uint32_t weight,
                                     uint32_t zone);

#endif
