/* Trace: what a core did, as lines in a ring that is printed on demand, and one hash over all of
 * them.
 *
 * The ring keeps the newest lines; the hash covers every line ever added, so two runs of one seed
 * can be compared by a single number.
 *
 * units    milliseconds of whatever clock the owner goes by
 * memory   one array from the owner's arena
 * threads  one user each
 */
#ifndef MUSTER_BASE_TRACE_H
#define MUSTER_BASE_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"

#define MUSTER_TRACE_LINE 160 /* bytes with the NUL; longer lines are cut */

struct muster_trace {
    char (*line)[MUSTER_TRACE_LINE];
    uint32_t capacity;
    uint64_t count; /* lines ever added */
    uint64_t hash;
};

MUSTER_MUST_USE int muster_trace_init(struct muster_trace *t, struct muster_arena *a,
                                      uint32_t capacity);
void muster_trace_add(struct muster_trace *t, uint64_t now_ms, const char *format, ...)
    MUSTER_PRINTF(3, 4);
void muster_trace_print(const struct muster_trace *t, FILE *out);

#endif
