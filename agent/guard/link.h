/* Link: the guard's side of its socket to the agent.
 *
 * The first agent is at the inherited end of a socketpair; a later one connects to `ctl` and takes
 * over. Between two agents the guard waits if the job is to be kept, or if the first has announced
 * the other, and no longer than the dead-man time. What an agent says is believed because only root
 * and the guard's own user can be there.
 *
 * units    milliseconds of CLOCK_BOOTTIME
 * memory   held by value
 * errors   a message that cannot be sent is dropped: the state is told again in the greeting, and
 *          the end is on disk
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_LINK_H
#define MUSTER_AGENT_GUARD_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"

struct guard;

struct guard_link {
    int fd;         /* -1: no agent */
    int listen_fd;  /* -1 before the directory exists */
    bool is_passed; /* its agent makes room for another, and has said so */
    uint64_t fed_ms;
};

/* Reads all orders that have come. An end-of-file ends the job or starts the wait (R57). */
void guard_link_read(struct guard *g);

/* Lets a new agent in, greets it, and lets go of the one before. */
void guard_link_accept(struct guard *g);

/* Tells the agent, if there is one, this kind of news about the event as it stands. */
void guard_link_tell(struct guard *g, enum agent_guard_news news, const char *text);

/* True while the agent's end is open, without reading anything. */
bool guard_link_is_open(const struct guard_link *l);

#endif
