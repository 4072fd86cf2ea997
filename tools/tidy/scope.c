/* SPDX-License-Identifier: Apache-2.0 */
/* File scope: how long functions and files are, typedefs, and variables that could change. */
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

#define FUNCTION_MAX 60
#define FILE_MAX     600

/* A reason stands in a comment of this form, inside the function or right above it; for a whole
 * file in its first lines. */
static const char excuse[] = "tidy: wall, because";
#define EXCUSE_ABOVE 3

/* A run of code tokens at file scope: a declaration, or a function with its body. */
struct piece {
    size_t begin, end; /* tokens; `end` is the ';' or the last '}' */
    size_t body;       /* the '{' of a function's body, or 0 */
    const char *name;  /* of a function: the word before its first '(' */
    size_t name_len;
};

static bool has_excuse(const struct tidy_source *s, unsigned from, unsigned to)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *c = &s->tokens[i];
        if (c->kind == TIDY_COMMENT && c->line >= from && c->line <= to &&
            tidy_has_word(c->text, c->len, excuse)) {
            return true;
        }
    }
    return false;
}

static void wall_check(struct tidy *t, const struct tidy_source *s, unsigned from, unsigned to,
                       unsigned max, const char *what)
{
    unsigned first = from > EXCUSE_ABOVE ? from - EXCUSE_ABOVE : 1;
    if (to - from + 1 <= max) {
        return;
    }
    if (has_excuse(s, first, max == FILE_MAX ? first + EXCUSE_ABOVE : to)) {
        t->broken_walls++;
        return;
    }
    char sentence[64];
    snprintf(sentence, sizeof sentence, "has %u lines; %u is the wall", to - from + 1, max);
    tidy_report(t, s, from, "walls", what, sentence);
}

/* True if the declaration between two tokens leaves something that can be assigned: no const, or
 * none behind the last '*'. */
static bool is_changeable(const struct tidy_source *s, size_t begin, size_t end)
{
    bool fixed = false;
    for (size_t i = tidy_code_from(s, begin); i < end; i = tidy_code_from(s, i + 1)) {
        const struct tidy_token *w = &s->tokens[i];
        if (tidy_token_is(w, "=") || tidy_token_is(w, "[")) {
            break;
        }
        if (tidy_token_is(w, "*")) {
            fixed = false;
        } else if (tidy_token_is(w, "const")) {
            fixed = true;
        }
    }
    return !fixed;
}

/* The name a declaration gives: the last word before '=', '[' or its end. */
static void declared_name(const struct tidy_source *s, size_t begin, size_t end, char *out,
                          size_t size)
{
    snprintf(out, size, "?");
    for (size_t i = tidy_code_from(s, begin); i < end; i = tidy_code_from(s, i + 1)) {
        const struct tidy_token *w = &s->tokens[i];
        if (tidy_token_is(w, "=") || tidy_token_is(w, "[")) {
            return;
        }
        if (w->kind == TIDY_WORD) {
            snprintf(out, size, "%.*s", (int)w->len, w->text);
        }
    }
}

static void variable_check(struct tidy *t, const struct tidy_source *s, size_t begin, size_t end)
{
    const struct tidy_room *room = tidy_room_of(s->path);
    char name[64];
    if (room == NULL || !is_changeable(s, begin, end) || strncmp(s->path, "tests/", 6) == 0) {
        return;
    }
    declared_name(s, begin, end, name, sizeof name);
    tidy_report(t, s, s->tokens[begin].line, "globals", name,
                "is a variable outside any function's frame; a thousand nodes fit in one process");
}

static void statics_check(struct tidy *t, const struct tidy_source *s, const struct piece *p)
{
    for (size_t i = p->body; i < p->end; i++) {
        if (s->tokens[i].kind != TIDY_WORD || !tidy_token_is(&s->tokens[i], "static")) {
            continue;
        }
        size_t end = i;
        while (end < p->end && !tidy_token_is(&s->tokens[end], ";") &&
               !tidy_token_is(&s->tokens[end], "{")) {
            end++;
        }
        variable_check(t, s, i, end);
    }
}

/* A declaration is a variable if it is none of the things that declare no storage. */
static bool is_variable(const struct tidy_source *s, const struct piece *p)
{
    size_t words = 0;
    for (size_t i = tidy_code_from(s, p->begin); i < p->end; i = tidy_code_from(s, i + 1)) {
        const struct tidy_token *w = &s->tokens[i];
        if (tidy_token_is(w, "=") || tidy_token_is(w, "[")) {
            return words > 1;
        }
        size_t next = tidy_code_from(s, i + 1);
        if (tidy_token_is(w, "(")) {
            return next < p->end && tidy_token_is(&s->tokens[next], "*");
        }
        if (tidy_token_is(w, "}") && next >= p->end) {
            return false;
        }
        if (tidy_token_is(w, "{")) {
            while (i < p->end && !tidy_token_is(&s->tokens[i], "}")) {
                i++;
            }
            words += i + 1 < p->end;
        }
        bool tag = tidy_token_is(w, "struct") || tidy_token_is(w, "enum") ||
                   tidy_token_is(w, "union") || tidy_token_is(w, "extern");
        words += w->kind == TIDY_WORD && !tag;
    }
    return words > 1;
}

static void piece_check(struct tidy *t, const struct tidy_source *s, const struct piece *p)
{
    const struct tidy_token *first = &s->tokens[p->begin];
    if (p->body != 0) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)p->name_len, p->name);
        wall_check(t, s, first->line, s->tokens[p->end].line, FUNCTION_MAX, name);
        statics_check(t, s, p);
    } else if (tidy_token_is(first, "typedef")) {
        tidy_report(t, s, first->line, "typedefs", "typedef", "hides what a thing is");
    } else if (!tidy_token_is(first, "_Static_assert") && is_variable(s, p)) {
        variable_check(t, s, p->begin, p->end);
    }
}

static size_t brace_close(const struct tidy_source *s, size_t open)
{
    unsigned depth = 0;
    size_t i = open;
    for (; i < s->count; i = tidy_code_from(s, i + 1)) {
        if (s->tokens[i].kind != TIDY_PUNCT) {
            continue;
        }
        if (tidy_token_is(&s->tokens[i], "{")) {
            depth++;
        } else if (tidy_token_is(&s->tokens[i], "}") && --depth == 0) {
            return i;
        }
    }
    return i;
}

/* Reads one piece that begins at `p->begin`; false when the file ends before it does. */
static bool piece_read(const struct tidy_source *s, struct piece *p)
{
    size_t before = p->begin;
    for (size_t i = p->begin; i < s->count; before = i, i = tidy_code_from(s, i + 1)) {
        const struct tidy_token *w = &s->tokens[i];
        if (w->kind != TIDY_PUNCT) {
            continue;
        }
        if (tidy_token_is(w, "(") && p->name == NULL) {
            p->name = s->tokens[before].text;
            p->name_len = s->tokens[before].len;
        } else if (tidy_token_is(w, ";")) {
            p->end = i;
            return true;
        } else if (tidy_token_is(w, "{")) {
            size_t close = brace_close(s, i);
            if (close < s->count && tidy_token_is(&s->tokens[before], ")")) {
                p->body = i;
                p->end = close;
                return true;
            }
            i = close < s->count ? close : i;
        }
    }
    return false;
}

void tidy_scope(struct tidy *t, const struct tidy_source *s)
{
    wall_check(t, s, 1, s->lines, FILE_MAX, "the file");
    struct piece p = { .begin = tidy_code_from(s, 0) };
    while (p.begin < s->count && piece_read(s, &p)) {
        piece_check(t, s, &p);
        p = (struct piece){ .begin = tidy_code_from(s, p.end + 1) };
    }
}
