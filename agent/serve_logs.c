/* SPDX-License-Identifier: Apache-2.0 */
/* Output of runs, read here for whoever asks. */
#include "agent/serve_inside.h"

/* Phase one of logs: who ran it last? Phase two, at that node: the stream itself. */
void serve_logs(struct agent_core *core, const struct serve_ask *ask)
{
    struct agent_serve *t = core->serve;
    if (ask->is_local) {
        serve_list(core, ask);
        return;
    }
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        if (t->reader[i].read != 0)
            continue;
        t->reader[i] = (struct serve_reader){ agent_number(core), ask->number, ask->from };
        struct agent_logs *l = agent_out_take(&core->out, sizeof *l);
        *l = (struct agent_logs){ .job = agent_out_text(&core->out, ask->q->name),
                                  .attempt = ask->q->attempt,
                                  .offset = ask->q->offset,
                                  .lines = ask->q->lines,
                                  .want_stdout = ask->q->want_stdout,
                                  .want_stderr = ask->q->want_stderr,
                                  .follow = ask->q->follow,
                                  .as_text = ask->q->as_text };
        struct agent_effect *e = agent_out_add(&core->out, AGENT_EFFECT_LOGS);
        e->number = t->reader[i].read;
        e->logs = l;
        return;
    }
    serve_error(core, ask, MUSTER_EBUSY, NULL, "too many log readers on this node");
}

void agent_serve_logs(struct agent_core *core, const struct agent_event *event)
{
    struct agent_serve *t = core->serve;
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        struct serve_reader *l = &t->reader[i];
        if (l->read == 0 || l->read != event->number)
            continue;
        struct serve_ask ask = { l->from, l->number, false, NULL };
        if (event->bytes.len > 0) {
            struct muster_writer w = agent_frame(core);
            agent_write_head(&w, AGENT_MSG_CHUNK, 3);
            muster_write_u64(&w, l->number);
            muster_write_bytes(&w, event->bytes);
            (void)agent_frame_send(core, l->from, &w);
        }
        if (!event->ended)
            return;
        if (event->err != MUSTER_OK)
            serve_error(core, &ask, event->err, NULL, "its output cannot be read: %s",
                        muster_err_text(event->err));
        else
            serve_body(core, &ask, MUSTER_BYTES(NULL, 0));
        l->read = 0;
        return;
    }
}

void agent_serve_cancel(struct agent_core *core, struct muster_id from, struct muster_reader *r)
{
    struct agent_serve *t = core->serve;
    uint64_t number = muster_read_u64(r);
    for (size_t i = 0; i < SERVE_READERS_MAX; i++) {
        struct serve_reader *l = &t->reader[i];
        if (l->read == 0 || l->number != number || !muster_id_equal(l->from, from))
            continue;
        agent_out_add(&core->out, AGENT_EFFECT_LOGS_CANCEL)->number = l->read;
        l->read = 0;
    }
}
