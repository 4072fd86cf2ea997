/* View: the API's records as words, the same in every verb that shows them.
 *
 * memory   texts go into the caller's buffers; NULL fields of a record become "-" or nothing
 * threads  one
 */
#ifndef MUSTER_CLI_VIEW_H
#define MUSTER_CLI_VIEW_H

#include "tools/cli/cli.h"
#include "tools/cli/reply.h"
#include "tools/cli/table.h"

#define CLI_NOTE_MAX 512

/* "exit 1", "killed by signal 9", with the reason behind it; "" for null. */
char *cli_view_exit(struct cli_value exit, char *out, size_t size);

/* What is to be said of a run: its own note while it is well, the reason and what comes next if
 * not. */
char *cli_view_note(struct cli_value run, char *out, size_t size);

/* Where a record is: "stored on 3 nodes", or "in the memory of 2 nodes". */
char *cli_view_kept(struct cli_value record, long long copies, char *out, size_t size);

/* True for a run that holds or wants a place. */
bool cli_view_is_live(struct cli_value run);

/* The table of `ps`, one row for each run; `cli_table_print` and `cli_table_close` are the
 * caller's. */
struct cli_table *cli_view_runs_open(const struct cli_term *term);
void cli_view_runs_add(struct cli_table *table, struct cli_value run);

/* "label     text" of a page of facts; nothing when the text is NULL or "". */
void cli_view_fact(const char *label, const char *format, ...) MUSTER_PRINTF(2, 3);

#endif
