/* SPDX-License-Identifier: Apache-2.0 */
/* What a person does with a job that is there: hold it, release it, move its run. */
#include <stdio.h>
#include <string.h>

#include "agent/peers.h"
#include "agent/place.h"
#include "agent/placer.h"
#include "agent/run_name.h"
#include "agent/serve_inside.h"

static enum serve_outcome hold(struct agent_core *core, const struct serve_ask *ask,
                               struct serve_change *c)
{
    struct store_row *row = &c->row;
    if (row->want == STORE_WANT_STOP) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL,
                    "%s was stopped by a person, so there is nothing to hold", ask->q->name);
        return SERVE_ANSWERED;
    }
    if (row->want == STORE_WANT_HOLD || row->phase == STORE_DONE || row->phase == STORE_FAILED)
        return SERVE_SAME;
    bool is_only_moved = row->phase == STORE_WAITING && row->run_token != 0 &&
                         muster_id_equal(row->avoid, row->run_node) &&
                         agent_placer_hands_over(core, row);
    if (is_only_moved)
        row->phase = STORE_PLACED; /* nothing has been stopped: it stays */
    row->want = STORE_WANT_HOLD;
    c->news = "job.held";
    if (row->phase == STORE_PLACED || row->kind == STORE_KIND_PARENT)
        return SERVE_WRITE;
    row->phase = STORE_HELD;
    row->since_wall_ms = core->now.wall_ms;
    row->reason = muster_bytes_text("held by a person");
    return SERVE_WRITE;
}

void serve_ticks_pass(struct agent_core *core, struct store_row *row)
{
    uint64_t wall_ms = agent_wall_ms(core);
    if (wall_ms > row->tick_wall_ms)
        row->tick_wall_ms = wall_ms;
}

static enum serve_outcome release(struct agent_core *core, const struct serve_ask *ask,
                                  struct serve_change *c)
{
    struct store_row *row = &c->row;
    if (row->want == STORE_WANT_STOP) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL,
                    "%s was stopped, not held; `muster start` starts it again", ask->q->name);
        return SERVE_ANSWERED;
    }
    bool is_family = row->kind == STORE_KIND_PARENT;
    if (row->want == STORE_WANT_RUN && (row->phase != STORE_HELD || is_family))
        return SERVE_SAME;
    row->want = STORE_WANT_RUN;
    c->news = "job.released";
    if (is_family)
        serve_ticks_pass(core, row);
    else if (row->phase == STORE_HELD)
        store_row_again(row, core->now.wall_ms);
    return SERVE_WRITE;
}

/* Where it is to go, if that can be: NULL with the refusal said. */
static const struct agent_peer *target(struct agent_core *core, const struct serve_ask *ask,
                                       const struct store_row *row)
{
    char why[160];
    const struct agent_peer *p = agent_peers_by_name(core, ask->q->node);
    if (p == NULL) {
        serve_error(core, ask, MUSTER_ENOTFOUND, "node",
                    "no node named %s; `muster members` lists them", ask->q->node);
        return NULL;
    }
    if (muster_id_equal(p->id, row->run_node) ||
        agent_placer_may_have(core, row, p, why, sizeof why))
        return p;
    serve_error(core, ask, MUSTER_ECONFLICT, "node", "%s cannot have %s: %s", p->name, ask->q->name,
                why);
    return NULL;
}

/* Stop first, then start elsewhere (R32). What is running stays until it is sure that somebody has
 * room; who that will be is decided when it has ended. */
static enum serve_outcome move(struct agent_core *core, const struct serve_ask *ask,
                               struct serve_change *c)
{
    struct store_row *row = &c->row;
    char text[160];
    const struct agent_peer *to = NULL;
    if (store_row_has_heir(row)) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL,
                    "%s is being handed over to %s at this moment; `muster why %s` says how far it "
                    "has come",
                    ask->q->name, agent_node_name(core, row->other_node), ask->q->name);
        return SERVE_ANSWERED;
    }
    const char *fault = row->want != STORE_WANT_RUN || row->phase != STORE_PLACED
                            ? "it is placed nowhere"
                        : row->kind != STORE_KIND_SERVICE ? "a task that runs never moves"
                                                          : NULL;
    if (fault != NULL) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL, "%s: %s", ask->q->name, fault);
        return SERVE_ANSWERED;
    }
    if (ask->q->node != NULL && ask->q->node[0] != '\0') {
        to = target(core, ask, row);
        if (to == NULL)
            return SERVE_ANSWERED;
        if (muster_id_equal(to->id, row->run_node))
            return SERVE_SAME;
    } else if (!agent_placer_may_have(core, row, NULL, text, sizeof text)) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL, "%s: %s", ask->q->name, text);
        return SERVE_ANSWERED;
    }
    agent_placer_move_to(core, row->key, to != NULL ? to->id : (struct muster_id){ 0 });
    row->phase = STORE_WAITING;
    row->since_wall_ms = core->now.wall_ms;
    row->avoid = row->run_node;
    row->reason = muster_bytes_text("a person moves it");
    c->news = "job.moved";
    return SERVE_WRITE;
}

/* ---- one of the copies of a job */

static void refuse_parent(struct agent_core *core, const struct serve_ask *ask,
                          const struct agent_run_name *name, const char *is_what)
{
    serve_error(core, ask, MUSTER_ECONFLICT, NULL, "%s is a copy of %.*s, which is %s: %s that",
                ask->q->name, (int)name->job.len, (const char *)name->job.data, is_what,
                strcmp(is_what, "held") == 0 ? "release" : "start");
}

/* What a person wants of one copy stands until they start or release it, or the job is started,
 * restarted or changed. */
enum serve_outcome serve_copy(struct agent_core *core, const struct serve_ask *ask,
                              struct serve_change *c)
{
    struct agent_run_name name = agent_run_name_read(c->row.key);
    struct store_view job;
    enum agent_op op = ask->q->op;
    bool is_copy = (name.index != 0 || name.node.len > 0) && name.tick_wall_ms == 0;
    if (!is_copy)
        return SERVE_SAME;
    if (op == AGENT_OP_JOB_DELETE || op == AGENT_OP_JOB_PUT) {
        serve_error(
            core, ask, MUSTER_EINVAL, "name",
            "%s is a copy of %.*s: `muster stop` stops it, `spread` says how many there are",
            ask->q->name, (int)name.job.len, (const char *)name.job.data);
        return SERVE_ANSWERED;
    }
    if (op == AGENT_OP_JOB_MOVE && name.node.len > 0) {
        serve_error(core, ask, MUSTER_ECONFLICT, NULL,
                    "%s is the share of %.*s, and has no other place", ask->q->name,
                    (int)name.node.len, (const char *)name.node.data);
        return SERVE_ANSWERED;
    }
    bool starts =
        op == AGENT_OP_JOB_START || op == AGENT_OP_JOB_RESTART || op == AGENT_OP_JOB_RELEASE;
    bool is_known = store_get(core->store, name.job, &job);
    if (starts && is_known && job.row.want != STORE_WANT_RUN) {
        refuse_parent(core, ask, &name, job.row.want == STORE_WANT_HOLD ? "held" : "stopped");
        return SERVE_ANSWERED;
    }
    if (op == AGENT_OP_JOB_STOP || op == AGENT_OP_JOB_HOLD)
        c->row.skipped = 1;
    else if (starts)
        c->row.skipped = 0;
    return SERVE_SAME;
}

enum serve_outcome serve_hold(struct agent_core *core, const struct serve_ask *ask,
                              struct serve_change *c)
{
    if (ask->q->op == AGENT_OP_JOB_HOLD)
        return hold(core, ask, c);
    if (ask->q->op == AGENT_OP_JOB_RELEASE)
        return release(core, ask, c);
    return move(core, ask, c);
}
