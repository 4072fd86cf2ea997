/* SPDX-License-Identifier: Apache-2.0 */
/* The specification that is asked for: what of a row follows from it, and whether what runs may go
 * on under it. */
#include "agent/family.h"
#include "agent/job.h"
#include "agent/payload.h"
#include "agent/serve_inside.h"

bool serve_same_process(struct muster_bytes a, struct muster_bytes b)
{
    struct agent_job job[2];
    struct agent_problem problem;
    struct muster_text text[2];
    bool same = false;
    if (agent_job_decode(&job[0], a, &problem) != MUSTER_OK)
        return false;
    if (agent_job_decode(&job[1], b, &problem) == MUSTER_OK) {
        for (int i = 0; i < 2; i++) {
            job[i].description = NULL;
            job[i].labels_count = 0;
            job[i].priority = 50;
            job[i].on = job[i].prefer = job[i].spread_by = job[i].apart =
                NULL; /* a run that is placed stays where it is */
            job[i].move = AGENT_JOB_MOVE_LAZY;
            job[i].handoff = AGENT_JOB_STOP_START;
            job[i].if_none = AGENT_JOB_NONE_WAITS;
            job[i].max_running = job[i].max_running != 0; /* of the same group as before */
            job[i].spread = job[i].spread != 1 ? 2 : 1;   /* how many is no change of what runs */
            muster_text_open(&text[i], AGENT_JOB_TEXT_MAX);
            agent_job_canonical(&job[i], &text[i]);
        }
        same = muster_bytes_equal(muster_text_bytes(&text[0]), muster_text_bytes(&text[1]));
        muster_text_close(&text[0]);
        muster_text_close(&text[1]);
        agent_job_close(&job[1]);
    }
    agent_job_close(&job[0]);
    return same;
}

static void payload_name(struct agent_core *core, const struct agent_job *job)
{
    struct agent_payload_id id;
    if (job->payload != NULL && agent_payload_id_parse(&id, muster_bytes_text(job->payload)))
        agent_payload_is_named(core, id);
}

bool serve_spec_apply(struct agent_core *core, struct served *s, struct store_row *row)
{
    struct agent_job job;
    struct agent_problem problem;
    char circle[256];
    struct serve_ask ask = serve_ask_of(s);
    int err = agent_job_decode(&job, s->q.spec, &problem);
    if (err != MUSTER_OK) {
        serve_error(core, &ask, err, problem.field, "%s", problem.message);
        return false;
    }
    if (job.after != NULL && agent_family_circle(core, &job, circle, sizeof circle)) {
        serve_error(core, &ask, MUSTER_EINVAL, "after", "it would wait for itself: %s", circle);
        agent_job_close(&job);
        return false;
    }
    row->spec = s->q.spec;
    row->kind = agent_job_has_runs(&job) ? STORE_KIND_PARENT
                : agent_job_ends(&job)   ? STORE_KIND_TASK
                                         : STORE_KIND_SERVICE;
    row->mode = job.partition == AGENT_JOB_EXCLUSIVE ? STORE_EXCLUSIVE : STORE_AVAILABLE;
    row->priority = (uint8_t)job.priority;
    row->needs = (uint16_t)job.slots;
    row->is_light = !job.durable && row->kind == STORE_KIND_TASK;
    row->revision++;
    row->modified_wall_ms = core->now.wall_ms;
    payload_name(core, &job);
    agent_job_close(&job);
    return true;
}
