/* SPDX-License-Identifier: Apache-2.0 */
/* What a job said before: `diff` compares revisions, or files with the cluster; `revert` makes an
 * earlier one the present one again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/spec.h"
#include "tools/cli/verb_revision.h"
#include "tools/cli/verbs.h"

#define VALUE_MAX (1u << 20)

/* ---- differences between two specifications */

static void side_print(char sign, const char *key, struct cli_value value)
{
    struct muster_text text;
    muster_text_open(&text, VALUE_MAX);
    cli_value_print(value, &text);
    cli_print("%c %s: ", sign, key);
    cli_print_safe(stdout, text.data != NULL ? text.data : "", text.len, false);
    cli_print("\n");
    muster_text_close(&text);
}

static bool is_same(struct cli_value a, struct cli_value b)
{
    struct muster_text x, y;
    muster_text_open(&x, VALUE_MAX);
    muster_text_open(&y, VALUE_MAX);
    cli_value_json(a, &x);
    cli_value_json(b, &y);
    bool same = x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    muster_text_close(&x);
    muster_text_close(&y);
    return same;
}

/* Field by field, those of the old one first; how many differ. Says nothing when not asked to. */
static size_t fields_differ(struct cli_value old, struct cli_value fresh, bool prints)
{
    const char *key;
    size_t count = 0;
    for (size_t i = 0; (key = cli_value_key(old, i)) != NULL; i++) {
        struct cli_value a = cli_value_field(old, key), b = cli_value_field(fresh, key);
        if (is_same(a, b))
            continue;
        count++;
        if (prints)
            side_print('-', key, a);
        if (prints && cli_value_is_set(b))
            side_print('+', key, b);
    }
    for (size_t i = 0; (key = cli_value_key(fresh, i)) != NULL; i++) {
        if (cli_value_is_set(cli_value_field(old, key)))
            continue;
        count++;
        if (prints)
            side_print('+', key, cli_value_field(fresh, key));
    }
    return count;
}

/* ---- revisions of a job */

static int revisions_ask(struct cli *cli, const char *name, struct cli_result *result)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path, .about = name };
    cli_path_open(&path, "/v1/revisions/");
    cli_path_name(&path, name);
    return cli_api_must(cli, &request, result);
}

static struct cli_value revision_find(struct cli_value items, long long number)
{
    struct cli_value none = { NULL };
    for (size_t i = 0; i < cli_value_count(items); i++)
        if (cli_number(cli_value_item(items, i), "rev", 0) == number)
            return cli_value_item(items, i);
    return none;
}

/* The word as a revision of the job; the one without a place, with the sentence said, if none. */
static struct cli_value revision_named(struct cli *cli, struct cli_value items, const char *word)
{
    struct cli_value found = { NULL };
    size_t count = cli_value_count(items);
    if (strspn(word, "0123456789") == strlen(word) && strlen(word) < 10)
        found = revision_find(items, atoll(word));
    if (!cli_value_is_set(found))
        cli_say(&cli->term, "%s: no revision %s is kept; those from %lld to %lld are",
                cli->args.word[0], word,
                cli_number(cli_value_item(items, count > 0 ? count - 1 : 0), "rev", 0),
                cli_number(cli_value_item(items, 0), "rev", 0));
    return found;
}

static int revisions_diff(struct cli *cli, struct cli_value items)
{
    char a[48], b[48];
    const char *name = cli->args.word[0];
    bool has_old = cli->args.word_count > 1, has_fresh = cli->args.word_count > 2;
    struct cli_value old = cli_value_item(items, 1), fresh = cli_value_item(items, 0);
    if (has_old)
        old = revision_named(cli, items, cli->args.word[1]);
    if (has_fresh && cli_value_is_set(old))
        fresh = revision_named(cli, items, cli->args.word[2]);
    if (!cli_value_is_set(old) && !has_old) {
        cli_print("%s: revision %lld is the only one that is kept\n", name,
                  cli_number(fresh, "rev", 0));
        return CLI_OK;
    }
    if (!cli_value_is_set(old) || !cli_value_is_set(fresh))
        return CLI_NOT_FOUND;
    cli_print("%s: from revision %lld (%s ago) to %lld (%s ago)\n", name, cli_number(old, "rev", 0),
              cli_ago(cli_text(old, "modified", NULL), a, sizeof a), cli_number(fresh, "rev", 0),
              cli_ago(cli_text(fresh, "modified", NULL), b, sizeof b));
    size_t count =
        fields_differ(cli_value_field(old, "spec"), cli_value_field(fresh, "spec"), true);
    if (count == 0)
        cli_print("nothing differs\n");
    return count > 0 ? CLI_FAILED : CLI_OK;
}

/* ---- files against the cluster */

int cli_spec_diff(struct cli *cli, const struct cli_spec *spec, enum cli_spec_is *is)
{
    struct cli_result result;
    struct cli_path path;
    struct cli_reply *wanted = NULL;
    struct cli_request request = { .method = "GET", .path = &path, .about = spec->name };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, spec->name);
    int code = cli_api_ask(cli, &request, &result);
    if (code != CLI_OK && code != CLI_NOT_FOUND) {
        cli_api_complain(cli, &result, NULL);
    } else if (cli_reply_open(&wanted, muster_bytes_text(spec->json)) != MUSTER_OK) {
        code = CLI_FAILED;
    } else {
        struct cli_value none = { NULL };
        bool is_new = code == CLI_NOT_FOUND;
        struct cli_value now = is_new ? none : cli_value_field(result.root, "spec");
        struct cli_value then = cli_reply_root(wanted);
        bool is_other = is_new || fields_differ(now, then, false) > 0;
        if (is_other)
            cli_print("%s: %s\n", spec->name, is_new ? "would be created" : "would be updated");
        if (is_other)
            (void)fields_differ(now, then, true);
        *is = is_new ? CLI_SPEC_NEW : is_other ? CLI_SPEC_OTHER : CLI_SPEC_SAME;
        code = CLI_OK;
    }
    cli_reply_close(wanted);
    cli_api_close(&result);
    return code;
}

static int files_diff(struct cli *cli)
{
    struct cli_specs specs = { 0 };
    bool differs = false;
    int code = CLI_OK;
    for (size_t i = 0; i < cli->args.word_count && code == CLI_OK; i++)
        code = cli_spec_from_file(cli, &specs, cli->args.word[i], false);
    for (size_t i = 0; i < specs.count && code == CLI_OK; i++) {
        enum cli_spec_is is = CLI_SPEC_SAME;
        code = cli_spec_diff(cli, &specs.spec[i], &is);
        differs = differs || is != CLI_SPEC_SAME;
    }
    cli_specs_close(&specs);
    return code == CLI_OK && differs ? CLI_FAILED : code;
}

int cli_verb_diff(struct cli *cli)
{
    struct cli_result result;
    if (cli_flag_given(&cli->args, "file"))
        return files_diff(cli);
    if (cli->args.word_count > 3)
        return cli_usage(cli, "a job and at most two of its revisions; files come with --file");
    int code = revisions_ask(cli, cli->args.word[0], &result);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        code = revisions_diff(cli, cli_value_field(result.root, "items"));
    cli_api_close(&result);
    return code;
}

/* ---- revert */

/* As an update of the present revision: if somebody was faster, it is refused. */
static int spec_put(struct cli *cli, struct cli_value to, long long present)
{
    struct cli_result result;
    struct cli_path path;
    struct muster_text body;
    const char *name = cli->args.word[0];
    muster_text_open(&body, VALUE_MAX);
    cli_value_json(cli_value_field(to, "spec"), &body);
    struct cli_request request = {
        .method = "PUT", .path = &path, .about = name, .body = body.data, .revision = present
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, name);
    int code = cli_api_must(cli, &request, &result);
    struct cli_value job = cli_value_field(result.root, "job");
    long long copies = cli_number(result.root, "copies", 0);
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK && !cli_truth(result.root, "changed", true))
        cli_print("%s  unchanged: it says what revision %lld said\n", name,
                  cli_number(to, "rev", 0));
    else if (code == CLI_OK)
        cli_print("%s  revision %lld is as %lld was, stored on %lld %s\n", name,
                  cli_number(job, "rev", 0), cli_number(to, "rev", 0), copies,
                  cli_plural(copies, "node", "nodes"));
    muster_text_close(&body);
    cli_api_close(&result);
    return code;
}

int cli_verb_revert(struct cli *cli)
{
    struct cli_result result;
    int code = revisions_ask(cli, cli->args.word[0], &result);
    if (code == CLI_OK) {
        struct cli_value items = cli_value_field(result.root, "items");
        struct cli_value to = cli_value_item(items, 1);
        if (cli->args.word_count > 1)
            to = revision_named(cli, items, cli->args.word[1]);
        else if (!cli_value_is_set(to))
            cli_say(&cli->term, "%s was never changed, or nothing of it is kept",
                    cli->args.word[0]);
        code = cli_value_is_set(to)
                   ? spec_put(cli, to, cli_number(cli_value_item(items, 0), "rev", 0))
                   : CLI_NOT_FOUND;
    }
    cli_api_close(&result);
    return code;
}
