/* SPDX-License-Identifier: Apache-2.0 */
/* How a file opens: a source with its licence and purpose, a header with its contract. */
#include <stdio.h>
#include <string.h>

#include "tools/tidy/rules.h"

static const char licence[] = "/* SPDX-License-Identifier: Apache-2.0 */";

static void source_check(struct tidy *t, const struct tidy_source *s)
{
    if (s->count == 0 || s->tokens[0].line != 1 || !tidy_token_is(&s->tokens[0], licence)) {
        tidy_report(t, s, 1, "opening", "the first line", "is not the SPDX licence line");
    }
    const struct tidy_token *purpose = s->count > 1 ? &s->tokens[1] : NULL;
    if (purpose == NULL || purpose->kind != TIDY_COMMENT || purpose->line != 2 ||
        memchr(purpose->text, '.', purpose->len) == NULL) {
        tidy_report(t, s, 2, "opening", "the second line", "does not begin a sentence of purpose");
    }
}

/* True if an identifier of the header ends in one of two ways. */
static bool names_end_in(const struct tidy_source *s, const char *one, const char *other)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct tidy_token *w = &s->tokens[i];
        size_t a = strlen(one);
        size_t b = strlen(other);
        if (w->kind == TIDY_WORD && ((w->len > a && memcmp(w->text + w->len - a, one, a) == 0) ||
                                     (w->len > b && memcmp(w->text + w->len - b, other, b) == 0))) {
            return true;
        }
    }
    return false;
}

/* The contract says who may use it from where, who owns the memory where something is opened and
 * closed, and in what unit a time is given. */
static void contract_check(struct tidy *t, const struct tidy_source *s)
{
    const struct tidy_token *c = s->count > 0 ? &s->tokens[0] : NULL;
    if (c == NULL || c->kind != TIDY_COMMENT || c->line != 1 ||
        memchr(c->text, ':', strcspn(c->text, "\n")) == NULL) {
        tidy_report(t, s, 1, "opening", "the header",
                    "does not open with its contract (Noun: what)");
        return;
    }
    if (strncmp(s->path, "tests/", 6) != 0 && !tidy_has_word(c->text, c->len, "threads")) {
        tidy_report(t, s, 1, "opening", "the contract", "does not say which threads");
    }
    if (names_end_in(s, "_open", "_close") && !tidy_has_word(c->text, c->len, "memory")) {
        tidy_report(t, s, 1, "opening", "the contract", "does not say whose memory");
    }
    if (names_end_in(s, "_ms", "_us") && !tidy_has_word(c->text, c->len, "units")) {
        tidy_report(t, s, 1, "opening", "the contract", "does not say which units");
    }
}

void tidy_opening(struct tidy *t, const struct tidy_source *s)
{
    if (s->is_header) {
        contract_check(t, s);
    } else {
        source_check(t, s);
    }
}
