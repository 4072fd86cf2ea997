/* SPDX-License-Identifier: Apache-2.0 */
/* Problems as sentences: where, what, and the word that was probably meant. */
#include "agent/problem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PROBLEM_WORD_MAX 40 /* longer words are not compared: nobody's finger slips that far */

void agent_problem_clear(struct agent_problem *p)
{
    memset(p, 0, sizeof *p);
}

/* Makes a text safe to print: it may quote what a stranger sent, and must neither command a
 * terminal nor end in half a character after it was cut. */
static void text_tame(char *text, bool was_cut)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
    }
    if (!was_cut)
        return;
    size_t end = len;
    while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && ((unsigned char)text[end - 1] & 0x80) != 0)
        end--;
    text[((unsigned char)text[len - 1] & 0x80) != 0 ? end : len] = '\0';
}

int agent_problem_set(struct agent_problem *p, int err, const char *field, uint32_t line,
                      uint32_t column, const char *format, ...)
{
    MUSTER_ASSERT(err != MUSTER_OK);
    p->err = err;
    p->line = line;
    p->column = column;
    int n = snprintf(p->field, sizeof p->field, "%s", field == NULL ? "" : field);
    text_tame(p->field, n >= (int)sizeof p->field);

    va_list args;
    va_start(args, format);
    n = vsnprintf(p->message, sizeof p->message, format, args);
    va_end(args);
    text_tame(p->message, n >= (int)sizeof p->message);
    return err;
}

char *agent_problem_text(const struct agent_problem *p, const char *file, char *out, size_t size)
{
    char place[32] = "";
    if (p->line != 0 && p->column != 0)
        (void)snprintf(place, sizeof place, "%u:%u: ", p->line, p->column);
    else if (p->line != 0)
        (void)snprintf(place, sizeof place, "%u: ", p->line);
    else if (file != NULL)
        (void)snprintf(place, sizeof place, " ");
    (void)snprintf(out, size, "%s%s%s%s%s%s", file == NULL ? "" : file, file == NULL ? "" : ":",
                   place, p->field, p->field[0] == '\0' ? "" : ": ", p->message);
    return out;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Slips between two words: letters put in, left out, mistaken, or two swapped (Damerau's distance
 * in its simple form). */
static unsigned word_slips(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[3][PROBLEM_WORD_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = row[i % 3];
        const unsigned *above = row[(i + 2) % 3];
        const unsigned *before = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned mistaken = above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
            now[j] = least(mistaken, least(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[a_len % 3][b_len];
}

const char *agent_problem_nearest(const char *word, const char *const *words)
{
    size_t len = strlen(word);
    if (len < 2 || len > PROBLEM_WORD_MAX)
        return NULL;
    unsigned allowed = len <= 3 ? 1 : len <= 7 ? 2 : 3;
    const char *nearest = NULL;
    for (; *words != NULL; words++) {
        size_t other = strlen(*words);
        if (other > PROBLEM_WORD_MAX)
            continue;
        unsigned slips = word_slips(word, len, *words, other);
        if (slips < allowed + 1 && slips < other) {
            nearest = *words;
            allowed = slips == 0 ? 0 : slips - 1;
        }
        if (slips == 0)
            break;
    }
    return nearest;
}
