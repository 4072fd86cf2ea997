/* SPDX-License-Identifier: Apache-2.0 */
/* Words for the service manager. */
#include "agent/shell/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOTIFY_TEXT_MAX 512

static int socket_to(const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return -1;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* a name in the abstract space */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Half of what the manager allows; 0 when it keeps no watch, or on another process. */
static uint64_t watchdog_ms(const char *usec, const char *pid)
{
    if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
        return 0;
    uint64_t us = strtoull(usec, NULL, 10);
    return us == 0 || us == UINT64_MAX ? 0 : us / 2000 + (us < 2000);
}

void shell_notify_open(struct shell_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *n = (struct shell_notify){ .fd = path != NULL ? socket_to(path) : -1 };
    if (n->fd >= 0)
        (void)snprintf(n->path, sizeof n->path, "%s", path);
    if (n->fd >= 0)
        n->watchdog_ms = watchdog_ms(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void shell_notify(struct shell_notify *n, const char *format, ...)
{
    char text[NOTIFY_TEXT_MAX];
    va_list args;
    if (n->fd < 0)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    (void)!send(n->fd, text, size, MSG_NOSIGNAL);
}

void shell_notify_give(const struct shell_notify *n)
{
    char usec[24];
    if (n->fd < 0)
        return;
    (void)setenv("NOTIFY_SOCKET", n->path, 1);
    (void)snprintf(usec, sizeof usec, "%llu", (unsigned long long)n->watchdog_ms * 2000);
    if (n->watchdog_ms > 0)
        (void)setenv("WATCHDOG_USEC", usec, 1);
}

void shell_notify_close(struct shell_notify *n)
{
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
}
