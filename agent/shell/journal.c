/* SPDX-License-Identifier: Apache-2.0 */
/* One line at a time to standard error, without ever waiting for whoever reads it. */
#include "agent/shell/journal.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shell/net.h"
#include "base/text.h"

struct log_level {
    const char *upper, *lower;
    char journal; /* syslog's number */
};

static const struct log_level levels[] = {
    [AGENT_LOG_DEBUG] = { "DEBUG", "debug", '7' },
    [AGENT_LOG_INFO] = { "INFO", "info", '6' },
    [AGENT_LOG_WARN] = { "WARN", "warn", '4' },
    [AGENT_LOG_ERROR] = { "ERROR", "error", '3' },
};

/* The service manager says which file is its journal; ours is it unless somebody redirected us. */
static bool is_journal(int fd, const char *journal)
{
    unsigned long long device = 0, inode = 0;
    struct stat s;
    if (journal == NULL || sscanf(journal, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(fd, &s) == 0 && s.st_dev == device && s.st_ino == inode;
}

void shell_journal_open(struct shell_journal *j, int fd, const char *journal)
{
    *j = (struct shell_journal){ .level = AGENT_LOG_INFO, .fd = fd };
    j->is_journal = is_journal(fd, journal);
}

/* The bytes of the UTF-8 character at `text`, 0 when there is none. Surrogates and overlong forms
 * are none. */
static size_t utf8_len(const unsigned char *text)
{
    static const struct {
        unsigned char mask, head;
        uint32_t first;
    } forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (size_t i = 0; i < 3; i++) {
        if ((text[0] & forms[i].mask) != forms[i].head)
            continue;
        uint32_t code = text[0] & (unsigned char)~forms[i].mask;
        for (size_t k = 1; k <= i + 1; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text[k] & 0x3fu);
        }
        bool is_fit =
            code >= forms[i].first && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        return is_fit ? i + 2 : 0;
    }
    return 0;
}

/* Appends at most what fits; returns the new length. */
static size_t escape(char *out, size_t at, size_t size, const char *text, bool is_json)
{
    const unsigned char *in = (const unsigned char *)text;
    while (*in != '\0' && at + 8 < size) {
        size_t len = *in >= 0x80 ? utf8_len(in) : 1;
        bool is_special = is_json && (*in == '"' || *in == '\\');
        if (len == 0 || *in < 0x20 || *in == 0x7f) {
            /* In JSON the backslash of \xNN is doubled: it is text, not an escape. */
            at += (size_t)snprintf(out + at, size - at, "%s\\x%02x", is_json ? "\\" : "", *in);
            in++;
            continue;
        }
        if (is_special)
            out[at++] = '\\';
        memcpy(out + at, in, len);
        at += len;
        in += len;
    }
    return at;
}

static size_t line_make(const struct shell_journal *j, char *out, size_t size,
                        enum agent_log_level level, uint64_t wall_ms, const char *text)
{
    char time[MUSTER_TIME_TEXT];
    const struct log_level *l = &levels[level];
    const char *end = j->is_json ? "\"}\n" : "\n";
    size_t end_len = strlen(end);
    int n = 0;
    (void)muster_time_text(wall_ms, time);
    if (j->is_json)
        n = snprintf(out, size, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", time, l->lower);
    else if (j->is_journal)
        n = snprintf(out, size, "<%c>", l->journal);
    else
        n = snprintf(out, size, "%s %s ", time, l->upper);
    size_t at = escape(out, (size_t)n, size - end_len, text, j->is_json);
    memcpy(out + at, end, end_len);
    return at + end_len;
}

/* A pipe that polls as writable takes a line this short whole, so the write does not wait. */
static bool line_write(struct shell_journal *j, const char *line, size_t len)
{
    struct pollfd p = { .fd = j->fd, .events = POLLOUT };
    if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 &&
        write(j->fd, line, len) == (ssize_t)len)
        return true;
    j->lost++;
    return false;
}

void shell_journal_text(struct shell_journal *j, enum agent_log_level level, uint64_t wall_ms,
                        const char *text)
{
    char line[SHELL_JOURNAL_LINE], lost[64];
    if (level < j->level)
        return;
    size_t len = line_make(j, line, sizeof line, level, wall_ms, text);
    uint64_t lost_before = j->lost;
    if (!line_write(j, line, len) || lost_before == 0)
        return;
    (void)muster_format(lost, sizeof lost, "%llu lines before this one were lost",
                        (unsigned long long)lost_before);
    len = line_make(j, line, sizeof line, AGENT_LOG_WARN, wall_ms, lost);
    if (line_write(j, line, len))
        j->lost = 0;
}

void shell_journal(struct shell_journal *j, enum agent_log_level level, const char *format, ...)
{
    char text[SHELL_JOURNAL_LINE];
    va_list args;
    if (level < j->level)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    shell_journal_text(j, level, shell_now().wall_ms, text);
}
