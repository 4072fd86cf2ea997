/* Spec: a job's specification from the flags of `muster run` or from files, checked before it
 * leaves.
 *
 * The rules are the agent's own (agent/job.h), so what is refused here is what the agent would
 * refuse; here it is refused with the place in the file, and before anything was changed.
 *
 * memory   cli_spec_* fill texts the caller closes
 * errors   an exit code of enum cli_exit; the sentence has been said
 * threads  one
 */
#ifndef MUSTER_CLI_SPEC_H
#define MUSTER_CLI_SPEC_H

#include "agent/launch.h"
#include "base/text.h"
#include "tools/cli/cli.h"

#define CLI_SPECS_MAX 4096 /* jobs of one `apply` */

/* One job that is ready to be sent. */
struct cli_spec {
    char name[AGENT_NAME_MAX + 1];
    char *json;       /* canonical */
    const char *file; /* NULL for flags */
    unsigned line;
};

struct cli_specs {
    struct cli_spec *spec;
    size_t count;
    size_t room;
    size_t wrong; /* documents that were refused */
};

/* The flags of `run` that say a field of the job; the last one has no name. */
extern const struct cli_flag cli_flags_run[];

int cli_spec_from_flags(struct cli *cli, struct cli_specs *specs);

/* Adds the jobs of one file ("-" is standard input). At the first wrong document it says what and
 * where and stops, with `goes_on` it reads the other documents too and says each. CLI_CONFIG for
 * what is wrong in the file, CLI_FAILED when it cannot be read. */
int cli_spec_from_file(struct cli *cli, struct cli_specs *specs, const char *file, bool goes_on);

void cli_specs_close(struct cli_specs *specs);

#endif
