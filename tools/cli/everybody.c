/* SPDX-License-Identifier: Apache-2.0 */
/* Who answered and who did not, held against the members. */
#include "tools/cli/everybody.h"

#include <string.h>

void cli_everybody_close(struct cli_everybody *v)
{
    cli_api_close(&v->rows);
    cli_api_close(&v->members);
}

int cli_everybody_open(struct cli *cli, struct cli_everybody *v)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    v->items = cli_value_field(v->rows.root, "items");
    v->count = cli_value_count(v->items);
    cli_path_open(&path, "/v1/members");
    return cli_api_must(cli, &request, &v->members);
}

static bool has_answered(const struct cli_everybody *v, const char *id)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(cli_text(cli_value_item(v->items, i), "id", ""), id) == 0)
            return true;
    return false;
}

const char *cli_everybody_silent(const struct cli_everybody *v, size_t n)
{
    struct cli_value items = cli_value_field(v->members.root, "items");
    for (size_t i = 0; i < cli_value_count(items); i++) {
        struct cli_value m = cli_value_item(items, i);
        const char *status = cli_text(m, "status", "");
        bool is_there = strcmp(status, "alive") == 0 || strcmp(status, "suspect") == 0;
        if (is_there && !cli_truth(m, "foreign", false) &&
            !has_answered(v, cli_text(m, "id", "")) && n-- == 0)
            return cli_text(m, "name", "-");
    }
    return NULL;
}

int cli_everybody_print(const struct cli_everybody *v, const char *done)
{
    const char *name;
    size_t bad = 0, quiet = 0;
    while (cli_everybody_silent(v, quiet) != NULL)
        quiet++;
    for (size_t i = 0; i < v->count; i++)
        bad += cli_value_is_set(cli_value_field(cli_value_item(v->items, i), "error"));
    cli_print("%s on %zu of %zu %s\n", done, v->count - bad, v->count + quiet,
              cli_plural((long long)(v->count + quiet), "node", "nodes"));
    for (size_t i = 0; i < v->count; i++) {
        struct cli_value row = cli_value_item(v->items, i);
        const char *error = cli_text(row, "error", NULL);
        if (error != NULL)
            cli_print("  %s: %s\n", cli_text(row, "node", "-"), error);
    }
    for (size_t i = 0; (name = cli_everybody_silent(v, i)) != NULL; i++)
        cli_print("  %s: it is alive and did not answer\n", name);
    return bad + quiet == 0 ? CLI_OK : CLI_FAILED;
}
