/* Spec add: one checked document becomes a job to send; between the two sources of specs.
 *
 * errors   those of agent_job_from_doc, told in the problem
 * threads  one
 */
#ifndef MUSTER_CLI_SPEC_ADD_H
#define MUSTER_CLI_SPEC_ADD_H

#include "agent/doc.h"
#include "agent/problem.h"
#include "tools/cli/spec.h"

/* `file` NULL: from flags, of which there is one job only. */
MUSTER_MUST_USE int cli_specs_add(struct cli_specs *specs, const struct agent_doc_node *root,
                                  const char *file, struct agent_problem *problem);

#endif
