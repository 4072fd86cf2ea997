/* Members: who takes part in the ring, under which number, and the digest of them all.
 *
 * A number is a node's place in everybody's arrays for as long as it stays. Numbers that became
 * free longest ago serve first, so that within one change a number means one node; only when every
 * number is taken does a leaver's number serve again at once, and then its heir is marked.
 *
 * A change is prepared without touching anything (ring_member_prepare_*), so that an error leaves
 * all as it was; then `leaver` names the numbers that leave the race, and after ring_member_commit
 * `joiner` those that enter it. A new weight or zone is both.
 *
 * memory   from the owner's arena, for nodes_max nodes; ring_members_size says how much
 * errors   MUSTER_EINVAL, MUSTER_EEXISTS, MUSTER_EFULL as ring.h tells; MUSTER_ENOTFOUND
 * threads  one user each
 */
#ifndef MUSTER_RING_MEMBER_H
#define MUSTER_RING_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ring/dart.h"
#include "ring/ring.h"

#define RING_DIGEST_RECORD 12 /* bytes: LE64 nid, LE32 weight */

struct ring_id {
    uint8_t len;
    uint8_t octet[RING_ID_MAX];
};

/* A node that is new or has changed. */
struct ring_note {
    uint64_t nid;
    const struct ring_node *node; /* the caller's, during its call */
    uint16_t number;              /* RING_NONE: new */
};

struct ring_members {
    struct ring_entrant *entrant; /* by number */
    struct ring_id *id;           /* by number */
    uint16_t *sorted;             /* numbers of the members by nid */
    uint32_t count;
    uint16_t *racing; /* those of weight >= 1, by nid */
    uint32_t racing_count;
    uint64_t weight; /* theirs */
    uint64_t digest;

    uint16_t *free; /* a queue */
    uint32_t free_first;
    uint32_t free_count;

    struct ring_note *note; /* of the change being prepared, by nid */
    uint32_t note_count;
    uint16_t *gone; /* members that leave for good, by nid */
    uint32_t gone_count;
    uint16_t *leaver;
    uint32_t leaver_count;
    uint16_t *joiner;
    uint32_t joiner_count;
    uint16_t *merged; /* the next `sorted` */
    uint8_t *record;  /* what the digest is taken over */

    uint32_t nodes_max;
    uint32_t bits;
    bool zones;
    bool has_heirs;
};

size_t ring_members_size(const struct ring_config *c);
MUSTER_MUST_USE int ring_members_init(struct ring_members *m, struct muster_arena *a,
                                      const struct ring_config *c);

/* The number of a member; false when it is none. */
bool ring_member_find(const struct ring_members *m, struct muster_bytes id, uint16_t *number);

/* Prepares: the members become exactly these, one is added or changed, one goes. */
MUSTER_MUST_USE int ring_member_prepare_set(struct ring_members *m, const struct ring_node *nodes,
                                            uint32_t n);
MUSTER_MUST_USE int ring_member_prepare_join(struct ring_members *m, const struct ring_node *node);
MUSTER_MUST_USE int ring_member_prepare_leave(struct ring_members *m, struct muster_bytes id);

/* How many nodes will race and with what weight once the change is done. */
uint32_t ring_member_racing_next(const struct ring_members *m, uint64_t *weight);

/* Does what was prepared. */
void ring_member_commit(struct ring_members *m);

/* Distinct zones of the racing members, counted up to `max`. */
uint32_t ring_member_zones(const struct ring_members *m, uint32_t max);

#endif
