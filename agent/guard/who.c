/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups by name or number. */
#include "agent/guard/who.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/fields.h"

#define LOOKUP_MAX 4096 /* bytes of one entry of the user database */

static bool number_of(const char *text, uint32_t *number)
{
    uint64_t value;
    /* The largest one is not a user: it means "unchanged" to the kernel. */
    if (!agent_fields_parse_u64(text, &value) || value >= UINT32_MAX)
        return false;
    *number = (uint32_t)value;
    return true;
}

static void keep_text(char *to, const char *text)
{
    snprintf(to, GUARD_USER_TEXT_MAX, "%s", text);
}

static bool refuse(char *reason, size_t size, const char *what, const char *name, int err)
{
    if (err == 0)
        snprintf(reason, size, "unknown %s %.64s", what, name);
    else
        snprintf(reason, size, "cannot look up %s %.64s: %s", what, name, strerror(err));
    return false;
}

static bool user_find(struct guard_who *w, const char *user, char *reason, size_t size)
{
    char buffer[LOOKUP_MAX];
    struct passwd entry, *found = NULL;
    uint32_t number = 0;
    bool is_number = number_of(user, &number);
    int err = is_number ? getpwuid_r(number, &entry, buffer, sizeof(buffer), &found)
                        : getpwnam_r(user, &entry, buffer, sizeof(buffer), &found);
    w->has_user = true;
    if (found != NULL) {
        w->uid = found->pw_uid;
        w->gid = found->pw_gid;
        keep_text(w->name, found->pw_name);
        keep_text(w->home, found->pw_dir);
        keep_text(w->shell, found->pw_shell);
        return true;
    }
    /* The manual allows these for "not found". */
    if (err == ENOENT || err == ESRCH || err == EBADF || err == EPERM)
        err = 0;
    if (err != 0 || !is_number)
        return refuse(reason, size, "user", user, err);
    w->uid = number;
    w->gid = number;
    return true;
}

static bool group_find(struct guard_who *w, const char *group, char *reason, size_t size)
{
    char buffer[LOOKUP_MAX];
    struct group entry, *found = NULL;
    uint32_t number = 0;
    if (number_of(group, &number)) {
        w->gid = number;
        return true;
    }
    int err = getgrnam_r(group, &entry, buffer, sizeof(buffer), &found);
    /* ERANGE: a group of many members; its entry must not decide whether a job runs. */
    if (found == NULL)
        return refuse(reason, size, "group", group, err == ENOENT || err == ESRCH ? 0 : err);
    w->gid = found->gr_gid;
    return true;
}

bool guard_who_find(struct guard_who *w, const char *user, const char *group, char *reason,
                    size_t size)
{
    char name[GUARD_USER_TEXT_MAX];
    const char *colon = user != NULL && group == NULL ? strchr(user, ':') : NULL;
    if (colon != NULL && (size_t)(colon - user) < sizeof(name)) {
        snprintf(name, sizeof(name), "%.*s", (int)(colon - user), user);
        group = colon + 1;
        user = name;
    }
    *w = (struct guard_who){ .uid = geteuid(), .gid = getegid() };
    if (user != NULL && !user_find(w, user, reason, size))
        return false;
    if (group != NULL) {
        w->has_group = true;
        if (!group_find(w, group, reason, size))
            return false;
    }
    if (!w->has_user)
        return true;
    w->group_count = GUARD_GROUPS_MAX;
    if (w->name[0] == '\0') {
        w->group_count = 1;
        w->groups[0] = w->gid;
    } else if (getgrouplist(w->name, w->gid, w->groups, &w->group_count) < 0) {
        snprintf(reason, size, "user %.64s is in more than %d groups", w->name, GUARD_GROUPS_MAX);
        return false;
    }
    return true;
}
