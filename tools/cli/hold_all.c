/* SPDX-License-Identifier: Apache-2.0 */
/* Everything held, and let go. */
#include "tools/cli/hold_all.h"

#include <stdio.h>
#include <string.h>

#include "agent/json.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/everybody.h"
#include "tools/cli/help.h"
#include "tools/cli/view.h"

int cli_hold_all(struct cli *cli, const char *path_text)
{
    const char *prefix = cli_flag_value(&cli->args, "prefix");
    bool is_hold = strcmp(path_text, "/v1/hold") == 0;
    struct cli_everybody v = { .count = 0 };
    struct muster_text body;
    struct agent_json json;
    struct cli_path path;
    char done[256];
    if (cli->args.word_count > 0 || !cli_flag_given(&cli->args, "all"))
        return cli_usage(cli, "name the jobs, or say --all and none");
    muster_text_open(&body, 4096);
    agent_json_open(&json, &body);
    agent_json_object(&json);
    if (prefix != NULL)
        agent_json_put_text(&json, "prefix", prefix);
    agent_json_object_end(&json);
    cli_path_open(&path, path_text);
    int code = cli_api_post(cli, &path, body.err == MUSTER_OK ? body.data : "no", &v.rows);
    (void)snprintf(done, sizeof done,
                   is_hold ? "nothing new of %s%.130s starts" : "%s%.130s may start",
                   prefix != NULL ? "jobs named " : "any job", prefix != NULL ? prefix : "");
    if (code == CLI_OK && cli->json)
        cli_api_print(&v.rows);
    else if (code == CLI_OK && (code = cli_everybody_open(cli, &v)) == CLI_OK)
        code = cli_everybody_print(&v, done);
    muster_text_close(&body);
    cli_everybody_close(&v);
    return code;
}

void cli_holds_each(struct cli_value holds, void (*line)(const char *text))
{
    char text[320], since[48];
    for (size_t i = 0; i < cli_value_count(holds); i++) {
        struct cli_value h = cli_value_item(holds, i);
        const char *prefix = cli_text(h, "prefix", "");
        bool is_held = cli_truth(h, "held", false), is_last = i + 1 == cli_value_count(holds);
        if (!is_held && is_last)
            return; /* behind it everything is free anyway */
        (void)snprintf(text, sizeof text, "%s%.130s %s for %s%s",
                       prefix[0] == '\0' ? "everything" : "all of ", prefix,
                       is_held ? "is held" : "has been free again",
                       cli_ago(cli_text(h, "since", NULL), since, sizeof since),
                       is_held ? ", and nothing new starts ('muster release --all')" : "");
        line(text);
    }
}

static void line_print(const char *text)
{
    cli_print("%s\n", text);
}

void cli_holds_print(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, "/v1/status");
    if (cli_api_ask(cli, &request, &result) == CLI_OK)
        cli_holds_each(cli_value_field(result.root, "holds"), line_print);
    cli_api_close(&result);
}
