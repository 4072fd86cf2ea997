/* SPDX-License-Identifier: Apache-2.0 */
/* Binding the agent's own sockets, and saying clearly when that cannot be. */
#include "agent/shell/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/shell/net.h"
#include "base/text.h"

#define PORTS_HIGH 1024 /* above the links and guards of most nodes; more costs each spawn */

struct port_kind {
    enum shell_handed_kind handed;
    int type;
    const char *what;
    const char *setting;
};

static const struct port_kind gossip_udp = { SHELL_HANDED_GOSSIP_UDP, SOCK_DGRAM, "gossip, UDP",
                                             "bind" };
static const struct port_kind gossip_tcp = { SHELL_HANDED_GOSSIP_TCP, SOCK_STREAM, "gossip, TCP",
                                             "bind" };
static const struct port_kind peers_tcp = { SHELL_HANDED_PEERS, SOCK_STREAM, "peers, TCP",
                                            "peer_port" };
static const struct port_kind http_tcp = { SHELL_HANDED_HTTP, SOCK_STREAM, "HTTP", "http" };

static int bind_err(int number)
{
    switch (number) {
    case EADDRINUSE:
        return MUSTER_EBUSY;
    case EACCES:
    case EPERM:
        return MUSTER_EDENIED;
    case EADDRNOTAVAIL:
        return MUSTER_EINVAL;
    default:
        return MUSTER_EIO;
    }
}

static int port_refused(struct muster_addr at, const struct port_kind *kind, int number, char *why,
                        size_t size)
{
    char addr[MUSTER_ADDR_TEXT], reason[128];
    const char *text = strerror_r(number, reason, sizeof reason);
    if (number == EADDRINUSE)
        text = "address already in use by another process";
    else if (number == EADDRNOTAVAIL)
        text = "this host has no such address";
    (void)muster_format(why, size, "%s (%s): %s; see `%s`", muster_addr_text(at, addr), kind->what,
                        text, kind->setting);
    return bind_err(number);
}

/* An agent that was killed a moment ago may not have let go of everything yet, and whoever starts
 * it again at once is not to be told that somebody else is there. */
#define BUSY_TRIES 20
static const struct timespec busy_nap = { .tv_nsec = 50 * 1000 * 1000 };

/* Only TCP may reuse an address: there it means that connections of a killed agent which still
 * linger are no hindrance. On UDP two agents would share a port, and each would lose half its mail.
 */
static int port_bind(int *fd, struct shell_handed *handed, struct muster_addr at,
                     const struct port_kind *kind, char *why, size_t size)
{
    struct sockaddr_storage where;
    int on = 1, off = 0;
    socklen_t len = at.len == 16 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    shell_sockaddr(&where, at, false);
    *fd = shell_handed_claim(handed, kind->handed, (const struct sockaddr *)&where);
    if (*fd >= 0)
        return MUSTER_OK;
    *fd = socket(where.ss_family, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return port_refused(at, kind, errno, why, size);
    bool is_tcp = kind->type == SOCK_STREAM;
    if (is_tcp)
        (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at.len == 16)
        (void)setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    bool is_bound = false;
    for (int tries = 1;; tries++) {
        is_bound = is_bound || bind(*fd, (const struct sockaddr *)&where, len) == 0;
        if (is_bound && (!is_tcp || listen(*fd, SHELL_BACKLOG) == 0))
            return MUSTER_OK;
        if (errno != EADDRINUSE || tries == BUSY_TRIES)
            return port_refused(at, kind, errno, why, size);
        (void)nanosleep(&busy_nap, NULL);
    }
}

/* What a killed process had open Linux closes from the highest number down. Whoever sees its link
 * close asks at once whether anybody listens here still: the last breath is to be the link's, or
 * the answer would wait until the kernel has come down to this socket. */
static void port_raise(int *fd)
{
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, PORTS_HIGH);
    if (high < 0)
        return; /* so many are not allowed to us */
    (void)close(*fd);
    *fd = high;
}

int shell_ports_open(struct shell_ports *p, struct shell_handed *handed, struct muster_addr gossip,
                     struct muster_addr peers, char *why, size_t size)
{
    *p = (struct shell_ports){ -1, -1, -1 };
    int err = port_bind(&p->gossip_udp, handed, gossip, &gossip_udp, why, size);
    if (err == MUSTER_OK)
        err = port_bind(&p->gossip_tcp, handed, gossip, &gossip_tcp, why, size);
    if (err == MUSTER_OK)
        err = port_bind(&p->peers, handed, peers, &peers_tcp, why, size);
    if (err == MUSTER_OK)
        port_raise(&p->peers);
    else
        shell_ports_close(p);
    return err;
}

int shell_port_try(const struct shell_handed *handed, struct muster_addr http, char *why,
                   size_t size)
{
    struct sockaddr_storage where;
    int fd = -1;
    shell_sockaddr(&where, http, false);
    if (shell_handed_has(handed, SHELL_HANDED_HTTP, (const struct sockaddr *)&where))
        return MUSTER_OK;
    int err = port_bind(&fd, NULL, http, &http_tcp, why, size);
    if (fd >= 0)
        (void)close(fd);
    return err;
}

int shell_port_take(int *fd)
{
    int taken = *fd;
    MUSTER_ASSERT(taken >= 0);
    *fd = -1;
    return taken;
}

void shell_ports_close(struct shell_ports *p)
{
    int *all[] = { &p->gossip_udp, &p->gossip_tcp, &p->peers };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (*all[i] >= 0)
            (void)close(*all[i]);
        *all[i] = -1;
    }
}
