/* Node: gossip, ring, store, placer and runner as one machine. The agent's shell and the simulator
 * each drive one with the same five verbs, and that is the whole difference between them.
 *
 * units    milliseconds: `now.mono_ms` of a clock that counts suspend; wall time for people and
 *          back-off
 * memory   one arena and the store's tables; effects borrow until the next step
 * errors   agent_node_open refuses a configuration that cannot work; afterwards trouble becomes
 *          effects
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_NODE_H
#define MUSTER_AGENT_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/effect.h"
#include "agent/meta.h"
#include "agent/profile.h"
#include "agent/request.h"
#include "agent/zone.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "gossip/gossip.h"
#include "store/store.h"

#define AGENT_SEEDS_MAX     32
#define AGENT_ARCH_MAX      16
#define AGENT_TAGS_TEXT_MAX 480 /* bytes of "k=v,k=v" */

struct agent_node_config {
    struct muster_id self;    /* the data directory's */
    struct muster_id cluster; /* zero: not founded and not let in yet */
    uint64_t boot;            /* already raised on disk (R3) */
    const char *name;         /* need not be unique */
    const char *version;
    struct muster_addr gossip_addr; /* advertised, UDP and TCP */
    uint16_t peer_port;
    uint32_t slots, weight;
    const char *tags;             /* "k=v,k=v", sorted by key */
    char arch[AGENT_ARCH_MAX];    /* as uname says it; "": not said */
    uint32_t cpus, mem_mib;       /* 0: not said */
    bool draining;                /* as left by an earlier drain */
    uint64_t drain_until_wall_ms; /* with its deadline */
    uint64_t drain_length_ms;     /* that was so far away when it was given; 0: it has none */
    bool held;                    /* takes nothing new, as left by an operator */
    const char *tags_configured;  /* beside those an operator has set; NULL: the same */
    uint32_t slots_configured;    /* likewise; 0: the same */
    bool found;                   /* found a cluster if there is none */
    struct muster_id new_cluster; /* random id to found with, now or at `muster init` */
    struct muster_addr seed_addr[AGENT_SEEDS_MAX]; /* tried for ever */
    uint32_t seed_count;
    uint32_t replicas, ring_bits;
    uint32_t members_max, rows_max, runs_max;
    uint64_t seed;
    uint64_t leave_deadline_ms; /* of a drain before a leave */
    const char *run_dir;        /* informative */
    const char *payload_dir;    /* where their files lie, for MUSTER_PAYLOAD */
    uint32_t payload_part;      /* bytes of one frame with a part of one, */
    uint32_t payload_rate;      /* and of all that are read for others in a millisecond */
    uint32_t payload_keep_ms, payload_name_ms, payload_idle_ms; /* agent/payload.h */
    struct gossip_config gossip; /* times; name, address, meta and seed are filled in by the node */
    struct store_times times;
    struct agent_settings configured; /* what its own configuration says */
    struct agent_settings settings; /* the cluster's, once there is one; else what to found with */
    uint32_t hold_ms, dead_man_ms, orphan_ms, return_grace_ms, start_repeat_ms;
    uint32_t silent_ms; /* a node that gossip calls dead must have been silent here so long (R31) */
    uint32_t kernel_wait_ms; /* and its kernel, asked whether it lives */
    uint32_t lonely_ms;      /* majority: a run that no keeper confirms for so long ends (R45) */
    uint64_t seen_keep_ms;   /* what was seen of a job stays so long after it is gone (R28) */
    uint32_t strikes_max;    /* node deaths soon after a start that end a job; 0: none do (R34) */
    uint32_t log_max_bytes;
    struct agent_zone_source zones; /* of schedules */
    bool is_exposed;   /* reached from other hosts, so that what is not encrypted is a problem */
    bool is_overheard; /* tokens come over a port without TLS that other hosts reach */
    bool is_proven;    /* links are with nodes that have shown a certificate, and with none else */
    uint32_t buckets;  /* STORE_BUCKETS; fewer only in tests */
};

/* Profile lan with everything that has a default; the caller fills in who and where. */
void agent_node_config_default(struct agent_node_config *c);

struct agent_node; /* opaque */

MUSTER_MUST_USE int agent_node_open(struct agent_node **n, const struct agent_node_config *c);
/* Boot: every record of the disk's tables, then start. */
MUSTER_MUST_USE int agent_node_load(struct agent_node *n, enum store_table table,
                                    struct muster_bytes key, struct muster_bytes value);
void agent_node_start(struct agent_node *n, struct muster_now now);
void agent_node_step(struct agent_node *n, struct muster_now now, const struct agent_event *event);
bool agent_node_next(struct agent_node *n,
                     struct agent_effect *effect); /* drain after every step */
uint64_t agent_node_deadline_ms(const struct agent_node *n);
void agent_node_close(struct agent_node *n);

/* ---- reading, for the API, metrics and tests. Pointers live until the next step. */

enum agent_standing {
    AGENT_WAITING, /* no cluster yet: neither founded nor let in */
    AGENT_JOINED,
    AGENT_DRAINING, /* gives its runs and seats away */
    AGENT_LEAVING
};

struct agent_member {
    const char *name;
    struct muster_id id;
    struct muster_addr addr;
    const char *status; /* alive, suspect, dead, left, lost */
    const char *mode;   /* open, held, draining; foreign: no muster node, and no id */
    uint32_t slots, used, weight, incarnation;
    uint64_t boot;
    const char *tags; /* "k=v,k=v" */
    const char *version;
    bool is_self;
    bool is_linked;         /* a peer connection is up */
    bool is_foreign;        /* of another cluster, or no muster at all */
    uint64_t since_wall_ms; /* of the status */
};

struct agent_hold_set;

struct agent_status {
    const char *node;
    struct muster_id node_id, cluster_id;
    const char *version;
    enum agent_standing standing;
    uint32_t alive, suspect, dead, left;
    uint32_t slots, used; /* here */
    uint32_t slots_all, used_all;
    uint32_t runs;           /* here */
    uint32_t waiting;        /* rows without a place, in the whole cluster */
    uint32_t rows;           /* held here */
    uint32_t jobs;           /* of those, jobs: not what runs, or what runs have left */
    uint32_t buckets_kept;   /* here */
    uint32_t buckets_short;  /* kept here, on fewer nodes than there could be */
    uint32_t buckets_orphan; /* seated here and without a keeper that is heard */
    uint32_t gossip_queued;  /* messages about members that it has yet to pass on */
    uint64_t since_wall_ms;  /* of the start */
    struct agent_settings settings;
    const struct agent_hold_set *holds; /* until the next step */
    const char *problem[12];            /* sentences; NULL past the end */
};

void agent_node_status(const struct agent_node *n, struct agent_status *out);
uint32_t agent_node_member_count(const struct agent_node *n);
void agent_node_member(const struct agent_node *n, uint32_t index, struct agent_member *out);
/* Members of the gossip pool that are no muster nodes, one after the other: `cursor` begins at 0;
 * false at the end. Texts live until the next step, tags as long as `meta`. */
bool agent_node_stranger(const struct agent_node *n, uint32_t *cursor, struct agent_meta *meta,
                         struct agent_member *out);

struct agent_counters {
    struct gossip_counters gossip;
    struct store_counters store;
    uint64_t placements, starts, exits, restarts, handovers, offers, offers_full, requests;
    uint64_t relayed; /* frames that another node was asked to pass on */
    uint64_t links_opened, links_closed, frames_in, frames_out, bytes_in, bytes_out, frames_bad;
};
void agent_node_counters(const struct agent_node *n, struct agent_counters *out);

/* News: what a person may watch. Ours, and those of peers while somebody watches
 * (AGENT_EVENT_WATCH). */
struct agent_news {
    uint64_t index; /* rises with time: wall milliseconds << 20 | origin << 10 | count */
    uint64_t wall_ms;
    const char *type; /* "member.dead", "run.started" … */
    const char *node, *job, *run;
    uint64_t token; /* 0: none */
    const char *text;
};
/* The oldest kept news with an index greater than `after`; false at the end. */
bool agent_node_news(const struct agent_node *n, uint64_t after, struct agent_news *out);

bool agent_node_is_sane(const struct agent_node *n);

/* For tests and the simulator. */
const struct store *agent_node_store(const struct agent_node *n);

#endif
