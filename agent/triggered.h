/* Triggered: the runs of templates that this node keeps, and what their template wants of them now:
 * that they end with it, wait while it is held, and go when they are old.
 *
 * A run is kept where its own name falls (agent/run_name.h), its template elsewhere. So each keeper
 * of runs asks for their template every few seconds, and at once when its keeper says that it has
 * changed; until the answer is there it places none of them. It walks over them, some hundred rows
 * at a time, when something has changed. How many ended runs are kept is counted over all that this
 * node holds: exact in a cluster where every node holds every row, and never too few. A run with a
 * key is kept by its age alone, for the key is remembered as long as its run is there.
 *
 * units    milliseconds
 * memory   AGENT_TRIGGERED_MAX templates with runs here (or rows_max, where that is less), touched
 *          as they are used; of more, the runs wait until there is room
 * threads  the loop's only
 * source   product reference, sections 1 and 2
 */
#ifndef MUSTER_AGENT_TRIGGERED_H
#define MUSTER_AGENT_TRIGGERED_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"
#include "store/store.h"

#define AGENT_TRIGGERED_MAX 65536

MUSTER_MUST_USE int agent_triggered_open(struct agent_core *core);
void agent_triggered_close(struct agent_core *core);

/* What the store says. */
void agent_triggered_serving(struct agent_core *core, uint32_t bucket);
void agent_triggered_retired(struct agent_core *core);
void agent_triggered_chosen(struct agent_core *core, struct muster_bytes key);
/* It was asked for, and we keep it: who did may keep runs of it, and is told when it changes. */
void agent_triggered_asked(struct agent_core *core, struct muster_bytes job);
/* What the keeper of a template says: that it has changed; and what it is. */
void agent_triggered_changed(struct agent_core *core, struct muster_reader *r);
void agent_triggered_answered(struct agent_core *core, uint64_t number,
                              const struct agent_reply *r);

/* A waiting run is not to be placed: its template is gone, stopped or held, as far as we know, or
 * has changed a moment ago and is being asked for. The walk over the runs writes it. */
bool agent_triggered_bars(const struct agent_core *core, const struct store_row *row);

/* How the runs of a template stand that are kept here, for a job that starts after them: as the
 * last walk has counted them, and as going on when something has changed since. What all nodes say
 * makes a whole when every bucket is among those they keep. */
struct agent_triggered_ends {
    uint8_t kept[STORE_BUCKETS / 8]; /* a bit for each bucket */
    bool goes_on;
    uint64_t ok_wall_ms, fail_wall_ms; /* the latest of each end; 0: none */
};
void agent_triggered_ends(const struct agent_core *core, struct muster_bytes job,
                          struct agent_triggered_ends *out);
void agent_triggered_serve(struct agent_core *core, const struct serve_ask *ask);
/* Adds what one node or all of them have said; false for what is no such thing. */
MUSTER_MUST_USE bool agent_triggered_sum(struct muster_bytes said,
                                         struct agent_triggered_ends *sum);
bool agent_triggered_is_whole(const struct agent_triggered_ends *sum, uint32_t buckets);

void agent_triggered_tick(struct agent_core *core);
uint64_t agent_triggered_deadline_ms(const struct agent_core *core);

#endif
