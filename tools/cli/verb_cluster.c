/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about the cluster: who is there, how this node stands in it, join it and leave it. */
#include <stdio.h>
#include <string.h>

#include "agent/json.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/hold_all.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

#define BODY_MAX (4 * 1024 * 1024) /* beyond any command line */

struct members {
    struct cli_table *table;
    bool names_only;
    long long alive, suspect, dead, foreign;
    long long slots, used;
};

static void members_item(void *whose, struct cli_value member)
{
    struct members *m = whose;
    const char *status = cli_text(member, "status", "-");
    bool is_there = strcmp(status, "alive") == 0 || strcmp(status, "suspect") == 0;
    struct muster_text tags;
    bool is_ours = strcmp(cli_text(member, "mode", ""), "foreign") != 0;
    if (m->names_only) {
        if (is_ours)
            cli_print("%s\n", cli_text(member, "name", "-"));
        return;
    }
    m->foreign += !is_ours && is_there;
    is_there = is_there && is_ours;
    m->alive += is_ours && strcmp(status, "alive") == 0;
    m->suspect += is_ours && strcmp(status, "suspect") == 0;
    m->dead += is_ours && strcmp(status, "dead") == 0;
    m->slots += is_there ? cli_number(member, "slots", 0) : 0;
    m->used += is_there ? cli_number(member, "used", 0) : 0;
    muster_text_open(&tags, 4096);
    cli_value_print(cli_value_field(member, "tags"), &tags);
    cli_table_row(m->table);
    cli_table_cell(m->table, cli_text(member, "name", "-"));
    cli_table_cell(m->table, cli_text(member, "address", "-"));
    cli_table_state(m->table, status);
    cli_table_state(m->table, cli_text(member, "mode", "-"));
    cli_table_number(m->table, cli_number(member, "slots", 0));
    cli_table_number(m->table, cli_number(member, "used", 0));
    cli_table_cell(m->table, tags.data);
    cli_table_cell(m->table, cli_text(member, "version", "-"));
    muster_text_close(&tags);
}

static void waiting_item(void *whose, struct cli_value run)
{
    (void)whose;
    (void)run;
}

/* Runs of the whole cluster that wait for a place; a node's own status knows those it keeps. */
static long long waiting_count(struct cli *cli)
{
    struct cli_path path;
    struct cli_walk walk = { .item = waiting_item, .is_aside = true };
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "state", "pending");
    return cli_api_walk(cli, &path, &walk) == CLI_OK ? walk.count : -1;
}

/* "3 members, 40 slots, 25 used, 0 waiting. This node: alpha." */
static void members_close(struct cli *cli, const struct members *m)
{
    struct cli_result status;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    char trouble[96] = "";
    long long count = m->alive + m->suspect;
    long long waiting = waiting_count(cli);
    if (waiting < 0)
        return; /* it has been said why */
    cli_path_open(&path, "/v1/status");
    (void)cli_api_ask(cli, &request, &status);
    if (m->suspect > 0)
        muster_format(trouble, sizeof trouble, " (%lld suspect)", m->suspect);
    if (m->dead > 0) {
        size_t len = strlen(trouble);
        muster_format(trouble + len, sizeof trouble - len, ", %lld dead", m->dead);
    }
    if (m->foreign > 0) {
        size_t len = strlen(trouble);
        muster_format(trouble + len, sizeof trouble - len, ", %lld foreign", m->foreign);
    }
    cli_print("%lld %s%s, %lld %s, %lld used, %lld waiting. This node: %s.\n", count,
              cli_plural(count, "member", "members"), trouble, m->slots,
              cli_plural(m->slots, "slot", "slots"), m->used, waiting,
              cli_text(status.root, "node", "not known"));
    cli_api_close(&status);
}

int cli_verb_members(struct cli *cli)
{
    static const struct cli_column columns[] = {
        { .name = "NODE", .shrinks_to = 12 },
        { .name = "ADDRESS", .shrinks_to = 15, .rank = 1 },
        { .name = "STATUS" },
        { .name = "MODE", .rank = 2 },
        { .name = "SLOTS", .is_right = true },
        { .name = "USED", .is_right = true },
        { .name = "TAGS", .shrinks_to = 8, .rank = 3 },
        { .name = "VERSION", .rank = 4 },
        { 0 },
    };
    struct cli_path path;
    struct members m = { .table = cli_table_open(&cli->term, columns),
                         .names_only = cli_flag_given(&cli->args, "quiet") };
    struct cli_walk walk = { .item = members_item, .whose = &m };
    if (m.table == NULL)
        return CLI_FAILED;
    cli_path_open(&path, "/v1/members");
    int code = cli_api_walk(cli, &path, &walk);
    if (code == CLI_OK && !cli->json && !m.names_only) {
        cli_table_sort(m.table, 0);
        code = cli_table_print(m.table) ? CLI_OK : CLI_FAILED;
        members_close(cli, &m);
    }
    cli_table_close(m.table);
    return code;
}

static void status_members(struct cli_value members)
{
    static const char *const words[] = { "alive", "suspect", "dead", "left" };
    char line[160] = "";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        long long count = cli_number(members, words[i], 0);
        size_t len = strlen(line);
        if (count > 0 || i == 0)
            muster_format(line + len, sizeof line - len, "%s%lld %s", len > 0 ? ", " : "", count,
                          words[i]);
    }
    cli_view_fact("members", "%s", line);
}

static void held_print(const char *text)
{
    cli_view_fact("held", "%s", text);
}

static void status_print(struct cli_value s)
{
    char since[48];
    const char *state = cli_text(s, "state", "-");
    struct cli_value problems = cli_value_field(s, "problems");
    long long orphans = cli_number(s, "orphan_buckets", 0);
    cli_view_fact("node", "%s (%s)", cli_text(s, "node", "-"), cli_text(s, "node_id", "-"));
    cli_view_fact("state", "%s, up for %s", state,
                  cli_ago(cli_text(s, "since", NULL), since, sizeof since));
    const char *settings = cli_text(s, "settings", NULL); /* an older agent says nothing of them */
    cli_view_fact("cluster", settings != NULL ? "%s (%s)" : "%s",
                  cli_text(s, "cluster_id", "none yet"), settings);
    status_members(cli_value_field(s, "members"));
    cli_view_fact("slots", "%lld of %lld used here, %lld of %lld in the cluster",
                  cli_number(s, "used", 0), cli_number(s, "slots", 0), cli_number(s, "used_all", 0),
                  cli_number(s, "slots_all", 0));
    cli_view_fact("runs", "%lld here", cli_number(s, "runs", 0));
    cli_view_fact("jobs", "%lld stored here, keeper of %lld buckets with %lld waiting for a place",
                  cli_number(s, "jobs", 0), cli_number(s, "keeper_buckets", 0),
                  cli_number(s, "waiting", 0));
    if (orphans > 0)
        cli_view_fact("", "%lld %s no keeper now", orphans,
                      cli_plural(orphans, "bucket has", "buckets have"));
    cli_holds_each(cli_value_field(s, "holds"), held_print);
    cli_view_fact("version", "%s", cli_text(s, "version", "-"));
    for (size_t i = 0; i < cli_value_count(problems); i++)
        cli_view_fact(i == 0 ? "problems" : "", "%s",
                      cli_value_text(cli_value_item(problems, i), "?"));
}

int cli_verb_status(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    cli_path_open(&path, "/v1/status");
    int code = cli_api_read(cli, &path, &result);
    if (code == CLI_OK && !cli->json)
        status_print(result.root);
    cli_api_close(&result);
    return code;
}

int cli_verb_join(struct cli *cli)
{
    struct muster_text body;
    struct agent_json json;
    struct cli_result result;
    struct cli_path path;
    muster_text_open(&body, BODY_MAX);
    agent_json_open(&json, &body);
    agent_json_object(&json);
    agent_json_key(&json, "addresses");
    agent_json_array(&json);
    for (size_t i = 0; i < cli->args.word_count; i++)
        agent_json_text(&json, cli->args.word[i]);
    agent_json_array_end(&json);
    agent_json_object_end(&json);
    cli_path_open(&path, "/v1/join");
    MUSTER_ASSERT(body.err == MUSTER_OK);
    int code = cli_api_post(cli, &path, body.data, &result);
    muster_text_close(&body);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print("joining through %zu %s; 'muster members' shows who answered\n",
                  cli->args.word_count,
                  cli_plural((long long)cli->args.word_count, "address", "addresses"));
    cli_api_close(&result);
    return code;
}

int cli_verb_leave(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    cli_path_open(&path, "/v1/leave");
    int code = cli_api_post(cli, &path, NULL, &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print(
            "this node hands over its runs and leaves; 'muster status' tells how far it is\n");
    cli_api_close(&result);
    return code;
}
