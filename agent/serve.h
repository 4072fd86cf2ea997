/* Serve: what a node does when another (or itself) asks: client operations on the rows it keeps,
 * its part of a list, its logs.
 *
 * units    milliseconds
 * memory   AGENT_SERVED_MAX operations that wait for their write
 * threads  the loop's only
 * source   docs/design.md "API"; consistency R18, R19, R21, R44
 */
#ifndef MUSTER_AGENT_SERVE_H
#define MUSTER_AGENT_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

#define AGENT_SERVED_MAX 8192

MUSTER_MUST_USE int agent_serve_open(struct agent_core *core);
void agent_serve_close(struct agent_core *core);

/* An OP frame; `r` stands behind the message number. */
void agent_serve_op(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_serve_cancel(struct agent_core *core, struct muster_id from, struct muster_reader *r);

/* The store's word on a write; a row whose earlier write was in the way is free now. */
void agent_serve_written(struct agent_core *core, uint64_t cookie, int err, uint32_t copies);
void agent_serve_chosen(struct agent_core *core, struct muster_bytes key);
/* A quorum has said that we are the keeper of that bucket. */
void agent_serve_confirmed(struct agent_core *core, uint32_t bucket);
/* The shell's answer to AGENT_EFFECT_LOGS. */
void agent_serve_logs(struct agent_core *core, const struct agent_event *event);
void agent_serve_tick(struct agent_core *core);
uint64_t agent_serve_deadline_ms(const struct agent_core *core);

#endif
