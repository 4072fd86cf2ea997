/* Attempts: the last ten starts of a run and how they ended, as bytes of its row and of reports.
 *
 * A runner adds each end of its own and tells the list with its reports; the keeper puts together
 * what several runners have told, and adds the attempts whose nodes cannot tell any more.
 *
 * units    milliseconds of wall time
 * memory   a list is at most AGENT_ATTEMPTS_WIRE bytes; decoded values borrow
 * errors   a list that cannot be read counts as empty
 * threads  any
 */
#ifndef MUSTER_AGENT_ATTEMPTS_H
#define MUSTER_AGENT_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"
#include "base/bytes.h"
#include "base/id.h"

#define AGENT_ATTEMPTS_MAX  10
#define AGENT_ATTEMPTS_WIRE 2560

struct agent_attempt {
    uint32_t number;
    struct muster_id node;
    uint64_t token;
    uint64_t started_wall_ms, ended_wall_ms;
    int32_t code; /* -1: none */
    int32_t signal;
    struct muster_bytes reason;
};

struct agent_attempts {
    uint32_t count;
    struct agent_attempt attempt[AGENT_ATTEMPTS_MAX]; /* the oldest first */
};

/* A list as bytes, in memory of its own. */
struct agent_attempts_wire {
    size_t len;
    uint8_t data[AGENT_ATTEMPTS_WIRE];
};

void agent_attempts_read(struct agent_attempts *list, struct muster_bytes wire);
/* Adds at the end; one with the same token and number is known already. The oldest goes. */
void agent_attempts_add(struct agent_attempts *list, const struct agent_attempt *a);
/* `out` may be what `list` borrows from. */
void agent_attempts_write(const struct agent_attempts *list, struct agent_attempts_wire *out);

/* Both lists as one. */
void agent_attempts_merge(struct agent_attempts_wire *out, struct muster_bytes old,
                          struct muster_bytes more);

#endif
