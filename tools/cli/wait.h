/* Wait: until a job is as it should be, or cannot become so any more, or the time is up.
 *
 * It looks again and again: a look is cheap, works through restarts of nothing but its own agent,
 * and needs no state at the other end.
 *
 * units    milliseconds
 * errors   CLI_TIMEOUT when the time is up, CLI_FAILED when the job took another end,
 *          CLI_NOT_FOUND, and what the API answers; each is told in a sentence
 * threads  one
 */
#ifndef MUSTER_CLI_WAIT_H
#define MUSTER_CLI_WAIT_H

#include "tools/cli/api.h"

#define CLI_WAIT_FOREVER 0

/* `want` is a state, "end" (done, dead or stopped), "gone" (deleted, and nothing of it runs), or
 * NULL: running for what always runs, done for a task. `last` is the job as it was last seen; the
 * caller closes it after any outcome. */
int cli_wait_for(struct cli *cli, const char *name, const char *want, long long timeout_ms,
                 struct cli_result *last);

#endif
