/* Drift: whether another node's clock runs at our rate. Leases count on that within half a percent;
 * a pair of nodes that is further apart must not run anything exclusive. (consistency R40)
 *
 * Every answer of the other node carries its clock, read at some moment between our question and
 * the answer's arrival. Two such answers far enough apart bound the other rate from both sides, and
 * what the network or a pause adds only widens the bounds: it never raises a false alarm.
 *
 * units    milliseconds, each of its own node's boot-time clock
 * memory   held by value; all zero is the state before the first answer
 * threads  any, one user each
 */
#ifndef MUSTER_AGENT_DRIFT_H
#define MUSTER_AGENT_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define AGENT_DRIFT_WINDOW_MS 60000 /* rates are compared over at least that long */
#define AGENT_DRIFT_PER_MILLE 5

struct agent_drift {
    uint64_t asked_ms, got_ms, theirs_ms; /* the answer that is compared with; got 0: none */
};

/* One more answer. True: the other clock is surely faster or slower than ours by more than the
 * limit. */
bool agent_drift_is_bad(struct agent_drift *d, uint64_t asked_ms, uint64_t got_ms,
                        uint64_t theirs_ms);

#endif
