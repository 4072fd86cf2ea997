/* Everybody: what all nodes answered to one question, and who of the living did not.
 *
 * memory   cli_everybody_close gives it back; it may be called after any outcome
 * errors   an exit code of enum cli_exit
 * threads  one
 */
#ifndef MUSTER_CLI_EVERYBODY_H
#define MUSTER_CLI_EVERYBODY_H

#include "tools/cli/api.h"

struct cli_everybody {
    struct cli_result rows, members;
    struct cli_value items;
    size_t count;
};

/* `rows` has been filled in. */
int cli_everybody_open(struct cli *cli, struct cli_everybody *v);
void cli_everybody_close(struct cli_everybody *v);

/* The n-th of the living that did not answer; NULL when there are no more. */
const char *cli_everybody_silent(const struct cli_everybody *v, size_t n);

/* "done on 3 of 4 nodes", and whoever is in the way; CLI_FAILED if anybody is. */
int cli_everybody_print(const struct cli_everybody *v, const char *done);

#endif
