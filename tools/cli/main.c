/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of `muster`: finds the verb, reads its flags, opens the way to the agent, runs it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/client.h"
#include "tools/cli/command.h"
#include "tools/cli/help.h"

/* How many arguments a shared flag before the verb takes; 0 when this is none. */
static int leading_flag(const char *text)
{
    if (strncmp(text, "--", 2) != 0 || strcmp(text, "--help") == 0)
        return 0;
    for (const struct cli_flag *f = cli_flags_shared; f->name != NULL; f++) {
        size_t len = strlen(f->name);
        if (strncmp(text + 2, f->name, len) != 0)
            continue;
        if (text[2 + len] == '\0')
            return f->value != NULL ? 2 : 1;
        if (text[2 + len] == '=' && f->value != NULL)
            return 1;
    }
    return 0;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "ls, show, hold": how the verbs go on that begin with the first word. False: none does. */
static bool family_write(char *out, size_t size, const char *const *argv)
{
    size_t at = 0;
    out[0] = '\0';
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        const char *rest = cli_command_after(c, 1, argv);
        if (rest != NULL && at + strlen(rest) + 3 < size)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", rest);
    }
    return at > 0;
}

static int no_verb(struct cli *cli, int argc, const char *const *argv)
{
    char family[256];
    if (argc == 0 || is_help(argv[0])) {
        cli_help_all(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[0], "--version") == 0) {
        puts("muster " MUSTER_VERSION);
        return CLI_OK;
    }
    if (argv[0][0] == '-')
        return cli_usage(cli, "there is no flag %s before a verb; 'muster help' lists the verbs",
                         argv[0]);
    if (argc > 1 && is_help(argv[argc - 1]) && cli_help_family(stdout, argc - 1, argv))
        return CLI_OK;
    const char *near = cli_command_nearest(argc, argv);
    bool is_begun = family_write(family, sizeof family, argv);
    if (near != NULL && (!is_begun || (argc > 1 && strncmp(near, argv[0], strlen(argv[0])) == 0)))
        return cli_usage(cli, "there is no verb '%s'; did you mean '%s'?", argv[0], near);
    if (is_begun)
        return cli_usage(cli, "'%s' goes on: %s; 'muster help %s' tells what each does", argv[0],
                         family, argv[0]);
    return cli_usage(cli, "there is no verb '%s'; 'muster help' lists them", argv[0]);
}

static int words_check(struct cli *cli)
{
    const struct cli_command *c = cli->command;
    if ((int)cli->args.word_count < c->words_min)
        return cli_usage(cli, "'%s' needs %.*s", c->verb, (int)strcspn(c->usage, " "), c->usage);
    if ((int)cli->args.word_count > c->words_max)
        return cli_usage(cli, "'%s' is one word too many", cli->args.word[c->words_max]);
    for (size_t i = 0; i < cli->args.word_count; i++)
        if (cli->args.word[i][0] == '\0' && c->takes != CLI_TAKES_COMMAND)
            return cli_usage(cli, "an empty word is no name");
    return CLI_OK;
}

/* What is said on the line, else in the environment, else `absent`. */
static const char *said(const struct cli *cli, const char *flag, const char *variable,
                        const char *absent)
{
    const char *value = cli_flag_value(&cli->args, flag);
    const char *env = getenv(variable);
    return value != NULL ? value : env != NULL && env[0] != '\0' ? env : absent;
}

/* The first word of the file; true for a file without any trouble. */
static bool token_read(struct cli *cli, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(cli->token, 1, sizeof cli->token - 1, file) : 0;
    int number = errno;
    if (file != NULL)
        (void)fclose(file);
    cli->token[len] = '\0';
    len = strcspn(cli->token, " \t\r\n");
    bool is_one = len > 0 && cli->token[len + strspn(cli->token + len, " \t\r\n")] == '\0';
    cli->token[len] = '\0';
    if (file == NULL)
        cli_say(&cli->term, "%s: the token cannot be read: %s", path, strerror(number));
    else if (!is_one)
        cli_say(&cli->term,
                "%s: holds no token; one alone is to stand there, as 'muster token "
                "create' prints it",
                path);
    return file != NULL && is_one;
}

static int client_open(struct cli *cli)
{
    const char *file = cli_flag_value(&cli->args, "token-file");
    const char *addr = said(cli, "addr", "MUSTER_ADDR", CLI_ADDR_DEFAULT);
    struct cli_way way = { .addr = addr,
                           .token = getenv("MUSTER_TOKEN"),
                           .ca = said(cli, "ca", "MUSTER_CACERT", NULL),
                           .cert = said(cli, "cert", "MUSTER_CLIENT_CERT", NULL),
                           .key = said(cli, "key-file", "MUSTER_CLIENT_KEY", NULL) };
    if (file != NULL && !token_read(cli, file))
        return CLI_USAGE;
    if (file != NULL)
        way.token = cli->token;
    if (way.token != NULL && way.token[0] == '\0')
        way.token = NULL;
    int err = cli_client_open(&cli->client, &way);
    if (err == MUSTER_EINVAL)
        return cli_usage(cli, "the address '%s' is neither a socket path nor http(s)://HOST:PORT",
                         addr);
    if (err != MUSTER_OK) {
        cli_say(&cli->term, "no memory for a connection; free some and try again");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* The flags before the verb and those behind it are one line to the parser. */
static int line_parse(struct cli *cli, int before, int used)
{
    const struct cli_flags_rule rule = { .flags = cli->command->flags,
                                         .shared = cli_flags_shared,
                                         .stops = cli->command->takes == CLI_TAKES_COMMAND };
    const char **line = calloc((size_t)cli->argc + 1, sizeof *line);
    int count = 0;
    if (line == NULL)
        return CLI_FAILED;
    for (int i = 1; i < cli->argc; i++)
        if (i < before || i >= before + used)
            line[count++] = cli->argv[i];
    int err = cli_flags_parse(&cli->args, &rule, count, line);
    free(line);
    if (err != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    cli->json = cli_flag_given(&cli->args, "json");
    return CLI_OK;
}

static int verb_run(struct cli *cli, int before, int used)
{
    if (cli->command->is_raw)
        return cli->command->run(cli);
    int code = line_parse(cli, before, used);
    if (code == CLI_OK && cli_flag_given(&cli->args, "help")) {
        cli_help_verb(stdout, cli->command);
        return CLI_OK;
    }
    if (code == CLI_OK)
        code = words_check(cli);
    if (code == CLI_OK)
        code = client_open(cli);
    if (code == CLI_OK)
        code = cli->command->run(cli);
    cli_client_close(cli->client);
    return code;
}

int main(int argc, char **argv)
{
    struct cli cli = { .argc = argc, .argv = argv };
    int before = 1;
    int used = 0;
    cli_term_init(&cli.term);
    for (int step; before < argc && (step = leading_flag(argv[before])) > 0;)
        before += step;
    if (before > argc)
        before = argc;
    const char *const *words = (const char *const *)argv + before;
    cli.command = cli_command_find(argc - before, words, &used);
    int code =
        cli.command != NULL ? verb_run(&cli, before, used) : no_verb(&cli, argc - before, words);
    cli_term_settle(&cli.term);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_say(&cli.term, "standard output took no more (is the disk full?); try again");
        return code != CLI_OK ? code : CLI_FAILED;
    }
    return code;
}
