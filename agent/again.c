/* SPDX-License-Identifier: Apache-2.0 */
/* What a link said last, so that it need not be said again. */
#include "agent/again.h"

#include <string.h>

#include "agent/message.h"
#include "base/wire.h"
#include "store/store.h"

#define FRAME_OF_THREE 0x93 /* the kind, the hour, and the rest, which is what is remembered */

static uint32_t place_of(uint64_t kind)
{
    return kind == STORE_BEAT ? 0 : 1;
}

/* Is it a frame of beats? Its kind, its hour, and where the rest begins. */
static bool beats_read(struct muster_bytes frame, uint64_t *kind, uint64_t *hour, size_t *rest)
{
    struct muster_reader r;
    if (frame.len < 4 || frame.data[0] != FRAME_OF_THREE ||
        (frame.data[1] != STORE_BEAT && frame.data[1] != STORE_BEAT_OK))
        return false;
    r = muster_reader_over(MUSTER_BYTES(frame.data + 2, frame.len - 2));
    *kind = frame.data[1];
    *hour = muster_read_u64(&r);
    *rest = frame.len - muster_reader_left(&r);
    return muster_reader_ok(&r);
}

static void frame_forget(struct agent_again_frame *f)
{
    muster_arena_close(&f->room);
    f->len = 0;
}

void agent_again_forget(struct agent_again *a)
{
    for (uint32_t i = 0; i < AGENT_AGAIN_KINDS; i++)
        frame_forget(&a->last[i]);
}

static void frame_keep(struct agent_again_frame *f, struct muster_bytes rest)
{
    if (rest.len != f->len || f->room.block == NULL) {
        frame_forget(f);
        if (rest.len > AGENT_AGAIN_MAX ||
            muster_arena_open(&f->room, AGENT_AGAIN_HEAD + rest.len) != MUSTER_OK)
            return;
        f->len = rest.len;
    }
    memcpy(f->room.block + AGENT_AGAIN_HEAD, rest.data, rest.len);
}

struct muster_bytes agent_again_say(struct agent_again *a, struct muster_bytes frame,
                                    uint8_t room[AGENT_AGAIN_WORD])
{
    struct muster_writer w = muster_writer_over(room, AGENT_AGAIN_WORD);
    struct agent_again_frame *f;
    struct muster_bytes rest;
    uint64_t kind, hour;
    size_t at;
    if (!beats_read(frame, &kind, &hour, &at))
        return frame;
    rest = MUSTER_BYTES(frame.data + at, frame.len - at);
    f = &a->last[place_of(kind)];
    if (f->room.block == NULL ||
        !muster_bytes_equal(MUSTER_BYTES(f->room.block + AGENT_AGAIN_HEAD, f->len), rest)) {
        frame_keep(f, rest);
        return frame;
    }
    agent_write_head(&w, AGENT_MSG_AGAIN, 3);
    muster_write_u64(&w, kind);
    muster_write_u64(&w, hour);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    return muster_writer_bytes(&w);
}

/* The frame as it would have come: what stands before the rest is written right before it. */
static int word_take(struct agent_again *a, struct muster_reader *r, struct muster_bytes *whole)
{
    uint8_t head[AGENT_AGAIN_HEAD];
    struct muster_writer w = muster_writer_over(head, sizeof head);
    uint64_t kind = muster_read_u64(r), hour = muster_read_u64(r);
    struct agent_again_frame *f = &a->last[place_of(kind)];
    struct muster_bytes before;
    uint8_t *from;
    if (muster_reader_end(r) != MUSTER_OK || (kind != STORE_BEAT && kind != STORE_BEAT_OK) ||
        f->room.block == NULL)
        return MUSTER_ECORRUPT;
    muster_write_array(&w, 3);
    muster_write_u64(&w, kind);
    muster_write_u64(&w, hour);
    MUSTER_ASSERT(muster_writer_err(&w) == MUSTER_OK);
    before = muster_writer_bytes(&w);
    from = f->room.block + AGENT_AGAIN_HEAD - before.len;
    memcpy(from, before.data, before.len);
    *whole = MUSTER_BYTES(from, before.len + f->len);
    return MUSTER_OK;
}

int agent_again_hear(struct agent_again *a, struct muster_bytes frame, struct muster_bytes *whole)
{
    struct muster_reader r = muster_reader_over(frame);
    struct agent_head head = agent_read_head(&r);
    uint64_t kind, hour;
    size_t at;
    *whole = frame;
    if (muster_reader_ok(&r) && head.message == AGENT_MSG_AGAIN)
        return word_take(a, &r, whole);
    if (beats_read(frame, &kind, &hour, &at))
        frame_keep(&a->last[place_of(kind)], MUSTER_BYTES(frame.data + at, frame.len - at));
    return MUSTER_OK;
}
