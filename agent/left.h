/* Left: what a run leaves behind, as rows beside its own.
 *
 * The row of a run is small and often written; what the run leaves (its checkpoint, result,
 * messages, the end of its output) lies in rows of the same bucket under the run's key and `!c`,
 * `!r`, `!m`, `!o`; what is larger than one row goes on in `!c.1` and so on, all written at once.
 * They are replicated as any row is, vanish with the run they belong to, and are no jobs.
 *
 * units    milliseconds of wall time; bytes
 * memory   decoded values borrow
 * errors   as base/wire.h
 * threads  any
 */
#ifndef MUSTER_AGENT_LEFT_H
#define MUSTER_AGENT_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/launch.h"
#include "base/bytes.h"
#include "base/text.h"
#include "store/row.h"

#define AGENT_LEFT_PART         60000u /* bytes in one row */
#define AGENT_LEFT_PARTS        5      /* so many rows hold AGENT_LEFT_MAX */
#define AGENT_LEFT_HEAD         64     /* bytes before them in its spec */
#define AGENT_LEFT_MESSAGES_MAX 100    /* of a run, over all its attempts */

/* Which writing of which run it is. */
struct agent_left_head {
    uint64_t uid;   /* of the life of the job it belongs to */
    uint64_t token; /* of the placement that left it, */
    uint32_t attempt;
    uint64_t number; /* and which of its writings: a higher one is newer */
    uint64_t wall_ms;
    uint32_t size; /* of the whole */
};

bool agent_left_is(struct muster_bytes key); /* no job, but what a run has left */
struct muster_bytes agent_left_owner(struct muster_bytes key);
/* The key of a part, in `out` of STORE_KEY_MAX + 1 bytes; empty when the owner's name is too long.
 */
struct muster_bytes agent_left_key(char *out, struct muster_bytes owner, enum agent_left kind,
                                   uint32_t part);

/* One part as the spec of its row, in `out` of AGENT_LEFT_PART + AGENT_LEFT_HEAD bytes. */
struct muster_bytes agent_left_encode(uint8_t *out, const struct agent_left_head *head,
                                      struct muster_bytes part);
MUSTER_MUST_USE int agent_left_decode(struct agent_left_head *head, struct muster_bytes *part,
                                      struct muster_bytes spec);

/* Messages are lines `TIME TOKEN ATTEMPT NODE TEXT`. Those of one attempt, which its guard tells as
 * lines `TIME TEXT`, take the place of what was there of that attempt; the last hundred stay. */
void agent_left_merge(struct muster_text *out, struct muster_bytes old,
                      const struct agent_left_head *head, const char *node,
                      struct muster_bytes fresh);

/* The end of an output: a line `#NODE`, then records (agent/logline.h), whole ones from the last of
 * `max` bytes. So much of each run is kept where there are that many rows. */
#define AGENT_LEFT_OUTPUT_MAX   65536u
#define AGENT_LEFT_OUTPUT_MIN   1024u
#define AGENT_LEFT_OUTPUT_TOTAL (64u << 20) /* bytes, as long as each may have the least */
uint32_t agent_left_output_max(uint32_t rows);
void agent_left_output(struct muster_text *out, const char *node, struct muster_bytes records,
                       uint32_t max);
/* Takes the node's name off. */
struct muster_bytes agent_left_output_node(struct muster_bytes *output);

struct agent_left_message {
    uint64_t wall_ms, token, attempt;
    struct muster_bytes node, text;
};
/* Takes the first line off `lines`; false when there is none. */
bool agent_left_message(struct muster_bytes *lines, struct agent_left_message *m);

#endif
