/* Cgroup: where runs' cgroups can be made.
 *
 * threads  any
 */
#ifndef MUSTER_AGENT_SHELL_CGROUP_H
#define MUSTER_AGENT_SHELL_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Finds the cgroup v2 tree and puts "TREE/muster" into `out` when this process may make groups
 * there that can be killed as a whole; else "" and false. Runs live outside the agent's own cgroup,
 * so that whatever is done to that does not reach them. */
bool shell_cgroup_find(char *out, size_t size);

#endif
