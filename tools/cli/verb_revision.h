/* Spec diff: a job as it is wanted against the one that the cluster has.
 *
 * errors   an exit code of enum cli_exit; the sentence has been said
 * threads  one
 */
#ifndef MUSTER_CLI_VERB_REVISION_H
#define MUSTER_CLI_VERB_REVISION_H

#include "tools/cli/spec.h"

enum cli_spec_is { CLI_SPEC_SAME, CLI_SPEC_NEW, CLI_SPEC_OTHER };

/* Prints what differs, field by field. */
int cli_spec_diff(struct cli *cli, const struct cli_spec *spec, enum cli_spec_is *is);

#endif
