/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing the file of the keyring. */
#include "agent/shell/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keys.h"
#include "agent/shell/folder.h"
#include "base/text.h"

static int refused(const char *path, int number, char *why, size_t size)
{
    char reason[128];
    (void)muster_format(why, size, "%s: the keyring cannot be read: %s; see `encrypt`", path,
                        strerror_r(number, reason, sizeof reason));
    return number == ENOENT ? MUSTER_EINVAL : shell_errno(number);
}

static int file_take(struct shell_keyfile *k, int fd, char *why, size_t size)
{
    char text[AGENT_KEYS_TEXT];
    ssize_t n = read(fd, text, sizeof text);
    if (n < 0)
        return refused(k->path, errno, why, size);
    int err = (size_t)n == sizeof text ? MUSTER_EINVAL
                                       : agent_keys_read(&k->ring, MUSTER_BYTES(text, (size_t)n));
    muster_wipe(text, sizeof text);
    if (err == MUSTER_OK && k->ring.count > 0)
        return MUSTER_OK;
    (void)muster_format(why, size,
                        err == MUSTER_EFULL ? "%s: more keys than the %d a ring has room for"
                                            : "%s: no keyring: a key as `muster keygen` prints it, "
                                              "or a JSON list of up to %d of them",
                        k->path, GOSSIP_KEYS_MAX);
    return MUSTER_EINVAL;
}

static int file_read(struct shell_keyfile *k, struct shell_journal *journal, char *why, size_t size)
{
    struct stat s;
    int fd = open(k->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refused(k->path, errno, why, size);
    int err = file_take(k, fd, why, size);
    if (err == MUSTER_OK && fstat(fd, &s) == 0 && (s.st_mode & (S_IROTH | S_IWOTH)) != 0)
        shell_journal(journal, AGENT_LOG_WARN,
                      "%s: every user of this host may read the keys; chmod 600", k->path);
    (void)close(fd);
    return err;
}

/* The file in the data folder knows of changes, the configuration does not. */
static int own_read(struct shell_keyfile *k, const struct agent_config *c,
                    struct shell_journal *journal, char *why, size_t size)
{
    struct muster_bytes key = muster_bytes_text(c->encrypt_key);
    if (access(k->path, F_OK) != 0)
        return agent_keys_read(&k->ring, key);
    int err = file_read(k, journal, why, size);
    uint32_t count = k->ring.count;
    if (err != MUSTER_OK || agent_keys_read(&k->ring, key) != MUSTER_OK || k->ring.count == count)
        return err;
    shell_journal(journal, AGENT_LOG_WARN,
                  "the key that `encrypt` names is not in %s, which counts since keys were changed "
                  "there; remove that file to begin anew with it",
                  k->path);
    return gossip_keyring_remove(&k->ring, gossip_keyring_at(&k->ring, count));
}

int shell_keyfile_open(struct shell_keyfile *k, const struct agent_config *c, const char *data_dir,
                       struct shell_journal *journal, char *why, size_t size)
{
    *k = (struct shell_keyfile){ .path = "" };
    if (c->encrypt_file != NULL) {
        (void)muster_format(k->path, sizeof k->path, "%s", c->encrypt_file);
        return file_read(k, journal, why, size);
    }
    if (c->encrypt_key == NULL)
        return MUSTER_OK;
    (void)muster_format(k->path, sizeof k->path, "%s/keyring", data_dir);
    return own_read(k, c, journal, why, size);
}

void shell_keyfile_close(struct shell_keyfile *k)
{
    gossip_keyring_close(&k->ring);
}

/* ---- writing */

static bool file_write(const char *path, struct muster_bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int number = errno;
    (void)close(fd);
    errno = number;
    return ok;
}

static bool folder_sync(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash == path ? slash + 1 : slash) = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

void shell_keyfile_save(const char *path, struct muster_bytes text, struct shell_journal *journal)
{
    char beside[SHELL_PATH_MAX + 32], reason[128];
    bool fits = muster_format(beside, sizeof beside, "%s.new", path);
    if (fits && file_write(beside, text) && rename(beside, path) == 0) {
        if (folder_sync(beside))
            return;
    }
    shell_journal(journal, AGENT_LOG_ERROR,
                  "%s: the keyring cannot be written: %s; it counts here until this agent is "
                  "started again, then the old one does",
                  path, strerror_r(errno, reason, sizeof reason));
}
