/* Rules: each walks one source, or all of them, and reports what it finds as `file:line: rule:
 * sentence`.
 *
 * memory   sources are borrowed; a report is printed at once and only counted
 * threads  one
 */
#ifndef MUSTER_TOOLS_TIDY_RULES_H
#define MUSTER_TOOLS_TIDY_RULES_H

#include "tools/tidy/house.h"
#include "tools/tidy/scan.h"

struct tidy {
    const char *root;
    const struct tidy_source *sources;
    size_t count;
    const struct tidy_source *invariants; /* docs/invariants.md, or NULL while there is none */
    unsigned faults;
    unsigned broken_walls; /* with a reason given in a comment */
    bool exception_used[TIDY_EXCEPTIONS_MAX];
};

/* Counts and prints a fault, unless the exceptions name it; `what` is the word it is about. */
void tidy_report(struct tidy *t, const struct tidy_source *s, unsigned line, const char *rule,
                 const char *what, const char *sentence);
/* True if there is a file of that path below the root. */
bool tidy_exists(const struct tidy *t, const char *path);
/* Exceptions that nothing needed. */
void tidy_exceptions_check(struct tidy *t);

void tidy_includes(struct tidy *t, const struct tidy_source *s); /* stairs, doors, windows */
void tidy_called(struct tidy *t, const struct tidy_source *s);   /* forbidden calls */
void tidy_opening(struct tidy *t, const struct tidy_source *s);  /* licence, purpose, contract */
void tidy_scope(struct tidy *t, const struct tidy_source *s);    /* walls, typedefs, variables */
void tidy_text(struct tidy *t, const struct tidy_source *s);     /* long lines, unfinished words */
void tidy_numbers(struct tidy *t,
                  const struct tidy_source *s); /* cited invariants and pages exist */
void tidy_dead(struct tidy *t);                 /* files that nobody uses */
void tidy_cited(struct tidy *t);                /* rules that nobody checks */
void tidy_unused(struct tidy *t, const struct tidy_source *s); /* functions likewise */

#endif
