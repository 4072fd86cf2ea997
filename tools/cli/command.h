/* Command: the one table of what `muster` can do. Dispatch, help and completion are read from it,
 * so that none of them can forget a verb or a flag.
 *
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_CLI_COMMAND_H
#define MUSTER_CLI_COMMAND_H

#include <stdbool.h>

#include "tools/cli/flags.h"

struct cli;

/* What the words of a command are; completion offers such. */
enum cli_takes {
    CLI_TAKES_NOTHING,
    CLI_TAKES_JOB,
    CLI_TAKES_NODE,
    CLI_TAKES_FILE,
    CLI_TAKES_SHELL,
    CLI_TAKES_VERB,
    CLI_TAKES_COMMAND, /* a command line of its own */
    CLI_TAKES_OTHER
};

struct cli_command {
    const char *verb; /* "node ls" */
    const char *also; /* other names, separated by commas; NULL for none */
    const char *group;
    const char *usage; /* what follows the verb, without the flags every verb has */
    const char *help;  /* one line without a full stop */
    const char *more;  /* paragraphs, examples; NULL for none */
    const struct cli_flag *flags;
    int words_min;
    int words_max;
    enum cli_takes takes;
    bool is_raw; /* everything after the verb goes on as it is */
    int (*run)(struct cli *cli);
    const struct cli_command *others; /* of the last one, which has no verb: where they go on */
};

/* Both in the order of the help. */
extern const struct cli_command cli_commands_cluster[], cli_commands_job[], cli_commands_data[];

/* All commands one after the other: NULL before the first and after the last. */
const struct cli_command *cli_command_next(const struct cli_command *c);

/* The flags that every verb understands; the last one has no name. */
extern const struct cli_flag cli_flags_shared[];

/* The command that the first words name, and how many words that took. NULL when there is none. */
const struct cli_command *cli_command_find(int argc, const char *const *argv, int *used);

/* How the verb goes on after these words: "ls" of "node ls" after "node"; NULL: it does not begin
 * with them, or ends there. */
const char *cli_command_after(const struct cli_command *c, int argc, const char *const *argv);

/* The verb nearest to what was typed, NULL when none is near. */
const char *cli_command_nearest(int argc, const char *const *argv);

#endif
