/* Left: what a job leaves behind while it runs: its progress, messages, a checkpoint and a result.
 *
 * The job names a file on its notify socket, and the guard takes a copy of it at once, with the
 * rights of the job's user: what that user may not read, no job of his can have carried away. The
 * copies lie in the run directory until the agent has taken note of the end, so that an agent that
 * comes later finds them. The agent is told at most every GUARD_LEFT_EVERY of each.
 *
 * units    milliseconds of CLOCK_BOOTTIME
 * memory   the messages by value, a file while it is copied
 * errors   a note in the job's output
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_LEFT_H
#define MUSTER_AGENT_GUARD_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"

#define GUARD_LEFT_EVERY  1000 /* ms between two tellings of one kind */
#define GUARD_MESSAGES    100  /* the last so many of an attempt are kept */
#define GUARD_MESSAGE_MAX 480  /* bytes of one */

struct guard;

struct guard_message {
    uint64_t wall_ms;
    char text[GUARD_MESSAGE_MAX + 1];
};

struct guard_left {
    bool is_news[AGENT_LEFT_KINDS]; /* not told of yet */
    uint64_t told_ms[AGENT_LEFT_KINDS];
    uint32_t messages; /* in the ring, oldest at `first` */
    uint32_t first;
    struct guard_message message[GUARD_MESSAGES];
};

/* One line from the notify socket. True when it is one of these words; a progress that changed is
 * for the caller to tell. */
bool guard_left_word(struct guard *g, const char *line);

/* Tells what is due, or all of it at the end; the time of the next thing. */
uint64_t guard_left_turn(struct guard *g, bool is_end);

#endif
