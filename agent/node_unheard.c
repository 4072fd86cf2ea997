/* SPDX-License-Identifier: Apache-2.0 */
/* Those whom we do not hear although they speak to us: another key, or none, or another label. Of
 * themselves they are told nothing; a person at either side is, or would look for it for long. */
#include <stdio.h>

#include "agent/node_inside.h"

#define UNHEARD_MS      60000  /* so long it counts as going on */
#define UNHEARD_TELL_MS 600000 /* between two lines of the log */

void node_unheard_tick(struct agent_node *n)
{
    struct agent_core *core = &n->core;
    const struct gossip_counters *c = gossip_counters(core->gossip);
    uint64_t count = c->dropped_sealed + c->dropped_foreign;
    char addr[MUSTER_ADDR_TEXT];
    if (count == n->unheard)
        return;
    n->unheard = count;
    n->unheard_until_ms = core->now.mono_ms + UNHEARD_MS;
    (void)snprintf(n->unheard_text, sizeof n->unheard_text,
                   "gossip of %s is not heard here: it has another key than this agent (or one of "
                   "the two has none), or another label",
                   muster_addr_text(c->unopened_from, addr));
    if (core->now.mono_ms < n->unheard_tell_ms)
        return;
    n->unheard_tell_ms = core->now.mono_ms + UNHEARD_TELL_MS;
    agent_out_log(&core->out, AGENT_LOG_WARN, "%s; see `encrypt`, `label` and `muster keys list`",
                  n->unheard_text);
}

const char *node_unheard(const struct agent_node *n)
{
    return n->core.now.mono_ms < n->unheard_until_ms ? n->unheard_text : NULL;
}
