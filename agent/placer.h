/* Placer: what the keeper of a bucket does for its jobs: finds each a place, starts it there,
 * listens for it, stops it, and places it anew when its node is gone.
 *
 *  row waiting ─▶ QUEUED ──room asked──▶ OFFERED ──room given──▶ WRITING ──chosen──▶ PLACED
 *                  ▲  ▲                     │ refused everywhere                      │  │ │
 *                  └─────────────────────┘                                         │  │ node gone
 *     not_before, slot frees ── DELAYED ◀─────────── DONE: move, defer ───────────────┘  │
 *                  └─────────────────────────────────────────────────────────────────────┘
 *  stop, update, restart, drain: STOPPING until GONE, then as the row says.
 *
 * Only rows that still want something have an entry; everything here is forgotten with the reign
 * and rebuilt from the rows by the next keeper.
 *
 * units    milliseconds
 * memory   entries for rows_max rows, touched as they are used; keys and texts on the heap
 * threads  the loop's only
 * source   consistency R18, R23, R27 to R33, R42, R56; docs/design.md "States", "Placement"
 */
#ifndef MUSTER_AGENT_PLACER_H
#define MUSTER_AGENT_PLACER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

struct agent_peer;

/* What the runner last said of a run, and what the placer is doing about it. */
struct agent_report {
    enum agent_run_state state;
    bool is_heard; /* the fields below are the runner's word in this reign */
    uint32_t attempt, failures;
    int32_t pid;
    uint64_t since_wall_ms, not_before_wall_ms, exit_wall_ms;
    int32_t exit_code, exit_signal;
    const char *note;
    uint64_t done, total; /* progress; total 0: none told */
    bool is_stopping;     /* STOP has been asked */
    bool is_queued;       /* nobody has room for it */
    const char *permit;   /* it waits for a permit of its group, and how; NULL: it does not */
};

MUSTER_MUST_USE int agent_placer_open(struct agent_core *core);
void agent_placer_close(struct agent_core *core);

/* Store effects. */
void agent_placer_serving(struct agent_core *core, uint32_t bucket);
/* We stand for it, and have been elected but do not serve it yet: what a dead node ran is placed
 * early. */
void agent_placer_early(struct agent_core *core, uint32_t bucket, bool is_elected);
void agent_placer_retired(struct agent_core *core, uint32_t bucket);
struct agent_peer *agent_placer_offered(const struct agent_core *core, struct muster_bytes key);
void agent_placer_chosen(struct agent_core *core, struct muster_bytes key);
void agent_placer_claimable(struct agent_core *core, uint32_t bucket);
void agent_placer_claimed(struct agent_core *core, struct muster_bytes key, struct muster_id node,
                          uint64_t token);
void agent_placer_drop(struct agent_core *core, struct muster_bytes key, struct muster_id node,
                       uint64_t token);

/* A peer lived, died, drains, or said how full it is; a link to it came up. */
void agent_placer_peer(struct agent_core *core, const struct agent_peer *p);
void agent_placer_node(struct agent_core *core, struct muster_id id); /* known or not */
void agent_placer_linked(struct agent_core *core, struct agent_peer *p, bool restarted);
void agent_placer_invited(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_load(struct agent_core *core, struct muster_id from, struct muster_reader *r);

/* Frames from runners; `r` stands behind the message number. */
void agent_placer_room(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_hold(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_gone(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_past(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_left(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_placer_done(struct agent_core *core, struct muster_id from, struct muster_reader *r);

/* Frames from the keepers of groups (agent/permit.h). */
void agent_placer_permit_said(struct agent_core *core, struct muster_reader *r);
void agent_placer_permit_check(struct agent_core *core, struct muster_reader *r);

void agent_placer_holds(struct agent_core *core); /* what is held has changed (agent/holds.h) */
void agent_placer_tick(struct agent_core *core);
void agent_placer_freed(struct agent_core *core, struct muster_id node); /* it has fewer runs */
void agent_placer_kick(struct agent_core *core);  /* the ring changed: who waits may fit now */
void agent_placer_flush(struct agent_core *core); /* end of a step: places what can be placed */
uint64_t agent_placer_deadline_ms(const struct agent_core *core);

/* False when nothing is known beyond the row. */
bool agent_placer_report(const struct agent_core *core, struct muster_bytes key,
                         struct agent_report *out);
/* What a run has left (agent/left.h), as far as this node holds it: whole, in at most `size` bytes.
 */
struct agent_left_head;
bool agent_placer_has_left(const struct agent_core *core, const struct store_row *owner,
                           enum agent_left kind);
bool agent_placer_left_get(const struct agent_core *core, const struct store_row *owner,
                           enum agent_left kind, uint8_t *out, size_t size,
                           struct agent_left_head *head);
/* Wall time by which an exclusive run of the row must have ended, or a new one may begin; 0:
 * nothing to wait for (R37, R39). */
uint64_t agent_placer_lease_until(const struct agent_core *core, const struct store_view *view);
/* What a run may not be beside on that node; NULL: nothing that is known. */
const char *agent_placer_apart(const struct agent_core *core, struct muster_bytes key,
                               struct muster_id node);
/* A node that could have the run of a row beside the one that has it; `p` NULL: anybody. Else why
 * not. */
bool agent_placer_may_have(struct agent_core *core, const struct store_row *row,
                           const struct agent_peer *p, char *why, size_t size);
/* Where the run of a row would go if its node were gone; NULL: nowhere. `taken`: by the peer's
 * index, slots that were given away in this way before; what is given now is added. */
const struct agent_peer *agent_placer_next(struct agent_core *core, const struct store_row *row,
                                           uint32_t *taken);
/* Where a service would go to level the load: the emptiest that may have it, if that would still be
 * less full with it than its own node is; NULL: it stays. `taken` as above, what is given up counts
 * too. */
const struct agent_peer *agent_placer_lighter(struct agent_core *core, const struct store_row *row,
                                              uint32_t *taken);
void agent_placer_ring(struct agent_core *core); /* it has changed */
/* The run of that row is one that goes on until the next one is ready (`handoff: start-stop`). */
bool agent_placer_hands_over(struct agent_core *core, const struct store_row *row);
/* Its next place, if that node can have it then; kept here and in this reign only. */
void agent_placer_move_to(struct agent_core *core, struct muster_bytes key, struct muster_id node);
/* No node is like the row asks for, and it does not wait for one (`if_none: fail`): in words. */
bool agent_placer_nobodys(struct agent_core *core, const struct store_row *row,
                          char out[STORE_REASON_MAX]);
/* Why nothing takes the run of a row now, counted over the members. */
void agent_placer_hurdle(struct agent_core *core, const struct store_row *row, char *out,
                         size_t size);
uint32_t agent_placer_waiting(const struct agent_core *core); /* rows kept here without a place */

#endif
