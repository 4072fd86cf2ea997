/* SPDX-License-Identifier: Apache-2.0 */
/* `muster trigger`: one run of a template, told or waited for; or one for each line of a file. */
#include <string.h>

#include "agent/json.h"
#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/trigger_from.h"
#include "tools/cli/verb_run.h"
#include "tools/cli/verbs.h"
#include "tools/cli/wait.h"

#define BODY_MAX (256 * 1024)

static bool text_put(struct cli *cli, struct agent_json *j, const char *flag)
{
    const char *value = cli_flag_value(&cli->args, flag);
    if (value != NULL && !agent_json_is_utf8(muster_bytes_text(value))) {
        cli_say(&cli->term, "--%s: is not UTF-8; put other bytes into a file and say its name",
                flag);
        return false;
    }
    if (value != NULL)
        agent_json_put_text(j, flag, value);
    return true;
}

static int one_told(struct cli *cli, const char *run, struct cli_value answer)
{
    struct cli_value it = cli_value_field(answer, "run");
    const char *node = cli_text(it, "node", NULL);
    if (!cli_truth(answer, "already", false))
        return cli_run_told(cli, run, answer);
    cli_print("%s  there already: %s%s%s\n", run, cli_text(it, "state", "-"),
              node != NULL ? " on " : "", node != NULL ? node : "");
    return CLI_OK;
}

static int one_ask(struct cli *cli, const char *job, const char *body, long long timeout_ms)
{
    struct cli_result result;
    struct cli_path path;
    char run[512];
    bool waits = cli_flag_given(&cli->args, "wait");
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, job);
    cli_path_plain(&path, "/run");
    int code = cli_api_post(cli, &path, body, &result);
    muster_format(run, sizeof run, "%s", cli_text(cli_value_field(result.root, "run"), "run", "-"));
    if (code == CLI_OK && cli->json && !waits)
        cli_api_print(&result);
    else if (code == CLI_OK && !cli->json)
        code = one_told(cli, run, result.root);
    cli_api_close(&result);
    return code == CLI_OK && waits ? cli_run_wait(cli, run, timeout_ms) : code;
}

static int one(struct cli *cli, long long timeout_ms)
{
    struct muster_text body;
    struct agent_json j;
    muster_text_open(&body, BODY_MAX);
    agent_json_open(&j, &body);
    agent_json_object(&j);
    bool is_good = text_put(cli, &j, "arg") && text_put(cli, &j, "key");
    agent_json_object_end(&j);
    int code = CLI_USAGE;
    if (body.err != MUSTER_OK)
        cli_say(&cli->term, "--arg: is too long; it has at most 32 KiB");
    else if (is_good)
        code = one_ask(cli, cli->args.word[0], body.data, timeout_ms);
    muster_text_close(&body);
    return code;
}

int cli_verb_trigger(struct cli *cli)
{
    long long timeout_ms = 0;
    const char *from = cli_flag_value(&cli->args, "from");
    bool is_many = cli_flag_given(&cli->args, "keyed") || cli_flag_given(&cli->args, "batch");
    bool is_one = cli_flag_given(&cli->args, "arg") || cli_flag_given(&cli->args, "key") ||
                  cli_flag_given(&cli->args, "wait");
    if (from != NULL && is_one)
        return cli_usage(cli, "--arg, --key and --wait are for one run, --from is for many");
    if (from == NULL && is_many)
        return cli_usage(cli, "--keyed and --batch go with --from");
    if (cli_flag_duration(&cli->args, "wait-timeout", CLI_WAIT_FOREVER, &timeout_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    return from != NULL ? cli_trigger_from(cli, from) : one(cli, timeout_ms);
}
