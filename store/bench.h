/* Bench: who holds a bucket, as a value; during a change the old list and the new one, and what a
 * quorum of them is. (consistency, sections 1 and 4; R24)
 *
 * A member is a seat: a node that is being given a second seat in one bucket (its first one lost
 * its rows) is two members, so nothing it says for one of them can count for the other.
 *
 * memory   held by value; decoding copies
 * errors   store_bench_decode refuses lists that are empty, too long, or name a seat or node twice
 * threads  any
 */
#ifndef MUSTER_STORE_BENCH_H
#define MUSTER_STORE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/wire.h"
#include "store/store.h"

#define STORE_MEMBERS_MAX (2 * STORE_BENCH_MAX)
#define STORE_BENCH_WIRE  512 /* bytes of an encoded bench row at the most */

/* Members in the order: old list, then those only the new list names. A set of members is a mask.
 */
struct store_bench {
    struct store_seat member[STORE_MEMBERS_MAX];
    uint8_t count;
    uint16_t next_seat; /* the number the next added seat gets; never reused in a bucket */
    uint16_t old_mask;
    uint16_t new_mask; /* 0: no change under way */
    /* Members whose disks are gone for ever by an operator's oath (R49). No part of the row: every
     * node fills it in from the oaths it knows. */
    uint16_t lost_mask;
};

/* Half of a list and its lowest seat, or more than half, of each list that stands. Where the lost
 * leave fewer than that, all the others; the lost themselves never count (R49). */
bool store_bench_quorum(const struct store_bench *b, uint32_t mask);

/* How many copies will be left of what the members of the mask hold, whichever way a change ends:
 * the seats that it leaves out are wiped. */
uint32_t store_bench_copies(const struct store_bench *b, uint32_t mask);

/* The seat of a node: in the new list if it is there, else in the old; 0: none. */
uint16_t store_bench_seat(const struct store_bench *b, struct muster_id node);
/* Index of exactly this seat of this node, or -1. */
int store_bench_find(const struct store_bench *b, struct muster_id node, uint16_t seat);
/* Index of the node's member that counts for `said`, the seat it says it holds: that very seat, or,
 * when it holds another or none, a seat that the change under way has added for it (R12). -1: none.
 */
int store_bench_voter(const struct store_bench *b, struct muster_id node, uint16_t said);
/* Whether that member's seat is chosen for certain: of one that a change adds a keeper who never
 * heard of the change may give the number to another node. */
bool store_bench_is_old(const struct store_bench *b, uint32_t member);
bool store_bench_is_joint(const struct store_bench *b);

/* The founding bench: one node on seat 1. */
void store_bench_found(struct store_bench *b, struct muster_id node);
/* Opens a change: the old list, and a new one that adds `add` on the next seat and leaves out
 * member `without` (-1: nobody). */
void store_bench_open_change(struct store_bench *b, struct muster_id add, int without);
/* Ends a change: the new list alone, or the old one again. */
void store_bench_end_change(struct store_bench *b, bool finish);

void store_bench_encode(struct muster_writer *w, const struct store_bench *b);
MUSTER_MUST_USE int store_bench_decode(struct store_bench *b, struct muster_bytes wire);

#endif
