/* Handed: listening sockets that an agent leaves to the program that takes its place.
 *
 * They stay open over exec, so that no peer and no client is refused meanwhile: what comes waits in
 * the kernel. Their numbers travel in the environment, with the process they are meant for.
 *
 * memory   held by value
 * errors   a socket that is not what the new settings ask for is closed, and one is made anew
 * threads  before and after the loop
 */
#ifndef MUSTER_AGENT_SHELL_HANDED_H
#define MUSTER_AGENT_SHELL_HANDED_H

#include <stdbool.h>
#include <sys/socket.h>

enum shell_handed_kind {
    SHELL_HANDED_GOSSIP_UDP,
    SHELL_HANDED_GOSSIP_TCP,
    SHELL_HANDED_PEERS,
    SHELL_HANDED_HTTP,
    SHELL_HANDED_UNIX,
    SHELL_HANDED_KINDS
};

struct shell_handed {
    int fd[SHELL_HANDED_KINDS]; /* -1: none */
};

void shell_handed_init(struct shell_handed *h);
/* What the program before us left, taken out of the environment. */
void shell_handed_take(struct shell_handed *h);
/* Whether the one of this kind is bound there. */
bool shell_handed_has(const struct shell_handed *h, enum shell_handed_kind kind,
                      const struct sockaddr *at);
/* It, if it is; the caller owns it then. Else -1, and it is closed. `h` may be NULL. */
int shell_handed_claim(struct shell_handed *h, enum shell_handed_kind kind,
                       const struct sockaddr *at);
/* Keeps a copy of an open socket. */
void shell_handed_keep(struct shell_handed *h, enum shell_handed_kind kind, int fd);
/* Into the environment of what is executed next. */
void shell_handed_give(const struct shell_handed *h);
/* Those that nobody has claimed. */
void shell_handed_close(struct shell_handed *h);

#endif
