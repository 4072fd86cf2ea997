/* Wall: the time of day by most of the clocks of a cluster. Schedules go by it, so that a host
 * whose clock is wrong neither starts what is not due nor leaves out what is. (consistency R51)
 *
 * Every LOAD carries the clock of who sends it, at the latest every AGENT_WALL_TELL_MS. While ours
 * is within AGENT_WALL_APART_MS of the median it is the one that counts, so that nothing jumps
 * between clocks that agree. Of fewer than three clocks nobody knows which is wrong, and ours
 * counts.
 *
 * The rule of the contract is harder: such a keeper decides nothing. Then a schedule would stand
 * still until somebody mends a clock.
 *
 * units    milliseconds; leads are wall time less our boot-time clock
 * memory   held by value in the core and in its peers; all zero is the state of who has heard
 *          nobody
 * errors   none: a node that says nonsense is one clock among others
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_WALL_H
#define MUSTER_AGENT_WALL_H

#include <stdbool.h>
#include <stdint.h>

#define AGENT_WALL_TELL_MS  15000 /* said again at the latest, and at once when it was set */
#define AGENT_WALL_KNOWN_MS 60000 /* what was said that long ago counts no more */
#define AGENT_WALL_APART_MS 2000
#define AGENT_WALL_LEAST    3 /* clocks, ours among them */

struct agent_core;
struct agent_peer;

/* What another clock said. */
struct agent_wall_said {
    int64_t lead_ms;
    uint64_t heard_ms; /* 0: never */
};

/* What was found last, for it is asked for each schedule. */
struct agent_wall {
    uint64_t until_ms;
    int64_t own_lead_ms;  /* of our clock then: it may step */
    int64_t off_ms;       /* what most clocks say less what ours does; 0: ours counts */
    uint64_t told_ms;     /* when the others were told last, */
    int64_t told_lead_ms; /* and what */
};

/* Whether it is time to tell the others; and that they have been told. */
bool agent_wall_is_due(const struct agent_core *core);
void agent_wall_told(struct agent_core *core);
void agent_wall_hear(struct agent_core *core, struct agent_peer *p, uint64_t wall_ms);

/* The time of day. A log line tells when it is another than ours, and when it is so no more. */
uint64_t agent_wall_ms(struct agent_core *core);

/* The median of `count` leads less our own, which is among them; 0 when that is near enough. Sorts
 * them. */
int64_t agent_wall_off(int64_t own_ms, int64_t *lead_ms, uint32_t count);

#endif
