/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading configuration files, and handing everything to agent/config. */
#include "agent/shell/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define SETTINGS_PATH_MAX 1024
#define SETTINGS_HOST_MAX 256

int shell_settings_flags(struct shell_settings *s, int argc, char **argv, char *why, size_t size)
{
    struct agent_problem problem;
    *s = (struct shell_settings){ .files = 0 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--moved") == 0) {
            s->is_moved = true;
        } else if (s->args == AGENT_CONFIG_FLAGS_MAX) {
            (void)muster_format(why, size, "more than %d flags", AGENT_CONFIG_FLAGS_MAX);
            return MUSTER_ELIMIT;
        } else {
            s->arg[s->args++] = argv[i];
        }
    }
    int err = agent_config_options(&s->options, s->arg, s->args, &problem);
    if (err != MUSTER_OK)
        (void)agent_problem_text(&problem, NULL, why, size);
    return err;
}

/* ---- files */

static int file_refused(const char *name, int number, char *why, size_t size)
{
    char reason[128];
    (void)muster_format(why, size, "%s: the configuration file cannot be read: %s", name,
                        strerror_r(number, reason, sizeof reason));
    return MUSTER_EINVAL;
}

static int file_take(int fd, char *text, size_t *len)
{
    ssize_t n = 1;
    *len = 0;
    while (n > 0 && *len < SHELL_FILE_MAX) {
        n = read(fd, text + *len, SHELL_FILE_MAX - *len);
        *len += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? errno : *len == SHELL_FILE_MAX ? EFBIG : 0;
}

static int file_read(struct shell_settings *s, const char *name, char *why, size_t size)
{
    size_t len = 0;
    if (s->files == AGENT_CONFIG_FILES_MAX) {
        (void)muster_format(why, size, "%s: there are more than %d configuration files", name,
                            AGENT_CONFIG_FILES_MAX);
        return MUSTER_ELIMIT;
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_refused(name, errno, why, size);
    uint32_t at = s->files++;
    s->text[at] = malloc(SHELL_FILE_MAX);
    s->name[at] = strdup(name);
    MUSTER_ASSERT(s->text[at] != NULL);
    MUSTER_ASSERT(s->name[at] != NULL);
    int number = file_take(fd, s->text[at], &len);
    (void)close(fd);
    if (number != 0)
        return file_refused(name, number, why, size);
    s->file[at] = (struct agent_config_file){ s->name[at], MUSTER_BYTES(s->text[at], len) };
    return MUSTER_OK;
}

static int is_yaml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

/* Every *.yaml of the folder in the order of their names; no folder is no fault. */
static int folder_read(struct shell_settings *s, const char *folder, char *why, size_t size)
{
    struct dirent **entry = NULL;
    char name[SETTINGS_PATH_MAX];
    int n = scandir(folder, &entry, is_yaml, alphasort);
    int err = n < 0 && errno != ENOENT && errno != ENOTDIR ? file_refused(folder, errno, why, size)
                                                           : MUSTER_OK;
    for (int i = 0; i < n; i++) {
        if (err == MUSTER_OK && muster_format(name, sizeof name, "%s/%s", folder, entry[i]->d_name))
            err = file_read(s, name, why, size);
        free(entry[i]);
    }
    free(entry);
    return err;
}

/* The main file, then conf.d beside it. The usual file need not be there; one that was named must.
 */
static int files_read(struct shell_settings *s, char *why, size_t size)
{
    char folder[SETTINGS_PATH_MAX];
    const char *name = s->options.file != NULL ? s->options.file : AGENT_CONFIG_FILE;
    int err = MUSTER_OK;
    if (s->options.is_dev && s->options.file == NULL)
        return MUSTER_OK;
    if (s->options.file != NULL || access(name, F_OK) == 0)
        err = file_read(s, name, why, size);
    const char *end = strrchr(name, '/');
    if (err != MUSTER_OK || !muster_format(folder, sizeof folder, "%.*sconf.d",
                                           end != NULL ? (int)(end - name) + 1 : 0, name))
        return err;
    return folder_read(s, folder, why, size);
}

/* ---- the host */

static uint32_t cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return (uint32_t)CPU_COUNT(&set);
}

int shell_settings_read(struct shell_settings *s, char *const *env, char *why, size_t size)
{
    char host[SETTINGS_HOST_MAX] = "";
    struct agent_problem problem;
    const char *where = NULL;
    int err = files_read(s, why, size);
    if (err != MUSTER_OK)
        return err;
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    const struct agent_config_input in = { .file = s->file,
                                           .file_count = s->files,
                                           .env = (const char *const *)env,
                                           .arg = s->arg,
                                           .arg_count = s->args,
                                           .host_name = host,
                                           .cpus = cpus() };
    err = agent_config_read(&s->config, &in, &problem, &where);
    s->has_config = err == MUSTER_OK;
    if (err != MUSTER_OK)
        (void)agent_problem_text(&problem, where, why, size);
    return err;
}

void shell_settings_close(struct shell_settings *s)
{
    if (s->has_config)
        agent_config_close(&s->config);
    for (uint32_t i = 0; i < s->files; i++) {
        free(s->text[i]);
        free(s->name[i]);
    }
    s->files = 0;
}
