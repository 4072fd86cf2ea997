/* Core: the one struct behind gossip.h, shared by the modules that make up its state machine.
 *
 * Below it stand modules that know nothing of it (codec, envelope, keyring, packet, lzw, scale,
 * suspicion, member, table, broadcast, outbox); above it those that change it: rumor (what is
 * believed), probe (who answers), sync and stream (whole tables), post (what goes out), gossip (the
 * verbs).
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   one block and what hangs from it, all from the arena at open
 * threads  the loop's only
 */
#ifndef MUSTER_GOSSIP_CORE_H
#define MUSTER_GOSSIP_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/rng.h"
#include "gossip/broadcast.h"
#include "gossip/commons.h"
#include "gossip/envelope.h"
#include "gossip/gossip.h"
#include "gossip/outbox.h"
#include "gossip/serf.h"
#include "gossip/table.h"

#define GOSSIP_RELAYS_MAX   16   /* asked in one probe; indirect_checks is at most this */
#define GOSSIP_ERRANDS_MAX  128  /* indirect pings we serve at a time; more are not served */
#define GOSSIP_RECLAIMS_MAX 8    /* names whose old owner is being asked; more count as conflicts */
#define GOSSIP_STREAMS_OUT  32   /* exchanges we began; more joins fail at once */
#define GOSSIP_STREAMS_IN   128  /* exchanges others began; more are closed, as peers do */
#define GOSSIP_WITNESSES    3    /* asked whether they hear a member that we do not */
#define GOSSIP_EAGER_MAX    32   /* deaths passed on at once in one gossip interval; more wait */
#define GOSSIP_EAGER_TO     4    /* members that hear of each */
#define GOSSIP_DIRECT_POOL  64   /* in pools up to that size some news is told to each one by one */
#define GOSSIP_DIRECT_MAX   8    /* members told directly in a larger one, and of a leave */
#define GOSSIP_RECLAIM_MS   3000 /* a dead member keeps its name at its address for so long */
#define GOSSIP_LEAVE_MS     5000 /* a leave is over by then, heard or not */

/* Whom we probe now, and what came of it. */
struct gossip_probe {
    uint64_t tick_ms; /* next tick */
    uint64_t ask_relays_ms;
    uint64_t end_ms;
    struct muster_addr target;
    struct muster_addr relay[GOSSIP_RELAYS_MAX];
    bool has_nacked[GOSSIP_RELAYS_MAX];
    uint32_t relays;
    uint32_t nacks_expected;
    uint32_t nacks;
    uint32_t member;
    uint32_t seq;
    uint32_t stream; /* of the ping by TCP, 0 none */
    bool is_running;
    bool is_tick_pending;
    bool was_suspect; /* the last round was for a suspect, and the next is for the others */
    bool is_indirect; /* the relays were asked */
    bool tcp_acked;
    bool tcp_refused;
};

enum gossip_watch_step {
    GOSSIP_WATCH_CALM,    /* it spoke a moment ago */
    GOSSIP_WATCH_ASKED,   /* quiet for long: asked, and no answer yet */
    GOSSIP_WATCH_INQUEST, /* others are asked too */
    GOSSIP_WATCH_VERDICT  /* what lies in our own socket is read once more, then it is said */
};

/* A member we watch. */
struct gossip_watched {
    struct muster_addr witness[GOSSIP_WITNESSES];
    uint64_t heard_ms;   /* its last sign of life */
    uint64_t vouched_ms; /* the last one that was not gossip's; 0: there was none */
    uint64_t due_ms;
    uint64_t asked_ms;
    uint64_t begun_ms; /* the inquest */
    uint32_t member;
    uint32_t seq;
    uint32_t slow_ms;  /* how long it took to answer lately, at the most */
    uint32_t usual_ms; /* for how long whoever vouches for it hears nothing, now and then */
    uint32_t asks;     /* in this inquest */
    uint32_t witnesses;
    uint32_t nacks;
    enum gossip_watch_step step;
    bool has_nacked[GOSSIP_WITNESSES];
};

struct gossip_watch {
    struct gossip_watched slot[GOSSIP_NEAR_MAX];
    uint32_t count;
    uint32_t changes; /* of the neighbours, as far as the slots follow them */
    uint64_t due_ms;  /* the first of the slots */
};

/* An indirect ping that we serve. All end equally late, so the oldest ends first. */
struct gossip_errand {
    struct muster_addr target;
    struct muster_addr requester;
    uint64_t again_ms; /* for a watcher: the ping is said once more, and the nack comes early */
    uint64_t nack_ms;
    uint64_t end_ms;
    uint32_t seq;    /* of our ping */
    uint32_t member; /* who is asked again */
    uint32_t requester_seq;
    bool is_done;
};

struct gossip_errands {
    struct gossip_errand ring[GOSSIP_ERRANDS_MAX];
    uint32_t head;
    uint32_t count;
};

/* A dead member's name that is claimed from another address while its old address is being asked.
 */
struct gossip_reclaim {
    uint64_t due_ms;
    uint64_t since_ms; /* of the death; another death is another case */
    struct muster_addr addr;
    uint32_t member;
    uint32_t seq;
    uint32_t incarnation;
    uint16_t meta_len;
    uint8_t vsn[GOSSIP_VSN_LEN];
    bool is_used;
    uint8_t meta[GOSSIP_META_MAX];
};

enum gossip_stream_kind {
    GOSSIP_STREAM_FREE,
    GOSSIP_STREAM_JOIN,
    GOSSIP_STREAM_SYNC,
    GOSSIP_STREAM_PROBE,
    GOSSIP_STREAM_INBOUND
};

/* How far a plain push/pull has been looked through, so that bytes which trickle in are read once.
 */
struct gossip_scan {
    size_t offset; /* 0: the header is still to come */
    uint32_t nodes_left;
    uint32_t user_left;
};

struct gossip_stream {
    uint64_t deadline_ms;
    struct muster_addr to;
    struct gossip_scan scan;
    uint32_t number;
    enum gossip_stream_kind kind;
};

struct gossip {
    struct gossip_config config; /* name is ours; meta is in our own entry */
    char name[GOSSIP_NAME_OWN_MAX + 1];
    struct muster_rng rng;
    struct gossip_table table;
    struct gossip_envelope envelope;
    struct gossip_queue queue;
    struct gossip_serf serf;
    struct gossip_outbox outbox;
    struct muster_heap suspicions; /* deadlines by member number */
    struct gossip_probe probe;
    struct gossip_errands errands;
    struct gossip_watch watch;
    struct gossip_reclaim reclaim[GOSSIP_RECLAIMS_MAX];
    struct gossip_stream stream[GOSSIP_STREAMS_OUT + GOSSIP_STREAMS_IN];
    uint32_t streams_open; /* of both kinds */
    uint64_t streams_ms;   /* the first deadline of those that are open */
    struct gossip_counters counters;
    struct gossip_commons *commons;
    size_t stream_size; /* bytes of a stream that we read, at most */
    uint64_t now_ms;
    uint64_t gossip_ms;    /* last gossip tick */
    uint64_t push_pull_ms; /* next exchange */
    uint32_t lessons;      /* exchanges since our join, as long as each has taught us somebody */
    uint64_t hold_ms;      /* after a stall nobody is buried before this */
    uint64_t eager_ms;     /* since when the deaths passed on at once are counted */
    uint32_t eager;
    uint64_t leave_ms; /* when a leave is over at the latest */
    uint64_t deadline_ms;
    uint32_t seq;
    uint32_t stream_number;
    uint32_t awareness;
    bool is_started;      /* the first step gave us a clock */
    bool is_leave_wanted; /* in a pool with serf it is announced before it is done */
    bool is_leaving;
    bool is_left_told;
    bool is_table_sent; /* the table's buffers are taken until the next step */
};

/* An envelope that could not be opened, by the reason that it gave. */
static inline void gossip_count_unopened(struct gossip *g, struct muster_addr from, int err)
{
    uint64_t before = g->counters.dropped_foreign + g->counters.dropped_sealed;

    if (err == MUSTER_EFOREIGN)
        g->counters.dropped_foreign++;
    else if (err == MUSTER_EDENIED || err == MUSTER_EREFUSED || err == MUSTER_EUNSUPPORTED)
        g->counters.dropped_sealed++;
    else
        g->counters.dropped_malformed++;
    if (g->counters.dropped_foreign + g->counters.dropped_sealed > before)
        g->counters.unopened_from = from;
}

/* Our own entry, always number 0 and always there. */
static inline struct gossip_member *gossip_self(struct gossip *g)
{
    return &g->table.member[GOSSIP_SELF];
}

#endif
