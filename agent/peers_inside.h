/* Inside of the peers: the table itself and what its two sources share. Only agent/peers*.c include
 * it.
 *
 * units    milliseconds
 * memory   owned by struct agent_peers
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_PEERS_INSIDE_H
#define MUSTER_AGENT_PEERS_INSIDE_H

#include "agent/again.h"
#include "agent/peers.h"
#include "base/hash.h"

#define PEERS_HELLO_MS      5000 /* a connection that has not said hello by then is closed */
#define PEERS_DIAL_MS       1500 /* a connect that takes longer is given up */
#define PEERS_BETWEEN_MS    3000 /* a lost link is not held against its node for so long */
#define PEERS_WATCHED       4
#define PEERS_GAP_MS        4000 /* for so long, and once more, a silence is remembered */
#define PEERS_DIAL_WAIT_MIN 50
#define PEERS_DIAL_WAIT_MAX 1000
#define PEERS_DIAL_LARGER   1000 /* the larger id waits so long for the smaller to dial */

struct agent_link {
    uint32_t number; /* 0: free */
    bool is_ours;
    bool is_open;      /* our hello is on its way */
    bool is_up;        /* hellos exchanged */
    bool is_replaced;  /* closed by us on purpose: its end proves nothing */
    bool is_old;       /* dialled before we were away: nor does that it was refused */
    uint32_t peer;     /* index; UINT32_MAX until the hello */
    uint64_t until_ms; /* of the hello */
    struct muster_addr from;
    bool takes_again;
    struct agent_again said, heard;
};

struct agent_peers {
    struct agent_peer *peer;
    uint32_t count, capacity;
    struct muster_map by_id;         /* the first 8 octets of an id, which are random -> index */
    uint32_t *by_ring;               /* ring number -> index */
    uint32_t watched[PEERS_WATCHED]; /* where whom gossip watches was found last */
    struct agent_link *link;
    uint32_t link_capacity, link_high;
    uint32_t next_link;
    bool ring_due;
    uint64_t deadline_ms;
};

void peers_tell_store(struct agent_core *core, const struct agent_peer *p);
void peers_life_set(struct agent_core *core, struct agent_peer *p, enum agent_life life);
void peers_dial_soon(struct agent_core *core, struct agent_peer *p);
/* Its connection has ended, or it is said to be dead, and the kernel at that address refuses one:
 * it is gone, if its last link went there. */
void peers_proven(struct agent_core *core, struct agent_peer *p, struct muster_addr at);
/* Under this name it has greeted us, or a copy of it has: the name that we have for it may be the
 * wrong one of two. */
void peers_named(struct agent_core *core, struct agent_peer *p, struct muster_bytes name,
                 bool by_copy);
uint32_t peers_link_number(struct agent_peers *t);
struct muster_addr peers_addr(const struct agent_peer *p);

/* A frame came over its link. */
void peers_heard(const struct agent_core *core, struct agent_peer *p);
/* Asks the kernel of its host whether anybody listens there still. */
void peers_check(struct agent_core *core, struct agent_peer *p);
/* It has been silent for too long: its kernel is asked, twice; asked_until_ms says how long the
 * answer is waited for. */
void peers_check_silent(struct agent_core *core, struct agent_peer *p);
/* Gossip calls it dead for its silence: the same, unless that was done in this silence already. */
void peers_check_dead(struct agent_core *core, struct agent_peer *p);
uint64_t peers_silence_tick(struct agent_core *core, struct agent_peer *p); /* its next deadline */
/* Closes the peer's link for a reason of ours. */
void peers_link_drop(struct agent_core *core, struct agent_peer *p);

#endif
