/* Inside of serve: what its files share. Only agent/serve*.c include it.
 *
 * memory   borrowed from the frame being served
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_SERVE_INSIDE_H
#define MUSTER_AGENT_SERVE_INSIDE_H

#include "agent/serve.h"
#include "base/text.h"

struct serve_ask {
    struct muster_id from;
    uint64_t number;
    bool is_local; /* answer with what is here, whoever keeps the row */
    const struct agent_request *q;
};

void serve_error(struct agent_core *core, const struct serve_ask *ask, int err, const char *field,
                 const char *format, ...) MUSTER_PRINTF(5, 6);
void serve_body(struct agent_core *core, const struct serve_ask *ask, struct muster_bytes body);

/* Our part of a list: items of [sort key, version, JSON]. */
void serve_list(struct agent_core *core, const struct serve_ask *ask);
/* One job, run, explanation or place, from the row at hand. */
void serve_read(struct agent_core *core, const struct serve_ask *ask,
                const struct store_view *view);

#endif
