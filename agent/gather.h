/* Gather: one list put together from the parts that many nodes send.
 *
 * Parts are arrays of [sort key, version, JSON] in key order; of equal keys the highest version
 * wins. A part says up to which key it goes when there is more behind it, and the list goes no
 * further than the shortest of them: what another node has beyond comes with the next page. Whoever
 * is waited for is noted, so that the last answer ends the wait.
 *
 * memory   copies of the parts, at most AGENT_GATHER_PARTS of them, until closed
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_GATHER_H
#define MUSTER_AGENT_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/id.h"
#include "base/text.h"

#define AGENT_GATHER_PARTS 4096

struct agent_gather; /* opaque */

struct agent_gather *agent_gather_open(void); /* NULL without memory */
void agent_gather_close(struct agent_gather *g);
void agent_gather_expect(struct agent_gather *g, struct muster_id node);
/* A node's part, or nothing from it (empty): either way it is not waited for any more. A part that
 * does not decode counts as empty. */
void agent_gather_add(struct agent_gather *g, struct muster_id node, struct muster_bytes part);
bool agent_gather_is_complete(const struct agent_gather *g);

/* {"items":[...],"next":key or null}: the first `limit` items, or the last when `newest`. With a
 * `next` there may be fewer, and none. */
void agent_gather_print(struct agent_gather *g, uint32_t limit, bool newest,
                        struct muster_text *out);
/* The items as they were sent, one behind the other. */
void agent_gather_join(const struct agent_gather *g, struct muster_text *out);
/* The text of the item with the highest version; of several the last whose key is not that of a
 * tail, which is less than the whole. False when there is none. */
#define AGENT_GATHER_TAIL "tail"
bool agent_gather_best(const struct agent_gather *g, char *out, size_t size);

#endif
