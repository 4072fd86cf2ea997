/* SPDX-License-Identifier: Apache-2.0 */
/* The verb that goes on looking: nodes and runs on one page, what is not well first. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

#define EVERY_MS     2000
#define EVERY_MS_MIN 100
#define LINES_ALL    1000 /* of a page that is no screen */
#define LINES_MIN    10

/* As many lines as the screen has, the one where the cursor stays not among them. */
static long long lines_of(const struct cli *cli, bool is_once)
{
    struct winsize size = { 0 };
    if (is_once || !cli->term.is_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return LINES_ALL;
    return size.ws_row > LINES_MIN ? size.ws_row - 1 : LINES_MIN;
}

struct page {
    struct cli_table *nodes, *runs;
    long long node_room, run_room;
    long long node_count, run_count, slots, used;
    bool has_more;
};

static void node_item(void *whose, struct cli_value m)
{
    struct page *p = whose;
    const char *status = cli_text(m, "status", "-");
    bool is_there = strcmp(status, "alive") == 0 || strcmp(status, "suspect") == 0;
    p->slots += is_there ? cli_number(m, "slots", 0) : 0;
    p->used += is_there ? cli_number(m, "used", 0) : 0;
    if (p->node_count++ >= p->node_room)
        return;
    cli_table_row(p->nodes);
    cli_table_cell(p->nodes, cli_text(m, "name", "-"));
    cli_table_state(p->nodes, status);
    cli_table_state(p->nodes, cli_text(m, "mode", "-"));
    cli_table_number(p->nodes, cli_number(m, "used", 0));
    cli_table_number(p->nodes, cli_number(m, "slots", 0));
    cli_table_cell(p->nodes, cli_text(m, "version", "-"));
}

static void run_item(void *whose, struct cli_value run)
{
    struct page *p = whose;
    cli_view_runs_add(p->runs, run);
    p->run_count++;
}

static int nodes_ask(struct cli *cli, struct page *p)
{
    struct cli_path path;
    struct cli_walk walk = { .item = node_item, .whose = p };
    cli_path_open(&path, "/v1/members");
    return cli_api_walk(cli, &path, &walk);
}

/* Of each state no more than there is room for, so that a page costs the same in a large cluster.
 */
static int runs_ask(struct cli *cli, struct page *p)
{
    static const char *const states[] = { "dead",     "backoff",  "pending",
                                          "starting", "stopping", "running" };
    int code = CLI_OK;
    for (size_t i = 0; i < sizeof states / sizeof *states && code == CLI_OK; i++) {
        struct cli_path path;
        struct cli_walk walk = { .item = run_item, .whose = p };
        walk.limit = p->run_room - p->run_count;
        p->has_more = p->has_more || walk.limit <= 0;
        if (walk.limit <= 0)
            break;
        cli_path_open(&path, "/v1/runs");
        cli_path_query(&path, "state", states[i]);
        code = cli_api_walk(cli, &path, &walk);
        p->has_more = p->has_more || walk.has_more;
    }
    return code;
}

static bool page_print(const struct page *p, bool is_screen)
{
    if (is_screen)
        (void)fputs("\033[H\033[2J", stdout);
    cli_print("%lld %s, %lld of %lld slots used\n", p->node_count,
              cli_plural(p->node_count, "node", "nodes"), p->used, p->slots);
    cli_print("\n");
    bool ok = cli_table_print(p->nodes);
    if (p->node_count > p->node_room)
        cli_print("%lld more; see 'muster members'\n", p->node_count - p->node_room);
    cli_print("\n");
    if (p->run_count == 0)
        cli_print("Nothing runs, and nothing wants to.\n");
    else
        ok = cli_table_print(p->runs) && ok;
    if (p->has_more)
        cli_print("and more; see 'muster ps'\n");
    return fflush(stdout) == 0 && ok;
}

static int page_show(struct cli *cli, bool is_once)
{
    static const struct cli_column columns[] = {
        { .name = "NODE", .shrinks_to = 12 },
        { .name = "STATUS" },
        { .name = "MODE", .rank = 1 },
        { .name = "USED", .is_right = true },
        { .name = "SLOTS", .is_right = true },
        { .name = "VERSION", .rank = 2 },
        { 0 },
    };
    struct page p = { .nodes = cli_table_open(&cli->term, columns),
                      .runs = cli_view_runs_open(&cli->term) };
    /* Seven lines are neither a node's nor a run's. */
    long long lines = lines_of(cli, is_once) - 7;
    int code = p.nodes != NULL && p.runs != NULL ? CLI_OK : CLI_FAILED;
    p.node_room = lines / 2;
    if (code == CLI_OK)
        code = nodes_ask(cli, &p);
    p.run_room = lines - (p.node_count < p.node_room ? p.node_count : p.node_room);
    if (code == CLI_OK)
        code = runs_ask(cli, &p);
    if (code == CLI_OK && !cli->json)
        code = page_print(&p, !is_once) ? CLI_OK : CLI_FAILED;
    if (p.nodes != NULL)
        cli_table_close(p.nodes);
    if (p.runs != NULL)
        cli_table_close(p.runs);
    return code;
}

int cli_verb_top(struct cli *cli)
{
    long long every_ms = EVERY_MS;
    if (cli_flag_duration(&cli->args, "every", EVERY_MS, &every_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    bool is_once = cli_flag_given(&cli->args, "once") || cli->json || !cli->term.is_terminal;
    int code = page_show(cli, is_once);
    /* An agent that was there and is not comes back as a rule, and is waited for. */
    for (bool was_there = code == CLI_OK; was_there && !is_once && !ferror(stdout);) {
        cli_pause_ms(every_ms < EVERY_MS_MIN ? EVERY_MS_MIN : every_ms);
        cli_term_init(&cli->term); /* the window may have another size now */
        code = page_show(cli, is_once);
        if (code != CLI_OK && code != CLI_UNREACHABLE)
            break;
    }
    return code;
}
