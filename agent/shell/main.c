/* SPDX-License-Identifier: Apache-2.0 */
/* muster-agent: settings, data folder, shell; and an exit code that says how it went. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/shell/boot.h"
#include "agent/shell/journal.h"
#include "agent/shell/notify.h"
#include "agent/shell/process.h"
#include "agent/shell/settings.h"
#include "agent/shell/setup.h"
#include "agent/shell/shell.h"

/* The exit codes of the command line, as far as an agent has use for them.
 */
enum main_exit {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFLICT = 4,
    EXIT_DENIED = 8,
    EXIT_CONFIG = SHELL_EXIT_CONFIG
};

static const char help[] =
    "muster-agent: one agent of a muster cluster\n"
    "\n"
    "  muster-agent [--config FILE] [--dev] [--found] [--moved] [--KEY VALUE …]\n"
    "\n"
    "  --config FILE      instead of /etc/muster/muster.yaml; conf.d/*.yaml beside it follow\n"
    "  --dev              a trial: loopback, a temporary data folder, free ports; no file is read\n"
    "  --found            found a cluster if this node is in none; so does an empty `join`\n"
    "  --moved            the data folder came from elsewhere, and the original is gone for good\n"
    "  --check            reads settings, says what is wrong with them, and starts nothing\n"
    "  --version, --help\n"
    "\n"
    "Every key of the file is a flag, and a variable in the environment (data_dir: --data-dir,\n"
    "MUSTER_DATA_DIR). Flags go over the environment, the environment over files:\n"
    "\n"
    "  --name NAME              the host's name\n"
    "  --data-dir FOLDER        /var/lib/muster\n"
    "  --bind ADDRESS:PORT      0.0.0.0:7946, gossip over UDP and TCP\n"
    "  --advertise ADDRESS:PORT where others reach it, if that is not what it binds\n"
    "  --peer-port PORT         7947, agents among themselves\n"
    "  --http ADDRESS:PORT      127.0.0.1:7948, or none\n"
    "  --http-tls-cert --http-tls-key --http-tls-client-ca FILE\n"
    "                           none; TLS there, and whose certificates give rights\n"
    "  --tokens FILE            none; who may come in over http, as `muster token create` tells\n"
    "  --socket PATH            /run/muster/agent.sock, or none\n"
    "  --join ADDRESS,…         where the others are: addresses or host names, tried for ever\n"
    "  --slots N                the number of CPUs; how many one-slot runs it takes at once\n"
    "  --weight N               slots; its share of the cluster's jobs\n"
    "  --tags KEY=VALUE,…       for placement\n"
    "  --replicas N             3, copies of each record\n"
    "  --profile lan|wan|local  how patient nodes are with one another; of a cluster founded here\n"
    "  --partition WORD         available, or majority: a part without one runs nothing; likewise\n"
    "  --encrypt KEY|FILE       none; the key of the pool (`muster keygen`), or a keyring's file\n"
    "  --encrypt-verify-incoming --encrypt-verify-outgoing yes|no\n"
    "                           no while a living pool gets its keys: plain gossip is taken, sent\n"
    "  --tls-ca --tls-cert --tls-key FILE\n"
    "                           none; agents prove their names to each other\n"
    "  --tls-verify-incoming --tls-verify-outgoing yes|no\n"
    "                           no while a living cluster gets its certificates\n"
    "  --label TEXT             of the gossip pool; --label-verify-incoming no: or none at all\n"
    "  --delegate A,B,C         0,0,0; 2,5,5 in a pool with serf agents\n"
    "  --log-level LEVEL        debug, info, warn, error\n"
    "  --log-format text|json\n"
    "  --max-members --max-jobs --max-runs --max-connections N, --max-log SIZE\n"
    "  --max-payload SIZE       256M; of one that is put through this agent\n"
    "  --max-strikes N          3; deaths of its nodes in a row that hold a job, 0: none\n"
    "\n"
    "Signals: TERM and INT hand over and leave, the same again ends at once; HUP reads tokens and\n"
    "certificates again; USR2 puts the program that now lies at this path in place of this one,\n"
    "settings read anew, every job alive; USR1 tells what is inside. Exit codes: 0 left in order,\n"
    "1 failed, 2 wrong flags, 4 a port or the data folder is in use, 8 not allowed, 78 wrong\n"
    "configuration or the wrong data folder.\n";

/* What the outcome of opening something means for whoever started us. */
static int exit_code(int err)
{
    switch (err) {
    case MUSTER_OK:
        return EXIT_OK;
    case MUSTER_EBUSY:
    case MUSTER_EEXISTS:
        return EXIT_CONFLICT;
    case MUSTER_EDENIED:
        return EXIT_DENIED;
    case MUSTER_EINVAL:
    case MUSTER_ELIMIT:
    case MUSTER_EVERSION:
    case MUSTER_EFOREIGN:
        return EXIT_CONFIG;
    default:
        return EXIT_FAILED;
    }
}

static int refuse(struct shell_journal *journal, int code, const char *why)
{
    shell_journal(journal, AGENT_LOG_ERROR, "%s", why);
    return code;
}

static void dev_tell(const struct shell_setup *s)
{
    char http[MUSTER_ADDR_TEXT];
    (void)printf("A trial agent: its data goes when it ends.\n  export MUSTER_ADDR=%s\n",
                 s->socket_path);
    if (s->http.len != 0)
        (void)printf("  curl http://%s/v1/status\n", muster_addr_text(s->http, http));
    (void)fflush(stdout);
}

static int serve(struct shell_settings *settings, struct shell_journal *journal,
                 struct shell_notify *notify, struct shell_renew *renew)
{
    const struct agent_config *c = &settings->config;
    struct shell_setup_work work;
    struct shell_setup setup;
    struct shell_ports ports;
    struct shell_boot boot;
    struct shell *shell = NULL;
    char why[SHELL_WHY_MAX] = "";
    int err = shell_setup_begin(&setup, &work, &ports, c, renew, why, sizeof why);
    if (err != MUSTER_OK)
        return refuse(journal, exit_code(err), why);
    err = shell_boot_open(&boot, work.data_dir, settings->is_moved, why, sizeof why);
    if (err == MUSTER_OK) {
        err = shell_setup_proofs(&setup, &work, c, journal, why, sizeof why);
        if (err == MUSTER_OK)
            err = shell_setup_door(&work, c, journal, why, sizeof why);
        if (err != MUSTER_OK)
            shell_boot_close(&boot);
    }
    if (err != MUSTER_OK) {
        shell_ports_close(&ports);
    } else {
        shell_setup_node(&setup, &work, c, &boot);
        const char *fault = agent_times_fault(&setup.node);
        if (fault != NULL)
            return refuse(journal, EXIT_CONFIG, fault);
        err = shell_open(&shell, &setup, &ports, &boot, journal, notify, why, sizeof why);
    }
    shell_handed_close(&renew->handed);
    int code = exit_code(err);
    if (err != MUSTER_OK) {
        (void)refuse(journal, code, why);
    } else {
        if (setup.is_dev)
            dev_tell(&setup);
        else
            shell_journal(journal, AGENT_LOG_DEBUG, "runs with %s", shell_process_hurry());
        code = shell_run(shell);
        shell_close(shell);
    }
    shell_setup_end(&work);
    return code;
}

/* Would it start, as far as its settings can tell? For people, and for an agent that is to make
 * room for this program. */
static int check(struct shell_settings *settings, struct shell_journal *journal)
{
    char why[SHELL_WHY_MAX] = "";
    if (shell_settings_read(settings, environ, why, sizeof why) != MUSTER_OK)
        return refuse(journal, EXIT_CONFIG, why);
    struct shell_setup_work work = { .dev_dir = "" };
    int err = shell_setup_door(&work, &settings->config, NULL, why, sizeof why);
    shell_setup_door_close(&work);
    if (err == MUSTER_OK)
        err = shell_setup_check(&settings->config, why, sizeof why);
    shell_settings_close(settings);
    if (err != MUSTER_OK)
        return refuse(journal, exit_code(err), why);
    (void)puts("these settings are good");
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    struct shell_settings settings;
    struct shell_renew renew;
    struct shell_journal journal;
    struct shell_notify notify;
    char why[SHELL_WHY_MAX] = "";
    shell_process_prepare();
    shell_journal_open(&journal, STDERR_FILENO, getenv("JOURNAL_STREAM"));
    if (shell_settings_flags(&settings, argc, argv, why, sizeof why) != MUSTER_OK)
        return refuse(&journal, EXIT_USAGE, why);
    if (settings.options.help || settings.options.version) {
        (void)fputs(settings.options.help ? help : "muster-agent " MUSTER_VERSION "\n", stdout);
        return EXIT_OK;
    }
    if (settings.options.check)
        return check(&settings, &journal);
    shell_notify_open(&notify);
    shell_renew_open(&renew, argv);
    shell_handed_take(&renew.handed);
    int code = EXIT_CONFIG;
    if (shell_settings_read(&settings, environ, why, sizeof why) != MUSTER_OK) {
        (void)refuse(&journal, EXIT_CONFIG, why);
    } else {
        journal.level = (enum agent_log_level)settings.config.log_level;
        journal.is_json = settings.config.log_format == AGENT_LOG_JSON;
        code = serve(&settings, &journal, &notify, &renew);
    }
    if (renew.is_due) {
        shell_renew_exec(&renew, &notify, why, sizeof why);
        code = refuse(&journal, EXIT_FAILED, why);
    }
    shell_notify_close(&notify);
    shell_settings_close(&settings);
    return code;
}
