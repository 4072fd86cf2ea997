/* Table: rows for people, in columns as wide as they need to be; the only door to libsmartcols.
 *
 * On a terminal that is too narrow, columns that may shrink are cut, the widest first, down to what
 * they need; when that is not enough the column with the highest `rank` is left out, then the next.
 * Without a terminal nothing is cut and nothing left out, so that `grep` finds what is there.
 *
 * memory   cli_table_open allocates, cell texts are copied
 * errors   cli_table_print says false when memory ran out or output failed
 * threads  one
 */
#ifndef MUSTER_CLI_TABLE_H
#define MUSTER_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/cli/term.h"

#define CLI_COLUMNS_MAX 12

struct cli_column {
    const char *name;
    bool is_right;
    int shrinks_to; /* columns it keeps at least; 0: is never cut */
    int rank;       /* 0: is never left out */
};

struct cli_table;

/* `columns` ends with one without a name. NULL without memory. */
struct cli_table *cli_table_open(const struct cli_term *term, const struct cli_column *columns);
void cli_table_close(struct cli_table *table);

/* Begins a row; cells follow from left to right. NULL or "" shows as "-". */
void cli_table_row(struct cli_table *table);
void cli_table_cell(struct cli_table *table, const char *text);
void cli_table_state(struct cli_table *table, const char *state); /* in its colour */
void cli_table_number(struct cli_table *table, long long number);

/* By the text of that column. */
void cli_table_sort(struct cli_table *table, size_t column);
bool cli_table_print(struct cli_table *table);

#endif
