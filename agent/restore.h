/* Restore: a job as it was in a backup, carried to the keeper of its name.
 *
 * What a backup brings back is a new life of the name in this cluster: its specification, whether
 * it was stopped, held or at its end, and how far its schedule had come. It is made where there is
 * no such job, and never changes one. No token of the former cluster comes back to life, nor one
 * that is lower: the keeper takes a reign above the floor that the backup names, and only then
 * writes.
 *
 * units    milliseconds of wall clocks
 * memory   `spec` is borrowed from what was decoded
 * errors   MUSTER_EINVAL and friends for what is no such value
 * threads  any
 */
#ifndef MUSTER_AGENT_RESTORE_H
#define MUSTER_AGENT_RESTORE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "store/row.h"
#include "store/version.h"

#define AGENT_RESTORE_HEAD      96 /* bytes besides the specification, at the most */
/* Floors end here, and the rounds above are left for elections to come. */
#define AGENT_RESTORE_ROUND_MAX (STORE_ROUND_MAX / 2)

enum agent_restore_as { AGENT_RESTORE_WAITING, AGENT_RESTORE_DONE, AGENT_RESTORE_DEAD };

struct agent_restore {
    struct muster_bytes spec; /* canonical JSON */
    enum store_want want;
    enum agent_restore_as as; /* of what has runs beside it: of no meaning */
    uint64_t created_wall_ms; /* 0: now */
    uint64_t tick_wall_ms;    /* the last tick that is decided on; 0: now, so that none is missed */
    uint32_t ticks, skipped;
    uint64_t token; /* of the former cluster none was higher; 0: not known */
};

/* What no token of the former cluster exceeds when `token` was its highest: with room for so many
 * keepers of each bucket since the backup was taken. */
#define AGENT_RESTORE_ROUNDS_SINCE 65536u
uint64_t agent_restore_floor(uint64_t token);

/* Into `out` of spec.len + AGENT_RESTORE_HEAD bytes. */
struct muster_bytes agent_restore_encode(const struct agent_restore *r, uint8_t *out);
MUSTER_MUST_USE int agent_restore_decode(struct agent_restore *r, struct muster_bytes wire);

#endif
