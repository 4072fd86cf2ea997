/* Settings: the agent's configuration as it is found on this host: which files there are, what the
 * environment and the flags say, how many CPUs, what the host is called.
 *
 * memory   file texts live until shell_settings_close, and so do the settings
 * errors   told in a sentence; the exit code is the caller's
 * threads  before the loop
 */
#ifndef MUSTER_AGENT_SHELL_SETTINGS_H
#define MUSTER_AGENT_SHELL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"

#define SHELL_FILE_MAX (1u << 20) /* bytes of one configuration file */
#define SHELL_WHY_MAX  1024       /* bytes of a sentence for people, with the NUL */

struct shell_settings {
    struct agent_config config;
    struct agent_config_options options;
    bool is_moved; /* --moved: the data folder may have come from elsewhere */
    bool has_config;
    struct agent_config_file file[AGENT_CONFIG_FILES_MAX];
    char *text[AGENT_CONFIG_FILES_MAX]; /* names and contents */
    char *name[AGENT_CONFIG_FILES_MAX];
    uint32_t files;
    const char *arg[AGENT_CONFIG_FLAGS_MAX];
    uint32_t args;
};

/* Looks at the flags: MUSTER_EINVAL for one that does not exist. */
MUSTER_MUST_USE int shell_settings_flags(struct shell_settings *s, int argc, char **argv, char *why,
                                         size_t size);
/* Reads the files and all the rest. */
MUSTER_MUST_USE int shell_settings_read(struct shell_settings *s, char *const *env, char *why,
                                        size_t size);
void shell_settings_close(struct shell_settings *s);

#endif
