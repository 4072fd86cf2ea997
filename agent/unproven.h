/* Unproven: connections whose far end did not prove that it is of this cluster, and why.
 *
 * The shell secures links (keys, or certificates of one CA); here it is asked whether a certificate
 * is for the node that uses it, and people are told of whoever failed, on either side: at most a
 * line in ten minutes for each host and reason, ten in a minute for all, and a problem in the
 * status as long as it goes on. None of it is a proof of death: the kernel over there took the
 * connection.
 *
 * units    milliseconds
 * memory   held by value: UNPROVEN_MAX hosts, the oldest goes
 * errors   none
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_UNPROVEN_H
#define MUSTER_AGENT_UNPROVEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"

#define UNPROVEN_MAX     8
#define UNPROVEN_TEXT    448
#define UNPROVEN_MS      60000  /* so long it counts as going on */
#define UNPROVEN_TELL_MS 600000 /* between two lines of the log */
#define UNPROVEN_LINES   10     /* of the log in UNPROVEN_MS, however many hosts there are */
#define UNPROVEN_CHANCES 3      /* what may be chance is told when it comes so often in a row */

struct agent_core;

struct unproven_host {
    struct muster_addr addr;
    uint64_t seen_ms, told_ms; /* 0: never */
    uint64_t why;              /* hash of the reason that was told */
    uint32_t chances;
};

struct agent_unproven {
    struct unproven_host host[UNPROVEN_MAX];
    char text[UNPROVEN_TEXT]; /* the latest */
    uint64_t until_ms;
    uint64_t lines_ms; /* since when `lines` are counted */
    uint32_t lines;
};

/* Whether this name of a node is among those of a certificate, each ended by a NUL. */
bool agent_unproven_has(struct muster_bytes names, struct muster_bytes name);

/* `who` is its name, NULL: only where it came from is known. `may_be_chance`: it said nothing of
 * the reason. */
void agent_unproven_add(struct agent_core *core, const char *who, struct muster_addr from,
                        struct muster_bytes why, bool may_be_chance);
/* It has proven itself now. */
void agent_unproven_clear(struct agent_core *core, struct muster_addr from);

/* For people, while it goes on; NULL: nobody. */
const char *agent_unproven_text(const struct agent_core *core);

#endif
