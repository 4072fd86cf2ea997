/* Facts: what one node can say of itself and its neighbours to whoever looks for what is wrong in
 * the cluster. They are gathered from every node (AGENT_OP_FACTS) and judged by who asked.
 *
 * memory   the answer is copied before the call returns
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_FACTS_H
#define MUSTER_AGENT_FACTS_H

#include "agent/core.h"

/* Our row, as a part of a list. */
void agent_facts_serve(struct agent_core *core, const struct serve_ask *ask);

#endif
