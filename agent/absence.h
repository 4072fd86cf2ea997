/* Absence: who is missing when a bucket has no keeper, as a sentence for people.
 *
 * memory   the caller's buffer
 * threads  the loop's only
 */
#ifndef MUSTER_AGENT_ABSENCE_H
#define MUSTER_AGENT_ABSENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/core.h"

#define AGENT_ABSENCE_MAX 256

/* "1 of 3 seats answers; bravo and charlie are missing since 12:04:31; `muster forget` if their
 * disks are gone". False when the bucket has a keeper, or nobody here can say. */
bool agent_absence(struct agent_core *core, uint32_t bucket, char *out, size_t size);

#endif
