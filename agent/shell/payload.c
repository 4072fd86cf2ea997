/* SPDX-License-Identifier: Apache-2.0 */
/* Files of payloads: grown, checked, named, read and removed. */
#include "agent/shell/payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/folder.h"
#include "agent/shell/process.h"
#include "base/crypto.h"
#include "base/text.h"

#define PATH_MAX_OURS 1024
#define SYNC_BYTES    (8u << 20) /* synced so often while it grows */
#define NEW_NAME      ".new-"

/* A file that is not whole yet. */
struct growing {
    LIST_ENTRY(growing) next;
    uint64_t number, size, unsynced;
    int fd, err; /* the first thing that went wrong */
    struct muster_sha256 hash;
    char path[PATH_MAX_OURS];
};

struct op {
    TAILQ_ENTRY(op) next;
    struct shell_payloads *all;
    struct agent_payload_work work;
    struct agent_payload_news news;
    uint8_t *bytes; /* owned: what is written or was read */
    bool is_upload;
};

struct shell_payloads {
    struct shell_payloads_config config;
    char dir[PATH_MAX_OURS];
    uv_work_t work;
    struct op *under_way;
    TAILQ_HEAD(, op) queue;
    LIST_HEAD(, growing) growing; /* the worker's while there is work, else the loop's */
};

/* ---- on the worker */

static int errno_of(int number)
{
    return number == ENOSPC || number == EDQUOT ? MUSTER_ENOSPC
           : number == ENOENT                   ? MUSTER_ENOTFOUND
                                                : MUSTER_EIO;
}

static bool path_of(const struct shell_payloads *p, struct agent_payload_id id, char *out)
{
    char hex[AGENT_PAYLOAD_HEX];
    return muster_format(out, PATH_MAX_OURS, "%s/%s", p->dir, agent_payload_id_hex(id, hex));
}

static struct growing *growing_find(struct shell_payloads *p, uint64_t number)
{
    struct growing *g;
    LIST_FOREACH(g, &p->growing, next)
    if (g->number == number)
        return g;
    return NULL;
}

static void growing_free(struct growing *g)
{
    uint8_t none[MUSTER_SHA256];
    if (g->hash.hash != NULL)
        muster_sha256_end(&g->hash, none);
    if (g->fd >= 0)
        (void)close(g->fd);
    if (g->path[0] != '\0')
        (void)unlink(g->path);
    LIST_REMOVE(g, next);
    free(g);
}

static struct growing *growing_make(struct shell_payloads *p, uint64_t number)
{
    struct growing *g = calloc(1, sizeof *g);
    MUSTER_ASSERT(g != NULL);
    g->number = number;
    LIST_INSERT_HEAD(&p->growing, g, next);
    if (!muster_format(g->path, sizeof g->path, "%s/" NEW_NAME "%llu", p->dir,
                       (unsigned long long)number))
        g->path[0] = '\0';
    g->fd = open(g->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    g->err = g->fd < 0 ? errno_of(errno) : muster_sha256_begin(&g->hash);
    return g;
}

static int bytes_write(struct growing *g, struct muster_bytes bytes)
{
    size_t at = 0;
    while (at < bytes.len) {
        ssize_t n = write(g->fd, bytes.data + at, bytes.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno_of(errno) : MUSTER_ENOSPC;
        at += (size_t)n;
    }
    g->size += bytes.len;
    g->unsynced += bytes.len;
    if (g->unsynced < SYNC_BYTES)
        return MUSTER_OK;
    g->unsynced = 0;
    return fdatasync(g->fd) == 0 ? MUSTER_OK : errno_of(errno);
}

static void write_do(struct shell_payloads *p, struct op *o)
{
    struct growing *g = growing_find(p, o->work.number);
    if (g != NULL && o->work.offset == 0) {
        growing_free(g);
        g = NULL;
    }
    if (g == NULL)
        g = growing_make(p, o->work.number);
    if (g->err == MUSTER_OK && g->size != o->work.offset)
        g->err = MUSTER_EIO;
    if (g->err == MUSTER_OK)
        g->err = bytes_write(g, o->work.bytes);
    if (g->err == MUSTER_OK)
        muster_sha256_add(&g->hash, o->work.bytes);
    o->news.err = g->err;
    o->news.size = g->size;
}

static int folder_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) != 0 ? errno_of(errno) : MUSTER_OK;
    if (fd >= 0)
        (void)close(fd);
    return err;
}

/* Jobs of any user may read it, and nobody is to write it. */
static int growing_name(struct shell_payloads *p, struct growing *g, struct agent_payload_id id)
{
    char path[PATH_MAX_OURS];
    if (!path_of(p, id, path))
        return MUSTER_ELIMIT;
    if (fchmod(g->fd, 0444) != 0 || fsync(g->fd) != 0 || rename(g->path, path) != 0)
        return errno_of(errno);
    g->path[0] = '\0';
    return folder_sync(p->dir);
}

static void finish_do(struct shell_payloads *p, struct op *o)
{
    struct growing *g = growing_find(p, o->work.number);
    struct agent_payload_id id = o->work.id;
    if (g == NULL)
        g = growing_make(p, o->work.number); /* of no bytes at all */
    int err = g->err;
    if (err == MUSTER_OK)
        muster_sha256_end(&g->hash, id.octet);
    bool is_it =
        o->is_upload || (agent_payload_id_equal(id, o->work.id) && g->size == o->work.size);
    if (err == MUSTER_OK && !is_it)
        err = MUSTER_ECORRUPT;
    if (err == MUSTER_OK)
        err = growing_name(p, g, id);
    o->news.err = err;
    o->news.id = id;
    o->news.size = g->size;
    growing_free(g);
}

static void read_do(struct shell_payloads *p, struct op *o)
{
    char path[PATH_MAX_OURS];
    int fd = path_of(p, o->work.id, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    size_t at = 0;
    ssize_t n = 1;
    o->news.err = fd < 0 ? errno_of(errno) : MUSTER_OK;
    while (fd >= 0 && at < o->work.len && n > 0) {
        n = pread(fd, o->bytes + at, o->work.len - at, (off_t)(o->work.offset + at));
        at += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        o->news.err = MUSTER_EIO;
    if (fd >= 0)
        (void)close(fd);
    o->news.bytes = MUSTER_BYTES(o->bytes, at);
}

static void op_work(uv_work_t *work)
{
    struct shell_payloads *p = work->data;
    struct op *o = p->under_way;
    char path[PATH_MAX_OURS];
    struct growing *g;
    shell_process_pace(false);
    switch (o->work.what) {
    case AGENT_PAYLOAD_READ:
        read_do(p, o);
        break;
    case AGENT_PAYLOAD_WRITE:
        write_do(p, o);
        break;
    case AGENT_PAYLOAD_FINISH:
        finish_do(p, o);
        break;
    case AGENT_PAYLOAD_DISCARD:
        g = growing_find(p, o->work.number);
        if (g != NULL)
            growing_free(g);
        break;
    case AGENT_PAYLOAD_REMOVE:
        if (path_of(p, o->work.id, path))
            (void)unlink(path);
        break;
    }
}

/* ---- the queue */

static void op_next(struct shell_payloads *p);

static void op_tell(struct shell_payloads *p, const struct op *o)
{
    const struct shell_payloads_config *c = &p->config;
    bool is_whole = o->work.what == AGENT_PAYLOAD_FINISH;
    if (o->work.what == AGENT_PAYLOAD_DISCARD || o->work.what == AGENT_PAYLOAD_REMOVE)
        return;
    if (!o->is_upload) {
        c->on_news(c->context, &o->news);
        return;
    }
    if (is_whole && o->news.err == MUSTER_OK) {
        struct agent_payload_news found = o->news;
        found.said = AGENT_PAYLOAD_FOUND;
        c->on_news(c->context, &found);
    }
    c->on_upload(c->context, &o->news, is_whole);
}

static void op_done(uv_work_t *work, int status)
{
    struct shell_payloads *p = work->data;
    struct op *o = p->under_way;
    MUSTER_ASSERT(status == 0);
    p->under_way = NULL;
    op_next(p);
    op_tell(p, o);
    free(o->bytes);
    free(o);
}

static void op_next(struct shell_payloads *p)
{
    struct op *o = TAILQ_FIRST(&p->queue);
    if (o == NULL || p->under_way != NULL)
        return;
    TAILQ_REMOVE(&p->queue, o, next);
    p->under_way = o;
    p->work.data = p;
    int err = uv_queue_work(p->config.loop, &p->work, op_work, op_done);
    MUSTER_ASSERT(err == 0);
}

static void op_add(struct shell_payloads *p, const struct agent_payload_work *work, bool is_upload)
{
    static const enum agent_payload_said said[] = {
        [AGENT_PAYLOAD_READ] = AGENT_PAYLOAD_GOT,
        [AGENT_PAYLOAD_WRITE] = AGENT_PAYLOAD_WROTE,
        [AGENT_PAYLOAD_FINISH] = AGENT_PAYLOAD_FINISHED,
        [AGENT_PAYLOAD_DISCARD] = AGENT_PAYLOAD_FINISHED,
        [AGENT_PAYLOAD_REMOVE] = AGENT_PAYLOAD_FINISHED,
    };
    struct op *o = calloc(1, sizeof *o);
    size_t room = work->bytes.len + work->len;
    MUSTER_ASSERT(o != NULL);
    o->bytes = malloc(room + 1);
    MUSTER_ASSERT(o->bytes != NULL);
    o->work = *work;
    o->is_upload = is_upload;
    if (work->bytes.len > 0)
        memcpy(o->bytes, work->bytes.data, work->bytes.len);
    o->work.bytes.data = o->bytes;
    o->news = (struct agent_payload_news){ .said = said[work->what],
                                           .number = work->number,
                                           .id = work->id };
    TAILQ_INSERT_TAIL(&p->queue, o, next);
    op_next(p);
}

void shell_payloads_do(struct shell_payloads *p, const struct agent_payload_work *work)
{
    op_add(p, work, false);
}

void shell_payloads_upload(struct shell_payloads *p, uint64_t number, uint64_t offset,
                           struct muster_bytes bytes)
{
    const struct agent_payload_work w = {
        .what = AGENT_PAYLOAD_WRITE, .number = number, .offset = offset, .bytes = bytes
    };
    op_add(p, &w, true);
}

void shell_payloads_upload_end(struct shell_payloads *p, uint64_t number)
{
    const struct agent_payload_work w = { .what = AGENT_PAYLOAD_FINISH, .number = number };
    op_add(p, &w, true);
}

void shell_payloads_upload_drop(struct shell_payloads *p, uint64_t number)
{
    const struct agent_payload_work w = { .what = AGENT_PAYLOAD_DISCARD, .number = number };
    op_add(p, &w, true);
}

/* ---- opening and closing */

const char *shell_payloads_dir(const struct shell_payloads *p)
{
    return p->dir;
}

/* The data folder is its agent's own, and yet a job that runs as somebody else has to reach what it
 * was given: it may pass through, and see nothing. */
static void folder_let_through(const char *data_dir)
{
    struct stat s;
    if (stat(data_dir, &s) == 0 && (s.st_mode & 0011) != 0011)
        (void)chmod(data_dir, (s.st_mode & 07777) | 0011);
}

static void leftovers_remove(const char *dir)
{
    char path[PATH_MAX_OURS];
    const struct dirent *e;
    DIR *d = opendir(dir);
    while (d != NULL && (e = readdir(d)) != NULL)
        if (strncmp(e->d_name, NEW_NAME, sizeof NEW_NAME - 1) == 0 &&
            muster_format(path, sizeof path, "%s/%s", dir, e->d_name))
            (void)unlink(path);
    if (d != NULL)
        (void)closedir(d);
}

int shell_payloads_open(struct shell_payloads **out, const struct shell_payloads_config *config,
                        char *why, size_t size)
{
    struct shell_payloads *p = calloc(1, sizeof *p);
    char reason[128];
    MUSTER_ASSERT(p != NULL);
    p->config = *config;
    TAILQ_INIT(&p->queue);
    LIST_INIT(&p->growing);
    *out = p;
    if (!muster_format(p->dir, sizeof p->dir, "%s/" SHELL_PAYLOAD_DIR, config->data_dir)) {
        (void)muster_format(why, size, "%s: the path is too long; see `data_dir`",
                            config->data_dir);
        return MUSTER_ELIMIT;
    }
    if (mkdir(p->dir, 0711) != 0 && errno != EEXIST) {
        (void)muster_format(why, size, "%s cannot be made: %s", p->dir,
                            strerror_r(errno, reason, sizeof reason));
        return errno_of(errno);
    }
    folder_let_through(config->data_dir);
    leftovers_remove(p->dir);
    return MUSTER_OK;
}

void shell_payloads_scan(struct shell_payloads *p)
{
    const struct dirent *e;
    DIR *d = opendir(p->dir);
    while (d != NULL && (e = readdir(d)) != NULL) {
        struct agent_payload_news news = { .said = AGENT_PAYLOAD_FOUND };
        struct stat s;
        if (!agent_payload_id_parse(&news.id, muster_bytes_text(e->d_name)) ||
            fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
            continue;
        news.size = (uint64_t)s.st_size;
        p->config.on_news(p->config.context, &news);
    }
    if (d != NULL)
        (void)closedir(d);
}

void shell_payloads_close(struct shell_payloads *p)
{
    if (p == NULL)
        return;
    MUSTER_ASSERT(p->under_way == NULL);
    struct op *o;
    while ((o = TAILQ_FIRST(&p->queue)) != NULL) {
        TAILQ_REMOVE(&p->queue, o, next);
        free(o->bytes);
        free(o);
    }
    struct growing *g;
    while ((g = LIST_FIRST(&p->growing)) != NULL)
        growing_free(g);
    free(p);
}
