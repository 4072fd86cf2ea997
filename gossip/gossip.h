/* Gossip: who is here. SWIM membership on memberlist's wire, as a core that touches nothing.
 *
 * Time, packets and stream bytes come in as events; packets, streams and news about members come
 * out as effects. The wire format and the state machine are those of memberlist (docs/protocol.md),
 * so a muster agent is an ordinary member of any memberlist or serf pool. (Das, Gupta, Motivala:
 * "SWIM", DSN 2002; Dadgar, Phillips, Currey: "Lifeguard", 2018)
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   everything from the arena at open; event bytes are borrowed until gossip_step returns,
 *          effect bytes until the next gossip_step
 * errors   only gossip_open can fail; bad input is counted and dropped
 * threads  the loop's only
 */
#ifndef MUSTER_GOSSIP_GOSSIP_H
#define MUSTER_GOSSIP_GOSSIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define GOSSIP_NAME_MAX     255 /* bytes of a name on receipt */
#define GOSSIP_NAME_OWN_MAX 128 /* bytes of our own */
#define GOSSIP_META_MAX     512
#define GOSSIP_LABEL_MAX    255
#define GOSSIP_PACKET_MAX   1400 /* bytes of a datagram we send, all layers */
#define GOSSIP_RECEIVE_MAX  65535
#define GOSSIP_CONNECT_MS   2000        /* a host that has not answered by then is not there */
#define GOSSIP_STREAM_MAX   (20u << 20) /* bytes of one stream message we accept */

enum gossip_state { GOSSIP_ALIVE = 0, GOSSIP_SUSPECT = 1, GOSSIP_DEAD = 2, GOSSIP_LEFT = 3 };

struct gossip_keyring;
struct gossip_commons;

struct gossip_config {
    const char *name;             /* unique in the pool; copied */
    struct muster_addr advertise; /* address and port, UDP and TCP alike */
    struct muster_bytes meta;     /* opaque; copied */
    uint8_t delegate[3];          /* DMin, DMax, DCur: 2,5,5 in serf pools, else 0,0,0 */
    uint32_t incarnation;         /* first incarnation; 0 means 1. Stored + 1 after a restart */
    uint64_t seed;                /* of all random choices */
    uint32_t members_max;         /* table size; news about more is dropped and counted */

    /* Times as memberlist has them; gossip_config_lan, _wan and _local fill them in. */
    uint32_t probe_interval_ms, probe_timeout_ms;
    uint32_t gossip_interval_ms, push_pull_interval_ms, to_the_dead_ms, stream_timeout_ms;
    uint32_t indirect_checks, gossip_nodes, retransmit_mult;
    uint32_t suspicion_mult, suspicion_max_mult, awareness_max;
    bool compress;
    bool (*is_kin)(struct muster_bytes meta); /* who watches and is watched; NULL: nobody */

    struct gossip_keyring *keyring; /* NULL: nothing is encrypted; may change between two steps */
    void (*nonce)(void *context, uint8_t *out); /* 12 bytes that never come twice; with keys */
    void *nonce_context;
    const char *label; /* of the pool; NULL: none. Copied */
    bool serf;         /* others in the pool speak serf: see gossip/serf.h */
    /* For the time while a living pool gets its keys or its label. */
    bool accept_plain, send_plain, accept_unlabelled;

    struct gossip_commons *commons; /* of many cores in one thread; NULL: a core opens its own */
};

void gossip_config_lan(struct gossip_config *c);
void gossip_config_wan(struct gossip_config *c);
void gossip_config_local(struct gossip_config *c);

struct gossip; /* opaque */

/* Other times from now on: the pool that has let us in is more or less patient than we were told.
 */
void gossip_times_set(struct gossip *g, const struct gossip_config *c);

enum gossip_event_kind {
    GOSSIP_EVENT_TICK,   /* only time passes */
    GOSSIP_EVENT_PACKET, /* a datagram: from, bytes */
    /* stream, inbound, bytes = all received so far, ended = peer closed */
    GOSSIP_EVENT_STREAM_DATA,
    GOSSIP_EVENT_STREAM_FAILED, /* a stream broke before an answer: stream, inbound, refused */
    GOSSIP_EVENT_JOIN,          /* push/pull with this seed: from */
    GOSSIP_EVENT_LEAVE,         /* leave on purpose */
    GOSSIP_EVENT_META,          /* our meta changed: bytes */
    GOSSIP_EVENT_PROVEN_DEAD,   /* our own proof that the process of `name` is gone (docs: R55) */
    GOSSIP_EVENT_ABSENT,        /* `name` does not live at its address: dead, unless it objects */
    GOSSIP_EVENT_STALLED /* the loop was away longer than probe_timeout/2: suspect nobody for it */
};

struct gossip_event {
    enum gossip_event_kind kind;
    struct muster_addr from;
    struct muster_bytes bytes;
    const char *name;
    uint32_t stream;
    bool inbound; /* numbers of inbound streams are the shell's, of outbound ones the core's */
    bool ended;
    bool refused; /* the far kernel answered: nobody listens there */
};

enum gossip_effect_kind {
    GOSSIP_EFFECT_SEND, /* a datagram from the listening socket: to, bytes */
    /* connect to `to` within GOSSIP_CONNECT_MS, send bytes, hand in what comes, until deadline_ms
     */
    GOSSIP_EFFECT_STREAM_OPEN,
    GOSSIP_EFFECT_STREAM_REPLY, /* inbound stream: send bytes, then close */
    GOSSIP_EFFECT_STREAM_CLOSE, /* no more interest; may name a stream that has ended already */
    GOSSIP_EFFECT_MEMBER,       /* news about another member: member, news */
    GOSSIP_EFFECT_JOINED,       /* the push/pull of a JOIN ended: to, ok */
    GOSSIP_EFFECT_LEFT          /* our leave has been sent out as often as it should be */
};

enum gossip_news {
    GOSSIP_NEWS_JOIN,   /* alive, was unknown, dead or left */
    GOSSIP_NEWS_UPDATE, /* meta or address changed */
    GOSSIP_NEWS_SUSPECT,
    GOSSIP_NEWS_ALIVE, /* a suspicion was refuted */
    GOSSIP_NEWS_DEAD,
    GOSSIP_NEWS_LEFT,
    GOSSIP_NEWS_REAPED /* forgotten */
};

/* What gossip believes of one node. Pointers live until the next step. */
struct gossip_member_view {
    const char *name;
    struct muster_addr addr;
    struct muster_bytes meta;
    uint8_t vsn[6];
    enum gossip_state state;
    uint32_t incarnation;
    uint64_t since_ms; /* of the state */
    bool is_self;
    bool is_proven; /* dead by proof, not by silence */
};

struct gossip_effect {
    enum gossip_effect_kind kind;
    struct muster_addr to;
    struct muster_bytes bytes;
    uint32_t stream;
    bool inbound; /* whose number `stream` is, as in the event */
    uint64_t deadline_ms;
    enum gossip_news news;
    struct gossip_member_view member;
    bool ok;
};

struct gossip_counters {
    uint64_t packets_in, packets_out, bytes_in, bytes_out;
    uint64_t dropped_malformed, dropped_crc, dropped_type, dropped_unfit, dropped_full;
    uint64_t dropped_sealed;          /* none of our keys opened it, or it came plain */
    uint64_t dropped_foreign;         /* another pool's label, or none */
    struct muster_addr unopened_from; /* where the last of those two came from */
    uint64_t user_messages;           /* of an application above */
    uint64_t user_passed_on;          /* such as were new to us, in a pool with serf */
    uint64_t probes_tcp_only;         /* answered by TCP alone: datagrams are lost on the way */
    uint64_t probes, probes_failed, suspicions, refutations, conflicts, push_pulls,
        push_pulls_failed;
    uint64_t asks, inquests, witnessed; /* of the watchers: asked, asked others, and buried */
};

MUSTER_MUST_USE int gossip_open(struct gossip **g, struct muster_arena *arena,
                                const struct gossip_config *c);
size_t gossip_memory(
    const struct gossip_config *c); /* arena bytes gossip_open will take, at most */
/* For many cores in one thread: what they need only for the length of a step, once for all of them.
 * Faces are as many as members_max says, of all cores together. */
MUSTER_MUST_USE int gossip_commons_open(struct gossip_commons **commons, struct muster_arena *arena,
                                        const struct gossip_config *c);
size_t gossip_commons_memory(const struct gossip_config *c);
/* Takes one event, and does what time has brought due. `now_ms` never goes back, and the effects of
 * the last step were drained. Of every stream that others began exactly one STREAM_REPLY or
 * STREAM_CLOSE comes sooner or later; a stream of ours is closed once its answer is read, its
 * deadline included. */
void gossip_step(struct gossip *g, uint64_t now_ms, const struct gossip_event *event);
bool gossip_next(struct gossip *g, struct gossip_effect *effect); /* drain after every step */
uint64_t gossip_deadline_ms(const struct gossip *g); /* when to step again at the latest */
void gossip_close(struct gossip *g);

uint32_t gossip_member_count(const struct gossip *g); /* entries, ours and dead ones included */
void gossip_member_at(const struct gossip *g, uint32_t index, struct gossip_member_view *view);
bool gossip_member_find(const struct gossip *g, const char *name, struct gossip_member_view *view);
uint32_t gossip_incarnation(const struct gossip *g); /* our own */
uint32_t gossip_awareness(const struct gossip *g);   /* 0 healthy .. awareness_max - 1 */
uint32_t gossip_queued(const struct gossip *g);      /* messages about members, to be passed on */

/* Whom we watch. Whatever else is heard of them spares a ping, and is told before a step that time
 * has brought due: `at_ms` is when that member last spoke, `usual_ms` for how long it is silent now
 * and then. (docs/protocol.md, "Watching") */
uint32_t gossip_watched_count(const struct gossip *g);
const char *gossip_watched_at(const struct gossip *g, uint32_t index);
void gossip_vouch(struct gossip *g, uint32_t index, uint64_t at_ms, uint32_t usual_ms);
const struct gossip_counters *gossip_counters(const struct gossip *g);
bool gossip_is_sane(
    const struct gossip *g); /* what must always hold; the simulator asks every turn */

#endif
