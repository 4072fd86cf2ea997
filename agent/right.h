/* Right: what somebody may do over HTTP; each goes over the one before it.
 *
 *     read       look at everything: members, jobs with their specifications, runs, output
 *     operate    change jobs and runs, and hold, release and drain nodes
 *     admin      change the cluster: found, join, leave, forget, keys, what a node says of itself
 *
 * Whoever may operate runs commands on every host, as whatever user a job may name.
 *
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_AGENT_RIGHT_H
#define MUSTER_AGENT_RIGHT_H

#include <stdbool.h>

enum agent_right {
    AGENT_RIGHT_UNSAID, /* a question without an answer, which allows nothing */
    AGENT_RIGHT_NONE,   /* of a stranger; and what a path asks that is for everybody */
    AGENT_RIGHT_READ,
    AGENT_RIGHT_OPERATE,
    AGENT_RIGHT_ADMIN
};

const char *agent_right_text(enum agent_right right); /* "read" */

/* False for any other word than read, operate and admin. */
bool agent_right_parse(enum agent_right *right, const char *text);

#endif
