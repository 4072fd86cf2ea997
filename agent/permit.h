/* Permits: how many runs of a group there may be at once in the whole cluster (`group` and
 * `max_running`). A group has a row of its own, which names the runs that have a permit; whoever
 * keeps that row gives them out, by priority, then age, then name, and each is on the disks of a
 * quorum before the keeper of the run is told.
 *
 *     keeper of the run                       keeper of the group
 *     ASK, again every two seconds  ────────▶ waits here, at most five seconds
 *                                   ◀──────── SAY: a permit, or how many wait before it
 *     LOOK: the run has ended       ────────▶
 *                                   ◀──────── CHECK, also every five seconds for each permit
 *     CHECKED: needed, or not       ────────▶ only this takes one back
 *
 * A permit belongs to a run by its name, not to a keeper: a new keeper of the run asks again and
 * has the same, a new keeper of the group finds them in the row, and with each the reign that was
 * told of it last: of a keeper that is below that nothing is believed. One that nobody needs is
 * found by the next CHECK, whoever has died. An answer to a CHECK counts only while the run has not
 * asked since.
 *
 * units    milliseconds
 * memory   groups in whose bucket we serve and that have permits or somebody who waits
 * errors   none; what cannot be written is tried again
 * threads  the loop's only
 * source   product reference, section 2, `group` and `max_running`
 */
#ifndef MUSTER_AGENT_PERMIT_H
#define MUSTER_AGENT_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

#define AGENT_PERMIT_MAX    1000 /* runs of a group at once */
#define AGENT_PERMIT_ASK_MS 2000 /* who waits asks again that often */
#define AGENT_PERMIT_NAMES  60   /* bytes of the names of some that run */

MUSTER_MUST_USE int agent_permit_open(struct agent_core *core);
void agent_permit_close(struct agent_core *core);

/* True for the row of a group: no job, and nothing that runs. */
bool agent_permit_is_row(struct muster_bytes key);

/* What the store says, and time. */
void agent_permit_serving(struct agent_core *core, uint32_t bucket);
void agent_permit_retired(struct agent_core *core, uint32_t bucket);
void agent_permit_chosen(struct agent_core *core, struct muster_bytes key);
void agent_permit_tick(struct agent_core *core);
uint64_t agent_permit_deadline_ms(const struct agent_core *core);

/* ---- what the two keepers say to each other */

struct agent_msg_permit {
    struct muster_bytes group; /* the row's key */
    struct muster_bytes key;   /* of the run */
    struct muster_id who;      /* the keeper that speaks */
    bool is_passed;            /* by a node that keeps it not; once */
    uint64_t number;           /* of this question */
    uint64_t reign;            /* in the run's bucket */
    uint64_t rank;             /* ASK: less is better */
    uint32_t cap;              /* ASK */
    bool is_needed;            /* CHECKED */
    uint64_t permit;           /* SAY: its number, 0: waits; CHECK: which one */
    uint32_t held, before;     /* SAY */
    struct muster_bytes names; /* SAY */
};

/* To whoever keeps the bucket of that key, as far as we know; each try may be another. */
void agent_permit_send(struct agent_core *core, uint32_t message, struct muster_bytes home,
                       uint32_t tries, const struct agent_msg_permit *m);
void agent_permit_send_to(struct agent_core *core, uint32_t message, struct muster_id to,
                          const struct agent_msg_permit *m);
bool agent_permit_read(struct muster_reader *r, struct agent_msg_permit *m);

/* ASK, LOOK and CHECKED arrive here; SAY and CHECK at the placer. */
void agent_permit_asked(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_permit_looked(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_permit_checked(struct agent_core *core, struct muster_id from, struct muster_reader *r);

#endif
