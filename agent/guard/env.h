/* Env: the environment a job is born with.
 *
 * In rising precedence: a PATH; the user's HOME, USER, LOGNAME and SHELL when the job names a user;
 * the job's own; and last what tells the process who it is: MUSTER_JOB, MUSTER_RUN,
 * MUSTER_RUN_TOKEN, MUSTER_ATTEMPT, MUSTER_ARG, NOTIFY_SOCKET, WATCHDOG_USEC, MUSTER_CHECKPOINT.
 * Nothing comes from the agent's environment.
 *
 * memory   held by value, most of it never touched; entries lead into it and into the launch
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_ENV_H
#define MUSTER_AGENT_GUARD_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/guard/protocol.h"
#include "agent/guard/who.h"
#include "agent/launch.h"

#define GUARD_ENV_OWN_MAX 16 /* entries the guard adds */

struct guard_env {
    const char *entry[AGENT_LAUNCH_ENV_MAX + GUARD_ENV_OWN_MAX + 1]; /* NULL-terminated */
    size_t count;
    size_t len;
    char text[AGENT_LAUNCH_WIRE_MAX + GUARD_PATH_MAX]; /* of the entries made here */
};

void guard_env_build(struct guard_env *e, const struct agent_launch *launch,
                     const struct guard_who *who, const char *dir, bool has_before);

#endif
