/* Verb run: what `muster run` tells of a run that was just made, for others that make one.
 *
 * units    milliseconds
 * memory   none kept
 * errors   an exit code of enum cli_exit, or the run's own
 * threads  one
 */
#ifndef MUSTER_CLI_VERB_RUN_H
#define MUSTER_CLI_VERB_RUN_H

#include "tools/cli/cli.h"
#include "tools/cli/reply.h"

/* Where it went, of the answer that made it; looked for a moment longer when it has no place yet.
 * CLI_FAILED when it is dead already, since no node could ever have it. */
int cli_run_told(struct cli *cli, const char *name, struct cli_value answer);

/* Until its end: its output, what became of it, and its own exit code. */
int cli_run_wait(struct cli *cli, const char *name, long long timeout_ms);

#endif
