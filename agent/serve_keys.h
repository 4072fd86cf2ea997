/* Serve keys: the keyring of this node, asked for and changed by an operator anywhere in the
 * cluster.
 *
 * A request goes to every node at once and each answers with a row of its own: what it did, or why
 * not, and which keys it has now. Only the marks of keys are told (agent/keys.h); a new key travels
 * sealed with one that both sides have.
 *
 * memory   the ring is the configuration's; what a step sends lives until the next
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SERVE_KEYS_H
#define MUSTER_AGENT_SERVE_KEYS_H

#include "agent/core.h"

/* What a client asks (name: list, install, use or remove; label: a key, or the mark of one) as it
 * is sent to the nodes. MUSTER_OK, or why not, with a sentence. Texts live until the next step. */
MUSTER_MUST_USE int agent_keys_ask(struct agent_core *core, struct agent_request *q,
                                   const char **message);

/* Our row. */
void agent_keys_serve(struct agent_core *core, const struct serve_ask *ask);

#endif
