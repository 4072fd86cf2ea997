/* Tree: all processes that descend from the job, and their end.
 *
 * The guard is a subreaper: whoever loses its parent below becomes the guard's own child, however
 * often it forked and whatever session it made. Killing the own children round after round
 * therefore reaches everybody, and a pid among them cannot belong to a stranger because only the
 * guard can reap it. A cgroup v2, where one can be made, ends all of them at once and leaves no
 * race with forks; the rounds come after it either way.
 *
 * memory   held by value
 * errors   without a cgroup the rounds alone must do
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_TREE_H
#define MUSTER_AGENT_GUARD_TREE_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/guard/protocol.h"

struct guard_tree {
    char cgroup[GUARD_PATH_MAX]; /* "" without one */
    int cgroup_fd;               /* the directory, for clone3; -1 without one */
};

/* Makes the run's cgroup `parent`/`name`; NULL or any trouble: goes without. */
void guard_tree_open(struct guard_tree *t, const char *parent, const char *name);

/* Forks into the cgroup: 0 in the child, its pid in the parent, or -1 with errno. */
pid_t guard_tree_fork(const struct guard_tree *t);

/* One round: KILL to everything below this process. */
void guard_tree_kill(const struct guard_tree *t);

/* Removes the cgroup, and its parent when no other run is left there. */
void guard_tree_close(struct guard_tree *t);

#endif
