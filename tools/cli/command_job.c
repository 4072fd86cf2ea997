/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of jobs and runs, with their words for people. */
#include "tools/cli/command.h"

#include <stddef.h>

#include "tools/cli/cli.h"
#include "tools/cli/command_flags.h"
#include "tools/cli/spec.h"
#include "tools/cli/verbs.h"

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

const struct cli_command cli_commands_job[] = {
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
    { .verb = "diff",
      .also = "job diff",
      .group = "job",
      .usage = "NAME [REVISION [REVISION]] | --file FILE…",
      .help = "what was changed in a job, or what files would change",
      .more =
          "The last change, the change since a revision, or from one to another; a job keeps\n"
          "six earlier ones. With --file: what 'muster apply' of these files would do. Exit code\n"
          "0 when nothing differs, 1 when something does.\n\n"
          "  muster diff market/ticker\n"
          "  muster diff market/ticker 3 5\n"
          "  muster diff --file jobs/*.yaml\n",
      .flags = cli_flags_diff,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_diff },
    { .verb = "revert",
      .also = "job revert",
      .group = "job",
      .usage = "NAME [REVISION]",
      .help = "make a job what it was before its last change, or at a revision",
      .more = "That makes a new revision. 'muster diff NAME REVISION' shows what would change.\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 2,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_revert },
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
      .usage = "NAME… | --all [--prefix NAME]",
      .help = "start nothing new of these jobs; what runs goes on",
      .more =
          "A run that is under way goes on, with its retries there. When it ends, or its node\n"
          "is gone, the job waits for 'muster release'. A node that drains keeps it, unless the\n"
          "drain has a deadline or its agent is stopped.\n\n"
          "  muster hold --all                    # an emergency: nothing new starts anywhere\n"
          "  muster hold --all --prefix market/   # or nothing of these\n\n"
          "With --all every node is told, and remembers it over restarts; jobs that are\n"
          "made later are held too. Nothing is ended: what runs goes on, also when it was\n"
          "restarted or changed or its node drains, until it is let go. What fails is not\n"
          "tried again, and no clock ticks; its ticks are missed ones then (`missed`).\n",
      .flags = cli_flags_hold,
      .words_min = 0,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_hold },
    { .verb = "release",
      .also = "job release",
      .group = "job",
      .usage = "NAME… | --all [--prefix NAME]",
      .help = "let held jobs start again",
      .more = "  muster release --all                    # what `hold --all` has held\n"
              "  muster release --all --prefix market/   # only these; the rest stays held\n\n"
              "What was held by its name stays so until it is released by its name. The last word\n"
              "about a name counts: 'hold --all' again holds these too.\n",
      .flags = cli_flags_hold,
      .words_min = 0,
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
    { .verb = "trigger",
      .group = "job",
      .usage = "JOB [--arg TEXT] [--key KEY] [--wait] | JOB --from FILE",
      .help = "make a run of a job that says start: manual",
      .more =
          "The same key is the same run, on whichever nodes it is asked for, as long as that run\n"
          "is kept (keep.age; runs without a key also go by keep.ok and keep.fail). With --from a\n"
          "run is known by the batch and its line's number and text, or by its key: the command\n"
          "can be broken off and said again. To run the lines anew, say another --batch.\n\n"
          "  muster trigger mail/send --arg order-17 --key order-17\n"
          "  muster trigger thumb --from files.txt --batch monday\n"
          "  ./orders | muster trigger mail/send --from - --keyed\n",
      .flags = cli_flags_trigger,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_trigger },
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
      .more = "Of a run whose node is gone, the replicated end of it, with a line that says so.\n\n"
              "  muster logs -f -n 20 market/ticker\n",
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
      .usage = "--down NODE | --add NODE=SLOTS,TAG=VALUE…",
      .help = "what would run where if a node were gone, or there were one more",
      .more =
          "Nothing is changed. Each keeper answers for its own jobs: where slots are short, two\n"
          "of them may promise the same one. With --add: what waits and would fit there, the\n"
          "shares of `spread: each`, and the services that the ring would rather have there.\n"
          "\n"
          "  muster whatif --down bravo\n"
          "  muster whatif --add delta=16,rack=b,gpu=2\n",
      .flags = cli_flags_whatif,
      .run = cli_verb_whatif },
    { .verb = "ring",
      .group = "place",
      .usage = "[NAME]",
      .help = "how the ring is shared; with NAME: its list of nodes, like where",
      .more = "WEIGHT is what a node asks for, SHARE what of all names belongs to it first, KEEPS\n"
              "of how many of the 1024 buckets it decides now.\n",
      .flags = cli_flags_none,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_ring },
    { .verb = "rebalance",
      .group = "place",
      .usage = "[--dry-run]",
      .help = "move services from fuller nodes to emptier ones, one after the other",
      .more =
          "Each move ends a service and starts it where its node would be no fuller than the\n"
          "one it leaves; the next one moves when it runs again. It stops when nothing is to be\n"
          "gained, when a service does not come up again, or with Ctrl-C: what has moved stays.\n"
          "Tasks, `move: never` and the shares of `spread: each` never move.\n",
      .flags = cli_flags_rebalance,
      .run = cli_verb_rebalance },
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
    { .others = cli_commands_data }
};
