/* Wish: what a job asks of the node that is to run it, beyond slots: `on`, `prefer`, `spread_by`;
 * and how it moves.
 *
 * A wish is read from the spec that a row carries. Most jobs have none, and for those a look for
 * the words in the spec is all it costs. The placer keeps one wish for all jobs that say the same.
 *
 * memory   a wish is shared and counted; the shelf owns them all
 * errors   a spec that cannot be read, or says what this build cannot read, has a wish that no node
 *          fulfils: what is not understood is not run where it may not be
 * threads  the loop's only
 * source   docs/design.md "Placement"
 */
#ifndef MUSTER_AGENT_WISH_H
#define MUSTER_AGENT_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/apart.h"
#include "agent/match.h"
#include "base/bytes.h"
#include "store/row.h"

#define AGENT_WISH_SHELF 256
#define AGENT_WISH_SEEN  64
#define AGENT_WISH_TAG   65

struct agent_wish {
    struct agent_wish *next; /* on the shelf */
    uint64_t hash;           /* of what it says */
    uint32_t users;
    bool has_on, has_prefer;
    bool is_eager;     /* follows the ring */
    bool is_kept;      /* waits where it is for the next agent when its own is stopped */
    bool is_fixed;     /* is not moved for the sake of balance */
    bool is_now;       /* where no node is like that it does not wait for one */
    bool starts_first; /* what is moved or changed goes on until the next run is ready */
    struct agent_match on, prefer;
    char spread_by[AGENT_WISH_TAG]; /* a tag's name; "": none */
    char group[STORE_KEY_MAX + 1];  /* the row of its group (agent/permit.h); "": none */
    uint32_t max_running;
    char apart[AGENT_APART_MAX + 1]; /* "": from nobody */
};

/* What a spec that was read lately asks for, by a hash of all of it. */
struct agent_wish_seen {
    uint64_t spec;
    uint64_t wish; /* the hash of what it says */
    bool is_used, is_none;
};

struct agent_wishes {
    struct agent_wish *shelf[AGENT_WISH_SHELF];
    struct agent_wish_seen seen[AGENT_WISH_SEEN];
};

/* The wish of a spec in canonical JSON, NULL when it has none; drop gives it back. */
const struct agent_wish *agent_wish_take(struct agent_wishes *w, struct muster_bytes spec);
void agent_wish_drop(struct agent_wishes *w, const struct agent_wish *wish);
void agent_wishes_close(struct agent_wishes *w); /* those still taken too */

/* True for a wish of NULL. */
bool agent_wish_allows(const struct agent_wish *wish, const struct agent_facts *node);
bool agent_wish_prefers(const struct agent_wish *wish, const struct agent_facts *node);

#endif
