/* SPDX-License-Identifier: Apache-2.0 */
/* A library to preload: while the file that EIO_WHILE names exists, nothing can be synced. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
    const char *marker = getenv("EIO_WHILE");

    if (marker == NULL || access(marker, F_OK) != 0)
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}
