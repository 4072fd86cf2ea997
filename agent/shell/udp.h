/* UDP: the gossip socket. Datagrams come in batches and are handed over one by one in their order.
 *
 * memory   the shell's scratch buffer for what comes in; at most SHELL_UDP_QUEUE_MAX bytes of what
 *          the kernel would not take at once. Beyond that datagrams are shed: gossip repeats itself
 * errors   counted
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_UDP_H
#define MUSTER_AGENT_SHELL_UDP_H

#include "agent/shell/net.h"

#define SHELL_UDP_QUEUE_MAX  (1u << 20) /* bytes */
#define SHELL_UDP_KERNEL_MAX (2 << 20)  /* bytes of the kernel's own receive buffer */

struct shell_udp {
    struct shell_net *net;
    uv_udp_t handle;
    bool is_ipv6;
    bool is_open;
};

/* Owns the bound socket `fd` from now on. */
void shell_udp_open(struct shell_udp *u, struct shell_net *net, int fd, bool is_ipv6);
void shell_udp_send(struct shell_udp *u, struct muster_addr to, struct muster_bytes bytes);
void shell_udp_close(struct shell_udp *u);

#endif
