/* Family: a job whose runs are rows of their own, and those rows: copies on several nodes, one on
 * each node, ticks of a schedule. Their keeper is the job's own (store/row.h, store_key_home), and
 * sees to it that the rows are those which the job wants: made, changed, stopped and ended with it,
 * a tick decided in the same write that makes its run.
 *
 * units    milliseconds; ticks are wall time
 * memory   owned by the core
 * threads  the loop's only
 * source   product reference, sections 1, 2 and 5
 */
#ifndef MUSTER_AGENT_FAMILY_H
#define MUSTER_AGENT_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

struct agent_peer;

MUSTER_MUST_USE int agent_family_open(struct agent_core *core);
void agent_family_close(struct agent_core *core);

/* What the store says; members have come or gone. */
void agent_family_serving(struct agent_core *core, uint32_t bucket);
void agent_family_retired(struct agent_core *core, uint32_t bucket);
void agent_family_chosen(struct agent_core *core, struct muster_bytes key);
void agent_family_holds(struct agent_core *core); /* what is held has changed */
void agent_family_members(struct agent_core *core);

void agent_family_tick(struct agent_core *core);
uint64_t agent_family_deadline_ms(const struct agent_core *core);

/* The first end of the job in `view` that is later than that and as `after_end` wants it, for the
 * keeper of a job that starts after it; that keeper, told; and a job that would wait for itself. */
struct muster_bytes agent_family_end(struct agent_core *core, const struct store_view *view,
                                     uint64_t since, int32_t after_end, uint8_t out[64]);
void agent_family_answered(struct agent_core *core, uint64_t number, const struct agent_reply *r);
struct agent_job;
bool agent_family_circle(struct agent_core *core, const struct agent_job *job, char *out,
                         size_t size);

/* A tick that waits for the run before it (`overlap: queue`), and one that is ended for the next
 * (`overlap: replace`). */
bool agent_family_queued(const struct store_row *row);
bool agent_family_replaced(const struct store_row *row);
#define AGENT_FAMILY_REPLACED "a later tick takes its place"

/* How the rows beside a job stand, for people. */
struct agent_family_sum {
    uint32_t wanted; /* of a job that is spread and has no schedule */
    uint32_t placed, waiting, queued, ok, failed;
    uint32_t alone;        /* copies that a person has stopped or held by themselves */
    uint64_t next_wall_ms; /* of a schedule; MUSTER_NEVER: no more */
    uint64_t last_wall_ms;
    bool has_clock, is_manual;
    bool follows;     /* starts when another has ended, */
    char after[192];  /* and what it waits for */
    char fault[160];  /* why a schedule cannot go on; "" */
    char change[480]; /* how far a change of copies has come; "": none is under way */
};
void agent_family_sum(struct agent_core *core, const struct store_row *row,
                      struct agent_family_sum *out);

/* Which nodes may not have that run, since they have a copy of it or it belongs to another one:
 * `may` is by ring number, and theirs becomes false. */
void agent_family_bar(struct agent_core *core, struct muster_bytes key, bool *may);
/* The same for one node, for people: why it may not; NULL: it may. */
const char *agent_family_bar_text(struct agent_core *core, struct muster_bytes key,
                                  const struct agent_peer *p);
/* The nodes that have a copy beside that one, or were asked for room for it. */
uint32_t agent_family_mates(struct agent_core *core, struct muster_bytes key,
                            const struct agent_peer **out, uint32_t max);
/* The node it belongs to; NULL: to none, or that node is not known here. */
struct agent_peer *agent_family_node(struct agent_core *core, struct muster_bytes key);

#endif
