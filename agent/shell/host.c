/* SPDX-License-Identifier: Apache-2.0 */
/* What the node may say of its host: room on the disk, the guard's program, control groups. */
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/shell/shell_inside.h"

#define LOOK_MS 15000

void shell_host_look(struct shell *s, uint64_t now_ms)
{
    struct statvfs fs;
    if (s->host_ms != 0 && now_ms < s->host_ms + LOOK_MS)
        return;
    s->host_ms = now_ms;
    if (statvfs(s->boot.folder, &fs) != 0)
        return;
    const struct agent_host host = {
        .disk_mib = 1 + ((uint64_t)fs.f_blocks * fs.f_frsize >> 20),
        .disk_free_mib = (uint64_t)fs.f_bavail * fs.f_frsize >> 20,
        .has_guard = access(s->setup.guard_path, X_OK) == 0,
        .has_cgroup = shell_guards_has_cgroup(s->guards),
    };
    const struct agent_event e = { .kind = AGENT_EVENT_HOST, .host = &host };
    shell_step(s, &e);
}
