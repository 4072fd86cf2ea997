/* Holds of everything: an operator says on any node that nothing new is to start, of all jobs or of
 * those whose names begin alike, and it is so on every node that hears of it.
 *
 * What runs goes on; what would start waits: no run is placed, moved, taken over, claimed or tried
 * again, and no clock ticks. No row is changed, so that who was held by hand before still is when
 * everything is let go. Every node knows it by itself, on its disk and over restarts, and tells it
 * on whoever it is linked to; no quorum is asked, for this is for bad days. What to tell apart when
 * two say different things at once is in agent/hold_set.h.
 *
 * memory   AGENT_HOLDS_MAX words
 * errors   a word that this node's disk refuses is obeyed as long as the agent lives, and said so
 * threads  the loop's only
 * source   product reference, section 6, `hold` and `release`
 */
#ifndef MUSTER_AGENT_HOLDS_H
#define MUSTER_AGENT_HOLDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/core.h"
#include "agent/hold_set.h"

MUSTER_MUST_USE int agent_holds_open(struct agent_core *core);
void agent_holds_close(struct agent_core *core);
/* From table meta, at boot; other keys are ignored. */
void agent_holds_load(struct agent_core *core, struct muster_bytes key, struct muster_bytes value);

/* Nothing new of the job or run of that name may start. */
bool agent_holds_has(const struct agent_core *core, struct muster_bytes key);
/* Why, for people; false: it may. */
bool agent_holds_text(const struct agent_core *core, struct muster_bytes key, char *out,
                      size_t size);
const struct agent_hold_set *agent_holds_set(const struct agent_core *core);
/* "holds": all words, within an object. */
struct agent_json;
void agent_holds_json(const struct agent_hold_set *s, struct agent_json *j);

/* What a client says (name: hold, release or list; prefix), as it is sent to all nodes: numbered.
 * MUSTER_OK, or why not, with a sentence. */
MUSTER_MUST_USE int agent_holds_ask(struct agent_core *core, struct agent_request *q,
                                    const char **message);
/* Our row of the answer, once the word is on disk. */
void agent_holds_serve(struct agent_core *core, const struct serve_ask *ask);
/* True when that note was ours. */
bool agent_holds_noted(struct agent_core *core, uint64_t cookie, int err);

/* Between peers. */
void agent_holds_tell(struct agent_core *core, uint32_t link);
void agent_holds_got(struct agent_core *core, struct muster_reader *r);

#endif
