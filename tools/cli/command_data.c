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
    END
};
