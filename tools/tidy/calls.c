/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that a room, or the whole house, does without. */
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

static bool scope_holds(enum tidy_scope scope, const struct tidy_room *room)
{
    switch (scope) {
    case TIDY_EVERYWHERE:
        return true;
    case TIDY_IN_PURE:
        return room != NULL && room->pure;
    case TIDY_IN_TIMELESS:
        return room != NULL && (strcmp(room->name, "unit") == 0 || strcmp(room->name, "sim") == 0);
    }
    return false;
}

/* A word before '(' is a call unless it names a field, or a type stands before it (a declaration).
 */
static bool is_call(const struct tidy_source *s, size_t at)
{
    if (s->tokens[at].kind != TIDY_WORD || at + 1 >= s->count ||
        !tidy_token_is(&s->tokens[at + 1], "(")) {
        return false;
    }
    if (at == 0) {
        return true;
    }
    const struct tidy_token *before = &s->tokens[at - 1];
    if (tidy_token_is(before, ".") || tidy_token_is(before, "->")) {
        return false;
    }
    return before->kind != TIDY_WORD || tidy_token_is(before, "return") ||
           tidy_token_is(before, "else") || tidy_token_is(before, "do");
}

void tidy_called(struct tidy *t, const struct tidy_source *s)
{
    const struct tidy_room *room = tidy_room_of(s->path);
    for (size_t i = 0; i < s->count; i++) {
        if (!is_call(s, i)) {
            continue;
        }
        for (const struct tidy_call *c = tidy_calls; c->name != NULL; c++) {
            if (tidy_token_is(&s->tokens[i], c->name) && scope_holds(c->scope, room)) {
                tidy_report(t, s, s->tokens[i].line, "calls", c->name, c->why);
            }
        }
    }
}
