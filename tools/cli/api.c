/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the agent, judges its answer by the exit codes people know, and words what went wrong. */
#include "tools/cli/api.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int exit_of_client(int err)
{
    switch (err) {
    case MUSTER_OK:
        return CLI_OK;
    case MUSTER_EDENIED:
        return CLI_DENIED;
    case MUSTER_EINVAL:
        return CLI_USAGE;
    case MUSTER_ELIMIT:
    case MUSTER_EFULL:
        return CLI_FAILED;
    default:
        return CLI_UNREACHABLE;
    }
}

/* Equal but for underscores: "no_quorum", "noquorum". */
static bool is_code(const char *code, const char *word)
{
    while (*code != '\0' && *word != '\0') {
        code += *code == '_';
        word += *word == '_';
        if (*code++ != *word++)
            return false;
    }
    return *code == *word;
}

/* The word in the error object decides, because one status stands for several troubles. */
static int exit_of_answer(long status, const char *code)
{
    static const struct {
        const char *code;
        int exit;
    } codes[] = {
        { "not_found", CLI_NOT_FOUND }, { "exists", CLI_CONFLICT },
        { "conflict", CLI_CONFLICT },   { "partition", CLI_PARTITION },
        { "no_quorum", CLI_PARTITION }, { "denied", CLI_DENIED },
        { "timeout", CLI_TIMEOUT },     { "unreachable", CLI_UNREACHABLE },
    };
    if (status >= 200 && status < 300)
        return CLI_OK;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (code[0] != '\0' && is_code(code, codes[i].code))
            return codes[i].exit;
    switch (status) {
    case 400:
    case 413:
    case 422:
        return CLI_USAGE;
    case 401:
    case 403:
        return CLI_DENIED;
    case 404:
        return CLI_NOT_FOUND;
    case 409:
    case 412:
        return CLI_CONFLICT;
    case 504:
        return CLI_TIMEOUT;
    default:
        return CLI_FAILED;
    }
}

int cli_api_judge(struct cli_result *result)
{
    result->exit = exit_of_client(result->err);
    if (result->exit != CLI_OK)
        return result->exit;
    int err = cli_reply_open(&result->reply, muster_text_bytes(&result->answer.body));
    if (err == MUSTER_OK)
        result->root = cli_reply_root(result->reply);
    struct cli_value error = cli_value_field(result->root, "error");
    result->exit = exit_of_answer(result->answer.status, cli_text(error, "code", ""));
    bool must_be_json =
        result->answer.status == 200 && result->answer.body.len > 0 && !result->is_raw;
    if (result->exit == CLI_OK && must_be_json && err != MUSTER_OK) {
        result->exit = CLI_FAILED;
        result->err = err;
    }
    return result->exit;
}

int cli_api_ask(struct cli *cli, const struct cli_request *request, struct cli_result *result)
{
    *result = (struct cli_result){ .path = request->path,
                                   .about = request->about,
                                   .is_raw = request->accept != NULL };
    result->err = cli_client_ask(cli->client, request, &result->answer);
    return cli_api_judge(result);
}

void cli_api_close(struct cli_result *result)
{
    cli_reply_close(result->reply);
    cli_answer_close(&result->answer);
    result->reply = NULL;
}

static void complain_client(struct cli *cli, const struct cli_result *result)
{
    const char *addr = cli_client_addr(cli->client);
    const char *why = cli_client_problem(cli->client);
    switch (result->err) {
    case MUSTER_EUNREACHABLE:
        cli_say(&cli->term,
                "no agent answers at %s (%s); start one with 'muster agent', or name another with "
                "--addr",
                addr, why);
        break;
    case MUSTER_EDENIED:
        cli_say(&cli->term, "may not open %s (%s); ask as root or as a member of the group muster",
                addr, why);
        break;
    case MUSTER_EFOREIGN:
        cli_say(&cli->term,
                "no trust between here and %s (%s); name who signs its certificate with --ca, and "
                "yours with --cert and --key-file",
                addr, why);
        break;
    case MUSTER_ETIMEOUT:
        cli_say(&cli->term,
                "the agent at %s gave no answer in time; 'muster health' tells how it is", addr);
        break;
    case MUSTER_ELIMIT:
        cli_say(&cli->term, "the path or the answer at %s is too large; ask for less with --limit",
                addr);
        break;
    case MUSTER_EIO:
        cli_say(&cli->term, "the agent at %s broke off (%s); try again, and look at its log", addr,
                why);
        break;
    default:
        cli_say(&cli->term, "what answers at %s is not the API of an agent; check --addr", addr);
        break;
    }
}

/* What a person does next, for answers that do not say it themselves. */
static const char *advice(const struct cli_result *result)
{
    const char *path = result->path->text;
    switch (result->exit) {
    case CLI_NOT_FOUND:
        return strncmp(path, "/v1/nodes", 9) == 0  ? "'muster members' lists the nodes"
               : strncmp(path, "/v1/runs", 8) == 0 ? "'muster ps --all' lists the runs"
                                                   : "'muster ls' lists the jobs";
    case CLI_PARTITION:
        return "'muster where NAME' shows which nodes have to answer";
    case CLI_DENIED:
        return "ask as root or as a member of the group muster";
    case CLI_TIMEOUT:
        return "it may have happened; look before you repeat it";
    default:
        return NULL;
    }
}

void cli_api_complain(struct cli *cli, const struct cli_result *result, const char *next)
{
    struct cli_value error = cli_value_field(result->root, "error");
    const char *message = cli_text(error, "message", NULL);
    const char *field = cli_text(error, "field", "");
    if (result->err != MUSTER_OK) {
        complain_client(cli, result);
        return;
    }
    if (message == NULL) {
        cli_say(&cli->term, "the agent at %s answered %ld without saying why; look at its log",
                cli_client_addr(cli->client), result->answer.status);
        return;
    }
    next = strchr(message, ';') != NULL ? NULL : next != NULL ? next : advice(result);
    bool names_field = field[0] == '\0' || strstr(message, field) != NULL;
    bool names_about = result->about == NULL || strstr(message, result->about) != NULL;
    cli_say(&cli->term, "%s%s%s%s%s%s%s", names_about ? "" : result->about, names_about ? "" : ": ",
            names_field ? "" : field, names_field ? "" : ": ", message, next != NULL ? "; " : "",
            next != NULL ? next : "");
}

int cli_api_must(struct cli *cli, const struct cli_request *request, struct cli_result *result)
{
    if (cli_api_ask(cli, request, result) != CLI_OK)
        cli_api_complain(cli, result, NULL);
    return result->exit;
}

void cli_api_print(const struct cli_result *result)
{
    const struct muster_text *body = &result->answer.body;
    (void)fwrite(body->data != NULL ? body->data : "", 1, body->len, stdout);
    if (body->len == 0 || body->data[body->len - 1] != '\n')
        fputc('\n', stdout);
}

int cli_api_read(struct cli *cli, const struct cli_path *path, struct cli_result *result)
{
    struct cli_request request = { .method = "GET", .path = path };
    int code = cli_api_must(cli, &request, result);
    if (code == CLI_OK && cli->json)
        cli_api_print(result);
    return code;
}

int cli_api_post(struct cli *cli, const struct cli_path *path, const char *body,
                 struct cli_result *result)
{
    struct cli_request request = { .method = "POST", .path = path, .body = body };
    return cli_api_must(cli, &request, result);
}

/* One page; the cursor of the next one goes into `after`, which becomes "" at the end. */
static int walk_page(struct cli *cli, const struct cli_path *path, struct cli_walk *walk,
                     char *after, size_t size)
{
    struct cli_result result;
    struct cli_request request = { .method = "GET", .path = path };
    bool prints = cli->json && !walk->is_aside;
    int code = cli_api_must(cli, &request, &result);
    if (code == CLI_OK && prints)
        cli_api_print(&result);
    struct cli_value items = cli_value_field(result.root, "items");
    if (items.at == NULL)
        items = result.root;
    size_t count = cli_value_count(items);
    for (size_t i = 0; i < count && code == CLI_OK; i++) {
        if (walk->limit > 0 && walk->count == walk->limit)
            break;
        if (!prints)
            walk->item(walk->whose, cli_value_item(items, i));
        walk->count++;
    }
    const char *next = cli_text(result.root, "next", "");
    /* A cursor that is cut would list the same page again and again. */
    if (!muster_format(after, size, "%s", next))
        after[0] = '\0';
    cli_api_close(&result);
    return code;
}

int cli_api_walk(struct cli *cli, const struct cli_path *path, struct cli_walk *walk)
{
    char after[1024] = "";
    int code = CLI_OK;
    long long limit = walk->limit > 0 ? walk->limit : CLI_ROWS_MAX;
    char before[sizeof after];
    do {
        struct cli_path page = *path;
        long long left = limit - walk->count;
        memcpy(before, after, sizeof before);
        cli_path_query_number(&page, "limit", left < CLI_PAGE ? left : CLI_PAGE);
        if (after[0] != '\0')
            cli_path_query(&page, "after", after);
        code = walk_page(cli, &page, walk, after, sizeof after);
    } while (code == CLI_OK && after[0] != '\0' && walk->count < limit &&
             strcmp(after, before) != 0); /* a page may be empty with more behind it */
    walk->has_more = after[0] != '\0';
    if (code == CLI_OK && walk->has_more && !cli->json && walk->limit == 0)
        cli_say(&cli->term, "only the first %lld are shown; narrow the list, or use --limit",
                walk->count);
    return code;
}

const char *cli_plural(long long count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}
