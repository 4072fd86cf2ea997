/* Runner: what this node runs. It alone counts its slots, starts nothing below a token it has seen,
 * and tells the keepers how its runs do.
 *
 *            START, room, seen on disk         ready
 *   (none) ─────────────────────▶ STARTING ──────────▶ RUNNING
 *                                  ▲    │ failed here      │ failed here
 *                     not_before   │    ▼                  ▼
 *                                 BACKOFF ◀────────────────┘
 *             STOP, DROP, drain        │ tries here used up, done, dead
 *   any ──▶ STOPPING ──▶ GONE          └──▶ ENDED ──DONE_OK──▶ (none)
 *
 * units    milliseconds
 * memory   tables for runs_max runs; a decoded spec per run
 * threads  the loop's only
 * source   consistency R27 to R30, R46, R50; docs/design.md "Jobs", "States"
 */
#ifndef MUSTER_AGENT_RUNNER_H
#define MUSTER_AGENT_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

#define AGENT_RESERVE_MS 3000 /* a ROOM holds its slots so long */

struct agent_peer;

MUSTER_MUST_USE int agent_runner_open(struct agent_core *core);
void agent_runner_close(struct agent_core *core);
/* Boot: one record of the table SEEN. */
void agent_runner_load_seen(struct agent_core *core, struct muster_bytes key,
                            struct muster_bytes value);

void agent_runner_guard(struct agent_core *core, const struct agent_guard_event *g);
void agent_runner_noted(struct agent_core *core, uint64_t cookie, int err);
void agent_runner_tick(struct agent_core *core);
/* The end of a step: reports and load that changed within it. */
void agent_runner_flush(struct agent_core *core);
uint64_t agent_runner_deadline_ms(const struct agent_core *core);

/* Frames from keepers; `r` stands behind the message number. */
void agent_runner_offer(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_runner_start(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_runner_stop(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_runner_drop(struct agent_core *core, struct muster_reader *r);
void agent_runner_hold_ok(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_runner_done_ok(struct agent_core *core, struct muster_reader *r);
void agent_runner_signal(struct agent_core *core, struct muster_reader *r);
void agent_runner_left_ok(struct agent_core *core, struct muster_reader *r);
void agent_runner_ticket(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_runner_try(struct agent_core *core, struct muster_id from, struct muster_reader *r);

/* That job is gone for good: what was seen of it may be forgotten. */
void agent_runner_past_ok(struct agent_core *core, struct muster_reader *r);
/* A row that may yet be chosen places this run here: its token is noted now (R28). */
void agent_runner_foretell(struct agent_core *core, struct muster_bytes key, uint64_t token);
void agent_runner_foretold(struct agent_core *core, struct muster_reader *r);

/* A link to it is up: what no keeper has confirmed lately is reported there too. */
void agent_runner_linked(struct agent_core *core, const struct agent_peer *p);
/* Tells one peer how many slots we have and use. */
void agent_runner_tell_load(struct agent_core *core, const struct agent_peer *p);
/* Runs that have to end, or to go elsewhere, before this node may leave; what is to be tried again
 * later is given back. The others (`on_agent_stop: keep`) are left to their guards and the next
 * agent; how many they are. */
uint32_t agent_runner_leaving(struct agent_core *core);
uint32_t agent_runner_left_behind(const struct agent_core *core);
/* All that has to end first are services that have no other place: this node's own shares, and what
 * no other open node is fit for. */
bool agent_runner_only_bound(const struct agent_core *core);
/* Ends those that are held with everything; those that are not. */
void agent_runner_stop_held(struct agent_core *core, const char *why);
void agent_runner_stop_loose(struct agent_core *core, const char *why);
/* Ends everything that runs here, for a leave that can wait no longer. */
void agent_runner_stop_all(struct agent_core *core, const char *why);

/* Its bytes are here (`why` NULL), or why they are not; and whether a run here needs them. */
void agent_runner_payload(struct agent_core *core, struct agent_payload_id id, const char *why);
bool agent_runner_wants(const struct agent_core *core, struct agent_payload_id id);

bool agent_runner_is_scanned(const struct agent_core *core); /* an earlier agent's are known */
uint32_t agent_runner_used(const struct agent_core *core);   /* slots: live and reserved */
uint32_t agent_runner_count(const struct agent_core *core);  /* runs, ended ones left out */
bool agent_runner_is_sane(const struct agent_core *core);

/* True while this very run is here and has not ended. */
bool agent_runner_runs(const struct agent_core *core, struct muster_bytes key, uint64_t token);
/* The highest token of this job that was started or refused here; 0: none. For logs. */
uint64_t agent_runner_token(const struct agent_core *core, struct muster_bytes key);

#endif
