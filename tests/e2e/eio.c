/* SPDX-License-Identifier: Apache-2.0 */
/* A shim for LD_PRELOAD: while the file that EIO_WHILE names exists, nothing can be synced. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    const char *marker = getenv("EIO_WHILE");

    if (marker != NULL && access(marker, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
