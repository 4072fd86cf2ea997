/* SPDX-License-Identifier: Apache-2.0 */
/* Ending the processes of a job that has no guard any more. */
#include "agent/shell/stray.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/fields.h"
#include "agent/guard/protocol.h"

#define ROUNDS_MAX  400 /* of ROUND_MS each: two seconds */
#define ROUND_MS    5
#define ENVIRON_MAX (256 * 1024) /* bytes of one environment that are searched */

static size_t file_read(const char *path, char *data, size_t size)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = 1;
    while (fd >= 0 && len < size && (count = read(fd, data + len, size - len)) > 0)
        len += (size_t)count;
    if (fd >= 0)
        close(fd);
    return len;
}

static void round_wait(void)
{
    struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };
    nanosleep(&pause, NULL);
}

static bool is_this_boot(const char *boot)
{
    char now[64] = { 0 };
    size_t len = file_read("/proc/sys/kernel/random/boot_id", now, sizeof(now) - 1);
    now[len > 0 ? len - 1 : 0] = '\0'; /* without its newline */
    return strcmp(now, boot) == 0;
}

/* True when the cgroup is known to be empty. */
static bool cgroup_end(char *cgroup)
{
    char path[GUARD_PATH_MAX + 16], text[256];
    snprintf(path, sizeof(path), "%s/cgroup.kill", cgroup);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return access(cgroup, F_OK) != 0;
    bool is_killed = write(fd, "1", 1) == 1;
    close(fd);
    snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
    for (int i = 0; i < ROUNDS_MAX && is_killed; i++) {
        text[file_read(path, text, sizeof(text) - 1)] = '\0';
        if (strstr(text, "populated 0") != NULL) {
            rmdir(cgroup);
            *strrchr(cgroup, '/') = '\0';
            rmdir(cgroup); /* refused while other runs live there */
            return true;
        }
        round_wait();
    }
    return false;
}

static bool has_entry(const char *environment, size_t len, const char *entry)
{
    size_t size = strlen(entry) + 1;
    for (size_t at = 0; at + size <= len;) {
        if (memcmp(environment + at, entry, size) == 0)
            return true;
        const char *end = memchr(environment + at, '\0', len - at);
        if (end == NULL)
            return false;
        at = (size_t)(end - environment) + 1;
    }
    return false;
}

/* Kills the process if the entry is in its environment. Its pid may change hands meanwhile, the
 * descriptor may not: a signal sent through it reaches who was there first, or nobody. */
static bool process_end(const char *pid, const char *entry, char *buffer)
{
    char path[64];
    bool is_stray = false;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);
    if (fd < 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
    size_t len = file_read(path, buffer, ENVIRON_MAX);
    if (has_entry(buffer, len, entry))
        is_stray = syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    close(fd);
    return is_stray;
}

static bool processes_end(const char *entry, char *buffer)
{
    bool is_any = false;
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return false;
    for (struct dirent *entry_of = readdir(proc); entry_of != NULL; entry_of = readdir(proc)) {
        const char *name = entry_of->d_name;
        if (name[0] >= '1' && name[0] <= '9')
            is_any = process_end(name, entry, buffer) || is_any;
    }
    closedir(proc);
    return is_any;
}

/* Round after round, because a process may fork while it is being looked for. */
static void environment_end(const char *dir)
{
    char entry[GUARD_PATH_MAX + 32];
    char *buffer = malloc(ENVIRON_MAX);
    if (buffer == NULL)
        return;
    snprintf(entry, sizeof(entry), "NOTIFY_SOCKET=%s/%s", dir, GUARD_FILE_NOTIFY);
    for (int i = 0; i < ROUNDS_MAX && processes_end(entry, buffer); i++)
        round_wait();
    free(buffer);
}

void shell_strays_end(const char *dir)
{
    char path[GUARD_PATH_MAX], data[GUARD_RECORD_MAX];
    char cgroup[GUARD_PATH_MAX] = "";
    const char *key, *value, *boot = "";
    struct agent_fields_reader in;
    snprintf(path, sizeof(path), "%s/%s", dir, GUARD_FILE_PID);
    size_t len = file_read(path, data, sizeof(data));
    agent_fields_reader_init(&in, data, len, AGENT_FIELDS_RECORD);
    while (agent_fields_next(&in, &key, &value)) {
        if (strcmp(key, GUARD_KEY_BOOT) == 0)
            boot = value;
        else if (strcmp(key, GUARD_KEY_CGROUP) == 0)
            snprintf(cgroup, sizeof(cgroup), "%s", value);
    }
    if (!is_this_boot(boot))
        return; /* nothing of it can be left; and without a record it never ran */
    if (cgroup[0] != '/' || !cgroup_end(cgroup))
        environment_end(dir);
}
