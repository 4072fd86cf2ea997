/* Log view: a record of an output file as clients get it: a bare line, or a line of JSON
 *
 *     {"time":"2026-03-28T01:00:00.123Z","stream":"stdout","attempt":1,"partial":false,
 *      "text":"connected","offset":4711}
 *
 * memory   the caller's text
 * errors   kept in the text
 * threads  any
 */
#ifndef MUSTER_AGENT_LOGVIEW_H
#define MUSTER_AGENT_LOGVIEW_H

#include "agent/logline.h"
#include "base/text.h"

/* `next`: the offset behind the record, where a later read goes on. */
void agent_logview_json(struct muster_text *out, const struct agent_logline *record, uint64_t next);
/* A note of the guard's begins with who says it. */
void agent_logview_text(struct muster_text *out, const struct agent_logline *record);
/* Whether this record belongs to what was asked for: the guard's notes go with stderr. */
bool agent_logview_wants(const struct agent_logline *record, bool want_stdout, bool want_stderr);

#endif
