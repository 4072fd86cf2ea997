/* Term: the person's side of the program: is there a terminal, how wide, with colour; sentences for
 * standard error, a progress line, and text from strangers made safe to print.
 *
 * units    width in columns, 0 when output is not a terminal and nothing is cut
 * threads  one
 */
#ifndef MUSTER_CLI_TERM_H
#define MUSTER_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct cli_term {
    bool is_terminal;  /* standard output */
    bool has_color;    /* a terminal, and neither NO_COLOR nor TERM=dumb */
    bool has_progress; /* standard error is a terminal */
    int width;
    bool progress_stands; /* a progress line is on the screen */
};

void cli_term_init(struct cli_term *term);

/* The SGR colour name for a state word ("running", "dead", "suspect" ...), NULL for none. */
const char *cli_term_state_color(const struct cli_term *term, const char *state);

/* "muster: " and the sentence on standard error; control bytes are escaped. */
void cli_say(struct cli_term *term, const char *format, ...) MUSTER_PRINTF(2, 3);

/* Replaces the progress line; nothing without a terminal. cli_term_settle wipes it. */
void cli_term_progress(struct cli_term *term, const char *format, ...) MUSTER_PRINTF(2, 3);
void cli_term_settle(struct cli_term *term);

/* Writes text from the cluster with control bytes as \xNN, because a job's output and a node's tags
 * are strangers who might move the cursor or retitle the window. `keep_color` lets SGR sequences
 * by. */
void cli_print_safe(FILE *out, const char *text, size_t len, bool keep_color);

/* Columns of a terminal that a text takes; bytes where it is not text of this locale. */
size_t cli_text_width(const char *text);

/* Cuts the text to so many columns, the last of them an ellipsis. False when it may stay. */
bool cli_text_cut(const char *text, size_t width, char *out, size_t size);

/* printf to standard output, made safe the same way; a final newline stays one. */
void cli_print(const char *format, ...) MUSTER_PRINTF(1, 2);

/* How long ago an RFC 3339 time was, "4m10s", in at most two units; "-" for NULL or nonsense. Also
 * the time until it, when it lies ahead. */
char *cli_ago(const char *time, char *out, size_t size);
char *cli_until(const char *time, char *out, size_t size);

/* A steady clock in milliseconds, and a pause; the CLI is a shell and may look at clocks. */
long long cli_mono_ms(void);
void cli_pause_ms(long long ms);

#endif
