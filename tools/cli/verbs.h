/* Verbs: one function for each row of the command table. Each returns an exit code (enum cli_exit;
 * that of `run --wait` is the job's own, that of `health` 0 to 3).
 *
 * threads  one
 */
#ifndef MUSTER_CLI_VERBS_H
#define MUSTER_CLI_VERBS_H

struct cli;

int cli_verb_agent(struct cli *cli);
int cli_verb_init(struct cli *cli);
int cli_verb_health(struct cli *cli);
int cli_verb_version(struct cli *cli);
int cli_verb_completion(struct cli *cli);
int cli_verb_help(struct cli *cli);

int cli_verb_members(struct cli *cli);
int cli_verb_status(struct cli *cli);
int cli_verb_join(struct cli *cli);
int cli_verb_leave(struct cli *cli);
int cli_verb_events(struct cli *cli);

int cli_verb_doctor(struct cli *cli);
int cli_verb_top(struct cli *cli);
int cli_verb_ring(struct cli *cli);
int cli_verb_keygen(struct cli *cli);
int cli_verb_keys_list(struct cli *cli);
int cli_verb_keys_install(struct cli *cli);
int cli_verb_keys_use(struct cli *cli);
int cli_verb_keys_remove(struct cli *cli);

int cli_verb_node_show(struct cli *cli);
int cli_verb_drain(struct cli *cli);
int cli_verb_forget(struct cli *cli);
int cli_verb_node_hold(struct cli *cli);
int cli_verb_node_release(struct cli *cli);
int cli_verb_node_slots(struct cli *cli);
int cli_verb_node_tag(struct cli *cli);

int cli_verb_run(struct cli *cli);
int cli_verb_trigger(struct cli *cli);
int cli_verb_apply(struct cli *cli);
int cli_verb_check(struct cli *cli);
int cli_verb_diff(struct cli *cli);
int cli_verb_revert(struct cli *cli);
int cli_verb_ls(struct cli *cli);
int cli_verb_ps(struct cli *cli);
int cli_verb_show(struct cli *cli);
int cli_verb_stop(struct cli *cli);
int cli_verb_start(struct cli *cli);
int cli_verb_restart(struct cli *cli);
int cli_verb_rm(struct cli *cli);
int cli_verb_hold(struct cli *cli);
int cli_verb_release(struct cli *cli);
int cli_verb_move(struct cli *cli);

int cli_verb_token_create(struct cli *cli);
int cli_verb_tls_ca_create(struct cli *cli);
int cli_verb_tls_cert_create(struct cli *cli);

int cli_verb_runs(struct cli *cli);
int cli_verb_wait(struct cli *cli);
int cli_verb_logs(struct cli *cli);
int cli_verb_result(struct cli *cli);
int cli_verb_msgs(struct cli *cli);
int cli_verb_notify(struct cli *cli);
int cli_verb_signal(struct cli *cli);
int cli_verb_dead_ls(struct cli *cli);
int cli_verb_dead_show(struct cli *cli);
int cli_verb_dead_retry(struct cli *cli);
int cli_verb_dead_drop(struct cli *cli);

/* All that a job wrote, to standard output and standard error as it was. */
int cli_logs_print(struct cli *cli, const char *name);
/* The last lines of it under a title, if there are any. */
int cli_logs_end(struct cli *cli, const char *name, long long lines, const char *title);

int cli_verb_payload_put(struct cli *cli);
int cli_verb_payload_get(struct cli *cli);
int cli_verb_payload_ls(struct cli *cli);
int cli_verb_payload_rm(struct cli *cli);
int cli_verb_export(struct cli *cli);
int cli_verb_import(struct cli *cli);
int cli_verb_backup(struct cli *cli);
int cli_verb_restore(struct cli *cli);

int cli_verb_where(struct cli *cli);
int cli_verb_why(struct cli *cli);
int cli_verb_whatif(struct cli *cli);
int cli_verb_rebalance(struct cli *cli);

int cli_verb_next(struct cli *cli);
int cli_verb_cron(struct cli *cli);

#endif
