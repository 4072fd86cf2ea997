/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a source file into tokens. */
#include "tools/tidy/scan.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (4u << 20) /* bytes; what is larger is no source of ours */

/* Where the scanner stands, and whether it is inside a preprocessor line. */
struct cursor {
    const char *at;
    const char *end;
    unsigned line;
    bool directive;
    bool line_start; /* only blanks since the line began */
};

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static char *file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(FILE_MAX + 1u);
    if (text != NULL) {
        *len = fread(text, 1, FILE_MAX, file);
        text[*len] = '\0';
        char *fitting = realloc(text, *len + 1);
        text = fitting != NULL ? fitting : text;
    }
    fclose(file);
    return text;
}

static void token_add(struct tidy_source *s, struct cursor *c, enum tidy_kind kind, size_t len)
{
    if ((s->count & (s->count - 1)) == 0) { /* a power of two is full: double */
        size_t room = s->count == 0 ? 1 : s->count * 2;
        struct tidy_token *grown = realloc(s->tokens, room * sizeof *grown);
        if (grown == NULL) {
            abort();
        }
        s->tokens = grown;
    }
    s->tokens[s->count++] = (struct tidy_token){
        .text = c->at, .len = len, .line = c->line, .kind = kind, .directive = c->directive
    };
    for (size_t i = 0; i < len; i++) {
        c->line += c->at[i] == '\n';
    }
    c->at += len;
    c->line_start = false;
}

static size_t comment_len(const struct cursor *c)
{
    const char *stop = c->at[1] == '*' ? strstr(c->at + 2, "*/") : strchr(c->at, '\n');
    if (stop == NULL) {
        return (size_t)(c->end - c->at);
    }
    return (size_t)(stop - c->at) + (c->at[1] == '*' ? 2u : 0u);
}

static size_t string_len(const struct cursor *c)
{
    char quote = *c->at;
    const char *p = c->at + 1;
    while (p < c->end && *p != quote && *p != '\n') {
        p += *p == '\\' && p + 1 < c->end ? 2 : 1;
    }
    return (size_t)(p - c->at) + (p < c->end && *p == quote ? 1u : 0u);
}

static size_t run_len(const struct cursor *c)
{
    const char *p = c->at;
    while (p < c->end && is_word_byte(*p)) {
        p++;
    }
    return (size_t)(p - c->at);
}

/* A '#' at the start of a line: what follows up to the line's end belongs to the preprocessor. */
static void directive_begin(struct tidy_source *s, struct cursor *c)
{
    c->directive = true;
    const char *p = c->at + 1;
    p += strspn(p, " \t");
    if (strncmp(p, "include", 7) != 0) {
        c->at++;
        return;
    }
    p += 7;
    p += strspn(p, " \t");
    c->at = p;
    size_t len = strcspn(p, "\r\n");
    const char *close = len > 1 ? memchr(p + 1, *p == '<' ? '>' : '"', len - 1) : NULL;
    if (close != NULL) {
        token_add(s, c, TIDY_INCLUDE, (size_t)(close - p) + 1);
    }
}

static void blank_skip(struct cursor *c)
{
    if (*c->at == '\n') {
        bool continued = c->directive && c->at[-1] == '\\';
        c->line++;
        c->directive = continued;
        c->line_start = !continued;
    }
    c->at++;
}

static void token_next(struct tidy_source *s, struct cursor *c)
{
    char byte = *c->at;
    if (isspace((unsigned char)byte) || byte == '\\') {
        blank_skip(c);
    } else if (byte == '/' && (c->at[1] == '*' || c->at[1] == '/')) {
        bool start = c->line_start;
        token_add(s, c, TIDY_COMMENT, comment_len(c));
        c->line_start = start;
    } else if (byte == '#' && c->line_start) {
        directive_begin(s, c);
    } else if (byte == '"' || byte == '\'') {
        token_add(s, c, TIDY_STRING, string_len(c));
    } else if (isdigit((unsigned char)byte)) {
        token_add(s, c, TIDY_NUMBER, run_len(c));
    } else if (is_word_byte(byte)) {
        token_add(s, c, TIDY_WORD, run_len(c));
    } else {
        token_add(s, c, TIDY_PUNCT, byte == '-' && c->at[1] == '>' ? 2 : 1);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t text_len = strlen(text);
    size_t end_len = strlen(end);
    return text_len >= end_len && strcmp(text + text_len - end_len, end) == 0;
}

bool tidy_source_open(struct tidy_source *s, const char *root, const char *path)
{
    char whole[TIDY_PATH_MAX * 2];
    *s = (struct tidy_source){ 0 };
    snprintf(s->path, sizeof s->path, "%s", path);
    snprintf(whole, sizeof whole, "%s/%s", root, path);
    s->text = file_read(whole, &s->len);
    if (s->text == NULL) {
        return false;
    }
    s->is_header = ends_with(path, ".h");
    s->is_c = s->is_header || ends_with(path, ".c");
    for (size_t i = 0; i < s->len; i++) {
        s->lines += s->text[i] == '\n';
    }
    struct cursor c = { .at = s->text, .end = s->text + s->len, .line = 1, .line_start = true };
    while (s->is_c && c.at < c.end) {
        token_next(s, &c);
    }
    return true;
}

void tidy_source_close(struct tidy_source *s)
{
    free(s->tokens);
    free(s->text);
    *s = (struct tidy_source){ 0 };
}

bool tidy_token_is(const struct tidy_token *t, const char *text)
{
    return strlen(text) == t->len && memcmp(t->text, text, t->len) == 0;
}

size_t tidy_code_from(const struct tidy_source *s, size_t from)
{
    while (from < s->count && (s->tokens[from].directive || s->tokens[from].kind == TIDY_COMMENT)) {
        from++;
    }
    return from;
}

bool tidy_has_word(const char *text, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i + word_len <= len; i++) {
        bool begins = i == 0 || !is_word_byte(text[i - 1]);
        bool ends = i + word_len == len || !is_word_byte(text[i + word_len]);
        if (begins && ends && memcmp(text + i, word, word_len) == 0) {
            return true;
        }
    }
    return false;
}

bool tidy_path_is(const char *path, const char *pattern)
{
    size_t len = strlen(pattern);
    return len > 0 && pattern[len - 1] == '/' ? strncmp(path, pattern, len) == 0
                                              : strcmp(path, pattern) == 0;
}

bool tidy_path_in(const char *path, const char *patterns)
{
    char one[TIDY_PATH_MAX];
    for (const char *p = patterns; *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len > 0 && len < sizeof one) {
            memcpy(one, p, len);
            one[len] = '\0';
            if (tidy_path_is(path, one)) {
                return true;
            }
        }
        p += len;
    }
    return false;
}
