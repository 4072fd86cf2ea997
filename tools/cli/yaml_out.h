/* Yaml out: a job as a document of a job file, for people to read and for `import` to take back.
 *
 * A line for each key; what is more than a word stands as JSON, which YAML reads as it is.
 *
 * errors   what the file keeps (ferror)
 * threads  one
 */
#ifndef MUSTER_CLI_YAML_OUT_H
#define MUSTER_CLI_YAML_OUT_H

#include <stdio.h>

#include "tools/cli/reply.h"

/* `---` and the fields of `spec` in their order. */
void cli_yaml_out(FILE *out, struct cli_value spec);

#endif
