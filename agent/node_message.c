/* SPDX-License-Identifier: Apache-2.0 */
/* What other nodes say, and whose it is. */
#include "agent/holds.h"
#include "agent/lost.h"
#include "agent/newsroom.h"
#include "agent/node_inside.h"
#include "agent/payload.h"
#include "agent/permit.h"
#include "agent/placer.h"
#include "agent/relay.h"
#include "agent/requests.h"
#include "agent/runner.h"
#include "agent/serve.h"
#include "agent/triggered.h"

struct message_rule {
    uint32_t message;
    void (*from)(struct agent_core *core, struct muster_id from, struct muster_reader *r);
    void (*plain)(struct agent_core *core, struct muster_reader *r);
};

static const struct message_rule messages[] = {
    { AGENT_MSG_OFFER, agent_runner_offer, NULL },
    { AGENT_MSG_ROOM, agent_placer_room, NULL },
    { AGENT_MSG_START, agent_runner_start, NULL },
    { AGENT_MSG_HOLD, agent_placer_hold, NULL },
    { AGENT_MSG_HOLD_OK, agent_runner_hold_ok, NULL },
    { AGENT_MSG_DROP, NULL, agent_runner_drop },
    { AGENT_MSG_STOP, agent_runner_stop, NULL },
    { AGENT_MSG_GONE, agent_placer_gone, NULL },
    { AGENT_MSG_DONE, agent_placer_done, NULL },
    { AGENT_MSG_DONE_OK, NULL, agent_runner_done_ok },
    { AGENT_MSG_TRY, agent_runner_try, NULL },
    { AGENT_MSG_PAST, agent_placer_past, NULL },
    { AGENT_MSG_TICKET, agent_runner_ticket, NULL },
    { AGENT_MSG_INVITE, agent_placer_invited, NULL },
    { AGENT_MSG_LEFT, agent_placer_left, NULL },
    { AGENT_MSG_LEFT_OK, NULL, agent_runner_left_ok },
    { AGENT_MSG_SIGNAL, NULL, agent_runner_signal },
    { AGENT_MSG_PAST_OK, NULL, agent_runner_past_ok },
    { AGENT_MSG_PERMIT_ASK, agent_permit_asked, NULL },
    { AGENT_MSG_PERMIT_SAY, NULL, agent_placer_permit_said },
    { AGENT_MSG_PERMIT_LOOK, agent_permit_looked, NULL },
    { AGENT_MSG_PERMIT_CHECK, NULL, agent_placer_permit_check },
    { AGENT_MSG_PERMIT_CHECKED, agent_permit_checked, NULL },
    { AGENT_MSG_PAYLOAD_KEEP, agent_payload_keep_got, NULL },
    { AGENT_MSG_PAYLOAD_KEPT, agent_payload_kept_got, NULL },
    { AGENT_MSG_PAYLOAD_READ, agent_payload_read_got, NULL },
    { AGENT_MSG_PAYLOAD_PART, agent_payload_part_got, NULL },
    { AGENT_MSG_TEMPLATE, NULL, agent_triggered_changed },
    { AGENT_MSG_FORETOLD, NULL, agent_runner_foretold },
    { AGENT_MSG_RELAY, agent_relay_pass, NULL },
    { AGENT_MSG_RELAYED, agent_relay_got, NULL },
    { AGENT_MSG_LOAD, agent_placer_load, NULL },
    { AGENT_MSG_OP, agent_serve_op, NULL },
    { AGENT_MSG_OP_OK, agent_requests_reply, NULL },
    { AGENT_MSG_CHUNK, NULL, agent_requests_chunk },
    { AGENT_MSG_CANCEL, agent_serve_cancel, NULL },
    { AGENT_MSG_NEWS, NULL, agent_news_got },
    { AGENT_MSG_HOLDS, NULL, agent_holds_got },
};

void node_message(struct agent_core *core, struct muster_id from, uint32_t message,
                  struct muster_reader *r)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].message != message)
            continue;
        if (messages[i].from != NULL)
            messages[i].from(core, from, r);
        else
            messages[i].plain(core, r);
        return;
    }
    if (message == AGENT_MSG_WATCH)
        agent_news_watch_got(core, from);
    else if (message == AGENT_MSG_LOST)
        node_lost_got(core, from, r);
    else if (message == AGENT_MSG_COPY)
        node_copy_got(core, from, r);
    else
        core->counters.frames_bad++;
}
