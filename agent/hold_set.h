/* Hold set: what people have said of all jobs, or of those whose names begin alike: "nothing new of
 * them starts", or "they may again". The latest word about a name counts, and of two at once the
 * one that holds: so a part of what is held can be let go while the rest stays.
 *
 * Sets of different nodes are merged, in whatever order they come, and end alike: no word is ever
 * taken back but by a later one.
 *
 * units    milliseconds of the wall clock, for people alone
 * memory   held by value
 * errors   a set that is full says so
 * threads  none
 * source   product reference, section 6, `hold` and `release`
 */
#ifndef MUSTER_AGENT_HOLD_SET_H
#define MUSTER_AGENT_HOLD_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/name.h"
#include "base/bytes.h"
#include "base/wire.h"

#define AGENT_HOLDS_MAX  64
#define AGENT_HOLDS_WIRE (AGENT_HOLDS_MAX * (AGENT_NAME_MAX + 32) + 16)

struct agent_hold {
    char prefix[AGENT_NAME_MAX + 1]; /* "": of every job */
    uint64_t number;                 /* later words have higher ones */
    uint64_t since_wall_ms;          /* for people */
    bool is_held;
};

struct agent_hold_set {
    struct agent_hold hold[AGENT_HOLDS_MAX]; /* latest first, then by prefix */
    uint32_t count;
};

/* The word that counts for a name, if that is to hold it; NULL: it is free. */
const struct agent_hold *agent_hold_of(const struct agent_hold_set *s, struct muster_bytes key);

/* The number of a word that is later than all known here. */
uint64_t agent_hold_next(const struct agent_hold_set *s);

/* True when it says something new. In a full set the earliest word gives way. */
bool agent_hold_add(struct agent_hold_set *s, const struct agent_hold *h);

/* [[prefix, number, is_held, since], …] */
void agent_holds_write(struct muster_writer *w, const struct agent_hold_set *s);
/* True when anything in it was new. What cannot be read adds nothing. */
bool agent_holds_merge(struct agent_hold_set *s, struct muster_reader *r);

#endif
