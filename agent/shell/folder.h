/* Folder: a directory that one process at a time may use, and how to tell it from a copy of itself.
 *
 * memory   none
 * errors   MUSTER_EBUSY another process holds it, MUSTER_EDENIED, MUSTER_ENOSPC, MUSTER_EINVAL
 *          something else stands there, MUSTER_EIO; with a sentence that names the path
 * threads  any
 */
#ifndef MUSTER_AGENT_SHELL_FOLDER_H
#define MUSTER_AGENT_SHELL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SHELL_HOME_MAX 128 /* bytes of a home as text, with the NUL */

/* Makes it and what is missing above it (mode 0700 for the last one) and locks it; the lock is held
 * until `fd` is closed. */
MUSTER_MUST_USE int shell_folder_lock(const char *path, int *fd, char *why, size_t size);

/* Where the locked folder lives, as text: machine, inode, time of birth. */
void shell_folder_home(int lock, char out[SHELL_HOME_MAX]);
/* True when both may be the same place; what either does not know does not count. */
bool shell_folder_is_home(const char *stored, const char *now);

/* Removes it with all that is in it. */
void shell_folder_remove(const char *path);

/* An errno as an outcome. */
int shell_errno(int number);

#endif
