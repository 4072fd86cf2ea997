/* Build: the race run from its start, until every slot knows the nodes of its list and one more.
 *
 * All nodes throw their darts in windows of time. A row that is full at the end of a window is
 * closed and costs nothing afterwards; a node that stands in every open row throws no more. The
 * windows end when every row knows enough; how long a window is does not matter to the lists. The
 * one more is for the next node that dies: striking it must not wait for a race.
 *
 * With no more nodes than a row holds, each simply throws until it has hit every slot.
 *
 * memory   the table's own
 * errors   none
 * threads  the table's only
 */
#ifndef MUSTER_RING_BUILD_H
#define MUSTER_RING_BUILD_H

#include "ring/table.h"

/* Runs every row anew. */
void ring_build(struct ring_table *t, const struct ring_field *f);

/* Runs those rows anew that leavers have emptied: the same lists as ring_build would give them,
 * for the price of throwing the darts without catching most of them. */
void ring_build_repair(struct ring_table *t, const struct ring_field *f);

/* Enters a node into every row of a complete table, which stays complete. */
void ring_build_join(struct ring_table *t, uint16_t number);

#endif
