/* SPDX-License-Identifier: Apache-2.0 */
/* Promises nobody holds the code to: rules and invariants that no test and no checker cites. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

static const char rule[] = "cited";

/* A number is told where a line begins with it in bold: **R12**, **I3**. */
static bool told_here(const char *line, char *number, size_t size)
{
    size_t len = strcspn(line, "\n");
    if (len < 6 || strncmp(line, "**", 2) != 0 || (line[2] != 'R' && line[2] != 'I')) {
        return false;
    }
    size_t digits = strspn(line + 3, "0123456789");
    if (digits == 0 || digits + 2 > size || strncmp(line + 3 + digits, "**", 2) != 0) {
        return false;
    }
    snprintf(number, size, "%.*s", (int)(digits + 1), line + 2);
    return true;
}

static bool is_cited(const struct tidy *t, const char *number)
{
    char whole[24]; /* INV-7 is I7 */
    snprintf(whole, sizeof whole, "INV-%s", number + 1);
    for (size_t i = 0; i < t->count; i++) {
        const struct tidy_source *s = &t->sources[i];
        bool is_test = tidy_path_is(s->path, "tests/");
        if (is_test && (tidy_has_word(s->text, s->len, number) ||
                        (*number == 'I' && tidy_has_word(s->text, s->len, whole)))) {
            return true;
        }
    }
    return false;
}

static bool is_excused(const char *number)
{
    for (const struct tidy_exception *e = tidy_exceptions; e->where != NULL; e++) {
        if (strcmp(e->rule, rule) == 0 && tidy_has_word(e->what, strlen(e->what), number)) {
            return true;
        }
    }
    return false;
}

/* The list of excuses can only shrink: who writes the test strikes the number. */
void tidy_cited(struct tidy *t)
{
    char number[16];
    unsigned line = 1;
    for (const char *p = t->invariants->text; *p != '\0'; line++) {
        if (told_here(p, number, sizeof number)) {
            if (!is_cited(t, number)) {
                tidy_report(t, t->invariants, line, rule, number,
                            "is cited by no test and no checker");
            } else if (is_excused(number)) {
                tidy_report(t, t->invariants, line, "excuse", number,
                            "is cited now: strike it from tools/tidy/exceptions.c");
            }
        }
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
}
