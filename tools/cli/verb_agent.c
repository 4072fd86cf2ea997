/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about one agent: start it, found a cluster with it, ask how it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/verbs.h"

#define AGENT_PROGRAM "muster-agent"
#define VERSION_MS    2000

/* The agent beside this program comes first, so that a build tree never starts an installed one. */
int cli_verb_agent(struct cli *cli)
{
    char beside[4096];
    const char *slash = strrchr(cli->argv[0], '/');
    char **line = cli->argv + 1; /* its "agent" becomes the program's own name */
    char name[] = AGENT_PROGRAM;
    while (*line != NULL && strcmp(*line, "agent") != 0)
        line++;
    MUSTER_ASSERT(*line != NULL);
    *line = name;
    (void)fflush(stdout);
    if (slash != NULL && muster_format(beside, sizeof beside, "%.*s/%s",
                                       (int)(slash - cli->argv[0]), cli->argv[0], AGENT_PROGRAM)) {
        execv(beside, line);
        if (errno != ENOENT) {
            cli_say(&cli->term, "cannot start %s: %s; check the file", beside, strerror(errno));
            return CLI_FAILED;
        }
    }
    execvp(AGENT_PROGRAM, line);
    cli_say(&cli->term, "cannot start %s: %s; it belongs beside muster or into PATH", AGENT_PROGRAM,
            strerror(errno));
    return CLI_FAILED;
}

int cli_verb_init(struct cli *cli)
{
    struct cli_result founded, status;
    struct cli_path path;
    cli_path_open(&path, "/v1/init");
    int code = cli_api_post(cli, &path, NULL, &founded);
    if (code == CLI_OK && cli->json) {
        cli_api_print(&founded);
    } else if (code == CLI_OK) {
        struct cli_request request = { .method = "GET", .path = &path };
        cli_path_open(&path, "/v1/status");
        (void)cli_api_ask(cli, &request, &status);
        cli_print("cluster %s founded on %s; the others join it by themselves\n",
                  cli_text(status.root, "cluster_id", "-"),
                  cli_text(status.root, "node", "this node"));
        cli_api_close(&status);
    }
    cli_api_close(&founded);
    return code;
}

static int health_code(const char *status)
{
    return strcmp(status, "ok") == 0 ? 0 : strcmp(status, "warning") == 0 ? 1 : 2;
}

int cli_verb_health(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, "/health");
    (void)cli_api_ask(cli, &request, &result);
    /* A critical agent answers 503 and still tells why: the body decides, not the status. */
    const char *status = cli_text(result.root, "status", NULL);
    struct cli_value reasons = cli_value_field(result.root, "reasons");
    int code = status != NULL ? health_code(status) : 3;
    if (status == NULL) {
        cli_api_complain(cli, &result, NULL);
    } else if (cli->json) {
        cli_api_print(&result);
    } else {
        cli_print("%s\n", status);
        for (size_t i = 0; i < cli_value_count(reasons); i++)
            cli_print("  %s\n", cli_value_text(cli_value_item(reasons, i), "?"));
    }
    cli_api_close(&result);
    return code;
}

int cli_verb_version(struct cli *cli)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .timeout_ms = VERSION_MS };
    cli_path_open(&path, "/v1/status");
    int code = cli_api_ask(cli, &request, &result);
    if (cli->json)
        cli_print("{\"muster\":\"%s\",\"agent\":%s%s%s}\n", MUSTER_VERSION,
                  code == CLI_OK ? "\"" : "",
                  code == CLI_OK ? cli_text(result.root, "version", "") : "null",
                  code == CLI_OK ? "\"" : "");
    else
        printf("muster %s\n", MUSTER_VERSION);
    if (code == CLI_OK && !cli->json)
        cli_print("agent  %s on %s\n", cli_text(result.root, "version", "-"),
                  cli_text(result.root, "node", "-"));
    cli_api_close(&result);
    return CLI_OK;
}
