/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of `muster run` as a document: each names a field, and the job's own table says its
 * type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/yaml.h"
#include "tools/cli/help.h"
#include "tools/cli/spec_add.h"

/* How a path ends tells what its value is: "env." takes K=V, "exit_ok," a list by comma. */
const struct cli_flag cli_flags_run[] = {
    { .name = "name", .value = "NAME", .path = "name", .help = "of the job (made from CMD)" },
    { .name = "kind",
      .value = "KIND",
      .path = "kind",
      .choices = "service task cron daemon",
      .help = "service (task with --wait)" },
    { .name = "description", .value = "TEXT", .path = "description", .help = "for people" },
    { .name = "label", .value = "K=V", .path = "labels.", .help = "a label, for ls --label" },
    { .name = "shell", .value = "LINE", .path = "shell", .help = "a shell line instead of CMD" },
    { .name = "arg", .value = "TEXT", .path = "arg", .help = "an opaque text for the job" },
    { .name = "payload",
      .value = "FILE|SHA",
      .path = "payload",
      .help = "bytes for it, put first; $MUSTER_PAYLOAD" },
    { .name = "env",
      .letter = 'e',
      .value = "K=V",
      .path = "env.",
      .help = "an environment variable" },
    { .name = "cwd", .value = "DIR", .path = "cwd", .help = "the folder it starts in (/)" },
    { .name = "user",
      .value = "USER",
      .path = "user",
      .help = "who it runs as (the agent's user)" },
    { .name = "group",
      .value = "GROUP",
      .path = "group",
      .help = "with this group; of max-running" },
    { .name = "max-running",
      .value = "N",
      .path = "max_running",
      .help = "of its group at once, on all nodes" },
    { .name = "nice", .value = "N", .path = "nice", .help = "niceness, -20 to 19 (0)" },
    { .name = "slots", .value = "N", .path = "slots", .help = "how many slots it takes (1)" },
    { .name = "priority", .value = "N", .path = "priority", .help = "0 to 100 (50)" },
    { .name = "spread",
      .value = "N",
      .path = "spread",
      .help = "one, a number of copies, or each" },
    { .name = "spread-by",
      .value = "TAG",
      .path = "spread_by",
      .help = "copies on nodes that differ in this tag" },
    { .name = "on", .value = "EXPR", .path = "on", .help = "only on nodes like this" },
    { .name = "prefer", .value = "EXPR", .path = "prefer", .help = "rather on nodes like this" },
    { .name = "apart", .value = "JOBS", .path = "apart", .help = "no node with these: a,b/*" },
    { .name = "partition",
      .value = "RULE",
      .path = "partition",
      .choices = "available exclusive",
      .help = "after a split (available)" },
    { .name = "move",
      .value = "RULE",
      .path = "move",
      .choices = "never lazy eager",
      .help = "when better places appear (lazy)" },
    { .name = "ready",
      .value = "WHEN",
      .path = "ready",
      .help = "exec, notify or tcp:PORT (exec)" },
    { .name = "ready-timeout",
      .value = "TIME",
      .path = "ready_timeout",
      .help = "until ready (60s)" },
    { .name = "stop-signal",
      .value = "NAME",
      .path = "stop_signal",
      .help = "how it is ended (TERM)" },
    { .name = "stop-timeout", .value = "TIME", .path = "stop_timeout", .help = "then KILL (10s)" },
    { .name = "watchdog",
      .value = "TIME",
      .path = "watchdog",
      .help = "no beat so long is a failure" },
    { .name = "timeout", .value = "TIME", .path = "timeout", .help = "of one attempt (none)" },
    { .name = "deadline", .value = "TIME", .path = "deadline", .help = "of all attempts (none)" },
    { .name = "retry",
      .value = "N|LIST",
      .path = "retry,",
      .help = "how often, forever, or waits: 1s,4s,10s" },
    { .name = "retry-local", .value = "N", .path = "retry_local", .help = "tries before it moves" },
    { .name = "backoff", .value = "TIME", .path = "backoff.first", .help = "first wait (1s)" },
    { .name = "backoff-factor", .value = "N", .path = "backoff.factor", .help = "then longer (2)" },
    { .name = "backoff-max", .value = "TIME", .path = "backoff.max", .help = "the longest (60s)" },
    { .name = "exit-ok",
      .value = "LIST",
      .path = "exit_ok,",
      .help = "exit codes that are fine (0)" },
    { .name = "set", .value = "PATH=VALUE", .help = "any field, as limits.memory=1G" },
    { .name = "wait", .help = "until it has ended; the exit code is the job's" },
    { .name = "wait-timeout", .value = "TIME", .help = "give up waiting after this long" },
    { 0 },
};

struct builder {
    struct agent_doc doc;
    struct agent_doc_node *root;
    int err; /* the first one; what follows is ignored */
};

static struct agent_doc_node *child_named(struct agent_doc_node *map, const char *key, size_t len)
{
    for (struct agent_doc_node *n = map->first; n != NULL; n = n->next)
        if (strlen(n->key) == len && memcmp(n->key, key, len) == 0)
            return n;
    return NULL;
}

/* The child of this name, made when it is not there. One that is there becomes what is wanted now:
 * of a flag that is given twice the last one holds. */
static struct agent_doc_node *child_make(struct builder *b, struct agent_doc_node *map,
                                         const char *key, size_t len, enum agent_doc_kind kind)
{
    struct agent_doc_node *node = child_named(map, key, len);
    if (node != NULL && node->kind != kind) {
        node->kind = (uint8_t)kind;
        node->first = node->last = NULL;
        node->text = NULL;
        node->count = node->len = 0;
    }
    if (node != NULL)
        return node;
    node = agent_doc_add(&b->doc, map, kind, &b->err);
    if (node != NULL)
        b->err = agent_doc_copy(&b->doc, &node->key, MUSTER_BYTES(key, len));
    return b->err == MUSTER_OK ? node : NULL;
}

static void scalar_fill(struct builder *b, struct agent_doc_node *node, const char *text,
                        size_t len, bool is_quoted)
{
    if (node == NULL)
        return;
    node->is_quoted = is_quoted;
    node->len = (uint32_t)len;
    b->err = agent_doc_copy(&b->doc, &node->text, MUSTER_BYTES(text, len));
}

static void list_fill(struct builder *b, struct agent_doc_node *list, const char *text)
{
    if (list == NULL)
        return;
    list->first = list->last = NULL;
    list->count = 0;
    while (b->err == MUSTER_OK) {
        size_t len = strcspn(text, ",");
        struct agent_doc_node *item = agent_doc_add(&b->doc, list, AGENT_DOC_SCALAR, &b->err);
        scalar_fill(b, item, text, len, true);
        if (text[len] == '\0')
            return;
        text += len + 1;
    }
}

/* Walks "limits.memory" down to the map that holds its last part, which is given back. */
static const char *path_walk(struct builder *b, const char *path, size_t len,
                             struct agent_doc_node **map)
{
    *map = b->root;
    for (const char *dot; *map != NULL && (dot = memchr(path, '.', len)) != NULL;) {
        size_t part = (size_t)(dot - path);
        *map = child_make(b, *map, path, part, AGENT_DOC_MAP);
        path += part + 1;
        len -= part + 1;
    }
    return path;
}

/* A value in brackets or braces is read as a job file would read it. */
static int set_tree(struct cli *cli, struct builder *b, const char *path, size_t len,
                    const char *value)
{
    struct agent_problem problem;
    struct agent_doc_node *map;
    const char *last = path_walk(b, path, len, &map);
    struct agent_doc_node *before = b->doc.last;
    agent_problem_clear(&problem);
    if (map == NULL)
        return CLI_OK; /* the builder's error is told later */
    if (agent_yaml_read(&b->doc, muster_bytes_text(value), 2, &problem) != MUSTER_OK)
        return cli_usage(cli, "--set %.*s: %s", (int)len, path, problem.message);
    struct agent_doc_node *tree = before->next;
    size_t key_len = len - (size_t)(last - path);
    struct agent_doc_node *node =
        child_make(b, map, last, key_len, (enum agent_doc_kind)tree->kind);
    before->next = NULL;
    b->doc.last = before;
    b->doc.count = 1;
    if (node == NULL)
        return CLI_OK;
    node->first = tree->first;
    node->last = tree->last;
    node->count = tree->count;
    return CLI_OK;
}

static int set_add(struct cli *cli, struct builder *b, const char *text)
{
    struct agent_doc_node *map;
    size_t len = strcspn(text, "=");
    const char *value = text + len + 1;
    if (len == 0 || text[len] == '\0' || text[0] == '.' || text[len - 1] == '.' ||
        strstr(text, "..") != NULL)
        return cli_usage(cli, "--set %s: a field and its value are needed, like limits.memory=1G",
                         text);
    if (value[0] == '[' || value[0] == '{')
        return set_tree(cli, b, text, len, value);
    const char *last = path_walk(b, text, len, &map);
    if (map != NULL)
        scalar_fill(b, child_make(b, map, last, len - (size_t)(last - text), AGENT_DOC_SCALAR),
                    value, strlen(value), false);
    return CLI_OK;
}

static int field_add(struct cli *cli, struct builder *b, const struct cli_flag *flag,
                     const char *value)
{
    struct agent_doc_node *map;
    size_t len = strlen(flag->path);
    const char *last = path_walk(b, flag->path, len, &map);
    if (map == NULL)
        return CLI_OK;
    if (flag->path[len - 1] == '.') { /* K=V into the map of that name */
        size_t key = strcspn(value, "=");
        if (key == 0 || value[key] == '\0')
            return cli_usage(cli, "--%s %s: a name and a value are needed, like --%s KEY=VALUE",
                             flag->name, value, flag->name);
        scalar_fill(b, child_make(b, map, value, key, AGENT_DOC_SCALAR), value + key + 1,
                    strlen(value + key + 1), true);
        return CLI_OK;
    }
    len = strlen(last);
    bool is_list = last[len - 1] == ',';
    len -= is_list ? 1 : 0;
    if (is_list && strchr(value, ',') != NULL)
        list_fill(b, child_make(b, map, last, len, AGENT_DOC_LIST), value);
    else
        scalar_fill(b, child_make(b, map, last, len, AGENT_DOC_SCALAR), value, strlen(value), true);
    return CLI_OK;
}

/* "sleep-3f9a2c": the program's name with what a job's name may hold, and luck against collisions.
 */
static void name_make(const struct cli *cli, char *out, size_t size)
{
    const char *program = cli->args.word_count > 0 ? cli->args.word[0] : "shell";
    const char *slash = strrchr(program, '/');
    unsigned char luck[3] = { 0 };
    char base[49];
    size_t len = 0;
    for (const char *c = slash != NULL ? slash + 1 : program; *c != '\0' && len < sizeof base - 1;
         c++) {
        char low = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        bool fits =
            (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || low == '_' || low == '-';
        base[len++] = fits ? low : '-';
    }
    base[len] = '\0';
    if (getrandom(luck, sizeof luck, GRND_NONBLOCK) != (ssize_t)sizeof luck)
        luck[0] = (unsigned char)cli_mono_ms(); /* the agent refuses a name that exists */
    muster_format(out, size, "%s-%02x%02x%02x", len > 0 ? base : "job", luck[0], luck[1], luck[2]);
}

static int flags_read(struct cli *cli, struct builder *b)
{
    static const struct cli_flag made_name = { .name = "name", .path = "name" };
    static const struct cli_flag task_kind = { .name = "kind", .path = "kind" };
    char name[64];
    int code = CLI_OK;
    name_make(cli, name, sizeof name);
    code = field_add(cli, b, &made_name, name);
    if (code == CLI_OK && cli_flag_given(&cli->args, "wait"))
        code = field_add(cli, b, &task_kind, "task");
    for (size_t i = 0; i < cli->args.given_count && code == CLI_OK && b->err == MUSTER_OK; i++) {
        const struct cli_flag *flag = cli->args.given[i].flag;
        if (flag->path != NULL)
            code = field_add(cli, b, flag, cli->args.given[i].value);
        else if (strcmp(flag->name, "set") == 0)
            code = set_add(cli, b, cli->args.given[i].value);
    }
    if (code != CLI_OK || cli->args.word_count == 0 || b->err != MUSTER_OK)
        return code;
    struct agent_doc_node *exec = child_make(b, b->root, "exec", 4, AGENT_DOC_LIST);
    for (size_t i = 0; exec != NULL && i < cli->args.word_count && b->err == MUSTER_OK; i++) {
        struct agent_doc_node *item = agent_doc_add(&b->doc, exec, AGENT_DOC_SCALAR, &b->err);
        scalar_fill(b, item, cli->args.word[i], strlen(cli->args.word[i]), true);
    }
    return CLI_OK;
}

int cli_spec_from_flags(struct cli *cli, struct cli_specs *specs)
{
    struct builder b = { .err = MUSTER_OK };
    struct agent_problem problem;
    char line[AGENT_PROBLEM_LINE];
    agent_doc_open(&b.doc);
    agent_problem_clear(&problem);
    b.root = agent_doc_add(&b.doc, NULL, AGENT_DOC_MAP, &b.err);
    int code = b.root != NULL ? flags_read(cli, &b) : CLI_OK;
    if (code == CLI_OK && b.err != MUSTER_OK) {
        cli_say(&cli->term, "cannot take these flags: %s; say less", muster_err_text(b.err));
        code = CLI_FAILED;
    } else if (code == CLI_OK && cli_specs_add(specs, b.root, NULL, &problem) != MUSTER_OK) {
        /* The place is on the command line, where lines and columns do not help. */
        problem.line = problem.column = 0;
        code = cli_usage(cli, "%s", agent_problem_text(&problem, NULL, line, sizeof line));
    }
    agent_doc_close(&b.doc);
    return code;
}
