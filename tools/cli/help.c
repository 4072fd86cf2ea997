/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what the command table says: all verbs by group, or one verb with its flags and examples.
 */
#include "tools/cli/help.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/verbs.h"

#define INDENT 24 /* columns of a flag with its value, in front of its words */

static bool is_first_of_group(const struct cli_command *command)
{
    const struct cli_command *c = cli_command_next(NULL);
    while (strcmp(c->group, command->group) != 0)
        c = cli_command_next(c);
    return c == command;
}

/* Wherever in the tables its verbs stand. */
static void help_group(FILE *out, const char *group)
{
    fprintf(out, "\n%s\n", group);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        if (strcmp(group, c->group) == 0)
            fprintf(out, "  %-16s %s\n", c->verb, c->help);
}

void cli_help_all(FILE *out)
{
    fputs("muster keeps jobs running on a cluster of hosts that need no master.\n"
          "usage: muster VERB [words] [flags]\n",
          out);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        if (is_first_of_group(c))
            help_group(out, c->group);
    fputs("\nEvery verb knows --addr ADDR (or $MUSTER_ADDR), --json and --help; where tokens or\n"
          "certificates are asked for: --token-file FILE (or $MUSTER_TOKEN), --ca, --cert, "
          "--key-file.\n"
          "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 exists or conflict, 5 agent not\n"
          "reachable, 6 wait timed out, 7 refused by the partition rule, 8 not allowed, 78 bad\n"
          "configuration or job file.\n",
          out);
}

static void help_flag(FILE *out, const struct cli_flag *flag)
{
    char left[64];
    char letter[8] = "    ";
    if (flag->letter != '\0')
        muster_format(letter, sizeof letter, "-%c, ", flag->letter);
    muster_format(left, sizeof left, "%s--%s%s%s", letter, flag->name,
                  flag->value != NULL ? " " : "", flag->value != NULL ? flag->value : "");
    fprintf(out, "  %-*s  %s", INDENT, left, flag->help);
    if (flag->choices != NULL)
        fprintf(out, ": %s", flag->choices);
    fputc('\n', out);
}

static void help_flags(FILE *out, const struct cli_flag *flags)
{
    for (const struct cli_flag *f = flags; f != NULL && f->name != NULL; f++)
        help_flag(out, f);
}

void cli_help_verb(FILE *out, const struct cli_command *c)
{
    fprintf(out, "usage: muster %s%s%s\n\n%c%s.\n", c->verb, c->usage[0] != '\0' ? " " : "",
            c->usage, toupper((unsigned char)c->help[0]), c->help + 1);
    if (c->more != NULL)
        fprintf(out, "\n%s", c->more);
    if (c->also != NULL)
        fprintf(out, "\nAlso: muster %s\n", c->also);
    fputs("\nflags\n", out);
    help_flags(out, c->flags);
    help_flags(out, cli_flags_shared);
}

bool cli_help_family(FILE *out, int argc, const char *const *argv)
{
    bool is_one = false;
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        if (cli_command_after(c, argc, argv) == NULL)
            continue;
        if (!is_one) {
            fputs("usage: muster", out);
            for (int i = 0; i < argc; i++)
                fprintf(out, " %s", argv[i]);
            fputs(" VERB [words] [flags]\n\n", out);
        }
        is_one = true;
        fprintf(out, "  %-16s %s\n", c->verb, c->help);
    }
    if (is_one)
        fputs("\n'muster help' and one of these tells more of it.\n", out);
    return is_one;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    char line[512];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    cli_say(&cli->term, "%s", line);
    if (cli->command != NULL)
        fprintf(stderr, "usage: muster %s%s%s\n", cli->command->verb,
                cli->command->usage[0] != '\0' ? " " : "", cli->command->usage);
    return CLI_USAGE;
}

int cli_verb_help(struct cli *cli)
{
    int used = 0;
    int count = (int)cli->args.word_count;
    if (count == 0) {
        cli_help_all(stdout);
        return CLI_OK;
    }
    const struct cli_command *command = cli_command_find(count, cli->args.word, &used);
    const char *near = command == NULL ? cli_command_nearest(count, cli->args.word) : NULL;
    int code = CLI_OK;
    if (command != NULL)
        cli_help_verb(stdout, command);
    else if (cli_help_family(stdout, count, cli->args.word))
        code = CLI_OK;
    else if (cli_help_family(stderr, 1, cli->args.word))
        code = CLI_USAGE;
    else
        code = cli_usage(cli, "there is no verb '%s'%s%s%s", cli->args.word[0],
                         near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                         near != NULL ? "'?" : "; 'muster help' lists them");
    return code;
}
