/* Tickets: who waits for a slot of this node, in the order in which they are to have one: priority,
 * then age, then name. Keepers leave one for each of their waiting runs at a few nodes; a node that
 * has a free slot invites the best of them, and turns down who would get in before it.
 *
 * units    milliseconds of the caller's monotonic clock, slots
 * memory   held by value; at the brim the worst goes, the newcomer perhaps
 * errors   none
 * threads  the loop's only
 * source   consistency R35
 */
#ifndef MUSTER_AGENT_TICKETS_H
#define MUSTER_AGENT_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/id.h"
#include "store/row.h"

#define AGENT_TICKETS_MAX      256
#define AGENT_TICKET_MS        5000 /* keepers renew theirs more often than that */
#define AGENT_TICKET_INVITE_MS 500  /* who is invited and does not come by then has lost its turn */

struct agent_ticket {
    char key[STORE_KEY_MAX + 1]; /* empty: free */
    struct muster_id keeper;
    uint64_t rank; /* less is better */
    uint32_t needs;
    uint64_t until_ms;
    uint64_t invited_ms; /* 0: not yet */
};

struct agent_tickets {
    struct agent_ticket ticket[AGENT_TICKETS_MAX];
    uint32_t count;
};

uint64_t agent_ticket_rank(uint32_t priority, uint64_t since_wall_ms);

/* A new one, or an old one renewed. */
void agent_tickets_put(struct agent_tickets *t, uint64_t now_ms, struct muster_bytes key,
                       struct muster_id keeper, uint64_t rank, uint32_t needs);
void agent_tickets_remove(struct agent_tickets *t, struct muster_bytes key);

/* Who was invited has come, and the room was not enough: it waits for its turn again. */
void agent_tickets_again(struct agent_tickets *t, struct muster_bytes key);

/* Slots that those ask for who are invited and have not come yet. */
uint32_t agent_tickets_invited(struct agent_tickets *t, uint64_t now_ms);

/* The best that fits `room` slots and has not been invited; NULL when there is none. */
struct agent_ticket *agent_tickets_best(struct agent_tickets *t, uint64_t now_ms, uint32_t room);

/* It is not the turn of this run: with those that fit and come before it the room would not do. */
bool agent_tickets_precede(struct agent_tickets *t, uint64_t now_ms, uint32_t room,
                           struct muster_bytes key, uint64_t rank, uint32_t needs);

#endif
