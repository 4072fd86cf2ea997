/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets kept over exec: named in the environment, recognized by where they are bound. */
#include "agent/shell/handed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define HANDED_NAME "MUSTER_HANDED"
#define HANDED_TEXT 96

void shell_handed_init(struct shell_handed *h)
{
    for (int kind = 0; kind < SHELL_HANDED_KINDS; kind++)
        h->fd[kind] = -1;
}

static bool is_socket(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return fd > STDERR_FILENO && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

void shell_handed_take(struct shell_handed *h)
{
    const char *text = getenv(HANDED_NAME);
    char *at = NULL;
    shell_handed_init(h);
    if (text != NULL && strtol(text, &at, 10) == (long)getpid() && *at == ':') {
        for (int kind = 0; kind < SHELL_HANDED_KINDS && *at != '\0'; kind++) {
            int fd = (int)strtol(at + 1, &at, 10);
            if (is_socket(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
                h->fd[kind] = fd;
        }
    }
    (void)unsetenv(HANDED_NAME);
}

static bool is_same(const struct sockaddr *a, const struct sockaddr *b)
{
    const struct sockaddr_un *ua = (const void *)a, *ub = (const void *)b;
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_UNIX)
        return strncmp(ua->sun_path, ub->sun_path, sizeof ua->sun_path) == 0;
    if (a->sa_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->sa_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

bool shell_handed_has(const struct shell_handed *h, enum shell_handed_kind kind,
                      const struct sockaddr *at)
{
    struct sockaddr_storage name = { 0 };
    socklen_t len = sizeof name;
    return h != NULL && h->fd[kind] >= 0 &&
           getsockname(h->fd[kind], (struct sockaddr *)&name, &len) == 0 &&
           is_same((const struct sockaddr *)&name, at);
}

int shell_handed_claim(struct shell_handed *h, enum shell_handed_kind kind,
                       const struct sockaddr *at)
{
    if (h == NULL || h->fd[kind] < 0)
        return -1;
    int fd = h->fd[kind];
    bool is_it = shell_handed_has(h, kind, at);
    h->fd[kind] = -1;
    if (!is_it)
        (void)close(fd);
    return is_it ? fd : -1;
}

void shell_handed_keep(struct shell_handed *h, enum shell_handed_kind kind, int fd)
{
    if (h->fd[kind] < 0 && fd >= 0)
        h->fd[kind] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void shell_handed_give(const struct shell_handed *h)
{
    char text[HANDED_TEXT];
    int len = snprintf(text, sizeof text, "%d", (int)getpid());
    for (int kind = 0; kind < SHELL_HANDED_KINDS; kind++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%c%d", kind == 0 ? ':' : ',',
                        h->fd[kind]);
        if (h->fd[kind] >= 0)
            (void)fcntl(h->fd[kind], F_SETFD, 0);
    }
    (void)setenv(HANDED_NAME, text, 1);
}

void shell_handed_close(struct shell_handed *h)
{
    for (int kind = 0; kind < SHELL_HANDED_KINDS; kind++)
        if (h->fd[kind] >= 0)
            (void)close(h->fd[kind]);
    shell_handed_init(h);
}
