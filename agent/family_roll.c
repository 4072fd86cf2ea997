/* SPDX-License-Identifier: Apache-2.0 */
/* A change of a job that runs in copies: one copy after the other, each when the one before it is
 * ready. What goes wrong with a changed copy stops the change there, and the others stay as they
 * are. */
#include <stdio.h>
#include <string.h>

#include "agent/family_inside.h"
#include "agent/peers.h"
#include "agent/placer.h"

bool family_begins(const struct store_row *job, const struct store_row *copy)
{
    return copy->modified_wall_ms != job->since_wall_ms;
}

static bool has_place(const struct store_row *copy)
{
    return copy->run_token != 0 || copy->phase == STORE_PLACED;
}

static bool is_ready(const struct agent_core *core, const struct store_row *copy)
{
    struct agent_report report;
    return copy->phase == STORE_PLACED && agent_placer_report(core, copy->key, &report) &&
           report.is_heard && report.state == AGENT_RUN_RUNNING;
}

/* A node that is away does not hold up the others. */
static bool is_away(struct agent_core *core, const struct store_row *copy)
{
    const struct agent_peer *own = agent_family_node(core, copy->key);
    bool is_share = agent_run_name_read(copy->key).node.len > 0;
    return is_share && (own == NULL || !agent_peer_is_alive(own));
}

/* It was changed, and the next one waits for it. One that had no place before it was changed keeps
 * nobody waiting for a place now. */
static bool blocks(struct agent_core *core, const struct store_row *job,
                   const struct store_row *copy)
{
    if (family_begins(job, copy) || copy->skipped != 0 || is_away(core, copy))
        return false;
    switch (copy->phase) {
    case STORE_WAITING:
        return copy->run_token != 0 || copy->ticks != 0;
    case STORE_PLACED:
        return !is_ready(core, copy);
    case STORE_FAILED:
        return true;
    case STORE_DONE:
    case STORE_HELD:
    case STORE_GONE:
        break;
    }
    return false;
}

struct family_turn family_turn(struct agent_core *core, const struct store_row *job)
{
    struct family_turn turn = { 0 };
    struct store_view copy;
    struct muster_bytes after = { NULL, 0 };
    bool is_next_ready = true;
    while (family_child_after(core, job->key, after, &copy)) {
        const struct store_row *row = &copy.row;
        bool is_old = family_begins(job, row) && has_place(row);
        after = row->key;
        if (agent_run_name_read(row->key).tick_wall_ms != 0)
            continue;
        turn.old += is_old;
        turn.all++;
        if (turn.blocker[0] == '\0' && blocks(core, job, row))
            (void)snprintf(turn.blocker, sizeof turn.blocker, "%.*s", (int)row->key.len,
                           (const char *)row->key.data);
        if (!is_old || !is_next_ready)
            continue;
        bool is_now_ready = is_ready(core, row);
        if (turn.next[0] == '\0' || !is_now_ready)
            (void)snprintf(turn.next, sizeof turn.next, "%.*s", (int)row->key.len,
                           (const char *)row->key.data);
        is_next_ready = is_now_ready;
    }
    return turn;
}

bool family_may_begin(const struct family_turn *turn, const struct store_row *job,
                      const struct store_row *copy)
{
    if (!family_begins(job, copy) || job->want != STORE_WANT_RUN || !has_place(copy))
        return true;
    return turn->blocker[0] == '\0' && muster_bytes_equal(muster_bytes_text(turn->next), copy->key);
}

/* What is wrong with the copy that the others wait for. */
static void blocker_text(struct agent_core *core, struct muster_bytes key, char *out, size_t size)
{
    struct store_view view;
    struct agent_report report = { .note = "" };
    bool is_known = store_get(core->store, key, &view);
    bool is_told = agent_placer_report(core, key, &report) && report.is_heard;
    if (is_known && view.row.phase == STORE_FAILED)
        (void)snprintf(out, size, "has given up: %.*s", (int)view.row.reason.len,
                       (const char *)view.row.reason.data);
    else if (is_known && view.row.phase == STORE_WAITING && view.row.tries > 0)
        (void)snprintf(out, size, "has failed: %.*s", (int)view.row.reason.len,
                       (const char *)view.row.reason.data);
    else if (is_known && view.row.phase == STORE_WAITING && view.row.run_token == 0)
        (void)snprintf(out, size, "has no place; `muster why %.*s` says why", (int)key.len,
                       (const char *)key.data);
    else if (is_told && report.state == AGENT_RUN_BACKOFF)
        (void)snprintf(out, size, "has failed: %s", report.note);
    else
        (void)snprintf(out, size, "is not ready yet");
}

bool family_roll_text(struct agent_core *core, const struct store_row *job, char *out, size_t size)
{
    char what[160];
    struct family_turn turn = family_turn(core, job);
    if (turn.old == 0 || job->want != STORE_WANT_RUN)
        return false;
    blocker_text(core, muster_bytes_text(turn.blocker), what, sizeof what);
    if (turn.blocker[0] != '\0')
        (void)snprintf(out, size, "%u of %u copies are changed; the others wait for %s, which %s",
                       turn.all - turn.old, turn.all, turn.blocker, what);
    else
        (void)snprintf(out, size, "%u of %u copies are changed", turn.all - turn.old, turn.all);
    return true;
}
