/* SPDX-License-Identifier: Apache-2.0 */
/* What the person at the other end of standard output can see, and sentences for them. */
#include "tools/cli/term.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096
#define CELL_WIDE      1024 /* characters that are measured */
#define ELLIPSIS       "…"
#define WIDTH_MIN      20
#define WIDTH_MAX      10000

static int term_width(int fd)
{
    const char *columns = getenv("COLUMNS");
    long width = columns != NULL ? strtol(columns, NULL, 10) : 0;
    struct winsize size = { 0 };
    if (width <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        width = 80;
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (int)width;
}

void cli_term_init(struct cli_term *term)
{
    const char *no_color = getenv("NO_COLOR");
    const char *name = getenv("TERM");
    /* Servers are often reached with LANG=C; names are ASCII but tags and notes need not be. */
    (void)setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    *term = (struct cli_term){ 0 };
    term->is_terminal = isatty(STDOUT_FILENO) == 1;
    term->has_progress = isatty(STDERR_FILENO) == 1;
    term->width = term->is_terminal ? term_width(STDOUT_FILENO) : 0;
    term->has_color = term->is_terminal && (no_color == NULL || no_color[0] == '\0') &&
                      name != NULL && strcmp(name, "dumb") != 0;
}

const char *cli_term_state_color(const struct cli_term *term, const char *state)
{
    static const struct {
        const char *state;
        const char *color;
    } colors[] = {
        { "running", "green" },  { "done", "green" },    { "alive", "green" },
        { "starting", "cyan" },  { "pending", "brown" }, { "backoff", "brown" },
        { "stopping", "brown" }, { "suspect", "brown" }, { "draining", "brown" },
        { "held", "brown" },     { "dead", "red" },      { "quarantined", "red" },
    };
    if (!term->has_color || state == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        if (strcmp(colors[i].state, state) == 0)
            return colors[i].color;
    return NULL;
}

/* Length of the SGR sequence at `text` ("ESC [ digits and ; m"), 0 when there is none. */
static size_t sgr_length(const char *text, size_t len)
{
    if (len < 3 || text[0] != '\033' || text[1] != '[')
        return 0;
    for (size_t i = 2; i < len && i < 32; i++) {
        if (text[i] == 'm')
            return i + 1;
        if (text[i] != ';' && (text[i] < '0' || text[i] > '9'))
            return 0;
    }
    return 0;
}

/* Bytes of the character at `text`; 0 for what is no UTF-8 or a control that a terminal obeys: C0
 * but the tab, DEL, and C1 (U+0080 to U+009F). */
static size_t harmless_length(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t bytes = c[0] < 0x80   ? 1
                   : c[0] < 0xc2 ? 0
                   : c[0] < 0xe0 ? 2
                   : c[0] < 0xf0 ? 3
                   : c[0] < 0xf5 ? 4
                                 : 0;
    if (bytes == 1)
        return (c[0] >= 0x20 && c[0] != 0x7f) || c[0] == '\t' ? 1 : 0;
    if (bytes == 0 || bytes > len || (c[0] == 0xc2 && c[1] < 0xa0))
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return bytes;
}

void cli_print_safe(FILE *out, const char *text, size_t len, bool keep_color)
{
    for (size_t i = 0; i < len;) {
        size_t step = harmless_length(text + i, len - i);
        if (step == 0 && keep_color)
            step = sgr_length(text + i, len - i);
        if (step > 0)
            (void)fwrite(text + i, 1, step, out);
        else
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)text[i]);
        i += step > 0 ? step : 1;
    }
}

size_t cli_text_width(const char *text)
{
    wchar_t wide[CELL_WIDE];
    size_t len = mbstowcs(wide, text, CELL_WIDE);
    int width = len == (size_t)-1 ? -1 : wcswidth(wide, len < CELL_WIDE ? len : CELL_WIDE);
    return width < 0 ? strlen(text) : (size_t)width;
}

bool cli_text_cut(const char *text, size_t width, char *out, size_t size)
{
    size_t used = 0;
    size_t at = 0;
    mbstate_t state = { 0 };
    if (cli_text_width(text) <= width || size < sizeof ELLIPSIS)
        return false;
    while (text[at] != '\0') {
        wchar_t one;
        size_t step = mbrtowc(&one, text + at, MB_CUR_MAX, &state);
        int columns = step == 0 || step > MB_CUR_MAX ? -1 : wcwidth(one);
        if (columns < 0) {
            memset(&state, 0, sizeof state);
            step = 1;
            columns = 1;
        }
        if (used + (size_t)columns + 1 > width || at + step + sizeof ELLIPSIS > size)
            break;
        memcpy(out + at, text + at, step);
        used += (size_t)columns;
        at += step;
    }
    memcpy(out + at, ELLIPSIS, sizeof ELLIPSIS);
    return true;
}

void cli_print(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list list;
    va_start(list, format);
    int wanted = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    size_t len = wanted < 0 ? 0 : strlen(line);
    bool ends = len > 0 && line[len - 1] == '\n';
    cli_print_safe(stdout, line, ends ? len - 1 : len, false);
    if (ends || (size_t)wanted >= sizeof line)
        fputc('\n', stdout);
}

void cli_say(struct cli_term *term, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    cli_term_settle(term);
    (void)fflush(stdout);
    fputs("muster: ", stderr);
    cli_print_safe(stderr, line, strlen(line), false);
    fputc('\n', stderr);
}

void cli_term_progress(struct cli_term *term, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    char cut[LINE_MAX_BYTES];
    if (!term->has_progress)
        return;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    /* A line that wraps could not be wiped again. */
    size_t room = (size_t)term_width(STDERR_FILENO) - 1;
    const char *shown = cli_text_cut(line, room, cut, sizeof cut) ? cut : line;
    fputs("\r\033[K", stderr);
    cli_print_safe(stderr, shown, strlen(shown), false);
    (void)fflush(stderr);
    term->progress_stands = true;
}

void cli_term_settle(struct cli_term *term)
{
    if (!term->progress_stands)
        return;
    fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    term->progress_stands = false;
}

static long long wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

long long cli_mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void cli_pause_ms(long long ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };
    (void)nanosleep(&pause, NULL);
}

/* Two units are enough to read: seconds go beyond an hour, minutes beyond a day. */
static char *span_text(long long ms, char *out, size_t size)
{
    long long s = ms < 0 ? 0 : ms / 1000;
    if (s >= 86400)
        s -= s % 3600;
    else if (s >= 3600)
        s -= s % 60;
    if (s == 0)
        muster_format(out, size, "0s");
    else
        (void)muster_duration_text((uint64_t)s * 1000, out, size);
    return out;
}

static char *span_from(const char *time, int sign, char *out, size_t size)
{
    uint64_t then = 0;
    if (time == NULL || muster_time_parse(&then, time) != MUSTER_OK)
        muster_format(out, size, "-");
    else
        (void)span_text(sign * (wall_ms() - (long long)then), out, size);
    return out;
}

char *cli_ago(const char *time, char *out, size_t size)
{
    return span_from(time, 1, out, size);
}

char *cli_until(const char *time, char *out, size_t size)
{
    return span_from(time, -1, out, size);
}
