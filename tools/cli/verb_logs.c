/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that read streams: what a job wrote, and what happened in the cluster. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/verbs.h"

#define NDJSON     "application/x-ndjson"
#define LINES_MAX  1000000 /* the API's own bound */
#define EVENTS_MAX 1000
#define OFFSET_MAX (1LL << 62)

struct reader {
    const struct cli_term *term;
    bool json;
    bool has_time;
    long long lines;
    bool tells_missing; /* who asks tells by himself that there is nothing */
    const char *title;  /* before the first line; NULL: none */
};

/* A job's output goes to files and pipes as it is; a terminal must not obey it. */
static void text_print(const struct cli_term *term, const char *text, size_t len)
{
    if (term->is_terminal)
        cli_print_safe(stdout, text, len, term->has_color);
    else
        (void)fwrite(text, 1, len, stdout);
}

static bool raw_print(const char *line, size_t len)
{
    (void)fwrite(line, 1, len, stdout);
    fputc('\n', stdout);
    return fflush(stdout) == 0;
}

static bool log_line(void *whose, const char *line, size_t len)
{
    struct reader *r = whose;
    struct cli_reply *reply;
    if (len == 0)
        return true;
    r->lines++;
    if (r->title != NULL && r->lines == 1) {
        cli_print("\n");
        cli_print("%s\n", r->title);
    }
    if (r->json)
        return raw_print(line, len);
    if (cli_reply_open(&reply, MUSTER_BYTES(line, len)) != MUSTER_OK) {
        text_print(r->term, line, len);
    } else {
        struct cli_value root = cli_reply_root(reply);
        const char *text = cli_text(root, "text", "");
        bool is_err = strcmp(cli_text(root, "stream", ""), "stderr") == 0 && r->term->has_color;
        if (r->has_time)
            printf("%s  ", cli_text(root, "time", "-"));
        fputs(is_err ? "\033[31m" : "", stdout);
        text_print(r->term, text, strlen(text));
        fputs(is_err ? "\033[0m" : "", stdout);
    }
    cli_reply_close(reply);
    fputc('\n', stdout);
    return fflush(stdout) == 0;
}

static bool event_line(void *whose, const char *line, size_t len)
{
    struct reader *r = whose;
    struct cli_reply *reply;
    if (len == 0)
        return true;
    r->lines++;
    if (r->json)
        return raw_print(line, len);
    if (cli_reply_open(&reply, MUSTER_BYTES(line, len)) != MUSTER_OK) {
        cli_print_safe(stdout, line, len, false);
        fputc('\n', stdout);
    } else {
        struct cli_value e = cli_reply_root(reply);
        const char *run = cli_text(e, "run", cli_text(e, "job", ""));
        cli_print("%s  %-8s  %-14s", cli_text(e, "time", "-"), cli_text(e, "node", "-"),
                  cli_text(e, "type", "-"));
        cli_print("%s%s%s%s\n", run[0] != '\0' ? "  " : "", run,
                  cli_text(e, "text", "")[0] != '\0' ? "  " : "", cli_text(e, "text", ""));
    }
    cli_reply_close(reply);
    return fflush(stdout) == 0;
}

/* A record to the stream that it came from. */
static bool plain_line(void *whose, const char *line, size_t len)
{
    const struct reader *r = whose;
    struct cli_reply *reply;
    if (len == 0 || cli_reply_open(&reply, MUSTER_BYTES(line, len)) != MUSTER_OK)
        return true;
    struct cli_value root = cli_reply_root(reply);
    const char *text = cli_text(root, "text", ""), *name = cli_text(root, "stream", "");
    FILE *out = strcmp(name, "stderr") == 0 ? stderr : stdout;
    if (strcmp(name, "stdout") == 0 || out == stderr) {
        if (r->term->is_terminal)
            cli_print_safe(out, text, strlen(text), r->term->has_color);
        else
            fputs(text, out);
        fputc('\n', out);
    }
    cli_reply_close(reply);
    return !ferror(stdout);
}

/* Reads the stream to its end; what went wrong is told, but not of a look on the side. */
static int stream_read(struct cli *cli, const struct cli_request *request,
                       struct cli_listener listener)
{
    struct cli_result result = { .path = request->path };
    result.err = cli_client_stream(cli->client, request, listener, &result.answer);
    int code = cli_api_judge(&result);
    const struct reader *r = listener.whose;
    bool is_aside = listener.line == plain_line || r->title != NULL ||
                    (code == CLI_NOT_FOUND && r->tells_missing);
    if (code != CLI_OK && !is_aside)
        cli_api_complain(cli, &result, NULL);
    cli_api_close(&result);
    return code;
}

/* A run of the job that has a name of its own, as copies and ticks have; false: there is none. */
static bool run_of_job(struct cli *cli, const char *job, char *out, size_t size)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, "/v1/runs");
    cli_path_query(&path, "job", job);
    cli_path_query_number(&path, "limit", 1);
    int code = cli_api_ask(cli, &request, &result);
    struct cli_value items = cli_value_field(result.root, "items");
    const char *run = code == CLI_OK && cli_value_count(items) > 0
                          ? cli_text(cli_value_item(items, 0), "run", job)
                          : job;
    bool has_own = strcmp(run, job) != 0 && muster_format(out, size, "%s", run);
    cli_api_close(&result);
    return has_own;
}

/* Why there is no output of that name: what a person may have meant. */
static void logs_missing(struct cli *cli, const char *name, long long attempt)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    char run[256];
    if (run_of_job(cli, name, run, sizeof run)) {
        cli_say(&cli->term,
                "%s has runs with output of their own, such as %s; 'muster runs %s' lists them",
                name, run, name);
        return;
    }
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, name);
    int code = cli_api_ask(cli, &request, &result);
    if (code != CLI_OK)
        cli_say(&cli->term, "there is no job or run named %s; 'muster ps --all' lists the runs",
                name);
    else if (attempt > 0)
        cli_say(&cli->term, "%s has no output of attempt %lld; 'muster show %s' lists its attempts",
                name, attempt, name);
    else
        cli_say(&cli->term,
                "no connected node has output of %s, which is %s; 'muster why %s' may tell more",
                name, cli_text(result.root, "state", "unknown"), name);
    cli_api_close(&result);
}

int cli_verb_logs(struct cli *cli)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .accept = NDJSON };
    struct reader r = { .term = &cli->term,
                        .json = cli->json,
                        .has_time = cli_flag_given(&cli->args, "time") };
    struct cli_listener listener = { .line = log_line, .whose = &r };
    long long lines = 0, attempt = 0, offset = 0;
    bool wants_err = cli_flag_given(&cli->args, "stderr");
    bool wants_out = cli_flag_given(&cli->args, "stdout");
    if (cli_flag_number(&cli->args, "lines", 1, LINES_MAX, -1, &lines) != MUSTER_OK ||
        cli_flag_number(&cli->args, "attempt", 1, INT32_MAX, -1, &attempt) != MUSTER_OK ||
        cli_flag_number(&cli->args, "offset", 0, OFFSET_MAX, -1, &offset) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, cli->args.word[0]);
    cli_path_plain(&path, "/logs");
    cli_path_query(&path, "follow", cli_flag_given(&cli->args, "follow") ? "1" : NULL);
    if (lines >= 0)
        cli_path_query_number(&path, "lines", lines);
    if (attempt >= 0)
        cli_path_query_number(&path, "attempt", attempt);
    if (offset >= 0)
        cli_path_query_number(&path, "offset", offset);
    if (wants_err != wants_out)
        cli_path_query(&path, "stream", wants_err ? "stderr" : "stdout");
    r.tells_missing = !cli->json;
    int code = stream_read(cli, &request, listener);
    if (code == CLI_NOT_FOUND && r.tells_missing)
        logs_missing(cli, cli->args.word[0], attempt);
    return code;
}

int cli_logs_print(struct cli *cli, const char *name)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .accept = NDJSON };
    struct reader r = { .term = &cli->term };
    struct cli_listener listener = { .line = plain_line, .whose = &r };
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, name);
    cli_path_plain(&path, "/logs");
    return stream_read(cli, &request, listener);
}

int cli_logs_end(struct cli *cli, const char *name, long long lines, const char *title)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .accept = NDJSON };
    struct reader r = { .term = &cli->term, .title = title };
    struct cli_listener listener = { .line = log_line, .whose = &r };
    cli_path_open(&path, "/v1/runs/");
    cli_path_name(&path, name);
    cli_path_plain(&path, "/logs");
    cli_path_query_number(&path, "lines", lines);
    return stream_read(cli, &request, listener);
}

/* Indexes have 64 bits and are not for computing: digits, and no more than 2^64 has. */
static bool is_index(const char *text)
{
    size_t len = strspn(text, "0123456789");
    return len > 0 && len <= 20 && text[len] == '\0';
}

int cli_verb_events(struct cli *cli)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .accept = NDJSON };
    struct reader r = { .term = &cli->term, .json = cli->json };
    struct cli_listener listener = { .line = event_line, .whose = &r };
    bool follows = cli_flag_given(&cli->args, "follow");
    long long lines = 0;
    request.last_id = cli_flag_value(&cli->args, "since");
    if (cli_flag_number(&cli->args, "lines", 1, EVENTS_MAX, -1, &lines) != MUSTER_OK)
        return cli_usage(cli, "%s", cli->args.problem);
    if (request.last_id != NULL && !is_index(request.last_id))
        return cli_usage(cli, "--since %s: the index of an event is needed, as --json shows it",
                         request.last_id);
    cli_path_open(&path, "/v1/events");
    cli_path_query(&path, "follow", follows ? NULL : "0");
    if (lines > 0)
        cli_path_query_number(&path, "limit", lines);
    int code = stream_read(cli, &request, listener);
    if (code == CLI_OK && follows && !ferror(stdout)) {
        cli_say(&cli->term, "the agent at %s ended its events, it may have stopped; try again",
                cli_client_addr(cli->client));
        return CLI_UNREACHABLE;
    }
    return code;
}
