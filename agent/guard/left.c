/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of what a job leaves behind, made with the rights of its user. */
#include "agent/guard/left.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/guard/file.h"
#include "agent/guard/guard.h"

#define LINE_MAX_HEAD 24 /* of a message's time */

/* ---- with the rights of the job's user */

struct rights {
    gid_t groups[GUARD_GROUPS_MAX];
    int count;
    bool is_lent;
};

/* False when they cannot be taken on: then nothing may be opened. */
static bool rights_borrow(struct rights *r, const struct guard_who *who)
{
    *r = (struct rights){ .is_lent = geteuid() == 0 && (who->has_user || who->has_group) };
    if (!r->is_lent)
        return true;
    r->count = getgroups(GUARD_GROUPS_MAX, r->groups);
    if (r->count < 0 || (who->has_user && setgroups((size_t)who->group_count, who->groups) != 0)) {
        r->is_lent = false;
        return false;
    }
    setfsgid(who->gid);
    setfsuid(who->uid);
    return true;
}

static void rights_return(const struct rights *r)
{
    if (!r->is_lent)
        return;
    setfsuid(geteuid());
    setfsgid(getegid());
    if (setgroups((size_t)r->count, r->groups) != 0)
        abort(); /* never on with the rights of somebody else */
}

static int file_open(const struct guard *g, const char *path)
{
    char whole[GUARD_PATH_MAX];
    struct rights rights;
    const char *cwd = g->launch.cwd == NULL ? "" : g->launch.cwd;
    bool fits = snprintf(whole, sizeof(whole), "%s%s%s", path[0] == '/' ? "" : cwd,
                         path[0] == '/' ? "" : "/", path) < (int)sizeof(whole);
    int fd = -1;
    errno = ENAMETOOLONG;
    if (fits && rights_borrow(&rights, &g->who)) {
        fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int err = errno;
        rights_return(&rights);
        errno = err;
    }
    return fd;
}

/* ---- files */

static const char *const file_name[AGENT_LEFT_KINDS] = {
    [AGENT_LEFT_CHECKPOINT] = GUARD_FILE_CHECKPOINT,
    [AGENT_LEFT_RESULT] = GUARD_FILE_RESULT,
    [AGENT_LEFT_MESSAGES] = GUARD_FILE_MESSAGES,
    [AGENT_LEFT_OUTPUT] = GUARD_FILE_OUTPUT,
};

static void complain(struct guard *g, const char *path, const char *why)
{
    char text[AGENT_REASON_MAX + 64];
    snprintf(text, sizeof(text), "%.100s is not kept: %s", path, why);
    guard_output_note(&g->output, text, g->now_ms);
}

/* The whole file, or -1 with errno; EFBIG when there is more of it than is kept. */
static ssize_t read_whole(int fd, char *data)
{
    struct stat about;
    size_t len = 0;
    if (fstat(fd, &about) != 0)
        return -1;
    errno = S_ISREG(about.st_mode) ? 0 : EINVAL;
    while (errno == 0 && len <= AGENT_LEFT_MAX) {
        ssize_t count = read(fd, data + len, AGENT_LEFT_MAX + 1 - len);
        if (count == 0)
            return (ssize_t)len;
        len += count > 0 ? (size_t)count : 0;
        errno = count < 0 ? errno : 0;
    }
    if (len > AGENT_LEFT_MAX)
        errno = EFBIG;
    return -1;
}

static void file_take(struct guard *g, enum agent_left kind, const char *path)
{
    char *data = malloc(AGENT_LEFT_MAX + 1);
    int fd = data == NULL ? -1 : file_open(g, path);
    ssize_t len = fd < 0 ? -1 : read_whole(fd, data);
    int err = len < 0 ? errno : guard_dir_write(&g->dir, file_name[kind], data, (size_t)len, false);
    if (err == EFBIG)
        complain(g, path, "it is larger than 256 KiB");
    else if (err != 0)
        complain(g, path, strerror(err));
    else
        g->left.is_news[kind] = true;
    if (fd >= 0)
        close(fd);
    free(data);
}

/* ---- messages: lines of a time and a text, the oldest first */

static void messages_write(struct guard *g)
{
    struct guard_left *l = &g->left;
    size_t size = GUARD_MESSAGES * (LINE_MAX_HEAD + GUARD_MESSAGE_MAX + 2), len = 0;
    char *data = malloc(size);
    for (uint32_t i = 0; data != NULL && i < l->messages; i++) {
        const struct guard_message *m = &l->message[(l->first + i) % GUARD_MESSAGES];
        len += (size_t)snprintf(data + len, size - len, "%llu %s\n", (unsigned long long)m->wall_ms,
                                m->text);
    }
    if (data != NULL && guard_dir_write(&g->dir, GUARD_FILE_MESSAGES, data, len, false) == 0)
        l->is_news[AGENT_LEFT_MESSAGES] = true;
    free(data);
}

static void message_take(struct guard *g, const char *text)
{
    struct guard_left *l = &g->left;
    uint32_t at = (l->first + l->messages) % GUARD_MESSAGES;
    if (l->messages < GUARD_MESSAGES)
        l->messages++;
    else
        l->first = (l->first + 1) % GUARD_MESSAGES;
    struct guard_message *m = &l->message[at];
    m->wall_ms = guard_wall_ms();
    size_t len = strlen(text);
    if (len > GUARD_MESSAGE_MAX) {
        len = GUARD_MESSAGE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--; /* do not cut a UTF-8 letter in two */
    }
    for (size_t i = 0; i < len; i++)
        m->text[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    m->text[len] = '\0';
    messages_write(g);
}

/* ---- the end of the output */

static bool output_write(struct guard *g)
{
    char *data = malloc(GUARD_OUTPUT_MAX);
    size_t len = data == NULL ? 0 : guard_file_tail(&g->output, data, GUARD_OUTPUT_MAX);
    bool is_there = len > 0 && guard_dir_write(&g->dir, GUARD_FILE_OUTPUT, data, len, false) == 0;
    free(data);
    return is_there;
}

/* Told of now and then while more comes; whoever hears of the end reads the last of it with that.
 * When the next is due. */
static uint64_t output_turn(struct guard *g, bool is_end)
{
    struct guard_left *l = &g->left;
    uint64_t all = g->output.base + g->output.size;
    if (l->output_ms == 0)
        l->output_ms = g->now_ms + GUARD_OUTPUT_FIRST;
    if (all == l->output_of)
        return GUARD_NEVER;
    if (!is_end && g->now_ms < l->output_ms)
        return l->output_ms;
    l->output_of = all;
    l->output_ms = g->now_ms + GUARD_OUTPUT_EVERY;
    l->is_news[AGENT_LEFT_OUTPUT] = output_write(g) && !is_end;
    return GUARD_NEVER;
}

/* ---- words */

/* DONE/TOTAL; anything else is passed over. */
static void progress_take(struct guard *g, const char *text)
{
    char number[24];
    uint64_t done, total;
    size_t len = strcspn(text, "/");
    if (len >= sizeof(number) || text[len] != '/')
        return;
    snprintf(number, sizeof(number), "%.*s", (int)len, text);
    if (!agent_fields_parse_u64(number, &done) || !agent_fields_parse_u64(text + len + 1, &total) ||
        total == 0)
        return;
    g->event.done = done < total ? done : total;
    g->event.total = total;
    g->ready.has_news = true;
}

bool guard_left_word(struct guard *g, const char *line)
{
    static const struct {
        const char *key;
        enum agent_left kind;
    } word[] = {
        { "X_MUSTER_CHECKPOINT=", AGENT_LEFT_CHECKPOINT },
        { "X_MUSTER_RESULT=", AGENT_LEFT_RESULT },
        { "X_MUSTER_MESSAGE=", AGENT_LEFT_MESSAGES },
        { "X_MUSTER_PROGRESS=", AGENT_LEFT_KINDS },
    };
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        size_t len = strlen(word[i].key);
        if (strncmp(line, word[i].key, len) != 0)
            continue;
        if (word[i].kind == AGENT_LEFT_KINDS)
            progress_take(g, line + len);
        else if (word[i].kind == AGENT_LEFT_MESSAGES)
            message_take(g, line + len);
        else if (g->job.pid > 0)
            file_take(g, word[i].kind, line + len);
        return true;
    }
    return false;
}

uint64_t guard_left_turn(struct guard *g, bool is_end)
{
    uint64_t next = output_turn(g, is_end);
    for (int kind = 0; kind < AGENT_LEFT_KINDS; kind++) {
        struct guard_left *l = &g->left;
        uint64_t due = l->told_ms[kind] == 0 ? 0 : l->told_ms[kind] + GUARD_LEFT_EVERY;
        if (!l->is_news[kind])
            continue;
        if (!is_end && g->now_ms < due) {
            next = due < next ? due : next;
            continue;
        }
        char text[2] = { agent_left_letter((enum agent_left)kind), '\0' };
        l->is_news[kind] = false;
        l->told_ms[kind] = g->now_ms;
        guard_link_tell(g, AGENT_GUARD_LEFT, text);
    }
    return next;
}
