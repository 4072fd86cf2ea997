/* SPDX-License-Identifier: Apache-2.0 */
/* Strikes: a job whose nodes keep dying soon after they have started it is held, before it has
 * taken the whole cluster down. (R34) */
#include <stdio.h>
#include <string.h>

#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define STRIKE_MS 60000 /* a death later than this after the start is no fault of the job */

/* In the row is when the run was placed, so that the next keeper counts on; of a node that was
 * never seen nobody knows when it died, and a blackout is no job's fault. */
uint32_t placer_strikes(struct agent_core *core, const struct store_row *row)
{
    const struct agent_peer *p = agent_peers_find(core, row->run_node);
    if (p == NULL || p->seen_ms == 0 || p->dead_since_ms > core->now.mono_ms)
        return row->strikes;
    uint64_t died_wall_ms = core->now.wall_ms - (core->now.mono_ms - p->dead_since_ms);
    bool is_young = died_wall_ms < row->since_wall_ms + STRIKE_MS;
    return is_young && row->phase == STORE_PLACED ? row->strikes + 1 : 0;
}

bool placer_is_poison(struct agent_core *core, struct place_entry *e, const struct store_view *view)
{
    uint32_t max = core->config.strikes_max, strikes = placer_strikes(core, &view->row);
    char reason[STORE_REASON_MAX];
    if (max == 0 || strikes < max)
        return false;
    struct store_row row = view->row;
    (void)snprintf(reason, sizeof reason,
                   "held: %u nodes in a row died within a minute after they had started it; "
                   "`muster start` tries again",
                   strikes);
    row.phase = STORE_HELD;
    row.since_wall_ms = core->now.wall_ms;
    row.strikes = strikes;
    row.run_node = (struct muster_id){ 0 };
    row.run_token = 0;
    row.reason = muster_bytes_text(reason);
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "job.held", NULL, placer_find(core, row.key)->key, 0, "%s", reason);
    return true;
}
