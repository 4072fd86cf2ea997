/* SPDX-License-Identifier: Apache-2.0 */
/* `muster run`: a job from flags, submitted once, and waited for if that is wanted. */
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/spec.h"
#include "tools/cli/verb_payload.h"
#include "tools/cli/verb_run.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"
#include "tools/cli/wait.h"

#define PLACE_LOOKS    10 /* an answer may come a moment before the run has its place */
#define PLACE_PAUSE_MS 30

static int run_put(struct cli *cli, const struct cli_spec *spec, struct cli_result *result)
{
    struct cli_path path;
    struct cli_request request = {
        .method = "PUT", .path = &path, .body = spec->json, .about = spec->name, .create_only = true
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, spec->name);
    int code = cli_api_ask(cli, &request, result);
    if (code == CLI_CONFLICT)
        cli_api_complain(cli, result, "choose another --name, or change it with 'muster apply'");
    else if (code != CLI_OK)
        cli_api_complain(cli, result, NULL);
    return code;
}

/* Where the run went: "starting on charlie", or why it waits. True when it has a place. */
static bool place_text(struct cli_value run, char *out, size_t size)
{
    char note[CLI_NOTE_MAX];
    const char *state = cli_text(run, "state", "pending");
    const char *node = cli_text(run, "node", NULL);
    if (node != NULL)
        muster_format(out, size, "%s on %s", state, node);
    else if (cli_view_note(run, note, sizeof note)[0] != '\0')
        muster_format(out, size, "%s: %s", state, note);
    else
        muster_format(out, size, "%s", state);
    return node != NULL;
}

int cli_run_told(struct cli *cli, const char *name, struct cli_value answer)
{
    char place[CLI_NOTE_MAX], kept[CLI_NOTE_MAX];
    struct cli_value run = cli_value_field(answer, "run");
    long long copies = cli_number(answer, "copies", 0);
    bool has_place = place_text(run, place, sizeof place);
    bool is_dead = strncmp(place, "dead", 4) == 0;
    for (int i = 0; !has_place && !is_dead && i < PLACE_LOOKS; i++) {
        struct cli_result look;
        struct cli_path path;
        struct cli_request request = { .method = "GET", .path = &path };
        cli_pause_ms(PLACE_PAUSE_MS);
        cli_path_open(&path, "/v1/jobs/");
        cli_path_name(&path, name);
        if (cli_api_ask(cli, &request, &look) == CLI_OK)
            has_place = place_text(cli_value_field(look.root, "run"), place, sizeof place);
        cli_api_close(&look);
    }
    cli_print("%s  %s, %s\n", name, place,
              cli_view_kept(cli_value_is_set(run) ? run : cli_value_field(answer, "job"), copies,
                            kept, sizeof kept));
    return is_dead ? CLI_FAILED : CLI_OK;
}

/* The job's own code; 128 + N when signal N killed it, as a shell would say. */
static int run_code(struct cli_value job)
{
    const char *state = cli_text(job, "state", "");
    struct cli_value exit = cli_value_field(cli_value_field(job, "run"), "exit");
    long long code = cli_number(exit, "code", 0);
    long long signal = cli_number(exit, "signal", 0);
    if (signal > 0)
        return 128 + (int)(signal & 127);
    if (code == 0 && strcmp(state, "done") != 0)
        return CLI_FAILED;
    return (int)(code & 255);
}

/* A good end goes to standard output, another is what went wrong. */
static void end_told(struct cli *cli, const char *name, struct cli_value job)
{
    char how[CLI_NOTE_MAX];
    struct cli_value run = cli_value_field(job, "run");
    const char *state = cli_text(job, "state", "-");
    const char *node = cli_text(run, "node", NULL);
    const char *gap = node != NULL ? " on " : "";
    if (cli_view_exit(cli_value_field(run, "exit"), how, sizeof how)[0] == '\0')
        (void)cli_view_note(run, how, sizeof how);
    if (strcmp(state, "done") == 0)
        cli_print("%s  done%s%s%s%s\n", name, gap, node != NULL ? node : "",
                  how[0] != '\0' ? ", " : "", how);
    else
        cli_say(&cli->term, "%s is %s%s%s%s%s; 'muster logs %s' may tell more", name, state, gap,
                node != NULL ? node : "", how[0] != '\0' ? ": " : "", how, name);
}

int cli_run_wait(struct cli *cli, const char *name, long long timeout_ms)
{
    struct cli_result last;
    int code = cli_wait_for(cli, name, "end", timeout_ms, &last);
    if (code == CLI_OK) {
        code = run_code(last.root);
        if (cli->json)
            cli_api_print(&last);
        if (!cli->json) {
            (void)cli_logs_print(cli, name); /* where there is none the end is told all the same */
            end_told(cli, name, last.root);
        }
    }
    cli_api_close(&last);
    return code;
}

/* A file that is named as the payload becomes one before the job is made. */
static int payload_put(struct cli *cli, char name[AGENT_PAYLOAD_TEXT])
{
    int code = CLI_OK;
    for (size_t i = 0; i < cli->args.given_count && code == CLI_OK; i++) {
        struct cli_given *given = &cli->args.given[i];
        if (strcmp(given->flag->name, "payload") != 0)
            continue;
        code = cli_payload_resolve(cli, given->value, name);
        given->value = name;
    }
    return code;
}

int cli_verb_run(struct cli *cli)
{
    char payload[AGENT_PAYLOAD_TEXT];
    struct cli_specs specs = { 0 };
    struct cli_result result;
    long long timeout_ms = 0;
    if (cli->args.word_count == 0 && !cli_flag_given(&cli->args, "shell") &&
        !cli_flag_given(&cli->args, "set"))
        return cli_usage(cli, "say what to run, behind the flags: -- CMD…");
    if (cli_flag_duration(&cli->args, "wait-timeout", CLI_WAIT_FOREVER, &timeout_ms) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    int code = payload_put(cli, payload);
    if (code == CLI_OK)
        code = cli_spec_from_flags(cli, &specs);
    if (code == CLI_OK) {
        bool waits = cli_flag_given(&cli->args, "wait");
        code = run_put(cli, &specs.spec[0], &result);
        if (code == CLI_OK && cli->json && !waits)
            cli_api_print(&result);
        else if (code == CLI_OK && !cli->json)
            code = cli_run_told(cli, specs.spec[0].name, result.root);
        cli_api_close(&result);
        if (code == CLI_OK && waits)
            code = cli_run_wait(cli, specs.spec[0].name, timeout_ms);
    }
    cli_specs_close(&specs);
    return code;
}
