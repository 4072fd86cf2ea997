/* SPDX-License-Identifier: Apache-2.0 */
/* Strikes: a job whose nodes keep dying soon after they have started it is dead, before it has
 * taken the whole cluster down. (R34) */
#include <stdio.h>
#include <string.h>

#include "agent/job.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

#define MOVES_MAX       5 /* when a job says nothing else */
#define MOVES_WINDOW_MS (60 * 60 * UINT64_C(1000))

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

static void bury(const struct agent_core *core, struct store_row *row,
                 const struct strike_note *note)
{
    row->phase = STORE_FAILED;
    row->since_wall_ms = core->now.wall_ms;
    row->run_node = (struct muster_id){ 0 };
    row->run_token = 0;
    row->reason = muster_bytes_text(note->text);
}

bool placer_strike(struct agent_core *core, struct store_row *row, struct strike_note *note)
{
    uint32_t max = core->config.strikes_max;
    if (max == 0 || row->strikes < max)
        return false;
    (void)snprintf(note->text, sizeof note->text,
                   "%u nodes in a row died within a minute after they had started it "
                   "(max_strikes %u); `muster dead retry` tries again",
                   row->strikes, max);
    bury(core, row, note);
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
        agent_news_add(core, "job.dead", NULL, e->key, 0, "%s", note.text);
    return true;
}

/* ---- nodes that died under it, however long it ran there (max_moves) */

static uint32_t moves_of(const struct agent_core *core, const struct store_row *row)
{
    bool is_recent = core->now.wall_ms < row->moves_wall_ms + MOVES_WINDOW_MS;
    return is_recent ? row->moves + 1 : 1;
}

/* Most rows say nothing of it: their text is not read. */
static uint32_t moves_max(const struct store_row *row)
{
    static const char field[] = "\"max_moves\"";
    struct agent_job job;
    struct agent_problem problem;
    uint32_t max = MOVES_MAX;
    if (row->spec.len == 0 ||
        memmem(row->spec.data, row->spec.len, field, sizeof field - 1) == NULL)
        return max;
    if (agent_job_decode(&job, row->spec, &problem) == MUSTER_OK) {
        max = job.max_moves;
        agent_job_close(&job);
    }
    return max;
}

bool placer_quarantine(struct agent_core *core, struct store_row *row, struct strike_note *note)
{
    uint32_t moves = moves_of(core, row), max = moves_max(row);
    if (moves == 1)
        row->moves_wall_ms = core->now.wall_ms;
    row->moves = moves;
    if (moves <= max)
        return false;
    (void)snprintf(note->text, sizeof note->text,
                   "%u of its nodes died within an hour (max_moves %u); `muster dead retry` tries "
                   "again",
                   moves, max);
    bury(core, row, note);
    return true;
}

/* Then nothing of it ran on the node that is gone. */
static bool is_in_backoff(const struct agent_core *core, const struct store_row *row)
{
    return row->not_before_wall_ms > core->now.wall_ms;
}

bool placer_is_last_straw(struct agent_core *core, const struct store_row *row)
{
    uint32_t max = core->config.strikes_max;
    return (max != 0 && placer_strikes(core, row) >= max) || moves_of(core, row) > moves_max(row);
}

void placer_lost(struct agent_core *core, const struct place_entry *e, struct store_row *row,
                 struct lost_note *note)
{
    if (is_in_backoff(core, row))
        return;
    struct agent_attempts list;
    struct agent_attempt a = { .number = placer_run_of(e)->attempt > 0 ? placer_run_of(e)->attempt
                                                                       : row->tries + 1,
                               .node = row->run_node,
                               .token = row->run_token,
                               .started_wall_ms = row->since_wall_ms,
                               .ended_wall_ms = core->now.wall_ms,
                               .code = -1,
                               .reason = muster_bytes_text("its node is gone") };
    agent_attempts_read(&list, row->attempts);
    agent_attempts_add(&list, &a);
    agent_attempts_write(&list, &note->attempts);
    row->attempts = MUSTER_BYTES(note->attempts.data, note->attempts.len);
    (void)placer_quarantine(core, row, &note->text);
}

bool placer_is_quarantined(struct agent_core *core, struct place_entry *e,
                           const struct store_view *view)
{
    struct store_row row = view->row;
    struct lost_note lost;
    if (is_in_backoff(core, &row))
        return false;
    if (moves_of(core, &row) <= moves_max(&row))
        return false;
    placer_lost(core, e, &row, &lost); /* and that it was one too many */
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "job.dead", NULL, e->key, 0, "%s", lost.text.text);
    return true;
}
