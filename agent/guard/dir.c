/* SPDX-License-Identifier: Apache-2.0 */
/* The run directory: made exclusively, locked for life, written by renames. */
#include "agent/guard/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DIR_MODE     0711 /* the job must reach its notify socket and see nothing else */
#define LISTEN_QUEUE 4

static int dir_lock(struct guard_dir *d)
{
    d->lock_fd = openat(d->fd, GUARD_FILE_LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (d->lock_fd < 0 || flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno;
    /* An agent that scans between the two calls above may have taken the lock and swept this empty
     * directory away. Then the lock is on a file that nobody will find. */
    struct stat held, found;
    if (fstat(d->lock_fd, &held) != 0 ||
        fstatat(d->fd, GUARD_FILE_LOCK, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    return held.st_ino == found.st_ino ? 0 : EEXIST;
}

int guard_dir_open(struct guard_dir *d, const char *path)
{
    d->fd = d->lock_fd = -1;
    size_t len = strlen(path);
    if (len > GUARD_DIR_MAX)
        return ENAMETOOLONG;
    memcpy(d->path, path, len + 1);
    if (mkdir(path, DIR_MODE) != 0)
        return errno;
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd < 0 ? errno : dir_lock(d);
}

static int write_whole(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, data, len);
        if (count < 0 && errno != EINTR)
            return errno;
        if (count > 0) {
            data += count;
            len -= (size_t)count;
        }
    }
    return 0;
}

int guard_dir_write(const struct guard_dir *d, const char *name, const char *data, size_t len,
                    bool is_durable)
{
    int fd = openat(d->fd, GUARD_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int err = write_whole(fd, data, len);
    if (err == 0 && is_durable && fsync(fd) != 0)
        err = errno;
    if (close(fd) != 0 && err == 0)
        err = errno;
    if (err == 0 && renameat(d->fd, GUARD_FILE_NEW, d->fd, name) != 0)
        err = errno;
    if (err == 0 && is_durable && fsync(d->fd) != 0)
        err = errno;
    return err;
}

int guard_dir_socket(const struct guard_dir *d, const char *name, int type, mode_t mode)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", d->path, name);
    if (len < 0 || len > GUARD_SOCKET_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* The mode of a socket file is that of the socket: set before the name exists, nobody can slip
     * in between. */
    if (fchmod(fd, mode) == 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        (type != SOCK_SEQPACKET || listen(fd, LISTEN_QUEUE) == 0))
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

int guard_dir_take(const struct guard_dir *d, const char *path, const char *name)
{
    return renameat(AT_FDCWD, path, d->fd, name) == 0 ? 0 : errno;
}

int guard_dir_give(const struct guard_dir *d, const char *name, uid_t uid)
{
    return fchownat(d->fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

void guard_dir_close(struct guard_dir *d, bool has_exit)
{
    static const char *const names[] = { GUARD_FILE_CTL, GUARD_FILE_NOTIFY, GUARD_FILE_PID,
                                         GUARD_FILE_NEW, GUARD_FILE_BEFORE, GUARD_FILE_LOCK };
    static const char *const left[] = { GUARD_FILE_CHECKPOINT, GUARD_FILE_RESULT,
                                        GUARD_FILE_MESSAGES, GUARD_FILE_OUTPUT };
    if (d->fd < 0)
        return;
    for (size_t i = 0; !has_exit && i < sizeof(left) / sizeof(left[0]); i++)
        unlinkat(d->fd, left[i], 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(d->fd, names[i], 0);
    if (!has_exit)
        rmdir(d->path);
    close(d->fd);
    d->fd = -1;
}
