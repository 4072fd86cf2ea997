/* Trigger: runs made by hand from a template (`start: manual`), one or a thousand with one request.
 *
 * The node that is asked reads the template from its keeper, gives every run a name
 * (agent/run_id.h) and a specification of its own, and has each made by the keeper of that name: so
 * a busy template is spread over the cluster, and one key is one run, on however many nodes it is
 * asked for at once.
 *
 * units    milliseconds
 * memory   TRIGGER_BATCHES requests under way, each with a copy of its items; more are refused as
 *          busy
 * errors   of one of many: its place in the answer says what is wrong, and the others go on
 * threads  the loop's only
 * source   product reference, sections 1, 2 and 7
 */
#ifndef MUSTER_AGENT_TRIGGER_H
#define MUSTER_AGENT_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core.h"

MUSTER_MUST_USE int agent_trigger_open(struct agent_core *core);
void agent_trigger_close(struct agent_core *core);

/* A client's AGENT_OP_TRIGGER, and its end without an answer. */
void agent_trigger_begin(struct agent_core *core, const struct agent_request *q);
void agent_trigger_cancel(struct agent_core *core, uint64_t client);
/* An answer to one of our own questions. */
void agent_trigger_answered(struct agent_core *core, uint64_t number, uint32_t item,
                            const struct agent_reply *r);

void agent_trigger_tick(struct agent_core *core);
uint64_t agent_trigger_deadline_ms(const struct agent_core *core);

#endif
