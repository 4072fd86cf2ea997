/* Again: at rest two nodes beat the same beats each time, and only the hour is another. A frame of
 * beats, or of answers to them, that says what the last one of its kind on this link said travels
 * as a word, its kind and its hour; the far end puts the rest behind it out of its memory.
 *
 * A link carries every frame once and in order until it ends, so both ends remember the same. Each
 * link begins anew, and only towards those is anything left out who said in their hello that they
 * take it.
 *
 * memory   an arena for each kind and direction, as long as the frame, at most AGENT_AGAIN_MAX
 *          bytes; the owner forgets them when the link ends
 * errors   without memory frames travel whole; a word about what was never said is a fault
 * threads  the loop's only
 * source   docs/protocol.md, "Again (77)"
 */
#ifndef MUSTER_AGENT_AGAIN_H
#define MUSTER_AGENT_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define AGENT_AGAIN_KINDS 2           /* beats, and answers to them */
#define AGENT_AGAIN_MAX   (64u << 10) /* longer frames travel whole */
#define AGENT_AGAIN_WORD  16          /* bytes of a word, at most */
#define AGENT_AGAIN_HEAD  11          /* of what stands before that which is remembered, at most */

/* AGENT_AGAIN_HEAD free bytes, then what followed the hour. */
struct agent_again_frame {
    struct muster_arena room;
    size_t len; /* of the latter */
};

/* One direction of a link. */
struct agent_again {
    struct agent_again_frame last[AGENT_AGAIN_KINDS];
};

void agent_again_forget(struct agent_again *a);

/* A frame on its way out: itself, or a word in its place, which is written into `room`. */
struct muster_bytes agent_again_say(struct agent_again *a, struct muster_bytes frame,
                                    uint8_t room[AGENT_AGAIN_WORD]);

/* A frame that came in: itself, or what a word stands for, which lives until the next one comes.
 * MUSTER_ECORRUPT for a word that stands for nothing. */
MUSTER_MUST_USE int agent_again_hear(struct agent_again *a, struct muster_bytes frame,
                                     struct muster_bytes *whole);

#endif
