/* Dir: the run directory, its lock, its records and its sockets.
 *
 * memory   held by value
 * errors   errno, 0 when all went well
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_DIR_H
#define MUSTER_AGENT_GUARD_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/guard/protocol.h"

struct guard_dir {
    char path[GUARD_DIR_MAX + 1];
    int fd;      /* -1 before it exists */
    int lock_fd; /* held until the process ends */
};

/* Makes the directory, which must not exist yet, and takes its lock. */
int guard_dir_open(struct guard_dir *d, const char *path);

/* Replaces a file as a whole; `is_durable` also waits for the disk. */
int guard_dir_write(const struct guard_dir *d, const char *name, const char *data, size_t len,
                    bool is_durable);

/* A bound socket, close-on-exec and non-blocking, or -1 with errno. SOCK_SEQPACKET listens at once.
 */
int guard_dir_socket(const struct guard_dir *d, const char *name, int type, mode_t mode);

/* Moves a file of the agent's in here. 0, or errno. */
int guard_dir_take(const struct guard_dir *d, const char *path, const char *name);

/* Lets this user, and nobody else but root, write to the socket. */
int guard_dir_give(const struct guard_dir *d, const char *name, uid_t uid);

/* Removes what nobody needs beside an exit record; without one, the whole directory. */
void guard_dir_close(struct guard_dir *d, bool has_exit);

#endif
