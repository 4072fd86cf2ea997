/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that look at the cluster as a whole: what is wrong in it, and how its ring is shared. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/cli/api.h"
#include "tools/cli/doctor.h"
#include "tools/cli/help.h"
#include "tools/cli/table.h"
#include "tools/cli/verbs.h"

#define INDENT 17 /* columns before what is said of a finding */

static int ask(struct cli *cli, const char *way, const char *state, struct cli_result *result)
{
    struct cli_path path;
    struct cli_request request = { .method = "GET", .path = &path };
    cli_path_open(&path, way);
    if (state != NULL) {
        cli_path_query(&path, "state", state);
        cli_path_query_number(&path, "limit", CLI_PAGE);
    }
    return cli_api_must(cli, &request, result);
}

static long long wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct findings {
    struct cli *cli;
    size_t notes;
};

/* By words, so that what is said stays beside what it is about. */
static void wrapped_print(const char *text, size_t width)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t n = left;
        if (width > 0 && left > width) {
            for (n = width; n > 0 && text[n] != ' ';)
                n--;
            n = n > 0 ? n : width;
        }
        cli_print("%.*s\n", (int)n, text);
        n += text[n] == ' ';
        text += n;
        left -= n;
        if (left > 0)
            (void)printf("%*s", INDENT, "");
    }
}

static void finding_print(void *whose, const struct cli_finding *f)
{
    static const char *const words[] = { "ok", "note", "WRONG" };
    struct findings *all = whose;
    const char *color = !all->cli->term.has_color      ? ""
                        : f->kind == CLI_FINDING_WRONG ? "\033[31m"
                        : f->kind == CLI_FINDING_NOTE  ? "\033[33m"
                                                       : "\033[32m";
    all->notes += f->kind == CLI_FINDING_NOTE;
    (void)printf("%s%-5s%s  %-8s  ", color, words[f->kind], color[0] != '\0' ? "\033[0m" : "",
                 f->about);
    int width = all->cli->term.width;
    wrapped_print(f->text, width > 2 * INDENT ? (size_t)(width - INDENT) : 0);
}

static int judge(const struct cli_doctor *d)
{
    struct findings *all = d->whose;
    size_t wrong = cli_doctor_look(d);
    if (wrong == 0 && all->notes == 0)
        cli_print("All is well, as far as %s can see.\n", d->asked);
    else
        cli_print("%zu %s wrong, %zu to note.\n", wrong, wrong == 1 ? "thing is" : "things are",
                  all->notes);
    return wrong == 0 ? CLI_OK : CLI_FAILED;
}

int cli_verb_doctor(struct cli *cli)
{
    struct findings all = { .cli = cli };
    struct cli_result status = { 0 }, facts = { 0 }, members = { 0 }, pending = { 0 }, dead = { 0 };
    long long begun = cli_mono_ms();
    int code = ask(cli, "/v1/doctor", NULL, &facts);
    struct cli_doctor d = { .tell = finding_print,
                            .whose = &all,
                            .asking_ms = cli_mono_ms() - begun,
                            .now_wall_ms = wall_ms() };
    if (code == CLI_OK && cli->json) {
        cli_api_print(&facts);
        cli_api_close(&facts);
        return CLI_OK;
    }
    if (code == CLI_OK)
        code = ask(cli, "/v1/status", NULL, &status);
    if (code == CLI_OK)
        code = ask(cli, "/v1/members", NULL, &members);
    bool is_in = strcmp(cli_text(status.root, "state", ""), "waiting") != 0;
    if (code == CLI_OK && is_in)
        code = ask(cli, "/v1/runs", "pending", &pending);
    if (code == CLI_OK && is_in)
        code = ask(cli, "/v1/runs", "dead", &dead);
    d.asked = cli_text(status.root, "node", "-");
    d.facts = facts.root;
    d.members = members.root;
    d.pending = pending.root;
    d.dead = dead.root;
    if (code == CLI_OK)
        code = judge(&d);
    cli_api_close(&status);
    cli_api_close(&facts);
    cli_api_close(&members);
    cli_api_close(&pending);
    cli_api_close(&dead);
    return code;
}

/* ---- the ring */

static bool ring_row(struct cli_table *table, struct cli_value row, const char *digest)
{
    struct cli_value ring = cli_value_field(row, "ring");
    long long owned = cli_number(ring, "owned", 0), of = cli_number(ring, "of", 1);
    bool is_same = strcmp(digest, cli_text(ring, "digest", "")) == 0;
    char share[32];
    of = of > 0 ? of : 1;
    (void)snprintf(share, sizeof share, "%lld.%lld %%", owned * 100 / of, owned * 1000 / of % 10);
    cli_table_row(table);
    cli_table_cell(table, cli_text(row, "node", "-"));
    cli_table_number(table, cli_number(ring, "weight", 0));
    cli_table_number(table, owned);
    cli_table_cell(table, share);
    cli_table_number(table, cli_number(row, "keeper_buckets", 0));
    return is_same;
}

static int ring_print(struct cli *cli, struct cli_value rows)
{
    static const struct cli_column columns[] = {
        { .name = "NODE", .shrinks_to = 12 },
        { .name = "WEIGHT", .is_right = true },
        { .name = "SLOTS", .is_right = true, .rank = 2 },
        { .name = "SHARE", .is_right = true },
        { .name = "KEEPS", .is_right = true, .rank = 1 },
        { 0 },
    };
    struct cli_table *table = cli_table_open(&cli->term, columns);
    size_t count = cli_value_count(rows);
    const char *digest = cli_text(cli_value_field(cli_value_item(rows, 0), "ring"), "digest", "");
    bool is_one = true;
    if (table == NULL)
        return CLI_FAILED;
    for (size_t i = 0; i < count; i++)
        is_one = ring_row(table, cli_value_item(rows, i), digest) && is_one;
    bool ok = cli_table_print(table);
    cli_table_close(table);
    cli_print("%zu %s answered; %s.\n", count, cli_plural((long long)count, "node", "nodes"),
              is_one ? "all have the same ring"
                     : "their rings differ, which passes when news have "
                       "reached all");
    return ok ? CLI_OK : CLI_FAILED;
}

int cli_verb_ring(struct cli *cli)
{
    struct cli_path path;
    struct cli_result result;
    if (cli->args.word_count > 0)
        return cli_verb_where(cli);
    cli_path_open(&path, "/v1/doctor");
    int code = cli_api_read(cli, &path, &result);
    if (code == CLI_OK && !cli->json)
        code = ring_print(cli, cli_value_field(result.root, "items"));
    cli_api_close(&result);
    return code;
}
