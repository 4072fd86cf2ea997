/* Payload flags: `run --payload FILE` puts the file first.
 *
 * errors   an exit code of enum cli_exit; the sentence has been said
 * threads  one
 */
#ifndef MUSTER_CLI_VERB_PAYLOAD_H
#define MUSTER_CLI_VERB_PAYLOAD_H

#include "agent/payload_id.h"
#include "tools/cli/cli.h"

/* The name of a payload as it is, or that of a file's bytes, which are put. */
int cli_payload_resolve(struct cli *cli, const char *value, char name[AGENT_PAYLOAD_TEXT]);

#endif
