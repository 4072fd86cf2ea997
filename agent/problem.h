/* Problem: what is wrong with a document a person or a client gave us, where, and what to do about
 * it.
 *
 * One sentence each. A decoder keeps its first problem and stops there: a list of twenty errors
 * that all follow from one missing quote helps nobody.
 *
 * units    line and column count from 1; 0 means the place is not known (values in JSON)
 * memory   held by value; texts longer than their field are cut at a character, never overrun
 * threads  any
 */
#ifndef MUSTER_AGENT_PROBLEM_H
#define MUSTER_AGENT_PROBLEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define AGENT_PROBLEM_FIELD 96  /* bytes with the NUL */
#define AGENT_PROBLEM_TEXT  256 /* bytes with the NUL */
#define AGENT_PROBLEM_LINE  512 /* bytes a printed problem needs at most, with file and place */

struct agent_problem {
    int err; /* MUSTER_OK while there is none; else what the decoder returned */
    char field
        [AGENT_PROBLEM_FIELD]; /* path of the field, "backoff.first"; "" for the whole document */
    uint32_t line;
    uint32_t column;
    char message[AGENT_PROBLEM_TEXT]; /* "missing; say exec: [program, args] or shell: \"line\"" */
};

void agent_problem_clear(struct agent_problem *p);

/* Fills in a problem and returns `err`: a decoder says `return agent_problem_set(...)`. */
int agent_problem_set(struct agent_problem *p, int err, const char *field, uint32_t line,
                      uint32_t column, const char *format, ...) MUSTER_PRINTF(6, 7);

/* "FILE:LINE:COLUMN: FIELD: MESSAGE" without the parts that are not known; `file` may be NULL. At
 * most AGENT_PROBLEM_LINE bytes; returns `out`. */
char *agent_problem_text(const struct agent_problem *p, const char *file, char *out, size_t size);

/* The known word nearest to `word` when it is near enough to be a slip of the finger, else NULL.
 * `words` ends with NULL. */
const char *agent_problem_nearest(const char *word, const char *const *words);

#endif
