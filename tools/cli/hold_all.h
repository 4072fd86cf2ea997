/* Hold all: nothing new of any job starts, or of those whose names begin alike, until they are let
 * go.
 *
 * errors   an exit code of enum cli_exit
 * threads  one
 */
#ifndef MUSTER_CLI_HOLD_ALL_H
#define MUSTER_CLI_HOLD_ALL_H

#include "tools/cli/cli.h"
#include "tools/cli/reply.h"

/* `hold --all` and `release --all`. */
int cli_hold_all(struct cli *cli, const char *path);

/* What of the cluster is held, in a line for each part, from the list `holds`: `line` is given it
 * whole. */
void cli_holds_each(struct cli_value holds, void (*line)(const char *text));
/* The same, asked of the agent and printed; nothing when nothing is held. */
void cli_holds_print(struct cli *cli);

#endif
