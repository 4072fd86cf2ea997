/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no understanding of C: long lines, long files, words of unfinished work, cited
 * numbers. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

#define COLUMNS_MAX 100

static const char *const unfinished[] = {
    "TODO",         "FIXME",           "XXX",           "HACK", "stub", "stubbed", "placeholder",
    "placeholders", "not implemented", "unimplemented", NULL,
};

/* A byte that continues a UTF-8 character takes no column of its own. */
static unsigned columns(const char *line, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        n += ((unsigned char)line[i] & 0xc0u) != 0x80u;
    }
    return n;
}

static void unfinished_check(struct tidy *t, const struct tidy_source *s, unsigned line,
                             const char *text, size_t len)
{
    for (const char *const *word = unfinished; *word != NULL; word++) {
        if (tidy_has_word(text, len, *word)) {
            tidy_report(t, s, line, "words", *word,
                        "marks unfinished work: do it, or say it plainly");
        }
    }
}

void tidy_text(struct tidy *t, const struct tidy_source *s)
{
    unsigned line = 1;
    for (const char *p = s->text; p < s->text + s->len; line++) {
        size_t len = strcspn(p, "\n");
        if (columns(p, len) > COLUMNS_MAX) {
            tidy_report(t, s, line, "walls", "a line", "is longer than 100 columns");
        }
        if (!s->is_c) {
            unfinished_check(t, s, line, p, len);
        }
        p += len + (p[len] == '\n');
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *c = &s->tokens[i];
        if (c->kind == TIDY_COMMENT) {
            unfinished_check(t, s, c->line, c->text, c->len);
        }
    }
}

/* Length of a number of the consistency page that begins at `p`: INV-7, I3 or R42; otherwise 0. */
static size_t cited_len(const char *p, const char *end)
{
    size_t head = strncmp(p, "INV-", 4) == 0 ? 4 : *p == 'I' || *p == 'R' ? 1 : 0;
    size_t len = head;
    while (head > 0 && p + len < end && isdigit((unsigned char)p[len])) {
        len++;
    }
    bool whole = p + len == end || (!isalnum((unsigned char)p[len]) && p[len] != '_');
    return len > head && whole ? len : 0;
}

static void comment_cites(struct tidy *t, const struct tidy_source *s, const struct tidy_token *c)
{
    const char *end = c->text + c->len;
    for (const char *p = c->text; p < end; p++) {
        size_t len = cited_len(p, end);
        bool begins = p == c->text || (!isalnum((unsigned char)p[-1]) && p[-1] != '_');
        char number[16];
        if (len == 0 || !begins || len >= sizeof number) {
            continue;
        }
        snprintf(number, sizeof number, "%.*s", (int)len, p);
        if (!tidy_has_word(t->invariants->text, t->invariants->len, number)) {
            tidy_report(t, s, c->line, "numbers", number, "is not told in docs/invariants.md");
        }
    }
}

/* A page that a comment sends its reader to, like docs/design.md, has to be there. */
static void pages_check(struct tidy *t, const struct tidy_source *s, const struct tidy_token *c)
{
    for (const char *p = c->text; p + 3 <= c->text + c->len; p++) {
        const char *begin = p;
        if (strncmp(p, ".md", 3) != 0 || isalnum((unsigned char)p[3])) {
            continue;
        }
        while (begin > c->text && (isalnum((unsigned char)begin[-1]) || strchr("-_/", begin[-1]))) {
            begin--;
        }
        char page[TIDY_PATH_MAX];
        snprintf(page, sizeof page, "%.*s", (int)(p + 3 - begin), begin);
        if (begin < p && !tidy_exists(t, page)) {
            tidy_report(t, s, c->line, "pages", page, "is no page of this house");
        }
    }
}

void tidy_numbers(struct tidy *t, const struct tidy_source *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->tokens[i].kind == TIDY_COMMENT) {
            pages_check(t, s, &s->tokens[i]);
        }
        if (s->tokens[i].kind == TIDY_COMMENT && t->invariants != NULL) {
            comment_cites(t, s, &s->tokens[i]);
        }
    }
}
