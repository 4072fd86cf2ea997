/* Member: what we believe of one node, and which news wins over it.
 *
 * Which message changes what stands in three tables in member.c and nowhere else. What a change
 * sets off (broadcasts, timers, refutation) is rumor's business; how members are found is table's.
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   held by the table; views point into it
 * errors   none
 * threads  the loop's only
 * source   docs/protocol.md, "State machine"
 */
#ifndef MUSTER_GOSSIP_MEMBER_H
#define MUSTER_GOSSIP_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "gossip/codec.h"
#include "gossip/face.h"
#include "gossip/gossip.h"
#include "gossip/suspicion.h"

/* What the world has been told about a member. */
enum gossip_told { GOSSIP_TOLD_NOTHING, GOSSIP_TOLD_ALIVE, GOSSIP_TOLD_SUSPECT, GOSSIP_TOLD_GONE };

struct gossip_member {
    struct gossip_face *face;           /* name and meta */
    struct gossip_suspicion *suspicion; /* while suspect */
    uint64_t since_ms;
    uint64_t answer_after_ms; /* stale alives about it are answered again from then on */
    uint32_t number;
    uint32_t incarnation;
    struct muster_addr addr;
    uint8_t vsn[GOSSIP_VSN_LEN];
    uint8_t state;     /* enum gossip_state */
    uint8_t told;      /* enum gossip_told */
    bool is_proven;    /* dead, and we have proof */
    bool is_proof_new; /* the proof came after the death was told */
    bool is_changed;   /* meta, address or instance, and not told yet */
    bool is_dirty;     /* in the table's list of members with something to tell */
    bool is_self;
    bool is_kin;       /* one of those who watch each other */
    bool is_forgotten; /* reaped; its number is used again from the next step on */
};

struct muster_bytes gossip_member_name(const struct gossip_member *m);
struct muster_bytes gossip_member_meta(const struct gossip_member *m);
bool gossip_member_is_living(const struct gossip_member *m); /* alive or suspect */

void gossip_member_view(const struct gossip_member *m, struct gossip_member_view *view);

/* The next thing to tell about it, marked as told; false when there is nothing. What changed and
 * changed back within a step is not told, so there is never more to tell than a few words a member.
 */
bool gossip_member_tell(struct gossip_member *m, enum gossip_news *news);

enum gossip_age { GOSSIP_OLDER, GOSSIP_EQUAL, GOSSIP_NEWER };

/* The message's incarnation against the one we hold. */
enum gossip_age gossip_age_of(uint32_t message, uint32_t held);

enum gossip_verdict {
    GOSSIP_VERDICT_IGNORE,
    GOSSIP_VERDICT_RAISE,    /* only the incarnation: evidence never becomes weaker */
    GOSSIP_VERDICT_ACCUSE,   /* becomes suspect */
    GOSSIP_VERDICT_CONFIRM,  /* suspect already: one more accuser */
    GOSSIP_VERDICT_BURY,     /* becomes dead or left */
    GOSSIP_VERDICT_BELIEVE,  /* becomes alive, or alive with other data */
    GOSSIP_VERDICT_ANSWER,   /* too old to believe: tell it what it has to refute */
    GOSSIP_VERDICT_CONFLICT, /* two living nodes, one name */
    GOSSIP_VERDICT_RECLAIM   /* the name's dead owner is asked first, then the name is free */
};

/* A message about another node than ourselves, in words of what we hold of it. */
enum gossip_verdict gossip_judge_alive(enum gossip_state held, enum gossip_age age,
                                       bool is_same_addr);
enum gossip_verdict gossip_judge_suspect(enum gossip_state held, enum gossip_age age);
enum gossip_verdict gossip_judge_dead(enum gossip_state held, enum gossip_age age);

#endif
