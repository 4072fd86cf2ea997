/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of attempts: to bytes and back, and two of them as one. */
#include "agent/attempts.h"

#include <string.h>

#include "base/wire.h"

#define FIELDS 8

static int32_t i32_read(struct muster_reader *r)
{
    int64_t value = muster_read_i64(r);
    if (value < INT32_MIN || value > INT32_MAX)
        muster_reader_fail(r, MUSTER_ERANGE);
    return (int32_t)value;
}

void agent_attempts_read(struct agent_attempts *list, struct muster_bytes wire)
{
    struct muster_reader r = muster_reader_over(wire);
    list->count = 0;
    uint32_t count = wire.len > 0 ? muster_read_array(&r, AGENT_ATTEMPTS_MAX) : 0;
    for (uint32_t i = 0; i < count && muster_reader_ok(&r); i++) {
        struct agent_attempt *a = &list->attempt[i];
        uint32_t fields = muster_read_array(&r, 64);
        if (fields < FIELDS)
            muster_reader_fail(&r, MUSTER_ESHORT);
        a->number = muster_read_u32(&r);
        a->node = muster_read_id(&r);
        a->token = muster_read_u64(&r);
        a->started_wall_ms = muster_read_u64(&r);
        a->ended_wall_ms = muster_read_u64(&r);
        a->code = i32_read(&r);
        a->signal = i32_read(&r);
        a->reason = muster_read_bytes(&r, AGENT_REASON_MAX);
        for (uint32_t f = FIELDS; f < fields && muster_reader_ok(&r); f++)
            muster_read_skip(&r);
    }
    list->count = muster_reader_ok(&r) ? count : 0;
}

void agent_attempts_add(struct agent_attempts *list, const struct agent_attempt *a)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->attempt[i].token == a->token && list->attempt[i].number == a->number)
            return;
    if (list->count == AGENT_ATTEMPTS_MAX)
        memmove(list->attempt, list->attempt + 1, --list->count * sizeof list->attempt[0]);
    list->attempt[list->count++] = *a;
}

void agent_attempts_write(const struct agent_attempts *list, struct agent_attempts_wire *out)
{
    uint8_t data[AGENT_ATTEMPTS_WIRE];
    struct muster_writer w = muster_writer_over(data, sizeof data);
    muster_write_array(&w, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct agent_attempt *a = &list->attempt[i];
        muster_write_array(&w, FIELDS);
        muster_write_u64(&w, a->number);
        muster_write_id(&w, a->node);
        muster_write_u64(&w, a->token);
        muster_write_u64(&w, a->started_wall_ms);
        muster_write_u64(&w, a->ended_wall_ms);
        muster_write_i64(&w, a->code);
        muster_write_i64(&w, a->signal);
        muster_write_bytes(&w, a->reason);
    }
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    out->len = muster_writer_bytes(&w).len;
    memcpy(out->data, data, out->len);
}

void agent_attempts_merge(struct agent_attempts_wire *out, struct muster_bytes old,
                          struct muster_bytes more)
{
    struct agent_attempts list, fresh;
    agent_attempts_read(&list, old);
    agent_attempts_read(&fresh, more);
    for (uint32_t i = 0; i < fresh.count; i++)
        agent_attempts_add(&list, &fresh.attempt[i]);
    agent_attempts_write(&list, out);
}
