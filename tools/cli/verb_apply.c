/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that read job files: `apply` makes the cluster so, `check` only tells what is wrong. */
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/spec.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

static int apply_one(struct cli *cli, const struct cli_spec *spec)
{
    char kept[CLI_NOTE_MAX];
    struct cli_result result;
    struct cli_path path;
    struct cli_request request = {
        .method = "PUT", .path = &path, .body = spec->json, .about = spec->name
    };
    cli_path_open(&path, "/v1/jobs/");
    cli_path_name(&path, spec->name);
    int code = cli_api_must(cli, &request, &result);
    long long copies = cli_number(result.root, "copies", 0);
    const char *what = cli_truth(result.root, "created", false)  ? "created"
                       : cli_truth(result.root, "changed", true) ? "updated"
                                                                 : "unchanged";
    if (code == CLI_OK && cli->json)
        cli_api_print(&result);
    else if (code == CLI_OK)
        cli_print("%s  %s, %s\n", spec->name, what,
                  cli_view_kept(cli_value_field(result.root, "job"), copies, kept, sizeof kept));
    cli_api_close(&result);
    return code == CLI_USAGE ? CLI_CONFIG : code; /* what is wrong stands in a file */
}

int cli_verb_apply(struct cli *cli)
{
    struct cli_specs specs = { 0 };
    size_t done = 0;
    int code = CLI_OK;
    for (size_t i = 0; i < cli->args.word_count && code == CLI_OK; i++)
        code = cli_spec_from_file(cli, &specs, cli->args.word[i], false);
    bool is_sending = code == CLI_OK;
    while (code == CLI_OK && done < specs.count) {
        code = apply_one(cli, &specs.spec[done]);
        done += code == CLI_OK;
    }
    if (code != CLI_OK && is_sending && specs.count > 1)
        cli_say(&cli->term,
                "%s failed; %zu of %zu jobs were applied before it, apply again for the rest",
                specs.spec[done].name, done, specs.count);
    cli_specs_close(&specs);
    return code;
}

/* Every file and every document is looked at, so that one round of mending is enough. */
int cli_verb_check(struct cli *cli)
{
    struct cli_specs specs = { 0 };
    int worst = CLI_OK;
    for (size_t i = 0; i < cli->args.word_count; i++) {
        size_t before = specs.count;
        int code = cli_spec_from_file(cli, &specs, cli->args.word[i], true);
        if (code == CLI_OK)
            cli_print("%s: %zu %s, nothing wrong\n", cli->args.word[i], specs.count - before,
                      cli_plural((long long)(specs.count - before), "job", "jobs"));
        worst = worst != CLI_OK ? worst : code;
    }
    cli_specs_close(&specs);
    return worst;
}
