/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to msgpack and back: an array of fixed order, with what a newer build appended kept as it
 * is. */
#include "store/row.h"

#include <string.h>

#include "base/wire.h"

#define ROW_FIELDS       40 /* elements this build knows */
#define ROW_FIELDS_FIRST 26 /* and those that every build has written */
#define ROW_FIELDS_MAX   64 /* with those of newer builds */
#define ROW_REQUEST_SIZE 3

static void row_write_id(struct muster_writer *w, struct muster_id id)
{
    if (muster_id_is_zero(id)) {
        muster_write_nil(w); /* most rows name one node or none; 16 zero bytes say no more */
    } else {
        muster_write_id(w, id);
    }
}

static struct muster_id row_read_id(struct muster_reader *r)
{
    return muster_read_is_nil(r) ? (struct muster_id){ { 0 } } : muster_read_id(r);
}

static bool row_request_is_set(const struct store_request *q)
{
    return q->id[0] != 0 || q->id[1] != 0;
}

static void row_write_requests(struct muster_writer *w, const struct store_row *row)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < STORE_REQUESTS; i++)
        count += row_request_is_set(&row->request[i]);
    muster_write_array(w, count);
    for (uint32_t i = 0; i < STORE_REQUESTS; i++) {
        const struct store_request *q = &row->request[i];
        if (!row_request_is_set(q))
            continue;
        muster_write_array(w, ROW_REQUEST_SIZE);
        muster_write_u64(w, q->id[0]);
        muster_write_u64(w, q->id[1]);
        muster_write_i64(w, q->outcome);
    }
}

static int32_t row_read_i32(struct muster_reader *r)
{
    int64_t value = muster_read_i64(r);

    if (value < INT32_MIN || value > INT32_MAX) {
        muster_reader_fail(r, MUSTER_ERANGE);
        return 0;
    }
    return (int32_t)value;
}

static void row_read_requests(struct muster_reader *r, struct store_row *row)
{
    uint32_t count = muster_read_array(r, STORE_REQUESTS);

    for (uint32_t i = 0; i < count && muster_reader_ok(r); i++) {
        struct store_request *q = &row->request[i];
        muster_read_array_of(r, ROW_REQUEST_SIZE);
        q->id[0] = muster_read_u64(r);
        q->id[1] = muster_read_u64(r);
        q->outcome = row_read_i32(r);
    }
}

/* A value of a word list; one past its end belongs to a newer build and cannot be acted upon here.
 */
static uint8_t row_read_word(struct muster_reader *r, uint8_t last)
{
    uint8_t value = muster_read_u8(r);

    if (value > last)
        muster_reader_fail(r, MUSTER_ERANGE);
    return value;
}

int store_row_encode(const struct store_row *row, uint8_t *out, size_t size, size_t *len)
{
    struct muster_writer w = muster_writer_over(out, size < STORE_ROW_MAX ? size : STORE_ROW_MAX);

    if (row->key.len == 0 || row->key.len > STORE_KEY_MAX || row->reason.len > STORE_REASON_MAX ||
        row->attempts.len > STORE_ATTEMPTS_MAX)
        return MUSTER_ELIMIT;
    MUSTER_ASSERT(row->unknown_count <= ROW_FIELDS_MAX - ROW_FIELDS);
    muster_write_array(&w, ROW_FIELDS + row->unknown_count);
    muster_write_bytes(&w, row->key);
    muster_write_u64(&w, row->uid);
    muster_write_u64(&w, row->kind);
    muster_write_u64(&w, row->mode);
    muster_write_u64(&w, row->priority);
    muster_write_u64(&w, row->want);
    muster_write_u64(&w, row->phase);
    muster_write_u64(&w, row->needs);
    muster_write_u64(&w, row->revision);
    muster_write_u64(&w, row->created_wall_ms);
    muster_write_u64(&w, row->modified_wall_ms);
    muster_write_u64(&w, row->since_wall_ms);
    muster_write_bytes(&w, row->spec);
    row_write_id(&w, row->run_node);
    muster_write_u64(&w, row->run_token);
    muster_write_u64(&w, row->tries);
    muster_write_u64(&w, row->placements);
    muster_write_u64(&w, row->strikes);
    muster_write_u64(&w, row->not_before_wall_ms);
    row_write_id(&w, row->avoid);
    muster_write_i64(&w, row->exit_code);
    muster_write_i64(&w, row->exit_signal);
    muster_write_u64(&w, row->exit_wall_ms);
    muster_write_bytes(&w, row->reason);
    row_write_requests(&w, row);
    muster_write_u64(&w, row->run_mode);
    muster_write_u64(&w, row->tick_wall_ms);
    muster_write_u64(&w, row->ticks);
    muster_write_u64(&w, row->skipped);
    muster_write_bytes(&w, row->attempts);
    muster_write_u64(&w, row->wished_wall_ms);
    muster_write_u64(&w, row->moves);
    muster_write_u64(&w, row->moves_wall_ms);
    muster_write_u64(&w, row->parent_uid);
    muster_write_bool(&w, row->is_light);
    muster_write_u64(&w, row->handoff);
    row_write_id(&w, row->other_node);
    muster_write_u64(&w, row->other_token);
    muster_write_u64(&w, row->handoff_fails);
    muster_write_u64(&w, row->handoff_wall_ms);
    muster_write_plain(&w, row->unknown);
    if (muster_writer_err(&w) != MUSTER_OK)
        return MUSTER_ELIMIT;
    *len = muster_writer_bytes(&w).len;
    return MUSTER_OK;
}

static void row_read_handoff(struct muster_reader *r, struct store_row *row, uint32_t fields)
{
    row->handoff = (enum store_handoff)row_read_word(r, STORE_ENDING);
    row->other_node = fields > 36 ? row_read_id(r) : (struct muster_id){ { 0 } };
    row->other_token = fields > 37 ? muster_read_u64(r) : 0;
    row->handoff_fails = fields > 38 ? muster_read_u32(r) : 0;
    row->handoff_wall_ms = fields > 39 ? muster_read_u64(r) : 0;
}

int store_row_decode(struct store_row *row, struct muster_bytes wire)
{
    struct muster_reader r = muster_reader_over(wire);

    *row = (struct store_row){ .key = { NULL, 0 } };
    if (wire.len > STORE_ROW_MAX)
        return MUSTER_ELIMIT;
    uint32_t fields = muster_read_array(&r, ROW_FIELDS_MAX);
    if (muster_reader_ok(&r) && fields < ROW_FIELDS_FIRST)
        muster_reader_fail(&r, MUSTER_ETYPE);
    row->key = muster_read_bytes(&r, STORE_KEY_MAX);
    if (row->key.len == 0)
        muster_reader_fail(&r, MUSTER_EINVAL);
    row->uid = muster_read_u64(&r);
    row->kind = (enum store_kind)row_read_word(&r, STORE_KIND_INSTANT);
    row->mode = (enum store_mode)row_read_word(&r, STORE_EXCLUSIVE);
    row->priority = muster_read_u8(&r);
    row->want = (enum store_want)row_read_word(&r, STORE_WANT_HOLD);
    row->phase = (enum store_phase)row_read_word(&r, STORE_GONE);
    row->needs = muster_read_u16(&r);
    row->revision = muster_read_u32(&r);
    row->created_wall_ms = muster_read_u64(&r);
    row->modified_wall_ms = muster_read_u64(&r);
    row->since_wall_ms = muster_read_u64(&r);
    row->spec = muster_read_bytes(&r, STORE_ROW_MAX);
    row->run_node = row_read_id(&r);
    row->run_token = muster_read_u64(&r);
    row->tries = muster_read_u32(&r);
    row->placements = muster_read_u32(&r);
    row->strikes = muster_read_u32(&r);
    row->not_before_wall_ms = muster_read_u64(&r);
    row->avoid = row_read_id(&r);
    row->exit_code = row_read_i32(&r);
    row->exit_signal = row_read_i32(&r);
    row->exit_wall_ms = muster_read_u64(&r);
    row->reason = muster_read_bytes(&r, STORE_REASON_MAX);
    row_read_requests(&r, row);
    row->run_mode = (enum store_mode)row_read_word(&r, STORE_EXCLUSIVE);
    row->tick_wall_ms = fields > 26 ? muster_read_u64(&r) : 0;
    row->ticks = fields > 27 ? muster_read_u32(&r) : 0;
    row->skipped = fields > 28 ? muster_read_u32(&r) : 0;
    if (fields > 29)
        row->attempts = muster_read_bytes(&r, STORE_ATTEMPTS_MAX);
    row->wished_wall_ms = fields > 30 ? muster_read_u64(&r) : 0;
    row->moves = fields > 31 ? muster_read_u32(&r) : 0;
    row->moves_wall_ms = fields > 32 ? muster_read_u64(&r) : 0;
    row->parent_uid = fields > 33 ? muster_read_u64(&r) : 0;
    row->is_light = fields > 34 && muster_read_bool(&r);
    if (fields > 35)
        row_read_handoff(&r, row, fields);
    if (!muster_reader_ok(&r))
        return muster_reader_end(&r);
    row->unknown_count = fields > ROW_FIELDS ? fields - ROW_FIELDS : 0;
    row->unknown.data = r.at;
    for (uint32_t i = 0; i < row->unknown_count; i++)
        muster_read_skip(&r);
    row->unknown.len = (size_t)(r.at - row->unknown.data);
    return muster_reader_end(&r);
}

void store_row_again(struct store_row *row, uint64_t wall_ms)
{
    bool has_run = row->kind != STORE_KIND_PARENT || row->run_token != 0;

    row->phase = has_run ? STORE_WAITING : STORE_HELD;
    row->since_wall_ms = wall_ms;
    row->tries = 0;
    row->strikes = row->moves = 0;
    row->wished_wall_ms = wall_ms;
    row->not_before_wall_ms = 0;
    row->avoid = (struct muster_id){ { 0 } };
    row->reason = MUSTER_BYTES(NULL, 0);
    row->handoff = row->handoff == STORE_HEIR ? STORE_ENDING : row->handoff;
    row->handoff_fails = 0;
    row->handoff_wall_ms = 0;
}

void store_row_fresh(struct store_row *row, const char *key, uint64_t wall_ms)
{
    bool has_other = row->handoff != STORE_HANDOFF_NONE;
    struct store_row fresh = { .key = muster_bytes_text(key),
                               .phase = STORE_WAITING,
                               .run_node = row->run_node,
                               .run_token = row->run_token,
                               .run_mode = row->run_mode,
                               .handoff = has_other ? STORE_ENDING : STORE_HANDOFF_NONE,
                               .other_node = row->other_node,
                               .other_token = row->other_token,
                               .created_wall_ms = wall_ms,
                               .since_wall_ms = wall_ms,
                               .exit_code = -1 };
    /* A late copy of a question to the earlier life is known by its id, and does nothing. */
    memcpy(fresh.request, row->request, sizeof fresh.request);
    *row = fresh;
}

void store_row_heir_takes(struct store_row *row, uint64_t wall_ms)
{
    row->run_node = row->other_node;
    row->run_token = row->other_token;
    row->run_mode = STORE_AVAILABLE;
    row->phase = STORE_PLACED;
    row->since_wall_ms = wall_ms;
    row->avoid = (struct muster_id){ { 0 } };
    row->reason = MUSTER_BYTES(NULL, 0);
    row->tries = 0;
    row->not_before_wall_ms = 0;
    row->handoff = STORE_HANDOFF_NONE;
    row->handoff_fails = 0;
    row->handoff_wall_ms = 0;
}

bool store_row_has_heir(const struct store_row *row)
{
    bool runs = row->phase == STORE_PLACED || row->phase == STORE_WAITING;
    return row->handoff == STORE_HEIR && row->want == STORE_WANT_RUN && runs &&
           row->run_token != 0 && row->other_token > row->run_token;
}

struct muster_bytes store_key_home(struct muster_bytes key)
{
    struct muster_bytes home = { key.data, 0 };

    while (home.len < key.len && key.data[home.len] != '@' && key.data[home.len] != '!')
        home.len++;
    return home.len > 0 ? home : key;
}

bool store_key_is_job(struct muster_bytes key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] == '@' || key.data[i] == '!' || key.data[i] == ':')
            return false;
    return key.len > 0 && key.data[0] != '%' && key.data[0] != '$';
}
