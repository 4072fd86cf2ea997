/* SPDX-License-Identifier: Apache-2.0 */
/* The spill rule: the first who is alive and not full. */
#include "ring/load.h"

static bool view_fits(const struct ring_load_view *view, uint16_t node, uint32_t units)
{
    return view->is_alive[node] && (uint64_t)view->used[node] + units <= view->capacity[node];
}

struct ring_load_choice ring_load_choose(const struct ring *r, struct muster_bytes key,
                                         const struct ring_load_view *view, uint32_t units)
{
    uint16_t order[RING_ORDER_MAX];
    uint32_t n = ring_order(r, ring_slot(r, key), order);

    for (uint32_t i = 0; i < n; i++)
        if (view_fits(view, order[i], units))
            return (struct ring_load_choice){ order[i], RING_LOAD_ORDER, i };
    for (uint32_t i = 1; n > 0 && i <= RING_DRAWS; i++) {
        uint16_t node = ring_draw(r, key, i);

        if (view_fits(view, node, units))
            return (struct ring_load_choice){ node, RING_LOAD_DRAW, i };
    }
    return (struct ring_load_choice){ RING_NONE, RING_LOAD_WAITS, 0 };
}
