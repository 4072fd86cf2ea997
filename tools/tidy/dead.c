/* SPDX-License-Identifier: Apache-2.0 */
/* Files that nobody builds or includes. */
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

static bool is_included(const struct tidy *t, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < t->count; i++) {
        const struct tidy_source *s = &t->sources[i];
        for (size_t k = 0; k < s->count; k++) {
            const struct tidy_token *token = &s->tokens[k];
            if (token->kind == TIDY_INCLUDE && token->len == len + 2 &&
                memcmp(token->text + 1, path, len) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path);
    return len >= strlen(end) && strcmp(path + len - strlen(end), end) == 0;
}

/* The Makefile finds sources by their folder; these are its rules once more. */
static bool is_built(const char *path)
{
    const struct tidy_room *room = tidy_room_of(path);
    if (room == NULL) {
        return false;
    }
    if (strcmp(room->name, "fuzz") == 0) {
        return ends_with(path, "_fuzz.c") || ends_with(path, "/replay.c");
    }
    /* A room that is a folder is built from the files in it, not from folders below. */
    size_t len = strlen(room->where);
    return room->where[len - 1] != '/' || strchr(path + len, '/') == NULL;
}

void tidy_dead(struct tidy *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct tidy_source *s = &t->sources[i];
        if (s->is_header && !is_included(t, s->path)) {
            tidy_report(t, s, 1, "dead", s->path, "is included by nobody");
        } else if (s->is_c && !s->is_header && !is_built(s->path)) {
            tidy_report(t, s, 1, "dead", s->path, "is built by no rule of the Makefile");
        }
    }
}
