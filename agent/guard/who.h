/* Who: the user and the groups a job runs as, looked up by the guard because that may block.
 *
 * memory   held by value; the C library may allocate while it looks
 * errors   a sentence for people
 * threads  the guard's only one
 */
#ifndef MUSTER_AGENT_GUARD_WHO_H
#define MUSTER_AGENT_GUARD_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define GUARD_GROUPS_MAX    64
#define GUARD_USER_TEXT_MAX 256

struct guard_who {
    bool has_user;  /* else the agent's own, unchanged */
    bool has_group; /* only the group changes */
    uid_t uid;
    gid_t gid;
    gid_t groups[GUARD_GROUPS_MAX];
    int group_count;
    char name[GUARD_USER_TEXT_MAX]; /* "" for a number without a name */
    char home[GUARD_USER_TEXT_MAX];
    char shell[GUARD_USER_TEXT_MAX];
};

/* `user` and `group` are names or numbers, or NULL; a user may name its group as well, as
 * USER:GROUP. False with a reason when one is unknown. */
bool guard_who_find(struct guard_who *w, const char *user, const char *group, char *reason,
                    size_t size);

#endif
