/* Out: what a step wants, kept in order until the shell has fetched it.
 *
 * Bytes and texts that effects point to are copied into blocks that live until the next step
 * begins.
 *
 * memory   blocks and the effect array grow to what the largest step needed and are kept;
 *          agent_out_close gives them back. Growth stops at AGENT_OUT_BYTES_MAX: a step that wants
 *          more is a bug of ours, not a stranger's doing.
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_OUT_H
#define MUSTER_AGENT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/effect.h"
#include "base/bytes.h"
#include "base/err.h"

#define AGENT_OUT_BLOCK     (256u << 10)
#define AGENT_OUT_BYTES_MAX (512u << 20)

struct agent_out_block {
    struct agent_out_block *next;
    size_t size;
    size_t used;
    uint8_t data[];
};

struct agent_out {
    struct agent_effect *effect;
    uint32_t count, size, fetched;
    struct agent_out_block *block; /* all, oldest first */
    struct agent_out_block *at;    /* the one being filled */
    size_t bytes;
};

MUSTER_MUST_USE int agent_out_open(struct agent_out *o);
void agent_out_close(struct agent_out *o);

/* A new step: everything handed out before is void. Every effect must have been fetched. */
void agent_out_begin(struct agent_out *o);

/* A fresh effect at the end of the queue, all zero but its kind. */
struct agent_effect *agent_out_add(struct agent_out *o, enum agent_effect_kind kind);
bool agent_out_next(struct agent_out *o, struct agent_effect *effect);

/* Memory that lives as long as the effects of this step, aligned to 16. */
void *agent_out_take(struct agent_out *o, size_t size);
struct muster_bytes agent_out_copy(struct agent_out *o, struct muster_bytes bytes);
const char *agent_out_text(struct agent_out *o, const char *text); /* NULL stays NULL */

/* A line for the agent's own log. */
void agent_out_log(struct agent_out *o, enum agent_log_level level, const char *format, ...)
    MUSTER_PRINTF(3, 4);

#endif
