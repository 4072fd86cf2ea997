/* SPDX-License-Identifier: Apache-2.0 */
/* Lays out rows for people; everything smartcols stays in this file. */
#include "tools/cli/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define GAP       2 /* blanks between columns */
#define CELL_WIDE 1024

struct cli_table {
    const struct cli_term *term;
    const struct cli_column *columns;
    size_t column_count;
    struct libscols_table *out;
    struct libscols_line *line;
    size_t next;                  /* cell of the row */
    size_t wide[CLI_COLUMNS_MAX]; /* widest text so far, then what the column is given */
    bool is_hidden[CLI_COLUMNS_MAX];
    bool failed;
};

struct cli_table *cli_table_open(const struct cli_term *term, const struct cli_column *columns)
{
    struct cli_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->term = term;
    t->columns = columns;
    t->out = scols_new_table();
    if (t->out == NULL) {
        free(t);
        return NULL;
    }
    for (const struct cli_column *c = columns; c->name != NULL; c++) {
        int flags = c->is_right ? SCOLS_FL_RIGHT : 0;
        MUSTER_ASSERT(t->column_count < CLI_COLUMNS_MAX);
        t->wide[t->column_count++] = strlen(c->name);
        t->failed = t->failed || scols_table_new_column(t->out, c->name, 0, flags) == NULL;
    }
    (void)scols_table_set_column_separator(t->out, "  ");
    (void)scols_table_enable_colors(t->out, term->has_color);
    /* Cells are made safe here: a second escaping would escape our backslashes. */
    (void)scols_table_enable_noencoding(t->out, 1);
    /* Widths are settled here: it would cut every column in proportion, and names first. */
    (void)scols_table_set_termforce(t->out, SCOLS_TERMFORCE_NEVER);
    return t;
}

void cli_table_close(struct cli_table *t)
{
    if (t == NULL)
        return;
    scols_unref_table(t->out);
    free(t);
}

void cli_table_row(struct cli_table *t)
{
    t->line = scols_table_new_line(t->out, NULL);
    t->failed = t->failed || t->line == NULL;
    t->next = 0;
}

/* A copy in which nothing moves the cursor; NULL without memory. */
static char *text_safe(const char *text)
{
    char *safe = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&safe, &size);
    if (out == NULL)
        return NULL;
    cli_print_safe(out, text, strlen(text), false);
    if (fclose(out) != 0) {
        free(safe);
        return NULL;
    }
    for (char *c = safe; *c != '\0'; c++)
        *c = *c == '\t' ? ' ' : *c;
    return safe;
}

void cli_table_cell(struct cli_table *t, const char *text)
{
    MUSTER_ASSERT(t->next < t->column_count);
    char *safe = text_safe(text == NULL || text[0] == '\0' ? "-" : text);
    size_t width = safe != NULL ? cli_text_width(safe) : 0;
    if (width > t->wide[t->next])
        t->wide[t->next] = width;
    t->failed = t->failed || safe == NULL || scols_line_set_data(t->line, t->next, safe) != 0;
    free(safe);
    t->next++;
}

void cli_table_state(struct cli_table *t, const char *state)
{
    const char *color = cli_term_state_color(t->term, state);
    cli_table_cell(t, state);
    if (color != NULL && !t->failed)
        t->failed = scols_cell_set_color(scols_line_get_cell(t->line, t->next - 1), color) != 0;
}

void cli_table_number(struct cli_table *t, long long number)
{
    char text[24];
    muster_format(text, sizeof text, "%lld", number);
    cli_table_cell(t, text);
}

static size_t least_of(const struct cli_table *t, size_t column)
{
    size_t least = (size_t)t->columns[column].shrinks_to;
    return least > 0 && least < t->wide[column] ? least : t->wide[column];
}

/* What the shown columns take, or need at least. */
static size_t table_width(const struct cli_table *t, bool at_least)
{
    size_t sum = 0;
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->is_hidden[i])
            sum += (sum > 0 ? GAP : 0) + (at_least ? least_of(t, i) : t->wide[i]);
    return sum;
}

/* Hides the shown column of the highest rank; false when every one left must stay. */
static bool hide_one(struct cli_table *t)
{
    size_t worst = t->column_count;
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->is_hidden[i] && t->columns[i].rank > 0 &&
            (worst == t->column_count || t->columns[i].rank > t->columns[worst].rank))
            worst = i;
    if (worst == t->column_count)
        return false;
    struct libscols_column *column = scols_table_get_column(t->out, worst);
    t->is_hidden[worst] = true;
    (void)scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
    return true;
}

/* Takes one from the widest column that may shrink, of equals from the rightmost: names stand left.
 */
static bool shrink_one(struct cli_table *t)
{
    size_t widest = t->column_count;
    for (size_t i = 0; i < t->column_count; i++)
        if (!t->is_hidden[i] && t->wide[i] > least_of(t, i) &&
            (widest == t->column_count || t->wide[i] >= t->wide[widest]))
            widest = i;
    if (widest == t->column_count)
        return false;
    t->wide[widest]--;
    return true;
}

static bool cells_cut(struct cli_table *t)
{
    char cut[CELL_WIDE * 4];
    struct libscols_line *line;
    struct libscols_iter *rows = scols_new_iter(SCOLS_ITER_FORWARD);
    bool all = rows != NULL;
    while (all && scols_table_next_line(t->out, rows, &line) == 0) {
        for (size_t i = 0; i < t->column_count; i++) {
            const char *text = scols_cell_get_data(scols_line_get_cell(line, i));
            if (!t->is_hidden[i] && text != NULL && cli_text_cut(text, t->wide[i], cut, sizeof cut))
                all = scols_line_set_data(line, i, cut) == 0 && all;
        }
    }
    scols_free_iter(rows);
    return all;
}

void cli_table_sort(struct cli_table *t, size_t column)
{
    struct libscols_column *by = scols_table_get_column(t->out, column);
    t->failed = t->failed || by == NULL ||
                scols_column_set_cmpfunc(by, scols_cmpstr_cells, NULL) != 0 ||
                scols_sort_table(t->out, by) != 0;
}

bool cli_table_print(struct cli_table *t)
{
    size_t width = (size_t)t->term->width;
    if (width > 0) {
        while (table_width(t, true) > width && hide_one(t))
            continue;
        while (table_width(t, false) > width && shrink_one(t))
            continue;
        t->failed = !cells_cut(t) || t->failed;
    }
    return !t->failed && scols_print_table(t->out) == 0;
}
