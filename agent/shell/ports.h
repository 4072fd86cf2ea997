/* Ports: the agent's listening sockets, bound before anything else is done, so that a port in use
 * is found out while nothing has been changed yet.
 *
 * A listening port answers from then on: what comes before the loop runs waits in the kernel.
 *
 * memory   held by value
 * errors   MUSTER_EBUSY when an address is in use, MUSTER_EDENIED, MUSTER_EINVAL for an address
 *          that is not this host's, else MUSTER_EIO; with a sentence that names address and setting
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_PORTS_H
#define MUSTER_AGENT_SHELL_PORTS_H

#include <stddef.h>

#include "agent/shell/handed.h"
#include "base/addr.h"
#include "base/err.h"

#define SHELL_BACKLOG 512

struct shell_ports {
    int gossip_udp, gossip_tcp, peers; /* -1: none, or given to its owner */
};

/* Takes those of `handed` that fit; it may be NULL. */
MUSTER_MUST_USE int shell_ports_open(struct shell_ports *p, struct shell_handed *handed,
                                     struct muster_addr gossip, struct muster_addr peers, char *why,
                                     size_t size);
/* Binds and lets go again: whether somebody else will be able to. */
MUSTER_MUST_USE int shell_port_try(const struct shell_handed *handed, struct muster_addr http,
                                   char *why, size_t size);
/* Those that nobody has taken. */
void shell_ports_close(struct shell_ports *p);
/* Hands a socket over to whoever will close it. */
int shell_port_take(int *fd);

#endif
