/* SPDX-License-Identifier: Apache-2.0 */
/* What a run leaves, on its way to the keeper: told again until it is stored, and no end is told
 * before that. */
#include <stdlib.h>
#include <string.h>

#include "agent/runner_inside.h"

#define LEFT_EVERY_MS  5000 /* between two writings of one thing while the run lives */
#define LEFT_REPEAT_MS 1000
#define LEFT_LAST_MS   5000 /* after its end a run waits no longer for them to be stored */
#define OUTPUTS_MAX    64   /* outputs of runs that go on, kept here until they are stored */

void runner_left_free(struct agent_run *run)
{
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++)
        free(run->left[kind].data);
    free(run->before);
}

static void left_send(struct agent_core *core, struct agent_run *run, enum agent_left kind)
{
    struct run_left *l = &run->left[kind];
    struct agent_msg_left m = { .key = runner_key(run),
                                .token = run->token,
                                .attempt = l->attempt,
                                .kind = kind,
                                .number = l->number,
                                .wall_ms = l->wall_ms,
                                .bytes = MUSTER_BYTES(l->data, l->len) };
    struct muster_writer w = agent_frame(core);
    agent_write_left(&w, &m);
    l->sent_ms = core->now.mono_ms;
    l->sent_number = l->number;
    (void)agent_frame_send(core, run->keeper, &w);
}

static uint64_t left_due_ms(const struct agent_run *run, const struct run_left *l)
{
    bool is_output = l == &run->left[AGENT_LEFT_OUTPUT];
    bool goes_on = run->is_live || run->state == AGENT_RUN_BACKOFF;
    if (!l->is_due || (is_output && !goes_on))
        return MUSTER_NEVER; /* the last of its output goes with its end */
    if (l->sent_ms == 0)
        return 0;
    bool is_again = l->sent_number == l->number;
    bool is_paced = run->is_live || is_output;
    return l->sent_ms + (is_again ? LEFT_REPEAT_MS : is_paced ? LEFT_EVERY_MS : 0);
}

uint64_t runner_left_tick(struct agent_core *core, struct agent_run *run)
{
    uint64_t next = MUSTER_NEVER;
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++) {
        struct run_left *l = &run->left[kind];
        if (l->is_due && muster_deadline_reached(left_due_ms(run, l), core->now.mono_ms))
            left_send(core, run, (enum agent_left)kind);
        next = muster_deadline_sooner(next, left_due_ms(run, l));
    }
    return next;
}

/* Nobody stores them: no more is kept of what will be told again. */
static bool is_output_too_many(const struct agent_core *core, const struct agent_guard_event *g)
{
    const struct agent_runner *r = core->runner;
    uint32_t due = 0;
    for (uint32_t i = 0; i < r->high && g->news == AGENT_GUARD_LEFT; i++)
        due += r->run[i].is_used && r->run[i].left[AGENT_LEFT_OUTPUT].is_due;
    return due >= OUTPUTS_MAX;
}

void runner_left_take(struct agent_core *core, struct agent_run *run,
                      const struct agent_guard_event *g)
{
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++) {
        const struct agent_left_bytes *fresh = &g->left[kind];
        struct run_left *l = &run->left[kind];
        if (kind == AGENT_LEFT_OUTPUT && fresh->data != NULL && is_output_too_many(core, g))
            continue;
        bool is_same = l->data != NULL && l->len == fresh->len && l->attempt == g->attempt &&
                       (fresh->len == 0 || memcmp(l->data, fresh->data, fresh->len) == 0);
        uint8_t *data = fresh->data != NULL && fresh->len <= AGENT_LEFT_MAX && !is_same
                            ? malloc(fresh->len + 1)
                            : NULL;
        if (data == NULL)
            continue;
        memcpy(data, fresh->data, fresh->len);
        free(l->data);
        l->data = data;
        l->len = fresh->len;
        l->attempt = g->attempt;
        l->wall_ms = core->now.wall_ms;
        l->number = l->number < core->now.wall_ms ? core->now.wall_ms : l->number + 1;
        l->is_due = true;
        core->runner->deadline_ms = core->now.mono_ms;
    }
    run->ended_ms = core->now.mono_ms;
}

/* The end of its output goes out with the end and in front of it: nobody has to wait for that. */
void runner_left_last(struct agent_core *core, struct agent_run *run)
{
    if (run->left[AGENT_LEFT_OUTPUT].is_due)
        left_send(core, run, AGENT_LEFT_OUTPUT);
}

bool runner_left_is_open(const struct agent_core *core, const struct agent_run *run)
{
    bool is_open = false;
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++)
        is_open = is_open || (run->left[kind].is_due && kind != AGENT_LEFT_OUTPUT);
    return is_open && core->now.mono_ms < run->ended_ms + LEFT_LAST_MS;
}

void agent_runner_left_ok(struct agent_core *core, struct muster_reader *r)
{
    struct muster_bytes key = muster_read_bytes(r, STORE_KEY_MAX);
    uint64_t token = muster_read_u64(r);
    uint32_t kind = muster_read_u32(r);
    uint64_t number = muster_read_u64(r);
    struct agent_run *run = muster_reader_ok(r) ? runner_find(core, key) : NULL;
    if (run == NULL || run->token != token || kind >= AGENT_LEFT_KINDS ||
        run->left[kind].number != number)
        return;
    run->left[kind].is_due = false;
    if (kind == AGENT_LEFT_OUTPUT) {
        free(run->left[kind].data);
        run->left[kind].data = NULL;
        return;
    }
    if (runner_left_is_open(core, run))
        return;
    if (run->awaits_left)
        runner_end_stopped(core, run);
    else if (run->state == AGENT_RUN_ENDED)
        run->is_reported_due = true;
}

/* ---- the checkpoint of an earlier attempt */

void runner_before_take(struct agent_run *run, struct muster_bytes bytes)
{
    uint8_t *data =
        bytes.data != NULL && bytes.len <= AGENT_LEFT_MAX ? malloc(bytes.len + 1) : NULL;
    if (data == NULL)
        return;
    memcpy(data, bytes.data, bytes.len);
    free(run->before);
    run->before = data;
    run->before_len = bytes.len;
}

/* What this run has left itself is newer than what it began with. */
struct agent_left_bytes runner_before(const struct agent_run *run)
{
    const struct run_left *own = &run->left[AGENT_LEFT_CHECKPOINT];
    if (own->data != NULL)
        return (struct agent_left_bytes){ own->data, own->len };
    return (struct agent_left_bytes){ run->before, run->before_len };
}
