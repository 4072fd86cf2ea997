/* SPDX-License-Identifier: Apache-2.0 */
/* Triggered runs at the keeper of their name: made once, and told of. */
#include <stdlib.h>
#include <string.h>

#include "agent/describe.h"
#include "agent/job.h"
#include "agent/serve_inside.h"
#include "agent/template.h"
#include "agent/triggered.h"

/* Two keys that make one id are not the same key. */
static bool is_same_key(struct muster_bytes a, struct muster_bytes b)
{
    struct agent_job one, other;
    struct agent_problem problem;
    bool is_same = false;
    if (agent_job_decode(&one, a, &problem) != MUSTER_OK)
        return false;
    if (agent_job_decode(&other, b, &problem) == MUSTER_OK) {
        is_same = (one.key == NULL && other.key == NULL) ||
                  (one.key != NULL && other.key != NULL && strcmp(one.key, other.key) == 0);
        agent_job_close(&other);
    }
    agent_job_close(&one);
    return is_same;
}

enum serve_outcome serve_make(struct agent_core *core, struct served *s,
                              const struct store_view *view, bool alive, struct serve_change *c)
{
    struct serve_ask ask = serve_ask_of(s);
    if (alive && view->row.parent_uid < s->q.after_index) {
        serve_error(core, &ask, MUSTER_EBUSY, NULL,
                    "%s is a run of a job that was removed, and goes with it; try again", s->name);
        return SERVE_ANSWERED;
    }
    if (alive && !is_same_key(view->row.spec, s->q.spec)) {
        serve_error(core, &ask, MUSTER_ECONFLICT, "key", "%s was made for another key", s->name);
        return SERVE_ANSWERED;
    }
    if (alive)
        return SERVE_SAME;
    s->created = s->changed = true;
    c->births = true;
    c->news = "run.triggered";
    store_row_fresh(&c->row, s->name, core->now.wall_ms);
    c->row.parent_uid = s->q.after_index;
    return serve_spec_apply(core, s, &c->row) ? SERVE_WRITE : SERVE_ANSWERED;
}

/* [already there, copies, state, the run as JSON or nil]; one of many is told in brief. */
void serve_made(struct agent_core *core, struct served *s, const struct store_view *view,
                uint32_t copies)
{
    struct serve_ask ask = serve_ask_of(s);
    struct agent_picture p;
    struct muster_text text;
    struct agent_json j;
    uint8_t *buffer = malloc(STORE_ROW_MAX);
    struct muster_writer w = muster_writer_over(buffer, buffer != NULL ? STORE_ROW_MAX : 0);
    agent_picture(core, view, &p);
    muster_text_open(&text, STORE_ROW_MAX / 2);
    muster_write_array(&w, 4);
    muster_write_bool(&w, !s->created && !serve_is_repeated(core, &view->row, &s->q));
    muster_write_u64(&w, copies);
    muster_write_text(&w, agent_state_text(p.state));
    if (s->q.limit > 1) {
        muster_write_nil(&w);
    } else {
        agent_json_open(&j, &text);
        agent_describe_run(core, &j, &p);
        muster_write_bytes(&w, muster_text_bytes(&text));
    }
    serve_body(core, &ask, muster_writer_bytes(&w));
    muster_text_close(&text);
    free(buffer);
}

void serve_template(struct agent_core *core, const struct serve_ask *ask,
                    const struct store_row *row)
{
    if (!agent_is_self(core, ask->from))
        agent_triggered_asked(core, row->key);
    uint8_t *buffer = malloc(STORE_ROW_MAX);
    struct muster_writer w = muster_writer_over(buffer, buffer != NULL ? STORE_ROW_MAX : 0);
    agent_template_write(&w, row);
    serve_body(core, ask, muster_writer_bytes(&w));
    free(buffer);
}
