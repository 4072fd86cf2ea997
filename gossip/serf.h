/* Serf: good manners in a pool where others speak serf over memberlist. We do not; but what they
 * say to each other must not end at us, and they must see us leave.
 *
 * A message that is new to us is passed on as it came. Before we leave we say so in serf's words,
 * for it tells `left` from `failed` by that; and when somebody else says it of us while we stay, we
 * contradict. All of it is off in pools without serf.
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   from the arena at open: GOSSIP_ECHOES messages to be passed on, the hashes of some
 *          thousand that were
 * errors   what does not decode is counted and dropped
 * threads  the loop's only
 * source   docs/protocol.md, "Serf"
 */
#ifndef MUSTER_GOSSIP_SERF_H
#define MUSTER_GOSSIP_SERF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "gossip/packet.h"

#define GOSSIP_SERF_STATE_MAX 96
#define GOSSIP_ECHOES         64
#define GOSSIP_ECHO_MAX       1300 /* bytes of one, its type byte included; longer ones end here */
#define GOSSIP_HEARD          4096 /* messages remembered */
#define GOSSIP_HEARD_MS       360000ull         /* longer than serf remembers intents */
#define GOSSIP_LAMPORT_MAX    (UINT64_MAX >> 2) /* a clock beyond it was made up */

struct gossip;

struct gossip_echo {
    uint64_t key; /* a newer message with the same takes its place */
    uint32_t transmits;
    uint16_t len;
    uint8_t bytes[GOSSIP_ECHO_MAX];
};

struct gossip_heard {
    uint64_t hash;
    uint64_t until_ms;
};

struct gossip_serf {
    struct gossip_echo *echo; /* NULL: off */
    struct gossip_heard *heard;
    uint32_t echoes;
    uint64_t clock;    /* the highest Lamport time heard */
    uint64_t leave_ms; /* the intent has had its time to spread; 0: not leaving */
};

size_t gossip_serf_memory(void);
MUSTER_MUST_USE int gossip_serf_init(struct gossip_serf *s, struct muster_arena *a);

/* A user message, without its type byte; and the user state of a push/pull, or its beginning. */
void gossip_serf_take(struct gossip *g, struct muster_bytes payload);
void gossip_serf_state(struct gossip *g, struct muster_bytes state);

/* Our own user state: nothing but the clock, so that one of us that was away hears how late it is
 * also from another of us. Returns its length, 0 when there is none. */
size_t gossip_serf_state_write(const struct gossip *g, uint8_t out[GOSSIP_SERF_STATE_MAX]);

/* Adds what is to be passed on, as far as it fits. */
void gossip_serf_fill(struct gossip *g, struct gossip_parts *parts, uint32_t transmits_max);

/* Says that we leave. False when that is of no use, or has been said long enough. */
bool gossip_serf_leave(struct gossip *g);

#endif
