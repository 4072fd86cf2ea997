/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that a header offers and nobody takes. */
#include <ctype.h>
#include <string.h>

#include "tools/tidy/rules.h"

/* What only unit tests and fuzz targets call is dead all the same; the simulator is a true user. */
static const char no_users[] = "tests/unit/ tests/fuzz/";

static bool is(const struct tidy_source *s, size_t at, const char *text)
{
    return at < s->count && tidy_token_is(&s->tokens[at], text);
}

/* The index of the ')' that closes the '(' at `open`. */
static size_t paren_close(const struct tidy_source *s, size_t open)
{
    unsigned depth = 0;
    size_t i = open;
    for (; i < s->count; i++) {
        depth += is(s, i, "(");
        if (is(s, i, ")") && --depth == 0) {
            break;
        }
    }
    return i;
}

/* A word with its type before it and a body behind its arguments. */
static bool is_definition(const struct tidy_source *s, size_t at)
{
    bool typed = at > 0 && (s->tokens[at - 1].kind == TIDY_WORD || is(s, at - 1, "*"));
    return typed && is(s, at + 1, "(") && is(s, tidy_code_from(s, paren_close(s, at + 1) + 1), "{");
}

/* True if the source names the function and is not the one that writes it. */
static bool uses(const struct tidy_source *s, const struct tidy_token *name)
{
    bool named = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *w = &s->tokens[i];
        if (w->kind == TIDY_WORD && w->len == name->len &&
            memcmp(w->text, name->text, w->len) == 0) {
            if (is_definition(s, i)) {
                return false;
            }
            named = true;
        }
    }
    return named;
}

/* An inline function or a macro of the same header may name it once more. */
static bool is_named_twice(const struct tidy_source *s, const struct tidy_token *name)
{
    unsigned times = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *w = &s->tokens[i];
        times +=
            w->kind == TIDY_WORD && w->len == name->len && memcmp(w->text, name->text, w->len) == 0;
    }
    return times > 1;
}

static bool is_used(const struct tidy *t, const struct tidy_source *header,
                    const struct tidy_token *name)
{
    if (is_named_twice(header, name)) {
        return true;
    }
    for (size_t i = 0; i < t->count; i++) {
        const struct tidy_source *s = &t->sources[i];
        if (s != header && !tidy_path_in(s->path, no_users) && uses(s, name)) {
            return true;
        }
    }
    return false;
}

/* Walks what stands at file scope of a header; `at` moves to the next function it declares. */
static bool declaration_next(const struct tidy_source *s, size_t *at)
{
    unsigned depth = 0;
    for (size_t i = tidy_code_from(s, *at); i < s->count; i = tidy_code_from(s, i + 1)) {
        const struct tidy_token *w = &s->tokens[i];
        depth += tidy_token_is(w, "{") || tidy_token_is(w, "(");
        depth -= (tidy_token_is(w, "}") || tidy_token_is(w, ")")) && depth > 0;
        bool typed = i > 0 && (s->tokens[i - 1].kind == TIDY_WORD || is(s, i - 1, "*"));
        if (depth == 0 && typed && w->kind == TIDY_WORD && islower((unsigned char)w->text[0]) &&
            is(s, i + 1, "(")) {
            *at = i;
            return true;
        }
    }
    return false;
}

void tidy_unused(struct tidy *t, const struct tidy_source *s)
{
    if (!s->is_header || strncmp(s->path, "tests/", 6) == 0) {
        return;
    }
    for (size_t at = 0; declaration_next(s, &at); at++) {
        const struct tidy_token *name = &s->tokens[at];
        if (!is_used(t, s, name)) {
            char text[128];
            size_t len = name->len < sizeof text ? name->len : sizeof text - 1;
            memcpy(text, name->text, len);
            text[len] = '\0';
            tidy_report(t, s, name->line, "unused", text,
                        "is called by nobody but its own file and its tests");
        }
    }
}
