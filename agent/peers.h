/* Peers: the other nodes, as gossip and their connections show them.
 *
 * One entry per muster node that gossip knows. The table decides who dials whom, says hello, keeps
 * one link per pair (the newest of the same direction, else the one the smaller id opened), and
 * turns a closed link plus a refused check into proof of death (consistency R2, R3, R55).
 *
 * units    milliseconds
 * memory   an array for members_max nodes, taken at open
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_PEERS_H
#define MUSTER_AGENT_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"
#include "agent/drift.h"
#include "agent/meta.h"
#include "agent/wall.h"

#define AGENT_NO_LINK UINT32_MAX

enum agent_life { AGENT_LIFE_UNKNOWN, AGENT_LIFE_ALIVE, AGENT_LIFE_DEAD, AGENT_LIFE_PROVEN };

struct agent_peer {
    struct muster_id id;
    char name[AGENT_NAME_MAX + 1]; /* for people; need not be unique */
    bool is_self;
    char gossip_name[GOSSIP_NAME_MAX + 1];
    struct agent_meta meta; /* name, slots, weight, peer port, tags, boot, mode, version, cluster */
    struct muster_addr addr;    /* gossip's */
    struct muster_addr link_at; /* where its last link went; len 0: none, or we cannot tell */
    bool is_copied;             /* since then a copy of it has greeted us (R3) */
    bool is_misnamed;           /* the name that we have for it is a copy's */
    enum gossip_state state;
    enum agent_life life;
    uint64_t state_since_wall_ms;
    uint64_t dead_since_ms; /* MUSTER_NEVER while it lives */
    uint64_t made_ms;       /* first heard of */
    uint64_t seen_ms;       /* last time it was alive here; 0: never since we booted */
    uint64_t unlinked_ms;   /* when its link was lost */
    uint64_t heard_ms;      /* when it last said something over a link */
    uint64_t gap_since_ms;  /* of the window in which the longest silences are looked for */
    uint32_t gap_ms[2];     /* in this one and in the one before */
    uint64_t boot;          /* highest boot number of a hello */
    uint32_t incarnation;
    uint32_t slots, used; /* by its own LOAD; slots 0 while it drains */
    uint32_t promised;    /* slots offered by our placer and not counted in `used` yet */
    uint32_t waiting;     /* rows it keeps that have no place, by its own LOAD */
    bool load_known;
    bool draining;
    bool leaves, restarts; /* by its own LOAD: agent_peer_restarts */
    bool is_foreign;       /* of another cluster */
    bool is_lost; /* declared lost for ever (R49): never alive again, whatever gossip says */
    bool is_in_ring;
    uint16_t ring_number;
    uint32_t link;     /* AGENT_NO_LINK: none */
    bool link_is_ours; /* we opened it */
    uint32_t dialing;  /* link number of a dial under way */
    uint64_t dial_ms;  /* when to dial next */
    uint32_t dial_wait_ms;
    uint32_t checking[2];    /* numbers of checks under way, the newer first */
    uint64_t host_ms;        /* when its kernel last took the connection of one */
    uint64_t overdue_ms;     /* quiet for longer than usual: when its kernel is asked */
    uint64_t asked_ms;       /* silent: when it was */
    uint64_t recheck_ms;     /* and when it is again */
    uint64_t asked_until_ms; /* so long its answer is waited for */
    uint64_t dark_ms;        /* dead for gossip: dark from then on, unless its kernel answers */
    bool is_dark;
    struct muster_id via; /* who passes frames on while there is no way (agent/relay.h) */
    uint64_t via_until_ms, mute_until_ms, passed_until_ms;
    struct agent_drift drift;
    struct agent_wall_said wall;
};

MUSTER_MUST_USE int agent_peers_open(struct agent_core *core);
void agent_peers_close(struct agent_core *core);

uint32_t agent_peers_count(const struct agent_core *core);
struct agent_peer *agent_peers_at(const struct agent_core *core, uint32_t index);
struct agent_peer *agent_peers_find(const struct agent_core *core, struct muster_id id);
/* By gossip's name, or by the name for people (the first that is alive, else the first). */
struct agent_peer *agent_peers_by_gossip_name(const struct agent_core *core, const char *name);
struct agent_peer *agent_peers_by_name(const struct agent_core *core, const char *name);
struct agent_peer *agent_peers_by_ring(const struct agent_core *core, uint16_t number);

void agent_peers_ring_number(struct agent_core *core, struct agent_peer *p, uint16_t number);

/* Ours: may be used as a place or a seat: alive, of this cluster. */
bool agent_peer_is_alive(const struct agent_peer *p);
bool agent_peer_is_open(const struct agent_peer *p); /* and takes new runs */
/* Its agent ends, or has ended, and jobs that say so wait there for the next one. */
bool agent_peer_restarts(const struct agent_core *core, const struct agent_peer *p);
/* Its agent is about to end, be it for that or for good. */
bool agent_peer_is_ending(const struct agent_core *core, const struct agent_peer *p);
bool agent_peer_is_linked(const struct agent_core *core, const struct agent_peer *p);

/* News from gossip about a member; from the links; and time. */
void agent_peers_gossip(struct agent_core *core, const struct gossip_effect *e);
void agent_peers_link_opened(struct agent_core *core, uint32_t link, struct muster_addr from);
/* `names` are those of the far certificate, len 0: it had none to show. */
void agent_peers_link_frame(struct agent_core *core, uint32_t link, struct muster_bytes bytes,
                            struct muster_bytes names);
/* The key it was secured with is gone: another one takes its place, if we opened it. */
void agent_peers_link_stale(struct agent_core *core, uint32_t link);
/* Somebody did not prove that he is of this cluster (AGENT_EVENT_LINK_UNPROVEN). */
void agent_peers_link_unproven(struct agent_core *core, const struct agent_event *e);
void agent_peers_link_closed(struct agent_core *core, uint32_t link, bool refused);
void agent_peers_checked(struct agent_core *core, uint32_t number, bool refused);
void agent_peers_check_taken(struct agent_core *core, uint32_t number);
void agent_peers_tick(struct agent_core *core);
uint64_t agent_peers_deadline_ms(const struct agent_core *core);

/* Before gossip is stepped: what the links have heard of those whom gossip watches. */
void agent_peers_vouch(struct agent_core *core);

/* Our own mode or load changed: tell everybody we are linked with. */
void agent_peers_load(struct agent_core *core, uint32_t slots, uint32_t used, bool draining);

/* Something that placement depends on has changed since agent_peers_ring_done. */
bool agent_peers_ring_due(const struct agent_core *core);
void agent_peers_ring_wanted(struct agent_core *core);
void agent_peers_ring_done(struct agent_core *core);

/* An operator's oath about it counts from now on (agent/lost.h). */
void agent_peers_lost(struct agent_core *core, struct agent_peer *p);

/* Closes every link on purpose: whatever was said over them is void (R47). */
void agent_peers_drop_links(struct agent_core *core);

/* Hands a frame to the peer's link; false when there is none. */
bool agent_peers_send(struct agent_core *core, struct muster_id to, struct muster_bytes frame);

#endif
