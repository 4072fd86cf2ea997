/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of what jobs need besides themselves, with their words for people. */
#include <stddef.h>

#include "tools/cli/cli.h"
#include "tools/cli/command.h"
#include "tools/cli/command_flags.h"
#include "tools/cli/verbs.h"

#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

const struct cli_command cli_commands_data[] = {
    { .verb = "payload put",
      .group = "data",
      .usage = "FILE|-",
      .help = "store bytes under their SHA-256, for jobs that name them",
      .more = "It returns when they are on the disks of the nodes that are to keep them. What is "
              "there\n"
              "already is stored once. A job that says `payload: sha256:…` finds them in the file\n"
              "$MUSTER_PAYLOAD, on whichever node it runs. What no job has named for seven days "
              "goes.\n\n"
              "  muster payload put model.bin\n"
              "  tar c . | muster payload put -\n",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_payload_put },
    { .verb = "payload get",
      .group = "data",
      .usage = "SHA [-o FILE]",
      .help = "fetch the bytes of a payload, from whichever node has them",
      .more = "The first digits of its name are enough.\n",
      .flags = cli_flags_payload_get,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_payload_get },
    { .verb = "payload ls",
      .group = "data",
      .usage = "[PREFIX]",
      .help = "the payloads: their size, and when a job last named them",
      .more = "That a job names one is written down once a day.\n",
      .flags = cli_flags_none,
      .words_max = 1,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_payload_ls },
    { .verb = "payload rm",
      .group = "data",
      .usage = "SHA…",
      .help = "give payloads up that no job names",
      .flags = cli_flags_none,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_OTHER,
      .run = cli_verb_payload_rm },
    { .verb = "export",
      .group = "data",
      .usage = "[PREFIX] [-o FILE]",
      .help = "the jobs as YAML, for `import` and `apply` to take back",
      .more =
          "What people wrote, and no more: not what runs where, not what was stopped or held, no\n"
          "payloads.\n\n"
          "  muster export -o jobs.yaml\n"
          "  muster export market/ | ssh there muster import -\n",
      .flags = cli_flags_export,
      .words_max = 1,
      .takes = CLI_TAKES_JOB,
      .run = cli_verb_export },
    { .verb = "import",
      .group = "data",
      .usage = "FILE… [--dry-run]",
      .help = "create or update the jobs of files, however many (- for standard input)",
      .more =
          "Job by job: what is wrong is told with its line, and the rest is imported. What the\n"
          "cluster has already is left alone, so that it may be done again. `apply` takes all "
          "or\n"
          "nothing of a few files.\n\n"
          "  muster import --dry-run jobs.yaml\n"
          "  muster import jobs.yaml\n",
      .flags = cli_flags_import,
      .words_min = 1,
      .words_max = CLI_WORDS_MAX,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_import },
    { .verb = "backup",
      .group = "data",
      .usage = "FILE [--without-payloads]",
      .help = "all jobs, how far their schedules are, and the payloads, into one file",
      .more =
          "A tar archive; when it has its name it has been read again and is whole. In it are the "
          "jobs,\n"
          "what was stopped, held or done, and the payloads. Not in it: output, results, events, "
          "runs of\n"
          "templates, settings and names of nodes. A copy of a data folder is no backup: a node "
          "that\n"
          "starts from one ends at once.\n",
      .flags = cli_flags_backup,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_backup },
    { .verb = "restore",
      .group = "data",
      .usage = "FILE [--dry-run] [--start] [--catch-up]",
      .help = "the jobs and payloads of a backup, into this cluster",
      .more =
          "First everything is held ('muster hold --all'), so that nothing starts beside what may "
          "still\n"
          "run of the former cluster; 'muster release --all' lets it go. A job that is here "
          "already is\n"
          "left as it is. What was running begins anew, with tokens above all those of the "
          "backup;\n"
          "what was done stays done. What schedules have missed, nobody has missed.\n",
      .flags = cli_flags_restore,
      .words_min = 1,
      .words_max = 1,
      .takes = CLI_TAKES_FILE,
      .run = cli_verb_restore },
    END
};
