/* Suspicion: how long an accused member may stay silent before we call it dead.
 *
 * The clock starts generous and shortens with each independent accuser, so that one slow witness
 * cannot bury a healthy member. (SWIM 4.2; Lifeguard, LHA-Suspicion)
 *
 * units    milliseconds of the caller's monotonic clock
 * memory   held by value inside struct gossip_member; allocates nothing
 * errors   none; every argument is either right or a bug
 * threads  the loop's only
 * source   docs/protocol.md, "Suspicion"
 */
#ifndef MUSTER_GOSSIP_SUSPICION_H
#define MUSTER_GOSSIP_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

#define GOSSIP_CONFIRMATIONS_MAX 8 /* so suspicion_mult is at most 10 */

struct gossip_suspicion {
    uint64_t start_ms;
    uint64_t min_ms;
    uint64_t max_ms;
    uint32_t needed;    /* confirmations that bring the clock down to min_ms */
    uint32_t confirmed; /* so far */
    uint64_t accuser[1 + GOSSIP_CONFIRMATIONS_MAX]; /* hashes of their names, the first one first */
};

struct gossip_suspicion_rule {
    uint32_t mult;
    uint32_t max_mult;
    uint32_t probe_interval_ms;
    uint32_t members; /* entries in the table, ours and dead ones included */
};

void gossip_suspicion_start(struct gossip_suspicion *s, uint64_t now_ms, uint64_t accuser,
                            const struct gossip_suspicion_rule *rule);

/* Counts `accuser` once. True if that was news and the deadline moved closer. */
bool gossip_suspicion_confirm(struct gossip_suspicion *s, uint64_t accuser);

/* Never before start_ms; may lie in the past after a confirmation. */
uint64_t gossip_suspicion_deadline_ms(const struct gossip_suspicion *s);

#endif
