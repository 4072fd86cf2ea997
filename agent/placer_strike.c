/* SPDX-License-Identifier: Apache-2.0 */
/* Strikes: a job whose nodes keep dying soon after they have started it is held, before it has
 * taken the whole cluster down. (R34) */
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/placer_inside.h"

/* In the row is when the run was placed, so that the next keeper counts on; of a node that was
 * never seen nobody knows when it died, and a blackout is no job's fault. */
uint32_t placer_strikes(struct agent_core *core, const struct store_row *row)
{
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    if (p == NULL || p->seen_ms == 0 || p->dead_since_ms > core->now.mono_ms)
        return row->strikes;
    uint64_t died_wall_ms = core->now.wall_ms - (core->now.mono_ms - p->dead_since_ms);
    bool is_young = died_wall_ms < row->since_wall_ms + AGENT_STRIKE_MS;
    return is_young && row->phase == STORE_PLACED ? row->strikes + 1 : 0;
}

bool placer_strike(struct agent_core *core, struct store_row *row, struct strike_note *note)
{
    uint32_t max = core->config.strikes_max;
    if (max == 0 || row->strikes < max)
        return false;
    (void)snprintf(note->text, sizeof note->text,
                   "held: %u nodes in a row died within a minute after they had started it; "
                   "`muster start` tries again",
                   row->strikes);
    row->phase = STORE_HELD;
    row->since_wall_ms = core->now.wall_ms;
    row->run_node = (struct muster_id){ 0 };
    row->run_token = 0;
    row->reason = muster_bytes_text(note->text);
    return true;
}

bool placer_is_poison(struct agent_core *core, struct place_entry *e, const struct store_view *view)
{
    struct store_row row = view->row;
    struct strike_note note;
    row.strikes = placer_strikes(core, &view->row);
    if (!placer_strike(core, &row, &note))
        return false;
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "job.held", NULL, e->key, 0, "%s", note.text);
    return true;
}
