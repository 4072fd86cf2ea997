/* SPDX-License-Identifier: Apache-2.0 */
/* Includes: stairs go down only, every neighbour has one door, pure rooms have no windows. */
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

static bool list_has(const char *names, const char *name)
{
    return tidy_has_word(names, strlen(names), name);
}

/* A unit test may name its own floor and what that floor may name; its file name says which it is.
 */
static bool unit_may(const char *path, const char *room)
{
    const char *name = path + strlen("tests/unit/");
    const struct tidy_room *tested = tidy_room_named(name, strcspn(name, "_."));
    return tested != NULL && (strcmp(tested->name, room) == 0 || list_has(tested->may, room));
}

static void stairs_check(struct tidy *t, const struct tidy_source *s, unsigned line,
                         const char *header)
{
    const struct tidy_room *from = tidy_room_of(s->path);
    const struct tidy_room *to = tidy_room_of(header);
    if (strchr(header, '/') == NULL) {
        tidy_report(t, s, line, "stairs", header, "is included without its full path");
    } else if (to == NULL) {
        tidy_report(t, s, line, "stairs", header, "lies in no room");
    } else if (from != NULL && !list_has(from->may, to->name) &&
               !(strcmp(from->name, "unit") == 0 && unit_may(s->path, to->name))) {
        tidy_report(t, s, line, "stairs", header, "is not below this room");
    }
}

static void door_check(struct tidy *t, const struct tidy_source *s, unsigned line,
                       const char *header)
{
    for (const struct tidy_door *d = tidy_doors; d->header != NULL; d++) {
        if (strncmp(header, d->header, strlen(d->header)) == 0) {
            if (!tidy_path_in(s->path, d->where)) {
                char sentence[TIDY_PATH_MAX];
                snprintf(sentence, sizeof sentence, "has its door in %s", d->where);
                tidy_report(t, s, line, "doors", header, sentence);
            }
            return;
        }
    }
    const struct tidy_room *room = tidy_room_of(s->path);
    if (room == NULL || !room->pure) {
        return;
    }
    for (const char *const *allowed = tidy_pure_headers; *allowed != NULL; allowed++) {
        if (strcmp(*allowed, header) == 0) {
            return;
        }
    }
    tidy_report(t, s, line, "windows", header, "is a window, and a pure room has none");
}

void tidy_includes(struct tidy *t, const struct tidy_source *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *token = &s->tokens[i];
        char header[TIDY_PATH_MAX];
        if (token->kind != TIDY_INCLUDE || token->len < 3 || token->len > sizeof header) {
            continue;
        }
        snprintf(header, sizeof header, "%.*s", (int)token->len - 2, token->text + 1);
        if (token->text[0] == '"') {
            stairs_check(t, s, token->line, header);
        } else {
            door_check(t, s, token->line, header);
        }
    }
}
