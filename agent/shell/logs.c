/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of output: reading in turns, formatting, following. */
#include "agent/shell/logs.h"

#include <stdlib.h>
#include <string.h>

#include "agent/logview.h"
#include "agent/shell/log_file.h"
#include "base/text.h"

struct stream {
    struct stream *next;
    struct shell_logs *logs;
    uint64_t number;
    char name[AGENT_RUN_MAX + 1];
    struct agent_logs want; /* its name leads to the one above */
    struct shell_log_reader reader;
    bool is_open;      /* the reader */
    bool is_paused;    /* by its reader */
    bool is_cancelled; /* and goes when its turn is over */
    int err;           /* it cannot begin */
    struct muster_text out;
};

struct shell_logs {
    struct shell_logs_config config;
    char log_dir[SHELL_LOG_PATH_MAX];
    uv_timer_t turn;
    struct stream *first; /* those too many stay until their next turn, to be refused in it */
    uint32_t count;
};

static void stream_take(void *context, const struct agent_logline *record, uint64_t next)
{
    struct stream *s = context;
    if (!agent_logview_wants(record, s->want.want_stdout, s->want.want_stderr))
        return;
    if (s->want.as_text)
        agent_logview_text(&s->out, record);
    else
        agent_logview_json(&s->out, record, next);
}

static void stream_tell(struct stream *s, bool ended, int err)
{
    struct shell_logs_config *c = &s->logs->config;
    struct muster_bytes bytes = muster_text_bytes(&s->out);
    if (err == MUSTER_OK && s->out.err != MUSTER_OK) {
        err = s->out.err;
        ended = true;
    }
    s->is_cancelled = s->is_cancelled || ended;
    if (bytes.len > 0 || ended)
        c->on_bytes(c->context, s->number, bytes, ended, err);
    muster_text_clear(&s->out);
}

/* Opens the output if there is some; false when the stream has nothing to read now. */
static bool stream_open(struct stream *s)
{
    if (s->is_open)
        return true;
    if (s->err == MUSTER_OK)
        s->err =
            shell_log_open(&s->reader, s->logs->log_dir, s->name, s->want.attempt, s->want.offset);
    s->is_open = s->err == MUSTER_OK;
    if (s->is_open && s->want.lines > 0)
        shell_log_tail(&s->reader, s->want.lines, s->want.want_stdout, s->want.want_stderr);
    if (s->err == MUSTER_ENOTFOUND && s->want.follow)
        s->err = MUSTER_OK; /* it may come yet */
    else if (s->err != MUSTER_OK)
        stream_tell(s, true, s->err);
    return s->is_open;
}

/* One block; true when there may be more at once. */
static bool stream_turn(struct stream *s)
{
    if (s->is_paused || !stream_open(s))
        return false;
    bool has_ended =
        shell_log_has_ended(&s->reader); /* before reading, so that nothing is missed */
    if (shell_log_read(&s->reader, s, stream_take)) {
        stream_tell(s, false, MUSTER_OK);
        return true;
    }
    if (!s->want.follow || (has_ended && s->want.attempt != 0)) {
        stream_tell(s, true, MUSTER_OK);
        return false;
    }
    return has_ended && shell_log_advance(&s->reader);
}

static void stream_free(struct stream *s)
{
    if (s->is_open)
        shell_log_close(&s->reader);
    muster_text_close(&s->out);
    s->logs->count--;
    free(s);
}

static void logs_turn(uv_timer_t *timer)
{
    struct shell_logs *l = timer->data;
    bool is_busy = false;
    for (struct stream *s = l->first; s != NULL; s = s->next) {
        if (!s->is_cancelled)
            is_busy = stream_turn(s) || is_busy;
    }
    for (struct stream **link = &l->first; *link != NULL;) {
        struct stream *s = *link;
        if (s->is_cancelled) {
            *link = s->next;
            stream_free(s);
        } else {
            link = &s->next;
        }
    }
    if (l->count > 0)
        uv_timer_start(&l->turn, logs_turn, is_busy ? 0 : SHELL_LOGS_POLL, 0);
}

int shell_logs_open(struct shell_logs **out, const struct shell_logs_config *config)
{
    struct shell_logs *l = calloc(1, sizeof(*l));
    *out = l;
    if (l == NULL)
        return MUSTER_EFULL;
    l->config = *config;
    l->config.log_dir = NULL; /* the caller's */
    if (!muster_format(l->log_dir, sizeof(l->log_dir), "%s", config->log_dir)) {
        free(l);
        *out = NULL;
        return MUSTER_ELIMIT;
    }
    int err = uv_timer_init(config->loop, &l->turn);
    MUSTER_ASSERT(err == 0);
    l->turn.data = l;
    return MUSTER_OK;
}

static struct stream *stream_find(const struct shell_logs *l, uint64_t number)
{
    struct stream *s = l->first;
    while (s != NULL && (s->number != number || s->is_cancelled))
        s = s->next;
    return s;
}

void shell_logs_start(struct shell_logs *l, uint64_t number, const struct agent_logs *logs)
{
    MUSTER_ASSERT(stream_find(l, number) == NULL);
    struct stream *s = calloc(1, sizeof(*s));
    MUSTER_ASSERT(s != NULL);
    s->logs = l;
    s->number = number;
    s->want = *logs;
    s->reader.fd = -1;
    muster_text_open(&s->out, SHELL_LOGS_BYTES);
    if (!muster_format(s->name, sizeof(s->name), "%s", logs->job))
        s->err = MUSTER_ENOTFOUND;
    s->want.job = s->name;
    if (l->count >= SHELL_LOGS_MAX)
        s->err = MUSTER_EBUSY;
    s->next = l->first;
    l->first = s;
    l->count++;
    uv_timer_start(&l->turn, logs_turn, 0, 0);
}

void shell_logs_pause(struct shell_logs *l, uint64_t number, bool is_paused)
{
    struct stream *s = stream_find(l, number);
    if (s == NULL)
        return;
    s->is_paused = is_paused;
    if (!is_paused)
        uv_timer_start(&l->turn, logs_turn, 0, 0);
}

void shell_logs_cancel(struct shell_logs *l, uint64_t number)
{
    struct stream *s = stream_find(l, number);
    if (s != NULL)
        s->is_cancelled = true; /* freed in the next turn: this call may come from inside one */
}

static void turn_closed(uv_handle_t *handle)
{
    struct shell_logs *l = handle->data;
    while (l->first != NULL) {
        struct stream *s = l->first;
        l->first = s->next;
        stream_free(s);
    }
    free(l);
}

void shell_logs_close(struct shell_logs *l)
{
    uv_close((uv_handle_t *)&l->turn, turn_closed);
}
