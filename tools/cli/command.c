/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs with their words for people, and how a verb is found in it. */
#include "tools/cli/command.h"

#include <stddef.h>
#include <string.h>

#include "agent/problem.h"
#include "base/text.h"
#include "tools/cli/cli.h"
#include "tools/cli/command_flags.h"
#include "tools/cli/spec.h"
#include "tools/cli/verbs.h"

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

const struct cli_command cli_commands[] = {
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
      .words_max = 2,
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
          "Services move a few at a time; tasks may finish until the deadline. Without NODE it is\n"
          "the node whose agent answers. The node takes nothing new until --cancel.\n\n"
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

    { .verb = "run",
      .also = "job run",
      .group = "job",
      .usage = "[flags] [--wait] -- CMD…",
      .help = "make a job from flags and start it",
      .more =
          "Every field of a job can be set with --set, as in a job file. With --wait it is a task\n"
          "unless --kind says otherwise, and the exit code is the job's own. Without --name a "
          "name\n"
          "is made from the command.\n\n"
          "  muster run --name market/ticker --slots 2 -- /opt/ticker --fast\n"
          "  muster run --wait --retry 2 --env LEVEL=3 -- /opt/report.sh 2026\n"
          "  muster run --name web --set ready=tcp:8080 --set limits.memory=1G -- /opt/web\n",
      .flags = cli_flags_run,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_COMMAND,
      .run = cli_verb_run },
    { .verb = "apply",
      .group = "job",
      .usage = "FILE…",
      .help = "create or update the jobs of files (- for standard input)",
      .more =
          "YAML or JSON, several jobs in a file separated by ---. All of them are checked first:\n"
          "if one is wrong, nothing is changed.\n\n"
          "  muster apply jobs/*.yaml\n"
          "  ./make-jobs | muster apply -\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_apply },
    { .verb = "check",
      .also = "job validate",
      .group = "job",
      .usage = "FILE…",
      .help = "tell what is wrong with job files, and change nothing",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_check },
    { .verb = "ls",
      .also = "job ls",
      .group = "job",
      .usage = "[PREFIX] [--state STATE] [--label K=V]",
      .help = "the jobs",
      .more = "  muster ls market/\n"
              "  muster ls --state dead\n",
      .flags = cli_flags_ls,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_ls },
    { .verb = "ps",
      .also = "job status",
      .group = "job",
      .usage = "[-a] [--job JOB] [--node NODE] [--state STATE]",
      .help = "what runs, or wants to",
      .flags = cli_flags_ps,
      .run = cli_verb_ps },
    { .verb = "show",
      .also = "job inspect",
      .group = "job",
      .usage = "NAME",
      .help = "one job or run with all there is to know",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_show },
    { .verb = "stop",
      .also = "job stop",
      .group = "job",
      .usage = "NAME… [--wait] [--timeout TIME]",
      .help = "end jobs; they stay known, and can be started again",
      .flags = cli_flags_change,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_stop },
    { .verb = "start",
      .also = "job start",
      .group = "job",
      .usage = "NAME… [--wait] [--timeout TIME]",
      .help = "start stopped jobs again",
      .flags = cli_flags_change,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_start },
    { .verb = "restart",
      .also = "job restart",
      .group = "job",
      .usage = "NAME…",
      .help = "end jobs and start them anew",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_restart },
    { .verb = "hold",
      .also = "job hold",
      .group = "job",
      .usage = "NAME…",
      .help = "start nothing new of these jobs; what runs goes on",
      .more = "A run that is under way goes on, with its retries there. When it ends, or its node\n"
              "is gone, the job waits for 'muster release'.\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_hold },
    { .verb = "release",
      .also = "job release",
      .group = "job",
      .usage = "NAME…",
      .help = "let held jobs start again",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_release },
    { .verb = "move",
      .also = "job move",
      .group = "job",
      .usage = "NAME… [--to NODE]",
      .help = "end the runs of services here and start them elsewhere",
      .more =
          "Stop first, then start. A node that cannot have the run now is refused; if it fills up\n"
          "meanwhile, the run goes where there is room. A task that runs never moves.\n",
      .flags = cli_flags_move,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_move },
    { .verb = "rm",
      .also = "job rm",
      .group = "job",
      .usage = "NAME… [--wait] [--timeout TIME]",
      .help = "delete jobs and end their runs",
      .flags = cli_flags_change,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_rm },

    { .verb = "runs",
      .group = "run",
      .usage = "JOB [--limit N]",
      .help = "the runs of a job, with how they ended",
      .flags = cli_flags_runs,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_runs },
    { .verb = "wait",
      .group = "run",
      .usage = "NAME… [--for STATE] [--timeout TIME]",
      .help = "wait until jobs are running, done, or what --for says",
      .more =
          "`end` is any of done, dead and stopped; `gone` is deleted with nothing left running.\n"
          "Exit code 6 when the time is up, 1 when the job took another end.\n\n"
          "  muster wait market/ticker --for running --timeout 30s\n",
      .flags = cli_flags_wait,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_wait },
    { .verb = "logs",
      .group = "run",
      .usage = "NAME [-f] [-n N] [--stderr] [--attempt N]",
      .help = "what a job wrote",
      .more = "  muster logs -f -n 20 market/ticker\n",
      .flags = cli_flags_logs,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_logs },

    { .verb = "signal",
      .group = "run",
      .usage = "NAME SIGNAL",
      .help = "send a signal to the first process of a job",
      .more = "  muster signal market/ticker HUP\n",
      .flags = cli_flags_none,
      .words_min = 2,
      .words_max = 2,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_signal },
    { .verb = "result",
      .group = "run",
      .usage = "NAME",
      .help = "the result that a job has left, as it is",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_result },
    { .verb = "msgs",
      .group = "run",
      .usage = "NAME",
      .help = "the messages that a job has left, the last 100",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_msgs },
    { .verb = "notify",
      .group = "inside a job",
      .usage = "[--ready] [--beat] [--progress N/OF] [--message TEXT] [--checkpoint FILE] …",
      .help = "inside a job: tell how it does, and leave what is to stay",
      .more =
          "It speaks to the guard of the job, on $NOTIFY_SOCKET. Files are copied before it "
          "returns,\n"
          "with the rights of the job's user, and kept on as many nodes as the job's record. The\n"
          "next attempt, wherever it runs, finds the last checkpoint in the file "
          "$MUSTER_CHECKPOINT.\n"
          "\n"
          "  muster notify --ready --status 'listening'\n"
          "  muster notify --progress 3/10 --checkpoint state.json\n"
          "  muster notify --result report.csv --message 'all rows written'\n",
      .flags = cli_flags_notify,
      .run = cli_verb_notify },
    { .verb = "dead ls",
      .group = "dead letter",
      .usage = "[--job JOB] [--limit N]",
      .help = "what gave up: retries used, an exit_dead, max_moves, a deadline",
      .flags = cli_flags_dead_ls,
      .run = cli_verb_dead_ls },
    { .verb = "dead show",
      .group = "dead letter",
      .usage = "NAME",
      .help = "why it gave up, its attempts, and what it wrote last",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_dead_show },
    { .verb = "dead retry",
      .group = "dead letter",
      .usage = "NAME… | --all",
      .help = "try again what is dead, with all its retries and its checkpoint",
      .flags = cli_flags_dead,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_dead_retry },
    { .verb = "dead drop",
      .group = "dead letter",
      .usage = "NAME… | --all",
      .help = "delete what is dead",
      .flags = cli_flags_dead,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_dead_drop },

    { .verb = "where",
      .group = "place",
      .usage = "NAME",
      .help = "where a job runs, who keeps its record, and who is next",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_where },
    { .verb = "why",
      .group = "place",
      .usage = "NAME",
      .help = "why a job is where it is, or is not",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_why },
    { .verb = "cron",
      .group = "time",
      .usage = "[PREFIX]",
      .help = "the jobs with a schedule: when they ran last, and when they run next",
      .flags = cli_flags_none,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_cron },
    { .verb = "whatif",
      .group = "place",
      .usage = "--down NODE",
      .help = "where the runs of a node would go if it were gone",
      .more =
          "Nothing is changed. Each keeper answers for its own jobs: where slots are short, two\n"
          "of them may promise the same one.\n",
      .flags = cli_flags_whatif,
      .run = cli_verb_whatif },
    { .verb = "next",
      .group = "time",
      .usage = "JOB|EXPR",
      .help = "when a job or a cron expression fires next",
      .more =
          "Five fields, or six with seconds before them: minute hour day month weekday. Names,\n"
          "lists, ranges, steps, L (last), # (n-th weekday) and H (drawn from the job's name).\n"
          "\n"
          "  muster next '30 2 * * mon-fri' --tz Europe/Berlin -n 10\n"
          "  muster next 'H H(1-5) * * *' --name backup/db\n"
          "\n"
          "Where clocks change, fixed hours follow the clock on the wall: what falls into the\n"
          "gap fires once, at its end, and what comes twice fires the first time. With * for\n"
          "the hour every hour that really passes counts.",
      .flags = cli_flags_next,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_next },
    END
};

/* How many of the words spell `name` ("node ls"); 0 when they do not. */
static int words_spelling(const char *name, size_t len, int argc, const char *const *argv)
{
    int used = 0;
    for (size_t at = 0; at < len; used++) {
        size_t word = strcspn(name + at, " ,");
        if (used == argc || strlen(argv[used]) != word || memcmp(argv[used], name + at, word) != 0)
            return 0;
        at += word + 1;
    }
    return used;
}

static int command_spelled(const struct cli_command *c, int argc, const char *const *argv)
{
    int used = words_spelling(c->verb, strlen(c->verb), argc, argv);
    for (const char *name = c->also; used == 0 && name != NULL && *name != '\0';) {
        size_t len = strcspn(name, ",");
        used = words_spelling(name, len, argc, argv);
        name += len + (name[len] == ',' ? 1 : 0);
    }
    return used;
}

const struct cli_command *cli_command_find(int argc, const char *const *argv, int *used)
{
    for (const struct cli_command *c = cli_commands; c->verb != NULL; c++) {
        *used = command_spelled(c, argc, argv);
        if (*used > 0)
            return c;
    }
    return NULL;
}

const char *cli_command_nearest(int argc, const char *const *argv)
{
    const char *names[sizeof cli_commands / sizeof cli_commands[0]] = { NULL };
    char typed[64];
    size_t count = 0;
    for (const struct cli_command *c = cli_commands; c->verb != NULL; c++)
        names[count++] = c->verb;
    /* "node lsit" is nearer to "node ls" than its first word alone is to anything. */
    if (argc > 1 && muster_format(typed, sizeof typed, "%s %s", argv[0], argv[1])) {
        const char *near = agent_problem_nearest(typed, names);
        if (near != NULL)
            return near;
    }
    return agent_problem_nearest(argv[0], names);
}
