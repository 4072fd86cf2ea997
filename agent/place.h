/* Place: the ring over the present members, and the walk that finds a node for a key.
 *
 * The ring is rebuilt a moment after the last change of members, because a death is dealt with from
 * the table of peers at once and a rebuild may take milliseconds.
 *
 * memory   none of its own beyond the ring
 * threads  the loop's only
 * source   ring definition, "Full nodes: spill rule"; consistency R26, R27
 */
#ifndef MUSTER_AGENT_PLACE_H
#define MUSTER_AGENT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"
#include "agent/peers.h"
#include "agent/wish.h"

#define AGENT_PLACE_DELAY_MS 50
#define AGENT_CANDIDATES_MAX 32
#define AGENT_WALK_SMALL     64 /* up to so many nodes the walk covers everybody */
#define AGENT_RING_SMALL     32 /* up to so many a build takes a few milliseconds */

MUSTER_MUST_USE int agent_place_open(struct agent_core *core);

/* Rebuilds the ring from the peers that are alive and open, and hands the store its wishes. */
void agent_place_update(struct agent_core *core);

/* Why a node may not take a run now. */
enum agent_unfit {
    AGENT_FITS,
    AGENT_UNFIT_DEAD,
    AGENT_UNFIT_UNLIKE, /* not what the job's `on` asks for */
    AGENT_UNFIT_DRAINING,
    AGENT_UNFIT_HELD,
    AGENT_UNFIT_UNLINKED,
    AGENT_UNFIT_FULL,
    AGENT_UNFIT_AVOIDED /* its tries there are used up; taken when nobody else fits */
};

/* What it says of itself, for expressions. */
struct agent_facts agent_place_facts(const struct agent_peer *p);

/* Whether any node that we see could take a run of one slot. */
bool agent_place_has_room(const struct agent_core *core);

/* `wish` may be NULL. `promised`: slots the caller has offered there and the node has not counted
 * yet. */
enum agent_unfit agent_place_fits(const struct agent_core *core, const struct agent_peer *p,
                                  const struct agent_wish *wish, uint32_t needs, uint32_t promised);
const char *agent_unfit_text(enum agent_unfit u);

/* The nodes of a key in the order in which they are to be asked, best first, each once. */
uint32_t agent_place_walk(const struct agent_core *core, struct muster_bytes key,
                          struct agent_peer **out, uint32_t max);

/* The same, of the nodes that the wish allows alone: those it prefers come first, and in a large
 * cluster none is passed over, however few they are. */
uint32_t agent_place_wished(const struct agent_core *core, struct muster_bytes key,
                            const struct agent_wish *wish, struct agent_peer **out, uint32_t max);

/* Who is likely to keep a bucket, as far as this node can tell without a seat there. */
uint32_t agent_place_bench(const struct agent_core *core, uint32_t bucket, struct muster_id *out,
                           uint32_t max);

#endif
