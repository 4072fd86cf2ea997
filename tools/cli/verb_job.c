/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about jobs that exist: list them, and change what is wanted of them. */
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/hold_all.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"
#include "tools/cli/wait.h"

#define CHANGE_MS 60000

struct listing {
    struct cli_table *table;
    bool names_only;
};

static void listing_item(void *whose, struct cli_value job)
{
    struct listing *l = whose;
    char age[48];
    const char *name = cli_text(job, "name", "-");
    if (l->names_only) {
        cli_print("%s\n", name);
        return;
    }
    cli_table_row(l->table);
    cli_table_cell(l->table, name);
    cli_table_cell(l->table, cli_text(job, "kind", "-"));
    cli_table_state(l->table, cli_text(job, "state", "-"));
    cli_table_number(l->table, cli_number(job, "copies", 0));
    cli_table_cell(l->table, cli_ago(cli_text(job, "modified", NULL), age, sizeof age));
    cli_table_cell(l->table, cli_text(job, "reason", ""));
}

int cli_verb_ls(struct cli *cli)
{
    static const struct cli_column columns[] = {
        { .name = "JOB", .shrinks_to = 20 },
        { .name = "KIND", .rank = 2 },
        { .name = "STATE" },
        { .name = "COPIES", .is_right = true, .rank = 4 },
        { .name = "CHANGED", .rank = 3 },
        { .name = "NOTE", .shrinks_to = 16, .rank = 1 },
        { 0 },
    };
    struct cli_path path;
    struct listing l = { .names_only = cli_flag_given(&cli->args, "quiet") };
    struct cli_walk walk = { .item = listing_item, .whose = &l };
    if (cli_flag_number(&cli->args, "limit", 1, CLI_ROWS_MAX, 0, &walk.limit) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    l.table = cli_table_open(&cli->term, columns);
    if (l.table == NULL)
        return CLI_FAILED;
    cli_path_open(&path, "/v1/jobs");
    cli_path_query(&path, "prefix", cli->args.word[0]);
    cli_path_query(&path, "state", cli_flag_value(&cli->args, "state"));
    cli_path_query(&path, "label", cli_flag_value(&cli->args, "label"));
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && walk.count == 0 && !cli->json && !l.names_only)
        cli_print("No jobs.\n");
    else if (code == CLI_OK && !cli->json && !l.names_only)
        code = cli_table_print(l.table) ? CLI_OK : CLI_FAILED;
    cli_table_close(l.table);
    return code;
}

struct change {
    const char *method;
    const char *action; /* last part of the path */
    const char *doing;  /* what is said of it */
    const char *want;   /* what --wait waits for */
    const char *body;   /* JSON, or NULL */
};

static void change_told(struct cli *cli, const struct change *change, const char *name,
                        const struct cli_result *result)
{
    char left[48];
    long long copies = cli_number(result->root, "copies", 0);
    const char *until = cli_text(result->root, "run_may_live_until", NULL);
    if (cli->json) {
        cli_api_print(result);
        return;
    }
    cli_print("%s  %s, stored on %lld %s", name, change->doing, copies,
              cli_plural(copies, "node", "nodes"));
    if (until != NULL)
        cli_print("; its run may live for another %s", cli_until(until, left, sizeof left));
    cli_print("\n");
}

static int change_one(struct cli *cli, const struct change *change, const char *name,
                      long long timeout_ms)
{
    struct cli_result result, last;
    struct cli_path path;
    struct cli_request request = {
        .method = change->method, .path = &path, .about = name, .body = change->body
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    cli_path_plain(&path, change->action);
    int code = cli_api_must(cli, &request, &result);
    if (code == CLI_OK)
        change_told(cli, change, name, &result);
    cli_api_close(&result);
    if (code != CLI_OK || change->want == NULL || !cli_flag_given(&cli->args, "wait"))
        return code;
    code = cli_wait_for(cli, name, change->want, timeout_ms, &last);
    if (code == CLI_OK && !cli->json)
        cli_print("%s  %s\n", name,
                  strcmp(change->want, "gone") == 0 ? "gone" : cli_text(last.root, "state", "-"));
    cli_api_close(&last);
    return code;
}

/* Every name is tried; the first trouble gives the exit code. */
static int change_all(struct cli *cli, const struct change *change)
{
    long long timeout_ms = 0;
    int code = CLI_OK;
    if (cli_flag_duration(&cli->args, "timeout", CHANGE_MS, &timeout_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    for (size_t i = 0; i < cli->args.word_count; i++) {
        int one = change_one(cli, change, cli->args.word[i], timeout_ms);
        code = code != CLI_OK ? code : one;
    }
    return code;
}

int cli_verb_stop(struct cli *cli)
{
    const struct change stop = { "POST", "/stop", "stopping", "end", NULL };
    return change_all(cli, &stop);
}

int cli_verb_start(struct cli *cli)
{
    const struct change start = { "POST", "/start", "starting", "running", NULL };
    return change_all(cli, &start);
}

int cli_verb_restart(struct cli *cli)
{
    const struct change restart = { "POST", "/restart", "restarting", NULL, NULL };
    return change_all(cli, &restart);
}

/* Of one that is dead; anything else is left alone. */
static int dead_check(struct cli *cli, const char *name)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .about = name };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    int code = cli_api_must(cli, &request, &result);
    const char *state = cli_text(result.root, "state", "-");
    if (code == CLI_OK && strcmp(state, "dead") != 0) {
        cli_say(&cli->term, "%s is not dead but %s; 'muster dead ls' lists the dead", name, state);
        code = CLI_CONFLICT;
    }
    cli_api_close(&result);
    return code;
}

struct dead {
    struct cli *cli;
    const struct change *change;
    int code;
};

static void dead_item(void *whose, struct cli_value run)
{
    struct dead *d = whose;
    /* The run, not its job: a tick that has failed says nothing about its clock. */
    int one = change_one(d->cli, d->change, cli_text(run, "run", "-"), CHANGE_MS);
    d->code = d->code != CLI_OK ? d->code : one;
}

static int dead_change(struct cli *cli, const struct change *change)
{
    struct dead d = { .cli = cli, .change = change };
    struct cli_walk walk = { .item = dead_item, .whose = &d, .is_aside = true };
    struct cli_path path;
    bool is_all = cli_flag_given(&cli->args, "all");
    if (is_all == (cli->args.word_count > 0))
        return cli_usage(cli, "say which: names, or --all");
    for (size_t i = 0; i < cli->args.word_count; i++) {
        int one = dead_check(cli, cli->args.word[i]);
        if (one == CLI_OK)
            one = change_one(cli, change, cli->args.word[i], CHANGE_MS);
        d.code = d.code != CLI_OK ? d.code : one;
    }
    if (!is_all)
        return d.code;
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "state", "dead");
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && walk.count == 0 && !cli->json)
        cli_print("Nothing is dead.\n");
    return code != CLI_OK ? code : d.code;
}

int cli_verb_dead_retry(struct cli *cli)
{
    const struct change retry = { "POST", "/start", "tried again", NULL, NULL };
    return dead_change(cli, &retry);
}

int cli_verb_dead_drop(struct cli *cli)
{
    const struct change drop = { "DELETE", "", "dropped", NULL, NULL };
    return dead_change(cli, &drop);
}

int cli_verb_signal(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    char body[64];
    const char *name = cli->args.word[0], *number = cli->args.word[1];
    struct cli_request request = { .method = "POST", .path = &path, .body = body, .about = name };
    if (strspn(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(number) ||
        !muster_format(body, sizeof body, "{\"signal\":\"%s\"}", number))
        return cli_usage(cli, "'%s' is no signal; HUP, USR1 or a number are", number);
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    cli_path_plain(&path, "/signal");
    int code = cli_api_must(cli, &request, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print("%s  signal %s sent to its process on %s\n", name, number,
                  cli_text(result.root, "node", "-"));
    cli_api_close(&result);
    return code;
}

int cli_verb_rm(struct cli *cli)
{
    const struct change rm = { "DELETE", "", "deleted", "gone", NULL };
    return change_all(cli, &rm);
}

int cli_verb_hold(struct cli *cli)
{
    const struct change hold = { "POST", "/hold", "held", NULL, NULL };
    bool is_of_names = cli->args.word_count > 0 && !cli_flag_given(&cli->args, "all");
    return is_of_names ? change_all(cli, &hold) : cli_hold_all(cli, "/v1/hold");
}

int cli_verb_release(struct cli *cli)
{
    const struct change release = { "POST", "/release", "released", NULL, NULL };
    bool is_of_names = cli->args.word_count > 0 && !cli_flag_given(&cli->args, "all");
    return is_of_names ? change_all(cli, &release) : cli_hold_all(cli, "/v1/release");
}

int cli_verb_move(struct cli *cli)
{
    const char *to = cli_flag_value(&cli->args, "to");
    char body[512];
    if (to != NULL &&
        (strpbrk(to, "\"\\") != NULL || !muster_format(body, sizeof body, "{\"node\":\"%s\"}", to)))
        return cli_usage(cli, "--to: no node has such a name");
    const struct change move = { "POST", "/move", "moving", NULL, to != NULL ? body : NULL };
    return change_all(cli, &move);
}
