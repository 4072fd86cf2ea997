/* SPDX-License-Identifier: Apache-2.0 */
/* Words for runs, exits and facts, shared by the verbs that show them. */
#include "tools/cli/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli/api.h"

/* The cause stands behind what happened, unless it says that already: "exit 3, no retries left". */
static void cause_add(const char *reason, char *out, size_t size)
{
    size_t len = strlen(out);
    if (reason[0] == '\0')
        return;
    if (strncmp(reason, out, len) == 0)
        muster_format(out, size, "%s", reason);
    else
        muster_format(out + len, size - len, "%s%s", len > 0 ? ": " : "", reason);
}

char *cli_view_exit(struct cli_value exit, char *out, size_t size)
{
    const char *named = cli_text(exit, "signal", NULL);
    long long signal = cli_number(exit, "signal", 0);
    out[0] = '\0';
    if (named != NULL)
        muster_format(out, size, "killed by %s", named);
    else if (signal > 0)
        muster_format(out, size, "killed by signal %lld", signal);
    else if (cli_value_is_set(cli_value_field(exit, "code")))
        muster_format(out, size, "exit %lld", cli_number(exit, "code", 0));
    cause_add(cli_text(exit, "reason", ""), out, size);
    return out;
}

/* How far it is stands before what it says: "41% 410/1000 invoices". */
static void progress_add(struct cli_value progress, char *out, size_t size)
{
    long long done = cli_number(progress, "done", 0), total = cli_number(progress, "total", 0);
    char text[CLI_NOTE_MAX];
    if (total <= 0)
        return;
    (void)muster_format(text, sizeof text, "%lld%% %lld/%lld%s%s", done * 100 / total, done, total,
                        out[0] != '\0' ? " " : "", out);
    (void)muster_format(out, size, "%s", text);
}

char *cli_view_note(struct cli_value run, char *out, size_t size)
{
    const char *state = cli_text(run, "state", "");
    const char *note = cli_text(run, "note", "");
    const char *reason = cli_text(run, "reason", "");
    bool is_well = strcmp(state, "running") == 0 || strcmp(state, "starting") == 0;
    const char *first = is_well ? note : reason;
    const char *second = is_well ? reason : note;
    muster_format(out, size, "%s", first[0] != '\0' ? first : second);
    progress_add(cli_value_field(run, "progress"), out, size);
    if (out[0] == '\0' && !is_well)
        (void)cli_view_exit(cli_value_field(run, "exit"), out, size);
    const char *again = cli_text(run, "not_before", NULL);
    if (strcmp(state, "backoff") == 0 && again != NULL && strstr(out, "again") == NULL) {
        char left[48];
        size_t len = strlen(out);
        muster_format(out + len, size - len, "%sagain in %s", len > 0 ? "; " : "",
                      cli_until(again, left, sizeof left));
    }
    return out;
}

char *cli_view_kept(struct cli_value record, long long copies, char *out, size_t size)
{
    muster_format(out, size, "%s %lld %s",
                  cli_truth(record, "durable", true) ? "stored on" : "in the memory of", copies,
                  cli_plural(copies, "node", "nodes"));
    return out;
}

bool cli_view_is_live(struct cli_value run)
{
    static const char *const ended[] = { "done", "stopped", "dead", "deleted" };
    const char *state = cli_text(run, "state", "");
    for (size_t i = 0; i < sizeof ended / sizeof ended[0]; i++)
        if (strcmp(state, ended[i]) == 0)
            return false;
    return true;
}

struct cli_table *cli_view_runs_open(const struct cli_term *term)
{
    static const struct cli_column columns[] = {
        { .name = "RUN", .shrinks_to = 20 },
        { .name = "KIND", .rank = 3 },
        { .name = "STATE" },
        { .name = "NODE", .shrinks_to = 12 },
        { .name = "SINCE", .rank = 2 },
        { .name = "ATT", .is_right = true, .rank = 4 },
        { .name = "NOTE", .shrinks_to = 16, .rank = 1 },
        { 0 },
    };
    return cli_table_open(term, columns);
}

void cli_view_runs_add(struct cli_table *table, struct cli_value run)
{
    char since[48], note[CLI_NOTE_MAX];
    cli_table_row(table);
    cli_table_cell(table, cli_text(run, "run", "-"));
    cli_table_cell(table, cli_text(run, "kind", "-"));
    cli_table_state(table, cli_text(run, "state", "-"));
    cli_table_cell(table, cli_text(run, "node", "-"));
    cli_table_cell(table, cli_ago(cli_text(run, "since", NULL), since, sizeof since));
    cli_table_number(table, cli_number(run, "attempt", 0));
    cli_table_cell(table, cli_view_note(run, note, sizeof note));
}

void cli_view_fact(const char *label, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (text[0] != '\0')
        cli_print("%-10s %s\n", label, text);
}
