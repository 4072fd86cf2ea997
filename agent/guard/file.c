/* SPDX-License-Identifier: Apache-2.0 */
/* Output files on disk: appending whole records, rotating by size, keeping a few. */
#include "agent/guard/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guard/guard.h"

#define FILE_RETRY_MS  1000
#define FILE_NAME_LEN  64  /* longest name that is looked at */
#define FILE_NAMES_MAX 256 /* files looked at in one go; the next attempt sees the rest */
#define FILE_ENDING    ".log"

static void folder_make(const struct guard_output *o)
{
    char folder[GUARD_PATH_MAX];
    memcpy(folder, o->path, strlen(o->path) + 1);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return;
    *slash = '\0';
    mkdir(folder, 0750); /* output may hold secrets; trouble shows when the file is opened again */
}

static void file_refused(struct guard_output *o, uint64_t bytes, int err)
{
    o->lost += bytes;
    o->lost_err = err;
}

/* Opens and heads a new file at o->path. A failed write is retried like a failed open. */
static bool file_start(struct guard_output *o)
{
    char head[AGENT_LOGHEAD_MAX];
    int fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    size_t len = agent_loghead_write(head, o->base, o->token, o->attempt, o->keep_s, o->run);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || write(fd, head, len) != (ssize_t)len) {
        int err = errno;
        close(fd);
        errno = err;
        return false;
    }
    o->fd = fd;
    o->size = len;
    return true;
}

void guard_file_open(struct guard_output *o, uint64_t now_ms)
{
    bool is_open = file_start(o);
    if (!is_open && errno == ENOENT) {
        folder_make(o);
        is_open = file_start(o);
    }
    if (!is_open) {
        o->lost_err = errno;
        o->retry_ms = now_ms + FILE_RETRY_MS;
    }
}

static void file_rotate(struct guard_output *o, uint64_t now_ms)
{
    char older[GUARD_PATH_MAX + sizeof(AGENT_LOG_OLDER)];
    snprintf(older, sizeof(older), "%s" AGENT_LOG_OLDER, o->path);
    if (rename(o->path, older) != 0 && errno != ENOENT) {
        o->lost_err = errno; /* the full file stays, and refuses, until a rename works */
        return;
    }
    close(o->fd);
    o->fd = -1;
    o->base += o->size;
    o->size = 0;
    guard_file_open(o, now_ms);
}

/* Appends, or takes back what did not fit: the file holds whole records only. */
static bool file_append(struct guard_output *o, const char *data, size_t len)
{
    ssize_t count = write(o->fd, data, len);
    if (count == (ssize_t)len) {
        o->size += len;
        return true;
    }
    file_refused(o, len, count < 0 ? errno : ENOSPC);
    if (count > 0 && ftruncate(o->fd, (off_t)o->size) != 0)
        o->size += (uint64_t)count; /* a torn record: readers skip it */
    return false;
}

static void file_confess(struct guard_output *o)
{
    char note[AGENT_LOGLINE_HEAD_MAX + 128];
    size_t len = agent_logline_head(note, o->wall_ms, AGENT_LOGLINE_GUARD, o->attempt, false);
    int text = snprintf(note + len, sizeof(note) - len, "%llu bytes of output were lost: %s\n",
                        (unsigned long long)o->lost, strerror(o->lost_err));
    uint64_t lost = o->lost;
    o->lost = 0;
    if (!file_append(o, note, len + (size_t)text))
        o->lost = lost; /* the note itself is no output */
}

void guard_file_flush(struct guard_output *o, uint64_t now_ms)
{
    if (o->len == 0)
        return;
    if (o->fd < 0 && now_ms >= o->retry_ms)
        guard_file_open(o, now_ms);
    if (o->fd >= 0 && o->size + o->len > o->max)
        file_rotate(o, now_ms);
    if (o->fd < 0 || o->size + o->len > o->max) {
        file_refused(o, o->len, o->lost_err);
    } else {
        if (o->lost > 0)
            file_confess(o);
        if (o->lost == 0)
            file_append(o, o->out, o->len);
        else
            file_refused(o, o->len, o->lost_err);
    }
    o->len = 0;
}

/* The last bytes of a file; how many. */
static size_t bytes_tail(const char *path, char *data, size_t size)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    off_t from =
        fstat(fd, &about) == 0 && (uint64_t)about.st_size > size ? about.st_size - (off_t)size : 0;
    ssize_t len = pread(fd, data, size, from);
    close(fd);
    return len > 0 ? (size_t)len : 0;
}

/* A file that has just been rotated has the rest in the one before it. */
size_t guard_file_tail(const struct guard_output *o, char *data, size_t size)
{
    char older[GUARD_PATH_MAX + sizeof(AGENT_LOG_OLDER)];
    size_t len = bytes_tail(o->path, data, size), more = 0;
    if (len < size && o->base > 0) {
        memmove(data + size - len, data, len);
        snprintf(older, sizeof(older), "%s" AGENT_LOG_OLDER, o->path);
        more = bytes_tail(older, data, size - len);
        memmove(data + more, data + size - len, len);
    }
    len += more;
    bool is_cut = len == size || (len > 0 && data[0] == '#'); /* in a record, or before a head */
    const char *end = is_cut ? memchr(data, '\n', len) : NULL;
    size_t skip = end != NULL ? (size_t)(end - data) + 1 : 0;
    memmove(data, data + skip, len - skip);
    return len - skip;
}

struct name {
    char text[FILE_NAME_LEN];
};

static bool is_output(const char *name)
{
    size_t len = strlen(name), ending = sizeof(FILE_ENDING) - 1;
    return len > ending && len < FILE_NAME_LEN && strcmp(name + len - ending, FILE_ENDING) == 0;
}

/* Inserts in order, oldest first: names begin with the time their attempt began. */
static size_t names_add(struct name *names, size_t count, const char *text)
{
    size_t at = count;
    if (count == FILE_NAMES_MAX)
        return count;
    for (; at > 0 && strcmp(names[at - 1].text, text) > 0; at--)
        names[at] = names[at - 1];
    memcpy(names[at].text, text, strlen(text) + 1);
    return count + 1;
}

static void file_remove(int folder, const char *name)
{
    char older[FILE_NAME_LEN + sizeof(AGENT_LOG_OLDER)];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    /* The lock tells an ended attempt, if the name still means the file that was locked. */
    struct stat locked, found;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &locked) == 0 &&
        fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && locked.st_ino == found.st_ino) {
        snprintf(older, sizeof(older), "%s" AGENT_LOG_OLDER, name);
        unlinkat(folder, older, 0);
        unlinkat(folder, name, 0);
    }
    close(fd);
}

void guard_file_prune(const struct guard_output *o)
{
    struct name names[FILE_NAMES_MAX];
    char folder[GUARD_PATH_MAX];
    size_t count = 0;
    const char *slash = strrchr(o->path, '/');
    if (slash == NULL)
        return;
    snprintf(folder, sizeof(folder), "%.*s", (int)(slash - o->path), o->path);
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (is_output(entry->d_name))
            count = names_add(names, count, entry->d_name);
    }
    for (size_t i = 0; i + GUARD_LOGS_KEPT < count; i++)
        file_remove(dirfd(dir), names[i].text);
    closedir(dir);
}

void guard_file_close(struct guard_output *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}
