/* Left: what a job leaves behind while it runs: its progress, messages, a checkpoint, a result, and
 * the end of its output.
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

#define GUARD_LEFT_EVERY   1000  /* ms between two tellings of one kind */
#define GUARD_OUTPUT_MAX   65536 /* bytes of the end of its output, as records */
#define GUARD_OUTPUT_FIRST 2000  /* ms after its start that is told for the first time, */
#define GUARD_OUTPUT_EVERY 30000 /* and then so often as long as more comes; and at the end */
#define GUARD_MESSAGES     100   /* the last so many of an attempt are kept */
#define GUARD_MESSAGE_MAX  480   /* bytes of one */

struct guard;

struct guard_message {
    uint64_t wall_ms;
    char text[GUARD_MESSAGE_MAX + 1];
};

struct guard_left {
    bool is_news[AGENT_LEFT_KINDS]; /* not told of yet */
    uint64_t told_ms[AGENT_LEFT_KINDS];
    uint64_t output_of; /* bytes of all its output when that was told of */
    uint64_t output_ms; /* when it may be told of again; 0: it has just begun */
    uint32_t messages;  /* in the ring, oldest at `first` */
    uint32_t first;
    struct guard_message message[GUARD_MESSAGES];
};

/* One line from the notify socket. True when it is one of these words; a progress that changed is
 * for the caller to tell. */
bool guard_left_word(struct guard *g, const char *line);

/* Tells what is due, or all of it at the end; the time of the next thing. */
uint64_t guard_left_turn(struct guard *g, bool is_end);

#endif
