/* SPDX-License-Identifier: Apache-2.0 */
/* Removing the oldest output when there is too much of it, and what is too old. */
#include "agent/shell/log_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/log_file.h"
#include "base/text.h"

#define FOLDER_MAX 160  /* bytes of a folder's name */
#define OLDEST_MAX 1024 /* files removed in one round */
#define ROUNDS_MAX 64

struct candidate {
    char name[SHELL_LOG_NAME_MAX]; /* begins with the time */
    char folder[FOLDER_MAX];
};

struct sweep {
    int root;
    uint64_t total;
    uint32_t count;
    struct candidate oldest[OLDEST_MAX]; /* in order */
};

static bool is_output(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL && strcmp(dot, SHELL_LOG_ENDING) == 0 && strlen(name) < SHELL_LOG_NAME_MAX;
}

static uint64_t file_size(int folder, const char *name)
{
    struct stat about;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode))
        return 0;
    return (uint64_t)about.st_blocks * 512;
}

/* Keeps it if it is among the oldest. */
static void sweep_note(struct sweep *s, const char *folder, const char *name)
{
    uint32_t at = s->count;
    if (strlen(folder) >= FOLDER_MAX)
        return;
    if (at == OLDEST_MAX && strcmp(s->oldest[at - 1].name, name) <= 0)
        return;
    if (at == OLDEST_MAX)
        at--;
    else
        s->count++;
    for (; at > 0 && strcmp(s->oldest[at - 1].name, name) > 0; at--)
        s->oldest[at] = s->oldest[at - 1];
    memcpy(s->oldest[at].name, name, strlen(name) + 1);
    memcpy(s->oldest[at].folder, folder, strlen(folder) + 1);
}

static DIR *folder_open(int root, const char *name)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

static void sweep_folder(struct sweep *s, const char *folder)
{
    DIR *dir = folder_open(s->root, folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        s->total += file_size(dirfd(dir), entry->d_name);
        if (is_output(entry->d_name))
            sweep_note(s, folder, entry->d_name);
    }
    closedir(dir);
}

static void sweep_count(struct sweep *s)
{
    DIR *dir = folder_open(s->root, ".");
    s->total = 0;
    s->count = 0;
    if (dir == NULL)
        return;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] != '.')
            sweep_folder(s, entry->d_name);
    }
    closedir(dir);
}

/* Removes an attempt's files unless a guard still holds them; gives back their size. */
static uint64_t candidate_remove(const struct sweep *s, const struct candidate *c)
{
    char older[SHELL_LOG_NAME_MAX + sizeof(AGENT_LOG_OLDER)];
    uint64_t size = 0;
    int folder = openat(s->root, c->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int fd = folder < 0 ? -1 : openat(folder, c->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        muster_format(older, sizeof(older), "%s%s", c->name, AGENT_LOG_OLDER)) {
        size = file_size(folder, c->name) + file_size(folder, older);
        unlinkat(folder, older, 0);
        unlinkat(folder, c->name, 0);
        unlinkat(s->root, c->folder, AT_REMOVEDIR); /* if that was the last one */
    }
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return size;
}

/* One round; true when there may be more to remove. */
static bool sweep_round(struct sweep *s, uint64_t total_max)
{
    bool is_any = false;
    sweep_count(s);
    for (uint32_t i = 0; i < s->count && s->total > total_max; i++) {
        uint64_t size = candidate_remove(s, &s->oldest[i]);
        is_any = is_any || size > 0;
        s->total -= size < s->total ? size : s->total;
    }
    return is_any && s->total > total_max;
}

void shell_log_sweep(const char *log_dir, uint64_t total_max)
{
    struct sweep *s = malloc(sizeof(*s));
    if (s == NULL)
        return;
    s->root = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < ROUNDS_MAX && s->root >= 0 && sweep_round(s, total_max); i++)
        continue;
    if (s->root >= 0)
        close(s->root);
    free(s);
}

/* ---- by age */

/* How long it stays after the last word of its attempt, and how long ago that was. */
static bool is_aged(int folder, const char *name, uint64_t now_s)
{
    char head[AGENT_LOGHEAD_MAX];
    struct stat about;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd < 0 || fstat(fd, &about) != 0 ? -1 : pread(fd, head, sizeof(head), 0);
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return false;
    const char *end = memchr(head, '\n', (size_t)len);
    uint64_t keep_s = end == NULL ? 0 : agent_loghead_keep_s(head, (size_t)(end - head));
    uint64_t last_s = about.st_mtime > 0 ? (uint64_t)about.st_mtime : 0;
    return now_s > last_s && now_s - last_s > (keep_s > 0 ? keep_s : SHELL_LOG_KEEP_S);
}

static void aged_folder(struct sweep *s, const char *name, uint64_t now_s)
{
    DIR *dir = strlen(name) < FOLDER_MAX ? folder_open(s->root, name) : NULL;
    if (dir == NULL)
        return;
    s->count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (is_output(entry->d_name) && is_aged(dirfd(dir), entry->d_name, now_s))
            sweep_note(s, name, entry->d_name);
    closedir(dir);
    for (uint32_t i = 0; i < s->count; i++)
        (void)candidate_remove(s, &s->oldest[i]);
}

void shell_log_sweep_aged(const char *log_dir, uint64_t now_s)
{
    struct sweep *s = malloc(sizeof(*s));
    if (s == NULL)
        return;
    s->root = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = s->root < 0 ? NULL : folder_open(s->root, ".");
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir))
        if (entry->d_name[0] != '.')
            aged_folder(s, entry->d_name, now_s);
    if (dir != NULL)
        closedir(dir);
    if (s->root >= 0)
        close(s->root);
    free(s);
}
