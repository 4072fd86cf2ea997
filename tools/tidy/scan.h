/* Scan: a source file as tokens with their lines, comments and strings told apart from code.
 *
 * Not a compiler: it knows just enough of C to see what is called, included, declared at file scope
 * and written in comments, and to find the ends of functions.
 *
 * memory   tidy_source_open reads the whole file and owns it; tokens point into it until the close
 * errors   tidy_source_open is false when the file cannot be read
 * threads  any
 */
#ifndef MUSTER_TOOLS_TIDY_SCAN_H
#define MUSTER_TOOLS_TIDY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define TIDY_PATH_MAX 256 /* bytes of a path below the root, with its NUL */

enum tidy_kind {
    TIDY_WORD, /* identifier or keyword */
    TIDY_NUMBER,
    TIDY_STRING, /* also character constants */
    TIDY_PUNCT,  /* one byte, but "->" stays whole */
    TIDY_COMMENT,
    TIDY_INCLUDE /* "x" or <x>, with its delimiters */
};

struct tidy_token {
    const char *text;
    size_t len;
    unsigned line;
    enum tidy_kind kind;
    bool directive; /* part of a preprocessor line */
};

struct tidy_source {
    char path[TIDY_PATH_MAX]; /* below the root, without "./" */
    char *text;               /* NUL-terminated */
    size_t len;
    unsigned lines;
    bool is_c; /* .c or .h: has tokens; other files are text only */
    bool is_header;
    struct tidy_token *tokens;
    size_t count;
};

bool tidy_source_open(struct tidy_source *s, const char *root, const char *path);
void tidy_source_close(struct tidy_source *s);

bool tidy_token_is(const struct tidy_token *t, const char *text);
/* The next token at or after `from` that is code: neither comment nor preprocessor; count at the
 * end. */
size_t tidy_code_from(const struct tidy_source *s, size_t from);
/* True if `word` stands in `text` as a whole word. */
bool tidy_has_word(const char *text, size_t len, const char *word);
/* True if `path` is `pattern`, or lies below it when the pattern ends in '/'. */
bool tidy_path_is(const char *path, const char *pattern);
/* The same for any pattern of a list separated by blanks. */
bool tidy_path_in(const char *path, const char *patterns);

#endif
