/* SPDX-License-Identifier: Apache-2.0 */
/* A node's darts, one after the other, and the search for the one that hits a slot. */
#include "ring/dart.h"

struct ring_thrower ring_thrower_of(const struct ring_entrant *e, uint16_t number)
{
    return (struct ring_thrower){
        .seed = e->nid + RING_DART_GOLDEN,
        .step = ring_dart_step(e->weight),
        .number = number,
        .weight = e->weight,
    };
}

uint64_t ring_dart_count(uint32_t weight, uint64_t time)
{
    return weight == 0 ? 0 : time / ring_dart_step(weight) + 1;
}

bool ring_dart_at(const struct ring_entrant *e, uint32_t bits, uint32_t slot, uint64_t from,
                  uint64_t before, uint64_t *time)
{
    uint64_t step = ring_dart_step(e->weight);
    uint64_t first = from / step;
    uint64_t limit = first + ((uint64_t)RING_DARTS_PER_SLOT_MAX << bits);

    for (uint64_t j = first; j < limit && j * step < before; j++) {
        uint64_t dart = ring_dart_mix(e->nid + RING_DART_GOLDEN * (j + 1));

        *time = j * step + ring_dart_delay(dart, step);
        if (ring_dart_slot(dart, bits) == slot && *time >= from)
            return *time < before;
    }
    return false;
}
