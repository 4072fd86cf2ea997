/* SPDX-License-Identifier: Apache-2.0 */
/* Prints faults, and holds the exceptions against them. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/tidy/rules.h"

bool tidy_exists(const struct tidy *t, const char *path)
{
    char whole[TIDY_PATH_MAX * 2];
    int len = snprintf(whole, sizeof whole, "%s/%s", t->root, path);
    return len < (int)sizeof whole && access(whole, F_OK) == 0;
}

static bool is_excepted(struct tidy *t, const char *path, const char *rule, const char *what)
{
    for (size_t i = 0; tidy_exceptions[i].where != NULL; i++) {
        const struct tidy_exception *e = &tidy_exceptions[i];
        if (tidy_path_in(path, e->where) && strcmp(rule, e->rule) == 0 &&
            tidy_has_word(e->what, strlen(e->what), what)) {
            t->exception_used[i] = true;
            return true;
        }
    }
    return false;
}

void tidy_report(struct tidy *t, const struct tidy_source *s, unsigned line, const char *rule,
                 const char *what, const char *sentence)
{
    if (!is_excepted(t, s->path, rule, what)) {
        printf("%s:%u: %s: %s %s\n", s->path, line, rule, what, sentence);
        t->faults++;
    }
}

void tidy_exceptions_check(struct tidy *t)
{
    for (size_t i = 0; tidy_exceptions[i].where != NULL; i++) {
        const struct tidy_exception *e = &tidy_exceptions[i];
        if (!t->exception_used[i]) {
            printf("tools/tidy/exceptions.c:1: exceptions: %s for %s is no longer needed\n",
                   e->what, e->where);
            t->faults++;
        }
    }
}
