/* Help: the command table as people read it.
 *
 * threads  one
 */
#ifndef MUSTER_CLI_HELP_H
#define MUSTER_CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/cli/cli.h"
#include "tools/cli/command.h"

void cli_help_all(FILE *out);
void cli_help_verb(FILE *out, const struct cli_command *command);

/* The verbs that begin with these words and go on. False: none do, and nothing is printed. */
bool cli_help_family(FILE *out, int argc, const char *const *argv);

/* What is wrong with the line, then how the verb is used, on standard error. Returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) MUSTER_PRINTF(2, 3);

#endif
