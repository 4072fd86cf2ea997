/* SPDX-License-Identifier: Apache-2.0 */
/* Wire, the writing half: msgpack-c's encoder, unrolled straight into a bounded buffer. */
#include "base/wire.h"

#include <string.h>

#include "base/bytes.h"

/* After its first error a writer has no room: `end` is moved to `at`, so that the one comparison
 * every append makes anyway also skips everything that follows. */
__attribute__((cold, noinline)) static void writer_fail(struct muster_writer *w, int err)
{
    MUSTER_ASSERT(err < 0);
    if (w->err == MUSTER_OK)
        w->err = err;
    w->end = w->at;
}

static inline void writer_append(struct muster_writer *w, const void *bytes, size_t len)
{
    if (__builtin_expect((size_t)(w->end - w->at) < len, 0)) {
        writer_fail(w, MUSTER_EFULL);
        return;
    }
    memcpy(w->at, bytes, len);
    w->at += len;
}

/* msgpack-c lets its user choose where the encoded bytes go, at compile time: its template, given
 * these four names, becomes functions that know our buffer and cost neither a call nor an
 * allocation. */
#define msgpack_pack_inline_func(name)             static inline void wire_pack##name
#define msgpack_pack_inline_func_cint(name)        static inline void wire_pack##name
#define msgpack_pack_inline_func_fixint(name)      static inline void wire_pack_fix##name
#define msgpack_pack_user                          struct muster_writer *
#define msgpack_pack_append_buffer(user, buf, len) writer_append(user, buf, len)

#include <msgpack/pack_define.h>
#include <msgpack/sysdep.h>
#include <msgpack/timestamp.h>

#include <msgpack/pack_template.h>

struct muster_writer muster_writer_over(void *buffer, size_t size)
{
    uint8_t *start = buffer;

    MUSTER_ASSERT(start != NULL || size == 0);
    return (struct muster_writer){ .start = start,
                                   .at = start,
                                   .end = size == 0 ? start : start + size };
}

int muster_writer_err(const struct muster_writer *w)
{
    return w->err;
}

struct muster_bytes muster_writer_bytes(const struct muster_writer *w)
{
    return MUSTER_BYTES(w->start, (size_t)(w->at - w->start));
}

size_t muster_writer_room(const struct muster_writer *w)
{
    return (size_t)(w->end - w->at);
}

void muster_write_u64(struct muster_writer *w, uint64_t value)
{
    wire_pack_uint64(w, value);
}

void muster_write_i64(struct muster_writer *w, int64_t value)
{
    wire_pack_int64(w, value);
}

void muster_write_bool(struct muster_writer *w, bool value)
{
    if (value)
        wire_pack_true(w);
    else
        wire_pack_false(w);
}

void muster_write_nil(struct muster_writer *w)
{
    wire_pack_nil(w);
}

/* Whether a length can be told in the 32 bits the format has for it. */
static inline bool writer_takes(struct muster_writer *w, size_t len)
{
    if (__builtin_expect(len <= UINT32_MAX, 1))
        return true;
    writer_fail(w, MUSTER_ELIMIT);
    return false;
}

#define WIRE_SHORT 32 /* bytes */

/* Names and keys are a few bytes long, and a call to memcpy costs more than they do: up to
 * WIRE_SHORT bytes go as two pieces of a fixed size that may overlap in the middle. */
static inline void writer_copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else if (len > 0) {
        to[0] = from[0];
        to[len / 2] = from[len / 2];
        to[len - 1] = from[len - 1];
    }
}

static inline void writer_body(struct muster_writer *w, struct muster_bytes value)
{
    if (value.len > WIRE_SHORT) {
        writer_append(w, value.data, value.len);
    } else if (__builtin_expect(muster_writer_room(w) < value.len, 0)) {
        writer_fail(w, MUSTER_EFULL);
    } else {
        writer_copy_short(w->at, value.data, value.len);
        w->at += value.len;
    }
}

void muster_write_bytes(struct muster_writer *w, struct muster_bytes value)
{
    if (!writer_takes(w, value.len))
        return;
    wire_pack_bin(w, value.len);
    writer_body(w, value);
}

void muster_write_str(struct muster_writer *w, struct muster_bytes value)
{
    if (!writer_takes(w, value.len))
        return;
    wire_pack_str(w, value.len);
    writer_body(w, value);
}

void muster_write_text(struct muster_writer *w, const char *value)
{
    muster_write_str(w, muster_bytes_text(value));
}

void muster_write_raw(struct muster_writer *w, struct muster_bytes value)
{
    if (!writer_takes(w, value.len))
        return;
    wire_pack_v4raw(w, value.len);
    writer_body(w, value);
}

void muster_write_id(struct muster_writer *w, struct muster_id id)
{
    wire_pack_bin(w, MUSTER_ID_LEN);
    writer_append(w, id.octet, MUSTER_ID_LEN);
}

void muster_write_array(struct muster_writer *w, uint32_t n)
{
    wire_pack_array(w, n);
}

void muster_write_map(struct muster_writer *w, uint32_t n)
{
    wire_pack_map(w, n);
}

void muster_write_plain(struct muster_writer *w, struct muster_bytes value)
{
    writer_body(w, value);
}

#define WIRE_ARRAY32      0xdd
#define WIRE_ARRAY32_HEAD 5 /* bytes */

uint8_t *muster_write_array_open(struct muster_writer *w)
{
    static const uint8_t head[WIRE_ARRAY32_HEAD] = { WIRE_ARRAY32 };
    uint8_t *mark = w->at;

    writer_append(w, head, sizeof head);
    return mark;
}

void muster_write_array_close(struct muster_writer *w, uint8_t *mark, uint32_t n)
{
    if (w->err != MUSTER_OK)
        return;
    MUSTER_ASSERT(mark >= w->start);
    MUSTER_ASSERT(w->at - mark >= WIRE_ARRAY32_HEAD);
    MUSTER_ASSERT(mark[0] == WIRE_ARRAY32);
    _msgpack_store32(mark + 1, n);
}
