/* Log line: one record of a run's output file, written by its guard and read by every agent.
 *
 * An output file is text, a record per line, and can be read from any byte: a newline ends a record
 * and stands nowhere else, so a reader dropped in the middle goes on after the next newline.
 *
 *     #muster-log v=1 base=0 token=7 attempt=1 keep=2592000 run=market/ticker
 *     1774659600123 o 1 F connected to 3 venues
 *     1774659600131 e 1 P a line longer than AGENT_LOGLINE_TEXT_MAX comes in pieces, each but
 *     1774659600131 e 1 F the last marked P
 *
 * The columns: milliseconds since 1970; `o` stdout, `e` stderr, `g` a note of the guard; attempt;
 * `F` the record ends its line or `P` the line goes on in the next record of its stream; then the
 * bytes of the line as they came, whatever they are.
 *
 * A file begins with a head. Its `base` is the offset of that first byte within all the output of
 * the attempt: when a full file is rotated, the next one starts where it ended. Offsets that
 * readers keep count from the beginning of the attempt and so survive a rotation.
 *
 * units    milliseconds since 1970, bytes
 * errors   a line that is no record is refused; readers skip it
 * threads  any
 */
#ifndef MUSTER_AGENT_LOGLINE_H
#define MUSTER_AGENT_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_LOGLINE_TEXT_MAX 8192 /* bytes of text in one record */
#define AGENT_LOGLINE_HEAD_MAX 48   /* bytes before the text */
#define AGENT_LOGLINE_MAX      (AGENT_LOGLINE_HEAD_MAX + AGENT_LOGLINE_TEXT_MAX + 1)
#define AGENT_LOGHEAD_MAX      512    /* bytes of a file's first line with its newline */
#define AGENT_LOG_OLDER        ".old" /* added to a file's name when it is rotated away */

enum agent_logline_stream {
    AGENT_LOGLINE_STDOUT = 'o',
    AGENT_LOGLINE_STDERR = 'e',
    AGENT_LOGLINE_GUARD = 'g'
};

struct agent_logline {
    uint64_t wall_ms;
    enum agent_logline_stream stream;
    uint32_t attempt;
    bool is_partial;
    const char *text; /* not terminated */
    size_t len;
};

/* Writes what stands before the text (at most AGENT_LOGLINE_HEAD_MAX bytes, no NUL); its length. */
size_t agent_logline_head(char *out, uint64_t wall_ms, enum agent_logline_stream stream,
                          uint32_t attempt, bool is_partial);

/* Reads one line without its newline; the text points into it. */
bool agent_logline_parse(struct agent_logline *record, const char *line, size_t len);

/* Writes a file's first line with its newline; its length. `keep_s`: how long the file stays when
 * its attempt has ended; 0: it does not say. */
size_t agent_loghead_write(char *out, uint64_t base, uint64_t token, uint32_t attempt,
                           uint64_t keep_s, const char *run);
uint64_t agent_loghead_keep_s(const char *line, size_t len);

/* Reads the base from a file's first line (without its newline). */
bool agent_loghead_parse(uint64_t *base, const char *line, size_t len);

#endif
