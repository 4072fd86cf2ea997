/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts for three shells, written from the command table. */
#include <stdio.h>
#include <string.h>

#include "tools/cli/command.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"

#define NAMES_LIMIT "200" /* names offered at once */

/* In single quotes; `escape` is what stands for a quote inside them. */
static void quoted_print(const char *text, const char *escape)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs(escape, stdout);
        else
            putchar(*text);
    }
    putchar('\'');
}

static const char *takes_word(enum cli_takes takes)
{
    switch (takes) {
    case CLI_TAKES_JOB:
        return "job";
    case CLI_TAKES_NODE:
        return "node";
    case CLI_TAKES_FILE:
        return "file";
    case CLI_TAKES_SHELL:
        return "shell";
    case CLI_TAKES_VERB:
        return "verb";
    case CLI_TAKES_COMMAND:
        return "command";
    case CLI_TAKES_NOTHING:
    case CLI_TAKES_OTHER:
        break;
    }
    return "nothing";
}

/* First words: "node" once for all verbs that begin with it. */
static void first_words_print(const char *gap)
{
    char last[32] = "";
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        size_t len = strcspn(c->verb, " ");
        if (strlen(last) != len || strncmp(last, c->verb, len) != 0)
            printf("%.*s%s", (int)len, c->verb, gap);
        snprintf(last, sizeof last, "%.*s", (int)len, c->verb);
    }
}

static void second_words_print(const char *first, const char *gap)
{
    size_t len = strlen(first);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        if (strncmp(c->verb, first, len) == 0 && c->verb[len] == ' ')
            printf("%s%s", c->verb + len + 1, gap);
}

static void flag_words_print(const struct cli_flag *flags)
{
    for (const struct cli_flag *f = flags; f != NULL && f->name != NULL; f++)
        printf("--%s ", f->name);
}

/* ---- bash */

static void bash_verb(const struct cli_command *c)
{
    printf("    '%s')\n        flags='", c->verb);
    flag_words_print(c->flags);
    flag_words_print(cli_flags_shared);
    printf("'\n        takes=%s\n", takes_word(c->takes));
    printf("        case $prev in\n");
    for (const struct cli_flag *f = c->flags; f != NULL && f->name != NULL; f++)
        if (f->choices != NULL)
            printf("        --%s) words='%s' ;;\n", f->name, f->choices);
        else if (f->value != NULL)
            printf("        --%s) takes=%s ;;\n", f->name,
                   strcmp(f->name, "job") == 0    ? "job"
                   : strcmp(f->name, "node") == 0 ? "node"
                                                  : "value");
    printf("        --addr|--token-file|--ca|--cert|--key-file) takes=file ;;\n        esac ;;\n");
}

static void bash_print(void)
{
    fputs("# bash completion for muster; made by 'muster completion bash'\n"
          "_muster()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local verb='' flags='' takes=nothing words='' i\n"
          "    COMPREPLY=()\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "        --addr|--token-file|--ca|--cert|--key-file) ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) verb=${COMP_WORDS[i]}; break ;;\n"
          "        esac\n"
          "    done\n"
          "    [[ $verb == node && $((i + 1)) -lt $COMP_CWORD ]] && verb=\"node "
          "${COMP_WORDS[i+1]}\"\n"
          "    case $verb in\n"
          "    '') takes=first ;;\n"
          "    node) takes=second ;;\n",
          stdout);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        bash_verb(c);
    fputs("    esac\n"
          "    if [[ -n $words ]]; then\n"
          "        :\n"
          "    elif [[ $cur == -* && -n $flags ]]; then\n"
          "        words=$flags\n"
          "    else\n"
          "        case $takes in\n"
          "        first) words='",
          stdout);
    first_words_print(" ");
    fputs("--addr --token-file --ca --cert --key-file --json --help --version' ;;\n        second) "
          "words='",
          stdout);
    second_words_print("node", " ");
    fputs("' ;;\n        verb) words='", stdout);
    first_words_print(" ");
    fputs("' ;;\n"
          "        shell) words='bash zsh fish' ;;\n"
          "        job) words=$(\"$1\" ls -q --limit " NAMES_LIMIT " \"$cur\" 2>/dev/null) ;;\n"
          "        node) words=$(\"$1\" node ls -q 2>/dev/null) ;;\n"
          "        file) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
          "        command) mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"); return ;;\n"
          "        esac\n"
          "    fi\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
          "}\n"
          "complete -F _muster muster\n",
          stdout);
}

/* ---- zsh */

static void zsh_flags(const struct cli_flag *flags)
{
    char line[512];
    for (const struct cli_flag *f = flags; f != NULL && f->name != NULL; f++) {
        snprintf(line, sizeof line, "--%s[%s]%s%s%s", f->name, f->help, f->value != NULL ? ":" : "",
                 f->value != NULL ? f->value : "", f->value != NULL ? ":" : "");
        size_t len = strlen(line);
        if (f->choices != NULL)
            snprintf(line + len, sizeof line - len, "(%s)", f->choices);
        else if (strcmp(f->name, "addr") == 0 ||
                 (f->value != NULL && strcmp(f->value, "FILE") == 0))
            snprintf(line + len, sizeof line - len, "_files");
        fputs(" \\\n            ", stdout);
        quoted_print(line, "'\\''");
    }
}

static void zsh_verb(const struct cli_command *c)
{
    static const struct {
        enum cli_takes takes;
        const char *action;
    } actions[] = {
        { CLI_TAKES_JOB, "'*:job:_muster_jobs'" },
        { CLI_TAKES_NODE, "'*:node:_muster_nodes'" },
        { CLI_TAKES_FILE, "'*:file:_files'" },
        { CLI_TAKES_SHELL, "':shell:(bash zsh fish)'" },
        { CLI_TAKES_VERB, "':verb:_muster_verbs'" },
        { CLI_TAKES_COMMAND, "'*::command:_normal'" },
    };
    printf("    '%s')\n        _arguments", c->verb);
    zsh_flags(c->flags);
    zsh_flags(cli_flags_shared);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (actions[i].takes == c->takes)
            printf(" \\\n            %s", actions[i].action);
    fputs(" ;;\n", stdout);
}

static void zsh_print(void)
{
    fputs("#compdef muster\n"
          "# zsh completion for muster; made by 'muster completion zsh'\n"
          "_muster_jobs()\n{\n"
          "    compadd -- ${(f)\"$(muster ls -q --limit " NAMES_LIMIT
          " \"$PREFIX\" 2>/dev/null)\"}\n"
          "}\n"
          "_muster_nodes()\n{\n"
          "    compadd -- ${(f)\"$(muster node ls -q 2>/dev/null)\"}\n"
          "}\n"
          "_muster_verbs()\n{\n    local -a verbs\n    verbs=(\n",
          stdout);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        if (strchr(c->verb, ' ') != NULL)
            continue;
        char line[256];
        snprintf(line, sizeof line, "%s:%s", c->verb, c->help);
        fputs("        ", stdout);
        quoted_print(line, "'\\''");
        putchar('\n');
    }
    fputs("        'node:list or show nodes'\n"
          "    )\n    _describe verb verbs\n}\n"
          "_muster()\n{\n"
          "    if (( CURRENT == 2 )); then\n        _muster_verbs\n        return\n    fi\n"
          "    local verb=$words[2]\n"
          "    if [[ $verb == node ]]; then\n"
          "        if (( CURRENT == 3 )); then\n            compadd -- ",
          stdout);
    second_words_print("node", " ");
    fputs("\n            return\n        fi\n"
          "        verb=\"node $words[3]\"\n"
          "        shift words\n        (( CURRENT-- ))\n    fi\n"
          "    shift words\n    (( CURRENT-- ))\n"
          "    case $verb in\n",
          stdout);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        zsh_verb(c);
    /* As an autoloaded file it is called by its name, as a sourced one it announces itself. */
    fputs("    esac\n}\n"
          "if [[ $funcstack[1] == _muster ]]; then\n    _muster \"$@\"\n"
          "else\n    compdef _muster muster\nfi\n",
          stdout);
}

/* ---- fish */

static void fish_flags(const char *when, const struct cli_flag *flags)
{
    for (const struct cli_flag *f = flags; f != NULL && f->name != NULL; f++) {
        printf("complete -c muster -n '%s' -l %s", when, f->name);
        if (f->letter != '\0')
            printf(" -s %c", f->letter);
        if (f->choices != NULL)
            printf(" -x -a '%s'", f->choices);
        else if (f->value != NULL)
            fputs(" -r", stdout);
        fputs(" -d ", stdout);
        quoted_print(f->help, "\\'");
        putchar('\n');
    }
}

static void fish_verb(const struct cli_command *c)
{
    char when[128];
    const char *gap = strchr(c->verb, ' ');
    const char *words = c->takes == CLI_TAKES_JOB ? "(muster ls -q --limit " NAMES_LIMIT
                                                    " 2>/dev/null)"
                        : c->takes == CLI_TAKES_NODE  ? "(muster node ls -q 2>/dev/null)"
                        : c->takes == CLI_TAKES_SHELL ? "bash zsh fish"
                                                      : NULL;
    if (gap != NULL)
        snprintf(when, sizeof when,
                 "__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from ls show",
                 (int)(gap - c->verb), c->verb);
    else
        snprintf(when, sizeof when, "__fish_use_subcommand");
    printf("complete -c muster -n '%s' -f -a %s -d ", when, gap != NULL ? gap + 1 : c->verb);
    quoted_print(c->help, "\\'");
    putchar('\n');
    snprintf(when, sizeof when, "__fish_seen_subcommand_from %s", gap != NULL ? gap + 1 : c->verb);
    fish_flags(when, c->flags);
    if (words != NULL)
        printf("complete -c muster -n '%s' -f -a '%s'\n", when, words);
}

static void fish_print(void)
{
    fputs("# fish completion for muster; made by 'muster completion fish'\n"
          "complete -c muster -n '__fish_use_subcommand' -f -a node -d 'list or show nodes'\n",
          stdout);
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;)
        fish_verb(c);
    fish_flags("true", cli_flags_shared);
}

int cli_verb_completion(struct cli *cli)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = { { "bash", bash_print }, { "zsh", zsh_print }, { "fish", fish_print } };
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].shell, cli->args.word[0]) != 0)
            continue;
        shells[i].print();
        return CLI_OK;
    }
    return cli_usage(cli, "there is no completion for '%s'; choose bash, zsh or fish",
                     cli->args.word[0]);
}
