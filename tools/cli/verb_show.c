/* SPDX-License-Identifier: Apache-2.0 */
/* `muster show`: one job or one run, with everything that is known of it. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

#define VALUE_MAX   65536
#define STATE_MAX   24
#define LINES_SHOWN 10 /* of what it said last */

static void show_run(struct cli_value run)
{
    char since[48], text[CLI_NOTE_MAX];
    const char *node = cli_text(run, "node", NULL);
    long long pid = cli_number(run, "pid", 0);
    cli_view_fact("state", "%s for %s", cli_text(run, "state", "-"),
                  cli_ago(cli_text(run, "since", NULL), since, sizeof since));
    cli_view_fact("note", "%s", cli_view_note(run, text, sizeof text));
    cli_view_fact("node", "%s", node != NULL ? node : "none");
    if (pid > 0)
        cli_view_fact("pid", "%lld", pid);
    cli_view_fact("attempt", "%lld, token %s", cli_number(run, "attempt", 0),
                  cli_text(run, "token", "-"));
    cli_view_fact("last exit", "%s",
                  cli_view_exit(cli_value_field(run, "exit"), text, sizeof text));
}

/* A script of several lines as one, each line below the other. */
static void show_value(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (size_t i = 0; i <= len;) {
        const char *end = memchr(text + i, '\n', len - i);
        size_t line = end != NULL ? (size_t)(end - text) - i : len - i;
        if (i > 0)
            cli_print("  %-14s ", "");
        cli_print_safe(stdout, text + i, line, false);
        cli_print("\n");
        i += line + 1;
    }
}

/* Every field that the spec names, as it would stand in a job file. */
static void show_spec(struct cli_value spec)
{
    struct muster_text value;
    const char *key;
    muster_text_open(&value, VALUE_MAX);
    for (size_t i = 0; (key = cli_value_key(spec, i)) != NULL; i++) {
        if (strcmp(key, "name") == 0 || strcmp(key, "kind") == 0)
            continue;
        muster_text_clear(&value);
        cli_value_print(cli_value_field(spec, key), &value);
        cli_print("  %-14s ", key);
        show_value(value.data != NULL ? value.data : "", value.len);
    }
    muster_text_close(&value);
}

static int show_attempts(struct cli *cli, struct cli_value run)
{
    static const struct cli_column columns[] = {
        { .name = "ATTEMPT", .is_right = true }, { .name = "NODE", .shrinks_to = 12 },
        { .name = "STARTED", .rank = 1 },        { .name = "ENDED", .rank = 2 },
        { .name = "EXIT", .shrinks_to = 10 },    { 0 },
    };
    struct cli_value attempts = cli_value_field(run, "attempts");
    size_t count = cli_value_count(attempts);
    char text[CLI_NOTE_MAX];
    if (count == 0)
        return CLI_OK;
    struct cli_table *table = cli_table_open(&cli->term, columns);
    if (table == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < count; i++) {
        struct cli_value one = cli_value_item(attempts, i);
        cli_table_row(table);
        cli_table_number(table, cli_number(one, "attempt", (long long)i + 1));
        cli_table_cell(table, cli_text(one, "node", "-"));
        cli_table_cell(table, cli_text(one, "started", "-"));
        cli_table_cell(table, cli_text(one, "ended", "-"));
        cli_table_cell(table, cli_view_exit(cli_value_field(one, "exit"), text, sizeof text));
    }
    cli_print("\n");
    bool printed = cli_table_print(table);
    cli_table_close(table);
    return printed ? CLI_OK : CLI_FAILED;
}

static int show_job(struct cli *cli, struct cli_value job)
{
    char age[48], kept[CLI_NOTE_MAX];
    struct cli_value run = cli_value_field(job, "run");
    cli_view_fact("job", "%s", cli_text(job, "name", "-"));
    cli_view_fact("kind", "%s, wish: %s", cli_text(job, "kind", "-"),
                  cli_text(job, "desired", "-"));
    if (cli_value_is_set(run)) {
        show_run(run);
    } else {
        cli_view_fact("state", "%s", cli_text(job, "state", "-"));
        cli_view_fact("note", "%s", cli_text(job, "reason", ""));
    }
    cli_view_fact("record", "revision %lld, %s, changed %s ago", cli_number(job, "rev", 0),
                  cli_view_kept(job, cli_number(job, "copies", 0), kept, sizeof kept),
                  cli_ago(cli_text(job, "modified", NULL), age, sizeof age));
    cli_print("spec\n");
    show_spec(cli_value_field(job, "spec"));
    return show_attempts(cli, run);
}

static int show_run_alone(struct cli *cli, struct cli_value run)
{
    cli_view_fact("run", "%s of job %s", cli_text(run, "run", "-"), cli_text(run, "job", "-"));
    show_run(run);
    if (!cli_truth(run, "durable", true))
        cli_view_fact("record", "in memory, on no disk");
    return show_attempts(cli, run);
}

/* Shows what is at this path if it is there; CLI_NOT_FOUND is left to the caller to tell. */
static int show_at(struct cli *cli, const char *before, const char *name,
                   int (*show)(struct cli *cli, struct cli_value record), bool is_last,
                   char state[STATE_MAX])
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, before);
    cli_path_name(&path, name);
    int code = cli_api_ask(cli, &request, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        code = show(cli, result.root);
    if (code == CLI_OK)
        (void)snprintf(state, STATE_MAX, "%s", cli_text(result.root, "state", ""));
    else if (code != CLI_NOT_FOUND || is_last)
        cli_api_complain(cli, &result, NULL);
    cli_api_close(&result);
    return code;
}

/* A name is a job's first; "mail/outbox.2" and the like are runs. */
static int show_name(struct cli *cli, const char *name, char state[STATE_MAX])
{
    bool may_be_run = strpbrk(name, ".@:%") != NULL;
    int code = show_at(cli, "/v1/jobs/", name, show_job, !may_be_run, state);
    if (code == CLI_NOT_FOUND && may_be_run)
        code = show_at(cli, "/v1/runs/", name, show_run_alone, true, state);
    return code;
}

/* Of one that is not up, what it said last: its node may be gone for good. */
int cli_verb_show(struct cli *cli)
{
    const char *name = cli->args.word[0];
    char state[STATE_MAX] = "";
    int code = show_name(cli, name, state);
    if (code == CLI_OK && !cli->json && strcmp(state, "running") != 0)
        (void)cli_logs_end(cli, name, LINES_SHOWN, "last output"); /* it may have said nothing */
    return code;
}

/* What there is to know of a dead job, and the end of what it wrote. */
int cli_verb_dead_show(struct cli *cli)
{
    char state[STATE_MAX] = "";
    int code = show_name(cli, cli->args.word[0], state);
    if (code != CLI_OK || cli->json)
        return code;
    cli_print("\n");
    cli_print("output of its last attempt\n");
    return cli_logs_print(cli, cli->args.word[0]);
}
