/* SPDX-License-Identifier: Apache-2.0 */
/* Making, locking, recognizing and removing a folder. */
#include "agent/shell/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define FOLDER_PATH_MAX 1024
#define FOLDER_LOCK     "agent.lock"

int shell_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return MUSTER_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return MUSTER_EDENIED;
    case ENOTDIR:
    case EEXIST:
    case ENAMETOOLONG:
    case ELOOP:
        return MUSTER_EINVAL;
    default:
        return MUSTER_EIO;
    }
}

static int refused(const char *path, const char *what, int number, char *why, size_t size)
{
    char reason[128];
    const char *text = number == ENOSPC   ? "no space left on this disk"
                       : number == EEXIST ? "something that is no folder stands there"
                                          : strerror_r(number, reason, sizeof reason);
    (void)muster_format(why, size, "%s: the data folder cannot be %s: %s; see `data_dir`", path,
                        what, text);
    return shell_errno(number);
}

/* Every folder on the way; errno is set when it returns false. */
static bool folders_make(const char *path)
{
    char part[FOLDER_PATH_MAX];
    struct stat s;
    if (!muster_format(part, sizeof part, "%s", path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    if (mkdir(part, 0700) == 0)
        return true;
    if (errno != EEXIST || stat(part, &s) != 0)
        return false;
    errno = EEXIST;
    return S_ISDIR(s.st_mode);
}

static int held(const char *path, int fd, char *why, size_t size)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    (void)muster_format(
        why, size, "%s: the data folder is in use by another agent (process %s); see `data_dir`",
        path, pid[0] != '\0' ? pid : "unknown");
    return MUSTER_EBUSY;
}

int shell_folder_lock(const char *path, int *fd, char *why, size_t size)
{
    char file[FOLDER_PATH_MAX], pid[16];
    *fd = -1;
    if (!folders_make(path))
        return refused(path, "made", errno, why, size);
    if (!muster_format(file, sizeof file, "%s/" FOLDER_LOCK, path))
        return refused(path, "used", ENAMETOOLONG, why, size);
    *fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return refused(path, "used", errno, why, size);
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno == EWOULDBLOCK ? held(path, *fd, why, size)
                                       : refused(path, "locked", errno, why, size);
        (void)close(*fd);
        *fd = -1;
        return err;
    }
    /* For people only; a disk too full for it is found out by those who need it. */
    (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(*fd, 0) == 0)
        (void)!pwrite(*fd, pid, strlen(pid), 0);
    return MUSTER_OK;
}

/* ---- home */

static void machine_read(char *out, size_t size)
{
    FILE *file = fopen("/etc/machine-id", "re");
    if (file == NULL || fgets(out, (int)size, file) == NULL)
        out[0] = '\0';
    if (file != NULL)
        (void)fclose(file);
    out[strspn(out, "0123456789abcdef")] = '\0';
    if (out[0] == '\0')
        (void)snprintf(out, size, "-");
}

void shell_folder_home(int lock, char out[SHELL_HOME_MAX])
{
    char machine[40], born[40] = "-";
    struct statx s = { 0 };
    machine_read(machine, sizeof machine);
    if (statx(lock, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) == 0 &&
        (s.stx_mask & STATX_BTIME) != 0)
        (void)snprintf(born, sizeof born, "%lld.%09u", (long long)s.stx_btime.tv_sec,
                       s.stx_btime.tv_nsec);
    (void)snprintf(out, SHELL_HOME_MAX, "%s %llu %s", machine, (unsigned long long)s.stx_ino, born);
}

bool shell_folder_is_home(const char *stored, const char *now)
{
    while (*stored != '\0' && *now != '\0') {
        size_t a = strcspn(stored, " "), b = strcspn(now, " ");
        bool is_unknown = *stored == '-' || *now == '-';
        if (!is_unknown && (a != b || memcmp(stored, now, a) != 0))
            return false;
        stored += a + (stored[a] == ' ');
        now += b + (now[b] == ' ');
    }
    return *stored == *now;
}

/* ---- the end of a folder that was only borrowed */

static int entry_remove(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    (void)s;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

void shell_folder_remove(const char *path)
{
    (void)nftw(path, entry_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
