/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a job until it is as somebody wants it, ever less often. */
#include "tools/cli/wait.h"

#include <string.h>

#include "tools/cli/view.h"

#define LOOK_FIRST_MS 50
#define LOOK_LAST_MS  500
/* Looks in a row that must show a wrong end. Right after a start the old end may still be in view.
 */
#define WRONG_ENDS    4

enum verdict { NOT_YET, REACHED, ENDED_OTHERWISE };

static bool is_end(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "dead") == 0 ||
           strcmp(state, "stopped") == 0;
}

static const char *want_of_kind(struct cli_value job)
{
    const char *kind = cli_text(job, "kind", "service");
    return strcmp(kind, "task") == 0 ? "done" : "running";
}

static enum verdict job_verdict(struct cli_value job, const char *want)
{
    const char *state = cli_text(job, "state", "");
    if (want == NULL)
        want = want_of_kind(job);
    if (strcmp(state, want) == 0 || (strcmp(want, "end") == 0 && is_end(state)))
        return REACHED;
    /* A task can be over before anybody sees it run. */
    bool wants_up = strcmp(want, "running") == 0 || strcmp(want, "starting") == 0;
    if (wants_up && (strcmp(state, "done") == 0 || strcmp(state, "running") == 0))
        return REACHED;
    return is_end(state) && strcmp(want, "gone") != 0 ? ENDED_OTHERWISE : NOT_YET;
}

/* After the job is deleted: does anything of it still run? */
static int runs_look(struct cli *cli, const char *name, enum verdict *verdict)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "job", name);
    int code = cli_api_ask(cli, &request, &result);
    struct cli_value runs = cli_value_field(result.root, "items");
    *verdict = REACHED;
    for (size_t i = 0; i < cli_value_count(runs); i++)
        if (cli_view_is_live(cli_value_item(runs, i)))
            *verdict = NOT_YET;
    if (code == CLI_NOT_FOUND)
        code = CLI_OK;
    else if (code != CLI_OK)
        cli_api_complain(cli, &result, NULL);
    cli_api_close(&result);
    return code;
}

static int job_look(struct cli *cli, const char *name, const char *want, struct cli_result *last,
                    enum verdict *verdict)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    bool wants_gone = want != NULL && strcmp(want, "gone") == 0;
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    cli_api_close(last);
    int code = cli_api_ask(cli, &request, last);
    *verdict = NOT_YET;
    if (code == CLI_NOT_FOUND && wants_gone)
        return runs_look(cli, name, verdict);
    if (code == CLI_OK)
        *verdict = job_verdict(last->root, want);
    else
        cli_api_complain(cli, last, NULL);
    return code;
}

static int wait_failed(struct cli *cli, const char *name, const char *want, struct cli_value job,
                       enum verdict verdict, long long timeout_ms)
{
    const char *state = cli_text(job, "state", "-");
    const char *reason = cli_text(job, "reason", "");
    const char *wanted = want != NULL ? want : want_of_kind(job);
    const char *gap = reason[0] != '\0' ? ": " : "";
    if (verdict == ENDED_OTHERWISE) {
        cli_say(&cli->term, "%s is %s, not %s%s%s; 'muster logs %s' may tell more", name, state,
                wanted, gap, reason, name);
        return CLI_FAILED;
    }
    cli_say(&cli->term, "%s is %s, not %s, after %lld.%llds%s%s; 'muster why %s' tells more", name,
            state, wanted, timeout_ms / 1000, timeout_ms % 1000 / 100, gap, reason, name);
    return CLI_TIMEOUT;
}

int cli_wait_for(struct cli *cli, const char *name, const char *want, long long timeout_ms,
                 struct cli_result *last)
{
    long long began = cli_mono_ms();
    long long pause_ms = LOOK_FIRST_MS;
    int wrong = 0;
    *last = (struct cli_result){ 0 };
    for (;;) {
        enum verdict verdict = NOT_YET;
        int code = job_look(cli, name, want, last, &verdict);
        long long spent = cli_mono_ms() - began;
        if (code != CLI_OK && verdict == NOT_YET)
            return code;
        if (verdict == REACHED)
            break;
        wrong = verdict == ENDED_OTHERWISE ? wrong + 1 : 0;
        if (wrong == WRONG_ENDS || (timeout_ms != CLI_WAIT_FOREVER && spent >= timeout_ms))
            return wait_failed(cli, name, want, last->root, verdict, timeout_ms);
        const char *reason = cli_text(last->root, "reason", "");
        cli_term_progress(&cli->term, "%llds: %s is %s%s%s", spent / 1000, name,
                          cli_text(last->root, "state", "gone, some of it still runs"),
                          reason[0] != '\0' ? ": " : "", reason);
        if (timeout_ms != CLI_WAIT_FOREVER && timeout_ms - spent < pause_ms)
            pause_ms = timeout_ms - spent;
        cli_pause_ms(pause_ms);
        pause_ms = pause_ms * 3 / 2 < LOOK_LAST_MS ? pause_ms * 3 / 2 : LOOK_LAST_MS;
    }
    cli_term_settle(&cli->term);
    return CLI_OK;
}
