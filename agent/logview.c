/* SPDX-License-Identifier: Apache-2.0 */
/* Records of output for clients. */
#include "agent/logview.h"

#include "agent/json.h"

void agent_logview_json(struct muster_text *out, const struct agent_logline *record, uint64_t next)
{
    struct agent_json j;
    const char *name = record->stream == AGENT_LOGLINE_STDOUT   ? "stdout"
                       : record->stream == AGENT_LOGLINE_STDERR ? "stderr"
                                                                : "guard";
    agent_json_open(&j, out);
    agent_json_object(&j);
    agent_json_put_time(&j, "time", record->wall_ms);
    agent_json_put_text(&j, "stream", name);
    agent_json_put_u64(&j, "attempt", record->attempt);
    agent_json_put_bool(&j, "partial", record->is_partial);
    agent_json_put_bytes(&j, "text", MUSTER_BYTES(record->text, record->len));
    agent_json_put_u64(&j, "offset", next);
    agent_json_object_end(&j);
    muster_text_add_bytes(out, MUSTER_BYTES("\n", 1));
}

void agent_logview_text(struct muster_text *out, const struct agent_logline *record)
{
    if (record->stream == AGENT_LOGLINE_GUARD)
        muster_text_add(out, "[muster] ");
    muster_text_add_bytes(out, MUSTER_BYTES(record->text, record->len));
    if (!record->is_partial)
        muster_text_add_bytes(out, MUSTER_BYTES("\n", 1));
}

bool agent_logview_wants(const struct agent_logline *record, bool want_stdout, bool want_stderr)
{
    return record->stream == AGENT_LOGLINE_STDOUT ? want_stdout : want_stderr;
}
