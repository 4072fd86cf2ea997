/* Run id: what stands behind the colon in the name of a triggered run (agent/run_name.h).
 *     01J9ZQ3W5XK8T0M6B2R4N7C1DE     of a trigger without a key: its time, a count within the
 *                                    millisecond, luck; in the order in which they were made here
 *     k3f9…                          of a key: the same key, the same id, whoever is asked
 *
 * units    wall milliseconds
 * memory   written into the caller's text
 * errors   none
 * threads  any
 */
#ifndef MUSTER_AGENT_RUN_ID_H
#define MUSTER_AGENT_RUN_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define AGENT_RUN_ID 28 /* bytes of an id with its NUL */

void agent_run_id_new(uint64_t wall_ms, uint16_t count, uint64_t luck, char out[AGENT_RUN_ID]);
void agent_run_id_of_key(struct muster_bytes key, char out[AGENT_RUN_ID]);

bool agent_run_id_has_key(struct muster_bytes id);
/* Rises with the moment at which an id without a key was made; 0: it is none of ours. */
uint64_t agent_run_id_age(struct muster_bytes id);

#endif
