/* SPDX-License-Identifier: Apache-2.0 */
/* The verb about tokens for HTTP: makes one. Who knows it is up to the agents' files. */
#include <stdio.h>

#include "agent/json.h"
#include "agent/tokens.h"
#include "base/crypto.h"
#include "base/text.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"

static void json_print(const struct agent_token *token, const char *text, const char *line)
{
    struct muster_text out;
    struct agent_json j;
    muster_text_open(&out, 4096);
    agent_json_open(&j, &out);
    agent_json_object(&j);
    agent_json_put_text(&j, "name", token->name);
    agent_json_put_text(&j, "right", agent_right_text(token->right));
    agent_json_put_text(&j, "token", text);
    agent_json_put_text(&j, "line", line);
    agent_json_object_end(&j);
    (void)printf("%s\n", out.data != NULL ? out.data : "");
    muster_text_close(&out);
}

int cli_verb_token_create(struct cli *cli)
{
    uint8_t luck[AGENT_TOKEN_BYTES];
    char text[AGENT_TOKEN_TEXT], line[AGENT_TOKEN_LINE];
    const char *right = cli_flag_value(&cli->args, "right");
    const char *name = cli_flag_value(&cli->args, "name");
    struct agent_token token = { .name = "" };
    if (right == NULL || !agent_right_parse(&token.right, right))
        return cli_usage(cli, "say what it lets somebody do: --right read, operate or admin");
    const char *fault = name != NULL ? agent_token_name_fault(muster_bytes_text(name)) : NULL;
    if (fault != NULL)
        return cli_usage(cli, "--name %s: %s", name, fault);
    (void)muster_format(token.name, sizeof token.name, "%s", name != NULL ? name : "");
    muster_random(luck, sizeof luck);
    agent_token_make(luck, &token, text);
    (void)agent_token_line(&token, line);
    if (cli->json)
        json_print(&token, text, line);
    else
        (void)printf("The token of %s, shown this once, for $MUSTER_TOKEN or a file for "
                     "--token-file:\n\n  %s\n\n"
                     "Its line for the file that `tokens` names, on every node; SIGHUP reads it "
                     "again:\n\n  %s\n",
                     token.name, text, line);
    muster_wipe(luck, sizeof luck);
    muster_wipe(text, sizeof text);
    return CLI_OK;
}
