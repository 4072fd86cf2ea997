/* Command flags: what each verb may be told behind its name. Those of `run` are fields of a job
 * (tools/cli/spec.h).
 *
 * memory   constant
 * threads  any
 */
#ifndef MUSTER_CLI_COMMAND_FLAGS_H
#define MUSTER_CLI_COMMAND_FLAGS_H

#include "tools/cli/flags.h"

extern const struct cli_flag cli_flags_whatif[];
extern const struct cli_flag cli_flags_rebalance[];
extern const struct cli_flag cli_flags_none[];
extern const struct cli_flag cli_flags_ls[];
extern const struct cli_flag cli_flags_node_ls[];
extern const struct cli_flag cli_flags_ps[], cli_flags_top[];
extern const struct cli_flag cli_flags_runs[];
extern const struct cli_flag cli_flags_change[];
extern const struct cli_flag cli_flags_trigger[];
extern const struct cli_flag cli_flags_hold[];
extern const struct cli_flag cli_flags_move[];
extern const struct cli_flag cli_flags_wait[];
extern const struct cli_flag cli_flags_logs[];
extern const struct cli_flag cli_flags_dead_ls[];
extern const struct cli_flag cli_flags_dead[];
extern const struct cli_flag cli_flags_notify[];
extern const struct cli_flag cli_flags_events[];
extern const struct cli_flag cli_flags_next[];
extern const struct cli_flag cli_flags_drain[];
extern const struct cli_flag cli_flags_node_tag[];
extern const struct cli_flag cli_flags_forget[];
extern const struct cli_flag cli_flags_diff[];
extern const struct cli_flag cli_flags_keygen[];
extern const struct cli_flag cli_flags_token_create[];
extern const struct cli_flag cli_flags_keys_change[];
extern const struct cli_flag cli_flags_tls_ca[];
extern const struct cli_flag cli_flags_tls_cert[];
extern const struct cli_flag cli_flags_payload_get[];
extern const struct cli_flag cli_flags_export[];
extern const struct cli_flag cli_flags_import[];
extern const struct cli_flag cli_flags_backup[];
extern const struct cli_flag cli_flags_restore[];

#endif
