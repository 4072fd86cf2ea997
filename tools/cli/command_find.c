/* SPDX-License-Identifier: Apache-2.0 */
/* How a verb is found in the tables of them. */
#include <stddef.h>
#include <string.h>

#include "agent/problem.h"
#include "base/text.h"
#include "tools/cli/command.h"

#define VERBS_MAX 128

const struct cli_command *cli_command_next(const struct cli_command *c)
{
    const struct cli_command *next = c != NULL ? c + 1 : cli_commands_cluster;
    return next->verb != NULL ? next : next->others;
}

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
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        *used = command_spelled(c, argc, argv);
        if (*used > 0)
            return c;
    }
    return NULL;
}

const char *cli_command_after(const struct cli_command *c, int argc, const char *const *argv)
{
    const char *rest = c->verb;
    for (int i = 0; i < argc; i++) {
        size_t len = strlen(argv[i]);
        if (len == 0 || strncmp(rest, argv[i], len) != 0 || rest[len] != ' ')
            return NULL;
        rest += len + 1;
    }
    return argc > 0 ? rest : NULL;
}

const char *cli_command_nearest(int argc, const char *const *argv)
{
    const char *names[VERBS_MAX] = { NULL };
    char typed[64];
    size_t count = 0;
    for (const struct cli_command *c = NULL; (c = cli_command_next(c)) != NULL;) {
        MUSTER_ASSERT(count + 1 < VERBS_MAX);
        names[count++] = c->verb;
    }
    /* "node lsit" is nearer to "node ls" than its first word alone is to anything. */
    if (argc > 1 && muster_format(typed, sizeof typed, "%s %s", argv[0], argv[1])) {
        const char *near = agent_problem_nearest(typed, names);
        if (near != NULL)
            return near;
    }
    return agent_problem_nearest(argv[0], names);
}
