/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about what would run elsewhere, and the one that moves it there. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/wait.h"

#define MOVE_MS   120000 /* until what was moved runs again */
#define MOVES_MAX 10000
#define ADD_MAX   768

static const struct cli_column columns[] = { { .name = "RUN", .shrinks_to = 20 },
                                             { .name = "FROM" },
                                             { .name = "TO" },
                                             { .name = "NOTE", .shrinks_to = 16, .rank = 1 },
                                             { 0 } };

struct moved {
    struct cli_table *table;
    long long runs, waiting;
};

static void moved_item(void *whose, struct cli_value run)
{
    struct moved *m = whose;
    const char *to = cli_text(run, "to", NULL);
    m->runs++;
    m->waiting += to == NULL;
    cli_table_row(m->table);
    cli_table_cell(m->table, cli_text(run, "run", "-"));
    cli_table_cell(m->table, cli_text(run, "from", "-"));
    cli_table_cell(m->table, to != NULL ? to : "-");
    cli_table_cell(m->table, cli_text(run, "reason", ""));
}

/* Asks, and prints a table with a sentence below it, or what it means that it is empty. */
static int plan_print(struct cli *cli, const struct cli_path *path, const char *none,
                      const char *ending)
{
    struct moved m = { .table = cli_table_open(&cli->term, columns) };
    struct cli_walk walk = { .item = moved_item, .whose = &m };
    if (m.table == NULL)
        return CLI_FAILED;
    int code = cli_api_walk(cli, path, &walk);
    if (code == CLI_OK && !cli->json && m.runs == 0)
        cli_print("%s\n", none);
    else if (code == CLI_OK && !cli->json && cli_table_print(m.table) && ending == NULL)
        cli_print("%lld %s, %lld without a place.\n", m.runs, cli_plural(m.runs, "run", "runs"),
                  m.waiting);
    else if (code == CLI_OK && !cli->json)
        cli_print("%lld %s %s.\n", m.runs, cli_plural(m.runs, "run", "runs"), ending);
    cli_table_close(m.table);
    return code;
}

/* NODE=SLOTS,K=V,K=V */
static int whatif_add(struct cli *cli, const char *add)
{
    char text[ADD_MAX], none[ADD_MAX + 64];
    struct cli_path path;
    if (!muster_format(text, sizeof text, "%s", add))
        return cli_usage(cli, "--add: too long");
    char *slots = strchr(text, '=');
    if (slots == NULL || slots == text || slots[1] < '0' || slots[1] > '9')
        return cli_usage(cli, "say --add NODE=SLOTS, as in delta=16 or delta=16,rack=b");
    *slots++ = '\0';
    char *tags = strchr(slots, ',');
    if (tags != NULL)
        *tags++ = '\0';
    cli_path_open(&path, "/v1/whatif");
    cli_path_query(&path, "add", text);
    cli_path_query(&path, "slots", slots);
    cli_path_query(&path, "tags", tags);
    (void)snprintf(none, sizeof none, "Nothing would run on %s.", text);
    return plan_print(cli, &path, none, "would or could run there");
}

int cli_verb_whatif(struct cli *cli)
{
    struct cli_path path;
    char none[ADD_MAX];
    const char *down = cli_flag_value(&cli->args, "down");
    const char *add = cli_flag_value(&cli->args, "add");
    if ((down == NULL) == (add == NULL))
        return cli_usage(cli, "say --down NODE or --add NODE=SLOTS");
    if (add != NULL)
        return whatif_add(cli, add);
    cli_path_open(&path, "/v1/whatif");
    cli_path_query(&path, "down", down);
    (void)snprintf(none, sizeof none, "Nothing runs on %s.", down);
    return plan_print(cli, &path, none, NULL);
}

/* ---- rebalance */

struct next_move {
    char run[260], from[132], to[132];
    bool is_found;
};

static void first_item(void *whose, struct cli_value run)
{
    struct next_move *m = whose;
    if (m->is_found)
        return;
    m->is_found = muster_format(m->run, sizeof m->run, "%s", cli_text(run, "run", "")) &&
                  muster_format(m->from, sizeof m->from, "%s", cli_text(run, "from", "-")) &&
                  muster_format(m->to, sizeof m->to, "%s", cli_text(run, "to", "")) &&
                  strpbrk(m->to, "\"\\") == NULL;
}

/* Moves it, and stays until it runs there. */
static int move_one(struct cli *cli, const struct next_move *m)
{
    char body[192];
    struct cli_result result, last;
    struct cli_path path;
    struct cli_request request = { .method = "POST", .path = &path, .body = body, .about = m->run };
    (void)muster_format(body, sizeof body, "{\"node\":\"%s\"}", m->to);
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, m->run);
    cli_path_plain(&path, "/move");
    int code = cli_api_must(cli, &request, &result);
    cli_api_close(&result);
    if (code != CLI_OK)
        return code;
    cli_term_progress(&cli->term, "%s moves from %s to %s", m->run, m->from, m->to);
    code = cli_wait_for(cli, m->run, "running", MOVE_MS, &last);
    cli_term_settle(&cli->term);
    cli_api_close(&last);
    if (code == CLI_OK && !cli->json)
        cli_print("%s  moved from %s to %s\n", m->run, m->from, m->to);
    return code;
}

/* The load is looked at anew after every move: others move things too. */
int cli_verb_rebalance(struct cli *cli)
{
    struct cli_path path;
    long long limit = MOVES_MAX, moves = 0;
    int code = CLI_OK;
    if (cli_flag_number(&cli->args, "limit", 1, MOVES_MAX, MOVES_MAX, &limit) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    cli_path_open(&path, "/v1/rebalance");
    if (cli_flag_given(&cli->args, "dry-run"))
        return plan_print(cli, &path, "The load is level: nothing would move.", "would move");
    while (code == CLI_OK && moves < limit) {
        struct next_move m = { .is_found = false };
        struct cli_walk walk = { .item = first_item, .whose = &m, .limit = 1, .is_aside = true };
        code = cli_api_walk(cli, &path, &walk);
        if (code != CLI_OK || !m.is_found)
            break;
        code = move_one(cli, &m);
        moves += code == CLI_OK;
    }
    if (!cli->json)
        cli_print(moves == 0 && code == CLI_OK ? "The load is level: nothing moved.\n"
                                               : "%lld moved.\n",
                  moves);
    return code;
}
