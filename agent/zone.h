/* Zone: the clock on the wall of a place: the offset of every moment, and what moment a local time
 * means. Made from the bytes of a TZif file, so that nothing here reads a disk or the environment:
 * that is why it is none of the libraries that do (GLib, the C library itself).
 *
 * units    seconds since 1970 in UTC (`utc`), and the same count of the local clock's face
 *          (`local`: local midnight of 1970-01-01 is 0); offsets in seconds east of UTC
 * memory   one block from agent_zone_open to agent_zone_close
 * errors   MUSTER_EINVAL for bytes that are no TZif; MUSTER_EFULL without memory
 * threads  any, once open
 * source   RFC 9636 (TZif, versions 1 to 4); POSIX TZ strings for the time after the table's end
 */
#ifndef MUSTER_AGENT_ZONE_H
#define MUSTER_AGENT_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define AGENT_ZONE_NAME_MAX  64         /* bytes of "Europe/Berlin" with the NUL */
#define AGENT_ZONE_BYTES_MAX (64 << 10) /* of a TZif file */
#define AGENT_ZONE_NEVER     INT64_MAX

struct agent_zone; /* NULL stands for UTC in every call below */

/* Where zones come from: the open zone, which stays open, or NULL when there is none of that name.
 */
struct agent_zone_source {
    const struct agent_zone *(*find)(void *context, const char *name); /* NULL: UTC only */
    void *context;
};

MUSTER_MUST_USE int agent_zone_open(struct agent_zone **z, struct muster_bytes tzif);
void agent_zone_close(struct agent_zone *z);

int32_t agent_zone_offset(const struct agent_zone *z, int64_t utc);

/* The first moment after `utc` at which the offset changes; AGENT_ZONE_NEVER when there is none. */
int64_t agent_zone_next_change(const struct agent_zone *z, int64_t utc);

/* The first moment at which the local clock shows `local`. One that it skips (clocks go forward)
 * gives the moment of the change, when the clock shows the end of the gap. */
int64_t agent_zone_moment(const struct agent_zone *z, int64_t local);

/* A name that may stand behind a zoneinfo folder: letters, digits and "+-_/" and no "..". */
bool agent_zone_name_is_good(const char *name);

#endif
