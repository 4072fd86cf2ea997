/* SPDX-License-Identifier: Apache-2.0 */
/* What runs leave behind, as files between guards and this process. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/shell/guard_run.h"
#include "base/text.h"

static const char *const file_name[AGENT_LEFT_KINDS] = {
    [AGENT_LEFT_CHECKPOINT] = GUARD_FILE_CHECKPOINT,
    [AGENT_LEFT_RESULT] = GUARD_FILE_RESULT,
    [AGENT_LEFT_MESSAGES] = GUARD_FILE_MESSAGES,
    [AGENT_LEFT_OUTPUT] = GUARD_FILE_OUTPUT,
};

static void file_read(const struct shell_run *r, enum agent_left kind,
                      struct agent_guard_event *event, struct shell_left *left)
{
    char path[GUARD_PATH_MAX];
    if (file_name[kind] == NULL)
        return;
    shell_run_path(r, file_name[kind], path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    left->data[kind] = malloc(AGENT_LEFT_MAX);
    ssize_t len = left->data[kind] == NULL ? -1 : read(fd, left->data[kind], AGENT_LEFT_MAX);
    close(fd);
    if (len >= 0)
        event->left[kind] = (struct agent_left_bytes){ left->data[kind], (size_t)len };
}

void shell_left_read(const struct shell_run *r, struct agent_guard_event *event,
                     struct shell_left *left)
{
    *left = (struct shell_left){ { NULL } };
    bool is_one = event->news == AGENT_GUARD_LEFT;
    bool is_all = event->news == AGENT_GUARD_ADOPTED || event->news == AGENT_GUARD_EXITED ||
                  event->news == AGENT_GUARD_LOST;
    enum agent_left one =
        is_one && event->text != NULL ? agent_left_kind(event->text[0]) : AGENT_LEFT_KINDS;
    for (int kind = 0; r->id[0] != '\0' && kind < AGENT_LEFT_KINDS; kind++)
        if (is_all || one == (enum agent_left)kind)
            file_read(r, (enum agent_left)kind, event, left);
}

void shell_left_free(struct shell_left *left)
{
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++)
        free(left->data[kind]);
}

bool shell_left_before(const struct shell_guards *g, const char *id, struct agent_left_bytes bytes,
                       char *path, size_t size)
{
    errno = ENAMETOOLONG;
    if (!muster_format(path, size, "%s/%s." GUARD_FILE_BEFORE, g->runs_dir, id))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool is_whole = write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len;
    int err = errno;
    close(fd);
    if (!is_whole)
        unlink(path);
    errno = err;
    return is_whole;
}

/* ---- outputs of runs that go on: so many bytes a second for the whole node, each in its turn */

static void outputs_turn(uv_timer_t *timer)
{
    struct shell_guards *g = timer->data;
    size_t told = 0;
    bool has_more = false;
    for (uint32_t i = 0, count = g->count; i < count && i < g->count; i++) {
        struct shell_run *r = g->run[(g->output_at + i) % g->count];
        if (!r->has_output || r->has_ended)
            continue;
        if (told >= GUARD_OUTPUTS_BYTES) {
            g->output_at = r->place;
            has_more = true;
            break;
        }
        struct agent_guard_event event = r->event;
        struct shell_left left = { { NULL } };
        event.news = AGENT_GUARD_LEFT;
        r->has_output = false;
        file_read(r, AGENT_LEFT_OUTPUT, &event, &left);
        told += event.left[AGENT_LEFT_OUTPUT].len;
        if (event.left[AGENT_LEFT_OUTPUT].len > 0)
            g->config.on_event(g->config.context, &event); /* may let go of runs */
        shell_left_free(&left);
    }
    if (has_more)
        uv_timer_start(&g->outputs, outputs_turn, GUARD_OUTPUTS_MS, 0);
}

void shell_left_output(struct shell_run *r)
{
    struct shell_guards *g = r->guards;
    r->has_output = true;
    if (!uv_is_active((uv_handle_t *)&g->outputs))
        uv_timer_start(&g->outputs, outputs_turn, GUARD_OUTPUTS_MS, 0);
}
