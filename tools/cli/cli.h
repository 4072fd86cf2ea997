/* Cli: what every verb of `muster` is given, and the promises it keeps towards the shell.
 *
 * A verb is a function from the parsed line to an exit code. It writes what was asked for to
 * standard output, says what went wrong in one sentence on standard error, and never does both for
 * one thing.
 *
 * memory   held by value in main, borrowed by the verb
 * errors   enum cli_exit; scripts lean on the numbers
 * threads  one
 */
#ifndef MUSTER_CLI_CLI_H
#define MUSTER_CLI_CLI_H

#include <stdbool.h>

#include "base/err.h"
#include "tools/cli/flags.h"
#include "tools/cli/term.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_CONFLICT = 4, /* the name exists, or the version is another */
    CLI_UNREACHABLE = 5,
    CLI_TIMEOUT = 6,
    CLI_PARTITION = 7, /* refused by the partition rule */
    CLI_DENIED = 8,
    CLI_CONFIG = 78 /* a file that is wrong: a job file, a configuration */
};

struct cli_client;
struct cli_command;

struct cli {
    char **argv;
    int argc;
    const struct cli_command *command;
    struct cli_args args;
    struct cli_term term;
    struct cli_client *client;
    char token[640]; /* out of --token-file */
    bool json;       /* print the API's JSON as it came */
};

#endif
