/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about one node: show it with its runs, and empty it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

#define DRAIN_MS       90000
#define DRAIN_EXTRA_MS 10000 /* for what is killed at the deadline to be gone */
#define DRAIN_LOOK_MS  250

static int node_print(struct cli *cli, struct cli_value root)
{
    struct cli_value node = cli_value_field(root, "node");
    struct cli_value runs = cli_value_field(root, "runs");
    size_t count = cli_value_count(runs);
    struct muster_text tags;
    muster_text_open(&tags, 4096);
    cli_value_print(cli_value_field(node, "tags"), &tags);
    cli_view_fact("node", "%s (%s)", cli_text(node, "name", "-"), cli_text(node, "id", "-"));
    cli_view_fact("address", "%s", cli_text(node, "address", "-"));
    cli_view_fact("status", "%s, %s", cli_text(node, "status", "-"), cli_text(node, "mode", "-"));
    cli_view_fact("slots", "%lld of %lld used, weight %lld", cli_number(node, "used", 0),
                  cli_number(node, "slots", 0), cli_number(node, "weight", 0));
    cli_view_fact("tags", "%s", tags.data != NULL ? tags.data : "");
    cli_view_fact("version", "%s", cli_text(node, "version", "-"));
    muster_text_close(&tags);
    if (count == 0) {
        cli_print("No runs.\n");
        return CLI_OK;
    }
    struct cli_table *table = cli_view_runs_open(&cli->term);
    if (table == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < count; i++)
        cli_view_runs_add(table, cli_value_item(runs, i));
    cli_print("\n");
    bool printed = cli_table_print(table);
    cli_table_close(table);
    return printed ? CLI_OK : CLI_FAILED;
}

static void node_path(struct cli_path *path, const char *name, const char *action)
{
    cli_path_open(path, "/v1/nodes/");
    cli_path_name(path, name);
    cli_path_plain(path, action);
}

int cli_verb_node_show(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    node_path(&path, cli->args.word[0], "");
    cli_path_query_number(&path, "limit", CLI_PAGE);
    int code = cli_api_read(cli, &path, &result);
    if (code == CLI_OK && !cli->json)
        code = node_print(cli, result.root);
    cli_api_close(&result);
    return code;
}

/* What a drain has to see the end of, and the node's own daemons, which stay. */
struct drain_left {
    long long live, daemons;
};

static void live_item(void *whose, struct cli_value run)
{
    struct drain_left *left = whose;
    bool is_daemon = strcmp(cli_text(run, "kind", ""), "daemon") == 0;
    left->live += cli_view_is_live(run) && !is_daemon;
    left->daemons += cli_view_is_live(run) && is_daemon;
}

/* Live runs on the node, over all pages: a node's own page shows the first only. */
static int drain_look(struct cli *cli, const char *node, struct drain_left *left)
{
    struct cli_path path;
    struct cli_walk walk = { .item = live_item, .whose = left, .is_aside = true };
    *left = (struct drain_left){ 0 };
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "node", node);
    return cli_api_walk(cli, &path, &walk);
}

/* True when the node that was seen to drain does not any more: somebody has taken it back. */
static bool drain_is_taken_back(struct cli *cli, const char *node, bool *was_draining)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    node_path(&path, node, "");
    int code = cli_api_ask(cli, &request, &result);
    const char *mode =
        code == CLI_OK ? cli_text(cli_value_field(result.root, "node"), "mode", "-") : "-";
    bool drains = strcmp(mode, "draining") == 0;
    bool is_back = *was_draining && !drains && mode[0] != '-';
    *was_draining = *was_draining || drains;
    cli_api_close(&result);
    return is_back;
}

static int drain_wait(struct cli *cli, const char *node, long long deadline_ms)
{
    long long until = cli_mono_ms() + deadline_ms + DRAIN_EXTRA_MS;
    struct drain_left there;
    bool was_draining = false;
    char but[64] = "";
    for (;;) {
        int code = drain_look(cli, node, &there);
        long long left = until - cli_mono_ms();
        if (code != CLI_OK)
            return code;
        if (there.live == 0)
            break;
        if (drain_is_taken_back(cli, node, &was_draining)) {
            cli_say(&cli->term, "%s takes runs again: its drain was taken back; %lld %s left there",
                    node, there.live, cli_plural(there.live, "run is", "runs are"));
            return CLI_CONFLICT;
        }
        if (left <= 0) {
            cli_say(&cli->term,
                    "%s still has %lld %s after %llds; 'muster node show %s' lists them", node,
                    there.live, cli_plural(there.live, "run", "runs"), deadline_ms / 1000, node);
            return CLI_TIMEOUT;
        }
        cli_term_progress(&cli->term, "draining %s: %lld %s left, %llds to go", node, there.live,
                          cli_plural(there.live, "run", "runs"), left / 1000);
        cli_pause_ms(left < DRAIN_LOOK_MS ? left : DRAIN_LOOK_MS);
    }
    cli_term_settle(&cli->term);
    if (there.daemons > 0)
        muster_format(but, sizeof but, " but for %lld %s of its own", there.daemons,
                      cli_plural(there.daemons, "daemon", "daemons"));
    if (!cli->json)
        cli_print("%s is empty%s; it takes nothing new until 'muster drain %s --cancel'\n", node,
                  but, node);
    return CLI_OK;
}

/* The node that was named, or the one whose agent answers. */
static int drain_node(struct cli *cli, char *node, size_t size)
{
    struct cli_result status;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    if (cli->args.word_count > 0) {
        if (muster_format(node, size, "%s", cli->args.word[0]))
            return CLI_OK;
        return cli_usage(cli, "no node has so long a name");
    }
    cli_path_open(&path, "/v1/status");
    int code = cli_api_must(cli, &request, &status);
    if (code == CLI_OK)
        muster_format(node, size, "%s", cli_text(status.root, "node", "-"));
    cli_api_close(&status);
    return code;
}

int cli_verb_drain(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    char node[256], body[128];
    long long deadline_ms = 0;
    bool cancels = cli_flag_given(&cli->args, "cancel");
    bool waits = !cli_flag_given(&cli->args, "no-wait");
    if (cli_flag_duration(&cli->args, "deadline", DRAIN_MS, &deadline_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    int code = drain_node(cli, node, sizeof node);
    if (code != CLI_OK)
        return code;
    node_path(&path, node, "/drain");
    if (cli_flag_given(&cli->args, "deadline") && !cancels)
        muster_format(body, sizeof body, "{\"cancel\":false,\"deadline\":\"%lldms\"}", deadline_ms);
    else
        muster_format(body, sizeof body, "{\"cancel\":%s}", cancels ? "true" : "false");
    code = cli_api_post(cli, &path, body, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK && cancels)
        cli_print("%s takes runs again\n", node);
    else if (code == CLI_OK && !waits)
        cli_print("%s is draining; 'muster node show %s' tells how far it is\n", node, node);
    cli_api_close(&result);
    if (code != CLI_OK || cancels || !waits)
        return code;
    return drain_wait(cli, node, deadline_ms);
}

/* Asks on the terminal; without one the flag is the only way. */
static bool is_sworn(struct cli *cli, const char *node)
{
    char answer[256];
    if (cli_flag_given(&cli->args, "yes"))
        return true;
    if (isatty(STDIN_FILENO) != 1)
        return false;
    (void)fprintf(stderr,
                  "This swears that the disk of %s is gone for good: its copies of job records\n"
                  "count no more, and it may never come back under its id. If it is only down,\n"
                  "start it again instead.\nType its name to swear: ",
                  node);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, node) == 0;
}

int cli_verb_forget(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    const char *node = cli->args.word[0];
    if (!is_sworn(cli, node)) {
        cli_say(&cli->term, "%s is not forgotten: nobody swore; on a script's word only with --yes",
                node);
        return CLI_FAILED;
    }
    node_path(&path, node, "/forget");
    int code = cli_api_post(cli, &path, NULL, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print("%s (%.8s) %s\n", cli_text(result.root, "node", node),
                  cli_text(result.root, "node_id", "-"),
                  cli_truth(result.root, "was_lost", false)
                      ? "had been declared lost before"
                      : "is declared lost: its places go to others, its runs start elsewhere");
    cli_api_close(&result);
    return code;
}
