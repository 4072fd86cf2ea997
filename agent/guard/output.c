/* SPDX-License-Identifier: Apache-2.0 */
/* From the job's pipes to records. */
#include "agent/guard/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/guard/file.h"
#include "agent/guard/guard.h"

#define DRAIN_MAX 64 /* reads per stream at the end: more than a pipe holds */

static void output_record(struct guard_output *o, enum agent_logline_stream name, const char *text,
                          size_t len, bool is_partial, uint64_t now_ms)
{
    if (sizeof(o->out) - o->len < AGENT_LOGLINE_MAX)
        guard_file_flush(o, now_ms);
    char *at = o->out + o->len;
    size_t head = agent_logline_head(at, o->wall_ms, name, o->attempt, is_partial);
    memcpy(at + head, text, len);
    at[head + len] = '\n';
    o->len += head + len + 1;
}

/* Turns what is in the buffer into records: whole lines, and pieces of lines that grow too long. */
static void stream_cut(struct guard_output *o, struct guard_stream *s, uint64_t now_ms)
{
    char *at = s->buffer, *limit = s->buffer + s->len;
    while (at < limit) {
        size_t left = (size_t)(limit - at);
        size_t most = left < AGENT_LOGLINE_TEXT_MAX ? left : AGENT_LOGLINE_TEXT_MAX;
        char *end = memchr(at, '\n', most < left ? most + 1 : most);
        if (end == NULL && most < AGENT_LOGLINE_TEXT_MAX)
            break;
        size_t len = end == NULL ? most : (size_t)(end - at);
        output_record(o, s->name, at, len, end == NULL, now_ms);
        at += end == NULL ? len : len + 1;
    }
    if (at != s->buffer)
        s->held_ms = now_ms; /* what is left has just come */
    s->len = (size_t)(limit - at);
    memmove(s->buffer, at, s->len);
}

/* Puts out an unfinished line; at the stream's end it counts as finished. */
static void stream_push(struct guard_output *o, struct guard_stream *s, bool is_end,
                        uint64_t now_ms)
{
    if (s->len > 0)
        output_record(o, s->name, s->buffer, s->len, !is_end, now_ms);
    s->len = 0;
}

static void stream_end(struct guard_output *o, struct guard_stream *s, uint64_t now_ms)
{
    stream_push(o, s, true, now_ms);
    close(s->fd);
    s->fd = -1;
}

bool guard_output_read(struct guard_output *o, struct guard_stream *s, uint64_t now_ms)
{
    ssize_t count = read(s->fd, s->buffer + s->len, sizeof(s->buffer) - s->len);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    o->wall_ms = guard_wall_ms();
    if (count <= 0) {
        stream_end(o, s, now_ms);
    } else {
        s->held_ms = s->len == 0 ? now_ms : s->held_ms;
        s->len += (size_t)count;
        stream_cut(o, s, now_ms);
    }
    guard_file_flush(o, now_ms);
    return count > 0;
}

uint64_t guard_output_hold(struct guard_output *o, uint64_t now_ms)
{
    uint64_t next = GUARD_NEVER;
    for (size_t i = 0; i < 2; i++) {
        struct guard_stream *s = &o->stream[i];
        if (s->len == 0)
            continue;
        uint64_t due = s->held_ms + GUARD_LINE_HOLD;
        if (due <= now_ms) {
            o->wall_ms = guard_wall_ms();
            stream_push(o, s, false, now_ms);
            guard_file_flush(o, now_ms);
        } else if (due < next) {
            next = due;
        }
    }
    return next;
}

void guard_output_note(struct guard_output *o, const char *text, uint64_t now_ms)
{
    size_t len = strlen(text);
    if (o->path[0] == '\0')
        return; /* it failed before there was any output to speak of */
    o->wall_ms = guard_wall_ms();
    output_record(o, AGENT_LOGLINE_GUARD, text,
                  len < AGENT_LOGLINE_TEXT_MAX ? len : AGENT_LOGLINE_TEXT_MAX, false, now_ms);
    guard_file_flush(o, now_ms);
}

static int stream_open(struct guard_stream *s, enum agent_logline_stream name, int *writer)
{
    int ends[2];
    s->fd = -1;
    s->name = name;
    s->len = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    s->fd = ends[0];
    *writer = ends[1];
    return fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

int guard_output_pipes(struct guard_output *o, int writer[2])
{
    int err = stream_open(&o->stream[0], AGENT_LOGLINE_STDOUT, &writer[0]);
    return err != 0 ? err : stream_open(&o->stream[1], AGENT_LOGLINE_STDERR, &writer[1]);
}

int guard_output_open(struct guard_output *o, const char *path, uint64_t max, const char *run,
                      uint64_t token, uint32_t attempt)
{
    size_t len = strlen(path);
    if (len + sizeof(AGENT_LOG_OLDER) > sizeof(o->path))
        return ENAMETOOLONG;
    memcpy(o->path, path, len + 1);
    o->run = run;
    o->token = token;
    o->attempt = attempt;
    o->max = max == 0 ? GUARD_LOG_DEFAULT : max < GUARD_LOG_MIN ? GUARD_LOG_MIN : max;
    o->fd = -1;
    guard_file_open(o, guard_now_ms());
    return 0;
}

void guard_output_drain(struct guard_output *o, uint64_t now_ms)
{
    for (size_t i = 0; i < 2; i++) {
        struct guard_stream *s = &o->stream[i];
        for (int reads = 0; reads < DRAIN_MAX && s->fd >= 0; reads++) {
            if (!guard_output_read(o, s, now_ms) && s->fd >= 0)
                stream_end(o, s, now_ms);
        }
        if (s->fd >= 0)
            stream_end(o, s, now_ms);
    }
}

void guard_output_close(struct guard_output *o, uint64_t now_ms)
{
    guard_file_flush(o, now_ms);
    guard_file_close(o);
}
