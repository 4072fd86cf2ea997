/* Preference list: the first R distinct nodes of a slot, zones apart where there are zones.
 *
 * With zones the list first takes the first node of each zone, in the order in which the zones
 * arrive, and then fills up in the order of the slot. Entry 0 is the slot's first node either way.
 *
 * memory   held by value
 * errors   none
 * threads  any
 */
#ifndef MUSTER_RING_PREFER_H
#define MUSTER_RING_PREFER_H

#include <stdint.h>

#include "ring/ring.h"
#include "ring/row.h"

struct ring_list {
    uint16_t node[RING_REPLICAS_MAX]; /* RING_NONE past the end */
};

struct ring_list ring_list_of_row(const struct ring_shape *s, const uint64_t *row);

#endif
