/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of templates between nodes, and what becomes of their runs. */
#include "agent/template.h"

#include "agent/job.h"
#include "agent/run_id.h"
#include "agent/run_name.h"

/* ---- notation */

static void part_write(struct muster_writer *w, bool has, struct muster_bytes bytes)
{
    if (has)
        muster_write_bytes(w, bytes);
    else
        muster_write_nil(w);
}

static bool part_read(struct muster_reader *r, size_t max, struct muster_bytes *bytes)
{
    *bytes = MUSTER_BYTES(NULL, 0);
    if (muster_read_is_nil(r))
        return false;
    *bytes = muster_read_bytes(r, max);
    return true;
}

void agent_trigger_item_write(struct muster_writer *w, const struct agent_trigger_item *item)
{
    part_write(w, item->has_arg, item->arg);
    part_write(w, item->has_key, item->key);
}

bool agent_trigger_item_read(struct muster_reader *r, struct agent_trigger_item *item)
{
    if (muster_reader_left(r) == 0)
        return false;
    item->has_arg = part_read(r, AGENT_JOB_ARG_MAX, &item->arg);
    item->has_key = part_read(r, AGENT_KEY_MAX, &item->key);
    return muster_reader_ok(r);
}

void agent_template_write(struct muster_writer *w, const struct store_row *row)
{
    muster_write_array(w, 3);
    muster_write_u64(w, row->uid);
    muster_write_u64(w, row->want);
    muster_write_bytes(w, row->spec);
}

bool agent_template_read(struct agent_template *t, struct muster_bytes wire)
{
    struct muster_reader r = muster_reader_over(wire);
    muster_read_array_of(&r, 3);
    t->uid = muster_read_u64(&r);
    uint8_t want = muster_read_u8(&r);
    t->spec = muster_read_bytes(&r, STORE_ROW_MAX);
    t->want = want <= STORE_WANT_HOLD ? (enum store_want)want : STORE_WANT_HOLD;
    return muster_reader_end(&r) == MUSTER_OK;
}

/* ---- what becomes of one */

bool agent_template_is_over(const struct store_row *row)
{
    bool is_stopped = row->phase == STORE_HELD && row->want == STORE_WANT_STOP;
    return row->run_token == 0 &&
           (row->phase == STORE_DONE || row->phase == STORE_FAILED || is_stopped);
}

static bool is_held_with_job(const struct store_row *row)
{
    return row->phase == STORE_HELD && row->want == STORE_WANT_HOLD && row->run_token == 0 &&
           muster_bytes_equal(row->reason, muster_bytes_text(AGENT_TEMPLATE_HELD));
}

enum agent_fate agent_template_fate(const struct agent_template_rule *rule,
                                    const struct store_row *row, uint64_t wall_ms)
{
    struct muster_bytes id = agent_run_name_read(row->key).id;
    bool is_waiting =
        row->phase == STORE_WAITING && row->want == STORE_WANT_RUN && row->run_token == 0;
    if (rule->is_gone || row->parent_uid < rule->uid)
        return AGENT_FATE_GO;
    if (agent_template_is_over(row)) {
        uint64_t from = row->phase == STORE_DONE ? rule->ok_from : rule->fail_from;
        bool is_old = wall_ms > row->since_wall_ms + rule->keep_age_ms;
        bool is_one_too_many = !agent_run_id_has_key(id) && agent_run_id_age(id) < from;
        return is_old || is_one_too_many ? AGENT_FATE_GO : AGENT_FATE_NONE;
    }
    if (rule->want == STORE_WANT_STOP)
        return row->want != STORE_WANT_STOP ? AGENT_FATE_STOP : AGENT_FATE_NONE;
    if (rule->want == STORE_WANT_HOLD)
        return is_waiting ? AGENT_FATE_HOLD : AGENT_FATE_NONE;
    return is_held_with_job(row) ? AGENT_FATE_RUN : AGENT_FATE_NONE;
}

void agent_template_apply(struct store_row *row, enum agent_fate fate, uint64_t wall_ms)
{
    bool has_run = row->run_token != 0;
    row->since_wall_ms = fate == AGENT_FATE_STOP && has_run ? row->since_wall_ms : wall_ms;
    row->reason = MUSTER_BYTES(NULL, 0);
    if (fate == AGENT_FATE_GO) {
        row->phase = STORE_GONE;
        row->spec = row->attempts = MUSTER_BYTES(NULL, 0);
    } else if (fate == AGENT_FATE_STOP) {
        row->want = STORE_WANT_STOP;
        row->phase = has_run ? row->phase : STORE_HELD;
        row->reason = muster_bytes_text("its job was stopped");
    } else if (fate == AGENT_FATE_HOLD) {
        row->want = STORE_WANT_HOLD;
        row->phase = STORE_HELD;
        row->reason = muster_bytes_text(AGENT_TEMPLATE_HELD);
    } else {
        row->want = STORE_WANT_RUN;
        store_row_again(row, wall_ms);
    }
}
