/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about what runs: the table of `ps`, the runs of a job, and waiting for a job. */
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/hold_all.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"
#include "tools/cli/wait.h"

struct shown {
    struct cli_table *table;
    bool all; /* also what has ended */
    long long rows;
    long long ended; /* left out */
};

static void shown_item(void *whose, struct cli_value run)
{
    struct shown *s = whose;
    /* The dead stay in view: somebody has to look at them. */
    if (!s->all && !cli_view_is_live(run) && strcmp(cli_text(run, "state", ""), "dead") != 0) {
        s->ended++;
        return;
    }
    cli_view_runs_add(s->table, run);
    s->rows++;
}

static int runs_show(struct cli *cli, const char *state)
{
    struct cli_path path;
    struct shown s = { .all = state != NULL || cli_flag_given(&cli->args, "all") };
    struct cli_walk walk = { .item = shown_item, .whose = &s };
    if (cli_flag_number(&cli->args, "limit", 1, CLI_ROWS_MAX, 0, &walk.limit) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    s.table = cli_view_runs_open(&cli->term);
    if (s.table == NULL)
        return CLI_FAILED;
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "job", cli_flag_value(&cli->args, "job"));
    cli_path_query(&path, "node", cli_flag_value(&cli->args, "node"));
    cli_path_query(&path, "state", state);
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && !cli->json && s.rows == 0 && s.ended > 0)
        cli_print("Nothing runs; %lld %s ended, 'muster ps --all' shows them.\n", s.ended,
                  cli_plural(s.ended, "run has", "runs have"));
    else if (code == CLI_OK && !cli->json && s.rows == 0)
        cli_print("No runs.\n");
    else if (code == CLI_OK && !cli->json)
        code = cli_table_print(s.table) ? CLI_OK : CLI_FAILED;
    cli_table_close(s.table);
    if (code == CLI_OK && !cli->json)
        cli_holds_print(cli);
    return code;
}

int cli_verb_ps(struct cli *cli)
{
    return runs_show(cli, cli_flag_value(&cli->args, "state"));
}

int cli_verb_dead_ls(struct cli *cli)
{
    return runs_show(cli, "dead");
}

/* Where one that runs nowhere now was last tried. */
static const char *node_of_last(struct cli_value run)
{
    struct cli_value attempts = cli_value_field(run, "attempts");
    size_t count = cli_value_count(attempts);
    return count > 0 ? cli_text(cli_value_item(attempts, count - 1), "node", "-") : "-";
}

/* True when there is a job of that name; else its absence is told. */
static bool job_is_there(struct cli *cli, const char *name)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    int code = cli_api_ask(cli, &request, &result);
    if (code != CLI_OK)
        cli_api_complain(cli, &result, NULL);
    cli_api_close(&result);
    return code == CLI_OK;
}

static void history_item(void *whose, struct cli_value run)
{
    struct cli_table *table = whose;
    char since[48], exit[CLI_NOTE_MAX], note[CLI_NOTE_MAX];
    cli_table_row(table);
    cli_table_cell(table, cli_text(run, "run", "-"));
    cli_table_state(table, cli_text(run, "state", "-"));
    cli_table_cell(table, cli_text(run, "node", node_of_last(run)));
    cli_table_cell(table, cli_ago(cli_text(run, "since", NULL), since, sizeof since));
    cli_table_number(table, cli_number(run, "attempt", 0));
    cli_table_cell(table, cli_text(run, "token", "-"));
    (void)cli_view_exit(cli_value_field(run, "exit"), exit, sizeof exit);
    (void)cli_view_note(run, note, sizeof note);
    cli_table_cell(table, exit);
    cli_table_cell(table, strstr(exit, note) != NULL ? "" : note); /* not twice */
}

int cli_verb_runs(struct cli *cli)
{
    static const struct cli_column columns[] = {
        { .name = "RUN", .shrinks_to = 20 },
        { .name = "STATE" },
        { .name = "NODE", .shrinks_to = 12 },
        { .name = "SINCE", .rank = 2 },
        { .name = "ATT", .is_right = true, .rank = 3 },
        { .name = "TOKEN", .is_right = true, .rank = 5 },
        { .name = "EXIT", .shrinks_to = 8 },
        { .name = "NOTE", .shrinks_to = 16, .rank = 4 },
        { 0 },
    };
    struct cli_path path;
    struct cli_walk walk = { .item = history_item };
    if (cli_flag_number(&cli->args, "limit", 1, CLI_ROWS_MAX, 0, &walk.limit) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    struct cli_table *table = cli_table_open(&cli->term, columns);
    if (table == NULL)
        return CLI_FAILED;
    walk.whose = table;
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "job", cli->args.word[0]);
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && walk.count == 0 && !job_is_there(cli, cli->args.word[0]))
        code = CLI_NOT_FOUND;
    else if (code == CLI_OK && !cli->json && walk.count == 0)
        cli_print("No runs of %s.\n", cli->args.word[0]);
    else if (code == CLI_OK && !cli->json)
        code = cli_table_print(table) ? CLI_OK : CLI_FAILED;
    cli_table_close(table);
    return code;
}

static int wait_one(struct cli *cli, const char *name, long long timeout_ms)
{
    struct cli_result last;
    int code = cli_wait_for(cli, name, cli_flag_value(&cli->args, "for"), timeout_ms, &last);
    if (code == CLI_OK && cli->json && last.exit == CLI_OK)
        cli_api_print(&last);
    else if (code == CLI_OK && !cli->json)
        cli_print("%s  %s\n", name,
                  last.exit == CLI_OK ? cli_text(last.root, "state", "-") : "gone");
    cli_api_close(&last);
    return code;
}

/* One after the other, within one time for all; the first trouble gives the exit code. */
int cli_verb_wait(struct cli *cli)
{
    long long timeout_ms = 0, began = cli_mono_ms();
    int code = CLI_OK;
    if (cli_flag_duration(&cli->args, "timeout", CLI_WAIT_FOREVER, &timeout_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    for (size_t i = 0; i < cli->args.word_count; i++) {
        long long spent = cli_mono_ms() - began;
        long long left_ms = timeout_ms == CLI_WAIT_FOREVER ? timeout_ms
                            : spent < timeout_ms           ? timeout_ms - spent
                                                           : 0;
        int one = wait_one(cli, cli->args.word[i], left_ms);
        code = code != CLI_OK ? code : one;
    }
    return code;
}
