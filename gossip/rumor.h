/* Rumor: what is said about members, and what we make of it.
 *
 * An alive, a suspect or a dead arrives by packet, in somebody's table or out of our own probing;
 * it is judged by member's tables, and what changes is passed on. What is said about ourselves is
 * answered.
 *
 * errors   what makes no sense is counted and dropped
 * units    milliseconds of the caller's monotonic clock
 * threads  the loop's only
 * source   docs/protocol.md, "State machine", "Refutation"
 */
#ifndef MUSTER_GOSSIP_RUMOR_H
#define MUSTER_GOSSIP_RUMOR_H

#include <stdbool.h>

#include "gossip/core.h"

struct gossip_origin {
    struct muster_addr from; /* gossip address of who told us; len 0 when unknown */
    bool
        is_lesson; /* the seed's table after our own join: the pool knows it, so do not spread it */
    bool is_newcomer; /* one that asks to be let in, and knows few others */
};

/* Could a node be like that? Asked of every entry of a table, whatever its state. */
bool gossip_rumor_is_valid(const struct gossip_alive *a);

void gossip_rumor_alive(struct gossip *g, const struct gossip_alive *a,
                        const struct gossip_origin *origin);
void gossip_rumor_suspect(struct gossip *g, const struct gossip_accusation *a,
                          const struct gossip_origin *origin);
void gossip_rumor_dead(struct gossip *g, const struct gossip_accusation *a,
                       const struct gossip_origin *origin);

/* Who is suspected and speaks is told, once in a probe interval, so that it can refute. */
void gossip_rumor_heard(struct gossip *g, struct muster_addr from);

/* We ourselves accuse a member, at the incarnation we hold. */
void gossip_rumor_accuse(struct gossip *g, const struct gossip_member *m);
void gossip_rumor_proven(struct gossip *g, struct muster_bytes name);
void gossip_rumor_absent(struct gossip *g, struct muster_bytes name);   /* another lives there */
void gossip_rumor_witnessed(struct gossip *g, struct gossip_member *m); /* by several, silent */

/* Buries those whose suspicion ran out. */
void gossip_rumor_expire(struct gossip *g);
uint64_t gossip_rumor_deadline_ms(const struct gossip *g);

/* We are news ourselves. */
void gossip_rumor_announce(struct gossip *g);
void gossip_rumor_meta(struct gossip *g, struct muster_bytes meta);
void gossip_rumor_leave(struct gossip *g);

/* A member takes over what the alive says, whatever was held before. What is spread of it lives
 * until the next news; empty when it is not spread. */
struct muster_bytes gossip_rumor_believe(struct gossip *g, struct gossip_member *m,
                                         const struct gossip_alive *a, bool is_spread);
/* Tells whoever is at `to` what the member is accused of, so that it can refute. */
void gossip_rumor_answer(struct gossip *g, struct muster_addr to, struct muster_bytes name,
                         uint32_t incarnation);

void gossip_awareness_add(struct gossip *g, int change);

#endif
