/* SPDX-License-Identifier: Apache-2.0 */
/* How long a job may wait for a place, and how long it may take in all: beyond that it is dead.
 *
 * Both are counted by the wall clock from what the row says, so that every keeper comes to the same
 * end. A run that stands when its deadline comes is ended first. */
#include <stdio.h>
#include <string.h>

#include "agent/job.h"
#include "agent/newsroom.h"
#include "agent/placer_inside.h"

static bool spec_says(const struct store_row *row, const char *field)
{
    return row->spec.len > 0 && memmem(row->spec.data, row->spec.len, field, strlen(field)) != NULL;
}

/* Most rows say nothing of it: their text is not read. */
static void limits_read(struct place_entry *e, const struct store_row *row)
{
    struct agent_job job;
    struct agent_problem problem;
    if (e->limits_of == row->revision + 1)
        return;
    e->limits_of = row->revision + 1;
    e->deadline_ms = e->start_timeout_ms = AGENT_JOB_NONE;
    if ((!spec_says(row, "\"deadline\"") && !spec_says(row, "\"start_timeout\"")) ||
        agent_job_decode(&job, row->spec, &problem) != MUSTER_OK)
        return;
    e->deadline_ms = job.deadline_ms;
    e->start_timeout_ms = job.start_timeout_ms;
    agent_job_close(&job);
}

static uint64_t deadline_wall_ms(const struct place_entry *e, const struct store_row *row)
{
    uint64_t since = row->wished_wall_ms != 0 ? row->wished_wall_ms : row->created_wall_ms;
    return e->deadline_ms == AGENT_JOB_NONE ? MUSTER_NEVER
                                            : muster_deadline_after(since, e->deadline_ms);
}

/* A back-off is no waiting for a place. */
static uint64_t start_wall_ms(const struct place_entry *e, const struct store_row *row)
{
    uint64_t since =
        row->since_wall_ms > row->not_before_wall_ms ? row->since_wall_ms : row->not_before_wall_ms;
    bool waits = row->phase == STORE_WAITING && row->run_token == 0;
    return !waits || e->start_timeout_ms == AGENT_JOB_NONE
               ? MUSTER_NEVER
               : muster_deadline_after(since, e->start_timeout_ms);
}

uint64_t placer_limit_ms(const struct agent_core *core, struct place_entry *e,
                         const struct store_row *row)
{
    limits_read(e, row);
    uint64_t end = muster_deadline_sooner(deadline_wall_ms(e, row), start_wall_ms(e, row));
    uint64_t none = placer_none_ms(core, e, row);
    if (end == MUSTER_NEVER)
        return none;
    uint64_t left = end > core->now.wall_ms ? end - core->now.wall_ms : 0;
    return muster_deadline_sooner(none, core->now.mono_ms + left);
}

bool placer_is_late(const struct agent_core *core, struct place_entry *e,
                    const struct store_row *row)
{
    limits_read(e, row);
    return deadline_wall_ms(e, row) <= core->now.wall_ms;
}

static void late_text(const struct place_entry *e, const struct store_row *row,
                      char out[STORE_REASON_MAX])
{
    char span[48], how[48] = "";
    if (row->exit_signal != 0)
        (void)snprintf(how, sizeof how, "; the last try was killed by signal %d", row->exit_signal);
    else if (row->exit_code >= 0)
        (void)snprintf(how, sizeof how, "; the last try ended with exit %d", row->exit_code);
    (void)snprintf(out, STORE_REASON_MAX, "its deadline is over: not done after %s%s",
                   muster_duration_text(e->deadline_ms, span, sizeof span), how);
}

bool placer_is_overdue(struct agent_core *core, struct place_entry *e,
                       const struct store_view *view)
{
    struct store_row row = view->row;
    char text[STORE_REASON_MAX], span[48];
    limits_read(e, &row);
    if (placer_is_late(core, e, &row))
        late_text(e, &row, text);
    else if (start_wall_ms(e, &row) <= core->now.wall_ms)
        (void)snprintf(text, sizeof text, "found no place within %s (start_timeout)",
                       muster_duration_text(e->start_timeout_ms, span, sizeof span));
    else
        return false;
    row.phase = STORE_FAILED;
    row.since_wall_ms = core->now.wall_ms;
    row.reason = muster_bytes_text(text);
    if (placer_write(core, e, &row, view->version.packed, false))
        agent_news_add(core, "job.dead", NULL, e->key, 0, "%s", text);
    return true;
}
