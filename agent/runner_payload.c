/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that wait for the bytes of their payload. */
#include <stdio.h>

#include "agent/payload.h"
#include "agent/runner_inside.h"

static bool payload_of(const struct agent_run *run, struct agent_payload_id *id)
{
    return run->has_job && run->job.payload != NULL &&
           agent_payload_id_parse(id, muster_bytes_text(run->job.payload));
}

static void payload_note(struct agent_run *run, const char *why)
{
    (void)snprintf(run->note, sizeof run->note, "payload %.12s: %s",
                   run->job.payload + sizeof AGENT_PAYLOAD_PREFIX - 1, why);
}

bool runner_awaits_payload(struct agent_core *core, struct agent_run *run)
{
    struct agent_payload_id id;
    run->awaits_payload = payload_of(run, &id) && !agent_payload_ready(core, id);
    if (!run->awaits_payload)
        return false;
    MUSTER_MARK(start_waits_for_payload);
    run->awaits_lease = false;
    payload_note(run, "it is on its way here");
    runner_changed(run, AGENT_RUN_STARTING, core->now.wall_ms);
    return true;
}

const char *runner_payload_path(struct agent_core *core, const struct agent_run *run)
{
    struct agent_payload_id id;
    return payload_of(run, &id) ? agent_payload_path(core, id) : NULL;
}

void agent_runner_payload(struct agent_core *core, struct agent_payload_id id, const char *why)
{
    struct agent_runner *r = core->runner;
    struct agent_payload_id own;
    for (uint32_t i = 0; i < r->high; i++) {
        struct agent_run *run = &r->run[i];
        if (!run->is_used || !run->awaits_payload || run->state != AGENT_RUN_STARTING ||
            !payload_of(run, &own) || !agent_payload_id_equal(own, id))
            continue;
        if (why == NULL) {
            runner_launch(core, run);
            continue;
        }
        payload_note(run, why);
        run->is_reported_due = true;
    }
}

bool agent_runner_wants(const struct agent_core *core, struct agent_payload_id id)
{
    const struct agent_runner *r = core->runner;
    struct agent_payload_id own;
    for (uint32_t i = 0; i < r->high; i++) {
        const struct agent_run *run = &r->run[i];
        if (run->is_used && run->state != AGENT_RUN_ENDED && payload_of(run, &own) &&
            agent_payload_id_equal(own, id))
            return true;
    }
    return false;
}
