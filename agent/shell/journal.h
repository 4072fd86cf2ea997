/* Journal: the agent's own lines on standard error, as text or as JSON, for people, files or
 * journald.
 *
 *     2026-03-28T01:00:00.000Z INFO node alpha starts, boot 4
 *     {"time":"2026-03-28T01:00:00.000Z","level":"info","message":"node alpha starts, boot 4"}
 *
 * Under journald, which has a clock of its own, a text line begins with its `<N>` instead of the
 * time. Bytes that a terminal or a parser could take for something else are shown as \xNN: names in
 * a line may come from strangers.
 *
 * A reader that does not read (a stopped terminal, a full pipe) costs lines, never the loop's time.
 *
 * units    bytes; milliseconds since 1970
 * memory   held by value; a line of at most SHELL_JOURNAL_LINE bytes on the stack, longer ones are
 *          cut
 * errors   lines that could not be written are counted, and their number is said later
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SHELL_JOURNAL_H
#define MUSTER_AGENT_SHELL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/effect.h"
#include "base/err.h"

#define SHELL_JOURNAL_LINE 2048 /* bytes: well below what a pipe takes at once */

struct shell_journal {
    enum agent_log_level level; /* lines below are not written */
    bool is_json;
    bool is_journal;
    int fd;
    uint64_t lost;
};

/* `fd` is standard error but in tests; `journal` is the value of JOURNAL_STREAM, or NULL. */
void shell_journal_open(struct shell_journal *j, int fd, const char *journal);
void shell_journal(struct shell_journal *j, enum agent_log_level level, const char *format, ...)
    MUSTER_PRINTF(3, 4);
void shell_journal_text(struct shell_journal *j, enum agent_log_level level, uint64_t wall_ms,
                        const char *text);

#endif
