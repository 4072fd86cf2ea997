/* Relay: reports and requests that cannot go straight, passed on by one other node. Of a partial
 * partition, where two nodes see all the others but not each other, nobody else need notice.
 *
 * Who has said "ask that one" of a node that does not answer us is asked to pass our frames on;
 * answers go back the way they came. Every few seconds the straight way is tried again. One hop,
 * and nothing is kept: what cannot be passed on at once is dropped, as it would have been without a
 * relay.
 *
 * units    milliseconds
 * memory   none; the way stands in the table of peers
 * threads  the loop's only
 * source   consistency section 6 (HOLD and OP)
 */
#ifndef MUSTER_AGENT_RELAY_H
#define MUSTER_AGENT_RELAY_H

#include <stdbool.h>

#include "agent/core.h"

/* It did not answer what we sent it straight. Its link may look well for a long time yet. */
void agent_relay_mute(struct agent_core *core, struct muster_id id);
/* `by`, whom we reach, knows a way to `to`. Means nothing while `to` has a link that works. True
 * when no way was known before. */
bool agent_relay_learn(struct agent_core *core, struct muster_id to, struct muster_id by);
/* There is a way to a node that we do not reach by ourselves. */
bool agent_relay_knows(const struct agent_core *core, struct muster_id to);

/* A frame for a node that we do not reach; false when it must go straight or not at all. */
bool agent_relay_send(struct agent_core *core, struct muster_id to, struct muster_bytes frame);

/* Somebody asks us to pass one on, or one has come to us that way. */
void agent_relay_pass(struct agent_core *core, struct muster_id from, struct muster_reader *r);
void agent_relay_got(struct agent_core *core, struct muster_id by, struct muster_reader *r);

#endif
