/* SPDX-License-Identifier: Apache-2.0 */
/* Putting together the environment of a job: later entries replace earlier ones of the same name.
 */
#include "agent/guard/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void env_put(struct guard_env *e, const char *entry)
{
    size_t name = strcspn(entry, "=");
    size_t i = 0;
    while (i < e->count &&
           (strncmp(e->entry[i], entry, name) != 0 || e->entry[i][name] != entry[name]))
        i++;
    if (i == AGENT_LAUNCH_ENV_MAX + GUARD_ENV_OWN_MAX)
        return;
    e->entry[i] = entry;
    if (i == e->count)
        e->entry[++e->count] = NULL;
}

__attribute__((format(printf, 2, 3))) static void env_print(struct guard_env *e, const char *format,
                                                            ...)
{
    va_list args;
    char *entry = e->text + e->len;
    size_t left = sizeof(e->text) - e->len;
    va_start(args, format);
    int len = vsnprintf(entry, left, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= left)
        return;
    e->len += (size_t)len + 1;
    env_put(e, entry);
}

void guard_env_build(struct guard_env *e, const struct agent_launch *launch,
                     const struct guard_who *who, const char *dir, bool has_before)
{
    e->count = e->len = 0;
    e->entry[0] = NULL;
    env_put(e, PATH_DEFAULT);
    if (who->has_user && who->name[0] != '\0') {
        env_print(e, "HOME=%s", who->home);
        env_print(e, "USER=%s", who->name);
        env_print(e, "LOGNAME=%s", who->name);
        env_print(e, "SHELL=%s", who->shell);
    }
    for (const char *const *entry = launch->env; *entry != NULL; entry++)
        env_put(e, *entry);
    env_print(e, "MUSTER_JOB=%s", launch->job);
    env_print(e, "MUSTER_RUN=%s", launch->run);
    env_print(e, "MUSTER_RUN_TOKEN=%llu", (unsigned long long)launch->token);
    env_print(e, "MUSTER_ATTEMPT=%u", launch->attempt);
    if (launch->arg != NULL)
        env_print(e, "MUSTER_ARG=%s", launch->arg);
    env_print(e, "NOTIFY_SOCKET=%s/%s", dir, GUARD_FILE_NOTIFY);
    if (launch->watchdog_ms != 0)
        env_print(e, "WATCHDOG_USEC=%llu", (unsigned long long)launch->watchdog_ms * 1000);
    if (has_before)
        env_print(e, "MUSTER_CHECKPOINT=%s/%s", dir, GUARD_FILE_BEFORE);
}
