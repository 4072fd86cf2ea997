/* SPDX-License-Identifier: Apache-2.0 */
/* What a placer says to runners: start, stop, and words on a token. */
#include <stdlib.h>

#include "agent/placer_inside.h"

void placer_token_send(struct agent_core *core, uint32_t message, struct muster_id to,
                       struct muster_bytes key, uint64_t token)
{
    struct muster_writer w = agent_frame(core);
    agent_write_token(&w, message, key, token);
    (void)agent_frame_send(core, to, &w);
}

/* The last checkpoint of a run, with the memory that holds it. */
static uint8_t *checkpoint_get(struct agent_core *core, const struct store_row *row,
                               struct muster_bytes *bytes)
{
    struct agent_left_head head;
    uint8_t *data =
        agent_placer_has_left(core, row, AGENT_LEFT_CHECKPOINT) ? malloc(AGENT_LEFT_MAX) : NULL;
    *bytes = MUSTER_BYTES(NULL, 0);
    if (data != NULL &&
        agent_placer_left_get(core, row, AGENT_LEFT_CHECKPOINT, data, AGENT_LEFT_MAX, &head))
        *bytes = MUSTER_BYTES(data, head.size);
    return data;
}

void placer_start_frame(struct agent_core *core, const struct store_row *row)
{
    struct agent_msg_start m = { .key = row->key,
                                 .token = row->run_token,
                                 .uid = row->uid,
                                 .revision = row->revision,
                                 .needs = row->needs,
                                 .failures = row->tries,
                                 .spec = row->spec,
                                 .is_exclusive = row->run_mode == STORE_EXCLUSIVE };
    uint8_t *checkpoint = checkpoint_get(core, row, &m.checkpoint);
    struct muster_writer w = agent_frame(core);
    agent_write_start(&w, &m);
    free(checkpoint);
    if (!MUSTER_RARE(start_lost))
        (void)agent_frame_send(core, row->run_node, &w);
}

void placer_start_send(struct agent_core *core, struct place_entry *e, const struct store_row *row)
{
    placer_start_frame(core, row);
    placer_run_make(core, e)->started_ms = core->now.mono_ms;
}

void placer_stop_frame(struct agent_core *core, struct muster_id to, struct muster_bytes key,
                       uint64_t token, const char *why)
{
    struct muster_writer w = agent_frame(core);
    agent_write_stop(&w, key, token, muster_bytes_text(why));
    (void)agent_frame_send(core, to, &w);
}
