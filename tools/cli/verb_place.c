/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that explain placement: where a job's record and run are, and why. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"
#include "tools/cli/view.h"

static void where_bench(struct cli_value place)
{
    struct cli_value bench = cli_value_field(place, "bench");
    struct muster_text seat;
    muster_text_open(&seat, 256);
    for (size_t i = 0; i < cli_value_count(bench); i++) {
        struct cli_value one = cli_value_item(bench, i);
        muster_text_clear(&seat);
        cli_value_print(cli_value_field(one, "seat"), &seat);
        cli_print("  seat %s  %s%s\n", seat.data != NULL ? seat.data : "-",
                  cli_text(one, "node", "-"),
                  cli_truth(one, "keeper", false) ? ", the keeper" : "");
    }
    muster_text_close(&seat);
}

static void where_print(struct cli_value place)
{
    char since[48], note[CLI_NOTE_MAX];
    struct cli_value run = cli_value_field(place, "run");
    struct cli_value next = cli_value_field(place, "preference");
    if (cli_value_is_set(run) && cli_text(run, "node", NULL) != NULL)
        cli_print("%s is %s on %s for %s\n", cli_text(place, "name", "-"),
                  cli_text(run, "state", "-"), cli_text(run, "node", "-"),
                  cli_ago(cli_text(run, "since", NULL), since, sizeof since));
    else if (strcmp(cli_text(run, "state", ""), "running") == 0)
        cli_print("%s has runs with nodes of their own: 'muster runs %s'; %s\n",
                  cli_text(place, "name", "-"), cli_text(place, "name", "-"),
                  cli_view_note(run, note, sizeof note));
    else
        cli_print("%s has no node%s%s\n", cli_text(place, "name", "-"),
                  cli_value_is_set(run) ? ": " : "", cli_view_note(run, note, sizeof note));
    cli_print("bucket %lld, its bench:\n", cli_number(place, "bucket", -1));
    where_bench(place);
    cli_print("in order of preference:");
    for (size_t i = 0; i < cli_value_count(next); i++)
        cli_print("%s %s", i > 0 ? "," : "", cli_value_text(cli_value_item(next, i), "-"));
    cli_print("\n");
}

static int place_read(struct cli *cli, const char *before, void (*print)(struct cli_value root))
{
    struct cli_result result;
    struct cli_path path;
    cli_path_open(&path, before);
    cli_path_name(&path, cli->args.word[0]);
    int code = cli_api_read(cli, &path, &result);
    if (code == CLI_OK && !cli->json)
        print(result.root);
    cli_api_close(&result);
    return code;
}

int cli_verb_where(struct cli *cli)
{
    return place_read(cli, "/v1/place/", where_print);
}

static int name_width(struct cli_value nodes)
{
    size_t width = 0;
    for (size_t i = 0; i < cli_value_count(nodes); i++) {
        size_t len = strlen(cli_text(cli_value_item(nodes, i), "node", "-"));
        width = len > width ? len : width;
    }
    return width < 64 ? (int)width : 64;
}

static void why_print(struct cli_value why)
{
    char since[48];
    struct cli_value nodes = cli_value_field(why, "nodes");
    int width = name_width(nodes);
    const char *state = cli_text(why, "state", "-");
    const char *summary = cli_text(why, "summary", "");
    /* "pending: no free slot" behind "pending for 1m" would say it twice. */
    if (strncmp(summary, state, strlen(state)) == 0)
        summary += strlen(state) + strspn(summary + strlen(state), ": ");
    cli_print("%s for %s: %s\n", state, cli_ago(cli_text(why, "since", NULL), since, sizeof since),
              summary[0] != '\0' ? summary : cli_text(why, "reason", "-"));
    for (size_t i = 0; i < cli_value_count(nodes); i++) {
        struct cli_value one = cli_value_item(nodes, i);
        const char *note = cli_text(one, "note", "");
        bool says_no = cli_truth(one, "fits", true) || strncmp(note, "no:", 3) == 0;
        cli_print("%3zu %-*s  %s%s\n", i + 1, width, cli_text(one, "node", "-"),
                  says_no ? "" : "no: ", note);
    }
}

int cli_verb_why(struct cli *cli)
{
    return place_read(cli, "/v1/why/", why_print);
}
