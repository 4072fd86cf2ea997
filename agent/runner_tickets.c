/* SPDX-License-Identifier: Apache-2.0 */
/* Free slots and who waits for them: invitations in turn, whoever keeps the run. (R35) */
#include "agent/runner_inside.h"

#define INVITES_MAX 64 /* in one step */

void agent_runner_ticket(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t rank = muster_read_u64(r);
    uint32_t needs = muster_read_u32(r);
    if (muster_reader_ok(r) && needs == 0)
        agent_tickets_remove(&core->runner->tickets, key); /* taken back */
    else if (muster_reader_ok(r))
        agent_tickets_put(&core->runner->tickets, core->now.mono_ms, key, from, rank, needs);
}

bool runner_is_out_of_turn(struct agent_core *core, struct muster_bytes key, uint64_t rank,
                           uint32_t needs)
{
    return agent_tickets_precede(&core->runner->tickets, core->now.mono_ms, runner_room(core), key,
                                 rank, needs);
}

void runner_ticket_again(struct agent_core *core, struct muster_bytes key)
{
    agent_tickets_again(&core->runner->tickets, key);
}

void runner_ticket_used(struct agent_core *core, struct muster_bytes key)
{
    agent_tickets_remove(&core->runner->tickets, key);
}

void runner_invite(struct agent_core *core)
{
    struct agent_tickets *t = &core->runner->tickets;
    uint32_t room = t->count > 0 && !core->config.held ? runner_room(core) : 0;
    uint32_t expected = room > 0 ? agent_tickets_invited(t, core->now.mono_ms) : 0;
    room = room > expected ? room - expected : 0;
    for (uint32_t i = 0; i < INVITES_MAX && room > 0; i++) {
        struct agent_ticket *best = agent_tickets_best(t, core->now.mono_ms, room);
        if (best == NULL)
            return;
        best->invited_ms = core->now.mono_ms;
        room -= best->needs;
        struct muster_writer w = agent_frame(core);
        agent_write_head(&w, AGENT_MSG_INVITE, 2);
        muster_write_text(&w, best->key);
        (void)agent_frame_send(core, best->keeper, &w);
    }
}
