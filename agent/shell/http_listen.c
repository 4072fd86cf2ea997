/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of the HTTP door: bound, owned by the right group, and taken from with measure. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/shell/http_door.h"
#include "base/text.h"

#define LISTEN_BACKLOG 512

static int listen_fail(char *why, size_t size, const char *where, int error)
{
    (void)muster_format(why, size, "%s: %s", where, strerror(error));
    switch (error) {
    case EADDRINUSE:
        return MUSTER_EEXISTS;
    case EACCES:
    case EPERM:
        return MUSTER_EDENIED;
    default:
        return MUSTER_EIO;
    }
}

static void listener_add(struct shell_http *h, int fd, bool is_unix)
{
    MUSTER_ASSERT(h->listeners < HTTP_LISTEN_MAX);
    struct http_listener *l = &h->listener[h->listeners++];
    l->h = h;
    l->fd = fd;
    l->is_unix = is_unix;
}

static socklen_t tcp_name(struct muster_addr addr, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    memset(out, 0, sizeof *out);
    if (addr.len == 4) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(addr.port);
        memcpy(&v4->sin_addr, addr.octet, 4);
        return sizeof *v4;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(addr.port);
    memcpy(&v6->sin6_addr, addr.octet, 16);
    return sizeof *v6;
}

static uint16_t tcp_port(int fd)
{
    struct sockaddr_storage name;
    socklen_t len = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return 0;
    return ntohs(name.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&name)->sin_port
                                           : ((struct sockaddr_in6 *)(void *)&name)->sin6_port);
}

int http_listen_tcp(struct shell_http *h, char *why, size_t size)
{
    struct sockaddr_storage name;
    char where[MUSTER_ADDR_TEXT];
    socklen_t len = tcp_name(h->config.tcp, &name);
    (void)muster_addr_text(h->config.tcp, where);
    int fd =
        shell_handed_claim(h->config.handed, SHELL_HANDED_HTTP, (const struct sockaddr *)&name);
    if (fd >= 0) {
        h->port = tcp_port(fd);
        listener_add(h, fd, false);
        return MUSTER_OK;
    }
    fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_fail(why, size, where, errno);
    int yes = 1;
    /* A restarted agent must not wait for old connections; two agents still cannot share a port. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int error = errno;
        (void)close(fd);
        return listen_fail(why, size, where, error);
    }
    h->port = tcp_port(fd);
    listener_add(h, fd, false);
    return MUSTER_OK;
}

/* A socket file that nobody listens on is left from a crash; one that answers has an owner. */
static int stale_remove(const struct sockaddr_un *name, char *why, size_t size)
{
    struct stat st;
    if (lstat(name->sun_path, &st) != 0)
        return MUSTER_OK;
    if (!S_ISSOCK(st.st_mode)) {
        (void)muster_format(why, size, "%s: exists and is no socket", name->sun_path);
        return MUSTER_EEXISTS;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_fail(why, size, name->sun_path, errno);
    bool is_alive =
        connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN;
    (void)close(fd);
    if (is_alive)
        return listen_fail(why, size, name->sun_path, EADDRINUSE);
    if (unlink(name->sun_path) != 0 && errno != ENOENT)
        return listen_fail(why, size, name->sun_path, errno);
    return MUSTER_OK;
}

/* A group of the system stands in its own file, where the package has put it; the name services
 * would look there too, and stay in memory for ever. */
static const struct group *group_find(const char *name)
{
    FILE *file = name == NULL ? NULL : fopen("/etc/group", "re");
    const struct group *group = NULL;
    while (file != NULL && (group = fgetgrent(file)) != NULL && strcmp(group->gr_name, name) != 0)
        ;
    if (file != NULL)
        (void)fclose(file);
    return group;
}

static void group_give(const struct shell_http *h, const char *path)
{
    const struct group *group = group_find(h->config.socket_group);
    /* Without the right to give it away the socket stays with our own group: still 0660. */
    if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) != 0)
        errno = 0;
}

int http_listen_unix(struct shell_http *h, char *why, size_t size)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    size_t len = strlen(h->config.socket_path);
    if (len >= sizeof name.sun_path) {
        (void)muster_format(why, size, "%s: the path is too long for a socket; at most %zu bytes",
                            h->config.socket_path, sizeof name.sun_path - 1);
        return MUSTER_ELIMIT;
    }
    memcpy(name.sun_path, h->config.socket_path, len + 1);
    int fd =
        shell_handed_claim(h->config.handed, SHELL_HANDED_UNIX, (const struct sockaddr *)&name);
    if (fd >= 0) {
        h->socket_path = strdup(name.sun_path);
        listener_add(h, fd, true);
        return MUSTER_OK;
    }
    int err = stale_remove(&name, why, size);
    if (err != MUSTER_OK)
        return err;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_fail(why, size, name.sun_path, errno);
    mode_t before = umask(0117); /* before bind: there is no moment at which others may connect */
    int bound = bind(fd, (struct sockaddr *)&name, sizeof name);
    int error = errno;
    (void)umask(before);
    if (bound != 0) {
        (void)close(fd);
        return listen_fail(why, size, name.sun_path, error);
    }
    group_give(h, name.sun_path);
    h->socket_path = strdup(name.sun_path);
    if (h->socket_path == NULL || listen(fd, LISTEN_BACKLOG) != 0) {
        error = h->socket_path == NULL ? ENOMEM : errno;
        (void)close(fd);
        (void)unlink(name.sun_path);
        return listen_fail(why, size, name.sun_path, error);
    }
    listener_add(h, fd, true);
    return MUSTER_OK;
}

static void listeners_stop(struct shell_http *h)
{
    for (uint32_t i = 0; i < h->listeners; i++) {
        (void)uv_poll_stop(&h->listener[i].poll);
        h->listener[i].is_listening = false;
    }
}

/* The kernel would let its own queue for a slow reader grow to megabytes. */
static void buffer_bound(int fd)
{
    int size = HTTP_SEND_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* At the brim new clients wait in the kernel's queue; out of descriptors they wait for the next
 * sweep, because the listening socket stays readable and would be asked for ever. */
static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct http_listener *l = poll->data;
    struct shell_http *h = l->h;
    (void)status;
    (void)events;
    for (uint32_t i = 0; i < HTTP_ACCEPTS_MAX; i++) {
        if (h->count.connections >= h->config.connections_max) {
            listeners_stop(h);
            break;
        }
        struct sockaddr_storage name = { 0 };
        socklen_t len = sizeof name;
        int fd = accept4(l->fd, (struct sockaddr *)&name, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                listeners_stop(h);
            break;
        }
        buffer_bound(fd);
        if (l->is_unix) {
            name.ss_family = AF_UNIX;
            len = sizeof(struct sockaddr_un);
        }
        if (MHD_add_connection(h->daemon[!l->is_unix && h->daemon[1] != NULL], fd,
                               (struct sockaddr *)&name, len) != MHD_YES)
            h->count.refused++; /* too many of one address; the library closed it */
    }
    http_run_soon(h);
}

void http_listen_start(struct shell_http *h)
{
    if (h->is_handed || h->count.connections >= h->config.connections_max)
        return;
    for (uint32_t i = 0; i < h->listeners; i++) {
        struct http_listener *l = &h->listener[i];
        if (l->is_listening)
            continue;
        l->is_listening = uv_poll_start(&l->poll, UV_READABLE, listener_ready) == 0;
    }
}

void shell_http_hand(struct shell_http *h, struct shell_handed *to)
{
    for (uint32_t i = 0; i < h->listeners; i++)
        shell_handed_keep(to, h->listener[i].is_unix ? SHELL_HANDED_UNIX : SHELL_HANDED_HTTP,
                          h->listener[i].fd);
    h->is_handed = true;
    listeners_stop(h);
    free(h->socket_path);
    h->socket_path = NULL; /* or closing would remove it */
}

void http_listen_close(struct shell_http *h)
{
    for (uint32_t i = 0; i < h->listeners; i++)
        (void)close(h->listener[i].fd);
    if (h->socket_path != NULL)
        (void)unlink(h->socket_path);
    free(h->socket_path);
    h->socket_path = NULL; /* a second unlink could take another agent's */
    h->listeners = 0;
}
