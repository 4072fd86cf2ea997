/* SPDX-License-Identifier: Apache-2.0 */
/* The words and the JSON for a run that is handed over (`handoff: start-stop`). */
#include <stdio.h>

#include "agent/describe.h"
#include "agent/peers.h"

bool agent_handoff_text(struct agent_core *core, struct agent_picture *p)
{
    const struct store_row *row = &p->view->row;
    const char *other = agent_node_name(core, row->other_node);
    bool was_run = row->other_token < row->run_token;
    char time[MUSTER_TIME_TEXT];
    if (store_row_has_heir(row))
        (void)snprintf(p->text, sizeof p->text, "handing over to %s: waits until it is ready there",
                       other);
    else if (row->handoff != STORE_HANDOFF_NONE && was_run)
        (void)snprintf(p->text, sizeof p->text, "handed over from %s, where the old run ends",
                       other);
    else if (row->handoff != STORE_HANDOFF_NONE)
        (void)snprintf(p->text, sizeof p->text, "its second run on %s ends", other);
    else if (row->handoff_wall_ms > core->now.wall_ms)
        (void)snprintf(p->text, sizeof p->text,
                       "%s was not ready to take over (%u %s; `muster events` says why); next try "
                       "at %.8s",
                       other, row->handoff_fails, row->handoff_fails == 1 ? "try" : "tries",
                       muster_time_text(row->handoff_wall_ms, time) + 11);
    else if (p->is_handed)
        (void)snprintf(p->text, sizeof p->text, "goes on until another node has begun");
    else
        return false;
    return true;
}

void agent_handoff_put(struct agent_core *core, struct agent_json *j, const struct store_row *row)
{
    if (row->handoff == STORE_HANDOFF_NONE && row->handoff_fails == 0) {
        agent_json_put_null(j, "handoff");
        return;
    }
    agent_json_key(j, "handoff");
    agent_json_object(j);
    agent_json_put_text(j, "what",
                        row->handoff == STORE_HANDOFF_NONE ? "waits"
                        : store_row_has_heir(row)          ? "heir"
                                                           : "ends");
    agent_json_put_text(j, "node", agent_node_name(core, row->other_node));
    agent_json_put_token(j, "token", row->other_token);
    agent_json_put_u64(j, "failures", row->handoff_fails);
    agent_json_put_time(j, "next", row->handoff_wall_ms);
    agent_json_object_end(j);
}
