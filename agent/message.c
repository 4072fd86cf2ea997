/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of what placers, runners and nodes say to each other. */
#include "agent/message.h"

#include <string.h>

#define REASON_MAX 256
#define BODY_MAX   (1u << 20)

void agent_write_head(struct muster_writer *w, uint32_t message, uint32_t n)
{
    muster_write_array(w, n);
    muster_write_u64(w, message);
}

struct agent_head agent_read_head(struct muster_reader *r)
{
    uint32_t n = muster_read_array(r, 64);
    if (n == 0)
        muster_reader_fail(r, MUSTER_ETYPE);
    uint32_t message = muster_read_u32(r);
    return (struct agent_head){ muster_reader_ok(r) ? message : 0, n > 0 ? n - 1 : 0 };
}

void agent_write_hello(struct muster_writer *w, const struct agent_msg_hello *m)
{
    agent_write_head(w, AGENT_MSG_HELLO, 10);
    muster_write_u64(w, m->protocol);
    muster_write_id(w, m->cluster);
    muster_write_id(w, m->self);
    muster_write_id(w, m->target);
    muster_write_u64(w, m->boot);
    muster_write_str(w, m->name);
    muster_write_bool(w, m->is_dialer);
    muster_write_u64(w, m->nonce);
    muster_write_bool(w, m->takes_again);
}

void agent_read_hello(struct muster_reader *r, uint32_t left, struct agent_msg_hello *m)
{
    m->protocol = muster_read_u32(r);
    m->cluster = muster_read_id(r);
    m->self = muster_read_id(r);
    m->target = muster_read_id(r);
    m->boot = muster_read_u64(r);
    m->name = muster_read_bytes(r, AGENT_NAME_MAX);
    m->is_dialer = muster_read_bool(r);
    if (left >= 8)
        m->nonce = muster_read_u64(r);
    if (left >= 9)
        m->takes_again = muster_read_bool(r);
}

void agent_write_offer(struct muster_writer *w, struct muster_bytes key, uint64_t offer,
                       uint32_t needs, bool is_exclusive, uint64_t rank, const char *apart)
{
    agent_write_head(w, AGENT_MSG_OFFER, 7);
    muster_write_str(w, key);
    muster_write_u64(w, offer);
    muster_write_u64(w, needs);
    muster_write_bool(w, is_exclusive);
    muster_write_u64(w, rank);
    muster_write_text(w, apart);
}

void agent_write_room(struct muster_writer *w, const struct agent_msg_room *m)
{
    agent_write_head(w, AGENT_MSG_ROOM, 7);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->offer);
    muster_write_bool(w, m->has_room);
    muster_write_u64(w, m->slots);
    muster_write_u64(w, m->used);
    muster_write_str(w, m->apart);
}

void agent_read_room(struct muster_reader *r, struct agent_msg_room *m)
{
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->offer = muster_read_u64(r);
    m->has_room = muster_read_bool(r);
    m->slots = muster_read_u32(r);
    m->used = muster_read_u32(r);
    if (muster_reader_ok(r) && muster_reader_left(r) > 0)
        m->apart = muster_read_bytes(r, STORE_KEY_MAX);
}

void agent_write_start(struct muster_writer *w, const struct agent_msg_start *m)
{
    agent_write_head(w, AGENT_MSG_START, 10);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->token);
    muster_write_u64(w, m->needs);
    muster_write_u64(w, m->failures);
    muster_write_bytes(w, m->spec);
    muster_write_bool(w, m->is_exclusive);
    if (m->checkpoint.data != NULL)
        muster_write_bytes(w, m->checkpoint);
    else
        muster_write_nil(w);
    muster_write_u64(w, m->uid);
    muster_write_u64(w, m->revision);
}

void agent_read_start(struct muster_reader *r, struct agent_msg_start *m)
{
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->token = muster_read_u64(r);
    m->needs = muster_read_u32(r);
    m->failures = muster_read_u32(r);
    m->spec = muster_read_bytes(r, STORE_ROW_MAX);
    m->is_exclusive = muster_read_bool(r);
    if (muster_reader_ok(r) && muster_reader_left(r) > 0 && !muster_read_is_nil(r))
        m->checkpoint = muster_read_bytes(r, AGENT_LEFT_MAX);
    if (muster_reader_ok(r) && muster_reader_left(r) > 0)
        m->uid = muster_read_u64(r);
    if (muster_reader_ok(r) && muster_reader_left(r) > 0)
        m->revision = muster_read_u32(r);
}

void agent_write_left(struct muster_writer *w, const struct agent_msg_left *m)
{
    agent_write_head(w, AGENT_MSG_LEFT, 8);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->token);
    muster_write_u64(w, m->attempt);
    muster_write_u64(w, (uint64_t)m->kind);
    muster_write_u64(w, m->number);
    muster_write_u64(w, m->wall_ms);
    muster_write_bytes(w, m->bytes);
}

void agent_read_left(struct muster_reader *r, struct agent_msg_left *m)
{
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->token = muster_read_u64(r);
    m->attempt = muster_read_u32(r);
    uint32_t kind = muster_read_u32(r);
    if (kind >= AGENT_LEFT_KINDS)
        muster_reader_fail(r, MUSTER_ERANGE);
    m->kind = (enum agent_left)kind;
    m->number = muster_read_u64(r);
    m->wall_ms = muster_read_u64(r);
    m->bytes = muster_read_bytes(r, AGENT_LEFT_MAX);
}

#define HOLD_FIELDS       18
#define HOLD_FIELDS_LEAST 13 /* of an earlier build */

void agent_write_hold(struct muster_writer *w, const struct agent_msg_hold *m)
{
    muster_write_array(w, HOLD_FIELDS);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->token);
    muster_write_u64(w, (uint64_t)m->state);
    muster_write_u64(w, m->attempt);
    muster_write_i64(w, m->pid);
    muster_write_u64(w, m->since_wall_ms);
    muster_write_u64(w, m->failures);
    muster_write_u64(w, m->not_before_wall_ms);
    muster_write_i64(w, m->exit_code);
    muster_write_i64(w, m->exit_signal);
    muster_write_u64(w, m->exit_wall_ms);
    muster_write_str(w, m->note);
    muster_write_bool(w, m->is_live);
    muster_write_u64(w, m->done);
    muster_write_u64(w, m->total);
    muster_write_bytes(w, m->attempts);
    muster_write_u64(w, m->uid);
    muster_write_u64(w, m->revision);
}

static int32_t read_i32(struct muster_reader *r)
{
    int64_t v = muster_read_i64(r);
    if (v < INT32_MIN || v > INT32_MAX)
        muster_reader_fail(r, MUSTER_ERANGE);
    return (int32_t)v;
}

void agent_read_hold(struct muster_reader *r, struct agent_msg_hold *m)
{
    uint32_t n = muster_read_array(r, 64);
    if (n < HOLD_FIELDS_LEAST)
        muster_reader_fail(r, MUSTER_ESHORT);
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->token = muster_read_u64(r);
    uint32_t state = muster_read_u32(r);
    if (state > AGENT_RUN_ENDED)
        muster_reader_fail(r, MUSTER_ERANGE);
    m->state = (enum agent_run_state)state;
    m->attempt = muster_read_u32(r);
    m->pid = read_i32(r);
    m->since_wall_ms = muster_read_u64(r);
    m->failures = muster_read_u32(r);
    m->not_before_wall_ms = muster_read_u64(r);
    m->exit_code = read_i32(r);
    m->exit_signal = read_i32(r);
    m->exit_wall_ms = muster_read_u64(r);
    m->note = muster_read_bytes(r, REASON_MAX);
    m->is_live = muster_read_bool(r);
    m->done = n > 13 ? muster_read_u64(r) : 0;
    m->total = n > 14 ? muster_read_u64(r) : 0;
    if (n > 15)
        m->attempts = muster_read_bytes(r, AGENT_ATTEMPTS_WIRE);
    m->uid = n > 16 ? muster_read_u64(r) : 0;
    m->revision = n > 17 ? muster_read_u32(r) : 0;
    for (uint32_t i = HOLD_FIELDS; i < n && muster_reader_ok(r); i++)
        muster_read_skip(r);
}

void agent_write_hold_ok(struct muster_writer *w, const struct agent_msg_hold_ok *m)
{
    agent_write_head(w, AGENT_MSG_HOLD_OK, 6);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->token);
    muster_write_u64(w, m->asked_ms);
    muster_write_u64(w, m->keeper_ms);
    muster_write_u64(w, m->lease_ms);
}

void agent_read_hold_ok(struct muster_reader *r, struct agent_msg_hold_ok *m)
{
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->token = muster_read_u64(r);
    m->asked_ms = muster_read_u64(r);
    m->keeper_ms = muster_read_u64(r);
    m->lease_ms = muster_read_u64(r);
}

void agent_write_token(struct muster_writer *w, uint32_t message, struct muster_bytes key,
                       uint64_t token)
{
    agent_write_head(w, message, 3);
    muster_write_str(w, key);
    muster_write_u64(w, token);
}

void agent_write_stop(struct muster_writer *w, struct muster_bytes key, uint64_t token,
                      struct muster_bytes why)
{
    agent_write_head(w, AGENT_MSG_STOP, 4);
    muster_write_str(w, key);
    muster_write_u64(w, token);
    muster_write_str(w, why);
}

void agent_write_done(struct muster_writer *w, uint32_t message, const struct agent_msg_done *m)
{
    agent_write_head(w, message, 12);
    muster_write_str(w, m->key);
    muster_write_u64(w, m->token);
    muster_write_u64(w, (uint64_t)m->verdict);
    muster_write_bool(w, m->has_exit);
    muster_write_i64(w, m->exit_code);
    muster_write_i64(w, m->exit_signal);
    muster_write_u64(w, m->exit_wall_ms);
    muster_write_u64(w, m->failures);
    muster_write_u64(w, m->not_before_wall_ms);
    muster_write_str(w, m->reason);
    muster_write_bytes(w, m->attempts);
}

void agent_read_done(struct muster_reader *r, struct agent_msg_done *m)
{
    m->key = muster_read_bytes(r, STORE_KEY_MAX);
    m->token = muster_read_u64(r);
    uint32_t verdict = muster_read_u32(r);
    if (verdict > AGENT_DONE_LOST)
        muster_reader_fail(r, MUSTER_ERANGE);
    m->verdict = (enum agent_verdict)verdict;
    m->has_exit = muster_read_bool(r);
    m->exit_code = read_i32(r);
    m->exit_signal = read_i32(r);
    m->exit_wall_ms = muster_read_u64(r);
    m->failures = muster_read_u32(r);
    m->not_before_wall_ms = muster_read_u64(r);
    m->reason = muster_read_bytes(r, REASON_MAX);
    if (muster_reader_ok(r) && muster_reader_left(r) > 0)
        m->attempts = muster_read_bytes(r, AGENT_ATTEMPTS_WIRE);
}

/* What a node that is about to end says of it. */
enum load_end { LOAD_LEAVES = 1, LOAD_RESTARTS = 2 };

void agent_write_load(struct muster_writer *w, const struct agent_msg_load *m)
{
    agent_write_head(w, AGENT_MSG_LOAD, 7);
    muster_write_u64(w, m->slots);
    muster_write_u64(w, m->used);
    muster_write_bool(w, m->draining);
    muster_write_u64(w, m->waiting);
    muster_write_u64(w, m->restarts ? LOAD_RESTARTS : m->leaves ? LOAD_LEAVES : 0);
    muster_write_u64(w, m->wall_ms);
}

void agent_read_load(struct muster_reader *r, struct agent_msg_load *m)
{
    m->slots = muster_read_u32(r);
    m->used = muster_read_u32(r);
    m->draining = muster_read_bool(r);
    m->waiting = muster_read_u32(r);
    uint32_t ends = muster_reader_ok(r) && muster_reader_left(r) > 0 ? muster_read_u32(r) : 0;
    m->leaves = ends == LOAD_LEAVES;
    m->restarts = ends == LOAD_RESTARTS;
    m->wall_ms = muster_reader_ok(r) && muster_reader_left(r) > 0 ? muster_read_u64(r) : 0;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

#define OP_FIELDS 28

void agent_write_op(struct muster_writer *w, uint64_t number, bool is_local,
                    const struct agent_request *q)
{
    const char *text[] = { q->name, q->prefix, q->state, q->label, q->job, q->node, q->after };
    agent_write_head(w, AGENT_MSG_OP, OP_FIELDS);
    muster_write_u64(w, number);
    muster_write_bool(w, is_local);
    muster_write_u64(w, (uint64_t)q->op);
    muster_write_bytes(w, q->spec);
    muster_write_bool(w, q->create_only);
    muster_write_bool(w, q->cancel);
    muster_write_u64(w, q->expected_revision);
    muster_write_u64(w, q->request_id[0]);
    muster_write_u64(w, q->request_id[1]);
    muster_write_u64(w, q->deadline_ms);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        muster_write_text(w, text_or_empty(text[i]));
    muster_write_u64(w, q->after_index);
    muster_write_u64(w, q->limit);
    muster_write_u64(w, q->attempt);
    muster_write_u64(w, q->lines);
    muster_write_u64(w, q->offset);
    muster_write_bool(w, q->want_stdout);
    muster_write_bool(w, q->want_stderr);
    muster_write_bool(w, q->follow);
    muster_write_bool(w, q->as_text);
    muster_write_u64(w, q->reign);
}

void agent_read_op(struct muster_reader *r, uint64_t *number, bool *is_local,
                   struct agent_request *q, char *text, size_t size)
{
    const char **slot[] = {
        &q->name, &q->prefix, &q->state, &q->label, &q->job, &q->node, &q->after
    };
    *number = muster_read_u64(r);
    *is_local = muster_read_bool(r);
    uint32_t op = muster_read_u32(r);
    if (op < AGENT_OP_JOB_PUT || op > AGENT_OP_PAYLOAD_SPARE /* a trigger is nobody else's */)
        muster_reader_fail(r, MUSTER_EUNSUPPORTED);
    q->op = (enum agent_op)op;
    q->spec = muster_read_bytes(r, STORE_ROW_MAX);
    q->create_only = muster_read_bool(r);
    q->cancel = muster_read_bool(r);
    q->expected_revision = muster_read_u32(r);
    q->request_id[0] = muster_read_u64(r);
    q->request_id[1] = muster_read_u64(r);
    q->deadline_ms = muster_read_u64(r);
    for (size_t i = 0; i < sizeof slot / sizeof *slot; i++) {
        *slot[i] = "";
        if (size == 0) {
            muster_reader_fail(r, MUSTER_ELIMIT);
            break;
        }
        muster_read_text(r, text, size);
        size_t used = muster_reader_ok(r) ? strlen(text) + 1 : 0;
        *slot[i] = used > 0 ? text : "";
        text += used;
        size -= used;
    }
    q->after_index = muster_read_u64(r);
    q->limit = muster_read_u32(r);
    q->attempt = muster_read_u32(r);
    q->lines = muster_read_u32(r);
    q->offset = muster_read_u64(r);
    q->want_stdout = muster_read_bool(r);
    q->want_stderr = muster_read_bool(r);
    q->follow = muster_read_bool(r);
    q->as_text = muster_read_bool(r);
    bool is_told = muster_reader_ok(r) && muster_reader_left(r) > 0;
    q->reign = is_told ? muster_read_u64(r) : AGENT_REIGN_ANY;
}

void agent_write_reply(struct muster_writer *w, const struct agent_msg_reply *m)
{
    agent_write_head(w, AGENT_MSG_OP_OK, 7);
    muster_write_u64(w, m->number);
    muster_write_i64(w, m->err);
    muster_write_bytes(w, m->body);
    muster_write_str(w, m->message);
    muster_write_str(w, m->field);
    muster_write_u64(w, m->reign);
}

void agent_read_reply(struct muster_reader *r, struct agent_msg_reply *m)
{
    m->number = muster_read_u64(r);
    m->err = read_i32(r);
    m->body = muster_read_bytes(r, BODY_MAX);
    m->message = muster_read_bytes(r, REASON_MAX * 4);
    m->field = muster_read_bytes(r, REASON_MAX);
    m->reign = muster_reader_ok(r) && muster_reader_left(r) > 0 ? muster_read_u64(r) : 0;
}

void agent_write_news(struct muster_writer *w, const struct agent_msg_news *m)
{
    agent_write_head(w, AGENT_MSG_NEWS, 9);
    muster_write_u64(w, m->index);
    muster_write_u64(w, m->wall_ms);
    muster_write_u64(w, m->token);
    muster_write_str(w, m->type);
    muster_write_str(w, m->node);
    muster_write_str(w, m->job);
    muster_write_str(w, m->run);
    muster_write_str(w, m->text);
}

void agent_read_news(struct muster_reader *r, struct agent_msg_news *m)
{
    m->index = muster_read_u64(r);
    m->wall_ms = muster_read_u64(r);
    m->token = muster_read_u64(r);
    m->type = muster_read_bytes(r, REASON_MAX);
    m->node = muster_read_bytes(r, AGENT_NAME_MAX);
    m->job = muster_read_bytes(r, AGENT_RUN_MAX);
    m->run = muster_read_bytes(r, AGENT_RUN_MAX);
    m->text = muster_read_bytes(r, REASON_MAX);
}
