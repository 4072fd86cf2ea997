/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of the verbs. */
#include "tools/cli/command_flags.h"

#define STATES "pending starting running backoff stopping stopped done dead"
#define END                                                                                        \
    {                                                                                              \
        0                                                                                          \
    }

const struct cli_flag cli_flags_shared[] = {
    { .name = "addr", .value = "ADDR", .help = "the agent's socket path, or http(s)://HOST:PORT" },
    { .name = "token-file",
      .value = "FILE",
      .help = "the token for http(s)://HOST:PORT (over $MUSTER_TOKEN)" },
    { .name = "ca",
      .value = "FILE",
      .help = "who signs the agent's certificate (over $MUSTER_CACERT)" },
    { .name = "cert", .value = "FILE", .help = "your certificate (over $MUSTER_CLIENT_CERT)" },
    { .name = "key-file", .value = "FILE", .help = "and its key (over $MUSTER_CLIENT_KEY)" },
    { .name = "json", .help = "print the API's JSON as it came" },
    { .name = "help", .letter = 'h', .help = "what this verb does, with examples" },
    END
};

const struct cli_flag cli_flags_none[] = { END };

const struct cli_flag cli_flags_ls[] = {
    { .name = "state", .value = "STATE", .choices = STATES, .help = "only jobs in this state" },
    { .name = "label", .value = "K=V", .help = "only jobs with this label" },
    { .name = "limit", .value = "N", .help = "at most N jobs" },
    { .name = "quiet", .letter = 'q', .help = "only the names, one a line" },
    END
};
const struct cli_flag cli_flags_node_ls[] = {
    { .name = "quiet", .letter = 'q', .help = "only the names, one a line" }, END
};
const struct cli_flag cli_flags_ps[] = {
    { .name = "all", .letter = 'a', .help = "also what has ended" },
    { .name = "job", .value = "JOB", .help = "only runs of this job" },
    { .name = "node", .value = "NODE", .help = "only runs on this node" },
    { .name = "state", .value = "STATE", .choices = STATES, .help = "only runs in this state" },
    { .name = "limit", .value = "N", .help = "at most N runs" },
    END
};
const struct cli_flag cli_flags_top[] = {
    { .name = "once", .help = "one page, and no more" },
    { .name = "every", .value = "TIME", .help = "how long a page stays (2s)" },
    END
};
const struct cli_flag cli_flags_runs[] = {
    { .name = "limit", .value = "N", .help = "at most N runs" }, END
};
const struct cli_flag cli_flags_change[] = {
    { .name = "wait", .help = "until it is so" },
    { .name = "timeout", .value = "TIME", .help = "give up waiting after this long (60s)" },
    END
};
const struct cli_flag cli_flags_trigger[] = {
    { .name = "arg", .value = "TEXT", .help = "its argument, in place of the job's own" },
    { .name = "key", .value = "KEY", .help = "one run for one key, however often it is asked for" },
    { .name = "wait", .help = "stay until it ends; the exit code is its own" },
    { .name = "wait-timeout", .value = "TIME", .help = "give up waiting after this long" },
    { .name = "from",
      .value = "FILE",
      .help = "a run for each line, which is its arg (- for input)" },
    { .name = "keyed", .help = "with --from: a line is its key, a tab, and its arg" },
    { .name = "batch", .value = "NAME", .help = "with --from: what its runs are known by (FILE)" },
    END
};
const struct cli_flag cli_flags_hold[] = {
    { .name = "all", .help = "every job there is and will be" },
    { .name = "prefix", .value = "NAME", .help = "with --all: those whose names begin so" },
    END
};
const struct cli_flag cli_flags_move[] = {
    { .name = "to", .value = "NODE", .help = "to this node (to any other)" }, END
};
const struct cli_flag cli_flags_wait[] = {
    { .name = "for",
      .value = "STATE",
      .choices = "end gone " STATES,
      .help = "what to wait for (running; done for a task)" },
    { .name = "timeout", .value = "TIME", .help = "give up after this long (waits for ever)" },
    END
};
const struct cli_flag cli_flags_logs[] = {
    { .name = "follow", .letter = 'f', .help = "go on with what comes" },
    { .name = "lines", .letter = 'n', .value = "N", .help = "begin with the last N lines" },
    { .name = "stderr", .help = "only what was written to standard error" },
    { .name = "stdout", .help = "only what was written to standard output" },
    { .name = "attempt", .value = "N", .help = "of this attempt (the latest)" },
    { .name = "offset", .value = "BYTES", .help = "begin this far into the log" },
    { .name = "time", .letter = 't', .help = "the time before each line" },
    END
};
const struct cli_flag cli_flags_dead_ls[] = {
    { .name = "job", .value = "JOB", .help = "only runs of this job" },
    { .name = "node", .value = "NODE", .help = "only runs on this node" },
    { .name = "limit", .value = "N", .help = "at most N runs" },
    END
};
const struct cli_flag cli_flags_dead[] = { { .name = "all", .help = "all that are dead" }, END };
const struct cli_flag cli_flags_notify[] = {
    { .name = "ready", .help = "it is up (ready: notify)" },
    { .name = "beat", .help = "it is well (watchdog)" },
    { .name = "stopping", .help = "it ends by its own decision" },
    { .name = "extend", .value = "TIME", .help = "more time to be ready, to beat or to stop" },
    { .name = "status", .value = "TEXT", .help = "what it is about; the note of ps and show" },
    { .name = "progress", .value = "N/OF", .help = "how far it is: 3/10" },
    { .name = "message", .value = "TEXT", .help = "for 'muster msgs' (480 bytes, the last 100)" },
    { .name = "checkpoint", .value = "FILE", .help = "for the next attempt (256 KiB)" },
    { .name = "result", .value = "FILE", .help = "for 'muster result' (256 KiB)" },
    END
};
const struct cli_flag cli_flags_payload_get[] = {
    { .name = "output", .letter = 'o', .value = "FILE", .help = "where they go" }, END
};
const struct cli_flag cli_flags_export[] = {
    { .name = "output", .letter = 'o', .value = "FILE", .help = "where it goes" }, END
};
const struct cli_flag cli_flags_import[] = {
    { .name = "dry-run", .letter = 'n', .help = "only say what would change" }, END
};
const struct cli_flag cli_flags_backup[] = {
    { .name = "without-payloads", .help = "the jobs alone" }, END
};
const struct cli_flag cli_flags_restore[] = {
    { .name = "dry-run", .letter = 'n', .help = "only say whether it is whole, and what is in it" },
    { .name = "start", .help = "do not hold everything first" },
    { .name = "catch-up", .help = "what schedules have missed since, `missed` decides on" },
    END
};
const struct cli_flag cli_flags_events[] = {
    { .name = "follow", .letter = 'f', .help = "go on with what happens" },
    { .name = "since", .value = "INDEX", .help = "only what came after this event" },
    { .name = "lines", .letter = 'n', .value = "N", .help = "at most N of the past (200)" },
    END
};
const struct cli_flag cli_flags_next[] = {
    { .name = "lines", .letter = 'n', .value = "N", .help = "that many (5)" },
    { .name = "tz", .value = "ZONE", .help = "in this time zone (UTC)" },
    { .name = "from", .value = "TIME", .help = "after this moment (now)" },
    { .name = "name", .value = "JOB", .help = "the job that H is drawn for" },
    END
};
const struct cli_flag cli_flags_drain[] = {
    { .name = "deadline",
      .value = "TIME",
      .help = "end what is left there after this long (never)" },
    { .name = "cancel", .help = "take runs again" },
    { .name = "no-wait", .help = "do not stay until the node is empty" },
    END
};
const struct cli_flag cli_flags_node_tag[] = {
    { .name = "remove", .value = "K,K", .help = "tags to take away" }, END
};
const struct cli_flag cli_flags_whatif[] = {
    { .name = "down", .value = "NODE", .help = "the node that would be gone" },
    { .name = "add",
      .value = "NODE=SLOTS,K=V…",
      .help = "a node that would be there, with its tags" },
    END
};
const struct cli_flag cli_flags_rebalance[] = {
    { .name = "dry-run", .letter = 'n', .help = "only say what would move" },
    { .name = "limit", .value = "N", .help = "no more moves than that" },
    END
};
const struct cli_flag cli_flags_keygen[] = {
    { .name = "bits", .value = "N", .choices = "128 192 256", .help = "so many (256)" }, END
};
const struct cli_flag cli_flags_token_create[] = {
    { .name = "right",
      .value = "RIGHT",
      .choices = "read operate admin",
      .help = "what it lets somebody do" },
    { .name = "name", .value = "NAME", .help = "what it is called in the file and in refusals" },
    END
};
const struct cli_flag cli_flags_tls_ca[] = {
    { .name = "days", .value = "N", .help = "good for so long (3650)" },
    { .name = "out", .value = "FOLDER", .help = "where the files go (here)" },
    END
};
const struct cli_flag cli_flags_tls_cert[] = {
    { .name = "address", .value = "A,A", .help = "addresses it is for, too (for HTTP clients)" },
    { .name = "days", .value = "N", .help = "good for so long (365)" },
    { .name = "ca-cert", .value = "FILE", .help = "who signs it (FOLDER/ca.pem)" },
    { .name = "ca-key", .value = "FILE", .help = "with which key (FOLDER/ca.key)" },
    { .name = "out", .value = "FOLDER", .help = "where the files go (here)" },
    END
};
const struct cli_flag cli_flags_keys_change[] = {
    { .name = "force", .help = "also when a node would be cut off by it" }, END
};
const struct cli_flag cli_flags_forget[] = {
    { .name = "yes", .letter = 'y', .help = "swear it without being asked" }, END
};
const struct cli_flag cli_flags_diff[] = {
    { .name = "file", .letter = 'f', .help = "the words are job files, compared with the cluster" },
    END
};
