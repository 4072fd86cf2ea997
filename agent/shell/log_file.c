/* SPDX-License-Identifier: Apache-2.0 */
/* Names of output files, and reading them block by block across rotations. */
#include "agent/shell/log_file.h"

#include "agent/logview.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

/* ---- names */

static uint64_t name_hash(const char *run)
{
    uint64_t hash = muster_hash64(muster_bytes_text(run), 0);
    return hash == 0 ? 1 : hash;
}

/* A slash becomes '+' and a dot in front ',': neither may stand in a name, so no two jobs share a
 * folder, and none is hidden or leads elsewhere. */
static bool folder_of(char *out, size_t size, const char *log_dir, const char *job)
{
    if (!muster_format(out, size, "%s/%s", log_dir, job))
        return false;
    char *name = out + strlen(log_dir) + 1;
    if (name[0] == '.')
        name[0] = ',';
    for (; *name != '\0'; name++) {
        if (*name == '/')
            *name = '+';
    }
    return true;
}

bool shell_log_path(char *out, size_t size, const char *log_dir, const char *id,
                    const struct agent_launch *launch)
{
    char folder[SHELL_LOG_PATH_MAX];
    return folder_of(folder, sizeof(folder), log_dir, launch->job) &&
           muster_format(out, size, "%s/%s-%016" PRIx64 "-%08" PRIx32 "-%016" PRIx64 "%s", folder,
                         id, launch->token, launch->attempt, name_hash(launch->run),
                         SHELL_LOG_ENDING);
}

static bool name_fits(const struct shell_log_reader *r, const char *name)
{
    uint64_t when, token, run_hash;
    uint32_t attempt;
    char ending[8];
    return strlen(name) < SHELL_LOG_NAME_MAX &&
           sscanf(name, "%16" SCNx64 "-%16" SCNx64 "-%8" SCNx32 "-%16" SCNx64 "%7s", &when, &token,
                  &attempt, &run_hash, ending) == 5 &&
           strcmp(ending, SHELL_LOG_ENDING) == 0 && (r->attempt == 0 || attempt == r->attempt) &&
           (r->run_hash == 0 || run_hash == r->run_hash);
}

/* The latest file that fits (or, with `after`, the first one later than that); false without one.
 */
static bool name_find(const struct shell_log_reader *r, const char *after, char *name)
{
    DIR *dir = opendir(r->folder);
    name[0] = '\0';
    if (dir == NULL)
        return false;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!name_fits(r, entry->d_name))
            continue;
        bool is_better = after == NULL ? strcmp(entry->d_name, name) > 0
                                       : strcmp(entry->d_name, after) > 0 &&
                                             (name[0] == '\0' || strcmp(entry->d_name, name) < 0);
        if (is_better)
            memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
    }
    closedir(dir);
    return name[0] != '\0';
}

/* ---- files */

static bool head_read(int fd, uint64_t *base)
{
    char head[AGENT_LOGHEAD_MAX];
    ssize_t len = pread(fd, head, sizeof(head), 0);
    const char *end = len > 0 ? memchr(head, '\n', (size_t)len) : NULL;
    return end != NULL && agent_loghead_parse(base, head, (size_t)(end - head));
}

static int file_open(const struct shell_log_reader *r, bool is_older, uint64_t *base)
{
    char path[2 * SHELL_LOG_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s%s", r->folder, r->name, is_older ? AGENT_LOG_OLDER : "");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && !head_read(fd, base)) {
        close(fd); /* its guard is just making it */
        fd = -1;
    }
    return fd;
}

/* Opens the file that holds r->offset, or the oldest there is behind it. */
static bool reader_find(struct shell_log_reader *r)
{
    uint64_t base = 0, older_base = 0;
    int fd = file_open(r, false, &base);
    int older = fd >= 0 && base <= r->offset ? -1 : file_open(r, true, &older_base);
    if (older >= 0 && fd >= 0 && older_base >= base) {
        close(older); /* rotated between the two looks: what is open as newer is the older one */
        older = -1;
    }
    if (older >= 0 && fd >= 0)
        close(fd);
    if (r->fd >= 0)
        close(r->fd);
    r->is_older = older >= 0;
    r->fd = older >= 0 ? older : fd;
    r->base = older >= 0 ? older_base : base;
    r->offset = r->offset < r->base ? r->base : r->offset;
    r->len = 0;
    return r->fd >= 0;
}

/* What the open file was called may belong to another by now. */
static bool was_rotated(const struct shell_log_reader *r)
{
    char path[2 * SHELL_LOG_PATH_MAX];
    struct stat open_one, named;
    snprintf(path, sizeof(path), "%s/%s", r->folder, r->name);
    return r->is_older || (fstat(r->fd, &open_one) == 0 && stat(path, &named) == 0 &&
                           open_one.st_ino != named.st_ino);
}

/* Goes on behind the end of a file that was rotated away; false when nothing is there yet. */
static bool reader_next(struct shell_log_reader *r)
{
    uint64_t before = r->base, end = r->offset;
    if (!reader_find(r))
        return false;
    if (r->base == before && r->is_older) { /* the next file does not begin where this one ended */
        r->offset = UINT64_MAX;
        if (!reader_find(r))
            return false;
        r->offset = r->base > end ? r->base : end;
    }
    return r->base != before;
}

/* ---- the reader */

int shell_log_open(struct shell_log_reader *r, const char *log_dir, const char *name,
                   uint32_t attempt, uint64_t offset)
{
    char job[SHELL_LOG_PATH_MAX];
    *r = (struct shell_log_reader){ .fd = -1, .attempt = attempt, .offset = offset };
    if (!muster_format(job, sizeof(job), "%s", name) ||
        !folder_of(r->folder, sizeof(r->folder), log_dir, job))
        return MUSTER_ENOTFOUND;
    if (access(r->folder, F_OK) != 0) { /* a run's name: the job's, and what makes it one of many */
        char *end = strpbrk(job, "@:%");
        end = end == NULL ? strrchr(job, '.') : end;
        if (end == NULL)
            return MUSTER_ENOTFOUND;
        *end = '\0';
        r->run_hash = name_hash(name);
        if (!folder_of(r->folder, sizeof(r->folder), log_dir, job))
            return MUSTER_ENOTFOUND;
    }
    if (!name_find(r, NULL, r->name) || !reader_find(r))
        return MUSTER_ENOTFOUND;
    r->buffer = malloc(SHELL_LOG_BLOCK);
    if (r->buffer != NULL)
        return MUSTER_OK;
    shell_log_close(r);
    return MUSTER_EFULL;
}

/* Hands out the whole lines in the buffer, keeps what is left over. */
static void lines_take(struct shell_log_reader *r, uint64_t at, void *context,
                       void (*take)(void *, const struct agent_logline *, uint64_t))
{
    char *line = r->buffer, *limit = r->buffer + r->len, *end;
    while (line < limit && (end = memchr(line, '\n', (size_t)(limit - line))) != NULL) {
        struct agent_logline record;
        uint64_t next = at + (uint64_t)(end + 1 - r->buffer);
        if (agent_logline_parse(&record, line, (size_t)(end - line)))
            take(context, &record, next);
        line = end + 1;
    }
    r->len = (size_t)(limit - line);
    memmove(r->buffer, line, r->len);
    if (r->len == SHELL_LOG_BLOCK)
        r->len = 0; /* no record is that long: skip to the next newline */
}

bool shell_log_read(struct shell_log_reader *r, void *context,
                    void (*take)(void *context, const struct agent_logline *record, uint64_t next))
{
    MUSTER_ASSERT(r->buffer != NULL);
    MUSTER_ASSERT(r->len < SHELL_LOG_BLOCK);
    if (r->fd < 0)
        return false;
    bool is_moved = was_rotated(r); /* before the read: then nothing more will be appended */
    ssize_t count =
        pread(r->fd, r->buffer + r->len, SHELL_LOG_BLOCK - r->len, (off_t)(r->offset - r->base));
    if (count > 0) {
        uint64_t at = r->offset - r->len;
        r->len += (size_t)count;
        r->offset += (uint64_t)count;
        lines_take(r, at, context, take);
        return true;
    }
    return is_moved && reader_next(r);
}

struct tail {
    uint32_t lines; /* still wanted */
    bool want_stdout, want_stderr;
    uint32_t start_count;
    uint32_t start[SHELL_LOG_BLOCK / 10]; /* where wanted records of one block begin */
};

/* Notes where the wanted records of a block begin; gives where its first whole line begins. */
static size_t tail_block(struct tail *t, const char *block, size_t len, bool is_first)
{
    const char *limit = block + len;
    const char *end = is_first ? NULL : memchr(block, '\n', len);
    const char *line = is_first ? block : end == NULL ? limit : end + 1;
    size_t begin = (size_t)(line - block);
    t->start_count = 0;
    while (line < limit && (end = memchr(line, '\n', (size_t)(limit - line))) != NULL) {
        struct agent_logline record;
        if (agent_logline_parse(&record, line, (size_t)(end - line)) &&
            agent_logview_wants(&record, t->want_stdout, t->want_stderr) &&
            t->start_count < sizeof(t->start) / sizeof(t->start[0]))
            t->start[t->start_count++] = (uint32_t)(line - block);
        line = end + 1;
    }
    return begin;
}

/* Walks back through the open file; true when the place was found in it. */
static bool tail_file(struct shell_log_reader *r, struct tail *t)
{
    struct stat about;
    uint64_t end = fstat(r->fd, &about) == 0 && about.st_size > 0 ? (uint64_t)about.st_size : 0;
    while (end > 0) {
        uint64_t begin = end > SHELL_LOG_BLOCK ? end - SHELL_LOG_BLOCK : 0;
        ssize_t len = pread(r->fd, r->buffer, (size_t)(end - begin), (off_t)begin);
        if (len <= 0)
            break;
        size_t first = tail_block(t, r->buffer, (size_t)len, begin == 0);
        if (t->start_count >= t->lines) {
            r->offset = r->base + begin + t->start[t->start_count - t->lines];
            return true;
        }
        t->lines -= t->start_count;
        /* The cut line at the block's begin belongs to the next block as a whole. */
        end = first < (size_t)len ? begin + first : begin;
    }
    r->offset = r->base;
    return false;
}

void shell_log_tail(struct shell_log_reader *r, uint32_t lines, bool want_stdout, bool want_stderr)
{
    struct tail *t = malloc(sizeof(*t));
    MUSTER_ASSERT(lines > 0);
    if (t == NULL)
        return;
    *t = (struct tail){ .lines = lines, .want_stdout = want_stdout, .want_stderr = want_stderr };
    r->offset = UINT64_MAX; /* the newest file */
    if (!reader_find(r)) {
        r->offset = 0;
    } else if (!tail_file(r, t)) {
        uint64_t newest = r->base;
        r->offset = 0; /* that is not enough: and the one before */
        if (reader_find(r) && r->base < newest)
            (void)tail_file(r, t);
    }
    r->len = 0;
    free(t);
}

bool shell_log_has_ended(const struct shell_log_reader *r)
{
    if (r->fd < 0)
        return true; /* removed, to make room */
    if (r->is_older || flock(r->fd, LOCK_SH | LOCK_NB) != 0)
        return false;
    flock(r->fd, LOCK_UN);
    return true;
}

bool shell_log_advance(struct shell_log_reader *r)
{
    char name[SHELL_LOG_NAME_MAX], before[SHELL_LOG_NAME_MAX];
    if (!name_find(r, r->name, name))
        return false;
    memcpy(before, r->name, sizeof(before));
    memcpy(r->name, name, sizeof(name));
    uint64_t offset = r->offset;
    r->offset = 0;
    if (reader_find(r))
        return true;
    memcpy(r->name, before, sizeof(before)); /* not readable yet: the old one again */
    r->offset = offset;
    (void)reader_find(r);
    return false;
}

void shell_log_close(struct shell_log_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->buffer);
    r->fd = -1;
    r->buffer = NULL;
}
