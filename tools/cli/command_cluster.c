/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of agents, the cluster and its nodes, with their words for people. */
#include "tools/cli/command.h"

#include <stddef.h>

#include "tools/cli/cli.h"
#include "tools/cli/command_flags.h"
#include "tools/cli/spec.h"
#include "tools/cli/verbs.h"

const struct cli_command cli_commands_cluster[] = {
    { .verb = "agent",
      .group = "agent",
      .usage = "[--config FILE] [--dev] [--found] [flags]",
      .help = "run an agent on this host",
      .is_raw = true,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_agent },
    { .verb = "init",
      .group = "agent",
      .usage = "",
      .help = "found a new cluster, once, on one node",
      .more = "An agent with a join list waits to be let in. On the very first start of a cluster\n"
              "nobody is there to let anyone in: say this on one node, and the others join it.\n",
      .flags = cli_flags_none,
      .run = cli_verb_init },
    { .verb = "health",
      .group = "agent",
      .usage = "",
      .help = "how this agent is: exit code 0 well, 1 warning, 2 critical, 3 no answer",
      .flags = cli_flags_none,
      .run = cli_verb_health },
    { .verb = "version",
      .group = "agent",
      .usage = "",
      .help = "the versions of this program and of the agent",
      .flags = cli_flags_none,
      .run = cli_verb_version },
    { .verb = "completion",
      .group = "agent",
      .usage = "bash|zsh|fish",
      .help = "print a completion script for a shell",
      .more = "  source <(muster completion bash)\n"
              "  muster completion zsh > ~/.zfunc/_muster\n"
              "  muster completion fish > ~/.config/fish/completions/muster.fish\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_SHELL,
      .run = cli_verb_completion },
    { .verb = "help",
      .group = "agent",
      .usage = "[VERB]",
      .help = "all verbs, or one with examples",
      .flags = cli_flags_none,
      .words_max = 3,
      .takes = CLI_TAKES_VERB,
      .run = cli_verb_help },

    { .verb = "members",
      .group = "cluster",
      .usage = "",
      .help = "the nodes this agent knows, and what they offer",
      .flags = cli_flags_node_ls,
      .run = cli_verb_members },
    { .verb = "status",
      .group = "cluster",
      .usage = "",
      .help = "this node and its cluster in a few lines",
      .flags = cli_flags_none,
      .run = cli_verb_status },
    { .verb = "top",
      .group = "cluster",
      .usage = "[--once] [--every TIME]",
      .help = "nodes and runs on one page, again and again",
      .more =
          "What is not well comes first; Ctrl-C ends it. Where output is no terminal, and with\n"
          "--json, there is one page.\n",
      .flags = cli_flags_top,
      .run = cli_verb_top },
    { .verb = "join",
      .group = "cluster",
      .usage = "ADDR…",
      .help = "join a cluster through any of its members",
      .more = "  muster join 10.0.0.11:7946 10.0.0.12:7946\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_join },
    { .verb = "leave",
      .group = "cluster",
      .usage = "",
      .help = "this node hands over its runs and leaves",
      .flags = cli_flags_none,
      .run = cli_verb_leave },
    { .verb = "events",
      .group = "cluster",
      .usage = "[-f] [-n N] [--since INDEX]",
      .help = "what happened, and with -f what happens",
      .flags = cli_flags_events,
      .run = cli_verb_events },
    { .verb = "doctor",
      .group = "cluster",
      .usage = "",
      .help = "what is wrong in the cluster, and what to do about it",
      .more =
          "Every node is asked: who does not answer, who does not reach whom, clocks, versions,\n"
          "encryption, disks, guards, quorums, jobs that wait for long, jobs that gave up.\n"
          "Exit code 0: nothing is wrong; 1: something is. With --json: what the nodes said.\n",
      .flags = cli_flags_none,
      .run = cli_verb_doctor },
    { .verb = "keygen",
      .group = "cluster",
      .usage = "[--bits N]",
      .help = "print a new key for `encrypt`",
      .more = "  muster keygen > /etc/muster/key && chmod 600 /etc/muster/key\n",
      .flags = cli_flags_keygen,
      .run = cli_verb_keygen },
    { .verb = "keys list",
      .group = "cluster",
      .usage = "",
      .help = "which keys the nodes have, and which they use",
      .more = "Keys are shown by their marks, from which nothing leads back. In a healthy cluster\n"
              "there is one, and every node uses it.\n",
      .flags = cli_flags_none,
      .run = cli_verb_keys_list },
    { .verb = "keys install",
      .group = "cluster",
      .usage = "KEY|-",
      .help = "give a new key to every node",
      .more = "To change the key of a living cluster, without anybody noticing:\n\n"
              "  muster keygen > new && muster keys install - < new\n"
              "  muster keys list                # every node has both\n"
              "  muster keys use MARK            # of the new one\n"
              "  muster keys remove MARK         # of the old one\n\n"
              "A node that is away misses this, and knows the old key when it returns: write the\n"
              "new one into its keyring first. `-` reads the key from standard input, since a\n"
              "command line can be read by everybody on the host.\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_keys_install },
    { .verb = "keys use",
      .group = "cluster",
      .usage = "MARK|KEY|- [--force]",
      .help = "encrypt with this key from now on, on every node",
      .more = "Refused while a node does not have it, or does not answer.\n",
      .flags = cli_flags_keys_change,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_keys_use },
    { .verb = "keys remove",
      .group = "cluster",
      .usage = "MARK|KEY|- [--force]",
      .help = "take a key away from every node",
      .more = "Refused while a node still uses it.\n",
      .flags = cli_flags_keys_change,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_keys_remove },

    { .verb = "tls ca create",
      .group = "cluster",
      .usage = "[--days N] [--out FOLDER]",
      .help = "make a CA for this cluster: ca.pem and ca.key",
      .more = "The certificate, ca.pem, goes to every node; the key stays where no agent runs: "
              "whoever\n"
              "has it can be any node.\n\n"
              "  muster tls ca create --out /root/muster-ca\n",
      .flags = cli_flags_tls_ca,
      .run = cli_verb_tls_ca_create },
    { .verb = "tls cert create",
      .group = "cluster",
      .usage = "NAME [--address A,A] [--days N]",
      .help = "make the certificate of a node: NAME.pem and NAME.key",
      .more =
          "NAME is the node's name, as `muster members` shows it, and stands in the certificate "
          "as\n"
          "a DNS name; agents take a certificate from the node of that name only.\n\n"
          "  muster tls cert create alpha --out /root/muster-ca\n"
          "  tls: {ca: /etc/muster/ca.pem, cert: /etc/muster/alpha.pem, key: "
          "/etc/muster/alpha.key}\n\n"
          "To renew it, put a new pair in its place and send the agent SIGHUP. To give a living\n"
          "cluster its certificates: all agents with `verify_incoming: no` and `verify_outgoing:\n"
          "no` under `tls` first, then without the second, then without the first.\n",
      .flags = cli_flags_tls_cert,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_tls_cert_create },
    { .verb = "token create",
      .group = "cluster",
      .usage = "--right read|operate|admin [--name NAME]",
      .help = "print a new token for HTTP, and its line for the file of `tokens`",
      .more =
          "read: look at everything. operate: also change jobs and runs; hold, release and drain\n"
          "nodes. admin: also change the cluster itself. Whoever may operate runs commands on\n"
          "every host. The file holds only a hash: keep the token where it is used.\n\n"
          "  muster token create --right read --name grafana\n"
          "  MUSTER_TOKEN=… muster --addr http://10.0.0.11:7948 ps\n",
      .flags = cli_flags_token_create,
      .run = cli_verb_token_create },

    { .verb = "node ls",
      .group = "node",
      .usage = "[-q]",
      .help = "the nodes, like members",
      .flags = cli_flags_node_ls,
      .run = cli_verb_members },
    { .verb = "node show",
      .group = "node",
      .usage = "NAME",
      .help = "one node and its runs",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_node_show },
    { .verb = "node hold",
      .group = "node",
      .usage = "NAME",
      .help = "the node keeps what it has and takes nothing new",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_node_hold },
    { .verb = "node release",
      .group = "node",
      .usage = "NAME",
      .help = "a held node takes runs again",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_node_release },
    { .verb = "node slots",
      .group = "node",
      .usage = "NAME [N]",
      .help = "how many slots it offers; without N as it is configured",
      .more = "What is set here goes over the configuration, and stays over restarts. A node with\n"
              "more runs than slots keeps them, and takes none until there is room again.\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 2,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_node_slots },
    { .verb = "node tag",
      .group = "node",
      .usage = "NAME [K=V…] [--remove K]",
      .help = "set and remove tags; without any as it is configured",
      .more = "What is set here goes over the configuration, and stays over restarts. Runs stay\n"
              "where they are; what is placed from now on follows.\n",
      .flags = cli_flags_node_tag,
      .words_min = 1,
      .words_max = 32,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_node_tag },
    { .verb = "drain",
      .also = "node drain",
      .group = "node",
      .usage = "[NODE] [--deadline TIME] [--cancel] [--no-wait]",
      .help = "move everything off a node",
      .more =
          "Services move a few at a time, as there is room elsewhere; tasks may finish. Its own\n"
          "share of a daemon stays until its agent is stopped, and is not waited for. Without "
          "NODE\n"
          "it is the node whose agent answers. The node takes nothing new until --cancel.\n\n"
          "With --deadline what is left by then is ended: tasks, which begin anew elsewhere, what\n"
          "may be nowhere else, and what is held by its name; not what `hold --all` holds.\n"
          "Without it they stay as long as they need, and the command waits for 90 s. The node\n"
          "that drains counts the time, also if its agent is restarted meanwhile.\n\n"
          "  muster drain bravo --deadline 5m\n"
          "  muster drain bravo --cancel\n",
      .flags = cli_flags_drain,
      .words_max = 1,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_drain },

    { .verb = "forget",
      .also = "node forget",
      .group = "cluster",
      .usage = "NODE [--yes]",
      .help = "swear that a node's disk is gone for good",
      .more =
          "NODE is a name, or the first digits of a node's id. The node's copies of job records\n"
          "count no more: its places are given to others at once, and where too few copies are\n"
          "left for a majority, those that are left decide. Its runs are placed anew; exclusive\n"
          "ones when their leases are over, since a process may outlive a disk. It is for ever:\n"
          "the node can come back with an empty data folder only, as a new one.\n\n"
          "If the disk is not gone, start the node again instead. A false oath may lose changes\n"
          "that only its disk holds.\n\n"
          "  muster forget bravo\n"
          "  muster forget 5f0c21aa --yes\n",
      .flags = cli_flags_forget,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_NODE,
      .run = cli_verb_forget },

    { .others = cli_commands_job }
};
