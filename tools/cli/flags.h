/* Flags: one command line against one command's list of flags.
 *
 * `--name value`, `--name=value`, `-n value`, `-nvalue`, several letters in one (`-fn5`), `--` ends
 * the flags. A flag that may be repeated keeps every value; of others the last one holds.
 *
 * memory   everything points into argv and the command table; nothing is allocated
 * errors   a sentence in `problem`, written for a person
 * threads  any
 */
#ifndef MUSTER_CLI_FLAGS_H
#define MUSTER_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CLI_FLAGS_MAX   512 /* flags given on one line */
#define CLI_WORDS_MAX   512 /* words given on one line */
#define CLI_PROBLEM_MAX 256

struct cli_flag {
    const char *name;    /* without the dashes */
    const char *value;   /* what the value is called in the help, NULL for a flag without one */
    const char *choices; /* allowed values separated by blanks, NULL for any */
    const char *help;
    const char *path; /* for a field of a job: where it stands in the spec */
    char letter;      /* 0: none */
};

struct cli_given {
    const struct cli_flag *flag;
    const char *value; /* "" for a flag without one */
};

struct cli_args {
    struct cli_given given[CLI_FLAGS_MAX];
    size_t given_count;
    const char *word[CLI_WORDS_MAX + 1]; /* NULL-terminated */
    size_t word_count;
    bool saw_dashes; /* words follow a "--" */
    char problem[CLI_PROBLEM_MAX];
};

/* `flags` and `shared` each end with a flag without a name. With `stops`, the first word ends the
 * flags: what follows is a command line of its own. */
struct cli_flags_rule {
    const struct cli_flag *flags;
    const struct cli_flag *shared;
    bool stops;
};

/* MUSTER_EINVAL with `problem` when the line is wrong. */
MUSTER_MUST_USE int cli_flags_parse(struct cli_args *args, const struct cli_flags_rule *rule,
                                    int argc, const char *const *argv);

bool cli_flag_given(const struct cli_args *args, const char *name);

/* The last value given, NULL when none was. */
const char *cli_flag_value(const struct cli_args *args, const char *name);

/* The value as a whole number between min and max; `absent` when the flag was not given.
 * MUSTER_ERANGE with `problem` otherwise. */
MUSTER_MUST_USE int cli_flag_number(struct cli_args *args, const char *name, long long min,
                                    long long max, long long absent, long long *out);

/* The value as a duration in milliseconds ("30s"), likewise. */
MUSTER_MUST_USE int cli_flag_duration(struct cli_args *args, const char *name, long long absent,
                                      long long *out);

#endif
